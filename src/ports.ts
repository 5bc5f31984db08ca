// What the core asks of the world. Conventions: a look-up that finds nothing gives `undefined`; a broken rule throws
// `AppError`; adapters never read the clock; instants are `_at` milliseconds, civil dates `_on` ISO strings, money
// integer cents. A store has fewer than ten methods.
import type { AccountFacts, Door } from './domain/access.ts'
import type { Standing, StandingFacts } from './domain/standing.ts'
import type { CivilDate, Instant } from './domain/time.ts'
import type { SubjectKind } from './plugin.ts'
import type {
  Account,
  AccountState,
  Affiliation,
  Allocation,
  AppPassword,
  AuditEntry,
  AuditRow,
  BankAccount,
  BankFile,
  BankLineRecord,
  BankLineState,
  Call,
  CallLine,
  Client,
  ClientRole,
  Locale,
  Login,
  Member,
  MemberDues,
  MemberEventRecord,
  MemberInvitation,
  Organisation,
  OutboxRow,
  Override,
  Payment,
  PaymentSource,
  Receipt,
  Reminder,
  Resource,
  RuleSet,
  SigningKey,
  StaffRole,
  StandingInForce,
  Tariff,
  TermRecord,
  Ticket,
} from './records.ts'

export * from './records.ts'

export type Clock = { now(): Instant }

export type Random = {
  /** A UUID, for a new record. */
  uuid(): string
  /** `bytes` of randomness as base64url: tokens, client secrets, salts. */
  token(bytes: number): string
}

/** Seals secrets at rest (AES-256-GCM). `context` binds a sealed value to its place: it opens nowhere else. */
export type Vault = {
  seal(plain: string, context: string): string
  open(sealed: string, context: string): string
  /** A key of its own for one purpose (HKDF), as base64url: cookie signatures, CSRF tokens. */
  derive(purpose: string): string
}

/** Files that wait for some hours between two pages of one person's work; each is found by the SHA-256 of its octets. */
export type Uploads = {
  /** Its digest, in hexadecimal. Kept twice it is kept once, and for longer. */
  keep(bytes: Uint8Array, at: Instant): Promise<string>
  read(digest: string): Promise<Uint8Array | undefined>
  /** Removes those that were kept before. */
  sweep(before: Instant): Promise<void>
}

/** Argon2id in PHC form. `verify` also tells when the hash should be made anew. */
export type Passwords = {
  hash(password: string): Promise<string>
  verify(phc: string, password: string): Promise<{ ok: boolean; outdated: boolean }>
}

export type Mail = {
  to: string
  subject: string
  text: string
  html?: string
  attachments?: readonly { filename: string; type: string; content: Uint8Array }[]
}
export type Mailer = { send(mail: Mail): Promise<void>; check(): Promise<void>; close(): Promise<void> }

// ── Stores ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export type OrganisationStore = {
  add(organisation: Organisation): Promise<void>
  all(): Promise<Organisation[]>
  update(organisation: Organisation): Promise<void>
}

export type MemberFilter = {
  standing?: Standing
  text?: string
  /** Those, not closed, that have no tariff. */
  withoutTariff?: boolean
  limit?: number
  offset?: number
}
export type MemberListed = Member & { standing: Standing; coveredUntilOn: CivilDate | null }
export type MemberStore = {
  add(member: Member): Promise<void>
  update(member: Member): Promise<void>
  get(id: string): Promise<Member | undefined>
  byNumber(organisationId: string, memberNumber: string): Promise<Member | undefined>
  byEmail(organisationId: string, email: string): Promise<Member[]>
  list(filter: MemberFilter): Promise<MemberListed[]>
  /** The highest member number that is a plain number; 0 without one. */
  highestNumber(organisationId: string): Promise<number>
  addEvent(event: MemberEventRecord): Promise<void>
}

