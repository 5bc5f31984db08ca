import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addAccount, setAccountClosed } from '../../src/usecases/accounts.ts'
import { setClientDisabled } from '../../src/usecases/clients.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { browserOf, enrolled, enter, open, read, send, titleOf } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let ada: Person

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

test('a member signs in once and the client learns who it is', async () => {
  const browser = createBrowser()
  const { tokens } = await signInAt(rp, browser, house.issuer, 'ADA', ada.password)
  const sub = tokens!.claims()!.sub
  const claims = await rp.userinfo(tokens!.access_token, sub)
  expect(claims).toMatchObject({
    sub: ada.account.id,
    preferred_username: 'ada',
    email_verified: true,
    membership: true,
    locale: 'fr',
    groups: [],
    roles: [],
  })
  // The second client of the same browser asks nothing.
  const other = await relyingParty(house)
  const again = await signInAt(other, browser, house.issuer, '', '')
  expect(again.tokens).toBeDefined()
  await other.close()
})

test('a suspension closes every token at its commit and tells the client', async () => {
  const eve = await house.person({ username: 'eve', coveredForDays: 30 })
  const { tokens } = await signInAt(rp, createBrowser(), house.issuer, 'eve', eve.password)
  expect(await rp.introspect(tokens!.access_token)).toMatchObject({ active: true })
  await suspend(house.installation.core)({ target: { accountId: eve.account.id }, reason: 'Essai', actor: 'test' })
  expect(await rp.introspect(tokens!.access_token)).toMatchObject({ active: false })
  await expect(rp.refresh(tokens!.refresh_token!)).rejects.toThrow()
  await expect(rp.userinfo(tokens!.access_token, eve.account.id)).rejects.toThrow()
  await expect.poll(() => rp.logoutTokens.length, { timeout: 3000 }).toBe(1)
  const page = await signInAt(rp, createBrowser(), house.issuer, 'eve', eve.password)
  expect(page.page.text).toContain('Votre accès est suspendu')
})

describe('which account a name means', () => {
  test.each([
    ['the username', 'ada'],
    ['in capitals', 'ADA'],
    ['with spaces round it', '  ada '],
    ['in full-width letters (NFKC)', 'ａｄａ'],
    ['the e-mail address', 'ada@cassiopee.example'],
    ['the e-mail address in capitals', 'Ada@Cassiopee.Example'],
  ])('%s', async (_, identifier) => {
    expect(titleOf(await enter(house, createBrowser(), { identifier, password: ada.password }))).toBe('Bonjour Ada')
  })

  test.each([
    ['a prefix of it', 'ad'],
    ['a wildcard', 'a%'],
    ['an accent more', 'adà'],
    ['a NUL', 'ada\0'],
    ['nothing', ''],
    ['its id', '@id'],
    ['a part of the address', 'cassiopee.example'],
  ])('never %s', async (_, typed) => {
    const identifier = typed === '@id' ? ada.account.id : typed
    const page = await enter(house, createBrowser(), { identifier, password: ada.password })
    expect(page.status).toBe(401)
    expect(read(page)).toContain('L’identifiant ou le mot de passe ne convient pas.')
  })

  test('an address that several people share means none of them; their usernames work', async () => {
    const shared = 'famille@cassiopee.example'
    const [marie, jean] = [
      await house.person({ username: 'marie', email: shared }),
      await house.person({ username: 'jean', email: shared }),
    ]
    for (const { account, password } of [marie, jean]) {
      expect((await enter(house, createBrowser(), { identifier: shared, password })).status).toBe(401)
      expect((await enter(house, createBrowser(), { identifier: account.username, password })).status).toBe(200)
    }
  })

  test('a username that looks like somebody else’s address cannot be made', async () => {
    const input = { username: 'ada@cassiopee.example', givenName: 'M', familyName: 'M', email: null, actor: 'test' }
    await expect(addAccount(house.installation.core)(input)).rejects.toMatchObject({ code: 'username_refused' })
  })

  test('what was typed stays in the form, the password does not', async () => {
    const page = await enter(house, createBrowser(), { identifier: '"><b>x', password: 'not the one & only' })
    expect(page.text).toContain('value="&quot;&gt;&lt;b&gt;x"')
    expect(page.text).not.toContain('not the one')
  })
})

