// The bulk guard: mass removals of access by anything but a person's own act wait until a person confirms them. A wrong
// clock, a truncated import or an emptied directory must not put everybody out.
import type { CivilDate } from './domain/time.ts'
import type { SettingStore } from './ports.ts'

export type GuardRule = { share: number; atLeast: number }
export type GuardCount = { removals: number; of: number }

/** True when these removals, with those made earlier the same day, are too many of the subjects. */
export const tooMany = ({ removals, of }: GuardCount, rule: GuardRule): boolean =>
  of >= rule.atLeast && removals > of * rule.share

const NAME = 'guard.removals'

/** Removals that machines made so far on a day. */
export async function removalsOn(settings: SettingStore, on: CivilDate): Promise<number> {
  const stored = JSON.parse((await settings.get(NAME)) ?? '{}') as { on?: CivilDate; count?: number }
  return stored.on === on ? (stored.count ?? 0) : 0
}

/** Note removals just made, inside their transaction. */
export const noteRemovals = async (settings: SettingStore, on: CivilDate, count: number): Promise<void> => {
  if (count > 0) await settings.set(NAME, JSON.stringify({ on, count: (await removalsOn(settings, on)) + count }))
}
