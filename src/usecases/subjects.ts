// Telling the services: one outbox row for each subject that a change touches, written with the change itself.
import type { Core } from '../core.ts'
import type { Cause, Changed, Stores } from '../ports.ts'

export type Touched = { service: string; subject: string }

/** Every service's subjects that a change of an account or of members touches. */
export async function subjectsOf(
  core: Pick<Core, 'services'>,
  stores: Pick<Stores, 'subjects'>,
  change: Exclude<Changed, { clientId: string }>,
): Promise<Touched[]> {
  const touched: Touched[] = []
  for (const { name, manages } of core.services)
    for (const subject of await stores.subjects.touchedBy(manages, change)) touched.push({ service: name, subject })
  return touched
}

/** Queue every service's subjects touched by a change of an account or of members; what was queued. */
export async function touch(
  core: Pick<Core, 'services' | 'clock'>,
  stores: Stores,
  change: Exclude<Changed, { clientId: string }>,
  cause: Cause,
): Promise<Touched[]> {
  const touched = await subjectsOf(core, stores, change)
  const at = core.clock.now()
  await stores.outbox.add(
    touched.map((row) => ({ ...row, effect: 'row', payload: {}, cause, createdAt: at, dueAt: at })),
  )
  return touched
}
