// The storage of oidc-provider on SQLite and MariaDB/MySQL: the hot path, and the place where the provider's own races are
// closed. The provider decides on what it read a moment ago; here each decision is one conditional statement.
//
// What a power cut may lose: on SQLite these rows are written with synchronous=NORMAL, so the last moments before it (since
// the last checkpoint or transaction of the core) may be undone as a whole: a sign-in, a token, but also the mark that a
// code or refresh token was used, or a logout. Nothing is torn, and a crash of the process alone loses nothing. What the
// core decides (`signOut`, `end`) is on disk when its transaction returns. MariaDB keeps everything it acknowledged.
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import type { Clock, SessionStore } from '../../src/ports.ts'
import { systemClock } from '../system/clock.ts'
import { type Database, migrate, openDatabase } from './database.ts'
import { digestOf, isRecord, mergeSessions, type Payload, pack, parsePayload, unpack } from './oidc-rows.ts'
import { sessionStore } from './oidc-sessions.ts'
import { type Found, insertValues, oidcSql, updateValues } from './oidc-statements.ts'

export { sessionStore }

export type OidcAdapterOptions = {
  clock?: Clock
  /** Serves the model Client from elsewhere, as RFC 7591 metadata; nothing registers clients through the provider then. */
  clients?: (clientId: string) => Promise<Payload | undefined>
}

/** What goes into `new Provider(issuer, { adapter })`. */
export type OidcAdapterFactory = { (model: string): Adapter; new (model: string): Adapter } & SessionStore & {
    /** Removes up to `limit` rows (500) that expired more than a minute ago, the oldest first; how many there were. */
    sweep(limit?: number): Promise<number>
  }

/** How long after its end a row stays: longer than any clock tolerance of the provider. */
const SWEPT_AFTER_MS = 60_000

/** Read, changed and written back by the provider: a request in flight must not raise one that was destroyed. */
const writtenBack = new Set(['Session', 'Grant', 'Interaction', 'DeviceCode', 'BackchannelAuthenticationRequest'])

/** Two people may answer one request at once: the first answer stands. */
const answeredOnce = new Set(['DeviceCode', 'BackchannelAuthenticationRequest'])

/** What a request read, so that its write can tell what it changed. */
type Read = { id: string | undefined; payload: string | null; writtenAt: number }

/**
 * An object of the payload that the provider hands back as it is when it saves: whoever holds it read this row. Nothing
 * else in a payload tells which version a request saw.
 */
function trace(model: string, payload: Payload): object | undefined {
  const traced = model === 'Session' ? payload.authorizations : answeredOnce.has(model) ? payload.params : undefined
  return isRecord(traced) ? traced : undefined
}

const newest = (by: 'written_at' | 'expires_at', rows: Found[]): Found | undefined =>
  rows.toSorted((a, b) => (b[by] ?? 0) - (a[by] ?? 0))[0]

