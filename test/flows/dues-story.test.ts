// The story of a membership with a moved clock and a real client: it lapses, is reminded, is eased out by rule, pays by bank
// and is back, is suspended for abuse, pays and stays out, and is restored.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { formatOgm } from '../../src/domain/references.ts'
import { addDays } from '../../src/domain/time.ts'
import { nightOf } from '../../src/serve.ts'
import { callDues } from '../../src/usecases/call-dues.ts'
import { importStatement } from '../../src/usecases/import-statement.ts'
import { recordPayment } from '../../src/usecases/payments.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import { addTariff, setBankAccount, setMemberDues } from '../../src/usecases/tariffs.ts'
import { textsOf } from '../../src/web/texts.ts'
import { printCamt } from '../statements/printers.ts'
import { browserOf, open, read, titleOf } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { DAY, type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

const IBAN = 'BE71096123456769'
let house: House
let wiki: RelyingParty
let ada: Person
const core = () => house.installation.core
const today = () => Temporal.Instant.fromEpochMilliseconds(house.clock.now()).toString().slice(0, 10)

beforeAll(async () => {
  house = await startHouse()
  wiki = await relyingParty(house, { name: 'Le wiki' })
  await vi.waitUntil(() => house.logged.some((line) => line.includes('nightly.done')), 10_000)
  await setBankAccount(core())({ iban: IBAN, holder: 'Cassiopée', actor: 'test' })
  const tariff = { name: 'Effectif', period: 'rolling' as const, yearStartsOn: '01-01', months: 12, amountCents: 6000 }
  await addTariff(core())({ ...tariff, validFromOn: '2020-01-01', decisionRef: 'AG 2019', actor: 'test' })
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  // Others, so that one who lapses is no mass removal.
  for (let at = 0; at < 12; at++) await house.person({ username: `other${at}`, coveredForDays: 900 })
  await setMemberDues(core())({ memberId: ada.member!.id, tariff: 'Effectif', payerId: null, actor: 'test' })
})
afterAll(async () => {
  await wiki.close()
  await house.stop()
})

/** Nights, one after the other; the standing after each. */
async function nights(count: number): Promise<string[]> {
  const standings: string[] = []
  for (let night = 0; night < count; night++) {
    house.clock.advance(DAY)
    await nightOf(house.installation)()
    standings.push((await core().store.standings.get(ada.member!.id))!.standing)
  }
  return standings
}
const signIn = () => signInAt(wiki, createBrowser(), house.issuer, ada.account.username, ada.password)
const isOut = async (): Promise<boolean> => (await signIn()).tokens === undefined
const home = async () => read(await open(house, await browserOf(house, ada), '/'))
const reminders = () => house.letters().filter(({ text }) => text.includes('+++')).length
const ogm = async () => (await core().store.calls.ofPayer(ada.member!.id))[0]!.ogm

const pays = async (): Promise<void> => {
  const payment = {
    cents: 6000,
    bookedOn: today(),
    valueOn: today(),
    name: 'BYRON ADA',
    iban: '',
    reference: await ogm(),
    text: '',
    bankRef: `R${today()}`,
    endToEndId: '',
  }
  const statement = { account: IBAN, number: '7', fromOn: today(), toOn: today(), opening: 0, payments: [payment] }
  const importer = importStatement(core())
  await importer.apply(await importer.plan(printCamt([statement]), { name: 'extrait.xml' }), { actor: 'treasurer' })
}

test('lapses, is reminded, is eased out, pays, is back, is suspended, pays and stays out, is restored', async () => {
  expect(await isOut()).toBe(false)
  const { tokens } = await signIn()

  // Thirty days of cover, the last one included, then thirty of grace, and out on the day after.
  const standings = await nights(61)
  expect(standings.lastIndexOf('current')).toBe(29)
  expect(standings.slice(30, 60)).toEqual(Array(30).fill('grace'))
  expect(standings[60]).toBe('lapsed')
  expect(reminders(), 'thirty and seven days before, on the last day, after fifteen and thirty').toBe(5)
  expect(await wiki.introspect(tokens!.access_token)).toMatchObject({ active: false })
  const refused = await signIn()
  expect([refused.page.status, titleOf(refused.page)]).toEqual([403, 'Votre adhésion est arrivée à échéance'])
  const { ogm: reference } = (await core().store.calls.ofPayer(ada.member!.id))[0]!
  for (const part of ['60,00 €', formatOgm(reference), 'Cassiopée']) expect(read(refused.page)).toContain(part)
  expect(read(refused.page), 'a day that is over').not.toContain('Avant le')
  const { coveredUntilOn } = (await core().store.standings.get(ada.member!.id))!
  const lapsed = await home()
  for (const part of ['Comment payer', `depuis le ${textsOf('fr').day(addDays(coveredUntilOn!, 1))}`])
    expect(lapsed).toContain(part)

  await pays()
  expect(await isOut(), 'the payment is all it takes').toBe(false)
  expect((await core().store.standings.get(ada.member!.id))!.standing).toBe('current')

  await suspend(core())({ target: { accountId: ada.account.id }, reason: 'Envoi de pourriels', actor: 'admin' })
  expect(await isOut()).toBe(true)
  await recordPayment(core())({
    payerId: ada.member!.id,
    source: 'cash',
    cents: 6000,
    valueOn: today(),
    actor: 'treasurer',
  })
  expect(await isOut(), 'money lifts no suspension').toBe(true)
  expect(await home()).toContain('Envoi de pourriels')

  await restore(core())({ target: { accountId: ada.account.id }, actor: 'admin' })
  expect(await isOut()).toBe(false)
  expect(await core().store.audit.verify()).toMatchObject({ brokenAt: undefined })
}, 120_000)

test('whoever does not see to the bills is told why, and sees no money', async () => {
  const max = await house.person({ username: 'max', coveredForDays: -60, role: 'user' })
  await setMemberDues(core())({ memberId: max.member!.id, tariff: 'Effectif', payerId: null, actor: 'test' })
  await callDues(core())({ actor: 'test' })
  const { page } = await signInAt(wiki, createBrowser(), house.issuer, 'max', max.password)
  expect([page.status, titleOf(page)]).toEqual([403, 'Votre adhésion est arrivée à échéance'])
  for (const one of [page, await open(house, await browserOf(house, max), '/')])
    expect(read(one)).not.toMatch(/€|\+\+\+|Comment payer/)
})
