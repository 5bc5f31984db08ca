// What is remembered of reads is what a read would give: whoever wrote, in whatever way, on this handle, on another one of
// this process, or in another process.
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Database, migrate, openDatabase } from '../../adapters/sql/database.ts'
import { openStore } from '../../adapters/sql/index.ts'
import { oidcAdapter } from '../../adapters/sql/oidc.ts'
import type { Account, Store } from '../../src/ports.ts'
import * as make from '../contract/store-records.ts'

let folder: string
let path: string
let here: { db: Database; store: Store }
let beside: { db: Database; store: Store }
let account: Account
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schedar-remembered-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(async () => {
  path = join(folder, `${randomUUID()}.db`)
  const open = () => {
    const db = openDatabase(`sqlite:${path}`)
    return { db, store: openStore(db) }
  }
  here = open()
  await migrate(here.db)
  beside = open()
  account = make.account()
  await here.store.accounts.add(account)
  return async () => {
    await here.store.close()
    await beside.store.close()
  }
})

const nameSeenBy = async ({ store }: { store: Store }) => (await store.access.account(account.id))?.name
const undone = new Error('undone')

type Way = 'statement' | 'transaction' | 'undone'
/** Writes a name in one of the ways there are; what the name is then. */
async function write({ store }: { store: Store }, way: Way, name: string, before: string): Promise<string> {
  if (way === 'statement') await store.accounts.update({ ...account, name })
  else if (way === 'transaction') await store.transaction((stores) => stores.accounts.update({ ...account, name }))
  else
    await store
      .transaction(async (stores) => {
        await stores.accounts.update({ ...account, name })
        throw undone
      })
      .catch((error: unknown) => expect(error).toBe(undone))
  return way === 'undone' ? before : name
}

describe('an account as every door reads it', () => {
  test('any number of writes in any order, by two handles, each read at once by both', async () => {
    const step = fc.record({
      writer: fc.constantFrom('here' as const, 'beside' as const),
      way: fc.constantFrom<Way>('statement', 'transaction', 'undone'),
    })
    let name = account.name
    let count = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        for (const { writer, way } of steps) {
          expect([await nameSeenBy(here), await nameSeenBy(beside)]).toEqual([name, name])
          name = await write(writer === 'here' ? here : beside, way, `name ${count++}`, name)
          expect([await nameSeenBy(here), await nameSeenBy(beside)]).toEqual([name, name])
        }
      }),
      { numRuns: 60 },
    )
  })

  test('while another handle has not committed, what was there; from its commit on, what it wrote', async () => {
    expect(await nameSeenBy(here)).toBe(account.name)
    await beside.store.transaction(async (stores) => {
      await stores.accounts.update({ ...account, name: 'written' })
      expect(await nameSeenBy(here)).toBe(account.name)
    })
    expect(await nameSeenBy(here)).toBe('written')
  })

  test('another process counts from the next turn of the event loop on', async () => {
    expect(await nameSeenBy(here)).toBe(account.name)
    const script = `new (require('better-sqlite3'))(process.argv[1]).prepare('update account set name = ?').run('elsewhere')`
    expect(spawnSync(process.execPath, ['-e', script, path], { encoding: 'utf8' }).stderr).toBe('')
    await turn()
    expect(await nameSeenBy(here)).toBe('elsewhere')
  })

  test('a light transaction, which has nothing that doors read, leaves it known; what it wrote is there', async () => {
    const { store } = here
    const before = await store.access.account(account.id)
    const key = make.digest()
    await store.light(async (stores) => {
      expect(await stores.throttle.takeAll([{ key, points: 2, limit: 5, windowMs: 1000 }], 0)).toEqual([3])
      expect(stores).not.toHaveProperty('accounts')
    })
    expect(await store.throttle.peek(key, 5, 1)).toMatchObject({ remaining: 3 })
    expect(await store.access.account(account.id)).toBe(before)
    const failed = store.light(async ({ throttle }) => {
      await throttle.takeAll([{ key, points: 2, limit: 5, windowMs: 1000 }], 0)
      throw undone
    })
    await expect(failed).rejects.toBe(undone)
    expect(await store.throttle.peek(key, 5, 1)).toMatchObject({ remaining: 3 })
    await store.accounts.update({ ...account, name: 'after' })
    expect(await nameSeenBy(here)).toBe('after')
  })

  test('what is given cannot be changed for the next one', async () => {
    const given = await here.store.access.account(account.id)
    expect(() => Object.assign(given!, { name: 'mine' })).toThrow(TypeError)
  })
})

describe('the provider’s rows', () => {
  test('one that is destroyed, ended by a sign-out or changed by another handle is so for both', async () => {
    const [mine, theirs] = [oidcAdapter(here.db), oidcAdapter(beside.db)]
    const id = make.digest()
    const found = () => Promise.all([mine('AccessToken').find(id), theirs('AccessToken').find(id)])
    await mine('AccessToken').upsert(id, { accountId: account.id, scope: 'openid' }, 60)
    expect(await found()).toMatchObject([{ scope: 'openid' }, { scope: 'openid' }])
    await theirs('AccessToken').upsert(id, { accountId: account.id, scope: 'email' }, 60)
    expect(await found()).toMatchObject([{ scope: 'email' }, { scope: 'email' }])
    await here.store.sessions.signOut(account.id, Date.now() + 1)
    expect(await found()).toEqual([undefined, undefined])
  })

  test('what somebody does to a payload is not what the next one reads', async () => {
    const adapter = oidcAdapter(here.db)('Grant')
    await adapter.upsert('g', { accountId: account.id, openid: { scope: 'openid' } }, 60)
    const payload = (await adapter.find('g')) as { openid: { scope: string } }
    payload.openid.scope = 'openid email'
    expect(await adapter.find('g')).toMatchObject({ openid: { scope: 'openid' } })
  })
})
