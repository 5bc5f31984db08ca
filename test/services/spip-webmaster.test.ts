// What a SPIP site's webmaster has in hand: the settings page, which tells how the connection is and tries it, and the
// rescue door for the day when the provider is away.
import { chmod, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { giveToApache } from '../support/apache.ts'
import { type Browser, createBrowser, formsOf, type Reply } from '../support/browser-jar.ts'
import { signInLocally } from '../support/spip.ts'
import { type SpipSso, startSpipSso, wordsOf } from '../support/spip-sso.ts'

let sso: SpipSso

beforeAll(async () => {
  sso = await startSpipSso()
  sso.provider.addAccount('wendy', { roles: ['webmestre'] })
  sso.provider.addAccount('adam', { roles: ['admin'] })
  for (const sub of ['wendy', 'adam']) await sso.signIn(sso.browserOf(sub))
})
afterAll(() => sso.stop())

describe('the settings page', () => {
  const address = () => `${sso.site.url}/ecrire/?exec=configurer_schedar`
  const open = async (sub = 'wendy', language = 'fr'): Promise<{ browser: Browser; page: Reply }> => {
    const browser = sso.browserOf(sub, language)
    await sso.signIn(browser)
    return { browser, page: await browser.open(`${address()}&lang=${language}`) }
  }
  const press = async ({ browser, page }: { browser: Browser; page: Reply }): Promise<string> => {
    const form = formsOf(page).find(({ fields }) => fields.formulaire_action === 'schedar_etat')!
    return wordsOf(await browser.submit(form))
  }
  afterEach(async () => {
    await sso.provider.up()
    delete sso.provider.hooks.userinfo
    await sso.site.configure({
      _SCHEDAR_SECRET: sso.clientSecret,
      _SCHEDAR_CLIENT: sso.clientId,
      _SCHEDAR_SITE: sso.site.url,
    })
  })

  test('shows how things are, in the menu of the private area, and never the secret', async () => {
    const { browser, page } = await open()
    const words = wordsOf(page)
    expect((await browser.open(`${sso.site.url}/ecrire/`)).text).toContain('exec=configurer_schedar')
    for (const shown of [sso.provider.issuer, sso.clientId, sso.site.url, sso.provider.keys.ES256.kid])
      expect(words).toContain(shown)
    expect(words).toMatch(/Porte unique Non/i)
    expect(words).toMatch(/Dernier jeton de déconnexion reçu –/)
    expect(words).not.toContain('(à voir)')
    for (const text of [page.text, await press({ browser, page })]) expect(text).not.toContain(sso.clientSecret)
  })

  test('tells when the last logout token and the last lowered role came', async () => {
    const claims = (changes = {}) => sso.provider.logoutClaims(sso.clientId, 'adam', changes)
    const sign = (typ: string, changes = {}) => sso.provider.sign(claims(changes), { alg: 'ES256', header: { typ } })
    expect((await sso.postLogout(sign('logout+jwt'))).status).toBe(200)
    const status_token = sign('schedar-status+jwt', { events: { 'urn:schedar:event:status': { roles: [] } } })
    expect((await createBrowser().fetch(sso.statusUri, { form: { status_token } })).status).toBe(200)
    const words = wordsOf((await open()).page)
    expect(words).not.toMatch(/reçu –/)
    expect(words).not.toMatch(/à distance –/)
  })

  test('speaks the webmaster’s language', async () => {
    for (const [language, words] of Object.entries({
      fr: 'Les réglages et ce que le site a reçu',
      nl: 'De instellingen en wat de site ontving',
      en: 'The settings, and what the site has received',
      de: 'Die Einstellungen und was die Website erhalten hat',
    })) {
      sso.provider.accounts.get('wendy')!.locale = language
      await sso.site.sql(`update spip_auteurs set lang='${language}' where login='wendy'`)
      expect((await open('wendy', language)).page.text).toContain(words)
    }
    sso.provider.accounts.get('wendy')!.locale = 'fr'
    await sso.site.sql("update spip_auteurs set lang='fr' where login='wendy'")
  })

  test('is for webmasters alone; its form sent by anybody else does nothing', async () => {
    const { browser, page } = await open('adam')
    expect(page.text).not.toContain(sso.clientId)
    expect((await browser.open(`${sso.site.url}/ecrire/`)).text).not.toContain('exec=configurer_schedar')
    const good = await open()
    const form = formsOf(good.page).find(({ fields }) => fields.formulaire_action === 'schedar_etat')!
    const asked = sso.provider.requests.length
    for (const other of [browser, createBrowser()]) expect((await other.submit(form)).text).not.toContain(sso.clientId)
    expect(sso.provider.requests.slice(asked).filter((line) => line.startsWith('POST /token'))).toEqual([])
  })

  test('the button tries what a sign-in needs, and changes nothing', async () => {
    const opened = await open()
    const before = await sso.site.sql('select * from spip_auteurs order by id_auteur')
    const words = await press(opened)
    expect(words).toContain('Tout est en ordre')
    expect(words.match(/En ordre\./g)).toHaveLength(5)
    expect(words).not.toMatch(/@\w+@/)
    expect(await sso.site.sql('select * from spip_auteurs order by id_auteur')).toEqual(before)
    expect(await sso.isIn(opened.browser)).toBe(true)
  })

  test('the button names what is wrong: the secret, the address, the provider', async () => {
    const opened = await open()
    await sso.site.configure({ _SCHEDAR_SECRET: 'quite-another-secret' })
    const secret = await press(opened)
    expect(secret).toMatch(/Quelque chose ne va pas.*ne reconnaît pas ce client ou son secret/)
    expect(secret).not.toMatch(/quite-another-secret|@\w+@/)
    await sso.site.configure({ _SCHEDAR_SECRET: sso.clientSecret, _SCHEDAR_SITE: `${sso.site.url}/old` })
    // The session cookie's name is the site's own: it goes on under the common one, or one signs in once more.
    const locally = createBrowser()
    await signInLocally(sso.site.url, locally, sso.site.webmaster.login, sso.site.webmaster.password)
    const page = await locally.open(address())
    expect(wordsOf(page)).toContain(`${sso.site.url}/old ≠ ${sso.site.url}`)
    expect(await press({ browser: locally, page })).toMatch(/En ordre\..*ne connaît pas cette adresse pour ce client/)
    await sso.site.configure({ _SCHEDAR_SITE: sso.site.url })
    await sso.provider.down()
    expect(await press(opened)).toMatch(/ne répond pas à cette adresse/)
  })
})

describe('the rescue door', () => {
  const phrase = `Une phrase ${crypto.randomUUID()}`
  const file = () => join(sso.site.root, 'config/schedar-secours.php')
  const write = async (text = phrase, ageSeconds = 0): Promise<void> => {
    await writeFile(file(), `<?php return ${JSON.stringify(text)};\n`)
    await chmod(file(), 0o600)
    await giveToApache(file())
    const at = new Date(Date.now() - ageSeconds * 1000)
    await utimes(file(), at, at)
  }
  const enter = async (login = 'wendy', password = phrase): Promise<Browser> => {
    const browser = createBrowser()
    await signInLocally(sso.site.url, browser, login, password).catch(() => {})
    return browser
  }
  /** PHP keeps a compiled file for a moment: a file written again is another one. */
  const mark = async (seconds: number) =>
    utimes(file(), new Date(Date.now() - seconds * 1000), new Date(Date.now() - seconds * 1000))

  beforeAll(async () => {
    await sso.site.configure({ _SCHEDAR_SEUL: true })
    await createBrowser().open(sso.site.url)
    await sso.provider.down()
  })
  afterAll(async () => {
    await sso.site.configure({ _SCHEDAR_SEUL: false })
    await sso.provider.up()
  })
  afterEach(() => rm(file(), { force: true }))

  test('is closed as long as nobody opens it on the server', async () => {
    const page = await createBrowser().open(`${sso.site.url}/ecrire/`)
    expect(formsOf(page).some(({ fields }) => 'password' in fields)).toBe(false)
    expect(wordsOf(page)).not.toContain('porte de secours')
  })

  test('opened by a file, it lets a webmaster of Schedar in, says so, and ends with the file', async () => {
    await write()
    const page = await createBrowser().open(`${sso.site.url}/ecrire/`)
    expect(wordsOf(page)).toContain('porte de secours est ouverte')
    expect(page.text).not.toContain(phrase)
    const [wendy, local] = [await enter(), await enter(sso.site.webmaster.login)]
    for (const browser of [wendy, local]) expect(await sso.isIn(browser)).toBe(true)
    expect(wordsOf(await wendy.open(`${sso.site.url}/ecrire/?exec=configurer_schedar`))).toMatch(
      /Porte de secours ouverte jusqu’à/,
    )
    expect(await sso.site.log()).toMatch(/rescue door: author \d+ let in from 127\./)
    expect(await sso.site.log()).not.toContain(phrase)
    await rm(file())
    for (const browser of [wendy, local]) expect(await sso.isIn(browser)).toBe(false)
  })

  test('nobody else comes in by it, and nothing else than its passphrase', async () => {
    await write()
    for (const [login, password] of [
      ['adam', phrase],
      ['nobody', phrase],
      ['WENDY', phrase],
      ['', phrase],
      ['wendy', ''],
      ['wendy', phrase.slice(1)],
      [sso.site.webmaster.login, sso.site.webmaster.password],
    ] as const)
      expect(await sso.isIn(await enter(login, password)), `${login} ${password.length}`).toBe(false)
    const authorization = `Basic ${btoa(`wendy:${phrase}`)}`
    const basic = await createBrowser().fetch(`${sso.site.url}/ecrire/`, { headers: { authorization } })
    expect(basic.location).toContain('page=login')
    expect(await sso.who(createBrowser(), { authorization })).toBe('||')
  })

  test('it closes by itself an hour after the file was written, and with it what it let in', async () => {
    await write(phrase, 3590)
    const browser = await enter()
    expect(await sso.isIn(browser)).toBe(true)
    await mark(3700)
    expect(await sso.isIn(browser)).toBe(false)
    expect(await sso.isIn(await enter())).toBe(false)
    // A file from the future would never close.
    await mark(-86_400)
    expect(await sso.isIn(await enter())).toBe(false)
  })

  test('a file without a passphrase opens nothing, and the log says why', async () => {
    await write('trop courte', 5)
    expect(await sso.isIn(await enter('wendy', 'trop courte'))).toBe(false)
    await expect.poll(() => sso.site.log()).toMatch(/returns no passphrase of 16 characters/)
  })

  test('twenty wrong passphrases close it until the file is written anew', async () => {
    await write(phrase, 20)
    const form = formsOf(await createBrowser().open(`${sso.site.url}/spip.php?page=login`)).find(
      ({ fields }) => 'var_login' in fields,
    )!
    for (let n = 0; n < 20; n++) await createBrowser().submit(form, { var_login: 'wendy', password: `${phrase}${n}` })
    expect(await sso.isIn(await enter())).toBe(false)
    expect((await sso.site.log()).match(/rescue door: refused from/g)!.length).toBeGreaterThanOrEqual(20)
    await write(phrase, 10)
    expect(await sso.isIn(await enter())).toBe(true)
  })

  test('without the single door it stands beside local passwords, which go on', async () => {
    await sso.site.configure({ _SCHEDAR_SEUL: false })
    await write(phrase, 7)
    expect(await sso.isIn(await enter())).toBe(true)
    expect(await sso.isIn(await enter(sso.site.webmaster.login, sso.site.webmaster.password))).toBe(true)
  })

  test('what it opened and what Schedar opened for the same author are kept apart, however SPIP mixes them', async () => {
    await sso.provider.up()
    await write(phrase, 9)
    const [rescued, usual] = [await enter(), sso.browserOf('wendy')]
    await sso.signIn(usual)
    // A setting of one's own is written into every session of the author.
    for (const browser of [rescued, usual, rescued])
      await browser.open(`${sso.site.url}/ecrire/?exec=accueil&display=2&set_disp=1`)
    for (const browser of [rescued, usual]) expect(await sso.isIn(browser)).toBe(true)
    await rm(file())
    expect(await sso.isIn(rescued)).toBe(false)
    expect(await sso.isIn(usual)).toBe(true)
  })
})
