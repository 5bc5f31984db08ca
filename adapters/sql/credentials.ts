// Credentials and the one-time links that set them. What must be used once is used up by one conditional update.
import type { Knex } from 'knex'
import type { CredentialStore, TicketStore } from '../../src/ports.ts'

export const credentialStore = (knex: Knex): CredentialStore => ({
  password: async (accountId) => (await knex('password').where({ accountId }).first())?.phc,
  setPassword: async (accountId, phc, changedAt) => {
    await knex('password').insert({ accountId, phc, changedAt }).onConflict('accountId').merge()
  },
  totp: async (accountId) => {
    const row = await knex('totp').where({ accountId }).first()
    return row && { sealedSecret: row.sealedSecret, confirmed: Boolean(row.confirmed) }
  },
  setTotp: async (accountId, sealedSecret, confirmed, changedAt) => {
    await knex('totp')
      .insert({ accountId, sealedSecret, confirmed: Number(confirmed), lastStep: 0, changedAt })
      .onConflict('accountId')
      .merge(['sealedSecret', 'confirmed', 'changedAt'])
  },
  removeTotp: async (accountId) => {
    await knex('totp').where({ accountId }).delete()
    await knex('recoveryCode').where({ accountId }).delete()
  },
  burnStep: async (accountId, step) =>
    (await knex('totp').where({ accountId }).where('lastStep', '<', step).update({ lastStep: step })) === 1,
  setRecoveryCodes: async (accountId, digests, createdAt) => {
    await knex('recoveryCode').where({ accountId }).delete()
    if (digests.length > 0)
      await knex('recoveryCode').insert([...new Set(digests)].map((digest) => ({ accountId, digest, createdAt })))
  },
  burnRecoveryCode: async (accountId, digest, usedAt) =>
    (await knex('recoveryCode').where({ accountId, digest }).whereNull('usedAt').update({ usedAt })) === 1,
})

export const ticketStore = (knex: Knex): TicketStore => ({
  add: async (digest, ticket) => {
    await knex('ticket').insert({ digest, ...ticket })
  },
  get: (digest) =>
    knex('ticket').where({ digest }).select('kind', 'accountId', 'createdAt', 'expiresAt', 'usedAt').first(),
  burn: async (digest, usedAt) =>
    (await knex('ticket').where({ digest }).whereNull('usedAt').where('expiresAt', '>', usedAt).update({ usedAt })) ===
    1,
  giveBack: async (digest) => {
    await knex('ticket').where({ digest }).update({ usedAt: null })
  },
  burnAll: async (accountId, usedAt) => {
    await knex('ticket').where({ accountId }).whereNull('usedAt').update({ usedAt })
  },
  sweep: async (before) => {
    await knex('ticket').where('expiresAt', '<', before).delete()
  },
})
