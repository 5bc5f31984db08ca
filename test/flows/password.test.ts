// A new password chosen at home, and every session that ends by it; signing out everywhere.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { browserOf, enter, open, read, send, titleOf } from '../support/at-home.ts'
import { createBrowser, formsOf } from '../support/browser-jar.ts'
import { type House, type Person, randomPassword, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let n = 0
const person = () => house.person({ username: `person${++n}`, coveredForDays: 30 })

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

/** Sends the form of /account/password. */
async function change(browser: ReturnType<typeof createBrowser>, fields: Record<string, string>) {
  return send(house, browser, await open(house, browser, '/account/password'), fields)
}

/** Everything that the person holds elsewhere: a session in another browser, and tokens. */
async function elsewhere({ account, password }: Person) {
  const browser = createBrowser()
  const { tokens } = await signInAt(rp, browser, house.issuer, account.username, password)
  return {
    browser,
    async isOut(): Promise<void> {
      expect(titleOf(await open(house, browser, '/'))).toBe('Se connecter')
      expect(await rp.introspect(tokens!.access_token)).toEqual({ active: false })
      await expect(rp.refresh(tokens!.refresh_token!)).rejects.toThrow()
      await expect(rp.userinfo(tokens!.access_token, account.id)).rejects.toThrow()
    },
  }
}

test('a new password ends every session and token; the old one opens nothing', async () => {
  const ada = await person()
  const other = await elsewhere(ada)
  const told = rp.logoutTokens.length
  const browser = await browserOf(house, ada)
  const password = randomPassword()
  const done = await change(browser, { current: ada.password, password, repeated: password })
  expect(titleOf(done)).toBe('Votre mot de passe est enregistré')
  await other.isOut()
  await expect.poll(() => rp.logoutTokens.length, { timeout: 3000 }).toBe(told + 1)
  const identifier = ada.account.username
  expect((await enter(house, createBrowser(), { identifier, password: ada.password })).status).toBe(401)
  expect((await enter(house, browser, { identifier, password })).status).toBe(200)
  const [entry] = await house.installation.core.store.audit.list({ action: 'account.password_set' })
  expect(entry).toMatchObject({ actor: ada.account.id, payload: { by: 'hand' } })
})

test.each([
  ['a wrong current password', { current: 'not the one at all' }, 401, 'current'],
  ['no current password', { current: '' }, 401, 'current'],
  ['two that differ', { repeated: 'another one entirely' }, 422, 'repeated'],
  ['one that is weak', { password: 'azertyuiop', repeated: 'azertyuiop' }, 422, 'password'],
])('%s is shown at its field, and nothing changes', async (_, changes, status, field) => {
  const ada = await person()
  const browser = await browserOf(house, ada)
  const password = randomPassword()
  const page = await change(browser, { current: ada.password, password, repeated: password, ...changes })
  expect(page.status).toBe(status)
  expect(page.text).toContain(`id="${field}-wrong"`)
  for (const secret of [password, ada.password]) expect(page.text).not.toContain(secret)
  expect(titleOf(await open(house, browser, '/'))).toMatch(/^Bonjour /)
  const again = await enter(house, createBrowser(), { identifier: ada.account.username, password: ada.password })
  expect(again.status).toBe(200)
})

test('sign out everywhere ends every session of the person, and nobody else’s', async () => {
  const [ada, bob] = [await person(), await person()]
  const [hers, his] = [await elsewhere(ada), await browserOf(house, bob)]
  const told = rp.logoutTokens.length
  const browser = await browserOf(house, ada)
  const home = await open(house, browser, '/')
  const form = formsOf(home).find(({ action }) => action.endsWith('/account/sign-out-everywhere'))!
  const bye = await browser.submit(form)
  expect(titleOf(bye)).toBe('À bientôt')
  await hers.isOut()
  expect(titleOf(await open(house, browser, '/'))).toBe('Se connecter')
  expect(titleOf(await open(house, his, '/'))).toMatch(/^Bonjour /)
  await expect.poll(() => rp.logoutTokens.length, { timeout: 3000 }).toBe(told + 1)
})

test('home shows the person, what is open, and the way out', async () => {
  const ada = await person()
  const page = await open(house, await browserOf(house, ada), '/')
  const words = read(page)
  for (const text of [
    'Mes adhésions',
    'En ordre de cotisation',
    'Mes services',
    'Le service',
    'Service en ligne',
    'Sécurité',
  ])
    expect(words).toContain(text)
  expect(page.text).toContain(`href="${rp.url}"`)
})
