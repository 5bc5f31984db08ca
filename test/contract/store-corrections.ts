// The store's contract: what corrections by hand need. Every fact that was ever recorded, with who cancelled it and why.
import { beforeEach, expect, test } from 'vitest'
import type { Member, Store } from '../../src/ports.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

export function storeCorrections(opened: Opened): void {
  let store: Store
  let payer: Member
  beforeEach(async () => {
    store = opened.store
    payer = (await make.people(store)).member
  })

  test('a term that is cancelled by a person stays, with who did it and why; one that carries it on says so', async () => {
    const old = make.term(payer.id, { createdAt: make.NOW - 1 })
    const part = make.term(payer.id, { endOn: '2026-06-14', replacesId: old.id, exempt: true, createdBy: null })
    for (const term of [old, part]) await store.standings.addTerm(term)
    await store.standings.cancelTerm(old.id, make.NOW, { by: 'ada', reason: 'Effectif → Soutien 🚲' })
    expect(await store.standings.terms(payer.id)).toEqual([{ ...part, paidCents: 0 }])
    expect((await store.books.kept(payer.id)).terms).toEqual([
      { ...old, cancelledAt: make.NOW, cancelledBy: 'ada', cancelReason: 'Effectif → Soutien 🚲' },
      { ...part, cancelledAt: null, cancelledBy: null, cancelReason: null },
    ])
    await store.standings.cancelTerm(part.id, 7)
    expect((await store.books.kept(payer.id)).terms[1]).toMatchObject({ cancelledAt: 7, cancelledBy: null })
    expect(await store.books.kept(make.id())).toEqual({ terms: [], events: [], allocations: [] })
  })

  test('what lay on a member’s terms, by the payment that arrived, in the order of value dates', async () => {
    const [term, other] = [make.term(payer.id), make.term((await make.people(store)).member.id)]
    for (const one of [term, other]) await store.standings.addTerm(one)
    const paid = make.payment(payer, { valueOn: '2026-01-15' })
    const part = make.payment(payer, { cents: -100, refundsId: paid.id, valueOn: '2026-02-01' })
    const undone = make.payment(payer, { cents: 100, refundsId: paid.id, reversesId: part.id, valueOn: '2026-02-03' })
    const back = make.payment(payer, { cents: -6000, reversesId: paid.id, valueOn: '2026-03-01' })
    const rows = [paid, part, undone, back].map((payment) => ({
      payment,
      share: make.allocation(payment.id, term.id, payment.cents),
    }))
    for (const { payment, share } of rows.toReversed()) await store.payments.add(payment, [share])
    await store.payments.allocate([make.allocation(paid.id, other.id, 5)])
    expect((await store.books.kept(payer.id)).allocations).toEqual(
      rows.map(({ payment, share }) => ({ ...share, rootId: paid.id, valueOn: payment.valueOn })),
    )
    const found = await store.payments.ofPayer(payer.id)
    expect(found.map(({ refundsId, reversed }) => [refundsId, reversed])).toEqual([
      [null, false],
      [paid.id, false],
      [paid.id, true],
      [null, true],
    ])
  })

  test('events, in the order in which they were recorded', async () => {
    const late = make.memberEvent(payer.id, { kind: 'readmitted', effectiveOn: '2025-01-01', recordedAt: 2 })
    const early = make.memberEvent(payer.id, { kind: 'resigned', effectiveOn: '2026-01-01', recordedAt: 1 })
    for (const event of [late, early]) await store.members.addEvent(event)
    expect((await store.books.kept(payer.id)).events).toEqual(
      [early, late].map(({ kind, effectiveOn, recordedAt }) => ({ kind, effectiveOn, recordedAt })),
    )
  })

  test('terms by their ids; calls that ask for them and were not cancelled', async () => {
    const terms = [make.term(payer.id), make.term(payer.id, { startOn: '2027-01-01', endOn: '2027-12-31' })]
    for (const term of terms) await store.standings.addTerm(term)
    const [first, second] = terms.map(({ id }) => id) as [string, string]
    await store.standings.cancelTerm(first, 1)
    expect(await store.books.termsById([second, first, make.id()])).toEqual(
      terms.map(({ id, memberId, startOn }) => ({ id, memberId, startOn })),
    )
    expect(await store.books.termsById([])).toEqual([])
    const [both, one, gone] = [0, 1, 2].map((at) => make.call(payer, { createdAt: make.NOW + at }))
    const line = (call: typeof both, termId: string) => ({ callId: call!.id, termId, cents: 1 })
    await store.calls.add(both!, [line(both, first), line(both, second)])
    await store.calls.add(one!, [line(one, second)])
    await store.calls.add(gone!, [line(gone, second)])
    await store.calls.cancel(gone!.id, make.NOW)
    expect(await store.calls.asking([second])).toEqual([both, one])
    expect(await store.calls.asking([first, second])).toEqual([both, one])
    expect(await store.calls.asking([first])).toEqual([both])
    expect(await store.calls.asking([])).toEqual([])
  })
}
