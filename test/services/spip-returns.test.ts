// Where a sign-in to SPIP may end (attack class 6), and what the site does while the provider is away or changes its keys.
import { once } from 'node:events'
import { readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { signJws } from '../support/jws.ts'
import { again, type SpipSso, startSpipSso, wordsOf } from '../support/spip-sso.ts'

let sso: SpipSso

beforeAll(async () => {
  sso = await startSpipSso()
  sso.provider.addAccount('alice', { roles: ['webmestre'] })
  await sso.signIn(sso.browserOf('alice'))
})
afterAll(() => sso.stop())
afterEach(() => sso.provider.up())

describe('return addresses (attack class 6)', () => {
  test.each([
    'https://evil.example/',
    '//evil.example/',
    '///evil.example/',
    '/\\evil.example/',
    '\\\\evil.example/',
    '\\/evil.example/',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'data:text/html,x',
    'http:evil.example',
    '/\t/evil.example/',
    '/%0d%0aLocation:%20https://evil.example/\r\nX: y',
    ' https://evil.example/',
    'mailto:x@evil.example',
    '/../..//evil.example',
    '/%2e%2e/%2E./x',
  ])('%j leads home', async (address) => {
    const browser = sso.browserOf('alice')
    const { location } = await browser.fetch(await sso.answer(browser, address))
    expect(location).toBe(`${sso.site.url}/ecrire/`)
  })

  test('an address that only begins like the site’s leads home', async () => {
    for (const address of [
      `${sso.site.url}.evil.example/`,
      `${sso.site.url}@evil.example/`,
      `${sso.site.url}1/`,
      sso.site.url.replace('http:', 'ftp:'),
    ]) {
      const browser = sso.browserOf('alice')
      expect((await browser.fetch(await sso.answer(browser, address))).location).toBe(`${sso.site.url}/ecrire/`)
    }
  })

  test('addresses of the site, relative, rooted or whole, are kept', async () => {
    for (const [address, arrived] of [
      ['/spip.php?article1', '/spip.php?article1'],
      ['./?x=1#y', '/?x=1#y'],
      ['ecrire/?exec=article&id=2', '/ecrire/?exec=article&id=2'],
      [`${sso.site.url}/a/b?u=//evil.example`, '/a/b?u=//evil.example'],
      ['/été', '/%C3%A9t%C3%A9'],
    ] as const) {
      const browser = sso.browserOf('alice')
      expect((await browser.fetch(await sso.answer(browser, address))).headers.location).toBe(
        `${sso.site.url}${arrived}`,
      )
    }
  })
})

describe('keys and a provider that is away', () => {
  const forgetCopies = async () => {
    const folder = join(sso.site.root, 'tmp/schedar')
    for (const name of await readdir(folder)) if (name.endsWith('.json')) await rm(join(folder, name))
  }

  test('new keys are fetched when a token names one, and not more often than twice a minute', async () => {
    await forgetCopies()
    await sso.signIn(sso.browserOf('alice'))
    const old = sso.provider.keys.ES256
    const byOldKey = () =>
      signJws(
        { alg: 'ES256', kid: old.kid, typ: 'logout+jwt' },
        sso.provider.logoutClaims(sso.clientId, 'alice'),
        old.privateKey,
      )
    expect((await sso.postLogout(byOldKey())).status).toBe(200)
    sso.provider.rotateKeys()
    const browser = sso.browserOf('alice')
    await sso.signIn(browser)
    expect(await sso.isIn(browser)).toBe(true)
    // The old keys went with the copy that held them.
    expect((await sso.postLogout(byOldKey())).status).toBe(400)
    expect(await sso.isIn(browser)).toBe(true)
    const fetched = () => sso.provider.requests.filter((line) => line === 'GET /jwks').length
    const before = fetched()
    for (let n = 0; n < 5; n++)
      expect(
        (
          await sso.postLogout(
            sso.provider.sign(sso.provider.logoutClaims(sso.clientId, 'alice'), {
              header: { kid: `unknown-${n}`, typ: 'logout+jwt' },
            }),
          )
        ).status,
      ).toBe(400)
    expect(fetched()).toBe(before)
  })

  test('the discovery document of somebody else is not believed', async () => {
    await forgetCopies()
    const copy = sso.provider.issuer
    await sso.site.configure({ _SCHEDAR_EMETTEUR: copy.replace('127.0.0.1', 'localhost') })
    const page = await sso.browserOf('alice').fetch(sso.start())
    await sso.site.configure({ _SCHEDAR_EMETTEUR: copy })
    expect(page.status).toBe(503)
    expect(await sso.site.log()).toMatch(/decouverte cannot be fetched from http:\/\/localhost/)
  })

  test('without the provider the login form still shows, the button says so, and copies are used for a day', async () => {
    await forgetCopies()
    await sso.signIn(sso.browserOf('alice'))
    await sso.provider.down()
    const browser = sso.browserOf('alice')
    const login = await browser.open(`${sso.site.url}/ecrire/`)
    expect(login.text).toContain('schedar-bouton')
    expect((await browser.fetch(sso.start())).status).toBe(302)
    await forgetCopies()
    const page = await browser.fetch(sso.start())
    await sso.expectRefused(browser, page, /ne répond pas en ce moment/)
    expect(page.status).toBe(503)
  })

  test('a provider that is slow, or that trickles, is said so in the person’s language, in some seconds', async () => {
    const said = {
      fr: 'ne répond pas en ce moment',
      nl: 'antwoordt op dit ogenblik niet',
      en: 'does not answer at the moment',
      de: 'antwortet im Augenblick nicht',
    }
    const slow = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const drip = setInterval(() => response.write(' '), 500)
      response.on('close', () => clearInterval(drip))
    }).listen(0, '127.0.0.1')
    await once(slow, 'listening')
    await sso.site.configure({ _SCHEDAR_EMETTEUR: `http://127.0.0.1:${(slow.address() as AddressInfo).port}` })
    const began = performance.now()
    // The first waits; the others find that somebody has just tried.
    for (const [language, words] of Object.entries(said)) {
      const page = await sso.browserOf('alice', language).fetch(sso.start())
      expect(page.status).toBe(503)
      expect(wordsOf(page)).toContain(words)
    }
    expect(performance.now() - began).toBeLessThan(45_000)
    await sso.site.configure({ _SCHEDAR_EMETTEUR: sso.provider.issuer })
    slow.close()
    slow.closeAllConnections()
  })

  test('a provider that goes away between the two halves of a sign-in is said so', async () => {
    await sso.provider.up()
    const browser = sso.browserOf('alice')
    // Past the pause after the failure of the test before.
    await forgetCopies()
    const answer = await sso.answer(browser)
    await sso.provider.down()
    await sso.expectRefused(browser, await browser.fetch(answer), /ne répond pas en ce moment/)
  })

  test('a wrong secret is the webmaster’s business; it is never shown nor logged', async () => {
    await forgetCopies()
    await sso.site.configure({ _SCHEDAR_SECRET: 'quite-another-secret' })
    const browser = sso.browserOf('alice')
    await sso.expectRefused(browser, await sso.signIn(browser), /mal réglée/)
    await sso.site.configure({ _SCHEDAR_SECRET: sso.clientSecret })
    for (const secret of ['quite-another-secret', sso.clientSecret]) expect(await sso.site.log()).not.toContain(secret)
  })

  test('who is suspended on the way reads it politely, whichever half it happens in', async () => {
    await forgetCopies()
    const account = sso.provider.addAccount('sam')
    account.suspended = true
    const browser = sso.browserOf('sam')
    const page = await sso.signIn(browser)
    await sso.expectRefused(browser, page, /ne vous ouvre pas ce site.*Mon compte/)
    expect(page.text).toContain(`href="${sso.provider.issuer}"`)
    account.suspended = false
    const answer = await sso.answer(browser)
    await sso.provider.suspend('sam')
    await sso.expectRefused(browser, await browser.fetch(answer), again)
    expect(await sso.author('sam')).toBeUndefined()
  })

  test('secrets, codes and tokens are nowhere in SPIP’s logs', async () => {
    const folder = join(sso.site.root, 'tmp/log')
    for (const name of await readdir(folder))
      expect(await readFile(join(folder, name), 'utf8')).not.toMatch(/eyJ|code=|client_secret/)
  })
})
