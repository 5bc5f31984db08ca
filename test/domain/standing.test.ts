import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  closingEvents,
  type MemberEvent,
  type StandingAnswer,
  type StandingFacts,
  type StandingRules,
  standingOn,
  standings,
  type Term,
} from '../../src/domain/standing.ts'
import { addDays, type CivilDate, lastDay } from '../../src/domain/time.ts'

const term = (startOn: CivilDate, endOn: CivilDate | null, more: Partial<Term> = {}): Term => ({
  startOn,
  endOn,
  dueCents: 6000,
  paidCents: 6000,
  exempt: false,
  ...more,
})
const unpaid = { paidCents: 0 }
const event = (kind: MemberEvent['kind'], effectiveOn: CivilDate): MemberEvent => ({ kind, effectiveOn })

const facts = (terms: readonly Term[], events: readonly MemberEvent[] = []): StandingFacts => ({ terms, events })
const rules: StandingRules = { graceDays: 30 }
const stands = (terms: readonly Term[], on: CivilDate, events: readonly MemberEvent[] = [], graceDays = 30) =>
  standingOn(facts(terms, events), { graceDays }, on)

const year2026 = term('2026-01-01', '2026-12-31')

describe('one term of a year, 30 days of grace', () => {
  test.each<[CivilDate, StandingAnswer['standing'], CivilDate | null]>([
    ['2025-12-31', 'future', '2026-01-01'],
    ['2026-01-01', 'current', '2027-01-01'],
    ['2026-12-31', 'current', '2027-01-01'],
    ['2027-01-01', 'grace', '2027-01-31'],
    ['2027-01-30', 'grace', '2027-01-31'],
    ['2027-01-31', 'lapsed', null],
    ['2035-06-01', 'lapsed', null],
  ])('%s is %s until %s', (on, standing, nextChangeOn) => {
    expect(stands([year2026], on)).toMatchObject({ standing, nextChangeOn })
  })

  test('while covered: the last covered day, and no grace yet', () => {
    expect(stands([year2026], '2026-06-01')).toEqual({
      standing: 'current',
      coveredUntilOn: '2026-12-31',
      graceUntilOn: null,
      nextChangeOn: '2027-01-01',
    })
  })
  test('in grace: the last day of it', () => {
    expect(stands([year2026], '2027-01-10')).toEqual({
      standing: 'grace',
      coveredUntilOn: '2026-12-31',
      graceUntilOn: '2027-01-30',
      nextChangeOn: '2027-01-31',
    })
  })
  test('once lapsed: until when it was covered, and grace is over', () => {
    expect(stands([year2026], '2027-03-01')).toEqual({
      standing: 'lapsed',
      coveredUntilOn: '2026-12-31',
      graceUntilOn: null,
      nextChangeOn: null,
    })
  })
})

test.each<[number, CivilDate, StandingAnswer['standing']]>([
  [0, '2026-12-31', 'current'],
  [0, '2027-01-01', 'lapsed'],
  [1, '2027-01-01', 'grace'],
  [1, '2027-01-02', 'lapsed'],
  [365, '2027-12-31', 'grace'],
  [365, '2028-01-01', 'lapsed'],
])('%i days of grace: %s is %s', (graceDays, on, standing) => {
  expect(stands([year2026], on, [], graceDays).standing).toBe(standing)
})

describe('what covers', () => {
  test.each<[string, Partial<Term>, StandingAnswer['standing']]>([
    ['paid in full', {}, 'current'],
    ['overpaid', { paidCents: 7000 }, 'current'],
    ['paid but for a cent', { paidCents: 5999 }, 'applicant'],
    ['not paid', unpaid, 'applicant'],
    ['nothing due', { dueCents: 0, paidCents: 0 }, 'current'],
    ['paid back', { paidCents: -6000 }, 'applicant'],
    ['exempt, and never paid', { exempt: true, paidCents: 0 }, 'current'],
    ['ends before it begins', { endOn: '2025-12-30' }, 'applicant'],
  ])('%s', (_, more, standing) => {
    expect(stands([{ ...year2026, ...more }], '2026-06-01').standing).toBe(standing)
  })
  test('no term at all is an applicant, for ever', () => {
    expect(stands([], '2026-06-01')).toEqual({
      standing: 'applicant',
      coveredUntilOn: null,
      graceUntilOn: null,
      nextChangeOn: null,
    })
  })
  test('only unpaid terms to come leave an applicant', () => {
    expect(stands([term('2027-01-01', '2027-12-31', unpaid)], '2026-06-01').standing).toBe('applicant')
  })
  test('a term of one day', () => {
    const day = term('2026-06-01', '2026-06-01')
    expect(stands([day], '2026-06-01', [], 0)).toMatchObject({ standing: 'current', nextChangeOn: '2026-06-02' })
    expect(stands([day], '2026-06-02', [], 0).standing).toBe('lapsed')
  })
  test('a term for life never ends', () => {
    const life = term('2020-05-01', null)
    expect(stands([life], '2020-04-30')).toMatchObject({ standing: 'future', nextChangeOn: '2020-05-01' })
    expect(stands([life], '2199-01-01')).toEqual({
      standing: 'current',
      coveredUntilOn: null,
      graceUntilOn: null,
      nextChangeOn: null,
    })
  })
  test('a life term swallows what lies in it and after it', () => {
    const terms = [term('2020-01-01', '2020-12-31'), term('2020-06-01', null), term('2026-01-01', '2026-12-31')]
    expect(stands(terms, '2027-06-01')).toMatchObject({ standing: 'current', coveredUntilOn: null, nextChangeOn: null })
  })
  test('the last day that can be written is an end like any other', () => {
    const terms = [term('2020-01-01', '9999-12-31'), term('2026-01-01', '2026-12-31')]
    expect(stands(terms, '2027-06-01')).toMatchObject({ standing: 'current', coveredUntilOn: '9999-12-31' })
    expect(stands(terms, '2027-06-01').nextChangeOn).toMatch(/^\d{4}-\d{2}-\d{2}$/)
    expect(stands([term('2020-01-01', '9999-12-20')], '9999-12-25').graceUntilOn).toBe('9999-12-31')
  })
})

