// What a service plugin is. The core decides, the plugin drives: it is told what a service should hold and makes it
// so. Suspension is not a method; it is what `render` returns for a subject whose access is `none`, so there is one
// write path and it is the tested one.
import type { ZodType, z } from 'zod'
import type { Access, AffiliationRole, ServiceKind } from './domain/access.ts'

/** A subject's name within its service: an account id, a mail login, a site's name. */
export type Name = string

type Base = { name: Name; access: Access }
export type AccountSubject = Base & { kind: 'account'; username: string }
export type LoginSubject = Base & { kind: 'login'; mailbox: string }
export type SiteSubject = Base & { kind: 'site'; memberNumber: string }
export type Subject = AccountSubject | LoginSubject | SiteSubject
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

/** What a client of this kind needs at registration. `url` is the site's address without a trailing slash. */
export type ClientTemplate = {
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  backchannelLogoutUri?: string
  tokenEndpointAuthMethod: 'client_secret_basic' | 'client_secret_post' | 'none'
  /** The kind of service that policy knows it as; `web` or `site` unless said. */
  service?: ServiceKind
  /** A resource server that may introspect other clients' tokens: those with this scope. */
  introspectsScope?: string
  /** Off for clients that refresh in parallel (mod_auth_openidc). */
  rotateRefreshToken?: boolean
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
  client?(url: string): ClientTemplate
  kit?(target: KitTarget): Promise<KitFile[]> | KitFile[]
}

/** Gives a plugin its types; returns it unchanged. */
export const definePlugin = <C extends ZodType, S extends Subject, R extends Row>(
  plugin: Plugin<C, S, R>,
): Plugin<C, S, R> => plugin
