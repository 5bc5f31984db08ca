// Killed at any instant: an instance stops for ever at one of its awaits and its connection is cut, as the kernel would cut
// it. The next one, which knows it to be dead, must bring everything to its end.
import { beforeEach, describe, expect, test } from 'vitest'
import type { Store, Stores } from '../../src/ports.ts'
import type { FileService, Point } from '../support/file-service.ts'
import { gate, type Instance, type Stage, stage } from '../support/stage.ts'

let on: Stage
let files: FileService
beforeEach(async () => {
  on = await stage(['files'], { again: 3000 })
  files = on.services.files!
  return () => on.close()
})

const never = new Promise<never>(() => {})

/** Someone suspended, someone let in again, someone untouched, someone new; each has a live session. */
async function decisions() {
  const [eve, bob, ada, new_] = (await Promise.all([1, 2, 3, 4].map(() => on.person()))).map(({ id }) => id) as [
    string,
    string,
    string,
    string,
  ]
  await on.suspend(bob)
  await on.touch(eve, bob, ada)
  await on.first.reconciler.drain()
  on.clock.advance(10_000)
  await on.first.reconciler.drain()
  files.happened.length = 0
  for (const id of [eve, bob, ada]) files.signIn(id)
  await on.suspend(eve)
  await on.restore(bob)
  await on.touch(new_)
  return { eve, bob, ada, new_ }
}

async function expectSettled(
  { eve, bob, ada, new_ }: Awaited<ReturnType<typeof decisions>>,
  by: Instance,
): Promise<void> {
  await by.reconciler.drain()
  const open = Object.fromEntries(Object.entries(files.rows()).map(([id, row]) => [id, row.open]))
  expect(open).toEqual({ [eve]: false, [bob]: true, [ada]: true, [new_]: true })
  // Kicked after the last time that the row was written, and nobody else ever.
  const shut = files.happened.lastIndexOf(`apply ${eve}=shut`)
  const kicked = files.happened.lastIndexOf(`kick ${eve}`)
  expect(shut).toBeGreaterThanOrEqual(0)
  expect(kicked).toBeGreaterThan(shut)
  expect(files.sessions().toSorted()).toEqual([bob, ada].toSorted())
  // The second time too.
  files.signIn(eve)
  on.clock.advance(3000)
  await by.reconciler.drain()
  expect(files.sessions().toSorted()).toEqual([bob, ada].toSorted())
  expect(await by.store.outbox.pending({})).toEqual([])
}

describe('killed in the service', () => {
  test.each<Point>(['observe', 'apply', 'between', 'applied', 'kick', 'kicked'])('at «%s»', async (where) => {
    const who = await decisions()
    const victim = await on.open({ owner: 'victim' })
    const reached = gate()
    files.at = (point) => {
      if (point !== where) return
      reached.open()
      return never
    }
    victim.reconciler.drain().catch(() => {})
    await reached.opened
    victim.kill()
    delete files.at
    await expectSettled(who, await on.open({ owner: 'next', dead: ['victim'] }))
  })
})

/** Calls `step` before each call of any method of any store, within transactions too, and around each commit. */
function watched(store: Store, step: () => Promise<void>): Store {
  const methods = (object: object): object =>
    Object.fromEntries(
      Object.entries(object).map(([name, work]) => [
        name,
        async (...given: unknown[]) => {
          await step()
          return (work as (...given: unknown[]) => unknown)(...given)
        },
      ]),
    )
  const all = (stores: object): object =>
    Object.fromEntries(
      Object.entries(stores).map(([name, one]) => [name, typeof one === 'object' && one ? methods(one) : one]),
    )
  return {
    ...all(store),
    revision: store.revision,
    transaction: async <T>(work: (stores: Stores) => Promise<T>): Promise<T> => {
      const result = await store.transaction(async (stores) => {
        const answer = await work(all(stores) as Stores)
        await step()
        return answer
      })
      await step()
      return result
    },
  } as Store
}

test('killed at each of its awaits on the database, one after the other', async () => {
  let steps = 0
  for (let at = 1; ; at++) {
    const who = await decisions()
    const reached = gate()
    steps = 0
    const victim = await on.open({
      owner: 'victim',
      through: (store) =>
        watched(store, () => {
          if (++steps !== at) return Promise.resolve()
          reached.open()
          return never
        }),
    })
    const finished = victim.reconciler.drain().then(
      () => 'finished',
      () => 'cut off',
    )
    const how = await Promise.race([finished, reached.opened.then(() => 'killed')])
    victim.kill()
    await expectSettled(who, await on.open({ owner: 'next', dead: ['victim'] }))
    for (const id of files.sessions()) await on.first.store.accounts.remove(id)
    await on.touch(...Object.keys(files.rows()), ...files.sessions())
    for (const id of Object.keys(files.rows())) await on.first.store.accounts.remove(id)
    await on.first.reconciler.drain()
    expect([files.rows(), files.sessions()]).toEqual([{}, []])
    on.clock.advance(60_000)
    await on.first.reconciler.drain()
    if (how === 'finished') break
  }
  // As many kills as there are steps: the test does not pass by finishing at once.
  expect(steps).toBeGreaterThan(20)
})

test('killed and started over and over, it comes to an end', async () => {
  const who = await decisions()
  const dead: string[] = []
  for (let n = 0; n < 12; n++) {
    const victim = await on.open({ owner: `victim ${n}`, dead: [...dead] })
    let left = n
    const reached = gate()
    files.at = () => {
      if (left-- > 0) return
      reached.open()
      return never
    }
    const finished = victim.reconciler.drain().catch(() => {})
    await Promise.race([reached.opened, finished])
    victim.kill()
    dead.push(`victim ${n}`)
  }
  delete files.at
  await expectSettled(who, await on.open({ owner: 'last', dead }))
})
