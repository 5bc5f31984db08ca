// What the two doors need to know of an account, a client and a resource. Asked at every token, so each question is one
// or two prepared statements, sent together; what the answer means is decided in src/domain/access.ts.
import type { Door, MemberInForce, Membership, OverrideInForce } from '../../src/domain/access.ts'
import type { AccessStore, AccountInForce, StaffRole } from '../../src/ports.ts'
import type { Query, Rows, SqlRow } from './rows.ts'

/** Overrides in force, joined to each row; two of an account or of a member make two rows. */
const overrides = (alias: string, on: string): string =>
  `left join access_override ${alias} on ${on} and ${alias}.lifted_at is null and ${alias}.begun = 1`
const overrideColumns = (alias: string): string =>
  ['id', 'effect', 'reason_text', 'starts_at', 'ends_on']
    .map((name) => `${alias}.${name} as ${alias}_${name}`)
    .join(', ')

/** The overrides under one alias in rows that a join may have made several of. */
function overridesIn(rows: readonly SqlRow[], alias: string): OverrideInForce[] {
  const found = new Map<unknown, OverrideInForce>()
  for (const row of rows)
    if (row[`${alias}_id`] !== null)
      found.set(row[`${alias}_id`], {
        effect: row[`${alias}_effect`] as OverrideInForce['effect'],
        reasonText: String(row[`${alias}_reason_text`]),
        startsAt: Number(row[`${alias}_starts_at`]),
        endsOn: row[`${alias}_ends_on`] as string | null,
      })
  return [...found.values()]
}

const ofMember = 'm.id as member_id, m.name as member_name, s.standing, s.covered_until_on'

/** The member that all these rows are about. */
const memberIn = (rows: readonly SqlRow[]): MemberInForce => ({
  memberId: String(rows[0]!.member_id),
  memberName: String(rows[0]!.member_name),
  standing: (rows[0]!.standing ?? 'applicant') as MemberInForce['standing'],
  coveredUntilOn: rows[0]!.covered_until_on as string | null,
  overrides: overridesIn(rows, 'om'),
})

const membershipsIn = (rows: readonly SqlRow[]): Membership[] =>
  [...Map.groupBy(rows, (row) => row.member_id)]
    .filter(([memberId]) => memberId !== null)
    .map(([, ofOne]) => ({ ...memberIn(ofOne), role: ofOne[0]!.role as Membership['role'] }))

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

const accountSql = `select a.id, a.username, a.name, a.given_name, a.family_name, a.email, a.email_verified_at, a.locale, a.state,
    (select group_concat(role) from staff_role where account_id = a.id) as staff_roles, (select confirmed from totp where account_id = a.id) as second_factor,
    f.role, ${ofMember}, ${overrideColumns('oa')}, ${overrideColumns('om')}
  from account a ${overrides('oa', 'oa.account_id = a.id')}
    left join affiliation f on f.account_id = a.id left join member m on m.id = f.member_id left join standing s on s.member_id = m.id
    ${overrides('om', 'om.member_id = m.id')}
  where a.id = ?`

const clientSql = `select c.client_id, c.service, c.audience, c.roles_of_affiliation, r.removed_at, f.role, ${ofMember}, ${overrideColumns('om')}
  from client c left join resource r on r.id = c.resource_id left join member m on m.id = r.member_id left join standing s on s.member_id = m.id
    left join affiliation f on f.member_id = m.id and f.account_id = ? ${overrides('om', 'om.member_id = m.id')}
  where c.client_id = ? and c.disabled_at is null`

// Each half goes through the primary key: a list may name thousands of accounts.
const rolesSql = `select role from client_role where client_id = ? and subject_kind = 'account' and subject = ?
  union all select r.role from account_group g join client_role r on r.client_id = ? and r.subject_kind = 'group' and r.subject = g.name
  where g.account_id = ?`

const ownerSql = `select ${ofMember}, ${overrideColumns('om')}
  from resource r join member m on m.id = r.member_id left join standing s on s.member_id = m.id ${overrides('om', 'om.member_id = m.id')}
  where r.id = ? and r.removed_at is null`

function accountIn(found: readonly SqlRow[]): AccountInForce | undefined {
  const [account] = found
  return (
    account && {
      accountId: String(account.id),
      ...profile(account),
      closed: account.state === 'closed',
      overrides: overridesIn(found, 'oa'),
      memberships: membershipsIn(found),
    }
  )
}

type Client = { clientId: string; door: Door }

function clientIn(found: readonly SqlRow[], given: readonly SqlRow[]): Client | undefined {
  const [client] = found
  if (!client || client.removed_at !== null) return undefined
  const ofAffiliation =
    client.role && (JSON.parse(String(client.roles_of_affiliation)) as Record<string, string>)[String(client.role)]
  const roles = new Set([...given.map((row) => String(row.role)), ...(ofAffiliation ? [ofAffiliation] : [])])
  return {
    clientId: String(client.client_id),
    door: {
      service: client.service as Door['service'],
      audience: client.audience as Door['audience'],
      roles: [...roles].toSorted(),
      ...(client.member_id !== null && { owner: memberIn(found) }),
    },
  }
}

const bothIn = (account: readonly SqlRow[], client: readonly SqlRow[], roles: readonly SqlRow[]) => ({
  account: accountIn(account),
  client: clientIn(client, roles),
})

const ownerIn = (found: readonly SqlRow[]): MemberInForce | undefined =>
  found.length > 0 ? memberIn(found) : undefined

const accountQuery = (accountId: string): Query => [accountSql, [accountId]]
const clientQueries = (clientId: string, accountId: string): [Query, Query] => [
  [clientSql, [accountId, clientId]],
  [rolesSql, [clientId, accountId, clientId, accountId]],
]

// MariaDB pads with spaces when it compares: only the very id counts.
const exactAccount = (account: AccountInForce | undefined, accountId: string) =>
  account?.accountId === accountId ? account : undefined
const exactDoor = (client: Client | undefined, clientId: string) =>
  client?.clientId === clientId ? client.door : undefined

export const accessStore = (rows: Rows): AccessStore => ({
  account: async (accountId) => exactAccount(await rows(accountIn, accountQuery(accountId)), accountId),

  door: async (clientId, accountId) => exactDoor(await rows(clientIn, ...clientQueries(clientId, accountId)), clientId),

  async accountAndDoor(accountId, clientId) {
    const found = await rows(bothIn, accountQuery(accountId), ...clientQueries(clientId, accountId))
    return { account: exactAccount(found.account, accountId), door: exactDoor(found.client, clientId) }
  },

  owner: (resourceId) => rows(ownerIn, [ownerSql, [resourceId]]),
})
