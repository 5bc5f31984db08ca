// Counters that instances share, on any database: however many take at once, never more gets through than the limit, and
// nobody is refused while there is something left.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Counter } from '../../src/plugin.ts'
import type { Store } from '../../src/ports.ts'
import { sharedCounters } from '../../src/usecases/counters.ts'
import { type Instance, type Stage, stage } from '../support/stage.ts'
import * as make from './store-records.ts'

const HOUR = 3_600_000
const INSTANCES = 3
const KEYS = ['a', 'b', 'c'] as const

/** `open` gives the URL of a new, empty database; an SQLite file without it. `runs`: how many tries of the property. */
export function countersAtOnce(name: string, open: () => Promise<string | undefined>, runs: number): void {
  describe(`counters at once: ${name}`, () => {
    let on: Stage
    const instances: Instance[] = []
    beforeAll(async () => {
      const database = await open()
      on = await stage([], database ? { database } : {})
      instances.push(on.first)
      while (instances.length < INSTANCES) instances.push(await on.open({ owner: `i${instances.length}` }))
    })
    afterAll(() => on.close())
    const counter = (key: string, points: number, limit: number, windowMs = HOUR): Counter => ({
      key,
      points,
      limit,
      windowMs,
    })

    test('property: what gets through is within the limit, and nothing that fits is refused', async () => {
      const requests = fc.array(
        fc.record({
          from: fc.nat({ max: INSTANCES - 1 }),
          keys: fc.uniqueArray(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 3 }),
          points: fc.integer({ min: 1, max: 6 }),
        }),
        { minLength: 1, maxLength: 40 },
      )
      await fc.assert(
        fc.asyncProperty(requests, fc.integer({ min: 1, max: 60 }), async (asked, limit) => {
          const mark = make.word()
          const takes = instances.map(({ core }) => sharedCounters(core))
          const answers = await Promise.all(
            asked.map(({ from, keys, points }) =>
              takes[from]!(keys.map((key) => counter(`${mark} ${key}`, points, limit))),
            ),
          )
          for (const key of KEYS) {
            const seen = asked.flatMap(({ keys, points }, n) => {
              const place = keys.indexOf(key)
              return place < 0 ? [] : [{ points, left: answers[n]![place]! }]
            })
            // Each sees those before it and itself: in that order they are one sum after the other.
            let taken = 0
            for (const { points, left } of seen.toSorted((a, b) => b.left - a.left)) {
              taken += points
              expect(left).toBe(limit - taken)
            }
            const through = seen.filter(({ left }) => left >= 0).reduce((sum, { points }) => sum + points, 0)
            expect(through).toBeLessThanOrEqual(limit)
            if (taken <= limit) expect(through).toBe(taken)
          }
        }),
        { numRuns: runs },
      )
    })

    test('who asks first comes first', async () => {
      const take = sharedCounters(on.first.core)
      const key = make.word()
      const answers = await Promise.all([1, 2, 3, 4].map((points) => take([counter(key, points, 10)])))
      expect(answers.flat()).toEqual([9, 7, 4, 0])
    })

    test('three hundred at once of three instances: exactly the limit gets through', async () => {
      const key = make.word()
      const takes = instances.map(({ core }) => sharedCounters(core))
      const left = await Promise.all(
        Array.from({ length: 300 }, (_, n) =>
          takes[n % INSTANCES]!([counter(key, 1, 100), counter(`m ${key}`, 2, 900)]),
        ),
      )
      expect(left.filter(([login]) => login! >= 0)).toHaveLength(100)
      expect(Math.min(...left.map(([, member]) => member!))).toBe(300)
    })

    test('counters named crosswise wait for nobody', async () => {
      const [one, two] = [make.word(), make.word()]
      const takes = instances.map(({ core }) => sharedCounters(core))
      await Promise.all(
        Array.from({ length: 60 }, (_, n) => {
          const both = [counter(one, 1, 1000), counter(two, 1, 1000)]
          return takes[n % INSTANCES]!(n % 2 ? both : both.toReversed())
        }),
      )
      expect(await takes[0]!([counter(one, 1, 1000)])).toEqual([1000 - 61])
    })

    test('a window begins with its first point, and the next one anew', async () => {
      const key = make.word()
      const take = (points: number) => sharedCounters(on.first.core)([counter(key, points, 10)])
      expect(await take(4)).toEqual([6])
      on.clock.advance(HOUR - 1)
      expect(await take(7)).toEqual([-1])
      on.clock.advance(1)
      expect(await take(1)).toEqual([9])
    })

    test('whoever asks at once is written at once: a few transactions for a thousand', async () => {
      let transactions = 0
      const { store, clock } = on.first.core
      const light: Store['light'] = (work) => {
        transactions++
        return store.light(work)
      }
      const take = sharedCounters({ store: { ...store, light }, clock })
      const key = make.word()
      const left = await Promise.all(
        Array.from({ length: 1000 }, (_, n) => take([counter(key, 1, 1000), counter(`${key} ${n % 10}`, 1, 1000)])),
      )
      expect(transactions).toBeLessThanOrEqual(3)
      expect(left.map(([all]) => all!).toSorted((a, b) => b - a)).toEqual(
        Array.from({ length: 1000 }, (_, n) => 999 - n),
      )
    })

    test('a batch that fails fails whoever was in it, and nobody after it', async () => {
      const { store, clock } = on.first.core
      let failing = true
      const take = sharedCounters({
        clock,
        store: {
          ...store,
          light: (work) => (failing ? Promise.reject(new Error('down')) : store.light(work)),
        },
      })
      const key = make.word()
      const first = await Promise.allSettled([take([counter(key, 1, 10)]), take([counter(key, 1, 10)])])
      expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      failing = false
      expect(await take([counter(key, 1, 10)])).toEqual([9])
    })
  })
}
