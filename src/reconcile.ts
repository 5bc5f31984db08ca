// Plan, guard, apply, retry: the only place that can suspend by mistake. Services are worked in parallel, each by one
// instance at a time; what is not acknowledged is done again, so a kill at any instant loses nothing.
import { isDeepStrictEqual } from 'node:util'
import type { Log } from './core.ts'
import { AppError } from './domain/errors.ts'
import { pages } from './domain/pages.ts'
import type { Instant } from './domain/time.ts'
import { type GuardRule, tooMany } from './guard.ts'
import type { Name, Row, Service, Subject, SubjectKind } from './plugin.ts'
import type { Clock, OutboxRow, Store } from './ports.ts'
import { clientOfLogoutService, PROVIDER } from './provider-service.ts'

export type ServiceHandle = { name: string; manages: SubjectKind; service: Service }
/** `removal`: it takes access away, from a subject whose access is `none` or that is not known here. */
export type Change = { name: Name; from: Row | null; to: Row | null; removal: boolean }
export type Plan = { service: string; subjects: number; changes: Change[] }

type Deps = {
  store: Store
  services: readonly ServiceHandle[]
  /** Services whose files another machine writes: their rows wait for the Schedar there. */
  elsewhere: ReadonlySet<string>
  subject: (kind: SubjectKind, name: Name) => Promise<Subject | undefined>
  /** Send a logout token; throws when the client did not acknowledge it. */
  sendLogout: (clientId: string, accountId: string, sid: string, signal: AbortSignal) => Promise<void>
  clock: Clock
  log: Log
  guard: GuardRule
  /** This instance, and which others are known to be dead. */
  owner: string
  isDead: (owner: string) => boolean
  /** Told of each effect acknowledged, with the milliseconds since its fact was committed. */
  onDone?: (done: { service: string; effect: OutboxRow['effect']; ms: number }) => void
}

const LEASE_MS = 15_000
const STEP_MS = 10_000
const BATCH = 500
const SUSPENSION_RETRY_MS = 4_000
const LONGEST_RETRY_MS = 300_000

/** Milliseconds until the next try: doubling from 250; a pending suspension is never left for longer than 4 s. */
export const retryAfter = (tries: number, suspension: boolean): number =>
  Math.min(250 * 2 ** Math.min(tries, 20), suspension ? SUSPENSION_RETRY_MS : LONGEST_RETRY_MS)

/** What one service should hold for these names, beside what it holds. */
async function compare(
  { manages, service }: ServiceHandle,
  names: readonly Name[],
  subject: Deps['subject'],
  signal: AbortSignal,
): Promise<{ changes: Change[]; refused: Name[] }> {
  const [observed, desired] = await Promise.all([
    service.observe(names, signal),
    Promise.all(names.map((name) => subject(manages, name))),
  ])
  const rows = names.map((name, at): Change => {
    const wanted = desired[at]
    return {
      name,
      from: observed.get(name) ?? null,
      to: wanted ? service.render(wanted) : null,
      removal: !wanted || wanted.access === 'none',
    }
  })
  return {
    changes: rows.filter(({ from, to }) => !isDeepStrictEqual(from, to)),
    refused: names.filter((_, at) => desired[at]?.access === 'none'),
  }
}

const asMap = (changes: readonly Change[]) => new Map(changes.map(({ name, to }) => [name, to]))

export type Reconciler = {
  /** Work off what is due, now and whenever it becomes due, until `stop`. */
  start(): void
  wake(): void
  /** Work off everything that is due now, once. */
  drain(): Promise<void>
  /** Ends; what is under way may take `graceMs` more. */
  stop(graceMs?: number): Promise<void>
  plan(service: string, signal?: AbortSignal): Promise<Plan>
  /** Apply a plan. Throws `removals_held` when the guard holds its removals and `confirmed` is not set; the rest is applied. */
  apply(plan: Plan, confirmed: boolean, signal?: AbortSignal): Promise<number>
}

