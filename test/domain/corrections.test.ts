// Dues put right by hand: where an exemption may stand, what a change of tariff leaves due, and that no cent is lost or made.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  cutAfter,
  cutForTariff,
  exemptionObstacle,
  type Held,
  priceFor,
  takeBack,
} from '../../src/domain/corrections.ts'
import type { Term } from '../../src/domain/standing.ts'
import { addDays } from '../../src/domain/time.ts'

const term = (startOn: string, endOn: string | null, more: Partial<Term> = {}): Term => ({
  startOn,
  endOn,
  dueCents: 6000,
  paidCents: 0,
  exempt: false,
  ...more,
})
const paid = { paidCents: 6000 }
const free = { dueCents: 0, exempt: true }
const opening = { dueCents: 0 }

describe('where an exemption may stand', () => {
  test.each<[string, string | null, Term[], string | undefined]>([
    ['2026-06-15', null, [], undefined],
    ['2026-06-15', '2026-12-31', [term('2025-01-01', '2025-12-31')], undefined],
    ['2026-06-15', '2026-12-31', [term('2026-01-01', '2026-12-31')], 'term_open'],
    ['2026-06-15', '2026-12-31', [term('2026-01-01', '2026-12-31', { paidCents: 5990 })], 'term_open'],
    ['2026-06-15', '2026-12-31', [term('2026-01-01', '2026-12-31', { paidCents: 5950 })], 'exempt_needless'],
    ['2026-06-15', '2026-12-31', [term('2026-01-01', '2026-12-31', paid)], 'exempt_needless'],
    ['2026-06-15', null, [term('2026-01-01', '2026-12-31', paid)], undefined],
    ['2026-01-01', null, [term('2026-01-01', '2026-12-31', paid)], 'term_paid'],
    ['2025-06-01', '2026-06-30', [term('2026-01-01', '2026-12-31', paid)], 'term_paid'],
    ['2025-06-01', null, [term('2026-01-01', '2026-12-31', opening)], undefined],
    ['2026-12-31', null, [term('2026-01-01', '2026-12-31', free)], 'exempt_already'],
    ['2027-01-01', null, [term('2026-01-01', '2026-12-31', free)], undefined],
    ['2027-01-01', '2027-12-31', [term('2020-01-01', null, paid)], 'exempt_needless'],
    ['2026-06-15', null, [term('2026-07-01', '2026-06-30')], undefined],
  ])('%s to %s over %j: %s', (startOn, endOn, terms, code) => {
    // 50 cents may be missing, and 10 are not all that is owed here.
    expect(exemptionObstacle({ startOn, endOn }, terms, terms[0]?.paidCents === 5990 ? 0 : 50)?.code).toBe(code)
  })

  test('it says where: the first term that is in the way', () => {
    const terms = [term('2027-01-01', '2027-12-31'), term('2026-01-01', '2026-12-31', paid)]
    expect(exemptionObstacle({ startOn: '2026-06-15', endOn: null }, terms, 0)).toEqual({
      code: 'term_open',
      startOn: '2027-01-01',
    })
  })
})

test.each([
  ['2026-01-01', '2026-12-31', '2026-06-14', '2026-06-14', '2026-06-15'],
  ['2026-01-01', '2026-12-31', '2025-12-31', undefined, '2026-01-01'],
  ['2026-01-01', '2026-12-31', '2026-12-31', '2026-12-31', undefined],
  ['2026-01-01', '2026-12-31', '2027-05-01', '2026-12-31', undefined],
  ['2026-01-01', null, '2026-06-14', '2026-06-14', '2026-06-15'],
])('%s to %s cut after %s', (startOn, endOn, on, firstEnds, secondBegins) => {
  const { before, after } = cutAfter({ startOn, endOn }, on)
  expect([before?.endOn, after?.startOn]).toEqual([firstEnds, secondBegins])
  if (after) expect(after.endOn).toBe(endOn)
})

