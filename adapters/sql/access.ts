// What the two doors need to know of an account, a client and a resource. Asked at every token, so each question is one
// or two prepared statements, sent together; of many at once (plans of services), a few statements for each hundred. What
// the answer means is decided in src/domain/access.ts.
import type { Door, MemberInForce, Membership, OverrideInForce, Owner } from '../../src/domain/access.ts'
import type { AccessStore, AccountAtClient, AccountInForce, StaffRole } from '../../src/ports.ts'
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

/** The member that a resource belongs to, and the deny (`os`) by which the site alone is offline. */
function ownerIn(rows: readonly SqlRow[]): Owner | undefined {
  if (rows.length === 0) return undefined
  const offline = overridesIn(rows, 'os').find(({ effect }) => effect === 'deny')
  return { ...memberIn(rows), ...(offline && { offline }) }
}

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

const accountsSql = `select a.id, a.username, a.name, a.given_name, a.family_name, a.email, a.email_verified_at, a.locale, a.state,
    (select group_concat(role) from staff_role where account_id = a.id) as staff_roles, (select confirmed from totp where account_id = a.id) as second_factor,
    f.role, ${ofMember}, ${overrideColumns('oa')}, ${overrideColumns('om')}
  from account a ${overrides('oa', 'oa.account_id = a.id')}
    left join affiliation f on f.account_id = a.id left join member m on m.id = f.member_id left join standing s on s.member_id = m.id
    ${overrides('om', 'om.member_id = m.id')}`
const accountSql = `${accountsSql} where a.id = ?`

const personSql = `select a.id, a.locale, a.state, ${overrideColumns('oa')}
  from account a ${overrides('oa', 'oa.account_id = a.id')} where a.id = ?`

const ownerOverrides = `${overrides('om', 'om.member_id = m.id')} ${overrides('os', 'os.resource_id = r.id')}`
const ownerOverrideColumns = `${overrideColumns('om')}, ${overrideColumns('os')}`

const ofClient = `c.client_id, c.service, c.audience, c.roles_of_affiliation, r.removed_at, ${ofMember}, ${ownerOverrideColumns}`
const clientsSql = `select ${ofClient}
  from client c left join resource r on r.id = c.resource_id left join member m on m.id = r.member_id left join standing s on s.member_id = m.id
    ${ownerOverrides}`
const clientSql = `select ${ofClient}, f.role
  from client c left join resource r on r.id = c.resource_id left join member m on m.id = r.member_id left join standing s on s.member_id = m.id
    left join affiliation f on f.member_id = m.id and f.account_id = ? ${ownerOverrides}
  where c.client_id = ? and c.disabled_at is null`

// Each half goes through the primary key: a list may name thousands of accounts.
const rolesSql = `select role from client_role where client_id = ? and subject_kind = 'account' and subject = ?
  union all select r.role from account_group g join client_role r on r.client_id = ? and r.subject_kind = 'group' and r.subject = g.name
  where g.account_id = ?`

const ownersSql = `select r.id, ${ofMember}, ${ownerOverrideColumns}
  from resource r join member m on m.id = r.member_id left join standing s on s.member_id = m.id ${ownerOverrides}
  where r.removed_at is null`
const ownerSql = `${ownersSql} and r.id = ?`

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

const personIn = (found: readonly SqlRow[]) =>
  found[0] && {
    accountId: String(found[0].id),
    locale: found[0].locale as AccountInForce['locale'],
    closed: found[0].state === 'closed',
    overrides: overridesIn(found, 'oa'),
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
      ...(client.member_id !== null && { owner: ownerIn(found)! }),
    },
  }
}

const bothIn = (account: readonly SqlRow[], client: readonly SqlRow[], roles: readonly SqlRow[]) => ({
  account: accountIn(account),
  client: clientIn(client, roles),
})

const accountQuery = (accountId: string): Query => [accountSql, [accountId]]
const clientQueries = (clientId: string, accountId: string): [Query, Query] => [
  [clientSql, [accountId, clientId]],
  [rolesSql, [clientId, accountId, clientId, accountId]],
]

// MariaDB pads with spaces when it compares: only the very id counts.
const exactAccount = <A extends { accountId: string }>(account: A | undefined, accountId: string) =>
  account?.accountId === accountId ? account : undefined
const exactDoor = (client: Client | undefined, clientId: string) =>
  client?.clientId === clientId ? client.door : undefined

// ── Of many at once ─────────────────────────────────────────────────────────────────────────────────────────────────

