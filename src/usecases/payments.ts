// Money that arrived: recorded, put on the oldest terms of everybody whom its payer pays for, and, when it was wrong, taken
// back by one more row. A payment lifts a lapse and nothing else: a suspension stays, and so does a closed membership.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { allocate } from '../domain/dues.ts'
import { AppError } from '../domain/errors.ts'
import { addDays, type CivilDate, civilDate, isCivilDate, laterOf } from '../domain/time.ts'
import type { Cause, Member, Payment, PaymentSource, Receipt, Stores } from '../ports.ts'
import { allocationsOf, openOf, openPosting, type PayersTerm, type PaymentGround } from './posting.ts'
import { refresh, rulesOn } from './standing.ts'

export type { PayersTerm, PaymentGround }

/** A value date may lie some days ahead at the bank; more is a mistake in typing. */
const DAYS_AHEAD = 7
export const isValueDate = (on: string, today: CivilDate): boolean =>
  isCivilDate(on) && on <= addDays(today, DAYS_AHEAD)
const HIGHEST_CENTS = 1_000_000_00

/** The terms of those whom a payer pays for, of which something is owed, the oldest first. */
export async function openTerms(stores: Pick<Stores, 'dues' | 'standings'>, payerId: string): Promise<PayersTerm[]> {
  const ledgers = []
  for (const member of await stores.dues.paidBy(payerId))
    ledgers.push({ member, terms: await stores.standings.terms(member.id) })
  return openOf(ledgers)
}

/** What a payer has paid that is on no term yet, payment by payment, the oldest first. */
export async function creditOf(
  stores: Pick<Stores, 'payments'>,
  payerId: string,
): Promise<{ paymentId: string; cents: number }[]> {
  const left = new Map<string, number>()
  for (const payment of (await stores.payments.ofPayer(payerId)).toReversed()) {
    const onTerms = payment.allocations.reduce((sum, { cents }) => sum + cents, 0)
    left.set(rootOf(payment), (left.get(rootOf(payment)) ?? 0) + payment.cents - onTerms)
  }
  return [...left].map(([paymentId, cents]) => ({ paymentId, cents })).filter(({ cents }) => cents > 0)
}

/** The payment that arrived, which a row is, takes back or pays back a part of. */
export const rootOf = ({ id, refundsId, reversesId }: Pick<Payment, 'id' | 'refundsId' | 'reversesId'>): string =>
  refundsId ?? reversesId ?? id

/** Brings the standings of these members up to what was paid. */
export async function refreshAll(
  core: Core,
  stores: Stores,
  members: readonly { id: string }[],
  { on, rules }: PaymentGround,
  cause: Cause,
  actor: Actor,
): Promise<void> {
  for (const id of new Set(members.map((member) => member.id))) await refresh(core, stores, id, on, cause, actor, rules)
}

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

/** Why this cannot be a payment on a day; undefined when it can. */
export function whyNot(
  { cents, valueOn, note = '' }: Pick<NewPayment, 'cents' | 'valueOn' | 'note'>,
  today: CivilDate,
): AppError | undefined {
  if (!Number.isSafeInteger(cents) || cents <= 0 || cents > HIGHEST_CENTS)
    return new AppError('invalid_value', { field: 'cents', detail: 'an amount is more than 0 and at most a million' })
  if (!isValueDate(valueOn, today))
    return new AppError('invalid_value', {
      field: 'valueOn',
      detail: `not a day on which money has arrived: ${valueOn}`,
    })
  if (note.length > 500)
    return new AppError('invalid_value', { field: 'note', detail: 'the note is longer than 500 characters' })
  return undefined
}

/** A payment as it is recorded now. */
export const paymentOf = (
  core: Pick<Core, 'random' | 'clock'>,
  organisationId: string,
  input: NewPayment,
): Payment => ({
  id: input.id ?? core.random.uuid(),
  organisationId,
  payerId: input.payerId,
  source: input.source,
  bankLineId: input.bankLineId ?? null,
  valueOn: input.valueOn,
  cents: input.cents,
  note: input.note ?? '',
  reversesId: null,
  refundsId: null,
  recordedAt: core.clock.now(),
  recordedBy: input.actor,
})

/** Records a payment within a transaction: by hand, or when a person has said whose a bank's line is. */
export async function receive(
  core: Core,
  stores: Stores,
  input: NewPayment,
  cause: Cause,
  known?: PaymentGround,
): Promise<Received> {
  const { id, payerId, actor } = input
  const payer = await stores.members.get(payerId)
  if (!payer) throw new AppError('not_found', { field: 'payer', detail: 'there is no such payer' })
  const ground = known ?? (await paymentGround(core, stores, payer.organisationId))
  const wrong = whyNot(input, ground.on)
  if (wrong) throw wrong
  const posting = await openPosting(core, stores, [payerId], ground, cause, actor)
  if (id !== undefined && (await stores.payments.get(id)))
    throw new AppError('conflict', { detail: 'this payment is recorded already' })
  const payment = paymentOf(core, payer.organisationId, input)
  const creditCents = posting.post(payment)
  const [receipt] = await posting.write()
  return { payment, receipt: receipt!, creditCents }
}

