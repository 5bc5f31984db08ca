// Plain SQL that gives rows, spelled the same for both databases: for the hot path prepared once, without knex between.
import type { Knex } from 'knex'
import type { Statement } from 'better-sqlite3'
import type { Database } from './database.ts'

export type SqlRow = Record<string, string | number | null>
/** Runs one statement with `?` placeholders; rows with their columns as the SQL names them. */
export type Rows = (sql: string, bindings: readonly (string | number)[]) => Promise<SqlRow[]>

/** On prepared statements, outside any transaction. */
export function preparedRows(db: Database): Rows {
  if (!db.sqlite) return async (sql, bindings) => (await db.pool!.promise().execute(sql, [...bindings]))[0] as SqlRow[]
  const { handle } = db.sqlite
  const prepared = new Map<string, Statement>()
  return async (sql, bindings) => {
    let statement = prepared.get(sql)
    if (!statement) prepared.set(sql, (statement = handle.prepare(sql)))
    return statement.all(...bindings) as SqlRow[]
  }
}

/** On a transaction's own connection. */
export const rowsOf =
  (knex: Knex, kind: Database['kind']): Rows =>
  async (sql, bindings) => {
    const result = await knex.raw(sql, [...bindings])
    return kind === 'mysql' ? result[0] : result
  }
