// What mail servers and web servers tell: put on record in batches, so that a thousand messages a second are a few writes. A burst puts its
// login in quarantine at once, and the admins and the person are told; nobody waits for their letters.
import type { Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import type { DoorFact } from '../plugin.ts'
import type { Account, Locale, Stores, Submission } from '../ports.ts'
import { beginQuarantine } from './quarantine.ts'
import { hasTries, network, takeTry } from './throttle.ts'
import { recordTraffic } from './traffic.ts'

type Letter = { subject: string; text: string }
export type QuarantineLetters = {
  /** To an admin, about a login that was stopped. */
  toAdmin(of: { login: string; member: string; detail: string }, locale: Locale): Promise<Letter>
  /** To the person whose login it is, or to whoever answers for the site. */
  toPerson(of: { login: string; name: string }, locale: Locale): Promise<Letter>
}

type Submitted = Extract<DoorFact, { kind: 'submitted' }>
/** Facts in one transaction: after an hour without a database there may be more than a statement takes. */
const AT_ONCE = 500

type Waiting = { fact: DoorFact; done: () => void; failed: (error: unknown) => void }

/** Wrong passwords of programs are counted apart from those of people: a phone that tries all night locks nobody's browser out. */
const wrongTries = (core: Core, login: string, address: string) => {
  const { triesPerAccount, triesPerAddress, windowSeconds } = core.config.signIn
  const windowMs = windowSeconds * 1000
  return [
    { name: 'program', key: canonical(login), limit: { tries: triesPerAccount * 5, windowMs } },
    { name: 'program from', key: network(address), limit: { tries: triesPerAddress * 5, windowMs } },
  ]
}

/** False once too many tries on this login, or from this address, were wrong. */
export const mayTry =
  (core: Core) =>
  (login: string, address: string): Promise<boolean> =>
    hasTries(core)(wrongTries(core, login, address))

const submissionOf = (
  service: string,
  memberId: string | null,
  at: number,
  { message, burst }: Submitted,
): Submission => ({
  service,
  queueId: message.queueId,
  login: canonical(message.login),
  memberId,
  sender: message.sender.slice(0, 320),
  recipients: message.recipients,
  sizeBytes: message.sizeBytes,
  clientAddress: message.clientAddress.slice(0, 64),
  at,
  state: burst === undefined ? 'passed' : 'held',
})

export function doorFacts(core: Core, service: string, letters: QuarantineLetters) {
  const { store, clock, log } = core
  let waiting: Waiting[] = []
  let writing: Promise<void> | undefined
  const telling = new Set<Promise<void>>()

  const memberOf = async (login: string): Promise<string | null> => {
    const source = await store.subjects.get('login', login)
    const resourceId = source?.kind === 'login' ? source.mailboxId : source?.kind === 'site_login' && source.resourceId
    return (resourceId && (await store.access.owner(resourceId))?.memberId) || null
  }

  async function record(
    stores: Stores,
    facts: readonly DoorFact[],
    members: ReadonlyMap<string, string | null>,
  ): Promise<void> {
    const at = clock.now()
    const submitted = facts.filter((fact) => fact.kind === 'submitted')
    await stores.outgoing.submitted(
      submitted.map((fact) => submissionOf(service, members.get(fact.message.login) ?? null, at, fact)),
    )
    await stores.outgoing.delivered(
      facts.flatMap((fact) => {
        if (fact.kind !== 'delivery') return []
        const { kind: _, ...delivery } = fact
        // A line of the log that is longer than its column must not keep back the lines beside it.
        return {
          ...delivery,
          service,
          sender: delivery.sender.slice(0, 320),
          recipient: delivery.recipient.slice(0, 320),
          dsn: delivery.dsn.slice(0, 16),
          relay: delivery.relay.slice(0, 254),
          text: delivery.text.slice(0, 1000),
        }
      }),
    )
    await recordTraffic(
      stores,
      facts.filter((fact) => fact.kind === 'traffic'),
    )
    const used = new Set(facts.flatMap((fact) => (fact.kind === 'password_used' ? fact.id : [])))
    for (const id of used) await stores.appPasswords.used(id, at)
  }

  /** Also when the message could not be put on record: first of all nothing more may go out. */
  async function stop({ message, burst }: Submitted): Promise<void> {
    const login = canonical(message.login)
    const begun = await store
      .transaction((stores) =>
        beginQuarantine(core, stores, { login, reason: 'burst', detail: burst ?? '', actor: 'system' }),
      )
      .catch((error: unknown) => {
        // The second message of a burst finds the door closed already.
        if (error instanceof AppError && error.code === 'conflict') return undefined
        throw error
      })
    if (!begun) return
    core.wake()
    log.warn('mail.quarantined', { login, why: burst })
    // The mail server waits for the answer to this very message: it may be the one that takes the letters.
    const told = tell(login, burst ?? '')
      .catch((error: unknown) => log.error('mail.quarantine_not_told', { login, error: String(error) }))
      .finally(() => telling.delete(told))
    telling.add(told)
  }

  const peopleOf = async (login: string): Promise<Account[]> => {
    const source = await store.subjects.get('login', login)
    if (source?.kind === 'login') return [await store.accounts.get(source.accountId)].filter((one) => one !== undefined)
    const memberId = await memberOf(login)
    const answerable = memberId ? await store.people.accountsOf(memberId) : []
    const accounts = await Promise.all(
      answerable
        .filter(({ role }) => role !== 'billing' && role !== 'user')
        .map(({ accountId }) => store.accounts.get(accountId)),
    )
    return accounts.filter((one) => one !== undefined)
  }

  async function tell(login: string, detail: string): Promise<void> {
    const memberId = await memberOf(login)
    const member = (memberId && (await store.members.get(memberId))?.name) || login
    const people = await peopleOf(login)
    const [organisation] = await store.organisations.all()
    const sends: Promise<void>[] = []
    if (organisation)
      sends.push(
        letters
          .toAdmin({ login, member, detail }, organisation.locale)
          .then((letter) => core.mailer.send({ to: organisation.contactEmail, ...letter })),
      )
    for (const { email, locale, givenName, name } of people)
      if (email)
        sends.push(
          letters
            .toPerson({ login, name: givenName || name }, locale)
            .then((letter) => core.mailer.send({ to: email, ...letter })),
        )
    const failed = (await Promise.allSettled(sends)).find((sent) => sent.status === 'rejected')
    if (failed) throw failed.reason
  }

  async function write(batch: readonly Waiting[]): Promise<void> {
    const facts = batch.map(({ fact }) => fact)
    // Before anything is put on record, and each by itself: one that fails fails no other.
    const stops = await Promise.allSettled(
      facts.map(async (fact) => {
        if (fact.kind === 'submitted' && fact.burst !== undefined) await stop(fact)
      }),
    )
    try {
      const logins = new Set(facts.flatMap((fact) => (fact.kind === 'submitted' ? fact.message.login : [])))
      const members = new Map<string, string | null>()
      for (const login of logins) members.set(login, await memberOf(canonical(login)))
      await store.transaction((stores) => record(stores, facts, members))
      for (const [at, { done, failed }] of batch.entries()) {
        const stopped = stops[at]!
        if (stopped.status === 'rejected') failed(stopped.reason)
        else done()
      }
    } catch (error) {
      for (const { failed } of batch) failed(error)
    }
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, AT_ONCE)
      waiting = waiting.slice(AT_ONCE)
      await write(batch)
    }
  }

  return {
    /** Resolves once it is on record. */
    async report(fact: DoorFact): Promise<void> {
      if (fact.kind === 'sign_in_failed')
        return takeTry(core)(wrongTries(core, fact.login, fact.address)).then(
          () => undefined,
          () => undefined,
        )
      return new Promise((done, failed) => {
        waiting.push({ fact, done, failed })
        writing ??= drain().finally(() => {
          writing = undefined
        })
      })
    },
    /** Everything that was reported is on record, and every letter sent or given up. */
    async close(): Promise<void> {
      while (writing) await writing
      await Promise.all(telling)
    },
  }
}
