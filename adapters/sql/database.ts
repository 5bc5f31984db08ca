// Opens a database by URL and makes SQLite and MariaDB/MySQL behave alike. On SQLite there is one handle: knex, the
// transactions and oidc.ts take turns on it, and nothing ever blocks the event loop waiting for another process's lock.
import Sqlite, { type Database as SqliteHandle, type Statement } from 'better-sqlite3'
import createKnex, { type Knex } from 'knex'
import { createPool, type Pool, type PoolOptions } from 'mysql2'
import { AppError } from '../../src/domain/errors.ts'
import { dataVersion, type Part, type Recall, remembered, wrote } from './remembered.ts'
import { type Turns, turns } from './turns.ts'

export { migrate } from './migrate.ts'

export type Database = {
  kind: 'sqlite' | 'mysql'
  knex: Knex
  /** The handle itself and the queue of who may write on it. */
  sqlite?: { handle: SqliteHandle; turns: Turns; recall: Record<Part, Recall> }
  pool?: Pool
  /**
   * All or nothing, and on disk when it returns. On SQLite a `light` one is so some moments later, and what was remembered is
   * still given: it writes nothing that `Recall` is used for. On MariaDB a deadlock runs the work again.
   */
  transaction<T>(work: (knex: Knex) => Promise<T>, how?: 'light'): Promise<T>
  /** Reads as of one moment, while others write on. */
  snapshot<T>(work: (knex: Knex) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Worked out once for each name: there are some hundred, and they are asked for with every row. */
function remembering(work: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>()
  return (name) => {
    const found = known.get(name) ?? work(name)
    known.set(name, found)
    return found
  }
}
const camelCase = remembering((name) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
const snakeCase = remembering((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))

const camelRow = (row: unknown): unknown =>
  row && typeof row === 'object' && !Array.isArray(row) && !Buffer.isBuffer(row)
    ? Object.fromEntries(Object.entries(row).map(([name, value]) => [camelCase(name), value]))
    : row

/**
 * Columns are snake_case in the database and camelCase in the program; knex turns one into the other here only. Messages of
 * errors keep their placeholders: values are people's data and secrets.
 */
const naming = {
  compileSqlOnError: false,
  // It would print beside the log what it throws anyway.
  log: { debug() {}, deprecate() {}, warn() {}, error() {} },
  wrapIdentifier: (name: string, wrap: (name: string) => string) => wrap(name === '*' ? name : snakeCase(name)),
  postProcessResponse: (response: unknown, context?: unknown) =>
    context === AS_IT_IS ? response : Array.isArray(response) ? response.map(camelRow) : camelRow(response),
}

/** The query context of plain SQL, whose rows keep the names that it gives them. */
export const AS_IT_IS = 'as it is'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** How long a write waits for another process (the command line beside the server) before it gives up. */
const PATIENCE_MS = 10_000

/**
 * Runs a synchronous SQLite step; while another process holds the lock, waits without blocking the event loop. Whoever has
 * the turn and nothing open yet gives it to others while waiting: they may only want to read.
 */
export async function patiently<T>(step: () => T, queue?: Turns): Promise<T> {
  for (let waited = 0; ; waited += 5) {
    try {
      return step()
    } catch (error) {
      if (!(error as { code?: string }).code?.startsWith('SQLITE_BUSY') || waited >= PATIENCE_MS) throw error
      queue?.give()
      await pause(5)
      await queue?.take()
    }
  }
}

/**
 * SQLite here is built with STAT4 and prepares a statement anew for each value that its planner may look at, which often
 * costs ten times its run. It does not look behind a plus, which changes no value. No `?` may stand in a literal.
 */
export const settled = (sql: string): string => sql.replaceAll('?', '+?')

/** Statements in a row after which others get their turn: some five to ten milliseconds of work. */
const BREATH = 32
/** A statement of many values, which writes many rows or looks many up, counts for so many more. */
const VALUES = 32

/** What knex sees as a connection: prepares each statement once and waits patiently. */
function connection(handle: SqliteHandle, queue?: Turns, parts: readonly Part[] = ['core', 'oidc']) {
  const prepared = new Map<string, Statement>()
  let inARow = 0
  // SQLite answers at once, so that a night's work would never let go of the event loop by itself.
  const step = async <T>(bindings: readonly unknown[], work: () => T): Promise<T> => {
    inARow += 1 + bindings.length / VALUES
    if (inARow >= BREATH) {
      inARow = 0
      await new Promise((resolve) => setImmediate(resolve))
    }
    return patiently(work, queue)
  }
  const statement = (sql: string): Statement => {
    const known = prepared.get(sql)
    if (known) return known
    if (prepared.size > 500) prepared.clear()
    const made = handle.prepare(settled(sql))
    prepared.set(sql, made)
    return made
  }
  return {
    prepare(sql: string) {
      const made = statement(sql)
      return {
        reader: made.reader,
        all: (bindings: unknown[]) =>
          step(bindings, () => {
            if (!made.readonly) wrote(...parts)
            return made.all(...bindings)
          }),
        run: (bindings: unknown[]) =>
          step(bindings, () => {
            wrote(...parts)
            return made.run(...bindings)
          }),
      }
    },
  }
}

function knexOn(resource: unknown, queue?: Turns): Knex {
  return createKnex({
    client: 'better-sqlite3',
    useNullAsDefault: true,
    connectionPool: {
      acquire: () => ({ promise: queue ? queue.take().then(() => resource) : Promise.resolve(resource) }),
      release: () => {
        queue?.give()
        return true
      },
      destroy: async () => {},
      // By these three knex knows a pool of the kind it uses itself (tarn).
      numFree: () => 0,
      numUsed: () => 0,
      numPendingAcquires: () => 0,
    },
    ...naming,
  })
}

function openSqlite(path: string): Database {
  // Only opening may block: another process may be opening the same file. After that nothing waits for a lock in here.
  const handle = new Sqlite(path, { timeout: 5_000 })
  try {
    handle.pragma('journal_mode = WAL')
  } catch (error) {
    handle.close()
    throw error
  }
  handle.pragma('busy_timeout = 0')
  // NORMAL: a power cut loses at most what WAL had not yet put on disk (tokens, sessions). Transactions of the core, which
  // carry facts, audit and outbox, run with FULL and are on disk when they return.
  handle.pragma('synchronous = NORMAL')
  handle.pragma('foreign_keys = ON')
  // SQLite's own knows ASCII only: Élodie would not be found by «élo».
  handle.function('lower', { deterministic: true }, (text: unknown) =>
    typeof text === 'string' ? text.toLowerCase() : text,
  )
  const queue = turns()
  const version = dataVersion(handle)
  const recall = { core: remembered('core', version), oidc: remembered('oidc', version) }
  const outside = knexOn(connection(handle, queue), queue)
  const inside = knexOn(connection(handle))
  const lightly = knexOn(connection(handle, undefined, []))
  return {
    kind: 'sqlite',
    knex: outside,
    sqlite: { handle, turns: queue, recall },
    transaction: (work, how) =>
      queue.hold(async () => {
        try {
          await patiently(() => {
            if (how !== 'light') handle.pragma('synchronous = FULL')
            // IMMEDIATE: a transaction that reads first and writes later could not wait for another process's lock.
            handle.exec('BEGIN IMMEDIATE')
          }, queue)
          const result = await work(how === 'light' ? lightly : inside)
          handle.exec('COMMIT')
          if (how !== 'light') wrote('core', 'oidc')
          return result
        } finally {
          if (handle.inTransaction) handle.exec('ROLLBACK')
          if (how !== 'light') handle.pragma('synchronous = NORMAL')
        }
      }),
    snapshot: async (work) => {
      if (path === ':memory:') return queue.hold(() => work(inside))
      // A reader of its own: in WAL it sees the moment of its first read and hinders nobody.
      const reader = new Sqlite(path, { readonly: true })
      const knex = knexOn(connection(reader))
      try {
        reader.exec('BEGIN')
        return await work(knex)
      } finally {
        await knex.destroy()
        reader.close()
      }
    },
    close: async () => {
      await outside.destroy()
      await inside.destroy()
      await lightly.destroy()
      handle.close()
      // Closed is closed, whatever is remembered.
      wrote('core', 'oidc')
    },
  }
}

/** How often a transaction is tried that another one got in the way of. Waiting for a lock takes ten seconds by itself. */
const TRIES: Record<string, number> = { ER_LOCK_DEADLOCK: 8, ER_LOCK_WAIT_TIMEOUT: 2 }
const triesAfter = (error: unknown): number => TRIES[(error as { code?: string }).code ?? ''] ?? 1

function openMysql(url: URL): Database {
  const options: PoolOptions = {
    host: url.hostname,
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(url.searchParams.has('socket') && { socketPath: url.searchParams.get('socket')! }),
    charset: 'utf8mb4',
    connectionLimit: 10,
    connectTimeout: 5_000,
    maxPreparedStatements: 200,
    supportBigNumbers: true,
  }
  const pool = createPool(options)
  pool.on('connection', (made) => {
    const settle = (sql: string) => made.query(sql, (error) => error && made.destroy())
    // No gap locks, so parallel sign-ins do not deadlock.
    settle('set session transaction isolation level read committed')
    // A value too long is an error, not a cut.
    settle("set session sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE', innodb_lock_wait_timeout = 10")
  })
  const knex = createKnex({ client: 'mysql2', connectionPool: pool as never, ...naming })
  // mysql2 puts the statement with its values on the error.
  knex.on('query-error', (error: { sql?: string }) => {
    delete error.sql
  })
  const transaction = async <T>(work: (knex: Knex) => Promise<T>, tries = 1): Promise<T> => {
    try {
      return await knex.transaction((trx) => work(trx))
    } catch (error) {
      if (tries >= triesAfter(error)) throw error
      await pause(2 ** tries)
      return transaction(work, tries + 1)
    }
  }
  return {
    kind: 'mysql',
    knex,
    pool,
    transaction: (work) => transaction(work),
    snapshot: (work) => knex.transaction((trx) => work(trx), { isolationLevel: 'repeatable read' }),
    close: async () => {
      await knex.destroy()
      await pool.promise().end()
    },
  }
}

/**
 * Opens `sqlite::memory:`, `sqlite:/path`, or `mysql://user:password@host:port/database` (`mariadb://` is the same).
 * Throws `invalid_value` for anything else, without repeating the URL, which may hold a password, and for a file that
 * is none of SQLite's `database_unavailable`.
 */
export function openDatabase(url: string): Database {
  const sqlite = /^sqlite:(.+)$/.exec(url)
  if (sqlite) {
    try {
      return openSqlite(sqlite[1]!)
    } catch (error) {
      const detail = `${sqlite[1]} cannot be opened: ${(error as Error).message}`
      throw databaseError(error) ?? new AppError('database_unavailable', { detail, cause: error })
    }
  }
  const parsed = URL.parse(url)
  if (parsed && ['mysql:', 'mariadb:'].includes(parsed.protocol)) return openMysql(parsed)
  throw new AppError('invalid_value', { field: 'database.url', detail: 'a database URL begins with sqlite: or mysql:' })
}

/** A database's own failure as an AppError: unreachable, or no room left. Undefined for anything else. */
export function databaseError(error: unknown): AppError | undefined {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'ER_DISK_FULL' || code === 'ER_RECORD_FILE_FULL')
    return new AppError('storage_full', { detail: `no room left: ${code}`, cause: error })
  if (
    /^(SQLITE_(BUSY|CANTOPEN|IOERR|READONLY|NOTADB|CORRUPT)|ECONN|ENOTFOUND|ETIMEDOUT|EPIPE|PROTOCOL_|ER_ACCESS_DENIED|ER_BAD_DB|ER_CON_COUNT|ER_SERVER_SHUTDOWN|ER_LOCK_|POOL_)/.test(
      code,
    )
  )
    return new AppError('database_unavailable', { detail: `the database cannot be used: ${code}`, cause: error })
  if (
    /Timeout acquiring a connection|Unable to acquire a connection|Pool is closed|connection is (not open|in closed state)|query timeout/.test(
      message,
    )
  )
    return new AppError('database_unavailable', { detail: 'the database cannot be used', cause: error })
  return undefined
}