export const recordPayment =
  (core: Core) =>
  async (input: NewPayment): Promise<Received> => {
    const received = await core.store.transaction((stores) => receive(core, stores, input, 'person'))
    core.wake()
    return received
  }

/** A payment with whatever took it or a part of it back, as it is now; the oldest first. */
export async function familyOf(stores: Pick<Stores, 'payments'>, payment: Payment) {
  const all = await stores.payments.ofPayer(payment.payerId)
  return all.filter((one) => rootOf(one) === rootOf(payment)).toReversed()
}
export type Family = Awaited<ReturnType<typeof familyOf>>

/** What of a payment lies on each term, less what was taken from there. */
export function lyingOn(family: Family): Map<string, number> {
  const lying = new Map<string, number>()
  for (const { termId, cents } of family.flatMap(({ allocations }) => allocations))
    lying.set(termId, (lying.get(termId) ?? 0) + cents)
  return new Map([...lying].filter(([, cents]) => cents !== 0))
}

/** Adds a row of money that goes back, and brings the members whose terms it was on up to it. */
export async function giveBack(
  core: Core,
  stores: Stores,
  row: Payment,
  shares: readonly { termId: string; cents: number }[],
  ground: PaymentGround,
): Promise<void> {
  await stores.payments.add(row, allocationsOf(core, row.id, shares, row.recordedBy))
  const terms = await stores.books.termsById(shares.map(({ termId }) => termId))
  const members = terms.map(({ memberId }) => ({ id: memberId }))
  await refreshAll(core, stores, members, ground, 'person', row.recordedBy)
}

export type Reversal = { paymentId: string; note: string; valueOn?: CivilDate; actor: Actor }

/**
 * Takes back what is left of a payment. A refund that is taken back is the payer's credit again, which pays what is owed.
 * Inside a transaction, with the audit in hand: nobody else moves this money.
 */
export async function reverseIn(
  core: Core,
  stores: Stores,
  payment: Payment,
  { note, valueOn, actor }: Omit<Reversal, 'paymentId'>,
  ground: PaymentGround,
): Promise<Payment> {
  const family = await familyOf(stores, payment)
  const isTaken = (id: string): boolean => family.some(({ reversesId }) => reversesId === id)
  if (isTaken(payment.id) || isTaken(rootOf(payment)) || payment.reversesId !== null)
    throw new AppError('conflict', { detail: 'this was taken back already' })
  const on = valueOn ?? laterOf(ground.on, payment.valueOn)
  if (!isValueDate(on, ground.on) || on < payment.valueOn)
    throw new AppError('invalid_value', { field: 'valueOn', detail: `not a day on which it can have gone back: ${on}` })
  const isRefund = payment.refundsId !== null
  const { organisationId, payerId, source, refundsId } = payment
  const made: Payment = {
    id: core.random.uuid(),
    organisationId,
    payerId,
    source,
    refundsId,
    cents: -(isRefund ? payment.cents : family.reduce((sum, { cents }) => sum + cents, 0)),
    valueOn: on,
    note,
    bankLineId: null,
    reversesId: payment.id,
    recordedAt: core.clock.now(),
    recordedBy: actor,
  }
  const back = isRefund ? [] : [...lyingOn(family)].map(([termId, cents]) => ({ termId, cents: -cents }))
  await giveBack(core, stores, made, back, ground)
  if (isRefund) await refreshAll(core, stores, await useCredit(core, stores, payerId, actor), ground, 'person', actor)
  return made
}

export function checkedNote(note: string): string {
  if (note.trim() === '' || note.length > 500)
    throw new AppError('required', { field: 'note', detail: 'say why, in 1 to 500 characters' })
  return note.trim()
}

/**
 * Takes a payment back: a mistake, a bounced debit. What it had paid is owed again, without a new grace; a bank line that it
 * came from waits anew for somebody to say what it is. Throws `conflict` the second time.
 */
export const reversePayment =
  (core: Core) =>
  async ({ paymentId, note: typed, valueOn, actor }: Reversal): Promise<Payment> => {
    const note = checkedNote(typed)
    const reversal = await core.store.transaction(async (stores) => {
      const found = await stores.payments.get(paymentId)
      if (!found) throw new AppError('not_found', { detail: 'there is no such payment' })
      await audit(core, stores, {
        action: 'payment.reversed',
        actor,
        subjectKind: 'member',
        subjectId: found.payerId,
        payload: { paymentId, cents: found.cents, note },
      })
      const ground = await paymentGround(core, stores, found.organisationId)
      const made = await reverseIn(core, stores, found, { note, actor, ...(valueOn && { valueOn }) }, ground)
      if (found.bankLineId) await stores.bank.setState(found.bankLineId, 'new', note)
      return made
    })
    core.wake()
    return reversal
  }
