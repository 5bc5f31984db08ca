// What is kept: the records that the stores give and take. Instants are `_at` milliseconds, civil dates `_on` ISO strings,
// money integer cents.
import type { AffiliationRole, OverrideInForce, ServiceKind } from './domain/access.ts'
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
  source: string
  createdAt: Instant
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
  memberId: string | null
  accountId: string | null
  /** True once `startsAt` has come and the services were told. */
  begun: boolean
  createdBy: string
  createdAt: Instant
  liftedAt: Instant | null
  liftedBy: string | null
}

export type Resource = {
  id: string
  organisationId: string
  memberId: string
  kind: 'site' | 'mailbox'
  name: string
  createdAt: Instant
  removedAt: Instant | null
}
export type Login = { id: string; mailboxId: string; accountId: string; name: string; createdAt: Instant }

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
export type ClientRole = { clientId: string; subjectKind: 'account' | 'group'; subject: string; role: string }

export type Ticket = {
  kind: 'setup' | 'invitation' | 'password_reset'
  accountId: string | null
  createdAt: Instant
  expiresAt: Instant
  usedAt: Instant | null
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

export type Effect = 'row' | 'sessions' | 'sessions_again' | 'logout'
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
export type AuditRow = AuditEntry & { id: number; at: Instant }
