// What is SQLite's own: a second process on the file, the event loop, a file that is full.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Database, migrate, openDatabase } from '../../adapters/sql/database.ts'
import { openStore } from '../../adapters/sql/index.ts'
import type { Store } from '../../src/ports.ts'
import * as make from '../contract/store-records.ts'

let folder: string
let path: string
let database: Database
let store: Store
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schedar-sqlite-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(async () => {
  path = join(folder, `${randomUUID()}.db`)
  database = openDatabase(`sqlite:${path}`)
  await migrate(database)
  store = openStore(database)
  return () => store.close()
})

/** The longest time for which nothing else had its turn, in milliseconds, while the work went on. */
async function longestFreeze(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = performance.now()
  const tick = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(tick, 2)
  await work()
  // The loop may have had no turn at all until now.
  await new Promise((resolve) => setTimeout(resolve, 5))
  tick()
  clearInterval(timer)
  return longest
}

const script = fileURLToPath(new URL('../support/sqlite-writer.ts', import.meta.url))
async function writer(times: number, ms: number): Promise<ChildProcessWithoutNullStreams> {
  const child = spawn(process.execPath, [script, path, String(times), String(ms)])
  child.stderr.pipe(process.stderr)
  await once(child.stdout, 'data')
  return child
}

const count = (by: Store): Promise<void> =>
  by.transaction(async ({ settings, audit }) => {
    const before = Number((await settings.get('counter')) ?? 0)
    await audit.append({ action: 'count', actor: 'parent', subjectKind: 'x', subjectId: 'x', payload: {} }, 1, 'salt')
    await settings.set('counter', String(before + 1))
  })

test('another process holds the lock for a second at a time: nothing freezes, reads go on, no write is lost', async () => {
  const account = make.account()
  await store.accounts.add(account)
  const ended = once(await writer(3, 1000), 'exit')
  let running = true
  let [transactions, plain, reads] = [0, 0, 0]
  const freeze = await longestFreeze(async () => {
    const stop = ended.finally(() => {
      running = false
    })
    const transacting = (async () => {
      for (; running; transactions++) await count(store)
    })()
    const writing = (async () => {
      for (; running; plain++) await store.settings.set('plain', String(plain))
    })()
    const reading = (async () => {
      for (; running; reads++) {
        expect((await store.access.account(account.id))?.username).toBe(account.username)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    })()
    await Promise.all([stop, transacting, writing, reading])
  })
  // A handle that waited for the lock by itself would freeze for the whole second.
  expect(freeze).toBeLessThan(500)
  expect(Number(await store.settings.get('counter'))).toBe(3 + transactions)
  expect(await store.settings.get('plain')).toBe(String(plain - 1))
  expect(await store.audit.verify()).toEqual({ rows: 3 + transactions, brokenAt: undefined })
  expect(transactions).toBeGreaterThan(0)
  expect(reads).toBeGreaterThan(10)
})

test('another process is killed in the middle of its transaction: nothing of it is left, and we go on', async () => {
  const child = await writer(1, 60_000)
  await new Promise((resolve) => setTimeout(resolve, 100))
  const writing = count(store)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await writing
  expect(await store.settings.get('counter')).toBe('1')
  expect(await store.audit.verify()).toEqual({ rows: 1, brokenAt: undefined })
})

test('what another process committed shows as a new revision; what this one did does not', async () => {
  const before = store.revision()
  await count(store)
  expect(store.revision()).toBe(before)
  const other = openStore(openDatabase(`sqlite:${path}`))
  await count(other)
  await other.close()
  expect(store.revision()).not.toBe(before)
})

test('a night of work lets others have their turn', async () => {
  let turns = 0
  const turn = () => {
    turns++
    waiting = setImmediate(turn)
  }
  let waiting = setImmediate(turn)
  for (let n = 0; n < 200; n++) await count(store)
  clearImmediate(waiting)
  // A handle that never gave way would leave none at all.
  expect(turns).toBeGreaterThan(3)
})

test('a file that is full: no room, said as such, by plain writes and by transactions; nothing is torn, and reads go on', async () => {
  const account = make.account()
  await store.accounts.add(account)
  const { handle } = database.sqlite!
  handle.pragma(`max_page_count = ${handle.pragma('page_count', { simple: true })}`)
  const big = 'x'.repeat(500_000)
  await expect(store.settings.set('big', big)).rejects.toMatchObject({ code: 'storage_full' })
  const failed = store.transaction(async ({ settings, accounts }) => {
    await accounts.update({ ...account, name: 'changed' })
    await settings.set('big', big)
  })
  await expect(failed).rejects.toMatchObject({ code: 'storage_full' })
  expect(await store.accounts.get(account.id)).toEqual(account)
  expect(await store.settings.get('big')).toBeUndefined()
  expect(await store.access.account(account.id)).toBeDefined()
  await store.check()
  handle.pragma('max_page_count = 1000000')
  await store.settings.set('big', big)
  expect(await store.settings.get('big')).toBe(big)
})

test('a database that was closed is not there', async () => {
  const other = openStore(openDatabase(`sqlite:${path}`))
  await other.close()
  await expect(other.check()).rejects.toMatchObject({ code: 'database_unavailable' })
  await expect(other.settings.get('x')).rejects.toMatchObject({ code: 'database_unavailable' })
  await expect(other.access.account('x')).rejects.toMatchObject({ code: 'database_unavailable' })
  await expect(other.transaction(({ settings }) => settings.set('x', 'y'))).rejects.toMatchObject({
    code: 'database_unavailable',
  })
})
