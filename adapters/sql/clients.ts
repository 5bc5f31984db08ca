// OpenID Connect clients, and who has which role on them.
import type { Knex } from 'knex'
import type { Client, ClientRole, ClientStore } from '../../src/ports.ts'
import type { Rows, SqlRow } from './rows.ts'

type ClientRow = Omit<Client, 'metadata' | 'rolesOfAffiliation' | 'secondFactor'> & {
  metadata: string
  rolesOfAffiliation: string
  secondFactor: number
}

type RoleRow = Omit<ClientRole, 'invitedBy'> & { invitedBy: string | null }

const read = (row: ClientRow): Client => ({
  ...row,
  secondFactor: Boolean(row.secondFactor),
  metadata: JSON.parse(row.metadata),
  rolesOfAffiliation: JSON.parse(row.rolesOfAffiliation),
})
const write = (client: Client): ClientRow => ({
  ...client,
  secondFactor: Number(client.secondFactor),
  metadata: JSON.stringify(client.metadata),
  rolesOfAffiliation: JSON.stringify(client.rolesOfAffiliation),
})

const columns = `client_id as clientId, organisation_id as organisationId, kind, name, service, resource_id as resourceId, party, audience,
  second_factor as secondFactor, metadata, sealed_secret as sealedSecret, roles_of_affiliation as rolesOfAffiliation,
  created_at as createdAt, disabled_at as disabledAt`

// Each part leads through an index: there may be thousands of members' sites, and of roles on them.
const nearSql = `select ${columns} from client c join (
    select client_id as id from client where audience = 'members'
    union select client_id from client_role where subject_kind = 'account' and subject = ?
    union select r.client_id from account_group g join client_role r on r.subject_kind = 'group' and r.subject = g.name where g.account_id = ?
    union select s.client_id from affiliation f join resource r on r.member_id = f.member_id join client s on s.resource_id = r.id where f.account_id = ?
  ) near on near.id = c.client_id
  where c.disabled_at is null order by c.name, c.client_id`
const clientsIn = (found: SqlRow[]): Client[] => (found as unknown as ClientRow[]).map(read)

const getSql = `select ${columns} from client where client_id = ?`
const clientIn = ([row]: SqlRow[]): Client | undefined => row && read(row as unknown as ClientRow)

/** `many`: reads that are not remembered. */
export const clientStore = (knex: Knex, rows: Rows, many: Rows): ClientStore => ({
  add: async (client) => {
    await knex('client').insert(write(client))
  },
  update: async (client) => {
    const { clientId, ...row } = write(client)
    await knex('client').where({ clientId }).update(row)
  },
  get: async (clientId) => {
    const client = await rows(clientIn, [getSql, [clientId]])
    return client?.clientId === clientId ? client : undefined
  },
  list: async () => (await knex('client').orderBy('name')).map(read),
  ofResource: async (resourceId) =>
    (await knex('client').where({ resourceId }).orderBy('name'))
      .map(read)
      .filter((one) => one.resourceId === resourceId),
  near: async (accountId) => [...(await many(clientsIn, [nearSql, [accountId, accountId, accountId]]))],
  setRole: async (role) => {
    await knex('clientRole').insert(role).onConflict(['clientId', 'subjectKind', 'subject', 'role']).ignore()
  },
  removeRole: async ({ clientId, subjectKind, subject, role }) => {
    await knex('clientRole').where({ clientId, subjectKind, subject, role }).delete()
  },
  rolesOn: async (clientId) => {
    const found: RoleRow[] = await knex('clientRole').where({ clientId }).orderBy('role').orderBy('subject')
    return found.map(({ invitedBy, ...role }) => (invitedBy === null ? role : { ...role, invitedBy }))
  },
  remove: async (clientId) => {
    await knex('siteInvitation').where({ clientId }).delete()
    await knex('clientRole').where({ clientId }).delete()
    await knex('consent').where({ clientId }).delete()
    await knex('client').where({ clientId }).delete()
  },
})
