// From the commit of a suspension to the first refusal at each door, on a host with 10,000 accounts: what one command does
// to somebody who is signed in at everything. Each round suspends another person.
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Installation } from '../src/compose.ts'
import { suspend } from '../src/usecases/suspend.ts'
import { type Door, NEW_LOGIN, type Refusal, type Visit, visit } from './doors.ts'
import { type Host, startHost } from './host.ts'
import type { Bench, Progress, Report } from './results.ts'
import { median, percentile } from './statistics.ts'

const BENCH = 'suspension'
const ACCOUNTS = 10_000
const ROUNDS = 100
const ROUNDS_WITHOUT_SPIP = 10
/** A door that still lets somebody in after this has failed. */
const LIMIT_MS = 5_000
/** Before the suspension, each door is seen open; how long before is left to chance, so that no poll is in step with it. */
const LEAD_MS = { min: 80, max: 160 }

/** When a suspension was committed, and the end of this process's part in what follows. */
type Struck = { committed: number; worked: Promise<void> }

/** Suspends as the command does, whose process works the services off beside the server. */
export async function strike({ core, reconciler }: Installation, accountId: string): Promise<Struck> {
  let committed = Number.NaN
  const wake = (): void => {
    committed = performance.now()
    core.wake()
  }
  await suspend({ ...core, wake })({ target: { accountId }, reason: 'bench', actor: BENCH })
  return { committed, worked: reconciler.drain() }
}

/** Milliseconds from the commit to the refusal and to when it was told, and between the last yes and the refusal. */
type Measured = { door: string; ms: number; toldMs: number; sinceOpenMs: number | undefined }

/** Watches all doors of somebody, suspends them, and waits for the last refusal. */
async function round({ installation }: Host, { person, doors }: Visit): Promise<Measured[]> {
  const over = new AbortController()
  const open = new Set(doors)
  const watch = async (door: Door): Promise<Refusal> => {
    const refusal = await door.untilRefused(over.signal)
    open.delete(door)
    return refusal
  }
  const watching = Promise.all(doors.map(watch))
  const suspended = async (): Promise<number> => {
    await sleep(randomInt(LEAD_MS.min, LEAD_MS.max))
    const { committed, worked } = await strike(installation, person.id)
    await Promise.race([watching, sleep(LIMIT_MS)])
    const names = [...open].map(({ name }) => name)
    if (open.size > 0)
      throw new Error(`${person.username} is still let in after ${LIMIT_MS / 1000} s: ${names.join(', ')}`)
    await worked
    return committed
  }
  try {
    const [committed, refusals] = await Promise.all([suspended(), watching])
    const early = refusals.findIndex(({ at }) => at < committed)
    if (early >= 0) throw new Error(`${person.username} was refused before the suspension: ${doors[early]!.name}`)
    return refusals.map(({ at, toldAt, sinceOpenMs }, index) => ({
      door: doors[index]!.name,
      ms: at - committed,
      toldMs: toldAt - committed,
      sinceOpenMs,
    }))
  } finally {
    over.abort()
  }
}

const slowest = (rounds: readonly Measured[][]): number[] =>
  rounds.map((measured) => Math.max(...measured.map(({ ms }) => ms)))

function tell(report: Report, name: string, times: readonly number[]): void {
  const p50 = median(times)
  report({ bench: BENCH, case: name, value: p50, unit: 'ms', p50, p99: percentile(times, 0.99), n: times.length })
}

/** How finely each door was watched: half of the refusals were found within this after the last yes. */
function tellResolution(doors: ReadonlyMap<string, Measured[]>, progress: Progress): void {
  const said = [...doors].map(([door, all]) => {
    const gaps = all.flatMap(({ sinceOpenMs }) => sinceOpenMs ?? [])
    return gaps.length > 0 ? `${door} ${median(gaps).toFixed(0)}` : `${door} as it ends`
  })
  progress(`median ms between the last yes and the no: ${said.join(', ')}`)
}

export const suspension: Bench = async (report, progress) => {
  const host = await startHost(ACCOUNTS, ROUNDS + ROUNDS_WITHOUT_SPIP, progress)
  try {
    const rounds: Measured[][] = []
    for (const person of host.visitors.slice(0, ROUNDS)) {
      const visited = await visit(host, person)
      rounds.push(await round(host, visited))
      visited.end()
      if (rounds.length % 20 === 0) progress(`round ${rounds.length} of ${ROUNDS}`)
    }
    const doors = Map.groupBy(rounds.flat(), ({ door }) => door)
    tellResolution(doors, progress)
    for (const [door, all] of doors) {
      const times = all.map(({ ms }) => ms)
      tell(report, door, times)
    }
    tell(report, 'all doors', slowest(rounds))
    const told = doors.get(NEW_LOGIN)!.map(({ toldMs }) => toldMs)
    tell(report, `${NEW_LOGIN}, told`, told)

    progress('SPIP goes down')
    const visits: Visit[] = []
    for (const person of host.visitors.slice(ROUNDS)) visits.push(await visit(host, person))
    await host.stopSpip()
    const without: Measured[][] = []
    for (const { doors, ...rest } of visits) {
      without.push(await round(host, { ...rest, doors: doors.filter(({ name }) => !name.startsWith('SPIP')) }))
      rest.end()
    }
    tell(report, 'all others with SPIP down', slowest(without))
  } finally {
    await host.stop()
  }
}
