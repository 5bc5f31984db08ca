import { beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { retryAfter } from '../../src/settle.ts'
import type { FileService } from '../support/file-service.ts'
import { gate, type Stage, stage } from '../support/stage.ts'

let on: Stage
let files: FileService
beforeEach(async () => {
  on = await stage(['files', 'other'], { again: 3000 })
  files = on.services.files!
  return () => on.close()
})

const drain = () => on.first.reconciler.drain()
const pending = (service = 'files') => on.first.store.outbox.pending({ service })
const people = (count: number) => Promise.all(Array.from({ length: count }, () => on.person()))
/** People whom the services know already. */
async function settled(count: number): Promise<string[]> {
  const ids = (await people(count)).map(({ id }) => id)
  await on.touch(...ids)
  await drain()
  files.happened.length = 0
  return ids
}
const open = (id: string) => files.rows()[id]?.open

describe('a suspension', () => {
  test('is applied, and ends the sessions of the suspended and of nobody else', async () => {
    const [eve, ada] = (await settled(2)) as [string, string]
    for (const id of [eve, ada]) files.signIn(id)
    await on.suspend(eve)
    await on.touch(ada)
    await drain()
    expect([open(eve), open(ada)]).toEqual([false, true])
    expect(files.sessions()).toEqual([ada])
    expect(files.happened.filter((what) => what.startsWith('kick'))).toEqual([`kick ${eve}`])
    expect((await pending()).map(({ effect, subject }) => [effect, subject])).toEqual([['sessions_again', eve]])
  })

  test('ends them once more, when its time has come and not before', async () => {
    const [eve] = (await settled(1)) as [string]
    await on.suspend(eve)
    await drain()
    files.signIn(eve)
    on.clock.advance(2999)
    await drain()
    expect(files.sessions()).toEqual([eve])
    on.clock.advance(1)
    await drain()
    expect(files.sessions()).toEqual([])
    expect(await pending()).toEqual([])
    on.clock.advance(10_000)
    await drain()
    expect(files.happened.filter((what) => what.startsWith('kick'))).toHaveLength(2)
  })

  test('lifted in time throws nobody out who came back', async () => {
    const [eve] = (await settled(1)) as [string]
    await on.suspend(eve)
    await drain()
    await on.restore(eve)
    await drain()
    files.signIn(eve)
    on.clock.advance(3000)
    await drain()
    expect(files.sessions()).toEqual([eve])
    expect(open(eve)).toBe(true)
    expect(await pending()).toEqual([])
  })

  test('and its lifting, both before anybody worked: what holds in the end is applied, once', async () => {
    const [eve] = (await settled(1)) as [string]
    await on.suspend(eve)
    await on.restore(eve)
    await on.suspend(eve)
    await drain()
    expect(files.happened).toEqual([`observe ${eve}`, `apply ${eve}=shut`, `kick ${eve}`])
    expect((await pending()).map(({ effect }) => effect)).toEqual(['sessions_again'])
  })

  test('of one who is gone altogether: the row goes and the sessions end', async () => {
    const [eve] = (await settled(1)) as [string]
    files.signIn(eve)
    await on.first.store.accounts.remove(eve)
    await on.touch(eve)
    await drain()
    expect(files.rows()).toEqual({})
    expect(files.sessions()).toEqual([])
  })

  test('tells how long it took, once for each effect', async () => {
    const told: string[] = []
    const second = await on.open({
      owner: 'two',
      onDone: ({ service, effect, ms }) => told.push(`${service} ${effect} ${ms}`),
    })
    const [eve] = (await settled(1)) as [string]
    await on.suspend(eve)
    on.clock.advance(40)
    await second.reconciler.drain()
    expect(told.toSorted()).toEqual([
      'files row 40',
      'files sessions 40',
      'other row 40',
      'other sessions 40',
      'provider row 40',
    ])
  })
})

describe('woken', () => {
  test('at once, it works at once', async () => {
    const [eve] = (await settled(1)) as [string]
    await on.suspend(eve)
    on.first.reconciler.wake()
    await expect.poll(() => open(eve), { timeout: 2000, interval: 5 }).toBe(false)
  })

  test('by what another process committed, and by what comes due', async () => {
    const [eve] = (await settled(1)) as [string]
    const second = await on.open({ owner: 'two' })
    second.reconciler.start()
    await on.suspend(eve)
    await expect.poll(() => open(eve), { timeout: 5000 }).toBe(false)
    files.signIn(eve)
    on.clock.advance(3000)
    await expect.poll(() => files.sessions(), { timeout: 5000 }).toEqual([])
  })

  test('after it was stopped, it does nothing', async () => {
    const [eve] = (await settled(1)) as [string]
    await on.first.reconciler.stop()
    await on.suspend(eve)
    on.first.reconciler.wake()
    await drain()
    expect(open(eve)).toBe(true)
    expect(await pending()).toHaveLength(1)
  })

  test('stopped in the middle of a step, it lets that finish when it may', async () => {
    const [eve] = (await settled(1)) as [string]
    const held = gate()
    files.at = (point) => (point === 'apply' ? held.opened : undefined)
    await on.suspend(eve)
    on.first.reconciler.wake()
    await expect.poll(() => files.happened.length).toBeGreaterThan(0)
    const stopped = on.first.reconciler.stop(5000)
    held.open()
    await stopped
    expect(open(eve)).toBe(false)
  })
})

describe('nothing is lost', () => {
  test('of what arrives while a worker is at work or just finishing', async () => {
    const ids = await settled(6)
    let during = 0
    // At every step of the service something new is decided.
    files.at = async (point) => {
      if (point !== 'observe' && point !== 'applied' && point !== 'kicked') return
      const id = ids[++during]
      if (id) {
        await on.suspend(id)
        on.first.reconciler.wake()
      }
    }
    await on.suspend(ids[0]!)
    on.first.reconciler.wake()
    await expect.poll(() => ids.map(open), { timeout: 5000 }).toEqual(ids.map(() => false))
    await expect
      .poll(async () => (await pending()).map(({ effect }) => effect), { timeout: 5000 })
      .toEqual(ids.map(() => 'sessions_again'))
  })

  test('of many decisions back and forth, in whatever order services answer', async () => {
    const ids = await settled(8)
    let turn = 0
    files.at = () => new Promise((resolve) => setTimeout(resolve, (turn++ * 7 + 3) % 5))
    const expected = new Map(ids.map((id) => [id, true]))
    for (let n = 0; n < 40; n++) {
      const id = ids[(n * 5) % 8]!
      await (expected.get(id) ? on.suspend(id) : on.restore(id))
      expected.set(id, !expected.get(id))
      on.first.reconciler.wake()
    }
    await expect.poll(() => ids.map(open), { timeout: 10_000 }).toEqual(ids.map((id) => expected.get(id)))
    await expect
      .poll(async () => (await pending()).filter(({ effect }) => effect === 'row'), { timeout: 5000 })
      .toEqual([])
    expect(files.mostAtOnce).toBe(1)
  })

  test('of more rows than a batch holds', async () => {
    const ids = (await people(3)).map(({ id }) => id)
    for (let n = 0; n < 400; n++) await on.touch(...ids)
    await drain()
    expect(await pending()).toEqual([])
    expect(Object.keys(files.rows()).toSorted()).toEqual(ids.toSorted())
  })
})

describe('a service that is down', () => {
  test('is tried again: at once, then ever later, never later than four seconds while a suspension waits', async () => {
    const waits = Array.from({ length: 14 }, (_, tries) => retryAfter(tries, false))
    expect(waits.slice(0, 6)).toEqual([250, 500, 1000, 2000, 4000, 8000])
    expect(waits.at(-1)).toBe(300_000)
    expect(Array.from({ length: 60 }, (_, tries) => retryAfter(tries, true)).every((ms) => ms <= 4000)).toBe(true)
    expect(retryAfter(1000, false)).toBe(300_000)
  })

  test.each([
    ['a suspension', true, [250, 500, 1000, 2000, 4000, 4000, 4000]],
    ['anything else', false, [250, 500, 1000, 2000, 4000, 8000, 16_000]],
  ] as const)('%s waits as long as that', async (_, suspension, waits) => {
    const [eve] = (await settled(1)) as [string]
    files.down = true
    await (suspension ? on.suspend(eve) : on.touch(eve))
    for (const [tries, ms] of waits.entries()) {
      await drain()
      expect(await pending()).toMatchObject([{ tries: tries + 1, lastError: 'it is down', dueAt: on.clock.now() + ms }])
      on.clock.advance(ms - 1)
      await drain()
      expect(await pending()).toMatchObject([{ tries: tries + 1 }])
      on.clock.advance(1)
    }
    files.down = false
    await drain()
    expect(open(eve)).toBe(!suspension)
  })

  test('delays no other, and gets its rows when it is back', async () => {
    const [eve] = (await settled(1)) as [string]
    const never = gate()
    files.at = () => never.opened
    await on.suspend(eve)
    on.first.reconciler.wake()
    await expect.poll(() => on.services.other!.rows()[eve]?.open, { timeout: 5000 }).toBe(false)
    expect(open(eve)).toBe(true)
    never.open()
    await expect.poll(() => open(eve), { timeout: 5000 }).toBe(false)
  })

  test('is asked once in a try, not for each name', async () => {
    const ids = await settled(20)
    files.down = true
    await on.touch(...ids)
    await drain()
    expect(files.happened).toHaveLength(1)
    expect(on.first.logged.filter(({ event }) => event === 'service.retry')).toHaveLength(1)
  })
})

describe('a name that the service chokes on', () => {
  test.each([
    ['refused', () => new AppError('invalid_value', { detail: 'not this one' })],
    ['failing in its own way', () => new TypeError('not this one')],
  ])('%s: the others of its batch are done, and it is tried again', async (_, error) => {
    const ids = await settled(30)
    const bad = ids[17]!
    files.at = (point, names) => {
      if (point === 'apply' && names.includes(bad)) throw error()
    }
    for (const id of ids) await on.suspend(id)
    await drain()
    expect(ids.filter((id) => open(id))).toEqual([bad])
    const rows = (await pending()).filter(({ effect }) => effect === 'row')
    expect(rows).toMatchObject([{ subject: bad, tries: 1, lastError: 'not this one', dueAt: on.clock.now() + 250 }])
    expect(files.happened.filter((what) => what.startsWith('kick')).join()).not.toContain(bad)
    // And the next one is not held up by it.
    const [late] = (await people(1)).map(({ id }) => id) as [string]
    on.clock.advance(250)
    await on.touch(late)
    await drain()
    expect(open(late)).toBe(true)
    delete files.at
    on.clock.advance(4000)
    await drain()
    expect(open(bad)).toBe(false)
  })

  test('when its session is to end: the others are kicked', async () => {
    const ids = await settled(9)
    for (const id of ids) {
      files.signIn(id)
      await on.suspend(id)
    }
    const bad = ids[4]!
    files.at = (point, names) => {
      if (point === 'kick' && names.includes(bad)) throw new Error('no such session')
    }
    await drain()
    expect(files.sessions()).toEqual([bad])
    expect((await pending()).filter(({ effect }) => effect === 'sessions')).toMatchObject([{ subject: bad, tries: 1 }])
  })
})

describe('what is not for this instance', () => {
  test('rows of a service on another machine stay for the Schedar there', async () => {
    const here = await on.open({ owner: 'two', elsewhere: ['files'] })
    const [eve] = (await people(1)).map(({ id }) => id) as [string]
    await on.touch(eve)
    await here.reconciler.drain()
    expect(files.happened).toEqual([])
    expect(await pending()).toHaveLength(1)
    expect(await pending('other')).toEqual([])
    expect([here.reconciler.drives('files'), here.reconciler.drives('other')]).toEqual([false, true])
    await expect(here.reconciler.plan('files')).rejects.toMatchObject({ code: 'conflict' })
    const plan = { service: 'files', subjects: 1, changes: [] }
    await expect(here.reconciler.apply(plan, true)).rejects.toMatchObject({ code: 'conflict' })
    await drain()
    expect(open(eve)).toBe(true)
  })

  test('rows of a service that schedar.yaml does not name wait a week for it to come back', async () => {
    const [eve] = (await people(1)).map(({ id }) => id) as [string]
    await on.touch(eve)
    const without = await on.open({ owner: 'two', without: ['files'] })
    await without.reconciler.drain()
    expect(await pending()).toMatchObject([{ tries: 1 }])
    on.clock.advance(6 * 86_400_000)
    await without.reconciler.drain()
    expect(await pending()).toHaveLength(1)
    on.clock.advance(300_000)
    await drain()
    expect(open(eve)).toBe(true)
    await on.touch(eve)
    on.clock.advance(8 * 86_400_000)
    await without.reconciler.drain()
    expect(await pending()).toEqual([])
  })

  test('what failed before a start is tried at once, so that a restart brings a changed schedar.yaml into force', async () => {
    const [eve] = (await settled(1)) as [string]
    const without = await on.open({ owner: 'two', without: ['files'] })
    await on.suspend(eve)
    await without.reconciler.drain()
    expect(await pending()).toMatchObject([{ tries: 1, lastError: expect.stringContaining('restart it') }])
    await drain()
    expect(open(eve)).toBe(true)
    on.first.reconciler.start()
    await expect.poll(() => open(eve)).toBe(false)
    // The sessions that are ended once more, three seconds later, are not brought forward.
    await expect.poll(() => pending()).toMatchObject([{ effect: 'sessions_again', tries: 0 }])
  })

  test('while writes are held after a restore, services wait; the provider does not', async () => {
    const [eve] = (await settled(1)) as [string]
    const { settings } = on.first.store
    await settings.set('writes_held', 'restore')
    await on.suspend(eve)
    await drain()
    expect(open(eve)).toBe(true)
    expect(await pending()).toHaveLength(1)
    expect(await pending('provider')).toEqual([])
    await settings.set('writes_held', undefined)
    await drain()
    expect(open(eve)).toBe(false)
  })

  test('a restore in the middle of much work stops it after the step under way', async () => {
    const ids = (await people(3)).map(({ id }) => id)
    for (let n = 0; n < 400; n++) await on.touch(...ids)
    files.at = async (point) => {
      if (point === 'applied') await on.first.store.settings.set('writes_held', 'restore')
    }
    await drain()
    expect((await pending()).length).toBeGreaterThan(0)
  })
})
