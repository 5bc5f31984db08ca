// Attacks on accounts: getting past a suspension, in by a forgotten password, or in as somebody with the same address.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Account } from '../../src/ports.ts'
import { adoptEntry } from '../../src/usecases/adopt-entry.ts'
import { setClientRole } from '../../src/usecases/clients.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { enter, open, send, titleOf } from '../support/at-home.ts'
import { createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, randomPassword, startHouse } from '../support/house.ts'
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

async function reset(account: Account): Promise<string> {
  house.clock.advance(3_700_000)
  const before = house.letters().length
  const browser = createBrowser()
  await send(house, browser, await open(house, browser, '/forgotten'), { identifier: account.username })
  await expect.poll(() => house.letters().length, { timeout: 3000 }).toBe(before + 1)
  return house.letters().at(-1)!.link
}

async function choose(link: string, password: string): Promise<Reply> {
  const browser = createBrowser()
  return send(house, browser, await open(house, browser, link), { password, repeated: password })
}

describe('class 1: a suspended person by every way round', () => {
  test('nothing that was begun before the suspension ends well after it', async () => {
    const eve = await person()
    const browser = createBrowser()
    const { tokens } = await signInAt(rp, browser, house.issuer, eve.account.username, eve.password)
    const code = await rp.begin()
    const { location } = await browser.fetch(code.url)
    const halfway = createBrowser()
    const waiting = await rp.begin({ prompt: 'login' })
    const login = await open(house, halfway, waiting.url)
    const link = await reset(eve.account)

    await suspend(house.installation.core)({ target: { accountId: eve.account.id }, reason: 'Essai', actor: 'test' })

    await expect(rp.exchange(location!, code)).rejects.toThrow()
    await expect(rp.refresh(tokens!.refresh_token!)).rejects.toThrow()
    await expect(rp.userinfo(tokens!.access_token, eve.account.id)).rejects.toThrow()
    expect(await rp.introspect(tokens!.access_token)).toEqual({ active: false })
    expect(await rp.introspect(tokens!.refresh_token!)).toEqual({ active: false })
    expect(titleOf(await send(house, halfway, login, credentials(eve), rp.url))).toBe('Votre accès est suspendu')
    // A new session, a new password, a role, another name for the same account: no way to any client.
    await setClientRole(house.installation.core)({
      clientId: rp.clientId,
      subjectKind: 'account',
      subject: eve.account.id,
      role: 'admin',
      actor: 'test',
    })
    const password = randomPassword()
    expect((await choose(link, password)).status).toBe(200)
    for (const identifier of [eve.account.username, eve.account.email!]) {
      const again = createBrowser()
      const { page } = await signInAt(rp, again, house.issuer, identifier, password)
      expect([page.status, titleOf(page)]).toEqual([403, 'Votre accès est suspendu'])
      const silent = await again.fetch((await rp.begin({ prompt: 'none' })).url)
      expect(new URL(silent.location!).searchParams.get('error')).toBe('access_denied')
      const pushed = await again.fetch((await rp.begin({ prompt: 'consent', scope: 'openid offline_access' })).url)
      expect(pushed.location).toContain('/interaction/')
      expect(titleOf(await follow(again, pushed, rp.url))).toBe('Votre accès est suspendu')
    }
    expect((await house.installation.core.doors.facts(eve.account.id))!.overrides).toHaveLength(1)
  })

  test('the doors say no before any service has been told', async () => {
    const lapsing = await person()
    const browser = createBrowser()
    const { tokens } = await signInAt(rp, browser, house.issuer, lapsing.account.username, lapsing.password)
    const begun = await rp.begin()
    const { location } = await browser.fetch(begun.url)
    const { standings } = house.installation.core.store
    const standing = (await standings.get(lapsing.member!.id))!
    await standings.put({ ...standing, standing: 'lapsed' })
    expect(await rp.introspect(tokens!.access_token)).toEqual({ active: false })
    await expect(rp.userinfo(tokens!.access_token, lapsing.account.id)).rejects.toThrow()
    await expect(rp.exchange(location!, begun)).rejects.toThrow()
    await expect(rp.refresh(tokens!.refresh_token!)).rejects.toThrow()
    const silent = await browser.fetch((await rp.begin({ prompt: 'none' })).url)
    expect(new URL(silent.location!).searchParams.get('error')).toBe('access_denied')
    // Nothing was ended: once it is mended, all of it counts again.
    await standings.put(standing)
    expect(await rp.introspect(tokens!.access_token)).toMatchObject({ active: true })
  })

  test.each(['/device', '/device/auth', '/backchannel', '/ciba', '/reg', '/credential', '/token/exchange'])(
    'there is no %s to go round by',
    async (path) => {
      expect((await createBrowser().fetch(house.issuer + path)).status).toBe(404)
      const posted = await fetch(house.issuer + path, { method: 'POST', body: new URLSearchParams({ a: 'b' }) })
      expect(posted.status).toBe(404)
    },
  )

  test('a client cannot act for a person by itself', async () => {
    const ada = await person()
    const authorization = `Basic ${Buffer.from(`${rp.clientId}:${rp.clientSecret}`).toString('base64')}`
    for (const body of [
      { grant_type: 'password', ...credentials(ada), username: ada.account.username },
      { grant_type: 'client_credentials', sub: ada.account.id, account_id: ada.account.id },
      { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'x' },
      { grant_type: 'implicit' },
    ] as Record<string, string>[]) {
      const answer = await fetch(`${house.issuer}/token`, {
        method: 'POST',
        headers: { authorization },
        body: new URLSearchParams(body),
      })
      expect(answer.status).toBe(400)
    }
  })
})

