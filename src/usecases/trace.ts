// «Why did my mail not arrive»: what the mail servers' logs say of messages to an address or a domain, message by message,
// with the cause of each attempt.
import type { Core } from '../core.ts'
import { causeOf, type DeliveryCause } from '../domain/deliveries.ts'
import { AppError } from '../domain/errors.ts'
import { canonical, isEmail } from '../domain/names.ts'
import type { Instant } from '../domain/time.ts'
import type { Delivery } from '../ports.ts'

/** How far back one looks, in days. */
export const TRACE_DAYS = 14
const MOST_ATTEMPTS = 300
const DAY_MS = 86_400_000

export type TracedAttempt = Delivery & { cause: DeliveryCause }
/** A message on its way to one recipient: its attempts, the newest first. */
export type Traced = { sender: string; recipient: string; attempts: readonly TracedAttempt[] }

/** An address, or `@` and a domain, in its one form. Throws `required` and `invalid_value` of the field `recipient`. */
export function recipientAsked(typed: string): string {
  const asked = canonical(typed)
  if (asked === '') throw new AppError('required', { field: 'recipient', detail: 'say to whom' })
  const recipient = asked.includes('@') ? asked : `@${asked}`
  if (!isEmail(recipient.startsWith('@') ? `any${recipient}` : recipient))
    throw new AppError('invalid_value', {
      field: 'recipient',
      detail: `neither an address nor a domain: ${JSON.stringify(typed.slice(0, 80))}`,
    })
  return recipient
}

const messageOf = ({ service, queueId, recipient }: Delivery): string => `${service} ${queueId} ${recipient}`

/** Attempts, the newest first, put together to messages, that of the newest attempt first. */
export const messagesOf = (deliveries: readonly Delivery[]): Traced[] =>
  [...Map.groupBy(deliveries, messageOf).values()].map((attempts) => ({
    // The line with the sender may have been missed once.
    sender: attempts.find(({ sender }) => sender !== '')?.sender ?? '',
    recipient: attempts[0]!.recipient,
    attempts: attempts.map((attempt) => ({ ...attempt, cause: causeOf(attempt) })),
  }))

/**
 * What became of messages to a recipient. With `accountId` only of those that the person sent: through a login of theirs,
 * since it was theirs, and never of what somebody before them sent under its name.
 */
export const trace =
  ({ store, clock }: Pick<Core, 'store' | 'clock'>) =>
  async ({ recipient, accountId }: { recipient: string; accountId?: string }): Promise<Traced[]> => {
    const sinceAt: Instant = clock.now() - TRACE_DAYS * DAY_MS
    const logins = accountId === undefined ? undefined : await store.resources.loginsOf(accountId)
    const through = logins?.map(({ name, createdAt }) => ({ login: name, sinceAt: Math.max(createdAt, sinceAt) }))
    return messagesOf(
      await store.outgoing.deliveries({ recipient, sinceAt, limit: MOST_ATTEMPTS, ...(through && { through }) }),
    )
  }
