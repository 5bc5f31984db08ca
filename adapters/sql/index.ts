// The store on SQLite or MariaDB/MySQL: every store of src/ports.ts on one database.
import type { Knex } from 'knex'
import { AppError, type ErrorCode } from '../../src/domain/errors.ts'
import type { Store, Stores } from '../../src/ports.ts'
import { accessStore } from './access.ts'
import { accountStore, peopleStore } from './accounts.ts'
import { appPasswordStore } from './app-passwords.ts'
import { auditStore } from './audit.ts'
import { booksStore } from './books.ts'
import { clientStore } from './clients.ts'
import { credentialStore, ticketStore } from './credentials.ts'
import { type Database, databaseError } from './database.ts'
import { callStore, duesStore } from './dues.ts'
import { invitationStore, registrationStore, siteInvitationStore } from './invitations.ts'
import { mailSubjectStore } from './mail-subjects.ts'
import { mailboxStore, quarantineStore } from './mailboxes.ts'
import { memberStore, standingStore } from './members.ts'
import { sessionStore } from './oidc.ts'
import { organisationStore } from './organisations.ts'
import { outboxStore } from './outbox.ts'
import { outgoingStore } from './outgoing.ts'
import { overrideStore } from './overrides.ts'
import { bankStore, paymentStore, reminderStore } from './payments.ts'
import { resourceStore } from './resources.ts'
import { preparedRows, type Rows, rowsOf } from './rows.ts'
import { consentStore, keyStore, settingStore } from './settings.ts'
import { subjectStore } from './subjects.ts'
import { throttleStore } from './throttle.ts'
import { trafficStore } from './traffic.ts'

const stores = (knex: Knex, rows: Rows, kind: Database['kind']): Stores => ({
  organisations: organisationStore(knex),
  members: memberStore(knex, kind),
  standings: standingStore(knex, kind),
  dues: duesStore(knex),
  calls: callStore(knex),
  payments: paymentStore(knex),
  bank: bankStore(knex),
  reminders: reminderStore(knex),
  books: booksStore(knex, kind),
  accounts: accountStore(knex),
  people: peopleStore(knex, rows, kind),
  overrides: overrideStore(knex, kind),
  resources: resourceStore(knex, rows),
  mailboxes: mailboxStore(knex),
  mailSubjects: mailSubjectStore(knex),
  quarantines: quarantineStore(knex, rows),
  outgoing: outgoingStore(knex, kind),
  traffic: trafficStore(knex),
  clients: clientStore(knex, rows, rowsOf(knex, kind)),
  credentials: credentialStore(knex),
  tickets: ticketStore(knex),
  invitations: invitationStore(knex),
  siteInvitations: siteInvitationStore(knex),
  registrations: registrationStore(knex),
  throttle: throttleStore(knex, kind),
  consents: consentStore(knex, kind),
  appPasswords: appPasswordStore(knex),
  access: accessStore(rows, rowsOf(knex, kind)),
  subjects: subjectStore(knex, rows),
  outbox: outboxStore(knex),
  audit: auditStore(knex, kind),
  settings: settingStore(knex),
  keys: keyStore(knex),
  sessions: sessionStore(knex),
})

/** What a person's mistake or a race made of a row: two of a name, or one that refers to nothing. */
function refusal(error: unknown): AppError | undefined {
  const { code = '' } = error as { code?: string }
  const refused = (as: ErrorCode, detail: string) => new AppError(as, { detail: `${detail} (${code})`, cause: error })
  if (/^(SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)|ER_DUP_ENTRY)$/.test(code))
    return refused('conflict', 'this exists already')
  if (/^(SQLITE_CONSTRAINT_FOREIGNKEY|ER_NO_REFERENCED_ROW)/.test(code))
    return refused('not_found', 'what this belongs to does not exist')
  if (code === 'ER_DATA_TOO_LONG') return refused('invalid_value', 'a value is too long')
  return undefined
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw databaseError(error) ?? refusal(error) ?? error
  }
}

type Methods = Record<string, (...given: never[]) => Promise<unknown>>

/** The same stores, whose failures are the house's own. Within a transaction they stay as they are until it ends. */
const speaking = (made: Stores): Stores =>
  Object.fromEntries(
    Object.entries(made).map(([name, store]) => [
      name,
      Object.fromEntries(
        Object.entries(store as Methods).map(([method, work]) => [
          method,
          (...given: never[]) => translated(() => work(...given)),
        ]),
      ),
    ]),
  ) as unknown as Stores

const CHECK_MS = 5_000

/** The store on an open, migrated database. */
export function openStore(db: Database): Store {
  const revision = db.sqlite?.handle.prepare('pragma data_version').pluck()
  return {
    ...speaking(stores(db.knex, preparedRows(db), db.kind)),
    transaction: (work) =>
      translated(() => db.transaction((knex) => work(stores(knex, rowsOf(knex, db.kind), db.kind)))),
    light: (work) =>
      translated(() =>
        db.transaction(async (knex) => {
          const { used } = appPasswordStore(knex)
          const { byName } = resourceStore(knex, rowsOf(knex, db.kind))
          return work({
            throttle: throttleStore(knex, db.kind),
            outgoing: outgoingStore(knex, db.kind),
            traffic: trafficStore(knex),
            appPasswords: { used },
            resources: { byName },
          })
        }, 'light'),
      ),
    revision: () => revision?.get() as number | undefined,
    // A server that accepts connections and does not answer is not there either.
    check: () => translated(async () => void (await db.knex.raw('select 1').timeout(CHECK_MS))),
    close: () => db.close(),
  }
}
