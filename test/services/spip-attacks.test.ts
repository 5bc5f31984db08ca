// Forged, replayed, mixed up and misdirected answers do not open a SPIP site (attack classes 7, 8, 21, 25, 33).
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Reply } from '../support/browser-jar.ts'
import { type Claims, makeKeys, signJws } from '../support/jws.ts'
import { again, type SpipSso, startSpipSso, unverified, wrongClock } from '../support/spip-sso.ts'

let sso: SpipSso
const now = () => Math.floor(Date.now() / 1000)

beforeAll(async () => {
  sso = await startSpipSso()
  sso.provider.addAccount('alice', { roles: ['webmestre'] })
  await sso.signIn(sso.browserOf('alice'))
})
afterAll(() => sso.stop())
afterEach(async () => {
  delete sso.provider.hooks.token
  delete sso.provider.hooks.userinfo
})

describe('the answer (attack classes 25 and 33)', () => {
  /** Changes parameters of the provider's answer; an empty value drops one. */
  const altered = async (browser: Browser, changes: Record<string, string>): Promise<Reply> => {
    const url = new URL(await sso.answer(browser))
    for (const [name, value] of Object.entries(changes))
      value ? url.searchParams.set(name, value) : url.searchParams.delete(name)
    return browser.fetch(url.href)
  }

  test.each([
    ['no state', { state: '' }, again],
    ['a state of one’s own', { state: 'A'.repeat(22) }, again],
    ['a state that is no state', { state: '../../x' }, again],
    ['no iss', { iss: '' }, unverified],
    ['the iss of another provider', { iss: 'https://evil.example' }, unverified],
    ['no code', { code: '' }, again],
    ['a code of one’s own', { code: 'x'.repeat(43) }, again],
    ['an endless code', { code: 'x'.repeat(5000) }, again],
    [
      'an error with a script',
      { error: '<script>alert(1)</script>', error_description: '<script>alert(2)</script>' },
      /interrompue/,
    ],
    ['an error of another provider', { error: 'access_denied', iss: 'https://evil.example' }, unverified],
  ])('%s is refused', async (_, changes, words) => {
    const browser = sso.browserOf('alice')
    await sso.expectRefused(browser, await altered(browser, changes as Record<string, string>), words)
  })

  test('parameters that are lists are refused, not a fault', async () => {
    const browser = sso.browserOf('alice')
    const answer = await sso.answer(browser)
    for (const name of ['state', 'iss', 'code', 'error']) {
      const page = await browser.fetch(
        answer.replace(`${name}=`, `${name}[]=`).concat(name === 'error' ? '&error[]=x' : ''),
      )
      expect(page.status).toBeGreaterThanOrEqual(400)
      expect(page.text).not.toMatch(/Fatal error|Warning:|TypeError/)
    }
    expect(await sso.who(browser)).toBe('||')
  })

  test('an answer meant for one browser is refused in another, and with it that browser’s own answer is not lost', async () => {
    const victim = sso.browserOf('alice')
    const attacker = sso.browserOf('alice')
    const stolen = await sso.answer(attacker)
    const own = await sso.answer(victim)
    await sso.expectRefused(victim, await victim.fetch(stolen), again)
    expect((await victim.fetch(own)).status).toBe(302)
  })

  test('an answer is taken once: sent again it opens nothing, and does not reach the provider', async () => {
    const browser = sso.browserOf('alice')
    const answer = await sso.answer(browser)
    expect((await browser.fetch(answer)).status).toBe(302)
    const asked = sso.provider.requests.length
    // Back or reload in the same browser: harmless. Without the session, and with the same cookies: refused.
    expect((await browser.fetch(answer)).location).toBe(`${sso.site.url}/ecrire/`)
    browser.forget(/^spip/)
    await sso.expectRefused(browser, await browser.fetch(answer), again)
    expect(sso.provider.requests.length).toBe(asked)
  })

  test('a cookie that was changed, renamed or made by somebody else is worth nothing', async () => {
    for (const change of [
      (value: string) => `x${value}`,
      (value: string) => value.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
      () => `${btoa('{"t":9999999999,"n":"n","v":"v","r":""}')}.AAAA`,
    ]) {
      const browser = sso.browserOf('alice')
      const answer = await sso.answer(browser)
      const [cookie] = browser.cookies('127.0.0.2').filter(({ name }) => name.startsWith('schedar_'))
      browser.setCookie(sso.site.url, `${cookie!.name}=${change(cookie!.value)}; path=/`)
      await sso.expectRefused(browser, await browser.fetch(answer), again)
    }
    // One attempt's signed cookie under another attempt's name.
    const browser = sso.browserOf('alice')
    const [first, second] = [await sso.answer(browser), await sso.answer(browser)]
    const cookieOf = (answer: string) =>
      browser.cookies('127.0.0.2').find(({ name }) => name.endsWith(new URL(answer).searchParams.get('state')!))!
    browser.setCookie(sso.site.url, `${cookieOf(second).name}=${cookieOf(first).value}; path=/`)
    const asked = sso.provider.requests.length
    await sso.expectRefused(browser, await browser.fetch(second), again)
    expect(sso.provider.requests.length).toBe(asked)
  })

  test('attack class 7: a session identifier planted before the sign-in is not the one afterwards', async () => {
    const planted = `2_${'a'.repeat(32)}`
    const session = sso.sessionCookie
    for (const name of ['spip_session', session]) {
      const browser = sso.browserOf('alice')
      browser.setCookie(sso.site.url, `${name}=${planted}; path=/`)
      await sso.signIn(browser)
      expect(await sso.isIn(browser)).toBe(true)
      expect(browser.cookies('127.0.0.2').find((cookie) => cookie.name === session)!.value).not.toBe(planted)
      const attacker = sso.browserOf('nobody')
      attacker.setCookie(sso.site.url, `${name}=${planted}; path=/`)
      expect(await sso.who(attacker)).toBe('||')
    }
  })
})

