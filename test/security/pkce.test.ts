// Attacks on the code on its way back: PKCE left out, made weak or taken away.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Browser, createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let ada: Person
let browser: Browser

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
})
beforeAll(async () => {
  browser = createBrowser()
  await signInAt(rp, browser, house.issuer, 'ada', ada.password)
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
/** A fresh code in the signed-in browser. */
async function freshCode(at = rp, parameters: Record<string, string> = {}) {
  const begun = await at.begin(parameters)
  const { location } = await browser.fetch(begun.url)
  return { ...begun, code: new URL(location!).searchParams.get('code')!, callback: location! }
}

describe('class 15: PKCE', () => {
  const without = (url: string, ...names: string[]) => {
    const changed = new URL(url)
    for (const name of names) changed.searchParams.delete(name)
    return changed.href
  }
  const errorAt = async (url: string) => {
    const { location } = await browser.fetch(url)
    return new URL(location!).searchParams.get('error')
  }

  test('left out, plain, of an unknown method or malformed: no code', async () => {
    const { url } = await rp.begin()
    expect(await errorAt(without(url, 'code_challenge', 'code_challenge_method'))).toBe('invalid_request')
    expect(await errorAt(without(url, 'code_challenge'))).toBe('invalid_request')
    expect(await errorAt(without(url, 'code_challenge_method'))).toBe('invalid_request')
    for (const method of ['plain', 'none', 's256', 'S512']) {
      const changed = new URL(url)
      changed.searchParams.set('code_challenge_method', method)
      expect(await errorAt(changed.href)).toBe('invalid_request')
    }
    for (const challenge of ['', 'short', 'a'.repeat(200), `${'a'.repeat(42)}=`]) {
      const changed = new URL(url)
      changed.searchParams.set('code_challenge', challenge)
      expect(await errorAt(changed.href)).toBe('invalid_request')
    }
  })

  test.each([
    ['missing', () => undefined],
    ['empty', () => ''],
    ['the challenge itself', (begun: { url: string }) => new URL(begun.url).searchParams.get('code_challenge')!],
    ['another one', () => 'x'.repeat(43)],
    ['longer', (begun: { verifier: string }) => `${begun.verifier}x`],
    ['in capitals', (begun: { verifier: string }) => begun.verifier.toUpperCase()],
  ])('a verifier that is %s is refused', async (_, make) => {
    const begun = await freshCode()
    const verifier = (make as (b: typeof begun) => string | undefined)(begun)
    const body = {
      grant_type: 'authorization_code',
      code: begun.code,
      redirect_uri: `${rp.url}/callback`,
      ...(verifier !== undefined && { code_verifier: verifier }),
    }
    expect((await post('/token', body)).status).toBe(400)
  })

  test('discovery offers S256 alone', async () => {
    const discovery = (await (await fetch(`${house.issuer}/.well-known/openid-configuration`)).json()) as Record<
      string,
      unknown
    >
    expect(discovery.code_challenge_methods_supported).toEqual(['S256'])
    expect(discovery.response_types_supported).toEqual(['code', 'none'])
    expect(discovery.grant_types_supported).not.toContain('implicit')
  })

  test('a client flagged as unable may do without, but what it began with PKCE it ends with it', async () => {
    const roundcube = await relyingParty(house)
    const { clients } = house.installation.core.store
    const stored = (await clients.get(roundcube.clientId))!
    await clients.update({ ...stored, metadata: { ...stored.metadata, schedar_without_pkce: true } })
    const { url } = await roundcube.begin()
    const plain = await browser.fetch(without(url, 'code_challenge', 'code_challenge_method'))
    const redirect_uri = `${roundcube.url}/callback`
    const exchange = (location: string, more: Record<string, string> = {}) =>
      post(
        '/token',
        { grant_type: 'authorization_code', code: new URL(location).searchParams.get('code')!, redirect_uri, ...more },
        roundcube,
      )
    expect((await exchange(plain.location!)).status).toBe(200)
    // The downgrade: a challenge at the start, no verifier at the end; and the other way round.
    const { callback } = await freshCode(roundcube)
    expect((await exchange(callback)).status).toBe(400)
    const again = await browser.fetch(without((await roundcube.begin()).url, 'code_challenge', 'code_challenge_method'))
    expect((await exchange(again.location!, { code_verifier: 'x'.repeat(43) })).status).toBe(400)
    await roundcube.close()
  })
})
