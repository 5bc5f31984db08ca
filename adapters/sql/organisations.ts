// Organisations: the bodies one is a member of.
import type { Knex } from 'knex'
import type { OrganisationStore } from '../../src/ports.ts'

export const organisationStore = (knex: Knex): OrganisationStore => ({
  add: async (organisation) => {
    await knex('organisation').insert(organisation)
  },
  all: () => knex('organisation').select('*').orderBy('createdAt'),
  update: async ({ id, ...organisation }) => {
    await knex('organisation').where({ id }).update(organisation)
  },
})
