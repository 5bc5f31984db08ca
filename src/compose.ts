// The only file that knows every adapter: it reads the configuration and puts the program together. The command line
// opens an installation for one command; the server keeps one open (serve.ts).
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Provider } from 'oidc-provider'
import { ldapConfig, openLdapDirectory } from '../adapters/ldap/index.ts'
import { siteProbe } from '../adapters/net/site-probe.ts'
import { fileMailer, smtpMailer } from '../adapters/smtp/index.ts'
import { type Database, databaseError, migrate, openDatabase } from '../adapters/sql/database.ts'
import { ownDirectory } from '../adapters/sql/directory.ts'
import { openStore } from '../adapters/sql/index.ts'
import { oidcAdapter } from '../adapters/sql/oidc.ts'
import { sqlUploads } from '../adapters/sql/uploads.ts'
import { systemClock } from '../adapters/system/clock.ts'
import { openPasswords } from '../adapters/system/passwords.ts'
import { systemRandom } from '../adapters/system/random.ts'
import { openVault } from '../adapters/system/vault.ts'
import type { Desk } from '../interactions/desk.ts'
import { createDuesLetters } from '../interactions/dues-letters.ts'
import { createPages, createProviderPages } from '../interactions/index.ts'
import type { Look } from '../interactions/layout.ts'
import { createLetters } from '../interactions/letters.ts'
import { createQuarantineLetters, createSayWhy, createSpikeLetter } from '../interactions/mail-letters.ts'
import { createTrafficLetter } from '../interactions/site-letters.ts'
import { type Config, parseConfig, problems } from './config.ts'
import type { Core, Log } from './core.ts'
import { AppError } from './domain/errors.ts'
import { closedSites, openDoors } from './doors.ts'
import { createLog, type LogStream } from './log.ts'
import type { ServedDoors, Service } from './plugin.ts'
import { loadPlugin, pluginNames } from './plugins.ts'
import type { Clock, Directory, Mailer, Organisation, Random, SigningKey, Store, Uploads } from './ports.ts'
import { PROVIDER, providerService } from './provider-service.ts'
import { createReconciler, type Reconciler, type ServiceHandle } from './reconcile.ts'
import { type Environment, resolveSecret, secretFile } from './secrets.ts'
import { type OpenPlugin, type OpenService, openServices, serveDoors } from './services.ts'
import type { Queues } from './usecases/held-messages.ts'
import type { Letters } from './usecases/invite.ts'
import { ensureKeys, openKey } from './usecases/keys.ts'
import { tellSpikes } from './usecases/mail-spikes.ts'
import type { HeldRemovals } from './usecases/nightly.ts'
import { createReminders, type ReminderReport } from './usecases/remind.ts'
import { tellHeld } from './usecases/tell-held.ts'
import { tellUntold } from './usecases/tell-quarantine.ts'
import { tellTraffic } from './usecases/traffic-spikes.ts'
import { type App, createApp } from './web/app.ts'
import { createAssets } from './web/assets.ts'
import { clientSource } from './web/clients.ts'
import { createHouse } from './web/house.ts'
import { createMetrics, type Metrics } from './web/metrics.ts'
import { createProvider, publishedKeys } from './web/provider.ts'
import { addressOf } from './web/server.ts'
import { siteSessions } from './web/site-sessions.ts'
import { sendStatus } from './web/status-token.ts'

export type Input = {
  /** schedar.yaml; when it is not there, the defaults hold. */
  file: string
  env: Environment
  log: { level?: Config['log']['level']; to: LogStream }
  clock?: Clock
  random?: Random
}

export type Installation = {
  core: Core
  reconciler: Reconciler
  letters: Letters
  /** One night's calls and reminders of dues. */
  remind: () => Promise<ReminderReport>
  /** Tells administrators that the guard began to hold a night's removals. */
  tellHeld: (held: HeldRemovals) => Promise<void>
  /** Tells of logins that were stopped and of which nobody was told. */
  tellQuarantines: () => Promise<void>
  uploads: Uploads
  /** Tells the association of logins and members that sent many times their usual; how many. */
  tellSpikes: () => Promise<number>
  /** Tells the association of sites that were asked for many times their usual; how many. */
  tellTraffic: () => Promise<number>
  metrics: Metrics
  dataDir: string
  database: Database
  /** Services of schedar.yaml that are driven from this machine; why the others are not. */
  elsewhere: ReadonlySet<string>
  services: readonly OpenService[]
  /** The plugins of schedar.yaml, each once. */
  opened: readonly OpenPlugin[]
  /** Those of mail servers, by service. */
  queues: Queues
  /** Opens what services ask while somebody signs in or sends. */
  serveDoors(): Promise<ServedDoors>
  provider(): Promise<Provider>
  app(): Promise<App>
  /** Read the signing keys again; true when the provider was made anew. */
  reloadKeys(): Promise<boolean>
  /** Remove expired rows of the provider in small batches; how many went. */
  sweep(): Promise<number>
  /** Closes everything; services that are being told something may take `graceMs` more. */
  close(graceMs?: number): Promise<void>
}

