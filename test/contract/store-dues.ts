// The store's contract: what the assembly decided, calls, payments and where they went, bank lines, reminders.
import { beforeEach, describe, expect, test } from 'vitest'
import type { Member, Store } from '../../src/ports.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

export function storeDues(opened: Opened): void {
  let store: Store
  let payer: Member
  let organisationId: string
  beforeEach(async () => {
    store = opened.store
    payer = (await make.people(store)).member
    organisationId = payer.organisationId
  })

  describe('what was decided', () => {
    test('tariffs and rules: every version, the oldest first; one of a day and name', async () => {
      const { dues } = store
      const newer = make.tariff(organisationId, { validFromOn: '2027-01-01', amountCents: 7000, period: 'rolling' })
      const older = make.tariff(organisationId, { decidedOn: null })
      await dues.addTariff(newer)
      await dues.addTariff(older)
      expect(await dues.tariffs(organisationId)).toEqual([older, newer])
      await expect(dues.addTariff({ ...older, id: make.id() })).rejects.toMatchObject({ code: 'conflict' })
      const rules = make.rules(organisationId, { reminderDays: [-30, -7, 0, 15, 30] })
      await dues.addRules(rules)
      expect(await dues.rules(organisationId)).toEqual([rules])
      await expect(dues.addRules({ ...rules, id: make.id() })).rejects.toMatchObject({ code: 'conflict' })
      expect([await dues.tariffs(make.id()), await dues.rules(make.id())]).toEqual([[], []])
    })

    test('the account on which dues are paid, kept and changed', async () => {
      expect(await store.dues.account(organisationId)).toBeUndefined()
      const account = { organisationId, iban: 'BE71096123456769', holder: 'Cassiopée ASBL', bic: null }
      await store.dues.setAccount(account)
      await store.dues.setAccount({ ...account, bic: 'GKCCBEBB' })
      expect(await store.dues.account(organisationId)).toEqual({ ...account, bic: 'GKCCBEBB' })
    })

    test('who pays for whom: everybody for oneself, until another one does', async () => {
      const [child, grown] = [make.member(organisationId), make.member(organisationId)]
      for (const member of [child, grown]) await store.members.add(member)
      await store.dues.setMember({ memberId: child.id, tariff: 'Enfant', payerId: payer.id })
      await store.dues.setMember({ memberId: grown.id, tariff: 'Effectif', payerId: payer.id })
      const paidBy = async (id: string) => (await store.dues.paidBy(id)).map((member) => member.id).toSorted()
      expect(await paidBy(payer.id)).toEqual([payer.id, child.id, grown.id].toSorted())
      expect(await paidBy(child.id)).toEqual([])
      await store.dues.setMember({ memberId: grown.id, tariff: 'Effectif', payerId: null })
      expect(await store.dues.member(grown.id)).toEqual({ memberId: grown.id, tariff: 'Effectif', payerId: null })
      expect([await paidBy(payer.id), await paidBy(grown.id)]).toEqual([[payer.id, child.id].toSorted(), [grown.id]])
      for (const miss of make.nearMisses(child.id)) expect(await store.dues.member(miss)).toBeUndefined()
    })
  })

  test('calls: found by their reference, with their lines, also when they are cancelled', async () => {
    const term = make.term(payer.id)
    await store.standings.addTerm(term)
    const [first, second] = [make.call(payer), make.call(payer, { createdAt: make.NOW + 1 })]
    const line = { callId: first.id, termId: term.id, cents: 6000 }
    expect(await store.calls.add(first, [line])).toBe(true)
    expect(await store.calls.add(second, [])).toBe(true)
    expect(await store.calls.add(make.call(payer, { ogm: first.ogm }), [])).toBe(false)
    expect(await store.calls.byOgm(first.ogm)).toEqual(first)
    for (const miss of make.nearMisses(first.ogm)) expect(await store.calls.byOgm(miss)).toBeUndefined()
    await store.calls.cancel(first.id, 7)
    await store.calls.cancel(first.id, 9)
    expect(await store.calls.ofPayer(payer.id)).toEqual([
      { ...second, lines: [] },
      { ...first, cancelledAt: 7, lines: [line] },
    ])
  })

  describe('payments', () => {
    test('what was paid on a term is what was put on it less what was taken back', async () => {
      const term = make.term(payer.id)
      await store.standings.addTerm(term)
      const paid = async () => (await store.standings.terms(payer.id))[0]!.paidCents
      const [half, rest] = [make.payment(payer, { cents: 2500 }), make.payment(payer, { cents: 4000 })]
      await store.payments.add(half, [make.allocation(half.id, term.id, 2500)])
      await store.payments.add(rest, [])
      expect(await paid()).toBe(2500)
      await store.payments.allocate([make.allocation(rest.id, term.id, 3500)])
      expect(await paid()).toBe(6000)
      expect((await store.standings.facts(payer.id)).terms).toMatchObject([{ dueCents: 6000, paidCents: 6000 }])
      const back = make.payment(payer, { cents: -2500, reversesId: half.id, valueOn: '2026-02-01' })
      await store.payments.add(back, [make.allocation(back.id, term.id, -2500)])
      expect(await paid()).toBe(3500)
      const found = await store.payments.ofPayer(payer.id)
      expect(found[0]).toMatchObject({ id: back.id, reversed: false, allocations: [{ cents: -2500 }] })
      expect(await store.payments.get(half.id)).toMatchObject({ ...half, reversed: true })
      await expect(
        store.payments.add(make.payment(payer, { cents: -2500, reversesId: half.id }), []),
        'a payment is taken back once',
      ).rejects.toMatchObject({ code: 'conflict' })
      expect(await store.payments.get(make.id())).toBeUndefined()
    })

    test('receipts are numbered without a gap in each year, one for a payment', async () => {
      const issue = async (year: number) => {
        const payment = make.payment(payer)
        await store.payments.add(payment, [])
        return store.payments.addReceipt({ organisationId, year, paymentId: payment.id, issuedOn: `${year}-03-01` })
      }
      const numbers = [await issue(2026), await issue(2026), await issue(2027), await issue(2026)]
      expect(numbers.map(({ year, number }) => `${year}/${number}`)).toEqual(['2026/1', '2026/2', '2027/1', '2026/3'])
      expect(await store.payments.receiptOf(numbers[1]!.paymentId)).toEqual(numbers[1])
      const { number: _, ...again } = numbers[1]!
      await expect(store.payments.addReceipt(again)).rejects.toMatchObject({ code: 'conflict' })
      expect(await store.payments.receiptOf(make.id())).toBeUndefined()
    })

    test('money received by month and source, and money still expected by the month of its term', async () => {
      const terms = [
        make.term(payer.id),
        make.term(payer.id, { startOn: '2027-01-01', endOn: '2027-12-31' }),
        make.term(payer.id, { startOn: '2026-01-01', exempt: true }),
      ]
      for (const term of terms) await store.standings.addTerm(term)
      const paid = make.payment(payer, { cents: 1000 })
      await store.payments.add(paid, [make.allocation(paid.id, terms[0]!.id, 1000)])
      await store.payments.add(make.payment(payer, { cents: 500, source: 'cash', valueOn: '2026-01-31' }), [])
      await store.payments.add(make.payment(payer, { cents: -200, valueOn: '2026-01-20' }), [])
      await store.payments.add(make.payment(payer, { cents: 900, valueOn: '2026-02-01' }), [])
      expect(await store.payments.received(organisationId, '2026-01-01', '2026-01-31')).toEqual([
        { month: '2026-01', source: 'bank', cents: 800 },
        { month: '2026-01', source: 'cash', cents: 500 },
      ])
      expect(await store.payments.expected(organisationId, '2026-12-31')).toEqual([{ month: '2026-01', cents: 5000 }])
      expect(await store.payments.expected(organisationId, '2027-01-01')).toHaveLength(2)
      const child = make.member(organisationId)
      await store.members.add(child)
      await store.standings.addTerm(make.term(child.id, { dueCents: 700 }))
      const owing = { payerId: payer.id, name: payer.name, cents: 11_000 }
      expect(new Set(await store.payments.owing(organisationId))).toEqual(
        new Set([owing, { payerId: child.id, name: child.name, cents: 700 }]),
      )
      await store.dues.setMember({ memberId: child.id, tariff: null, payerId: payer.id })
      expect(await store.payments.owing(organisationId)).toEqual([{ ...owing, cents: 11_700 }])
    })
  })

  test('bank lines: a file once, a line once, whatever file it comes in; found by state', async () => {
    const { bank } = store
    const [file, again] = [make.bankFile(organisationId), make.bankFile(organisationId, { importedAt: make.NOW + 1 })]
    await bank.addFile(file)
    await bank.addFile(again)
    expect(await bank.files(organisationId)).toEqual([again, file])
    expect(await bank.fileByDigest(organisationId, file.digest)).toEqual(file)
    await expect(bank.addFile({ ...file, id: make.id() })).rejects.toMatchObject({ code: 'conflict' })
    const bare = { statementNumber: null, counterIban: null, counterName: null, reference: null, bankRef: null }
    const [one, two] = [make.bankLine(file), make.bankLine(file, { ...bare, bookedOn: '2026-01-16', cents: -100 })]
    expect(await bank.addLines([one, two])).toBe(2)
    expect(await bank.addLines([{ ...make.bankLine(again), dedupeKey: one.dedupeKey }, make.bankLine(again)])).toBe(1)
    expect(await bank.addLines([])).toBe(0)
    expect(await bank.known(organisationId, [one.dedupeKey, 'none'])).toEqual(new Set([one.dedupeKey]))
    expect(await bank.line(two.id)).toEqual(two)
    await bank.setState(two.id, 'ignored', 'frais')
    expect(await bank.line(two.id)).toMatchObject({ state: 'ignored', note: 'frais' })
    const states = await Promise.all(
      (['new', 'ignored', 'matched'] as const).map((state) => bank.lines({ organisationId, state })),
    )
    expect(states.map((lines) => lines.length)).toEqual([2, 1, 0])
    expect((await bank.lines({ organisationId, limit: 1, offset: 0 }))[0]).toMatchObject({ id: two.id })
  })

  test('bank lines: whose payments came from an account before', async () => {
    const file = make.bankFile(organisationId)
    await store.bank.addFile(file)
    const iban = `BE${make.word()}`
    const lines = [make.bankLine(file, { counterIban: iban }), make.bankLine(file, { counterIban: iban })]
    await store.bank.addLines(lines)
    expect(await store.bank.payersOf(organisationId, iban)).toEqual([])
    for (const { id } of lines) await store.payments.add(make.payment(payer, { bankLineId: id }), [])
    expect(await store.bank.payersOf(organisationId, iban)).toEqual([payer.id])
    expect(await store.bank.payersOf(make.id(), iban)).toEqual([])
  })

  describe('what the treasurer looks at', () => {
    test('payments, the newest first, by who paid and by the line they came from', async () => {
      const { books } = store
      const file = make.bankFile(organisationId)
      await store.bank.addFile(file)
      const line = make.bankLine(file)
      await store.bank.addLines([line])
      const old = make.payment(payer, { bankLineId: line.id })
      const back = make.payment(payer, { cents: -6000, reversesId: old.id, recordedAt: old.recordedAt + 1 })
      for (const each of [old, back]) await store.payments.add(each, [])
      const { year, number } = await store.payments.addReceipt({
        organisationId,
        year: 2026,
        paymentId: old.id,
        issuedOn: '2026-01-15',
      })
      const who = { payerNumber: payer.memberNumber, payerName: payer.name }
      const rows = [
        { ...back, ...who, reversed: false, receipt: null },
        { ...old, ...who, reversed: true, receipt: { year, number } },
      ]
      const filter = { organisationId, limit: 10 }
      expect(await books.payments(filter)).toEqual(rows)
      expect(await books.payments({ ...filter, text: payer.memberNumber.toUpperCase() })).toEqual(rows)
      expect(await books.payments({ ...filter, limit: 1, offset: 1 })).toEqual([rows[1]])
      expect(await books.payments({ ...filter, bankLineId: line.id })).toEqual([rows[1]])
      for (const text of ['%', '_', "' or 1=1 --"]) expect(await books.payments({ ...filter, text })).toEqual([])
      expect(await books.payments({ ...filter, organisationId: make.id() })).toEqual([])
    })

    test('lines that wait; members without a tariff; who stands where and owes what', async () => {
      const { books } = store
      const file = make.bankFile(organisationId)
      await store.bank.addFile(file)
      const lines = [make.bankLine(file), make.bankLine(file)]
      const before = await books.waiting(organisationId)
      await store.bank.addLines(lines)
      await store.bank.setState(lines[0]!.id, 'ignored', 'x')
      expect(await books.waiting(organisationId)).toBe(before + 1)

      const child = make.member(organisationId)
      await store.members.add(child)
      const names = async () =>
        (await store.members.list({ withoutTariff: true })).filter((one) => one.organisationId === organisationId)
      const without = await books.withoutTariff(organisationId)
      expect(await names()).toHaveLength(without)
      await store.dues.setMember({ memberId: child.id, tariff: 'Enfant', payerId: payer.id })
      expect(await books.withoutTariff(organisationId)).toBe(without - 1)
      expect((await names()).some(({ id }) => id === child.id)).toBe(false)
      await store.standings.put(make.standing(payer.id, { standing: 'closed' }))
      expect(await books.withoutTariff(organisationId)).toBe(without - 2)

      const term = make.term(child.id, { dueCents: 1000 })
      await store.standings.addTerm(term)
      const roll = await books.roll(organisationId, 0, 100)
      expect(roll.map(({ memberNumber }) => memberNumber)).toEqual(roll.map((row) => row.memberNumber).toSorted())
      const rowOf = (number: string) => roll.find(({ memberNumber }) => memberNumber === number)
      expect(rowOf(child.memberNumber)).toMatchObject({
        standing: 'applicant',
        tariff: 'Enfant',
        payerNumber: payer.memberNumber,
        cents: 0,
      })
      expect(rowOf(payer.memberNumber)).toMatchObject({ standing: 'closed', payerNumber: null, cents: 1000 })
      expect(await books.roll(organisationId, 1, 1)).toEqual([roll[1]])
    })

    test('settings by the beginning of their names', async () => {
      const mark = make.word()
      for (const name of ['b', 'a', 'B']) await store.settings.set(`${mark}_.${name}`, 'x')
      await store.settings.set(`${mark}x.c`, 'x')
      expect((await store.settings.names(`${mark}_.`)).toSorted()).toEqual([`${mark}_.B`, `${mark}_.a`, `${mark}_.b`])
      expect(await store.settings.names(make.word())).toEqual([])
    })
  })

  test('reminders: each rule’s day once for each end of cover; those that reached nobody', async () => {
    const reminder = {
      memberId: payer.id,
      coveredUntilOn: '2026-12-31',
      ruleDay: -30,
      sentOn: '2026-12-01',
      sentAt: make.NOW,
      result: 'no_address' as const,
    }
    expect(await store.reminders.add(reminder)).toBe(true)
    expect(await store.reminders.add({ ...reminder, result: 'sent' })).toBe(false)
    expect(await store.reminders.add({ ...reminder, ruleDay: 0, result: 'sent', sentAt: make.NOW + 1 })).toBe(true)
    expect((await store.reminders.ofMember(payer.id)).map(({ ruleDay }) => ruleDay)).toEqual([0, -30])
    expect((await store.reminders.unreached(1000)).filter(({ memberId }) => memberId === payer.id)).toEqual([reminder])
  })
}
