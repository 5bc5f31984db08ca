// Bringing services to what they should hold after a person looked at the plan: one of them, or all that a guard or a
// restored backup held back.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { Plan, Reconciler } from '../reconcile.ts'
import { reasonOf } from '../settle.ts'
import { HELD, nightly } from './nightly.ts'

export type Applied = { service: string; changes: number; problem?: string }

const told = (core: Core, actor: Actor, service: string, payload: Record<string, unknown>): Promise<void> =>
  core.store.transaction((stores) =>
    audit(core, stores, { action: 'service.applied', actor, subjectKind: 'service', subjectId: service, payload }),
  )

/** Apply one service's plan as it is now. Throws `writes_held` after a restore, and what `Reconciler.apply` throws. */
export const applyService =
  (core: Core, reconciler: Reconciler) =>
  async ({ service, confirmed, actor }: { service: string; confirmed: boolean; actor: Actor }): Promise<Plan> => {
    if ((await core.store.settings.get('writes_held')) !== undefined) throw new AppError('writes_held')
    const plan = await reconciler.plan(service)
    const changes = await reconciler.apply(plan, confirmed)
    await told(core, actor, service, { changes, confirmed })
    return plan
  }

/** Let pass what was held: the night's removals, then every service's plan. Held writes stay so until all went well. */
export const releaseHeld =
  (core: Core, reconciler: Reconciler) =>
  async ({ actor }: { actor: Actor }): Promise<Applied[]> => {
    const { settings } = core.store
    if (await settings.get(HELD)) await nightly(core, reconciler, async () => {})({ confirmed: true })
    const applied: Applied[] = []
    for (const { name } of core.services.filter(({ name }) => reconciler.drives(name))) {
      try {
        const changes = await reconciler.apply(await reconciler.plan(name), true)
        applied.push({ service: name, changes })
        await told(core, actor, name, { changes, confirmed: true })
      } catch (error) {
        applied.push({ service: name, changes: 0, problem: reasonOf(error) })
      }
    }
    if (applied.every(({ problem }) => problem === undefined)) await settings.set('writes_held', undefined)
    core.wake()
    return applied
  }
