// Terms by a treasurer's hand: an exemption and its early end, a term or a call that was a mistake. A term is never changed and
// never deleted: it is cancelled, and where a part of it stays, another one carries that on.
import type { Actor, Core } from '../core.ts'
import { cutAfter, exemptionObstacle } from '../domain/corrections.ts'
import { owedFor } from '../domain/dues.ts'
import { AppError } from '../domain/errors.ts'
import { addDays, type CivilDate } from '../domain/time.ts'
import type { Call, CallLine, PaidTerm, Stores, TermRecord } from '../ports.ts'
import {
  checkedDay,
  checkedReason,
  correcting,
  dropCalls,
  dropTerm,
  type Hand,
  liveTerm,
  noted,
  restand,
} from './by-hand.ts'
import { useCredit } from './payments.ts'
import { setMemberDuesIn } from './tariffs.ts'

export type NewExemption = {
  memberId: string
  fromOn: CivilDate
  /** Its last day; null for life. */
  untilOn: CivilDate | null
  reason: string
  actor: Actor
}

const obstacles = {
  exempt_already: 'it is exempt already by the exemption',
  exempt_needless: 'these days are covered already by the term',
  term_open: 'something is owed still for these days; cancel first the term',
  term_paid: 'what was paid would be for nothing; cancel first, or begin within, the term',
} as const

/** A term with nothing due, and why. Throws the code of what it cannot overlap, with `startOn`. */
export const exempt =
  (core: Core) =>
  async ({ memberId, fromOn, untilOn, reason: typed, actor }: NewExemption): Promise<TermRecord> => {
    const reason = checkedReason(typed)
    const startOn = checkedDay(fromOn, 'fromOn')
    const endOn = untilOn === null ? null : checkedDay(untilOn, 'untilOn')
    if (endOn !== null && endOn < startOn)
      throw new AppError('invalid_value', { field: 'untilOn', detail: 'it ends before it begins' })
    return correcting(core, { memberId, actor }, async (stores, hand) => {
      const { terms } = await stores.standings.facts(memberId)
      const obstacle = exemptionObstacle({ startOn, endOn }, terms, hand.ground.rules.rules.toleranceCents)
      if (obstacle)
        throw new AppError(obstacle.code, {
          detail: `${obstacles[obstacle.code]} that begins on ${obstacle.startOn}`,
          params: { startOn: obstacle.startOn },
        })
      const term: TermRecord = {
        id: core.random.uuid(),
        memberId,
        startOn,
        endOn,
        dueCents: 0,
        exempt: true,
        reason,
        tariffId: null,
        replacesId: null,
        source: 'exemption',
        createdAt: core.clock.now(),
        createdBy: actor,
      }
      await stores.standings.addTerm(term)
      await noted(core, stores, hand, 'term.exempted', { termId: term.id, fromOn: startOn, untilOn: endOn, reason })
      await restand(core, stores, hand, [hand.member])
      return term
    })
  }

/** Ends an exemption with a day, its last; the day before it began, and there was none. */
export const endExemption =
  (core: Core) =>
  async (input: {
    memberId: string
    termId: string
    lastOn: CivilDate
    reason: string
    actor: Actor
  }): Promise<void> => {
    const { memberId, termId, actor } = input
    const reason = checkedReason(input.reason)
    const lastOn = checkedDay(input.lastOn, 'lastOn')
    await correcting(core, { memberId, actor }, async (stores, hand) => {
      const term = await liveTerm(stores, memberId, termId)
      if (!term.exempt) throw new AppError('not_found', { detail: 'this term is no exemption' })
      if (lastOn < addDays(term.startOn, -1) || (term.endOn !== null && lastOn >= term.endOn))
        throw new AppError('invalid_value', { field: 'lastOn', detail: 'a day within the exemption, before its last' })
      const { before } = cutAfter(term, lastOn)
      await dropTerm(core, stores, hand, term, reason)
      const { paidCents: _, ...record } = term
      const createdAt = core.clock.now()
      if (before)
        await stores.standings.addTerm({
          ...record,
          ...before,
          id: core.random.uuid(),
          replacesId: term.id,
          createdAt,
          createdBy: actor,
        })
      await noted(core, stores, hand, 'term.ended', { termId, lastOn, reason })
      await restand(core, stores, hand, [hand.member])
    })
  }

