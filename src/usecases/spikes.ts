// What the hourly looks for spikes have in common: each spike is told once a day, all of them in one letter to the association,
// and again an hour later if the letter cannot be sent.
import type { Core } from '../core.ts'
import { digest } from '../domain/digest.ts'
import type { Locale } from '../ports.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** An hour is compared with the busiest of so many days before. */
export const USUAL_MS = 14 * DAY_MS

export type Letter<T> = (spikes: readonly T[], locale: Locale) => Promise<{ subject: string; text: string }>
/** `key` says of whom, among all kinds of spikes. */
export type Suspected<T> = { key: string; spike: T }

/** One instance gets the day of it. */
export const isFirstOfDay = async ({ store, clock }: Core, key: string): Promise<boolean> =>
  (await store.throttle.take(digest(`spike\n${key}`), 1, 1, DAY_MS, clock.now())).remaining >= 0

/** How many were told. */
export async function tellAll<T>(core: Core, told: readonly Suspected<T>[], letter: Letter<T>): Promise<number> {
  const [organisation] = await core.store.organisations.all()
  if (told.length === 0 || !organisation) return 0
  try {
    const spikes = told.map(({ spike }) => spike)
    await core.mailer.send({ to: organisation.contactEmail, ...(await letter(spikes, organisation.locale)) })
  } catch (error) {
    for (const { key } of told) await core.store.throttle.give(digest(`spike\n${key}`), 1, core.clock.now())
    throw error
  }
  return told.length
}
