// What the store must do on any database (src/ports.ts): every store, every method, alone, in transactions and at once.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, migrate, openDatabase } from '../../adapters/sql/database.ts'
import { openStore } from '../../adapters/sql/index.ts'
import type { Store } from '../../src/ports.ts'
import { storeAccess } from './store-access.ts'
import { storeAccounts } from './store-accounts.ts'
import { storeAdmin } from './store-admin.ts'
import { storeAppPasswords } from './store-app-passwords.ts'
import { storeAudit } from './store-audit.ts'
import { storeCorrections } from './store-corrections.ts'
import { storeDues } from './store-dues.ts'
import { storeInvitations } from './store-invitations.ts'
import { storeMail } from './store-mail.ts'
import { storeMembers } from './store-members.ts'
import { storeOnce } from './store-once.ts'
import { storeOutbox } from './store-outbox.ts'
import { storeSites } from './store-sites.ts'
import { storeSubjects } from './store-subjects.ts'
import { storeTraffic } from './store-traffic.ts'
import { storeTransactions } from './store-transactions.ts'
import { storeUploads } from './store-uploads.ts'

/** One open store. It is opened before the first test: use it within tests only. */
export type Opened = { readonly store: Store; readonly database: Database }

/** `open` gives the URL of a new, empty database. */
export function storeContract(name: string, open: () => Promise<string>): void {
  describe(`store contract: ${name}`, () => {
    let store: Store
    let database: Database
    beforeAll(async () => {
      database = openDatabase(await open())
      await migrate(database)
      store = openStore(database)
    })
    afterAll(() => store.close())
    const opened: Opened = {
      get store() {
        return store
      },
      get database() {
        return database
      },
    }

    test('it can be reached, and migrating again does nothing', async () => {
      await store.check()
      expect(await migrate(database)).toEqual([])
    })

    describe('members', () => storeMembers(opened))
    describe('dues', () => storeDues(opened))
    describe('corrections of dues', () => storeCorrections(opened))
    describe('accounts', () => storeAccounts(opened))
    describe('access', () => storeAccess(opened))
    describe('subjects', () => storeSubjects(opened))
    describe('what is used once', () => storeOnce(opened))
    describe('app passwords', () => storeAppPasswords(opened))
    describe('mail', () => storeMail(opened))
    describe('traffic', () => storeTraffic(opened))
    describe('invitations', () => storeInvitations(opened))
    describe('sites under way', () => storeSites(opened))
    describe('for the staff', () => storeAdmin(opened))
    describe('the outbox', () => storeOutbox(opened))
    describe('the audit', () => storeAudit(opened))
    describe('transactions', () => storeTransactions(opened))
    describe('files between two pages', () => storeUploads(opened))
  })
}
