// Mailboxes and aliases by an admin's hand: how much one holds, until when its former password counts, where mail goes.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { email } from '../domain/names.ts'
import { type CivilDate, isCivilDate } from '../domain/time.ts'
import type { Resource, Stores } from '../ports.ts'
import { touch } from './subjects.ts'

/** What an alias may lead to; more is a list, which Sympa or Mailman keeps. */
const MOST_TARGETS = 20
const GIBIBYTE = 1024 ** 3
const HIGHEST_QUOTA = 10_000 * GIBIBYTE

export async function existing(stores: Stores, id: string, kind: Resource['kind']): Promise<Resource> {
  const found = await stores.resources.get(id)
  if (found?.kind !== kind || found.removedAt !== null)
    throw new AppError('not_found', { detail: `there is no such ${kind}` })
  return found
}

/** An address in its one form; what is wrong with it is said at the field in which it was typed. */
export function addressIn(typed: string, field: string): string {
  try {
    return email(typed)
  } catch (cause) {
    throw cause instanceof AppError ? new AppError(cause.code, { field, detail: cause.message, cause }) : cause
  }
}

/** The targets in one form, each once. An alias that leads to itself would go round for ever. */
function checkedTargets(name: string, typed: readonly string[]): string[] {
  const targets = [...new Set(typed.map((target) => addressIn(target, 'targets')))].toSorted()
  const wrong = (detail: string): never => {
    throw new AppError('invalid_value', { field: 'targets', detail })
  }
  if (targets.length === 0) throw new AppError('required', { field: 'targets', detail: 'say where its mail goes' })
  if (targets.length > MOST_TARGETS) wrong(`an alias has at most ${MOST_TARGETS} targets; for more people make a list`)
  if (targets.includes(name)) wrong(`${name} would lead to itself`)
  return targets
}

/** True when mail for one of the targets would come back to `name` through other aliases. */
async function leadsBack(stores: Stores, name: string, targets: readonly string[]): Promise<boolean> {
  const seen = new Set<string>()
  for (const waiting = [...targets]; waiting.length > 0; ) {
    const address = waiting.pop()!
    if (address === name) return true
    if (seen.has(address)) continue
    seen.add(address)
    const alias = await stores.resources.byName('alias', address)
    if (alias && alias.removedAt === null) waiting.push(...(await stores.mailboxes.targets(alias.id)))
  }
  return false
}

/** Change where an alias goes. */
export const setAliasTargets =
  (core: Core) =>
  async ({
    resourceId,
    targets: typed,
    actor,
  }: {
    resourceId: string
    targets: readonly string[]
    actor: Actor
  }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      const alias = await existing(stores, resourceId, 'alias')
      await putTargets(core, stores, alias, typed, actor)
      await touch(core, stores, { resourceId }, 'person')
    })
    core.wake()
  }

/** Inside the transaction that makes or changes an alias. */
export async function putTargets(
  core: Core,
  stores: Stores,
  alias: Resource,
  typed: readonly string[],
  actor: Actor,
): Promise<void> {
  const targets = checkedTargets(alias.name, typed)
  // The audit's append lets one at a time through: two aliases that are pointed at each other at once make no loop.
  await audit(core, stores, {
    action: 'alias.targets_set',
    actor,
    subjectKind: 'alias',
    subjectId: alias.id,
    payload: { name: alias.name, targets },
  })
  if (await leadsBack(stores, alias.name, targets))
    throw new AppError('invalid_value', {
      field: 'targets',
      detail: `mail for ${alias.name} would come back to it through other aliases`,
    })
  await stores.mailboxes.setTargets(alias.id, targets)
}

/** Change what a mailbox may hold (bytes; null: no limit) and until when the password it had before Schedar counts. */
export const setMailbox =
  (core: Core) =>
  async ({
    resourceId,
    quotaBytes,
    formerUntilOn,
    actor,
  }: {
    resourceId: string
    quotaBytes?: number | null
    formerUntilOn?: CivilDate | null
    actor: Actor
  }): Promise<void> => {
    if (quotaBytes != null && (!Number.isSafeInteger(quotaBytes) || quotaBytes < 1 || quotaBytes > HIGHEST_QUOTA))
      throw new AppError('invalid_value', {
        field: 'quota',
        detail: 'a quota is a number of bytes from 1 to 10,000 GiB',
      })
    if (formerUntilOn && !isCivilDate(formerUntilOn))
      throw new AppError('invalid_value', { field: 'former', detail: `not a date: ${formerUntilOn}; write 2026-12-31` })
    await core.store.transaction(async (stores) => {
      const { name } = await existing(stores, resourceId, 'mailbox')
      const before = (await stores.mailboxes.get(resourceId)) ?? { quotaBytes: null, formerUntilOn: null }
      const after = {
        resourceId,
        quotaBytes: quotaBytes === undefined ? before.quotaBytes : quotaBytes,
        formerUntilOn: formerUntilOn === undefined ? before.formerUntilOn : formerUntilOn,
      }
      await stores.mailboxes.put(after)
      await audit(core, stores, {
        action: 'mailbox.set',
        actor,
        subjectKind: 'mailbox',
        subjectId: resourceId,
        payload: { name, quotaBytes: after.quotaBytes, formerUntilOn: after.formerUntilOn },
      })
      await touch(core, stores, { resourceId }, 'person')
    })
    core.wake()
  }

/** Take a mailbox, an alias or a site away: nobody gets in and no mail comes; what it holds stays on the disk. */
export const removeResource =
  (core: Core) =>
  async ({ resourceId, actor }: { resourceId: string; actor: Actor }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      const resource = await stores.resources.get(resourceId)
      if (!resource || resource.removedAt !== null)
        throw new AppError('not_found', { detail: 'there is no such resource' })
      // The logins into it are told with it, while they still lead there.
      for (const { id } of await stores.resources.loginsInto(resourceId))
        await stores.resources.removeLogin(id, core.clock.now())
      // What a site may write as are all addresses of its member.
      const { kind, memberId } = resource
      await touch(core, stores, kind === 'site' ? { memberId } : { resourceId }, 'person')
      await stores.resources.remove(resourceId, core.clock.now())
      await audit(core, stores, {
        action: `${resource.kind}.removed`,
        actor,
        subjectKind: resource.kind,
        subjectId: resourceId,
        payload: { name: resource.name },
      })
    })
    core.wake()
  }

/** Take a login away; its name may be given to somebody else from then on. */
export const removeLogin =
  (core: Core) =>
  async ({ mailboxId, name, actor }: { mailboxId: string; name: string; actor: Actor }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      const login = (await stores.resources.loginsInto(mailboxId)).find((one) => one.name === name)
      if (!login) throw new AppError('not_found', { detail: `there is no login ${name} into this mailbox` })
      await stores.resources.removeLogin(login.id, core.clock.now())
      await audit(core, stores, {
        action: 'login.removed',
        actor,
        subjectKind: 'account',
        subjectId: login.accountId,
        payload: { login: name },
      })
      await touch(core, stores, { login: name }, 'person')
      await touch(core, stores, { resourceId: mailboxId }, 'person')
    })
    core.wake()
  }
