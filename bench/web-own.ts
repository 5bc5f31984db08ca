// The services' own ways in, for the comparison: the same SPIP and Roundcube with their forms, and the same wikis, without
// their kits, at addresses of their own in one more Apache; HTTP Basic where a service has no sign-in of its own.
import { execFile } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { type Apache, giveToApache, servedFolder, startApache } from '../test/support/apache.ts'
import type { Browser } from '../test/support/browser-jar.ts'
import { freePort } from '../test/support/ports.ts'
import { sendForm } from './web-browser.ts'
import type { WebHost } from './web-host.ts'
import { mailmanTwin, sympaTwin } from './web-own-lists.ts'

const run = promisify(execFile)

/** `signIn` ends at the same page as the kit's; `isIn` asks whether that worked. */
export type OwnDoor = {
  service: string
  /** What is given there, and how the service keeps it. */
  what: string
  signIn(browser: Browser): Promise<void>
  isIn(browser: Browser): Promise<boolean>
}

export const newSecret = (): string => randomBytes(12).toString('base64url')

/** A line of a password file, as htpasswd(1) writes it; the password goes by its standard input. */
export async function htpasswd(user: string, password: string, cost: number): Promise<string> {
  const hashing = run('htpasswd', ['-niB', '-C', String(cost), user])
  hashing.child.stdin?.end(password)
  return `${(await hashing).stdout.trim()}\n`
}

