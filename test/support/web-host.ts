// A host with everything that members sign in to, each the real server with its kit, as an admin installs them: a SPIP site on a
// MariaDB, a site behind Apache, a webmail with its mail, Sympa, Mailman, two wikis, and something behind nginx. The browser
// reaches each at a loopback address of its own, for cookies know no ports.
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import type { Page } from 'playwright-core'
import { servedFolder, startVhost } from './apache.ts'
import { clientPages } from './client-pages.ts'
import { startMailHost } from './mail-host.ts'
import * as mailmanHost from './mailman.ts'
import { startMariadb } from './mariadb.ts'
import type { Program } from './program.ts'
import { startRoundcube } from './roundcube.ts'
import { startSpip } from './spip.ts'
import * as sympaHost from './sympa.ts'
import { startApplication, startNginx } from './web-proxies.ts'
import { startDokuwiki, startMediawiki } from './wikis.ts'

export const SITE = 'velo.example'
const SYMPA_LIST = `membres@${sympaHost.DOMAIN}`
export const MAILMAN_LIST = `amis@${mailmanHost.DOMAIN}`

/** Writes down what it is told: what a host's own program would act on. */
const hookScript = (folder: string): string => `#!/bin/sh
cd ${folder} || exit 1
case $1 in
  close) touch "closed-$2" ;;
  open) rm -f "closed-$2" ;;
  state) if [ -e "closed-$2" ]; then echo closed; else echo open; fi ;;
esac
case $1 in close | open) echo "$1 $2" >> told ;; esac
`

/** All at once; one that fails is thrown when the others have started, so that none is left over. */
async function together<T extends readonly unknown[]>(
  starting: {
    [K in keyof T]: Promise<T[K]>
  },
): Promise<T> {
  await Promise.allSettled(starting)
  return (await Promise.all(starting)) as unknown as T
}

/** The servers that are there before Schedar knows of them, in a folder that Apache's children can enter. */
async function startServers(stops: AsyncDisposableStack) {
  const folder = stops.adopt(await servedFolder('schedar-host-'), (path) => rm(path, { recursive: true, force: true }))
  const site = async () => {
    const mariadb = stops.adopt(await startMariadb(), (server) => server.remove())
    const database = await mariadb.database()
    const more = `IncludeOptional ${folder}/apache/schedar-closed.conf`
    const spip = stops.adopt(await startSpip({ database, more }), (server) => server.stop())
    return { mariadb, database, spip }
  }
  const sympa = async () => stops.adopt(await sympaHost.startSympa(['membres']), (server) => server.stop())
  const mailman = async () => stops.adopt(await mailmanHost.startMailman([MAILMAN_LIST]), (server) => server.stop())
  const [hosted, lists, discussions] = await together([site(), sympa(), mailman()])
  return { folder, ...hosted, sympa: lists, mailman: discussions }
}
type Servers = Awaited<ReturnType<typeof startServers>>

/** What schedar.yaml names beside the mail. */
async function services(program: Program, { folder, mariadb, database, spip, sympa, mailman }: Servers) {
  const [hook, marks] = [join(folder, 'hook'), join(folder, 'marks')]
  await mkdir(marks)
  await writeFile(hook, hookScript(folder), { mode: 0o755 })
  const secret = async (name: string, value: string) => {
    await writeFile(join(program.folder, name), value, { mode: 0o600 })
    return `file:${name}`
  }
  return {
    sympa: { plugin: 'sympa', ...sympa.config, lists: { [SYMPA_LIST]: { who: 'members' } } },
    mailman: {
      plugin: 'mailman',
      ...mailman.config,
      password: await secret('mailman.password', mailman.password),
      lists: { [MAILMAN_LIST]: { who: 'members' } },
    },
    apache: {
      plugin: 'apache',
      folder: marks,
      // The site has no name of its own here.
      aliases: { [SITE]: [new URL(spip.url).hostname] },
      accessLogs: [],
      probe: `${spip.url}/`,
    },
    databases: {
      plugin: 'mariadb',
      socket: mariadb.socket,
      password: await secret('mariadb.password', randomBytes(24).toString('hex')),
      users: { [SITE]: database.user },
    },
    hook: { plugin: 'site-hook', run: hook },
  }
}

/** The kits of the services that are told of closed sites. */
async function installSiteKits(program: Program, { folder, mariadb, spip }: Servers): Promise<void> {
  const kit = async (service: string) => {
    const { code, err } = await program.schedar('services', 'kit', service, join(folder, service))
    if (code !== 0) throw new Error(err)
  }
  await together([kit('apache'), kit('databases')])
  await copyFile(join(folder, 'apache/closed.schedar.invalid'), join(folder, 'marks/closed.schedar.invalid'))
  await spip.graceful()
  await mariadb.client(await readFile(join(folder, 'databases/schedar-sites.sql')))
  const password = await readFile(join(program.folder, 'mariadb.password'), 'utf8')
  await mariadb.client(`alter user schedar_sites@localhost identified by '${password}';`)
}

