// Telling a client somebody's roles there: one POST of a signed token of its own type. It is a security event token
// (RFC 8417) with a narrower `typ`, so that nobody takes it for a logout token or an ID token (RFC 8725 §3.11).
import { createPrivateKey, sign } from 'node:crypto'
import type { Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { openKey } from '../usecases/keys.ts'
import { statusUriOf } from '../usecases/lowered-roles.ts'

const STATUS_TYP = 'schedar-status+jwt'
const STATUS_EVENT = 'urn:schedar:event:status'

const LIFETIME_SECONDS = 120
const ANSWER_MS = 5_000

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A compact JWS by the current ES256 key, which every client of ours can verify (RFC 7515, RFC 7518 §3.4). */
async function signed({ store, vault }: Core, typ: string, claims: object): Promise<string> {
  const key = (await store.keys.list()).find(({ alg, state }) => alg === 'ES256' && state === 'current')
  if (!key) throw new AppError('unexpected', { detail: 'there is no current ES256 key' })
  const input = `${base64url({ alg: 'ES256', typ, kid: key.kid })}.${base64url(claims)}`
  const { kty, crv, d, x, y } = openKey({ vault }, key)
  const privateKey = createPrivateKey({ key: { kty, crv, d, x, y }, format: 'jwk' })
  return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/**
 * Posts the roles that an account has at a client now. Throws `service_unavailable` when the client does not acknowledge
 * them; one that is gone, disabled, or keeps no rights of its own has nothing to be told.
 */
export async function sendStatus(
  core: Core,
  { clientId, accountId }: { clientId: string; accountId: string },
  signal: AbortSignal,
): Promise<void> {
  const client = await core.store.clients.get(clientId)
  const uri = client && client.disabledAt === null ? statusUriOf(client) : undefined
  if (!uri) return
  const { account, here } = await core.doors.accountAt(accountId, clientId)
  const roles = account && !account.closed ? here.roles : []
  const iat = Math.floor(core.clock.now() / 1000)
  const token = await signed(core, STATUS_TYP, {
    iss: core.config.issuer,
    aud: clientId,
    sub: accountId,
    iat,
    exp: iat + LIFETIME_SECONDS,
    jti: core.random.token(16),
    events: { [STATUS_EVENT]: { roles } },
  })
  // A site may be on this very machine, so no guard against private addresses. One that a member registered is https on its own
  // name: wherever that leads, nobody without its certificate is asked anything; and no redirect leads elsewhere.
  const { ok, status, body } = await fetch(uri, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ status_token: token }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
  })
  await body?.cancel()
  if (!ok) throw new AppError('service_unavailable', { detail: `the client answered ${status} to a status token` })
}
