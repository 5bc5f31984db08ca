// How many sign-ins failed lately: counted by the hour, in the buckets that every instance shares. Nobody's name is kept.
import type { Core } from '../core.ts'
import { digest } from '../domain/digest.ts'

const HOUR_MS = 3_600_000
const HOURS = 24
/** More than any hour can hold: the bucket counts and never refuses. */
const ENOUGH = 1_000_000_000

const keyOf = (hour: number): string => digest(`failed sign-ins\n${hour}`)
const hourOf = (at: number): number => Math.floor(at / HOUR_MS)

export const noteFailedSignIn = async ({ store, clock }: Pick<Core, 'store' | 'clock'>): Promise<void> => {
  const at = clock.now()
  await store.throttle.take(keyOf(hourOf(at)), 1, ENOUGH, (HOURS + 1) * HOUR_MS, at)
}

/** Those of the last 24 hours, this one begun. */
export const failedSignIns =
  ({ store, clock }: Pick<Core, 'store' | 'clock'>) =>
  async (): Promise<number> => {
    const at = clock.now()
    const hours = Array.from({ length: HOURS }, (_, back) => hourOf(at) - back)
    const buckets = await Promise.all(hours.map((hour) => store.throttle.peek(keyOf(hour), ENOUGH, at)))
    return buckets.reduce((sum, { remaining }) => sum + ENOUGH - remaining, 0)
  }
