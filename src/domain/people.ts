// Who may decide about the people of a member: by the role they have there, or as the association's own staff.
import { type AffiliationRole, affiliationRoles, type Membership } from './access.ts'

/** `staff`: the association's administrators and the command line. */
export type Authority = 'staff' | AffiliationRole

/** The roles that each may give, change and take away. An admin makes no owner and unmakes none. */
const decides: Record<Authority, readonly AffiliationRole[]> = {
  staff: affiliationRoles,
  owner: affiliationRoles,
  admin: affiliationRoles.filter((role) => role !== 'owner'),
  technical: [],
  billing: [],
  user: [],
}

/** The roles that somebody decides about; none for whoever does not look after the people at all. */
export const rolesUnder = (authority: Authority): readonly AffiliationRole[] => decides[authority]

/** True for whoever may see and change who belongs to a member. */
export const looksAfter = (authority: Authority): boolean => decides[authority].length > 0

/** Who looks after the sites that a member holds. */
const ofSites: readonly AffiliationRole[] = ['owner', 'admin', 'technical']
export const looksAfterSites = ({ role }: Pick<Membership, 'role'>): boolean => ofSites.includes(role)

/** True while a membership that lets its people decide is in order too: what costs the host something new asks for both. */
export const letsBegin = (membership: Membership): boolean =>
  letsDecide(membership) &&
  (['current', 'grace'].includes(membership.standing) || membership.overrides.some(({ effect }) => effect === 'allow'))

/** True while a membership lets its people decide anything: not while it is suspended, nor once it is closed. */
export const letsDecide = ({ standing, overrides }: Pick<Membership, 'standing' | 'overrides'>): boolean =>
  standing !== 'closed' && !overrides.some(({ effect }) => effect === 'deny')
