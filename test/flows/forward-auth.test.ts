// Forward authentication as a proxy meets it, here played by the test: sites with https, sessions that end, second factors, and
// what the page tells of whom. The real proxies are in test/services/forward-auth.test.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import forwardAuth from '../../plugins/forward-auth/index.ts'
import type { Client } from '../../src/ports.ts'
import { addClient, type NewClient, setClientRole } from '../../src/usecases/clients.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { rotateClientSecret } from '../../src/usecases/rotate-client-secret.ts'
import { override } from '../contract/store-records.ts'
import { codeAt, enrolled, read, send } from '../support/at-home.ts'
import { type Browser, createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { follow, submit } from '../support/relying-party.ts'

let house: House
let n = 0
const core = () => house.installation.core
beforeAll(async () => {
  house = await startHouse()
})
afterAll(() => house.stop())

type Site = { client: Client; secret: string; url: string }
async function siteOf(more: Partial<NewClient> = {}): Promise<Site> {
  const url = `https://site${++n}.example`
  const made = await addClient(core())({
    kind: 'forward-auth',
    name: `Site ${n}`,
    url,
    plugin: forwardAuth,
    actor: 'test',
    ...more,
  })
  return { client: made.client, secret: made.clientSecret, url }
}

/** One person: a browser at Schedar, and what of it the site's proxy passes on, with the site's own cookies. */
function visitor(site: Site, browser: Browser = createBrowser()) {
  const wire = createBrowser()
  type Asking = { query?: string; at?: string; headers?: Record<string, string> }
  const ask = (verb: string, { query = '', at = `${site.url}/`, headers = {} }: Asking = {}): Promise<Reply> =>
    wire.fetch(`${house.issuer}/forward-auth/${site.client.clientId}/${verb}${query}`, {
      headers: {
        'schedar-proxy-secret': site.secret,
        'x-original-url': at,
        'x-original-method': 'GET',
        'sec-fetch-mode': 'navigate',
        ...headers,
      },
    })
  /** To Schedar, and on to the callback, or a page before it. */
  const away = async (location = ''): Promise<Reply> => follow(browser, await browser.fetch(location), site.url)
  const back = (callback = '') => ask('callback', { query: new URL(callback).search })
  async function enter({ account, password }: Person): Promise<Reply> {
    const at = await away((await ask('forward')).location)
    if (!at.text.includes('name="identifier"')) return back(at.location)
    const done = await submit(browser, at, { identifier: account.username, password }, house.issuer)
    return back((await follow(browser, done, site.url)).location)
  }
  return {
    ask,
    away,
    back,
    enter,
    browser,
    isIn: async () => (await ask('check')).status === 200,
    cookies: () => wire.cookies('127.0.0.1'),
    session: () => wire.cookies('127.0.0.1').find(({ name }) => name.includes('_session_')),
    plant: (name: string, value: string) => wire.setCookie(house.issuer, `${name}=${value}; path=/`),
    forget: wire.forget,
  }
}

let ada: Person
let site: Site
beforeEach(async () => {
  ada = await house.person({ username: `ada${++n}`, coveredForDays: 90 })
  site = await siteOf()
})

test('an https site has cookies that no neighbour can plant, and no promise in its name', async () => {
  const { ask, cookies } = visitor(site)
  const reply = await ask('forward', { at: `${site.url}/deep?x=1` })
  expect(reply.status).toBe(302)
  expect(cookies()).toMatchObject([
    {
      name: `__Host-schedar_browser_${site.client.clientId}`,
      value: expect.stringMatching(/^[\w-]{22}$/),
      attributes: expect.stringMatching(/; path=\/; httponly; samesite=lax; secure$/),
    },
  ])
  expect(reply.headers['strict-transport-security']).toBeUndefined()
  expect(reply.headers['cache-control']).toBe('no-store')
  const to = new URL(reply.location!)
  expect(to.origin + to.pathname).toBe(`${house.issuer}/auth`)
  expect(to.searchParams.get('code_challenge_method')).toBe('S256')
  // Neither where to nor the mark of the browser is told on the way.
  expect(decodeURIComponent(reply.location!)).not.toContain('deep')
  for (const { value } of cookies()) expect(reply.location).not.toContain(value)
})

test('a session lasts twelve hours, then Schedar is asked without a question', async () => {
  const at = visitor(site)
  expect((await at.enter(ada)).status).toBe(303)
  expect(await at.isIn()).toBe(true)
  const { value: id, attributes } = at.session()!
  expect(id).toMatch(/^[\w-]{43}$/)
  expect(attributes).toMatch(/^__Host-.*; path=\/; httponly; samesite=lax; secure$/)
  // Kept by a digest alone.
  const rows = await house.installation.database.knex('oidcModel').where({ model: 'SiteSession' })
  expect(rows.length).toBeGreaterThan(0)
  expect(JSON.stringify(rows)).not.toContain(id)
  house.clock.advance(11.9 * 3_600_000)
  expect(await at.isIn()).toBe(true)
  house.clock.advance(0.2 * 3_600_000)
  expect(await at.isIn()).toBe(false)
  const { location } = await at.away((await at.ask('forward')).location)
  expect(location).toContain(`${site.url}/schedar/callback?code=`)
  expect((await at.back(location)).status).toBe(303)
  expect(await at.isIn()).toBe(true)
})

test('attack 7: each sign-in has a session of its own, and the one before is over', async () => {
  const at = visitor(site)
  await at.enter(ada)
  const { name, value: first } = at.session()!
  // Begun anew by a link, while signed in.
  const again = async () => at.back((await at.away((await at.ask('sign-in')).location)).location)
  expect((await again()).status).toBe(303)
  const second = at.session()!.value
  expect(second).not.toBe(first)
  at.plant(name, first)
  expect(await at.isIn()).toBe(false)
  // One that was planted is never taken over.
  at.plant(name, 'A'.repeat(43))
  await again()
  expect(at.session()!.value).not.toBe('A'.repeat(43))
  expect(await at.isIn()).toBe(true)
})

test('a sign-in that was begun an hour ago is begun anew; a state of another site is none', async () => {
  const at = visitor(site)
  await at.enter(ada)
  const { location: old } = await at.ask('sign-in')
  house.clock.advance(3_600_001)
  const late = await at.away(old)
  expect((await at.back(late.location)).status).toBe(403)
  const other = await siteOf()
  const there = visitor(other, at.browser)
  const { location } = await there.ask('forward')
  const callback = new URL((await there.away(location)).location!)
  for (const { name, value } of there.cookies())
    at.plant(name.replace(other.client.clientId, site.client.clientId), value)
  expect((await at.ask('callback', { query: callback.search })).status).toBe(403)
  expect((await there.back(callback.href)).status).toBe(303)
})

test('signing out at Schedar is signing out here; a link from somewhere else is not', async () => {
  const at = visitor(site)
  await at.enter(ada)
  // Begun by somebody else, for whom it would be an end.
  const theirs = new URL((await visitor(site).ask('sign-out')).location!).searchParams.get('state')!
  expect((await at.ask('signed-out', { query: `?state=${theirs}` })).status).toBe(200)
  expect(await at.isIn()).toBe(true)
  const page = await at.browser.open(`${house.issuer}/session/end`)
  await submit(at.browser, page, { logout: 'yes' }, house.issuer)
  expect(await at.isIn()).toBe(false)
})

test('attack 5: asked for under another name, protocol or port, nobody is let in and nothing leads there', async () => {
  const at = visitor(site)
  await at.enter(ada)
  const host = new URL(site.url).host
  for (const address of [
    '',
    '/',
    `http://${host}/`,
    `${site.url}:8443/`,
    `${site.url}.evil.example/`,
    `https://user@${host}/`,
    `${site.url}./`,
    'https://evil.example/',
  ]) {
    expect((await at.ask('check', { at: address })).status, address).toBe(403)
    const page = await at.ask('forward', { at: address })
    expect(page.status).toBe(403)
    expect(read(page)).toContain(`Autre adresse`)
    expect(page.text).toContain(`href="${site.url}/"`)
    expect(page.text).not.toContain('evil')
  }
})

test('a second factor that is asked for since is shown before anybody comes in again', async () => {
  const { secret } = await enrolled(house, ada)
  const eve = await house.person({ username: `eve${n}`, coveredForDays: 9 })
  const [hers, his] = [visitor(site), visitor(site)]
  await hers.enter(eve)
  expect(await hers.isIn()).toBe(true)
  const asked = await his.away((await his.ask('forward')).location)
  const second = await send(
    house,
    his.browser,
    asked,
    { identifier: ada.account.username, password: ada.password },
    site.url,
  )
  expect(second.text).toContain('name="code"')
  const done = await send(house, his.browser, second, { code: codeAt(house, secret) }, site.url)
  await his.back(done.location!)
  expect(await his.isIn()).toBe(true)
  await core().store.clients.update({ ...site.client, secondFactor: true })
  expect(await his.isIn()).toBe(true)
  expect(await hers.isIn()).toBe(false)
})

test('a new secret of the client shuts the proxy out until it has the new kit', async () => {
  const at = visitor(site)
  await at.enter(ada)
  await rotateClientSecret(core())({ clientId: site.client.clientId, actor: 'test' })
  expect((await at.ask('check')).status).toBe(403)
  expect(read(await at.ask('forward'))).toContain('Site fermé')
})

test('a client of another kind is none here, whatever its secret', async () => {
  const { client, clientSecret } = await addClient(core())({
    kind: 'other',
    name: 'x',
    url: site.url,
    plugin: undefined,
    redirectUris: [`${site.url}/schedar/callback`],
    actor: 'test',
  })
  const at = visitor({ client, secret: clientSecret, url: site.url })
  expect((await at.ask('forward')).status).toBe(403)
})

describe('why somebody is not let in', () => {
  test.each([
    ['the association’s own service', false, true],
    ['a member’s site', true, false],
  ])('%s', async (_name, ofMember, told) => {
    const owner = await house.person({ username: `own${n}`, coveredForDays: 90 })
    const resource =
      ofMember &&
      (await addResource(core())({ memberId: owner.member!.id, kind: 'site', name: `r${n}.example`, actor: 'test' }))
    const one = await siteOf({ audience: 'members', ...(resource && { site: resource }) })
    const at = visitor(one)
    await at.enter(ada)
    expect(await at.isIn()).toBe(true)
    // Without waking what would end the session: then the reason is read at Schedar.
    await core().store.overrides.add(override({ memberId: ada.member!.id, reasonText: 'Entre nous' }))
    const page = await at.ask('forward')
    expect(page.status).toBe(403)
    expect(read(page).includes('Raison')).toBe(told)
    expect(page.text).not.toContain('Entre nous')
    expect(read(page)).toContain('Votre compte dit pourquoi')
  })

  test('an invitation that is missing is no secret', async () => {
    const one = await siteOf({ audience: 'listed' })
    const role = {
      clientId: one.client.clientId,
      subjectKind: 'account',
      subject: ada.account.id,
      role: 'x',
      actor: 'test',
    } as const
    await setClientRole(core())(role)
    const at = visitor(one)
    await at.enter(ada)
    expect(await at.isIn()).toBe(true)
    await core().store.clients.removeRole({
      clientId: role.clientId,
      subjectKind: 'account',
      subject: role.subject,
      role: 'x',
    })
    expect(read(await at.ask('forward'))).toContain('sur invitation')
  })
})
