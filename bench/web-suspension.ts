// One browser, eight services, one interaction; then one suspension, and how long each service still lets the person in. Every
// second round one of the services is down when it happens, and comes back some seconds later.
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { restore } from '../src/usecases/suspend.ts'
import { type Browser, createBrowser } from '../test/support/browser-jar.ts'
import { type Door, polled } from './doors.ts'
import type { Progress, Report } from './results.ts'
import { median, percentile } from './statistics.ts'
import { strike } from './suspension.ts'
import { enterAll } from './web-browser.ts'
import type { WebHost } from './web-host.ts'
import type { WebService } from './web-services.ts'

const BENCH = 'web'
const ROUNDS = 50
/** What still lets somebody in after this has failed: a session, a list. */
const LIMIT_MS = 30_000
const LIST_LIMIT_MS = 60_000
/** Before the suspension, each door is seen open; how long before is left to chance, so that no poll is in step with it. */
const LEAD_MS = { min: 300, max: 500 }
/** How long a service is down: by then it is asked again every four seconds, and no moment of these is like another. */
const DOWN_MS = { min: 6_000, max: 10_000 }
const LIST_EVERY_MS = 100
const BACK_EVERY_MS = 20

/** Whose door it is: a service's session, or a list of it. */
type Watched = { door: Door; of: string; isList: boolean }
type Measured = { door: string; of: string; isList: boolean; ms: number; sinceOpenMs: number | undefined }

/** Signs in at everything, with one interaction in all. */
async function enterEverything(host: WebHost, browser: Browser): Promise<void> {
  const interactions = await enterAll(host, browser, host.services)
  if (interactions !== 1) throw new Error(`signing in took ${interactions} interactions`)
}

const watchedOf = (host: WebHost, browser: Browser): Watched[] => [
  ...host.services.map(({ name, isIn, everyMs }) => ({
    ...{ of: name, isList: false },
    door: polled(name, everyMs, () => isIn(browser, host.person)),
  })),
  ...host.lists.map(({ name, of, has }) => ({
    ...{ of, isList: true },
    door: polled(name, LIST_EVERY_MS, () => has(host.person.login)),
  })),
]

/** Watches doors, suspends, and waits for the last refusal of these. When it was committed, and what each door took. */
async function strikeAndWatch(host: WebHost, watched: readonly Watched[]): Promise<Measured[]> {
  const over = new AbortController()
  const open = new Set(watched)
  const watch = async (one: Watched): Promise<Measured & { at: number }> => {
    const { at, sinceOpenMs } = await one.door.untilRefused(over.signal)
    open.delete(one)
    return { ...{ door: one.door.name, of: one.of, isList: one.isList, ms: Number.NaN, sinceOpenMs }, at }
  }
  const watching = Promise.all(watched.map(watch))
  const suspended = async (): Promise<number> => {
    await sleep(randomInt(LEAD_MS.min, LEAD_MS.max))
    const { committed, worked } = await strike(host.installation, host.person.id)
    const overdue = async (isList: boolean, limitMs: number): Promise<void> => {
      await Promise.race([watching, sleep(limitMs)])
      const names = [...open].filter((one) => one.isList === isList).map(({ door }) => door.name)
      if (names.length > 0)
        throw new Error(`still let in ${limitMs / 1000} s after the suspension: ${names.join(', ')}`)
    }
    await Promise.all([overdue(false, LIMIT_MS), overdue(true, LIST_LIMIT_MS)])
    await worked
    return committed
  }
  try {
    const [committed, refusals] = await Promise.all([suspended(), watching])
    const early = refusals.find(({ at }) => at < committed)
    if (early) throw new Error(`refused before the suspension: ${early.door}`)
    return refusals.map(({ at, ...rest }) => ({ ...rest, ms: at - committed }))
  } finally {
    over.abort()
  }
}

/** Lets the person in again, and waits until every service knows. */
async function bringBack({ installation, person, lists }: WebHost): Promise<void> {
  const { core, reconciler } = installation
  await restore(core)({ target: { accountId: person.id }, actor: BENCH })
  await reconciler.drain()
  const isSettled = async (): Promise<boolean> =>
    (await core.store.outbox.pending({ limit: 1 })).length === 0 &&
    (await Promise.all(lists.map(({ has }) => has(person.login)))).every(Boolean)
  for (const deadline = performance.now() + LIST_LIMIT_MS; !(await isSettled()); await sleep(50))
    if (performance.now() > deadline) {
      const [row] = await core.store.outbox.pending({ limit: 1 })
      throw new Error(`not everything is restored: ${row?.service ?? 'a list'} ${row?.lastError ?? ''}`)
    }
}

