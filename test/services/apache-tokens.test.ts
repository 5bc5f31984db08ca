// What mod_auth_openidc, as the Apache kit sets it up, does with tokens that were forged, changed, late or sent again, and with a
// provider that is away, hangs, or has new keys. Sessions in files, and in Redis.
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApacheSite, startSite, whoIn } from '../support/apache-site.ts'
import type { Browser } from '../support/browser-jar.ts'
import { type Claims, makeKeys, readJws } from '../support/jws.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { type Redis, startRedis } from '../support/redis.ts'

let provider: TestProvider
let site: ApacheSite
const strangers = makeKeys()

beforeAll(async () => {
  provider = await startProvider()
  site = await startSite(provider, { clientId: 'wiki.asso' })
  provider.addAccount('alice')
  provider.addAccount('bob')
})
afterAll(async () => {
  await site.stop()
  await provider.stop()
})

const now = () => Math.floor(Date.now() / 1000)
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
type Signing = Parameters<TestProvider['sign']>[1]
const sign = (claims: Claims, more: Signing = {}) => provider.sign(claims, { alg: 'ES256', ...more })

describe('logout tokens', () => {
  let browser: Browser
  let sid: string
  beforeAll(async () => {
    browser = await site.signedIn('bob')
    sid = whoIn(await browser.fetch(`${site.url}/`))!.claims.OIDC_CLAIM_sid!
  })
  const claims = (changes: Claims = {}): Claims => provider.logoutClaims(site.clientId, 'bob', { sid, ...changes })
  const token = (changes: Claims = {}, { header, ...more }: NonNullable<Signing> = {}): string =>
    sign(claims(changes), { header: { typ: 'logout+jwt', ...header }, ...more })

  test.each<[string, () => string]>([
    ['nothing', () => ''],
    ['no token', () => 'not-a-token'],
    ['the signature of a stranger', () => token({}, { key: strangers.ES256.privateKey })],
    [
      'the key of a stranger',
      () => token({}, { key: strangers.ES256.privateKey, header: { kid: strangers.ES256.kid } }),
    ],
    ['the other algorithm’s key', () => token({}, { header: { kid: provider.keys.RS256.kid } })],
    ['alg none', () => `${part({ alg: 'none', typ: 'logout+jwt' })}.${part(claims())}.`],
    ['no signature', () => `${token().split('.').slice(0, 2).join('.')}.`],
    ['claims changed after it was signed', () => token().replace(/\.[^.]+\./, `.${part(claims())}.`)],
    ['another issuer', () => token({ iss: 'https://evil.example' })],
    ['another audience', () => token({ aud: 'other' })],
    ['an end in the past', () => token({ exp: now() - 120 })],
    ['an issue of yesterday', () => token({ iat: now() - 86_400 })],
    ['an issue of tomorrow', () => token({ iat: now() + 86_400 })],
    ['a nonce', () => token({ nonce: 'x' })],
    ['no event', () => token({ events: undefined })],
    ['another event', () => token({ events: { 'urn:schedar:event:status': { roles: [] } } })],
  ])('with %s: 400, and nobody is out', async (_, made) => {
    expect((await site.postLogout(made())).status).toBe(400)
    expect(await site.isIn(browser)).toBe(true)
  })

  test('a good one ends the session; sent again, it does not end what was begun since', async () => {
    const good = token()
    expect((await site.postLogout(good)).status).toBe(200)
    expect(await site.isIn(browser)).toBe(false)
    await provider.endSessions('bob')
    const again = await site.signedIn('bob')
    await site.postLogout(good)
    expect(await site.isIn(again)).toBe(true)
  })
})

// A token that says « none » itself is let through by the module when it comes from the token endpoint, whose certificate
// vouches for it (OpenID Connect Core §3.1.3.7, 6).
describe('ID tokens', () => {
  const hs256 = (claims: Claims): string => {
    const signed = `${part({ alg: 'HS256' })}.${part(claims)}`
    return `${signed}.${createHmac('sha256', site.clientSecret).update(signed).digest('base64url')}`
  }
  test.each<[string, (claims: Claims, token: string) => string]>([
    ['the signature of a stranger', (claims) => sign(claims, { key: strangers.ES256.privateKey })],
    [
      'the key of a stranger',
      (claims) => sign(claims, { key: strangers.ES256.privateKey, header: { kid: strangers.ES256.kid } }),
    ],
    ['the issuer’s key of another algorithm', (claims) => sign(claims, { alg: 'RS256' })],
    ['alg HS256 and the client’s secret', (claims) => hs256(claims)],
    ['no signature', (_, token) => `${token.split('.').slice(0, 2).join('.')}.`],
    ['another issuer', (claims) => sign({ ...claims, iss: 'https://evil.example' })],
    ['another audience', (claims) => sign({ ...claims, aud: 'other' })],
    ['another nonce', (claims) => sign({ ...claims, nonce: 'other' })],
    ['no nonce', ({ nonce: _, ...claims }) => sign(claims)],
    ['an end in the past', (claims) => sign({ ...claims, exp: now() - 120 })],
    ['an issue of last week', (claims) => sign({ ...claims, iat: now() - 7 * 86_400 })],
    ['an issue in the future', (claims) => sign({ ...claims, iat: now() + 86_400 })],
    ['no subject', ({ sub: _, ...claims }) => sign(claims)],
    ['somebody else’s subject', (claims) => sign({ ...claims, sub: 'bob' })],
    ['nothing', () => ''],
  ])('with %s: nobody is in', async (_, change) => {
    provider.hooks.token = (body) => {
      const token = String(body.id_token)
      return { ...body, id_token: change(readJws(token).payload, token) }
    }
    const browser = site.browserOf('alice')
    const page = await browser.open(`${site.url}/`)
    delete provider.hooks.token
    expect(whoIn(page)).toBeUndefined()
    // Not even what was answered leads in by itself afterwards.
    expect((await browser.fetch(`${site.url}/`)).status).toBe(302)
  })

  test('the userinfo answer about somebody else changes nobody', async () => {
    provider.hooks.userinfo = (body) => ({ ...body, sub: 'bob', preferred_username: 'bob' })
    const browser = site.browserOf('alice')
    const page = await browser.open(`${site.url}/`)
    delete provider.hooks.userinfo
    expect(whoIn(page)?.user).not.toBe('bob')
  })
})

