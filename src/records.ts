// What is kept: the records that the stores give and take. Instants are `_at` milliseconds, civil dates `_on` ISO strings,
// money integer cents.
import type { AffiliationRole, OverrideInForce, ServiceKind } from './domain/access.ts'
import type { AppPasswordScope } from './domain/app-passwords.ts'
import type { AuditAction } from './domain/audit-actions.ts'
import type { DuesRules, TariffTerms } from './domain/dues.ts'
import type { MemberEventKind, StandingAnswer } from './domain/standing.ts'
import type { CivilDate, Instant } from './domain/time.ts'

export const locales = ['fr', 'nl', 'en', 'de'] as const
export type Locale = (typeof locales)[number]

export type Organisation = {
  id: string
  name: string
  country: string
  timeZone: string
  locale: Locale
  contactEmail: string
  createdAt: Instant
}

export type Member = {
  id: string
  organisationId: string
  memberNumber: string
  kind: 'person' | 'association'
  name: string
  email: string | null
  locale: Locale
  joinedOn: CivilDate | null
  source: string
  createdAt: Instant
}
export type TermRecord = {
  id: string
  memberId: string
  startOn: CivilDate
  endOn: CivilDate | null
  dueCents: number
  exempt: boolean
  /** Why it is exempt, or was made otherwise than the tariff says. */
  reason: string | null
  tariffId: string | null
  /** The term, cancelled since, that this one carries on: cut at a day, or at another tariff. */
  replacesId: string | null
  source: string
  createdAt: Instant
  /** Who made it; null for what was brought in from elsewhere. */
  createdBy: string | null
}
export type MemberEventRecord = {
  id: string
  memberId: string
  kind: MemberEventKind
  effectiveOn: CivilDate
  note: string
  recordedAt: Instant
  recordedBy: string
}
/** The standing in force: computed from facts, kept so that every door and every night reads the same one. */
export type StandingInForce = StandingAnswer & { memberId: string; computedOn: CivilDate }

export type AccountState = 'invited' | 'active' | 'closed'
export type Account = {
  id: string
  username: string
  name: string
  givenName: string
  familyName: string
  email: string | null
  emailVerifiedAt: Instant | null
  locale: Locale
  state: AccountState
  /** The entry's immutable key in an outside directory (entryUUID); null for Schedar's own. */
  directoryKey: string | null
  createdAt: Instant
  lastSignInAt: Instant | null
}
export const staffRoles = ['admin', 'treasurer', 'helper'] as const
export type StaffRole = (typeof staffRoles)[number]
export type Affiliation = { accountId: string; memberId: string; role: AffiliationRole; createdAt: Instant }

export type Override = OverrideInForce & {
  id: string
  /** Whom it is about: a member, an account or a site. */
  memberId: string | null
  accountId: string | null
  resourceId: string | null
  /** True once `startsAt` has come and the services were told. */
  begun: boolean
  createdBy: string
  createdAt: Instant
  liftedAt: Instant | null
  liftedBy: string | null
}

/** An alias is an address without a mailbox of its own: its mail goes to its targets. */
export const resourceKinds = ['site', 'mailbox', 'alias'] as const
export type ResourceKind = (typeof resourceKinds)[number]

export type Resource = {
  id: string
  organisationId: string
  memberId: string
  kind: ResourceKind
  name: string
  createdAt: Instant
  removedAt: Instant | null
}
export type Login = { id: string; mailboxId: string; accountId: string; name: string; createdAt: Instant }

