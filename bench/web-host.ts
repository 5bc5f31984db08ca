// A host for the web bench: `schedar serve` on an SQLite file with everybody's accounts, Dovecot behind the webmail, two list
// servers with a list each, and eight services that people sign in to with a browser.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Installation } from '../src/compose.ts'
import { loadPlugin } from '../src/plugins.ts'
import { sweepAll } from '../src/serve.ts'
import { addClient } from '../src/usecases/clients.ts'
import { nightly } from '../src/usecases/nightly.ts'
import { servedFolder } from '../test/support/apache.ts'
import { type Dovecot, startDovecot } from '../test/support/dovecot.ts'
import { type Mailman, startMailman } from '../test/support/mailman.ts'
import { DOMAIN, type Sympa, startSympa } from '../test/support/sympa.ts'
import { startApplication } from '../test/support/web-proxies.ts'
import { type Folder, newFolder } from './folder.ts'
import { fillServices, openBeside } from './mail-house.ts'
import { serveSchedar } from './processes.ts'
import type { Progress } from './results.ts'
import { newPassword, type Person, people, seed } from './seed.ts'
import { basicOf, htpasswd, newSecret } from './web-own.ts'
import {
  apacheBlock,
  dokuwiki,
  type ForwardAuth,
  forwardAuth,
  type ListServer,
  mailmanPages,
  mediawiki,
  roundcube,
  spip,
  sympaPages,
  type WebService,
} from './web-services.ts'

/** A list that the person is on while they are in order. `of`: the service that is its server. */
export type WebList = { name: string; of: string; has(email: string): Promise<boolean> }

export type WebHost = {
  issuer: string
  /** Of `schedar serve`. */
  pid: number
  person: Person
  password: string
  services: readonly WebService[]
  lists: readonly WebList[]
  forwardAuth: ForwardAuth
  /** What nginx takes for its own password. */
  basic: { authorization: string }
  dovecot: Dovecot
  sympa: Sympa
  mailman: Mailman
  /** Opened in this process, beside the server's own, as a command opens one. */
  installation: Installation
  stop(): Promise<void>
}

const LIST = 'membres'
const GROUP = 'liste'

/** nginx without Schedar, for comparison: a file, and the same with a password of its own. */
const barePlaces = (folder: string): string => `
    keepalive_requests 1000000;
    location /open/ {
      auth_request off;
      alias ${folder}/files/;
    }
    location /own/ {
      auth_request off;
      auth_basic "own";
      auth_basic_user_file ${folder}/htpasswd;
      # One of its own, so that the site's, which send a 401 to the sign-in, are not inherited.
      error_page 599 /;
      alias ${folder}/files/;
    }
`

/** Dovecot takes tokens of the webmail's, and each login's own password. */
async function mailServer(folder: Folder, logins: readonly string[]): Promise<Dovecot> {
  const plugin = await loadPlugin('dovecot')
  const { client, clientSecret } = await folder.within(({ core }) =>
    addClient(core)({ kind: 'dovecot', name: 'dovecot', url: 'http://127.0.0.1:9', plugin, actor: 'bench' }),
  )
  return startDovecot({
    logins,
    provider: { issuer: folder.issuer, client: { clientId: client.clientId, clientSecret } },
  })
}

/** Names the services that Schedar drives in schedar.yaml, with their keys in files. */
function configure(folder: Folder, dovecot: Dovecot, sympa: ListServer<Sympa>, mailman: ListServer<Mailman>): void {
  const { doveadmApiKey, ...mail } = dovecot.config
  const keys = { 'doveadm-key': doveadmApiKey, 'mailman-password': mailman.server.password }
  for (const [name, key] of Object.entries(keys)) writeFileSync(join(folder.path, name), key, { mode: 0o600 })
  folder.configure({
    // The proxy stands on the same machine.
    trustedProxies: ['127.0.0.0/8'],
    services: {
      mail: { plugin: 'dovecot', ...mail, doveadmApiKey: 'file:doveadm-key' },
      sympa: { plugin: 'sympa', ...sympa.config },
      mailman: { plugin: 'mailman', ...mailman.config, password: 'file:mailman-password' },
    },
  })
}