/** Terms, and the standings that follow from them. */
export type StandingStore = {
  addTerm(term: TermRecord): Promise<void>
  /** Terms that were not cancelled, the oldest first. */
  terms(memberId: string): Promise<PaidTerm[]>
  cancelTerm(id: string, at: Instant): Promise<void>
  /** Terms (with what was paid of each) and events of one member; until the transaction ends nobody else computes on them. */
  facts(memberId: string): Promise<StandingFacts>
  get(memberId: string): Promise<StandingInForce | undefined>
  put(standing: StandingInForce): Promise<void>
  /** Members whose standing may change on or before a date, or was computed for a later one, in batches by id. */
  due(on: CivilDate, afterId: string, limit: number): Promise<{ memberId: string }[]>
  /** Every standing is looked at again on a date, unless it changes before. */
  lookAgain(on: CivilDate): Promise<void>
  /** How many members hold each standing. */
  count(): Promise<Record<Standing, number>>
}

/** A term, and what was paid on it. */
export type PaidTerm = TermRecord & { paidCents: number }

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

export type AccountStore = {
  add(account: Account): Promise<void>
  update(account: Account): Promise<void>
  get(id: string): Promise<Account | undefined>
  byUsername(username: string): Promise<Account | undefined>
  /** All accounts with this address: families share one. */
  byEmail(email: string): Promise<Account[]>
  byDirectoryKey(key: string): Promise<Account | undefined>
  /** By id, those after `afterId`; with `offset` by username, from that place on. */
  list(filter: {
    text?: string
    state?: AccountState
    limit?: number
    afterId?: string
    offset?: number
  }): Promise<Account[]>
  /** Note a sign-in; an invited account is active from then on. */
  signedIn(id: string, at: Instant): Promise<void>
  remove(id: string): Promise<void>
}

export type PeopleStore = {
  affiliate(affiliation: Affiliation): Promise<void>
  affiliationsOf(accountId: string): Promise<Affiliation[]>
  /** In a transaction nobody else changes who is there until it ends. */
  accountsOf(memberId: string): Promise<Affiliation[]>
  disaffiliate(accountId: string, memberId: string): Promise<void>
  staffRoles(accountId: string): Promise<StaffRole[]>
  setStaffRoles(accountId: string, roles: readonly StaffRole[], grantedBy: string, at: Instant): Promise<void>
  /** How many accounts that are not closed have a role. */
  countStaff(role: StaffRole): Promise<number>
  groups(accountId: string): Promise<string[]>
  setGroups(accountId: string, groups: readonly string[]): Promise<void>
}

export type OverrideStore = {
  add(override: Override): Promise<void>
  get(id: string): Promise<Override | undefined>
  /** Those not lifted, of an account or of a member. */
  open(of: { accountId: string } | { memberId: string }): Promise<Override[]>
  lift(id: string, at: Instant, by: string): Promise<void>
  begin(id: string): Promise<void>
  /** Not lifted, and due to begin by `at` or to end before `on`. */
  due(at: Instant, on: CivilDate): Promise<Override[]>
}

export type ResourceStore = {
  add(resource: Resource): Promise<void>
  get(id: string): Promise<Resource | undefined>
  byName(kind: Resource['kind'], name: string): Promise<Resource | undefined>
  list(kind: Resource['kind']): Promise<Resource[]>
  ofMember(memberId: string): Promise<Resource[]>
  remove(id: string, at: Instant): Promise<void>
  /** A name that was taken away from somebody is free again. */
  addLogin(login: Login): Promise<void>
  /** Without those that were taken away. */
  loginsOf(accountId: string): Promise<Login[]>
  /** It stays a subject of services, without access: what refuses it must not be forgotten. */
  removeLogin(id: string, at: Instant): Promise<void>
}

export type ClientStore = {
  add(client: Client): Promise<void>
  update(client: Client): Promise<void>
  /** The same object again, frozen, while nothing of the client changed. */
  get(clientId: string): Promise<Client | undefined>
  list(): Promise<Client[]>
  setRole(role: ClientRole): Promise<void>
  removeRole(role: ClientRole): Promise<void>
  rolesOn(clientId: string): Promise<ClientRole[]>
  remove(clientId: string): Promise<void>
}

