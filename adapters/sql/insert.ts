// Many rows of one table at once.
import type { Knex } from 'knex'

/** Rows in one statement: SQLite takes 32,766 values and puts at most 500 rows together, MariaDB takes 16 MB. */
const AT_ONCE = 200

export async function insertAll(knex: Knex, table: string, rows: readonly object[]): Promise<void> {
  for (let from = 0; from < rows.length; from += AT_ONCE) await knex(table).insert(rows.slice(from, from + AT_ONCE))
}

/** Looks many values up, some at a time. */
export async function inLots<T, Row>(
  values: readonly T[],
  look: (some: readonly T[]) => PromiseLike<Row[]>,
): Promise<Row[]> {
  const found: Row[] = []
  for (let from = 0; from < values.length; from += AT_ONCE)
    found.push(...(await look(values.slice(from, from + AT_ONCE))))
  return found
}