/** The storage on an open, migrated database. */
export function oidcAdapter(
  db: Database,
  { clock = systemClock, clients }: OidcAdapterOptions = {},
): OidcAdapterFactory {
  const sql = oidcSql(db)
  const { words } = sql
  // Each entry lives as long as the request that read the row.
  const reads = new WeakMap<object, Read>()
  const revocations = new Map<string, Promise<void>>()

  const remember = (model: string, payload: Payload, read: Read): void => {
    const traced = trace(model, payload)
    if (traced) reads.set(traced, read)
  }

  /** The session that got a new id was never read under it. */
  const recall = (model: string, payload: Payload, id: string): Read | undefined => {
    const traced = trace(model, payload)
    const read = traced && reads.get(traced)
    return read?.id === id ? read : undefined
  }

  const given = (model: string, row: Found | undefined, id?: string): AdapterPayload | undefined => {
    if (!row) return undefined
    const payload = unpack(model, row, id)
    if (payload)
      remember(model, payload, {
        id: payload.jti as string | undefined,
        payload: row.payload,
        writtenAt: row.written_at,
      })
    return payload
  }

  const endAt = (now: number, expiresIn: number | undefined): number | null =>
    expiresIn === undefined ? null : now + expiresIn * 1000

  async function replace(model: string, id: string, payload: Payload, expiresIn?: number): Promise<void> {
    const now = clock.now()
    await sql.run(
      words.replace,
      insertValues(digestOf(model, id), model, pack(model, id, payload), now, endAt(now, expiresIn)),
    )
  }

  /** Writes what was made of `read`; false when the row was written since. */
  async function update(model: string, id: string, payload: Payload, read: Read, expiresIn?: number): Promise<boolean> {
    const now = clock.now()
    const row = pack(model, id, payload)
    const values = updateValues(digestOf(model, id), row, now, read.writtenAt, endAt(now, expiresIn))
    if ((await sql.run(words.update, values)) === 0) return false
    remember(model, payload, { id, payload: row.payload, writtenAt: Math.max(now, read.writtenAt + 1) })
    return true
  }

  async function insert(model: string, id: string, payload: Payload, expiresIn?: number): Promise<boolean> {
    const now = clock.now()
    const row = pack(model, id, payload)
    if ((await sql.run(words.insert, insertValues(digestOf(model, id), model, row, now, endAt(now, expiresIn)))) === 0)
      return false
    remember(model, payload, { id, payload: row.payload, writtenAt: now })
    return true
  }

  /**
   * The provider writes the whole session back on every authorization request: eight at once would each forget the other
   * seven. So a write that comes after another's is made again of what that one left.
   */
  async function saveSession(id: string, payload: Payload, expiresIn?: number): Promise<void> {
    const read = recall('Session', payload, id)
    if (read ? await update('Session', id, payload, read, expiresIn) : await insert('Session', id, payload, expiresIn))
      return
    const base = parsePayload(read?.payload ?? null) ?? {}
    for (;;) {
      const [stored] = await sql.all(words.read, [digestOf('Session', id)])
      if (!stored || stored.ended === 1) return
      const theirs = unpack('Session', stored, id)
      const merged = theirs ? mergeSessions({ ...base, jti: id }, { ...payload, jti: id }, theirs) : payload
      if (await update('Session', id, merged, { id, payload: stored.payload, writtenAt: stored.written_at }, expiresIn))
        return
    }
  }

  async function saveAnswer(model: string, id: string, payload: Payload, expiresIn?: number): Promise<void> {
    const read = recall(model, payload, id)
    if (!read) {
      await replace(model, id, payload, expiresIn)
      return
    }
    if (!(await update(model, id, payload, read, expiresIn)))
      throw new errors.InvalidRequest('this request was answered already')
  }

  /** RFC 9449 §11.1, RFC 7523 §3: the provider looks and then writes; of two at once, the second write is the replay. */
  async function saveOnce(model: string, id: string, payload: Payload, expiresIn?: number): Promise<void> {
    if (await insert(model, id, payload, expiresIn)) return
    const now = clock.now()
    const again = [pack(model, id, payload).payload, now, endAt(now, expiresIn), digestOf(model, id), now]
    if ((await sql.run(words.insertAgain, again)) === 0)
      throw new errors.InvalidRequest('a proof or assertion must only be used once')
  }

  /**
   * RFC 6749 §4.1.2, RFC 9700 §4.14.2: using a code or a rotated refresh token twice revokes the grant. The provider saw it
   * unused a moment ago; whoever comes second here has replayed it. One that is gone was revoked meanwhile.
   */
  async function consume(model: string, id: string): Promise<void> {
    const digest = digestOf(model, id)
    if ((await sql.run(words.consume, [clock.now(), digest])) === 1) return
    if (model === 'PushedAuthorizationRequest')
      throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used')
    const [row] = await sql.all(words.grantOf, [digest])
    if (row?.grant_id) {
      // The grant first: what the winner is about to store hangs on it and is absent from then on.
      await sql.run(words.end, [row.grant_id])
      await sql.run(words.removeByGrant, [row.grant_id])
    }
    throw new errors.InvalidGrant('already consumed')
  }

  /** The provider calls this on each kind of token in one go: all of them go in one statement, begun after the last call. */
  function revokeByGrantId(grantId: string): Promise<void> {
    const begun = revocations.get(grantId)
    if (begun) return begun
    const revocation = Promise.resolve().then(async () => {
      revocations.delete(grantId)
      await sql.run(words.removeByGrant, [digestOf('Grant', grantId)])
    })
    revocations.set(grantId, revocation)
    return revocation
  }

  const saves: Record<string, typeof replace> = { ReplayDetection: saveOnce }
  for (const model of answeredOnce) saves[model] = saveAnswer

  function adapterOf(model: string): Adapter {
    const save = saves[model] ?? replace
    return {
      upsert: (id, payload, expiresIn) =>
        model === 'Session' ? saveSession(id, payload, expiresIn) : save(model, id, payload, expiresIn),
      find: async (id) => given(model, (await sql.all(words.find, [digestOf(model, id)]))[0], id),
      findByUid: async (uid) => given(model, newest('written_at', await sql.all(words.findByUid, [uid, model]))),
      findByUserCode: async (code) =>
        given(model, newest('expires_at', await sql.all(words.findByUserCode, [code, model]))),
      consume: (id) => consume(model, id),
      destroy: async (id) => {
        await sql.run(writtenBack.has(model) ? words.end : words.remove, [digestOf(model, id)])
      },
      revokeByGrantId,
    }
  }

  const clientAdapter = (find: NonNullable<typeof clients>): Adapter => {
    const refuse = async (): Promise<never> => {
      throw new Error('clients are not registered through the provider')
    }
    return { ...adapterOf('Client'), find, upsert: refuse, destroy: refuse }
  }

  // oidc-provider calls this with `new`; what a constructor returns is what `new` gives.
  function OidcAdapter(model: string): Adapter {
    return model === 'Client' && clients ? clientAdapter(clients) : adapterOf(model)
  }

  const sessions = sessionStore(db.knex)
  return Object.assign(OidcAdapter as unknown as { (model: string): Adapter; new (model: string): Adapter }, {
    ...sessions,
    signOut: (accountId: string, at: number) => db.transaction((knex) => sessionStore(knex).signOut(accountId, at)),
    end: (accountId: string, clientIds: readonly string[]) =>
      db.transaction((knex) => sessionStore(knex).end(accountId, clientIds)),
    sweep: (limit = 500) => sql.run(words.sweep(limit), [clock.now() - SWEPT_AFTER_MS]),
  })
}

/**
 * Opens and migrates a database (`sqlite::memory:`, `sqlite:/path`, `mysql://user:password@host:port/database`) as the
 * storage of an oidc-provider, with nothing else of Schedar. Throws `invalid_value` for another URL and
 * `database_unavailable` when it cannot be reached.
 */
export async function openOidcAdapter(
  url: string,
  options: OidcAdapterOptions = {},
): Promise<OidcAdapterFactory & { close(): Promise<void> }> {
  const db = openDatabase(url)
  await migrate(db)
  return Object.assign(oidcAdapter(db, options), { close: () => db.close() })
}
