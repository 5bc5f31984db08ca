// Accounts, and whom they belong to: affiliations with members, staff roles, groups.
import type { Knex } from 'knex'
import type { Account, AccountStore, PeopleStore } from '../../src/ports.ts'
import type { Database } from './database.ts'
import { exactly } from './exactly.ts'
import { escapeLike } from './like.ts'
import type { Rows, SqlRow } from './rows.ts'

export const accountStore = (knex: Knex): AccountStore => ({
  add: async (account) => {
    await knex('account').insert(account)
  },
  update: async ({ id, ...account }) => {
    await knex('account').where({ id }).update(account)
  },
  get: async (id) => exactly<Account>(await knex('account').where({ id }).first(), { id }),
  byUsername: async (username) => exactly<Account>(await knex('account').where({ username }).first(), { username }),
  byEmail: async (email) =>
    (await knex('account').where({ email }).orderBy('id')).filter((account: Account) => account.email === email),
  byDirectoryKey: async (directoryKey) =>
    exactly<Account>(await knex('account').where({ directoryKey }).first(), { directoryKey }),
  list: ({ text, state, staff, limit = 1000, afterId = '', offset }) => {
    const query = knex('account').where('id', '>', afterId)
    if (state) query.where({ state })
    if (staff) query.whereIn('id', knex('staffRole').where({ role: staff }).select('accountId'))
    if (text) {
      const like = escapeLike(text)
      query.where((any) =>
        any
          .whereRaw("username like ? escape '!'", like)
          .orWhereRaw("lower(name) like ? escape '!'", like)
          .orWhereRaw("lower(email) like ? escape '!'", like),
      )
    }
    return offset === undefined
      ? query.orderBy('id').limit(limit)
      : query.orderBy('username').limit(limit).offset(offset)
  },
  signedIn: async (id, lastSignInAt) => {
    const state = knex.raw("case state when 'invited' then 'active' else state end")
    await knex('account').where({ id }).update({ lastSignInAt, state })
  },
  remove: async (id) => {
    for (const table of [
      'affiliation',
      'staffRole',
      'accountGroup',
      'password',
      'totp',
      'recoveryCode',
      'appPassword',
      'consent',
      'login',
      'ticket',
      'accessOverride',
    ])
      await knex(table).where({ accountId: id }).delete()
    await knex('clientRole').where({ subjectKind: 'account', subject: id }).delete()
    await knex('account').where({ id }).delete()
  },
})

const groupsSql = 'select name from account_group where account_id = ? order by name'
const namesIn = (found: SqlRow[]): string[] => found.map(({ name }) => String(name))

export const peopleStore = (knex: Knex, rows: Rows, kind: Database['kind']): PeopleStore => ({
  affiliate: async (affiliation) => {
    await knex('affiliation').insert(affiliation).onConflict(['accountId', 'memberId']).merge(['role'])
  },
  affiliationsOf: (accountId) => knex('affiliation').where({ accountId }).orderBy('createdAt').orderBy('memberId'),
  accountsOf: async (memberId) => {
    // Whoever changes who is there reads it first, and does so alone. SQLite has one writer anyway.
    if (kind === 'mysql' && knex.isTransaction) await knex('member').where({ id: memberId }).forUpdate().select('id')
    return knex('affiliation').where({ memberId }).orderBy('createdAt').orderBy('accountId')
  },
  disaffiliate: async (accountId, memberId) => {
    await knex('affiliation').where({ accountId, memberId }).delete()
  },
  staffRoles: (accountId) => knex('staffRole').where({ accountId }).orderBy('role').pluck('role'),
  setStaffRoles: async (accountId, roles, grantedBy, grantedAt) => {
    await knex('staffRole').where({ accountId }).delete()
    if (roles.length > 0)
      await knex('staffRole').insert([...new Set(roles)].map((role) => ({ accountId, role, grantedBy, grantedAt })))
  },
  countStaff: async (role) => {
    const open = knex('staffRole').join('account', 'account.id', 'staffRole.accountId').whereNot({ state: 'closed' })
    return Number((await open.where({ role }).count({ n: '*' }).first())?.n ?? 0)
  },
  groups: async (accountId) => [...(await rows(namesIn, [groupsSql, [accountId]]))],
  setGroups: async (accountId, groups) => {
    await knex('accountGroup').where({ accountId }).delete()
    const rows = [...new Set(groups)].map((name) => ({ accountId, name }))
    // SQLite takes 500 rows in one statement.
    for (let from = 0; from < rows.length; from += 100) await knex('accountGroup').insert(rows.slice(from, from + 100))
  },
})
