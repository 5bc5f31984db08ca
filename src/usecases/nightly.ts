// The night: overrides begin and end, standings follow the date, expired rows are swept, every service is compared with
// what it should hold. Idempotent, and after missed nights it catches up; a clock that went back does nothing.
import type { Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { pages } from '../domain/pages.ts'
import type { CivilDate } from '../domain/time.ts'
import { noteRemovals, removalsOn, tooMany } from '../guard.ts'
import type { Reconciler } from '../reconcile.ts'
import { enact, foresee, lowers, opens, type StandingChange, today } from './standing.ts'
import { touch } from './subjects.ts'

const BATCH = 500
const LAST_RUN = 'nightly.last_on'
/** Set while the guard holds the night's removals; says how many of how many, since when. */
export const HELD = 'nightly.held'

export type NightReport = {
  on: CivilDate
  changed: number
  overrides: number
  held: { removals: number; of: number } | undefined
  services: { service: string; changes: number; error?: string }[]
}

async function overrideChanges(core: Core, on: CivilDate): Promise<number> {
  const due = await core.store.overrides.due(core.clock.now(), on)
  for (const { id, accountId, memberId, endsOn, effect } of due) {
    const target = accountId ? { accountId } : { memberId: memberId! }
    const ends = endsOn !== null && endsOn < on
    await core.store.transaction(async (stores) => {
      if (ends) await stores.overrides.lift(id, core.clock.now(), 'clock')
      else await stores.overrides.begin(id)
      if (!ends && effect === 'deny' && accountId) await stores.sessions.signOut(accountId, core.clock.now())
      const subject = accountId
        ? { subjectKind: 'account', subjectId: accountId }
        : { subjectKind: 'member', subjectId: memberId! }
      await audit(core, stores, {
        action: ends ? 'access.override_ended' : 'access.override_begun',
        actor: 'clock',
        ...subject,
        payload: { effect, endsOn },
      })
      await touch(core, stores, target, 'clock')
    })
  }
  return due.length
}

async function standingChanges(core: Core, on: CivilDate): Promise<StandingChange[]> {
  const changes: StandingChange[] = []
  for await (const due of pages(
    (after) => core.store.standings.due(on, after, BATCH),
    ({ memberId }) => memberId,
  )) {
    for (const { memberId } of due) changes.push(await foresee(core, core.store, memberId, on))
  }
  return changes
}

/** Enacts the changes in small transactions; removals only if the guard or a person lets them. */
async function enactAll(
  core: Core,
  changes: StandingChange[],
  on: CivilDate,
  confirmed: boolean,
): Promise<NightReport['held']> {
  const removals = changes.filter((change) => lowers(core, change))
  const counts = await core.store.standings.count()
  const of = Object.entries(counts).reduce(
    (sum, [standing, n]) => sum + (opens(core, standing as keyof typeof counts) ? n : 0),
    0,
  )
  const earlier = await removalsOn(core.store.settings, on)
  const count = { removals: removals.length + earlier, of: of + earlier }
  const held = !confirmed && removals.length > 0 && tooMany(count, core.config.guard)
  const going = held ? changes.filter((change) => !lowers(core, change)) : changes
  for (let from = 0; from < going.length; from += BATCH) {
    const batch = going.slice(from, from + BATCH)
    await core.store.transaction(async (stores) => {
      for (const change of batch) await enact(core, stores, change, 'clock', 'clock')
      if (!confirmed) await noteRemovals(stores.settings, on, batch.filter((change) => lowers(core, change)).length)
    })
    core.wake()
  }
  await core.store.settings.set(HELD, held ? JSON.stringify({ removals: removals.length, of, on }) : undefined)
  if (held) core.log.warn('guard.held', { removals: removals.length, of, on })
  return held ? { removals: removals.length, of } : undefined
}

async function repairDrift(core: Core, reconciler: Reconciler): Promise<NightReport['services']> {
  if ((await core.store.settings.get('writes_held')) !== undefined) return []
  return Promise.all(
    core.services.map(async ({ name }) => {
      try {
        return { service: name, changes: await reconciler.apply(await reconciler.plan(name), false) }
      } catch (error) {
        const reason = error instanceof AppError ? (error.detail ?? error.code) : String(error)
        core.log.warn('nightly.service', { service: name, reason })
        return { service: name, changes: 0, error: reason }
      }
    }),
  )
}

/** One night's work. With `confirmed`, a person lets the removals pass that the guard held. */
export const nightly =
  (core: Core, reconciler: Reconciler, sweep: () => Promise<void>) =>
  async ({ confirmed = false }: { confirmed?: boolean } = {}): Promise<NightReport> => {
    const on = await today(core)
    const last = await core.store.settings.get(LAST_RUN)
    if (last !== undefined && on < last) {
      core.log.warn('nightly.clock_went_back', { on, last })
      throw new AppError('conflict', {
        detail: `the clock says ${on}, but the last night's run was on ${last}: mend the clock`,
      })
    }
    const overrides = await overrideChanges(core, on)
    const changes = await standingChanges(core, on)
    const held = await enactAll(core, changes, on, confirmed)
    await sweep()
    core.wake()
    const services = await repairDrift(core, reconciler)
    await core.store.settings.set(LAST_RUN, on)
    const report = {
      on,
      changed: changes.filter(({ before, after }) => before !== after.standing).length,
      overrides,
      held,
      services,
    }
    core.log.info('nightly.done', { ...report, services: services.length })
    return report
  }

/** True when today's night has not run yet: after a start, missed nights are made up for. */
export const nightIsDue = async (core: Pick<Core, 'clock' | 'store'>): Promise<boolean> =>
  (await core.store.settings.get(LAST_RUN)) !== (await today(core))
