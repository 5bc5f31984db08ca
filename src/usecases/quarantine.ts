// Quarantine: a login that sent too much at once sends nothing more until a person has looked. Reading goes on, nobody else
// is touched, and money never lifts it.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { Quarantine, Stores } from '../ports.ts'
import { type Touched, touch } from './subjects.ts'

type Begun = { login: string; reason: Quarantine['reason']; detail: string; actor: Actor }

/** Inside a transaction. Throws `conflict` when the login is in quarantine already. */
export async function beginQuarantine(
  core: Core,
  stores: Stores,
  { login, reason, detail, actor }: Begun,
): Promise<{ quarantine: Quarantine; touched: Touched[] }> {
  const at = core.clock.now()
  const quarantine: Quarantine = {
    id: core.random.uuid(),
    login,
    reason,
    detail: detail.slice(0, 500),
    startedAt: at,
    startedBy: actor,
    liftedAt: null,
    liftedBy: null,
    // Whoever does it by hand speaks to the person.
    toldAt: reason === 'burst' ? null : at,
  }
  // The audit's append lets one at a time through: of two messages of one burst, the first begins it.
  await audit(core, stores, {
    action: 'login.quarantined',
    actor,
    subjectKind: 'login',
    subjectId: login,
    payload: { id: quarantine.id, reason, detail: quarantine.detail },
  })
  if (!(await stores.quarantines.begin(quarantine)))
    throw new AppError('conflict', { detail: `${login} is in quarantine` })
  return { quarantine, touched: await touch(core, stores, { login }, 'person') }
}

/** An admin stops a login's sending by hand. Throws `not_found` and `conflict`. */
export const quarantineLogin =
  (core: Core) =>
  async ({ login, detail, actor }: { login: string; detail: string; actor: Actor }): Promise<Touched[]> => {
    const { touched } = await core.store.transaction(async (stores) => {
      if (!(await stores.subjects.get('login', login)))
        throw new AppError('not_found', { detail: `there is no login ${login}` })
      return beginQuarantine(core, stores, { login, reason: 'by_hand', detail, actor })
    })
    core.wake()
    return touched
  }

/** A person lets a login send again. */
export const liftQuarantine =
  (core: Core) =>
  async ({ id, actor }: { id: string; actor: Actor }): Promise<Touched[]> => {
    const touched = await core.store.transaction(async (stores) => {
      const found = await stores.quarantines.get(id)
      if (!found || !(await stores.quarantines.lift(id, core.clock.now(), actor)))
        throw new AppError('not_found', { detail: 'there is no such quarantine, or it is lifted already' })
      await audit(core, stores, {
        action: 'login.quarantine_lifted',
        actor,
        subjectKind: 'login',
        subjectId: found.login,
        payload: { id },
      })
      return touch(core, stores, { login: found.login }, 'person')
    })
    core.wake()
    return touched
  }
