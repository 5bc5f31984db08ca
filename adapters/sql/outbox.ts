// What services are still to be told. A row is deleted when its effect is acknowledged, and only then.
import type { Knex } from 'knex'
import type { OutboxRow, OutboxStore } from '../../src/ports.ts'

const read = (row: Omit<OutboxRow, 'payload'> & { payload: string }): OutboxRow => ({
  ...row,
  payload: JSON.parse(row.payload),
})

/** No retry is put off for longer: what is due later than that was put off by a clock that has gone back since. */
const LONGEST_MS = 300_000
const isDue = (at: number) => (query: Knex.QueryBuilder) =>
  void query.where('dueAt', '<=', at).orWhere('dueAt', '>', at + LONGEST_MS)

export const outboxStore = (knex: Knex): OutboxStore => ({
  add: async (rows) => {
    for (let from = 0; from < rows.length; from += 100) {
      await knex('outbox').insert(
        rows.slice(from, from + 100).map((row) => ({ ...row, payload: JSON.stringify(row.payload), tries: 0 })),
      )
    }
  },
  dueServices: (at) => knex('outbox').where(isDue(at)).distinct().pluck('service'),
  due: async (service, at, limit) =>
    (
      await knex('outbox')
        .where({ service })
        .where(isDue(at))
        .orderByRaw("case cause when 'person' then 0 else 1 end")
        .orderBy('id')
        .limit(limit)
    ).map(read),
  acknowledge: async (ids) => {
    await knex('outbox').whereIn('id', ids).delete()
  },
  retry: async (ids, lastError, dueAt) => {
    const rows = knex('outbox').whereIn('id', ids)
    if (lastError === undefined) await rows.update({ dueAt })
    else await rows.update({ lastError: lastError.slice(0, 500), dueAt }).increment('tries', 1)
  },
  pending: async ({ service, subject, limit = 1000 }) => {
    const query = knex('outbox').orderBy('id').limit(limit)
    if (service) query.where({ service })
    if (subject) query.where({ subject })
    return (await query).map(read)
  },
  nextDueAt: async () => (await knex('outbox').min({ dueAt: 'due_at' }).first())?.dueAt ?? undefined,
  lease: async (service, owner, at, until, deadOwners = []) => {
    if (until === null) {
      await knex('serviceLease').where({ service, owner }).delete()
      return false
    }
    const mine = await knex('serviceLease')
      .where({ service })
      .where((any) =>
        any
          .where({ owner })
          .orWhere('untilAt', '<', at)
          .orWhereIn('owner', [...deadOwners]),
      )
      .update({ owner, untilAt: until })
    if (mine > 0) return true
    await knex('serviceLease').insert({ service, owner, untilAt: until }).onConflict('service').ignore()
    return (await knex('serviceLease').where({ service }).first())?.owner === owner
  },
  leaseOwners: () => knex('serviceLease').distinct().pluck('owner'),
})
