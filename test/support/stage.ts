// The core without its pages, for tests of the reconciler and of use cases: a database, a clock that stands until it is moved, services
// that are folders, and as many instances on it as a test wants.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, migrate, openDatabase } from '../../adapters/sql/database.ts'
import { openStore } from '../../adapters/sql/index.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import { openVault } from '../../adapters/system/vault.ts'
import { parseConfig } from '../../src/config.ts'
import type { Core } from '../../src/core.ts'
import { defaultPolicy } from '../../src/domain/access.ts'
import { closedSites, type Doors, openDoors } from '../../src/doors.ts'
import type { Service } from '../../src/plugin.ts'
import type { Account, Clock, Organisation, Store } from '../../src/ports.ts'
import { PROVIDER, providerService } from '../../src/provider-service.ts'
import { createReconciler, type Reconciler, type ServiceHandle } from '../../src/reconcile.ts'
import type { SettleDeps } from '../../src/settle.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { type FileService, fileService } from './file-service.ts'

export type StandingClock = Clock & { advance(ms: number): void; set(instant: string): void }
export function standingClock(): StandingClock {
  let now = make.NOW
  return {
    now: () => now,
    advance: (ms) => {
      now += ms
    },
    set: (instant) => {
      now = Date.parse(instant)
    },
  }
}

export type Instance = {
  reconciler: Reconciler
  store: Store
  database: Database
  doors: Doors
  /** What a use case is given, as far as these tests go. */
  core: Core
  logged: { event: string; details: Record<string, unknown> }[]
  close(): Promise<void>
  /** Cut off from its database, as the kernel does to a process that is killed. It is not waited for. */
  kill(): void
}
export type InstanceOptions = {
  owner?: string
  clock?: Clock
  dead?: string[]
  elsewhere?: string[]
  sendLogout?: SettleDeps['sendLogout']
  sendStatus?: SettleDeps['sendStatus']
  onDone?: SettleDeps['onDone']
  /** The store that the reconciler sees, in place of the real one. */
  through?: (store: Store) => Store
  /** Leave services out of this instance's configuration. */
  without?: string[]
  /** A service closes sites. */
  sites?: boolean
}

export type Stage = {
  clock: StandingClock
  services: Record<string, FileService>
  open(options?: InstanceOptions): Promise<Instance>
  /** The first instance, through which people are added and suspended. */
  first: Instance
  person(): Promise<Account>
  suspend(id: string): Promise<void>
  restore(id: string): Promise<void>
  /** Queue what an account's services hold. */
  touch(...ids: string[]): Promise<void>
  close(): Promise<void>
}

export type StageOptions = {
  /** When services kick a second time, in milliseconds. */
  again?: number
  /** Instead of an SQLite file. */
  database?: string
}

/** `names`: the services, each managing accounts. */
export async function stage(
  names: readonly string[] = ['files'],
  { again, database: url }: StageOptions = {},
): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'schedar-stage-'))
  const clock = standingClock()
  const services = Object.fromEntries(
    names.map((name) => [name, fileService(join(folder, name), again === undefined ? {} : { again })]),
  )
  const opened = new Set<Instance>()
  const vault = openVault(systemRandom.token(32))

  async function open(options: InstanceOptions = {}): Promise<Instance> {
    const { owner = 'one', elsewhere = [], dead = [], without = [] } = options
    const database = openDatabase(url ?? `sqlite:${join(folder, 'schedar.db')}`)
    await migrate(database)
    const store = openStore(database)
    const doors = openDoors(store, defaultPolicy, clock)
    const handles: ServiceHandle[] = [
      { name: PROVIDER, manages: 'account', service: providerService({ store, doors, clock }) as Service },
      ...Object.entries(services)
        .filter(([name]) => !without.includes(name))
        .map(([name, { service }]) => ({ name, manages: 'account' as const, service: service as Service })),
    ]
    const logged: Instance['logged'] = []
    const note = (event: string, details: Record<string, unknown> = {}) => void logged.push({ event, details })
    const log = { debug: note, info: note, warn: note, error: note }
    const reconciler = createReconciler({
      store: options.through?.(store) ?? store,
      services: handles,
      elsewhere: new Set(elsewhere),
      subjects: doors.subjects,
      sendLogout: options.sendLogout ?? (async () => {}),
      isClosedSite: closedSites(store, doors, options.sites ? [{ manages: 'site' }] : []),
      sendStatus: options.sendStatus ?? (async () => {}),
      clock: options.clock ?? clock,
      log,
      guard: { share: 0.3, atLeast: 10 },
      owner,
      isDead: (other) => dead.includes(other),
      ...(options.onDone && { onDone: options.onDone }),
    })
    const core = {
      config: parseConfig(''),
      vault,
      store,
      doors,
      clock,
      random: systemRandom,
      log,
      services: handles.map(({ name, manages }) => ({ name, manages })),
      wake: () => {},
    } as unknown as Core
    const instance: Instance = {
      reconciler,
      store,
      database,
      doors,
      core,
      logged,
      async close() {
        await reconciler.stop()
        await store.close()
      },
      kill() {
        opened.delete(instance)
        database.sqlite!.handle.close()
      },
    }
    opened.add(instance)
    return instance
  }

  const first = await open()
  return {
    clock,
    services,
    open,
    first,
    async person() {
      const account = make.account()
      await first.store.accounts.add(account)
      return account
    },
    suspend: async (id) => {
      await suspend(first.core)({ target: { accountId: id }, reason: 'Essai', actor: 'test' })
    },
    restore: async (id) => {
      await restore(first.core)({ target: { accountId: id }, actor: 'test' })
    },
    touch: (...ids) =>
      first.store.outbox.add(
        ids.flatMap((id) =>
          names.map((name) => make.outboxRow(name, id, { createdAt: clock.now(), dueAt: clock.now() })),
        ),
      ),
    async close() {
      await Promise.allSettled([...opened].map((instance) => instance.close()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** An association of that time zone, set up. */
export async function setUp(on: Stage, timeZone = 'Europe/Brussels'): Promise<Organisation> {
  const organisation = make.organisation({ timeZone })
  await on.first.store.organisations.add(organisation)
  return organisation
}

/** A promise and what settles it. */
export function gate(): { opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
