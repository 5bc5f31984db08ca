// One notice to everyone whose messages did not arrive for the same reason: who they are, then one letter to each. What a
// notice was sent about is remembered, so that nobody gets it twice for the same messages.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import type { DeliveryCause } from '../domain/deliveries.ts'
import { digest } from '../domain/digest.ts'
import { AppError } from '../domain/errors.ts'
import type { Instant } from '../domain/time.ts'
import type { Account, Delivery, Locale, Submission } from '../ports.ts'
import { sitesPeople } from './tell-quarantine.ts'
import { messagesOf } from './trace.ts'

/** Which messages: those to an address or a domain (`@…`), those with a cause, or both; in so many days. */
export type NoticeAbout = { recipient?: string; cause?: DeliveryCause; days: number }
export type Affected = { account: Account; recipients: readonly string[] }
export type NoticeSent = { at: Instant; by: Actor; people: number }
export type NoticePlan = {
  people: readonly Affected[]
  /** Messages on their way to one recipient each. */
  messages: number
  /** Among them those whose sender has no account with an address here any more. */
  unreachable: number
  /** There were more attempts than are looked at. */
  cut: boolean
  /** The last notice about the same; messages before it are not counted again. */
  before: NoticeSent | undefined
}
export type NoticeLetter = (
  of: { name: string; text: string; recipients: readonly string[] },
  locale: Locale,
) => Promise<string>

const DAY_MS = 86_400_000
const MOST_ATTEMPTS = 20_000
export const MOST_NOTICE_DAYS = 14
const LONGEST_SUBJECT = 150
const LONGEST_TEXT = 5000

const settingOf = ({ recipient, cause }: NoticeAbout): string =>
  `mail.notice.${digest(`${recipient ?? ''}\n${cause ?? ''}`)}`

const lastOf = async (stores: Pick<Core['store'], 'settings'>, about: NoticeAbout): Promise<NoticeSent | undefined> => {
  const kept = await stores.settings.get(settingOf(about))
  return kept === undefined ? undefined : (JSON.parse(kept) as NoticeSent)
}

/** Accounts of the people behind a message: whose login it is, if it was theirs then; who answers for a site. */
async function sendersOf({ store }: Pick<Core, 'store'>, { login, memberId, at }: Submission): Promise<string[]> {
  const source = await store.subjects.get('login', login)
  if (source?.kind === 'site_login') return sitesPeople({ store }, memberId)
  if (source?.kind !== 'login') return []
  const held = (await store.resources.loginsOf(source.accountId)).find(({ name }) => name === login)
  return held && held.createdAt <= at ? [source.accountId] : []
}

async function peopleBehind(
  core: Pick<Core, 'store'>,
  undelivered: readonly Delivery[],
): Promise<Pick<NoticePlan, 'people' | 'unreachable'>> {
  const recipients = new Map<string, Set<string>>()
  let unreachable = 0
  const submissions = new Map<string, Promise<string[]>>()
  const sendersBehind = ({ service, queueId }: Delivery): Promise<string[]> => {
    const key = `${service} ${queueId}`
    const known =
      submissions.get(key) ??
      core.store.outgoing.get(service, queueId).then((submission) => (submission ? sendersOf(core, submission) : []))
    submissions.set(key, known)
    return known
  }
  const accounts = new Map<string, Account>()
  const reachable = async (id: string): Promise<boolean> => {
    const account = accounts.get(id) ?? (await core.store.accounts.get(id))
    if (account) accounts.set(id, account)
    return account !== undefined && account.state !== 'closed' && account.email !== null
  }
  for (const delivery of undelivered) {
    let reached = false
    for (const id of await sendersBehind(delivery)) {
      if (!(await reachable(id))) continue
      reached = true
      recipients.set(id, (recipients.get(id) ?? new Set()).add(delivery.recipient))
    }
    if (!reached) unreachable++
  }
  const people = [...recipients].map(([id, to]) => ({ account: accounts.get(id)!, recipients: [...to].toSorted() }))
  return { people: people.toSorted((a, b) => (a.account.username < b.account.username ? -1 : 1)), unreachable }
}

