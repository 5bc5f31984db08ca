// Payments of many payers at once, each put on terms as if it came alone: what they need to know is read before the first,
// what they leave behind is written after the last. Within a transaction.
import { type Actor, auditAll, type Core } from '../core.ts'
import { allocate, owedFor } from '../domain/dues.ts'
import type { CivilDate } from '../domain/time.ts'
import type {
  Allocation,
  Cause,
  Ledger,
  Member,
  NewAuditEntry,
  PaidTerm,
  Payment,
  Receipt,
  StandingInForce,
  Stores,
} from '../ports.ts'
import { changeBy, changeEntry, type RulesOn } from './standing.ts'
import { touch } from './subjects.ts'

/** What holds for every payment of an organisation on one day. */
export type PaymentGround = { on: CivilDate; rules: RulesOn }

export type PayersTerm = PaidTerm & { member: Member }

/** The terms of which something is owed, the oldest first. */
export const openOf = (ledgers: readonly Pick<Ledger, 'member' | 'terms'>[]): PayersTerm[] =>
  ledgers
    .flatMap(({ member, terms }) => terms.map((term) => ({ ...term, member })))
    .filter((term) => !term.exempt && owedFor(term) > 0)
    .toSorted((a, b) => (a.startOn < b.startOn ? -1 : a.startOn > b.startOn ? 1 : 0))

export const allocationsOf = (
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

export type Posting = {
  /** The terms of which this payer still owes something, the oldest first. */
  open(payerId: string): PayersTerm[]
  /** Puts a payment on the oldest of them; what is over, in cents. */
  post(payment: Payment): number
  /** Writes it all; the receipts, in the order of the payments. */
  write(): Promise<Receipt[]>
}

/** From here to the end of the transaction nobody else pays, or takes a receipt's number, or changes these members. */
export async function openPosting(
  core: Core,
  stores: Stores,
  payerIds: readonly string[],
  { on, rules }: PaymentGround,
  cause: Cause,
  actor: Actor,
): Promise<Posting> {
  await stores.audit.hold()
  const ledgers = await stores.books.ledgers(payerIds)
  const payments: Payment[] = []
  const allocations: Allocation[] = []
  const entries: NewAuditEntry[] = []
  const standings = new Map<string, StandingInForce>()
  const changed = new Set<string>()

  const open = (payerId: string): PayersTerm[] => openOf(ledgers.get(payerId) ?? [])

  function restand(ledger: Ledger): void {
    const { member, terms, events, standing } = ledger
    const change = changeBy(member.id, { terms, events }, standing, rules, on)
    ledger.standing = change.after.standing
    standings.set(member.id, change.after)
    const entry = changeEntry(change, actor)
    if (!entry) return
    entries.push(entry)
    changed.add(member.id)
  }

  function post(payment: Payment): number {
    const { id: paymentId, payerId, cents, source, valueOn } = payment
    const owed = open(payerId)
    const { shares, creditCents } = allocate(owed, cents)
    const given = new Map(shares.map((share) => [share.termId, share.cents]))
    payments.push(payment)
    allocations.push(...allocationsOf(core, paymentId, shares, actor))
    entries.push({
      action: 'payment.recorded',
      actor,
      subjectKind: 'member',
      subjectId: payerId,
      payload: { paymentId, cents, source, valueOn },
    })
    const helped = new Set(owed.filter(({ id }) => given.has(id)).map(({ member }) => member.id))
    const byMember = new Map((ledgers.get(payerId) ?? []).map((ledger) => [ledger.member.id, ledger]))
    for (const ledger of [...helped].map((id) => byMember.get(id)!)) {
      ledger.terms = ledger.terms.map((term) => ({ ...term, paidCents: term.paidCents + (given.get(term.id) ?? 0) }))
      restand(ledger)
    }
    return creditCents
  }

  async function write(): Promise<Receipt[]> {
    const [first] = payments
    if (!first) return []
    await stores.payments.add(payments, allocations)
    const receipts = await stores.payments.addReceipts(
      { organisationId: first.organisationId, year: Number(on.slice(0, 4)), issuedOn: on },
      payments.map(({ id }) => id),
    )
    if (standings.size > 0) await stores.standings.put(...standings.values())
    await auditAll(core, stores, entries)
    if (changed.size > 0) await touch(core, stores, { memberIds: [...changed] }, cause)
    return receipts
  }

  return { open, post, write }
}
