// Debian's Sympa with a configuration, lists and a database of its own: its command, the kit's helper behind a socket as
// systemd would have it, and its pages behind a private Apache. The machine's Sympa is left alone.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { SympaConfig } from '../../plugins/sympa/config.ts'
import type { KitFile } from '../../src/plugin.ts'
import { type Apache, giveToApache, idsOf, servedFolder, startApache, writeKit } from './apache.ts'
import { freePort, reachable } from './ports.ts'

const run = promisify(execFile)
export const DOMAIN = 'lists.asso.example'
export const PATH = '/wws'
export const LISTMASTER = `listmaster@${DOMAIN}`
/** Sympa puts its pages' own address into links. */
const HOST = '127.0.0.6'

const configuration = (folder: string, url: string) => `
domain ${DOMAIN}
listmaster ${LISTMASTER}
db_type SQLite
db_name ${folder}/sympa.db
lang fr
home ${folder}/lists
etc ${folder}/etc
spool ${folder}/spool
arc_path ${folder}/arc
bounce_path ${folder}/bounce
css_path ${folder}/css
pictures_path ${folder}/pictures
sendmail ${folder}/sendmail
sendmail_aliases none
alias_manager none
wwsympa_url ${url}${PATH}
`

const listXml = (name: string) => `<?xml version="1.0" ?>
<list>
  <listname>${name}</listname>
  <type>discussion_list</type>
  <subject>Les ${name}</subject>
  <description>Essai</description>
  <status>open</status>
  <language>fr</language>
  <topic>others</topic>
  <owner multiple="1"><email>${LISTMASTER}</email></owner>
</list>
`

export type Sympa = Awaited<ReturnType<typeof startSympa>>

