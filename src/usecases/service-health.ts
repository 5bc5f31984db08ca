// How the services do: what each still has to be told, since when, why not yet, and when it is tried again.
import type { Core } from '../core.ts'
import type { Instant } from '../domain/time.ts'
import type { SubjectKind } from '../plugin.ts'
import type { OutboxRow } from '../ports.ts'
import { clientOfLogoutService } from '../provider-service.ts'

export type Health = {
  service: string
  /** What it manages; `session` for the logouts of a client. */
  manages: SubjectKind | 'session'
  pending: number
  oldestAt?: Instant
  tries: number
  lastError?: string
  /** When the first of what failed is tried again. */
  dueAt?: Instant
}

/** As many rows are looked at; where there are more, numbers are of these, the oldest. */
export const LOOKED_AT = 5_000

const healthOf = (service: string, manages: Health['manages'], rows: readonly OutboxRow[]): Health => {
  const failed = rows.filter(({ lastError }) => lastError !== null)
  return {
    service,
    manages,
    pending: rows.length,
    tries: Math.max(0, ...failed.map(({ tries }) => tries)),
    ...(rows.length > 0 && { oldestAt: Math.min(...rows.map(({ createdAt }) => createdAt)) }),
    ...(failed.length > 0 && {
      lastError: failed.at(-1)!.lastError!,
      dueAt: Math.min(...failed.map(({ dueAt }) => dueAt)),
    }),
  }
}

/** Every service, and each client whose logouts wait; a second kick that is only waiting for its time is not counted. */
export const serviceHealth = async ({ store, services }: Pick<Core, 'store' | 'services'>): Promise<Health[]> => {
  const rows = await store.outbox.pending({ limit: LOOKED_AT })
  const counted = rows.filter(({ effect, lastError }) => effect !== 'sessions_again' || lastError !== null)
  const byService = Map.groupBy(counted, ({ service }) => service)
  const known = services.map(({ name, manages }) => healthOf(name, manages, byService.get(name) ?? []))
  const others = [...byService].filter(([name]) => services.every((service) => service.name !== name))
  return [
    ...known,
    ...others.map(([name, ofOne]) =>
      healthOf(name, clientOfLogoutService(name) === undefined ? 'account' : 'session', ofOne),
    ),
  ]
}
