// The people of an association: who they are, another role, out, and ownership handed over. Whoever leaves loses what came
// through this member and nothing else.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import type { AffiliationRole } from '../domain/access.ts'
import type { AuditAction } from '../domain/audit-actions.ts'
import { AppError } from '../domain/errors.ts'
import { type Authority, rolesUnder } from '../domain/people.ts'
import type { Account, Affiliation, Member, MemberInvitation, Stores } from '../ports.ts'
import { deciding, mayDecide, memberLookedAfter, type OfMember, ownersIn } from './authority.ts'
import { tellingLowered } from './lowered-roles.ts'
import { type Touched, touch } from './subjects.ts'

export type PersonListed = Pick<Account, 'username' | 'name' | 'state'> & {
  accountId: string
  role: AffiliationRole
  /** The only owner left: another one must be made first. */
  lastOwner: boolean
  /** Whether the one who asks decides about this person. */
  mayChange: boolean
}
export type PeopleListed = {
  member: Member
  authority: Authority
  /** The roles that the one who asks may give. */
  roles: readonly AffiliationRole[]
  people: PersonListed[]
  invitations: (MemberInvitation & { expired: boolean; mayChange: boolean })[]
}

/** Throws `not_found` and `forbidden`, as everything here does. */
export const listPeople =
  ({ store, clock }: Pick<Core, 'store' | 'clock'>) =>
  async (of: OfMember): Promise<PeopleListed> => {
    const { member, authority } = await memberLookedAfter(store, of)
    const roles = rolesUnder(authority)
    const affiliations = await store.people.accountsOf(member.id)
    const owners = await ownersIn(store, affiliations)
    const people = await Promise.all(
      affiliations.map(async ({ accountId, role }): Promise<PersonListed> => {
        const { username, name, state } = (await store.accounts.get(accountId))!
        const lastOwner = owners.length === 1 && owners[0] === accountId
        return { accountId, username, name, state, role, lastOwner, mayChange: roles.includes(role) }
      }),
    )
    const invitations = (await store.invitations.ofMember(member.id)).map((invitation) => ({
      ...invitation,
      expired: invitation.expiresAt <= clock.now(),
      mayChange: roles.includes(invitation.role),
    }))
    return { member, authority, roles, people: people.toSorted(byRole(roles)), invitations }
  }

const byRole =
  (roles: readonly AffiliationRole[]) =>
  (a: PersonListed, b: PersonListed): number =>
    roles.indexOf(a.role) - roles.indexOf(b.role) || a.name.localeCompare(b.name)

const among = (people: readonly Affiliation[], accountId: string): Affiliation => {
  const found = people.find((person) => person.accountId === accountId)
  if (!found) throw new AppError('not_found', { detail: 'this account is not one of the people of this member' })
  return found
}

const noted = (core: Core, stores: Stores, actor: Actor, action: AuditAction, accountId: string, payload: object) =>
  audit(core, stores, { action, actor, subjectKind: 'account', subjectId: accountId, payload: { ...payload } })

/** Give one of the people another role. */
export const setPersonRole =
  (core: Core) =>
  ({ accountId, role, ...of }: OfMember & { accountId: string; role: AffiliationRole }): Promise<Touched[]> =>
    deciding(core, of, async ({ stores, member: { id: memberId }, authority, people }) => {
      const before = among(people, accountId)
      mayDecide(authority, before.role, role)
      if (before.role === role) return []
      await tellingLowered(core, stores, {
        accountIds: [accountId],
        cause: 'person',
        change: () => stores.people.affiliate({ ...before, role }),
      })
      await noted(core, stores, of.actor, 'affiliation.set', accountId, { memberId, role, before: before.role })
      return touch(core, stores, { accountId }, 'person')
    })

/** The roles that were given to an account by name at the sites of a member; they are taken away. */
async function leaveSites(stores: Stores, memberId: string, accountId: string): Promise<string[]> {
  const left: string[] = []
  const held = await stores.resources.ofMember(memberId)
  const clients = (await Promise.all(held.map(({ id }) => stores.clients.ofResource(id)))).flat()
  for (const { clientId } of clients)
    for (const role of await stores.clients.rolesOn(clientId))
      if (role.subjectKind === 'account' && role.subject === accountId) {
        await stores.clients.removeRole(role)
        left.push(clientId)
      }
  return [...new Set(left)]
}

/** The logins of an account into the mailboxes of a member; they are taken away. */
async function leaveMailboxes(stores: Stores, memberId: string, accountId: string, at: number): Promise<string[]> {
  const left: string[] = []
  for (const { id, name, mailboxId } of await stores.resources.loginsOf(accountId)) {
    if ((await stores.resources.get(mailboxId))?.memberId !== memberId) continue
    await stores.resources.removeLogin(id, at)
    left.push(name)
  }
  return left
}

export type Removed = { logins: string[]; clients: string[]; touched: Touched[] }

/**
 * Take one of the people out: the role here, the roles given by name at this member's sites, the logins into its mailboxes.
 * What the person has through other members, and the account itself, stay.
 */
export const removePerson =
  (core: Core) =>
  ({ accountId, ...of }: OfMember & { accountId: string }): Promise<Removed> =>
    deciding(core, of, async ({ stores, member: { id: memberId }, authority, people }) => {
      const { role } = among(people, accountId)
      mayDecide(authority, role)
      const leave = async () => {
        const clients = await leaveSites(stores, memberId, accountId)
        const logins = await leaveMailboxes(stores, memberId, accountId, core.clock.now())
        await stores.people.disaffiliate(accountId, memberId)
        return { clients, logins }
      }
      const lowered = { accountIds: [accountId], cause: 'person', change: leave } as const
      const { clients, logins } = await tellingLowered(core, stores, lowered)
      await noted(core, stores, of.actor, 'affiliation.removed', accountId, { memberId, role, clients, logins })
      return { logins, clients, touched: await touch(core, stores, { accountId }, 'person') }
    })

/** An owner makes another of the people the owner and becomes an admin. The other one must be able to sign in. */
export const handOver =
  (core: Core) =>
  ({ accountId, ...of }: OfMember & { accountId: string }): Promise<void> =>
    deciding(core, of, async ({ stores, member: { id: memberId }, people }) => {
      const [from, to] = [people.find((person) => person.accountId === of.actor), among(people, accountId)]
      if (from?.role !== 'owner' || accountId === of.actor)
        throw new AppError('forbidden', { detail: 'only an owner hands ownership over, to somebody else' })
      const heir = await stores.access.account(accountId)
      if (heir?.state !== 'active' || heir.overrides.some(({ effect }) => effect === 'deny'))
        throw new AppError('conflict', { field: 'accountId', detail: 'this account cannot be used at present' })
      await tellingLowered(core, stores, {
        accountIds: [to.accountId, from.accountId],
        cause: 'person',
        change: async () => {
          await stores.people.affiliate({ ...to, role: 'owner' })
          await stores.people.affiliate({ ...from, role: 'admin' })
        },
      })
      const payload = { memberId, from: of.actor, to: accountId }
      await noted(core, stores, of.actor, 'affiliation.ownership_handed_over', accountId, payload)
      for (const id of [accountId, of.actor]) await touch(core, stores, { accountId: id }, 'person')
    })
