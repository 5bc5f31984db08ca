// What forward authentication costs: the check itself, asked as nginx asks it, and a file through nginx with it, without it and
// with a password of nginx's own.
import type { Browser } from '../test/support/browser-jar.ts'
import { type Connection, connection, get } from './http.ts'
import { load } from './load.ts'
import type { Progress, Report } from './results.ts'
import { median, neighbourRatio, percentile } from './statistics.ts'
import { signedIn } from './web-browser.ts'
import type { WebHost } from './web-host.ts'

const BENCH = 'web'
const TURNS = 20
const QUESTIONS = 100
const LANES = 16
const WINDOWS = 5
const WINDOW_MS = 1_000

type Question = { name: string; at: string; request: string }

const cookieOf = (browser: Browser, url: string): string =>
  browser
    .cookies(new URL(url).hostname)
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')

function questions({ issuer, forwardAuth, basic }: WebHost, browser: Browser): Question[] {
  const { service, clientId, clientSecret } = forwardAuth
  const { url } = service
  const cookie = cookieOf(browser, url)
  const asked = {
    ...{ cookie, accept: 'text/html', 'sec-fetch-mode': 'navigate' },
    ...{ 'x-original-url': `${url}/static/page.txt`, 'x-original-method': 'GET', 'schedar-proxy-secret': clientSecret },
  }
  return [
    { name: 'check', at: issuer, request: get(`${issuer}/forward-auth/${clientId}/check`, asked) },
    { name: 'nginx, a file', at: url, request: get(`${url}/open/page.txt`, { cookie }) },
    { name: 'nginx, with forward-auth', at: url, request: get(`${url}/static/page.txt`, { cookie }) },
    { name: 'nginx, with its own password', at: url, request: get(`${url}/own/page.txt`, basic) },
  ]
}

async function ask({ name, request }: Question, http: Connection): Promise<void> {
  const { status, body } = await http.send(request)
  if (status !== 200) throw new Error(`${name} answered ${status} ${body.slice(0, 200)}`)
}

/** One after the other, in turns of some hundred: milliseconds of each. */
async function inTurn(all: readonly Question[], turns: number): Promise<number[][]> {
  const lanes = all.map(({ at }) => connection(at))
  const times = all.map((): number[] => [])
  for (let turn = 0; turn < turns; turn++)
    for (const [at, question] of all.entries())
      for (let asked = 0; asked < QUESTIONS; asked++) {
        const began = performance.now()
        await ask(question, lanes[at]!)
        times[at]!.push(performance.now() - began)
      }
  for (const { close } of lanes) close()
  // The first turn warms up.
  return turns > 1 ? times.map((some) => some.slice(QUESTIONS)) : times
}

export async function forwardAuthChecks(
  host: WebHost,
  report: Report,
  progress: Progress,
  turns = TURNS,
): Promise<void> {
  progress('forward-auth')
  const browser = await signedIn(host, [host.forwardAuth.service])
  const all = questions(host, browser)
  const times = await inTurn(all, turns)
  const bare = median(times[1]!)
  for (const [at, { name }] of all.entries()) {
    const [p50, p99] = [median(times[at]!), percentile(times[at]!, 0.99)]
    const more = at > 1 ? { against: all[1]!.name, ratio: p50 / bare } : {}
    report({ bench: BENCH, case: name, value: p50, unit: 'ms', ...more, p50, p99, n: times[at]!.length })
  }

  // As fast as they are answered, windows in turn: the plain file before and after each other.
  const [check, plain, ...others] = all as [Question, Question, ...Question[]]
  const measure = async (question: Question) => {
    const lanes = Array.from({ length: LANES }, () => connection(question.at))
    const window = await load(lanes, (lane) => ask(question, lane), WINDOW_MS, host.pid)
    for (const { close } of lanes) close()
    return window
  }
  const windows = Math.min(WINDOWS, turns)
  const yardstick = [await measure(plain)]
  const found = new Map([check, ...others].map(({ name }) => [name, [] as Awaited<ReturnType<typeof measure>>[]]))
  for (let at = 0; at < windows; at++) {
    for (const question of [check, ...others]) found.get(question.name)!.push(await measure(question))
    yardstick.push(await measure(plain))
  }
  for (const [name, some] of [[plain.name, yardstick] as const, ...found]) {
    const rates = some.map(({ rate }) => rate)
    const latencies = some.flatMap((window) => window.latencies)
    report({
      ...{ bench: BENCH, case: `${name}, ${LANES} at a time`, value: median(rates), unit: 'per second' },
      ...(name !== check.name &&
        name !== plain.name && {
          against: plain.name,
          ratio: neighbourRatio(
            rates,
            yardstick.map(({ rate }) => rate),
          ),
        }),
      ...{ p50: median(latencies), p99: percentile(latencies, 0.99), n: latencies.length },
    })
  }
}
