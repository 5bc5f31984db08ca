// Money that arrived: recorded, put on the oldest terms of everybody whom its payer pays for, and, when it was wrong, taken
// back by one more row. A payment lifts a lapse and nothing else: a suspension stays, and so does a closed membership.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { allocate, type OpenTerm, owedFor } from '../domain/dues.ts'
import { AppError } from '../domain/errors.ts'
import { addDays, type CivilDate, civilDate, isCivilDate } from '../domain/time.ts'
import type { Allocation, Cause, Member, PaidTerm, Payment, PaymentSource, Receipt, Stores } from '../ports.ts'
import { type RulesOn, refresh, rulesOn } from './standing.ts'

/** A value date may lie some days ahead at the bank; more is a mistake in typing. */
const DAYS_AHEAD = 7
const HIGHEST_CENTS = 1_000_000_00

export type PayersTerm = PaidTerm & { member: Member }

/** The terms of those whom a payer pays for, of which something is owed, the oldest first. */
export async function openTerms(stores: Pick<Stores, 'dues' | 'standings'>, payerId: string): Promise<PayersTerm[]> {
  const open: PayersTerm[] = []
  for (const member of await stores.dues.paidBy(payerId))
    for (const term of await stores.standings.terms(member.id))
      if (!term.exempt && owedFor(term) > 0) open.push({ ...term, member })
  return open.toSorted((a, b) => (a.startOn < b.startOn ? -1 : a.startOn > b.startOn ? 1 : 0))
}

/** What a payer has paid that is on no term yet, payment by payment, the oldest first. */
export async function creditOf(
  stores: Pick<Stores, 'payments'>,
  payerId: string,
): Promise<{ paymentId: string; cents: number }[]> {
  const payments = (await stores.payments.ofPayer(payerId)).filter(
    ({ reversed, reversesId }) => !reversed && !reversesId,
  )
  return payments
    .toReversed()
    .map(({ id, cents, allocations }) => ({
      paymentId: id,
      cents: cents - allocations.reduce((sum, allocation) => sum + allocation.cents, 0),
    }))
    .filter(({ cents }) => cents > 0)
}

const allocationsOf = (
  core: Pick<Core, 'random' | 'clock'>,
  paymentId: string,
  shares: readonly { termId: string; cents: number }[],
  recordedBy: Actor,
): Allocation[] =>
  shares.map(({ termId, cents }) => ({
    id: core.random.uuid(),
    paymentId,
    termId,
    cents,
    recordedAt: core.clock.now(),
    recordedBy,
  }))

/** Brings the standings of these members up to what was paid. */
async function refreshAll(
  core: Core,
  stores: Stores,
  members: readonly { id: string }[],
  { on, rules }: PaymentGround,
  cause: Cause,
  actor: Actor,
): Promise<void> {
  for (const id of new Set(members.map((member) => member.id))) await refresh(core, stores, id, on, cause, actor, rules)
}

/** What holds for every payment of an organisation on one day. */
export type PaymentGround = { on: CivilDate; rules: RulesOn }

export async function paymentGround(
  core: Core,
  stores: Pick<Stores, 'organisations' | 'dues'>,
  organisationId: string,
): Promise<PaymentGround> {
  const organisation = (await stores.organisations.all()).find(({ id }) => id === organisationId)
  const on = civilDate(core.clock.now(), organisation?.timeZone ?? 'Europe/Brussels')
  return { on, rules: await rulesOn(core, stores, organisationId, on) }
}

/** Puts what a payer has over on what is owed; the members it helped. Inside the transaction of its cause. */
export async function useCredit(core: Core, stores: Stores, payerId: string, actor: Actor): Promise<Member[]> {
  let open: PayersTerm[] = await openTerms(stores, payerId)
  const helped: Member[] = []
  for (const { paymentId, cents } of await creditOf(stores, payerId)) {
    const { shares } = allocate(open, cents)
    if (shares.length === 0) break
    await stores.payments.allocate(allocationsOf(core, paymentId, shares, actor))
    const given = new Map(shares.map((share) => [share.termId, share.cents]))
    helped.push(...open.filter(({ id }) => given.has(id)).map(({ member }) => member))
    open = open.map((term) => ({ ...term, paidCents: term.paidCents + (given.get(term.id) ?? 0) }))
  }
  return helped
}

export type Received = {
  payment: Payment
  receipt: Receipt
  /** What of it is on no term: kept for the payer's next call, or to be paid back. */
  creditCents: number
}

export type NewPayment = {
  /** Made by whoever asks, so that what is sent twice is recorded once: the second throws `conflict`. */
  id?: string
  payerId: string
  source: PaymentSource
  cents: number
  valueOn: CivilDate
  note?: string
  bankLineId?: string | null
  actor: Actor
}