/** What comes with a mistake in asking: why it was one, and whether the member is to be asked for anything again. */
type Mistake = {
  reason: string
  /** Leaves the member without a tariff, so that the next night does not ask for the same. */
  withoutTariff?: boolean
  actor: Actor
}

async function leaveWithoutTariff(core: Core, stores: Stores, memberId: string, actor: Actor): Promise<void> {
  const payerId = (await stores.dues.member(memberId))?.payerId ?? null
  await setMemberDuesIn(core, stores, { memberId, tariff: null, payerId, actor })
}

/** Terms that go, with the calls that ask for what was owed of them. */
async function drop(core: Core, stores: Stores, hand: Hand, terms: readonly PaidTerm[], mistake: Mistake) {
  const { reason, withoutTariff = false, actor } = mistake
  const owed = terms.filter((term) => !term.exempt && owedFor(term) > 0)
  const calls = await stores.calls.asking(owed.map(({ id }) => id))
  for (const term of terms) {
    const held = await dropTerm(core, stores, hand, term, reason)
    await noted(core, stores, hand, 'term.cancelled', {
      termId: term.id,
      startOn: term.startOn,
      dueCents: term.dueCents,
      creditCents: held.reduce((sum, { cents }) => sum + cents, 0),
      reason,
    })
    if (withoutTariff) await leaveWithoutTariff(core, stores, term.memberId, actor)
  }
  // What is over pays what else is owed, before anybody is asked for that.
  const helped = await useCredit(core, stores, hand.payerId, actor)
  await dropCalls(core, stores, hand, calls, { reason })
  await restand(core, stores, hand, [...terms.map(({ memberId }) => ({ id: memberId })), ...helped])
}

/**
 * Cancels a term that was called by mistake, and the calls that ask for it; what else they asked for is called anew. What was
 * paid on it is the payers' credit. Throws `not_found` for one that was cancelled already.
 */
export const cancelTerm =
  (core: Core) =>
  async ({ memberId, termId, ...given }: Mistake & { memberId: string; termId: string }): Promise<void> => {
    const mistake = { ...given, reason: checkedReason(given.reason) }
    await correcting(core, { memberId, actor: given.actor }, async (stores, hand) =>
      drop(core, stores, hand, [await liveTerm(stores, memberId, termId)], mistake),
    )
  }

/** The terms of a call, of which something is owed. */
async function openOfCall(stores: Stores, lines: readonly CallLine[]): Promise<PaidTerm[]> {
  const asked = await stores.books.termsById(lines.map(({ termId }) => termId))
  const ids = new Set(asked.map(({ id }) => id))
  const open: PaidTerm[] = []
  for (const memberId of new Set(asked.map((term) => term.memberId)))
    open.push(
      ...(await stores.standings.terms(memberId)).filter(
        (term) => ids.has(term.id) && !term.exempt && owedFor(term) > 0,
      ),
    )
  return open
}

/** A payer's call, also a cancelled one. Throws `not_found`. */
export async function callOf(
  stores: Pick<Stores, 'calls'>,
  payerId: string,
  callId: string,
): Promise<Call & { lines: CallLine[] }> {
  const call = (await stores.calls.ofPayer(payerId)).find(({ id }) => id === callId)
  if (!call) throw new AppError('not_found', { detail: 'there is no such call' })
  return call
}

/** Cancels a call with the terms that it asks for and that are not paid. Throws `conflict` the second time. */
export const cancelCall =
  (core: Core) =>
  async ({ payerId, callId, ...given }: Mistake & { payerId: string; callId: string }): Promise<void> => {
    const mistake = { ...given, reason: checkedReason(given.reason) }
    await correcting(core, { memberId: payerId, actor: given.actor }, async (stores, hand) => {
      const call = await callOf(stores, payerId, callId)
      if (call.cancelledAt !== null) throw new AppError('conflict', { detail: 'this call was cancelled already' })
      await stores.calls.cancel(call.id, core.clock.now())
      await noted(core, stores, hand, 'call.cancelled', { callId, ogm: call.ogm, reason: mistake.reason })
      await drop(core, stores, hand, await openOfCall(stores, call.lines), mistake)
    })
  }
