// Reminders of dues, by the assembly's rule: so many days before and after the end of cover, one letter for each payer, in
// the payer's language. Each rule's day is used once; a day that was missed for long is let go, so that a first run, or one
// after a pause, floods nobody. A few letters are handed over at once: one slow or refused letter holds up no other.
import { setTimeout as pause } from 'node:timers/promises'
import type { Core } from '../core.ts'
import { owedFor } from '../domain/dues.ts'
import { pages } from '../domain/pages.ts'
import type { Standing } from '../domain/standing.ts'
import { addDays, type CivilDate, civilDate } from '../domain/time.ts'
import type { BankAccount, Call, Locale, Member, Organisation, Reminder, StandingInForce } from '../ports.ts'
import { callDues } from './call-dues.ts'
import type { LetterText } from './invite.ts'
import { openTerms, type PayersTerm } from './payments.ts'
import { rulesOn } from './standing.ts'

/** A rule's day that was missed (the server was down) is made up for within so many days. */
const CATCH_UP_DAYS = 3
/** Letters on their way at once: mail servers take some connections of one client, and few take many. */
const AT_ONCE = 5
/** How long a stop waits for letters on their way: as long as a mail server may be silent. */
const STOP_MS = 10_000
/** And then, until it is written down that they reached nobody. */
const NOTE_MS = 1_000
const PAGE = 500

/** What a letter says of the dues: for whom, how much, until when, and how to pay it. */
export type DuesLetter = {
  payer: { name: string; locale: Locale }
  /** The weakest standing among those it is about: it is what the letter begins with. */
  standing: Standing
  coveredUntilOn: CivilDate
  graceUntilOn: CivilDate | null
  lines: readonly { name: string; startOn: CivilDate; endOn: CivilDate | null; cents: number }[]
  cents: number
  call: Pick<Call, 'ogm' | 'dueOn'>
  account: BankAccount
  /** The day on which it is written. */
  on: CivilDate
}
export type DuesLetters = {
  reminder(
    letter: DuesLetter,
  ): Promise<LetterText & { attachments?: readonly { filename: string; type: string; content: Uint8Array }[] }>
}

export type ReminderReport = { sent: number; noAddress: number; failed: number; skipped: number }

type Due = { member: Member; coveredUntilOn: CivilDate; standing: StandingInForce; days: number[] }

/** The rule's days that have come since the end of cover and were not used: the last counts, if it came just now. */
async function dueDays(
  core: Pick<Core, 'store'>,
  member: Member,
  coveredUntilOn: CivilDate,
  reminderDays: readonly number[],
  on: CivilDate,
): Promise<number[]> {
  const used = new Set(
    (await core.store.reminders.ofMember(member.id))
      .filter((reminder) => reminder.coveredUntilOn === coveredUntilOn)
      .map(({ ruleDay }) => ruleDay),
  )
  return reminderDays.filter((day) => addDays(coveredUntilOn, day) <= on && !used.has(day)).toSorted((a, b) => a - b)
}

/** Members for whom a day of the rule has come, page by page. */
async function* dueMembers(core: Core, organisation: Organisation, on: CivilDate): AsyncGenerator<Due> {
  const { rules } = await rulesOn(core, core.store, organisation.id, on)
  const [first = 0] = rules.reminderDays.toSorted((a, b) => a - b)
  for await (const page of pages(
    (after) => core.store.calls.toCall(organisation.id, addDays(on, -first), after, PAGE),
    ({ id }) => id,
  ))
    for (const member of page) {
      const standing = await core.store.standings.get(member.id)
      const coveredUntilOn = standing?.coveredUntilOn
      if (!standing || !coveredUntilOn) continue
      const days = await dueDays(core, member, coveredUntilOn, rules.reminderDays, on)
      if (days.length > 0) yield { member, coveredUntilOn, standing, days }
    }
}

const weakness: readonly Standing[] = ['current', 'future', 'applicant', 'grace', 'lapsed', 'closed']
const weakest = (dues: readonly Due[]): Due =>
  dues.toSorted((a, b) => weakness.indexOf(b.standing.standing) - weakness.indexOf(a.standing.standing))[0]!

/** The address that a payer is reached at: the member's own, else that of an owner or of who sees to its bills. */
async function addressOf(core: Pick<Core, 'store'>, payer: Member): Promise<string | null> {
  if (payer.email) return payer.email
  const people = await core.store.people.accountsOf(payer.id)
  const roles = ['billing', 'owner']
  const [chosen] = people
    .filter(({ role }) => roles.includes(role))
    .toSorted((a, b) => roles.indexOf(a.role) - roles.indexOf(b.role))
  return chosen ? ((await core.store.accounts.get(chosen.accountId))?.email ?? null) : null
}

const lineOf = (term: PayersTerm) => ({
  name: term.member.name,
  startOn: term.startOn,
  endOn: term.endOn,
  cents: owedFor(term),
})

/** Rejects when a signal comes, with its reason; nothing is left of it after `done`. */
const aborted = (signal: AbortSignal, done: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.throwIfAborted()
    signal.addEventListener('abort', () => reject(signal.reason), { signal: done })
  })

export type Reminders = {
  /** One night's calls and reminders, for each organisation that has an account on which dues are paid. */
  send(): Promise<ReminderReport>
  /** Begins no other letter, and waits some seconds for those on their way. What is left is sent the next night. */
  stop(): Promise<void>
}

