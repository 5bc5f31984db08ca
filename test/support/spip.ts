// SPIP 4.4 as Debian packages it, unpacked into a temporary document root, installed over HTTP with SQLite (or MariaDB) and
// served by a private Apache. The kit's files are put in as its LISEZMOI says, and the plugin is activated through SPIP's own page.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import type { KitFile } from '../../src/plugin.ts'
import { phpString } from '../../src/plugin-kit.ts'
import { type Apache, giveToApache, servedFolder, startApache, writeKit } from './apache.ts'
import { type Browser, createBrowser, formsOf, type Reply } from './browser-jar.ts'
import type { MariadbDatabase } from './mariadb.ts'
import { freePort } from './ports.ts'
import { ensureSpipPackages } from './spip-packages.ts'

const run = promisify(execFile)
const secret = () => randomBytes(12).toString('base64url')

/** A public page that says whom SPIP takes the visitor for. */
export const whoTemplate =
  '#CACHE{0}#HTTP_HEADER{Content-Type: text/plain}[(#SESSION{id_auteur})]|[(#SESSION{login})]|[(#SESSION{statut})]'
const writable = ['IMG', 'local', 'plugins', 'tmp', 'config']

/** Debian's package expects its own folders and /usr/share/php: here everything is under the document root. */
export async function unpack(folder: string): Promise<string> {
  const debs = await ensureSpipPackages()
  const extracted = join(folder, 'debian')
  for (const name of await readdir(debs))
    if (name.endsWith('.deb')) await run('dpkg-deb', ['-x', join(debs, name), extracted])
  const root = join(folder, 'htdocs')
  await rename(join(extracted, 'usr/share/spip'), root)
  await rename(join(extracted, 'usr/share/php'), join(root, 'vendor/php'))
  const links = ['IMG', 'local', 'plugins', 'sites', 'themes', 'config/ecran_securite.php', 'config/mes_options.php']
  for (const link of links) await rm(join(root, link))
  for (const name of [...writable, 'themes', 'squelettes']) await mkdir(join(root, name), { recursive: true })
  await rename(join(extracted, 'etc/spip/ecran_securite.php'), join(root, 'config/ecran_securite.php'))
  await moveSharedLinks(root)
  for (const file of await readdir(join(root, 'vendor'), { recursive: true }))
    if (file.endsWith('.php')) await repath(join(root, 'vendor', file), root)
  return root
}

