// App passwords, as digests. A revoked one stays as a row, so that the audit's id leads to it; no look-up finds it.
import type { Knex } from 'knex'
import type { AppPassword, AppPasswordStore } from '../../src/ports.ts'
import { exactly } from './exactly.ts'

type Row = Omit<AppPassword, 'scopes'> & { scopes: string }
const read = ({ scopes, ...row }: Row): AppPassword => ({ ...row, scopes: scopes.split(' ') as AppPassword['scopes'] })

export const appPasswordStore = (knex: Knex): AppPasswordStore => {
  const live = () => knex<Row>('appPassword').whereNull('revokedAt')
  return {
    add: async ({ scopes, ...row }) => {
      await knex('appPassword').insert({ ...row, scopes: scopes.join(' ') })
    },
    ofAccount: async (accountId) =>
      ((await live().where({ accountId }).orderBy('createdAt').orderBy('id')) as Row[]).map(read),
    byDigest: async (digest) => {
      const row = exactly<Row>(await live().where({ digest }).first(), { digest })
      return row && read(row)
    },
    used: async (id, at) => {
      await live()
        .where({ id })
        .where((any) => any.whereNull('lastUsedAt').orWhere('lastUsedAt', '<', at))
        .update({ lastUsedAt: at })
    },
    revoke: async (id, revokedAt, revokedBy) => (await live().where({ id }).update({ revokedAt, revokedBy })) === 1,
    live: async (afterId, limit) =>
      ((await live().where('id', '>', afterId).orderBy('id').limit(limit)) as Row[]).map(read),
  }
}
