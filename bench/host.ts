// A member-run host in full, for the suspension bench: `schedar serve` on an SQLite file with everybody's accounts, and a
// SPIP site, an Apache vhost and a Dovecot that were each set up by their kit.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import apachePlugin from '../plugins/apache/index.ts'
import dovecotPlugin from '../plugins/dovecot/index.ts'
import spipPlugin from '../plugins/spip/index.ts'
import { type Installation, openInstallation } from '../src/compose.ts'
import type { KitFile, Plugin } from '../src/plugin.ts'
import type { Client } from '../src/ports.ts'
import { sweepAll } from '../src/serve.ts'
import { addClient, kitOf, type NewClient, setClientRole } from '../src/usecases/clients.ts'
import { nightly } from '../src/usecases/nightly.ts'
import { startVhost } from '../test/support/apache.ts'
import { type Dovecot, startDovecot } from '../test/support/dovecot.ts'
import { startSpip } from '../test/support/spip.ts'
import { followRefusals, type Refusals } from './dovecot-log.ts'
import { type Folder, newFolder } from './folder.ts'
import { serveSchedar } from './processes.ts'
import type { Progress } from './results.ts'
import { newPassword, type Person, people, seed } from './seed.ts'
import { CALLBACK, type Credentials, type Target } from './target.ts'

export type Host = {
  /** A client that gets tokens of its own, and the webmail, whose tokens Dovecot takes. */
  web: Target
  webmail: Target
  password: string
  spipUrl: string
  vhostUrl: string
  imapPort: number
  imapRefusals: Refusals
  /** Those who have a mailbox at Dovecot and write on the SPIP site. */
  visitors: readonly Person[]
  /** Opened in this process, beside the server's own, as a command opens one. */
  installation: Installation
  stopSpip(): Promise<void>
  stop(): Promise<void>
}

const actor = 'bench'
const templates: Record<string, Plugin> = { spip: spipPlugin, apache: apachePlugin, dovecot: dovecotPlugin }

type Registered = Credentials & { client: Client }

async function register(folder: Folder, kind: string, more: Partial<NewClient>): Promise<Registered> {
  const input = { kind, name: kind, url: 'http://127.0.0.1:9', plugin: templates[kind], actor, ...more }
  const { client, clientSecret } = await folder.within(({ core }) => addClient(core)(input))
  return { client, clientId: client.clientId, clientSecret }
}

const kitFor = (folder: Folder, { client }: Registered, options: Record<string, string> = {}): Promise<KitFile[]> =>
  folder.within(({ core }) => kitOf(core)(client, templates[client.kind]!, options))

async function spipSite(folder: Folder, writers: readonly Person[]) {
  const site = await startSpip()
  const registered = await register(folder, 'spip', { url: site.url })
  await site.installKit(await kitFor(folder, registered))
  await folder.within(async ({ core }) => {
    const role = { clientId: registered.clientId, subjectKind: 'account', role: 'redacteur', actor } as const
    for (const { id } of writers) await setClientRole(core)({ ...role, subject: id })
  })
  return site
}

const vhostOf = (folder: Folder) =>
  startVhost({
    kit: async ({ url, dir, cacheDir }) =>
      kitFor(folder, await register(folder, 'apache', { url }), { dir, cache_dir: cacheDir }),
  })

async function mailServer(folder: Folder, logins: readonly string[]): Promise<Dovecot> {
  const { clientId, clientSecret } = await register(folder, 'dovecot', {})
  const server = await startDovecot({ logins, provider: { issuer: folder.issuer, client: { clientId, clientSecret } } })
  const { doveadmApiKey, ...settings } = server.config
  writeFileSync(join(folder.path, 'doveadm-key'), doveadmApiKey, { mode: 0o600 })
  folder.configure({ services: { mail: { plugin: 'dovecot', ...settings, doveadmApiKey: 'file:doveadm-key' } } })
  return server
}

/** Milliseconds that some work takes, told as progress. */
async function timed<T>(progress: Progress, what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await work()
  progress(`${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`)
  return result
}

/** Starts it all with so many accounts, of whom the first are visitors everywhere. What fails leaves nothing behind. */
export async function startHost(accounts: number, visitorCount: number, progress: Progress): Promise<Host> {
  await using starting = new AsyncDisposableStack()
  const folder = await newFolder()
  starting.defer(folder.remove)
  const everyone = people(accounts)
  const visitors = everyone.slice(0, visitorCount)
  const password = newPassword()
  await timed(progress, `seeding ${accounts.toLocaleString('en')} accounts`, () =>
    folder.within((installation) => seed(installation, everyone, password)),
  )

  const spip = await timed(progress, 'setting up SPIP', () => spipSite(folder, visitors))
  let stopSpip = (): Promise<void> => {
    stopSpip = async () => {}
    return spip.stop()
  }
  starting.defer(() => stopSpip())
  const [vhost, dovecot] = await timed(progress, 'setting up Apache and Dovecot', async () => {
    const apache = await vhostOf(folder)
    starting.defer(() => apache.stop())
    const mail = await mailServer(
      folder,
      visitors.map(({ login }) => login),
    )
    starting.defer(() => mail.remove())
    return [apache, mail] as const
  })
  const imapRefusals = followRefusals(join(dovecot.dir, 'log'))
  starting.defer(() => imapRefusals.close())
  const redirectUris = [CALLBACK]
  const web = await register(folder, 'other', { redirectUris })
  const webmail = await register(folder, 'other', { redirectUris, service: 'mail' })

  // The server would make up for it at its start and be busy with it while doors are watched.
  await timed(progress, 'the first night', () =>
    folder.within((installation) =>
      nightly(installation.core, installation.reconciler, () => sweepAll(installation))(),
    ),
  )
  const serving = await serveSchedar(folder.path, folder.issuer, 'suspension')
  starting.defer(() => serving.stop())
  const installation = await openInstallation({
    file: join(folder.path, 'schedar.yaml'),
    env: process.env,
    log: { level: 'error', to: process.stderr },
  })
  starting.defer(() => installation.close())

  const target = (name: string, credentials: Credentials): Target => ({
    name,
    issuer: folder.issuer,
    pid: serving.process.pid!,
    web: credentials,
    machine: credentials,
    usernames: visitors.map(({ username }) => username),
    password,
  })
  const started = starting.move()
  return {
    web: target('web', web),
    webmail: target('webmail', webmail),
    password,
    spipUrl: spip.url,
    vhostUrl: vhost.url,
    imapPort: dovecot.imapPort,
    imapRefusals,
    visitors,
    installation,
    stopSpip: () => stopSpip(),
    stop: () => started.disposeAsync(),
  }
}
