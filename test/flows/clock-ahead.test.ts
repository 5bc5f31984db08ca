// A clock that goes back, and what was written by the one that was ahead: marks of sign-outs, throttles and retries hold
// nobody out, nobody in and nothing back until the clock is there again.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signOutEverywhere } from '../../src/usecases/suspend.ts'
import { browserOf, open, titleOf } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { DAY, type House, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

const HOUR = 3_600_000
let house: House
let wiki: RelyingParty
let count = 0
const core = () => house.installation.core
beforeAll(async () => {
  house = await startHouse()
  wiki = await relyingParty(house, { name: 'Le wiki' })
})
afterAll(async () => {
  await wiki?.close()
  await house?.stop()
})
const person = () => house.person({ username: `c${++count}`, coveredForDays: 300 })
const signedIn = async () => {
  const who = await person()
  const browser = createBrowser()
  const { tokens } = await signInAt(wiki, browser, house.issuer, who.account.username, who.password)
  return { ...who, browser, tokens: tokens! }
}
const home = async (who: { browser: ReturnType<typeof createBrowser> }) => titleOf(await open(house, who.browser, '/'))
const isOn = async (token: string) => (await wiki.introspect(token)).active

const steps: [string, number][] = [
  ['five seconds', 5_000],
  ['two hours', 2 * HOUR],
  ['four hundred days', 400 * DAY],
]

describe.each(steps)('by %s', (_, ms) => {
  test('who is signed out everywhere then has no session left', async () => {
    const who = await signedIn()
    const told = wiki.logoutTokens.length
    house.clock.advance(-ms)
    await signOutEverywhere(core())({ accountId: who.account.id, actor: 'test' })
    expect(await isOn(who.tokens.access_token)).toBe(false)
    expect(await home(who)).toBe('Se connecter')
    await expect.poll(() => wiki.logoutTokens.length, { timeout: 5_000 }).toBe(told + 1)
    house.clock.advance(ms)
  })

  test('a wrong password before it locks nobody out for longer than it would', async () => {
    const who = await person()
    for (let n = 0; n < 12; n++) await browserOf(house, { ...who, password: 'wrong wrong wrong' })
    house.clock.advance(-ms)
    house.clock.advance(HOUR)
    const browser = await browserOf(house, who)
    expect(await home({ browser })).toContain('Bonjour')
    house.clock.advance(ms - HOUR)
  })

  test('what services are to be told is told at once', async () => {
    const who = await person()
    const at = core().clock.now()
    await core().store.outbox.add([
      {
        service: 'provider',
        subject: who.account.id,
        effect: 'row',
        payload: {},
        cause: 'person',
        createdAt: at,
        dueAt: at + 4_000,
      },
    ])
    house.clock.advance(-ms)
    await expect.poll(() => core().store.outbox.pending({ service: 'provider' }), { timeout: 6_000 }).toEqual([])
    house.clock.advance(ms)
  })
})

describe.each(steps.slice(1))('by %s', (_, ms) => {
  test('who was signed out before it can sign in after it, once the sweep (each minute) has passed', async () => {
    const who = await signedIn()
    await signOutEverywhere(core())({ accountId: who.account.id, actor: 'test' })
    await expect.poll(() => core().store.sessions.held(who.account.id), { timeout: 5_000 }).toEqual([])
    house.clock.advance(-ms)
    expect(await isOn(who.tokens.access_token)).toBe(false)
    await house.installation.sweep()
    expect(await isOn(who.tokens.access_token)).toBe(false)
    const browser = await browserOf(house, who)
    expect(await home({ browser })).toContain('Bonjour')
    house.clock.advance(ms)
  })
})
