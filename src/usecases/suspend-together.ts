// Suspending a list of people at once: a plan first, then each of them like any other suspension, one after the other, so
// that nobody else's sign-in waits for the whole list.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import type { CivilDate } from '../domain/time.ts'
import type { Account, Override } from '../ports.ts'
import { checkedReason, suspend } from './suspend.ts'
import type { Watcher } from './watcher.ts'

/** What the list says of one name. Only those that are `open` are suspended. */
export type Listed = {
  typed: string
  account?: Account
  state: 'open' | 'suspended' | 'closed' | 'unknown' | 'oneself'
}

export const MOST_TOGETHER = 200
/** The audit's entry that names the suspensions of one list. */
const TOGETHER = 'access.suspended_together'

/** Usernames, separated by spaces, commas or lines; each once. Throws `required` or `invalid_value` on `names`. */
function namesIn(text: string): string[] {
  const names = [...new Set(text.split(/[\s,;]+/).map(canonical))].filter(Boolean)
  if (names.length === 0) throw new AppError('required', { field: 'names' })
  if (names.length > MOST_TOGETHER)
    throw new AppError('invalid_value', { field: 'names', detail: `at most ${MOST_TOGETHER} names` })
  return names
}

/** Who is meant, and what can be done about each. Changes nothing. */
export const planTogether =
  ({ store }: Pick<Core, 'store'>) =>
  async (text: string, actor: Actor): Promise<Listed[]> => {
    const look = async (typed: string): Promise<Listed> => {
      const account = await store.accounts.byUsername(typed)
      if (!account) return { typed, state: 'unknown' }
      if (account.id === actor) return { typed, account, state: 'oneself' }
      if (account.state === 'closed') return { typed, account, state: 'closed' }
      const open = await store.overrides.open({ accountId: account.id })
      const denied = open.some(({ effect, begun }) => effect === 'deny' && begun)
      return { typed, account, state: denied ? 'suspended' : 'open' }
    }
    const listed: Listed[] = []
    for (const name of namesIn(text)) listed.push(await look(name))
    return listed
  }

type Input = { names: string; reason: string; endsOn: CivilDate | null; actor: Actor }

/**
 * Suspend everybody on the list who is open, watched one by one; the id of the list's entry in the audit, or undefined when
 * there was nobody to suspend.
 */
export const suspendTogether =
  (core: Core, watcher: Watcher) =>
  async ({ names, reason, endsOn, actor }: Input): Promise<string | undefined> => {
    checkedReason(reason)
    const done: string[] = []
    for (const { account, state } of await planTogether(core)(names, actor)) {
      if (!account || state !== 'open') continue
      const target = { accountId: account.id }
      try {
        const touched = await suspend(core)({ target, reason, endsOn, actor })
        const open = await core.store.overrides.open(target)
        const override = open.find(({ effect, begun }) => effect === 'deny' && begun)
        if (!override) continue
        watcher.begin(override, touched)
        done.push(override.id)
      } catch (error) {
        // Another administrator was faster.
        if (!(error instanceof AppError && error.code === 'conflict')) throw error
      }
    }
    if (done.length === 0) return undefined
    const id = core.random.uuid()
    await core.store.transaction((stores) =>
      audit(core, stores, {
        action: TOGETHER,
        actor,
        subjectKind: 'suspensions',
        subjectId: id,
        payload: { overrides: done },
      }),
    )
    return id
  }

/** What stands behind an address: one suspension, those of a list, or nothing. */
export const overridesBehind =
  ({ store }: Pick<Core, 'store'>) =>
  async (id: string): Promise<Override[]> => {
    const one = await store.overrides.get(id)
    if (one) return [one]
    const [row] = await store.audit.list({ subjectId: id, action: TOGETHER })
    const ids = (row?.payload.overrides ?? []) as string[]
    const found = await Promise.all(ids.map((override) => store.overrides.get(override)))
    return found.filter((override) => override !== undefined)
  }
