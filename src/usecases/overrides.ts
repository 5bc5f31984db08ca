// An admin's allow, on an account or on a member: what standing would refuse stays open for a while. Suspending, the deny
// that wins over it, has a file of its own.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { CivilDate } from '../domain/time.ts'
import type { Override } from '../ports.ts'
import { touch } from './subjects.ts'
import { checkedReason, described, newOverride, type Target } from './suspend.ts'

/** Let in whom standing would refuse, until `endsOn` or until it is lifted. Throws `conflict` when there is one already. */
export const allow =
  (core: Core) =>
  async ({
    target,
    reason,
    endsOn = null,
    actor,
  }: {
    target: Target
    reason: string
    endsOn?: CivilDate | null
    actor: Actor
  }): Promise<Override> => {
    const reasonText = checkedReason(reason)
    const made = await core.store.transaction(async (stores) => {
      if ((await stores.overrides.open(target)).some(({ effect }) => effect === 'allow'))
        throw new AppError('conflict', { detail: 'this is allowed already; lift it first to change the reason' })
      const override = newOverride(core, 'allow', { target, reasonText, endsOn, actor })
      await stores.overrides.add(override)
      await audit(core, stores, {
        action: 'access.allowed',
        actor,
        ...described(target),
        payload: { reason: reasonText, endsOn },
      })
      await touch(core, stores, target, 'person')
      return override
    })
    core.wake()
    return made
  }

/** End an allow before its time: from then on standing decides again. */
export const withdrawAllow =
  (core: Core) =>
  async ({ target, actor }: { target: Target; actor: Actor }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      const allowed = (await stores.overrides.open(target)).filter(({ effect }) => effect === 'allow')
      if (allowed.length === 0) throw new AppError('conflict', { detail: 'nothing is allowed here' })
      for (const { id } of allowed) await stores.overrides.lift(id, core.clock.now(), actor)
      await audit(core, stores, { action: 'access.allow_withdrawn', actor, ...described(target), payload: {} })
      await touch(core, stores, target, 'person')
    })
    core.wake()
  }
