// Signing keys: one ES256 and one RS256 sign, their successors are published beforehand, their predecessors remain
// published until no token of theirs is alive. Rotation never needs a restart.
import { createPrivateKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'oidc-provider'
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { SigningKey, Stores } from '../ports.ts'

export const algorithms = ['ES256', 'RS256'] as const
type Alg = (typeof algorithms)[number]

const HOUR = 3_600_000
/** Longer than clients keep a JWKS (our kits: an hour); a new key is published for that long before it signs. */
export const PUBLISH_BEFORE_MS = 2 * HOUR
/** Longer than an ID token or a logout token is good; `id_token_hint` of older ones is refused. */
export const PUBLISH_AFTER_MS = 48 * HOUR

const generate = promisify(generateKeyPair) as (
  type: string,
  options: object,
) => Promise<{ privateKey: { export(options: object): string } }>
const keyContext = (kid: string): string => `signing-key:${kid}`

async function newKey(
  core: Pick<Core, 'clock' | 'random' | 'vault'>,
  alg: Alg,
  state: SigningKey['state'],
): Promise<SigningKey> {
  const encoding = {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }
  const { privateKey } = (await generate(alg === 'ES256' ? 'ec' : 'rsa', {
    ...(alg === 'ES256' ? { namedCurve: 'P-256' } : { modulusLength: 2048 }),
    ...encoding,
  })) as unknown as { privateKey: string }
  const kid = core.random.token(9)
  const jwk = { ...createPrivateKey(privateKey).export({ format: 'jwk' }), kid, alg, use: 'sig' }
  const at = core.clock.now()
  return {
    kid,
    alg,
    state,
    sealedJwk: core.vault.seal(JSON.stringify(jwk), keyContext(kid)),
    createdAt: at,
    changedAt: at,
  }
}

export const openKey = (core: Pick<Core, 'vault'>, key: SigningKey): JWK =>
  JSON.parse(core.vault.open(key.sealedJwk, keyContext(key.kid)))

/** Make the first keys of an installation; several instances that start at once make one set. */
export const ensureKeys = (core: Core): Promise<SigningKey[]> =>
  core.store.transaction(async (stores) => {
    const keys = await stores.keys.list()
    for (const alg of algorithms)
      if (!keys.some((key) => key.alg === alg && key.state === 'current'))
        await stores.keys.add(await newKey(core, alg, 'current'))
    return stores.keys.list()
  })

/** One step of one algorithm, if its time has come: publish a next key; let it sign; take the retired one down. */
async function step(core: Core, stores: Stores, keys: readonly SigningKey[], alg: Alg): Promise<string | undefined> {
  const at = core.clock.now()
  const one = (state: SigningKey['state']) => keys.find((key) => key.alg === alg && key.state === state)
  const next = one('next')
  if (next && at - next.changedAt >= PUBLISH_BEFORE_MS) {
    const current = one('current')
    if (current) await stores.keys.setState(current.kid, 'retired', at)
    await stores.keys.setState(next.kid, 'current', at)
    return `${alg}: ${next.kid} signs from now on`
  }
  if (next) return undefined
  const made = await newKey(core, alg, 'next')
  await stores.keys.add(made)
  return `${alg}: ${made.kid} is published and signs in two hours`
}

/** A fresh key alone, at once. What is published verifies: whoever has a leaked key could sign as long as it is there. */
async function replace(core: Core, stores: Stores, keys: readonly SigningKey[], alg: Alg): Promise<string> {
  const made = await newKey(core, alg, 'current')
  for (const key of keys) if (key.alg === alg) await stores.keys.remove(key.kid)
  await stores.keys.add(made)
  return `${alg}: ${made.kid} signs from now on; no earlier key counts any more`
}

/**
 * Move each algorithm one step on: publish the next key, or, when it was published long enough ago, let it sign. With
 * `force`, for a key that leaked, a fresh key signs at once and the others are gone: clients that cached the JWKS fail
 * until they fetch it again.
 */
export const rotateKeys =
  (core: Core) =>
  ({ actor, force = false }: { actor: Actor; force?: boolean }): Promise<string[]> =>
    core.store.transaction(async (stores) => {
      const keys = await stores.keys.list()
      const done = (
        await Promise.all(algorithms.map((alg) => (force ? replace : step)(core, stores, keys, alg)))
      ).filter((line) => line !== undefined)
      if (done.length === 0)
        throw new AppError('conflict', {
          detail: 'the next keys were published less than two hours ago; wait, or use --force if a key leaked',
        })
      await audit(core, stores, {
        action: 'keys.rotated',
        actor,
        subjectKind: 'keys',
        subjectId: 'signing',
        payload: { done, force },
      })
      return done
    })

/** What time does by itself: a key published long enough signs, one retired long enough goes. */
export const tendKeys = (core: Core): Promise<void> =>
  core.store.transaction(async (stores) => {
    const at = core.clock.now()
    const keys = await stores.keys.list()
    for (const alg of algorithms) {
      const next = keys.find((key) => key.alg === alg && key.state === 'next')
      if (next && at - next.changedAt >= PUBLISH_BEFORE_MS) await step(core, stores, keys, alg)
    }
    for (const key of keys)
      if (key.state === 'retired' && at - key.changedAt >= PUBLISH_AFTER_MS) await stores.keys.remove(key.kid)
  })
