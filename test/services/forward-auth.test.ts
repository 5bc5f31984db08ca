// The forward-auth kit in a private nginx and a private Caddy, in front of a small application, with a whole Schedar behind.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import forwardAuth from '../../plugins/forward-auth/index.ts'
import type { Client } from '../../src/ports.ts'
import { addClient, kitOf, setClientDisabled, setClientRole } from '../../src/usecases/clients.ts'
import { restore, signOutEverywhere, suspend } from '../../src/usecases/suspend.ts'
import { override } from '../contract/store-records.ts'
import { read } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { freePort } from '../support/ports.ts'
import { submit } from '../support/relying-party.ts'
import {
  type Application,
  type Seen,
  startApplication,
  startCaddy,
  startNginx,
  type WebProxy,
} from '../support/web-proxies.ts'

let house: House
let application: Application
let ada: Person
const core = () => house.installation.core
type Site = { proxy: WebProxy; client: Client }
const sites = {} as Record<'nginx' | 'Caddy', Site>

async function protectedBy(start: typeof startNginx, name: string, host: string): Promise<Site> {
  let client: Client | undefined
  const proxy = await start({
    host,
    application,
    kit: async ({ url, dir }) => {
      client = (await addClient(core())({ kind: 'forward-auth', name, url, plugin: forwardAuth, actor: 'test' })).client
      return kitOf(core())(client, forwardAuth, {
        paths: '/admin/=admin,/board/=board|admin',
        nginx_dir: dir,
        caddy_dir: dir,
      })
    },
  })
  return { proxy, client: client! }
}

beforeAll(async () => {
  // The proxies stand on the same machine, and are trusted as on most.
  house = await startHouse({ config: { trustedProxies: ['127.0.0.0/8'] } })
  application = await startApplication()
  sites.nginx = await protectedBy(startNginx, 'Les statistiques', '127.0.0.3')
  sites.Caddy = await protectedBy(startCaddy, 'Le tableau', '127.0.0.4')
  ada = await house.person({ username: 'ada', coveredForDays: 90 })
})
afterAll(async () => {
  await Promise.all(Object.values(sites).map(({ proxy }) => proxy.stop()))
  await application?.stop()
  await house?.stop()
})
beforeEach(() => {
  application.seen.length = 0
})

const seenIn = (reply: Reply): Seen => JSON.parse(reply.text) as Seen

/** Opens an address of a site and signs in on the way; the page at which that ends. */
async function enter(browser: Browser, address: string, { account, password }: Person = ada): Promise<Reply> {
  const page = await browser.open(address)
  if (!page.text.includes('name="identifier"')) return page
  return browser.follow(await submit(browser, page, { identifier: account.username, password }, house.issuer))
}

/** Bytes as no browser sends them. */
async function raw(url: string, lines: string[]): Promise<{ status: number; head: string; text: string }> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.setTimeout(10_000, () => socket.destroy())
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  let text = ''
  for await (const part of socket) text += part
  return { status: Number(text.split(' ')[1]), head: text.split('\r\n\r\n')[0]!, text }
}

const cookieHeader = (browser: Browser, url: string): string =>
  browser
    .cookies(new URL(url).hostname)
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')

