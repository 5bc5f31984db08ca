// The stores of mail: what a mailbox may hold, where aliases go, who may not send, and what went out. Conventions as in
// src/ports.ts.
import type { Instant } from './domain/time.ts'
import type { AppPassword, Delivery, Mailbox, Quarantine, SiteLogin, Submission, SubmissionState } from './records.ts'

/** Mailboxes, aliases and sites' logins: resources whose names are in `ResourceStore`. */
export type MailboxStore = {
  put(mailbox: Mailbox): Promise<void>
  get(resourceId: string): Promise<Mailbox | undefined>
  /** Where an alias goes, in order. */
  targets(resourceId: string): Promise<string[]>
  setTargets(resourceId: string, targets: readonly string[]): Promise<void>
  siteLogin(siteId: string): Promise<SiteLogin | undefined>
  setSiteLogin(login: SiteLogin): Promise<void>
  removeSiteLogin(siteId: string): Promise<void>
  /** Domains with a mailbox or an alias that is not removed, in order. */
  domains(): Promise<string[]>
  /** True for one of them. */
  hasDomain(domain: string): Promise<boolean>
}

export type QuarantineStore = {
  /** False when the login is in quarantine already. */
  begin(quarantine: Quarantine): Promise<boolean>
  get(id: string): Promise<Quarantine | undefined>
  /** The one that is not lifted. */
  ofLogin(login: string): Promise<Quarantine | undefined>
  /** When the last one that was lifted was; undefined when none was. */
  lastLiftedAt(login: string): Promise<Instant | undefined>
  /** Those not lifted, the newest first. */
  open(): Promise<Quarantine[]>
  /** Those in force that nobody was told of, and that began before `before`: the oldest first. */
  untold(before: Instant): Promise<Quarantine[]>
  /** Puts on record that people were told of it. */
  told(id: string, at: Instant): Promise<void>
  /** True once. */
  lift(id: string, at: Instant, by: string): Promise<boolean>
}

/** How much a login sent. */
export type Sent = {
  login: string
  /** Whom its mail counts for. */
  memberId: string | null
  messages: number
  recipients: number
  lastAt: Instant
}

export type OutgoingStore = {
  /** One that is known is left as it is: a mail server asks again after a time-out. */
  submitted(submissions: readonly Submission[]): Promise<void>
  get(service: string, queueId: string): Promise<Submission | undefined>
  /** True when it was in the state `from`. */
  setState(service: string, queueId: string, from: SubmissionState, to: SubmissionState): Promise<boolean>
  /** The newest first. */
  list(filter: { login?: string; state?: SubmissionState; sinceAt?: Instant; limit: number }): Promise<Submission[]>
  /** Who sent since then, the most recipients first. */
  sent(sinceAt: Instant, limit: number): Promise<Sent[]>
  /** Messages and recipients for each span of `stepMs` since then, of a login, of a member or of all, in order. */
  volume(
    sinceAt: Instant,
    stepMs: number,
    of?: { login: string } | { memberId: string },
  ): Promise<{ at: Instant; messages: number; recipients: number }[]>
  /** One that is known is left as it is: after a kill the last lines of a log are told again. */
  delivered(deliveries: readonly Omit<Delivery, 'id'>[]): Promise<void>
  /** What became of messages to a recipient (a whole address, or `@` and a domain), the newest first. */
  deliveries(filter: {
    recipient?: string
    sender?: string
    queueId?: string
    result?: Delivery['result']
    /** Only of messages that went through one of these logins, each since an instant of its own. */
    through?: readonly { login: string; sinceAt: Instant }[]
    sinceAt: Instant
    limit: number
  }): Promise<Delivery[]>
  /** Removes what is older, some hundred rows at a time; true when there may be more. */
  sweep(before: Instant): Promise<boolean>
}

/** What plans need to know of thousands of logins and addresses, in few reads. */
export type MailSubjectStore = {
  /** Those not revoked, of each the oldest first. */
  appPasswords(accountIds: readonly string[]): Promise<AppPassword[]>
  mailboxes(resourceIds: readonly string[]): Promise<Map<string, Mailbox>>
  /** Of sites' logins. */
  siteDigests(siteIds: readonly string[]): Promise<Map<string, string>>
  quarantined(logins: readonly string[]): Promise<Set<string>>
  /** Where aliases go, in order. */
  targets(resourceIds: readonly string[]): Promise<Map<string, string[]>>
  /** The logins that read what comes to an address, and those of its member's sites. */
  senders(resourceIds: readonly string[]): Promise<Map<string, string[]>>
}
