import { afterAll, beforeAll, expect, test } from 'vitest'
import { suspend } from '../../src/usecases/suspend.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { type House, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

test('a member signs in once and the client learns who it is', async () => {
  const ada = await house.person({ username: 'ada', coveredForDays: 30 })
  const browser = createBrowser()
  const { tokens } = await signInAt(rp, browser, house.issuer, 'ADA', ada.password)
  const sub = tokens!.claims()!.sub
  const claims = await rp.userinfo(tokens!.access_token, sub)
  expect(claims).toMatchObject({
    sub: ada.account.id,
    preferred_username: 'ada',
    email_verified: true,
    membership: true,
    locale: 'fr',
    groups: [],
    roles: [],
  })
  // The second client of the same browser asks nothing.
  const other = await relyingParty(house)
  const again = await signInAt(other, browser, house.issuer, '', '')
  expect(again.tokens).toBeDefined()
  await other.close()
})

test('a suspension closes every token at its commit and tells the client', async () => {
  const eve = await house.person({ username: 'eve', coveredForDays: 30 })
  const { tokens } = await signInAt(rp, createBrowser(), house.issuer, 'eve', eve.password)
  expect(await rp.introspect(tokens!.access_token)).toMatchObject({ active: true })
  await suspend(house.installation.core)({ target: { accountId: eve.account.id }, reason: 'Essai', actor: 'test' })
  expect(await rp.introspect(tokens!.access_token)).toMatchObject({ active: false })
  await expect(rp.refresh(tokens!.refresh_token!)).rejects.toThrow()
  await expect(rp.userinfo(tokens!.access_token, eve.account.id)).rejects.toThrow()
  await expect.poll(() => rp.logoutTokens.length, { timeout: 3000 }).toBe(1)
  const page = await signInAt(rp, createBrowser(), house.issuer, 'eve', eve.password)
  expect(page.page.text).toContain('Votre accès est suspendu')
})
