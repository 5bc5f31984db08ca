// Several sites: one code tree with a client for each, two under one host name; one that moved; two that share a client.
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import spip from '../../plugins/spip/index.ts'
import { type Browser, createBrowser, formsOf, linkOf } from '../support/browser-jar.ts'
import { startProvider, WHO } from '../support/provider.ts'
import { signInLocally } from '../support/spip.ts'
import { startSpipSites } from '../support/spip-sites.ts'
import { wordsOf } from '../support/spip-sso.ts'

type Name = 'club' | 'ville' | 'voisin'
let provider: Awaited<ReturnType<typeof startProvider>>
let sites: Awaited<ReturnType<typeof startSpipSites>>
const clients = {} as Record<Name, string>

beforeAll(async () => {
  provider = await startProvider()
  sites = await startSpipSites()
  await Promise.all(sites.names.map(sites.prepare))
  for (const name of sites.names) {
    const url = sites.urls[name]
    const [clientId, clientSecret] = [`${name}-${randomBytes(3).toString('hex')}`, randomBytes(24).toString('hex')]
    const template = spip.client!(url)
    provider.addClient({
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: template.redirectUris,
      post_logout_redirect_uris: template.postLogoutRedirectUris,
      backchannel_logout_uri: template.backchannelLogoutUri!,
      backchannel_logout_session_required: true,
      token_endpoint_auth_method: template.tokenEndpointAuthMethod,
      id_token_signed_response_alg: 'ES256',
    })
    const { redirectUris, postLogoutRedirectUris } = template
    const kit = await spip.kit!({
      issuer: provider.issuer,
      associationName: 'L’Asso',
      url,
      client: { clientId, clientSecret, redirectUris, postLogoutRedirectUris },
      options: {},
      random: () => '',
    })
    if (name === 'club') await sites.installPlugin(kit)
    await sites.installSettings(name, kit)
    clients[name] = clientId
  }
  provider.addAccount('alice', { roles: ['webmestre'] })
  provider.addAccount('bob')
})
afterAll(async () => {
  const complaints = (await sites.errors()).split('\n').filter((line) => /PHP .*plugins-dist\/schedar/.test(line))
  await sites.stop()
  await provider.stop()
  expect(complaints).toEqual([])
})

const browserOf = (sub: string, language = 'fr'): Browser => {
  const browser = createBrowser({ language })
  browser.setCookie(provider.issuer, `${WHO}=${sub}; path=/`)
  return browser
}
const start = (name: keyof typeof sites.urls) => `${sites.urls[name]}/spip.php?action=schedar`
const who = async (browser: Browser, name: Name) =>
  (await browser.fetch(`${sites.urls[name]}/spip.php?page=qui`)).text.trim()
const logout = (name: Name, sub: string, to: Name = name) =>
  createBrowser().fetch(spip.client!(sites.urls[to]).backchannelLogoutUri!, {
    form: {
      logout_token: provider.sign(provider.logoutClaims(clients[name], sub), {
        alg: 'ES256',
        header: { typ: 'logout+jwt' },
      }),
    },
  })

test('one plugin, a client for each site: one browser is signed in at all of them at once, and stays', async () => {
  const browser = browserOf('alice')
  for (const name of sites.names) expect((await browser.open(start(name))).url).toBe(`${sites.urls[name]}/ecrire/`)
  for (const name of [...sites.names, ...sites.names]) expect(await who(browser, name)).toMatch(/\|alice\|0minirezo$/)
  const sessions = browser.cookies('127.0.0.2').filter(({ name }) => name.endsWith('_session'))
  expect(new Set(sessions.map(({ name }) => name)).size).toBe(3)
  for (const name of sites.names)
    expect(sites.sql(name, 'select sub, emetteur from spip_schedar_auteurs')).toEqual([
      { sub: 'alice', emetteur: provider.issuer },
    ])
})

test('attempts to sign in at neighbours do not push each other out', async () => {
  const browser = browserOf('bob')
  const answer = (await browser.follow(await browser.fetch(start('ville')), (to) => !to.includes('schedar_retour')))
    .location!
  for (let n = 0; n < 8; n++) await browser.fetch(start('voisin'))
  expect((await browser.open(answer)).url).toBe(`${sites.urls.ville}/ecrire/`)
})

