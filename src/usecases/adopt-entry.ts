// A person of an outside directory gets an account here, or is recognised. Only the directory's own immutable key, or a
// username that no other entry holds, links the two; a shared e-mail never does (attack 24).
import type { Core } from '../core.ts'
import { audit } from '../core.ts'
import { freeName, username } from '../domain/names.ts'
import type { Account, DirectoryEntry, Stores } from '../ports.ts'

const described = (entry: DirectoryEntry) => ({
  name: entry.name,
  givenName: entry.givenName,
  familyName: entry.familyName,
  email: entry.email,
})

async function known(stores: Stores, entry: DirectoryEntry): Promise<Account | undefined> {
  const byKey = await stores.accounts.byDirectoryKey(entry.key)
  if (byKey) return byKey
  const byName = await stores.accounts.byUsername(username(entry.username))
  return byName?.directoryKey === null ? byName : undefined
}

/** The account of an entry, made or refreshed; its groups too. */
export const adoptEntry =
  (core: Pick<Core, 'store' | 'clock' | 'random'>) =>
  (entry: DirectoryEntry): Promise<Account> =>
    core.store.transaction(async (stores) => {
      const at = core.clock.now()
      const found = await known(stores, entry)
      // The directory vouches for its addresses: they were verified by whoever wrote them there.
      const emailVerifiedAt =
        entry.email === null ? null : found?.email === entry.email ? (found.emailVerifiedAt ?? at) : at
      const account: Account = found
        ? {
            ...found,
            ...described(entry),
            emailVerifiedAt,
            directoryKey: entry.key,
            locale: entry.locale ?? found.locale,
          }
        : {
            id: core.random.uuid(),
            username: await freeName(
              username(entry.username),
              async (name) => (await stores.accounts.byUsername(name)) !== undefined,
            ),
            ...described(entry),
            emailVerifiedAt,
            locale: entry.locale ?? 'fr',
            state: 'active',
            directoryKey: entry.key,
            createdAt: at,
            lastSignInAt: null,
          }
      if (found) await stores.accounts.update(account)
      else {
        await stores.accounts.add(account)
        await audit(core, stores, {
          action: 'account.arrived',
          actor: 'directory',
          subjectKind: 'account',
          subjectId: account.id,
          payload: { username: account.username },
        })
      }
      await stores.people.setGroups(account.id, entry.groups)
      return account
    })