export type WebHost = Awaited<ReturnType<typeof startWebHost>>

/** `ready`: the association is set up, the program runs, and `admin` is signed in. It is started anew with every service. */
export async function startWebHost(program: Program, admin: Page, ready: Promise<unknown>) {
  const stops = new AsyncDisposableStack()
  try {
    const [servers] = await together([startServers(stops), ready])
    return await connect(program, admin, servers, stops)
  } catch (error) {
    await stops.disposeAsync()
    throw error
  }
}

async function connect(program: Program, admin: Page, servers: Servers, stops: AsyncDisposableStack) {
  const { folder, database, spip, sympa, mailman } = servers
  const mail = stops.adopt(await startMailHost(program, {}, await services(program, servers)), (host) => host.remove())
  await program.json('member', 'add', '7', 'Zoé Vandamme', '--covered-until', '2099-12-31')
  await program.json('site', 'add', SITE, '--member', '7')
  const clients = clientPages(program, admin)
  const register = async (kind: string, name: string, url: string, settings: Record<string, string> = {}, at = '') =>
    clients.kit(await clients.add({ kind, name, url, site: at }), settings)
  const places = (at: string) => ({ dir: join(at, 'schedar'), cacheDir: join(at, 'sessions') })
  const settings = ({ dir, cacheDir }: { dir: string; cacheDir: string }) => ({ dir, cache_dir: cacheDir })

  const site = async () => {
    await spip.installKit(await register('spip', 'Le vélo de Zoé', spip.url, {}, SITE))
    await installSiteKits(program, servers)
  }
  const lists = async () => {
    const at = places(sympa.folder)
    const options = { path: sympaHost.PATH, listmaster: sympaHost.LISTMASTER, ...settings(at) }
    const files = await register('sympa', 'Les listes', sympa.url, options)
    await sympa.installLists(files)
    await sympa.startHelper()
    await sympa.startPages(files, at)
  }
  const discussions = async () => {
    const at = places(mailman.folder)
    await mailman.startPages(await register('mailman', 'Les discussions', mailman.url, settings(at)), at)
  }
  const webmail = async () => {
    const kit = (url: string) =>
      register('roundcube', 'Le webmail', url, {
        imap: `127.0.0.1:${mail.dovecot.imapPort}`,
        smtp: `ssl://localhost:${mail.postfix.submissionsPort}`,
        ca_file: join(program.folder, 'ca.pem'),
      })
    return stops.adopt(await startRoundcube({ host: '127.0.0.8', kit }), (server) => server.stop())
  }
  const vhost = async () => {
    const start = startVhost({ kit: ({ url, ...at }) => register('apache', 'L’intranet', url, settings(at)) })
    return stops.adopt(await start, (server) => server.stop())
  }
  const wikis = async () => {
    const start = (begin: typeof startDokuwiki, kind: string, name: string) =>
      begin({ former: 'gaston', kit: (url, options) => register(kind, name, url, options) })
    const doku = stops.adopt(await start(startDokuwiki, 'dokuwiki', 'Le manuel'), (wiki) => wiki.stop())
    const media = stops.adopt(await start(startMediawiki, 'mediawiki', 'L’encyclopédie'), (wiki) => wiki.stop())
    return [doku, media] as const
  }
  const statistics = async () => {
    const application = stops.adopt(await startApplication(), (server) => server.stop())
    const start = startNginx({
      host: '127.0.0.9',
      application,
      kit: ({ url, dir }) => register('forward-auth', 'Les statistiques', url, { nginx_dir: dir, caddy_dir: dir }),
    })
    return stops.adopt(await start, (proxy) => proxy.stop())
  }
  const [roundcube, apache, [dokuwiki, mediawiki], nginx] = await together([
    webmail(),
    vhost(),
    wikis(),
    statistics(),
    site(),
    lists(),
    discussions(),
  ])
  return {
    mail,
    spip,
    sympa,
    mailman,
    roundcube,
    apache,
    dokuwiki,
    mediawiki,
    nginx,
    /** What the host's own program was told of sites, in order. */
    told: async () => (await readFile(join(folder, 'told'), 'utf8').catch(() => '')).split('\n').filter(Boolean),
    /** Whether whoever has the password of the site's database is let in. */
    databaseOpens: (): Promise<boolean> =>
      createConnection({ uri: database.url }).then(
        (connection) => connection.end().then(() => true),
        () => false,
      ),
    stop: () => stops.disposeAsync(),
  }
}
