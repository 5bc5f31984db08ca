// Counters that several instances share, taken in batches: while one transaction is written the next requests gather, and a
// counter that many of them name is taken once for all.
import type { Core } from '../core.ts'
import { digest } from '../domain/digest.ts'
import type { Counter } from '../plugin.ts'

type Request = { counters: readonly Counter[]; done: (left: number[]) => void; failed: (error: unknown) => void }

/** What is left for each request, in order: each sees those before it, and not those after it. */
function shareOut(requests: readonly Request[], left: Map<string, number>): void {
  for (const { counters, done } of requests.toReversed()) {
    const mine = counters.map(({ key }) => left.get(key) ?? 0)
    for (const { key, points } of counters) left.set(key, (left.get(key) ?? 0) + points)
    done(mine)
  }
}

export function sharedCounters({ store, clock }: Pick<Core, 'store' | 'clock'>) {
  let waiting: Request[] = []
  let running = false

  async function write(requests: readonly Request[]): Promise<void> {
    const sums = new Map<string, Counter>()
    for (const counter of requests.flatMap(({ counters }) => counters))
      sums.set(counter.key, { ...counter, points: counter.points + (sums.get(counter.key)?.points ?? 0) })
    const at = clock.now()
    const left = new Map<string, number>()
    await store.light(async ({ throttle }) => {
      // In one order for all instances: two that take the same ones crosswise would wait for each other.
      const all = [...sums.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
      const taken = await throttle.takeAll(
        all.map((counter) => ({ ...counter, key: digest(counter.key) })),
        at,
      )
      for (const [index, { key }] of all.entries()) left.set(key, taken[index]!)
    })
    shareOut(requests, left)
  }

  async function run(): Promise<void> {
    running = true
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      await write(batch).catch((error: unknown) => {
        for (const { failed } of batch) failed(error)
      })
    }
    running = false
  }

  /** Takes points of each counter; what is left of each, below zero when it is used up. */
  return (counters: readonly Counter[]): Promise<number[]> =>
    new Promise((done, failed) => {
      waiting.push({ counters, done, failed })
      if (!running) void run()
    })
}