const OWN_FILES = fileURLToPath(new URL('../interactions/assets/', import.meta.url))

function readConfig(file: string): Config {
  try {
    return parseConfig(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return parseConfig('', file)
    throw error
  }
}

/** The database's URL with its password in place; a SQLite file is made with mode 0600 before anything is in it. */
function databaseUrl(config: Config, dataDir: string, folder: string, env: Environment): string {
  const { url, password } = config.database
  const path = /^sqlite:(.+)$/.exec(url ?? `sqlite:${join(dataDir, 'schedar.db')}`)?.[1]
  if (path === ':memory:') return 'sqlite::memory:'
  if (path) {
    const file = resolve(folder, path)
    try {
      closeSync(openSync(file, 'a', 0o600))
    } catch (cause) {
      throw new AppError('database_unavailable', {
        field: 'database.url',
        detail: `${file} cannot be opened: ${(cause as NodeJS.ErrnoException).code}`,
        cause,
      })
    }
    return `sqlite:${file}`
  }
  const parsed = URL.parse(url!)
  if (parsed?.password)
    throw new AppError('invalid_value', {
      field: 'database.url',
      detail: 'database.url: leave the password out and name it in database.password (file:… or env:…)',
    })
  if (parsed && password)
    parsed.password = encodeURIComponent(resolveSecret(password, 'database.password', env, folder))
  return parsed?.href ?? url!
}

async function openDirectory(
  config: Config,
  deps: { store: Store; passwords: Core['passwords']; clock: Clock; log: Log },
  env: Environment,
  folder: string,
): Promise<Directory> {
  const { kind, ...given } = config.directory
  if (kind === 'own')
    return ownDirectory({ credentials: deps.store.credentials, passwords: deps.passwords, clock: deps.clock })
  const parsed = ldapConfig.safeParse(given)
  if (!parsed.success)
    throw new AppError('invalid_value', {
      detail: problems(parsed.error, 'directory')
        .map((line) => `schedar.yaml: ${line}`)
        .join('\n'),
    })
  return openLdapDirectory(
    { ...parsed.data, password: resolveSecret(parsed.data.password, 'directory.password', env, folder) },
    { clock: deps.clock, log: deps.log },
  )
}

function openMailer(
  config: Config,
  dataDir: string,
  clock: Clock,
  log: Log,
  from: () => Promise<string>,
  env: Environment,
  folder: string,
): Mailer {
  const { url, user, password } = config.mail
  if (url)
    return smtpMailer({ url, user, password: password && resolveSecret(password, 'mail.password', env, folder), from })
  return fileMailer(join(dataDir, 'mail'), clock, from, (path, to) => log.info('mail.written', { path, to }))
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** An instance is known to be dead when it ran on this machine and its process is gone. */
const isDead = (owner: string): boolean => {
  const [host, pid] = owner.split('|')
  return host === hostname() && !alive(Number(pid))
}

/** Opens an installation: configuration, database (migrated), keys, directory, services. Nothing listens yet. */
export async function openInstallation({
  file,
  env,
  log: logging,
  clock = systemClock,
  random = systemRandom,
}: Input): Promise<Installation> {
  const config = readConfig(file)
  const folder = dirname(resolve(file))
  const dataDir = resolve(folder, config.dataDir)
  const log = createLog(logging.level ?? config.log.level, logging.to)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const vault = openVault(
    config.secretKey
      ? resolveSecret(config.secretKey, 'secretKey', env, folder)
      : secretFile(join(dataDir, 'secret.key'), () => random.token(32)),
  )
  const database = openDatabase(databaseUrl(config, dataDir, folder, env))
  try {
    const steps = await migrate(database)
    if (steps.length > 0) log.info('database.migrated', { steps: steps.length })
  } catch (error) {
    await database.close().catch(() => {})
    throw databaseError(error) ?? error
  }
  const store = openStore(database)
  const passwords = openPasswords()
  const doors = openDoors(store, config.access, clock)

  const organisation = async (): Promise<Pick<Organisation, 'name' | 'contactEmail' | 'timeZone'>> =>
    (await store.organisations.all())[0] ?? { name: 'Schedar', contactEmail: '', timeZone: 'Europe/Brussels' }
  const from = async (): Promise<string> => {
    const { name, contactEmail } = await organisation()
    return (
      config.mail.from ??
      `"${name.replace(/["\\]/g, '')}" <${contactEmail || `schedar@${new URL(config.issuer).hostname}`}>`
    )
  }

  const { services, opened, elsewhere } = await openServices({
    services: config.services,
    env,
    folder,
    dataDir,
    store,
    clock,
    log,
  })

  const metrics = createMetrics(store)
  const provided = providerService({ store, doors, clock })
  const handles: ServiceHandle[] = [{ name: PROVIDER, manages: 'account', service: provided as Service }, ...services]
  const reconciler = createReconciler({
    store,
    services: handles,
    elsewhere,
    subjects: doors.subjects,
    sendLogout: async (clientId, accountId, sid) => {
      const client = await (await provider()).Client.find(clientId)
      // A client that is gone, or that no longer listens, has nothing left to log out of.
      if (client?.backchannelLogoutUri) await client.backchannelLogout(accountId, sid)
    },
    isClosedSite: closedSites(store, doors, handles),
    sendStatus: (clientId, accountId, signal) => sendStatus(core, { clientId, accountId }, signal),
    clock,
    log,
    guard: config.guard,
    owner: [hostname(), process.pid, random.token(6)].join('|'),
    isDead,
    onDone: metrics.effect,
  })

  const core: Core = {
    config,
    store,
    doors,
    directory: await openDirectory(config, { store, passwords, clock, log }, env, folder),
    mailer: openMailer(config, dataDir, clock, log, from, env, folder),
    clock,
    random,
    vault,
    passwords,
    log,
    services: handles.map(({ name, manages }) => ({ name, manages })),
    wake: () => reconciler.wake(),
  }

  const adapter = oidcAdapter(database, { clock, clients: clientSource(store.clients, vault) })
  let running: { provider: Provider; keys: string } | undefined
  let app: App | undefined
  const uploads = sqlUploads(database, vault)
  const reminders = createReminders(core, createDuesLetters(config.issuer, organisation))
  const queues: Queues = new Map(opened.flatMap(({ name, queue }) => (queue ? [[name, queue]] : [])))
  const desk: Desk = {
    core,
    provider: () => running!.provider,
    house: createHouse(core, () => running!.provider),
    siteSessions: siteSessions(adapter('SiteSession'), clock, random),
    organisation,
    address: ({ req }) => addressOf(req),
    machinery: { reconciler, services, elsewhere, pluginNames, loadPlugin, queues },
    siteProbe: siteProbe(config.sites),
    uploads,
    remind: reminders.send,
  }
  const letters = createLetters(organisation)
  const quarantineLetters = createQuarantineLetters(config.issuer, organisation)

  const fingerprint = (keys: readonly SigningKey[]): string => keys.map(({ kid, state }) => `${kid} ${state}`).join()
  async function reloadKeys(): Promise<boolean> {
    const keys = running ? await store.keys.list() : await ensureKeys(core)
    if (running?.keys === fingerprint(keys)) return false
    const jwks = publishedKeys(keys, (key) => openKey(core, key))
    running = {
      provider: createProvider(
        core,
        adapter,
        jwks,
        createProviderPages(desk, () => app!),
      ),
      keys: fingerprint(keys),
    }
    return true
  }
  async function provider(): Promise<Provider> {
    if (!running) await reloadKeys()
    return running!.provider
  }

  async function openApp(): Promise<App> {
    await provider()
    if (app) return app
    const assets = createAssets()
    const own = (name: string) => assets.add(join(OWN_FILES, name))
    const styles = [own('style.css'), ...(config.theme.css ? [assets.add(resolve(folder, config.theme.css))] : [])]
    const files = {
      styles,
      script: own('page.js'),
      logo: config.theme.logo ? assets.add(resolve(folder, config.theme.logo)) : own('star.svg'),
    }
    const look = async (): Promise<Look> => {
      const { name, contactEmail } = await organisation()
      return { associationName: name, contactEmail, ...files }
    }
    app = createApp(core, createPages(desk, letters, look), assets, databaseError)
    return app
  }

  return {
    core,
    reconciler,
    letters,
    remind: reminders.send,
    tellHeld: tellHeld(core, letters),
    tellQuarantines: tellUntold(core, quarantineLetters),
    uploads,
    tellSpikes: tellSpikes(core, createSpikeLetter(config.issuer, organisation)),
    tellTraffic: tellTraffic(core, createTrafficLetter(config.issuer, organisation)),
    metrics,
    dataDir,
    database,
    elsewhere,
    services,
    opened,
    queues,
    serveDoors: () =>
      serveDoors(
        core,
        { opened, elsewhere },
        {
          sayWhy: createSayWhy(config.issuer, organisation),
          letters: quarantineLetters,
        },
      ),
    provider,
    app: openApp,
    reloadKeys,
    sweep: () => adapter.sweep(500),
    close: async (graceMs = 0) => {
      await Promise.all([reconciler.stop(graceMs), reminders.stop()])
      await Promise.allSettled([
        ...services.map(({ service }) => service.close()),
        core.directory.close(),
        core.mailer.close(),
      ])
      await store.close()
    },
  }
}
