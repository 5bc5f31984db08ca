// My dues through the page: what is owed and how to pay it, what was paid, and nothing of anybody else's money.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { formatOgm } from '../../src/domain/references.ts'
import { callDues } from '../../src/usecases/call-dues.ts'
import { recordPayment, reversePayment } from '../../src/usecases/payments.ts'
import { addTariff, setBankAccount, setMemberDues } from '../../src/usecases/tariffs.ts'
import { enter, open, read } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, type PersonInput, startHouse } from '../support/house.ts'

let house: House
const core = () => house.installation.core
beforeAll(async () => {
  house = await startHouse()
  await setBankAccount(core())({ iban: 'BE71 0961 2345 6769', holder: 'Cassiopée ASBL', actor: 'test' })
  const decided = { validFromOn: '2020-01-01', decisionRef: 'AG 2019', actor: 'test' }
  const terms = { period: 'rolling' as const, yearStartsOn: '01-01', months: 12 }
  await addTariff(core())({ ...decided, ...terms, name: 'Effectif', amountCents: 6000 })
  await addTariff(core())({ ...decided, ...terms, name: 'Enfant', amountCents: 1550 })
})
afterAll(() => house.stop())

let count = 0
async function payer(more: Partial<PersonInput> = {}): Promise<Person> {
  const one = await house.person({ username: `payer${++count}`, coveredForDays: 10, ...more })
  await setMemberDues(core())({ memberId: one.member!.id, tariff: 'Effectif', payerId: null, actor: 'test' })
  return one
}
const said = (page: { text: string }): string => read(page).replaceAll(/[\u00a0\u202f]/g, ' ')
async function pageOf({ account, password }: Person, path = '/account/dues') {
  const browser = createBrowser({ language: 'fr' })
  await enter(house, browser, { identifier: account.username, password })
  const page = await open(house, browser, path)
  return { ...page, said: said(page) }
}
const pay = (person: Person, cents: number) =>
  recordPayment(core())({
    payerId: person.member!.id,
    source: 'cash',
    cents,
    valueOn: new Date().toISOString().slice(0, 10),
    actor: 'test',
  })

describe('what is owed', () => {
  let ada: Person
  beforeEach(async () => {
    ada = await payer()
  })

  test('the amount, the account, the reference and the day, and a code of it', async () => {
    await callDues(core())({ actor: 'test' })
    const [call] = await core().store.calls.ofPayer(ada.member!.id)
    const { status, said, text: html } = await pageOf(ada)
    expect(status).toBe(200)
    for (const part of ['60,00 €', 'BE71 0961 2345 6769', 'Cassiopée ASBL', formatOgm(call!.ogm)])
      expect(said).toContain(part)
    expect(html).toMatch(/<div class="qr" role="img" aria-label="[^"]+"><svg/)
  })

  test('of everybody whom one pays for, and not twice of whom is paid for', async () => {
    const child = await payer()
    await setMemberDues(core())({
      memberId: child.member!.id,
      tariff: 'Enfant',
      payerId: ada.member!.id,
      actor: 'test',
    })
    await callDues(core())({ actor: 'test' })
    expect((await pageOf(ada)).said).toContain('75,50 €')
    const { said } = await pageOf(child)
    expect(said).toContain(`La cotisation est payée par ${ada.member!.name}`)
    expect(said).not.toContain('+++')
  })

  test('a part that was paid, then nothing more, and what is over', async () => {
    await callDues(core())({ actor: 'test' })
    await pay(ada, 2000)
    expect((await pageOf(ada)).said).toContain('20,00 € déjà reçus sur 60,00 €')
    await pay(ada, 4500)
    const { said } = await pageOf(ada)
    expect(said).toContain('Rien à payer pour le moment')
    expect(said).toContain('Un solde de 5,00 € reste en votre faveur')
  })
})

describe('receipts', () => {
  test('one for each payment; one that was taken back says so', async () => {
    const ada = await payer()
    const { payment, receipt } = await pay(ada, 6000)
    const number = `Reçu ${receipt.year}-${String(receipt.number).padStart(4, '0')}`
    expect((await pageOf(ada)).said).toContain(number)
    const path = `/account/dues/receipt/${payment.id}`
    expect((await pageOf(ada, path)).said).toMatch(/a bien reçu de .+ la somme de 60,00 €/)
    await reversePayment(core())({ paymentId: payment.id, note: 'erreur', actor: 'test' })
    expect((await pageOf(ada, path)).said).toContain('ce reçu ne vaut plus')
  })

  test.each(['someone else’s', 'one that never was'])('%s is absent', async (whose) => {
    const [ada, bob] = [await payer(), await payer()]
    const { payment } = await pay(bob, 6000)
    const id = whose === 'someone else’s' ? payment.id : crypto.randomUUID()
    expect(await pageOf(ada, `/account/dues/receipt/${id}`)).toMatchObject({ status: 404 })
  })
})

describe('money is nobody else’s business', () => {
  test.each(['admin', 'technical', 'user'] as const)('whoever is only %s of a member sees none of it', async (role) => {
    const one = await payer({ role })
    await callDues(core())({ actor: 'test' })
    const { said } = await pageOf(one)
    expect(said).toContain('il n’y a rien à payer ici')
    expect(said).not.toMatch(/€|\+\+\+|BE71/)
  })

  test('nobody who is not signed in', async () => {
    const page = await createBrowser().fetch(`${house.issuer}/account/dues`)
    expect([page.status, page.location]).toEqual([303, expect.stringContaining('/auth?')])
  })
})
