// A plan compares everything; applying it repairs what drifted, but for what the guard holds.
import { beforeEach, describe, expect, test } from 'vitest'
import { oidcAdapter } from '../../adapters/sql/oidc.ts'
import { AppError } from '../../src/domain/errors.ts'
import * as make from '../contract/store-records.ts'
import type { FileService } from '../support/file-service.ts'
import { gate, type Stage, setUp, stage } from '../support/stage.ts'

let on: Stage
let files: FileService
beforeEach(async () => {
  on = await stage(['files', 'other'], { again: 3000 })
  files = on.services.files!
  return () => on.close()
})

const { parse, stringify } = JSON
const reconciler = () => on.first.reconciler
const plan = () => reconciler().plan('files')
const apply = async (confirmed = false) => reconciler().apply(await plan(), confirmed)
const open = (id: string) => files.rows()[id]?.open

/** People whom the service holds as they should be. */
async function settled(count: number) {
  const accounts = await Promise.all(Array.from({ length: count }, () => on.person()))
  await apply()
  files.happened.length = 0
  return accounts
}
/** Suspended behind the reconciler's back: nothing is queued. */
async function forgotten(...ids: string[]): Promise<void> {
  for (const id of ids) await on.suspend(id)
  const rows = await on.first.store.outbox.pending({ limit: 10_000 })
  await on.first.store.outbox.acknowledge(rows.map(({ id }) => id))
}

test('a plan says what would change, what takes access away, and changes nothing', async () => {
  const [ada, eve, bob] = await settled(3)
  await forgotten(eve!.id)
  const newcomer = await on.person()
  files.put(bob!.id, { username: 'renamed', open: true })
  files.put('nobody', { username: 'nobody', open: true })
  const before = files.rows()
  const made = await plan()
  const row = (of: typeof eve, is: boolean) => ({ username: of!.username, open: is })
  expect(made).toEqual({ service: 'files', subjects: 5, changes: expect.any(Array) })
  expect(made.changes.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
    [
      { name: eve!.id, from: row(eve, true), to: row(eve, false), removal: true },
      { name: bob!.id, from: { username: 'renamed', open: true }, to: row(bob, true), removal: false },
      { name: newcomer.id, from: null, to: row(newcomer, true), removal: false },
      { name: 'nobody', from: { username: 'nobody', open: true }, to: null, removal: true },
    ].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  )
  expect(files.rows()).toEqual(before)
  expect(parse(stringify(made))).toEqual(made)
  expect(await reconciler().apply(made, false)).toBe(4)
  expect((await plan()).changes).toEqual([])
  expect(files.rows()).toEqual({
    [ada!.id]: row(ada, true),
    [eve!.id]: row(eve, false),
    [bob!.id]: row(bob, true),
    [newcomer.id]: row(newcomer, true),
  })
})

test('the provider’s plan judges each who holds anything, in as many reads for many as for few', async () => {
  const { database, store } = on.first
  const organisation = await setUp(on)
  const client = make.client(organisation.id, { audience: 'members' })
  await store.clients.add(client)
  const adapter = oidcAdapter(database, { clock: on.clock })
  const signedIn = async () => {
    const account = await on.person()
    await adapter('Grant').upsert(make.digest(), { accountId: account.id, clientId: client.clientId }, 3600)
    return account.id
  }
  let reads = 0
  database.knex.on('query', () => reads++)
  const planned = async () => {
    reads = 0
    const { changes } = await reconciler().plan('provider')
    return { names: changes.map(({ name }) => name).toSorted(), reads }
  }
  // Nobody is a member: the client refuses each.
  const ids = [await signedIn()]
  await on.person()
  const few = await planned()
  expect(few.names).toEqual(ids)
  for (let n = 0; n < 60; n++) ids.push(await signedIn())
  const many = await planned()
  expect(many.names).toEqual(ids.toSorted())
  expect(many.reads).toBe(few.reads)
  await reconciler().apply(await reconciler().plan('provider'), true)
  expect((await planned()).names).toEqual([])
})

test('more subjects than a page holds, and more orphans', async () => {
  const { database } = on.first
  const all = await Promise.all(Array.from({ length: 30 }, () => on.person()))
  await database.transaction(async (knex) => {
    const { id: _, username: __, ...like } = all[0]!
    for (let n = 0; n < 1100; n++)
      await knex('account').insert({ ...like, id: `x${n}`, username: `x${n}`, directoryKey: null })
  })
  for (let n = 0; n < 600; n++) files.put(`orphan${n}`, { username: 'x', open: true })
  const made = await plan()
  expect(made.subjects).toBe(1730)
  expect(new Set(made.changes.map(({ name }) => name)).size).toBe(1730)
  expect(Math.max(...files.happened.map((what) => what.split(',').length))).toBeLessThanOrEqual(500)
  await reconciler().apply(made, true)
  expect((await plan()).changes).toEqual([])
})

test('kicks whoever it shuts out, twice, and nobody else; a crash in between loses no kick', async () => {
  const [eve, ada] = await settled(12)
  await forgotten(eve!.id)
  for (const { id } of [eve!, ada!]) files.signIn(id)
  await apply()
  await reconciler().drain()
  expect(files.sessions()).toEqual([ada!.id])
  files.signIn(eve!.id)
  on.clock.advance(3000)
  await reconciler().drain()
  expect(files.sessions()).toEqual([ada!.id])
})