export type CredentialStore = {
  password(accountId: string): Promise<string | undefined>
  setPassword(accountId: string, phc: string, at: Instant): Promise<void>
  totp(accountId: string): Promise<{ sealedSecret: string; confirmed: boolean } | undefined>
  setTotp(accountId: string, sealedSecret: string, confirmed: boolean, at: Instant): Promise<void>
  removeTotp(accountId: string): Promise<void>
  /** Burn a TOTP time step: true once, false for this step and every earlier one from then on. */
  burnStep(accountId: string, step: number): Promise<boolean>
  setRecoveryCodes(accountId: string, digests: readonly string[], at: Instant): Promise<void>
  /** Burn a recovery code by its digest: true once. */
  burnRecoveryCode(accountId: string, digest: string, at: Instant): Promise<boolean>
}

export type TicketStore = {
  add(digest: string, ticket: Ticket): Promise<void>
  get(digest: string): Promise<Ticket | undefined>
  /** Use it up: true once, while it has not expired. */
  burn(digest: string, at: Instant): Promise<boolean>
  /** Undo `burn`: what the ticket was for could not be done. */
  giveBack(digest: string): Promise<void>
  /** Make every unused ticket of an account unusable. */
  burnAll(accountId: string, at: Instant): Promise<void>
  sweep(before: Instant): Promise<void>
}

/** Invitations that are open: neither accepted nor withdrawn, and perhaps past their end. */
export type InvitationStore = {
  add(invitation: MemberInvitation, digest: string): Promise<void>
  get(id: string): Promise<MemberInvitation | undefined>
  byDigest(digest: string): Promise<MemberInvitation | undefined>
  /** The newest first. */
  ofMember(memberId: string): Promise<MemberInvitation[]>
  /** True once, for whoever is first. */
  settle(id: string, outcome: 'accepted' | 'withdrawn' | 'replaced', at: Instant): Promise<boolean>
  /** Removes those whose end was before, open or not. */
  sweep(before: Instant): Promise<void>
}

/** `remaining` may fall below zero; the window ends at `resetAt`. */
export type Bucket = { remaining: number; resetAt: Instant }
export type ThrottleStore = {
  /** Take points from a bucket of `limit` per `windowMs`, in one atomic statement. */
  take(key: string, points: number, limit: number, windowMs: number, at: Instant): Promise<Bucket>
  give(key: string, points: number, at: Instant): Promise<void>
  peek(key: string, limit: number, at: Instant): Promise<Bucket>
  sweep(before: Instant): Promise<void>
}

export type ConsentStore = {
  get(accountId: string, clientId: string): Promise<{ scopes: string[]; at: Instant } | undefined>
  list(accountId: string): Promise<{ clientId: string; scopes: string[]; at: Instant }[]>
  put(accountId: string, clientId: string, scopes: readonly string[], at: Instant): Promise<void>
  withdraw(accountId: string, clientId: string): Promise<void>
}

/** App passwords that are not revoked; a revoked one is on record, and found by no method. */
export type AppPasswordStore = {
  add(appPassword: AppPassword): Promise<void>
  /** The oldest first. */
  ofAccount(accountId: string): Promise<AppPassword[]>
  byDigest(digest: string): Promise<AppPassword | undefined>
  /** Note a use; an earlier one than is known changes nothing. */
  used(id: string, at: Instant): Promise<void>
  /** True once. */
  revoke(id: string, at: Instant, by: string): Promise<boolean>
  /** Of everybody, in batches by id: what a service that keeps its own copy should hold. */
  live(afterId: string, limit: number): Promise<AppPassword[]>
}

/** An account as every door and every claim needs it, read in one go. */
export type AccountInForce = AccountFacts &
  Pick<Account, 'username' | 'name' | 'givenName' | 'familyName' | 'email' | 'locale' | 'state'> & {
    emailVerified: boolean
    staffRoles: StaffRole[]
    hasSecondFactor: boolean
  }

