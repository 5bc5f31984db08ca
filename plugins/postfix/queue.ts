// Postfix's queue for whoever decides about held messages: what they are, letting them go, throwing them away.
import type { MailQueue, QueuedMessage } from '../../src/plugin.ts'
import { each, mustBeHere } from '../../src/plugin-files.ts'
import type { PostfixConfig } from './config.ts'
import { headerOf } from './headers.ts'
import { postsuper } from './postsuper.ts'
import { type QueueEntry, queueEntries } from './queue-list.ts'

/** Commands in flight at once. */
const WIDTH = 4
/** For the headers of all: what is not read by then is shown without a subject. */
const HEADERS_MS = 5000

const messageOf = (entry: QueueEntry, header: string): QueuedMessage => ({
  queueId: entry.queue_id,
  sender: entry.sender,
  recipients: entry.recipients.map(({ address }) => address),
  subject: headerOf(header, 'Subject'),
  sizeBytes: entry.message_size,
  arrivedAt: entry.arrival_time * 1000,
  script: headerOf(header, 'X-PHP-Originating-Script'),
})

export function mailQueue(config: PostfixConfig): MailQueue {
  const run = postsuper(config)
  const here = () => mustBeHere(config.host, `the queue of Postfix in ${config.configDir}`)

  async function headersOf(entries: readonly QueueEntry[], signal: AbortSignal): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(HEADERS_MS)])
    // One that is gone meanwhile, or not read in time, is listed all the same.
    await each(entries, WIDTH, bounded, async ({ queue_id }) => {
      found.set(queue_id, await run('headers', [queue_id], bounded))
    }).catch(() => signal.throwIfAborted())
    return found
  }

  return {
    async messages(queueIds, signal) {
      here()
      if (queueIds.length === 0) return []
      const entries = queueEntries(await run('list', [], signal))
      const there = [...new Set(queueIds)].flatMap((id) => entries.get(id) ?? [])
      const headers = await headersOf(there, signal)
      return there.map((entry) => messageOf(entry, headers.get(entry.queue_id) ?? ''))
    },
    async release(queueIds, signal) {
      here()
      await run('release', queueIds, signal)
    },
    async purge(queueIds, signal) {
      here()
      await run('purge', queueIds, signal)
    },
  }
}
