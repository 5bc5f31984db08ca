// Accounts, and whom they belong to: affiliations with members, staff roles, groups.
import type { Knex } from 'knex'
import type { Account, AccountStore, PeopleStore } from '../../src/ports.ts'
import { escapeLike } from './like.ts'

/** MariaDB pads trailing spaces when it compares: only the exact name counts. */
const exactly = <K extends keyof Account>(key: K, value: Account[K], found: Account | undefined): Account | undefined => (found?.[key] === value ? found : undefined)

export const accountStore = (knex: Knex): AccountStore => ({
  add: async (account) => {
    await knex('account').insert(account)
  },
  update: async ({ id, ...account }) => {
    await knex('account').where({ id }).update(account)
  },
  get: async (id) => exactly('id', id, await knex('account').where({ id }).first()),
  byUsername: async (username) => exactly('username', username, await knex('account').where({ username }).first()),
  byEmail: async (email) => (await knex('account').where({ email })).filter((account: Account) => account.email === email),
  byDirectoryKey: async (directoryKey) => exactly('directoryKey', directoryKey, await knex('account').where({ directoryKey }).first()),
  list: ({ text, state, limit = 1000, afterId = '' }) => {
    const query = knex('account').where('id', '>', afterId)
    if (state) query.where({ state })
    if (text) {
      const like = escapeLike(text)
      query.where((any) => any.whereRaw("username like ? escape '!'", like).orWhereRaw("lower(name) like ? escape '!'", like).orWhereRaw("email like ? escape '!'", like))
    }
    return query.orderBy('id').limit(limit)
  },
  signedIn: async (id, lastSignInAt) => {
    await knex('account').where({ id }).update({ lastSignInAt })
    await knex('account').where({ id, state: 'invited' }).update({ state: 'active' })
  },
  remove: async (id) => {
    for (const table of ['affiliation', 'staffRole', 'accountGroup', 'password', 'totp', 'recoveryCode', 'consent', 'login']) await knex(table).where({ accountId: id }).delete()
    await knex('account').where({ id }).delete()
  },
})

export const peopleStore = (knex: Knex): PeopleStore => ({
  affiliate: async (affiliation) => {
    await knex('affiliation').insert(affiliation).onConflict(['accountId', 'memberId']).merge(['role'])
  },
  affiliationsOf: (accountId) => knex('affiliation').where({ accountId }),
  accountsOf: (memberId) => knex('affiliation').where({ memberId }),
  disaffiliate: async (accountId, memberId) => {
    await knex('affiliation').where({ accountId, memberId }).delete()
  },
  staffRoles: (accountId) => knex('staffRole').where({ accountId }).orderBy('role').pluck('role'),
  setStaffRoles: async (accountId, roles, grantedBy, grantedAt) => {
    await knex('staffRole').where({ accountId }).delete()
    if (roles.length > 0) await knex('staffRole').insert(roles.map((role) => ({ accountId, role, grantedBy, grantedAt })))
  },
  countStaff: async (role) => Number((await knex('staffRole').where({ role }).count({ n: '*' }).first())?.n ?? 0),
  groups: (accountId) => knex('accountGroup').where({ accountId }).orderBy('name').pluck('name'),
  setGroups: async (accountId, groups) => {
    await knex('accountGroup').where({ accountId }).delete()
    if (groups.length > 0) await knex('accountGroup').insert([...new Set(groups)].map((name) => ({ accountId, name })))
  },
})
