// The treasurer's desk through its pages: what waits and is owed, whose a line is, payments by hand and taken back, what
// was decided, calls, reminders, and the part of a member's page about its dues.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { BankLineRecord } from '../../src/ports.ts'
import { changeMember } from '../../src/usecases/change-member.ts'
import { importStatement } from '../../src/usecases/import-statement.ts'
import { today } from '../../src/usecases/standing.ts'
import { addTariff, setMemberDues } from '../../src/usecases/tariffs.ts'
import type { Payment } from '../statements/printers.ts'
import { open, read, send, titleOf, tokenOf } from '../support/at-home.ts'
import type { Reply } from '../support/browser-jar.ts'
import { type House, startHouse } from '../support/house.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'
import { IBAN, type Treasury, treasury } from '../support/treasury.ts'

let house: House
let money: StaffMember
let second: StaffMember
let books: Treasury
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse()
  books = await treasury(house)
  money = await staffMember(house, 'money', 'treasurer')
  second = await staffMember(house, 'second', 'treasurer')
})
afterAll(() => house.stop())

const at = (path: string, who = money): Promise<Reply> => open(house, who.browser, path)
const said = async (path: string): Promise<string> => read(await at(path))
const act = async (path: string, fields: Record<string, string>, who = money): Promise<Reply> =>
  send(house, who.browser, await at(path, who), fields)
const organisationId = async () => (await core().store.organisations.all())[0]!.id
const standing = async ({ member }: { member: { id: string } }) =>
  (await core().store.standings.get(member.id))?.standing
const paymentsOf = ({ member }: { member: { id: string } }) => core().store.payments.ofPayer(member.id)

/** A line of the bank that waits. */
async function waiting(more: Partial<Payment>): Promise<BankLineRecord> {
  const importer = importStatement(core())
  const plan = await importer.plan(books.statement([books.line(more)]), { name: 'x.xml' })
  await importer.apply(plan, { actor: 'test' })
  const lines = await core().store.bank.lines({ organisationId: await organisationId(), state: 'new' })
  return lines.find(({ dedupeKey }) => dedupeKey === plan.lines[0]!.line.dedupeKey)!
}