test('signed out at one, by hand or by the provider, one stays in at the others', async () => {
  const browser = browserOf('alice')
  for (const name of sites.names) await browser.open(start(name))
  const confirm = await browser.fetch(linkOf(await browser.open(`${sites.urls.voisin}/ecrire/`), /action=logout/))
  if (!confirm.location) await browser.fetch(formsOf(confirm)[0]!.action, { form: formsOf(confirm)[0]!.fields })
  expect(await who(browser, 'voisin')).toBe('||')
  expect((await logout('club', 'alice')).status).toBe(200)
  expect(await who(browser, 'club')).toBe('||')
  expect(await who(browser, 'ville')).toMatch(/\|alice\|/)
})

test('local webmasters, too, are signed in at two sites of one host name', async () => {
  const browser = createBrowser()
  const { login, password } = sites.webmaster
  for (const name of ['ville', 'voisin'] as const) await signInLocally(sites.urls[name], browser, login, password)
  for (const name of ['ville', 'voisin'] as const) expect(await who(browser, name)).toBe(`1|${login}|0minirezo`)
})

test('what one site was given opens nothing at another: no session, no token', async () => {
  const browser = browserOf('alice')
  await browser.open(start('ville'))
  await browser.open(start('voisin'))
  const of = (name: Name) => {
    const value = browser.cookies('127.0.0.2')
    return value.filter((cookie) => cookie.name.endsWith('_session'))[name === 'ville' ? 0 : 1]!
  }
  const thief = createBrowser()
  thief.setCookie(sites.urls.voisin, `${of('voisin').name}=${of('ville').value}; path=/`)
  thief.setCookie(sites.urls.voisin, `spip_session=${of('ville').value}; path=/`)
  expect(await who(thief, 'voisin')).toBe('||')
  expect((await logout('ville', 'alice', 'voisin')).status).toBe(400)
  expect(await who(browser, 'voisin')).toMatch(/\|alice\|/)
})

test('a site that moved says so, in the person’s language, and names who has to do what', async () => {
  await sites.move()
  const { parti } = sites.urls
  const says = { fr: 'n’est pas à l’adresse', nl: 'niet op het adres', en: 'not at the address', de: 'nicht unter der' }
  // Before its webmaster has told SPIP, it is another name of the site, and the sign-in goes on at the known one.
  expect((await browserOf('alice').fetch(start('parti'))).location).toContain(`${sites.urls.voisin}/spip.php`)
  const webmaster = createBrowser()
  await signInLocally(parti, webmaster, sites.webmaster.login, sites.webmaster.password)
  const identity = formsOf(await webmaster.open(`${parti}/ecrire/?exec=configurer_identite`)).find(
    ({ fields }) => 'adresse_site' in fields,
  )!
  await webmaster.submit(identity, { adresse_site: parti })
  for (const [language, words] of Object.entries(says)) {
    const page = await browserOf('alice', language).open(start('parti'))
    expect(page.status).toBe(503)
    expect(wordsOf(page)).toContain(words)
  }
})

test('two sites with one client: the one that copied the settings does not lead people into the other unawares', async () => {
  const settings = await sites.settings('ville')
  await sites.copySettings('ville', 'voisin')
  // Where it says it is: it sees by itself that its settings say otherwise.
  expect(wordsOf(await browserOf('alice').open(start('parti')))).toContain('n’est pas à l’adresse')
  // Under another name, as a whole copy under a name of its own would: the site that the settings are of sees it.
  const browser = browserOf('alice')
  const page = await browser.open(start('voisin'))
  expect(page.status).toBe(503)
  expect(wordsOf(page)).toContain('Deux sites utilisent le même réglage')
  expect(await who(browser, 'ville')).toBe('||')
  // With its own address, but the other’s client: it is the provider that does not know the address.
  await writeFile(
    sites.at('voisin', 'config/schedar.php'),
    settings.replace(/define\('_SCHEDAR_SITE', .*\);/, sites.define('_SCHEDAR_SITE', sites.urls.voisin)),
  )
  const refused = await browserOf('alice').open(start('voisin'))
  expect(refused).toMatchObject({ status: 400, url: expect.stringContaining(provider.issuer) })
})
