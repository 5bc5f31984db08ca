// The Apache kit in a private Apache with mod_auth_openidc, against a real provider.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApacheSite, startSite, whoIn } from '../support/apache-site.ts'
import { type Browser, createBrowser, formsOf } from '../support/browser-jar.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'

let provider: TestProvider
let site: ApacheSite

beforeAll(async () => {
  provider = await startProvider()
  site = await startSite(provider, {
    clientId: 'wiki.asso',
    extra: `
<Location "/board/">
  AuthType openid-connect
  AuthMerging And
  AuthzSendForbiddenOnFailure On
  Require claim groups:board
</Location>
RequestHeader unset X-Remote-User
RequestHeader set X-Remote-User "expr=%{REMOTE_USER}"`,
  })
  provider.addAccount('alice', { name: 'Alice Démo', groups: ['membres', 'board'], roles: ['editor', 'reviewer'] })
  provider.addAccount('bob', { groups: ['membres'] })
})
afterAll(async () => {
  await site.stop()
  await provider.stop()
})

const browserOf = (sub: string): Browser => site.browserOf(sub)
const signedIn = (sub: string): Promise<Browser> => site.signedIn(sub)
const isIn = (browser: Browser): Promise<boolean> => site.isIn(browser)

describe('signing in', () => {
  test('ends where it began; the username is REMOTE_USER, claims are variables, and no header or cookie says it', async () => {
    const browser = browserOf('alice')
    const page = await browser.open(`${site.url}/index.php?page=7`)
    expect(page.url).toBe(`${site.url}/index.php?page=7`)
    const who = whoIn(page)!
    expect(who.user).toBe('alice')
    expect(who.claims).toMatchObject({
      OIDC_CLAIM_name: 'Alice Démo',
      OIDC_CLAIM_roles: 'editor,reviewer',
      OIDC_CLAIM_groups: 'membres,board',
      OIDC_CLAIM_email: 'alice@example.org',
    })
    expect(who.cookie).toBe('')
    expect(who.headers.join()).not.toMatch(/oidc/i)
    // What docs/services/apache.md gives to applications behind ProxyPass.
    expect(who.remoteUser).toBe('alice')
  })

  test('asks with PKCE S256 and keeps a cookie of its own that scripts do not see', async () => {
    const browser = browserOf('alice')
    const asked = new URL((await browser.fetch(`${site.url}/`)).location!).searchParams
    expect(asked.get('code_challenge_method')).toBe('S256')
    expect(asked.get('scope')).toBe('openid profile email roles groups')
    await browser.open(`${site.url}/`)
    const cookie = browser.cookies('127.0.0.3').find(({ name }) => name === 'schedar-wiki_asso')
    expect(cookie?.attributes).toMatch(/HttpOnly/)
    expect(cookie?.attributes).toMatch(/SameSite=Lax/)
  })

  test('what a visitor sends as identity is not one', async () => {
    const browser = await signedIn('bob')
    const page = await browser.fetch(`${site.url}/`, {
      headers: {
        OIDC_CLAIM_groups: 'board',
        'OIDC-CLAIM-groups': 'board',
        REMOTE_USER: 'alice',
        'x-remote-user': 'alice',
        authorization: `Basic ${btoa('alice:x')}`,
      },
    })
    expect(whoIn(page)).toMatchObject({ user: 'bob', remoteUser: 'bob', claims: { OIDC_CLAIM_groups: 'membres' } })
    expect((await browser.fetch(`${site.url}/board/`, { headers: { OIDC_CLAIM_groups: 'board' } })).status).toBe(403)
    expect(
      (
        await createBrowser().fetch(`${site.url}/`, {
          headers: { authorization: `Basic ${btoa('alice:x')}`, REMOTE_USER: 'alice' },
        })
      ).status,
    ).toBe(302)
  })

  test('a suspended account comes back to an error page, not in', async () => {
    provider.addAccount('sam', { suspended: true })
    const browser = browserOf('sam')
    const page = await browser.open(`${site.url}/`)
    expect(page.text).not.toContain('<script>alert')
    expect(whoIn(page)).toBeUndefined()
    expect(await isIn(browser)).toBe(false)
  })

  test('attack class 33: an answer that names another issuer, or a state of another browser, is refused', async () => {
    const answerOf = async (browser: Browser) =>
      (await browser.follow(await browser.fetch(`${site.url}/`), (location) => !location.includes('/oidc/callback')))
        .location!
    const browser = browserOf('alice')
    const answer = new URL(await answerOf(browser))
    answer.searchParams.set('iss', 'https://evil.example')
    await browser.fetch(answer.href)
    expect(await isIn(browser)).toBe(false)
    const victim = browserOf('alice')
    await victim.fetch(`${site.url}/`)
    await victim.fetch(await answerOf(browserOf('bob')))
    expect(await isIn(victim)).toBe(false)
  })
})

