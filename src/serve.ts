// The server: listens, keeps services in step, runs the night, tends keys, follows an outside directory, and stops in good
// order.
import { once } from 'node:events'
import type { Server } from 'node:http'
import { Cron } from 'croner'
import { giveMemoryBack } from '../adapters/system/memory.ts'
import type { Installation } from './compose.ts'
import { AppError } from './domain/errors.ts'
import { setAccountClosed } from './usecases/accounts.ts'
import { tendKeys } from './usecases/keys.ts'
import { nightIsDue, nightly } from './usecases/nightly.ts'
import { syncDirectory } from './usecases/sync-directory.ts'
import { autoconfigRoutes } from './web/autoconfig.ts'
import { createHttpServer } from './web/server.ts'

const KEYS_MS = 2_000
const TEND_MS = 60_000
const SYNC_MS = 30_000
const SPIKES_MS = 3_600_000
/** How long it is remembered what went out. */
const OUTGOING_MS = 30 * 86_400_000
/** How long it is remembered what sites were asked for. */
const TRAFFIC_MS = 35 * 86_400_000
const FULL_SYNC_EVERY = 10
const STOP_MS = 10_000
const GRACE_MS = 2_000

/** Runs `work` again `everyMs` after it ended; a failure is logged and does not end the row. */
function repeat(everyMs: number, work: () => Promise<unknown>, failed: (error: unknown) => void): () => void {
  let timer: NodeJS.Timeout
  const turn = async () => {
    await work().catch(failed)
    timer = setTimeout(turn, everyMs)
    timer.unref()
  }
  timer = setTimeout(turn, everyMs)
  timer.unref()
  return () => clearTimeout(timer)
}

/** Removes what expired, some hundred rows at a time, so that no request waits for it. */
export async function sweepAll(installation: Installation): Promise<void> {
  const { store, clock } = installation.core
  await installation.uploads.sweep(clock.now() - 86_400_000)
  while ((await installation.sweep()) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  await store.tickets.sweep(clock.now() - 86_400_000)
  for (const open of [store.invitations, store.siteInvitations, store.registrations])
    await open.sweep(clock.now() - 30 * 86_400_000)
  await store.throttle.sweep(clock.now())
  while (await store.outgoing.sweep(clock.now() - OUTGOING_MS)) await new Promise((resolve) => setTimeout(resolve, 20))
  while (await store.traffic.sweep(clock.now() - TRAFFIC_MS)) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** The night's work, whole. */
export const nightOf = (installation: Installation) =>
  nightly(installation.core, installation.reconciler, () => sweepAll(installation), installation)

const SYNC_TIMEOUT_MS = 120_000

/** One pass over an outside directory: what changed, and now and then everyone. */
export const directorySync = ({ core }: Installation) =>
  syncDirectory({
    ...core,
    closeAccount: (account, reason) =>
      setAccountClosed(core)({ accountId: account.id, closed: true, reason, actor: 'directory' }),
    reopenAccount: (account) =>
      setAccountClosed(core)({
        accountId: account.id,
        closed: false,
        reason: 'back in the directory',
        actor: 'directory',
      }),
  })

function follow(installation: Installation): () => Promise<unknown> {
  const sync = directorySync(installation)
  let turn = 0
  return () => sync({ full: turn++ % FULL_SYNC_EVERY === 0, signal: AbortSignal.timeout(SYNC_TIMEOUT_MS) })
}

export type Running = { url: string; server: Server; stop(): Promise<void> }

/** Starts to listen; resolves when requests are answered. Throws when the address is taken. */
export async function serve(installation: Installation): Promise<Running> {
  const { core, reconciler, metrics } = installation
  const { config, log, store } = core
  const app = await installation.app()
  let callback = (await installation.provider()).callback()

  const ready = async () => {
    try {
      await store.check()
      return { status: 200, type: 'text/plain', body: 'ready\n' }
    } catch {
      return { status: 503, type: 'text/plain', body: 'the database cannot be reached\n' }
    }
  }
  const server = createHttpServer(config.issuer, config.trustedProxies, {
    provider: (request, response) => void callback(request, response),
    app: app.callback,
    machine: {
      '/health': async () => ({ status: 200, type: 'text/plain', body: 'alive\n' }),
      '/ready': ready,
      '/metrics': async () => ({
        status: 200,
        type: 'text/plain; version=0.0.4; charset=utf-8',
        body: await metrics.text(),
      }),
      ...autoconfigRoutes(core),
    },
    onRequest: metrics.request,
  })
  const doors = await installation.serveDoors()
  server.listen(config.listen.port, config.listen.host)
  // `once` throws what 'error' brings meanwhile.
  await once(server, 'listening').catch(async (cause: NodeJS.ErrnoException) => {
    await doors.close()
    throw new AppError('conflict', {
      detail: `cannot listen on ${config.listen.host}:${config.listen.port}: ${
        cause.code === 'EADDRINUSE'
          ? 'something else listens there; stop it, or set listen.port in schedar.yaml'
          : cause.code
      }`,
      cause,
    })
  })

  const failed = (event: string) => (error: unknown) => log.error(event, { error: String(error) })
  const swapKeys = async () => {
    if (await installation.reloadKeys()) callback = (await installation.provider()).callback()
  }
  const night = async () => {
    await nightOf(installation)()
    giveMemoryBack()
  }
  reconciler.start()
  const [organisation] = await store.organisations.all()
  const cron = new Cron(
    config.nightly,
    { timezone: organisation?.timeZone ?? 'Europe/Brussels', protect: true, catch: failed('nightly.failed') },
    night,
  )
  const stopTimers = [
    repeat(KEYS_MS, swapKeys, failed('keys.failed')),
    repeat(TEND_MS, () => Promise.all([tendKeys(core), sweepAll(installation)]), failed('tending.failed')),
    repeat(SPIKES_MS, installation.tellSpikes, failed('mail.spikes_failed')),
    repeat(TEND_MS, installation.tellQuarantines, failed('mail.quarantines_failed')),
    repeat(SPIKES_MS, installation.tellTraffic, failed('site.traffic_spikes_failed')),
    ...(core.directory.kind === 'own' ? [] : [repeat(SYNC_MS, follow(installation), failed('directory.sync_failed'))]),
  ]
  // Nights that were missed are made up for at once, beside the first requests.
  const first = async () => ((await nightIsDue(core)) ? night() : giveMemoryBack())
  first().catch(failed('nightly.failed'))
  const address = server.address() as { port: number }
  log.info('listening', { host: config.listen.host, port: address.port, issuer: config.issuer })

  return {
    url: `http://${config.listen.host}:${address.port}`,
    server,
    async stop() {
      for (const stop of stopTimers) stop()
      cron.stop()
      // Asked for before anything is awaited: an event that came meanwhile would be waited for in vain.
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      // Requests under way get their time; a connection that is merely open does not.
      await doors.close()
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())])
      server.closeAllConnections()
      await installation.close(GRACE_MS)
      log.info('stopped')
    },
  }
}