describe.each(['nginx', 'Caddy'] as const)('%s', (kind) => {
  const url = () => sites[kind].proxy.url
  const client = () => sites[kind].client
  const grant = (role: string, remove = false, accountId = ada.account.id) =>
    setClientRole(core())({
      clientId: client().clientId,
      subjectKind: 'account',
      subject: accountId,
      role,
      remove,
      actor: 'test',
    })

  test('a visitor is sent to sign in, comes back to the very page, and the application is told who it is', async () => {
    const browser = createBrowser()
    const first = await browser.fetch(`${url()}/report/2026?page=2&q=a%2Fb`)
    expect(first.status).toBe(302)
    expect(first.location).toMatch(new RegExp(`^${house.issuer}/auth\\?`))
    expect(application.seen).toEqual([])
    const page = await enter(browser, `${url()}/report/2026?page=2&q=a%2Fb`)
    expect(page.url).toBe(`${url()}/report/2026?page=2&q=a%2Fb`)
    const { headers, url: asked } = seenIn(page)
    expect(asked).toBe('/report/2026?page=2&q=a%2Fb')
    expect(headers).toMatchObject({
      'remote-user': 'ada',
      'remote-id': ada.account.id,
      'remote-name': 'Ada Essai',
      'remote-email': 'ada@cassiopee.example',
    })
    expect(headers['remote-roles'] ?? '').toBe('')
    // Its cookies are for Schedar alone.
    expect(JSON.stringify(headers)).not.toMatch(/schedar_(session|browser)/)
    expect(JSON.stringify(headers).toLowerCase()).not.toContain('schedar-proxy-secret')
    const cookies = browser.cookies(new URL(url()).hostname)
    expect(cookies.map(({ name }) => name).toSorted()).toEqual(
      ['browser', 'session'].map((what) => `schedar_${what}_${client().clientId}`),
    )
    for (const { attributes } of cookies) expect(attributes).toMatch(/path=\/; httponly; samesite=lax/i)
  })

  test('names, groups and roles arrive as text that ends no line', async () => {
    const zoe = await house.person({ username: `zoe-${kind.toLowerCase()}`, coveredForDays: 9 })
    await core().store.accounts.update({
      ...zoe.account,
      name: 'Zoé « 王 »\r\nRemote-User: ada',
      emailVerifiedAt: null,
    })
    await core().store.people.setGroups(zoe.account.id, ['équipe', 'a,b', 'x\ny'])
    await grant('editor', false, zoe.account.id)
    const { headers } = seenIn(await enter(createBrowser(), `${url()}/`, zoe))
    const utf8 = (name: string) => Buffer.from(String(headers[name]), 'latin1').toString('utf8')
    expect(headers['remote-user']).toBe(zoe.account.username)
    expect(utf8('remote-name')).toBe('Zoé « 王 » Remote-User: ada')
    expect(utf8('remote-groups').split(',').toSorted()).toEqual(['a%2Cb', 'x y', 'équipe'])
    expect(headers['remote-roles']).toBe('editor')
    expect(headers['remote-email'] ?? '').toBe('')
  })

  test('who is signed in at Schedar already comes in without a question', async () => {
    const browser = createBrowser()
    await enter(browser, `${sites.nginx.proxy.url}/`)
    await browser.open(`${sites.Caddy.proxy.url}/x`)
    const page = await browser.open(`${url()}/y`)
    expect(seenIn(page)).toMatchObject({ url: '/y', headers: { 'remote-user': 'ada' } })
  })

  test('what a visitor says of oneself does not get through', async () => {
    const browser = createBrowser()
    await enter(browser, `${url()}/`)
    application.seen.length = 0
    const forged = [
      'Remote-User: boss',
      'remote_user: boss',
      'REMOTE-ROLES: admin',
      'Remote-Groups: board',
      'Remote-Email: 0',
      'Remote-Id: boss',
      'X-Original-URL: /admin/',
      'X-Rewrite-URL: /admin/',
    ]
    for (const header of forged)
      for (const path of kind === 'nginx' ? ['/', '/bare/'] : ['/'])
        await raw(url(), [
          `GET ${path} HTTP/1.1`,
          `Host: ${new URL(url()).host}`,
          `Cookie: ${cookieHeader(browser, url())}`,
          header,
          'Connection: close',
        ])
    for (const { headers } of application.seen) {
      const told = Object.entries(headers).filter(([name]) => /^(remote|x-original|x-rewrite)/i.test(name))
      expect(JSON.stringify(told)).not.toMatch(/boss|admin|board|"0"/)
    }
    expect(application.seen.length).toBeGreaterThan(0)
    // Nor does it let anybody in who is signed in nowhere.
    application.seen.length = 0
    for (const header of forged)
      await raw(url(), ['GET / HTTP/1.1', `Host: ${new URL(url()).host}`, header, 'Connection: close'])
    expect(application.seen).toEqual([])
  })

  test('a suspension, a sign-out everywhere and a role taken away count from the next request on', async () => {
    const bob = await house.person({ username: `bob-${kind.toLowerCase()}`, coveredForDays: 9 })
    const browser = createBrowser()
    await enter(browser, `${url()}/`, bob)
    const comesIn = async (path = '/') => (await browser.fetch(`${url()}${path}`)).status === 200
    expect(await comesIn()).toBe(true)
    await suspend(core())({ target: { accountId: bob.account.id }, reason: 'Essai', actor: 'test' })
    expect(await comesIn()).toBe(false)
    await restore(core())({ target: { accountId: bob.account.id }, actor: 'test' })
    expect(await comesIn()).toBe(false)
    await enter(browser, `${url()}/`, bob)
    expect(await comesIn()).toBe(true)
    await signOutEverywhere(core())({ accountId: bob.account.id, actor: bob.account.id })
    expect(await comesIn()).toBe(false)
    await enter(browser, `${url()}/`, bob)
    await grant('admin', false, bob.account.id)
    expect(await comesIn('/admin/')).toBe(true)
    await grant('admin', true, bob.account.id)
    expect(await comesIn('/admin/')).toBe(false)
    expect(await comesIn()).toBe(true)
    await suspend(core())({ target: { memberId: bob.member!.id }, reason: 'Essai', actor: 'test' })
    const refused = await browser.fetch(`${url()}/`)
    expect([403, 302]).toContain(refused.status)
  })

  test('who may not come in reads so, courteously, and finds the way home', async () => {
    const late = await house.person({ username: `late-${kind.toLowerCase()}`, coveredForDays: 1 })
    const browser = createBrowser()
    await enter(browser, `${url()}/`, late)
    const page = await browser.fetch(`${url()}/admin/`)
    expect(page.status).toBe(403)
    expect(read(page)).toContain('Page réservée')
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    expect(page.headers['strict-transport-security']).toBeUndefined()
    expect(linkOf(page, /Mon compte/)).toBe(`${house.issuer}/`)
    // Without waking what would end the session.
    await core().store.overrides.add(override({ memberId: late.member!.id, reasonText: 'Secret entre nous' }))
    const closed = await browser.fetch(`${url()}/`)
    expect(closed.status).toBe(403)
    expect(read(closed)).toContain('Fermé pour vous en ce moment')
    expect(read(closed)).toContain('accès suspendu')
    expect(closed.text).not.toContain('Secret entre nous')
  })

  test('signing out: asked at Schedar, done at the site', async () => {
    const browser = createBrowser()
    await enter(browser, `${url()}/`)
    const asked = await browser.open(`${url()}/schedar/sign-out`)
    expect(asked.url).toMatch(`${house.issuer}/session/end`)
    // A link from anywhere ends nothing by itself.
    expect((await browser.fetch(`${url()}/`)).status).toBe(200)
    const form = formsOf(asked).find(({ fields }) => fields.xsrf)!
    const over = await browser.follow(
      await browser.fetch(form.action, { form: { ...form.fields }, headers: { origin: house.issuer } }),
    )
    expect(over.url).toMatch(`${url()}/schedar/signed-out`)
    expect(read(over)).toContain('Vous êtes déconnecté')
    expect(
      browser.cookies(new URL(url()).hostname).some(({ name, value }) => name.includes('_session_') && value !== ''),
    ).toBe(false)
  })

  test('what is no page is told 401; what was sent is not lost without a word', async () => {
    const script = await createBrowser().fetch(`${url()}/api`, { headers: { accept: 'application/json' } })
    expect(script.status).toBe(401)
    const image = await createBrowser().fetch(`${url()}/x.png`, { headers: { 'sec-fetch-mode': 'no-cors' } })
    expect(image.status).toBe(401)
    // In one piece: Caddy answers before it has read what nobody will.
    const post = await raw(url(), [
      'POST /save HTTP/1.1',
      `Host: ${new URL(url()).host}`,
      'Accept: text/html',
      'Content-Type: application/x-www-form-urlencoded',
      'Content-Length: 9',
      'Connection: close',
      '',
      'text=long',
    ])
    expect(post.status).toBe(401)
    expect(read(post)).toContain('Votre connexion a pris fin')
    expect(application.seen).toEqual([])
    const browser = createBrowser()
    await enter(browser, `${url()}/`)
    application.seen.length = 0
    await browser.fetch(`${url()}/save`, { form: { text: 'long' } })
    expect(application.seen).toMatchObject([{ method: 'POST', body: 'text=long' }])
  })

  test('attack 28: however the address is written, nobody without the role reaches what lies below it', async () => {
    const browser = createBrowser()
    await enter(browser, `${url()}/`)
    application.seen.length = 0
    const targets = [
      '/admin',
      '/admin/',
      '/admin/x',
      '//admin/',
      '///admin///',
      '/./admin/',
      '/x/../admin/',
      '/x/%2e%2e/admin/',
      '/x/..%2fadmin/',
      '/%61dmin/',
      '/%2561dmin/',
      '/ADMIN/',
      '/%41dmin/',
      '/admin%2f',
      '/admin%2fx',
      '/%2fadmin/',
      '/x%2f..%2fadmin/',
      '/x/%2e%2e%2fadmin/',
      '/x/..;/admin/',
      '/admin;a=b/',
      '/;/admin/',
      '/admin.json',
      '/admin%20/',
      '/admin./',
      '/admin%00/',
      '/admin%3f',
      '/admin?x',
      '/admin%23',
      '/\\admin/',
      '/x\\..\\admin/',
      '/x/..%5cadmin/',
      '/%c0%afadmin/',
      '/x/%c0%ae%c0%ae/admin/',
      '/ａdmin/',
      '/%ef%bd%81dmin/',
      '/x/%E2%80%A5/admin/',
      '/admin%c2%ad/',
      '/%u0061dmin/',
      '/admin/#x',
      '/x#/../admin/',
      '/board',
      '/BOARD/x',
      `${url()}/admin/`,
      `http://other.example/admin/`,
    ]
    for (const target of targets)
      for (const host of [new URL(url()).host, 'other.example'])
        await raw(url(), [
          `GET ${target} HTTP/1.1`,
          `Host: ${host}`,
          `Cookie: ${cookieHeader(browser, url())}`,
          'Connection: close',
        ])
    expect(application.seen.map((one) => one.url)).toEqual([])
    // The table is not refused for another reason: whoever has the roles reaches all that is an address.
    await grant('admin')
    await raw(url(), [
      'GET /%61dmin/ HTTP/1.1',
      `Host: ${new URL(url()).host}`,
      `Cookie: ${cookieHeader(browser, url())}`,
      'Connection: close',
    ])
    await grant('admin', true)
    expect(application.seen).toHaveLength(1)
    // And what has nothing to do with it is open.
    for (const target of [
      '/administration',
      '/x/admin/',
      '/wiki/Admin-guide',
      '/a%20b',
      '/%C3%A9t%C3%A9',
      '/x?u=/admin/',
      '/x/',
    ])
      await raw(url(), [
        `GET ${target} HTTP/1.1`,
        `Host: ${new URL(url()).host}`,
        `Cookie: ${cookieHeader(browser, url())}`,
        'Connection: close',
      ])
    expect(application.seen.slice(1).map((one) => one.url)).toEqual([
      '/administration',
      '/x/admin/',
      '/wiki/Admin-guide',
      '/a%20b',
      '/%C3%A9t%C3%A9',
      '/x?u=/admin/',
      '/x/',
    ])
  })

  test('attack 6: a sign-in leads back to the site and nowhere else', async () => {
    for (const wanted of [
      'https://evil.example/',
      '//evil.example/',
      '/\\evil.example',
      'javascript:alert(1)',
      `${url()}@evil.example/`,
      `${url()}.evil.example/`,
      'https:evil.example',
      '/x\r\nLocation: https://evil.example/',
      '/schedar/sign-out',
    ]) {
      const page = await enter(createBrowser(), `${url()}/schedar/sign-in?return_to=${encodeURIComponent(wanted)}`)
      expect(new URL(page.url).origin, wanted).toBe(url())
      expect(page.url).not.toContain('sign-out')
    }
    const initiated = `${url()}/schedar/sign-in?iss=${encodeURIComponent(house.issuer)}&target_link_uri=${encodeURIComponent(`${url()}/deep/page`)}`
    expect((await enter(createBrowser(), initiated)).url).toBe(`${url()}/deep/page`)
    const mixed = await createBrowser().open(`${url()}/schedar/sign-in?iss=https%3A%2F%2Fevil.example`)
    expect(mixed.status).toBe(400)
  })

  test('attack 7, 25: a sign-in that began elsewhere ends nowhere, and its code opens nothing', async () => {
    const mallory = createBrowser()
    await enter(mallory, `${url()}/`)
    mallory.forget(/^schedar_session_/)
    const away = await mallory.fetch(`${url()}/`)
    const back = await mallory.follow(await mallory.fetch(away.location!), (to) => !to.startsWith(url()))
    expect(back.location).toContain('/schedar/callback?code=')
    // In another browser, which began nothing, or something of its own.
    const victim = createBrowser()
    expect((await victim.open(back.location!)).status).toBe(403)
    await victim.fetch(`${url()}/`)
    const planted = await victim.open(back.location!)
    expect(read(planted)).toContain('La connexion n’a pas abouti')
    expect(victim.cookies(new URL(url()).hostname).some(({ name }) => name.includes('_session_'))).toBe(false)
    // Where it began, it does; once.
    expect((await mallory.open(back.location!)).status).toBe(200)
    const session = () => mallory.cookies(new URL(url()).hostname).find(({ name }) => name.includes('_session_'))?.value
    const before = session()
    expect((await mallory.fetch(back.location!)).status).toBe(403)
    // RFC 6749 §4.1.2: a code used twice takes with it what came of it.
    expect(session()).toBe(before)
    expect((await mallory.fetch(`${url()}/`)).status).toBe(302)
    // Without the issuer, or with another's, an answer is none.
    const again = await mallory.follow(
      await mallory.fetch((await mallory.fetch(`${url()}/`)).location!),
      (to) => !to.startsWith(url()),
    )
    expect((await mallory.open(again.location!.replace(/iss=[^&]*/, 'iss=https%3A%2F%2Fevil.example'))).status).toBe(
      403,
    )
  })

  test('attack 8: the session of one site opens no other, and is no token', async () => {
    const browser = createBrowser()
    await enter(browser, `${url()}/`)
    const other = sites[kind === 'nginx' ? 'Caddy' : 'nginx']
    const value = browser.cookies(new URL(url()).hostname).find(({ name }) => name.includes('_session_'))!.value
    application.seen.length = 0
    const moved = await raw(other.proxy.url, [
      'GET / HTTP/1.1',
      `Host: ${new URL(other.proxy.url).host}`,
      `Cookie: schedar_session_${other.client.clientId}=${value}`,
      'Connection: close',
    ])
    expect(moved.status).not.toBe(200)
    expect(application.seen).toEqual([])
    const userinfo = await fetch(`${house.issuer}/me`, { headers: { authorization: `Bearer ${value}` } })
    expect(userinfo.status).toBe(401)
    for (const id of ['', 'x', value.slice(1), `${value}=`, value.toLowerCase()])
      expect(
        (
          await raw(url(), [
            'GET / HTTP/1.1',
            `Host: ${new URL(url()).host}`,
            `Cookie: schedar_session_${client().clientId}=${id}`,
            'Connection: close',
          ])
        ).status,
      ).not.toBe(200)
  })

  test('without the proxy’s secret Schedar tells nothing', async () => {
    const browser = createBrowser()
    await enter(browser, `${url()}/`)
    for (const verb of ['check', 'forward', 'refused', 'sign-in', 'callback', 'sign-out', 'signed-out'])
      for (const secret of [undefined, '', 'wrong'])
        for (const id of [client().clientId, 'nobody']) {
          const reply = await fetch(`${house.issuer}/forward-auth/${id}/${verb}`, {
            headers: {
              cookie: cookieHeader(browser, url()),
              'x-original-url': `${url()}/`,
              ...(secret !== undefined && { 'schedar-proxy-secret': secret }),
            },
            redirect: 'manual',
          })
          expect(reply.status, verb).toBe(403)
          expect(reply.headers.get('remote-user')).toBeNull()
          expect(reply.headers.getSetCookie()).toEqual([])
        }
  })

  test('a client that is switched off lets nobody in', async () => {
    const browser = createBrowser()
    await enter(browser, `${url()}/`)
    await setClientDisabled(core())({ clientId: client().clientId, disabled: true, actor: 'test' })
    const closed = await browser.fetch(`${url()}/`)
    expect(closed.status).toBe(403)
    expect(read(closed)).toContain('Site fermé')
    await setClientDisabled(core())({ clientId: client().clientId, disabled: false, actor: 'test' })
  })
})

