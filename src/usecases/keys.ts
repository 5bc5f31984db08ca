// Signing keys: one ES256 and one RS256 sign, their successors are published beforehand, their predecessors remain
// published until no token of theirs is alive. Rotation never needs a restart.
import { createPrivateKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'oidc-provider'
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { Instant } from '../domain/time.ts'
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

type Keys = readonly SigningKey[]
const of = (keys: Keys, alg: Alg, state: SigningKey['state']): SigningKey | undefined =>
  keys.find((key) => key.alg === alg && key.state === state)
const isDue = (key: SigningKey | undefined, at: Instant, after: number): boolean => !!key && at - key.changedAt >= after

/** A key of each algorithm. Made before the transaction that may need them: an RSA key takes longer than a write may wait. */
const newKeys = (core: Core, algs: readonly Alg[], state: SigningKey['state']): Promise<SigningKey[]> =>
  Promise.all(algs.map((alg) => newKey(core, alg, state)))

/** The keys, which nobody else changes until the transaction ends: its first write lets one instance at a time through. */
async function lockedKeys({ settings, keys }: Stores, at: Instant): Promise<SigningKey[]> {
  await settings.set('keys.changed_at', String(at))
  return keys.list()
}

/** Make the first keys of an installation; several instances that start at once make one set. */
export async function ensureKeys(core: Core): Promise<SigningKey[]> {
  const there = await core.store.keys.list()
  const missing = algorithms.filter((alg) => !of(there, alg, 'current'))
  if (missing.length === 0) return there
  const made = await newKeys(core, missing, 'current')
  return core.store.transaction(async (stores) => {
    const keys = await lockedKeys(stores, core.clock.now())
    for (const key of made) if (!of(keys, key.alg, 'current')) await stores.keys.add(key)
    return stores.keys.list()
  })
}

/** Let the next key of an algorithm sign, when it was published long enough ago. */
async function promote(stores: Stores, keys: Keys, alg: Alg, at: Instant): Promise<string | undefined> {
  const next = of(keys, alg, 'next')
  if (!next || !isDue(next, at, PUBLISH_BEFORE_MS)) return undefined
  const current = of(keys, alg, 'current')
  if (current) await stores.keys.setState(current.kid, 'retired', at)
  await stores.keys.setState(next.kid, 'current', at)
  return `${alg}: ${next.kid} signs from now on`
}

async function publish(stores: Stores, keys: Keys, made: SigningKey): Promise<string | undefined> {
  if (of(keys, made.alg, 'next')) return undefined
  await stores.keys.add(made)
  return `${made.alg}: ${made.kid} is published and signs in two hours`
}

/** A fresh key alone, at once. What is published verifies: whoever has a leaked key could sign as long as it is there. */
async function replace(stores: Stores, keys: Keys, made: SigningKey): Promise<string> {
  for (const key of keys) if (key.alg === made.alg) await stores.keys.remove(key.kid)
  await stores.keys.add(made)
  return `${made.alg}: ${made.kid} signs from now on; no earlier key counts any more`
}

/**
 * Move each algorithm one step on: publish the next key, or, when it was published long enough ago, let it sign. With
 * `force`, for a key that leaked, a fresh key signs at once and the others are gone: clients that cached the JWKS fail
 * until they fetch it again.
 */
export const rotateKeys =
  (core: Core) =>
  async ({ actor, force = false }: { actor: Actor; force?: boolean }): Promise<string[]> => {
    const made = await newKeys(core, algorithms, force ? 'current' : 'next')
    return core.store.transaction(async (stores) => {
      const at = core.clock.now()
      const keys = await lockedKeys(stores, at)
      const done: string[] = []
      for (const key of made) {
        const line = force
          ? await replace(stores, keys, key)
          : ((await promote(stores, keys, key.alg, at)) ?? (await publish(stores, keys, key)))
        if (line) done.push(line)
      }
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
  }

const isOver = (key: SigningKey, at: Instant): boolean => key.state === 'retired' && isDue(key, at, PUBLISH_AFTER_MS)

/** What time does by itself: a key published long enough signs, one retired long enough goes. */
export async function tendKeys(core: Core): Promise<void> {
  const at = core.clock.now()
  const there = await core.store.keys.list()
  if (!there.some((key) => isOver(key, at) || (key.state === 'next' && isDue(key, at, PUBLISH_BEFORE_MS)))) return
  await core.store.transaction(async (stores) => {
    const keys = await lockedKeys(stores, at)
    for (const alg of algorithms) await promote(stores, keys, alg, at)
    for (const key of keys) if (isOver(key, at)) await stores.keys.remove(key.kid)
  })
}
