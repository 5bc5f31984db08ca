// Accounts for imported members: a new one for each, unless one is surely this person's already.
import type { Core } from '../core.ts'
import { canonical } from '../domain/names.ts'
import type { Account, Member, Stores } from '../ports.ts'
import type { RosterRow } from '../rosters/roster.ts'
import { newAccount } from './accounts.ts'
import { touch } from './subjects.ts'

const fullName = ({ givenName, familyName }: Pick<Account, 'givenName' | 'familyName'>): string =>
  [givenName, familyName].filter(Boolean).join(' ')

/** An association's row may name no person; one that does must name this one, for families share an address. */
const mayBe = (account: Account, row: RosterRow): boolean =>
  fullName(row) === '' ? row.kind === 'association' : canonical(fullName(row)) === canonical(fullName(account))

/**
 * An account that is surely this person's: of the same username and address, or the only one of its address, which was
 * verified, and of the same name. Never a closed one.
 */
async function accountFor(stores: Stores, row: RosterRow): Promise<Account | undefined> {
  if (row.email === null) return undefined
  const open = ({ state }: Account) => state !== 'closed'
  const byName = row.username ? await stores.accounts.byUsername(row.username) : undefined
  if (byName && open(byName) && byName.email === row.email) return byName
  const [only, ...others] = await stores.accounts.byEmail(row.email)
  return only && others.length === 0 && open(only) && only.emailVerifiedAt !== null && mayBe(only, row)
    ? only
    : undefined
}

/** No account for whoever left, or has it closed in the other manager, or cannot be reached and has no name to sign in. */
const wantsAccount = ({ email, username, active, closed }: RosterRow): boolean =>
  (email !== null || username !== null) && active !== false && closed === null

/** Gives a member an owner's account unless it has one. */
export async function giveAccount(core: Core, stores: Stores, member: Member, row: RosterRow): Promise<void> {
  if (!wantsAccount(row) || (await stores.people.accountsOf(member.id)).length > 0) return
  let account = await accountFor(stores, row)
  if (!account) {
    const free = row.username && !(await stores.accounts.byUsername(row.username)) ? row.username : null
    account = await newAccount(core, stores, {
      username: free,
      givenName: row.givenName.slice(0, 100),
      familyName: row.familyName.slice(0, 100),
      name: (fullName(row) || member.name).slice(0, 200),
      email: row.email,
      locale: member.locale,
    })
    await stores.accounts.add(account)
  }
  await stores.people.affiliate({
    accountId: account.id,
    memberId: member.id,
    role: 'owner',
    createdAt: core.clock.now(),
  })
  await touch(core, stores, { accountId: account.id }, 'import')
}
