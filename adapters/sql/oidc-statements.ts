// The statements of the provider's storage, and how they run on each database: prepared once, each a transaction of its own.
import type { Statement } from 'better-sqlite3'
import { type Database, databaseError, patiently, settled } from './database.ts'
import type { Packed } from './oidc-rows.ts'
import { wrote } from './remembered.ts'

export type Value = string | number | Buffer | null
export type Found = {
  payload: string | null
  written_at: number
  consumed_at: number | null
  expires_at: number | null
  ended: number
  grant_id?: Buffer
}

/** Runs one of the statements below; `run` gives the number of rows it wrote. */
export type OidcSql = {
  words: ReturnType<typeof statements>
  /** What `key` finds of a model; `values` are made only when the database has to be asked. */
  find(sql: string, model: string, key: string, values: () => Value[]): Promise<Found[]>
  all(sql: string, values: Value[]): Promise<Found[]>
  run(sql: string, values: Value[]): Promise<number>
}

// A row bound to a browser session began when that session did, so that a request in flight during a sign-out cannot make
// a younger one from an older one. (The inner select is for MySQL, which cannot read the table it writes.)
const began =
  'coalesce((select b from (select min(began_at) as b from oidc_model where uid = ? and account_id = ?) as s), ?)'
const columns = [
  'account_id',
  'client_id',
  'grant_id',
  'uid',
  'user_code',
  'payload',
  'written_at',
  'expires_at',
  'consumed_at',
]

// What an account began before it was signed out is absent, and so is what hangs on a grant that ended.
const live = `m.ended = 0 and (g.ended is null or g.ended = 0)
  and not exists (select 1 from oidc_signed_out s where s.account_id = m.account_id and (s.at > m.began_at or s.at > g.began_at))`
const found =
  'select m.payload, m.written_at, m.consumed_at, m.expires_at, m.ended from oidc_model m left join oidc_model g on g.id = m.grant_id'

export function statements(kind: Database['kind']) {
  const lite = kind === 'sqlite'
  const is = lite ? 'is' : '<=>'
  const given = (column: string): string => (lite ? `excluded.${column}` : `values(${column})`)
  const changed = (column: string): string =>
    column === 'consumed_at' ? `coalesce(consumed_at, ${given(column)})` : given(column)
  // MySQL assigns from left to right, and each sees the one before: began_at needs the old account_id.
  const replaced = [
    ['began_at', `case when account_id ${is} ${given('account_id')} then began_at else ${given('began_at')} end`],
    ...columns.map((column) => [column, changed(column)]),
  ].map(([column, value]) => `${column} = ${lite ? value : `if(ended = 0, ${value}, ${column})`}`)
  const insert = `insert into oidc_model (id, model, ${columns.join(', ')}, began_at) values (?, ?, ${columns.map(() => '?').join(', ')}, ${began})`
  return {
    find: `${found} where m.id = ? and ${live}`,
    findByUid: `${found} where m.uid = ? and m.model = ? and ${live}`,
    findByUserCode: `${found} where m.user_code = ? and m.model = ? and ${live}`,
    /** The row as it stands, for a merge. */
    read: 'select payload, written_at, consumed_at, expires_at, ended from oidc_model where id = ?',
    /** Writes nothing when the row is there. */
    insert: lite ? `${insert} on conflict (id) do nothing` : insert,
    replace: lite
      ? `${insert} on conflict (id) do update set ${replaced.join(', ')} where ended = 0`
      : `${insert} on duplicate key update ${replaced.join(', ')}`,
    /** Writes nothing when the row was written since. */
    update: `update oidc_model set began_at = case when account_id ${is} ? then began_at else ${began} end,
      ${columns.map((column) => `${column} = ${column === 'consumed_at' ? 'coalesce(consumed_at, ?)' : '?'}`).join(', ')} where id = ? and written_at = ? and ended = 0`,
    insertAgain: 'update oidc_model set payload = ?, written_at = ?, expires_at = ? where id = ? and expires_at <= ?',
    consume: 'update oidc_model set consumed_at = ? where id = ? and consumed_at is null and ended = 0',
    grantOf: 'select grant_id from oidc_model where id = ? and grant_id is not null',
    end: 'update oidc_model set ended = 1, payload = null, user_code = null where id = ?',
    remove: 'delete from oidc_model where id = ?',
    removeByGrant: 'delete from oidc_model where grant_id = ?',
    /** The oldest first. `limit` stands in the text: a prepared statement of MySQL does not take it as a parameter. */
    sweep: (limit: number): string => {
      const oldest = `expires_at < ? order by expires_at limit ${Math.trunc(limit)}`
      return lite
        ? `delete from oidc_model where rowid in (select rowid from oidc_model where ${oldest})`
        : `delete from oidc_model where ${oldest}`
    },
  }
}

