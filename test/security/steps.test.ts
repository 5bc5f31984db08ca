// Attacks on the steps of a sign-in: skipping one, using a code twice, going round the second factor.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeAt, enrolled, enter, open, send, titleOf } from '../support/at-home.ts'
import { createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { follow, type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

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

describe('class 4: a step of the sign-in cannot be skipped', () => {
  let ada: Person
  let secret: string
  beforeAll(async () => {
    ada = await person()
    ;({ secret } = await enrolled(house, ada))
  })

  const resume = (page: Reply) => `${house.issuer}/auth/${page.url.split('/').at(-1)!.split('?')[0]}`

  test('going on without an answer leads back to the same step', async () => {
    const browser = createBrowser()
    const login = await open(house, browser, (await rp.begin()).url)
    expect(titleOf(await follow(browser, await browser.fetch(resume(login)), rp.url))).toBe('Se connecter')
    const again = await open(house, browser, (await rp.begin()).url)
    const code = await send(house, browser, again, credentials(ada))
    expect(titleOf(code)).toBe('Code de vérification')
    expect(titleOf(await follow(browser, await browser.fetch(resume(code)), rp.url))).toBe('Code de vérification')
  })

  test.each([
    ['of the consent', { answer: 'accept' }],
    ['of the second factor', { code: '000000' }],
    ['of oidc-provider’s own', { login: 'ada', prompt: 'login', accountId: 'ada', remember: 'on' }],
    ['with amr and acr', { amr: 'otp', acr: 'mfa', second_factor: '{}', 'login[accountId]': 'ada' }],
  ])('the fields %s do not count on the sign-in page', async (_, fields) => {
    const browser = createBrowser()
    const login = await open(house, browser, (await rp.begin()).url)
    const reply = await send(
      house,
      browser,
      login,
      { ...(fields as Record<string, string>), identifier: 'x', password: '' },
      rp.url,
    )
    expect([reply.status, titleOf(reply)]).toEqual([401, 'Se connecter'])
  })

  test('nor do they on the page of the second factor', async () => {
    const browser = createBrowser()
    const page = await enter(house, browser, credentials(ada))
    for (const fields of [
      { answer: 'accept', code: '' },
      { ...credentials(ada), code: '' },
      { code: 'true' },
    ] as Record<string, string>[]) {
      const reply = await send(house, browser, page, fields)
      expect([reply.status, titleOf(reply)]).toEqual([422, 'Code de vérification'])
    }
    expect(titleOf(await send(house, browser, page, { code: codeAt(house, secret) }))).toMatch(/^Bonjour /)
  })

  test('one browser cannot go on in another’s sign-in', async () => {
    const [hers, his] = [createBrowser(), createBrowser()]
    const [login] = [await open(house, hers, (await rp.begin()).url), await open(house, his, (await rp.begin()).url)]
    const stolen = await his.fetch(login.url)
    expect(stolen.status).toBe(400)
    expect((await his.fetch(resume(login))).status).toBe(400)
    // Not with the cookie of his own sign-in put in the place of hers either.
    for (const { name, value } of his.cookies('127.0.0.1'))
      if (name.startsWith('schedar_interaction')) his.setCookie(house.issuer, `${name}=${value}; path=/`)
    expect((await his.fetch(login.url)).status).toBe(400)
  })

  test('a used step cannot be sent again', async () => {
    const browser = createBrowser()
    const bob = await person()
    const login = await open(house, browser, (await rp.begin()).url)
    await send(house, browser, login, credentials(bob), rp.url)
    const again = await send(house, browser, login, credentials(ada), rp.url)
    expect(again.status).toBe(400)
  })
})

describe('class 11: a code is used once', () => {
  test('of ten browsers with the same code at the same moment, one gets in; with the same recovery code too', async () => {
    const ada = await person()
    const { secret, codes } = await enrolled(house, ada)
    for (const code of [() => codeAt(house, secret), () => codes[3]!]) {
      const browsers = Array.from({ length: 4 }, () => createBrowser())
      const pages = await Promise.all(browsers.map((browser) => enter(house, browser, credentials(ada))))
      const used = code()
      const ends = await Promise.all(browsers.map((browser, at) => send(house, browser, pages[at]!, { code: used })))
      expect(ends.filter(({ status }) => status === 200)).toHaveLength(1)
      house.clock.advance(16 * 60_000)
    }
  })
})

describe('class 12: the second factor cannot be gone round', () => {
  test('every page and every client is shut to the password alone; nothing but a code opens them', async () => {
    const ada = await person()
    const { tokens } = await signInAt(rp, createBrowser(), house.issuer, ada.account.username, ada.password)
    const { secret } = await enrolled(house, ada)
    const browser = createBrowser()
    await enter(house, browser, credentials(ada))
    for (const path of ['/', '/account/password', '/account/second-factor', '/account/consents'])
      expect(titleOf(await open(house, browser, path))).toBe('Code de vérification')
    for (const parameters of [
      {},
      { prompt: 'consent' },
      { max_age: '0' },
      { acr_values: 'none' },
      { claims: '{"id_token":{"amr":null}}' },
    ] as Record<string, string>[]) {
      const page = await follow(browser, await browser.fetch((await rp.begin(parameters)).url), rp.url)
      expect(page.location).toBeUndefined()
      expect(['Code de vérification', 'Se connecter']).toContain(titleOf(page))
    }
    // Turning it on anew over the old one, or off, is no page.
    for (const path of ['/account/second-factor/remove', '/account/second-factor/off'])
      expect((await browser.fetch(house.issuer + path)).status).toBe(404)
    expect(tokens).toBeDefined()
    expect(secret).toBeDefined()
  })
})