describe('the inbox', () => {
  test('suggests who it is, already chosen; saying so brings the member back', async () => {
    const zoe = await books.payer()
    const line = await waiting({ name: zoe.member.name.toUpperCase() })
    const inbox = await at('/admin/dues/inbox')
    expect(read(inbox)).toContain(`${zoe.member.name} par le nom`)
    expect(await said('/admin/dues')).toMatch(/attendent que vous disiez de qui elles sont : \d+/)
    const page = await at(`/admin/dues/inbox/${line.id}`)
    expect(page.text).toMatch(new RegExp(`value="${zoe.member.id}" required checked`))
    expect(read(page)).toMatch(/doit 60,00 € · proposé/)
    const done = await send(house, money.browser, page, { payer: zoe.member.id, act: 'match' })
    expect([titleOf(done), await standing(zoe)]).toEqual(['Boîte d’attente', 'current'])
    expect(done.text).not.toContain(line.id)
  })

  test('anybody is found by number or name; nobody chosen is said at the field', async () => {
    const zoe = await books.payer()
    const line = await waiting({ name: 'TANTE' })
    const path = `/admin/dues/inbox/${line.id}`
    expect(await said(path)).toContain('Cherchez un membre')
    const found = await at(`${path}?text=${zoe.member.memberNumber}`)
    const form = { csrf: tokenOf(found), act: 'match' }
    const none = await money.browser.fetch(found.url, { form })
    expect([none.status, none.text.includes('id="payer-wrong"')]).toEqual([422, true])
    for (const payer of ['nobody', crypto.randomUUID(), "' or 1=1 --"]) {
      const wrong = await money.browser.fetch(found.url, { form: { ...form, payer } })
      expect([payer, wrong.status]).toEqual([payer, 404])
    }
    await money.browser.fetch(found.url, { form: { ...form, payer: zoe.member.id } })
    expect(await standing(zoe)).toBe('current')
  })

  test('of two treasurers the second is told plainly who it is, and loses nothing', async () => {
    const [zoe, max] = [await books.payer(), await books.payer()]
    const line = await waiting({ name: 'TANTE' })
    const path = `/admin/dues/inbox/${line.id}`
    const [one, other] = [
      await at(`${path}?payer=${zoe.member.id}`),
      await at(`${path}?payer=${max.member.id}`, second),
    ]
    await send(house, money.browser, one, { payer: zoe.member.id, act: 'match' })
    const late = await send(house, second.browser, other, { payer: max.member.id, act: 'match' })
    expect([late.status, read(late)]).toEqual([409, expect.stringContaining('Cela a déjà été fait')])
    expect(read(late)).toContain(`c’est un paiement de ${zoe.member.name}`)
    expect([await standing(zoe), await standing(max)]).toEqual(['current', 'lapsed'])
    const ignored = await second.browser.fetch(other.url, { form: { csrf: tokenOf(other), act: 'ignore', note: 'x' } })
    expect(ignored.status).toBe(409)
  })

  test('what has nothing to do with dues is put aside with a note; money that left is nobody’s', async () => {
    const line = await waiting({ cents: -900, name: 'LOYER' })
    const path = `/admin/dues/inbox/${line.id}`
    const page = await at(path)
    expect(read(page)).toContain('Cet argent est sorti du compte')
    expect((await act(path, { note: ' ', act: 'ignore' })).status).toBe(422)
    const zoe = await books.payer()
    const forced = await money.browser.fetch(page.url, {
      form: { csrf: tokenOf(page), act: 'match', payer: zoe.member.id },
    })
    expect([forced.status, await standing(zoe)]).toEqual([422, 'lapsed'])
    await act(path, { note: 'loyer du <b>local</b>', act: 'ignore' })
    const settled = await at(path)
    expect(read(settled)).toContain('Quelqu’un a déjà mis cette ligne de côté. loyer du <b>local</b>')
    expect(settled.text).not.toContain('<b>local')
  })

  test.each(['nobody', crypto.randomUUID(), '%27'])('no such line: %s', async (id) => {
    expect((await at(`/admin/dues/inbox/${id}`)).status).toBe(404)
  })
})

describe('payments', () => {
  const NEW = '/admin/dues/payments/new'

  test('one by hand, found by its payer, taken back with a reason', async () => {
    const zoe = await books.payer()
    const day = await today(core())
    const form = { cents: '60,00', source: 'cash', valueOn: day, note: 'au bureau' }
    const done = await act(`${NEW}?payer=${zoe.member.id}`, { ...form, payer: zoe.member.id })
    expect([read(done), await standing(zoe)]).toEqual([expect.stringContaining('C’est noté.'), 'current'])
    const [payment] = await paymentsOf(zoe)
    expect(payment).toMatchObject({ cents: 6000, source: 'cash', valueOn: day, note: 'au bureau' })
    const list = await at(`/admin/dues/payments?text=${zoe.member.memberNumber}`)
    expect(read(list)).toMatch(/60,00 € espèces Reçu \d{4}-\d{4}/)
    const path = `/admin/dues/payments/${payment!.id}`
    expect(await said(path)).toContain('au bureau')
    expect((await act(path, { note: '' })).status).toBe(422)
    await act(path, { note: 'chèque sans provision' })
    expect(await standing(zoe)).toBe('lapsed')
    expect(await said(path)).toContain('annulé')
    const csrf = tokenOf(await at(`${NEW}?payer=${zoe.member.id}`))
    const twice = await money.browser.fetch(house.issuer + path, { form: { csrf, note: 'encore' } })
    expect([twice.status, (await paymentsOf(zoe)).length]).toEqual([409, 2])
  })

  test('a form that is sent twice records once', async () => {
    const zoe = await books.payer()
    const page = await at(`${NEW}?payer=${zoe.member.id}`)
    const fields = { payer: zoe.member.id, cents: '60', source: 'card', note: '' }
    const replies = await Promise.all([1, 2, 3].map(() => send(house, money.browser, page, fields)))
    expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 409, 409])
    expect(await paymentsOf(zoe)).toHaveLength(1)
  })

  test.each([
    [{ cents: '0' }, 'cents'],
    [{ cents: '-5' }, 'cents'],
    [{ cents: '1.234' }, 'cents'],
    [{ cents: '60 000 000' }, 'cents'],
    [{ valueOn: '2026-02-30' }, 'valueOn'],
    [{ valueOn: '2199-01-01' }, 'valueOn'],
    [{ note: 'x'.repeat(501) }, 'note'],
    [{ payer: 'nobody' }, 'payer'],
    [{ source: 'bribe' }, undefined],
    [{ id: '../x' }, undefined],
  ] as [Record<string, string>, string | undefined][])('%o is refused at its field', async (fields, field) => {
    const zoe = await books.payer()
    const all = { payer: zoe.member.id, cents: '60', source: 'cash', note: '', ...fields }
    const page = await act(`${NEW}?payer=${zoe.member.id}`, all)
    expect([404, 422]).toContain(page.status)
    if (field) expect(page.text).toContain(`id="${field}-wrong"`)
    expect(await paymentsOf(zoe)).toEqual([])
  })
})

