// The store on SQLite or MariaDB/MySQL: every store of src/ports.ts on one database.
import type { Knex } from 'knex'
import type { Store, Stores } from '../../src/ports.ts'
import { accessStore } from './access.ts'
import { accountStore, peopleStore } from './accounts.ts'
import { auditStore } from './audit.ts'
import { clientStore } from './clients.ts'
import { credentialStore, ticketStore } from './credentials.ts'
import { type Database, databaseError } from './database.ts'
import { memberStore, standingStore } from './members.ts'
import { sessionStore } from './oidc.ts'
import { organisationStore } from './organisations.ts'
import { outboxStore } from './outbox.ts'
import { overrideStore } from './overrides.ts'
import { resourceStore } from './resources.ts'
import { preparedRows, type Rows, rowsOf } from './rows.ts'
import { consentStore, keyStore, settingStore } from './settings.ts'
import { subjectStore } from './subjects.ts'
import { throttleStore } from './throttle.ts'

const stores = (knex: Knex, rows: Rows, kind: Database['kind']): Stores => ({
  organisations: organisationStore(knex),
  members: memberStore(knex),
  standings: standingStore(knex),
  accounts: accountStore(knex),
  people: peopleStore(knex),
  overrides: overrideStore(knex),
  resources: resourceStore(knex),
  clients: clientStore(knex),
  credentials: credentialStore(knex),
  tickets: ticketStore(knex),
  throttle: throttleStore(knex, kind),
  consents: consentStore(knex),
  access: accessStore(rows),
  subjects: subjectStore(knex),
  outbox: outboxStore(knex),
  audit: auditStore(knex, kind),
  settings: settingStore(knex),
  keys: keyStore(knex),
  sessions: sessionStore(knex),
})

/** The store on an open, migrated database. */
export function openStore(db: Database): Store {
  const revision = db.sqlite?.handle.prepare('pragma data_version').pluck()
  return {
    ...stores(db.knex, preparedRows(db), db.kind),
    transaction: async (work) => {
      try {
        return await db.transaction((knex) => work(stores(knex, rowsOf(knex, db.kind), db.kind)))
      } catch (error) {
        throw databaseError(error) ?? error
      }
    },
    revision: () => revision?.get() as number | undefined,
    check: async () => {
      await db.knex.raw('select 1').catch((error: unknown) => {
        throw databaseError(error) ?? error
      })
    },
    close: () => db.close(),
  }
}
