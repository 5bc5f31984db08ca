// Accounts by an admin's hand: add, close, affiliate with a member, staff roles, groups.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import type { AffiliationRole } from '../domain/access.ts'
import { AppError } from '../domain/errors.ts'
import { email as checkedEmail, username as checkedUsername, freeName, proposeUsername } from '../domain/names.ts'
import type { Account, Locale, StaffRole, Stores } from '../ports.ts'
import { keepingAnOwner } from './authority.ts'
import { tellingLowered } from './lowered-roles.ts'
import { touch } from './subjects.ts'

export type NewAccount = {
  username?: string | null
  givenName: string
  familyName: string
  name?: string
  email: string | null
  locale?: Locale
  groups?: readonly string[]
}

/** An account record for a person; the username is proposed from the names when none is given. */
export async function newAccount(
  core: Pick<Core, 'clock' | 'random'>,
  stores: Stores,
  input: NewAccount,
): Promise<Account> {
  const email = input.email === null ? null : checkedEmail(input.email)
  const name = input.name ?? [input.givenName, input.familyName].filter(Boolean).join(' ')
  const longest = { givenName: [input.givenName, 100], familyName: [input.familyName, 100], name: [name, 200] } as const
  for (const [field, [text, most]] of Object.entries(longest))
    if (text.length > most)
      throw new AppError('invalid_value', { field, detail: `${field}: at most ${most} characters` })
  const taken = async (name: string) => (await stores.accounts.byUsername(name)) !== undefined
  const wanted = input.username ? checkedUsername(input.username) : undefined
  if (wanted && (await taken(wanted)))
    throw new AppError('username_taken', { field: 'username', detail: `the username ${wanted} is taken` })
  return {
    id: core.random.uuid(),
    username: wanted ?? (await freeName(proposeUsername(input.givenName, input.familyName, email ?? ''), taken)),
    name,
    givenName: input.givenName,
    familyName: input.familyName,
    email,
    emailVerifiedAt: null,
    locale: input.locale ?? 'fr',
    state: 'invited',
    directoryKey: null,
    createdAt: core.clock.now(),
    lastSignInAt: null,
  }
}

export const addAccount =
  (core: Core) =>
  async (
    input: NewAccount & {
      actor: Actor
      staffRoles?: readonly StaffRole[]
      /** One of the people of a member from the start. */
      at?: { memberId: string; role: AffiliationRole } | undefined
    },
  ): Promise<Account> => {
    const account = await core.store.transaction(async (stores) => {
      const account = await newAccount(core, stores, input)
      await stores.accounts.add(account)
      await stores.people.setGroups(account.id, input.groups ?? [])
      if (input.staffRoles?.length)
        await stores.people.setStaffRoles(account.id, input.staffRoles, input.actor, core.clock.now())
      await audit(core, stores, {
        action: 'account.added',
        actor: input.actor,
        subjectKind: 'account',
        subjectId: account.id,
        payload: { username: account.username, staffRoles: input.staffRoles ?? [] },
      })
      if (input.at) await affiliateIn(core, stores, { ...input.at, accountId: account.id, actor: input.actor })
      await touch(core, stores, { accountId: account.id }, 'person')
      return account
    })
    core.wake()
    return account
  }

const accountOf = async (stores: Stores, accountId: string): Promise<Account> => {
  const account = await stores.accounts.get(accountId)
  if (!account) throw new AppError('not_found', { detail: 'there is no such account' })
  return account
}

/** Asked after the audit's append, which lets one at a time through: two must not unmake each other. */
async function keepAnAdministrator(stores: Stores): Promise<void> {
  if ((await stores.people.countStaff('admin')) === 0)
    throw new AppError('conflict', { detail: 'this is the last administrator; make another one first' })
}

export type NewAffiliation = { accountId: string; memberId: string; role: AffiliationRole; actor: Actor }

/** Within a transaction; throws `conflict` for the last owner. Whoever calls tells the services. */
export async function affiliateIn(
  core: Pick<Core, 'clock' | 'random'>,
  stores: Stores,
  { accountId, memberId, role, actor }: NewAffiliation,
): Promise<void> {
  await tellingLowered(core, stores, {
    accountIds: [accountId],
    cause: 'person',
    change: () =>
      keepingAnOwner(stores, memberId, () =>
        stores.people.affiliate({ accountId, memberId, role, createdAt: core.clock.now() }),
      ),
  })
  await audit(core, stores, {
    action: 'affiliation.set',
    actor,
    subjectKind: 'account',
    subjectId: accountId,
    payload: { memberId, role },
  })
}

/** Give a person a role at a member, or another one. Throws `conflict` for the last owner. */
export const affiliate =
  (core: Core) =>
  async (input: NewAffiliation): Promise<void> => {
    await core.store.transaction(async (stores) => {
      await affiliateIn(core, stores, input)
      await touch(core, stores, { accountId: input.accountId }, 'person')
    })
    core.wake()
  }

export const setStaffRoles =
  (core: Core) =>
  async ({
    accountId,
    roles,
    actor,
  }: {
    accountId: string
    roles: readonly StaffRole[]
    actor: Actor
  }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      await accountOf(stores, accountId)
      const before = await stores.people.staffRoles(accountId)
      await audit(core, stores, {
        action: 'account.staff_roles_set',
        actor,
        subjectKind: 'account',
        subjectId: accountId,
        payload: { before, after: roles },
      })
      await stores.people.setStaffRoles(accountId, roles, actor, core.clock.now())
      if (before.includes('admin') && !roles.includes('admin')) await keepAnAdministrator(stores)
      await touch(core, stores, { accountId }, 'person')
    })
    core.wake()
  }

export const setGroups =
  (core: Core) =>
  async ({
    accountId,
    groups,
    actor,
  }: {
    accountId: string
    groups: readonly string[]
    actor: Actor
  }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      await accountOf(stores, accountId)
      const before = await stores.people.groups(accountId)
      await tellingLowered(core, stores, {
        accountIds: [accountId],
        cause: 'person',
        change: () => stores.people.setGroups(accountId, groups),
      })
      await audit(core, stores, {
        action: 'account.groups_set',
        actor,
        subjectKind: 'account',
        subjectId: accountId,
        payload: { before, after: groups },
      })
      await touch(core, stores, { accountId }, 'person')
    })
    core.wake()
  }

/** Close an account for good, or open it again: `closed` is out everywhere, and cannot sign in at home either. */
export const setAccountClosed =
  (core: Core) =>
  async ({
    accountId,
    closed,
    reason,
    actor,
  }: {
    accountId: string
    closed: boolean
    reason: string
    actor: Actor
  }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      const account = await accountOf(stores, accountId)
      if ((account.state === 'closed') === closed) return
      await audit(core, stores, {
        action: closed ? 'account.closed' : 'account.reopened',
        actor,
        subjectKind: 'account',
        subjectId: accountId,
        payload: { reason },
      })
      await tellingLowered(core, stores, {
        accountIds: [accountId],
        cause: actor === 'directory' ? 'sync' : 'person',
        change: () => stores.accounts.update({ ...account, state: closed ? 'closed' : 'active' }),
      })
      if (closed) await stores.sessions.signOut(accountId, core.clock.now())
      // Whoever left the directory is out, administrator or not; `schedar rescue` makes another one.
      const isAdministrator = (await stores.people.staffRoles(accountId)).includes('admin')
      if (closed && isAdministrator && actor !== 'directory') await keepAnAdministrator(stores)
      await touch(core, stores, { accountId }, actor === 'directory' ? 'sync' : 'person')
    })
    core.wake()
  }
