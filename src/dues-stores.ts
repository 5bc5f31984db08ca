// The stores of dues and money. Conventions as in src/ports.ts: what is found is an answer, what is not is `undefined`.
import type { Standing } from './domain/standing.ts'
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
} from './records.ts'

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
  byOgm(ogm: string): Promise<Call | undefined>
  /** Of a payer, the newest first. */
  ofPayer(payerId: string): Promise<(Call & { lines: CallLine[] })[]>
  cancel(id: string, at: Instant): Promise<void>
  /** Members with a tariff whose cover ends by a date, or who have none, in batches by id. */
  toCall(organisationId: string, untilOn: CivilDate, afterId: string, limit: number): Promise<Member[]>
}

/** Money: nothing in here is ever changed. */
export type PaymentStore = {
  add(payment: Payment, allocations: readonly Allocation[]): Promise<void>
  allocate(allocations: readonly Allocation[]): Promise<void>
  get(id: string): Promise<(Payment & { allocations: Allocation[]; reversed: boolean }) | undefined>
  /** The newest first. */
  ofPayer(payerId: string): Promise<(Payment & { allocations: Allocation[]; reversed: boolean })[]>
  /** Issues the year's next number, without a gap. */
  addReceipt(receipt: Omit<Receipt, 'number'>): Promise<Receipt>
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
  lines(filter: {
    organisationId: string
    state?: BankLineState
    limit?: number
    offset?: number
  }): Promise<BankLineRecord[]>
  setState(id: string, state: BankLineState, note: string | null): Promise<void>
  /** Whose payments came from this account before. */
  payersOf(organisationId: string, iban: string): Promise<string[]>
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
/** What the treasurer looks at; nothing is written through it. */
export type BooksStore = {
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