describe('several terms', () => {
  const year2027 = term('2027-01-01', '2027-12-31')
  test('one that begins the day after another ends continues it', () => {
    expect(stands([year2026, year2027], '2026-12-31')).toMatchObject({
      standing: 'current',
      coveredUntilOn: '2027-12-31',
      nextChangeOn: '2028-01-01',
    })
    expect(stands([year2026, year2027], '2027-01-01').standing).toBe('current')
  })
  test('a hole of one day is a hole', () => {
    const late = term('2027-01-02', '2027-12-31')
    expect(stands([year2026, late], '2026-12-31').coveredUntilOn).toBe('2026-12-31')
    expect(stands([year2026, late], '2027-01-01')).toMatchObject({ standing: 'grace', nextChangeOn: '2027-01-02' })
    expect(stands([year2026, late], '2027-01-02').standing).toBe('current')
  })
  test('a hole longer than the grace lapses, and what was paid for afterwards counts from its day', () => {
    const later = term('2027-06-01', '2028-05-31')
    expect(stands([year2026, later], '2027-03-01')).toEqual({
      standing: 'lapsed',
      coveredUntilOn: '2026-12-31',
      graceUntilOn: null,
      nextChangeOn: '2027-06-01',
    })
    expect(stands([year2026, later], '2027-06-01').standing).toBe('current')
  })
  test('a term to come does not cover the hole before it, as MAX(end) would have it', () => {
    expect(stands([year2026, term('2030-01-01', '2030-12-31')], '2028-01-01').standing).toBe('lapsed')
  })
  test('of overlapping terms the later end counts, also when the one that began first ends last', () => {
    const long = term('2026-01-01', '2027-06-30')
    expect(stands([long, term('2026-03-01', '2026-04-30')], '2027-06-30')).toMatchObject({
      standing: 'current',
      coveredUntilOn: '2027-06-30',
    })
    expect(stands([year2026, term('2026-06-01', '2027-05-31')], '2026-07-01').coveredUntilOn).toBe('2027-05-31')
  })
  test('an unpaid early renewal leaves everything as it is', () => {
    const renewal = term('2027-01-01', '2027-12-31', unpaid)
    for (const on of ['2026-11-01', '2027-01-10', '2027-05-01'])
      expect(stands([year2026, renewal], on)).toEqual(stands([year2026], on))
  })
  test('money that is taken back gives no second grace', () => {
    expect(stands([year2026, { ...year2027, paidCents: 0 }], '2027-06-01').standing).toBe('lapsed')
  })
})

