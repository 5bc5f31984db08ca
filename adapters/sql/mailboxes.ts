// Mailboxes' quotas and former passwords, aliases' targets, sites' logins, and who may not send.
import type { Knex } from 'knex'
import type { Mailbox, MailboxStore, Quarantine, QuarantineStore, SiteLogin } from '../../src/ports.ts'
import { exactly } from './exactly.ts'
import { endingLike } from './like.ts'

const addresses = (knex: Knex) => knex('resource').whereIn('kind', ['mailbox', 'alias']).whereNull('removedAt')

export const mailboxStore = (knex: Knex): MailboxStore => ({
  put: async (mailbox) => {
    await knex('mailbox').insert(mailbox).onConflict('resourceId').merge()
  },
  get: async (resourceId) => exactly<Mailbox>(await knex('mailbox').where({ resourceId }).first(), { resourceId }),
  targets: (resourceId) => knex('aliasTarget').where({ resourceId }).orderBy('address').pluck('address'),
  setTargets: async (resourceId, targets) => {
    await knex('aliasTarget').where({ resourceId }).delete()
    if (targets.length > 0) await knex('aliasTarget').insert(targets.map((address) => ({ resourceId, address })))
  },
  siteLogin: async (siteId) => exactly<SiteLogin>(await knex('siteLogin').where({ siteId }).first(), { siteId }),
  setSiteLogin: async (login) => {
    await knex('siteLogin').insert(login).onConflict('siteId').merge()
  },
  removeSiteLogin: async (siteId) => {
    await knex('siteLogin').where({ siteId }).delete()
  },
  domains: async () => {
    const rows: { domain: string }[] = await addresses(knex)
      .distinct(knex.raw("substr(name, instr(name, '@') + 1) as domain"))
      .orderBy('domain')
    return rows.map(({ domain }) => domain)
  },
  hasDomain: async (domain) =>
    (await addresses(knex)
      .whereRaw("name like ? escape '!'", [endingLike(`@${domain}`)])
      .first('id')) !== undefined,
})

export const quarantineStore = (knex: Knex): QuarantineStore => {
  const open = () => knex<Quarantine>('quarantine').whereNull('liftedAt')
  const ofLogin = async (login: string) =>
    exactly<Quarantine>(await open().where({ login }).orderBy('startedAt').first(), { login })
  return {
    begin: async (quarantine) => {
      if (await ofLogin(quarantine.login)) return false
      await knex('quarantine').insert(quarantine)
      return true
    },
    get: async (id) => exactly<Quarantine>(await knex('quarantine').where({ id }).first(), { id }),
    ofLogin,
    lastLiftedAt: async (login) => {
      const lifted = knex<Quarantine>('quarantine').whereNotNull('liftedAt')
      return (
        exactly<Quarantine>(await lifted.where({ login }).orderBy('liftedAt', 'desc').first(), { login })?.liftedAt ??
        undefined
      )
    },
    open: async () => (await open().orderBy('startedAt', 'desc').orderBy('id')) as Quarantine[],
    lift: async (id, liftedAt, liftedBy) => (await open().where({ id }).update({ liftedAt, liftedBy })) === 1,
  }
}
