// The stores: what the core keeps, one small store per kind of record (those of dues and money in src/dues-stores.ts).
// Conventions as in src/ports.ts.
import type { AccountFacts, Door } from './domain/access.ts'
import type { Standing, StandingFacts } from './domain/standing.ts'
import type { CivilDate, Instant } from './domain/time.ts'
import type { Traffic } from './domain/traffic.ts'
import type { SubjectKind } from './plugin.ts'
import type {
  Account,
  AccountState,
  Affiliation,
  AppPassword,
  AuditEntry,
  AuditRow,
  Client,
  ClientRole,
  Login,
  Member,
  MemberEventRecord,
  MemberInvitation,
  Organisation,
  OutboxRow,
  Override,
  Resource,
  SigningKey,
  SiteInvitation,
  SiteRegistration,
  StaffRole,
  StandingInForce,
  TermRecord,
  Ticket,
} from './records.ts'

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
  cancelTerm(id: string, at: Instant, why?: { by: string; reason: string }): Promise<void>
  /** Terms (with what was paid of each) and events of one member; until the transaction ends nobody else computes on them. */
  facts(memberId: string): Promise<StandingFacts>
  get(memberId: string): Promise<StandingInForce | undefined>
  put(...standings: StandingInForce[]): Promise<void>
  /** Members whose standing may change on or before a date, or was computed for a later one, in batches by id. */
  due(on: CivilDate, afterId: string, limit: number): Promise<{ memberId: string }[]>
  /** Every standing is looked at again on a date, unless it changes before. */
  lookAgain(on: CivilDate): Promise<void>
  /** How many members hold each standing. */
  count(): Promise<Record<Standing, number>>
}

/** A term, and what was paid on it. */
export type PaidTerm = TermRecord & { paidCents: number }

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
    /** Those who have this role. */
    staff?: StaffRole
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
  /** Those not lifted, of an account, of a member or of a site. */
  open(of: { accountId: string } | { memberId: string } | { resourceId: string }): Promise<Override[]>
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
  loginsInto(mailboxId: string): Promise<Login[]>
  /** It stays a subject of services, without access: what refuses it must not be forgotten. */
  removeLogin(id: string, at: Instant): Promise<void>
}

/** What sites were asked for, for some weeks. */
export type TrafficStore = {
  /** Adds to what is known of each site and hour. Inside a transaction. */
  add(rows: readonly Traffic[]): Promise<void>
  /** The hours of a site since then, in order. */
  hours(siteId: string, sinceAt: Instant): Promise<Traffic[]>
  /** Bytes and requests of each site in the hours from `sinceAt` to before `untilAt`, the most bytes first. */
  totals(sinceAt: Instant, untilAt: Instant): Promise<Pick<Traffic, 'siteId' | 'bytes' | 'requests'>[]>
  /** Removes what is older, some hundred rows at a time; true when there may be more. */
  sweep(before: Instant): Promise<boolean>
}

