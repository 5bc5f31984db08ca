// Signing out at a service: of it alone or of everything; the other services are told by the outbox.
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { open, read, titleOf } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let wiki: RelyingParty
let mail: RelyingParty
let ada: Person
let browser: Browser
let tokens: Record<'wiki' | 'mail', NonNullable<Awaited<ReturnType<typeof signInAt>>['tokens']>>
let told: { wiki: number; mail: number }

beforeAll(async () => {
  house = await startHouse()
  wiki = await relyingParty(house, { name: 'Wiki' })
  mail = await relyingParty(house, { name: 'Webmail' })
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
})
afterAll(async () => {
  await wiki.close()
  await mail.close()
  await house.stop()
})
beforeEach(async () => {
  browser = createBrowser()
  const first = await signInAt(wiki, browser, house.issuer, 'ada', ada.password)
  tokens = { wiki: first.tokens!, mail: (await signInAt(mail, browser, house.issuer, '', '')).tokens! }
  told = { wiki: wiki.logoutTokens.length, mail: mail.logoutTokens.length }
})

const endSession = (parameters: Record<string, string> = {}): Promise<Reply> =>
  browser.fetch(`${house.issuer}/session/end?${new URLSearchParams(parameters)}`)
const fromWiki = (changes: Record<string, string> = {}) =>
  endSession({
    id_token_hint: tokens.wiki.id_token!,
    post_logout_redirect_uri: `${wiki.url}/`,
    state: 'xyz',
    ...changes,
  })

/** Presses a button of the page: everything, or this service only. Follows within the house. */
async function press(page: Reply, logout: 'everything' | 'here'): Promise<Reply> {
  const form = formsOf(page).find(({ action }) => action.endsWith('/session/end/confirm'))!
  const reply = await browser.fetch(form.action, {
    form: { ...form.fields, ...(logout === 'everything' && { logout: 'yes' }) },
  })
  return browser.follow(reply, (location) => location.startsWith(house.issuer))
}
const signedInAtHome = async (): Promise<boolean> => titleOf(await open(house, browser, '/')) === 'Bonjour Ada'
const arrived = (rp: 'wiki' | 'mail', count: number) =>
  expect.poll(() => ({ wiki, mail })[rp].logoutTokens.length - told[rp], { timeout: 5000 }).toBe(count)

test('the page asks: everything, or this service only', async () => {
  const page = await fromWiki()
  expect([page.status, titleOf(page)]).toEqual([200, 'Se déconnecter ?'])
  expect(read(page)).toContain('Vous pouvez quitter Wiki seulement, ou tous les services de Cassiopée')
  expect(page.headers['content-security-policy']).toContain(`form-action 'self' ${wiki.url}`)
  expect(page.headers['x-content-type-options']).toBe('nosniff')
  expect(page.headers['referrer-policy']).toBe('same-origin')
  // Asking is not yet doing.
  expect(await signedInAtHome()).toBe(true)
})

test('everything: every session is gone, both services are told, and the way back is the registered one', async () => {
  const back = await press(await fromWiki(), 'everything')
  expect(back.location).toBe(`${wiki.url}/?state=xyz`)
  expect(await signedInAtHome()).toBe(false)
  await Promise.all([arrived('wiki', 1), arrived('mail', 1)])
  for (const [rp, held] of [
    [wiki, tokens.wiki],
    [mail, tokens.mail],
  ] as const) {
    expect(await rp.introspect(held.access_token)).toEqual({ active: false })
    await expect(rp.refresh(held.refresh_token!)).rejects.toThrow()
  }
})

test('this service only: it is told and its tokens are dead, the other one and home stay', async () => {
  const back = await press(await fromWiki(), 'here')
  expect(back.location).toBe(`${wiki.url}/?state=xyz`)
  await arrived('wiki', 1)
  expect(mail.logoutTokens.length).toBe(told.mail)
  expect(await signedInAtHome()).toBe(true)
  expect(await wiki.introspect(tokens.wiki.access_token)).toEqual({ active: false })
  expect(await mail.introspect(tokens.mail.access_token)).toMatchObject({ active: true })
})

test('the logout token is what Back-Channel Logout 1.0 §2.4 wants', async () => {
  await press(await fromWiki(), 'everything')
  await arrived('mail', 1)
  const keys = createRemoteJWKSet(new URL(`${house.issuer}/jwks`))
  const { payload, protectedHeader } = await jwtVerify(mail.logoutTokens.at(-1)!, keys, {
    issuer: house.issuer,
    audience: mail.clientId,
    typ: 'logout+jwt',
  })
  expect(protectedHeader.alg).toBe('ES256')
  expect(payload).toMatchObject({
    sub: ada.account.id,
    sid: tokens.mail.claims()!.sid,
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  })
  expect(payload).not.toHaveProperty('nonce')
})

