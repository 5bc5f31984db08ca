// Languages on every page, and what each kind of failure shows: what happened, what to do, a reference that is in the log.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { browserOf, enter, open, raw, rawGet, read, send, titleOf } from '../support/at-home.ts'
import { createBrowser, formsOf } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let ada: Person

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

const titles = { fr: 'Se connecter', nl: 'Aanmelden', en: 'Sign in', de: 'Anmelden' }
const langOf = (html: string) => /<html lang="(\w+)"/.exec(html)?.[1]

describe('the language', () => {
  test.each([
    ['fr', 'fr'],
    ['nl-BE', 'nl'],
    ['en-GB,en;q=0.9', 'en'],
    ['de-AT', 'de'],
    ['sv, de;q=0.2, en;q=0.8', 'en'],
    ['en;q=0, nl', 'nl'],
    ['sv', 'fr'],
    ['*', 'fr'],
    ['', 'fr'],
    [';;q=x,,<script>', 'fr'],
  ] as const)('Accept-Language: %s', async (header, expected) => {
    const page = await open(house, createBrowser({ language: header }), '/')
    expect([langOf(page.text), titleOf(page)]).toEqual([expected, titles[expected]])
  })

  test.each(['fr', 'nl', 'en', 'de'] as const)('chosen: %s, on this page and from then on', async (locale) => {
    const browser = createBrowser({ language: 'sv' })
    const page = await open(house, browser, '/')
    const links = [...page.text.matchAll(/<a lang="(\w+)" hreflang="\w+" href="([^"]+)"/g)]
    expect(links.map(([, lang]) => lang)).toEqual(['nl', 'en', 'de'])
    const chosen = await open(house, browser, `${new URL(page.url).pathname}?lang=${locale}`)
    expect([langOf(chosen.text), titleOf(chosen)]).toEqual([locale, titles[locale]])
    // The sign-in goes on where it was, in that language.
    const home = await send(house, browser, chosen, { identifier: 'ada', password: ada.password })
    expect([home.status, langOf(home.text)]).toEqual([200, locale])
    expect(langOf((await browser.fetch(`${house.issuer}/nowhere`)).text)).toBe(locale)
  })

  test.each(['xx', 'FR', '', 'fr&lang=nl', '../fr', '%00'])('?lang=%s is not one of them', async (value) => {
    const browser = createBrowser({ language: 'en' })
    const page = await browser.fetch(`${house.issuer}/forgotten?lang=${value}`)
    expect([page.status, langOf(page.text)]).toEqual([200, 'en'])
    expect(browser.cookies('127.0.0.1').filter(({ name }) => name === 'schedar_lang')).toEqual([])
  })

  test('it can be changed on the sign-out page too, which keeps what it was about', async () => {
    const browser = createBrowser()
    const { tokens } = await signInAt(rp, browser, house.issuer, 'ada', ada.password)
    const about = `id_token_hint=${tokens!.id_token}&post_logout_redirect_uri=${encodeURIComponent(`${rp.url}/`)}&state=s`
    const page = await browser.fetch(`${house.issuer}/session/end?${about}`)
    const [, link] = /<a lang="nl"[^>]*href="([^"]+)"/.exec(page.text)!
    const dutch = await browser.fetch(new URL(link!.replaceAll('&amp;', '&'), house.issuer).href)
    expect([langOf(dutch.text), titleOf(dutch)]).toEqual(['nl', 'Afmelden?'])
    const { action, fields } = formsOf(dutch)[0]!
    const back = await browser.fetch(action, { form: { ...fields, logout: 'yes' } })
    expect(back.location).toBe(`${rp.url}/?state=s`)
  })

  test('the error page of a refused request can be read in another language', async () => {
    const browser = createBrowser()
    const page = await browser.fetch(`${house.issuer}/auth?client_id=nobody&response_type=code`)
    const [, link] = /<a lang="de"[^>]*href="([^"]+)"/.exec(page.text)!
    const german = await browser.fetch(new URL(link!.replaceAll('&amp;', '&'), house.issuer).href)
    expect([german.status, langOf(german.text)]).toEqual([400, 'de'])
    expect(read(german)).toContain('invalid_client')
  })
})