/**
 * A sign-out by a clock that has gone back since would keep its account out until the clock is there again: it counts as of
 * now, once nothing is left that began by that clock. It reads every sign-out, once a minute.
 */
export const setSignOutsRight = `update oidc_signed_out set at = ? where at > ? and not exists (select 1 from oidc_model m
  where m.account_id = oidc_signed_out.account_id and m.grant_id is null and m.began_at > ? and m.ended = 0)`

const columnValues = (row: Packed, now: number, writtenAt: number, expiresAt: number | null): Value[] => [
  row.accountId,
  row.clientId,
  row.grantId,
  row.uid,
  row.userCode,
  row.payload,
  writtenAt,
  expiresAt,
  row.consumed ? now : null,
]

export const insertValues = (
  id: Buffer,
  model: string,
  row: Packed,
  now: number,
  expiresAt: number | null,
): Value[] => [id, model, ...columnValues(row, now, now, expiresAt), row.sessionUid, row.accountId, now]

/** `from` is the `written_at` that the writer saw. */
export const updateValues = (id: Buffer, row: Packed, now: number, from: number, expiresAt: number | null): Value[] => [
  row.accountId,
  row.sessionUid,
  row.accountId,
  now,
  ...columnValues(row, now, Math.max(now, from + 1), expiresAt),
  id,
  from,
]

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? '')

/** A failure of the database. The provider shows the message of an error with `expose`; this one's is for the log. */
function failure(error: unknown): unknown {
  const known = databaseError(error)
  return known ? Object.defineProperty(known, 'expose', { value: false }) : error
}

function onSqlite({ handle, turns, recall }: NonNullable<Database['sqlite']>): OidcSql {
  const prepared = new Map<string, Statement<Value[], Found>>()
  const statement = (sql: string): Statement<Value[], Found> => {
    const known = prepared.get(sql)
    if (known) return known
    const made = handle.prepare<Value[], Found>(settled(sql))
    prepared.set(sql, made)
    return made
  }
  /** At once when nobody is in a transaction and no other process holds the lock; else when our turn comes. */
  const step = async <T>(work: () => T): Promise<T> => {
    try {
      if (turns.free()) return work()
    } catch (error) {
      if (!codeOf(error).startsWith('SQLITE_BUSY')) throw failure(error)
    }
    return turns.hold(() => patiently(work, turns)).catch((error: unknown) => Promise.reject(failure(error)))
  }
  return {
    words: statements('sqlite'),
    find: (sql, model, key, values) =>
      step(() => recall.oidc(sql, `${model}:${key}`, () => statement(sql).all(...values()))),
    all: (sql, values) => step(() => statement(sql).all(...values)),
    run: (sql, values) =>
      step(() => {
        wrote('oidc')
        return statement(sql).run(...values).changes
      }),
  }
}

const DEADLOCK_TRIES = 10

function onMysql(callbackPool: NonNullable<Database['pool']>): OidcSql {
  const pool = callbackPool.promise()
  const execute = async (sql: string, values: Value[]): Promise<unknown> => {
    for (let tries = 1; ; tries++) {
      try {
        return (await pool.execute(sql, values))[0]
      } catch (error) {
        if (codeOf(error) === 'ER_LOCK_DEADLOCK' && tries < DEADLOCK_TRIES) continue
        throw failure(error)
      }
    }
  }
  return {
    words: statements('mysql'),
    find: async (sql, _model, _key, values) => (await execute(sql, values())) as Found[],
    all: async (sql, values) => (await execute(sql, values)) as Found[],
    run: async (sql, values) => {
      try {
        return ((await execute(sql, values)) as { affectedRows: number }).affectedRows
      } catch (error) {
        if (codeOf(error) === 'ER_DUP_ENTRY') return 0
        throw error
      }
    },
  }
}

export const oidcSql = (db: Database): OidcSql => (db.sqlite ? onSqlite(db.sqlite) : onMysql(db.pool!))
