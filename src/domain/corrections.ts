// Dues put right by hand: when an exemption makes sense, what a tariff that changes within a term leaves due and where the
// money goes, what a refund is taken from. Pure; money is integer cents and none of it is lost or made.
import { owedFor, proRata, type Span } from './dues.ts'
import type { ErrorCode } from './errors.ts'
import type { Term } from './standing.ts'
import { addDays, type CivilDate } from './time.ts'

const FOR_EVER = '9999-12-31'
const lastOf = ({ endOn }: Span): CivilDate => endOn ?? FOR_EVER

const isEmpty = (span: Span): boolean => lastOf(span) < span.startOn
const overlap = (one: Span, other: Span): boolean => one.startOn <= lastOf(other) && other.startOn <= lastOf(one)
const within = (inner: Span, outer: Span): boolean => inner.startOn >= outer.startOn && lastOf(inner) <= lastOf(outer)

export type Obstacle = {
  code: ErrorCode & ('exempt_already' | 'exempt_needless' | 'term_open' | 'term_paid')
  startOn: CivilDate
}

/** Why an exemption over one term makes no sense; undefined where the two can stand side by side. */
function obstacleOf(span: Span, term: Term, toleranceCents: number): Obstacle['code'] | undefined {
  if (isEmpty(term) || !overlap(span, term)) return undefined
  if (term.exempt) return 'exempt_already'
  // What is owed would be owed still, for days that cost nothing.
  if (owedFor(term) > toleranceCents) return 'term_open'
  if (within(span, term)) return 'exempt_needless'
  // Begun within what was paid it carries on from there; begun before it, the money would have been for nothing.
  return term.paidCents > 0 && span.startOn <= term.startOn ? 'term_paid' : undefined
}

/** The first of a member's terms that an exemption cannot overlap. */
export function exemptionObstacle(span: Span, terms: readonly Term[], toleranceCents: number): Obstacle | undefined {
  for (const term of terms.toSorted((a, b) => (a.startOn < b.startOn ? -1 : 1))) {
    const code = obstacleOf(span, term, toleranceCents)
    if (code) return { code, startOn: term.startOn }
  }
  return undefined
}

/** A term up to a day, and from the day after it; either is undefined where no day is left. */
export function cutAfter(
  { startOn, endOn }: Span,
  on: CivilDate,
): { before: Span | undefined; after: Span | undefined } {
  const [before, after] = [
    { startOn, endOn: endOn !== null && endOn < on ? endOn : on },
    { startOn: [startOn, addDays(on, 1)].toSorted()[1]!, endOn },
  ]
  return { before: isEmpty(before) ? undefined : before, after: isEmpty(after) ? undefined : after }
}

export type Held = { paymentId: string; cents: number }
export type Moved = Held & { to: 'before' | 'after' }
export type TariffCut = {
  /** The old term up to the day before the change; undefined when the new one takes its place whole. */
  before: (Span & { dueCents: number }) | undefined
  after: Span & { dueCents: number }
  /** Where what was paid on the old term goes, payment by payment. */
  moved: Moved[]
  /** What of it is on neither: the payers' credit. */
  credit: Held[]
}

/**
 * The old term up to the day before the change costs its share of the days; the new one, to the same end, costs what is left
 * of `priceCents`, the price of the `whole` term (which was there before any change) by the new tariff. What was paid goes on
 * the old part first, then on the new one; in which order the payments are given makes no difference to either.
 */
export function cutForTariff(
  {
    term,
    whole,
    priceCents,
    held,
  }: { term: Span & { dueCents: number }; whole: Span; priceCents: number; held: readonly Held[] },
  fromOn: CivilDate,
): TariffCut {
  const eve = addDays(fromOn, -1)
  const { before } = cutAfter(term, eve)
  const beforeDue = before ? proRata(term, term.dueCents, eve) : 0
  const after = { startOn: fromOn, endOn: term.endOn, dueCents: priceCents - proRata(whole, priceCents, eve) }
  const room = { before: beforeDue, after: after.dueCents }
  const moved: Moved[] = []
  const credit: Held[] = []
  for (const { paymentId, cents } of held) {
    let left = cents
    for (const to of ['before', 'after'] as const) {
      const share = Math.min(left, room[to])
      if (share <= 0) continue
      moved.push({ paymentId, cents: share, to })
      room[to] -= share
      left -= share
    }
    if (left > 0) credit.push({ paymentId, cents: left })
  }
  return { before: before && { ...before, dueCents: beforeDue }, after, moved, credit }
}

/** What a whole term of one tariff costs by another: by the month, for terms of another length. */
export const priceFor = (amountCents: number, months: number, wholeMonths: number): number =>
  Math.round((amountCents * wholeMonths) / months)

/** What lies of a payment on one term; `recordedAt`: when the last of it was put there. */
export type Lying = { termId: string; cents: number; startOn: CivilDate; recordedAt: number }

/**
 * What a refund is taken from: first what lies on no term, then the shares that were given last, of those given at once the
 * one of the latest term. Undefined when there is not that much.
 */
export function takeBack(
  cents: number,
  creditCents: number,
  lying: readonly Lying[],
): { creditCents: number; shares: { termId: string; cents: number }[] } | undefined {
  const newestFirst = lying.toSorted(
    (a, b) =>
      b.recordedAt - a.recordedAt ||
      (a.startOn === b.startOn ? (a.termId < b.termId ? -1 : 1) : a.startOn < b.startOn ? 1 : -1),
  )
  const fromCredit = Math.min(cents, Math.max(0, creditCents))
  const shares: { termId: string; cents: number }[] = []
  let left = cents - fromCredit
  for (const { termId, cents: there } of newestFirst) {
    const share = Math.min(left, there)
    if (share > 0) shares.push({ termId, cents: share })
    left -= Math.max(0, share)
  }
  return left === 0 ? { creditCents: fromCredit, shares } : undefined
}
