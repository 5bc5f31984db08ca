// Debian's Mailman 3 with a configuration and databases of its own: the REST API of its core, and its pages (Postorius) behind
// uwsgi and a private Apache. The machine's Mailman is left alone.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, chmod, chown, copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { KitFile } from '../../src/plugin.ts'
import { type Apache, idsOf, servedFolder, startApache, writeKit } from './apache.ts'
import { freePort, reachable } from './ports.ts'

const run = promisify(execFile)
const HOST = '127.0.0.7'
const DEBIAN = '/usr/share/mailman3-web'
const API = '127.0.0.1'
export const PATH = '/mailman3'
export const DOMAIN = 'lists.asso.example'

const folders = ['queue', 'lists', 'locks', 'data', 'cache', 'ext', 'messages', 'archives', 'templates']

const coreConfig = (folder: string, port: number, password: string) => `
[mailman]
site_owner: listmaster@${DOMAIN}
layout: own
[paths.own]
var_dir: ${folder}
bin_dir: /usr/lib/mailman3/bin
log_dir: ${folder}/log
lock_dir: ${folder}/locks
data_dir: ${folder}/data
etc_dir: ${folder}
${['queue', 'cache', 'ext', 'messages', 'template'].map((name) => `${name}_dir: ${folder}/${name.replace(/^template$/, 'templates')}`).join('\n')}
list_data_dir: ${folder}/lists
archive_dir: ${folder}/archives
pid_file: ${folder}/master.pid
lock_file: ${folder}/locks/master.lck
[database]
class: mailman.database.sqlite.SQLiteDatabase
url: sqlite:///${folder}/data/mailman.db
[webservice]
hostname: ${API}
port: ${port}
admin_user: restadmin
admin_pass: ${password}
api_version: 3.1
workers: 1
[mta]
incoming: mailman.mta.null.NullMTA
`

const webSettings = (folder: string, api: string, password: string) => `
SECRET_KEY = '${randomBytes(24).toString('hex')}'
ALLOWED_HOSTS = ['*']
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '${folder}/web.db', 'OPTIONS': {'timeout': 30}}}
MAILMAN_REST_API_URL = '${api}'
MAILMAN_REST_API_USER = 'restadmin'
MAILMAN_REST_API_PASS = '${password}'
MAILMAN_ARCHIVER_KEY = '${randomBytes(12).toString('hex')}'
MAILMAN_ARCHIVER_FROM = ('127.0.0.1',)
HAYSTACK_CONNECTIONS = {'default': {'ENGINE': 'haystack.backends.simple_backend.SimpleEngine'}}
LOGGING = {'version': 1, 'disable_existing_loggers': False, 'handlers': {'console': {'class': 'logging.StreamHandler'}}, 'root': {'handlers': ['console'], 'level': 'WARNING'}}
STATIC_ROOT = '/var/lib/mailman3/web/static'
COMPRESS_ENABLED = False
EMAIL_BACKEND = 'django.core.mail.backends.dummy.EmailBackend'
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
`

const uwsgi = (folder: string) => `
[uwsgi]
uwsgi-socket = ${folder}/uwsgi.sock
chmod-socket = 666
chdir = ${folder}/code
wsgi-file = wsgi.py
master = true
processes = 1
threads = 2
enable-threads = true
plugins = python3
die-on-term = true
env = PYTHONDONTWRITEBYTECODE=1
env = LANG=C.UTF-8
disable-logging = true
`

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

export type Mailman = Awaited<ReturnType<typeof startMailman>>