test('nginx’s own refusals are courteous, and its own files are asked about too', async () => {
  const { url } = sites.nginx.proxy
  expect((await createBrowser().fetch(`${url}/static/page.txt`)).status).toBe(302)
  const browser = createBrowser()
  expect((await enter(browser, `${url}/static/page.txt`)).text).toBe('a file\n')
  const hidden = await browser.fetch(`${url}/static/hidden/x`)
  expect(hidden.status).toBe(403)
  expect(read(hidden)).toContain('Le site refuse cette page')
  // The application's own 403 is its own.
  expect(seenIn(await browser.fetch(`${url}/forbidden`)).url).toBe('/forbidden')
  // The proxy asks by itself only.
  expect((await browser.fetch(`${url}/schedar/check`)).status).toBe(404)
})

describe('while Schedar is away, or hangs', () => {
  let silent: Server
  beforeAll(async () => {
    silent = createServer(() => {}).listen(0, '127.0.0.8')
    await once(silent, 'listening')
  })
  afterAll(() => {
    silent.close()
    silent.closeAllConnections()
  })

  test.each([
    ['nginx', startNginx, '127.0.0.6'],
    ['Caddy', startCaddy, '127.0.0.7'],
  ] as const)('nobody is let in by %s, signed in or not, nor kept waiting for long', async (name, start, host) => {
    const { client, proxy } = sites[name]
    const ours = createBrowser()
    await enter(ours, `${proxy.url}/`)
    const cookie = cookieHeader(ours, proxy.url)
    application.seen.length = 0
    const visit = async (port: number): Promise<void> => {
      const options = { schedar: `http://127.0.0.8:${port}` }
      const cut = await start({
        host,
        application,
        kit: ({ dir }) => kitOf(core())(client, forwardAuth, { ...options, nginx_dir: dir, caddy_dir: dir }),
      })
      const visits = [{}, { headers: { cookie } }].map((more) => createBrowser().fetch(`${cut.url}/`, more))
      for (const { status } of await Promise.all(visits)) expect([500, 502, 504]).toContain(status)
      await cut.stop()
    }
    await Promise.all([visit(await freePort('127.0.0.8')), visit((silent.address() as AddressInfo).port)])
    expect(application.seen).toEqual([])
  })
})