/** In one statement: some milliseconds on SQLite, which holds up everybody meanwhile. */
const AT_ONCE = 100

const listOf = (values: readonly string[]): string => `(${values.map(() => '?').join(', ')})`
const asRead = (...answers: SqlRow[][]): SqlRow[][] => answers

/** Rows by the very value of a column. */
const grouped = (rows: readonly SqlRow[], ...columns: string[]): Map<string, SqlRow[]> =>
  Map.groupBy(rows, (row) => columns.map((column) => String(row[column])).join('\0'))

/** Reads of a list, a part at a time, put together. */
async function inParts<T, R>(list: readonly T[], read: (part: readonly T[]) => Promise<Iterable<R>>): Promise<R[]> {
  const found: R[] = []
  for (let from = 0; from < list.length; from += AT_ONCE) found.push(...(await read(list.slice(from, from + AT_ONCE))))
  return found
}

type ClientOfOne = SqlRow & { role: string | null }

/** A client's rows as one account would read them: with its role at the member whose client it is. */
const readBy = (client: readonly SqlRow[], affiliations: readonly SqlRow[]): ClientOfOne[] =>
  client.map((row) => {
    const affiliation = affiliations.find(({ member_id }) => member_id === row.member_id)
    return { ...row, role: affiliation ? String(affiliation.role) : null }
  })

async function doorsOf(rows: Rows, pairs: readonly AccountAtClient[]): Promise<(Door | undefined)[]> {
  const accounts = [...new Set(pairs.map(({ accountId }) => accountId))]
  const clientIds = [...new Set(pairs.map(({ clientId }) => clientId))]
  const both = [...clientIds, ...accounts]
  const [clients, affiliations, listed, inGroups] = (await rows(
    asRead,
    [`${clientsSql} where c.client_id in ${listOf(clientIds)} and c.disabled_at is null`, clientIds],
    [`select account_id, member_id, role from affiliation where account_id in ${listOf(accounts)}`, accounts],
    [
      `select client_id, subject as account_id, role from client_role
       where subject_kind = 'account' and client_id in ${listOf(clientIds)} and subject in ${listOf(accounts)}`,
      both,
    ],
    [
      `select r.client_id, g.account_id, r.role from account_group g join client_role r on r.subject_kind = 'group' and r.subject = g.name
       where r.client_id in ${listOf(clientIds)} and g.account_id in ${listOf(accounts)}`,
      both,
    ],
  )) as [SqlRow[], SqlRow[], SqlRow[], SqlRow[]]
  const [byClient, byAccount] = [grouped(clients, 'client_id'), grouped(affiliations, 'account_id')]
  const given = grouped([...listed, ...inGroups], 'client_id', 'account_id')
  return pairs.map(({ clientId, accountId }) => {
    const client = readBy(byClient.get(clientId) ?? [], byAccount.get(accountId) ?? [])
    return clientIn(client, given.get(`${clientId}\0${accountId}`) ?? [])?.door
  })
}

/** `many`: reads that are not remembered, for a list's answer is as long as the list. */
export const accessStore = (rows: Rows, many: Rows): AccessStore => ({
  account: async (accountId) => exactAccount(await rows(accountIn, accountQuery(accountId)), accountId),

  person: async (accountId) => exactAccount(await rows(personIn, [personSql, [accountId]]), accountId),

  door: async (clientId, accountId) => exactDoor(await rows(clientIn, ...clientQueries(clientId, accountId)), clientId),

  async accountAndDoor(accountId, clientId) {
    const found = await rows(bothIn, accountQuery(accountId), ...clientQueries(clientId, accountId))
    return { account: exactAccount(found.account, accountId), door: exactDoor(found.client, clientId) }
  },

  owner: (resourceId) => rows(ownerIn, [ownerSql, [resourceId]]),

  async accounts(accountIds) {
    const found = await inParts(accountIds, async (part) => {
      const [accounts] = await many(asRead, [`${accountsSql} where a.id in ${listOf(part)}`, part])
      return [...grouped(accounts!, 'id')].map(([id, ofOne]) => [id, accountIn(ofOne)!] as const)
    })
    return new Map(found)
  },

  doors: (pairs) => inParts(pairs, (part) => doorsOf(many, part)),

  async owners(resourceIds) {
    const found = await inParts(resourceIds, async (part) => {
      const [owners] = await many(asRead, [`${ownersSql} and r.id in ${listOf(part)}`, part])
      return [...grouped(owners!, 'id')].map(([id, ofOne]) => [id, ownerIn(ofOne)] as const)
    })
    return new Map(found)
  },
})
