// How the provider's payloads are saved so that none of two requests at once is forgotten, raised or believed twice.
import { errors } from 'oidc-provider'
import type { Clock } from '../../src/ports.ts'
import { digestOf, isRecord, mergeSessions, type Payload, pack, parsePayload, unpack } from './oidc-rows.ts'
import { type Found, insertValues, type OidcSql, updateValues } from './oidc-statements.ts'

export type Save = (model: string, id: string, payload: Payload, expiresIn?: number) => Promise<void>

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

/** What was read of each row, for as long as the request that read it lives. */
function readings() {
  const reads = new WeakMap<object, Read>()
  return {
    remember(model: string, payload: Payload, read: Read): void {
      const traced = trace(model, payload)
      if (traced) reads.set(traced, read)
    },
    /** A session that got a new id was never read under it. */
    recall(model: string, payload: Payload, id: string): Read | undefined {
      const traced = trace(model, payload)
      const read = traced && reads.get(traced)
      return read?.id === id ? read : undefined
    },
  }
}

const endAt = (now: number, expiresIn: number | undefined): number | null =>
  expiresIn === undefined ? null : now + expiresIn * 1000

export function saving(sql: OidcSql, clock: Clock) {
  const { words } = sql
  const { remember, recall } = readings()

  /** The payload in a row, found under `id` or by something else. */
  function open(model: string, row: Found | undefined, id?: string): Payload | undefined {
    const payload = row && unpack(model, row, id)
    if (payload)
      remember(model, payload, {
        id: id ?? (payload.jti as string | undefined),
        payload: row.payload,
        writtenAt: row.written_at,
      })
    return payload
  }

  /** True when there was none. */
  async function insert(model: string, id: string, payload: Payload, expiresIn?: number): Promise<boolean> {
    const now = clock.now()
    const row = pack(model, id, payload)
    const values = insertValues(digestOf(model, id), model, row, now, endAt(now, expiresIn))
    if ((await sql.run(words.insert, values)) === 0) return false
    remember(model, payload, { id, payload: row.payload, writtenAt: now })
    return true
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

  const replace: Save = async (model, id, payload, expiresIn) => {
    const now = clock.now()
    const values = insertValues(digestOf(model, id), model, pack(model, id, payload), now, endAt(now, expiresIn))
    await sql.run(words.replace, values)
  }

  /**
   * The provider writes the whole session back on every authorization request: eight at once would each forget the other
   * seven. So a write that comes after another's is made again of what that one left.
   */
  const saveSession: Save = async (model, id, payload, expiresIn) => {
    const read = recall(model, payload, id)
    if (read ? await update(model, id, payload, read, expiresIn) : await insert(model, id, payload, expiresIn)) return
    const base = parsePayload(read?.payload ?? null) ?? {}
    for (;;) {
      const [stored] = await sql.all(words.read, [digestOf(model, id)])
      if (!stored || stored.ended === 1) return
      const theirs = unpack(model, stored, id)
      const merged = theirs ? mergeSessions({ ...base, jti: id }, { ...payload, jti: id }, theirs) : payload
      const seen = { id, payload: stored.payload, writtenAt: stored.written_at }
      if (await update(model, id, merged, seen, expiresIn)) return
    }
  }

  const saveAnswer: Save = async (model, id, payload, expiresIn) => {
    const read = recall(model, payload, id)
    if (!read) await replace(model, id, payload, expiresIn)
    else if (!(await update(model, id, payload, read, expiresIn)))
      throw new errors.InvalidRequest('this request was answered already')
  }

  /** RFC 9449 §11.1, RFC 7523 §3: the provider looks and then writes; of two at once, the second write is the replay. */
  const saveOnce: Save = async (model, id, payload, expiresIn) => {
    if (await insert(model, id, payload, expiresIn)) return
    const now = clock.now()
    const again = [pack(model, id, payload).payload, now, endAt(now, expiresIn), digestOf(model, id), now]
    if ((await sql.run(words.insertAgain, again)) === 0)
      throw new errors.InvalidRequest('a proof or assertion must only be used once')
  }

  const saveAs = (model: string): Save => {
    if (model === 'Session') return saveSession
    if (model === 'ReplayDetection') return saveOnce
    return answeredOnce.has(model) ? saveAnswer : replace
  }
  return { open, saveAs }
}
