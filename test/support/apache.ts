// A private Apache in a temporary folder, with mod_php when PHP pages are served. It is stopped by its own process id;
// the machine's Apache is left alone. `startVhost` puts the Apache kit's own files into one.
import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { KitFile } from '../../src/plugin.ts'
import { freePort, reachable } from './ports.ts'

const run = promisify(execFile)
const MODULES = '/usr/lib/apache2/modules'
const asRoot = process.getuid?.() === 0

/** Numeric ids of a system user. */
export async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((entry) => entry.startsWith(`${user}:`))
  const [, , uid, gid] = (line ?? '').split(':')
  if (!uid || !gid) throw new Error(`no user ${user} on this machine`)
  return { uid: Number(uid), gid: Number(gid) }
}

/** Gives a path to the user that Apache's children run as. */
export async function giveToApache(path: string): Promise<void> {
  if (!asRoot) return
  const { uid, gid } = await idsOf('www-data')
  await chown(path, uid, gid)
}

/** A temporary folder that Apache's children can enter. */
export async function servedFolder(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix))
  await chmod(folder, 0o755)
  return folder
}

export async function writeKit(files: readonly KitFile[], folder: string): Promise<void> {
  for (const { path, content, secret } of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
    if (secret) await chmod(join(folder, path), 0o600)
  }
}

export type ApacheOptions = {
  host: string
  folder: string
  port: number
  modules?: readonly string[]
  php?: readonly string[]
  body: string
}

const basic = [
  'authn_core',
  'authz_core',
  'authz_user',
  'authz_host',
  'access_compat',
  'alias',
  'deflate',
  'dir',
  'env',
  'expires',
  'headers',
  'mime',
  'negotiation',
  'rewrite',
  'setenvif',
]

const configuration = ({ host, folder, port, modules = [], php = [], body }: ApacheOptions): string => `
ServerRoot ${folder}
PidFile ${folder}/apache.pid
Mutex file:${folder} default
Listen ${host}:${port}
ServerName ${host}:${port}
${asRoot ? 'User www-data\nGroup www-data' : ''}
LoadModule mpm_prefork_module ${MODULES}/mod_mpm_prefork.so
${[...basic, ...modules].map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
LoadModule php_module ${MODULES}/libphp8.2.so
StartServers 5
MinSpareServers 2
MaxSpareServers 8
MaxRequestWorkers 12
TypesConfig /etc/mime.types
ErrorLog ${folder}/error.log
LogLevel warn
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
CustomLog ${folder}/access.log common
php_admin_value session.save_path ${folder}/php
php_admin_value upload_tmp_dir ${folder}/php
php_admin_value sys_temp_dir ${folder}/php
php_admin_value sendmail_path "/usr/bin/tee -a ${folder}/php/mail"
php_admin_flag opcache.enable on
php_admin_value opcache.revalidate_freq 0
php_admin_flag log_errors on
php_admin_flag display_errors off
${php.join('\n')}
DirectoryIndex index.php index.html
<FilesMatch "\\.php$">
  SetHandler application/x-httpd-php
</FilesMatch>
${body}
`

export type Apache = {
  url: string
  folder: string
  graceful(): Promise<void>
  errors(): Promise<string>
  /** Ends it and keeps its folder; what starts it again, at the same port. */
  interrupt(): Promise<() => Promise<void>>
  stop(): Promise<void>
}

/** Starts Apache with a configuration body; it answers once this resolves. */
export async function startApache(options: ApacheOptions): Promise<Apache> {
  const { host, port, folder } = options
  const file = join(folder, 'apache.conf')
  await mkdir(join(folder, 'php'), { recursive: true })
  await giveToApache(join(folder, 'php'))
  await writeFile(file, configuration(options))
  const apache2 = (action: string) => run('/usr/sbin/apache2', ['-f', file, '-k', action])
  const errors = () => readFile(join(folder, 'error.log'), 'utf8').catch(() => '')
  const readPid = async () => Number(await readFile(join(folder, 'apache.pid'), 'utf8').catch(() => ''))
  let pid = 0
  const start = async (): Promise<void> => {
    await apache2('start')
    await until(async () => (await readPid()) > 0, 'Apache did not write its process id')
    await reachable(port, host)
    pid = await readPid()
  }
  const end = async (): Promise<void> => {
    process.kill(pid, 'SIGTERM')
    await until(async () => !alive(pid), 'Apache did not stop')
  }
  await start()
  return {
    url: `http://${host}:${port}`,
    folder,
    errors,
    graceful: async () => {
      const before = (await errors()).length
      process.kill(pid, 'SIGUSR1')
      await until(
        async () => (await errors()).slice(before).includes('resuming normal operations'),
        'Apache did not reload',
      )
    },
    interrupt: async () => {
      await end()
      return start
    },
    stop: async () => {
      if (alive(pid)) await end()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function until(done: () => Promise<boolean>, complaint: string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(complaint)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** A page that prints who Apache says is there. */
const whoPage = `<?php
header('Content-Type: application/json');
$claims = array_filter($_SERVER, fn($name) => str_contains($name, 'OIDC_CLAIM_'), ARRAY_FILTER_USE_KEY);
echo json_encode(['user' => $_SERVER['REMOTE_USER'] ?? null, 'remoteUser' => $_SERVER['HTTP_X_REMOTE_USER'] ?? '', 'claims' => $claims, 'cookie' => $_SERVER['HTTP_COOKIE'] ?? '', 'headers' => array_keys(getallheaders())]);
`

export type VhostOptions = {
  host?: string
  /** Given the site's address, the kit's files and the folder that they expect to be copied to. */
  kit: (at: { url: string; dir: string; cacheDir: string }) => Promise<readonly KitFile[]>
  /** More lines inside the <VirtualHost>. */
  extra?: string
}

/** An Apache whose one site is protected by the kit; it holds a public, a members' and a forbidden folder. */
export async function startVhost({ host = '127.0.0.3', kit, extra = '' }: VhostOptions): Promise<Apache> {
  const folder = await servedFolder('schedar-apache-')
  const port = await freePort(host)
  const url = `http://${host}:${port}`
  const dir = join(folder, 'schedar')
  const cacheDir = join(folder, 'cache')
  await mkdir(cacheDir, { mode: 0o700 })
  await giveToApache(cacheDir)
  const files = await kit({ url, dir, cacheDir })
  await writeKit(files, dir)
  for (const path of ['index.php', 'board/index.php', 'private/index.php']) {
    await mkdir(dirname(join(folder, 'htdocs', path)), { recursive: true })
    await writeFile(join(folder, 'htdocs', path), whoPage)
  }
  await writeFile(join(folder, 'htdocs', 'private', '.htaccess'), 'Require all denied\n')
  const included = files.find(({ path }) => path.endsWith('.conf') && !path.includes('secret'))!.path
  return startApache({
    host,
    port,
    folder,
    modules: ['auth_openidc'],
    body: `
DocumentRoot ${folder}/htdocs
<Directory ${folder}/htdocs>
  AllowOverride All
  Require all granted
</Directory>
<VirtualHost ${host}:${port}>
  ServerName ${host}
  DocumentRoot ${folder}/htdocs
  Include ${dir}/${included}
${extra}
</VirtualHost>
`,
  })
}
