// A host's mail for the mail bench: everybody has a mailbox and two app passwords, in a real Dovecot and a real Postfix that
// were each set up by their kit and are driven by `schedar serve`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import dovecotPlugin from '../plugins/dovecot/index.ts'
import { type Installation, openInstallation } from '../src/compose.ts'
import type { Name, Plugin, Row } from '../src/plugin.ts'
import { sweepAll } from '../src/serve.ts'
import { addClient } from '../src/usecases/clients.ts'
import { nightly } from '../src/usecases/nightly.ts'
import { type Dovecot, startDovecot } from '../test/support/dovecot.ts'
import { type Postfix, startPostfix } from '../test/support/postfix.ts'
import { type Folder, newFolder } from './folder.ts'
import { type MailPerson, seedMail } from './mail-seed.ts'
import { serveSchedar } from './processes.ts'
import type { Progress } from './results.ts'
import type { Person } from './seed.ts'
import { CALLBACK } from './target.ts'

export type MailHouse = {
  people: readonly MailPerson[]
  dovecot: Dovecot
  postfix: Postfix
  /** Where Dovecot is asked about sign-ins, as Postfix asks. */
  saslSocket: string
  /** Of `schedar serve`. */
  pid: number
  /** Opened in this process, beside the server's own, as a command opens one. */
  installation: Installation
  /** An access token of the webmail's for somebody, as a code flow leaves one. */
  token(person: Person): Promise<string>
  stop(): Promise<void>
}

const SUBJECTS = 5_000
const actor = 'bench'

/** What every service should hold, written at once: a first night would write each file many times. */
export async function fillServices({ core, services }: Installation): Promise<void> {
  const signal = AbortSignal.timeout(600_000)
  for (const { manages, service } of services) {
    const rows = new Map<Name, Row | null>()
    for (let after = ''; ; ) {
      const names = await core.store.subjects.names(manages, after, SUBJECTS)
      for (const [name, subject] of await core.doors.subjects(manages, names)) rows.set(name, service.render(subject))
      if (names.length < SUBJECTS) break
      after = names.at(-1)!
    }
    const there = [...rows].filter(([, row]) => row !== null)
    if (there.length > 0) await service.apply(new Map(there), signal)
  }
}

/** Names the servers as services in schedar.yaml, with their keys in files. */
function configureMail(folder: Folder, dovecot: Dovecot['config'], postfix: Postfix['config']): void {
  const { doveadmApiKey, policyKey, ...settings } = dovecot
  const keys = { doveadmApiKey, ...(policyKey !== undefined && { policyKey }) }
  for (const [name, key] of Object.entries(keys)) writeFileSync(join(folder.path, name), key, { mode: 0o600 })
  const references = Object.fromEntries(Object.keys(keys).map((name) => [name, `file:${name}`]))
  folder.configure({
    services: {
      dovecot: { plugin: 'dovecot', ...settings, ...references },
      postfix: { plugin: 'postfix', ...postfix },
    },
  })
}

const register = (folder: Folder, kind: string, more: { plugin: Plugin | undefined; redirectUris?: string[] }) =>
  folder.within(({ core }) =>
    addClient(core)({ kind, name: kind, url: 'http://127.0.0.1:9', service: 'mail', actor, ...more }),
  )

/** A grant and an access token, as the webmail's code flow leaves them. */
const minting =
  (installation: Installation, clientId: string): MailHouse['token'] =>
  async ({ id: accountId }) => {
    const provider = await installation.provider()
    const grant = new provider.Grant({ accountId, clientId })
    grant.addOIDCScope('openid mail')
    const client = await provider.Client.find(clientId)
    const token = { accountId, client, grantId: await grant.save(), gty: 'authorization_code', scope: 'openid mail' }
    return new provider.AccessToken(token as never).save()
  }

export type MailServers = {
  folder: Folder
  people: readonly MailPerson[]
  dovecot: Dovecot
  postfix: Postfix
  /** Of a client that gets people's tokens. */
  webmailId: string
  stop(): Promise<void>
}

/** Both servers and a folder of Schedar's with so many accounts, all files as they should be; Schedar does not run. */
export async function prepareMail(
  accounts: number,
  progress: Progress,
  more: (installation: Installation, everyone: readonly MailPerson[]) => Promise<void> = async () => undefined,
): Promise<MailServers> {
  await using starting = new AsyncDisposableStack()
  const folder = await newFolder()
  starting.defer(folder.remove)
  progress(`seeding ${accounts.toLocaleString('en')} accounts`)
  const everyone = await folder.within(async (installation) => {
    const all = await seedMail(installation, accounts)
    await more(installation, all)
    // The server would make up for it at its start, and compare all files while something else is measured.
    await nightly(installation.core, installation.reconciler, () => sweepAll(installation))()
    return all
  })

  progress('setting up Dovecot and Postfix')
  const { client, clientSecret } = await register(folder, 'dovecot', { plugin: dovecotPlugin as unknown as Plugin })
  const dovecot = await startDovecot({
    logins: [],
    provider: { issuer: folder.issuer, client: { clientId: client.clientId, clientSecret } },
    homes: true,
    policy: true,
  })
  starting.defer(() => dovecot.remove())
  const postfix = await startPostfix({ dovecot })
  starting.defer(() => postfix.remove())
  configureMail(folder, dovecot.config, postfix.config)
  const webmail = await register(folder, 'other', { plugin: undefined, redirectUris: [CALLBACK] })

  progress('filling their files')
  await folder.within(fillServices)
  const started = starting.move()
  return {
    ...{ folder, people: everyone, dovecot, postfix, webmailId: webmail.client.clientId },
    stop: () => started.disposeAsync(),
  }
}

export const openBeside = ({ path }: Folder): Promise<Installation> =>
  openInstallation({ file: join(path, 'schedar.yaml'), env: process.env, log: { level: 'error', to: process.stderr } })

/** Starts it all with so many accounts. What fails leaves nothing behind. */
export async function startMailHouse(accounts: number, progress: Progress): Promise<MailHouse> {
  await using starting = new AsyncDisposableStack()
  const { folder, people, dovecot, postfix, webmailId, stop } = await prepareMail(accounts, progress)
  starting.defer(stop)
  const serving = await serveSchedar(folder.path, folder.issuer, 'mail')
  starting.defer(() => serving.stop())
  const installation = await openBeside(folder)
  starting.defer(() => installation.close())
  const started = starting.move()
  return {
    ...{ people, dovecot, postfix, installation },
    saslSocket: join(postfix.dir, 'queue/private/auth'),
    pid: serving.process.pid!,
    token: minting(installation, webmailId),
    stop: () => started.disposeAsync(),
  }
}
