// What a service plugin is. The core decides, the plugin drives: it is told what a service should hold and makes it
// so. Suspension is not a method; it is what `render` returns for a subject whose access is `none`, so there is one
// write path and it is the tested one.
import type { ZodType, z } from 'zod'
import type { Access, AffiliationRole, ServiceKind } from './domain/access.ts'
import type { AppPasswordScope } from './domain/app-passwords.ts'
import type { Traffic } from './domain/traffic.ts'

/** A subject's name within its service: an account id, a mail login, a site's name. */
export type Name = string

type Base = { name: Name; access: Access }
export type AccountSubject = Base & {
  kind: 'account'
  username: string
  /** As people write it. */
  displayName: string
  /** The contact address. */
  email: string | null
  /** What mailing lists owe the account, by the standing of its members: `full` for those in order. */
  lists: Access
  groups: readonly string[]
}
/** What a mail program signs in with: random, so that a plain SHA-256 of it is kept (hexadecimal, of each way to type it). */
export type LoginPassword = { id: string; digests: readonly string[]; scopes: readonly AppPasswordScope[] }
/** One way into a mailbox, or out of a site's web forms: then `mailbox` is empty, and `name` the site's. */
export type LoginSubject = Base & {
  kind: 'login'
  mailbox: string
  passwords: readonly LoginPassword[]
  /** False for the restricted and the quarantined: what they may read is `access`. */
  maySend: boolean
  /** Bytes that the mailbox may hold; null: no limit. */
  quotaBytes: number | null
  /** True while the host's own former password of this login still counts. */
  former: boolean
}
/**
 * An address on the host: a mailbox, or an alias with its targets. `@` and a site's name is whatever the site's forms write
 * as their sender.
 */
export type AddressSubject = Base & {
  kind: 'address'
  delivery: { mailbox: { quotaBytes: number | null } } | { targets: readonly string[] } | null
  /** The logins that may send as it. */
  senders: readonly string[]
}
export type SiteSubject = Base & { kind: 'site'; memberNumber: string }
export type Subject = AccountSubject | LoginSubject | AddressSubject | SiteSubject
export type SubjectKind = Subject['kind']

/** What a service holds for one subject, as plain JSON; two rows are the same when their JSON is. */
export type Row = { readonly [key: string]: unknown }

export type Service<S extends Subject = Subject, R extends Row = Row> = {
  /** Reach the service and prove the rights needed; change nothing. Throws `service_unavailable` with a detail. */
  check(signal: AbortSignal): Promise<void>
  /** The names it holds that are ours: finds orphans. */
  list?(signal: AbortSignal): AsyncIterable<Name>
  /** What it holds now, for just these names; a name it does not hold is absent from the map. */
  observe(names: readonly Name[], signal: AbortSignal): Promise<Map<Name, R>>
  /** Pure: what it should hold. `null` = not there. */
  render(desired: S): R | null
  /** Idempotent, batched, may be cut off at any point. `null` never destroys a person's data. */
  apply(changes: ReadonlyMap<Name, R | null>, signal: AbortSignal): Promise<void>
  /** End what is live; safe to repeat, and without complaint when nothing is live. */
  endSessions?(names: readonly Name[], signal: AbortSignal): Promise<void>
  /**
   * Milliseconds after which sessions are ended once more: a sign-in that was under way during the first time (a token
   * being introspected) completes within them.
   */
  endSessionsAgainAfterMs?: number
  close(): Promise<void>
}

/** A file for the service's side. `secret` files are written 0600. */
export type KitFile = { path: string; content: string | Uint8Array; secret?: boolean }

/** What a kit is made for: the client just registered, and the site or service that it signs in to. */
export type KitTarget = {
  issuer: string
  associationName: string
  url: string
  client: {
    clientId: string
    clientSecret: string
    redirectUris: string[]
    postLogoutRedirectUris: string[]
    backchannelLogoutUri?: string
  }
  /** Answers to the plugin's own questions, from `--set key=value`. */
  options: Record<string, string>
  /** The plugin's own configuration, when schedar.yaml names it as a service; secrets resolved. */
  config?: unknown
  /** `bytes` of randomness as base64url, for a passphrase that only the service's side knows. */
  random(bytes: number): string
}

/** What the kit of a whole service is made for. */
export type ServiceKitTarget = {
  issuer: string
  associationName: string
  contactEmail: string
  /** Its part of schedar.yaml; secrets resolved. */
  config: unknown
  /** Answers to the plugin's own questions, from `--set key=value`. */
  options: Record<string, string>
}

/** What a client of this kind needs at registration. `url` is the site's address without a trailing slash. */
export type ClientTemplate = {
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  backchannelLogoutUri?: string
  /** Where a lowered role is told at once, for a client that keeps rights of its own (docs/write-a-plugin.md). */
  statusUri?: string
  tokenEndpointAuthMethod: 'client_secret_basic' | 'client_secret_post' | 'none'
  /** Where a person is signed in at once (OpenID Connect Core §4), instead of at the site's front page. */
  signInUri?: (issuer: string) => string
  /** The kind of service that policy knows it as; `web` or `site` unless said. */
  service?: ServiceKind
  /** A resource server that may introspect other clients' tokens: those with this scope. */
  introspectsScope?: string
  /** Off for clients that refresh in parallel (mod_auth_openidc). */
  rotateRefreshToken?: boolean
  /** For a confidential client that cannot do PKCE and checks a nonce in its place (RFC 9700 §2.1.1). */
  withoutPkce?: boolean
  /** What an affiliation with the site's member is worth at this client. */
  rolesOfAffiliation?: Partial<Record<AffiliationRole, string>>
  /** Every role that this kind of client knows. */
  roles?: readonly string[]
}

