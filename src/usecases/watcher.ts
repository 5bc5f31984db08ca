// What the server saw of suspensions on their way: watched in the background by one loop, kept for the staff's pages, and
// written to the audit once every service has followed, so that another process can tell it too.
import { setTimeout as pause } from 'node:timers/promises'
import type { Core } from '../core.ts'
import { audit } from '../core.ts'
import type { Instant } from '../domain/time.ts'
import type { Override } from '../ports.ts'
import { subjectsOf, type Touched } from './subjects.ts'
import { targetOf } from './suspend.ts'
import { isOver, type Lines, linesOf, mark, owedOn, pauseFor, subjectsIn, type Watched } from './watch.ts'

export type Watcher = {
  /** Watch a suspension that just began, or was just lifted. */
  begin(override: Override, touched: readonly Touched[]): void
  /** Where each service stands with it. */
  lines(override: Override): Promise<Watched[]>
}

/** `here`: this process made the change, and so it knows how long each service took. */
type Run = { override: Override; lines: Lines; here: boolean }

const KEPT = 500
const EVERY_MS = 15
const PATIENCE_MS = 600_000
const SETTLED = 'access.settled'

/** When it began; when it was lifted, if it was. */
export const sinceOf = ({ createdAt, liftedAt }: Override): Instant => liftedAt ?? createdAt
const keyOf = (override: Override): string => `${override.id} ${sinceOf(override)}`

export function createWatcher(core: Core): Watcher {
  const runs = new Map<string, Run>()
  let looping = false

  const keep = (run: Run): void => {
    runs.set(keyOf(run.override), run)
    for (const oldest of [...runs.keys()].slice(0, -KEPT)) runs.delete(oldest)
  }

  const record = ({ override, lines }: Run): Promise<void> =>
    core.store.transaction((stores) =>
      audit(core, stores, {
        action: SETTLED,
        actor: 'system',
        subjectKind: 'override',
        subjectId: override.id,
        payload: {
          since: sinceOf(override),
          services: [...lines.values()].map(({ service, subject, ms }) => [service, subject, ms]),
        },
      }),
    )

  /** What the process that made the change saw, when it was another one or is gone. */
  async function recorded(override: Override): Promise<Watched[] | undefined> {
    const rows = await core.store.audit.list({ subjectId: override.id, action: SETTLED })
    const row = rows.findLast(({ payload }) => payload.since === sinceOf(override))
    const services = row?.payload.services as [string, string, number | undefined][] | undefined
    return services?.map(([service, subject, ms]) => ({ service, subject, done: true, ms }))
  }

  /** Looks at all open runs together; how long to wait for the next look, or undefined when none is open. */
  async function look(): Promise<number | undefined> {
    const age = ({ override }: Run) => core.clock.now() - sinceOf(override)
    const open = [...runs.values()].filter((run) => !isOver(run.lines) && age(run) < PATIENCE_MS)
    if (open.length === 0) return undefined
    const looked = performance.now()
    const rows = await owedOn(core, new Set(open.flatMap(({ lines }) => subjectsIn(lines))))
    const at = core.clock.now()
    for (const run of open) {
      mark(run.lines, rows, at, sinceOf(run.override))
      if (run.here && isOver(run.lines)) await record(run)
    }
    return pauseFor(EVERY_MS, Math.min(...open.map(age)), performance.now() - looked)
  }

  async function loop(): Promise<void> {
    if (looping) return
    looping = true
    try {
      for (let wait = await look(); wait !== undefined; wait = await look()) await pause(wait)
    } catch (error) {
      // The store may be closed before a service that is down comes back.
      core.log.debug('watch.ended', { error: String(error) })
    } finally {
      looping = false
    }
  }

  /** Nobody here saw it happen: what is done has no time, what is not is watched from now on. */
  async function lateRun(override: Override): Promise<Run> {
    const run: Run = { override, lines: linesOf(await subjectsOf(core, core.store, targetOf(override))), here: false }
    mark(run.lines, await owedOn(core, new Set(subjectsIn(run.lines))), core.clock.now(), undefined)
    keep(run)
    void loop()
    return run
  }

  return {
    begin(override, touched) {
      keep({ override, lines: linesOf(touched), here: true })
      void loop()
    },
    async lines(override) {
      const known = runs.get(keyOf(override))
      if (!known) return (await recorded(override)) ?? [...(await lateRun(override)).lines.values()]
      if (isOver(known.lines)) return [...known.lines.values()]
      // The loop gave up on what took too long; when that service came back, nobody saw.
      if (core.clock.now() - sinceOf(override) < PATIENCE_MS) void loop()
      else mark(known.lines, await owedOn(core, new Set(subjectsIn(known.lines))), core.clock.now(), undefined)
      return [...known.lines.values()]
    },
  }
}
