// Several instances on one database: each service is worked by one at a time, and what was decided last holds.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { FileService } from '../support/file-service.ts'
import { gate, type Stage, stage, standingClock } from '../support/stage.ts'

let on: Stage
let files: FileService
beforeEach(async () => {
  on = await stage(['files', 'other'])
  files = on.services.files!
})
afterEach(async () => {
  vi.useRealTimers()
  await on.close()
})

const open = (id: string) => files.rows()[id]?.open
const rows = (service = 'files') => on.first.store.outbox.pending({ service })

test('two at the same work do not meet in a service', async () => {
  const second = await on.open({ owner: 'two' })
  const ids = (await Promise.all(Array.from({ length: 12 }, () => on.person()))).map(({ id }) => id)
  files.at = () => new Promise((resolve) => setTimeout(resolve, 3))
  for (const id of ids) {
    await on.touch(id)
    on.first.reconciler.wake()
    second.reconciler.wake()
  }
  await expect
    .poll(
      async () => {
        await Promise.all([on.first, second].map(({ reconciler }) => reconciler.drain()))
        return rows()
      },
      { timeout: 10_000 },
    )
    .toEqual([])
  expect(files.mostAtOnce).toBe(1)
  expect(Object.keys(files.rows()).toSorted()).toEqual(ids.toSorted())
})

test('decisions back and forth, worked off by two: the last one holds', async () => {
  const second = await on.open({ owner: 'two' })
  const ids = (await Promise.all(Array.from({ length: 5 }, () => on.person()))).map(({ id }) => id)
  const expected = new Map(ids.map((id) => [id, true]))
  let turn = 0
  files.at = () => new Promise((resolve) => setTimeout(resolve, (turn++ * 3) % 4))
  for (let n = 0; n < 30; n++) {
    const id = ids[(n * 2) % 5]!
    await (expected.get(id) ? on.suspend(id) : on.restore(id))
    expected.set(id, !expected.get(id))
    ;(n % 2 ? on.first : second).reconciler.wake()
  }
  await expect
    .poll(
      async () => {
        await Promise.all([on.first, second].map(({ reconciler }) => reconciler.drain()))
        return rows()
      },
      { timeout: 10_000 },
    )
    .toEqual([])
  expect(ids.map(open)).toEqual(ids.map((id) => expected.get(id)))
  expect(files.mostAtOnce).toBe(1)
})

describe('a lease', () => {
  test('keeps another one away from that service only, and is given back', async () => {
    const second = await on.open({ owner: 'two' })
    const eve = await on.person()
    const held = gate()
    files.at = (point) => (point === 'apply' ? held.opened : undefined)
    await on.touch(eve.id)
    on.first.reconciler.wake()
    await expect.poll(() => files.happened.length).toBe(1)
    await second.reconciler.drain()
    expect(files.happened).toHaveLength(1)
    held.open()
    await on.first.reconciler.drain()
    await expect.poll(() => on.first.store.outbox.leaseOwners()).toEqual([])
    delete files.at
    await on.suspend(eve.id)
    await second.reconciler.drain()
    expect(open(eve.id)).toBe(false)
  })

  test('of a dead owner is taken over at once; of one that may live, once it ran out', async () => {
    const eve = await on.person()
    await on.touch(eve.id)
    await on.first.store.outbox.lease('files', 'somebody', on.clock.now(), on.clock.now() + 15_000)
    const knowing = await on.open({ owner: 'knowing', dead: ['somebody'] })
    await on.first.reconciler.drain()
    expect(files.rows()).toEqual({})
    on.clock.advance(14_999)
    await on.first.reconciler.drain()
    expect(files.rows()).toEqual({})
    await knowing.reconciler.drain()
    expect(open(eve.id)).toBe(true)

    await on.first.store.outbox.lease('files', 'somebody', on.clock.now(), on.clock.now() + 15_000)
    await on.suspend(eve.id)
    on.clock.advance(15_001)
    await on.first.reconciler.drain()
    expect(open(eve.id)).toBe(false)
  })

  test('is renewed while a step takes long', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const second = await on.open({ owner: 'two' })
    const eve = await on.person()
    const held = gate()
    files.at = (point) => (point === 'apply' ? held.opened : undefined)
    await on.touch(eve.id)
    on.first.reconciler.wake()
    await expect.poll(() => files.happened.length).toBe(1)
    for (let n = 0; n < 5; n++) {
      on.clock.advance(6000)
      await vi.advanceTimersByTimeAsync(6000)
      await expect
        .poll(async () => (await on.first.database.knex('serviceLease').where({ service: 'files' }).first())?.untilAt)
        .toBe(on.clock.now() + 15_000)
      await second.reconciler.drain()
    }
    expect(files.happened).toHaveLength(1)
    held.open()
    await on.first.reconciler.drain()
  })

  test('lost to another one while this process stood still: what it wrote late is looked at once more', async () => {
    const eve = await on.person()
    await on.touch(eve.id)
    await on.first.reconciler.drain()
    // Its clock stands, as that of a process that was stopped; the other's goes on.
    const standing = standingClock()
    const stalled = await on.open({ owner: 'stalled', clock: standing })
    const [reached, held] = [gate(), gate()]
    let first = true
    files.at = (point) => {
      if (point !== 'apply' || !first) return
      first = false
      reached.open()
      return held.opened
    }
    await on.suspend(eve.id)
    await on.restore(eve.id)
    await on.suspend(eve.id)
    files.put(eve.id, { username: eve.username, open: true })
    const late = stalled.reconciler.drain()
    await reached.opened
    // It is about to shut; meanwhile it is decided otherwise, and the other one takes over.
    await on.restore(eve.id)
    on.clock.advance(16_000)
    await on.first.reconciler.drain()
    expect(open(eve.id)).toBe(true)
    standing.advance(20_000)
    held.open()
    await late
    expect(open(eve.id)).toBe(false)
    on.clock.advance(4000)
    await on.first.reconciler.drain()
    expect(open(eve.id)).toBe(true)
    expect(await rows()).toEqual([])
  })
})
