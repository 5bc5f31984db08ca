// The second factor: who must have one, how it is turned on, what a code is good for, and what stays shut without it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { setStaffRoles } from '../../src/usecases/accounts.ts'
import { removeSecondFactor } from '../../src/usecases/second-factor.ts'
import { browserOf, codeAt, enrolled, enter, open, read, send, titleOf } from '../support/at-home.ts'
import { type Browser, createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { follow, type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let n = 0

const person = (input: object = {}): Promise<Person> =>
  house.person({ username: `person${++n}`, coveredForDays: 30, ...input })
const credentials = ({ account, password }: Person) => ({ identifier: account.username, password })
const secretOn = ({ text }: Reply): string => /<code>([A-Z2-7 ]+)<\/code>/.exec(text)![1]!.replaceAll(' ', '')
const codesOn = ({ text }: Reply): string[] => [...text.matchAll(/<li>([a-z0-9-]{19})<\/li>/g)].map(([, code]) => code!)
const onwards = (page: Reply): string => /class="button main" href="([^"]*)"/.exec(page.text)![1]!

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

describe('enrolment', () => {
  test.each(['admin', 'treasurer', 'helper'] as const)('%s must enrol before home opens', async (role) => {
    const staff = await person({ staff: [role] })
    const browser = createBrowser()
    const page = await enter(house, browser, credentials(staff))
    expect(titleOf(page)).toBe('Protéger votre compte')
    expect(read(page)).toContain('Votre rôle demande un second facteur')
    expect(page.text).toContain('<svg')
    // Until then nothing of the house opens, whatever address is asked.
    for (const path of ['/', '/account/password', '/account/second-factor'])
      expect(titleOf(await open(house, browser, path))).toBe('Protéger votre compte')
    const wrong = await send(house, browser, page, { code: '000000' })
    expect([wrong.status, secretOn(wrong)]).toEqual([422, secretOn(page)])
    const codes = await send(house, browser, wrong, { code: codeAt(house, secretOn(page)) })
    expect(titleOf(codes)).toBe('Vos codes de secours')
    expect(new Set(codesOn(codes)).size).toBe(10)
    const home = await open(house, browser, onwards(codes))
    expect(titleOf(home)).toMatch(/^Bonjour /)
  })

  test('a client that asks for it gets it, and the ID token says so', async () => {
    const strict = await relyingParty(house, { name: 'La caisse', secondFactor: true })
    const member = await person()
    const browser = createBrowser()
    await enter(house, browser, credentials(member))
    const begun = await strict.begin()
    const page = await open(house, browser, begun.url)
    expect(read(page)).toContain('La caisse demande un second facteur')
    const codes = await send(house, browser, page, { code: codeAt(house, secretOn(page)) })
    const back = await follow(browser, await browser.fetch(onwards(codes)), strict.url)
    const tokens = await strict.exchange(back.location!, begun)
    expect(tokens.claims()!.amr).toEqual(['pwd', 'otp', 'mfa'])
    await strict.close()
  })

  test('of one’s own accord: the session in which it happened goes on, others must show a code', async () => {
    const member = await person()
    const [here, elsewhere] = [await browserOf(house, member), await browserOf(house, member)]
    const page = await open(house, here, '/account/second-factor')
    const codes = await send(house, here, page, { code: codeAt(house, secretOn(page)) })
    expect(codesOn(codes)).toHaveLength(10)
    const home = await open(house, here, onwards(codes))
    expect(titleOf(home)).toMatch(/^Bonjour /)
    expect(read(home)).toContain('Le second facteur est activé.')
    expect(titleOf(await open(house, elsewhere, '/'))).toBe('Code de vérification')
    // It cannot be enrolled again over the first.
    expect((await open(house, here, '/account/second-factor')).status).toBe(409)
  })

  test('whoever finds a browser open cannot shut its owner out: after a quarter of an hour the password comes first', async () => {
    const member = await person()
    const browser = await browserOf(house, member)
    const before = await open(house, browser, '/account/second-factor')
    expect(titleOf(before)).toBe('Protéger votre compte')
    house.clock.advance(16 * 60_000)
    expect(titleOf(await send(house, browser, before, { code: codeAt(house, secretOn(before)) }))).toBe('Se connecter')
    const login = await open(house, browser, '/account/second-factor')
    expect(titleOf(login)).toBe('Se connecter')
    expect(titleOf(await open(house, browser, '/'))).toMatch(/^Bonjour /)
    expect(titleOf(await send(house, browser, login, credentials(member)))).toBe('Protéger votre compte')
  })

  test('the secret is at rest only sealed, recovery codes only as digests', async () => {
    const member = await person()
    const { secret, codes } = await enrolled(house, member)
    const { knex } = house.installation.database
    const kept = JSON.stringify([await knex('totp').select(), await knex('recoveryCode').select()])
    for (const text of [secret, ...codes, ...codes.map((code) => code.replaceAll('-', ''))])
      expect(kept).not.toContain(text)
  })

  test('taken away by an administrator, the password alone opens again, and the old codes are dead', async () => {
    const member = await person()
    const { codes } = await enrolled(house, member)
    await removeSecondFactor(house.installation.core)(member.account.id, 'test')
    expect(titleOf(await enter(house, createBrowser(), credentials(member)))).toMatch(/^Bonjour /)
    const again = await enrolled(house, member)
    const browser = createBrowser()
    const ask = await enter(house, browser, credentials(member))
    expect((await send(house, browser, ask, { code: codes[0]! })).status).toBe(422)
    expect(titleOf(await send(house, browser, ask, { code: codeAt(house, again.secret) }))).toMatch(/^Bonjour /)
  })
})