/** `names`: its lists, without the domain. Their pages are served once the kit is installed. */
export async function startSympa(names: readonly string[]) {
  const folder = await servedFolder('schedar-sympa-')
  const port = await freePort(HOST)
  const url = `http://${HOST}:${port}`
  const { uid, gid } = await idsOf('sympa')
  const own = (path: string) => chown(path, uid, gid)
  const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', SYMPA_CONFIG: join(folder, 'sympa.conf') }

  await own(folder)
  for (const name of ['lists', 'etc', 'spool', 'arc', 'bounce', 'css', 'pictures', 'members']) {
    await mkdir(join(folder, name))
    await own(join(folder, name))
  }
  await chmod(join(folder, 'members'), 0o2750)
  await writeFile(env.SYMPA_CONFIG, configuration(folder, url))
  await writeFile(join(folder, 'sendmail'), '#!/bin/sh\ncat > /dev/null\n', { mode: 0o755 })
  const sympa = (args: readonly string[], input = ''): Promise<string> => {
    const running = run('sympa', [...args], { env })
    running.child.stdin?.end(input)
    return running.then(({ stderr }) => stderr)
  }
  await sympa(['check'])
  await own(join(folder, 'sympa.db')).catch(() => undefined)
  for (const name of names) {
    const xml = join(folder, `${name}.xml`)
    await writeFile(xml, listXml(name))
    await sympa(['create', `--input_file=${xml}`, DOMAIN])
  }

  let helper: Server | undefined
  const socket = join(folder, 'helper.sock')
  let pages: ChildProcess | undefined
  let apache: Apache | undefined
  const database = () => new DatabaseSync(join(folder, 'sympa.db'))
  const rows = (statement: string, ...values: string[]): Record<string, unknown>[] => {
    const open = database()
    try {
      open.exec('PRAGMA busy_timeout = 10000')
      return open.prepare(statement).all(...values)
    } finally {
      open.close()
    }
  }

  return {
    folder,
    url,
    config: {
      folder: join(folder, 'members'),
      helper: socket,
      configFile: env.SYMPA_CONFIG,
    } satisfies Partial<SympaConfig>,
    sympa,
    rows,
    /** Whether an address is on a list, asked without standing still while Sympa writes. */
    async isOn(list: string, email: string): Promise<boolean> {
      for (;;) {
        const open = database()
        try {
          const found = open.prepare('select 1 from subscriber_table where list_subscriber = ? and user_subscriber = ?')
          return found.all(list, email).length > 0
        } catch (error) {
          if (!/database is locked/.test(String(error))) throw error
        } finally {
          open.close()
        }
        await sleep(20)
      }
    },
    /** The addresses on a list, in order. */
    members: (name: string): string[] =>
      rows('select user_subscriber as email from subscriber_table where list_subscriber = ? order by 1', name).map(
        ({ email }) => String(email),
      ),
    addByHand: (name: string, email: string) => sympa(['add', '--quiet', name], `${email}\n`),
    configure: (name: string, lines: string) => appendFile(join(folder, 'lists', name, 'config'), lines),

    /** Puts the kit's files where its README says, but for the pages' part. */
    async installLists(files: readonly KitFile[]): Promise<void> {
      await writeKit(files, join(folder, 'kit'))
      const empty = files.find(({ path }) => path === 'members.empty')!.content
      for (const { content } of files.filter(({ path }) => path.startsWith('lists/'))) {
        const file = /^include_file (.*)$/m.exec(String(content))![1]!
        await writeFile(file, empty, { mode: 0o640 })
        await chown(file, 0, gid)
        await appendFile(join(folder, 'lists', basename(file).split('@')[0]!, 'config'), String(content))
      }
      await chmod(join(folder, 'kit/helper/schedar-sympa'), 0o755)
    },

    /** As systemd would: the script for each connection, as Sympa's user. */
    async startHelper(): Promise<void> {
      await rm(socket, { force: true })
      helper = createServer({ allowHalfOpen: true }, (connection) => {
        const child = spawn(join(folder, 'kit/helper/schedar-sympa'), { stdio: ['pipe', 'pipe', 'ignore'], uid, gid })
        child.stdin.on('error', () => undefined)
        connection.on('error', () => undefined)
        connection.pipe(child.stdin)
        child.stdout.pipe(connection)
      }).listen(socket)
      await once(helper, 'listening')
    },
    stopHelper: () => void helper?.close(),

    /** Its pages, behind Apache with the kit. */
    async startPages(files: readonly KitFile[], places: { dir: string; cacheDir: string }): Promise<void> {
      await writeFile(join(folder, 'etc/auth.conf'), String(files.find(({ path }) => path === 'auth.conf')!.content))
      await own(join(folder, 'etc/auth.conf'))
      await writeKit(files, places.dir)
      await mkdir(places.cacheDir, { mode: 0o700 })
      await giveToApache(places.cacheDir)
      const fcgi = join(folder, 'wwsympa.sock')
      pages = spawn('/usr/lib/cgi-bin/sympa/wwsympa.fcgi', {
        env: { ...env, FCGI_SOCKET_PATH: fcgi, FCGI_LISTEN_QUEUE: '50' },
        uid,
        gid,
        stdio: 'ignore',
      })
      await reachable(fcgi, undefined, 90_000)
      await chmod(fcgi, 0o666)
      const included = files.find(({ path }) => path.endsWith('.conf') && !/secret|auth\.conf/.test(path))!.path
      const home = join(folder, 'apache')
      await mkdir(join(home, 'htdocs'), { recursive: true })
      await chmod(home, 0o755)
      apache = await startApache({
        host: HOST,
        port,
        folder: home,
        modules: ['proxy', 'proxy_fcgi', 'auth_openidc'],
        body: `
DocumentRoot ${home}/htdocs
# As in Debian's conf-available/sympa.conf.
<Location ${PATH}>
  SetHandler "proxy:unix:${fcgi}|fcgi://"
  Require all granted
</Location>
<VirtualHost ${HOST}:${port}>
  ServerName ${HOST}
  DocumentRoot ${home}/htdocs
  Include ${join(places.dir, included)}
</VirtualHost>
`,
      })
    },

    /** The web server of its pages, once they are there. */
    pages: (): Apache => apache!,
    errors: async () => (await apache?.errors()) ?? '',
    async stop(): Promise<void> {
      helper?.close()
      await apache?.stop()
      if (pages && pages.exitCode === null) {
        pages.kill()
        await once(pages, 'exit')
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}
