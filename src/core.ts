// What a use case is given: everything the program knows of the world, built once in compose.ts. A use case is
// `(core: Core) => async (input) => …`; there is no container and no global.
import type { Config } from './config.ts'
import type { Doors } from './doors.ts'
import type { SubjectKind } from './plugin.ts'
import type { Clock, Directory, Mailer, NewAuditEntry, Passwords, Random, Store, Stores, Vault } from './ports.ts'

/** Structured logging: a short event name and its details; never a secret. */
export type Log = Record<
  'debug' | 'info' | 'warn' | 'error',
  (event: string, details?: Record<string, unknown>) => void
>

/** A service that is kept in step, as far as use cases need to know. */
export type ServiceName = { name: string; manages: SubjectKind }

export type Core = {
  config: Config
  store: Store
  doors: Doors
  directory: Directory
  mailer: Mailer
  clock: Clock
  random: Random
  vault: Vault
  passwords: Passwords
  log: Log
  services: readonly ServiceName[]
  /** Tell the reconciler that there is something in the outbox. Called after the commit. */
  wake(): void
}

/** Who does a thing: an account's id, `cli:<user>`, `clock`, or `system`. */
export type Actor = string

/** Append to the audit, inside the transaction of the fact. */
export const audit = (core: Pick<Core, 'clock' | 'random'>, stores: Stores, entry: NewAuditEntry): Promise<void> =>
  stores.audit.append(entry, core.clock.now(), core.random.token(16))

/** The same of many, one after the other. */
export const auditAll = (
  core: Pick<Core, 'clock' | 'random'>,
  stores: Stores,
  entries: readonly NewAuditEntry[],
): Promise<void> =>
  stores.audit.appendAll(entries.map((entry) => ({ entry, at: core.clock.now(), salt: core.random.token(16) })))
