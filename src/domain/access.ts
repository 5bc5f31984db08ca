// Access: what one account may do with one client or resource now. A function of standings, overrides and the policy
// of the configuration; the two doors of design §2, `access(account, client)` and `resourceAccess(resource)`, are
// thin callers of it. It knows no clock: which overrides and standings are in force is a fact handed to it.
import type { Standing } from './standing.ts'
import type { CivilDate, Instant } from './time.ts'

export const accesses = ['none', 'restricted', 'full'] as const
/** `restricted` means what the service makes of it: mail is read but not sent. */
export type Access = (typeof accesses)[number]

export const serviceKinds = ['mail', 'site', 'web', 'list'] as const
/** What people sign in to. */
export type ServiceKind = (typeof serviceKinds)[number]
/** `hosting`: a member's public site, its form mail and its database, which run without anybody signing in. */
export const policyKinds = [...serviceKinds, 'hosting'] as const
export type PolicyKind = (typeof policyKinds)[number]
/** What each standing gives, by kind of service. */
export type Policy = Record<Standing, Record<PolicyKind, Access>>

export const affiliationRoles = ['owner', 'admin', 'technical', 'billing', 'user'] as const
export type AffiliationRole = (typeof affiliationRoles)[number]

/** An override in force: begun and not lifted. `endsOn` is the last day it is meant to hold; the nightly run lifts it. */
export type OverrideInForce = {
  effect: 'allow' | 'deny'
  reasonText: string
  startsAt: Instant
  endsOn: CivilDate | null
}
export type MemberInForce = {
  memberId: string
  memberName: string
  standing: Standing
  coveredUntilOn: CivilDate | null
  overrides: readonly OverrideInForce[]
}
export type Membership = MemberInForce & { role: AffiliationRole }
/** The member that a site or mailbox belongs to; `offline`: the deny by which the site alone was taken offline. */
export type Owner = MemberInForce & { offline?: OverrideInForce }

export type AccountFacts = {
  accountId: string
  closed: boolean
  overrides: readonly OverrideInForce[]
  memberships: readonly Membership[]
}

export type Door = {
  service: ServiceKind
  /** Absent for the house's own services. */
  owner?: Owner
  /** `listed`: only accounts that were given a role here. `members`: any member whom the policy lets in. */
  audience: 'members' | 'listed'
  /** The roles this account has here. */
  roles: readonly string[]
}

export const reasons = [
  'in_order',
  'allowed',
  'grace',
  'lapsed',
  'closed',
  'applicant',
  'suspended',
  'offline',
  'not_member',
  'not_listed',
] as const
export type ReasonCode = (typeof reasons)[number]
export type Reason = {
  code: ReasonCode
  memberName?: string
  sinceAt?: Instant
  untilOn?: CivilDate
  coveredUntilOn?: CivilDate
  text?: string
}
export type AccessAnswer = { access: Access; reason: Reason }

const reasonOfStanding: Record<Standing, ReasonCode> = {
  applicant: 'applicant',
  future: 'applicant',
  current: 'in_order',
  grace: 'grace',
  lapsed: 'lapsed',
  closed: 'closed',
}

const isDeny = ({ effect }: OverrideInForce): boolean => effect === 'deny'
const isAllow = ({ effect }: OverrideInForce): boolean => effect === 'allow'

const refused = (code: ReasonCode): AccessAnswer => ({ access: 'none', reason: { code } })
const suspended = (
  { reasonText, startsAt, endsOn }: OverrideInForce,
  memberName?: string,
  code: 'suspended' | 'offline' = 'suspended',
): AccessAnswer => ({
  access: 'none',
  reason: {
    code,
    text: reasonText,
    sinceAt: startsAt,
    ...(endsOn && { untilOn: endsOn }),
    ...(memberName && { memberName }),
  },
})

/** What one member's standing and overrides give at a door. Deny beats allow; allow never opens a closed membership. */
function throughMember(member: MemberInForce, service: PolicyKind, policy: Policy): AccessAnswer {
  const denied = member.overrides.find(isDeny)
  if (denied) return suspended(denied, member.memberName)
  const reason: Reason = {
    code: reasonOfStanding[member.standing],
    memberName: member.memberName,
    ...(member.coveredUntilOn && { coveredUntilOn: member.coveredUntilOn }),
  }
  if (member.overrides.some(isAllow) && member.standing !== 'closed')
    return { access: 'full', reason: { ...reason, code: 'allowed' } }
  return { access: policy[member.standing][service], reason }
}

const order: Record<ReasonCode, number> = {
  in_order: 0,
  allowed: 0,
  grace: 1,
  lapsed: 2,
  applicant: 3,
  suspended: 4,
  offline: 5,
  closed: 6,
  not_listed: 7,
  not_member: 8,
}

/** The answer that gives most; among equals, the one whose reason helps the person most. */
const best = (answers: AccessAnswer[]): AccessAnswer | undefined =>
  answers.toSorted(
    (a, b) => accesses.indexOf(b.access) - accesses.indexOf(a.access) || order[a.reason.code] - order[b.reason.code],
  )[0]

/** What an account has through its own members; an allow on the account counts as one on each of them. */
function throughOwn({ overrides, memberships }: AccountFacts, service: ServiceKind, policy: Policy): AccessAnswer {
  const allowed = overrides.filter(isAllow)
  const through = memberships.map((member) =>
    throughMember({ ...member, overrides: [...member.overrides, ...allowed] }, service, policy),
  )
  return best(through) ?? refused('not_member')
}

/** What the resource itself is due, whoever uses it: a member's public site, form mail or database. */
export function resourceAccess({ offline, ...owner }: Owner, service: PolicyKind, policy: Policy): AccessAnswer {
  const due = throughMember(owner, service, policy)
  return offline && due.access !== 'none' ? suspended(offline, owner.memberName, 'offline') : due
}

/** What an account may do at a door now, and why. */
export function accessTo(account: AccountFacts, door: Door, policy: Policy): AccessAnswer {
  const denied = account.overrides.find(isDeny)
  if (denied) return suspended(denied)
  if (account.closed) return refused('closed')
  if (door.audience === 'listed' && door.roles.length === 0) return refused('not_listed')
  if (!door.owner) return throughOwn(account, door.service, policy)
  const owners = resourceAccess(door.owner, door.service, policy)
  // Whoever was given a role at a member's site need not be a member; where no role is needed, being one is.
  if (door.roles.length > 0) return owners
  const own = throughOwn(account, door.service, policy)
  return accesses.indexOf(own.access) < accesses.indexOf(owners.access) ? own : owners
}

/** True if the account is a member in force anywhere: the `membership` claim, and nothing more than that. */
export const inForce = (account: AccountFacts): boolean =>
  !account.closed &&
  !account.overrides.some(isDeny) &&
  account.memberships.some(({ standing, overrides }) => {
    if (overrides.some(isDeny) || standing === 'closed') return false
    return standing === 'current' || standing === 'grace' || [...overrides, ...account.overrides].some(isAllow)
  })

const row = (access: Access): Record<PolicyKind, Access> => ({
  mail: access,
  site: access,
  web: access,
  list: access,
  hosting: access,
})

/** The lapsed read their mail and the house's own pages, nothing else; their public site stays up for its readers. */
export const defaultPolicy: Policy = {
  applicant: row('none'),
  future: row('none'),
  current: row('full'),
  grace: row('full'),
  lapsed: { ...row('none'), mail: 'restricted', hosting: 'full' },
  closed: row('none'),
}
