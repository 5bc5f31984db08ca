// Watching a change reach every service: each goes green with its milliseconds, or stays with its reason. The command line
// looks on until its patience ends; the server keeps what it saw for the staff's pages (watcher.ts).
import { setTimeout as pause } from 'node:timers/promises'
import type { Core } from '../core.ts'
import type { Instant } from '../domain/time.ts'
import type { OutboxRow } from '../ports.ts'
import { clientOfLogoutService, PROVIDER } from '../provider-service.ts'
import type { Touched } from './subjects.ts'

/** `ms`: since the change; undefined when nobody looked at the time. `owed`: what the service still has to be told. */
export type Watched = Touched & {
  done: boolean
  ms?: number
  owed?: Pick<OutboxRow, 'tries' | 'lastError' | 'dueAt'>
}
/** Where each service stands with each subject. */
export type Lines = Map<string, Watched>

const keyOf = ({ service, subject }: Touched): string => `${service} ${subject}`

export const linesOf = (touched: readonly Touched[]): Lines =>
  new Map(touched.map(({ service, subject }) => [keyOf({ service, subject }), { service, subject, done: false }]))
export const isOver = (lines: Lines): boolean => [...lines.values()].every(({ done }) => done)
export const subjectsIn = (lines: Lines): string[] => [...lines.values()].map(({ subject }) => subject)

/** From so many subjects on, all that is pending is read at once. */
const MANY = 8
const MOST = 10_000

/** What is owed on these subjects. A second kick is left out: it is for sign-ins that were under way during the first. */
export async function owedOn({ store }: Pick<Core, 'store'>, subjects: ReadonlySet<string>): Promise<OutboxRow[]> {
  const rows =
    subjects.size <= MANY
      ? (await Promise.all([...subjects].map((subject) => store.outbox.pending({ subject })))).flat()
      : await store.outbox.pending({ limit: MOST })
  return rows.filter(({ effect }) => effect !== 'sessions_again')
}

/**
 * Brings the lines up to what is owed at an instant; those that are done since the last time. What follows from a change
 * (a session that ends, a client that is told) adds lines. Without `since` nobody knows how long it took.
 */
export function mark(lines: Lines, rows: readonly OutboxRow[], at: Instant, since: Instant | undefined): Watched[] {
  const subjects = new Set(subjectsIn(lines))
  const owed = Map.groupBy(
    rows.filter(({ subject }) => subjects.has(subject)),
    keyOf,
  )
  for (const [key, ofOne] of owed) {
    const { service, subject, tries, lastError, dueAt } = ofOne.find((row) => row.lastError) ?? ofOne[0]!
    if (!lines.get(key)?.done) lines.set(key, { service, subject, done: false, owed: { tries, lastError, dueAt } })
  }
  // A client is told once the provider has ended its session: before that nothing is owed to it yet.
  const waits = ({ service, subject }: Touched): boolean =>
    clientOfLogoutService(service) !== undefined && owed.has(keyOf({ service: PROVIDER, subject }))
  const done: Watched[] = []
  for (const [key, { service, subject, done: before }] of lines) {
    if (before || owed.has(key) || waits({ service, subject })) continue
    const line: Watched = { service, subject, done: true, ...(since !== undefined && { ms: at - since }) }
    lines.set(key, line)
    done.push(line)
  }
  return done
}

const SLOWEST_MS = 1_000

/** Until the next look: what takes long is looked at less often, and looking must not become the work. */
export const pauseFor = (everyMs: number, sinceMs: number, lookMs: number): number =>
  Math.max(everyMs, Math.min(SLOWEST_MS, sinceMs / 20), 4 * lookMs)

type Patience = {
  since: Instant
  patienceMs: number
  everyMs: number
  onDone(line: Watched): Promise<void>
}

/** Looks on until every service took the change or the patience ends; where each stands then. */
export async function watch(
  core: Pick<Core, 'store' | 'clock'>,
  touched: readonly Touched[],
  { since, patienceMs, everyMs, onDone }: Patience,
): Promise<Watched[]> {
  const lines = linesOf(touched)
  for (;;) {
    const looked = performance.now()
    const rows = await owedOn(core, new Set(subjectsIn(lines)))
    const at = core.clock.now()
    for (const line of mark(lines, rows, at, since)) await onDone(line)
    if (isOver(lines) || at - since > patienceMs) return [...lines.values()]
    await pause(pauseFor(everyMs, at - since, performance.now() - looked))
  }
}
