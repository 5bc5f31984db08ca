// Dated allows and denies, on an account or on a member.
import type { Knex } from 'knex'
import type { Override, OverrideStore } from '../../src/ports.ts'
import type { Database } from './database.ts'
import { exactly } from './exactly.ts'

const read = (row: Override): Override => ({ ...row, begun: Boolean(row.begun) })

export const overrideStore = (knex: Knex, kind: Database['kind']): OverrideStore => {
  /** Locked within a transaction: two instances whose night begins at once begin and end each override once. */
  const open = () => {
    const query = knex('accessOverride').whereNull('liftedAt').orderBy('createdAt').orderBy('id')
    return kind === 'mysql' && knex.isTransaction ? query.forUpdate() : query
  }
  return {
    add: async (override) => {
      await knex('accessOverride').insert({ ...override, begun: Number(override.begun) })
    },
    get: async (id) => {
      const found = exactly<Override>(await knex('accessOverride').where({ id }).first(), { id })
      return found && read(found)
    },
    open: async (of) => (await open().where(of)).map(read),
    lift: async (id, liftedAt, liftedBy) => {
      await knex('accessOverride').where({ id }).whereNull('liftedAt').update({ liftedAt, liftedBy })
    },
    begin: async (id) => {
      await knex('accessOverride').where({ id }).update({ begun: 1 })
    },
    due: async (at, on) =>
      (
        await open().where((any) =>
          any.where((begin) => begin.where({ begun: 0 }).where('startsAt', '<=', at)).orWhere('endsOn', '<', on),
        )
      ).map(read),
  }
}