describe('ends by the calendar', () => {
  test.each<[CivilDate, number, CivilDate]>([
    ['2026-01-01', 12, '2026-12-31'],
    ['2026-03-15', 12, '2027-03-14'],
    ['2024-02-29', 12, '2025-02-28'],
    ['2023-03-01', 12, '2024-02-29'],
    ['2024-03-01', 12, '2025-02-28'],
    ['2026-01-31', 1, '2026-02-28'],
    ['2024-01-31', 1, '2024-02-29'],
    ['2026-01-31', 2, '2026-03-30'],
    ['2026-08-31', 6, '2027-02-28'],
    ['2024-02-29', 48, '2028-02-28'],
    ['2026-12-31', 2, '2027-02-28'],
    ['9999-06-01', 12, '9999-12-31'],
  ])('%s and %i months: %s', (startOn, months, endOn) => {
    expect(lastDay(startOn, months)).toBe(endOn)
  })
  test('terms of a leap day joined year after year leave no hole and share no day', () => {
    // The k-th term is counted from the first day, not from the end before it.
    const ends = Array.from({ length: 9 }, (_, k) => lastDay('2024-02-29', 12 * (k + 1)))
    const terms = ends.map((endOn, k) => term(k === 0 ? '2024-02-29' : addDays(ends[k - 1]!, 1), endOn))
    expect(stands(terms, '2030-01-01')).toMatchObject({ standing: 'current', coveredUntilOn: '2033-02-28' })
    for (const { startOn, endOn } of terms) expect(startOn <= endOn!).toBe(true)
  })
  test('grace over the end of February', () => {
    expect(stands([term('2023-03-01', '2024-01-31')], '2024-03-01').standing).toBe('grace')
    expect(stands([term('2022-03-01', '2023-01-31')], '2023-03-02').standing).toBe('grace')
    expect(stands([term('2022-03-01', '2023-01-31')], '2023-03-03').standing).toBe('lapsed')
  })
})

describe('events', () => {
  test.each(closingEvents)('%s wins over any dates', (kind) => {
    expect(stands([year2026], '2026-05-31', [event(kind, '2026-06-01')]).standing).toBe('current')
    expect(stands([year2026], '2026-06-01', [event(kind, '2026-06-01')])).toMatchObject({
      standing: 'closed',
      coveredUntilOn: '2026-12-31',
      graceUntilOn: null,
    })
    expect(stands([year2026], '2027-01-05', [event(kind, '2026-06-01')]).standing).toBe('closed')
    expect(
      stands([term('2020-01-01', null, { exempt: true })], '2026-06-01', [event(kind, '2026-06-01')]).standing,
    ).toBe('closed')
    expect(stands([], '2026-06-01', [event(kind, '2026-06-01')]).standing).toBe('closed')
  })
  test('one to come is the next change', () => {
    expect(stands([year2026], '2026-05-01', [event('resigned', '2026-06-01')]).nextChangeOn).toBe('2026-06-01')
    expect(stands([year2026], '2026-05-01', [event('resigned', '2028-06-01')]).nextChangeOn).toBe('2027-01-01')
  })
  test('money never revives a closed membership', () => {
    expect(stands([year2026, term('2027-01-01', null)], '2027-02-01', [event('expelled', '2026-06-01')]).standing).toBe(
      'closed',
    )
  })
  test('a readmission lets the dates count again, and only they', () => {
    const events = [event('resigned', '2026-03-01'), event('readmitted', '2026-06-01')]
    expect(stands([year2026], '2026-05-31', events)).toMatchObject({ standing: 'closed', nextChangeOn: '2026-06-01' })
    expect(stands([year2026], '2026-06-01', events).standing).toBe('current')
    expect(stands([year2026], '2027-02-15', events).standing).toBe('lapsed')
    expect(stands([], '2026-06-01', events).standing).toBe('applicant')
  })
  test('closed, readmitted and closed again', () => {
    const events = [event('resigned', '2026-02-01'), event('readmitted', '2026-03-01'), event('deceased', '2026-09-01')]
    const on = (date: CivilDate) => stands([year2026], date, events).standing
    expect([on('2026-01-31'), on('2026-02-15'), on('2026-08-31'), on('2026-09-01')]).toEqual([
      'current',
      'closed',
      'current',
      'closed',
    ])
  })
  test('the order in which they were recorded does not matter, but of one day the one recorded last holds', () => {
    const closed = event('resigned', '2026-06-01')
    const back = event('readmitted', '2026-06-01')
    expect(stands([year2026], '2026-06-01', [closed, back]).standing).toBe('current')
    expect(stands([year2026], '2026-06-01', [back, closed]).standing).toBe('closed')
    const early = event('expelled', '2026-02-01')
    expect(stands([year2026], '2026-07-01', [back, early]).standing).toBe('current')
  })
})

// ── Properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

const FROM = '2023-11-01'
const DAYS = 600
const day = fc.integer({ min: 0, max: DAYS }).map((days) => addDays(FROM, days))
const aTerm: fc.Arbitrary<Term> = fc
  .record({
    startOn: day,
    length: fc.option(fc.integer({ min: -3, max: 400 }), { freq: 8 }),
    dueCents: fc.constantFrom(0, 6000),
    paidCents: fc.constantFrom(-6000, 0, 3000, 6000, 9000),
    exempt: fc.boolean(),
  })
  .map(({ startOn, length, ...rest }) => ({
    startOn,
    endOn: length === null ? null : addDays(startOn, length),
    ...rest,
  }))