test('what was decided since the plan was made is what is applied', async () => {
  const [eve, ada] = await settled(12)
  await forgotten(eve!.id)
  const made = await plan()
  await on.restore(eve!.id)
  await on.suspend(ada!.id)
  expect(await reconciler().apply(made, false)).toBe(1)
  expect([open(eve!.id), open(ada!.id)]).toEqual([true, true])
  await reconciler().drain()
  expect([open(eve!.id), open(ada!.id)]).toEqual([true, false])
})

test('a suspension while a plan is being applied is not undone by it', async () => {
  const [eve] = await settled(12)
  // The plan wants to open what somebody shut by hand.
  files.put(eve!.id, { username: eve!.username, open: false })
  const made = await plan()
  const [reached, held] = [gate(), gate()]
  files.at = (point) => {
    if (point !== 'apply') return
    delete files.at
    reached.open()
    return held.opened
  }
  const applying = reconciler().apply(made, false)
  await reached.opened
  await on.suspend(eve!.id)
  reconciler().wake()
  const second = await on.open({ owner: 'two' })
  second.reconciler.wake()
  await new Promise((resolve) => setTimeout(resolve, 100))
  held.open()
  await applying
  await expect
    .poll(async () => {
      await reconciler().drain()
      return open(eve!.id)
    })
    .toBe(false)
  await reconciler().drain()
  expect(open(eve!.id)).toBe(false)
  expect(files.mostAtOnce).toBe(1)
})

describe('the guard', () => {
  test('holds removals of more than 30 % of ten or more, not what is given', async () => {
    const accounts = await settled(12)
    const newcomers = await Promise.all([on.person(), on.person()])
    await forgotten(...accounts.slice(0, 5).map(({ id }) => id))
    await expect(apply()).rejects.toMatchObject({ code: 'removals_held', detail: expect.stringContaining('5 of 14') })
    expect(accounts.map(({ id }) => open(id))).toEqual(accounts.map(() => true))
    expect(newcomers.map(({ id }) => open(id))).toEqual([true, true])
    expect(await apply(true)).toBe(5)
    expect(accounts.filter(({ id }) => !open(id))).toHaveLength(5)
  })

  test('lets 30 % go, and anything of fewer than ten', async () => {
    const accounts = await settled(10)
    await forgotten(...accounts.slice(0, 3).map(({ id }) => id))
    expect(await apply()).toBe(3)
    const few = on.services.other!
    const made = await reconciler().plan('other')
    expect(made.subjects).toBe(10)
    expect(await reconciler().apply({ ...made, subjects: 9 }, false)).toBe(10)
    expect(Object.keys(few.rows())).toHaveLength(10)
  })

  test('counts what only the service knows: an emptied database takes nobody out', async () => {
    for (let n = 0; n < 12; n++) files.put(`somebody${n}`, { username: 'x', open: true })
    await expect(apply()).rejects.toMatchObject({ code: 'removals_held' })
    expect(Object.keys(files.rows())).toHaveLength(12)
    await apply(true)
    expect(files.rows()).toEqual({})
  })

  test('does not look at what a person did: a suspension goes through the outbox, however many', async () => {
    const accounts = await settled(12)
    for (const { id } of accounts) await on.suspend(id)
    await reconciler().drain()
    expect(accounts.filter(({ id }) => open(id))).toEqual([])
  })
})

describe('what cannot be applied', () => {
  test('one name that the service chokes on: the others are done, and it is told', async () => {
    const accounts = await Promise.all(Array.from({ length: 20 }, () => on.person()))
    const bad = accounts[7]!.id
    files.at = (point, names) => {
      if (point === 'apply' && names.includes(bad)) throw new AppError('invalid_value', { detail: 'no such name' })
    }
    await expect(apply()).rejects.toMatchObject({
      code: 'service_unavailable',
      detail: expect.stringContaining('1 of 20 changes failed: no such name'),
    })
    expect(Object.keys(files.rows()).toSorted()).toEqual(
      accounts
        .map(({ id }) => id)
        .filter((id) => id !== bad)
        .toSorted(),
    )
  })

  test('a service that is down', async () => {
    await on.person()
    files.down = true
    await expect(plan()).rejects.toMatchObject({ code: 'service_unavailable' })
    files.down = false
    const made = await plan()
    files.down = true
    await expect(reconciler().apply(made, false)).rejects.toMatchObject({ code: 'service_unavailable' })
  })

  test('a service that does not exist, and a plan that was given up', async () => {
    await expect(reconciler().plan('none')).rejects.toMatchObject({
      code: 'not_found',
      detail: expect.stringContaining('files, other'),
    })
    await expect(reconciler().apply({ service: 'none', subjects: 0, changes: [] }, true)).rejects.toMatchObject({
      code: 'not_found',
    })
    await on.person()
    const made = await plan()
    await expect(reconciler().apply(made, false, AbortSignal.abort())).rejects.toThrow()
    expect(files.rows()).toEqual({})
  })
})
