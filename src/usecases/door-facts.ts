// What mail servers and web servers tell: put on record in batches, so that a thousand messages a second are a few writes. A burst puts its
// login in quarantine at once, and the admins and the person are told; nobody waits for their letters.
import type { Core } from '../core.ts'
import { formerCounts } from '../domain/app-passwords.ts'
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import type { DoorFact, FormerPasswords } from '../plugin.ts'
import type { LightStores, Submission } from '../ports.ts'
import { beginQuarantine } from './quarantine.ts'
import { today } from './standing.ts'
import { memberOfLogin, type QuarantineLetters, tellQuarantine } from './tell-quarantine.ts'
import { hasTries, network, takeTry } from './throttle.ts'
import { recordTraffic } from './traffic.ts'

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

/**
 * True where a wrong try is a guess. App passwords and tokens are random: counting wrong ones would only let a stranger, or a
 * phone with an old one, lock people out of their mail.
 */
async function canBeGuessed(core: Core, login: string, former: FormerPasswords): Promise<boolean> {
  if (former === 'everybody') return true
  const source = await core.store.subjects.get('login', login.length > 254 ? '' : canonical(login))
  if (source?.kind !== 'login') return false
  return formerCounts(await core.store.mailboxes.get(source.mailboxId), await today(core))
}

/** False once too many tries on this login, or from this address, were wrong; true where nothing can be guessed. */
export const mayTry =
  (core: Core) =>
  async (login: string, address: string, former: FormerPasswords): Promise<boolean> =>
    !(await canBeGuessed(core, login, former)) || hasTries(core)(wrongTries(core, login, address))

/**
 * Whether the last moments of these may go in a power cut: nobody's message waits for the disk so that it can be counted. What a
 * log said is never told again, and what is held waits for a person.
 */
const isLight = (facts: readonly DoorFact[]): boolean =>
  facts.every((fact) => fact.kind === 'password_used' || (fact.kind === 'submitted' && fact.burst === undefined))

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

  const memberOf = memberOfLogin(core)
  const tell = tellQuarantine(core, letters)

  async function record(
    stores: LightStores,
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
    const told = tell(begun.quarantine)
      .catch((error: unknown) => log.error('mail.quarantine_not_told', { login, error: String(error) }))
      .finally(() => telling.delete(told))
    telling.add(told)
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
      const put = (stores: LightStores) => record(stores, facts, members)
      await (isLight(facts) ? store.light(put) : store.transaction(put))
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
      if (fact.kind === 'sign_in_failed') {
        if (await canBeGuessed(core, fact.login, fact.former))
          await takeTry(core)(wrongTries(core, fact.login, fact.address)).catch(() => undefined)
        return
      }
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
