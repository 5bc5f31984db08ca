// Standing: where a member stands on a date. One pure function of facts and a date; it reads no clock and stores
// nothing. Everything else in the house (access, reminders, pages) follows from its answer.
import { addDays, type CivilDate } from './time.ts'

export const standings = ['applicant', 'future', 'current', 'grace', 'lapsed', 'closed'] as const
export type Standing = (typeof standings)[number]

export const closingEvents = ['resigned', 'expelled', 'deceased', 'dissolved'] as const
export const memberEvents = [...closingEvents, 'readmitted'] as const
export type MemberEventKind = (typeof memberEvents)[number]

/** A period to be covered; both ends belong to it, `endOn` null is for life. It is covered once paid or exempt. */
export type Term = { startOn: CivilDate; endOn: CivilDate | null; dueCents: number; paidCents: number; exempt: boolean }
export type MemberEvent = { kind: MemberEventKind; effectiveOn: CivilDate }
export type StandingFacts = { terms: readonly Term[]; events: readonly MemberEvent[] }
/**
 * `graceDays`: how long everything still works after the last covered day. `toleranceCents`: what may be missing (a bank's
 * charges) for a term to be covered.
 */
export type StandingRules = { graceDays: number; toleranceCents?: number }

export type StandingAnswer = {
  standing: Standing
  /** Last day of the run of covered terms that holds on the date, or that ended last. Null: never covered, or for life. */
  coveredUntilOn: CivilDate | null
  /** Last day of grace, while in grace. */
  graceUntilOn: CivilDate | null
  /** Until the day before this date the answer stays as it is if no new fact arrives; null: for ever. */
  nextChangeOn: CivilDate | null
}

type Run = { startOn: CivilDate; endOn: CivilDate | null }

/** A term that ends before it begins covers nothing. */
const isCovered = ({ startOn, endOn, dueCents, paidCents, exempt }: Term, toleranceCents: number): boolean =>
  (exempt || paidCents >= dueCents - toleranceCents) && (endOn === null || endOn >= startOn)

/** Covered terms joined into runs without a hole: a term that begins the day after another ends continues it. */
function coveredRuns(terms: readonly Term[], toleranceCents = 0): Run[] {
  const runs: Run[] = []
  const covered = terms.filter((term) => isCovered(term, toleranceCents))
  for (const { startOn, endOn } of covered.toSorted((a, b) => (a.startOn < b.startOn ? -1 : 1))) {
    const last = runs.at(-1)
    if (!last || (last.endOn !== null && startOn > addDays(last.endOn, 1))) runs.push({ startOn, endOn })
    else if (last.endOn !== null && (endOn === null || endOn > last.endOn)) last.endOn = endOn
  }
  return runs
}

/** The first day of the uninterrupted cover that holds on a date or ended last before it; null when there was none. */
export const coveredSince = (terms: readonly Term[], rules: StandingRules, on: CivilDate): CivilDate | null =>
  coveredRuns(terms, rules.toleranceCents).findLast((run) => run.startOn <= on)?.startOn ?? null

/** The last covered day of that, or of the cover that is yet to come. */
export const coveredThrough = (terms: readonly Term[], rules: StandingRules): CivilDate | 'for life' | null => {
  const last = coveredRuns(terms, rules.toleranceCents).at(-1)
  return last ? (last.endOn ?? 'for life') : null
}

/** The event in force on a date: the latest by effective date, and of one date the one recorded last. */
const lastEvent = (events: readonly MemberEvent[], on: CivilDate): MemberEvent | undefined =>
  events
    .filter((event) => event.effectiveOn <= on)
    .reduce<MemberEvent | undefined>(
      (last, event) => (last && last.effectiveOn > event.effectiveOn ? last : event),
      undefined,
    )

const earliest = (...dates: (CivilDate | null | undefined)[]): CivilDate | null =>
  dates.filter((date) => date != null).toSorted()[0] ?? null

/** What the terms alone say; closing events are laid over it by `standingOn`. */
function coverOn(terms: readonly Term[], rules: StandingRules, on: CivilDate): StandingAnswer {
  const runs = coveredRuns(terms, rules.toleranceCents)
  const next = runs.find((run) => run.startOn > on)
  const run = runs.findLast((candidate) => candidate.startOn <= on)
  if (!run)
    return {
      standing: next ? 'future' : 'applicant',
      coveredUntilOn: null,
      graceUntilOn: null,
      nextChangeOn: next?.startOn ?? null,
    }
  if (run.endOn === null) return { standing: 'current', coveredUntilOn: null, graceUntilOn: null, nextChangeOn: null }
  if (on <= run.endOn)
    return { standing: 'current', coveredUntilOn: run.endOn, graceUntilOn: null, nextChangeOn: addDays(run.endOn, 1) }
  const graceUntilOn = addDays(run.endOn, rules.graceDays)
  if (on <= graceUntilOn)
    return {
      standing: 'grace',
      coveredUntilOn: run.endOn,
      graceUntilOn,
      nextChangeOn: earliest(next?.startOn, addDays(graceUntilOn, 1)),
    }
  return { standing: 'lapsed', coveredUntilOn: run.endOn, graceUntilOn: null, nextChangeOn: next?.startOn ?? null }
}

/**
 * The standing of a member on a date. Ends are inclusive: `current` on the last covered day, `grace` from the day
 * after, `lapsed` from end + grace + 1. A closing event wins over any dates, until a readmission. An unpaid term never
 * lowers anything.
 */
export function standingOn(facts: StandingFacts, rules: StandingRules, on: CivilDate): StandingAnswer {
  const cover = coverOn(facts.terms, rules, on)
  const nextEventOn = earliest(
    ...facts.events.filter((event) => event.effectiveOn > on).map((event) => event.effectiveOn),
  )
  const event = lastEvent(facts.events, on)
  const closed = event && event.kind !== 'readmitted'
  return {
    ...cover,
    ...(closed && { standing: 'closed', graceUntilOn: null }),
    nextChangeOn: earliest(cover.nextChangeOn, nextEventOn),
  }
}