/** What is known of a mailbox beyond its address. */
export type Mailbox = {
  resourceId: string
  /** Bytes; null: no limit. */
  quotaBytes: number | null
  /** The last day on which the password that it had before Schedar still counts; null: it does not. */
  formerUntilOn: CivilDate | null
}
/** What a site's web forms send with: its login is the site's name, and it opens no mailbox. */
export type SiteLogin = {
  siteId: string
  /** `appPasswordDigest` of its secret. */
  digest: string
  createdAt: Instant
  createdBy: string
}
/** A login that may not send, after an outgoing burst, until a person lifts it. */
export type Quarantine = {
  id: string
  login: string
  reason: 'burst' | 'by_hand'
  /** In words, of how much and in how long. */
  detail: string
  startedAt: Instant
  startedBy: string
  liftedAt: Instant | null
  liftedBy: string | null
  /** When letters about it went out; of one begun by hand there are none, and it is told from its start. */
  toldAt: Instant | null
}
/** `passed`: the mail server took it. `held`: it waits in the mail server's hold queue. */
export const submissionStates = ['passed', 'held', 'released', 'purged'] as const
export type SubmissionState = (typeof submissionStates)[number]
/** A message that a login gave to a mail server. */
export type Submission = {
  service: string
  queueId: string
  login: string
  memberId: string | null
  sender: string
  recipients: number
  sizeBytes: number
  clientAddress: string
  at: Instant
  state: SubmissionState
}

export const deliveryResults = ['sent', 'deferred', 'bounced', 'expired'] as const
/** What became of a message for one recipient, as the mail server's log tells it. */
export type Delivery = {
  id: number
  service: string
  queueId: string
  sender: string
  recipient: string
  result: (typeof deliveryResults)[number]
  /** Enhanced status code (RFC 3463), such as 5.7.1. */
  dsn: string
  /** Who was spoken to: name and address of the other server, or empty. */
  relay: string
  /** What it said. */
  text: string
  at: Instant
}

export type Client = {
  clientId: string
  organisationId: string
  /** The plugin whose kit it was made with, or `other`. */
  kind: string
  name: string
  service: ServiceKind
  resourceId: string | null
  party: 'first' | 'third'
  audience: 'members' | 'listed'
  secondFactor: boolean
  /** RFC 7591 client metadata, without `client_id` and `client_secret`. */
  metadata: Record<string, unknown>
  sealedSecret: string | null
  /** What an affiliation with the owner is worth here, role by role. */
  rolesOfAffiliation: Partial<Record<AffiliationRole, string>>
  createdAt: Instant
  disabledAt: Instant | null
}
export type ClientRole = {
  clientId: string
  subjectKind: 'account' | 'group'
  subject: string
  role: string
  /** Of a guest: who asked them, of those who look after the site. */
  invitedBy?: string
}

export type Ticket = {
  kind: 'setup' | 'invitation' | 'password_reset'
  accountId: string | null
  createdAt: Instant
  expiresAt: Instant
  usedAt: Instant | null
}

export type AppPassword = {
  id: string
  accountId: string
  /** What the person calls it: the program or device that it was made for. */
  name: string
  scopes: AppPasswordScope[]
  /** `appPasswordDigest` of the secret, which is kept nowhere. */
  digest: string
  /** The same of the secret with the spaces that the page shows; null for one made before these were kept. */
  groupedDigest: string | null
  createdAt: Instant
  createdBy: string
  lastUsedAt: Instant | null
  revokedAt: Instant | null
  revokedBy: string | null
}

/** Somebody asked by letter to join a member's people. It is open until it is settled: accepted or withdrawn. */
export type MemberInvitation = {
  id: string
  memberId: string
  email: string
  role: AffiliationRole
  createdBy: string
  createdAt: Instant
  expiresAt: Instant
}

/** Somebody asked by letter to work at one member's site, with a role at its client and nothing else. */
export type SiteInvitation = Omit<MemberInvitation, 'memberId' | 'role'> & { clientId: string; role: string }

/** A site that somebody is about to connect, until it is settled: proved, approved, withdrawn, refused or begun anew. */
export type SiteRegistration = {
  id: string
  memberId: string
  /** The host name. */
  name: string
  url: string
  /** Of client: the plugin with its kit. */
  kind: string
  /** What the site or its DNS has to show. */
  token: string
  createdBy: string
  createdAt: Instant
  expiresAt: Instant
}

export type SigningKey = {
  kid: string
  alg: 'ES256' | 'RS256'
  state: 'next' | 'current' | 'retired'
  sealedJwk: string
  createdAt: Instant
  changedAt: Instant
}

/** Who caused a change. Removals by anything but a person's own act pass the bulk guard. */
export const causes = ['person', 'clock', 'import', 'sync', 'restore', 'drift'] as const
export type Cause = (typeof causes)[number]

