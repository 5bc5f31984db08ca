// Where a member stood on a day, as it was known at the end of another: for whoever must explain a letter or a closed door of
// last month. Money counts from its value date, and a fact from the moment at which it was recorded.
import type { Core } from '../core.ts'
import { defaultRules, inForceOn } from '../domain/dues.ts'
import { AppError } from '../domain/errors.ts'
import { type StandingAnswer, standingOn, type Term } from '../domain/standing.ts'
import { addDays, type CivilDate, civilDate, isCivilDate, startOfDay } from '../domain/time.ts'
import type { FactsKept } from '../ports.ts'
import { organisationNamed } from './members.ts'

/** The terms that were known, with what was paid on each by a day. */
function termsKnown({ terms, allocations }: FactsKept, on: CivilDate, before: number, zone: string): Term[] {
  // A value date may lie some days ahead: what is recorded counts at once.
  const counts = ({ valueOn, recordedAt }: FactsKept['allocations'][number]): boolean =>
    recordedAt < before && (valueOn <= on || civilDate(recordedAt, zone) <= on)
  return terms
    .filter(({ createdAt, cancelledAt }) => createdAt < before && (cancelledAt === null || cancelledAt >= before))
    .map(({ id, startOn, endOn, dueCents, exempt }) => {
      const paidCents = allocations
        .filter((allocation) => allocation.termId === id && counts(allocation))
        .reduce((sum, { cents }) => sum + cents, 0)
      return { startOn, endOn, dueCents, exempt, paidCents }
    })
}

/** The standing on `on` by all that was recorded by the end of `knownOn`. Throws `invalid_value` of a field that is no date. */
export const standingAsKnown =
  (core: Pick<Core, 'store' | 'config'>) =>
  async ({
    memberId,
    on,
    knownOn,
  }: {
    memberId: string
    on: CivilDate
    knownOn: CivilDate
  }): Promise<StandingAnswer> => {
    for (const [field, day] of Object.entries({ on, knownOn }))
      if (!isCivilDate(day))
        throw new AppError('invalid_value', { field, detail: `not a date: ${day}; write 2026-12-31` })
    const { store, config } = core
    const member = await store.members.get(memberId)
    if (!member) throw new AppError('not_found', { detail: 'there is no such member' })
    const { timeZone } = await organisationNamed(store, member.organisationId)
    const before = startOfDay(addDays(knownOn, 1), timeZone)
    const facts = await store.books.kept(memberId)
    const versions = (await store.dues.rules(member.organisationId)).filter(({ createdAt }) => createdAt < before)
    const rules = inForceOn(versions, on) ?? { ...defaultRules, graceDays: config.dues.graceDays }
    const events = facts.events.filter(({ recordedAt }) => recordedAt < before)
    return standingOn({ terms: termsKnown(facts, on, before, timeZone), events }, rules, on)
  }
