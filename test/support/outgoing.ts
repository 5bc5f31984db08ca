// Outgoing mail for tests of pages: messages that logins gave to a mail server, what its log said of them, and a queue that
// holds some of them.
import type { Core } from '../../src/core.ts'
import { AppError } from '../../src/domain/errors.ts'
import type { MailQueue, QueuedMessage } from '../../src/plugin.ts'
import type { Delivery, Submission } from '../../src/ports.ts'
import { word } from '../contract/store-records.ts'
import type { House } from './house.ts'

export type TestQueue = MailQueue & { there: Map<string, QueuedMessage>; done: string[]; down: boolean }

/** A mail server's queue: whatever is done to it is done to those that are there, the others are passed over. */
function testQueue(): TestQueue {
  const up = () => {
    if (queue.down) throw new AppError('service_unavailable', { detail: 'it is down' })
  }
  const act = (what: string) => async (ids: readonly string[]) => {
    up()
    for (const id of ids) if (queue.there.delete(id)) queue.done.push(`${what} ${id}`)
  }
  const queue: TestQueue = {
    there: new Map(),
    done: [],
    down: false,
    async messages(ids) {
      up()
      return ids.flatMap((id) => queue.there.get(id) ?? [])
    },
    release: act('release'),
    purge: act('purge'),
  }
  return queue
}

/** Gives a house the mail server `postfix`, as far as its queue goes. */
export function queueIn(house: House): TestQueue {
  const queue = testQueue()
  ;(house.installation.queues as Map<string, MailQueue>).set('postfix', queue)
  return queue
}

export type SentMessage = Partial<Submission> & { login: string; attempts?: readonly Partial<Delivery>[] }

/** A message on record, with what became of it for one recipient, attempt by attempt. */
export async function sentMessage(
  { store, clock }: Pick<Core, 'store' | 'clock'>,
  { login, attempts = [], ...more }: SentMessage,
): Promise<Submission> {
  const submission: Submission = {
    service: 'postfix',
    queueId: word(),
    login,
    memberId: null,
    sender: login,
    recipients: 1,
    sizeBytes: 2048,
    clientAddress: '192.0.2.1',
    at: clock.now(),
    state: 'passed',
    ...more,
  }
  await store.outgoing.submitted([submission])
  await store.outgoing.delivered(
    attempts.map((attempt, n) => ({
      service: submission.service,
      queueId: submission.queueId,
      sender: submission.sender,
      recipient: 'zoe@example.net',
      result: 'sent' as const,
      dsn: '2.0.0',
      relay: 'mx.example.net[192.0.2.9]:25',
      text: '250 2.0.0 OK',
      at: submission.at + n,
      ...attempt,
    })),
  )
  return submission
}

/** A message that waits in the hold queue. */
export async function heldMessage(
  core: Pick<Core, 'store' | 'clock'>,
  queue: TestQueue,
  { login, ...more }: Partial<QueuedMessage> & { login: string },
): Promise<string> {
  const { queueId, sender } = await sentMessage(core, { login, state: 'held', recipients: 2 })
  queue.there.set(queueId, {
    queueId,
    sender,
    recipients: ['zoe@example.net', 'max@example.net'],
    subject: `Objet ${queueId}`,
    sizeBytes: 2048,
    arrivedAt: core.clock.now(),
    script: '',
    ...more,
  })
  return queueId
}
