// The eight services of the web bench, each a real server from Debian's packages that was set up by its kit: where somebody
// is signed in at once, whether it lets a browser in as that person, and how it goes down and comes back.
import { join } from 'node:path'
import type { KitFile, Plugin } from '../src/plugin.ts'
import { loadPlugin } from '../src/plugins.ts'
import type { Client } from '../src/ports.ts'
import { addClient, kitOf, setClientRole } from '../src/usecases/clients.ts'
import { type Apache, startVhost } from '../test/support/apache.ts'
import type { Browser, Reply } from '../test/support/browser-jar.ts'
import type { Dovecot } from '../test/support/dovecot.ts'
import { PATH as MAILMAN_PATH, type Mailman } from '../test/support/mailman.ts'
import { startRoundcube } from '../test/support/roundcube.ts'
import { startSpip } from '../test/support/spip.ts'
import { LISTMASTER, PATH as SYMPA_PATH, type Sympa } from '../test/support/sympa.ts'
import { type Application, startNginx } from '../test/support/web-proxies.ts'
import { startDokuwiki, startMediawiki } from '../test/support/wikis.ts'
import type { Folder } from './folder.ts'
import type { Person } from './seed.ts'
import { sendForm } from './web-browser.ts'
import type { OwnDoor } from './web-own.ts'

const ACTOR = 'bench'

type Stop = () => Promise<void>
export type WebService = {
  name: string
  url: string
  /** Leads whoever is signed in at Schedar into the service, without a click. */
  enter: string
  /** Who the service says is there: true for the person, false for a visitor; throws what else came. */
  isIn(browser: Browser, person: Person): Promise<boolean>
  /** Milliseconds between an answer and the next question. */
  everyMs: number
  /** Ends it, and starts it again. Absent where nothing is kept that could outlive a suspension. */
  down?: () => Promise<void>
  up?: () => Promise<void>
  /** Absent where whoever started the server stops it. */
  stop?: Stop
  /** Where a wiki's files are. */
  folder?: string
  /** The service's own sign-in, where its kit leaves it open. */
  own?: OwnDoor
}

/** Pages and a list that follows a group. */
export type ListServer<T> = { server: T; config: Record<string, unknown> & { lists: Record<string, { who: string }> } }

type Registered = { client: Client; clientSecret: string; kit(options?: Record<string, string>): Promise<KitFile[]> }

async function register(
  folder: Folder,
  kind: string,
  url: string,
  config?: Record<string, unknown>,
): Promise<Registered> {
  const plugin: Plugin = await loadPlugin(kind)
  const added = await folder.within(({ core }) => addClient(core)({ kind, name: kind, url, plugin, actor: ACTOR }))
  return {
    ...added,
    kit: (options = {}) => folder.within(({ core }) => kitOf(core)(added.client, plugin, options, config)),
  }
}

const strange = (name: string, { status, url, text }: Reply): Error =>
  new Error(`${name} answered ${status} at ${url}: ${text.replace(/\s+/g, ' ').slice(0, 300)}`)

/** A page of a service that visitors see too: signed in when it names the person, else it must be the visitors' page. */
function shows(name: string, reply: Reply, isPerson: RegExp, isVisitor: RegExp): boolean {
  if (reply.status === 200 && isPerson.test(reply.text)) return true
  if (reply.status === 200 && isVisitor.test(reply.text)) return false
  throw strange(name, reply)
}

/** mod_auth_openidc's own address to begin at (OpenID Connect Core §4). */
const entranceOf = (url: string, { issuer }: Folder, target = '/'): string =>
  `${url}/oidc/callback?iss=${encodeURIComponent(issuer)}&target_link_uri=${encodeURIComponent(`${url}${target}`)}`

