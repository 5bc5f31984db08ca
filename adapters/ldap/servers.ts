// The ordered list of servers. Work goes to the first that is well; a server that cannot be reached, is silent or says
// "busy" (51) or "unavailable" (52) is passed over for a while. Any other answer is an answer: above all a refused
// password (49) is never tried elsewhere.
import { AppError } from '../../src/domain/errors.ts'
import type { Clock } from '../../src/ports.ts'
import { asAppError, describe, isOutage } from './result.ts'
import type { Server } from './server.ts'

export type Log = Record<'info' | 'warn', (event: string, details?: Record<string, unknown>) => void>

/** `provider`: only the first server, which holds the newest passwords and takes writes. */
export type Whom = 'any' | 'provider'

export type Servers = {
  /** Throws `directory_unavailable` when no server answers, or the signal fires first. */
  run<T>(doing: string, signal: AbortSignal, work: (server: Server) => Promise<T>, whom?: Whom): Promise<T>
  all: readonly Server[]
  close(): Promise<void>
}

export function openServers(
  all: readonly [Server, ...Server[]],
  retryAfterMs: number,
  clock: Clock,
  log: Log,
): Servers {
  /** Those that are well first. One whose time is up counts as well for this caller, who finds out for the others. */
  const inOrder = (): Server[] => {
    const now = clock.now()
    const well = (server: Server) => server.health.downUntil <= now
    const order = [...all.filter(well), ...all.filter((server) => !well(server))]
    const probed = order.find((server) => server.health.downUntil > 0 && well(server))
    if (probed) probed.health.downUntil = now + retryAfterMs
    return order
  }

  const down = (server: Server, error: unknown) => {
    const now = clock.now()
    server.health.downUntil = now + retryAfterMs
    if (server.health.toldUntil > now) return
    server.health.toldUntil = now + retryAfterMs
    log.warn('directory.server_down', { url: server.url, detail: describe(error) })
  }
  const up = (server: Server) => {
    if (server.health.downUntil === 0) return
    server.health.downUntil = 0
    server.health.toldUntil = 0
    log.info('directory.server_back', { url: server.url })
  }

  const tryEach = async <T>(
    doing: string,
    signal: AbortSignal,
    work: (server: Server) => Promise<T>,
    whom: Whom,
  ): Promise<T> => {
    const failures: string[] = []
    for (const server of whom === 'provider' ? [all[0]] : inOrder()) {
      if (signal.aborted) break
      try {
        const value = await work(server)
        up(server)
        return value
      } catch (error) {
        if (!isOutage(error)) throw asAppError(doing, error)
        down(server, error)
        failures.push(`${server.url}: ${describe(error)}`)
      }
    }
    throw new AppError('directory_unavailable', {
      detail: `${doing}: ${failures.join('; ') || 'given up before it began'}`,
    })
  }

  return {
    all,
    run: (doing, signal, work, whom = 'any') => orAborted(doing, signal, tryEach(doing, signal, work, whom)),
    close: async () => {
      await Promise.all(all.map((server) => server.close()))
    },
  }
}

/**
 * Stop waiting when the signal fires. The work itself goes on to its own time-out: a caller in a hurry must not keep
 * everybody from learning that a server is silent.
 */
export async function orAborted<T>(doing: string, signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const giveUp = () =>
    reject(new AppError('directory_unavailable', { detail: `${doing}: no answer in time`, cause: signal.reason }))
  if (signal.aborted) giveUp()
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** Before a write: whoever asked for it may have given up meanwhile, and must not find it done later. */
export function stillWanted(doing: string, signal: AbortSignal): void {
  if (signal.aborted)
    throw new AppError('directory_unavailable', { detail: `${doing}: given up before it began`, cause: signal.reason })
}
