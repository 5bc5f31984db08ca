// Buckets that fill and empty by the clock, shared by all instances. Taking is one statement, so that a hundred
// requests at once count as a hundred. One that would empty later than two windows from now was filled by a clock that has
// gone back since, and is empty.
import type { Knex } from 'knex'
import type { ThrottleStore } from '../../src/ports.ts'
import type { Database } from './database.ts'

/** Rows in one statement: few lengths of statements, so that each is prepared once. */
const AT_ONCE = 64
type Wanted = { key: string; points: number; limit: number; windowMs: number }

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

  /** Of many at once in a statement: a busy mail server's messages take some thousand points a second. */
  async function takeSome(wanted: readonly Wanted[], at: number): Promise<number[]> {
    const sql = `insert into throttle (bucket, taken, reset_at) values ${wanted.map(() => '(?, ?, ?)').join(', ')}
       on conflict (bucket) do update set
         taken = case when reset_at <= ? or reset_at > 2 * excluded.reset_at - ? then excluded.taken else taken + excluded.taken end,
         reset_at = case when reset_at <= ? or reset_at > 2 * excluded.reset_at - ? then excluded.reset_at else reset_at end
       returning bucket, taken`
    const values = wanted.flatMap(({ key, points, windowMs }) => [key, points, at + windowMs])
    const made: { bucket: string; taken: number }[] = await knex.raw(sql, [...values, at, at, at, at])
    const taken = new Map(made.map((row) => [row.bucket, row.taken]))
    return wanted.map(({ key, limit }) => limit - taken.get(key)!)
  }

  return {
    async takeAll(wanted, at) {
      const left: number[] = []
      if (kind === 'sqlite')
        for (let from = 0; from < wanted.length; from += AT_ONCE)
          left.push(...(await takeSome(wanted.slice(from, from + AT_ONCE), at)))
      else
        for (const { key, points, limit, windowMs } of wanted)
          left.push(limit - (await takeMysql(key, points, windowMs, at)).taken)
      return left
    },
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
