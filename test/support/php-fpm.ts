// A private php-fpm: one pool per site, each with a user of its own, and requests to its scripts over FastCGI. Needs Debian's
// php-fpm and libfcgi-bin, and root (a pool's processes change their user).
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

export type Pool = { name: string; user: string; lines: string; scripts: Record<string, string> }
export type PhpFpm = {
  dir: string
  /** What a script prints, without its header. */
  get(pool: string, script: string, query?: Record<string, string>): Promise<string>
  log(): Promise<string>
  remove(): Promise<void>
}

const poolConf = (dir: string, { name, user, lines }: Pool) => `\
[${name}]
user = ${user}
group = ${user}
listen = ${dir}/${name}.sock
pm = static
pm.max_children = 1
catch_workers_output = yes
${lines}
`

export async function startPhpFpm(pools: readonly Pool[]): Promise<PhpFpm> {
  const dir = await mkdtemp('/tmp/fpm-')
  await chmod(dir, 0o755)
  const logFile = join(dir, 'log')
  const conf = join(dir, 'fpm.conf')
  await writeFile(
    conf,
    `[global]\nerror_log = ${logFile}\ndaemonize = no\n${pools.map((pool) => poolConf(dir, pool)).join('')}`,
  )
  for (const { name, scripts } of pools) {
    await mkdir(join(dir, name))
    for (const [script, code] of Object.entries(scripts)) await writeFile(join(dir, name, script), code)
  }
  const [binary] = globSync('/usr/sbin/php-fpm*')
  if (!binary) throw new Error('php-fpm is not installed')
  // -n: without the machine's own php.ini.
  const child = spawn(binary, ['-n', '-F', '-y', conf], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const withUs = () => child.kill('SIGTERM')
  process.once('exit', withUs)
  const log = () => readFile(logFile, 'utf8').catch(() => '')
  const isUp = async () => (await Promise.all(pools.map(({ name }) => stat(join(dir, `${name}.sock`))))).length > 0
  for (const deadline = performance.now() + 20_000; !(await isUp().catch(() => false)); await sleep(20))
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`php-fpm: ${await log()}`)
  return {
    dir,
    log,
    async get(pool, script, query = {}) {
      const { stdout } = await promisify(execFile)('cgi-fcgi', ['-bind', '-connect', join(dir, `${pool}.sock`)], {
        env: {
          SCRIPT_FILENAME: join(dir, pool, script),
          SCRIPT_NAME: `/${script}`,
          REQUEST_METHOD: 'GET',
          QUERY_STRING: String(new URLSearchParams(query)),
        },
      })
      return stdout.split('\r\n\r\n').slice(1).join('\r\n\r\n')
    },
    async remove() {
      process.off('exit', withUs)
      child.kill('SIGTERM')
      await exited
      await rm(dir, { recursive: true, force: true })
    },
  }
}
