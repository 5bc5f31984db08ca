// What corrections of a member's dues have in common: the facts read once nobody else can change them, money taken off a term,
// and calls that ask for what is owed no more.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import type { AuditAction } from '../domain/audit-actions.ts'
import type { Held } from '../domain/corrections.ts'
import { AppError } from '../domain/errors.ts'
import { type CivilDate, civilDate, isCivilDate } from '../domain/time.ts'
import type { Call, FactsKept, Member, Organisation, PaidTerm, Stores } from '../ports.ts'
import { callPayer } from './call-dues.ts'
import { organisationNamed } from './members.ts'
import { refreshAll } from './payments.ts'
import { allocationsOf, type PaymentGround } from './posting.ts'
import { rulesOn } from './standing.ts'

const LONGEST_REASON = 500

export function checkedReason(typed: string): string {
  const reason = typed.trim()
  if (reason === '' || reason.length > LONGEST_REASON)
    throw new AppError('required', { field: 'reason', detail: 'say why, in 1 to 500 characters' })
  return reason
}

export function checkedDay(on: string, field: string): CivilDate {
  if (!isCivilDate(on)) throw new AppError('invalid_value', { field, detail: `not a date: ${on}; write 2026-12-31` })
  return on
}

export type Hand = { member: Member; organisation: Organisation; payerId: string; ground: PaymentGround; actor: Actor }

/** Who it is about, and what holds today. Throws `not_found`. */
export async function handOn(
  core: Pick<Core, 'clock' | 'config'>,
  stores: Stores,
  memberId: string,
  actor: Actor,
): Promise<Hand> {
  const member = await stores.members.get(memberId)
  if (!member) throw new AppError('not_found', { detail: 'there is no such member' })
  const organisation = await organisationNamed(stores, member.organisationId)
  const on = civilDate(core.clock.now(), organisation.timeZone)
  const rules = await rulesOn(core, stores, organisation.id, on)
  const payerId = (await stores.dues.member(memberId))?.payerId ?? memberId
  return { member, organisation, payerId, ground: { on, rules }, actor }
}

/** A correction in a transaction in which nobody else pays, calls or changes the member; then the services are woken. */
export async function correcting<T>(
  core: Core,
  { memberId, actor }: { memberId: string; actor: Actor },
  work: (stores: Stores, hand: Hand) => Promise<T>,
): Promise<T> {
  const result = await core.store.transaction(async (stores) => {
    await stores.audit.hold()
    await stores.standings.facts(memberId)
    return work(stores, await handOn(core, stores, memberId, actor))
  })
  core.wake()
  return result
}

export const noted = (
  core: Pick<Core, 'clock' | 'random'>,
  stores: Stores,
  { member, actor }: Hand,
  action: AuditAction,
  payload: Record<string, unknown>,
): Promise<void> => audit(core, stores, { action, actor, subjectKind: 'member', subjectId: member.id, payload })

export const restand = (core: Core, stores: Stores, { ground, actor }: Hand, members: readonly { id: string }[]) =>
  refreshAll(core, stores, members, ground, 'person', actor)

/** A member's term that was not cancelled. Throws `not_found`. */
export async function liveTerm(stores: Pick<Stores, 'standings'>, memberId: string, termId: string): Promise<PaidTerm> {
  const term = (await stores.standings.terms(memberId)).find(({ id }) => id === termId)
  if (!term) throw new AppError('not_found', { detail: 'there is no such term, or it was cancelled' })
  return term
}

/** What lies on a term, by the payment that arrived, in the order of their value dates. */
export function heldOn({ allocations }: FactsKept, termId: string): Held[] {
  const held = new Map<string, number>()
  for (const { rootId, cents } of allocations.filter((allocation) => allocation.termId === termId))
    held.set(rootId, (held.get(rootId) ?? 0) + cents)
  return [...held].map(([paymentId, cents]) => ({ paymentId, cents })).filter(({ cents }) => cents !== 0)
}

/** Puts shares of payments on terms, or takes them off where they are negative. */
export const move = (
  core: Pick<Core, 'clock' | 'random'>,
  stores: Stores,
  { actor }: Hand,
  shares: readonly { paymentId: string; termId: string; cents: number }[],
): Promise<void> =>
  stores.payments.allocate(shares.flatMap((share) => allocationsOf(core, share.paymentId, [share], actor)))

/** Cancels a term; what was paid on it is its payers' credit from then on. The payments that it lay on. */
export async function dropTerm(
  core: Pick<Core, 'clock' | 'random'>,
  stores: Stores,
  hand: Hand,
  term: Pick<PaidTerm, 'id' | 'memberId'>,
  reason: string,
): Promise<Held[]> {
  const held = heldOn(await stores.books.kept(term.memberId), term.id)
  await move(
    core,
    stores,
    hand,
    held.map(({ paymentId, cents }) => ({ paymentId, termId: term.id, cents: -cents })),
  )
  await stores.standings.cancelTerm(term.id, core.clock.now(), { by: hand.actor, reason })
  return held
}

/** Cancels calls; with `recall` whoever they asked for more than what is gone is asked anew for the rest. */
export async function dropCalls(
  core: Core,
  stores: Stores,
  hand: Hand,
  calls: readonly Call[],
  { reason, recall = true }: { reason: string; recall?: boolean },
): Promise<void> {
  for (const { id, ogm } of calls) {
    await stores.calls.cancel(id, core.clock.now())
    await noted(core, stores, hand, 'call.cancelled', { callId: id, ogm, reason })
  }
  const { organisation, ground, actor } = hand
  if (recall)
    for (const payerId of new Set(calls.map((call) => call.payerId)))
      await callPayer(core, stores, payerId, { organisation, on: ground.on, actor })
}
