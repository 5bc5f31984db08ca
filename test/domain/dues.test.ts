// Which term comes next, and what a payment covers: tables of the calendar's corners, and what holds for any amount.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  allocate,
  type DuesRules,
  defaultRules,
  inForceOn,
  nextTerm,
  owedFor,
  proRata,
  renewalStart,
  rollingTerm,
  type TariffTerms,
} from '../../src/domain/dues.ts'
import { standingOn } from '../../src/domain/standing.ts'
import { addDays } from '../../src/domain/time.ts'

const tariff = (more: Partial<TariffTerms>): TariffTerms => ({
  period: 'rolling',
  yearStartsOn: '01-01',
  months: 12,
  amountCents: 6000,
  ...more,
})
const rules = (more: Partial<DuesRules> = {}): DuesRules => ({ ...defaultRules, ...more })
const none = { anchorOn: null, coveredUntilOn: null }

describe('a version in force', () => {
  const versions = [{ validFromOn: '2027-01-01' }, { validFromOn: '2025-01-01' }, { validFromOn: '2026-01-01' }]
  test.each([
    ['2024-12-31', undefined],
    ['2025-01-01', '2025-01-01'],
    ['2026-12-31', '2026-01-01'],
    ['2030-01-01', '2027-01-01'],
  ])('on %s', (on, expected) => {
    expect(inForceOn(versions, on)?.validFromOn).toBe(expected)
  })
})

describe('terms counted from an anchor never drift', () => {
  test.each([
    ['2024-02-29', 12, 0, '2024-02-29', '2025-02-28'],
    ['2024-02-29', 12, 1, '2025-03-01', '2026-02-28'],
    ['2024-02-29', 12, 3, '2027-03-01', '2028-02-28'],
    ['2026-01-31', 1, 0, '2026-01-31', '2026-02-28'],
    ['2026-01-31', 1, 1, '2026-03-01', '2026-03-30'],
    ['2026-01-31', 1, 2, '2026-03-31', '2026-04-30'],
    ['2026-06-15', 12, 0, '2026-06-15', '2027-06-14'],
    ['2026-12-31', 6, 1, '2027-07-01', '2027-12-30'],
  ])('%s by %i months, the %i.', (anchor, months, k, startOn, endOn) => {
    expect(rollingTerm(anchor, months, k)).toEqual({ startOn, endOn })
  })

  test('each begins the day after the one before ended, for any anchor and length', () => {
    const day = fc.integer({ min: 0, max: 12_000 }).map((days) => addDays('2020-01-01', days))
    fc.assert(
      fc.property(day, fc.integer({ min: 1, max: 36 }), (anchor, months) => {
        for (let k = 1; k < 40; k++) {
          const [before, term] = [rollingTerm(anchor, months, k - 1), rollingTerm(anchor, months, k)]
          expect(term.startOn).toBe(addDays(before.endOn, 1))
          expect(term.endOn > term.startOn).toBe(true)
        }
      }),
    )
  })
})

describe('where a renewal begins', () => {
  test.each([
    ['never covered', null, {}, '2026-06-15', '2026-06-15'],
    ['early', '2026-08-31', {}, '2026-06-15', '2026-09-01'],
    ['on the last day', '2026-06-15', {}, '2026-06-15', '2026-06-16'],
    ['the day after', '2026-06-14', {}, '2026-06-15', '2026-06-15'],
    ['late, and beginning anew', '2026-04-30', { lateRenewal: 'restart' }, '2026-06-15', '2026-06-15'],
    ['late, and continued', '2026-04-30', { lateRenewal: 'continue' }, '2026-06-15', '2026-05-01'],
    ['too late to continue', '2025-04-30', { lateRenewal: 'continue' }, '2026-06-15', '2026-06-15'],
    ['as late as may be', '2025-06-15', { lateRenewal: 'continue' }, '2026-06-15', '2025-06-16'],
  ] as const)('%s', (_what, coveredUntilOn, more, on, expected) => {
    expect(renewalStart(coveredUntilOn, rules(more), on)).toBe(expected)
  })
})

