// What a treasurer does to one membership by hand, through the pages: exemption, another tariff, what was asked for by mistake,
// money that goes back, coming back after leaving, and where somebody stood on a day.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addDays } from '../../src/domain/time.ts'
import type { Member } from '../../src/ports.ts'
import { callDues } from '../../src/usecases/call-dues.ts'
import { recordPayment } from '../../src/usecases/payments.ts'
import { today } from '../../src/usecases/standing.ts'
import { addTariff } from '../../src/usecases/tariffs.ts'
import { browserOf, open, read, send, tokenOf } from '../support/at-home.ts'
import { formsOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'
import { type Treasury, treasury } from '../support/treasury.ts'

let house: House
let money: StaffMember
let admin: StaffMember
let books: Treasury
let day: string
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse()
  books = await treasury(house)
  await addTariff(core())({
    name: 'Soutien',
    period: 'rolling',
    yearStartsOn: '01-01',
    months: 12,
    amountCents: 12_000,
    validFromOn: '2020-01-01',
    decisionRef: 'AG 2019',
    actor: 'test',
  })
  money = await staffMember(house, 'money', 'treasurer')
  admin = await staffMember(house, 'boss', 'admin')
  day = await today(core())
})
afterAll(() => house.stop())

type Payer = Person & { member: Member }
const at = (path: string, who = money): Promise<Reply> => open(house, who.browser, path)
const act = async (path: string, fields: Record<string, string>, who = money): Promise<Reply> =>
  send(house, who.browser, await at(path, who), fields)
const pathOf = ({ member }: Payer, more = ''): string => `/admin/members/${member.id}${more}`
const standing = async ({ member }: Payer) => (await core().store.standings.get(member.id))!.standing
const terms = ({ member }: Payer) => core().store.standings.terms(member.id)
/** The term that was called. */
const called = async (who: Payer) => (await terms(who)).find(({ source }) => source === 'call')!
const pay = (who: Payer, cents: number, valueOn = day) =>
  recordPayment(core())({ payerId: who.member.id, source: 'cash', cents, valueOn, actor: 'test' })
async function inOrder(): Promise<Payer> {
  const who = await books.payer()
  await pay(who, 6000)
  return who
}

describe('exemption', () => {
  test('given with a reason, read in the history, and ended early', async () => {
    const zoe = await books.payer()
    const refused = await act(pathOf(zoe, '/exempt'), { fromOn: day, untilOn: '', reason: 'membre d’honneur' })
    expect([refused.status, read(refused)]).toEqual([
      409,
      expect.stringMatching(/La période qui commence le \d.* n’est pas payée/),
    ])
    const term = await called(zoe)
    await act(pathOf(zoe, `/terms/${term.id}`), { reason: 'décision de l’AG' })
    const done = await act(pathOf(zoe, '/exempt'), { fromOn: day, untilOn: '', reason: 'membre d’<b>honneur' })
    expect([read(done), await standing(zoe)]).toEqual([expect.stringContaining('C’est noté.'), 'current'])
    const text = read(done)
    for (const part of ['Exemptée membre d’<b>honneur', 'Périodes annulées', 'décision de l’AG money', 'term.exempted'])
      expect(text).toContain(part)
    expect(done.text).not.toContain('<b>honneur')
    const free = (await terms(zoe)).find(({ exempt }) => exempt)!
    const end = pathOf(zoe, `/terms/${free.id}`)
    const wrong = await act(end, { lastOn: '2001-01-01', reason: 'x' })
    expect([wrong.status, wrong.text.includes('id="lastOn-wrong"')]).toEqual([422, true])
    const ended = await act(end, { lastOn: addDays(day, -1), reason: 'erreur' })
    expect([read(ended), await standing(zoe)]).toEqual([expect.stringContaining('Périodes annulées'), 'lapsed'])
    expect((await at(end)).status).toBe(404)
  })

  test.each([
    [{ reason: ' ' }, 'reason'],
    [{ fromOn: '2026-02-30' }, 'fromOn'],
    [{ untilOn: '2001-01-01' }, 'untilOn'],
  ])('%o is refused at its field', async (fields, field) => {
    const zoe = await books.payer()
    const page = await act(pathOf(zoe, '/exempt'), { fromOn: day, untilOn: '', reason: 'x', ...fields })
    expect([page.status, page.text.includes(`id="${field}-wrong"`)]).toEqual([422, true])
  })
})

