// How much may go out, by login, by a site's web forms, and by member: counters of the core's, shared by all instances.
import { type Burst, burstSentence } from '../../src/domain/bursts.ts'
import type { Counter, LoginAtDoor } from '../../src/plugin.ts'
import type { Limits, ScopeLimits } from './config.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** A counter, and what is said of whoever goes over it. */
type Measured = { counter: Counter; over: string }

const measured = (
  scope: Burst['scope'],
  who: string,
  limits: ScopeLimits,
  recipients: number,
  from: number,
): Measured[] => {
  const one = (unit: 'messages' | 'recipients', points: number, limit: number, windowMs: number): Measured => {
    const span = windowMs === HOUR ? 'hour' : 'day'
    // A counter that was used up before a person lifted the quarantine would begin the next one at once.
    const key = ['outgoing', scope, who, unit, span, ...(from > 0 ? [from] : [])].join(' ')
    return {
      counter: { key, points, limit, windowMs },
      over: burstSentence({ limit, unit, span, scope, who }),
    }
  }
  return [
    one('messages', 1, limits.messagesPerHour, HOUR),
    one('recipients', recipients, limits.recipientsPerHour, HOUR),
    one('messages', 1, limits.messagesPerDay, DAY),
    one('recipients', recipients, limits.recipientsPerDay, DAY),
  ]
}

/** The counters that a message of this login's takes from, and what to say when one is used up. */
export function countersOf(limits: Limits, login: string, at: LoginAtDoor, recipients: number): Measured[] {
  const from = at.countedFrom ?? 0
  return [
    ...(at.site === null
      ? measured('login', login, limits.login, recipients, from)
      : measured('site', at.site, limits.site, recipients, from)),
    ...(at.memberId === null ? [] : measured('member', at.memberId, limits.member, recipients, 0)),
  ]
}

/** In words, why a message is over the limits; undefined when it is not. `left` is what `take` said of each, in order. */
export const burstOf = (counters: readonly Measured[], left: readonly number[]): string | undefined =>
  counters.find((_, at) => (left[at] ?? 0) < 0)?.over
