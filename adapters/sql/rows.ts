// Plain SQL that gives rows, spelled the same for both databases: for the hot path prepared once, without knex between.

import type { Statement } from 'better-sqlite3'
import type { Knex } from 'knex'
import { AS_IT_IS, type Database, patiently, settled } from './database.ts'

export type SqlRow = Record<string, string | number | null>
/** A statement with `?` placeholders, and what stands in them. */
export type Query = readonly [sql: string, bindings: readonly (string | number)[]]
/**
 * Asks statements together and makes something of their rows, whose columns are named as in the SQL. `make` stands at the top
 * of its module and goes with the same statements each time: what it made is given again, frozen, while it would make the
 * same of another read.
 */
export type Rows = <T>(make: (...answers: SqlRow[][]) => T, ...queries: readonly Query[]) => Promise<T>

const frozen = <T>(value: T): T => {
  if (value && typeof value === 'object' && !Object.isFrozen(value)) Object.values(Object.freeze(value)).forEach(frozen)
  return value
}

/** On prepared statements, outside any transaction. */
export function preparedRows(db: Database): Rows {
  if (!db.sqlite) {
    const pool = db.pool!.promise()
    const ask = async ([sql, bindings]: Query) => (await pool.execute(sql, [...bindings]))[0] as SqlRow[]
    return async (make, ...queries) => frozen(make(...(await Promise.all(queries.map(ask)))))
  }
  const { handle, turns, recall } = db.sqlite
  const prepared = new Map<string, Statement>()
  const ask = ([sql, bindings]: Query): SqlRow[] => {
    const statement = prepared.get(sql) ?? handle.prepare(settled(sql))
    prepared.set(sql, statement)
    return statement.all(...bindings) as SqlRow[]
  }
  // As of one moment, and SQLite's read lock, which costs as much as such a statement itself, is taken once.
  const together = handle.transaction((queries: readonly Query[]) => queries.map(ask))
  const answers = (queries: readonly Query[]) => (queries.length === 1 ? [ask(queries[0]!)] : together(queries))
  return async (make, ...queries) => {
    const run = () =>
      recall.core(make, queries.map(([, bindings]) => bindings.join('\0')).join('\0'), () =>
        frozen(make(...answers(queries))),
      )
    // Within somebody's transaction this handle would see what may yet be rolled back: a lifted suspension, for one.
    return turns.free() ? run() : turns.hold(() => patiently(run, turns))
  }
}

/** On a transaction's own connection. */
export const rowsOf =
  (knex: Knex, kind: Database['kind']): Rows =>
  async (make, ...queries) => {
    const answers: SqlRow[][] = []
    for (const [sql, bindings] of queries) {
      const result = await knex.raw(sql, [...bindings]).queryContext(AS_IT_IS)
      answers.push(kind === 'mysql' ? result[0] : result)
    }
    return frozen(make(...answers))
  }
