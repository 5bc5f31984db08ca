// Buckets that fill and empty by the clock, shared by all instances. Taking is one statement, so that a hundred
// requests at once count as a hundred. One that would empty later than two windows from now was filled by a clock that has
// gone back since, and is empty.
import type { Knex } from 'knex'
import type { ThrottleStore } from '../../src/ports.ts'
import type { Database } from './database.ts'

export const throttleStore = (knex: Knex, kind: Database['kind']): ThrottleStore => {
  const row = (bucket: string): Promise<{ taken: number; resetAt: number } | undefined> =>
    knex('throttle').where({ bucket }).first()

  async function takeSqlite(
    bucket: string,
    points: number,
    windowMs: number,
    at: number,
  ): Promise<{ taken: number; resetAt: number }> {
    const [made] = await knex.raw(
      `insert into throttle (bucket, taken, reset_at) values (:bucket, :points, :resetAt)
       on conflict (bucket) do update set
         taken = case when reset_at <= :at or reset_at > :tooLate then :points else taken + :points end,
         reset_at = case when reset_at <= :at or reset_at > :tooLate then :resetAt else reset_at end
       returning taken, reset_at as "resetAt"`,
      { bucket, points, at, resetAt: at + windowMs, tooLate: at + 2 * windowMs },
    )
    return made
  }

  // MySQL has no RETURNING: LAST_INSERT_ID(expression) carries the new value back. Assignments run from left to right,
  // so `taken` still sees the old `reset_at`.
  async function takeMysql(
    bucket: string,
    points: number,
    windowMs: number,
    at: number,
  ): Promise<{ taken: number; resetAt: number }> {
    const [{ insertId }] = await knex.raw(
      `insert into throttle (bucket, taken, reset_at) values (:bucket, :points, :resetAt)
       on duplicate key update taken = last_insert_id(if(reset_at <= :at or reset_at > :tooLate, :points, taken + :points)),
         reset_at = if(reset_at <= :at or reset_at > :tooLate, :resetAt, reset_at)`,
      { bucket, points, at, resetAt: at + windowMs, tooLate: at + 2 * windowMs },
    )
    return { taken: insertId || points, resetAt: (await row(bucket))?.resetAt ?? at + windowMs }
  }

  return {
    take: async (bucket, points, limit, windowMs, at) => {
      const { taken, resetAt } = await (kind === 'sqlite' ? takeSqlite : takeMysql)(bucket, points, windowMs, at)
      return { remaining: limit - taken, resetAt }
    },
    give: async (bucket, points, at) => {
      await knex('throttle')
        .where({ bucket })
        .where('resetAt', '>', at)
        .where('taken', '>=', points)
        .decrement('taken', points)
    },
    peek: async (bucket, limit, at) => {
      const found = await row(bucket)
      return found && found.resetAt > at
        ? { remaining: limit - found.taken, resetAt: found.resetAt }
        : { remaining: limit, resetAt: at }
    },
    sweep: async (before) => {
      await knex('throttle').where('resetAt', '<', before).delete()
    },
  }
}
