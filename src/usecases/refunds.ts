// Money that goes back to who paid: the whole of a payment, or a part, which is taken first from what lies on no term and then
// from what was given last. What it had paid is owed again, without a new grace.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { takeBack } from '../domain/corrections.ts'
import { AppError } from '../domain/errors.ts'
import { type CivilDate, laterOf } from '../domain/time.ts'
import type { Payment, Stores } from '../ports.ts'
import {
  checkedNote,
  type Family,
  familyOf,
  giveBack,
  isValueDate,
  lyingOn,
  type PaymentGround,
  paymentGround,
  reverseIn,
  rootOf,
} from './payments.ts'

export type NewRefund = {
  /** Made by whoever asks, so that what is sent twice is paid back once: the second throws `conflict`. */
  id?: string
  paymentId: string
  cents: number
  /** The bank's value date; today without it. */
  valueOn?: CivilDate
  note: string
  actor: Actor
}

const restOf = (family: Family): number => family.reduce((sum, { cents }) => sum + cents, 0)

/** What of a payment can be paid back still; 0 of a row that is no payment that arrived. */
export async function refundable(stores: Pick<Stores, 'payments'>, payment: Payment): Promise<number> {
  return rootOf(payment) === payment.id ? restOf(await familyOf(stores, payment)) : 0
}

/** The shares of a part that goes back: what it leaves owed. */
async function sharesOf(stores: Stores, family: Family, cents: number): Promise<{ termId: string; cents: number }[]> {
  const lying = lyingOn(family)
  const terms = new Map((await stores.books.termsById([...lying.keys()])).map((term) => [term.id, term]))
  const last = (termId: string): number =>
    Math.max(
      ...family
        .flatMap(({ allocations }) => allocations)
        .filter((allocation) => allocation.termId === termId && allocation.cents > 0)
        .map(({ recordedAt }) => recordedAt),
    )
  const rows = [...lying].map(([termId, there]) => ({
    termId,
    cents: there,
    startOn: terms.get(termId)!.startOn,
    recordedAt: last(termId),
  }))
  const credit = restOf(family) - rows.reduce((sum, row) => sum + row.cents, 0)
  const taken = takeBack(cents, credit, rows)
  if (!taken) throw new AppError('invalid_value', { field: 'cents', detail: 'more than is left of this payment' })
  return taken.shares.map((share) => ({ termId: share.termId, cents: -share.cents }))
}

async function refundPart(core: Core, stores: Stores, payment: Payment, input: NewRefund, ground: PaymentGround) {
  const family = await familyOf(stores, payment)
  const { id = core.random.uuid(), cents, valueOn = laterOf(ground.on, payment.valueOn), actor } = input
  if (!isValueDate(valueOn, ground.on) || valueOn < payment.valueOn)
    throw new AppError('invalid_value', {
      field: 'valueOn',
      detail: `not a day on which it can have gone back: ${valueOn}`,
    })
  const row: Payment = {
    id,
    organisationId: payment.organisationId,
    payerId: payment.payerId,
    source: payment.source,
    bankLineId: null,
    valueOn,
    cents: -cents,
    note: input.note,
    reversesId: null,
    refundsId: payment.id,
    recordedAt: core.clock.now(),
    recordedBy: actor,
  }
  await giveBack(core, stores, row, await sharesOf(stores, family, cents), ground)
  return row
}

/**
 * Pays a payment back, whole or in part. The bank line that it came from stays what it is: the money did arrive. Throws
 * `invalid_value` of `cents` for more than is left, `conflict` for one that was taken back.
 */
export const refundPayment =
  (core: Core) =>
  async (input: NewRefund): Promise<Payment> => {
    const { paymentId, cents, valueOn, actor } = input
    const note = checkedNote(input.note)
    if (!Number.isSafeInteger(cents) || cents <= 0)
      throw new AppError('invalid_value', { field: 'cents', detail: 'an amount is more than 0' })
    const refund = await core.store.transaction(async (stores) => {
      const found = await stores.payments.get(paymentId)
      if (!found) throw new AppError('not_found', { detail: 'there is no such payment' })
      // The audit first: it lets one at a time through, and nobody else moves this money.
      await audit(core, stores, {
        action: 'payment.refunded',
        actor,
        subjectKind: 'member',
        subjectId: found.payerId,
        payload: { paymentId, cents, valueOn: valueOn ?? null, note },
      })
      if (input.id !== undefined && (await stores.payments.get(input.id)))
        throw new AppError('conflict', { detail: 'this was paid back already' })
      const { allocations: _, reversed: _r, ...payment } = found
      const rest = await refundable(stores, payment)
      if (rest <= 0) throw new AppError('conflict', { detail: 'nothing is left of this payment' })
      if (cents > rest)
        throw new AppError('invalid_value', { field: 'cents', detail: `${rest} cents are left of this payment` })
      const ground = await paymentGround(core, stores, payment.organisationId)
      return cents === rest
        ? reverseIn(core, stores, payment, { note, actor, ...(valueOn && { valueOn }) }, ground)
        : refundPart(core, stores, payment, { ...input, note }, ground)
    })
    core.wake()
    return refund
  }