describe('class 3: the way by a forgotten password', () => {
  test('a link sets the password of its own account and of no other', async () => {
    const [ada, bob] = [await person(), await person()]
    const link = await reset(ada.account)
    const browser = createBrowser()
    const page = await open(house, browser, link)
    const password = randomPassword()
    const others = { username: bob.account.username, accountId: bob.account.id, email: bob.account.email!, token: 'x' }
    await send(house, browser, page, { password, repeated: password, ...others })
    expect((await enter(house, createBrowser(), credentials(bob))).status).toBe(200)
    const mixed = { identifier: bob.account.username, password }
    expect((await enter(house, createBrowser(), mixed)).status).toBe(401)
    expect((await enter(house, createBrowser(), { ...credentials(ada), password })).status).toBe(200)
  })

  test('it neither signs in nor lifts anything by itself', async () => {
    const ada = await person({ staff: ['admin'] })
    const browser = createBrowser()
    const page = await open(house, browser, await reset(ada.account))
    const password = randomPassword()
    await send(house, browser, page, { password, repeated: password })
    expect(titleOf(await open(house, browser, '/'))).toBe('Se connecter')
    expect(titleOf(await enter(house, browser, { ...credentials(ada), password }))).toBe('Protéger votre compte')
  })

  test('tokens are long, random, and kept as digests', async () => {
    const links = []
    for (let tries = 0; tries < 3; tries++) links.push((await reset((await person()).account)).split('/').at(-1)!)
    expect(new Set(links).size).toBe(3)
    for (const token of links) expect(Buffer.from(token, 'base64url').length).toBe(32)
    const kept = JSON.stringify(await house.installation.database.knex('ticket').select())
    for (const token of links) expect(kept).not.toContain(token)
  })
})

describe('class 24: linking by an address that nobody proved', () => {
  test('a directory entry with somebody’s address is another account, and neither is entered by the address', async () => {
    const ada = await person()
    const entry = {
      key: crypto.randomUUID(),
      username: 'mallory',
      name: 'Mallory',
      givenName: 'Mal',
      familyName: 'Lory',
      email: ada.account.email,
      groups: [],
      disabled: false,
      emailVerified: true,
      locale: null,
    }
    const adopted = await adoptEntry(house.installation.core)(entry)
    expect(adopted.id).not.toBe(ada.account.id)
    const byAddress = await enter(house, createBrowser(), { identifier: ada.account.email!, password: ada.password })
    expect(byAddress.status).toBe(401)
    expect((await enter(house, createBrowser(), credentials(ada))).status).toBe(200)
  })

  test('an entry under another key never takes over an account that an entry holds already', async () => {
    const entry = {
      key: 'first',
      username: 'twin',
      name: 'Twin',
      givenName: 'T',
      familyName: 'W',
      email: null,
      groups: [],
      disabled: false,
      emailVerified: true,
      locale: null,
    }
    const first = await adoptEntry(house.installation.core)(entry)
    const second = await adoptEntry(house.installation.core)({ ...entry, key: 'second' })
    expect(second.id).not.toBe(first.id)
    expect([first.username, second.username]).toEqual(['twin', 'twin2'])
  })

  test('an address that was not proved is not called verified', async () => {
    const ada = await person()
    await house.installation.core.store.accounts.update({ ...ada.account, emailVerifiedAt: null })
    const { tokens } = await signInAt(rp, createBrowser(), house.issuer, ada.account.username, ada.password)
    expect(await rp.userinfo(tokens!.access_token, ada.account.id)).toMatchObject({ email_verified: false })
  })
})
