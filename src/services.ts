// The services of schedar.yaml, opened by their plugins: each with its parts, and the doors that they serve.
import { hostname } from 'node:os'
import type { Core, Log } from './core.ts'
import { AppError } from './domain/errors.ts'
import { isSameHost } from './domain/names.ts'
import type { DoorHost, Host, MailQueue, Plugin, ServedDoors, Service } from './plugin.ts'
import { loadPlugin, pluginConfig } from './plugins.ts'
import type { Clock, Store } from './ports.ts'
import type { ServiceHandle } from './reconcile.ts'
import type { Environment } from './secrets.ts'
import { sharedCounters } from './usecases/counters.ts'
import { doorFacts, mayTry } from './usecases/door-facts.ts'
import { loginAtDoor, type SayWhy } from './usecases/login-at-door.ts'
import type { QuarantineLetters } from './usecases/tell-quarantine.ts'

/** `name`: that of schedar.yaml, or `service.part`. */
export type OpenService = ServiceHandle & { plugin: string; config: unknown }
/** One entry of schedar.yaml. */
export type OpenPlugin = { name: string; plugin: Plugin; config: unknown; host: Host; queue?: MailQueue }

/** A message is in the queue for five days at most (postconf(5), maximal_queue_lifetime). */
const QUEUED_MS = 5 * 86_400_000
const QUEUED = 10_000

type Deps = {
  services: Readonly<Record<string, { plugin: string } & Record<string, unknown>>>
  env: Environment
  /** Of schedar.yaml. */
  folder: string
  dataDir: string
  store: Store
  clock: Clock
  log: Log
}

const hostOf = ({ dataDir, store, clock, log }: Deps, name: string): Host => ({
  dataDir,
  log: (level, event, details) => log[level](event, { service: name, ...details }),
  now: () => clock.now(),
  queueIdsOf: async (login) =>
    (await store.outgoing.list({ login, sinceAt: clock.now() - QUEUED_MS, limit: QUEUED }))
      .filter(({ service }) => service === name)
      .map(({ queueId }) => queueId),
})

/** Everything that schedar.yaml names; `elsewhere`: what another machine drives. Throws `invalid_value`. */
export async function openServices(deps: Deps): Promise<{
  services: OpenService[]
  opened: OpenPlugin[]
  elsewhere: Set<string>
}> {
  const services: OpenService[] = []
  const opened: OpenPlugin[] = []
  const elsewhere = new Set<string>()
  for (const [name, given] of Object.entries(deps.services)) {
    const plugin = await loadPlugin(given.plugin)
    const config = pluginConfig(name, plugin, given, deps.env, deps.folder)
    const host = hostOf(deps, name)
    if (plugin.examine && !plugin.open) {
      opened.push({ name, plugin, config, host })
      continue
    }
    if (!plugin.open || !plugin.manages)
      throw new AppError('invalid_value', {
        detail: `services.${name}: the plugin ${given.plugin} only makes kits; take it out of services`,
      })
    const about = { plugin: given.plugin, config }
    const isElsewhere = typeof given.host === 'string' && !isSameHost(given.host, hostname())
    const add = (as: string, manages: ServiceHandle['manages'], service: unknown) => {
      services.push({ name: as, manages, service: service as Service, ...about })
      if (isElsewhere) elsewhere.add(as)
    }
    add(name, plugin.manages, await plugin.open(config, host))
    for (const [part, { manages, open }] of Object.entries(plugin.parts ?? {}))
      add(`${name}.${part}`, manages, await open(config, host))
    opened.push({ name, plugin, config, host, ...(plugin.queue && { queue: plugin.queue(config, host) }) })
  }
  return { services, opened, elsewhere }
}

/** Opens the inbound doors of every plugin that is driven from this machine. */
export async function serveDoors(
  core: Core,
  { opened, elsewhere }: { opened: readonly OpenPlugin[]; elsewhere: ReadonlySet<string> },
  { sayWhy, letters }: { sayWhy: SayWhy; letters: QuarantineLetters },
): Promise<ServedDoors> {
  const served: ServedDoors[] = []
  const close = async () => void (await Promise.allSettled(served.map((doors) => doors.close())))
  for (const { name, plugin, config, host } of opened) {
    if (!plugin.serve || elsewhere.has(name)) continue
    const facts = doorFacts(core, name, letters)
    const doorHost: DoorHost = {
      ...host,
      login: loginAtDoor(core, sayWhy),
      mayTry: mayTry(core),
      take: sharedCounters(core),
      report: facts.report,
    }
    try {
      const doors = await plugin.serve(config, doorHost)
      served.push({
        ...doors,
        close: async () => {
          await doors.close()
          await facts.close()
        },
      })
      core.log.info('doors.open', { service: name, addresses: doors.addresses })
    } catch (error) {
      await close()
      throw error
    }
  }
  return { addresses: served.flatMap(({ addresses }) => addresses), close }
}
