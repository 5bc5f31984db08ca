// By which right somebody acts on a member's people, asked again in each transaction: it may have been taken away since the
// page was shown.
import type { Actor, Core } from '../core.ts'
import type { AffiliationRole } from '../domain/access.ts'
import { AppError } from '../domain/errors.ts'
import { type Authority, letsDecide, looksAfter, looksAfterSites, rolesUnder } from '../domain/people.ts'
import type { AccountInForce, Affiliation, Member, Resource, Stores } from '../ports.ts'

type Read = Pick<Stores, 'access' | 'accounts' | 'members' | 'organisations' | 'people'>

/** An account that may act at all: neither closed nor suspended. */
async function inForceAccount(stores: Pick<Stores, 'access'>, id: string): Promise<AccountInForce | undefined> {
  const account = await stores.access.account(id)
  return !account || account.closed || account.overrides.some(({ effect }) => effect === 'deny') ? undefined : account
}

/** Undefined for whoever has nothing to do with the member, or may decide nothing at present. */
export async function authorityOf(stores: Read, actor: Actor, memberId: string): Promise<Authority | undefined> {
  if (actor.startsWith('cli:')) return 'staff'
  const account = await inForceAccount(stores, actor)
  if (!account) return undefined
  // The staff's rights always ask for a second factor, which whoever has one has shown.
  if (account.staffRoles.includes('admin') && account.hasSecondFactor) return 'staff'
  const membership = account.memberships.find((one) => one.memberId === memberId)
  return membership && letsDecide(membership) ? membership.role : undefined
}

/** By its number, as its people know it, or by its id, as the staff's pages do: two associations may use one number. */
export type MemberNamed = { memberNumber: string } | { memberId: string }
export type OfMember = MemberNamed & { actor: Actor }
export const nameOfMember = (of: MemberNamed): string => ('memberId' in of ? of.memberId : of.memberNumber)

async function candidates(stores: Read, of: OfMember): Promise<Member[]> {
  if ('memberId' in of) return [await stores.members.get(of.memberId)].filter((member) => member !== undefined)
  const { memberNumber, actor } = of
  const own = actor.startsWith('cli:') ? [] : await stores.people.affiliationsOf(actor)
  const found = [
    ...(await Promise.all(own.map(({ memberId }) => stores.members.get(memberId)))),
    ...(await Promise.all(
      (await stores.organisations.all()).map(({ id }) => stores.members.byNumber(id, memberNumber)),
    )),
  ]
  return found.filter((member) => member?.memberNumber === memberNumber).map((member) => member!)
}

/**
 * The member that somebody looks after. One that is not there and one of somebody else's are both `not_found`; whoever
 * belongs to the member and does not look after it gets `forbidden`.
 */
export async function memberLookedAfter(stores: Read, of: OfMember): Promise<{ member: Member; authority: Authority }> {
  const { actor } = of
  let belongs = false
  for (const member of await candidates(stores, of)) {
    const authority = await authorityOf(stores, actor, member.id)
    if (authority && looksAfter(authority)) return { member, authority }
    belongs ||= (await stores.people.affiliationsOf(actor)).some(({ memberId }) => memberId === member.id)
  }
  throw belongs
    ? new AppError('forbidden', { detail: `${actor} does not look after the people of member ${nameOfMember(of)}` })
    : new AppError('not_found', { detail: `there is no member ${nameOfMember(of)}` })
}

/** Throws `forbidden` unless all of these roles are the actor's to decide about. */
export function mayDecide(authority: Authority, ...roles: AffiliationRole[]): void {
  const beyond = roles.find((role) => !rolesUnder(authority).includes(role))
  if (beyond) throw new AppError('forbidden', { detail: `as ${authority} one does not decide who is ${beyond}` })
}

/** Owners whose account is open. */
export async function ownersIn(stores: Pick<Stores, 'accounts'>, people: readonly Affiliation[]): Promise<string[]> {
  const owners: string[] = []
  for (const { accountId, role } of people)
    if (role === 'owner' && (await stores.accounts.get(accountId))?.state !== 'closed') owners.push(accountId)
  return owners
}

/**
 * Does what changes the people of a member, alone, and sees to it that one who had an owner still has: throws `conflict`
 * otherwise. Reading who is there holds others back until the transaction ends.
 */
export async function keepingAnOwner<T>(
  stores: Pick<Stores, 'accounts' | 'people'>,
  memberId: string,
  change: (people: Affiliation[]) => Promise<T>,
): Promise<T> {
  const before = await stores.people.accountsOf(memberId)
  const owners = await ownersIn(stores, before)
  const result = await change(before)
  if (owners.length > 0 && (await ownersIn(stores, await stores.people.accountsOf(memberId))).length === 0)
    throw new AppError('conflict', { detail: 'this is the last owner; make another one first' })
  return result
}

export type Decision = { stores: Stores; member: Member; authority: Authority; people: readonly Affiliation[] }

/** One act of somebody who looks after a member's people, in a transaction of its own; then the services are woken. */
export async function deciding<T>(
  core: Pick<Core, 'store' | 'wake'>,
  of: OfMember,
  act: (decision: Decision) => Promise<T>,
): Promise<T> {
  const result = await core.store.transaction(async (stores) => {
    const { member } = await memberLookedAfter(stores, of)
    return keepingAnOwner(stores, member.id, async (people) => {
      // Asked again, now that nobody else changes who is what.
      const { authority } = await memberLookedAfter(stores, of)
      return act({ stores, member, authority, people })
    })
  })
  core.wake()
  return result
}

export type OfSite = { siteId: string; actor: Actor }
export type SiteLookedAfter = {
  site: Resource
  member: Member
  /** Not while the membership is suspended or closed: then the site is only looked at. */
  mayAct: boolean
}

/**
 * The site that somebody looks after as owner, admin or technical of its member, and as nothing else: the staff have pages
 * of their own. A site that is not there, one of others, and one that a lower role gives no say in are all `not_found`.
 */
export async function siteLookedAfter(
  stores: Pick<Stores, 'access' | 'members' | 'resources'>,
  { siteId, actor }: OfSite,
): Promise<SiteLookedAfter> {
  const [account, site] = await Promise.all([inForceAccount(stores, actor), stores.resources.get(siteId)])
  const membership = account?.memberships.find(({ memberId }) => memberId === site?.memberId)
  const member = site && (await stores.members.get(site.memberId))
  const isTheirs = membership !== undefined && looksAfterSites(membership)
  if (!isTheirs || !member || site.kind !== 'site' || site.removedAt !== null)
    throw new AppError('not_found', { detail: `${actor} looks after no site ${siteId}` })
  return { site, member, mayAct: letsDecide(membership) }
}
