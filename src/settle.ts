// Working off effects: rows are compared and applied, live sessions ended, logout tokens sent. What is done is
// acknowledged, together with what follows from it; what fails is tried again. reconcile.ts says when, and who.
import { isDeepStrictEqual } from 'node:util'
import type { Log } from './core.ts'
import { AppError } from './domain/errors.ts'
import type { Name, Row, Service, Subject, SubjectKind } from './plugin.ts'
import type { Clock, OutboxRow, Store } from './ports.ts'
import { clientOfLogoutService } from './provider-service.ts'

export type ServiceHandle = { name: string; manages: SubjectKind; service: Service }
/** `removal`: it takes access away, from a subject whose access is `none` or that is not known here. */
export type Change = { name: Name; from: Row | null; to: Row | null; removal: boolean }

export type SettleDeps = {
  store: Store
  services: readonly ServiceHandle[]
  subjects: (kind: SubjectKind, names: readonly Name[]) => Promise<Map<Name, Subject>>
  /** Send a logout token; throws when the client did not acknowledge it. */
  sendLogout: (clientId: string, accountId: string, sid: string, signal: AbortSignal) => Promise<void>
  /** Whether a client is a site that is closed: it may lack what it needs to take a sign-out, and lets nobody in. */
  isClosedSite: (clientId: string) => Promise<boolean>
  /** Tell a client somebody's roles there as they are now; throws when it did not acknowledge them. */
  sendStatus: (clientId: string, accountId: string, signal: AbortSignal) => Promise<void>
  clock: Clock
  log: Log
  /** Told of each effect acknowledged, with the milliseconds since its fact was committed. */
  onDone?: (done: { service: string; effect: OutboxRow['effect']; ms: number }) => void
}

const SUSPENSION_RETRY_MS = 4_000
/** As long a lowered role is as pressing as a suspension: the client's own sessions end by themselves within a day. */
const STATUS_URGENT_MS = 86_400_000
const LONGEST_RETRY_MS = 300_000
/** A small site must not get three hundred logout tokens in one moment. */
const LOGOUTS_AT_ONCE = 10
/** How long rows wait for a service that schedar.yaml does not name: it may only have been taken out by mistake. */
const UNNAMED_MS = 7 * 86_400_000

/** Milliseconds until the next try: doubling from 250; a pending suspension is never left for longer than 4 s. */
export const retryAfter = (tries: number, suspension: boolean): number =>
  Math.min(250 * 2 ** Math.min(tries, 20), suspension ? SUSPENSION_RETRY_MS : LONGEST_RETRY_MS)

/** One who must have no access there: refused, or not known here at all. */
const isOut = (subject: Subject | undefined): boolean => !subject || subject.access === 'none'

/** What one service should hold for these names, beside what it holds. */
export async function compare(
  { manages, service }: ServiceHandle,
  names: readonly Name[],
  subjects: SettleDeps['subjects'],
  signal: AbortSignal,
): Promise<{ changes: Change[]; out: Name[] }> {
  const [observed, desired] = await Promise.all([service.observe(names, signal), subjects(manages, names)])
  const rows = names.map((name): Change => {
    const wanted = desired.get(name)
    return {
      name,
      from: observed.get(name) ?? null,
      to: wanted ? service.render(wanted) : null,
      removal: isOut(wanted),
    }
  })
  return {
    changes: rows.filter(({ from, to }) => !isDeepStrictEqual(from, to)),
    out: rows.filter(({ removal }) => removal).map(({ name }) => name),
  }
}

/** The service itself cannot be worked with: it is of no use to try with fewer names. */
const wholly = (error: unknown): boolean =>
  error instanceof AppError &&
  ['service_unavailable', 'storage_full', 'busy', 'database_unavailable'].includes(error.code)

type Failures = Map<Name, unknown>

