// The stores of dues and money. Conventions as in src/ports.ts: what is found is an answer, what is not is `undefined`.
import type { MemberEvent, Standing } from './domain/standing.ts'
import type { CivilDate, Instant } from './domain/time.ts'
import type {
  Allocation,
  BankAccount,
  BankFile,
  BankLineRecord,
  BankLineState,
  Call,
  CallLine,
  Member,
  MemberDues,
  Payment,
  PaymentSource,
  Receipt,
  Reminder,
  RuleSet,
  Tariff,
  TermRecord,
} from './records.ts'
import type { PaidTerm } from './stores.ts'

/** What the assembly decided, and what payers are asked for. */
export type DuesStore = {
  account(organisationId: string): Promise<BankAccount | undefined>
  setAccount(account: BankAccount): Promise<void>
  addTariff(tariff: Tariff): Promise<void>
  /** Every version, the oldest first. */
  tariffs(organisationId: string): Promise<Tariff[]>
  addRules(rules: RuleSet): Promise<void>
  rules(organisationId: string): Promise<RuleSet[]>
  setMember(dues: MemberDues): Promise<void>
  member(memberId: string): Promise<MemberDues | undefined>
  /** The members that a member pays for: itself, unless another one pays, and those that name it. */
  paidBy(payerId: string): Promise<Member[]>
}

export type CallStore = {
  /** False when the reference is taken. */
  add(call: Call, lines: readonly CallLine[]): Promise<boolean>
  /** Those that there are, by their references. */
  byOgms(ogms: readonly string[]): Promise<Map<string, Call>>
  /** Of a payer, the newest first. */
  ofPayer(payerId: string): Promise<(Call & { lines: CallLine[] })[]>
  cancel(id: string, at: Instant): Promise<void>
  /** Those not cancelled that ask for one of these terms. */
  asking(termIds: readonly string[]): Promise<Call[]>
  /** Members with a tariff whose cover ends by a date, or who have none, in batches by id. */
  toCall(organisationId: string, untilOn: CivilDate, afterId: string, limit: number): Promise<Member[]>
}

/** Money: nothing in here is ever changed. */
export type PaymentStore = {
  add(payments: Payment | readonly Payment[], allocations: readonly Allocation[]): Promise<void>
  allocate(allocations: readonly Allocation[]): Promise<void>
  get(id: string): Promise<(Payment & { allocations: Allocation[]; reversed: boolean }) | undefined>
  /** The newest first. */
  ofPayer(payerId: string): Promise<(Payment & { allocations: Allocation[]; reversed: boolean })[]>
  /** Issues the year's next numbers, without a gap, to these payments in their order. */
  addReceipts(
    receipt: Pick<Receipt, 'organisationId' | 'year' | 'issuedOn'>,
    paymentIds: readonly string[],
  ): Promise<Receipt[]>
  receiptOf(paymentId: string): Promise<Receipt | undefined>
  /** What arrived, month by month and by source, between two value dates. */
  received(
    organisationId: string,
    fromOn: CivilDate,
    toOn: CivilDate,
  ): Promise<{ month: string; source: PaymentSource; cents: number }[]>
  /** Everybody who owes something for themselves or for others, with the sum. */
  owing(organisationId: string): Promise<{ payerId: string; name: string; cents: number }[]>
  /** What is still owed for terms that begin by a date, by the month in which they begin. */
  expected(organisationId: string, toOn: CivilDate): Promise<{ month: string; cents: number }[]>
}

export type BankStore = {
  fileByDigest(organisationId: string, digest: string): Promise<BankFile | undefined>
  addFile(file: BankFile): Promise<void>
  files(organisationId: string): Promise<BankFile[]>
  /** Which of these keys are there already. */
  known(organisationId: string, keys: readonly string[]): Promise<Set<string>>
  /** Lines whose key is there already are left out; how many were added. */
  addLines(lines: readonly BankLineRecord[]): Promise<number>
  line(id: string): Promise<BankLineRecord | undefined>
  /** The newest first. `like`: all with one of these value dates and amounts, not of a file, kept since an instant. */
  lines(filter: {
    organisationId: string
    state?: BankLineState
    like?: { days: readonly CivilDate[]; cents: readonly number[]; notOf?: string; since?: Instant }
    limit?: number
    offset?: number
  }): Promise<BankLineRecord[]>
  setState(id: string, state: BankLineState, note: string | null): Promise<void>
  /** Whose payments came from these accounts before, by account; without those that nobody paid from. */
  payersOf(organisationId: string, ibans: readonly string[]): Promise<Map<string, string[]>>
}

export type PaymentListed = Payment & {
  payerNumber: string
  payerName: string
  reversed: boolean
  receipt: Pick<Receipt, 'year' | 'number'> | null
}
/** A member with what the treasurer wants to know of it; `cents`: what it owes for all that it pays for. */
export type RollRow = {
  memberNumber: string
  name: string
  email: string | null
  standing: Standing
  coveredUntilOn: CivilDate | null
  tariff: string | null
  payerNumber: string | null
  cents: number
}
export type TermKept = TermRecord & {
  cancelledAt: Instant | null
  cancelledBy: string | null
  cancelReason: string | null
}
/** A share of a payment on a term; `rootId`: the payment that arrived, of which it is a share or takes one back. */
export type AllocationKept = Allocation & { rootId: string; valueOn: CivilDate }
/** Every fact of a member that was ever recorded, those that were cancelled since too. */
export type FactsKept = {
  terms: TermKept[]
  events: (MemberEvent & { recordedAt: Instant })[]
  allocations: AllocationKept[]
}
/** A member with what is needed to put money on its terms, the oldest first, and to say where it stands then. */
export type Ledger = { member: Member; terms: PaidTerm[]; events: MemberEvent[]; standing: Standing | undefined }
/** What the treasurer looks at; nothing is written through it. */
export type BooksStore = {
  /**
   * Of the members that each payer pays for, by payer, in the order of their numbers; within a transaction nobody else
   * computes on them until it ends.
   */
  ledgers(payerIds: readonly string[]): Promise<Map<string, Ledger[]>>
  /** The newest first; `text` is sought in the name and number of who paid. */
  payments(filter: {
    organisationId: string
    text?: string
    bankLineId?: string
    limit: number
    offset?: number
  }): Promise<PaymentListed[]>
  /** Members, not closed, that are asked for nothing because they have no tariff. */
  withoutTariff(organisationId: string): Promise<number>
  /** Lines in the inbox. */
  waiting(organisationId: string): Promise<number>
  /** In the order of their numbers. */
  roll(organisationId: string, offset: number, limit: number): Promise<RollRow[]>
  /** The oldest first. */
  kept(memberId: string): Promise<FactsKept>
  /** Terms by their ids, the cancelled ones too. */
  termsById(ids: readonly string[]): Promise<{ id: string; memberId: string; startOn: CivilDate }[]>
}

export type ReminderStore = {
  /** False when this rule's day was used already. */
  add(reminder: Reminder): Promise<boolean>
  ofMember(memberId: string): Promise<Reminder[]>
  /** The mail server did not take it. */
  failed(memberId: string, coveredUntilOn: CivilDate, ruleDay: number): Promise<void>
  /** Those that reached nobody, the newest first. */
  unreached(limit: number): Promise<Reminder[]>
}
