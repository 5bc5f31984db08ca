// Leaving a SPIP site: by the visitor's own sign-out, and by the provider's back-channel logout, which nothing survives.
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Browser, createBrowser, formsOf, linkOf } from '../support/browser-jar.ts'
import { type Claims, makeKeys, signJws } from '../support/jws.ts'
import { signInLocally } from '../support/spip.ts'
import { again, type SpipSso, startSpipSso } from '../support/spip-sso.ts'

let sso: SpipSso
const now = () => Math.floor(Date.now() / 1000)
const backchannel = 'http://schemas.openid.net/event/backchannel-logout'

beforeAll(async () => {
  sso = await startSpipSso()
  sso.provider.addAccount('alice')
  sso.provider.addAccount('bob')
})
afterAll(() => sso.stop())
afterEach(async () => {
  delete sso.provider.hooks.userinfo
  await sso.provider.up()
})

const signedIn = async (sub: string): Promise<Browser> => {
  const browser = sso.browserOf(sub)
  await sso.signIn(browser)
  expect(await sso.isIn(browser)).toBe(true)
  return browser
}

const logoutToken = (sub: string, changes: Claims = {}, header: Claims = {}): string =>
  sso.provider.sign(sso.provider.logoutClaims(sso.clientId, sub, changes), {
    alg: 'ES256',
    header: { typ: 'logout+jwt', ...header },
  })

describe('the visitor signs out', () => {
  test('of SPIP and, with the ID token as a hint, of the provider; and comes back to the site', async () => {
    const browser = await signedIn('alice')
    const page = await browser.open(`${sso.site.url}/ecrire/`)
    const confirm = await browser.fetch(linkOf(page, /action=logout/))
    const left = confirm.location
      ? confirm
      : await browser.fetch(formsOf(confirm)[0]!.action, { form: formsOf(confirm)[0]!.fields })
    const asked = new URL(left.location!)
    expect(asked.origin).toBe(sso.provider.issuer)
    expect(asked.searchParams.get('id_token_hint')).toMatch(/^eyJ/)
    expect(asked.searchParams.get('post_logout_redirect_uri')).toBe(`${sso.site.url}/`)
    expect(await sso.isIn(browser)).toBe(false)

    const question = await browser.open(left.location!)
    const form = formsOf(question)[0]!
    const end = await browser.submit(form, { logout: 'yes' })
    expect(end.url).toBe(`${sso.site.url}/`)
    const again = await browser.fetch(sso.start())
    expect((await browser.fetch(again.location!)).location).toContain('/interaction/')
  })

  test('while the provider is away: SPIP’s session ends all the same', async () => {
    const browser = await signedIn('alice')
    await sso.provider.down()
    const confirm = await browser.fetch(linkOf(await browser.open(`${sso.site.url}/ecrire/`), /action=logout/))
    if (!confirm.location) await browser.fetch(formsOf(confirm)[0]!.action, { form: formsOf(confirm)[0]!.fields })
    expect(await sso.isIn(browser)).toBe(false)
  })

  test('a local author’s sign-out stays on the site', async () => {
    const browser = sso.browserOf('nobody')
    await signInLocally(sso.site.url, browser, sso.site.webmaster.login, sso.site.webmaster.password)
    const confirm = await browser.fetch(linkOf(await browser.open(`${sso.site.url}/ecrire/`), /action=logout/))
    const left = confirm.location
      ? confirm
      : await browser.fetch(formsOf(confirm)[0]!.action, { form: formsOf(confirm)[0]!.fields })
    expect(left.location).toMatch(new RegExp(`^${sso.site.url}/`))
  })
})

