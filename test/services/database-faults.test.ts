// The database fails: a server that is down, frozen or cuts connections; a disk without room. Said as such, nothing torn.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrate, openDatabase } from '../../adapters/sql/database.ts'
import { openStore } from '../../adapters/sql/index.ts'
import type { Store } from '../../src/ports.ts'
import * as make from '../contract/store-records.ts'
import { type Mariadb, type MariadbDatabase, startMariadb } from '../support/mariadb.ts'

const unavailable = { code: 'database_unavailable' }

describe('MariaDB', () => {
  let mariadb: Mariadb
  let made: MariadbDatabase
  let store: Store
  beforeAll(async () => {
    mariadb = await startMariadb()
    made = await mariadb.database()
    const database = openDatabase(made.url)
    await migrate(database)
    store = openStore(database)
  })
  afterAll(async () => {
    await store.close()
    await mariadb.remove()
  })

  /** Everything that may be asked says that the database is not there. */
  async function expectDown(): Promise<void> {
    await expect(store.check()).rejects.toMatchObject(unavailable)
    await expect(store.settings.get('x')).rejects.toMatchObject(unavailable)
    await expect(store.settings.set('x', 'y')).rejects.toMatchObject(unavailable)
    await expect(store.access.account('x')).rejects.toMatchObject(unavailable)
    await expect(store.outbox.dueServices(1)).rejects.toMatchObject(unavailable)
    await expect(store.throttle.take('x', 1, 1, 1, 1)).rejects.toMatchObject(unavailable)
    await expect(store.transaction(({ settings }) => settings.set('x', 'y'))).rejects.toMatchObject(unavailable)
  }

  test('down: said as such; up again: what was committed is there, and nothing else', async () => {
    const account = make.account()
    await store.accounts.add(account)
    await mariadb.stop()
    await expectDown()
    await mariadb.start()
    await store.check()
    expect(await store.accounts.get(account.id)).toEqual(account)
    expect(await store.settings.get('x')).toBeUndefined()
  })

  test('down in the middle of a transaction: nothing of it is left', async () => {
    const account = make.account()
    const cut = store.transaction(async ({ accounts, settings }) => {
      await accounts.add(account)
      await mariadb.stop()
      await settings.set('x', 'y')
    })
    await expect(cut).rejects.toMatchObject(unavailable)
    await mariadb.start()
    expect(await store.accounts.get(account.id)).toBeUndefined()
    await store.accounts.add(account)
  })

  test('connections that the server cut are replaced', async () => {
    await Promise.all(Array.from({ length: 20 }, () => store.settings.get('x')))
    await mariadb.admin(async (root) => {
      const [rows] = await root.query('select id from information_schema.processlist where user = ?', [made.user])
      for (const { id } of rows as { id: number }[]) await root.query(`kill ${id}`)
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    await store.check()
    expect(await Promise.all(Array.from({ length: 20 }, () => store.settings.get('x')))).toHaveLength(20)
  })

  test('frozen: whoever asks whether it is there is told, in time', async () => {
    await store.check()
    mariadb.freeze()
    try {
      await expect(store.check()).rejects.toMatchObject(unavailable)
    } finally {
      mariadb.thaw()
    }
    await expect
      .poll(
        () =>
          store.check().then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true)
  })

  test('a wrong password and a database that is not there', async () => {
    for (const [from, to] of [
      [made.password, 'wrong'],
      [`/${made.name}`, '/none'],
    ] as const) {
      const other = openStore(openDatabase(made.url.replace(from, to)))
      const failed = await other.check().catch((error: Error) => error)
      expect(failed).toMatchObject(unavailable)
      expect(String((failed as Error).message)).not.toContain(made.password)
      await other.close()
    }
  })

  test('a value that is too long is refused, not cut', async () => {
    const { org } = await make.people(store)
    await expect(store.members.add(make.member(org.id, { name: 'x'.repeat(201) }))).rejects.toMatchObject({
      code: 'invalid_value',
    })
    await expect(store.settings.set('x'.repeat(65), '1')).rejects.toMatchObject({ code: 'invalid_value' })
  })
})

describe('SQLite on a small disk', () => {
  let mount: string
  beforeAll(async () => {
    mount = await mkdtemp(join(tmpdir(), 'schedar-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1500k', 'tmpfs', mount])
  })
  afterAll(async () => {
    execFileSync('umount', [mount])
    await rm(mount, { recursive: true, force: true })
  })

  test('full: said as such; every transaction is whole, and with room again it goes on', async () => {
    const database = openDatabase(`sqlite:${join(mount, 'schedar.db')}`)
    await migrate(database)
    const store = openStore(database)
    const pairs: string[] = []
    let failure: unknown
    // A thing of two rows each, until there is no room left.
    while (!failure) {
      const name = make.word()
      await store
        .transaction(async ({ settings, outbox }) => {
          await settings.set(name, 'x'.repeat(20_000))
          await outbox.add([make.outboxRow('service', name)])
        })
        .then(
          () => void pairs.push(name),
          (error: unknown) => {
            failure = error
          },
        )
    }
    expect(failure).toMatchObject({ code: 'storage_full' })
    expect(pairs.length).toBeGreaterThan(3)
    await expect(store.settings.set(make.word(), 'x'.repeat(200_000))).rejects.toMatchObject({ code: 'storage_full' })
    const whole = async () => {
      expect((await store.outbox.pending({})).map(({ subject }) => subject)).toEqual(pairs)
      for (const name of pairs) expect((await store.settings.get(name))?.length).toBe(20_000)
    }
    await whole()
    expect(database.sqlite!.handle.pragma('integrity_check', { simple: true })).toBe('ok')
    execFileSync('mount', ['-o', 'remount,size=20m', mount])
    await store.settings.set('room', 'again')
    await whole()
    await store.close()
  })

  test('full from the start: a new file is not half migrated for ever', async () => {
    // All but a little: the file can be made, its tables cannot.
    const filler = join(mount, 'filler')
    for (let free = (await statfs(mount)).bavail; free > 16; free = (await statfs(mount)).bavail)
      await appendFile(filler, Buffer.alloc(Math.min(free - 16, 64) * 4096))
    const path = join(mount, 'late.db')
    const open = async () => {
      const database = openDatabase(`sqlite:${path}`)
      try {
        return await migrate(database)
      } finally {
        await database.close()
      }
    }
    await expect(open()).rejects.toMatchObject({
      code: expect.stringMatching(/^(SQLITE_FULL|storage_full|SQLITE_IOERR)/),
    })
    await rm(filler)
    expect((await open()).length).toBeGreaterThan(10)
    expect(existsSync(path)).toBe(true)
  })
})