export type ClientStore = {
  add(client: Client): Promise<void>
  update(client: Client): Promise<void>
  /** The same object again, frozen, while nothing of the client changed. */
  get(clientId: string): Promise<Client | undefined>
  list(): Promise<Client[]>
  /** Those of one site. */
  ofResource(resourceId: string): Promise<Client[]>
  /**
   * Those in service that may be open to an account, by name: open to every member, or with a role or a member of its own
   * behind them. What of it is open now, the doors say.
   */
  near(accountId: string): Promise<Client[]>
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

/** Invitations of guests to sites, as those to a member's people. */
export type SiteInvitationStore = Omit<InvitationStore, 'add' | 'get' | 'byDigest' | 'ofMember'> & {
  add(invitation: SiteInvitation, digest: string): Promise<void>
  get(id: string): Promise<SiteInvitation | undefined>
  byDigest(digest: string): Promise<SiteInvitation | undefined>
  /** The newest first. */
  ofClient(clientId: string): Promise<SiteInvitation[]>
}

/** Sites that are about to be connected: neither proved nor given up, and perhaps past their end. */
export type SiteRegistrationStore = {
  add(registration: SiteRegistration): Promise<void>
  get(id: string): Promise<SiteRegistration | undefined>
  /** The newest first. */
  ofMember(memberId: string): Promise<SiteRegistration[]>
  /** Everybody's, the newest first. */
  list(limit: number, offset: number): Promise<SiteRegistration[]>
  /** True once, for whoever is first. */
  settle(
    id: string,
    outcome: 'proved' | 'approved' | 'held' | 'withdrawn' | 'refused' | 'replaced',
    at: Instant,
  ): Promise<boolean>
  /** Removes those whose end was before, open or not. */
  sweep(before: Instant): Promise<void>
}

/** `remaining` may fall below zero; the window ends at `resetAt`. */
export type Bucket = { remaining: number; resetAt: Instant }
export type ThrottleStore = {
  /** Take points from a bucket of `limit` per `windowMs`, in one atomic statement. */
  take(key: string, points: number, limit: number, windowMs: number, at: Instant): Promise<Bucket>
  /** The same of many keys, each named once: what is left of each, in order. */
  takeAll(
    wanted: readonly { key: string; points: number; limit: number; windowMs: number }[],
    at: Instant,
  ): Promise<number[]>
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
  /** Of an account what a door needs to know that no member of its own opens: asked at each recipient of a message. */
  person(accountId: string): Promise<Pick<AccountInForce, 'accountId' | 'closed' | 'overrides' | 'locale'> | undefined>
  /** The client as a door for this account; undefined when the client is gone or disabled. */
  door(clientId: string, accountId: string): Promise<Door | undefined>
  /** Both at one moment. */
  accountAndDoor(
    accountId: string,
    clientId: string,
  ): Promise<{ account: AccountInForce | undefined; door: Door | undefined }>
  /** The members behind a site or mailbox, as resourceAccess needs them. */
  owner(resourceId: string): Promise<Door['owner']>
  /** The same of many, in few reads; those that there are, by their ids. */
  accounts(accountIds: readonly string[]): Promise<Map<string, AccountInForce>>
  doors(pairs: readonly AccountAtClient[]): Promise<(Door | undefined)[]>
  owners(resourceIds: readonly string[]): Promise<Map<string, Door['owner']>>
}
export type AccountAtClient = { accountId: string; clientId: string }

/** The subjects of services: what exists, and who is touched by a change. Access is filled in by the core. */
export type SubjectStore = {
  /** Names of one kind, in order, `limit` after `after`. */
  names(kind: SubjectKind, after: string, limit: number): Promise<string[]>
  /** What the core needs to decide a subject's access. */
  get(kind: SubjectKind, name: string): Promise<SubjectSource | undefined>
  /** The same of many, in few reads; those that there are. */
  several(kind: SubjectKind, names: readonly string[]): Promise<Map<string, SubjectSource>>
  /** The names touched when something changes for an account, a member or a client. */
  touchedBy(kind: SubjectKind, change: Changed): Promise<string[]>
}
export type Changed =
  | { accountId: string }
  | { memberId: string }
  | { memberIds: readonly string[] }
  | { clientId: string }
  /** A mailbox, an alias or a site, and the logins into it. */
  | { resourceId: string }
  | { login: string }
export type SubjectSource =
  | { kind: 'account'; accountId: string; username: string; groups: readonly string[] }
  | { kind: 'login'; accountId: string; mailboxId: string; mailbox: string; removed?: true }
  /** A login that is a site's own; asked for as a login, by the site's name. */
  | { kind: 'site_login'; resourceId: string; removed?: true }
  | { kind: 'address'; resourceId: string; memberId: string; of: 'mailbox' | 'alias' | 'site'; removed?: true }
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
export type Appended = { entry: AuditEntry; at: Instant; salt: string }
export type AuditStore = {
  /** Append to the chain; inside the transaction of the fact it tells of. */
  append(entry: AuditEntry, at: Instant, salt: string): Promise<void>
  /** The same of many, one after the other. */
  appendAll(rows: readonly Appended[]): Promise<void>
  /** From here to the end of the transaction nobody else appends; `append` does this too. */
  hold(): Promise<void>
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

export type Holding = { clientId: string; stale: boolean }
/** The provider's own sessions, grants and tokens, as the core sees them. */
export type SessionStore = {
  /** From now on everything of this account that began before `at` is absent. */
  signOut(accountId: string, at: Instant): Promise<void>
  /** The clients at which an account holds sessions or grants, and whether some began before its last sign-out. */
  held(accountId: string): Promise<Holding[]>
  /** The same of many, in few reads; those that hold anything. */
  heldBy(accountIds: readonly string[]): Promise<Map<string, Holding[]>>
  /** Accounts that hold anything, in order. */
  holders(after: string, limit: number): Promise<string[]>
  /** Remove what an account holds at these clients (all of it that is stale too); the sessions to tell about it. */
  end(accountId: string, clientIds: readonly string[]): Promise<{ clientId: string; sid: string; expiresAt: Instant }[]>
}