/** What the two doors need: the hot path. */
export type AccessStore = {
  account(accountId: string): Promise<AccountInForce | undefined>
  /** The client as a door for this account; undefined when the client is gone or disabled. */
  door(clientId: string, accountId: string): Promise<Door | undefined>
  /** Both at one moment. */
  accountAndDoor(
    accountId: string,
    clientId: string,
  ): Promise<{ account: AccountInForce | undefined; door: Door | undefined }>
  /** The members behind a site or mailbox, as resourceAccess needs them. */
  owner(resourceId: string): Promise<Door['owner']>
}

/** The subjects of services: what exists, and who is touched by a change. Access is filled in by the core. */
export type SubjectStore = {
  /** Names of one kind, in order, `limit` after `after`. */
  names(kind: SubjectKind, after: string, limit: number): Promise<string[]>
  /** What the core needs to decide a subject's access. */
  get(kind: SubjectKind, name: string): Promise<SubjectSource | undefined>
  /** The names touched when something changes for an account, a member or a client. */
  touchedBy(kind: SubjectKind, change: Changed): Promise<string[]>
}
export type Changed = { accountId: string } | { memberId: string } | { clientId: string }
export type SubjectSource =
  | { kind: 'account'; accountId: string; username: string }
  | { kind: 'login'; accountId: string; mailboxId: string; mailbox: string; removed?: true }
  | { kind: 'site'; resourceId: string; memberNumber: string }

export type OutboxStore = {
  add(rows: readonly NewOutboxRow[]): Promise<void>
  /** Services that have rows due. */
  dueServices(at: Instant): Promise<string[]>
  /** The oldest due rows of a service; a person's act does not wait behind a night's work. */
  due(service: string, at: Instant, limit: number): Promise<OutboxRow[]>
  acknowledge(ids: readonly number[]): Promise<void>
  /** Try again at `dueAt`; without an error it is no failure, only another moment. */
  retry(ids: readonly number[], error: string | undefined, dueAt: Instant): Promise<void>
  /** Rows not yet acknowledged, oldest first. */
  pending(filter: { service?: string; subject?: string; limit?: number }): Promise<OutboxRow[]>
  /** The earliest moment at which anything is due. */
  nextDueAt(): Promise<Instant | undefined>
  /**
   * One instance at a time works on a service: takes or renews the lease, also over `deadOwners`. True when it is ours.
   * With `until` null, gives it back.
   */
  lease(
    service: string,
    owner: string,
    at: Instant,
    until: Instant | null,
    deadOwners?: readonly string[],
  ): Promise<boolean>
  leaseOwners(): Promise<string[]>
}
export type NewOutboxRow = Pick<
  OutboxRow,
  'service' | 'subject' | 'effect' | 'payload' | 'cause' | 'createdAt' | 'dueAt'
>

/** `fromAt` belongs to the span, `untilAt` no more. An action that ends in a dot means all that begin with it. */
export type AuditFilter = {
  subjectId?: string
  action?: string
  actor?: string
  fromAt?: Instant
  untilAt?: Instant
  afterId?: number
  beforeId?: number
  limit?: number
}
export type AuditStore = {
  /** Append to the chain; inside the transaction of the fact it tells of. */
  append(entry: AuditEntry, at: Instant, salt: string): Promise<void>
  /** Oldest first, `limit` (100) of them: those after `afterId`, or the latest, or the latest before `beforeId`. */
  list(filter: AuditFilter): Promise<AuditRow[]>
  /** Walks the whole chain; the id of the first row that does not verify, 0 when the last rows are missing, or undefined. */
  verify(onProgress?: (done: number) => void): Promise<{ rows: number; brokenAt: number | undefined }>
}