describe('another tariff', () => {
  const preview = (who: Payer, fromOn: string, tariff = 'Soutien') =>
    at(pathOf(who, `/tariff?tariff=${tariff}&fromOn=${fromOn}`))
  /** The form that does it: the other one only shows. */
  async function confirm(page: Reply, more: Record<string, string> = {}): Promise<Reply> {
    const { fields } = formsOf(page).find((form) => form.fields.key)!
    const { call, ...rest } = { ...fields, ...more }
    const reply = await money.browser.fetch(page.url, { form: { ...rest, ...(call === 'yes' && { call }) } })
    return reply.location ? open(house, money.browser, new URL(reply.location, page.url).pathname) : reply
  }

  test('the amounts first, nothing written; then just that, and a call for the difference', async () => {
    const zoe = await inOrder()
    const { startOn } = await called(zoe)
    const page = await preview(zoe, startOn)
    const text = read(page)
    expect(text).toContain('Reste à payer 60,00 €')
    expect(text).toContain('Tant que la différence n’est pas payée')
    expect(await terms(zoe)).toHaveLength(2)
    await confirm(page, { call: 'yes' })
    expect((await terms(zoe)).at(-1)).toMatchObject({ dueCents: 12_000, paidCents: 6000, source: 'tariff' })
    expect((await core().store.calls.ofPayer(zoe.member.id))[0]!.lines).toMatchObject([{ cents: 6000 }])
    await pay(zoe, 6000)
    expect(await standing(zoe)).toBe('current')
    expect(read(await at(pathOf(zoe)))).toContain('Effectif → Soutien')
  })

  test('what happened since it was shown is told, and what cannot be done is said in words', async () => {
    const zoe = await inOrder()
    const { startOn } = await called(zoe)
    const page = await preview(zoe, startOn)
    await pay(zoe, 500)
    const late = await confirm(page)
    expect([late.status, read(late)]).toEqual([409, expect.stringContaining('changé entre-temps')])
    expect(read(late), 'with the amounts as they are now').toContain('Reste à payer 55,00 €')
    expect(read(await preview(zoe, '2001-01-01'))).toContain(
      'Aucune période qui a un tarif et une fin ne court ce jour-là',
    )
    for (const [fromOn, tariff] of [
      ['soon', 'Soutien'],
      [startOn, 'Effectif'],
      [startOn, '<i>'],
    ] as const) {
      const refused = await preview(zoe, fromOn, encodeURIComponent(tariff))
      expect([refused.status, refused.text.includes('role="alert"'), refused.text.includes('<i>')]).toEqual([
        200,
        true,
        false,
      ])
    }
  })
})

describe('asked for by mistake', () => {
  test('a call: cancelled with what is open of it, and asked no more without a tariff', async () => {
    const zoe = await books.payer()
    await pay(zoe, 1500)
    const [call] = await core().store.calls.ofPayer(zoe.member.id)
    const path = pathOf(zoe, `/calls/${call!.id}`)
    expect((await act(path, { reason: '' })).status).toBe(422)
    const done = await act(path, { reason: 'parti', withoutTariff: 'yes' })
    const text = read(done)
    for (const part of ['annulé', 'Solde en sa faveur 15,00 €', 'aucun : rien ne lui est demandé'])
      expect(text).toContain(part)
    await callDues(core())({ actor: 'test' })
    expect(await called(zoe)).toBeUndefined()
    const again = await money.browser.fetch(house.issuer + path, {
      form: { csrf: tokenOf(await at(pathOf(zoe, '/dues'))), reason: 'x' },
    })
    expect(again.status).toBe(409)
  })

  test('a term or a call of somebody else is not here', async () => {
    const [zoe, max] = [await books.payer(), await books.payer()]
    const term = await called(max)
    const [call] = await core().store.calls.ofPayer(max.member.id)
    for (const path of [`/terms/${term.id}`, `/calls/${call!.id}`])
      expect((await at(pathOf(zoe, path))).status).toBe(404)
  })
})