export function createReminders(core: Core, letters: DuesLetters): Reminders {
  const stopping = new AbortController()
  /** Aborted when letters on their way are waited for no longer. */
  const leaving = new AbortController()
  const running = new Set<Promise<unknown>>()

  const note = (due: Due, ruleDay: number, result: Reminder['result'], sentOn: CivilDate): Promise<boolean> =>
    core.store.reminders.add({
      memberId: due.member.id,
      coveredUntilOn: due.coveredUntilOn,
      ruleDay,
      sentOn,
      sentAt: core.clock.now(),
      result,
    })

  /** Uses up the days of these members; those whose last day came just now. Of two instances one gets each. */
  async function claim(dues: readonly Due[], result: Reminder['result'], on: CivilDate): Promise<Due[]> {
    const claimed: Due[] = []
    for (const due of dues) {
      const last = due.days.at(-1)!
      const fresh = addDays(due.coveredUntilOn, last + CATCH_UP_DAYS) >= on
      for (const day of due.days.slice(0, -1)) await note(due, day, 'skipped', on)
      if ((await note(due, last, fresh ? result : 'skipped', on)) && fresh) claimed.push(due)
    }
    return claimed
  }

  async function remindPayer(
    payer: Member,
    dues: readonly Due[],
    account: BankAccount,
    on: CivilDate,
  ): Promise<Reminder['result']> {
    const open = await openTerms(core.store, payer.id)
    const [call] = (await core.store.calls.ofPayer(payer.id)).filter(({ cancelledAt }) => cancelledAt === null)
    if (open.length === 0 || !call) {
      await claim(dues, 'skipped', on)
      return 'skipped'
    }
    const to = await addressOf(core, payer)
    const claimed = await claim(dues, to ? 'sent' : 'no_address', on)
    if (claimed.length === 0) return 'skipped'
    if (!to) return 'no_address'
    const lines = open.map(lineOf)
    const letter = { payer, lines, cents: lines.reduce((sum, { cents }) => sum + cents, 0), call, account, on }
    try {
      await handOver(to, letter, weakest(claimed))
      return 'sent'
    } catch (error) {
      core.log.warn('reminder.failed', { member: payer.id, error: String(error) })
      for (const due of claimed) await core.store.reminders.failed(due.member.id, due.coveredUntilOn, due.days.at(-1)!)
      return 'failed'
    }
  }

  /** Throws when the mail server did not take it, or when the server stops before it has. */
  async function handOver(
    to: string,
    about: Omit<DuesLetter, 'standing' | 'coveredUntilOn' | 'graceUntilOn'>,
    { standing: { standing, graceUntilOn }, coveredUntilOn }: Due,
  ): Promise<void> {
    const letter = await letters.reminder({ ...about, standing, coveredUntilOn, graceUntilOn })
    const sent = core.mailer.send({ to, ...letter })
    const done = new AbortController()
    try {
      await Promise.race([sent, aborted(leaving.signal, done.signal)])
    } finally {
      done.abort()
      sent.catch(() => {})
    }
  }

  async function remindAll(organisation: Organisation, account: BankAccount, on: CivilDate, report: ReminderReport) {
    const byPayer = new Map<string, Due[]>()
    for await (const due of dueMembers(core, organisation, on)) {
      const payerId = (await core.store.dues.member(due.member.id))?.payerId ?? due.member.id
      byPayer.set(payerId, [...(byPayer.get(payerId) ?? []), due])
    }
    const remind = async (payerId: string, dues: readonly Due[]) => {
      const payer = (await core.store.members.get(payerId))!
      const result = await remindPayer(payer, dues, account, on)
      report[result === 'no_address' ? 'noAddress' : result]++
    }
    const payers = byPayer.entries()
    let left = byPayer.size
    const sending = async () => {
      for (const [payerId, dues] of payers) {
        if (stopping.signal.aborted) return
        left--
        await remind(payerId, dues).catch((error: unknown) => {
          core.log.error('reminder.failed', { member: payerId, error: String(error) })
          report.failed++
        })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, sending))
    if (stopping.signal.aborted) core.log.warn('reminders.stopped', { left })
  }

  /** Waits for what is under way, but no longer than so many milliseconds. */
  async function ended(ms: number): Promise<void> {
    const done = new AbortController()
    const patience = pause(ms, undefined, { signal: done.signal }).catch(() => {})
    await Promise.race([Promise.all(running), patience])
    done.abort()
  }

  async function send(): Promise<ReminderReport> {
    const report: ReminderReport = { sent: 0, noAddress: 0, failed: 0, skipped: 0 }
    for (const organisation of await core.store.organisations.all()) {
      const account = await core.store.dues.account(organisation.id)
      if (!account || stopping.signal.aborted) continue
      const on = civilDate(core.clock.now(), organisation.timeZone)
      const { rules } = await rulesOn(core, core.store, organisation.id, on)
      const withinDays = Math.max(0, ...rules.reminderDays.map((day) => -day))
      await callDues(core)({ withinDays, actor: 'clock', organisation: organisation.name })
      await remindAll(organisation, account, on, report)
    }
    core.log.info('reminders.done', report)
    return report
  }

  return {
    send() {
      const run = send()
      const over: Promise<unknown> = run.catch(() => {}).finally(() => running.delete(over))
      running.add(over)
      return run
    },
    async stop() {
      stopping.abort()
      await ended(STOP_MS)
      leaving.abort(new Error('the server stopped before the mail server had taken it'))
      await ended(NOTE_MS)
    },
  }
}
