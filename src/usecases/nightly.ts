// The night: overrides begin and end, standings follow the date, expired rows are swept, every service is compared with
// what it should hold. Idempotent, and after missed nights it catches up; a clock that went back does nothing.
import type { Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { pages } from '../domain/pages.ts'
import { standings } from '../domain/standing.ts'
import type { CivilDate } from '../domain/time.ts'
import { noteRemovals, removalsOn, tooMany } from '../guard.ts'
import type { Override, Stores } from '../ports.ts'
import type { Reconciler } from '../reconcile.ts'
import { enact, foresee, lowers, opens, type StandingChange, today } from './standing.ts'
import { touch } from './subjects.ts'
import { described, targetOf } from './suspend.ts'

const PAGE = 500
/** Members or overrides in one transaction: some milliseconds, so that nobody's sign-in waits for the night. */
const AT_ONCE = 25
const LAST_RUN = 'nightly.last_on'
/** Set while the guard holds the night's removals; says how many of how many, since when. */
export const HELD = 'nightly.held'

/** Of so many members whose access is open so many would have lost it. */
export type HeldRemovals = { removals: number; of: number; on: CivilDate }
export type NightReport = {
  on: CivilDate
  changed: number
  overrides: number
  held: { removals: number; of: number } | undefined
  services: { service: string; changes: number; error?: string }[]
}

async function overrideChange(core: Core, stores: Stores, override: Override, on: CivilDate): Promise<void> {
  const { id, accountId, endsOn, effect } = override
  const target = targetOf(override)
  const ends = endsOn !== null && endsOn < on
  if (ends) await stores.overrides.lift(id, core.clock.now(), 'clock')
  else await stores.overrides.begin(id)
  if (!ends && effect === 'deny' && accountId) await stores.sessions.signOut(accountId, core.clock.now())
  await audit(core, stores, {
    action: ends ? 'access.override_ended' : 'access.override_begun',
    actor: 'clock',
    ...described(target),
    payload: { effect, endsOn },
  })
  await touch(core, stores, target, 'clock')
}

/** Each is looked up in the transaction that begins or ends it: two instances whose night begins at once do it once. */
async function overrideChanges(core: Core, on: CivilDate): Promise<number> {
  let changed = 0
  for (;;) {
    const done = await core.store.transaction(async (stores) => {
      const due = (await stores.overrides.due(core.clock.now(), on)).slice(0, AT_ONCE)
      for (const override of due) await overrideChange(core, stores, override, on)
      return due.length
    })
    if (done === 0) return changed
    changed += done
    core.wake()
  }
}

/** Whom the next night would take access from, some of them at most: what a person looks at before it may. */
export async function removalsAhead(core: Core, most: number): Promise<StandingChange[]> {
  const on = await today(core)
  const found: StandingChange[] = []
  for await (const due of pages(
    (after) => core.store.standings.due(on, after, PAGE),
    ({ memberId }) => memberId,
  ))
    for (const { memberId } of due) {
      const change = await foresee(core, core.store, memberId, on)
      if (lowers(core, change)) found.push(change)
      if (found.length === most) return found
    }
  return found
}

async function standingChanges(core: Core, on: CivilDate): Promise<StandingChange[]> {
  const changes: StandingChange[] = []
  for await (const due of pages(
    (after) => core.store.standings.due(on, after, PAGE),
    ({ memberId }) => memberId,
  )) {
    for (const { memberId } of due) changes.push(await foresee(core, core.store, memberId, on))
  }
  return changes
}

type Judged = { going: StandingChange[]; held: { removals: number; of: number } | undefined }

/** Whom the guard lets through: everybody, or only those who lose nothing. */
async function judge(core: Core, changes: StandingChange[], on: CivilDate, confirmed: boolean): Promise<Judged> {
  const removals = changes.filter((change) => lowers(core, change)).length
  const counts = await core.store.standings.count()
  const of = standings.reduce((sum, standing) => sum + (opens(core, standing) ? counts[standing] : 0), 0)
  const earlier = await removalsOn(core.store.settings, on)
  const count = { removals: removals + earlier, of: of + earlier }
  if (confirmed || removals === 0 || !tooMany(count, core.config.guard)) return { going: changes, held: undefined }
  return { going: changes.filter((change) => !lowers(core, change)), held: { removals, of } }
}

/** Enacts some; how many changed. Facts may have come in since they were foreseen: what counts is what they say now. */
const enactSome = (
  core: Core,
  changes: readonly StandingChange[],
  on: CivilDate,
  { held, confirmed }: { held: boolean; confirmed: boolean },
): Promise<number> =>
  core.store.transaction(async (stores) => {
    let changed = 0
    let removed = 0
    for (const { memberId } of changes) {
      const change = await foresee(core, stores, memberId, on)
      const removal = lowers(core, change)
      if (held && removal) continue
      await enact(core, stores, change, 'clock', 'clock')
      if (change.before !== change.after.standing) changed++
      if (removal) removed++
    }
    if (!confirmed) await noteRemovals(stores.settings, on, removed)
    return changed
  })

async function enactAll(
  core: Core,
  changes: StandingChange[],
  on: CivilDate,
  confirmed: boolean,
): Promise<Pick<NightReport, 'changed' | 'held'>> {
  const { going, held } = await judge(core, changes, on, confirmed)
  let changed = 0
  for (let from = 0; from < going.length; from += AT_ONCE) {
    changed += await enactSome(core, going.slice(from, from + AT_ONCE), on, { held: held !== undefined, confirmed })
    core.wake()
  }
  await core.store.settings.set(HELD, held ? JSON.stringify({ ...held, on }) : undefined)
  if (held) core.log.warn('guard.held', { ...held, on })
  return { changed, held }
}

/** What outside the night's own work it sets going. */
export type NightCalls = {
  /** Today's calls and reminders of dues. */
  remind?: () => Promise<unknown>
  /** Tells administrators that the guard began to hold removals. */
  tellHeld?: (held: HeldRemovals) => Promise<void>
}

async function repairDrift(core: Core, reconciler: Reconciler): Promise<NightReport['services']> {
  if ((await core.store.settings.get('writes_held')) !== undefined) return []
  const here = core.services.filter(({ name }) => reconciler.drives(name))
  return Promise.all(
    here.map(async ({ name }) => {
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

/**
 * One night's work. With `confirmed`, a person lets the removals pass that the guard held, and says that a clock which
 * went back is right now. Throws `conflict` when it went back and nobody confirmed it.
 */
export const nightly =
  (core: Core, reconciler: Reconciler, sweep: () => Promise<void>, { remind, tellHeld }: NightCalls = {}) =>
  async ({ confirmed = false }: { confirmed?: boolean } = {}): Promise<NightReport> => {
    const on = await today(core)
    const last = await core.store.settings.get(LAST_RUN)
    if (last !== undefined && on < last && !confirmed) {
      core.log.warn('nightly.clock_went_back', { on, last })
      throw new AppError('conflict', {
        detail: `the clock says ${on}, but the last night's run was on ${last}: mend the clock; if it is right now, run schedar nightly --confirm`,
      })
    }
    const overrides = await overrideChanges(core, on)
    const changes = await standingChanges(core, on)
    const heldBefore = await core.store.settings.get(HELD)
    const enacted = await enactAll(core, changes, on, confirmed)
    // Rows that stay a day longer are no reason to leave services as they are.
    await sweep().catch((error: unknown) => core.log.error('nightly.sweep', { error: String(error) }))
    core.wake()
    const services = await repairDrift(core, reconciler)
    // After the services: a mail server that is down or slow keeps nobody's access as it was.
    if (enacted.held && heldBefore === undefined)
      await tellHeld?.({ ...enacted.held, on }).catch((error: unknown) =>
        core.log.error('nightly.held', { error: String(error) }),
      )
    await remind?.().catch((error: unknown) => core.log.error('nightly.reminders', { error: String(error) }))
    await core.store.settings.set(LAST_RUN, on)
    const report = { on, ...enacted, overrides, services }
    core.log.info('nightly.done', { ...report, services: services.length })
    return report
  }

/** True when today's night has not run yet: after a start, missed nights are made up for. */
export const nightIsDue = async (core: Pick<Core, 'clock' | 'store'>): Promise<boolean> =>
  (await core.store.settings.get(LAST_RUN)) !== (await today(core))
