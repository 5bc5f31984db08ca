// The timeline of migrations on any database: from nothing, again, cut off anywhere, by two at once, and never backwards.
import { afterEach, describe, expect, test } from 'vitest'
import { type Database, migrate, openDatabase } from '../../adapters/sql/database.ts'
import { openStore } from '../../adapters/sql/index.ts'
import { migrations } from '../../adapters/sql/migrations.ts'
import * as make from './store-records.ts'

const names = migrations.map(({ name }) => name)

/** `open` gives the URL of a new, empty database. */
export function migrationsContract(name: string, open: () => Promise<string>): void {
  describe(`migrations: ${name}`, () => {
    const databases: Database[] = []
    const connect = (url: string): Database => {
      const database = openDatabase(url)
      databases.push(database)
      return database
    }
    afterEach(async () => {
      await Promise.all(databases.splice(0).map((database) => database.close()))
    })
    const noted = async ({ knex }: Database): Promise<string[]> =>
      (await knex('migration').select('name')).map((row: { name: string }) => row.name).toSorted()
    const sound = async (database: Database): Promise<void> => {
      const store = openStore(database)
      const { account, member } = await make.people(store)
      await store.transaction((stores) =>
        stores.audit.append({ action: 'x', actor: 'x', subjectKind: 'x', subjectId: 'x', payload: {} }, 1, 'salt'),
      )
      expect(await store.accounts.get(account.id)).toEqual(account)
      expect(await store.members.get(member.id)).toEqual(member)
      expect((await store.audit.verify()).brokenAt).toBeUndefined()
    }

    test('no two steps have the same name', () => {
      expect(new Set(names).size).toBe(names.length)
    })

    test('from nothing, every step in order and each noted; the second time there is nothing to do', async () => {
      const database = connect(await open())
      const steps: string[] = []
      expect(await migrate(database, (step) => steps.push(step))).toEqual(names)
      expect(steps).toEqual(names)
      expect(await noted(database)).toEqual(names.toSorted())
      expect(await migrate(database)).toEqual([])
      await sound(database)
    })

    test('killed between a step and its note, whichever it is: it is noted, and what is there stays', async () => {
      const database = connect(await open())
      await migrate(database)
      await sound(database)
      const before = { accounts: await database.knex('account'), head: await database.knex('auditHead') }
      for (const step of names) {
        await database.knex('migration').where({ name: step }).delete()
        expect(await migrate(database)).toEqual([step])
      }
      await database.knex('migration').delete()
      expect(await migrate(database)).toEqual(names)
      expect({ accounts: await database.knex('account'), head: await database.knex('auditHead') }).toEqual(before)
      expect((await openStore(database).audit.verify()).brokenAt).toBeUndefined()
      await sound(database)
    })

    test('cut off after any step, it goes on where it was', async () => {
      const url = await open()
      for (const at of [0, 1, 7, names.length - 2]) {
        const database = connect(url)
        const cut = migrate(database, (step) => {
          if (step === names[at]) throw new Error('killed')
        })
        await cut.catch((error: Error) => expect(error.message).toBe('killed'))
      }
      const database = connect(url)
      await migrate(database)
      expect(await noted(database)).toEqual(names.toSorted())
      await sound(database)
    })

    test('several instances that start at once take each step once', async () => {
      const url = await open()
      const several = Array.from({ length: 4 }, () => connect(url))
      const steps = (await Promise.all(several.map((database) => migrate(database)))).flat()
      expect(steps.toSorted()).toEqual(names.toSorted())
      for (const database of several) await sound(database)
    })

    test('a database of a newer version is refused, by its name, and left alone', async () => {
      const database = connect(await open())
      await migrate(database)
      await database.knex('migration').insert({ name: 'index from the future', appliedAt: 'x' })
      await database
        .knex('migration')
        .where({ name: names.at(-1) })
        .delete()
      await expect(migrate(database)).rejects.toMatchObject({
        code: 'database_unavailable',
        detail: expect.stringContaining('index from the future'),
      })
      expect(await noted(database)).not.toContain(names.at(-1))
    })
  })
}