describe('the overview', () => {
  test('money that came and is expected, standings, who has no tariff, whom reminders did not reach', async () => {
    const lost = await books.payer({ email: null, role: 'user', coveredForDays: 7 })
    await house.person({ username: 'loose', coveredForDays: 3 })
    await act('/admin/dues/remind', {})
    const page = await at('/admin/dues')
    const text = read(page)
    expect(text).toMatch(/Argent de \d{4} Reçu : [\d, ]+ €\. Encore attendu : [\d, ]+ €\./)
    expect(text).toMatch(/Membres sans tarif, à qui rien n’est demandé : \d+/)
    expect(text).toMatch(new RegExp(`Rappels qui n’ont joint personne.*${lost.member.name}.*pas d’adresse`))
    expect(page.text).toMatch(/<svg class="bar good"[^>]*aria-hidden="true"/)
    expect(page.text).not.toContain('style=')
    const without = await said('/admin/members?tariff=none')
    expect([without.includes('Loose'), without.includes(lost.member.name)]).toEqual([true, false])
  })

  test('who stands where and owes what, as CSV that no spreadsheet runs', async () => {
    const zoe = await books.payer()
    await changeMember(core())({
      memberId: zoe.member.id,
      name: '=HYPERLINK("http://evil")',
      email: null,
      locale: 'fr',
      actor: 'test',
    })
    const file = await money.browser.fetch(`${house.issuer}/admin/dues/export`)
    expect(file.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': 'attachment; filename="dues.csv"',
    })
    const row = file.text.split('\r\n').find((one) => one.includes(zoe.member.memberNumber))
    expect(row).toMatch(
      /^"M-payer\d+","'=HYPERLINK\(""http:\/\/evil""\)","","lapsed","\d{4}-\d\d-\d\d","Effectif","","60\.00"$/,
    )
    const [entry] = await core().store.audit.list({ action: 'dues.exported' })
    expect(entry!.actor).toBe(money.person.account.id)
  })
})

