// Dated allows and denies, on an account or on a member.
import type { Knex } from 'knex'
import type { Override, OverrideStore } from '../../src/ports.ts'

const read = (row: Override): Override => ({ ...row, begun: Boolean(row.begun) })

export const overrideStore = (knex: Knex): OverrideStore => ({
  add: async (override) => {
    await knex('accessOverride').insert({ ...override, begun: Number(override.begun) })
  },
  open: async (of) => (await knex('accessOverride').where(of).whereNull('liftedAt').orderBy('createdAt')).map(read),
  lift: async (id, liftedAt, liftedBy) => {
    await knex('accessOverride').where({ id }).whereNull('liftedAt').update({ liftedAt, liftedBy })
  },
  begin: async (id) => {
    await knex('accessOverride').where({ id }).update({ begun: 1 })
  },
  due: async (at, on) =>
    (
      await knex('accessOverride')
        .whereNull('liftedAt')
        .where((any) => any.where((begin) => begin.where({ begun: 0 }).where('startsAt', '<=', at)).orWhere('endsOn', '<', on))
    ).map(read),
})