/** Does the work for all names, and where that fails for each half, so that one name holds up no other; whom it failed for. */
async function piecewise(
  names: readonly Name[],
  work: (names: readonly Name[]) => Promise<void>,
  signal: AbortSignal,
): Promise<Failures> {
  if (names.length === 0) return new Map()
  try {
    await work(names)
    return new Map()
  } catch (error) {
    if (names.length === 1 || signal.aborted || wholly(error)) return new Map(names.map((name) => [name, error]))
    const middle = Math.ceil(names.length / 2)
    const first = await piecewise(names.slice(0, middle), work, signal)
    return new Map([...first, ...(await piecewise(names.slice(middle), work, signal))])
  }
}

/** What went wrong, in words. Of a request that failed Node says why in the cause only; of one without an answer, not who. */
export function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.detail ?? error.code
  const { name, message, cause } = error as NodeJS.ErrnoException
  if (name === 'TimeoutError') return 'no answer in time'
  const why = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : undefined
  return why === undefined ? String(message ?? error) : `${message} (${why})`
}

export function createSettler(deps: SettleDeps) {
  const { store, clock, log } = deps

  const done = (rows: readonly OutboxRow[]) => {
    for (const { service, effect, createdAt } of rows) deps.onDone?.({ service, effect, ms: clock.now() - createdAt })
  }

  /** Rows that failed, tried again together when they failed in the same way. */
  async function retry(rows: readonly OutboxRow[], reason: string, suspension: boolean): Promise<void> {
    const [first] = rows
    if (!first) return
    const tries = Math.min(...rows.map((row) => row.tries))
    log.warn('service.retry', { service: first.service, subjects: rows.length, tries, reason })
    const ids = rows.map((row) => row.id)
    await store.outbox.retry(ids, reason, clock.now() + retryAfter(tries, suspension))
  }

  async function retryFailed(handle: ServiceHandle, rows: readonly OutboxRow[], failures: Failures): Promise<void> {
    const failed = rows.filter((row) => failures.has(row.subject))
    const names = [...new Set(failed.map(({ subject }) => subject))]
    // Nobody knows who is out while the database cannot be read: a suspension may be among them.
    const subjects = await deps.subjects(handle.manages, names).catch(() => new Map<Name, Subject>())
    const groups = Map.groupBy(failed, (row) =>
      JSON.stringify([isOut(subjects.get(row.subject)), reasonOf(failures.get(row.subject))]),
    )
    for (const [key, group] of groups) {
      const [suspension, reason] = JSON.parse(key) as [boolean, string]
      await retry(group, reason, suspension)
    }
  }

  /** Brings subjects to what they should be now; those of them that are out, and those that could not be brought there. */
  async function bring(
    handle: ServiceHandle,
    names: readonly Name[],
    signal: AbortSignal,
  ): Promise<{ out: Set<Name>; failures: Failures }> {
    const out = new Set<Name>()
    const work = async (some: readonly Name[]) => {
      const found = await compare(handle, some, deps.subjects, signal)
      const changes = new Map(found.changes.map(({ name, to }) => [name, to]))
      if (changes.size > 0) await handle.service.apply(changes, signal)
      for (const name of found.out) out.add(name)
    }
    return { failures: await piecewise(names, work, signal), out }
  }

  type Kick = Pick<OutboxRow, 'subject' | 'cause' | 'createdAt'>

  /** Live sessions end by effects of their own, committed with what they follow from: a crash in between loses none. */
  async function kickAnd(
    handle: ServiceHandle,
    kicks: readonly Kick[],
    acknowledged: readonly OutboxRow[],
  ): Promise<void> {
    const ids = acknowledged.map((row) => row.id)
    if (!handle.service.endSessions || kicks.length === 0) return store.outbox.acknowledge(ids)
    const again = handle.service.endSessionsAgainAfterMs
    const at = clock.now()
    await store.transaction(async (stores) => {
      await stores.outbox.add(
        kicks.flatMap(({ subject, cause, createdAt }) => {
          const effect = { service: handle.name, subject, payload: {}, cause, createdAt }
          return [
            { ...effect, effect: 'sessions' as const, dueAt: at },
            ...(again ? [{ ...effect, effect: 'sessions_again' as const, dueAt: at + again }] : []),
          ]
        }),
      )
      await stores.outbox.acknowledge(ids)
    })
  }

  async function settleRows(handle: ServiceHandle, rows: readonly OutboxRow[], signal: AbortSignal): Promise<void> {
    const bySubject = new Map(rows.toReversed().map((row) => [row.subject, row]))
    const { out, failures } = await bring(handle, [...bySubject.keys()], signal)
    const brought = rows.filter((row) => !failures.has(row.subject))
    const kicks = [...bySubject.values()].filter((row) => out.has(row.subject) && !failures.has(row.subject))
    await kickAnd(handle, kicks, brought)
    done(brought)
    await retryFailed(handle, rows, failures)
  }

  async function settleSessions(handle: ServiceHandle, rows: readonly OutboxRow[], signal: AbortSignal): Promise<void> {
    const names = [...new Set(rows.map((row) => row.subject))]
    const subjects = await deps.subjects(handle.manages, names)
    // Whoever was let in again meanwhile is not thrown out.
    const out = names.filter((name) => isOut(subjects.get(name)))
    const failures = await piecewise(out, async (some) => handle.service.endSessions?.(some, signal), signal)
    const ended = rows.filter((row) => !failures.has(row.subject))
    await store.outbox.acknowledge(ended.map((row) => row.id))
    done(ended)
    await retryFailed(handle, rows, failures)
  }

  async function settleLogout(clientId: string, row: OutboxRow, signal: AbortSignal): Promise<void> {
    try {
      // After the session's own end there is nothing left at the client to log out of.
      if (Number(row.payload.expiresAt) > clock.now())
        await deps.sendLogout(clientId, row.subject, row.payload.sid ?? '', signal)
      await store.outbox.acknowledge([row.id])
      done([row])
    } catch (error) {
      const isClosed = await deps.isClosedSite(clientId)
      const reason = reasonOf(error)
      await retry([row], isClosed ? `the site is closed, and is told when it opens: ${reason}` : reason, !isClosed)
    }
  }

  async function settleStatus(clientId: string, row: OutboxRow, signal: AbortSignal): Promise<void> {
    try {
      await deps.sendStatus(clientId, row.subject, signal)
      await store.outbox.acknowledge([row.id])
      done([row])
    } catch (error) {
      await retry([row], reasonOf(error), clock.now() - row.createdAt < STATUS_URGENT_MS)
    }
  }

  async function settleUnnamed(rows: readonly OutboxRow[]): Promise<void> {
    const old = rows.filter((row) => clock.now() - row.createdAt > UNNAMED_MS)
    const young = rows.filter((row) => !old.includes(row))
    await store.outbox.acknowledge(old.map((row) => row.id))
    const ids = young.map((row) => row.id)
    const reason = 'schedar.yaml did not name this service when schedar serve was started: restart it if it does now'
    await store.outbox.retry(ids, reason, clock.now() + LONGEST_RETRY_MS)
  }

  return {
    bring,
    kickAnd,
    /** Works off some rows of one service, until the signal says no. */
    async settle(name: string, rows: readonly OutboxRow[], signal: AbortSignal): Promise<void> {
      const clientId = clientOfLogoutService(name)
      if (clientId !== undefined) {
        for (let from = 0; from < rows.length && !signal.aborted; from += LOGOUTS_AT_ONCE)
          await Promise.all(
            rows
              .slice(from, from + LOGOUTS_AT_ONCE)
              .map((row) => (row.effect === 'status' ? settleStatus : settleLogout)(clientId, row, signal)),
          )
        return
      }
      const handle = deps.services.find((service) => service.name === name)
      if (!handle) return settleUnnamed(rows)
      const changes = rows.filter((row) => row.effect === 'row')
      const sessions = rows.filter((row) => row.effect !== 'row')
      if (changes.length > 0) await settleRows(handle, changes, signal)
      if (sessions.length > 0) await settleSessions(handle, sessions, signal)
    },
  }
}
