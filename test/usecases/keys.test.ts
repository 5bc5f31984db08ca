import { createPublicKey, sign, verify } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import type { SigningKey } from '../../src/ports.ts'
import {
  algorithms,
  ensureKeys,
  openKey,
  PUBLISH_AFTER_MS,
  PUBLISH_BEFORE_MS,
  rotateKeys,
  tendKeys,
} from '../../src/usecases/keys.ts'
import { type Stage, stage } from '../support/stage.ts'

let on: Stage
beforeEach(async () => {
  on = await stage([])
  return () => on.close()
})
const core = () => on.first.core
const keys = () => on.first.store.keys.list()
const states = async () => {
  const all = await keys()
  return Object.fromEntries(
    algorithms.map((alg) => [
      alg,
      all
        .filter((key) => key.alg === alg)
        .map(({ state }) => state)
        .toSorted(),
    ]),
  )
}
const both = (...list: SigningKey['state'][]) => ({ ES256: list, RS256: list })
const rotate = (force = false) => rotateKeys(core())({ actor: 'test', force })
const signing = async (alg: SigningKey['alg']) =>
  (await keys()).find((key) => key.alg === alg && key.state === 'current')!.kid

test('the first keys: one of each algorithm, sealed, and they sign', async () => {
  const made = await ensureKeys(core())
  expect(await states()).toEqual(both('current'))
  expect(await ensureKeys(core())).toEqual(made)
  for (const key of made) {
    const jwk = openKey(core(), key)
    expect(jwk).toMatchObject({
      kid: key.kid,
      alg: key.alg,
      use: 'sig',
      kty: key.alg === 'ES256' ? 'EC' : 'RSA',
      d: expect.any(String),
    })
    expect(key.sealedJwk).not.toContain(jwk.d)
    const { d: _, ...open } = jwk
    const [secret, shown] = [
      { key: jwk as never, format: 'jwk' as const },
      createPublicKey({ key: open as never, format: 'jwk' }),
    ]
    expect(verify('sha256', Buffer.from('x'), shown, sign('sha256', Buffer.from('x'), secret))).toBe(true)
    expect(() => openKey(core(), { ...key, kid: 'other' })).toThrow(expect.objectContaining({ code: 'unexpected' }))
  }
})

test('several instances that start at once make one set', async () => {
  const second = await on.open({ owner: 'two' })
  await Promise.all([core(), second.core, core(), second.core].map((one) => ensureKeys(one)))
  expect(await states()).toEqual(both('current'))
})

describe('rotation', () => {
  beforeEach(async () => {
    await ensureKeys(core())
  })

  test('published first, signs two hours later, and is taken down two days after it was retired', async () => {
    const old = await signing('ES256')
    expect(await rotate()).toHaveLength(2)
    expect(await states()).toEqual(both('current', 'next'))
    expect(await signing('ES256')).toBe(old)
    on.clock.advance(PUBLISH_BEFORE_MS - 1)
    await tendKeys(core())
    expect(await signing('ES256')).toBe(old)
    await expect(rotate()).rejects.toMatchObject({ code: 'conflict' })
    on.clock.advance(1)
    await tendKeys(core())
    expect(await states()).toEqual(both('current', 'retired'))
    expect(await signing('ES256')).not.toBe(old)
    on.clock.advance(PUBLISH_AFTER_MS - 1)
    await tendKeys(core())
    expect(await states()).toEqual(both('current', 'retired'))
    on.clock.advance(1)
    await tendKeys(core())
    expect(await states()).toEqual(both('current'))
    expect((await keys()).map(({ kid }) => kid)).not.toContain(old)
  })

  test('asked for again once the next key was published long enough, that one signs', async () => {
    await rotate()
    on.clock.advance(PUBLISH_BEFORE_MS)
    expect(await rotate()).toEqual([
      expect.stringMatching(/^ES256: .* signs from now on$/),
      expect.stringMatching(/^RS256: .* signs from now on$/),
    ])
    expect(await states()).toEqual(both('current', 'retired'))
    await rotate()
    expect(await states()).toEqual(both('current', 'next', 'retired'))
  })

  test.each([
    ['with nothing prepared', async () => {}],
    ['with a next key published', async () => void (await rotate())],
    [
      'with a key retired',
      async () => {
        await rotate()
        on.clock.advance(PUBLISH_BEFORE_MS)
        await tendKeys(core())
      },
    ],
  ])('for a key that leaked, %s: a fresh one signs at once and no earlier one counts', async (_, before) => {
    await before()
    const earlier = (await keys()).map(({ kid }) => kid)
    await rotate(true)
    expect(await states()).toEqual(both('current'))
    for (const { kid } of await keys()) expect(earlier).not.toContain(kid)
    expect((await on.first.store.audit.list({ action: 'keys.rotated' })).at(-1)).toMatchObject({
      actor: 'test',
      payload: { force: true },
    })
  })

  test('by two at once: one next key of each', async () => {
    const second = await on.open({ owner: 'two' })
    const results = await Promise.allSettled([rotate(), rotateKeys(second.core)({ actor: 'test' })])
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await states()).toEqual(both('current', 'next'))
    on.clock.advance(PUBLISH_BEFORE_MS)
    await Promise.all([tendKeys(core()), tendKeys(second.core)])
    expect(await states()).toEqual(both('current', 'retired'))
  })

  test('time that passes with nothing to do writes nothing', async () => {
    const settings = async () => on.first.database.knex('setting')
    const before = await settings()
    on.clock.advance(10 * PUBLISH_AFTER_MS)
    await tendKeys(core())
    expect(await settings()).toEqual(before)
    expect(await states()).toEqual(both('current'))
  })
})