export function createReconciler(deps: Deps): Reconciler {
  const { store, services, clock, log } = deps
  const working = new Map<string, Promise<void>>()
  const calledAgain = new Set<string>()
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let seen: number | undefined

  const done = (rows: readonly OutboxRow[]) => {
    for (const { service, effect, createdAt } of rows) deps.onDone?.({ service, effect, ms: clock.now() - createdAt })
  }

  const failed = async (rows: readonly OutboxRow[], error: unknown, suspension: boolean): Promise<void> => {
    const reason = error instanceof AppError ? (error.detail ?? error.code) : String((error as Error).message ?? error)
    const tries = Math.min(...rows.map((row) => row.tries))
    log.warn('service.retry', { service: rows[0]!.service, subjects: rows.length, tries, reason })
    await store.outbox.retry(
      rows.map((row) => row.id),
      reason,
      clock.now() + retryAfter(tries, suspension),
    )
  }

  /** Rows: compare and apply; then, for the refused, sessions follow as effects of their own, committed with the acknowledgement. */
  async function settleRows(
    handle: ServiceHandle,
    rows: readonly OutboxRow[],
    signal: AbortSignal,
  ): Promise<OutboxRow[]> {
    const names = [...new Set(rows.map((row) => row.subject))]
    const { changes, refused } = await compare(handle, names, deps.subject, signal)
    if (changes.length > 0) await handle.service.apply(asMap(changes), signal)
    const ids = rows.map((row) => row.id)
    if (!handle.service.endSessions || refused.length === 0) {
      await store.outbox.acknowledge(ids)
      return []
    }
    const again = handle.service.endSessionsAgainAfterMs
    await store.transaction(async (stores) => {
      for (const { id, service, subject, cause, createdAt } of rows.filter((row) => refused.includes(row.subject))) {
        const effect = { service, subject, payload: { row: String(id) }, cause, createdAt }
        await stores.outbox.add([
          { ...effect, effect: 'sessions', dueAt: clock.now() },
          ...(again ? [{ ...effect, effect: 'sessions_again' as const, dueAt: clock.now() + again }] : []),
        ])
      }
      await stores.outbox.acknowledge(ids)
    })
    return (await store.outbox.due(handle.name, clock.now(), BATCH)).filter((row) => row.effect === 'sessions')
  }

  async function settleSessions(handle: ServiceHandle, rows: readonly OutboxRow[], signal: AbortSignal): Promise<void> {
    await handle.service.endSessions?.([...new Set(rows.map((row) => row.subject))], signal)
    await store.outbox.acknowledge(rows.map((row) => row.id))
    done(rows)
  }

  async function settleService(handle: ServiceHandle, due: readonly OutboxRow[]): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(STEP_MS)])
    const rows = due.filter((row) => row.effect === 'row')
    let sessions = due.filter((row) => row.effect !== 'row')
    if (rows.length > 0) {
      try {
        sessions = [...sessions, ...(await settleRows(handle, rows, signal))]
        done(rows)
      } catch (error) {
        // One name that the service refuses must not hold up the others of its batch.
        if (rows.length > 1 && error instanceof AppError && error.code === 'invalid_value') {
          for (const row of rows) await settleService(handle, [row])
          return
        }
        const subjects = await Promise.all(
          rows.map((row) => deps.subject(handle.manages, row.subject).catch(() => undefined)),
        )
        await failed(
          rows,
          error,
          subjects.some((subject) => subject?.access === 'none'),
        )
      }
    }
    if (sessions.length > 0)
      await settleSessions(handle, sessions, signal).catch((error) => failed(sessions, error, true))
  }

  async function settleLogouts(clientId: string, rows: readonly OutboxRow[]): Promise<void> {
    await Promise.all(
      rows.map(async (row) => {
        try {
          // After the session's own end there is nothing left at the client to log out of.
          if (Number(row.payload.expiresAt) > clock.now())
            await deps.sendLogout(clientId, row.subject, row.payload.sid ?? '', stopping.signal)
          await store.outbox.acknowledge([row.id])
          done([row])
        } catch (error) {
          await failed([row], error, true)
        }
      }),
    )
  }

  async function settle(name: string, due: readonly OutboxRow[]): Promise<void> {
    const clientId = clientOfLogoutService(name)
    const handle = services.find((service) => service.name === name)
    if (clientId !== undefined) await settleLogouts(clientId, due)
    else if (handle) await settleService(handle, due)
    // The service was taken out of schedar.yaml: nobody is left to tell.
    else await store.outbox.acknowledge(due.map((row) => row.id))
  }

  const held = async (name: string): Promise<boolean> =>
    name !== PROVIDER && (await store.settings.get('writes_held')) !== undefined

  /** Works off one service until nothing is due, while the lease is ours. */
  async function work(name: string): Promise<void> {
    if (deps.elsewhere.has(name) || (await held(name))) return
    const dead = (await store.outbox.leaseOwners()).filter(deps.isDead)
    while (
      !stopping.signal.aborted &&
      (await store.outbox.lease(name, deps.owner, clock.now(), clock.now() + LEASE_MS, dead))
    ) {
      const due = await store.outbox.due(name, clock.now(), BATCH)
      if (due.length === 0) break
      await settle(name, due)
    }
    await store.outbox.lease(name, deps.owner, clock.now(), null)
  }

  /** Works on a service unless that is under way; what came in meanwhile is looked at once more. */
  async function begin(name: string): Promise<void> {
    const running = working.get(name)
    if (running) {
      calledAgain.add(name)
      return running
    }
    const run = work(name).catch((error: unknown) =>
      log.error('reconcile.failed', { service: name, error: String(error) }),
    )
    working.set(name, run)
    await run
    working.delete(name)
    if (calledAgain.delete(name)) await begin(name)
  }

  const drain = async (): Promise<void> => {
    if (stopping.signal.aborted) return
    await Promise.all((await store.outbox.dueServices(clock.now())).map(begin))
  }

  const attempts = new Set<Promise<void>>()
  const attempt = (): void => {
    const attempted = drain().catch((error: unknown) => log.error('reconcile.failed', { error: String(error) }))
    attempts.add(attempted)
    void attempted.then(() => attempts.delete(attempted))
  }

  /** Another process's commit shows as a new revision (SQLite) or is looked for (MariaDB); retries come due by time. */
  function poll(everyMs: number, at: Instant): void {
    const revision = store.revision()
    if (revision === undefined || revision !== seen || clock.now() - at > 250) {
      seen = revision
      at = clock.now()
      attempt()
    }
    timer = setTimeout(poll, everyMs, everyMs, at)
    timer.unref()
  }

  const handleOf = (name: string): ServiceHandle => {
    const handle = services.find((service) => service.name === name)
    if (!handle)
      throw new AppError('not_found', {
        detail: `there is no service ${name}; schedar.yaml has: ${services.map((service) => service.name).join(', ')}`,
      })
    return handle
  }

  return {
    start: () => poll(store.revision() === undefined ? 200 : 25, 0),
    wake: attempt,
    drain,
    async stop(graceMs = 0) {
      clearTimeout(timer)
      // What was just woken may finish; what takes longer is in the outbox for whoever comes next.
      await Promise.race([Promise.all(attempts), new Promise((resolve) => setTimeout(resolve, graceMs))])
      stopping.abort()
      await Promise.all(attempts)
      await Promise.allSettled(working.values())
    },

    async plan(name, signal = stopping.signal) {
      const handle = handleOf(name)
      const known = new Set<Name>()
      const changes: Change[] = []
      const look = async (names: Name[]) => {
        changes.push(...(await compare(handle, names, deps.subject, signal)).changes)
      }
      for await (const names of pages(
        (after) => store.subjects.names(handle.manages, after, BATCH),
        (name) => name,
      )) {
        for (const subject of names) known.add(subject)
        await look(names)
      }
      const orphans: Name[] = []
      for await (const found of handle.service.list?.(signal) ?? []) if (!known.has(found)) orphans.push(found)
      if (orphans.length > 0) await look(orphans)
      return { service: name, subjects: known.size, changes }
    },

    async apply(plan, confirmed, signal = stopping.signal) {
      const handle = handleOf(plan.service)
      const removals = plan.changes.filter((change) => change.removal)
      const hold = !confirmed && tooMany({ removals: removals.length, of: plan.subjects }, deps.guard)
      const changes = hold ? plan.changes.filter((change) => !change.removal) : plan.changes
      for (let from = 0; from < changes.length; from += BATCH) {
        const batch = changes.slice(from, from + BATCH)
        // Facts may have changed since the plan was made: what is applied is what is right now.
        const { changes: now, refused } = await compare(
          handle,
          batch.map((change) => change.name),
          deps.subject,
          signal,
        )
        if (now.length > 0) await handle.service.apply(asMap(now), signal)
        if (refused.length > 0) await handle.service.endSessions?.(refused, signal)
      }
      if (hold)
        throw new AppError('removals_held', {
          detail: `${plan.service}: ${removals.length} of ${plan.subjects} would lose access; look at the plan, then confirm with --force`,
        })
      return changes.length
    },
  }
}