/** Throws `required` of the field `recipient` when neither a recipient nor a cause is given. */
export const planNotice =
  (core: Pick<Core, 'store' | 'clock'>) =>
  async (about: NoticeAbout): Promise<NoticePlan> => {
    const { recipient, cause, days } = about
    if (recipient === undefined && cause === undefined)
      throw new AppError('required', { field: 'recipient', detail: 'say to whom, or what went wrong' })
    const before = await lastOf(core.store, about)
    const span = Math.min(Math.max(1, Math.trunc(days)), MOST_NOTICE_DAYS) * DAY_MS
    const deliveries = await core.store.outgoing.deliveries({
      sinceAt: core.clock.now() - span,
      limit: MOST_ATTEMPTS,
      ...(recipient !== undefined && { recipient }),
    })
    // What counts is where a message is now: one that was put off and arrived in the end concerns nobody. One that was on
    // its way when the last notice went out was in it, however often it is tried again.
    const undelivered = messagesOf(deliveries)
      .filter(({ attempts }) => before === undefined || attempts.at(-1)!.at > before.at)
      .map(({ attempts }) => attempts[0]!)
      .filter(({ result, cause: why }) => result !== 'sent' && (cause === undefined || why === cause))
    return {
      ...(await peopleBehind(core, undelivered)),
      messages: undelivered.length,
      cut: deliveries.length === MOST_ATTEMPTS,
      before,
    }
  }

function checked({ subject, text }: { subject: string; text: string }): { subject: string; text: string } {
  const title = subject.replace(/\s+/gu, ' ').trim()
  const body = text.replace(/\r\n?/g, '\n').trim()
  for (const [field, given, longest] of [
    ['subject', title, LONGEST_SUBJECT],
    ['text', body, LONGEST_TEXT],
  ] as const) {
    if (given === '') throw new AppError('required', { field, detail: `the ${field} is empty` })
    if (given.length > longest)
      throw new AppError('invalid_value', { field, detail: `the ${field} is longer than ${longest} characters` })
  }
  return { subject: title, text: body }
}

export type Notice = NoticeAbout & {
  subject: string
  text: string
  /** When the last notice about the same went out, as the sender of this one saw it; 0: none. */
  seenAt: Instant
  actor: Actor
}

export const sendNotice = (core: Core, letter: NoticeLetter) => {
  /** Of two who send at once, or one who sends twice, the first does. Throws `conflict`. */
  const claim = (notice: Notice, { people, messages }: NoticePlan): Promise<void> =>
    core.store.transaction(async (stores) => {
      const { recipient = null, cause = null, days, subject, seenAt, actor } = notice
      await audit(core, stores, {
        action: 'notice.sent',
        actor,
        subjectKind: 'notice',
        subjectId: recipient ?? cause ?? '',
        payload: { recipient, cause, days, messages, people: people.length, subject },
      })
      if (((await lastOf(stores, notice))?.at ?? 0) !== seenAt)
        throw new AppError('conflict', { detail: 'a notice about this was sent meanwhile' })
      const sent: NoticeSent = { at: core.clock.now(), by: actor, people: people.length }
      await stores.settings.set(settingOf(notice), JSON.stringify(sent))
    })

  /** How many letters went, and how many the mail server refused; those are not sent again. */
  return async (given: Notice): Promise<{ sent: number; failed: number }> => {
    const notice = { ...given, ...checked(given) }
    const plan = await planNotice(core)(notice)
    if (plan.people.length === 0) throw new AppError('conflict', { detail: 'nobody is affected any more' })
    await claim(notice, plan)
    const report = { sent: 0, failed: 0 }
    for (const { account, recipients } of plan.people) {
      const { email, locale, givenName, name } = account
      try {
        const text = await letter({ name: givenName || name, text: notice.text, recipients }, locale)
        await core.mailer.send({ to: email!, subject: notice.subject, text })
        report.sent++
      } catch (error) {
        report.failed++
        core.log.warn('notice.failed', { account: account.id, error: String(error) })
      }
    }
    core.log.info('notice.done', report)
    return report
  }
}
