// Schedar on SQLite and on MariaDB beside a bare oidc-provider with its in-memory storage, in one run: what the house's
// rules and a database cost. Short windows take turns, and ratios are those of neighbours.
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, cases, type Lane, openLanes } from './cases.ts'
import { debianMariadb, firstStart, type House, startBare, startSchedar } from './houses.ts'
import { connection } from './http.ts'
import { load, type Window } from './load.ts'
import { helper, residentMb } from './processes.ts'
import type { Bench, Progress, Report } from './results.ts'
import { median, neighbourRatio, percentile } from './statistics.ts'
import { openSignIn, type SignInPage, sendPassword } from './target.ts'

const BENCH = 'provider'
const ACCOUNTS = 1_000
const CONNECTIONS = 8
const ROUNDS = 5
const WINDOW_MS = 1_000
const WARM_UP_MS = 400
const LOGIN_ROUNDS = 4
const LOGIN_WINDOW_MS = 2_500
const STARTS = 5
const IDLE_MS = 5_000

const rates = (windows: readonly Window[]): number[] => windows.map(({ rate }) => rate)
const latencies = (windows: readonly Window[]): number[] => windows.flatMap((window) => window.latencies)

/** What the windows of one case at one house say. */
const summary = (name: string, house: House, windows: readonly Window[]) => {
  const times = latencies(windows)
  return {
    bench: BENCH,
    case: `${name}, ${house.name}`,
    value: median(rates(windows)),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    n: times.length,
  }
}

async function runCase(one: Case, houses: readonly House[], report: Report, progress: Progress): Promise<void> {
  const [bare] = houses as [House]
  const ready = new Map<House, { lanes: Lane[]; step: (lane: Lane) => Promise<void>; windows: Window[] }>()
  for (const house of houses) {
    const lanes = await openLanes(house, CONNECTIONS)
    const step = one.step(house)
    await load(lanes, step, WARM_UP_MS, house.pid)
    ready.set(house, { lanes, step, windows: [] })
  }
  const turn = async (house: House): Promise<void> => {
    const { lanes, step, windows } = ready.get(house)!
    windows.push(await load(lanes, step, WINDOW_MS, house.pid))
  }
  for (let round = 0; round < ROUNDS; round++) for (const house of houses) await turn(house)
  await turn(bare)
  const yardstick = rates(ready.get(bare)!.windows)
  for (const house of houses) {
    const { windows, lanes } = ready.get(house)!
    for (const { http } of lanes) http.close()
    report({
      ...summary(one.name, house, windows),
      unit: 'per second',
      ...(house !== bare && { against: 'bare', ratio: neighbourRatio(rates(windows), yardstick) }),
    })
  }
  const cpu = houses.map(
    (house) => `${house.name} ${median(ready.get(house)!.windows.map(({ cpuMs }) => cpuMs)).toFixed(2)}`,
  )
  progress(`${one.name}: CPU ms of the server each: ${cpu.join(', ')}`)
}

/** Sign-in pages that wait for a password, enough for a window. */
async function preparePages(house: House, count: number): Promise<SignInPage[]> {
  const http = connection(house.issuer)
  const pages: SignInPage[] = []
  while (pages.length < count) pages.push(await openSignIn(house, http))
  http.close()
  return pages
}

/** Password sign-ins for a while, each of somebody else. */
async function signIns(house: House, pages: SignInPage[], from: number): Promise<Window> {
  const lanes = Array.from({ length: 2 * availableParallelism() }, () => connection(house.issuer))
  const fallback = async (): Promise<SignInPage> => (await preparePages(house, 1))[0]!
  let at = from
  const step = async (http: (typeof lanes)[number]): Promise<void> => {
    const username = house.usernames[at++ % house.usernames.length]!
    await sendPassword(house, http, pages.pop() ?? (await fallback()), username, house.password!)
  }
  const window = await load(lanes, step, LOGIN_WINDOW_MS, house.pid)
  for (const lane of lanes) lane.close()
  return window
}

async function runLogins(houses: readonly House[], report: Report, progress: Progress): Promise<void> {
  const argon2 = helper('argon2.ts')
  const yardstick: number[] = []
  const limit = async (): Promise<void> => {
    argon2.tell(LOGIN_WINDOW_MS)
    yardstick.push(Number(await argon2.next()))
  }
  const windows = new Map<House, Window[]>(houses.map((house) => [house, []]))
  for (const house of houses) await signIns(house, await preparePages(house, 10), 0)
  let used = 0
  for (let round = 0; round < LOGIN_ROUNDS; round++) {
    await limit()
    for (const house of houses) {
      const pages = await preparePages(house, Math.ceil((1.2 * yardstick[0]! * LOGIN_WINDOW_MS) / 1000))
      windows.get(house)!.push(await signIns(house, pages, used))
    }
    used += Math.ceil((1.2 * yardstick[0]! * LOGIN_WINDOW_MS) / 1000)
  }
  await limit()
  await argon2.stop()
  report({ bench: BENCH, case: 'argon2', value: median(yardstick), unit: 'per second', n: yardstick.length })
  for (const [house, found] of windows)
    report({
      ...summary('password sign-in', house, found),
      unit: 'per second',
      against: 'argon2',
      ratio: neighbourRatio(rates(found), yardstick),
    })
  const cpu = [...windows].map(
    ([house, found]) => `${house.name} ${median(found.map(({ cpuMs }) => cpuMs)).toFixed(2)}`,
  )
  progress(`password sign-in: CPU ms of the server each: ${cpu.join(', ')}`)
}

const memory = (name: string, houses: readonly House[], report: Report): void => {
  for (const house of houses)
    report({ bench: BENCH, case: `${name}, ${house.name}`, value: residentMb(house.pid), unit: 'MB', n: 1 })
}

async function runStarts(report: Report, progress: Progress): Promise<void> {
  progress('start to first answer')
  const times: number[] = []
  while (times.length < STARTS) times.push(await firstStart())
  const p50 = median(times)
  const p99 = percentile(times, 0.99)
  report({ bench: BENCH, case: 'start to first answer, sqlite', value: p50, unit: 'ms', p50, p99, n: STARTS })
}

export const provider: Bench = async (report, progress) => {
  await runStarts(report, progress)
  progress('seeding')
  const mariadb = await debianMariadb()
  const houses: House[] = []
  try {
    houses.push(await startBare(ACCOUNTS))
    houses.push(await startSchedar('sqlite', ACCOUNTS))
    houses.push(await startSchedar('mariadb', ACCOUNTS, (await mariadb.database()).url))
    await sleep(IDLE_MS)
    memory('memory idle', houses, report)
    for (const one of cases) {
      progress(one.name)
      await runCase(one, houses, report, progress)
    }
    progress('password sign-in')
    await runLogins(houses.slice(1), report, progress)
    memory('memory after load', houses, report)
  } finally {
    for (const house of houses) await house.stop()
    await mariadb.remove()
  }
}
