// The door to the network by itself: which addresses are proxies, which routes are whose, what metrics are called.
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMetrics } from '../../src/web/metrics.ts'
import { addressList, addressOf, createHttpServer } from '../../src/web/server.ts'

describe('a list of addresses', () => {
  const list = addressList(['127.0.0.1', '10.0.0.0/8', '2001:db8::/32', '::1'])
  test.each(['127.0.0.1', '10.255.0.1', '2001:db8:ffff::1', '::1'])('%s is in it', (address) => {
    expect(list.has(address)).toBe(true)
  })
  test.each([
    '127.0.0.2',
    '11.0.0.1',
    '2001:db9::1',
    '::2',
    '',
    'unknown',
    '10.0.0.1:80',
    '[::1]',
    '10.0.0',
    'fe80::1%eth0',
    '10.0.0.1, x',
  ])('%j is not', (address) => {
    expect(list.has(address)).toBe(false)
  })
})

describe('the door', () => {
  const issuer = 'https://sso.example.org'
  const host = 'sso.example.org'
  let server: ReturnType<typeof createHttpServer>
  let seen: { by: string; url: string; headers: IncomingMessage['headers']; address: string }[]
  const routes: [string, number][] = []

  beforeAll(async () => {
    const note = (by: string) => (request: IncomingMessage, response: import('node:http').ServerResponse) => {
      seen.push({ by, url: request.url!, headers: { ...request.headers }, address: addressOf(request) })
      response.end(by)
    }
    server = createHttpServer(issuer, ['127.0.0.1', '192.0.2.0/24'], {
      provider: note('provider'),
      app: note('app'),
      machine: {
        '/health': async () => ({ status: 200, type: 'text/plain', body: 'alive' }),
        '/metrics': async () => ({ status: 200, type: 'text/plain', body: 'numbers' }),
        '/broken': async () => Promise.reject(new Error('x')),
      },
      onRequest: (route, status) => routes.push([route, status]),
    })
    server.listen(0, '0.0.0.0')
    await once(server, 'listening')
  })
  afterAll(() => server.close())
  beforeEach(() => {
    seen = []
  })

  /** Asks through 127.0.0.1 (a trusted proxy here) or 127.0.0.2 (a stranger). */
  async function ask(target: string, headers: Record<string, string>, through = '127.0.0.1'): Promise<string> {
    const socket = connect({ port: (server.address() as { port: number }).port, host: through, localAddress: through })
    const lines = Object.entries({ connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`)
    let text = ''
    for await (const part of socket) text += part
    return text
  }
  const status = (answer: string) => Number(answer.split(' ')[1])

  test.each([
    ['/', 'app'],
    ['/auth', 'provider'],
    ['/auth/abc', 'provider'],
    ['/auth?x=/y', 'provider'],
    ['/authx', 'app'],
    ['/token', 'provider'],
    ['/token/introspection', 'provider'],
    ['/me', 'provider'],
    ['/me?x', 'provider'],
    ['/media', 'app'],
    ['/jwks', 'provider'],
    ['/request', 'provider'],
    ['/session/end', 'provider'],
    ['/session/end/confirm', 'provider'],
    ['/session/ending', 'app'],
    ['/.well-known/openid-configuration', 'provider'],
    ['/.well-known/change-password', 'app'],
    ['/interaction/abc', 'app'],
    ['//auth', 'app'],
    ['/%61uth', 'app'],
  ])('%s is the %s’s', async (target, by) => {
    expect(await ask(target, { host })).toMatch(new RegExp(`\\r\\n${by}$`))
  })

  test.each([
    ['no header', {}, '127.0.0.1'],
    ['one hop', { 'x-forwarded-for': '198.51.100.1' }, '198.51.100.1'],
    ['a stranger’s claim before it', { 'x-forwarded-for': '8.8.8.8, 198.51.100.1' }, '198.51.100.1'],
    ['our own proxies after it', { 'x-forwarded-for': '198.51.100.1, 192.0.2.7,127.0.0.1' }, '198.51.100.1'],
    ['an IPv6 address', { 'x-forwarded-for': '2001:db8::7' }, '2001:db8::7'],
    ['an IPv4 in IPv6', { 'x-forwarded-for': '::FFFF:198.51.100.1' }, '198.51.100.1'],
    ['only proxies', { 'x-forwarded-for': '192.0.2.7' }, '127.0.0.1'],
    ['nonsense', { 'x-forwarded-for': 'unknown' }, '127.0.0.1'],
    ['nonsense after an address', { 'x-forwarded-for': '198.51.100.1, x' }, '127.0.0.1'],
  ])('the address, with %s', async (_, headers, expected) => {
    await ask('/', { host, ...headers } as Record<string, string>)
    expect(seen[0]!.address).toBe(expected)
    expect(seen[0]!.headers['x-forwarded-for']).toBeUndefined()
  })

  test('of a stranger nothing forwarded is believed, and nothing of it reaches the pages', async () => {
    const forged = {
      'x-forwarded-for': '198.51.100.1',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
      forwarded: 'for=1.1.1.1',
      'x-real-ip': '1.1.1.1',
    }
    await ask('/', { host, ...forged }, '127.0.0.2')
    expect(seen[0]!.address).toBe('127.0.0.2')
    expect(seen[0]!.headers).toMatchObject({ host, 'x-forwarded-proto': 'https' })
    for (const name of ['x-forwarded-for', 'x-forwarded-host', 'forwarded', 'x-real-ip'])
      expect(seen[0]!.headers[name]).toBeUndefined()
    expect(status(await ask('/', { host: 'x', 'x-forwarded-host': host }, '127.0.0.2'))).toBe(421)
  })

  test.each([
    [host, 200],
    ['SSO.example.ORG', 200],
    [`${host}:443`, 200],
    [`${host}:80`, 421],
    [`${host}.`, 421],
    [`a@${host}`, 421],
    [`${host}/x`, 421],
    [`${host}?`, 421],
    [`${host}#`, 421],
    [`x.${host}`, 421],
    ['xn--sso-.example.org', 421],
    ['sso。example。org', 421],
    ['[', 421],
  ])('Host %s: %i', async (given, expected) => {
    expect(status(await ask('/', { host: Buffer.from(given).toString('latin1') }))).toBe(expected)
    expect(seen.length).toBe(expected === 200 ? 1 : 0)
  })

  test('the whole address in the request line becomes its path, for this host alone', async () => {
    await ask(`https://${host}/auth?x=1`, { host })
    expect(seen[0]).toMatchObject({ by: 'provider', url: '/auth?x=1' })
    expect(status(await ask('https://evil.example/auth', { host }))).toBe(421)
    expect(status(await ask(`http://${host}:81/auth`, { host }))).toBe(421)
  })

  test.each([
    ['on the machine', { host: '127.0.0.1:3000' }, 200],
    ['under another name of it', { host: 'localhost' }, 200],
    ['through a proxy on the machine that adds nothing', { host }, 403],
    ['through one that says for whom', { host: 'localhost', 'x-forwarded-for': '1.1.1.1' }, 403],
    ['through one that says how', { host: 'localhost', 'x-forwarded-proto': 'https' }, 403],
  ])('metrics %s', async (_, headers, expected) => {
    expect(status(await ask('/metrics', headers as Record<string, string>))).toBe(expected)
  })

  test('every answer carries the security headers; what breaks in the machine’s own is no crash', async () => {
    for (const [target, headers] of [
      ['/', { host }],
      ['/auth', { host }],
      ['/', { host: 'x' }],
      ['/health', { host: 'x' }],
      ['/broken', { host: 'x' }],
    ] as const) {
      const answer = await ask(target, headers)
      expect(answer).toMatch(/^x-content-type-options: nosniff/im)
      expect(answer).toMatch(/^referrer-policy: same-origin/im)
      expect(answer).toMatch(/^strict-transport-security: max-age=31536000/im)
      expect(answer).not.toMatch(/^x-powered-by|^server:/im)
    }
    expect(status(await ask('/broken', { host }))).toBe(500)
  })

  test('a route in the metrics is never what a stranger typed', async () => {
    routes.length = 0
    for (const target of ['/auth/abc?d', '/request/xyz', '/anything', '/token']) await ask(target, { host })
    await expect.poll(() => routes.length).toBe(4)
    expect(routes.map(([route]) => route)).toEqual(['/auth/:id', '/request/:id', 'page', '/token'])
  })
})

test('metrics have a bounded number of labels, whatever is asked for', async () => {
  const store = { standings: { count: async () => ({ current: 3, lapsed: 1 }) }, outbox: { pending: async () => [] } }
  const metrics = createMetrics(store as never)
  for (let n = 0; n < 500; n++) metrics.request(`/.well-known/o${n}`, 404, 1)
  for (const route of ['/token', '/jwks', '/.well-known/openid-configuration', 'page', '/auth/:id'])
    metrics.request(route, 200, 2)
  const text = await metrics.text()
  expect(
    new Set([...text.matchAll(/schedar_request_seconds_count\{route="([^"]+)"/g)].map(([, route]) => route)),
  ).toEqual(new Set(['other', '/token', '/jwks', '/.well-known/openid-configuration', 'page', '/auth/:id']))
  expect(text).toContain('schedar_members{standing="current"} 3')
})
