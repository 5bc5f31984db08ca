// Attacks on sessions: planted, kept, forged.
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browserOf, codeAt, enrolled, enter, open, send, titleOf } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let n = 0
const person = (input: object = {}): Promise<Person> =>
  house.person({ username: `person${++n}`, coveredForDays: 30, ...input })
const credentials = ({ account, password }: Person) => ({ identifier: account.username, password })

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

describe('class 7: sessions', () => {
  const sessionOf = (browser: Browser) =>
    browser.cookies('127.0.0.1').filter(({ name }) => name.startsWith('schedar_session'))

  test('a session id planted before the sign-in is not the one after it', async () => {
    const [thief, victim] = [createBrowser(), createBrowser()]
    // A signed session that belongs to nobody yet: the sign-out page makes one.
    await thief.fetch(`${house.issuer}/session/end`)
    const planted = sessionOf(thief)
    expect(planted.length).toBe(2)
    for (const { name, value } of planted) victim.setCookie(house.issuer, `${name}=${value}; path=/`)
    const ada = await person()
    expect(titleOf(await enter(house, victim, credentials(ada)))).toMatch(/^Bonjour /)
    const after = sessionOf(victim)
    expect(after.map(({ value }) => value)).not.toEqual(planted.map(({ value }) => value))
    expect(titleOf(await open(house, thief, '/'))).toBe('Se connecter')
  })

  test('the id changes with each step, and the one before opens nothing', async () => {
    const ada = await person()
    const { secret } = await enrolled(house, ada)
    const browser = createBrowser()
    const page = await enter(house, browser, credentials(ada))
    const between = sessionOf(browser)
    await send(house, browser, page, { code: codeAt(house, secret) })
    expect(sessionOf(browser)[0]!.value).not.toBe(between[0]!.value)
    const thief = createBrowser()
    for (const { name, value } of between) thief.setCookie(house.issuer, `${name}=${value}; path=/`)
    expect(titleOf(await open(house, thief, '/'))).toBe('Se connecter')
  })

  test('class 31: a session cookie kept from before the sign-out opens nothing', async () => {
    const browser = await browserOf(house, await person())
    const kept = sessionOf(browser)
    const { action, fields } = formsOf(await open(house, browser, '/session/end'))[0]!
    await browser.fetch(action, { form: { ...fields, logout: 'yes' } })
    const thief = createBrowser()
    for (const { name, value } of kept) thief.setCookie(house.issuer, `${name}=${value}; path=/`)
    expect(titleOf(await open(house, thief, '/'))).toBe('Se connecter')
    const silent = await thief.fetch((await rp.begin({ prompt: 'none' })).url)
    expect(new URL(silent.location!).searchParams.get('error')).toBe('login_required')
  })

  test('each client has a sid of its own, and a new sign-in a new one', async () => {
    const ada = await person()
    const other = await relyingParty(house)
    const browser = createBrowser()
    const sids = []
    for (const at of [rp, other]) {
      const { tokens } = await signInAt(at, browser, house.issuer, ada.account.username, ada.password)
      sids.push(await at.introspect(tokens!.access_token).then(({ sid }) => sid ?? tokens!.claims()!.sid))
    }
    const { tokens } = await signInAt(rp, createBrowser(), house.issuer, ada.account.username, ada.password)
    sids.push(tokens!.claims()!.sid)
    expect(new Set(sids).size).toBe(3)
    await other.close()
  })
})

describe('class 25: cookies that are forged', () => {
  const cookiesOf = (browser: Browser) => browser.cookies('127.0.0.1')

  test('a cookie of another installation, an unsigned one and a changed one are nobody’s', async () => {
    const ada = await person()
    const browser = await browserOf(house, ada)
    const [id, signature] = ['schedar_session', 'schedar_session.sig'].map(
      (name) => cookiesOf(browser).find((cookie) => cookie.name === name)!.value,
    )
    // How the library signs: `cookies` on `keygrip`.
    const signed = ({ installation }: House) =>
      createHmac('sha1', installation.core.vault.derive('cookies')).update(`schedar_session=${id}`).digest('base64url')
    const elsewhere = await startHouse()
    const foreign = signed(elsewhere)
    await elsewhere.stop()
    expect([signed(house), foreign]).toEqual([signature, expect.not.stringMatching(signature!)])
    for (const sig of [foreign, '', 'AAAA', signature!.slice(0, -2), undefined]) {
      const forger = createBrowser()
      forger.setCookie(house.issuer, `schedar_session=${id}; path=/`)
      if (sig !== undefined) forger.setCookie(house.issuer, `schedar_session.sig=${sig}; path=/`)
      expect(titleOf(await open(house, forger, '/'))).toBe('Se connecter')
    }
    const changed = createBrowser()
    changed.setCookie(house.issuer, `schedar_session=${id}x; path=/`)
    changed.setCookie(house.issuer, `schedar_session.sig=${signature}; path=/`)
    expect(titleOf(await open(house, changed, '/'))).toBe('Se connecter')
  })

  test('an interaction cookie without its signature goes nowhere', async () => {
    const browser = createBrowser()
    const login = await open(house, browser, (await rp.begin()).url)
    browser.forget(/schedar_interaction\.sig/)
    expect((await browser.fetch(login.url)).status).toBe(400)
  })
})
