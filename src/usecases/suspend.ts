// Suspending and restoring: an admin's deny on an account, on a member or on one site (which is then offline), begun and
// lifted. Fact, audit and outbox are one transaction; every door refuses from its commit, and the reconciler is woken to close what services keep themselves.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { CivilDate, Instant } from '../domain/time.ts'
import type { Override, Stores } from '../ports.ts'
import { HOUSE_CLIENT, logoutService } from '../provider-service.ts'
import { type Touched, touch } from './subjects.ts'

export type Target = { accountId: string } | { memberId: string } | { resourceId: string }
export type SuspendInput = { target: Target; reason: string; endsOn?: CivilDate | null; actor: Actor }

export function described(target: Target): { subjectKind: string; subjectId: string } {
  if ('accountId' in target) return { subjectKind: 'account', subjectId: target.accountId }
  if ('memberId' in target) return { subjectKind: 'member', subjectId: target.memberId }
  return { subjectKind: 'site', subjectId: target.resourceId }
}

/** Whom an override is about. */
export function targetOf({ accountId, memberId, resourceId }: Override): Target {
  if (accountId !== null) return { accountId }
  return memberId !== null ? { memberId } : { resourceId: resourceId! }
}

/** The reason without space round it, at most 1,000 characters. */
export function checkedReason(reason: string): string {
  const text = reason.trim()
  if (text === '') throw new AppError('required', { field: 'reason', detail: 'say why: the person will read it' })
  if (text.length > 1000)
    throw new AppError('invalid_value', { field: 'reason', detail: 'the reason is longer than 1,000 characters' })
  return text
}

/** An override that begins now. */
export const newOverride = (
  core: Pick<Core, 'random' | 'clock'>,
  effect: Override['effect'],
  { target, reasonText, endsOn, actor }: { target: Target; reasonText: string; endsOn: CivilDate | null; actor: Actor },
): Override => {
  const at = core.clock.now()
  return {
    id: core.random.uuid(),
    memberId: 'memberId' in target ? target.memberId : null,
    accountId: 'accountId' in target ? target.accountId : null,
    resourceId: 'resourceId' in target ? target.resourceId : null,
    effect,
    reasonText,
    startsAt: at,
    endsOn,
    begun: true,
    createdBy: actor,
    createdAt: at,
    liftedAt: null,
    liftedBy: null,
  }
}

/** Signs somebody out everywhere; the clients that the provider will tell of it. */
async function leave(stores: Stores, accountId: string, at: Instant): Promise<Touched[]> {
  const held = await stores.sessions.held(accountId)
  await stores.sessions.signOut(accountId, at)
  return held
    .filter(({ clientId }) => clientId !== HOUSE_CLIENT)
    .map(({ clientId }) => ({ service: logoutService(clientId), subject: accountId }))
}

/** A mailbox is closed by suspending whose it is. */
async function siteThere(stores: Stores, resourceId: string): Promise<void> {
  const site = await stores.resources.get(resourceId)
  if (site?.kind !== 'site' || site.removedAt !== null)
    throw new AppError('not_found', { detail: 'there is no such site' })
}

/** What was queued, so that the caller can watch each service go green. */
export const suspend =
  (core: Core) =>
  async ({ target, reason, endsOn = null, actor }: SuspendInput): Promise<Touched[]> => {
    const reasonText = checkedReason(reason)
    const touched = await core.store.transaction(async (stores) => {
      if ('resourceId' in target) await siteThere(stores, target.resourceId)
      const denied = (await stores.overrides.open(target)).find(
        (override) => override.effect === 'deny' && override.begun,
      )
      if (denied)
        throw new AppError('conflict', { detail: 'this is suspended already; restore it first to change the reason' })
      const override = newOverride(core, 'deny', { target, reasonText, endsOn, actor })
      await stores.overrides.add(override)
      // A suspended person's sessions end everywhere; someone of a suspended member may have other members, and only what
      // came through this one goes (the provider's service sees to it).
      const left = 'accountId' in target ? await leave(stores, target.accountId, override.createdAt) : []
      await audit(core, stores, {
        action: 'access.suspended',
        actor,
        ...described(target),
        payload: { reason: override.reasonText, endsOn },
      })
      return [...(await touch(core, stores, target, 'person')), ...left]
    })
    core.wake()
    return touched
  }

/** Sign-outs that a closed site could not take are due as it opens. */
async function remind(core: Core, stores: Stores, target: Target): Promise<void> {
  if ('accountId' in target) return
  const sites =
    'resourceId' in target
      ? [target.resourceId]
      : (await stores.resources.ofMember(target.memberId)).map(({ id }) => id)
  for (const site of sites)
    for (const { clientId } of await stores.clients.ofResource(site)) {
      const rows = await stores.outbox.pending({ service: logoutService(clientId) })
      await stores.outbox.retry(
        rows.map(({ id }) => id),
        undefined,
        core.clock.now(),
      )
    }
}

/** Lift every deny in force, by a person or, when its end has come, by the clock. */
export const restore =
  (core: Core) =>
  async ({ target, actor, note = '' }: { target: Target; actor: Actor; note?: string }): Promise<Touched[]> => {
    const touched = await core.store.transaction(async (stores) => {
      const denied = (await stores.overrides.open(target)).filter((override) => override.effect === 'deny')
      if (denied.length === 0) throw new AppError('conflict', { detail: 'this is not suspended' })
      for (const { id } of denied) await stores.overrides.lift(id, core.clock.now(), actor)
      await audit(core, stores, { action: 'access.restored', actor, ...described(target), payload: { note } })
      await remind(core, stores, target)
      return touch(core, stores, target, 'person')
    })
    core.wake()
    return touched
  }

/** End every session of an account, everywhere, without suspending it. */
export const signOutEverywhere =
  (core: Core) =>
  async ({ accountId, actor }: { accountId: string; actor: Actor }): Promise<Touched[]> => {
    const touched = await core.store.transaction(async (stores) => {
      const left = await leave(stores, accountId, core.clock.now())
      await audit(core, stores, {
        action: 'account.signed_out_everywhere',
        actor,
        subjectKind: 'account',
        subjectId: accountId,
        payload: {},
      })
      return [...(await touch(core, stores, { accountId }, 'person')), ...left]
    })
    core.wake()
    return touched
  }
