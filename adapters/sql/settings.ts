// Small things: settings of the installation, signing keys, remembered consents.
import type { Knex } from 'knex'
import type { ConsentStore, KeyStore, SettingStore } from '../../src/ports.ts'
import type { Database } from './database.ts'
import { exactly } from './exactly.ts'

type SettingRow = { name: string; value: string }

export const settingStore = (knex: Knex): SettingStore => ({
  get: async (name) => exactly<SettingRow>(await knex('setting').where({ name }).first(), { name })?.value,
  set: async (name, value) => {
    if (value === undefined) await knex('setting').where({ name }).delete()
    else await knex('setting').insert({ name, value }).onConflict('name').merge()
  },
  names: async (prefix) =>
    (await knex('setting').orderBy('name').pluck('name')).filter((name: string) => name.startsWith(prefix)),
})

export const keyStore = (knex: Knex): KeyStore => ({
  list: () => knex('signingKey').orderBy('createdAt').orderBy('kid'),
  add: async (key) => {
    await knex('signingKey').insert(key)
  },
  setState: async (kid, state, changedAt) => {
    await knex('signingKey').where({ kid }).update({ state, changedAt })
  },
  remove: async (kid) => {
    await knex('signingKey').where({ kid }).delete()
  },
})

type ConsentRow = { accountId: string; clientId: string; scopes: string; givenAt: number }
const read = ({ clientId, scopes, givenAt }: ConsentRow) => ({
  clientId,
  scopes: scopes.split(' ').filter(Boolean),
  at: givenAt,
})

export const consentStore = (knex: Knex, kind: Database['kind']): ConsentStore => ({
  get: async (accountId, clientId) => {
    // Whoever adds to what was consented reads it first, and does so alone. SQLite has one writer anyway.
    if (kind === 'mysql' && knex.isTransaction) await knex('account').where({ id: accountId }).forUpdate().select('id')
    const row = exactly<ConsentRow>(await knex('consent').where({ accountId, clientId }).first(), {
      accountId,
      clientId,
    })
    return row && { scopes: read(row).scopes, at: row.givenAt }
  },
  list: async (accountId) => (await knex('consent').where({ accountId }).orderBy('clientId')).map(read),
  put: async (accountId, clientId, scopes, givenAt) => {
    await knex('consent')
      .insert({ accountId, clientId, scopes: [...new Set(scopes)].join(' '), givenAt })
      .onConflict(['accountId', 'clientId'])
      .merge()
  },
  withdraw: async (accountId, clientId) => {
    await knex('consent').where({ accountId, clientId }).delete()
  },
})
