// A clock that goes back: by seconds and by hours between two requests, and across a night and a year's end. Nobody who is
// out comes in by it, nobody who is in is kept out, money and its receipts stay in order.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { nightOf } from '../../src/serve.ts'
import { makeAppPassword, verifyAppPassword } from '../../src/usecases/app-passwords.ts'
import { recordPayment, reversePayment } from '../../src/usecases/payments.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { open, titleOf } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { soundBooks, soundStandings } from '../support/facts.ts'
import { DAY, type House, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'
import { type Treasury, treasury } from '../support/treasury.ts'

const HOUR = 3_600_000
let house: House
let wiki: RelyingParty
let count = 0
const core = () => house.installation.core
beforeAll(async () => {
  house = await startHouse()
  wiki = await relyingParty(house, { name: 'Le wiki' })
})
afterAll(async () => {
  await wiki?.close()
  await house?.stop()
})
const person = () => house.person({ username: `c${++count}`, coveredForDays: 300 })
const signedIn = async () => {
  const who = await person()
  const browser = createBrowser()
  const { tokens } = await signInAt(wiki, browser, house.issuer, who.account.username, who.password)
  return { ...who, browser, tokens: tokens! }
}
const home = async (who: { browser: ReturnType<typeof createBrowser> }) => titleOf(await open(house, who.browser, '/'))
const isOn = async (token: string) => (await wiki.introspect(token)).active

const steps: [string, number][] = [
  ['five seconds', 5_000],
  ['two hours', 2 * HOUR],
  ['four hundred days', 400 * DAY],
]

describe.each(steps)('between two requests, by %s', (_, ms) => {
  test('a session and its tokens go on', async () => {
    const who = await signedIn()
    house.clock.advance(-ms)
    expect(await home(who)).toContain('Bonjour')
    expect(await isOn(who.tokens.access_token)).toBe(true)
    house.clock.advance(ms)
  })

  test('who is suspended then is out of everything', async () => {
    const who = await signedIn()
    const told = wiki.logoutTokens.length
    house.clock.advance(-ms)
    await suspend(core())({ target: { accountId: who.account.id }, reason: 'x', actor: 'test' })
    expect(await isOn(who.tokens.access_token)).toBe(false)
    await expect.poll(() => wiki.logoutTokens.length, { timeout: 5_000 }).toBe(told + 1)
    house.clock.advance(ms)
    expect(await isOn(who.tokens.access_token)).toBe(false)
  })

  test('an app password works; its last use never goes back', async () => {
    const who = await person()
    const { secret, appPassword } = await makeAppPassword(core())({
      accountId: who.account.id,
      name: 'K-9',
      scopes: ['imap'],
      actor: 'test',
    })
    const use = () => verifyAppPassword(core())(who.account.id, secret, 'imap')
    const lastUse = async () => (await core().store.appPasswords.ofAccount(who.account.id))[0]!.lastUsedAt
    expect(await use()).toEqual({ accountId: who.account.id, id: appPassword.id })
    const before = await lastUse()
    house.clock.advance(-ms)
    expect(await use()).toBeDefined()
    expect(await lastUse()).toBe(before)
    house.clock.advance(ms + 120_000)
    expect(await use()).toBeDefined()
    expect(await lastUse()).toBeGreaterThan(before!)
  })
})

describe('across a night and a year’s end', () => {
  const NEW_YEAR = Date.parse('2027-12-31T23:00:00Z')
  let books: Treasury
  const at = (instant: number) => house.clock.advance(instant - house.clock.now())
  const pay = async (payerId: string, valueOn: string) =>
    recordPayment(core())({ payerId, source: 'cash', cents: 6000, valueOn, actor: 'test' })
  beforeAll(async () => {
    at(NEW_YEAR - HOUR)
    books = await treasury(house)
  })
  beforeEach(() => at(NEW_YEAR - HOUR))

  test('receipts bear the year in which they are issued, without a gap in either', async () => {
    const payers = await Promise.all(Array.from({ length: 6 }, () => books.payer()))
    const issued: string[] = []
    for (const [turn, { member }] of payers.entries()) {
      // Back and forth over midnight, as two machines that do not agree would have it.
      at(NEW_YEAR + (turn % 2 === 0 ? HOUR : -HOUR))
      const { receipt } = await pay(member.id, '2027-12-30')
      issued.push(`${receipt.year}/${receipt.number}`)
    }
    expect(issued).toEqual(['2028/1', '2027/1', '2028/2', '2027/2', '2028/3', '2027/3'])
    await soundBooks(house.installation)
    expect((await core().store.audit.verify()).brokenAt).toBeUndefined()
  })

  test('a payment, and its taking back, by a clock behind that of the standing', async () => {
    const [zoe, max] = [await books.payer(), await books.payer()]
    at(NEW_YEAR + HOUR)
    await pay(max.member.id, '2027-12-30')
    await nightOf(house.installation)({ confirmed: true })
    at(NEW_YEAR - HOUR)
    await pay(zoe.member.id, '2027-12-30')
    const [payment] = await core().store.payments.ofPayer(max.member.id)
    await reversePayment(core())({ paymentId: payment!.id, note: 'erreur', actor: 'test' })
    const standing = async ({ member }: typeof zoe) => (await core().store.standings.get(member.id))!.standing
    expect([await standing(zoe), await standing(max)]).toEqual(['current', 'lapsed'])
    await soundStandings(house.installation)
    at(NEW_YEAR + HOUR)
    await nightOf(house.installation)()
    expect([await standing(zoe), await standing(max)]).toEqual(['current', 'lapsed'])
    await soundStandings(house.installation)
  })

  test('money of a day that is not yet is refused, and nothing of it kept', async () => {
    const { member } = await books.payer()
    await expect(pay(member.id, '2028-03-01')).rejects.toMatchObject({ code: 'invalid_value', field: 'valueOn' })
    expect(await core().store.payments.ofPayer(member.id)).toEqual([])
  })

  test('a server that starts before the last night serves, changes nobody’s standing, and says so in its log', async () => {
    at(NEW_YEAR + DAY)
    await nightOf(house.installation)({ confirmed: true })
    const counts = await soundStandings(house.installation)
    at(NEW_YEAR - HOUR)
    await house.restart()
    await expect.poll(() => house.logged.some((line) => line.includes('nightly.clock_went_back'))).toBe(true)
    expect((await open(house, createBrowser(), '/')).status).toBe(200)
    expect(await soundStandings(house.installation)).toEqual(counts)
    at(NEW_YEAR + DAY)
    await nightOf(house.installation)()
  })
})
