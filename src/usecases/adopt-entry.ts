// A person of an outside directory gets an account here, or is recognised. Only the directory's own immutable key, or a
// username that no other entry holds, links the two; a shared e-mail never does (attack 24).
import type { Core } from '../core.ts'
import { audit } from '../core.ts'
import { freeName, username } from '../domain/names.ts'
import type { Account, DirectoryEntry, Stores } from '../ports.ts'
import { tellingLowered } from './lowered-roles.ts'
import { touch } from './subjects.ts'

type Deps = Pick<Core, 'store' | 'clock' | 'random' | 'services'>

async function known(stores: Stores, entry: DirectoryEntry): Promise<Account | undefined> {
  const byKey = await stores.accounts.byDirectoryKey(entry.key)
  if (byKey) return byKey
  const byName = await stores.accounts.byUsername(username(entry.username))
  return byName?.directoryKey === null ? byName : undefined
}

/** An address that was proven here stays proven while it is the same; one that the directory vouches for is. */
function emailOf(
  entry: DirectoryEntry,
  found: Account | undefined,
  at: number,
): Pick<Account, 'email' | 'emailVerifiedAt'> {
  if (entry.email === null || entry.email === found?.email)
    return {
      email: found?.email ?? null,
      emailVerifiedAt: found?.emailVerifiedAt ?? (entry.emailVerified && found?.email ? at : null),
    }
  return { email: entry.email, emailVerifiedAt: entry.emailVerified ? at : null }
}

async function newcomer({ random }: Deps, stores: Stores, entry: DirectoryEntry, at: number): Promise<Account> {
  const taken = async (name: string) => (await stores.accounts.byUsername(name)) !== undefined
  return {
    id: random.uuid(),
    username: await freeName(username(entry.username), taken),
    name: entry.name,
    givenName: entry.givenName,
    familyName: entry.familyName,
    ...emailOf(entry, undefined, at),
    locale: entry.locale ?? 'fr',
    state: 'active',
    directoryKey: entry.key,
    createdAt: at,
    lastSignInAt: null,
  }
}

async function refreshed(stores: Stores, found: Account, entry: DirectoryEntry, at: number): Promise<Account> {
  const { name, givenName, familyName, key: directoryKey } = entry
  const account = {
    ...found,
    name,
    givenName,
    familyName,
    directoryKey,
    ...emailOf(entry, found, at),
    locale: entry.locale ?? found.locale,
  }
  await stores.accounts.update(account)
  // A link that lies in the old mailbox must not open the account any more (attack 3).
  if (found.email !== account.email) await stores.tickets.burnAll(found.id, at)
  return account
}

async function arrived(core: Deps, stores: Stores, entry: DirectoryEntry, at: number): Promise<Account> {
  const account = await newcomer(core, stores, entry, at)
  await stores.accounts.add(account)
  await audit(core, stores, {
    action: 'account.arrived',
    actor: 'directory',
    subjectKind: 'account',
    subjectId: account.id,
    payload: { username: account.username },
  })
  return account
}

/** The account of an entry, made or refreshed; its groups too. One that was closed here stays as it is. */
export const adoptEntry =
  (core: Deps) =>
  (entry: DirectoryEntry): Promise<Account> =>
    core.store.transaction(async (stores) => {
      const at = core.clock.now()
      const found = await known(stores, entry)
      if (found?.state === 'closed') return found
      const account = found ? await refreshed(stores, found, entry, at) : await arrived(core, stores, entry, at)
      const before = await stores.people.groups(account.id)
      if (before.toSorted().join('\n') !== entry.groups.toSorted().join('\n')) {
        const change = () => stores.people.setGroups(account.id, entry.groups)
        await tellingLowered(core, stores, { accountIds: [account.id], cause: 'sync', change })
        await touch(core, stores, { accountId: account.id }, 'sync')
      }
      return account
    })