describe('errors', () => {
  test.each([
    ['/nowhere', 404, 'Cette page n’existe pas.'],
    ['/assets/nothing.css', 404, 'Cette page n’existe pas.'],
    ['/auth/nothing/more', 404, 'Cette page n’existe pas.'],
    ['/token', 404, 'Cette page n’existe pas.'],
    ['/%E0%A4%A', 404, 'Cette page n’existe pas.'],
    ['/password/%E0%A4%A', 410, 'Ce lien a expiré ou a déjà servi.'],
    ['/password/nothing', 410, 'Ce lien a expiré ou a déjà servi.'],
    ['/interaction/nothing', 400, 'Cette demande de connexion a expiré ou a déjà servi.'],
    ['/auth/nothing', 400, 'Cette demande de connexion a expiré ou a déjà servi.'],
    ['/auth?client_id=nobody&response_type=code', 400, 'donnant le code invalid_client'],
    ['/auth', 400, 'donnant le code invalid_request'],
    ['/session/end?id_token_hint=x', 400, 'donnant le code invalid_request'],
    ['/session/end/success?client_id=nobody', 400, 'donnant le code invalid_client'],
  ])('%s: %i', async (path, status, words) => {
    const page = await createBrowser().fetch(house.issuer + path)
    expect([page.status, read(page)]).toEqual([status, expect.stringContaining(words)])
    expect(titleOf(page)).toBe('Cela n’a pas marché')
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    expect(page.headers['cache-control']).toBe('no-store')
    for (const name of ['x-content-type-options', 'x-frame-options', 'referrer-policy', 'strict-transport-security'])
      expect(page.headers).toHaveProperty(name)
  })

  test.each(['PUT', 'DELETE', 'PATCH', 'PROPFIND', 'TRACE'])('%s is not a way to call a page', async (method) => {
    const answer = await raw(
      house,
      `${method} /forgotten HTTP/1.1\r\nhost: ${new URL(house.issuer).host}\r\nconnection: close\r\n\r\n`,
    )
    expect([405, answer.body.length]).toEqual([answer.status, expect.any(Number)])
    expect(Buffer.from(answer.body, 'latin1').toString()).toContain('Cette page ne peut pas être appelée ainsi.')
  })

  test('a form in another clothing is refused', async () => {
    const headers = {
      host: new URL(house.issuer).host,
      connection: 'close',
      'content-length': '2',
      origin: house.issuer,
    }
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', '']) {
      const lines = Object.entries({ ...headers, ...(type && { 'content-type': type }) }).map(
        ([k, v]) => `${k}: ${v}\r\n`,
      )
      const answer = await raw(house, `POST /forgotten HTTP/1.1\r\n${lines.join('')}\r\n{}`)
      expect(answer.status).toBe(400)
    }
  })

  test('a client that asks for JSON gets JSON', async () => {
    const answer = await rawGet(house, '/session/end?id_token_hint=x', { accept: 'application/json' })
    expect(answer.head).toContain('application/json')
    expect(answer.body).toContain('"error":"invalid_request"')
  })

  test('a fault of ours: 500 with a reference that is in the log, on a page of the house and at the provider', async () => {
    const { directory, store } = house.installation.core
    const { verify } = directory
    directory.verify = async () => {
      throw new Error('a bug in the directory')
    }
    const page = await enter(house, createBrowser(), { identifier: 'ada', password: ada.password })
    directory.verify = verify

    const browser = await browserOf(house, ada)
    const { accountAndDoor } = store.access
    store.access.accountAndDoor = async () => {
      throw new Error('a bug in a door')
    }
    const atProvider = await browser.fetch((await rp.begin()).url)
    store.access.accountAndDoor = accountAndDoor

    for (const [shown, fault] of [
      [page, 'a bug in the directory'],
      [atProvider, 'a bug in a door'],
    ] as const) {
      expect([shown.status, titleOf(shown)]).toEqual([500, 'Cela n’a pas marché'])
      expect(shown.text).not.toContain(fault)
      const reference = /référence ([\w-]{8})\./.exec(read(shown))![1]!
      const line = house.logged.find((entry) => entry.includes(reference))!
      expect(JSON.parse(line)).toMatchObject({ level: 'error', event: 'request.refused', code: 'unexpected' })
      expect(line).toContain(fault)
    }
  })

  test.each([
    ['database_unavailable', 503, 'Rien n’est perdu'],
    ['storage_full', 507, 'L’espace disque est épuisé'],
    ['busy', 503, 'Il y a foule en ce moment'],
  ] as const)('%s is said as such, at the provider too', async (code, status, words) => {
    const { store } = house.installation.core
    const { account, accountAndDoor } = store.access
    const { all } = store.organisations
    const browser = await browserOf(house, ada)
    const fails = async (): Promise<never> => {
      throw new AppError(code)
    }
    store.access.account = fails
    store.access.accountAndDoor = fails
    // The name on top of the page comes from the database too.
    store.organisations.all = fails
    const pages = [await browser.fetch(`${house.issuer}/`), await browser.fetch((await rp.begin()).url)]
    Object.assign(store.access, { account, accountAndDoor })
    store.organisations.all = all
    for (const page of pages) expect([page.status, read(page)]).toEqual([status, expect.stringContaining(words)])
  })

  test('a browser that goes away in the middle of a form is no fault of ours', async () => {
    const { host } = new URL(house.issuer)
    const before = house.logged.filter((line) => line.includes('"level":"error"')).length
    const head = `POST /forgotten HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 500\r\n\r\n`
    await raw(house, `${head}identifier=a`, 200)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(house.logged.filter((line) => line.includes('"level":"error"')).length).toBe(before)
  })
})

describe('for the machine itself', () => {
  test('health, readiness and metrics answer whatever the Host; no person’s name is a label', async () => {
    for (const path of ['/health', '/ready']) expect((await rawGet(house, path, { host: 'x' })).status).toBe(200)
    await rawGet(house, '/.well-known/o-made-up-1')
    await rawGet(house, '/auth/made-up-2')
    const { status, body } = await rawGet(house, '/metrics')
    expect(status).toBe(200)
    expect(body).toContain('schedar_request_seconds_count{route="page",status="200"}')
    expect(body).not.toMatch(/made-up|ada/)
  })

  test('metrics are not for those who come through a proxy', async () => {
    for (const header of ['x-forwarded-for', 'x-forwarded-host', 'forwarded', 'via', 'x-real-ip'])
      expect((await rawGet(house, '/metrics', { [header]: '192.0.2.1' })).status).toBe(403)
  })

  test.each(['/__proto__', '/constructor', '/toString', '/health/', '/health%2f'])(
    '%s is no endpoint',
    async (path) => {
      expect((await rawGet(house, path)).status).toBe(404)
    },
  )
})
