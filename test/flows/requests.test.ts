// What a client may ask of a sign-in: silence (prompt=none), a fresh one (prompt=login, max_age), a name (login_hint).
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browserOf, enter, open, send, titleOf } from '../support/at-home.ts'
import { type Browser, createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { follow, type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

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

async function ask(browser: Browser, parameters: Record<string, string>) {
  const begun = await rp.begin(parameters)
  return { begun, at: await follow(browser, await browser.fetch(begun.url), rp.url) }
}
const errorOf = ({ location }: Reply) => new URL(location!).searchParams.get('error')
const credentials = () => ({ identifier: 'ada', password: ada.password })

describe('prompt=none', () => {
  test('without a session: login_required, with the state and the issuer', async () => {
    const { at, begun } = await ask(createBrowser(), { prompt: 'none' })
    const answer = Object.fromEntries(new URL(at.location!).searchParams)
    expect(answer).toMatchObject({ error: 'login_required', state: begun.state, iss: house.issuer })
  })

  test('with one: a code, without a page', async () => {
    const browser = await browserOf(house, ada)
    const { at, begun } = await ask(browser, { prompt: 'none' })
    expect((await rp.exchange(at.location!, begun)).claims()!.sub).toBe(ada.account.id)
  })

  test('for somebody who may not use the service: access_denied', async () => {
    const stranger = await house.person({ username: 'stranger' })
    const { at } = await ask(await browserOf(house, stranger), { prompt: 'none' })
    expect(errorOf(at)).toBe('access_denied')
  })

  test('with a hint at somebody else: login_required', async () => {
    const bob = await house.person({ username: 'bob', coveredForDays: 30 })
    const { tokens } = await signInAt(rp, createBrowser(), house.issuer, 'bob', bob.password)
    const { at } = await ask(await browserOf(house, ada), { prompt: 'none', id_token_hint: tokens!.id_token! })
    expect(errorOf(at)).toBe('login_required')
  })
})

describe('a fresh sign-in', () => {
  test('prompt=login asks although there is a session; cancelled, the session stays', async () => {
    const browser = await browserOf(house, ada)
    const { at } = await ask(browser, { prompt: 'login' })
    expect(titleOf(at)).toBe('Se connecter')
    expect(titleOf(await open(house, browser, '/'))).toBe('Bonjour Ada')
  })

  test('max_age=0 asks, and auth_time is the new sign-in’s', async () => {
    const browser = await browserOf(house, ada)
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const { at, begun } = await ask(browser, { max_age: '0' })
    expect(titleOf(at)).toBe('Se connecter')
    const before = Math.floor(Date.now() / 1000)
    const back = await send(house, browser, at, credentials(), rp.url)
    const claims = (await rp.exchange(back.location!, begun)).claims()!
    expect(claims.auth_time).toBeGreaterThanOrEqual(before)
    expect(claims.amr).toEqual(['pwd'])
  })

  test('a max_age that is not over asks nothing', async () => {
    const { at } = await ask(await browserOf(house, ada), { max_age: '3600' })
    expect(new URL(at.location!).searchParams.get('code')).toBeTruthy()
  })

  test('a consent given later does not make the sign-in younger', async () => {
    const third = await relyingParty(house, { party: 'third' })
    const browser = createBrowser()
    const begun = await third.begin({ prompt: 'login', scope: 'openid' })
    const login = await open(house, browser, begun.url)
    const question = await send(house, browser, login, credentials())
    const signedInAt = Math.ceil(Date.now() / 1000)
    await new Promise((resolve) => setTimeout(resolve, 2100))
    const back = await send(house, browser, question, { answer: 'accept' }, third.url)
    expect((await third.exchange(back.location!, begun)).claims()!.auth_time).toBeLessThanOrEqual(signedInAt)
    await third.close()
  })
})

describe('login_hint', () => {
  test('is in the field, and is only a hint', async () => {
    const browser = createBrowser()
    const { at, begun } = await ask(browser, { login_hint: 'some"one<' })
    expect(at.text).toContain('value="some&quot;one&lt;"')
    const back = await send(house, browser, at, credentials(), rp.url)
    expect((await rp.exchange(back.location!, begun)).claims()!.sub).toBe(ada.account.id)
  })
})

describe('the way through', () => {
  test('a sign-in page left open until its request is gone says to start again', async () => {
    const browser = createBrowser()
    const { at } = await ask(browser, {})
    browser.forget(/schedar_interaction/)
    const late = await send(house, browser, at, credentials())
    expect(late.status).toBe(400)
    expect(late.text).toContain('Cette demande de connexion a expiré ou a déjà servi.')
  })

  test('two requests in two tabs do not disturb each other', async () => {
    const browser = createBrowser()
    const tabs = [await ask(browser, {}), await ask(browser, {})]
    const first = await send(house, browser, tabs[0]!.at, credentials(), rp.url)
    expect((await rp.exchange(first.location!, tabs[0]!.begun)).claims()!.sub).toBe(ada.account.id)
    const second = await send(house, browser, tabs[1]!.at, credentials(), rp.url)
    expect(second.status === 400 || second.location?.startsWith(rp.url)).toBe(true)
  })

  test('a page of the house that was asked for first is where the sign-in ends', async () => {
    const page = await enter(house, createBrowser(), credentials(), '/account/password')
    expect(titleOf(page)).toBe('Changer mon mot de passe')
  })
})
