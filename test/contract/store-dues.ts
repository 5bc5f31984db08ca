// The store's contract: what the assembly decided, calls, payments and where they went, bank lines, reminders.
import { beforeEach, describe, expect, test } from 'vitest'
import type { Member, Store } from '../../src/ports.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'
import { bothWays } from './store-records.ts'

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
    const both = [first, second].map((call): [string, typeof call] => [call.ogm, call])
    expect(await store.calls.byOgms([first.ogm, 'none', second.ogm])).toEqual(new Map(both))
    expect(await store.calls.byOgms(make.nearMisses(first.ogm))).toEqual(new Map())
    expect(await store.calls.byOgms([])).toEqual(new Map())
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
      const issue = async (year: number, count = 1) => {
        const payments = Array.from({ length: count }, () => make.payment(payer))
        await store.payments.add(payments, [])
        const ids = payments.map(({ id }) => id)
        return store.payments.addReceipts({ organisationId, year, issuedOn: `${year}-03-01` }, ids)
      }
      const numbers = [await issue(2026), await issue(2026, 3), await issue(2027), await issue(2026)].flat()
      expect(numbers.map(({ year, number }) => `${year}/${number}`)).toEqual([
        '2026/1',
        '2026/2',
        '2026/3',
        '2026/4',
        '2027/1',
        '2026/5',
      ])
      for (const receipt of numbers) expect(await store.payments.receiptOf(receipt.paymentId)).toEqual(receipt)
      const { paymentId, number: _, ...again } = numbers[1]!
      await expect(store.payments.addReceipts(again, [paymentId])).rejects.toMatchObject({ code: 'conflict' })
      expect(await store.payments.addReceipts(again, [])).toEqual([])
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

  test('who owes, of more members than are read at once', async () => {
    const org = make.organisation()
    await store.organisations.add(org)
    const members = Array.from({ length: 1001 }, () => make.member(org.id))
    await store.transaction(async (stores) => {
      for (const member of members) await stores.members.add(member)
      for (const { id } of members) await stores.standings.addTerm(make.term(id, { dueCents: 100 }))
      for (const [at, { id: memberId }] of members.entries())
        await stores.dues.setMember({ memberId, tariff: 'Effectif', payerId: at < 3 ? members.at(-1)!.id : null })
    })
    const owing = await store.payments.owing(org.id)
    const ids = members.slice(3).map(({ id }) => id)
    expect(owing.map(({ payerId }) => payerId)).toEqual(ids.toSorted())
    const sums = owing.map(({ payerId, cents }) => [payerId, cents])
    expect(new Map(sums as [string, number][])).toEqual(
      new Map([...ids.map((id) => [id, 100] as const), [ids.at(-1)!, 400]]),
    )
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

  test('bank lines: those of some days and amounts, not of one file, kept since', async () => {
    const { bank } = store
    const [file, other] = [make.bankFile(organisationId), make.bankFile(organisationId)]
    for (const each of [file, other]) await bank.addFile(each)
    const days = ['2031-05-01', '2031-05-02']
    const lines = {
      one: make.bankLine(file, { valueOn: days[0]!, cents: 700 }),
      other: make.bankLine(other, { valueOn: days[1]!, cents: -700, state: 'matched' }),
      late: make.bankLine(other, { valueOn: days[0]!, cents: 700, createdAt: make.NOW + 5 }),
      day: make.bankLine(other, { valueOn: '2031-05-03', cents: 700 }),
      amount: make.bankLine(other, { valueOn: days[0]!, cents: 701 }),
    }
    await bank.addLines(Object.values(lines))
    const found = async (more: object, cents = [700, -700]) => {
      const like = { days, cents, ...more }
      const ids = (await bothWays(store, (inside) => inside.bank.lines({ organisationId, like }))).map(({ id }) => id)
      return Object.entries(lines).flatMap(([name, { id }]) => (ids.includes(id) ? [name] : []))
    }
    expect(await found({})).toEqual(['one', 'other', 'late'])
    expect(await found({ notOf: file.id })).toEqual(['other', 'late'])
    expect(await found({ since: make.NOW + 5 })).toEqual(['late'])
    expect(await found({ days: [] })).toEqual([])
    expect(await found({}, [])).toEqual([])
    // More days and amounts than are asked for in one go.
    const many = Array.from({ length: 300 }, (_, n) => Temporal.PlainDate.from(days[0]!).add({ days: n }).toString())
    expect(
      await found(
        { days: many },
        Array.from({ length: 701 }, (_, n) => n),
      ),
    ).toEqual(['one', 'late', 'day'])
    expect(await store.bank.lines({ organisationId: make.id(), like: { days, cents: [700] } })).toEqual([])
  })

  test('bank lines: whose payments came from an account before', async () => {
    const file = make.bankFile(organisationId)
    await store.bank.addFile(file)
    const iban = `BE${make.word()}`
    const other = `BE${make.word()}`
    const lines = [iban, iban, other].map((counterIban) => make.bankLine(file, { counterIban }))
    await store.bank.addLines(lines)
    expect(await store.bank.payersOf(organisationId, [iban])).toEqual(new Map())
    const payments = lines.map(({ id }) => make.payment(payer, { bankLineId: id }))
    await store.payments.add(payments, [])
    const paid = new Map([[iban, [payer.id]]])
    expect(await store.bank.payersOf(organisationId, [iban])).toEqual(paid)
    expect(await store.bank.payersOf(organisationId, [iban, 'none', other])).toEqual(paid.set(other, [payer.id]))
    expect(await store.bank.payersOf(organisationId, [])).toEqual(new Map())
    expect(await store.bank.payersOf(make.id(), [iban])).toEqual(new Map())
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
      const receipts = await store.payments.addReceipts({ organisationId, year: 2026, issuedOn: '2026-01-15' }, [
        old.id,
      ])
      const { year, number } = receipts[0]!
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

    test('the members that payers pay for, with terms, events and standing: what each tells by itself', async () => {
      const [child, grown, other] = [0, 1, 2].map(() => make.member(organisationId)) as [Member, Member, Member]
      for (const member of [child, grown, other]) await store.members.add(member)
      await store.dues.setMember({ memberId: child.id, tariff: 'Enfant', payerId: payer.id })
      await store.dues.setMember({ memberId: grown.id, tariff: 'Effectif', payerId: null })
      const terms = [payer, child, child].map(({ id }, at) => make.term(id, { startOn: `202${6 - at}-01-01` }))
      for (const term of terms) await store.standings.addTerm(term)
      const cancelled = make.term(child.id)
      await store.standings.addTerm(cancelled)
      await store.standings.cancelTerm(cancelled.id, 1)
      const paid = make.payment(payer)
      await store.payments.add(paid, [make.allocation(paid.id, terms[1]!.id, 2000)])
      await store.members.addEvent(make.memberEvent(child.id, { kind: 'resigned', effectiveOn: '2026-05-01' }))
      await store.members.addEvent(
        make.memberEvent(child.id, { kind: 'readmitted', effectiveOn: '2026-06-01', recordedAt: make.NOW + 1 }),
      )
      await store.standings.put(make.standing(child.id, { standing: 'lapsed' }), make.standing(grown.id))
      const asked = [payer.id, child.id, grown.id, other.id, make.id()]
      const found = await store.books.ledgers(asked)
      expect(new Set(found.keys())).toEqual(new Set([payer.id, grown.id, other.id]))
      for (const id of asked) {
        const ledgers = found.get(id) ?? []
        expect(ledgers.map(({ member }) => member)).toEqual(await store.dues.paidBy(id))
        for (const { member, terms, events, standing } of ledgers) {
          expect(terms).toEqual(await store.standings.terms(member.id))
          expect(events).toEqual((await store.standings.facts(member.id)).events)
          expect(standing).toEqual((await store.standings.get(member.id))?.standing)
        }
      }
      expect(found.get(payer.id)!.find(({ member }) => member.id === child.id)).toMatchObject({
        terms: [{ paidCents: 0 }, { paidCents: 2000 }],
        events: [{ kind: 'resigned' }, { kind: 'readmitted' }],
        standing: 'lapsed',
      })
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