type Back = { of: string; ms: number; listMs: number | undefined }

/** From the moment at which it takes connections again: until its first refusal, and until the person is off its list. */
async function untilOut(host: WebHost, browser: Browser, { name, isIn }: WebService, since: number): Promise<Back> {
  const until = async (limitMs: number, isOut: () => Promise<boolean>): Promise<number> => {
    while (!(await isOut())) {
      if (performance.now() - since > limitMs) throw new Error(`${name} came back and still lets the person in`)
      await sleep(BACK_EVERY_MS)
    }
    return performance.now() - since
  }
  const list = host.lists.find(({ of }) => of === name)
  const [ms, listMs] = await Promise.all([
    until(LIMIT_MS, async () => !(await isIn(browser, host.person))),
    list && until(LIST_LIMIT_MS, async () => !(await list.has(host.person.login))),
  ])
  return { of: name, ms, listMs }
}

async function roundWithout(
  host: WebHost,
  browser: Browser,
  down: WebService,
): Promise<{ others: Measured[]; back: Back }> {
  const others = watchedOf(host, browser).filter(({ of }) => of !== down.name)
  await down.down!()
  const wait = sleep(randomInt(DOWN_MS.min, DOWN_MS.max))
  const measured = await strikeAndWatch(host, others)
  await wait
  await down.up!()
  return { others: measured, back: await untilOut(host, browser, down, performance.now()) }
}

function tell(
  report: Report,
  name: string,
  times: readonly number[],
  more: { against?: string; ratio?: number } = {},
): void {
  const p50 = median(times)
  report({
    bench: BENCH,
    case: name,
    value: p50,
    unit: 'ms',
    ...more,
    p50,
    p99: percentile(times, 0.99),
    n: times.length,
  })
}

const msOf = (all: readonly Measured[]): number[] => all.map(({ ms }) => ms)

/** How finely each door was watched: half of the refusals were found within this after the last yes. */
function tellResolution(doors: ReadonlyMap<string, Measured[]>, progress: Progress): void {
  const said = [...doors].map(
    ([door, all]) => `${door} ${median(all.flatMap(({ sinceOpenMs }) => sinceOpenMs ?? [])).toFixed(0)}`,
  )
  progress(`median ms between the last yes and the no: ${said.join(', ')}`)
}

/** `all`: with every service up; `others`: with another one down, that is back after `backs`. */
type Rounds = { all: Measured[]; others: Measured[]; backs: Back[] }

async function play(host: WebHost, { all, others, backs }: Rounds, progress: Progress, count: number): Promise<void> {
  const browser = createBrowser()
  const interruptible = host.services.filter(({ down, up }) => down && up)
  for (let at = 0; at < count; at++) {
    await enterEverything(host, browser)
    all.push(...(await strikeAndWatch(host, watchedOf(host, browser))))
    await bringBack(host)
    if (at % 2 === 0) {
      const down = interruptible[(at / 2) % interruptible.length]!
      await enterEverything(host, browser)
      const round = await roundWithout(host, browser, down)
      others.push(...round.others)
      backs.push(round.back)
      await bringBack(host)
    }
    if (at % 10 === 9) progress(`round ${at + 1} of ${count}`)
  }
}

/** What was measured is told even if a round fails after it. */
export async function webSuspensions(host: WebHost, report: Report, progress: Progress, count = ROUNDS): Promise<void> {
  const rounds: Rounds = { all: [], others: [], backs: [] }
  try {
    await play(host, rounds, progress, count)
  } finally {
    if (rounds.backs.length > 0) tellAll(rounds, report, progress)
  }
}

function tellAll({ all, others, backs }: Rounds, report: Report, progress: Progress): void {
  const doors = Map.groupBy(all, ({ door }) => door)
  tellResolution(doors, progress)
  for (const [door, measured] of doors) tell(report, `suspended: ${door}`, msOf(measured))
  const sessions = all.filter(({ isList }) => !isList)
  const without = others.filter(({ isList }) => !isList)
  tell(report, 'suspended: all sessions', msOf(sessions))
  const ratio = percentile(msOf(without), 0.99) / percentile(msOf(sessions), 0.99)
  tell(report, 'the same, another service down', msOf(without), { against: 'p99, none down', ratio })
  tell(
    report,
    'a service back: out after',
    backs.map(({ ms }) => ms),
  )
  const lists = backs.flatMap(({ listMs }) => listMs ?? [])
  if (lists.length > 0) tell(report, 'a list server back: off the list after', lists)
}
