// Plan, guard, apply, retry: the only place that can suspend by mistake. Services are worked in parallel, each by one
// instance at a time; what is not acknowledged is done again, so a kill at any instant loses nothing.
import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from './domain/errors.ts'
import { pages } from './domain/pages.ts'
import type { Instant } from './domain/time.ts'
import { type GuardRule, tooMany } from './guard.ts'
import type { Name } from './plugin.ts'
import type { OutboxRow } from './ports.ts'
import { clientOfLogoutService, PROVIDER } from './provider-service.ts'
import { type Change, compare, createSettler, reasonOf, type ServiceHandle, type SettleDeps } from './settle.ts'

export type { Change, ServiceHandle }
/** `subjects`: how many there are, with those that only the service knows. */
export type Plan = { service: string; subjects: number; changes: Change[] }

type Deps = SettleDeps & {
  /** Services whose files another machine writes: their rows wait for the Schedar there. */
  elsewhere: ReadonlySet<string>
  guard: GuardRule
  /** This instance, and which others are known to be dead. */
  owner: string
  isDead: (owner: string) => boolean
}

const LEASE_MS = 15_000
const STEP_MS = 10_000
const BATCH = 500
const POLL_MS = 250
/** As many are made due at once, at a start and when the clock went back. */
const HASTENED = 100_000

export type Reconciler = {
  /** Work off what is due, now and whenever it becomes due, until `stop`. */
  start(): void
  wake(): void
  /** Work off everything that is due now, once. */
  drain(): Promise<void>
  /** Ends; what is under way may take `graceMs` more. */
  stop(graceMs?: number): Promise<void>
  /** False for a service whose files another machine writes: the Schedar there plans and applies. */
  drives(service: string): boolean
  plan(service: string, signal?: AbortSignal): Promise<Plan>
  /**
   * Apply a plan; how many changes it had. Throws `removals_held` when the guard holds its removals and `confirmed` is not
   * set, and `service_unavailable` when the service did not take some; the rest is applied.
   */
  apply(plan: Plan, confirmed: boolean, signal?: AbortSignal): Promise<number>
}

