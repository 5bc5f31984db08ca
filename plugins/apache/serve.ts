// Follows Apache's access logs, of several instances in one folder only one, and tells what each site sent.
import { hash } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isSameHost } from '../../src/domain/names.ts'
import type { DoorHost, ServedDoors } from '../../src/plugin.ts'
import { locked } from '../../src/plugin-files.ts'
import { followLog } from '../../src/plugin-log.ts'
import type { ApacheConfig } from './config.ts'
import { hoursIn } from './traffic.ts'

/** A line a second and a thousand are told in one piece: what is kept is hours. */
const POLL_MS = 15_000
/** A clock may be ahead a little. */
const AHEAD_MS = 3_600_000

async function follow(
  log: string,
  config: ApacheConfig,
  host: DoorHost,
  signal: AbortSignal,
  pollMs: number,
): Promise<void> {
  const name = `apache-log-${hash('sha256', log).slice(0, 12)}`
  const sites = new Map(
    Object.entries(config.aliases).flatMap(([site, names]) => names.map((one) => [one, site] as const)),
  )
  const onError = (error: unknown) => host.log('warn', 'apache.log_unread', { log, error: String(error) })
  await locked(join(host.dataDir, `${name}.lock`), signal, () =>
    followLog({
      log,
      position: { folder: host.dataDir, name },
      recall: () => undefined,
      async take(lines) {
        const hours = hoursIn(lines, (vhost) => sites.get(vhost) ?? vhost, host.now() + AHEAD_MS)
        await Promise.all(hours.map((hour) => host.report(hour)))
      },
      onError,
      signal,
      pollMs,
    }),
  ).catch((error: unknown) => {
    if (!signal.aborted) onError(error)
  })
}

export async function serve(config: ApacheConfig, host: DoorHost, pollMs = POLL_MS): Promise<ServedDoors> {
  if (config.host !== undefined && !isSameHost(config.host, hostname()))
    return { addresses: [], close: async () => undefined }
  const end = new AbortController()
  const following = config.accessLogs.map((log) => follow(log, config, host, end.signal, pollMs))
  return {
    addresses: config.accessLogs.map((log) => `log ${log}`),
    async close() {
      end.abort()
      await Promise.all(following)
    },
  }
}
