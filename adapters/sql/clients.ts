// OpenID Connect clients, and who has which role on them.
import type { Knex } from 'knex'
import type { Client, ClientStore } from '../../src/ports.ts'

type ClientRow = Omit<Client, 'metadata' | 'rolesOfAffiliation' | 'secondFactor'> & {
  metadata: string
  rolesOfAffiliation: string
  secondFactor: number
}

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

export const clientStore = (knex: Knex): ClientStore => ({
  add: async (client) => {
    await knex('client').insert(write(client))
  },
  update: async (client) => {
    const { clientId, ...row } = write(client)
    await knex('client').where({ clientId }).update(row)
  },
  get: async (clientId) => {
    const row: ClientRow | undefined = await knex('client').where({ clientId }).first()
    return row?.clientId === clientId ? read(row) : undefined
  },
  list: async () => (await knex('client').orderBy('name')).map(read),
  setRole: async (role) => {
    await knex('clientRole').insert(role).onConflict(['clientId', 'subjectKind', 'subject', 'role']).ignore()
  },
  removeRole: async (role) => {
    await knex('clientRole').where(role).delete()
  },
  rolesOn: (clientId) => knex('clientRole').where({ clientId }).orderBy('role').orderBy('subject'),
  remove: async (clientId) => {
    await knex('clientRole').where({ clientId }).delete()
    await knex('consent').where({ clientId }).delete()
    await knex('client').where({ clientId }).delete()
  },
})
