// The list servers' pages as they are without their kits, beside those with them: the same lists and databases, served by a
// process of their own each, with a form for an address and a password.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { idsOf } from '../test/support/apache.ts'
import { PATH as MAILMAN_PATH, type Mailman } from '../test/support/mailman.ts'
import { reachable } from '../test/support/ports.ts'
import { PATH as SYMPA_PATH, type Sympa } from '../test/support/sympa.ts'
import { sendForm } from './web-browser.ts'
import type { OwnDoor } from './web-own.ts'

const EMAIL = 'gaston@asso.example'

/** A twin of a service's pages: its part of Apache's configuration, and its door. */
export type Twin = { place: string; door: OwnDoor; stop(): Promise<void> }

async function served(
  command: string,
  args: readonly string[],
  socket: string,
  options: { uid: number; gid: number; cwd?: string; env?: NodeJS.ProcessEnv },
): Promise<() => Promise<void>> {
  const child = spawn(command, [...args], { ...options, stdio: 'ignore' })
  const exited = once(child, 'exit')
  const withUs = () => child.kill('SIGTERM')
  process.once('exit', withUs)
  await reachable(socket, undefined, 60_000)
  return async () => {
    process.off('exit', withUs)
    child.kill('SIGTERM')
    await exited
  }
}

/** Another wwsympa with a configuration of its own, whose auth.conf is Sympa's own default. */
export async function sympaTwin({ folder, config }: Sympa, url: string, password: string): Promise<Twin> {
  const etc = join(folder, 'etc-own')
  await mkdir(etc)
  await writeFile(join(etc, 'auth.conf'), 'user_table\n  regexp .*\n\n')
  const own = join(folder, 'own.conf')
  const settings = await readFile(config.configFile, 'utf8')
  await writeFile(
    own,
    settings.replace(/^etc .*$/m, `etc ${etc}`).replace(/^wwsympa_url .*$/m, `wwsympa_url ${url}${SYMPA_PATH}`),
  )
  const database = new DatabaseSync(join(folder, 'sympa.db'), { timeout: 10_000 })
  // Sympa's defaults: password_hash md5, which has no salt, and password_case insensitive.
  const hash = createHash('md5').update(password.toLowerCase()).digest('hex')
  database.prepare('insert into user_table (email_user, password_user) values (?, ?)').run(EMAIL, hash)
  database.close()
  const socket = join(folder, 'own.sock')
  const stop = await served('/usr/lib/cgi-bin/sympa/wwsympa.fcgi', [], socket, {
    ...(await idsOf('sympa')),
    env: {
      ...{ PATH: process.env.PATH, LC_ALL: 'C.UTF-8', SYMPA_CONFIG: own },
      ...{ FCGI_SOCKET_PATH: socket, FCGI_LISTEN_QUEUE: '50' },
    },
  })
  await chmod(socket, 0o666)
  return {
    place: `<Location ${SYMPA_PATH}>\n  SetHandler "proxy:unix:${socket}|fcgi://"\n</Location>`,
    stop,
    door: {
      ...{ service: 'Sympa', what: 'its form, MD5' },
      signIn: async (browser) => {
        const form = { email: EMAIL, passwd: password, action_login: 'x', submit: 'submit' }
        await sendForm(browser, `${url}${SYMPA_PATH}/login`, form, ['email', 'passwd'])
      },
      isIn: async (browser) => (await browser.fetch(`${url}${SYMPA_PATH}`)).text.includes(EMAIL),
    },
  }
}

/** Another uwsgi with the settings as they were before the kit's were added. */
export async function mailmanTwin({ folder }: Mailman, url: string, password: string): Promise<Twin> {
  const [code, socket, ini] = [join(folder, 'code-own'), join(folder, 'own.sock'), join(folder, 'own.ini')]
  await cp(join(folder, 'code'), code, { recursive: true })
  const settings = await readFile(join(code, 'settings_local.py'), 'utf8')
  await writeFile(join(code, 'settings_local.py'), settings.replace(/^# Schedar \([\s\S]*$/m, ''))
  const web = await idsOf('www-data')
  const env = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1' }
  const shell = spawn('/usr/bin/python3', ['manage.py', 'shell'], {
    cwd: code,
    env,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.stdin.end(`
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
user = get_user_model().objects.create_user("gaston", "${EMAIL}", "${password}")
EmailAddress.objects.create(user=user, email="${EMAIL}", verified=True, primary=True)
`)
  const [status] = await once(shell, 'exit')
  if (status !== 0) throw new Error('Mailman made no user of its own')
  await chown(join(folder, 'web.db'), web.uid, web.gid)
  const kit = await readFile(join(folder, 'uwsgi.ini'), 'utf8')
  await writeFile(ini, kit.replace(`${folder}/uwsgi.sock`, socket).replace(`${folder}/code`, code))
  const stop = await served('/usr/bin/uwsgi', ['--ini', ini], socket, { ...web, cwd: code })
  const lists = `${MAILMAN_PATH}/postorius/lists/`
  return {
    place: `ProxyPass ${MAILMAN_PATH} unix:${socket}|uwsgi://localhost/`,
    stop,
    door: {
      ...{ service: 'Mailman', what: 'its form, PBKDF2' },
      signIn: async (browser) => {
        const form = { login: EMAIL, password }
        await sendForm(browser, `${url}${MAILMAN_PATH}/accounts/login/?next=${encodeURIComponent(lists)}`, form)
      },
      isIn: async (browser) => (await browser.fetch(`${url}${MAILMAN_PATH}/user-profile/`)).status === 200,
    },
  }
}