describe('the state of the account', () => {
  test('a closed account gets the answer of an unknown one, and an open session ends', async () => {
    const max = await house.person({ username: 'max', coveredForDays: 30 })
    const browser = await browserOf(house, max)
    expect(titleOf(await open(house, browser, '/'))).toBe('Bonjour Max')
    const close = { accountId: max.account.id, reason: 'Essai', actor: 'test' }
    await setAccountClosed(house.installation.core)({ ...close, closed: true })
    expect(titleOf(await open(house, browser, '/'))).toBe('Se connecter')
    const refused = await enter(house, createBrowser(), { identifier: 'max', password: max.password })
    expect(refused.status).toBe(401)
    // Reopened, the old session does not come back; a new sign-in works.
    await setAccountClosed(house.installation.core)({ ...close, closed: false })
    expect(titleOf(await open(house, browser, '/'))).toBe('Se connecter')
    expect((await enter(house, browser, { identifier: 'max', password: max.password })).status).toBe(200)
  })

  test('an account that vanished under an open session is asked to sign in, and prompt=none says so', async () => {
    const uwe = await house.person({ username: 'uwe', coveredForDays: 30 })
    const browser = await browserOf(house, uwe)
    await house.installation.core.store.accounts.remove(uwe.account.id)
    expect(titleOf(await open(house, browser, (await rp.begin()).url))).toBe('Se connecter')
    expect(titleOf(await open(house, browser, '/'))).toBe('Se connecter')
    const silent = await browser.fetch((await rp.begin({ prompt: 'none' })).url)
    expect(new URL(silent.location!).searchParams.get('error')).toBe('login_required')
  })

  test('an invited account without a password cannot be entered with any', async () => {
    await addAccount(house.installation.core)({
      username: 'invitee',
      givenName: 'In',
      familyName: 'Vitee',
      email: null,
      actor: 'test',
    })
    for (const password of ['', 'nobody', 'undefined', 'null'])
      expect((await enter(house, createBrowser(), { identifier: 'invitee', password })).status).toBe(401)
  })

  test('a suspended person still comes home and reads why, but not to a client', async () => {
    const leo = await house.person({ username: 'leo', coveredForDays: 30 })
    const before = await browserOf(house, leo)
    await suspend(house.installation.core)({
      target: { accountId: leo.account.id },
      reason: 'Courrier en nombre',
      actor: 'test',
    })
    // Every session ends, that of home too; a new one opens home, and home alone.
    expect(titleOf(await open(house, before, '/'))).toBe('Se connecter')
    const browser = createBrowser()
    const home = await enter(house, browser, { identifier: 'leo', password: leo.password })
    expect(home.status).toBe(200)
    expect(read(home)).toContain('Courrier en nombre')
    const { page } = await signInAt(rp, browser, house.issuer, '', '')
    expect([page.status, titleOf(page)]).toEqual([403, 'Votre accès est suspendu'])
  })
})

describe('the session cookie', () => {
  const sessionCookie = (browser: ReturnType<typeof createBrowser>) =>
    browser.cookies('127.0.0.1').find(({ name }) => name === 'schedar_session')!.attributes

  test('lasts two weeks, is not for scripts, and is sent on top-level navigation only', async () => {
    const browser = await browserOf(house, ada)
    const attributes = sessionCookie(browser)
    expect(attributes).toMatch(/httponly/i)
    expect(attributes).toMatch(/samesite=lax/i)
    const expires = Date.parse(/expires=([^;]+)/i.exec(attributes)![1]!)
    expect((expires - Date.now()) / 86_400_000).toBeCloseTo(14, 0)
  })

  test('on a shared computer it goes when the browser closes, also after a second factor and at the next page', async () => {
    const browser = createBrowser()
    await enter(house, browser, { identifier: 'ada', password: ada.password, shared: true })
    expect(sessionCookie(browser)).not.toMatch(/expires|max-age/i)
    await signInAt(rp, browser, house.issuer, '', '')
    expect(sessionCookie(browser)).not.toMatch(/expires|max-age/i)

    const rosa = await house.person({ username: 'rosa', coveredForDays: 30 })
    const { codes } = await enrolled(house, rosa)
    const other = createBrowser()
    const ask = await enter(house, other, { identifier: 'rosa', password: rosa.password, shared: true })
    expect(titleOf(await send(house, other, ask, { code: codes[0]! }))).toBe('Bonjour Rosa')
    expect(sessionCookie(other)).not.toMatch(/expires|max-age/i)
  })
})

test('a client that is switched off lets nobody in, and none of its tokens counts', async () => {
  const off = await relyingParty(house)
  const { tokens } = await signInAt(off, createBrowser(), house.issuer, 'ada', ada.password)
  const act = { clientId: off.clientId, actor: 'test' }
  await setClientDisabled(house.installation.core)({ ...act, disabled: true })
  await expect(off.userinfo(tokens!.access_token, ada.account.id)).rejects.toThrow()
  await expect(off.introspect(tokens!.access_token)).rejects.toThrow()
  await expect(off.refresh(tokens!.refresh_token!)).rejects.toThrow()
  const page = await createBrowser().open((await off.begin()).url)
  expect(page.status).toBe(400)
  expect(read(page)).toContain('invalid_client')
  await setClientDisabled(house.installation.core)({ ...act, disabled: false })
  expect((await signInAt(off, createBrowser(), house.issuer, 'ada', ada.password)).tokens).toBeDefined()
  await off.close()
})
