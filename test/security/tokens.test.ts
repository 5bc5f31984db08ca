// Attacks on tokens: one taken for another, and a signature that is none.
import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { suspend } from '../../src/usecases/suspend.ts'
import { type Browser, createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let ada: Person
let tokens: NonNullable<Awaited<ReturnType<typeof signInAt>>['tokens']>
let browser: Browser

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
})
beforeAll(async () => {
  browser = createBrowser()
  tokens = (await signInAt(rp, browser, house.issuer, 'ada', ada.password)).tokens!
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

const basic = (at = rp) => `Basic ${Buffer.from(`${at.clientId}:${at.clientSecret}`).toString('base64')}`
const post = (path: string, body: Record<string, string>, at: RelyingParty | undefined = rp) =>
  fetch(house.issuer + path, {
    method: 'POST',
    headers: at ? { authorization: basic(at) } : {},
    body: new URLSearchParams(body),
  })
const me = (token: string) => fetch(`${house.issuer}/me`, { headers: { authorization: `Bearer ${token}` } })
/** A fresh code in the signed-in browser. */
async function freshCode(at = rp, parameters: Record<string, string> = {}) {
  const begun = await at.begin(parameters)
  const { location } = await browser.fetch(begun.url)
  return { ...begun, code: new URL(location!).searchParams.get('code')!, callback: location! }
}

describe('class 8: a token of one kind is none of another', () => {
  test('only an access token opens userinfo', async () => {
    const { code } = await freshCode()
    for (const token of [tokens.id_token!, tokens.refresh_token!, code, 'x', `${tokens.access_token}x`]) {
      const answer = await me(token)
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toContain('invalid_token')
    }
    expect((await me(tokens.access_token)).status).toBe(200)
  })

  test('only a refresh token refreshes, only a code is exchanged', async () => {
    const { code, verifier } = await freshCode()
    for (const refresh_token of [tokens.access_token, tokens.id_token!, code])
      expect((await post('/token', { grant_type: 'refresh_token', refresh_token })).status).toBe(400)
    for (const wrong of [tokens.access_token, tokens.refresh_token!, tokens.id_token!]) {
      const body = {
        grant_type: 'authorization_code',
        code: wrong,
        code_verifier: verifier,
        redirect_uri: `${rp.url}/callback`,
      }
      expect((await post('/token', body)).status).toBe(400)
    }
  })

  test('a JWT is no opaque token to introspection, whatever the hint says', async () => {
    for (const token_type_hint of ['access_token', 'refresh_token', 'id_token']) {
      const answer = await post('/token/introspection', { token: tokens.id_token!, token_type_hint })
      expect(answer.ok ? await answer.json() : { active: false }).toEqual({ active: false })
    }
    const { code } = await freshCode()
    expect(await (await post('/token/introspection', { token: code })).json()).toEqual({ active: false })
  })

  test('an access token does not travel in an address', async () => {
    const answer = await fetch(`${house.issuer}/me?access_token=${tokens.access_token}`)
    expect(answer.status).toBe(400)
  })

  test('another client’s code is refused', async () => {
    const other = await relyingParty(house)
    const begun = await freshCode()
    const body = {
      grant_type: 'authorization_code',
      code: begun.code,
      code_verifier: begun.verifier,
      redirect_uri: `${rp.url}/callback`,
    }
    const answer = await post('/token', body, other)
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([400, 'invalid_grant'])
    await other.close()
  })

  test('a client needs its own secret: none, an empty one, another’s or a longer one is refused', async () => {
    const other = await relyingParty(house)
    const begun = await freshCode()
    const body = {
      grant_type: 'authorization_code',
      code: begun.code,
      code_verifier: begun.verifier,
      redirect_uri: `${rp.url}/callback`,
    }
    for (const secret of [
      undefined,
      '',
      other.clientSecret,
      `${rp.clientSecret}x`,
      rp.clientSecret.slice(0, -1),
      rp.clientSecret.toUpperCase(),
    ]) {
      const headers: Record<string, string> =
        secret === undefined
          ? {}
          : { authorization: `Basic ${Buffer.from(`${rp.clientId}:${secret}`).toString('base64')}` }
      const form = new URLSearchParams({ ...body, ...(secret === undefined && { client_id: rp.clientId }) })
      const answer = await fetch(`${house.issuer}/token`, { method: 'POST', headers, body: form })
      expect([400, 401]).toContain(answer.status)
    }
    // By another way than the registered one neither.
    const inForm = await post('/token', { ...body, client_id: rp.clientId, client_secret: rp.clientSecret }, undefined)
    expect([400, 401]).toContain(inForm.status)
    expect((await post('/token', body)).status).toBe(200)
    await other.close()
  })
})

describe('class 21: signatures that are none', () => {
  const hint = async (token: string) =>
    (await createBrowser().fetch(`${house.issuer}/session/end?id_token_hint=${token}`)).status
  const silently = async (token: string) =>
    (await browser.fetch((await rp.begin({ prompt: 'none', id_token_hint: token })).url)).location ?? ''

  test('alg none, our public key as a secret, a stranger’s key, a key named by path or address, a changed payload', async () => {
    const claims = tokens.claims()!
    const jwks = (await (await fetch(`${house.issuer}/jwks`)).json()) as { keys: Record<string, string>[] }
    const published = jwks.keys.find(({ alg }) => alg === 'ES256')!
    const stranger = await generateKeyPair('ES256', { extractable: true })
    const spki = await exportSPKI((await importJWK(published, 'ES256')) as CryptoKey)
    const signed = (header: Record<string, unknown>, key: Parameters<SignJWT['sign']>[0]) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', ...header } as { alg: string }).sign(key)
    const [head, , signature] = tokens.id_token!.split('.')
    const payload = Buffer.from(JSON.stringify({ ...claims, sub: 'somebody-else' })).toString('base64url')
    const forged = [
      new UnsecuredJWT(claims).encode(),
      `${Buffer.from('{"alg":"NonE"}').toString('base64url')}.${payload}.`,
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.${signature}`,
      await signed({ alg: 'HS256', kid: published.kid }, new TextEncoder().encode(spki)),
      await signed({ alg: 'HS256', kid: published.kid }, new TextEncoder().encode(JSON.stringify(published))),
      await signed({ kid: published.kid }, stranger.privateKey),
      await signed({ kid: '../../../dev/null' }, stranger.privateKey),
      await signed({ kid: "x' or '1'='1" }, stranger.privateKey),
      await signed({ jwk: await exportJWK(stranger.publicKey) }, stranger.privateKey),
      await signed({ jku: 'http://127.0.0.1:1/keys', x5u: 'http://127.0.0.1:1/x' }, stranger.privateKey),
      `${head}.${payload}.${signature}`,
      `${head}.${payload}.`,
      'x.y.z',
      '..',
    ]
    for (const token of forged) {
      expect(await hint(token)).toBe(400)
      expect(await silently(token)).not.toContain('code=')
    }
    expect(await hint(tokens.id_token!)).toBe(200)
    expect(await silently(tokens.id_token!)).toContain('code=')
  })

  test('a request object is not taken, signed or not', async () => {
    const object = new UnsecuredJWT({ client_id: rp.clientId, redirect_uri: 'https://evil.example/' }).encode()
    for (const more of [`request=${object}`, 'request_uri=http://127.0.0.1:1/object', 'registration={}']) {
      const { status, location } = await browser.fetch(`${(await rp.begin()).url}&${more}`)
      expect(location ?? '').not.toContain('evil.example')
      expect(location === undefined ? status : new URL(location).searchParams.get('error')).toMatch(
        /^400$|_not_supported$|^invalid_request/,
      )
    }
  })
})

describe('class 1: what is introspected is asked for anew each time', () => {
  test('an account status is not remembered between two questions', async () => {
    const eve = await house.person({ username: 'eve', coveredForDays: 30 })
    const held = (await signInAt(rp, createBrowser(), house.issuer, 'eve', eve.password)).tokens!
    const before = await Promise.all(Array.from({ length: 5 }, () => rp.introspect(held.access_token)))
    expect(before.every(({ active }) => active)).toBe(true)
    await suspend(house.installation.core)({ target: { accountId: eve.account.id }, reason: 'Essai', actor: 'test' })
    const after = await Promise.all(Array.from({ length: 5 }, () => rp.introspect(held.access_token)))
    expect(after.some(({ active }) => active)).toBe(false)
  })
})