/** What the core lends a plugin when it is opened. */
export type Host = {
  dataDir: string
  log: (level: 'info' | 'warn', event: string, details?: Record<string, unknown>) => void
  now: () => number
  /** The queue ids of what a login gave to this service's mail server in the last days, the newest first. */
  queueIdsOf: (login: string) => Promise<string[]>
}

/** What a login may do at a door now. */
export type LoginAtDoor = {
  access: Access
  /** False for the restricted and the quarantined as well. */
  maySend: boolean
  /** The member whom its mail counts for, and the site when it is a site's own. */
  memberId: string | null
  site: string | null
  /** Why something is refused, a sentence in the person's language; empty when nothing is. */
  why: string
  /** When its last quarantine was lifted: what it sent before counts no more. Absent: it never was in one. */
  countedFrom?: number
}

/** A message that a mail server has taken, or is about to take, from a login. */
export type SubmittedMessage = {
  queueId: string
  login: string
  sender: string
  recipients: number
  sizeBytes: number
  clientAddress: string
}

/**
 * Whose passwords from before Schedar open a door: of the logins that Schedar says, or everybody's. Only these can be
 * guessed: app passwords are random.
 */
export type FormerPasswords = 'listed' | 'everybody'

/** What a plugin's doors tell the core. */
export type DoorFact =
  | { kind: 'password_used'; id: string }
  | { kind: 'sign_in_failed'; login: string; address: string; former: FormerPasswords }
  /** `burst`: it is held, and why: the limit that it went over, in words. The login may not send from then on. */
  | { kind: 'submitted'; message: SubmittedMessage; burst?: string }
  | {
      kind: 'delivery'
      queueId: string
      sender: string
      recipient: string
      result: 'sent' | 'deferred' | 'bounced' | 'expired'
      dsn: string
      relay: string
      text: string
      at: number
    }
  /** What a site was asked for, added to what is known of the hour that begins at `at`. `site`: its name or one of its vhost's. */
  | ({ kind: 'traffic'; site: Name } & Omit<Traffic, 'siteId'>)

/** A shared counter: so many points in a window that begins with the first. */
export type Counter = { key: string; points: number; limit: number; windowMs: number }

/** What the core lends a plugin's inbound doors; several instances share the counters. */
export type DoorHost = Host & {
  /** Undefined when there is no login of this name. */
  login(name: string): Promise<LoginAtDoor | undefined>
  /** False once too many sign-ins to this login, or from this address, were wrong; true where nothing can be guessed. */
  mayTry(login: string, address: string, former: FormerPasswords): Promise<boolean>
  /** Takes points of each counter; what is left of each, below zero when it is used up. */
  take(counters: readonly Counter[]): Promise<number[]>
  /** Written in batches, in order; resolves once it is on record. */
  report(fact: DoorFact): Promise<void>
}

/** Inbound doors that listen: `address` as people write it, for the log. */
export type ServedDoors = { addresses: readonly string[]; close(): Promise<void> }

/** A message in a mail server's queue. */
export type QueuedMessage = {
  queueId: string
  sender: string
  recipients: readonly string[]
  subject: string
  sizeBytes: number
  arrivedAt: number
  /** The script that gave it to the mail server, when its header says so (PHP's mail.add_x_header). */
  script: string
}
/** The queue of a mail server, for whoever decides about held messages. Ids that are gone are left out without complaint. */
export type MailQueue = {
  messages(queueIds: readonly string[], signal: AbortSignal): Promise<QueuedMessage[]>
  release(queueIds: readonly string[], signal: AbortSignal): Promise<void>
  purge(queueIds: readonly string[], signal: AbortSignal): Promise<void>
}

/** One kind of subject that a plugin keeps in step. */
export type Part<C, S extends Subject = Subject, R extends Row = Row> = {
  manages: S['kind']
  open(config: C, host: Host): Promise<Service<S, R>>
}

export type Plugin<C extends ZodType = ZodType, S extends Subject = Subject, R extends Row = Row> = {
  /** One sentence for `schedar services list` and the documentation. */
  summary: string
  manages?: S['kind']
  /** The plugin's part of schedar.yaml, each key with a sentence and its unit. */
  config?: C
  /** Keys of `config` that hold a reference to a secret. */
  secrets?: readonly (keyof z.infer<C> & string)[]
  open?(config: z.infer<C>, host: Host): Promise<Service<S, R>>
  /** Further kinds of subjects of the same service, each kept in step by itself, as `<service>.<part>`. */
  parts?: Readonly<Record<string, Part<z.infer<C>>>>
  /** Opens its inbound doors: what the service asks while somebody signs in or sends. */
  serve?(config: z.infer<C>, host: DoorHost): Promise<ServedDoors>
  /** The queue of a mail server. */
  queue?(config: z.infer<C>, host: Host): MailQueue
  /** For `schedar doctor`: what is amiss on this machine with sites that have a login to send with, a sentence each. */
  examine?(config: z.infer<C>, sites: readonly string[]): Promise<string[]>
  /** True if whoever owns a site installs its kit without a hand of the host's: they may connect one by themselves. */
  selfService?: true
  client?(url: string): ClientTemplate
  kit?(target: KitTarget): Promise<KitFile[]> | KitFile[]
  /** What is installed once for a whole service that nobody signs in to. */
  serviceKit?(target: ServiceKitTarget): KitFile[]
}

/** Gives a plugin its types; returns it unchanged. */
export const definePlugin = <C extends ZodType, S extends Subject, R extends Row>(
  plugin: Plugin<C, S, R>,
): Plugin<C, S, R> => plugin