/** Waits for the work, but no longer than so many milliseconds. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController()
  try {
    await Promise.race([work, pause(ms, undefined, { signal: done.signal })])
  } finally {
    done.abort()
  }
}

export function createReconciler(deps: Deps): Reconciler {
  const { store, services, clock, log } = deps
  const settler = createSettler(deps)
  const working = new Map<string, Promise<unknown>>()
  const calledAgain = new Set<string>()
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let seen: number | undefined

  /** One at a time on a service in this process. */
  async function alone<T>(name: string, task: () => Promise<T>): Promise<T> {
    while (working.has(name)) await working.get(name)
    const run = task()
    working.set(
      name,
      run.catch(() => {}),
    )
    try {
      return await run
    } finally {
      working.delete(name)
    }
  }

  /** True while the lease is ours. Once it ran out another one may have had it, even if it is free again. */
  type Hold = () => Promise<boolean>

  /** One instance at a time among all. Undefined, and nothing done, when another one has the service. */
  async function leased<T>(name: string, task: (hold: Hold) => Promise<T>): Promise<T | undefined> {
    const dead = (await store.outbox.leaseOwners()).filter(deps.isDead)
    let until = Number.POSITIVE_INFINITY
    const hold: Hold = async () => {
      const now = clock.now()
      const ours = now < until && (await store.outbox.lease(name, deps.owner, now, now + LEASE_MS, dead))
      until = ours ? now + LEASE_MS : Number.NEGATIVE_INFINITY
      return ours
    }
    if (!(await hold())) return undefined
    const beat = setInterval(() => void hold().catch(() => {}), LEASE_MS / 3)
    try {
      return await task(hold)
    } finally {
      clearInterval(beat)
      await store.outbox.lease(name, deps.owner, clock.now(), null)
    }
  }

  /**
   * When this process stood still for so long that another one took over, what it just wrote may be older than what that
   * one wrote: these subjects are looked at once more.
   */
  async function lookAgain(name: string, subjects: readonly Name[]): Promise<void> {
    const at = clock.now()
    const row = { service: name, effect: 'row', payload: {}, cause: 'drift', createdAt: at, dueAt: at } as const
    await store.outbox.add([...new Set(subjects)].map((subject) => ({ ...row, subject })))
  }

  const step = (signal: AbortSignal = stopping.signal): AbortSignal =>
    AbortSignal.any([signal, AbortSignal.timeout(STEP_MS)])

  const held = async (name: string): Promise<boolean> =>
    name !== PROVIDER && (await store.settings.get('writes_held')) !== undefined

  /** Works off one service until nothing is due, while the lease is ours. */
  async function work(name: string): Promise<void> {
    if (deps.elsewhere.has(name) || (await held(name))) return
    await leased(name, async (hold) => {
      for (;;) {
        const due =
          stopping.signal.aborted || (await held(name)) ? [] : await store.outbox.due(name, clock.now(), BATCH)
        if (due.length === 0) return
        await settler.settle(name, due, step())
        if (await hold()) continue
        const written = due.filter((row) => row.effect === 'row').map((row) => row.subject)
        return lookAgain(name, written)
      }
    })
  }

  /** Works on a service unless that is under way; what came in meanwhile is looked at once more. */
  async function begin(name: string): Promise<void> {
    if (working.has(name)) {
      calledAgain.add(name)
      await working.get(name)
      return
    }
    do {
      await alone(name, () => work(name)).catch((error: unknown) =>
        log.error('reconcile.failed', { service: name, error: String(error) }),
      )
    } while (calledAgain.delete(name))
    // What ended there queued its logout tokens: they go at once, whatever other services are at.
    if (name === PROVIDER) await beginDue((due) => clientOfLogoutService(due) !== undefined)
  }

  const beginDue = async (which: (name: string) => boolean): Promise<void> => {
    if (stopping.signal.aborted) return
    await Promise.all((await store.outbox.dueServices(clock.now())).filter(which).map(begin))
  }

  const drain = (): Promise<void> => beginDue(() => true)

  const attempts = new Set<Promise<void>>()
  function track(work: Promise<void>): void {
    const attempted = work.catch((error: unknown) => log.error('reconcile.failed', { error: String(error) }))
    attempts.add(attempted)
    void attempted.then(() => attempts.delete(attempted))
  }
  const attempt = (): void => track(drain())

  /** Makes due now what was put off. */
  async function hasten(which: (row: OutboxRow) => boolean = () => true): Promise<void> {
    const ids = (await store.outbox.pending({ limit: HASTENED })).filter(which).map(({ id }) => id)
    for (let from = 0; from < ids.length; from += BATCH)
      await store.outbox.retry(ids.slice(from, from + BATCH), undefined, clock.now())
    await drain()
  }

  /** Another process's commit shows as a new revision (SQLite) or is looked for (MariaDB); retries come due by time. */
  function poll(everyMs: number, at: Instant): void {
    timer = setTimeout(() => {
      let last = at
      try {
        // The clock went back: what was put off by some seconds must not wait until it is there again.
        if (clock.now() < at - POLL_MS) track(hasten())
        const revision = store.revision()
        if (revision === undefined || revision !== seen || Math.abs(clock.now() - at) > POLL_MS) {
          seen = revision
          last = clock.now()
          attempt()
        }
      } catch (error) {
        log.error('reconcile.failed', { error: String(error) })
      }
      poll(everyMs, last)
    }, everyMs)
    timer.unref()
  }

  function handleOf(name: string): ServiceHandle {
    const handle = services.find((service) => service.name === name)
    if (!handle)
      throw new AppError('not_found', {
        detail: `there is no service ${name}; schedar.yaml has: ${services.map((service) => service.name).join(', ')}`,
      })
    if (deps.elsewhere.has(name))
      throw new AppError('conflict', { detail: `${name} is driven by the Schedar on another machine: run this there` })
    return handle
  }

  /** One batch of a plan, as it is right now: facts may have changed since the plan was made. */
  async function applyBatch(handle: ServiceHandle, names: readonly Name[], signal: AbortSignal): Promise<unknown[]> {
    for (;;) {
      signal.throwIfAborted()
      const failures = await alone(handle.name, () =>
        leased(handle.name, async (hold) => {
          const { out, failures } = await settler.bring(handle, names, signal)
          const kicks = [...out].filter((name) => !failures.has(name))
          const at = clock.now()
          await settler.kickAnd(
            handle,
            kicks.map((subject) => ({ subject, cause: 'drift', createdAt: at })),
            [],
          )
          if (!(await hold())) await lookAgain(handle.name, names)
          return [...failures.values()]
        }),
      )
      if (failures) return failures
      // Another instance is at work on it.
      await pause(50)
    }
  }

  return {
    start() {
      // A restart is how a changed schedar.yaml, or a folder that was made, comes into force: what failed is tried at once.
      track(hasten(({ tries }) => tries > 0))
      poll(store.revision() === undefined ? 200 : 25, clock.now())
    },
    wake: attempt,
    drain,
    async stop(graceMs = 0) {
      clearTimeout(timer)
      // What was just woken may finish; what takes longer is in the outbox for whoever comes next.
      await within(graceMs, Promise.all(attempts))
      stopping.abort()
      // A service that does not heed the signal must not keep the process alive.
      await within(STEP_MS, Promise.all([...attempts, ...working.values()]))
    },
    drives: (name) => !deps.elsewhere.has(name),

    async plan(name, signal = stopping.signal) {
      const handle = handleOf(name)
      const known = new Set<Name>()
      const changes: Change[] = []
      const look = async (names: readonly Name[]) => {
        changes.push(...(await compare(handle, names, deps.subjects, signal)).changes)
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
      for (let from = 0; from < orphans.length; from += BATCH) await look(orphans.slice(from, from + BATCH))
      return { service: name, subjects: known.size + orphans.length, changes }
    },

    async apply(plan, confirmed, signal = stopping.signal) {
      const handle = handleOf(plan.service)
      const removals = plan.changes.filter((change) => change.removal)
      const hold = !confirmed && tooMany({ removals: removals.length, of: plan.subjects }, deps.guard)
      const changes = hold ? plan.changes.filter((change) => !change.removal) : plan.changes
      const failures: unknown[] = []
      for (let from = 0; from < changes.length; from += BATCH) {
        const names = changes.slice(from, from + BATCH).map((change) => change.name)
        failures.push(...(await applyBatch(handle, names, signal)))
      }
      attempt()
      if (failures.length > 0)
        throw new AppError('service_unavailable', {
          detail: `${plan.service}: ${failures.length} of ${changes.length} changes failed: ${reasonOf(failures[0])}`,
          cause: failures[0],
        })
      if (hold)
        throw new AppError('removals_held', {
          detail: `${plan.service}: ${removals.length} of ${plan.subjects} would lose access; look at the plan, then confirm with --force`,
        })
      return changes.length
    },
  }
}
