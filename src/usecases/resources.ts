// What members hold on the host: sites, mailboxes and the logins into them.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import type { Resource, Stores } from '../ports.ts'
import { addressIn, putTargets } from './mailboxes.ts'
import { touch } from './subjects.ts'

/** RFC 1123 §2.1: labels of at most 63 letters, digits and hyphens. */
const SITE_NAME = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** A site is named by its host name, a mailbox by its address. */
const nameOf = (kind: Resource['kind'], typed: string): string => {
  if (kind !== 'site') return addressIn(typed, 'name')
  const name = canonical(typed)
  if (!SITE_NAME.test(name))
    throw new AppError('invalid_value', {
      field: 'name',
      detail: `not a host name: ${JSON.stringify(typed.slice(0, 80))}`,
    })
  return name
}

/** Mailboxes and aliases share one space of names: mail for an address goes one way. */
async function nameTaken(stores: Stores, kind: Resource['kind'], name: string): Promise<boolean> {
  const kinds: Resource['kind'][] = kind === 'site' ? ['site'] : ['mailbox', 'alias']
  const there = await Promise.all(kinds.map((one) => stores.resources.byName(one, name)))
  return there.some((found) => found !== undefined)
}

type NewResource = {
  memberId: string
  kind: Resource['kind']
  name: string
  /** Of an alias. */
  targets?: readonly string[]
  actor: Actor
}

/** Within a transaction. Whoever calls wakes the reconciler. */
export async function addResourceIn(
  core: Core,
  stores: Stores,
  { memberId, kind, name: typed, targets, actor }: NewResource,
): Promise<Resource> {
  const name = nameOf(kind, typed)
  const member = await stores.members.get(memberId)
  if (!member) throw new AppError('not_found', { detail: 'there is no such member' })
  const made: Resource = {
    id: core.random.uuid(),
    organisationId: member.organisationId,
    memberId,
    kind,
    name,
    createdAt: core.clock.now(),
    removedAt: null,
  }
  // The audit's append lets one at a time through: a mailbox and an alias made at once must not both have the name.
  await audit(core, stores, {
    action: `${kind}.added`,
    actor,
    subjectKind: kind,
    subjectId: made.id,
    payload: { name, memberId },
  })
  if (await nameTaken(stores, kind, name))
    throw new AppError('conflict', { field: 'name', detail: `the ${kind} ${name} exists already` })
  await stores.resources.add(made)
  if (kind === 'alias') await putTargets(core, stores, made, targets ?? [], actor)
  await touch(core, stores, { memberId }, 'person')
  return made
}

export const addResource =
  (core: Core) =>
  async (input: NewResource): Promise<Resource> => {
    const resource = await core.store.transaction((stores) => addResourceIn(core, stores, input))
    core.wake()
    return resource
  }

/** Let an account into a mailbox under a login of its own (`mail_login`); the mailbox's name unless another is given. */
export const addLogin =
  (core: Core) =>
  async ({
    mailboxId,
    accountId,
    name: typed,
    actor,
  }: {
    mailboxId: string
    accountId: string
    name?: string
    actor: Actor
  }): Promise<string> => {
    const login = await core.store.transaction(async (stores) => {
      const mailbox = await stores.resources.get(mailboxId)
      if (mailbox?.kind !== 'mailbox' || mailbox.removedAt !== null)
        throw new AppError('not_found', { detail: 'there is no such mailbox' })
      const name = addressIn(typed ?? mailbox.name, 'name')
      const there = await stores.subjects.get('login', name)
      if (there?.kind === 'login' && !there.removed)
        throw new AppError('conflict', { field: 'name', detail: `the login ${name} exists already` })
      await stores.resources.addLogin({
        id: core.random.uuid(),
        mailboxId,
        accountId,
        name,
        createdAt: core.clock.now(),
      })
      await audit(core, stores, {
        action: 'login.added',
        actor,
        subjectKind: 'account',
        subjectId: accountId,
        payload: { login: name, mailbox: mailbox.name },
      })
      await touch(core, stores, { accountId }, 'person')
      return name
    })
    core.wake()
    return login
  }