test('a service that is down is told once it is back; the person does not wait, nor does the other service', async () => {
  mail.backchannel.status = 503
  const began = performance.now()
  await press(await fromWiki(), 'everything')
  expect(performance.now() - began).toBeLessThan(2500)
  await arrived('wiki', 1)
  const waiting = () => house.installation.core.store.outbox.pending({ service: `logout/${mail.clientId}` })
  await expect.poll(async () => (await waiting())[0]?.tries ?? 0, { timeout: 5000 }).toBeGreaterThan(0)
  expect(mail.logoutTokens.length).toBe(told.mail)
  mail.backchannel.status = 200
  await arrived('mail', 1)
  await expect.poll(waiting).toEqual([])
})

describe('where it may lead back to', () => {
  test.each([
    ['another path', '/callback'],
    ['a query more', '/?next=1'],
    ['no slash at the end', ''],
    ['a fragment', '/#x'],
    ['a deeper path', '/x'],
  ])('not to %s of the service', async (_, path) => {
    const page = await fromWiki({ post_logout_redirect_uri: `${wiki.url}${path}` })
    expect(page.status).toBe(400)
    expect(page.location).toBeUndefined()
    expect(await signedInAtHome()).toBe(true)
  })

  test('not to another service’s address, nor to a stranger’s', async () => {
    for (const uri of [`${mail.url}/`, 'https://evil.example/', 'javascript:alert(1)', `${wiki.url}@evil.example/`])
      expect((await fromWiki({ post_logout_redirect_uri: uri })).status).toBe(400)
  })

  test('without a hint or a client_id an address is not followed at all', async () => {
    const back = await press(await endSession({ post_logout_redirect_uri: `${wiki.url}/` }), 'everything')
    expect([back.url, titleOf(back)]).toEqual([`${house.issuer}/session/end/success`, 'À bientôt'])
  })

  test('with a client_id alone the exact address is followed', async () => {
    const back = await press(
      await endSession({ client_id: wiki.clientId, post_logout_redirect_uri: `${wiki.url}/` }),
      'everything',
    )
    expect(back.location).toBe(`${wiki.url}/`)
  })
})

test('from home: everything, or stay', async () => {
  const page = await endSession()
  expect(read(page)).toContain('Vous quitterez tous les services de Cassiopée ouverts dans ce navigateur.')
  expect(page.text).toMatch(/<a class="button" href="\/">Rester connecté/)
  const bye = await press(page, 'everything')
  expect(read(bye)).toContain('La déconnexion est faite.')
  await Promise.all([arrived('wiki', 1), arrived('mail', 1)])
})

test.each([
  ['without the form’s token', { xsrf: '' }],
  ['with a token of somebody else', { xsrf: 'a'.repeat(48) }],
])('the confirmation %s does nothing', async (_, changes) => {
  const page = await fromWiki()
  const form = formsOf(page).find(({ action }) => action.endsWith('/session/end/confirm'))!
  const reply = await browser.fetch(form.action, { form: { ...form.fields, logout: 'yes', ...changes } })
  expect(reply.status).toBe(400)
  expect(await signedInAtHome()).toBe(true)
})

test('signing in as somebody else in the same browser signs the first one out everywhere', async () => {
  const bob = await house.person({ username: 'bob', coveredForDays: 30 })
  const begun = await wiki.begin({ prompt: 'login' })
  const page = await open(house, browser, begun.url)
  const form = formsOf(page).find(({ fields }) => 'identifier' in fields)!
  const between = await browser.submit(form, { identifier: 'bob', password: bob.password })
  // oidc-provider's own page, which a script sends on and a person without scripts too.
  const confirm = formsOf(between).find(({ action }) => action.endsWith('/session/end/confirm'))!
  const reply = await browser.fetch(confirm.action, { form: confirm.fields })
  const back = await browser.follow(reply, (location) => location.startsWith(house.issuer))
  const fresh = await wiki.exchange(back.location!, begun)
  expect(fresh.claims()!.sub).toBe(bob.account.id)
  expect(titleOf(await open(house, browser, '/'))).toBe('Bonjour Bob')
  await arrived('mail', 1)
  expect(await mail.introspect(tokens.mail.access_token)).toEqual({ active: false })
})
