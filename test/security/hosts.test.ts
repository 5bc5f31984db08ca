// Attacks by a Host that is somebody else’s.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { open, raw, rawGet } from '../support/at-home.ts'
import { createBrowser, formsOf } from '../support/browser-jar.ts'
import { type House, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  await house.person({ username: 'ada', coveredForDays: 30 })
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

const DISCOVERY = '/.well-known/openid-configuration'
/** Every URL in a discovery document. */
const urlsIn = (body: string): string[] =>
  Object.values(JSON.parse(body)).filter((value) => typeof value === 'string' && /^https?:/.test(value)) as string[]

describe('class 5: a Host of somebody else’s', () => {
  test.each([
    'evil.example',
    'evil.example:80',
    '',
    'localhost',
    '127.0.0.1',
    '127.0.0.1:1',
    'x@HOST',
    'HOST@evil.example',
    'HOST/..',
    'HOST, evil.example',
    'evil.example#HOST',
    '[::1]',
  ])('Host: %s is refused before any page or endpoint', async (pattern) => {
    const host = pattern.replace('HOST', new URL(house.issuer).host)
    for (const path of ['/', DISCOVERY, '/forgotten', '/auth', '/jwks', '/assets/x.css']) {
      const answer = await rawGet(house, path, { host })
      expect([400, 421]).toContain(answer.status)
      expect(answer.body).not.toContain('evil.example')
    }
  })

  test('without a Host at all there is no answer either (HTTP/1.0 too)', async () => {
    expect((await raw(house, 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n')).status).toBe(400)
    expect((await raw(house, `GET ${DISCOVERY} HTTP/1.0\r\n\r\n`)).status).toBe(421)
  })

  test.each([
    [{ 'x-forwarded-host': 'evil.example' }],
    [{ 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }],
    [{ forwarded: 'host=evil.example;proto=https' }],
    [{ 'x-original-host': 'evil.example', 'x-host': 'evil.example', 'x-forwarded-server': 'evil.example' }],
    [{ 'x-original-url': '/evil', 'x-rewrite-url': '/evil' }],
  ])('%j of a stranger changes nothing', async (headers) => {
    const { status, body } = await rawGet(house, DISCOVERY, headers)
    expect(status).toBe(200)
    expect(urlsIn(body).filter((url) => !url.startsWith(`${house.issuer}/`) && url !== house.issuer)).toEqual([])
    const sent = await rawGet(house, '/', headers)
    expect(/location: (\S+)/i.exec(sent.head)![1]).toMatch(/^\/auth\?/)
    expect(sent.head + sent.body).not.toContain('evil')
  })

  test('the whole address in the request line (RFC 9112 §3.2.2) is believed no more than Host', async () => {
    expect((await rawGet(house, `http://evil.example${DISCOVERY}`)).status).toBe(421)
    expect((await rawGet(house, `${house.issuer}${DISCOVERY}`, { host: 'evil.example' })).status).toBe(421)
    const { body } = await rawGet(house, `${house.issuer}${DISCOVERY}`)
    expect(urlsIn(body).every((url) => url.startsWith(house.issuer))).toBe(true)
  })

  test('a letter’s link is the configured address, whatever the request says', async () => {
    const browser = createBrowser()
    const page = await open(house, browser, '/forgotten')
    const { fields, action } = formsOf(page)[0]!
    const form = { ...fields, identifier: 'ada' }
    await browser.fetch(action, { form, headers: { origin: house.issuer, 'x-forwarded-host': 'evil.example' } })
    await expect.poll(() => house.letters().length, { timeout: 3000 }).toBe(1)
    expect(house.letters()[0]!.link.startsWith(`${house.issuer}/password/`)).toBe(true)
    expect(house.letters()[0]!.text).not.toContain('evil')
  })
})

describe('class 5: behind a proxy that is trusted', () => {
  let behind: House
  const issuer = 'https://sso.cassiopee.example'
  const host = 'sso.cassiopee.example'

  beforeAll(async () => {
    behind = await startHouse({
      config: { issuer, trustedProxies: ['127.0.0.1', '10.0.0.0/8'], signIn: { answerAfterMs: 1, triesPerAddress: 2 } },
    })
  })
  afterAll(() => behind.stop())

  test.each([
    ['Host kept', { host }],
    ['Host kept, in capitals, with the port', { host: 'SSO.Cassiopee.example:443' }],
    ['Host in X-Forwarded-Host', { host: '127.0.0.1:3000', 'x-forwarded-host': host }],
  ])('%s: the issuer’s addresses, over https', async (_, headers) => {
    const { status, body } = await rawGet(behind, DISCOVERY, headers)
    expect(status).toBe(200)
    expect(urlsIn(body).every((url) => url === issuer || url.startsWith(`${issuer}/`))).toBe(true)
  })

  test.each([
    [{ host, 'x-forwarded-host': 'evil.example' }],
    [{ host, 'x-forwarded-host': `evil.example, ${host}` }],
    [{ host: 'evil.example' }],
    [{ host: '127.0.0.1:3000' }],
    [{ host: `${host}:8443` }],
  ])('%j is refused', async (headers) => {
    expect((await rawGet(behind, DISCOVERY, headers)).status).toBe(421)
  })

  test('cookies are for https only, the form’s for this host alone', async () => {
    const start = await rawGet(
      behind,
      '/auth?client_id=schedar&response_type=none&scope=openid&redirect_uri=https%3A%2F%2Fsso.cassiopee.example%2Fsigned-in',
      { host, 'x-forwarded-proto': 'http' },
    )
    const cookies = [...start.head.matchAll(/set-cookie: (.*)/gi)].map(([, line]) => line!)
    expect(cookies.length).toBeGreaterThan(1)
    const page = await rawGet(behind, '/forgotten?lang=nl', { host })
    cookies.push(...[...page.head.matchAll(/set-cookie: (.*)/gi)].map(([, line]) => line!))
    expect(cookies.filter((line) => !/;\s*secure/i.test(line))).toEqual([])
    expect(cookies.some((line) => /^__Host-schedar_form=.*path=\/(;|$)/i.test(line) && !/domain=/i.test(line))).toBe(
      true,
    )
  })

  test('a whole sign-in goes through: over https, with its cookies, to the page of the house', async () => {
    const zoe = await behind.person({ username: 'zoe', coveredForDays: 30 })
    const jar = new Map<string, string>()
    const request = async (target: string, body?: string) => {
      const headers = Object.entries({
        host: '127.0.0.1:3000',
        'x-forwarded-host': host,
        'x-forwarded-proto': 'https',
        'x-forwarded-for': '203.0.113.5',
        connection: 'close',
        cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(body && {
          origin: issuer,
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': body.length,
        }),
      })
      const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      const answer = await raw(behind, `${body ? 'POST' : 'GET'} ${target} HTTP/1.1\r\n${lines}\r\n${body ?? ''}`)
      for (const [, name, value] of answer.head.matchAll(/^set-cookie: ([^=]+)=([^;]*)/gim)) jar.set(name!, value!)
      const location = /^location: (\S+)/im.exec(answer.head)?.[1]
      return { ...answer, target, next: location && new URL(location, issuer) }
    }
    const follow = async (target: string, body?: string) => {
      let at = await request(target, body)
      for (; at.next; at = await request(at.next.pathname + at.next.search)) expect(at.next.origin).toBe(issuer)
      return at
    }
    const page = await follow('/account/password')
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)![1]!
    const form = new URLSearchParams({ csrf, identifier: 'zoe', password: zoe.password })
    const home = await follow(page.target, String(form))
    expect([home.status, home.target]).toEqual([200, '/account/password'])
    expect([...jar.keys()]).toContain('__Host-schedar_session')
    expect(home.head).toMatch(/^strict-transport-security/im)
  })

  test('class 7: a neighbour under the same domain cannot plant a session', async () => {
    const { head } = await rawGet(behind, '/session/end', { host })
    const cookies = [...head.matchAll(/set-cookie: (.*)/gi)].map(([, line]) => line!)
    expect(cookies.map((line) => line.split('=')[0])).toEqual(['__Host-schedar_session', '__Host-schedar_session.sig'])
    for (const line of cookies) {
      expect(line).toMatch(/; path=\/;.*; secure; httponly/i)
      expect(line).not.toMatch(/domain=/i)
    }
  })

  test('class 10: the address that counts is the nearest one that is not a proxy’s', async () => {
    const { throttle } = behind.installation.core.store
    const buckets = async () => (await behind.installation.database.knex('throttle').select()).length
    const ask = async (forwarded: string) => {
      const page = await rawGet(behind, '/forgotten', { host })
      const cookie = /set-cookie: ([^;]+)/i.exec(page.head)![1]!
      const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)![1]!
      const body = `csrf=${csrf}&identifier=${crypto.randomUUID()}`
      const head = Object.entries({
        host,
        cookie,
        connection: 'close',
        'x-forwarded-for': forwarded,
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': body.length,
      })
      const before = await buckets()
      await raw(
        behind,
        `POST /forgotten HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
      )
      // One bucket for the name, and one for an address that is new.
      return (await buckets()) - before - 1
    }
    expect(throttle).toBeDefined()
    expect(await ask('198.51.100.7')).toBe(1)
    // What a stranger puts in front, and further proxies of ours behind, change nothing.
    for (const forged of [
      '1.2.3.4, 198.51.100.7',
      '198.51.100.7, 10.1.2.3',
      'x, y, ::ffff:198.51.100.7',
      '127.0.0.1, 198.51.100.7, 10.0.0.1, 127.0.0.1',
    ])
      expect(await ask(forged)).toBe(0)
    // Nonsense counts as the proxy itself; all addresses of an IPv6 /64 as one.
    expect(await ask('unknown')).toBe(1)
    for (const nonsense of ['_hidden', '1.2.3.4:567', '"', '']) expect(await ask(nonsense)).toBe(0)
    expect(await ask('2001:db8::1')).toBe(1)
    for (const neighbour of ['2001:db8::2', '2001:DB8:0:0:ffff:1:2:3', '2001:0db8:0000::'])
      expect(await ask(neighbour)).toBe(0)
    expect(await ask('2001:db8:0:1::1')).toBe(1)
  })
})