async function repath(file: string, root: string): Promise<void> {
  const text = await readFile(file, 'utf8')
  const moved = text
    .replaceAll(/'\/usr\/share\/php\/(Algo26|SpipLeague|Jakeasmith)/g, `'${root}/vendor/php/$1`)
    .replaceAll('/usr/share/spip/', `${root}/`)
  if (moved !== text) await writeFile(file, moved)
}

/** Links to /usr/share/javascript and fonts are relative to /usr/share/spip. */
async function moveSharedLinks(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((found) => found.isSymbolicLink())) {
    const link = join(entry.parentPath, entry.name)
    const target = resolve(dirname(join('/usr/share/spip', relative(root, link))), await readlink(link))
    await rm(link)
    await symlink(target, link)
  }
}

type Webmaster = { login: string; password: string; email: string }

export const newWebmaster = (): Webmaster => ({
  login: 'webmestre',
  password: secret(),
  email: 'webmestre@site.example',
})

/** SPIP's installer, step by step as a browser sends it. */
export async function install(
  url: string,
  browser: Browser,
  { login, password, email }: Webmaster,
  database?: MariadbDatabase,
): Promise<void> {
  const step = (etape: string, form: Record<string, string> = {}) =>
    browser.fetch(`${url}/ecrire/?exec=install`, { form: { etape, ...form } })
  const sqlite = { server_db: 'sqlite3', adresse_db: '', login_db: '', pass_db: '' }
  const server = database
    ? {
        server_db: 'mysql',
        adresse_db: `${database.host}:${database.port}`,
        login_db: database.user,
        pass_db: database.password,
      }
    : sqlite
  await step('chmod', { chmod: '0755' })
  const choice: Record<string, string> = database
    ? { choix_db: database.name }
    : { choix_db: 'new_spip', table_new: 'spip' }
  await step('3', { ...server, ...choice, tprefix: 'spip', chmod: '0777' })
  const webmaster = { nom: 'Webmestre', email, login, pass: password, pass_verif: password }
  await step('3b', { ...server, sel_db: database?.name ?? 'spip', ...webmaster })
  await step('4')
  await step('fin')
}

/** Signs in with SPIP's own form. */
export async function signInLocally(url: string, browser: Browser, login: string, password: string): Promise<Reply> {
  const page = await browser.open(`${url}/spip.php?page=login&url=${encodeURIComponent('/ecrire/')}`)
  const form = formsOf(page).find(({ fields }) => 'var_login' in fields)
  if (!form) throw new Error(`no login form at ${page.url}`)
  return browser.submit(form, { var_login: login, password })
}

/** Configuration > Gestion des plugins: SPIP installs by itself what lies in plugins-dist. */
export async function openPluginsPage(url: string, webmaster: Webmaster): Promise<void> {
  const browser = createBrowser()
  await signInLocally(url, browser, webmaster.login, webmaster.password)
  await browser.open(`${url}/ecrire/?exec=admin_plugin`)
}

/** Configuration > Gestion des plugins > Activer, as the webmaster does it. */
async function activatePlugin(url: string, webmaster: Webmaster): Promise<void> {
  const browser = createBrowser()
  await signInLocally(url, browser, webmaster.login, webmaster.password)
  const page = await browser.open(`${url}/ecrire/?exec=admin_plugin&voir=inactif`)
  const form = formsOf(page).find(({ fields }) => fields.formulaire_action === 'admin_plugin')
  const button = page.text.match(/name=["'](actions\[on\]\[\d+\])["']/)?.[1]
  if (!form || !button)
    throw new Error(`no plugin to activate:\n${page.text.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')}`)
  // SPIP works its list off one action a page, each page reloading itself.
  let last = await browser.submit(form, { [button]: 'Activer' })
  for (let step = 0; last.url.includes('action=actionner') && step < 10; step++) last = await browser.open(last.url)
}

/** An Apache that serves the document root. */
async function serveSpip(host: string, more: string): Promise<{ apache: Apache; root: string }> {
  const folder = await servedFolder('schedar-spip-')
  const root = await unpack(folder)
  for (const name of writable) await giveToApache(join(root, name))
  await giveToApache(join(root, 'config/ecran_securite.php'))
  await writeFile(join(root, 'squelettes/qui.html'), whoTemplate)
  await writeFile(join(root, 'config/mes_options.php'), "<?php\ndefine('SPIP_ERREUR_REPORT', E_ALL);\n")
  const body = `
DocumentRoot ${root}
<Directory ${root}>
  Options FollowSymLinks
  AllowOverride All
  Require all granted
</Directory>
<Directory ${root}/vendor>
  Require all denied
</Directory>
${more}
`
  return { apache: await startApache({ host, port: await freePort(host), folder, body }), root }
}

type SqlRow = Record<string, string | number>

/** One SQL statement on the site's own database, as rows of columns. */
async function query(root: string, statement: string, server?: MariadbDatabase): Promise<SqlRow[]> {
  if (server) {
    const connection = await createConnection({ uri: server.url, charset: 'utf8mb4' })
    try {
      const [rows] = await connection.query(statement)
      return Array.isArray(rows) ? (rows as SqlRow[]) : []
    } finally {
      await connection.end()
    }
  }
  const database = new DatabaseSync(join(root, 'config/bases/spip.sqlite'), { timeout: 10_000 })
  try {
    return database.prepare(statement).all() as SqlRow[]
  } finally {
    database.close()
  }
}

/** Changes constants of config/schedar.php, as a webmaster would with an editor. */
async function configure(root: string, changes: Record<string, boolean | number | string>): Promise<void> {
  const file = join(root, 'config/schedar.php')
  let text = await readFile(file, 'utf8')
  for (const [name, value] of Object.entries(changes)) {
    const written = typeof value === 'string' ? phpString(value) : value
    text = text.replace(new RegExp(`define\\('${name}', .*\\);`), () => `define('${name}', ${written});`)
  }
  await writeFile(file, text)
}

export type SpipOptions = {
  host?: string
  /** An empty database; without one SPIP keeps a SQLite file. */
  database?: MariadbDatabase | undefined
  /** More lines for its Apache. */
  more?: string
}

/** A SPIP site with a local webmaster and without the kit; `installKit` puts it in, or stops the site if it cannot. */
export async function startSpip({ host = '127.0.0.2', database, more = '' }: SpipOptions = {}) {
  const { apache, root } = await serveSpip(host, more)
  const { url, folder } = apache
  const webmaster = newWebmaster()
  try {
    await install(url, createBrowser(), webmaster, database)
    if (!existsSync(join(root, 'config/connect.php'))) throw new Error(`SPIP did not install: ${await apache.errors()}`)
  } catch (error) {
    await apache.stop()
    throw error
  }
  const sql = (statement: string) => query(root, statement, database)
  return {
    ...apache,
    root,
    webmaster,
    sql,
    installKit: async (files: readonly KitFile[]): Promise<void> => {
      try {
        await writeKit(files, root)
        await giveToApache(join(root, 'config/schedar.php'))
        await activatePlugin(url, webmaster)
        const [row] = await sql("select valeur from spip_meta where nom='schedar_base_version'")
        if (!row) throw new Error('the plugin was not activated')
      } catch (error) {
        await apache.stop()
        throw error
      }
    },
    configure: (changes: Record<string, boolean | number | string>): Promise<void> => configure(root, changes),
    /** SPIP writes down that its database is away, and asks it nothing for half a minute. */
    databaseIsBack: async (): Promise<void> => {
      for (const name of await readdir(join(root, 'tmp')))
        if (/^mysql\..*\.out$/.test(name)) await rm(join(root, 'tmp', name))
    },
    log: () => readFile(join(root, 'tmp/log/schedar.log'), 'utf8').catch(() => ''),
    sessions: async (): Promise<string[]> =>
      (await readdir(join(root, 'tmp/sessions')).catch(() => [])).filter((name) => /^[1-9]\d*_\w{32}\.php$/.test(name)),
    mails: () => readFile(join(folder, 'php/mail'), 'utf8').catch(() => ''),
  }
}