export type SettingStore = {
  get(name: string): Promise<string | undefined>
  set(name: string, value: string | undefined): Promise<void>
  /** The names that begin so, in order. */
  names(prefix: string): Promise<string[]>
}
export type KeyStore = {
  list(): Promise<SigningKey[]>
  add(key: SigningKey): Promise<void>
  setState(kid: string, state: SigningKey['state'], at: Instant): Promise<void>
  remove(kid: string): Promise<void>
}

/** The provider's own sessions, grants and tokens, as the core sees them. */
export type SessionStore = {
  /** From now on everything of this account that began before `at` is absent. */
  signOut(accountId: string, at: Instant): Promise<void>
  /** The clients at which an account holds sessions or grants, and whether some began before its last sign-out. */
  held(accountId: string): Promise<{ clientId: string; stale: boolean }[]>
  /** Accounts that hold anything, in order. */
  holders(after: string, limit: number): Promise<string[]>
  /** Remove what an account holds at these clients (all of it that is stale too); the sessions to tell about it. */
  end(accountId: string, clientIds: readonly string[]): Promise<{ clientId: string; sid: string; expiresAt: Instant }[]>
}

export type Stores = {
  organisations: OrganisationStore
  members: MemberStore
  standings: StandingStore
  dues: DuesStore
  calls: CallStore
  payments: PaymentStore
  bank: BankStore
  reminders: ReminderStore
  books: BooksStore
  accounts: AccountStore
  people: PeopleStore
  overrides: OverrideStore
  resources: ResourceStore
  clients: ClientStore
  credentials: CredentialStore
  tickets: TicketStore
  invitations: InvitationStore
  throttle: ThrottleStore
  consents: ConsentStore
  appPasswords: AppPasswordStore
  access: AccessStore
  subjects: SubjectStore
  outbox: OutboxStore
  audit: AuditStore
  settings: SettingStore
  keys: KeyStore
  sessions: SessionStore
}

export type Store = Stores & {
  /** All or nothing, and durable when it returns. The work awaits only SQL. */
  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>
  /** A number that changes whenever another process wrote; cheap enough to ask often. Undefined where there is none. */
  revision(): number | undefined
  check(): Promise<void>
  close(): Promise<void>
}

// ── Directory ───────────────────────────────────────────────────────────────────────────────────────────────────────

export type Verdict = 'ok' | 'wrong' | 'locked' | 'expired' | 'must_change'

/** A person as an outside directory tells of them. */
export type DirectoryEntry = {
  key: string
  username: string
  name: string
  givenName: string
  familyName: string
  email: string | null
  /** True if the directory vouches for the address: nobody writes their own there. */
  emailVerified: boolean
  locale: Locale | null
  groups: string[]
  disabled: boolean
}

/**
 * Where passwords live. Schedar's own tables and LDAP behave alike: the core finds the account, the directory says
 * whether the password is right. A directory that cannot be reached throws `directory_unavailable`.
 */
export type Directory = {
  kind: 'own' | 'ldap'
  verify(account: Account, password: string, signal: AbortSignal): Promise<Verdict>
  /** Spend what `verify` spends, for a name that does not exist. */
  pretend(password: string, signal: AbortSignal): Promise<void>
  /** Throws `password_refused` when the directory's own policy refuses the new one. */
  setPassword(account: Account, password: string, signal: AbortSignal, current?: string): Promise<void>
  /** Look a person up by username or e-mail in an outside directory; undefined unless exactly one entry answers. */
  find?(identifier: string, signal: AbortSignal): Promise<DirectoryEntry | undefined>
  /** Create an entry for an account; its key. */
  add?(account: Account, signal: AbortSignal): Promise<string>
  /** Everyone: for the first and the periodic full comparison. */
  entries?(signal: AbortSignal): AsyncIterable<DirectoryEntry>
  /** A mark that changes when any entry does; entries changed since an earlier mark. */
  mark?(signal: AbortSignal): Promise<string | undefined>
  changedSince?(mark: string, signal: AbortSignal): AsyncIterable<DirectoryEntry>
  check(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}
