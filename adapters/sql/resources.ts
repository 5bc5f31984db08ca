// What members hold on the host: sites and mailboxes, and the logins into mailboxes.
import type { Knex } from 'knex'
import type { Login, Resource, ResourceStore } from '../../src/ports.ts'
import { exactly } from './exactly.ts'
import type { Rows, SqlRow } from './rows.ts'

const loginsSql = `select id, mailbox_id as mailboxId, account_id as accountId, name, created_at as createdAt from login
  where account_id = ? and removed_at is null order by created_at, name`
const loginsIn = (found: SqlRow[]): Login[] => found as unknown as Login[]

export const resourceStore = (knex: Knex, rows: Rows): ResourceStore => ({
  add: async (resource) => {
    await knex('resource').insert(resource)
  },
  get: async (id) => exactly<Resource>(await knex('resource').where({ id }).first(), { id }),
  byName: async (kind, name) => exactly<Resource>(await knex('resource').where({ kind, name }).first(), { name }),
  list: (kind) => knex('resource').where({ kind }).whereNull('removedAt').orderBy('name'),
  ofMember: (memberId) => knex('resource').where({ memberId }).whereNull('removedAt').orderBy('name'),
  remove: async (id, removedAt) => {
    await knex('resource').where({ id }).update({ removedAt })
  },
  addLogin: async (login) => {
    await knex('login').where({ name: login.name }).whereNotNull('removedAt').delete()
    await knex('login').insert(login)
  },
  loginsOf: async (accountId) => [...(await rows(loginsIn, [loginsSql, [accountId]]))],
  loginsInto: (mailboxId) => knex('login').where({ mailboxId }).whereNull('removedAt').orderBy('name'),
  removeLogin: async (id, removedAt) => {
    await knex('login').where({ id }).whereNull('removedAt').update({ removedAt })
  },
})
