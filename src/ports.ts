// What the core asks of the world. Conventions: a look-up that finds nothing gives `undefined`; a broken rule throws
// `AppError`; adapters never read the clock; instants are `_at` milliseconds, civil dates `_on` ISO strings, money
// integer cents. A store has fewer than ten methods.
import type { Instant } from './domain/time.ts'
import type { BankStore, BooksStore, CallStore, DuesStore, PaymentStore, ReminderStore } from './dues-stores.ts'
import type { MailboxStore, MailSubjectStore, OutgoingStore, QuarantineStore } from './mail-stores.ts'
import type { Account, Locale } from './records.ts'
import type {
  AccessStore,
  AccountStore,
  AppPasswordStore,
  AuditStore,
  ClientStore,
  ConsentStore,
  CredentialStore,
  InvitationStore,
  KeyStore,
  MemberStore,
  OrganisationStore,
  OutboxStore,
  OverrideStore,
  PeopleStore,
  ResourceStore,
  SessionStore,
  SettingStore,
  SiteInvitationStore,
  SiteRegistrationStore,
  StandingStore,
  SubjectStore,
  ThrottleStore,
  TicketStore,
  TrafficStore,
} from './stores.ts'

export * from './dues-stores.ts'
export * from './mail-stores.ts'
export * from './records.ts'
export * from './stores.ts'

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

/** What was seen of a site's proof in its file. `host`: whereto it redirects. */
export type FileSeen =
  | { seen: 'text'; text: string }
  | { seen: 'status'; status: number }
  | { seen: 'redirect'; host: string }
  | { seen: 'no_address' | 'address_refused' | 'unreachable' | 'certificate' | 'slow' | 'large' }
/** The texts of a name in DNS. */
export type TextsSeen = { seen: 'texts'; texts: readonly string[] } | { seen: 'nothing' | 'unanswered' }
/** Looks at sites that are nobody's yet, from a machine that stands inside: bounded, and never at what is private. */
export type SiteProbe = {
  file(name: string, path: string): Promise<FileSeen>
  texts(name: string): Promise<TextsSeen>
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
  mailboxes: MailboxStore
  mailSubjects: MailSubjectStore
  quarantines: QuarantineStore
  outgoing: OutgoingStore
  traffic: TrafficStore
  clients: ClientStore
  credentials: CredentialStore
  tickets: TicketStore
  invitations: InvitationStore
  siteInvitations: SiteInvitationStore
  registrations: SiteRegistrationStore
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

/** What a light transaction may write, and the names it needs: a door's read would remember what other stores change. */
export type LightStores = Pick<Stores, 'throttle' | 'outgoing' | 'traffic'> & {
  appPasswords: Pick<AppPasswordStore, 'used'>
  resources: Pick<ResourceStore, 'byName'>
}

export type Store = Stores & {
  /** All or nothing, and durable when it returns. The work awaits only SQL. */
  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>
  /** All or nothing, for what no door reads and what may lose its last moments in a power cut. */
  light<T>(work: (stores: LightStores) => Promise<T>): Promise<T>
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
