// A backup is a stream of rows, the same for both databases: an installation can move from SQLite to MariaDB by it. What
// is only of the moment (sessions, tokens, throttle, outbox) is not in it; neither is the key that seals secrets.
import type { Knex } from 'knex'
import { AppError } from '../../src/domain/errors.ts'
import type { Database } from './database.ts'
import { migrations } from './migrations.ts'

/** In an order in which every row finds what it refers to. */
const tables = [
  'organisation', 'member', 'term', 'member_event', 'standing', 'account', 'affiliation', 'staff_role', 'account_group', 'access_override', 'resource', 'login', 'client', 'client_role',
  'password', 'totp', 'recovery_code', 'consent', 'signing_key', 'setting', 'audit', 'audit_head',
] as const
const momentary = ['oidc_model', 'oidc_signed_out', 'throttle', 'ticket', 'outbox', 'service_lease']

const FORMAT = 'schedar-backup-1'
const BATCH = 500

type Line = { format: string; migration: string; at: number } | { table: string; row: Record<string, unknown> }

async function* rowsOf(knex: Knex, table: string): AsyncGenerator<Record<string, unknown>> {
  for (let offset = 0; ; offset += BATCH) {
    const rows: Record<string, unknown>[] = await knex(table).select('*').orderBy(1 as never).offset(offset).limit(BATCH)
    yield* rows
    if (rows.length < BATCH) return
  }
}

/** Every row, line by line, as they were at one moment. */
export async function dump(db: Database, at: number, write: (line: string) => Promise<void>, onRow: (done: number) => void): Promise<void> {
  await write(JSON.stringify({ format: FORMAT, migration: migrations.at(-1)!.name, at } satisfies Line))
  let done = 0
  await db.snapshot(async (knex) => {
    for (const table of tables) {
      for await (const row of rowsOf(knex, table)) {
        await write(JSON.stringify({ table, row } satisfies Line))
        onRow(++done)
      }
    }
  })
}

function parse(text: string, number: number): Line {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('import_unreadable', { detail: `line ${number} of the backup cannot be read: the file is damaged or cut off`, cause })
  }
}

/** Replaces everything by the rows of a backup, in one transaction: a damaged file changes nothing. The number of rows. */
export async function load(db: Database, lines: AsyncIterable<string>, onRow: (done: number) => void): Promise<number> {
  let number = 0
  let rows = 0
  let complete = false
  await db.transaction(async (knex) => {
    for (const table of [...momentary, ...tables.toReversed()]) await knex(table).delete()
    for await (const text of lines) {
      const line = parse(text, ++number)
      if (number === 1) {
        if (!('format' in line) || line.format !== FORMAT) throw new AppError('import_unreadable', { detail: 'this is not a backup of Schedar' })
        if (!migrations.some(({ name }) => name === line.migration)) throw new AppError('import_unreadable', { detail: 'this backup is of a newer Schedar: restore it with that version' })
      } else if ('table' in line && (tables as readonly string[]).includes(line.table)) {
        await knex(line.table).insert(line.row)
        onRow(++rows)
        complete = line.table === 'audit_head'
      } else throw new AppError('import_unreadable', { detail: `line ${number} of the backup is not known` })
    }
    // The head of the audit is the last row written: without it the file was cut off.
    if (!complete) throw new AppError('import_unreadable', { detail: 'the backup is cut off; nothing was changed' })
  })
  return rows
}
