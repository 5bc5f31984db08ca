// Messages that a mail server holds after a burst: a person looks, and lets them go or removes them.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { MailQueue, QueuedMessage } from '../plugin.ts'
import type { Submission } from '../ports.ts'

/** The queues of mail servers, by the service's name. */
export type Queues = ReadonlyMap<string, MailQueue>
/** `queued`: what the mail server says of it; undefined when it is not in the queue any more. */
export type HeldMessage = Submission & { queued: QueuedMessage | undefined }

const MOST = 500
const QUEUE_MS = 10_000

function queueOf(queues: Queues, service: string): MailQueue {
  const queue = queues.get(service)
  if (!queue) throw new AppError('not_found', { detail: `${service} has no queue that Schedar may look into` })
  return queue
}

/** Those held, the newest first, of a login or of all; with what is in the queue, where it can be read. */
export const heldMessages =
  ({ store, log }: Pick<Core, 'store' | 'log'>, queues: Queues) =>
  async (login?: string): Promise<HeldMessage[]> => {
    const held = await store.outgoing.list({ state: 'held', limit: MOST, ...(login !== undefined && { login }) })
    const found = new Map<string, QueuedMessage>()
    for (const [service, messages] of Map.groupBy(held, (message) => message.service)) {
      // A mail server that is down must not hide what waits for a decision.
      const queued = await queues
        .get(service)
        ?.messages(
          messages.map(({ queueId }) => queueId),
          AbortSignal.timeout(QUEUE_MS),
        )
        .catch((error: unknown) => void log.warn('mail.queue_not_read', { service, error: String(error) }))
      for (const message of queued ?? []) found.set(`${service} ${message.queueId}`, message)
    }
    return held.map((message) => ({ ...message, queued: found.get(`${message.service} ${message.queueId}`) }))
  }

/** A queue that does not do it is a service that is away. */
const refusing =
  (service: string) =>
  (cause: unknown): never => {
    if (cause instanceof AppError) throw cause
    throw new AppError('service_unavailable', { detail: `the queue of ${service}: ${String(cause)}`, cause })
  }

type Chosen = { service: string; queueIds: readonly string[]; actor: Actor }

/** What the mail server did, put on record; one that somebody else decided meanwhile is left as it is. */
const decide =
  (core: Core, queues: Queues, to: 'released' | 'purged') =>
  async ({ service, queueIds, actor }: Chosen): Promise<number> => {
    const queue = queueOf(queues, service)
    const known = await Promise.all(queueIds.map((queueId) => core.store.outgoing.get(service, queueId)))
    const held = known.filter((message) => message?.state === 'held') as Submission[]
    if (held.length === 0) return 0
    const ids = held.map(({ queueId }) => queueId)
    // The mail server first: killed between the two, the message is still listed, and doing it again is harmless.
    await (to === 'released' ? queue.release : queue.purge)(ids, AbortSignal.timeout(QUEUE_MS)).catch(refusing(service))
    return core.store.transaction(async (stores) => {
      let done = 0
      for (const { queueId, login } of held) {
        if (!(await stores.outgoing.setState(service, queueId, 'held', to))) continue
        done++
        await audit(core, stores, {
          action: `message.${to}`,
          actor,
          subjectKind: 'login',
          subjectId: login,
          payload: { service, queueId },
        })
      }
      return done
    })
  }

/** Let messages go; how many went. */
export const releaseMessages = (core: Core, queues: Queues) => decide(core, queues, 'released')
/** Remove messages from the queue; how many went. */
export const purgeMessages = (core: Core, queues: Queues) => decide(core, queues, 'purged')

/** All that is held of a login, on whichever mail server; how many. */
const decideAll =
  (core: Core, queues: Queues, to: 'released' | 'purged') =>
  async ({ login, actor }: { login: string; actor: Actor }): Promise<number> => {
    let all = 0
    for (;;) {
      const held = await core.store.outgoing.list({ login, state: 'held', limit: MOST })
      let done = 0
      for (const [service, messages] of Map.groupBy(held, (message) => message.service))
        done += await decide(core, queues, to)({ service, queueIds: messages.map(({ queueId }) => queueId), actor })
      all += done
      if (done === 0) return all
    }
  }

/** Let everything of a login go; how many went. It stays stopped until its quarantine is lifted. */
export const releaseAllOf = (core: Core, queues: Queues) => decideAll(core, queues, 'released')
/** Remove everything of a login; how many went. */
export const purgeAllOf = (core: Core, queues: Queues) => decideAll(core, queues, 'purged')