/**
 * Records a payment within a transaction: by hand and from a statement alike. `known` is what the caller has looked up in the
 * same transaction, after its own audit.
 */
export async function receive(
  core: Core,
  stores: Stores,
  input: NewPayment,
  cause: Cause,
  known?: PaymentGround & { open?: PayersTerm[] },
): Promise<Received> {
  const { id = core.random.uuid(), payerId, source, cents, valueOn, note = '', bankLineId = null, actor } = input
  const payer = await stores.members.get(payerId)
  if (!payer) throw new AppError('not_found', { field: 'payer', detail: 'there is no such payer' })
  const ground = known ?? (await paymentGround(core, stores, payer.organisationId))
  const today = ground.on
  if (!Number.isSafeInteger(cents) || cents <= 0 || cents > HIGHEST_CENTS)
    throw new AppError('invalid_value', { field: 'cents', detail: 'an amount is more than 0 and at most a million' })
  if (!isCivilDate(valueOn) || valueOn > addDays(today, DAYS_AHEAD))
    throw new AppError('invalid_value', {
      field: 'valueOn',
      detail: `not a day on which money has arrived: ${valueOn}`,
    })
  if (note.length > 500)
    throw new AppError('invalid_value', { field: 'note', detail: 'the note is longer than 500 characters' })
  const at = core.clock.now()
  const payment: Payment = {
    id,
    organisationId: payer.organisationId,
    payerId,
    source,
    bankLineId,
    valueOn,
    cents,
    note,
    reversesId: null,
    recordedAt: at,
    recordedBy: actor,
  }
  // The audit first: it lets one at a time through, and nobody else takes this receipt's number or these terms.
  await audit(core, stores, {
    action: 'payment.recorded',
    actor,
    subjectKind: 'member',
    subjectId: payerId,
    payload: { paymentId: payment.id, cents, source, valueOn },
  })
  if (input.id !== undefined && (await stores.payments.get(id)))
    throw new AppError('conflict', { detail: 'this payment is recorded already' })
  const open = known?.open ?? (await openTerms(stores, payerId))
  const { shares, creditCents } = allocate(open satisfies OpenTerm[], cents)
  await stores.payments.add(payment, allocationsOf(core, payment.id, shares, actor))
  const year = Number(today.slice(0, 4))
  const receipt = await stores.payments.addReceipt({
    organisationId: payer.organisationId,
    year,
    paymentId: payment.id,
    issuedOn: today,
  })
  const paidFor = new Set(shares.map(({ termId }) => termId))
  const members = open.filter(({ id }) => paidFor.has(id)).map(({ member }) => member)
  await refreshAll(core, stores, members, ground, cause, actor)
  return { payment, receipt, creditCents }
}

export const recordPayment =
  (core: Core) =>
  async (input: NewPayment): Promise<Received> => {
    const received = await core.store.transaction((stores) => receive(core, stores, input, 'person'))
    core.wake()
    return received
  }

/**
 * Takes a payment back: a mistake, a refund, a bounced debit. What it had paid is owed again, without a new grace; a bank
 * line that it came from waits anew for somebody to say what it is. Throws `conflict` the second time.
 */
export const reversePayment =
  (core: Core) =>
  async ({ paymentId, note, actor }: { paymentId: string; note: string; actor: Actor }): Promise<Payment> => {
    if (note.trim() === '' || note.length > 500)
      throw new AppError('required', { field: 'note', detail: 'say why, in 1 to 500 characters' })
    const reversal = await core.store.transaction(async (stores) => {
      const payment = await stores.payments.get(paymentId)
      if (!payment) throw new AppError('not_found', { detail: 'there is no such payment' })
      if (payment.reversed || payment.reversesId !== null)
        throw new AppError('conflict', { detail: 'this was taken back already' })
      const { allocations, reversed: _, ...original } = payment
      const ground = await paymentGround(core, stores, payment.organisationId)
      const made: Payment = {
        ...original,
        id: core.random.uuid(),
        cents: -payment.cents,
        valueOn: ground.on,
        note: note.trim(),
        bankLineId: null,
        reversesId: paymentId,
        recordedAt: core.clock.now(),
        recordedBy: actor,
      }
      await audit(core, stores, {
        action: 'payment.reversed',
        actor,
        subjectKind: 'member',
        subjectId: payment.payerId,
        payload: { paymentId, cents: payment.cents, note: made.note },
      })
      const back = allocations.map(({ termId, cents }) => ({ termId, cents: -cents }))
      await stores.payments.add(made, allocationsOf(core, made.id, back, actor))
      if (payment.bankLineId) await stores.bank.setState(payment.bankLineId, 'new', made.note)
      await refreshAll(core, stores, await stores.dues.paidBy(payment.payerId), ground, 'person', actor)
      return made
    })
    core.wake()
    return reversal
  }