describe('the ID token (attack classes 8 and 21)', () => {
  const other = makeKeys()
  const attacker = generateKeyPairSync('rsa', { modulusLength: 2048 })
  /** HMAC over a token, keyed with the provider's public key: what « alg confusion » tries. */
  const hmac = (claims: Claims): string => {
    const header = { alg: 'HS256', typ: 'JWT', kid: sso.provider.keys.RS256.kid }
    const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    const pem = createPublicKey(sso.provider.keys.RS256.privateKey).export({ type: 'spki', format: 'pem' })
    return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`
  }
  const sign = (claims: Claims, options: Parameters<typeof sso.provider.sign>[1] = {}) =>
    sso.provider.sign(claims, { alg: 'ES256', ...options })

  test.each<[string, (claims: Claims, token: string) => string]>([
    ['another nonce', (claims) => sign({ ...claims, nonce: 'other' })],
    ['no nonce', ({ nonce: _, ...claims }) => sign(claims)],
    ['another issuer', (claims) => sign({ ...claims, iss: 'https://evil.example' })],
    ['another audience', (claims) => sign({ ...claims, aud: 'other' })],
    [
      'an authorized party that is another client',
      (claims) => sign({ ...claims, aud: [sso.clientId, 'other'], azp: 'other' }),
    ],
    ['two audiences and no authorized party', (claims) => sign({ ...claims, aud: [sso.clientId, 'other'] })],
    ['no subject', ({ sub: _, ...claims }) => sign(claims)],
    ['a subject that is a list', (claims) => sign({ ...claims, sub: ['alice'] })],
    ['no end', ({ exp: _, ...claims }) => sign(claims)],
    ['another access token', (claims) => sign({ ...claims, at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' })],
    ['the type of a logout token', (claims) => sign(claims, { header: { typ: 'logout+jwt' } })],
    ['the events of a logout token', (claims) => sign({ ...claims, events: {} })],
    ['a critical header', (claims) => sign(claims, { header: { crit: ['exp'] } })],
    ['no signature', (_, token) => `${token.split('.').slice(0, 2).join('.')}.`],
    [
      'alg none',
      (claims) =>
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`,
    ],
    ['alg HS256 with the public key as secret', hmac],
    [
      'alg RS256 with the P-256 key’s kid',
      (claims) => sign(claims, { alg: 'RS256', header: { kid: sso.provider.keys.ES256.kid } }),
    ],
    [
      'alg RS256 over a good P-256 signature in DER',
      (claims) => {
        const { kid, privateKey } = sso.provider.keys.ES256
        return signJws({ alg: 'RS256', kid }, claims, privateKey, { der: true })
      },
    ],
    ['alg ES256 with the RSA key’s kid', (claims) => sign(claims, { header: { kid: sso.provider.keys.RS256.kid } })],
    ['no kid', (claims) => signJws({ alg: 'ES256' }, claims, sso.provider.keys.ES256.privateKey)],
    ['a kid that is a path', (claims) => sign(claims, { header: { kid: '../../../../dev/null' } })],
    ['the key of a stranger under a known kid', (claims) => sign(claims, { key: other.ES256.privateKey })],
    [
      'a stranger’s key in its header',
      (claims) =>
        sign(claims, {
          alg: 'RS256',
          key: attacker.privateKey,
          header: {
            jwk: attacker.publicKey.export({ format: 'jwk' }),
            jku: 'http://127.0.0.1:1/',
            x5u: 'http://127.0.0.1:1/',
          },
        }),
    ],
    [
      'a changed payload',
      (claims, token) =>
        token.replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify({ ...claims, amr: ['x'] })).toString('base64url')}.`),
    ],
    ['a signature of zeros', (_, token) => token.replace(/[^.]+$/, 'A'.repeat(86))],
    ['padding', (_, token) => `${token}==`],
    ['five parts', (_, token) => `${token}.x.y`],
    ['an endless token', (_, token) => `${token}${'A'.repeat(20_000)}`],
    ['a list for a payload', () => sign([] as unknown as Claims)],
    ['nothing', () => ''],
  ])('with %s is refused', async (_, change) => {
    sso.forge(change)
    const browser = sso.browserOf('alice')
    await sso.expectRefused(browser, await sso.signIn(browser), unverified)
  })

  test.each<[string, (claims: Claims) => Claims]>([
    ['an end in the past', (claims) => ({ ...claims, exp: now() - 120 })],
    ['an issue of last week', (claims) => ({ ...claims, iat: now() - 7 * 86_400 })],
    ['an issue in the future', (claims) => ({ ...claims, iat: now() + 3600 })],
    ['a beginning in the future', (claims) => ({ ...claims, nbf: now() + 3600 })],
  ])('with %s is refused as a matter of clocks, which somebody has to set', async (_, change) => {
    sso.forge((claims) => sign(change(claims)))
    const browser = sso.browserOf('alice')
    await sso.expectRefused(browser, await sso.signIn(browser), wrongClock)
  })

  test('signed with RS256 or ES256 by the issuer, and re-signed with the same claims, is taken', async () => {
    for (const alg of ['RS256', 'ES256'] as const) {
      sso.forge((claims) => sso.provider.sign(claims, { alg }))
      const browser = sso.browserOf('alice')
      await sso.signIn(browser)
      expect(await sso.isIn(browser)).toBe(true)
    }
  })

  test('the profile of somebody else is refused, whoever they are', async () => {
    for (const sub of ['bob', undefined, ['alice']]) {
      sso.provider.hooks.userinfo = (body) => ({ ...body, sub, roles: ['webmestre'] })
      const browser = sso.browserOf('alice')
      await sso.expectRefused(browser, await sso.signIn(browser), unverified)
    }
  })

  test('an access token that would add a header is refused', async () => {
    sso.provider.hooks.token = (body) => ({ ...body, access_token: 'x\r\nX-Evil: 1' })
    const browser = sso.browserOf('alice')
    await sso.expectRefused(browser, await sso.signIn(browser), unverified)
  })
})
