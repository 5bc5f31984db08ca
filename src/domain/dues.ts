// Dues: which term comes next, what of it is owed, and what a payment covers. Pure; money is integer cents, both ends of a
// term belong to it. Standing follows from the terms and from what was paid on them (standing.ts).
import { addDays, type CivilDate, lastDay } from './time.ts'

/** `year`: the association's year, the same for everybody; `rolling`: counted from the member's first day; `life`: once. */
export const periods = ['year', 'rolling', 'life'] as const
export type Period = (typeof periods)[number]

/** What the assembly decided that a kind of membership costs, from a date on. */
export type TariffTerms = {
  period: Period
  /** MM-DD on which the association's year begins; for `year` only. */
  yearStartsOn: string
  /** Length of a term; for `rolling` only. */
  months: number
  amountCents: number
}

export type DuesRules = {
  /** How long everything still works after the last covered day. */
  graceDays: number
  /** Whether whoever pays late pays from where cover ended, or from today. */
  lateRenewal: 'continue' | 'restart'
  /** Later than so many days after the end of cover, a renewal begins anew whatever `lateRenewal` says. */
  lateContinueDays: number
  /** What may be missing (a bank's charges) for a term to count as paid. */
  toleranceCents: number
  /** Days before (negative) and after the end of cover on which a reminder goes out. */
  reminderDays: readonly number[]
}

export const defaultRules: DuesRules = {
  graceDays: 30,
  lateRenewal: 'restart',
  lateContinueDays: 365,
  toleranceCents: 0,
  reminderDays: [-30, -7, 0, 15, 30],
}

/** The version in force on a date: the one that began last. */
export const inForceOn = <Version extends { validFromOn: CivilDate }>(
  versions: readonly Version[],
  on: CivilDate,
): Version | undefined =>
  versions
    .filter(({ validFromOn }) => validFromOn <= on)
    .toSorted((a, b) => (a.validFromOn < b.validFromOn ? -1 : 1))
    .at(-1)

export type Span = { startOn: CivilDate; endOn: CivilDate | null }

const yearOf = (on: CivilDate): number => Number(on.slice(0, 4))
const written = (year: number, monthDay: string): CivilDate => {
  const [month, day] = monthDay.split('-').map(Number) as [number, number]
  // 29 February begins on 28 February in other years.
  return Temporal.PlainDate.from({ year, month, day }, { overflow: 'constrain' }).toString()
}

/** The association's year that a date is in. */
function yearAround(on: CivilDate, startsOn: string): { startOn: CivilDate; endOn: CivilDate } {
  const thisYear = written(yearOf(on), startsOn)
  const first = on >= thisYear ? yearOf(on) : yearOf(on) - 1
  return { startOn: written(first, startsOn), endOn: addDays(written(first + 1, startsOn), -1) }
}

/**
 * The k-th term (from 0) counted from the anchor, so that no clamped month makes the later ones drift: by months from
 * 31 January, the first ends on 28 February and the second on 30 March.
 */
export function rollingTerm(anchorOn: CivilDate, months: number, k: number): { startOn: CivilDate; endOn: CivilDate } {
  const startOn = k === 0 ? anchorOn : addDays(lastDay(anchorOn, months * k), 1)
  return { startOn, endOn: lastDay(anchorOn, months * (k + 1)) }
}

/** The term counted from the anchor that begins on a day; undefined when none does. */
function rollingFrom(anchorOn: CivilDate, months: number, startOn: CivilDate): Span | undefined {
  for (let k = 0; ; k++) {
    const term = rollingTerm(anchorOn, months, k)
    if (term.startOn === startOn) return term
    if (term.startOn > startOn) return undefined
  }
}

/** Where a renewal begins: after the cover that is there, or today when there is none or it ended too long ago. */
export function renewalStart(coveredUntilOn: CivilDate | null, rules: DuesRules, on: CivilDate): CivilDate {
  if (coveredUntilOn === null) return on
  const next = addDays(coveredUntilOn, 1)
  if (next >= on) return next
  const late = addDays(coveredUntilOn, rules.lateContinueDays)
  return rules.lateRenewal === 'continue' && on <= late ? next : on
}

/**
 * The next term of a member. `anchorOn` is the first day of the present uninterrupted cover; a renewal that continues it in
 * step is counted from there, any other from its own first day (cover that was imported began on no anniversary). In the
 * association's year a term that begins late ends with the year.
 */
export function nextTerm(
  tariff: TariffTerms,
  { anchorOn, coveredUntilOn }: { anchorOn: CivilDate | null; coveredUntilOn: CivilDate | null },
  rules: DuesRules,
  on: CivilDate,
): Span {
  const startOn = renewalStart(coveredUntilOn, rules, on)
  if (tariff.period === 'life') return { startOn, endOn: null }
  if (tariff.period === 'year') return { startOn, endOn: yearAround(startOn, tariff.yearStartsOn).endOn }
  const inStep = anchorOn === null ? undefined : rollingFrom(anchorOn, tariff.months, startOn)
  return inStep ?? rollingTerm(startOn, tariff.months, 0)
}

export type OpenTerm = { id: string; startOn: CivilDate; dueCents: number; paidCents: number }

/** What is still owed for a term; never less than nothing. */
export const owedFor = ({ dueCents, paidCents }: Pick<OpenTerm, 'dueCents' | 'paidCents'>): number =>
  Math.max(0, dueCents - paidCents)

export type Share = { termId: string; cents: number }

/**
 * What an amount covers: the oldest term first, of one day in the order of their ids, so that the same facts give the same
 * shares. What is over is the payer's credit.
 */
export function allocate(terms: readonly OpenTerm[], cents: number): { shares: Share[]; creditCents: number } {
  const oldestFirst = terms.toSorted((a, b) =>
    a.startOn === b.startOn ? (a.id < b.id ? -1 : 1) : a.startOn < b.startOn ? -1 : 1,
  )
  const shares: Share[] = []
  let left = cents
  for (const term of oldestFirst) {
    const share = Math.min(left, owedFor(term))
    if (share > 0) shares.push({ termId: term.id, cents: share })
    left -= Math.max(0, share)
  }
  return { shares, creditCents: left }
}

/** The share of a term's amount that falls on its days up to and including `on`, in whole cents, halves up. */
export function proRata({ startOn, endOn }: Span, dueCents: number, on: CivilDate): number {
  if (endOn === null || on >= endOn) return dueCents
  if (on < startOn) return 0
  const days = (from: CivilDate, to: CivilDate): number =>
    Temporal.PlainDate.from(from).until(to, { largestUnit: 'day' }).days + 1
  return Math.round((dueCents * days(startOn, on)) / days(startOn, endOn))
}
