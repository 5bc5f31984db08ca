// What `postqueue -j` says: one JSON object a line for each message (postqueue(1), "JSON object format").
import { z } from 'zod'

const entry = z.object({
  queue_name: z.string(),
  queue_id: z.string(),
  arrival_time: z.number(),
  message_size: z.number(),
  sender: z.string(),
  recipients: z.array(z.object({ address: z.string() })),
})
export type QueueEntry = z.infer<typeof entry>

function parsed(line: string): QueueEntry[] {
  try {
    const { data } = entry.safeParse(JSON.parse(line))
    return data ? [data] : []
  } catch {
    return [] // a warning of postqueue's, or a line that was cut off
  }
}

/** The messages by their queue ids. One that moved while it was listed may stand twice: the last counts. */
export const queueEntries = (output: string): Map<string, QueueEntry> =>
  new Map(
    output
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? parsed(line) : []))
      .map((found) => [found.queue_id, found]),
  )

export const isOnHold = ({ queue_name }: QueueEntry): boolean => queue_name === 'hold'