describe('money that goes back', () => {
  test('a part, then the rest; the member reads it, and the receipt says so', async () => {
    const zoe = await inOrder()
    const [payment] = await core().store.payments.ofPayer(zoe.member.id)
    const path = `/admin/dues/payments/${payment!.id}`
    expect(read(await at(path))).toContain('Rembourser')
    const refund = await at(`${path}/refund`)
    expect(read(refund)).toContain('Peut encore être rendu 60,00 €')
    for (const [fields, field] of [
      [{ cents: '60,01' }, 'cents'],
      [{ cents: 'tout' }, 'cents'],
      [{ valueOn: '2001-01-01' }, 'valueOn'],
      [{ note: ' ' }, 'note'],
    ] as const) {
      const wrong = await act(`${path}/refund`, { cents: '20', note: 'x', ...fields })
      expect([field, wrong.status, wrong.text.includes(`id="${field}-wrong"`)]).toEqual([field, 422, true])
    }
    const fields = { cents: '20', valueOn: day, note: 'trop payé' }
    const sent = await Promise.all([1, 2].map(() => send(house, money.browser, refund, fields)))
    expect(sent.map(({ status }) => status).toSorted()).toEqual([200, 409])
    expect([await standing(zoe), read(await at(path))]).toEqual([
      'lapsed',
      expect.stringContaining('Déjà rendu 20,00 €'),
    ])
    expect(read(await at(pathOf(zoe)))).toContain('remboursement')
    const browser = await browserOf(house, zoe)
    expect(read(await open(house, browser, '/account/dues'))).toMatch(/remboursement -20,00 €/)
    const receipt = await open(house, browser, `/account/dues/receipt/${payment!.id}`)
    expect(read(receipt)).toContain('De ce paiement, 20,00 € ont été rendus.')
    await act(`${path}/refund`, { cents: '40', note: 'le reste' })
    expect(read(await at(path))).toContain('annulé')
    expect(read(await open(house, browser, `/account/dues/receipt/${payment!.id}`))).toContain('ce reçu ne vaut plus')
  })

  test('a refund that did not take place is taken back', async () => {
    const zoe = await inOrder()
    const [payment] = await core().store.payments.ofPayer(zoe.member.id)
    await act(`/admin/dues/payments/${payment!.id}/refund`, { cents: '20', note: 'trop payé' })
    const row = (await core().store.payments.ofPayer(zoe.member.id)).find(({ refundsId }) => refundsId === payment!.id)
    const path = `/admin/dues/payments/${row!.id}`
    expect(read(await at(path))).toContain('Ce remboursement n’a pas eu lieu')
    await act(path, { note: 'refusé par la banque' })
    expect(await standing(zoe)).toBe('current')
  })

  test('a debit that bounced, with the bank’s date', async () => {
    const zoe = await books.payer()
    const { payment } = await pay(zoe, 6000, addDays(day, -10))
    await act(`/admin/dues/payments/${payment.id}`, { note: 'domiciliation refusée', valueOn: addDays(day, -3) })
    const [back] = await core().store.payments.ofPayer(zoe.member.id)
    expect([back!.valueOn, back!.cents, await standing(zoe)]).toEqual([addDays(day, -3), -6000, 'lapsed'])
    const known = (on: string) => at(pathOf(zoe, `/standing-on?on=${addDays(day, Number(on))}&known=${day}`)).then(read)
    expect(await known('-11')).toMatch(/D’après les livres.*Adhésion échue/)
    expect(await known('-1')).toMatch(/Adhésion échue/)
  })
})

test('a member that left, came back by a page, was called and paid, is in order', async () => {
  const zoe = await books.payer()
  await act(pathOf(zoe, '/event'), { kind: 'resigned', on: '', note: '' }, admin)
  expect(await standing(zoe)).toBe('closed')
  await pay(zoe, 6000)
  expect(await standing(zoe), 'money revives nothing').toBe('closed')
  house.clock.advance(10)
  await act(pathOf(zoe, '/event'), { kind: 'readmitted', on: '', note: 'AG' }, admin)
  expect(await standing(zoe)).toBe('current')
  const max = await house.person({ username: 'gone', coveredForDays: -300 })
  const gone = { ...max, member: max.member! }
  for (const kind of ['expelled', 'readmitted']) {
    await act(pathOf(gone, '/event'), { kind, on: '', note: '' }, admin)
    house.clock.advance(10)
  }
  await act(pathOf(gone, '/dues'), { tariff: 'Effectif', payer: '' })
  await send(house, money.browser, await at('/admin/dues/call?within=30'), {})
  await pay(gone, 6000)
  expect(await standing(gone)).toBe('current')
})

describe('where somebody stood', () => {
  test('on a day, as known on the evening of another; asked from the history', async () => {
    const zoe = await books.payer()
    await pay(zoe, 6000, addDays(day, -5))
    const page = await at(pathOf(zoe))
    const form = formsOf(page).find(({ action }) => action.includes('/standing-on'))
    expect(form!.fields).toMatchObject({ on: day, known: day })
    const said = async (on: string, known: string) =>
      read(await at(pathOf(zoe, `/standing-on?on=${on}&known=${known}`)))
    expect(await said(day, day)).toContain('En ordre de cotisation')
    expect(await said(addDays(day, -1), day), 'the term begins with its call').toContain('Adhésion échue')
    expect(await said(day, addDays(day, -1)), 'nobody knew of it').toContain('En attente de la première cotisation')
    expect((await at(pathOf(zoe, '/standing-on?on=x&known=<script>'))).status).toBe(200)
  })
})