describe('the next term', () => {
  test.each([
    ['for life', { period: 'life' }, none, '2026-06-15', ['2026-06-15', null]],
    ['in the association’s year, late in it', { period: 'year' }, none, '2026-06-15', ['2026-06-15', '2026-12-31']],
    [
      'a year that begins in September',
      { period: 'year', yearStartsOn: '09-01' },
      { anchorOn: null, coveredUntilOn: '2026-08-31' },
      '2026-07-01',
      ['2026-09-01', '2027-08-31'],
    ],
    [
      'a year that begins on 29 February',
      { period: 'year', yearStartsOn: '02-29' },
      { anchorOn: null, coveredUntilOn: '2026-02-27' },
      '2026-02-01',
      ['2026-02-28', '2027-02-27'],
    ],
    ['rolling, the first', {}, none, '2024-02-29', ['2024-02-29', '2025-02-28']],
    [
      'rolling, early: counted from the anchor',
      {},
      { anchorOn: '2024-02-29', coveredUntilOn: '2025-02-28' },
      '2025-01-10',
      ['2025-03-01', '2026-02-28'],
    ],
    [
      'rolling, after cover that began on no anniversary',
      {},
      { anchorOn: '2026-06-15', coveredUntilOn: '2026-06-22' },
      '2026-06-15',
      ['2026-06-23', '2027-06-22'],
    ],
    [
      'rolling, late: a new anchor',
      {},
      { anchorOn: '2024-02-29', coveredUntilOn: '2025-02-28' },
      '2025-05-05',
      ['2025-05-05', '2026-05-04'],
    ],
  ] as const)('%s', (_what, more, cover, on, [startOn, endOn]) => {
    expect(nextTerm(tariff(more as Partial<TariffTerms>), cover, rules(), on)).toEqual({ startOn, endOn })
  })

  test('paid in time for years, a member is never without cover, and the anchor stays', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3000 }),
        fc.integer({ min: 1, max: 14 }),
        fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 12 }),
        (first, months, early) => {
          const anchorOn = addDays('2020-01-01', first)
          let coveredUntilOn: string | null = null
          const terms = []
          for (const days of [0, ...early]) {
            const on = coveredUntilOn === null ? anchorOn : addDays(coveredUntilOn, -days)
            const cover = coveredUntilOn === null ? none : { anchorOn, coveredUntilOn }
            const term = nextTerm(tariff({ months }), cover, rules(), on)
            terms.push({ ...term, dueCents: 1, paidCents: 1, exempt: false })
            coveredUntilOn = term.endOn
          }
          expect(coveredUntilOn).toBe(rollingTerm(anchorOn, months, early.length).endOn)
          for (const { startOn, endOn } of terms)
            for (const on of [startOn, endOn!])
              expect(standingOn({ terms, events: [] }, rules(), on).standing).toBe('current')
        },
      ),
    )
  })
})

describe('what a payment covers', () => {
  const open = (id: string, startOn: string, dueCents: number, paidCents = 0) => ({ id, startOn, dueCents, paidCents })

  test('the oldest first, in part when it does not suffice; the rest is credit', () => {
    const terms = [open('b', '2027-01-01', 6000), open('a', '2026-01-01', 6000, 2000)]
    expect(allocate(terms, 5000)).toEqual({
      shares: [
        { termId: 'a', cents: 4000 },
        { termId: 'b', cents: 1000 },
      ],
      creditCents: 0,
    })
    expect(allocate(terms, 10_500).creditCents).toBe(500)
    expect(allocate([], 700)).toEqual({ shares: [], creditCents: 700 })
    expect(owedFor(open('a', '2026-01-01', 100, 300))).toBe(0)
  })

  const term = fc.record({
    id: fc.uuid(),
    startOn: fc.integer({ min: 0, max: 800 }).map((days) => addDays('2026-01-01', days)),
    dueCents: fc.integer({ min: 0, max: 20_000 }),
    paidCents: fc.integer({ min: 0, max: 20_000 }),
  })
  const terms = fc.uniqueArray(term, { selector: ({ id }) => id, maxLength: 8 })
  const amount = fc.integer({ min: 0, max: 100_000 })

  test('not a cent is lost or made, and no term gets more than it owes', () => {
    fc.assert(
      fc.property(terms, amount, (all, cents) => {
        const { shares, creditCents } = allocate(all, cents)
        expect(shares.reduce((sum, share) => sum + share.cents, creditCents)).toBe(cents)
        for (const share of shares) {
          expect(share.cents).toBeGreaterThan(0)
          expect(share.cents).toBeLessThanOrEqual(owedFor(all.find(({ id }) => id === share.termId)!))
        }
      }),
    )
  })

  test('in whatever order terms come and payments arrive, the same is paid in the end', () => {
    const after = (all: ReturnType<typeof open>[], payments: number[]) => {
      let now = all
      let credit = 0
      for (const cents of payments) {
        const { shares, creditCents } = allocate(now, cents)
        credit += creditCents
        now = now.map((one) => ({
          ...one,
          paidCents: one.paidCents + (shares.find(({ termId }) => termId === one.id)?.cents ?? 0),
        }))
      }
      return { credit, paid: Object.fromEntries(now.map(({ id, paidCents }) => [id, paidCents])) }
    }
    fc.assert(
      fc.property(terms, fc.array(amount, { maxLength: 5 }), (all, payments) => {
        const sum = payments.reduce((total, cents) => total + cents, 0)
        const once = after(all, [sum])
        expect(after(all.toReversed(), payments)).toEqual(once)
        expect(after(all, payments.toReversed())).toEqual(once)
      }),
    )
  })
})

test.each([
  ['half a year', { startOn: '2026-01-01', endOn: '2026-12-31' }, 7300, '2026-07-02', 3660],
  ['the last day', { startOn: '2026-01-01', endOn: '2026-12-31' }, 6000, '2026-12-31', 6000],
  ['before it begins', { startOn: '2026-01-01', endOn: '2026-12-31' }, 6000, '2025-12-31', 0],
  ['one day of a leap year', { startOn: '2028-01-01', endOn: '2028-12-31' }, 36_600, '2028-01-01', 100],
  ['for life', { startOn: '2026-01-01', endOn: null }, 6000, '2030-01-01', 6000],
])('pro rata: %s', (_what, term, cents, on, expected) => {
  expect(proRata(term, cents, on)).toBe(expected)
})