describe('who may go where', () => {
  test('a group opens its folder; without it the answer is 403, not a password box', async () => {
    expect((await (await signedIn('alice')).fetch(`${site.url}/board/`)).status).toBe(200)
    const page = await (await signedIn('bob')).fetch(`${site.url}/board/`)
    expect(page.status).toBe(403)
    expect(page.headers['www-authenticate']).toBeUndefined()
  })

  test('attack class 28: files that the site hides stay hidden, and no spelling of a path opens a door', async () => {
    const [alice, bob, nobody] = [await signedIn('alice'), await signedIn('bob'), createBrowser()]
    for (const path of [
      '/private/',
      '/private/index.php',
      '//private/',
      '/./private/index.php',
      '/x/../private/index.php',
      '/%70rivate/index.php',
      '/private%2findex.php',
    ]) {
      expect([path, whoIn(await alice.fetch(`${site.url}${path}`))]).toEqual([path, undefined])
    }
    for (const path of [
      '/board/',
      '//board/',
      '/board//',
      '/x/../board/',
      '/%62oard/index.php',
      '/board/index.php/oidc/signed-out',
      '/board/index.php/oidc/callback',
      '/oidc/signed-out/../../board/',
      '/oidc/callback/../../board/index.php',
    ]) {
      expect([path, whoIn(await bob.fetch(`${site.url}${path}`))]).toEqual([path, undefined])
      expect([path, whoIn(await nobody.fetch(`${site.url}${path}`))]).toEqual([path, undefined])
    }
  })
})

test('a certificate is renewed without a sign-in, by one exact address', async () => {
  const nobody = createBrowser()
  const statusOf = async (path: string) => (await nobody.fetch(`${site.url}${path}`)).status
  expect(await statusOf('/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA')).toBe(404)
  for (const path of [
    '/.well-known/acme-challenge/',
    '/.well-known/acme-challenge/a/b',
    '/.well-known/acme-challenge/../../board/',
    '/board/.well-known/acme-challenge/a',
    '/index.php/.well-known/acme-challenge/a',
  ])
    expect([path, await statusOf(path)]).toEqual([path, 302])
})

describe('signing out', () => {
  test('leads through the provider to the page that needs no sign-in', async () => {
    const browser = await signedIn('alice')
    const signedOut = `${site.url}/oidc/signed-out`
    const left = await browser.fetch(`${site.url}/oidc/callback?logout=${encodeURIComponent(signedOut)}`)
    expect(new URL(left.location!).searchParams.get('post_logout_redirect_uri')).toBe(signedOut)
    expect(await isIn(browser)).toBe(false)
    const page = await browser.submit(formsOf(await browser.open(left.location!))[0]!, { logout: 'yes' })
    expect(page).toMatchObject({ status: 200, url: signedOut })
    expect(page.text).not.toContain('<b>Cie</b>')
    expect((await createBrowser().fetch(signedOut)).status).toBe(200)
  })

  const elsewhere = [
    'https://evil.example/',
    'http://127.0.0.3:1/',
    '//evil.example/',
    '/\\evil.example/',
    'javascript:alert(1)',
  ]
  test.each(elsewhere)('attack class 6: it does not lead to %s', async (address) => {
    const browser = await signedIn('alice')
    for (const parameter of ['logout', 'target_link_uri']) {
      const page = await browser.fetch(
        `${site.url}/oidc/callback?${parameter}=${encodeURIComponent(address)}&iss=${encodeURIComponent(provider.issuer)}`,
      )
      expect(page.location ?? '').not.toMatch(/^(https?:\/\/evil|javascript|http:\/\/127\.0\.0\.3:1\/)/)
      expect(new URL(page.location ?? site.url).searchParams.get('post_logout_redirect_uri') ?? '').not.toContain(
        'evil',
      )
    }
  })

  test('a suspension closes both browsers of the person at once, and nobody else’s', async () => {
    provider.addAccount('erin')
    const [first, second, bob] = [await signedIn('erin'), await signedIn('erin'), await signedIn('bob')]
    await provider.suspend('erin')
    expect(await isIn(first)).toBe(false)
    expect(await isIn(second)).toBe(false)
    expect(await isIn(bob)).toBe(true)
  })

  test('sessions live through a reload of Apache, and a logout after it still ends them', async () => {
    provider.addAccount('gina')
    const browser = await signedIn('gina')
    await site.graceful()
    expect(await isIn(browser)).toBe(true)
    await provider.suspend('gina')
    expect(await isIn(browser)).toBe(false)
  })
})

describe('the files', () => {
  test('hold the secret in one place, which only root reads', async () => {
    const [secret] = site.files.filter(({ secret }) => secret)
    expect(secret!.path).toBe('schedar-wiki.asso.secret.conf')
    expect((await stat(join(site.folder, 'schedar', secret!.path))).mode & 0o777).toBe(0o600)
    expect(site.files.filter(({ content }) => String(content).includes(site.clientSecret))).toEqual([secret])
    expect(secret!.content).toMatch(/OIDCCryptoPassphrase "[\w-]{43}"/)
  })
})