describe('the code', () => {
  let member: Person
  let secret: string
  let codes: string[]
  let browser: Browser
  let ask: Reply

  beforeAll(async () => {
    member = await person()
    ;({ secret, codes } = await enrolled(house, member))
    browser = createBrowser()
    ask = await enter(house, browser, credentials(member))
  })

  test.each([
    ['a wrong one', () => '123456'],
    ['of two steps ago', () => codeAt(house, secret, -2)],
    ['of two steps from now', () => codeAt(house, secret, 2)],
    ['nothing', () => ''],
    ['a recovery code with a letter less', () => codes[0]!.slice(0, -1)],
  ])('%s is refused', async (_, code) => {
    const again = await send(house, browser, ask, { code: code() })
    expect(again.status).toBe(422)
    expect(read(again)).toContain('Ce code ne convient pas, ou a déjà servi.')
    expect(again.text).not.toMatch(/name="code"[^>]*value="[^"]/)
    house.clock.advance(4 * 60_000)
  })

  test('spaces do not matter, and one step of delay is forgiven', async () => {
    const code = codeAt(house, secret, -1)
    const home = await send(house, browser, ask, { code: ` ${code.slice(0, 3)} ${code.slice(3)} ` })
    expect(titleOf(home)).toMatch(/^Bonjour /)
  })

  test('a used code, and every earlier one, is dead for everybody', async () => {
    house.clock.advance(120_000)
    const [code, earlier] = [codeAt(house, secret), codeAt(house, secret, -1)]
    const first = createBrowser()
    expect(titleOf(await send(house, first, await enter(house, first, credentials(member)), { code }))).toMatch(
      /^Bonjour /,
    )
    for (const replayed of [code, earlier]) {
      const second = createBrowser()
      const page = await enter(house, second, credentials(member))
      expect((await send(house, second, page, { code: replayed })).status).toBe(422)
    }
  })

  test('a recovery code works once, however it is written', async () => {
    const typed = codes[1]!.toUpperCase().replaceAll('-', ' ')
    for (const status of [200, 422]) {
      const other = createBrowser()
      const page = await enter(house, other, credentials(member))
      expect((await send(house, other, page, { code: typed })).status).toBe(status)
    }
    const [used] = await house.installation.core.store.audit.list({ action: 'second_factor.recovery_code_used' })
    expect(used).toMatchObject({ subjectId: member.account.id })
  })

  test('five wrong ones make even the right one wait; after a quarter of an hour it works', async () => {
    const guessed = await person()
    const factor = await enrolled(house, guessed)
    const thief = createBrowser()
    const page = await enter(house, thief, credentials(guessed))
    for (let tries = 0; tries < 5; tries++)
      expect((await send(house, thief, page, { code: '111111' })).status).toBe(422)
    const wait = await send(house, thief, page, { code: codeAt(house, factor.secret) })
    expect(wait.status).toBe(429)
    expect(read(wait)).toMatch(/Trop d’essais. Réessayez dans 1[45] min\./)
    house.clock.advance(15 * 60_000)
    expect(titleOf(await send(house, thief, page, { code: codeAt(house, factor.secret) }))).toMatch(/^Bonjour /)
  })
})

describe('a session without the second factor', () => {
  test('opens no page of the house and no client once one is needed', async () => {
    const member = await person()
    const browser = createBrowser()
    const { tokens } = await signInAt(rp, browser, house.issuer, member.account.username, member.password)
    expect(tokens).toBeDefined()
    await setStaffRoles(house.installation.core)({ accountId: member.account.id, roles: ['helper'], actor: 'test' })
    for (const path of ['/', '/account/password'])
      expect(titleOf(await open(house, browser, path))).toBe('Protéger votre compte')
    const { page } = await signInAt(rp, browser, house.issuer, '', '')
    expect(titleOf(page)).toBe('Protéger votre compte')
    const silent = await browser.fetch((await rp.begin({ prompt: 'none' })).url)
    expect(new URL(silent.location!).searchParams.get('error')).toBe('unmet_authentication_requirements')
  })

  test('signing in anew (prompt=login) asks for both again', async () => {
    const member = await person()
    const { secret } = await enrolled(house, member)
    const browser = createBrowser()
    await send(house, browser, await enter(house, browser, credentials(member)), { code: codeAt(house, secret) })
    house.clock.advance(60_000)
    const begun = await rp.begin({ prompt: 'login' })
    const login = await open(house, browser, begun.url)
    expect(titleOf(login)).toBe('Se connecter')
    const ask = await send(house, browser, login, credentials(member))
    expect(titleOf(ask)).toBe('Code de vérification')
    const back = await send(house, browser, ask, { code: codeAt(house, secret) }, rp.url)
    expect((await rp.exchange(back.location!, begun)).claims()!.amr).toContain('otp')
  })
})
