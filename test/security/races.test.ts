// Attacks by doing a thing many times at once.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { offerSetUp } from '../../src/usecases/set-up.ts'
import { open, send } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, randomPassword, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let n = 0
const person = (input: object = {}): Promise<Person> =>
  house.person({ username: `person${++n}`, coveredForDays: 30, ...input })

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

describe('class 14: races', () => {
  test('one code at twenty requests at once is worth one token or none, and the rest are refused', async () => {
    const ada = await person()
    const browser = createBrowser()
    await signInAt(rp, browser, house.issuer, ada.account.username, ada.password)
    const begun = await rp.begin()
    const { location } = await browser.fetch(begun.url)
    const ends = await Promise.allSettled(Array.from({ length: 20 }, () => rp.exchange(location!, begun)))
    const won = ends.filter((end) => end.status === 'fulfilled')
    expect(won.length).toBeLessThanOrEqual(1)
    // RFC 6749 §4.1.2: used twice, what it gave is void.
    for (const end of won) expect(await rp.introspect(end.value.access_token)).toEqual({ active: false })
  })

  test('one refresh token at twenty requests at once leaves no chain alive', async () => {
    const ada = await person()
    const { tokens } = await signInAt(rp, createBrowser(), house.issuer, ada.account.username, ada.password)
    const ends = await Promise.allSettled(Array.from({ length: 20 }, () => rp.refresh(tokens!.refresh_token!)))
    const won = ends.filter((end) => end.status === 'fulfilled')
    expect(won.length).toBeLessThanOrEqual(1)
    for (const end of won) await expect(rp.refresh(end.value.refresh_token!)).rejects.toThrow()
  })

  test('of ten people with one set-up link, one becomes the administrator', async () => {
    const fresh = await startHouse({ setUp: false })
    const link = `/set-up/${await offerSetUp(fresh.installation.core)()}`
    const password = randomPassword()
    const ends = await Promise.all(
      Array.from({ length: 10 }, async (_, at) => {
        const browser = createBrowser()
        const page = await open(fresh, browser, link)
        return send(fresh, browser, page, {
          associationName: `Association ${at}`,
          contactEmail: 'bureau@cassiopee.example',
          givenName: 'Zoé',
          familyName: 'Essai',
          email: `zoe${at}@cassiopee.example`,
          username: `zoe${at}`,
          password,
          repeated: password,
        })
      }),
    )
    expect(ends.filter(({ status }) => status === 200)).toHaveLength(1)
    const { people, organisations, accounts } = fresh.installation.core.store
    expect([
      await people.countStaff('admin'),
      (await organisations.all()).length,
      (await accounts.list({})).length,
    ]).toEqual([1, 1, 1])
    await fresh.stop()
  })
})
