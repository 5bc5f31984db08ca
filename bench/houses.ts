// The three providers of the provider bench: Schedar on SQLite and on MariaDB, and a bare oidc-provider, each a process.
import { randomBytes } from 'node:crypto'
import type { ClientTemplate } from '../src/plugin.ts'
import { addClient } from '../src/usecases/clients.ts'
import { startMariadb } from '../test/support/mariadb.ts'
import { freePort } from '../test/support/ports.ts'
import { newFolder } from './folder.ts'
import { helper, serveSchedar } from './processes.ts'
import { newPassword, people, seed } from './seed.ts'
import { CALLBACK, type Credentials, type Target } from './target.ts'

export type House = Target & { startedInMs?: number; stop(): Promise<void> }

/** What Debian's MariaDB does as installed: each commit on disk. The tests' own does without. */
export const debianMariadb = () =>
  startMariadb(['--innodb-flush-log-at-trx-commit=1', '--innodb-log-file-size=96M', '--innodb-buffer-pool-size=128M'])

const template = (redirectUris: string[]): ClientTemplate => ({
  redirectUris,
  postLogoutRedirectUris: [],
  tokenEndpointAuthMethod: 'client_secret_basic',
})

/** Schedar as `schedar serve` runs it, with so many accounts. */
export async function startSchedar(name: string, accounts: number, database?: string): Promise<House> {
  const folder = await newFolder(database)
  const everyone = people(accounts)
  const password = newPassword()
  const clients = await folder.within(async (installation) => {
    await seed(installation, everyone, password)
    const add = async (clientId: string, redirectUris: string[]): Promise<Credentials> => {
      const { clientSecret } = await addClient(installation.core)({
        kind: 'other',
        name: clientId,
        url: 'http://127.0.0.1:9',
        clientId,
        plugin: { summary: clientId, client: () => template(redirectUris) },
        actor: 'bench',
      })
      return { clientId, clientSecret }
    }
    return { web: await add('web', [CALLBACK]), machine: await add('machine', []) }
  })
  const serving = await serveSchedar(folder.path, folder.issuer, name)
  return {
    ...clients,
    name,
    issuer: folder.issuer,
    pid: serving.process.pid!,
    usernames: everyone.map(({ username }) => username),
    password,
    startedInMs: serving.startedInMs,
    async stop() {
      await serving.stop()
      folder.remove()
    },
  }
}

export async function startBare(accounts: number): Promise<House> {
  const port = await freePort()
  const credentials = (clientId: string): Credentials => ({
    clientId,
    clientSecret: randomBytes(32).toString('base64url'),
  })
  const clients = { web: credentials('web'), machine: credentials('machine') }
  const child = helper('bare.ts', String(port), String(accounts), JSON.stringify(clients), CALLBACK)
  await child.next()
  return {
    ...clients,
    name: 'bare',
    issuer: `http://127.0.0.1:${port}`,
    pid: child.process.pid!,
    usernames: people(accounts).map(({ username }) => username),
    stop: child.stop,
  }
}

/** Milliseconds from the command to the first answer, on a folder that was never used. */
export async function firstStart(): Promise<number> {
  const folder = await newFolder()
  try {
    const serving = await serveSchedar(folder.path, folder.issuer, 'first-start')
    await serving.stop()
    return serving.startedInMs
  } finally {
    folder.remove()
  }
}
