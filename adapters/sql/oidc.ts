// The storage of oidc-provider on SQLite and MariaDB/MySQL: the hot path, and the place where the provider's own races are
// closed. The provider decides on what it read a moment ago; here each decision is one conditional statement.
//
// What a power cut may lose: on SQLite these rows are written with synchronous=NORMAL, so the last moments before it (since
// the last checkpoint or transaction of the core) may be undone as a whole: a sign-in, a token, but also the mark that a
// code or refresh token was used, or a logout. Nothing is torn, and a crash of the process alone loses nothing. What the
// core decides (`signOut`, `end`) is on disk when its transaction returns. MariaDB keeps everything it acknowledged.
import { type Adapter, errors } from 'oidc-provider'
import type { Clock, SessionStore } from '../../src/ports.ts'
import { systemClock } from '../system/clock.ts'
import { type Database, databaseError, openDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { digestOf, type Payload } from './oidc-rows.ts'
import { saving } from './oidc-saving.ts'
import { sessionStore } from './oidc-sessions.ts'
import { type Found, type OidcSql, oidcSql, setSignOutsRight } from './oidc-statements.ts'

export { sessionStore }

export type OidcAdapterOptions = {
  clock?: Clock
  /** Serves the model Client from elsewhere, as RFC 7591 metadata; nothing registers clients through the provider then. */
  clients?: (clientId: string) => Promise<Payload | undefined>
}

/** What goes into `new Provider(issuer, { adapter })`. */
export type OidcAdapterFactory = { (model: string): Adapter; new (model: string): Adapter } & SessionStore & {
    /**
     * Removes up to `limit` rows (500) that expired more than a minute ago, the oldest first; how many there were. Sign-outs by
     * a clock that went back by more than a minute are set right.
     */
    sweep(limit?: number): Promise<number>
  }

/** How long after its end a row stays: longer than any clock tolerance of the provider. */
const SWEPT_AFTER_MS = 60_000
/** Clocks of several machines are never further apart: a sign-out later than that is by a clock that went back since. */
const APART_MS = 60_000

/** Read, changed and written back by the provider: a request in flight must not raise one that was destroyed. */
const writtenBack = new Set(['Session', 'Grant', 'Interaction', 'DeviceCode', 'BackchannelAuthenticationRequest'])

const newest = (by: 'written_at' | 'expires_at', rows: Found[]): Found | undefined =>
  rows.toSorted((a, b) => (b[by] ?? 0) - (a[by] ?? 0))[0]

/** The storage on an open, migrated database. */
export function oidcAdapter(
  db: Database,
  { clock = systemClock, clients }: OidcAdapterOptions = {},
): OidcAdapterFactory {
  const sql = oidcSql(db)
  const adapterOf = adapters(sql, clock)
  const refuse = async (): Promise<never> => {
    throw new Error('clients are not registered through the provider')
  }

  // oidc-provider calls this with `new`; what a constructor returns is what `new` gives.
  function OidcAdapter(model: string): Adapter {
    const adapter = adapterOf(model)
    return model === 'Client' && clients ? { ...adapter, find: clients, upsert: refuse, destroy: refuse } : adapter
  }
  return Object.assign(OidcAdapter as unknown as { (model: string): Adapter; new (model: string): Adapter }, {
    ...sessionsOf(db),
    async sweep(limit = 500) {
      const now = clock.now()
      await sql.run(setSignOutsRight, [now, now + APART_MS, now + APART_MS])
      return sql.run(sql.words.sweep(limit), [now - SWEPT_AFTER_MS])
    },
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
  await told(migrate(db)).catch(async (error: unknown) => {
    await db.close().catch(() => {})
    throw error
  })
  return Object.assign(oidcAdapter(db, options), { close: () => db.close() })
}

const told = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw databaseError(error) ?? error
  })

/** The session store outside a transaction of the core's. */
function sessionsOf(db: Database): SessionStore {
  const store = sessionStore(db.knex)
  return {
    signOut: (accountId, at) => told(db.transaction((knex) => sessionStore(knex).signOut(accountId, at))),
    held: (accountId) => told(store.held(accountId)),
    heldBy: (accountIds) => told(store.heldBy(accountIds)),
    holders: (after, limit) => told(store.holders(after, limit)),
    end: (accountId, clientIds) => told(db.transaction((knex) => sessionStore(knex).end(accountId, clientIds))),
  }
}

function adapters(sql: OidcSql, clock: Clock): (model: string) => Adapter {
  const { words } = sql
  const { open, saveAs } = saving(sql, clock)
  const revokeByGrantId = revoking(sql)
  return (model) => {
    const save = saveAs(model)
    return {
      upsert: (id, payload, expiresIn) => save(model, id, payload, expiresIn),
      find: async (id) => open(model, (await sql.find(words.find, model, id, () => [digestOf(model, id)]))[0], id),
      findByUid: async (uid) =>
        open(model, newest('written_at', await sql.find(words.findByUid, model, uid, () => [uid, model]))),
      findByUserCode: async (code) =>
        open(model, newest('expires_at', await sql.find(words.findByUserCode, model, code, () => [code, model]))),
      consume: (id) => consume(sql, model, id, clock.now()),
      destroy: async (id) => {
        await sql.run(writtenBack.has(model) ? words.end : words.remove, [digestOf(model, id)])
      },
      revokeByGrantId,
    }
  }
}

/**
 * RFC 6749 §4.1.2, RFC 9700 §4.14.2: using a code or a rotated refresh token twice revokes the grant. The provider saw it
 * unused a moment ago; whoever comes second here has replayed it. One that is gone was revoked meanwhile.
 */
async function consume(sql: OidcSql, model: string, id: string, now: number): Promise<void> {
  const digest = digestOf(model, id)
  if ((await sql.run(sql.words.consume, [now, digest])) === 1) return
  if (model === 'PushedAuthorizationRequest')
    throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used')
  const [row] = await sql.all(sql.words.grantOf, [digest])
  if (row?.grant_id) {
    // The grant first: what the winner is about to store hangs on it and is absent from then on.
    await sql.run(sql.words.end, [row.grant_id])
    await sql.run(sql.words.removeByGrant, [row.grant_id])
  }
  throw new errors.InvalidGrant('already consumed')
}

/** The provider calls this on each kind of token in one go: all of them go in one statement, begun after the last call. */
function revoking(sql: OidcSql): (grantId: string) => Promise<void> {
  const awaited = new Map<string, Promise<void>>()
  return (grantId) => {
    const known = awaited.get(grantId)
    if (known) return known
    const revocation = Promise.resolve().then(async () => {
      awaited.delete(grantId)
      await sql.run(sql.words.removeByGrant, [digestOf('Grant', grantId)])
    })
    awaited.set(grantId, revocation)
    return revocation
  }
}