/** Starts it all with so many accounts, of whom some are on the lists. What fails leaves nothing behind. */
export async function startWebHost(accounts: number, onLists: number, progress: Progress): Promise<WebHost> {
  await using starting = new AsyncDisposableStack()
  const folder = await newFolder()
  starting.defer(folder.remove)
  // Setting up takes a minute, in which any connection on this machine may get a free port for its own end.
  const held = createServer().listen(Number(new URL(folder.issuer).port), '127.0.0.1')
  starting.defer(() => void held.close())
  const everyone = people(accounts)
  const person = everyone[0]!
  const password = newPassword()
  progress(`seeding ${accounts.toLocaleString('en')} accounts`)
  await folder.within(async (installation) => {
    await seed(installation, everyone, password)
    const { store } = installation.core
    await store.transaction(async (stores) => {
      for (const { id } of everyone.slice(0, onLists)) await stores.people.setGroups(id, [GROUP])
    })
  })

  progress('setting up the list servers and Dovecot')
  const address = `${LIST}@${DOMAIN}`
  const lists = { [address]: { who: `group:${GROUP}` } }
  const sympa = await startSympa([LIST])
  starting.defer(() => sympa.stop())
  const mailman = await startMailman([address])
  starting.defer(() => mailman.stop())
  const dovecot = await mailServer(folder, [person.login])
  starting.defer(() => dovecot.remove())
  const sympaList = { server: sympa, config: { ...sympa.config, lists } }
  const mailmanList = { server: mailman, config: { ...mailman.config, lists } }
  configure(folder, dovecot, sympaList, mailmanList)

  progress('setting up eight services by their kits')
  const bare = await servedFolder('schedar-bare-')
  starting.defer(() => rmSync(bare, { recursive: true, force: true }))
  const application = await startApplication('127.0.0.9')
  starting.defer(application.stop)
  const services: WebService[] = []
  const set = async (service: Promise<WebService>): Promise<void> => {
    const { stop } = services[services.push(await service) - 1]!
    if (stop) starting.defer(stop)
  }
  await set(spip(folder, person))
  await set(apacheBlock(folder))
  await set(roundcube(folder, dovecot, person))
  await set(sympaPages(folder, sympaList))
  await set(mailmanPages(folder, mailmanList))
  await set(dokuwiki(folder))
  await set(mediawiki(folder))
  mkdirSync(join(bare, 'files'))
  writeFileSync(join(bare, 'files', 'page.txt'), 'a file\n')
  const secret = newSecret()
  writeFileSync(join(bare, 'htpasswd'), await htpasswd('own', secret, 5))
  const basic = basicOf('own', secret)
  const door = await forwardAuth(folder, application, barePlaces(bare))
  await set(Promise.resolve(door.service))

  progress(`filling the lists with ${onLists.toLocaleString('en')} addresses`)
  await folder.within(fillServices)
  // The server would make up for it at its start and be busy with it while doors are watched.
  await folder.within((installation) =>
    nightly(installation.core, installation.reconciler, () => sweepAll(installation))(),
  )
  await new Promise((resolve) => held.close(resolve))
  const serving = await serveSchedar(folder.path, folder.issuer, 'web')
  starting.defer(() => serving.stop())
  const installation = await openBeside(folder)
  starting.defer(() => installation.close())
  const started = starting.move()
  return {
    ...{ person, password, services, dovecot, sympa, mailman, installation, forwardAuth: door, basic },
    issuer: folder.issuer,
    pid: serving.process.pid!,
    lists: [
      { name: 'Sympa, list', of: 'Sympa', has: (email) => sympa.isOn(LIST, email) },
      { name: 'Mailman, list', of: 'Mailman', has: (email) => onMailman(mailman, address, email) },
    ],
    stop: () => started.disposeAsync(),
  }
}

async function onMailman({ ask }: Mailman, list: string, email: string): Promise<boolean> {
  const { total_size } = (await ask('POST', 'members/find', {
    list_id: list.replace('@', '.'),
    subscriber: email,
  })) as { total_size: number }
  return total_size > 0
}
