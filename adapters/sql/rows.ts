// Plain SQL that gives rows, spelled the same for both databases: for the hot path prepared once, without knex between.

import type { Statement } from 'better-sqlite3'
import type { Knex } from 'knex'
import { AS_IT_IS, type Database, patiently, settled } from './database.ts'

export type SqlRow = Record<string, string | number | null>
/** Runs one statement with `?` placeholders; rows with their columns as the SQL names them. */
export type Rows = (sql: string, bindings: readonly (string | number)[]) => Promise<SqlRow[]>

/** On prepared statements, outside any transaction. */
export function preparedRows(db: Database): Rows {
  if (!db.sqlite) {
    const pool = db.pool!.promise()
    return async (sql, bindings) => (await pool.execute(sql, [...bindings]))[0] as SqlRow[]
  }
  const { handle, turns } = db.sqlite
  const prepared = new Map<string, Statement>()
  return async (sql, bindings) => {
    const statement = prepared.get(sql) ?? handle.prepare(settled(sql))
    prepared.set(sql, statement)
    const all = () => statement.all(...bindings) as SqlRow[]
    // Within somebody's transaction this handle would see what may yet be rolled back: a lifted suspension, for one.
    return turns.free() ? all() : turns.hold(() => patiently(all))
  }
}

/** On a transaction's own connection. */
export const rowsOf =
  (knex: Knex, kind: Database['kind']): Rows =>
  async (sql, bindings) => {
    const result = await knex.raw(sql, [...bindings]).queryContext(AS_IT_IS)
    return kind === 'mysql' ? result[0] : result
  }