/** `status`: a client that keeps rights of its own is told somebody's roles there. */
export type Effect = 'row' | 'sessions' | 'sessions_again' | 'logout' | 'status'
export type OutboxRow = {
  id: number
  service: string
  subject: string
  effect: Effect
  /** What the effect needs beyond its subject: for `logout`, the client_id and sid. */
  payload: Record<string, string>
  cause: Cause
  createdAt: Instant
  dueAt: Instant
  tries: number
  lastError: string | null
}

export type AuditEntry = {
  action: string
  actor: string
  subjectKind: string
  subjectId: string
  payload: Record<string, unknown>
}
/** An entry as it is told today; what was kept may be of an act that is no more. */
export type NewAuditEntry = AuditEntry & { action: AuditAction }
export type AuditRow = AuditEntry & { id: number; at: Instant }

// ── Dues ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where dues are paid; the holder's name as the bank has it (it is compared with what payers write). */
export type BankAccount = { organisationId: string; iban: string; holder: string; bic: string | null }
/** A decision of the assembly, in force from a date until the next one; never changed. */
type Decided = {
  id: string
  organisationId: string
  validFromOn: CivilDate
  decidedOn: CivilDate | null
  decisionRef: string
  createdAt: Instant
  createdBy: string
}
export type Tariff = Decided & TariffTerms & { name: string }
export type RuleSet = Decided & DuesRules
/** Which tariff a member pays; `payerId`: the member that pays for it, if not itself. */
export type MemberDues = { memberId: string; tariff: string | null; payerId: string | null }

export type Call = {
  id: string
  organisationId: string
  payerId: string
  /** Twelve digits (references.ts); good for ever, also when the call is settled or cancelled. */
  ogm: string
  issuedOn: CivilDate
  dueOn: CivilDate
  createdAt: Instant
  createdBy: string
  cancelledAt: Instant | null
}
export type CallLine = { callId: string; termId: string; cents: number }

export const paymentSources = ['bank', 'cash', 'cheque', 'card', 'other'] as const
export type PaymentSource = (typeof paymentSources)[number]
/** Money that arrived, or left again: then negative, and saying which payment it reverses. Never changed. */
export type Payment = {
  id: string
  organisationId: string
  payerId: string
  source: PaymentSource
  bankLineId: string | null
  valueOn: CivilDate
  cents: number
  note: string
  reversesId: string | null
  /** The payment of which a part was paid back: by this row, or by the one that this row takes back. */
  refundsId: string | null
  recordedAt: Instant
  recordedBy: string
}
/** The part of a payment that is put on a term. */
export type Allocation = {
  id: string
  paymentId: string
  termId: string
  cents: number
  recordedAt: Instant
  recordedBy: string
}
export type Receipt = { organisationId: string; year: number; number: number; paymentId: string; issuedOn: CivilDate }

export type BankFile = {
  id: string
  organisationId: string
  /** SHA-256 of its bytes. */
  digest: string
  format: string
  name: string
  lineCount: number
  importedAt: Instant
  importedBy: string
}
/** `new`: nobody has said what it is. */
export const bankLineStates = ['new', 'matched', 'ignored'] as const
export type BankLineState = (typeof bankLineStates)[number]
export type BankLineRecord = {
  id: string
  organisationId: string
  fileId: string
  dedupeKey: string
  account: string
  statementNumber: string | null
  bookedOn: CivilDate
  valueOn: CivilDate
  cents: number
  counterIban: string | null
  counterName: string | null
  reference: string | null
  text: string
  bankRef: string | null
  /** A line of another file that may tell of the same payment. */
  resemblesId: string | null
  state: BankLineState
  note: string | null
  createdAt: Instant
}

/** `sent`: handed to the mail server. Each rule's day is used once for each end of cover. */
export type Reminder = {
  memberId: string
  coveredUntilOn: CivilDate
  ruleDay: number
  sentOn: CivilDate
  sentAt: Instant
  result: 'sent' | 'no_address' | 'failed' | 'skipped'
}