describe('back-channel logout', () => {
  test('a suspension closes both browsers of the person, and nobody else’s', async () => {
    const [first, second, bob] = [await signedIn('alice'), await signedIn('alice'), await signedIn('bob')]
    await sso.provider.suspend('alice')
    sso.provider.accounts.get('alice')!.suspended = false
    expect(sso.provider.logouts.filter(({ ok }) => !ok)).toEqual([])
    for (const browser of [first, second]) {
      expect(await sso.isIn(browser)).toBe(false)
      expect(await sso.who(browser)).toBe('||')
    }
    expect(await sso.isIn(bob)).toBe(true)
  })

  test('one token without a sid is enough for every browser, and the answer is not to be kept', async () => {
    const browsers = [await signedIn('alice'), await signedIn('alice'), await signedIn('alice')]
    const answer = await sso.postLogout(logoutToken('alice'))
    expect(answer).toMatchObject({ status: 200, text: '' })
    expect(answer.headers['cache-control']).toBe('no-store')
    for (const browser of browsers) expect(await sso.isIn(browser)).toBe(false)
  })

  test('a subject that was never here is acknowledged', async () => {
    expect((await sso.postLogout(logoutToken('stranger'))).status).toBe(200)
    sso.provider.addAccount('stranger')
    await signedIn('stranger')
  })

  const keys = makeKeys()
  test.each<[string, () => string]>([
    ['nothing', () => ''],
    ['no token', () => 'not-a-token'],
    ['an ID token’s type', () => logoutToken('alice', {}, { typ: 'JWT' })],
    ['no type', () => logoutToken('alice', {}, { typ: undefined })],
    ['another issuer', () => logoutToken('alice', { iss: 'https://evil.example' })],
    ['another audience', () => logoutToken('alice', { aud: 'other' })],
    ['an end in the past', () => logoutToken('alice', { exp: now() - 120 })],
    ['no end', () => logoutToken('alice', { exp: undefined })],
    ['an issue long ago', () => logoutToken('alice', { iat: now() - 86_400 })],
    ['an issue in the future', () => logoutToken('alice', { iat: now() + 3600 })],
    ['a nonce', () => logoutToken('alice', { nonce: 'x' })],
    ['no events', () => logoutToken('alice', { events: undefined })],
    ['another event', () => logoutToken('alice', { events: { 'http://schemas.openid.net/event/other': {} } })],
    ['an event that is not an object', () => logoutToken('alice', { events: { [backchannel]: true } })],
    ['events in a list', () => logoutToken('alice', { events: [backchannel] })],
    ['no jti', () => logoutToken('alice', { jti: undefined })],
    ['a jti that is a number', () => logoutToken('alice', { jti: 7 })],
    ['a sid and no subject', () => logoutToken('alice', { sub: undefined, sid: 'x' })],
    [
      'the signature of a stranger',
      () =>
        sso.provider.sign(sso.provider.logoutClaims(sso.clientId, 'alice'), {
          alg: 'ES256',
          key: keys.ES256.privateKey,
          header: { typ: 'logout+jwt' },
        }),
    ],
    [
      'the kid of a stranger',
      () =>
        signJws(
          { alg: 'ES256', typ: 'logout+jwt', kid: keys.ES256.kid },
          sso.provider.logoutClaims(sso.clientId, 'alice'),
          keys.ES256.privateKey,
        ),
    ],
    ['no signature', () => `${logoutToken('alice').split('.').slice(0, 2).join('.')}.`],
  ])('a token with %s: 400, JSON, and nobody is signed out', async (_, token) => {
    const browser = await signedIn('bob')
    const answer = await sso.postLogout(token().replaceAll('alice', 'bob'))
    expect(answer.status).toBe(400)
    expect(answer.headers['content-type']).toContain('application/json')
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(JSON.parse(answer.text)).toMatchObject({ error: 'invalid_request' })
    expect(await sso.isIn(browser)).toBe(true)
  })

  test('a token sent again is refused, and does not close what was opened since', async () => {
    const token = logoutToken('alice')
    expect((await sso.postLogout(token)).status).toBe(200)
    const browser = await signedIn('alice')
    expect((await sso.postLogout(token)).status).toBe(400)
    expect(await sso.isIn(browser)).toBe(true)
    const parallel = logoutToken('alice')
    const answers = await Promise.all(Array.from({ length: 6 }, () => sso.postLogout(parallel)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('a token in the address, or by GET, is not a token', async () => {
    const browser = await signedIn('alice')
    const address = `${sso.logoutUri}&logout_token=${logoutToken('alice')}`
    expect((await browser.fetch(address)).status).toBe(400)
    expect((await browser.fetch(address, { form: { x: 'y' } })).status).toBe(400)
    expect((await browser.fetch(sso.logoutUri, { form: { 'logout_token[]': logoutToken('alice') } })).status).toBe(400)
    expect(await sso.isIn(browser)).toBe(true)
  })

  test('private feeds, whose address alone lets a reader in, end with the sessions', async () => {
    sso.provider.addAccount('wendy', { roles: ['webmestre'] })
    const browser = await signedIn('wendy')
    const page = await browser.open(`${sso.site.url}/ecrire/?exec=revisions`)
    const [, arg] = page.text.match(/transmettre\.api\/([^"'?]+)/)!
    const read = () => createBrowser().fetch(`${sso.site.url}/spip.php?action=api_transmettre&arg=${arg}`)
    expect((await read()).text).toContain('<rss')
    await sso.postLogout(logoutToken('wendy'))
    expect((await read()).text).not.toContain('<rss')
  })
})

describe('what could bring a session back (attack classes 1 and 7)', () => {
  test('a sign-in that a logout overtakes opens nothing', async () => {
    const browser = sso.browserOf('alice')
    const answer = await sso.answer(browser)
    sso.provider.hooks.userinfo = (body) => body
    // The logout arrives when the code is already exchanged: the tokens are good, the session must not be.
    let overtaken = false
    sso.provider.hooks.token = async (body) => {
      overtaken = (await sso.postLogout(logoutToken('alice'))).status === 200
      return body
    }
    await browser.fetch(answer)
    delete sso.provider.hooks.token
    expect(overtaken).toBe(true)
    expect(await sso.isIn(browser)).toBe(false)
    expect(await sso.who(browser)).toBe('||')
  })

  test('a sign-in that a lowered role overtakes opens nothing, and brings no right back', async () => {
    const status = (sub: string) =>
      createBrowser().fetch(sso.statusUri, {
        form: {
          status_token: sso.provider.sign(
            sso.provider.logoutClaims(sso.clientId, sub, { events: { 'urn:schedar:event:status': { roles: [] } } }),
            { alg: 'ES256', header: { typ: 'schedar-status+jwt' } },
          ),
        },
      })
    sso.provider.addAccount('known', { roles: ['webmestre'] })
    sso.provider.addAccount('fresh', { roles: ['webmestre'] })
    await signedIn('known')
    for (const sub of ['known', 'fresh']) {
      const browser = sso.browserOf(sub)
      const answer = await sso.answer(browser)
      // The role is taken when the code is already exchanged: what the profile says is of before.
      sso.provider.hooks.token = async (body) => {
        expect((await status(sub)).status).toBe(200)
        return body
      }
      await sso.expectRefused(browser, await browser.fetch(answer), again)
      delete sso.provider.hooks.token
    }
    expect(await sso.author('known')).toMatchObject({ statut: '6forum', webmestre: 'non' })
    expect(await sso.author('fresh')).toBeUndefined()
    await signedIn('fresh')
  })

  test('a hit under way that writes its session file back after the logout does not revive it', async () => {
    const browser = await signedIn('alice')
    const before = new Set(await sso.site.sessions())
    const files = await Promise.all(
      [...before].map(async (name) => ({
        path: join(sso.site.root, 'tmp/sessions', name),
        text: await readFile(join(sso.site.root, 'tmp/sessions', name), 'utf8'),
      })),
    )
    await sso.postLogout(logoutToken('alice'))
    for (const { path, text } of files) await writeFile(path, text)
    expect(await sso.who(browser)).toBe('||')
    expect(await sso.isIn(browser)).toBe(false)
    // And a new sign-in is as good as ever.
    await signedIn('alice')
  })

  test('a session is asked for again after the time that the settings give it, however busy it is', async () => {
    const browser = await signedIn('alice')
    await sso.site.configure({ _SCHEDAR_DUREE: 1 })
    await expect.poll(() => sso.who(browser), { timeout: 10_000 }).toBe('||')
    await sso.site.configure({ _SCHEDAR_DUREE: 86_400 })
    await signedIn('alice')
  })

  test('a name that the web server vouches for does not open an author of Schedar', async () => {
    await sso.postLogout(logoutToken('alice'))
    await appendFile(
      join(sso.site.root, 'config/mes_options.php'),
      "$_SERVER['REMOTE_USER'] = $_SERVER['HTTP_X_TEST_USER'] ?? '';\n",
    )
    const browser = sso.browserOf('nobody')
    const enter = (login: string) => browser.fetch(`${sso.site.url}/ecrire/`, { headers: { 'x-test-user': login } })
    expect((await enter('alice')).location).toContain('page=login')
    // SPIP does so for its own authors: the test would prove nothing otherwise.
    expect((await enter(sso.site.webmaster.login)).text).toContain('action=logout')
  })
})
