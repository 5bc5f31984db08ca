// What a sign-in costs: from the link to the page behind it, for somebody who has a session at Schedar, beside the service's own
// form for a name and a password, and beside a sign-in with the password at Schedar.
import { type Browser, createBrowser } from '../test/support/browser-jar.ts'
import type { Progress, Report } from './results.ts'
import { median, percentile } from './statistics.ts'
import { atSchedarOnly, enter, signedIn } from './web-browser.ts'
import type { WebHost } from './web-host.ts'
import { basicDoor, type OwnDoor, startOwnDoors } from './web-own.ts'
import type { WebService } from './web-services.ts'

const BENCH = 'web'
const TIMES = 30

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

type Times = { own: number[]; redirects: number[]; whole: number[] }

/** One of each, in turn: the own form, the redirects, and the password at Schedar with the redirects. */
async function turn(
  host: WebHost,
  service: WebService,
  own: OwnDoor | undefined,
  at: Browser,
  times: Times,
): Promise<void> {
  if (own) {
    const browser = createBrowser()
    times.own.push(await timed(() => own.signIn(browser)))
    if (!(await own.isIn(browser))) throw new Error(`${service.name}: ${own.what} did not let in`)
  }
  const known = atSchedarOnly(host, at)
  for (const [browser, asked, into] of [
    [known, 0, times.redirects],
    [createBrowser(), 1, times.whole],
  ] as const) {
    let interactions = 0
    into.push(
      await timed(async () => {
        interactions = await enter(host, browser, service)
      }),
    )
    if (interactions !== asked) throw new Error(`${service.name} asked ${interactions} times for the password`)
    if (!(await service.isIn(browser, host.person))) throw new Error(`${service.name} did not let in`)
  }
}

export async function signIns(host: WebHost, report: Report, progress: Progress, count = TIMES): Promise<void> {
  progress('sign-ins')
  const started = await startOwnDoors(host)
  try {
    const { name, url } = host.forwardAuth.service
    const atNginx = basicDoor(name, `${url}/own/page.txt`, host.basic)
    const doors = [...started.doors, atNginx, ...host.services.flatMap((one) => one.own ?? [])]
    const browser = await signedIn(host, host.services)
    for (const service of host.services) {
      const own = doors.find((door) => door.service === service.name)
      const times: Times = { own: [], redirects: [], whole: [] }
      // The first is thrown away: it fills caches and makes the person's account there.
      await turn(host, service, own, browser, { own: [], redirects: [], whole: [] })
      for (let at = 0; at < count; at++) await turn(host, service, own, browser, times)
      const tell = (name: string, some: readonly number[], more = {}) =>
        report({
          ...{ bench: BENCH, case: `sign-in, ${service.name}: ${name}`, value: median(some), unit: 'ms', ...more },
          ...{ p50: median(some), p99: percentile(some, 0.99), n: some.length },
        })
      const beside = (some: readonly number[]) => own && { against: own.what, ratio: median(some) / median(times.own) }
      if (own) tell(own.what, times.own)
      tell('redirects', times.redirects, beside(times.redirects))
      tell('password at Schedar and redirects', times.whole, beside(times.whole))
      const overheads = times.redirects.map((ms, at) => ms - times.own[at]!)
      if (own) tell('overhead of the redirects', overheads, { against: own.what })
    }
  } finally {
    await started.stop()
  }
}