export async function spip(folder: Folder, { id }: Person): Promise<WebService> {
  const site = await startSpip()
  const { client, kit } = await register(folder, 'spip', site.url)
  await site.installKit(await kit())
  const role = { clientId: client.clientId, subjectKind: 'account', subject: id, role: 'redacteur' } as const
  await folder.within(({ core }) => setClientRole(core)({ ...role, actor: ACTOR }))
  const who = `${site.url}/spip.php?page=qui`
  return {
    ...{ name: 'SPIP', url: site.url, everyMs: 60, down: site.down, up: site.up, stop: site.stop },
    enter: `${site.url}/spip.php?action=schedar&retour=${encodeURIComponent(who)}`,
    async isIn(browser, { username }) {
      const reply = await browser.fetch(who)
      return shows('SPIP', reply, new RegExp(`\\|${username}\\|`), /^\s*\|\|/)
    },
    own: {
      ...{ service: 'SPIP', what: 'its form, bcrypt' },
      signIn: async (browser) => {
        const { login, password } = site.webmaster
        const form = `${site.url}/spip.php?page=login&url=${encodeURIComponent('spip.php?page=qui')}`
        await sendForm(browser, form, { var_login: login, password })
      },
      isIn: async (browser) => (await browser.fetch(who)).text.includes(`|${site.webmaster.login}|`),
    },
  }
}

export async function apacheBlock(folder: Folder): Promise<WebService> {
  const vhost = await startVhost({
    kit: async ({ url, dir, cacheDir }) => (await register(folder, 'apache', url)).kit({ dir, cache_dir: cacheDir }),
  })
  return {
    ...{ name: 'Apache', url: vhost.url, everyMs: 30, down: vhost.down, up: vhost.up, stop: vhost.stop },
    enter: `${vhost.url}/`,
    async isIn(browser, { username }) {
      const reply = await browser.fetch(`${vhost.url}/`)
      if (reply.location?.startsWith(`${folder.issuer}/auth?`)) return false
      if (reply.status !== 200 || JSON.parse(reply.text).user !== username) throw strange('Apache', reply)
      return true
    },
  }
}

/** Its form for a password is left open, for the comparison with it. */
export async function roundcube(folder: Folder, dovecot: Dovecot, { login }: Person): Promise<WebService> {
  const webmail = await startRoundcube({
    host: '127.0.0.8',
    kit: async (url) =>
      (await register(folder, 'roundcube', url)).kit({
        imap: `127.0.0.1:${dovecot.imapPort}`,
        smtp: 'ssl://127.0.0.1:465',
        single_door: 'no',
      }),
  })
  const isIn = async (browser: Browser): Promise<boolean> => {
    // A page without IMAP: Dovecot would refuse the token by itself, and it is Roundcube's session that is asked for.
    const reply = await browser.fetch(`${webmail.url}/?_task=settings&_action=about&_framed=1`)
    return shows('Roundcube', reply, /"action":"about"/, /session_error/)
  }
  return {
    ...{
      name: 'Roundcube',
      isIn,
      url: webmail.url,
      everyMs: 80,
      down: webmail.down,
      up: webmail.up,
      stop: webmail.stop,
    },
    enter: `${webmail.url}/?_task=login&_action=oauth`,
    own: {
      ...{ service: 'Roundcube', what: 'its form, the password at Dovecot', isIn },
      signIn: async (browser) => {
        await sendForm(browser, `${webmail.url}/`, { _user: login, _pass: dovecot.password(login) })
      },
    },
  }
}

export async function sympaPages(folder: Folder, { server, config }: ListServer<Sympa>): Promise<WebService> {
  const { url } = server
  const { kit } = await register(folder, 'sympa', url, { host: undefined, ...config })
  const places = { dir: join(server.folder, 'schedar'), cacheDir: join(server.folder, 'cache') }
  const files = await kit({ path: SYMPA_PATH, listmaster: LISTMASTER, dir: places.dir, cache_dir: places.cacheDir })
  await server.installLists(files)
  await server.startHelper()
  await server.startPages(files, places)
  return {
    ...{ name: 'Sympa', url, everyMs: 150 },
    enter: `${url}/oidc/sign-in`,
    async isIn(browser, { login }) {
      const reply = await browser.fetch(`${url}${SYMPA_PATH}`)
      return shows('Sympa', reply, new RegExp(RegExp.escape(login)), /sso_login/)
    },
    async down() {
      server.stopHelper()
      await server.pages().down()
    },
    async up() {
      await server.startHelper()
      await server.pages().up()
    },
  }
}