export const basicOf = (user: string, password: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

/** A page behind HTTP Basic, as a browser opens it: it is asked for the password, and asks once more with it. */
export function basicDoor(service: string, address: string, headers: { authorization: string }): OwnDoor {
  let status = 0
  return {
    ...{ service, what: 'HTTP Basic, bcrypt of htpasswd' },
    async signIn(browser) {
      const asked = await browser.fetch(address)
      if (asked.status !== 401) throw new Error(`${address} answered ${asked.status}`)
      ;({ status } = await browser.fetch(address, { headers }))
    },
    isIn: async () => status === 200,
  }
}

const HOSTS = {
  ...{ basic: '127.0.0.10', dokuwiki: '127.0.0.11', mediawiki: '127.0.0.12' },
  ...{ sympa: '127.0.0.13', mailman: '127.0.0.14' },
} as const
const USER = 'Gaston'
/** PHP's own cost, which DokuWiki leaves as it is. */
const DOKUWIKI_COST = 10
const HTPASSWD_COST = 5

/** A copy of the wiki's settings without the kit's, and with a user. */
async function dokuwikiConf(wikiFolder: string, folder: string, password: string): Promise<string> {
  const conf = join(folder, 'dokuwiki')
  await cp(join(wikiFolder, 'conf'), conf, { recursive: true, filter: (file) => !file.endsWith('local.protected.php') })
  const [, hash] = (await htpasswd('x', password, DOKUWIKI_COST)).trim().split(':')
  await writeFile(join(conf, 'users.auth.php'), `${USER.toLowerCase()}:${hash}:Gaston:gaston@asso.example:user\n`)
  const define = join(folder, 'dokuwiki.php')
  await writeFile(define, `<?php define('DOKU_CONF', '${conf}/');`)
  await run('chown', ['-R', 'www-data:', conf])
  return define
}

/** The wiki's settings without the kit's, at another address, and a password of its own for a user that it had before. */
async function mediawikiSettings(wikiFolder: string, folder: string, url: string, password: string): Promise<string> {
  const own = join(folder, 'LocalSettings.php')
  const settings = await readFile(join(wikiFolder, 'conf/LocalSettings.php'), 'utf8')
  await writeFile(own, `${settings.replace(/^require .*schedar.*$/m, '')}\n$wgServer = '${url}';\n`)
  await giveToApache(own)
  const salt = randomBytes(16)
  const hash = pbkdf2Sync(password, salt, 30_000, 64, 'sha512')
  const database = new DatabaseSync(join(wikiFolder, 'conf/wiki.sqlite'), { timeout: 10_000 })
  // As MediaWiki 1.39 writes it ($wgPasswordConfig, pbkdf2).
  const kept = `:pbkdf2:sha512:30000:64:${salt.toString('base64')}:${hash.toString('base64')}`
  database.prepare('update user set user_password = ? where user_name = ?').run(Buffer.from(kept), USER)
  database.close()
  return own
}

/** Those that need a server of their own. */
export async function startOwnDoors({
  services,
  sympa,
  mailman,
}: Pick<WebHost, 'services' | 'sympa' | 'mailman'>): Promise<{
  doors: OwnDoor[]
  stop: Apache['stop']
}> {
  const folderOf = (name: string): string => services.find((service) => service.name === name)!.folder!
  const wikis = { dokuwiki: folderOf('DokuWiki'), mediawiki: folderOf('MediaWiki') }
  const folder = await servedFolder('schedar-own-')
  const ports = {
    basic: await freePort(HOSTS.basic),
    dokuwiki: await freePort(HOSTS.dokuwiki),
    mediawiki: await freePort(HOSTS.mediawiki),
    sympa: await freePort(HOSTS.sympa),
    mailman: await freePort(HOSTS.mailman),
  }
  const urlOf = (name: keyof typeof HOSTS) => `http://${HOSTS[name]}:${ports[name]}`
  const password = newSecret()
  const define = await dokuwikiConf(wikis.dokuwiki, folder, password)
  const settings = await mediawikiSettings(wikis.mediawiki, folder, urlOf('mediawiki'), password)
  await writeFile(join(folder, 'htpasswd'), await htpasswd(USER, password, HTPASSWD_COST))
  await mkdir(join(folder, 'basic'))
  await writeFile(
    join(folder, 'basic/index.php'),
    "<?php echo json_encode(['user' => $_SERVER['REMOTE_USER'] ?? null]);",
  )
  const lists = await sympaTwin(sympa, urlOf('sympa'), password)
  const archives = await mailmanTwin(mailman, urlOf('mailman'), password)
  const vhost = (name: keyof typeof HOSTS, root: string, more: string) => `
<VirtualHost ${HOSTS[name]}:${ports[name]}>
  ServerName ${HOSTS[name]}
  DocumentRoot ${root}
  <Directory ${root}>
    Options +FollowSymLinks
    AllowOverride None
    Require all granted
  </Directory>
  ${more}
</VirtualHost>`
  const apache = await startApache({
    ...{ folder, host: HOSTS.basic, port: ports.basic },
    modules: ['auth_basic', 'authn_file', 'proxy', 'proxy_fcgi', 'proxy_uwsgi'],
    body: `
Listen ${HOSTS.dokuwiki}:${ports.dokuwiki}
Listen ${HOSTS.mediawiki}:${ports.mediawiki}
Listen ${HOSTS.sympa}:${ports.sympa}
Listen ${HOSTS.mailman}:${ports.mailman}
${vhost(
  'basic',
  `${folder}/basic`,
  `<Location />
    AuthType Basic
    AuthName own
    AuthUserFile ${folder}/htpasswd
    Require valid-user
  </Location>`,
)}
${vhost('dokuwiki', join(wikis.dokuwiki, 'wiki'), `DirectoryIndex doku.php\n  php_admin_value auto_prepend_file ${define}`)}
${vhost('mediawiki', '/usr/share/mediawiki', `SetEnv MW_CONFIG_FILE ${settings}`)}
${vhost('sympa', `${folder}/basic`, lists.place)}
${vhost('mailman', `${folder}/basic`, archives.place)}
`,
  })
  const [doku, media] = [urlOf('dokuwiki'), urlOf('mediawiki')]
  const doors: OwnDoor[] = [
    lists.door,
    archives.door,
    basicDoor('Apache', `${urlOf('basic')}/`, basicOf(USER, password)),
    {
      ...{ service: 'DokuWiki', what: 'its form, bcrypt' },
      signIn: async (browser) => {
        await sendForm(browser, `${doku}/doku.php?id=essai&do=login`, { u: USER.toLowerCase(), p: password })
      },
      isIn: async (browser) =>
        (await browser.fetch(`${doku}/doku.php?id=essai`)).text.includes(`(<bdi>${USER.toLowerCase()}</bdi>)`),
    },
    {
      ...{ service: 'MediaWiki', what: 'its form, PBKDF2' },
      signIn: async (browser) => {
        const address = `${media}/index.php?title=Special:UserLogin&returnto=Essai`
        await sendForm(browser, address, { wpName: USER, wpPassword: password })
      },
      isIn: async (browser) =>
        (await browser.fetch(`${media}/api.php?format=json&action=query&meta=userinfo`)).text.includes(`"${USER}"`),
    },
  ]
  return {
    doors,
    stop: async () => {
      for (const { stop } of [apache, archives, lists]) await stop()
    },
  }
}
