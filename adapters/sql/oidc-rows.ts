// How a payload of the provider becomes a row, and a row a payload. Pure.
//
// A row is found by a digest of its id, and the id itself (what a browser or a client bears) is left out and put back by
// `unpack`. Still in a payload, because the provider needs it back: a DeviceCode's `jti` and `userCode`, the `deviceCode`
// and `parJti` of an Interaction (minutes, and of use to their own client only), a request's parameters with `nonce`,
// `state`, `login_hint` and `code_challenge`, a Session's `uid` and its form secret, each client's `sid` and `grantId`, and
// the `client_secret` of clients that registered through the provider. Schedar's own clients are not kept here.
import { hash } from 'node:crypto'

export type Payload = Record<string, unknown>

/** The digest by which a row is found. By way of hex: asked for a Buffer, Node makes one outside its pool, at twice the cost. */
export const digestOf = (model: string, id: string): Buffer =>
  Buffer.from(hash('sha256', `${model}:${id}`, 'hex'), 'hex')

export type Packed = {
  accountId: string | null
  clientId: string | null
  /** The id of the Grant's row on which this one hangs. */
  grantId: Buffer | null
  uid: string | null
  userCode: string | null
  /** The browser session this came from: it began when that session did. */
  sessionUid: string | null
  payload: string
  consumed: boolean
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
export const isRecord = (value: unknown): value is Payload =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const record = (value: unknown): Payload => (isRecord(value) ? value : {})

/** Stands for the id in an Interaction's `returnTo`: no URL can hold a line feed. */
const HERE = '\n'

function withoutId(model: string, id: string, { jti, consumed: _, ...payload }: Payload): Payload {
  // A client's id is no secret, and findByUserCode has to give a device code back.
  if (model === 'Client' || model === 'DeviceCode') return { ...payload, jti }
  if (model !== 'Interaction') return payload
  // The browser's cookie; the provider writes it here and never reads it.
  const { cookie: _cookie, ...session } = record(payload.session)
  return {
    ...payload,
    session: isRecord(payload.session) ? session : undefined,
    returnTo: text(payload.returnTo)?.replaceAll(id, HERE),
  }
}

/** An Interaction belongs to the account that signs in with it, or that began it. */
const accountOf = (model: string, payload: Payload): string | null =>
  text(
    model === 'Interaction'
      ? (record(record(payload.result).login).accountId ?? record(payload.session).accountId)
      : payload.accountId,
  )

export function pack(model: string, id: string, payload: Payload): Packed {
  const grantId = model === 'Interaction' ? null : text(payload.grantId)
  return {
    accountId: accountOf(model, payload),
    clientId: text(payload.clientId),
    grantId: grantId === null ? null : digestOf('Grant', grantId),
    uid: text(payload.uid),
    userCode: text(payload.userCode),
    sessionUid: text(payload.uid ?? payload.sessionUid ?? record(payload.session).uid),
    payload: JSON.stringify(withoutId(model, id, payload)),
    consumed: Boolean(payload.consumed),
  }
}

/** The payload in a row; undefined when somebody left something there that is none. */
export function parsePayload(stored: string | null): Payload | undefined {
  if (stored === null) return undefined
  try {
    const payload: unknown = JSON.parse(stored)
    return isRecord(payload) ? payload : undefined
  } catch {
    return undefined
  }
}

/** The payload as the provider gave it. Without an id (found by uid or user code) it has no more than was kept. */
export function unpack(
  model: string,
  stored: { payload: string | null; consumed_at: number | null },
  id?: string,
): Payload | undefined {
  const payload = parsePayload(stored.payload)
  if (!payload) return undefined
  if (stored.consumed_at !== null) payload.consumed = Math.floor(stored.consumed_at / 1000)
  if (id === undefined || model === 'Client') return payload
  payload.jti = id
  if (model === 'Interaction' && typeof payload.returnTo === 'string')
    payload.returnTo = payload.returnTo.replaceAll(HERE, id)
  return payload
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** What `mine` changed since `base`, done to `theirs`. */
function rebase(base: Payload, mine: Payload, theirs: Payload): Payload {
  const merged = new Map(Object.entries(theirs))
  for (const name of Object.keys({ ...base, ...mine })) {
    if (same(base[name], mine[name])) continue
    if (mine[name] === undefined) merged.delete(name)
    else merged.set(name, mine[name])
  }
  return Object.fromEntries(merged)
}

/**
 * The session that a request writes back, with what others wrote since that request read it. `base` is what it read:
 * an authorization that was taken out meanwhile stays out, and one that this request took out goes.
 */
export function mergeSessions(base: Payload, mine: Payload, theirs: Payload): Payload {
  if (mine.uid !== theirs.uid || mine.accountId !== theirs.accountId) return mine
  const authorizations = rebase(record(base.authorizations), record(mine.authorizations), record(theirs.authorizations))
  return { ...rebase(base, mine, theirs), authorizations }
}
