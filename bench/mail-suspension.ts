// A suspension while a hundred mail sessions are live: of one person's programs among those of nine others, and of one whose
// programs they all are. Each program comes back the moment its session ends, for as long as anybody lets it in.
import { setTimeout as sleep } from 'node:timers/promises'
import { suspend } from '../src/usecases/suspend.ts'
import { type Client, programsOf } from './mail-clients.ts'
import type { MailHouse } from './mail-house.ts'
import type { MailPerson } from './mail-seed.ts'
import type { Progress, Report } from './results.ts'
import { median, percentile } from './statistics.ts'

const BENCH = 'mail'
const SESSIONS = 100
const EACH = 10
const ROUNDS = 100
const ROUNDS_OF_ALL = 5
const LIMIT_MS = 30_000

/** Milliseconds from the commit: until nothing worked any more, and until every program had read that it may not sign in. */
type Measured = { lastWorkedMs: number; toldMs: number; endedMs: Map<string, number[]>; returns: number }

/** Suspends as the command does, whose process works the services off beside the server. When it was committed. */
async function strike({ installation }: MailHouse, { id: accountId }: MailPerson): Promise<[number, Promise<void>]> {
  const { core, reconciler } = installation
  let committed = Number.NaN
  const wake = (): void => {
    committed = performance.now()
    core.wake()
  }
  await suspend({ ...core, wake })({ target: { accountId }, reason: 'bench', actor: BENCH })
  return [committed, reconciler.drain()]
}

async function round(house: MailHouse, person: MailPerson, programs: readonly Client[]): Promise<Measured> {
  const over = new AbortController()
  const watching = Promise.all(programs.map((program) => program.watch(over.signal)))
  await sleep(50 + Math.random() * 100)
  const [committed, worked] = await strike(house, person)
  const isOut = ({ ended, refused }: Client) => ended !== undefined && refused !== undefined
  while (!programs.every(isOut)) {
    if (performance.now() - committed > LIMIT_MS) {
      const live = programs.filter(({ ended }) => ended === undefined).length
      const untold = programs.filter(({ refused }) => refused === undefined).length
      throw new Error(`${person.login}, ${LIMIT_MS / 1000} s after: ${live} live, ${untold} not refused yet`)
    }
    await sleep(1)
  }
  over.abort()
  await worked
  for (const { close } of programs) close()
  await watching
  const early = programs.find(({ ended }) => ended! < committed)
  if (early) throw new Error(`${person.login} was refused before the suspension: ${early.name}`)
  const since = (at: number) => at - committed
  return {
    lastWorkedMs: Math.max(...programs.map(({ worked: at, ended }) => since(Math.max(at, ended!)))),
    toldMs: Math.max(...programs.map(({ refused }) => since(refused!))),
    endedMs: new Map(
      [...Map.groupBy(programs, ({ name }) => name)].map(([name, some]) => [
        name,
        some.map(({ ended }) => since(ended!)),
      ]),
    ),
    returns: programs.reduce((sum, { returns }) => sum + returns, 0),
  }
}

function tell(report: Report, name: string, times: readonly number[]): void {
  const p50 = median(times)
  report({ bench: BENCH, case: name, value: p50, unit: 'ms', p50, p99: percentile(times, 0.99), n: times.length })
}

/** Whoever of them Dovecot still has a session of. */
async function survivors({ dovecot }: MailHouse, suspended: readonly MailPerson[]): Promise<string[]> {
  const live = await dovecot.doveadm('who', '-1')
  return suspended.flatMap(({ login }) => (live.includes(`${login} `) ? [login] : []))
}

export async function suspensions(house: MailHouse, report: Report, progress: Progress): Promise<void> {
  const { people } = house
  // Programs ask about recipients and send nothing: Postfix would take that for more mail than it can deliver and wait a second.
  await house.postfix.set('in_flow_delay=0')
  progress(`${SESSIONS} sessions of ${SESSIONS / EACH} people`)
  const live: { person: MailPerson; programs: Client[] }[] = []
  const join = async (person: MailPerson) => {
    live.push({ person, programs: await programsOf(house, person, EACH) })
  }
  for (const person of people.slice(0, SESSIONS / EACH)) await join(person)
  const rounds: Measured[] = []
  for (let at = 0; at < ROUNDS; at++) {
    const { person, programs } = live.shift()!
    rounds.push(await round(house, person, programs))
    await join(people[at + SESSIONS / EACH]!)
    if (rounds.length % 20 === 0) progress(`round ${rounds.length} of ${ROUNDS}`)
  }
  for (const { programs } of live) for (const { close } of programs) close()
  const suspended = people.slice(0, ROUNDS)
  // A sign-in that was under way is ended by the second kick.
  await sleep(house.dovecot.config.introspectionTimeoutMs + 1500)
  const left = await survivors(house, suspended)
  for (const name of rounds[0]!.endedMs.keys())
    tell(
      report,
      `suspended: live ${name} session ended`,
      rounds.flatMap(({ endedMs }) => endedMs.get(name) ?? []),
    )
  tell(
    report,
    'suspended: nothing works any more',
    rounds.map(({ lastWorkedMs }) => lastWorkedMs),
  )
  tell(
    report,
    'suspended: every program has read so',
    rounds.map(({ toldMs }) => toldMs),
  )
  const returned = rounds.reduce((sum, { returns }) => sum + returns, 0)
  progress(`sign-ins that were let in after the commit: ${returned}`)
  report({ bench: BENCH, case: `survivors of ${ROUNDS} rounds`, value: left.length, unit: 'sessions', n: ROUNDS })

  const all: Measured[] = []
  for (const person of people.slice(-ROUNDS_OF_ALL)) {
    progress(`${SESSIONS} sessions of one person`)
    all.push(await round(house, person, await programsOf(house, person, SESSIONS)))
  }
  tell(
    report,
    `suspended with ${SESSIONS} sessions: nothing works any more`,
    all.map(({ lastWorkedMs }) => lastWorkedMs),
  )
}
