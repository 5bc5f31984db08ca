// What the two doors need to know of an account, a client and a resource. Asked at every token, so each question is one
// or two prepared statements; what it means is decided in src/domain/access.ts.
import type { Door, MemberInForce, Membership, OverrideInForce } from '../../src/domain/access.ts'
import type { AccessStore, AccountInForce, StaffRole } from '../../src/ports.ts'
import type { Rows, SqlRow } from './rows.ts'

const inForce = 'lifted_at is null and begun = 1'

const override = (row: SqlRow): OverrideInForce => ({
  effect: row.effect as OverrideInForce['effect'],
  reasonText: String(row.reason_text),
  startsAt: Number(row.starts_at),
  endsOn: row.ends_on as string | null,
})

const member = (row: SqlRow, overrides: SqlRow[]): MemberInForce => ({
  memberId: String(row.member_id),
  memberName: String(row.member_name),
  standing: (row.standing ?? 'applicant') as MemberInForce['standing'],
  coveredUntilOn: row.covered_until_on as string | null,
  overrides: overrides.filter((found) => found.member_id === row.member_id).map(override),
})

const profile = (row: SqlRow) => ({
  username: String(row.username),
  name: String(row.name),
  givenName: String(row.given_name),
  familyName: String(row.family_name),
  email: row.email as string | null,
  emailVerified: row.email_verified_at !== null,
  locale: row.locale as AccountInForce['locale'],
  state: row.state as AccountInForce['state'],
  staffRoles: String(row.staff_roles ?? '')
    .split(',')
    .filter(Boolean) as StaffRole[],
  hasSecondFactor: row.second_factor === 1,
})

const ownerOf = async (rows: Rows, row: SqlRow): Promise<MemberInForce> =>
  member(
    row,
    await rows(
      `select member_id, effect, reason_text, starts_at, ends_on from access_override where member_id = ? and ${inForce}`,
      [String(row.member_id)],
    ),
  )

export const accessStore = (rows: Rows): AccessStore => ({
  async account(accountId): Promise<AccountInForce | undefined> {
    const found = await rows(
      `select a.id, a.username, a.name, a.given_name, a.family_name, a.email, a.email_verified_at, a.locale, a.state,
         (select group_concat(role) from staff_role where account_id = a.id) as staff_roles, (select confirmed from totp where account_id = a.id) as second_factor,
         f.role, m.id as member_id, m.name as member_name, s.standing, s.covered_until_on
       from account a left join affiliation f on f.account_id = a.id left join member m on m.id = f.member_id left join standing s on s.member_id = m.id
       where a.id = ?`,
      [accountId],
    )
    const account = found[0]
    if (account?.id !== accountId) return undefined
    const overrides = await rows(
      `select member_id, account_id, effect, reason_text, starts_at, ends_on from access_override
       where (account_id = ? or member_id in (select member_id from affiliation where account_id = ?)) and ${inForce}`,
      [accountId, accountId],
    )
    return {
      accountId,
      ...profile(account),
      closed: account.state === 'closed',
      overrides: overrides.filter((row) => row.account_id === accountId).map(override),
      memberships: found
        .filter((row) => row.member_id !== null)
        .map((row) => ({ ...member(row, overrides), role: row.role as Membership['role'] })),
    }
  },

  async door(clientId, accountId): Promise<Door | undefined> {
    const [client] = await rows(
      `select c.client_id, c.service, c.audience, c.roles_of_affiliation, r.removed_at, m.id as member_id, m.name as member_name, s.standing, s.covered_until_on, f.role
       from client c left join resource r on r.id = c.resource_id left join member m on m.id = r.member_id left join standing s on s.member_id = m.id
       left join affiliation f on f.member_id = m.id and f.account_id = ?
       where c.client_id = ? and c.disabled_at is null`,
      [accountId, clientId],
    )
    if (client?.client_id !== clientId || client.removed_at !== null) return undefined
    const given = await rows(
      `select role from client_role where client_id = ? and (subject_kind = 'account' and subject = ?
       or subject_kind = 'group' and subject in (select name from account_group where account_id = ?))`,
      [clientId, accountId, accountId],
    )
    const ofAffiliation =
      client.role && (JSON.parse(String(client.roles_of_affiliation)) as Record<string, string>)[String(client.role)]
    return {
      service: client.service as Door['service'],
      audience: client.audience as Door['audience'],
      roles: [
        ...new Set([...given.map((row) => String(row.role)), ...(ofAffiliation ? [ofAffiliation] : [])]),
      ].toSorted(),
      ...(client.member_id !== null && { owner: await ownerOf(rows, client) }),
    }
  },

  async owner(resourceId) {
    const [row] = await rows(
      `select m.id as member_id, m.name as member_name, s.standing, s.covered_until_on
       from resource r join member m on m.id = r.member_id left join standing s on s.member_id = m.id where r.id = ? and r.removed_at is null`,
      [resourceId],
    )
    return row && ownerOf(rows, row)
  },
})