describe('what was decided', () => {
  const TARIFFS = '/admin/dues/tariffs'
  const decided = { validFromOn: '2030-01-01', decidedOn: '2026-03-01', decisionRef: 'AG 2026, point 4' }

  test('a tariff is added with its decision, and its next version beside it', async () => {
    const fields = {
      name: 'Étudiant',
      amountCents: '25,50',
      period: 'year',
      yearStartsOn: '09-01',
      months: '12',
      ...decided,
    }
    const page = await act(`${TARIFFS}/new`, fields)
    const text = read(page)
    for (const part of ['Étudiant 25,50 € l’année de l’association, dès le 01/09', 'AG 2026, point 4 (1er mars 2026)'])
      expect(text).toContain(part)
    expect((await act(`${TARIFFS}/new`, fields)).status).toBe(409)
    await act(`${TARIFFS}/new`, { ...fields, amountCents: '30', validFromOn: '2031-01-01' })
    const all = await core().store.dues.tariffs(await organisationId())
    expect(all.filter(({ name }) => name === 'Étudiant').map(({ amountCents }) => amountCents)).toEqual([2550, 3000])
  })

  test.each([
    ['new', { name: ' ' }, 'name'],
    ['new', { amountCents: 'beaucoup' }, 'amountCents'],
    ['new', { months: '0' }, 'months'],
    ['new', { yearStartsOn: '02-31' }, 'yearStartsOn'],
    ['new', { decisionRef: '' }, 'decisionRef'],
    ['rules', { graceDays: '-1' }, 'graceDays'],
    ['rules', { reminderDays: '30; soon' }, 'reminderDays'],
    ['rules', { toleranceCents: '99' }, 'toleranceCents'],
    ['account', { iban: 'BE00 1234' }, 'iban'],
    ['account', { holder: '' }, 'holder'],
    ['account', { bic: 'x' }, 'bic'],
  ] as [string, Record<string, string>, string][])('%s %o is refused at its field', async (path, fields, field) => {
    const whole = { name: 'X', amountCents: '1', months: '12', yearStartsOn: '01-01', ...decided, ...fields }
    const page = await act(`${TARIFFS}/${path}`, whole)
    expect([page.status, page.text.includes(`id="${field}-wrong"`)]).toEqual([422, true])
  })

  test('rules and the account', async () => {
    const page = await act(`${TARIFFS}/rules`, {
      graceDays: '45',
      lateRenewal: 'continue',
      lateContinueDays: '100',
      toleranceCents: '1,5',
      reminderDays: '7, -15,7',
      ...decided,
    })
    expect(read(page)).toContain('45 jours à partir de la fin de la couverture 1,50 € -15, 7')
    const account = await act(`${TARIFFS}/account`, {
      iban: 'be71 0961 2345 6769',
      holder: 'Cassiopée',
      bic: 'gkccbebb',
    })
    expect(read(account)).toContain('BE71 0961 2345 6769')
    expect(await core().store.dues.account(await organisationId())).toMatchObject({ iban: IBAN, bic: 'GKCCBEBB' })
  })
})

describe('calling', () => {
  beforeEach(() => books.payer({ coveredForDays: 5 }))

  test('first says how many and how much, then calls just those, and nobody twice', async () => {
    const zoe = await house.person({ username: `soon${crypto.randomUUID().slice(0, 6)}`, coveredForDays: 200 })
    await setMemberDues(core())({ memberId: zoe.member!.id, tariff: 'Effectif', payerId: null, actor: 'test' })
    expect(await said('/admin/dues/call')).toContain('Personne n’est à appeler')
    const plan = await at('/admin/dues/call?within=250')
    const [, members, sum] = /Membres à appeler (\d+) .*Montant en tout ([\d ,]+) €/.exec(read(plan))!
    expect(Number(members)).toBeGreaterThan(0)
    expect(sum).toBe((Number(members) * 60).toLocaleString('fr-BE', { minimumFractionDigits: 2 }).replace(/\s/g, ' '))
    expect(await core().store.calls.ofPayer(zoe.member!.id)).toEqual([])
    const done = await send(house, money.browser, plan, {})
    expect(read(done)).toContain(`Membres appelés ${members} Appels faits ${members}`)
    expect(await core().store.calls.ofPayer(zoe.member!.id)).toHaveLength(1)
    expect(await said('/admin/dues/call?within=250')).toContain('Personne n’est à appeler')
  })

  test.each(['-1', '1e9', 'x', '999'])('within %s days is the usual month', async (within) => {
    expect((await at(`/admin/dues/call?within=${within}`)).text).toContain('value="30"')
  })

  test('reminders leave now, and nobody gets two', async () => {
    const before = house.letters().length
    expect(await said('/admin/dues/remind')).toContain('personne n’en reçoit deux')
    const zoe = await books.payer({ coveredForDays: 7 })
    const first = read(await act('/admin/dues/remind', {}))
    expect(Number(/Envoyés (\d+)/.exec(first)![1])).toBeGreaterThan(0)
    const mine = () => house.letters().filter(({ to }) => to.includes(zoe.account.email!)).length
    expect([mine(), house.letters().length > before]).toEqual([1, true])
    expect(read(await act('/admin/dues/remind', {}))).toContain('Envoyés 0')
    expect(mine()).toBe(1)
  })
})