describe('the provider', () => {
  test('is away: who is in stays in, nobody comes in; back again, all is as before', async () => {
    const inside = await site.signedIn('alice')
    const outside = site.browserOf('bob')
    const answer = await outside.follow(
      await outside.fetch(`${site.url}/`),
      (location) => !location.includes('/oidc/callback'),
    )
    await provider.down()
    expect(await site.isIn(inside)).toBe(true)
    expect(whoIn(await outside.fetch(answer.location!))).toBeUndefined()
    expect(await site.isIn(outside)).toBe(false)
    await provider.up()
    expect(whoIn(await outside.open(`${site.url}/`))?.user).toBe('bob')
  })

  test('hangs: a sign-in ends with an error in some seconds, and holds up nobody who is in', async () => {
    const inside = await site.signedIn('alice')
    let letGo = () => {}
    provider.hooks.token = (body) =>
      new Promise((resolve) => {
        letGo = () => resolve(body)
      })
    const began = performance.now()
    const waiting = site.browserOf('bob').open(`${site.url}/`)
    expect(await site.isIn(inside)).toBe(true)
    expect(whoIn(await waiting)).toBeUndefined()
    expect(performance.now() - began).toBeLessThan(45_000)
    delete provider.hooks.token
    letGo()
  })

  test('has new keys: they are fetched, and the old ones are worth nothing', async () => {
    const old = provider.keys.ES256
    provider.rotateKeys()
    const browser = await site.signedIn('bob')
    const sid = whoIn(await browser.fetch(`${site.url}/`))!.claims.OIDC_CLAIM_sid
    const claims = provider.logoutClaims(site.clientId, 'bob', { sid })
    const header = { typ: 'logout+jwt' }
    const byOld = sign(claims, { key: old.privateKey, header: { ...header, kid: old.kid } })
    expect((await site.postLogout(byOld)).status).toBe(400)
    expect(await site.isIn(browser)).toBe(true)
    expect((await site.postLogout(sign(claims, { header }))).status).toBe(200)
    expect(await site.isIn(browser)).toBe(false)
  })
})

test('under another name than the registered one nobody is led anywhere', async () => {
  const headers = { host: 'moved.example' }
  const browser = await site.signedIn('alice')
  for (const visitor of [browser, site.browserOf('bob')]) {
    const page = await visitor.fetch(`${site.url}/`, { headers })
    expect(page.location).toBeUndefined()
  }
  expect((await site.browserOf('bob').fetch(`${site.url}/`, { headers })).status).toBe(500)
})

describe('with Redis', () => {
  let redis: Redis
  let kept: ApacheSite
  beforeAll(async () => {
    redis = await startRedis()
    kept = await startSite(provider, { clientId: 'stats.asso', answers: { redis: redis.at } })
  })
  afterAll(async () => {
    await kept.stop()
    await redis.stop()
  })

  test('sessions live there, encrypted, through a reload; a suspension ends them; without it nobody is in', async () => {
    provider.addAccount('erin', { name: 'Erin Démo' })
    const [first, second, alice] = [
      await kept.signedIn('erin'),
      await kept.signedIn('erin'),
      await kept.signedIn('alice'),
    ]
    const held = await redis.dump()
    expect(held.length).toBeGreaterThan(500)
    expect(held).not.toMatch(/erin|access_token/i)
    await kept.graceful()
    expect(await kept.isIn(first)).toBe(true)
    await provider.suspend('erin')
    for (const browser of [first, second]) expect(await kept.isIn(browser)).toBe(false)
    expect(await kept.isIn(alice)).toBe(true)
    await redis.stop()
    expect(await kept.isIn(alice)).toBe(false)
  })
})
