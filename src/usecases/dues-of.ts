// What a person may see of dues: of the members that they own or whose bills they see to, what is owed, by whom and how to
// pay it, the terms and the payments. Money is nobody else's business.
import type { Core } from '../core.ts'
import { owedFor } from '../domain/dues.ts'
import type { BankAccount, Call, Member, PaidTerm, Payment, Receipt, StandingInForce } from '../ports.ts'
import { creditOf, openTerms, type PayersTerm } from './payments.ts'

/** Who may see what a member owes and paid. */
const mayPay = new Set(['owner', 'billing'])

export type ToPay = { terms: PayersTerm[]; cents: number; call: Call; account: BankAccount }
export type MembersDues = {
  member: Member
  standing: StandingInForce | undefined
  /** Another member that pays for this one. */
  paidBy: Member | undefined
  /** For itself and whomever it pays for; undefined when nothing is open, or was called yet. */
  toPay: ToPay | undefined
  creditCents: number
  /** The newest first. */
  terms: PaidTerm[]
  payments: (Payment & { reversed: boolean; receipt: Receipt | undefined })[]
}

async function toPay(core: Pick<Core, 'store'>, payer: Member): Promise<ToPay | undefined> {
  const terms = await openTerms(core.store, payer.id)
  const [call] = (await core.store.calls.ofPayer(payer.id)).filter(({ cancelledAt }) => cancelledAt === null)
  const account = await core.store.dues.account(payer.organisationId)
  if (terms.length === 0 || !call || !account) return undefined
  return { terms, cents: terms.reduce((sum, term) => sum + owedFor(term), 0), call, account }
}

async function duesOfMember(core: Pick<Core, 'store'>, member: Member): Promise<MembersDues> {
  const { store } = core
  const payerId = (await store.dues.member(member.id))?.payerId
  const payments = await store.payments.ofPayer(member.id)
  return {
    member,
    standing: await store.standings.get(member.id),
    paidBy: payerId ? await store.members.get(payerId) : undefined,
    toPay: payerId ? undefined : await toPay(core, member),
    creditCents: (await creditOf(store, member.id)).reduce((sum, { cents }) => sum + cents, 0),
    terms: (await store.standings.terms(member.id)).toReversed(),
    payments: await Promise.all(
      payments.map(async ({ allocations: _, ...payment }) => ({
        ...payment,
        receipt: await store.payments.receiptOf(payment.id),
      })),
    ),
  }
}

/** The dues of every member that an account may pay for, by number. */
export const duesOf =
  (core: Pick<Core, 'store'>) =>
  async (accountId: string): Promise<MembersDues[]> => {
    const own = (await core.store.people.affiliationsOf(accountId)).filter(({ role }) => mayPay.has(role))
    const members = await Promise.all(own.map(({ memberId }) => core.store.members.get(memberId)))
    return Promise.all(
      members
        .filter((member) => member !== undefined)
        .toSorted((a, b) => (a.memberNumber < b.memberNumber ? -1 : 1))
        .map((member) => duesOfMember(core, member)),
    )
  }