export async function mailmanPages(folder: Folder, { server }: ListServer<Mailman>): Promise<WebService> {
  const { url } = server
  const { kit } = await register(folder, 'mailman', url)
  const places = { dir: join(server.folder, 'schedar'), cacheDir: join(server.folder, 'sessions') }
  await server.startPages(await kit({ path: MAILMAN_PATH, dir: places.dir, cache_dir: places.cacheDir }), places)
  return {
    ...{ name: 'Mailman', url, everyMs: 100 },
    enter: `${url}/oidc/sign-in`,
    async isIn(browser) {
      const reply = await browser.fetch(`${url}${MAILMAN_PATH}/user-profile/`)
      if (reply.location?.includes('/accounts/login')) return false
      if (reply.status !== 200) throw strange('Mailman', reply)
      return true
    },
    async down() {
      await server.stopCore()
      await server.pages().down()
    },
    async up() {
      await server.startCore()
      await server.pages().up()
    },
  }
}

const wikiKit = (folder: Folder, kind: string) => async (url: string, settings: Record<string, string>) =>
  (await register(folder, kind, url)).kit(settings)

const wiki = (
  folder: Folder,
  { url, folder: files, down, up, stop }: Apache,
  target: string,
): Omit<WebService, 'name' | 'isIn'> => ({
  ...{ url, folder: files, down, up, stop, everyMs: 100 },
  enter: entranceOf(url, folder, target),
})

export async function dokuwiki(folder: Folder): Promise<WebService> {
  const started = await startDokuwiki({ former: 'gaston', kit: wikiKit(folder, 'dokuwiki') })
  const page = '/doku.php?id=essai'
  return {
    ...wiki(folder, started, page),
    name: 'DokuWiki',
    async isIn(browser, { username }) {
      const reply = await browser.fetch(`${started.url}${page}`)
      return shows('DokuWiki', reply, new RegExp(`\\(<bdi>${username}</bdi>\\)`), /do=login/)
    },
  }
}

export async function mediawiki(folder: Folder): Promise<WebService> {
  const started = await startMediawiki({ former: 'Gaston', kit: wikiKit(folder, 'mediawiki') })
  const who = `${started.url}/api.php?format=json&action=query&meta=userinfo`
  return {
    ...wiki(folder, started, '/index.php?title=Essai'),
    name: 'MediaWiki',
    async isIn(browser, { username }) {
      const reply = await browser.fetch(who)
      return shows('MediaWiki', reply, new RegExp(`"name":"${username}"`, 'i'), /"anon"/)
    },
  }
}

/** What one request to the door of forward authentication needs: for questions without the proxy. */
export type ForwardAuth = { service: WebService; clientId: string; clientSecret: string }

/** `extra`: more lines for nginx's server { }. */
export async function forwardAuth(folder: Folder, application: Application, extra: string): Promise<ForwardAuth> {
  let registered: Registered | undefined
  const { url, stop } = await startNginx({
    host: '127.0.0.9',
    application,
    extra,
    kit: async (at) => {
      registered = await register(folder, 'forward-auth', at.url)
      return registered.kit({ nginx_dir: at.dir })
    },
  })
  const { client, clientSecret } = registered!
  const service: WebService = {
    ...{ name: 'forward-auth', url, stop, everyMs: 20, enter: `${url}/` },
    async isIn(browser, { username }) {
      const reply = await browser.fetch(`${url}/`)
      if (reply.location?.startsWith(`${folder.issuer}/auth?`) || reply.status === 403) return false
      if (reply.status !== 200 || JSON.parse(reply.text).headers['remote-user'] !== username)
        throw strange('forward-auth', reply)
      return true
    },
  }
  return { service, clientId: client.clientId, clientSecret }
}