/** `lists`: their addresses. The pages are served once the kit is installed. */
export async function startMailman(lists: readonly string[]) {
  const folder = await servedFolder('schedar-mailman-')
  const { uid, gid } = await idsOf('list')
  const web = await idsOf('www-data')
  const [apiPort, port] = [await freePort(API), await freePort(HOST)]
  const [api, url] = [`http://${API}:${apiPort}`, `http://${HOST}:${port}`]
  const password = randomBytes(18).toString('hex')
  const cfg = join(folder, 'mailman.cfg')
  for (const name of [...folders, 'log']) {
    await mkdir(join(folder, name))
    await chown(join(folder, name), uid, gid)
  }
  await chown(folder, uid, gid)
  await writeFile(cfg, coreConfig(folder, apiPort, password))

  let core: ChildProcess | undefined
  let pages: ChildProcess | undefined
  let apache: Apache | undefined

  async function ask(method: string, path: string, form?: Record<string, string>): Promise<unknown> {
    const answer = await fetch(`${api}/3.1/${path}`, {
      method,
      headers: { authorization: `Basic ${btoa(`restadmin:${password}`)}` },
      ...(form && { body: new URLSearchParams(form) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    const text = await answer.text()
    return text === '' ? undefined : JSON.parse(text)
  }

  /** One runner, in the foreground: the others take and send mail. */
  async function startCore(): Promise<void> {
    core = spawn('/usr/lib/mailman3/bin/runner', ['-C', cfg, '-r', 'rest'], { uid, gid, stdio: 'ignore', cwd: folder })
    await reachable(apiPort, API, 60_000)
  }

  await startCore()
  await ask('POST', 'domains', { mail_host: DOMAIN })
  for (const list of lists) await ask('POST', 'lists', { fqdn_listname: list })

  /** Django's own command, as the pages' user. */
  const manage = (...words: string[]) =>
    run('/usr/bin/python3', ['manage.py', ...words], {
      cwd: join(folder, 'code'),
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1' },
    })

  return {
    folder,
    url,
    config: { url: `${api}/3.1`, user: 'restadmin' },
    password,
    ask,
    startCore,
    stopCore: () => ended(core),
    /** The addresses on a list, in order. */
    async members(list: string): Promise<string[]> {
      const { entries = [] } = (await ask('GET', `lists/${list}/roster/member`)) as { entries?: { email: string }[] }
      return entries.map(({ email }) => email).toSorted()
    },
    addByHand: (list: string, subscriber: string) =>
      ask('POST', 'members', {
        list_id: list.replace('@', '.'),
        subscriber,
        pre_verified: 'true',
        pre_confirmed: 'true',
        pre_approved: 'true',
      }),

    /** Its pages, behind Apache with the kit. */
    async startPages(files: readonly KitFile[], places: { dir: string; cacheDir: string }): Promise<void> {
      const code = join(folder, 'code')
      await mkdir(code)
      for (const name of ['settings.py', 'urls.py', 'wsgi.py', 'manage.py'])
        await copyFile(join(DEBIAN, name), join(code, name))
      const settings = join(code, 'settings_local.py')
      await writeFile(settings, webSettings(folder, api, password))
      const content = (name: string) => String(files.find(({ path }) => path === name)!.content)
      await writeFile(join(code, 'schedar_sso.py'), content('schedar_sso.py'))
      await appendFile(settings, content('mailman-web.end.py'))
      await chmod(settings, 0o644)
      await manage('migrate', '-v', '0')
      await chmod(folder, 0o777)
      await chown(join(folder, 'web.db'), web.uid, web.gid)
      await writeFile(join(folder, 'uwsgi.ini'), uwsgi(folder))
      await writeKit(files, places.dir)
      await mkdir(places.cacheDir, { mode: 0o700 })
      await chown(places.cacheDir, web.uid, web.gid)
      pages = spawn('/usr/bin/uwsgi', ['--ini', join(folder, 'uwsgi.ini')], { ...web, stdio: 'ignore', cwd: code })
      await reachable(join(folder, 'uwsgi.sock'), undefined, 60_000)
      const included = files.find(({ path }) => path.endsWith('.conf') && !path.includes('secret'))!.path
      const home = join(folder, 'apache')
      await mkdir(join(home, 'htdocs'), { recursive: true })
      apache = await startApache({
        host: HOST,
        port,
        folder: home,
        modules: ['proxy', 'proxy_uwsgi', 'auth_openidc'],
        body: `
DocumentRoot ${home}/htdocs
# As in Debian's /etc/mailman3/apache.conf.
Alias ${PATH}/static /var/lib/mailman3/web/static
<Directory /var/lib/mailman3/web/static>
  Require all granted
</Directory>
ProxyPass ${PATH}/static !
ProxyPass ${PATH} unix:${folder}/uwsgi.sock|uwsgi://localhost/
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

    /** A superuser of the pages' own, as they had before the kit, with its address verified. */
    async addFormer(username: string, email: string): Promise<void> {
      const made = `
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
former = User.objects.create_superuser(${JSON.stringify(username)}, ${JSON.stringify(email)}, "x")
EmailAddress.objects.create(user=former, email=${JSON.stringify(email)}, verified=True, primary=True)
`
      await manage('shell', '-c', made)
    },

    errors: async () => (await apache?.errors()) ?? '',
    async stop(): Promise<void> {
      await apache?.stop()
      await ended(pages)
      await ended(core)
      await rm(folder, { recursive: true, force: true })
    },
  }
}
