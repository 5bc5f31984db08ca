// A backup is a stream of rows, the same for both databases: an installation can move from SQLite to MariaDB by it. What
// is only of the moment (sessions, tokens, throttle, outbox) is not in it; neither is the key that seals secrets.
import { createHash } from 'node:crypto'
import type { Knex } from 'knex'
import { AppError } from '../../src/domain/errors.ts'
import { type Database, databaseError } from './database.ts'
import { migrations } from './migrations.ts'

/** In an order in which every row finds what it refers to. */
const tables = [
  'organisation',
  'member',
  'term',
  'member_event',
  'standing',
  'bank_account',
  'tariff',
  'dues_rules',
  'member_dues',
  'dues_call',
  'dues_call_line',
  'bank_file',
  'bank_line',
  'payment',
  'allocation',
  'receipt',
  'reminder',
  'account',
  'affiliation',
  'staff_role',
  'account_group',
  'access_override',
  'resource',
  'login',
  'mailbox',
  'alias_target',
  'site_login',
  'site_registration',
  'quarantine',
  'client',
  'client_role',
  'password',
  'totp',
  'recovery_code',
  'app_password',
  'consent',
  'signing_key',
  'setting',
  'audit',
  'audit_head',
] as const
const momentary = [
  'oidc_model',
  'oidc_signed_out',
  'throttle',
  'ticket',
  'member_invitation',
  'site_invitation',
  'submission',
  'delivery',
  'traffic',
  'outbox',
  'service_lease',
  'upload',
]

/** What makes a row of a table one of a kind: pages of rows need an order without ties. */
const keys: Partial<Record<(typeof tables)[number], string[]>> = {
  standing: ['member_id'],
  bank_account: ['organisation_id'],
  member_dues: ['member_id'],
  dues_call_line: ['call_id', 'term_id'],
  receipt: ['organisation_id', 'year', 'number'],
  reminder: ['member_id', 'covered_until_on', 'rule_day'],
  affiliation: ['account_id', 'member_id'],
  staff_role: ['account_id', 'role'],
  account_group: ['account_id', 'name'],
  mailbox: ['resource_id'],
  alias_target: ['resource_id', 'address'],
  site_login: ['site_id'],
  client: ['client_id'],
  client_role: ['client_id', 'subject_kind', 'subject', 'role'],
  password: ['account_id'],
  totp: ['account_id'],
  recovery_code: ['account_id', 'digest'],
  consent: ['account_id', 'client_id'],
  signing_key: ['kid'],
  setting: ['name'],
  audit_head: ['only'],
}

const FORMAT = 'schedar-backup-1'
const BATCH = 500

type Head = { format: string; migration: string; at: number }
type Row = { table: string; row: Record<string, unknown> }
/** `digest` runs over every line before this one. */
type End = { end: number; digest: string }

async function* rowsOf(knex: Knex, table: (typeof tables)[number]): AsyncGenerator<Record<string, unknown>> {
  const order = (keys[table] ?? ['id']).map((column) => ({ column }))
  for (let offset = 0; ; offset += BATCH) {
    const rows: Record<string, unknown>[] = await knex(table).select('*').orderBy(order).offset(offset).limit(BATCH)
    yield* rows
    if (rows.length < BATCH) return
  }
}

/** Every row, line by line, as they were at one moment. */
export async function dump(
  db: Database,
  at: number,
  write: (line: string) => Promise<void>,
  onRow: (done: number) => void,
): Promise<void> {
  const digest = createHash('sha256')
  const put = (line: Head | Row): Promise<void> => {
    const text = JSON.stringify(line)
    digest.update(`${text}\n`)
    return write(text)
  }
  await put({ format: FORMAT, migration: migrations.at(-1)!.name, at })
  let done = 0
  await db.snapshot(async (knex) => {
    for (const table of tables) {
      for await (const row of rowsOf(knex, table)) {
        await put({ table, row })
        onRow(++done)
      }
    }
  })
  await write(JSON.stringify({ end: done, digest: digest.digest('base64url') } satisfies End))
}

const unreadable = (detail: string, cause?: unknown) =>
  new AppError('import_unreadable', { detail: `${detail}; nothing was changed`, cause })

function parse(text: string, number: number): object {
  try {
    const line: unknown = JSON.parse(text)
    if (line && typeof line === 'object') return line
  } catch (cause) {
    throw unreadable(`line ${number} of the backup cannot be read: the file is damaged or cut off`, cause)
  }
  throw unreadable(`line ${number} of the backup cannot be read: the file is damaged`)
}

function checkHead(line: object): void {
  const { format, migration } = line as Partial<Head>
  if (format !== FORMAT) throw unreadable('this is not a backup of Schedar')
  if (!migrations.some(({ name }) => name === migration))
    throw unreadable('this backup is of a newer Schedar: restore it with that version')
}

/** SQLite takes 500 rows in one statement, and MariaDB is many times faster with some than with one. */
const AT_ONCE = 100

/** Takes the lines in. The number of rows, once the last line was seen and agrees with all before it. */
async function insertAll(knex: Knex, lines: AsyncIterable<string>, onRow: (done: number) => void): Promise<number> {
  const digest = createHash('sha256')
  let number = 0
  let rows = 0
  let waiting: Row[] = []
  const flush = async (): Promise<void> => {
    const [first] = waiting
    if (!first) return
    await knex(first.table)
      .insert(waiting.map(({ row }) => row))
      .catch((error: unknown) => {
        throw databaseError(error) ?? unreadable(`the lines before line ${number} do not fit in the database`, error)
      })
    rows += waiting.length
    waiting = []
    onRow(rows)
  }
  for await (const text of lines) {
    const line = parse(text, ++number)
    if (number === 1) checkHead(line)
    else if ('end' in line) {
      await flush()
      const { end, digest: expected } = line as End
      if (end !== rows || expected !== digest.digest('base64url')) throw unreadable('the backup was changed or damaged')
      return rows
    } else {
      const row = line as Row
      if (!(tables as readonly string[]).includes(row.table))
        throw unreadable(`line ${number} of the backup is not known`)
      if (waiting.length >= AT_ONCE || waiting[0]?.table !== row.table) await flush()
      waiting.push(row)
    }
    digest.update(`${text}\n`)
  }
  throw unreadable('the backup is cut off')
}

/**
 * Replaces everything by the rows of a backup, in one transaction: a damaged file changes nothing. From its commit on no
 * service is written to until a person has seen the plan (the setting `writes_held`). The number of rows. Throws
 * `import_unreadable`.
 */
export const load = (db: Database, lines: AsyncIterable<string>, onRow: (done: number) => void): Promise<number> =>
  db.transaction(async (knex) => {
    for (const table of [...momentary, ...tables.toReversed()]) await knex(table).delete()
    const rows = await insertAll(knex, lines, onRow)
    await knex('setting').insert({ name: 'writes_held', value: 'restore' }).onConflict('name').merge()
    return rows
  })