describe('another tariff within a term', () => {
  const year = { startOn: '2026-01-01', endOn: '2026-12-31' }
  const cut = (held: Held[], priceCents: number, fromOn = '2026-07-02', dueCents = 6000) =>
    cutForTariff({ term: { ...year, dueCents }, whole: year, priceCents, held }, fromOn)

  test('a dearer one: each part costs its days, and the money moves along', () => {
    // 182 of 365 days lie before.
    const { before, after, moved, credit } = cut([{ paymentId: 'p', cents: 6000 }], 12_000)
    expect([before, after]).toEqual([
      { startOn: '2026-01-01', endOn: '2026-07-01', dueCents: 2992 },
      { startOn: '2026-07-02', endOn: '2026-12-31', dueCents: 6016 },
    ])
    expect([moved, credit]).toEqual([
      [
        { paymentId: 'p', cents: 2992, to: 'before' },
        { paymentId: 'p', cents: 3008, to: 'after' },
      ],
      [],
    ])
  })

  test('a cheaper one leaves credit', () => {
    expect(cut([{ paymentId: 'p', cents: 6000 }], 2000)).toMatchObject({
      after: { dueCents: 1003 },
      credit: [{ paymentId: 'p', cents: 2005 }],
    })
  })

  test('from the first day the new one takes its place whole', () => {
    const { before, after } = cut([{ paymentId: 'p', cents: 6000 }], 2000, '2026-01-01')
    expect([before, after]).toEqual([undefined, { ...year, dueCents: 2000 }])
  })

  test('terms of other lengths are priced by the month', () => {
    expect([priceFor(3000, 6, 12), priceFor(12_000, 12, 6), priceFor(1000, 3, 12)]).toEqual([6000, 6000, 4000])
  })

  const aHeld = fc
    .array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 5 })
    .map((all) => all.map((cents, at) => ({ paymentId: `p${at}`, cents })))
  const sum = (all: readonly { cents: number }[]) => all.reduce((total, { cents }) => total + cents, 0)

  test('not a cent is lost or made, none is on a part that owes nothing, and the order of payments does not matter', () => {
    fc.assert(
      fc.property(
        aHeld,
        fc.nat(30_000),
        fc.nat(30_000),
        fc.integer({ min: 0, max: 364 }),
        (held, dueCents, priceCents, day) => {
          const fromOn = addDays(year.startOn, day)
          const one = cut(held, priceCents, fromOn, dueCents)
          const other = cut(held.toReversed(), priceCents, fromOn, dueCents)
          expect(sum(one.moved) + sum(one.credit)).toBe(sum(held))
          for (const { paymentId, cents } of held) {
            const shares = [...one.moved, ...one.credit].filter((share) => share.paymentId === paymentId)
            expect(sum(shares)).toBe(cents)
          }
          for (const to of ['before', 'after'] as const) {
            const on = (from: typeof one) => sum(from.moved.filter((share) => share.to === to))
            expect(on(one)).toBeLessThanOrEqual(one[to]?.dueCents ?? 0)
            expect(on(other)).toBe(on(one))
          }
          expect(sum(other.credit)).toBe(sum(one.credit))
        },
      ),
    )
  })

  test('to a tariff of the same price and back, the member pays what it would have paid', () => {
    fc.assert(
      fc.property(fc.nat(30_000), fc.integer({ min: 0, max: 364 }), (price, day) => {
        const { before, after } = cut([], price, addDays(year.startOn, day), price)
        expect((before?.dueCents ?? 0) + after.dueCents).toBe(price)
      }),
    )
  })
})

describe('what a refund is taken from', () => {
  const lying = [
    { termId: 'old', cents: 6000, startOn: '2025-01-01', recordedAt: 1 },
    { termId: 'new', cents: 4000, startOn: '2026-01-01', recordedAt: 2 },
  ]

  test.each([
    [500, 500, []],
    [1000, 1000, []],
    [3000, 1000, [{ termId: 'new', cents: 2000 }]],
    [
      6000,
      1000,
      [
        { termId: 'new', cents: 4000 },
        { termId: 'old', cents: 1000 },
      ],
    ],
    [11_001, undefined, undefined],
  ])('%i of 1000 over: %s and %j', (cents, creditCents, shares) => {
    const taken = takeBack(cents, 1000, lying)
    expect([taken?.creditCents, taken?.shares]).toEqual([creditCents, shares])
  })

  test('what was given last, though its term is the older one', () => {
    const late = lying.map((share) => ({ ...share, recordedAt: -share.recordedAt }))
    expect(takeBack(1, 0, late)?.shares).toEqual([{ termId: 'old', cents: 1 }])
  })

  test('of shares given at once, the one of the latest term', () => {
    const atOnce = lying.map((share) => ({ ...share, recordedAt: 1 }))
    expect(takeBack(1, 0, atOnce)?.shares).toEqual([{ termId: 'new', cents: 1 }])
  })

  const someLying = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 9000 }), fc.nat(3), fc.nat(3)), { maxLength: 6 })
    .map((all) =>
      all.map(([cents, at, year], n) => ({ termId: `t${n}`, cents, recordedAt: at, startOn: `202${year}-01-01` })),
    )

  test('cents are conserved, and two refunds take what one of both would, in whatever order the shares are given', () => {
    fc.assert(
      fc.property(someLying, fc.nat(5000), fc.nat(10_000), fc.nat(10_000), (all, credit, first, second) => {
        const there = credit + all.reduce((sum, { cents }) => sum + cents, 0)
        const whole = takeBack(first + second, credit, all.toReversed())
        if (first + second > there) return void expect(whole).toBeUndefined()
        const one = takeBack(first, credit, all)!
        const left = all.map((share) => {
          const taken = one.shares.find(({ termId }) => termId === share.termId)?.cents ?? 0
          return { ...share, cents: share.cents - taken }
        })
        const two = takeBack(second, credit - one.creditCents, left)!
        const totals = new Map<string, number>()
        for (const { termId, cents } of [...one.shares, ...two.shares])
          totals.set(termId, (totals.get(termId) ?? 0) + cents)
        expect(one.creditCents + one.shares.reduce((sum, { cents }) => sum + cents, 0)).toBe(first)
        expect([one.creditCents + two.creditCents, totals]).toEqual([
          whole!.creditCents,
          new Map(whole!.shares.map(({ termId, cents }) => [termId, cents])),
        ])
      }),
    )
  })
})