const someTerms = fc.array(aTerm, { maxLength: 5 })
const someEvents = fc.array(
  fc.record({ kind: fc.constantFrom(...closingEvents, 'readmitted' as const), effectiveOn: day }),
  {
    maxLength: 3,
  },
)
const someFacts: fc.Arbitrary<StandingFacts> = fc.record({ terms: someTerms, events: someEvents })
const someRules = fc.record({ graceDays: fc.integer({ min: 0, max: 60 }) })
const covers = ({ exempt, paidCents, dueCents }: Term) => exempt || paidCents >= dueCents

const everyDay = Array.from({ length: DAYS + 450 }, (_, at) => addDays(FROM, at - 20))

/** What a standing is worth: before the first term and after the last nothing is covered. */
const height = { applicant: 0, future: 0, lapsed: 0, grace: 1, current: 2, closed: 0 }

describe('properties', () => {
  test('stepping day by day, the answer changes on nextChangeOn and on no other day', () => {
    fc.assert(
      fc.property(someFacts, someRules, (given, graceDays) => {
        let before = standingOn(given, graceDays, addDays(everyDay[0]!, -1))
        for (const on of everyDay) {
          const now = standingOn(given, graceDays, on)
          if (on === before.nextChangeOn) expect(now.nextChangeOn === null || now.nextChangeOn > on).toBe(true)
          else expect({ on, ...now }).toEqual({ on, ...before })
          before = now
        }
      }),
      { numRuns: 40 },
    )
  })

  test('the order of terms does not matter', () => {
    fc.assert(
      fc.property(someFacts, someRules, day, fc.nat(), (given, graceDays, on, seed) => {
        const turned = given.terms.toSorted(
          (a, b) => (((JSON.stringify(a).length * 31 + seed) ^ 5) % 7) - (JSON.stringify(b).length % 5),
        )
        for (const terms of [turned, given.terms.toReversed()])
          expect(standingOn({ ...given, terms }, graceDays, on)).toEqual(standingOn(given, graceDays, on))
      }),
    )
  })

  test('a term that is not covered never changes anything', () => {
    fc.assert(
      fc.property(someFacts, aTerm, someRules, day, (given, added, graceDays, on) => {
        const owed = { ...added, exempt: false, dueCents: 6000, paidCents: 5999 }
        expect(standingOn({ ...given, terms: [...given.terms, owed] }, graceDays, on)).toEqual(
          standingOn(given, graceDays, on),
        )
      }),
    )
  })

  test('adding cover never lowers', () => {
    fc.assert(
      fc.property(someTerms, aTerm, someRules, day, (terms, added, graceDays, on) => {
        const before = standingOn(facts(terms), graceDays, on)
        const after = standingOn(facts([...terms, { ...added, exempt: true }]), graceDays, on)
        expect(height[after.standing]).toBeGreaterThanOrEqual(height[before.standing])
        if (before.standing === 'current' && before.coveredUntilOn !== null && after.coveredUntilOn !== null)
          expect(after.coveredUntilOn >= before.coveredUntilOn).toBe(true)
      }),
    )
  })

  test('paying for what is not paid never lowers either', () => {
    fc.assert(
      fc.property(someTerms, someRules, day, (terms, graceDays, on) => {
        const paid = terms.map((one) => ({ ...one, paidCents: Math.max(one.paidCents, one.dueCents) }))
        expect(height[standingOn(facts(paid), graceDays, on).standing]).toBeGreaterThanOrEqual(
          height[standingOn(facts(terms), graceDays, on).standing],
        )
      }),
    )
  })

  test('it agrees with counting days', () => {
    fc.assert(
      fc.property(someTerms, someRules, day, (terms, { graceDays }, on) => {
        const covered = (date: CivilDate) =>
          terms.some((one) => covers(one) && one.startOn <= date && (one.endOn === null || date <= one.endOn))
        const { standing } = standingOn(facts(terms), { graceDays }, on)
        const inGrace = Array.from({ length: graceDays }, (_, at) => addDays(on, -1 - at)).some(covered)
        if (covered(on)) expect(standing).toBe('current')
        else if (inGrace) expect(standing).toBe('grace')
        else expect(['applicant', 'future', 'lapsed']).toContain(standing)
      }),
    )
  })

  test('with an unpaid term of somebody closed, and any event, closed is closed', () => {
    fc.assert(
      fc.property(someFacts, someRules, day, (given, graceDays, on) => {
        const after = addDays(on, 1)
        const events = [...given.events.filter(({ effectiveOn }) => effectiveOn <= on), event('deceased', after)]
        expect(standingOn({ ...given, events }, graceDays, after).standing).toBe('closed')
      }),
    )
  })

  test('the answer is one of the standings, and the facts are left alone', () => {
    fc.assert(
      fc.property(someFacts, day, (given, on) => {
        const copy = structuredClone(given)
        expect(standings).toContain(standingOn(given, rules, on).standing)
        expect(given).toEqual(copy)
      }),
    )
  })
})
