// Signing keys rotate without downtime: published two hours before they sign, and two days after.
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rotateKeys, tendKeys } from '../../src/usecases/keys.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

const HOUR = 3_600_000
let house: House
let rp: RelyingParty
let ada: Person

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  ada = await house.person({ username: 'ada', coveredForDays: 300 })
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

const published = async (): Promise<JSONWebKeySet> =>
  JSON.parse((await createBrowser().fetch(`${house.issuer}/jwks`)).text)
const kids = async (): Promise<string[]> => (await published()).keys.map(({ kid }) => kid!).toSorted()
const keys = () => house.installation.core.store.keys.list()
const kidsIn = async (...states: string[]): Promise<string[]> =>
  (await keys())
    .filter(({ state }) => states.includes(state))
    .map(({ kid }) => kid)
    .toSorted()

/** The server looks for changed keys every two seconds; the JWKS shows exactly these. */
const shows = async (expected: string[]) => expect.poll(kids, { timeout: 8000, interval: 200 }).toEqual(expected)
const sign = async () => (await signInAt(rp, createBrowser(), house.issuer, 'ada', ada.password)).tokens!
const verifies = async (idToken: string) =>
  (await jwtVerify(idToken, createLocalJWKSet(await published()), { issuer: house.issuer })).payload.sub
const kidOf = (idToken: string) => decodeProtectedHeader(idToken).kid!

test('one key of each algorithm signs at first; nothing private is published', async () => {
  const { keys: shown } = await published()
  expect(shown.map(({ alg, use }) => `${alg} ${use}`).toSorted()).toEqual(['ES256 sig', 'RS256 sig'])
  for (const key of shown)
    for (const part of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(part)
  const kept = JSON.stringify(await keys())
  expect(kept).not.toContain('"d"')
})

test('a whole rotation: published, signing, retired, gone; no token fails on the way', async () => {
  const core = house.installation.core
  const before = await kidsIn('current')
  const first = await sign()

  await rotateKeys(core)({ actor: 'test' })
  const next = await kidsIn('next')
  expect(next).toHaveLength(2)
  await shows([...before, ...next].toSorted())
  expect(before).toContain(kidOf((await sign()).id_token!))

  // Not before two hours: neither by hand nor by time.
  house.clock.advance(2 * HOUR - 60_000)
  await tendKeys(core)
  await expect(rotateKeys(core)({ actor: 'test' })).rejects.toMatchObject({ code: 'conflict' })
  expect(await kidsIn('next')).toEqual(next)

  house.clock.advance(61_000)
  await tendKeys(core)
  expect(await kidsIn('current')).toEqual(next)
  await expect
    .poll(async () => kidOf((await sign()).id_token!), { timeout: 8000, interval: 500 })
    .toSatisfy((kid: string) => next.includes(kid))
  await shows([...before, ...next].toSorted())
  // Signed before, still good: verification, refresh, and as a hint at the logout.
  expect(await verifies(first.id_token!)).toBe(ada.account.id)
  const refreshed = await rp.refresh(first.refresh_token!)
  expect(next).toContain(kidOf(refreshed.id_token!))
  const hint = await createBrowser().fetch(`${house.issuer}/session/end?id_token_hint=${first.id_token}`)
  expect(hint.status).toBe(200)

  // Two days later the old ones are gone, a hint of theirs is refused with a page, and nothing else changes.
  house.clock.advance(48 * HOUR + 1000)
  await tendKeys(core)
  await shows(next)
  await expect(verifies(first.id_token!)).rejects.toThrow()
  const late = await createBrowser().fetch(`${house.issuer}/session/end?id_token_hint=${first.id_token}`)
  expect(late.status).toBe(400)
  expect(late.text).toContain('invalid_request')
  expect(await verifies(refreshed.id_token!)).toBe(ada.account.id)
})

test('of a leaked key nothing verifies any more: with force a fresh one signs alone, at once', async () => {
  const core = house.installation.core
  const token = await sign()
  await rotateKeys(core)({ actor: 'test' })
  const before = (await keys()).map(({ kid }) => kid)
  await rotateKeys(core)({ actor: 'test', force: true })
  const now = await keys()
  expect(now.map(({ alg, state }) => `${alg} ${state}`).toSorted()).toEqual(['ES256 current', 'RS256 current'])
  expect(now.filter(({ kid }) => before.includes(kid))).toEqual([])
  await shows(now.map(({ kid }) => kid).toSorted())
  await expect(verifies(token.id_token!)).rejects.toThrow()
  expect(await verifies((await sign()).id_token!)).toBe(ada.account.id)
  const entries = await core.store.audit.list({ action: 'keys.rotated' })
  expect(entries.at(-1)).toMatchObject({ payload: { force: true } })
})

test('a start after a stop signs with the same keys, and what was signed before stays good', async () => {
  const [before, token] = [await kids(), await sign()]
  await house.restart()
  expect(await kids()).toEqual(before)
  expect(await verifies(token.id_token!)).toBe(ada.account.id)
  expect((await rp.refresh(token.refresh_token!)).access_token).toBeTruthy()
})