describe('a member’s page', () => {
  test('shows tariff, payer, terms, payments, calls and reminders to the treasurer, and none of it to the helper', async () => {
    const helper = await staffMember(house, 'helper', 'helper')
    const [zoe, child] = [await books.payer(), await books.payer()]
    const paid = { payer: zoe.member.id, cents: '20', source: 'cash', note: '' }
    await act(`/admin/dues/payments/new?payer=${zoe.member.id}`, paid)
    await setMemberDues(core())({
      memberId: child.member.id,
      tariff: 'Effectif',
      payerId: zoe.member.id,
      actor: 'test',
    })
    const text = await said(`/admin/members/${zoe.member.id}`)
    for (const part of [
      'Tarif Effectif',
      `Paie aussi pour ${child.member.name}`,
      '40,00 € à payer',
      '+++',
      '20,00 € espèces',
      'Appels',
    ])
      expect(text).toContain(part)
    expect(await said(`/admin/members/${child.member.id}`)).toContain(`Payé par ${zoe.member.name}`)
    const page = await open(house, helper.browser, `/admin/members/${zoe.member.id}`)
    expect([page.status, /€|\+\+\+|\/dues/.test(page.text)]).toEqual([200, false])
  })

  test('tariff and payer are changed, and refused in words', async () => {
    const [zoe, max] = [await books.payer(), await books.payer()]
    await addTariff(core())({
      name: '<i>Petit</i>',
      period: 'life',
      yearStartsOn: '01-01',
      months: 12,
      amountCents: 1,
      validFromOn: '2020-01-01',
      decisionRef: 'AG',
      actor: 'test',
    })
    const path = `/admin/members/${zoe.member.id}/dues`
    const page = await act(path, { tariff: '<i>Petit</i>', payer: max.member.memberNumber })
    expect(page.text).not.toContain('<i>Petit')
    expect(await core().store.dues.member(zoe.member.id)).toMatchObject({
      tariff: '<i>Petit</i>',
      payerId: max.member.id,
    })
    for (const [fields, status] of [
      [{ payer: 'M-nobody' }, 404],
      [{ tariff: 'none such' }, 404],
    ] as const)
      expect((await act(path, fields)).status).toBe(status)
    const loop = await act(`/admin/members/${max.member.id}/dues`, {
      tariff: 'Effectif',
      payer: zoe.member.memberNumber,
    })
    expect([loop.status, loop.text.includes('id="payer-wrong"')]).toEqual([422, true])
    await act(path, { tariff: '', payer: '' })
    expect(await core().store.dues.member(zoe.member.id)).toMatchObject({ tariff: null, payerId: null })
  })

  test('a payment or a line of another organisation is not here', async () => {
    const other = { ...(await core().store.organisations.all())[0]!, id: crypto.randomUUID(), name: 'Une autre' }
    await core().store.organisations.add({ ...other, createdAt: other.createdAt + 1 })
    const member = (await core().store.members.list({ limit: 1 }))[0]!
    const { standing: _s, coveredUntilOn: _c, ...plain } = member
    const stranger = { ...plain, id: crypto.randomUUID(), organisationId: other.id, memberNumber: 'O-1' }
    await core().store.members.add(stranger)
    const line = await waiting({ name: 'TANTE' })
    const page = await at(`/admin/dues/inbox/${line.id}?payer=${stranger.id}&text=O-1`)
    expect(page.text).not.toContain(`value="${stranger.id}"`)
    const csrf = tokenOf(page)
    const forced = await money.browser.fetch(page.url, { form: { csrf, act: 'match', payer: stranger.id } })
    expect(forced.status).toBe(404)
    const paid = await act(`/admin/dues/payments/new?payer=${(await books.payer()).member.id}`, {
      payer: stranger.id,
      cents: '5',
      source: 'cash',
      note: '',
    })
    expect([paid.status, await core().store.payments.ofPayer(stranger.id)]).toEqual([404, []])
  })
})
