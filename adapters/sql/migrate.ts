// Brings the schema to this version, step by step.
import type { Knex } from 'knex'
import { AppError } from '../../src/domain/errors.ts'
import type { Database } from './database.ts'
import { type Migration, migrations, spell } from './migrations.ts'

/** What a step says that was done before: its table, column or index is there, or, for one that writes a row, the row. */
const alreadyThere = (error: unknown, { ddl }: Migration): boolean => {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  if (/^insert/i.test(ddl)) return code === 'ER_DUP_ENTRY' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY'
  if (['ER_TABLE_EXISTS_ERROR', 'ER_DUP_KEYNAME', 'ER_DUP_FIELDNAME'].includes(code)) return true
  return /already exists|duplicate column name/.test(message)
}

/**
 * Brings the schema up to date; the names of the steps it took. Safe when several instances start at once and when it is
 * killed between a step and its note: a step that is already there counts as done.
 */
export async function migrate(db: Database, onStep?: (name: string) => void): Promise<string[]> {
  // SQLite takes DDL into a transaction; elsewhere a named lock keeps a second instance waiting.
  if (db.kind === 'sqlite') return db.transaction((knex) => runMigrations(knex, db.kind, onStep))
  const lock = await db.pool!.promise().getConnection()
  try {
    const [rows] = await lock.query("select get_lock('schedar.migrate', 60) as taken")
    if ((rows as { taken: number }[])[0]?.taken !== 1)
      throw new AppError('database_unavailable', { detail: 'another instance is migrating the database; try again' })
    return await runMigrations(db.knex, db.kind, onStep)
  } finally {
    await lock.query("select release_lock('schedar.migrate')").catch(() => {})
    lock.release()
  }
}

async function runMigrations(knex: Knex, kind: Database['kind'], onStep?: (name: string) => void): Promise<string[]> {
  await knex.raw(
    spell(
      'create table if not exists migration (name varchar(200) primary key, applied_at varchar(30) not null) {table}',
      kind,
    ),
  )
  const done = new Set((await knex('migration').select('name')).map((row: { name: string }) => row.name))
  const unknown = [...done].filter((name) => !migrations.some((step) => step.name === name))
  if (unknown.length > 0)
    throw new AppError('database_unavailable', {
      detail: `the database was migrated by a newer Schedar (${unknown[0]}): run that version`,
    })
  const todo = migrations.filter((step) => !done.has(step.name))
  for (const step of todo) {
    await knex.raw(spell(step.ddl, kind)).catch((error: unknown) => {
      if (!alreadyThere(error, step)) throw error
    })
    await knex.raw('insert into migration (name, applied_at) values (?, current_timestamp)', [step.name])
    onStep?.(step.name)
  }
  return todo.map((step) => step.name)
}
