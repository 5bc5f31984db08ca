// Attacks by markup in what people type.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { invite } from '../../src/usecases/invite.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { browserOf, open, read, send } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let n = 0
const person = (input: object = {}): Promise<Person> =>
  house.person({ username: `person${++n}`, coveredForDays: 30, ...input })
const credentials = ({ account, password }: Person) => ({ identifier: account.username, password })

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

async function signedIn(path: string, input: object = {}): Promise<{ who: Person; browser: Browser; page: Reply }> {
  const who = await person(input)
  const browser = await browserOf(house, who)
  return { who, browser, page: await open(house, browser, path) }
}

describe('class 23: markup in what people type', () => {
  const payloads = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    '</title><svg onload=alert(1)>',
    '{{constructor}}$t(error.title)$(x)#{7*7}',
    '<!--',
    '&lt;script&gt;',
    '\u2028<b>',
    'javascript:alert(1)',
  ]
  const nasty = (text: string) => `${text} ${payloads.join(' ')}`
  const known =
    /^\/?(!doctype|html|head|meta|title|link|script|body|a|header|img|span|main|h1|h2|p|form|input|div|label|button|svg|path|circle|footer|nav|ul|ol|li|strong|small|section|blockquote|fieldset|legend|code)$/
  /** Every tag is one of ours, with attributes that do nothing, and scripts come from our own files. */
  function isClean(reply: Reply, what: string): void {
    for (const [tag, name] of reply.text.matchAll(/<(!?\/?[a-z][a-z0-9]*)[^>]*>/gi)) {
      const bare = tag.slice(1).replace(/"[^"]*"/g, '""')
      expect([what, name]).toEqual([what, expect.stringMatching(known)])
      expect([what, bare]).toEqual([what, expect.not.stringMatching(/\son\w+\s*=|['<]/)])
      if (name === 'script') expect(tag).toMatch(/^<script src="\/assets\//)
    }
    expect(reply.text).not.toMatch(/(href|src|action)="\s*(javascript|data):/i)
    expect(reply.text).not.toContain('<!--')
  }

  test('names, reasons, clients and the association are text on every page', async () => {
    const shop = await startHouse()
    const { store } = shop.installation.core
    const [organisation] = await store.organisations.all()
    await store.organisations.update({ ...organisation!, name: nasty('Asso') })
    const evil = await relyingParty(shop, { name: nasty('Client'), party: 'third' })
    const ada = await shop.person({ username: 'ada', coveredForDays: 30 })
    await store.accounts.update({ ...ada.account, name: nasty('Ada'), givenName: nasty('Ada'), familyName: '<i>' })
    await store.members.update({ ...ada.member!, name: nasty('Member') })
    const browser = createBrowser()
    const login = await open(shop, browser, (await evil.begin({ login_hint: nasty('hint') })).url)
    isClean(login, 'sign-in')
    expect(read(login)).toContain(`pour continuer vers ${nasty('Client').replace(/\s+/gu, ' ')}`)
    const wrong = await send(shop, browser, login, { identifier: nasty('who'), password: 'x' })
    isClean(wrong, 'sign-in again')
    const consent = await send(shop, browser, wrong, credentials(ada))
    isClean(consent, 'consent')
    const { action, fields } = formsOf(consent).find(({ fields }) => 'csrf' in fields)!
    await browser.fetch(action, { form: { ...fields, answer: 'accept' } })
    isClean(await open(shop, browser, '/'), 'home')
    isClean(await open(shop, browser, '/account/password'), 'password')
    isClean(await open(shop, browser, '/account/second-factor'), 'enrolment')
    isClean(await open(shop, browser, `/session/end?client_id=${evil.clientId}`), 'sign-out')
    await suspend(shop.installation.core)({
      target: { memberId: ada.member!.id },
      reason: nasty('Reason'),
      actor: 'test',
    })
    const home = await open(shop, browser, '/')
    isClean(home, 'home, suspended')
    expect(read(home)).toContain(nasty('Reason').replace(/\s+/gu, ' '))
    isClean(await open(shop, browser, (await evil.begin()).url), 'membership')
    await invite(
      shop.installation.core,
      shop.installation.letters,
    )({ account: (await store.accounts.get(ada.account.id))!, actor: 'test' })
    isClean(await open(shop, createBrowser(), shop.letters().at(-1)!.link), 'invitation')
    await evil.close()
    await shop.stop()
  })

  test('nothing of an address or a parameter comes back as markup', async () => {
    for (const payload of payloads) {
      const encoded = encodeURIComponent(payload)
      for (const path of [
        `/${encoded}`,
        `/forgotten?lang=${encoded}`,
        `/password/${encoded}`,
        `/interaction/${encoded}`,
        `/auth?client_id=${encoded}`,
        `/auth?error=${encoded}`,
        `/session/end?client_id=${encoded}`,
        `/signed-in?state=${encoded}`,
        `/session/end/success?ui_locales=${encoded}&x=${encoded}`,
      ])
        isClean(await createBrowser().fetch(house.issuer + path), path)
      isClean(
        await createBrowser({ language: payload.replace(/[^\x20-\x7e]/g, '') }).fetch(`${house.issuer}/forgotten`),
        'Accept-Language',
      )
    }
  })

  test('the response modes of a client carry its state as text (form_post)', async () => {
    const { browser } = await signedIn('/')
    const reply = await browser.fetch(
      (await rp.begin({ response_mode: 'form_post', state: payloads[1]!, scope: 'openid' })).url,
    )
    expect(reply.status).toBe(200)
    expect(reply.text).not.toContain('<img')
  })

  test('a logo opened by itself runs nothing', async () => {
    const page = await open(house, createBrowser(), '/forgotten')
    const [logo] = page.text.match(/\/assets\/[\w-]+\.svg/)!
    const { headers } = await createBrowser().fetch(house.issuer + logo)
    expect(headers['content-security-policy']).toContain('sandbox')
    expect(headers['content-security-policy']).toContain("default-src 'none'")
  })
})
