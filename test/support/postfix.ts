// A private Postfix on free loopback ports, in a temporary folder, with Schedar's part installed by the very commands of
// the kit's README; what it sends out ends in a sink. Passwords and mailboxes are a private Dovecot's. Needs Debian's
// postfix and postfix-lmdb, and root (Postfix's processes change their user).
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { config as configSchema, type PostfixConfig } from '../../plugins/postfix/config.ts'
import plugin from '../../plugins/postfix/index.ts'
import { kitTarget } from '../contract/kit.ts'
import { type Dovecot, shellBlocks } from './dovecot.ts'
import { type MailSink, startSink } from './mail-sink.ts'
import { freePort } from './ports.ts'
import { smtp } from './smtp.ts'
import { makeAuthority } from './tls.ts'

const run = promisify(execFile)

export type Postfix = {
  dir: string
  /** What schedar.yaml says of it. */
  config: PostfixConfig
  /** For strangers' mail servers, without a sign-in. */
  smtpPort: number
  /** For programs that sign in: STARTTLS, and TLS from the first octet. */
  submissionPort: number
  submissionsPort: number
  /** For Schedar's own letters. */
  lettersPort: number
  ca: string
  sink: MailSink
  /** Runs one of Postfix's commands on this instance: its output. */
  command(name: 'postqueue' | 'postconf' | 'postmap' | 'postsuper', ...args: string[]): Promise<string>
  /** Changes main.cf and starts anew with it. */
  set(...settings: string[]): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
  log(): Promise<string>
  /** Stops it and removes everything. */
  remove(): Promise<void>
}
export type PostfixOptions = {
  dovecot?: Dovecot
  /** The plugin's own configuration. */
  config?: Record<string, unknown>
}

const mainConf = (dir: string, sinkPort: number) => `\
queue_directory = ${dir}/queue
data_directory = ${dir}/data
maillog_file_prefixes = ${dir}, /dev/stdout
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
relayhost = [127.0.0.1]:${sinkPort}
service_throttle_time = 1s
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
`

/** Debian's services without a chroot, and port 25 elsewhere. */
async function masterConf(smtpPort: number): Promise<string> {
  const lines = (await readFile('/etc/postfix/master.cf.proto', 'utf8')).split('\n')
  const unix = lines.filter((line) => /^[a-z]\S*\s+unix/.test(line) && !/\spipe$/.test(line))
  return [`127.0.0.1:${smtpPort} inet n - n - - smtpd`, ...unix.map((line) => line.replace(/^((?:\S+\s+){4})y/, '$1n'))]
    .join('\n')
    .concat('\n')
}

/** The kit's files in a folder of their own, then its README's commands, without what is the machine's. */
async function installKit(dir: string, config: PostfixConfig, options: Record<string, string>): Promise<void> {
  const files = await plugin.kit!(kitTarget(plugin, { url: 'https://mx.asso.example', config, options }))
  for (const { path, content } of files) {
    await mkdir(join(dir, 'kit', path, '..'), { recursive: true })
    await writeFile(join(dir, 'kit', path), content)
  }
  const readme = String(files.find(({ path }) => path === 'README.md')?.content)
  const blocks = shellBlocks(readme).map((block) =>
    block
      .replaceAll('sudo ', '')
      .replaceAll('/etc/logrotate.d/', `${dir}/`)
      .replace(/^.*(?:systemctl|schedar services|schedar-postsuper).*$/gm, ''),
  )
  for (const block of blocks) {
    await run('sh', ['-ec', block], { cwd: join(dir, 'kit') })
    await settle(dir)
  }
}

/** Every program of Postfix's waits for two seconds where main.cf was changed just now. */
async function settle(dir: string): Promise<void> {
  const longAgo = new Date(Date.now() - 3_600_000)
  await utimes(join(dir, 'etc/main.cf'), longAgo, longAgo)
}

/** The process that all others of this Postfix belong to; it is no child of ours but of a script's. */
function masterOf(queue: string): number | undefined {
  try {
    return Number(readFileSync(join(queue, 'pid/master.pid'), 'latin1')) || undefined
  } catch {
    return undefined
  }
}

function end(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    if (pid) process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}

async function launch(dir: string, ports: readonly number[], log: () => Promise<string>): Promise<() => Promise<void>> {
  const queue = join(dir, 'queue')
  await rm(join(queue, 'pid/master.pid'), { force: true })
  const child = spawn('/usr/sbin/postfix', ['-c', join(dir, 'etc'), 'start-fg'], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const withUs = () => end(masterOf(queue), 'SIGTERM')
  process.once('exit', withUs)
  for (const deadline = performance.now() + 20_000; !(await greets(ports)); await sleep(20)) {
    if (child.exitCode !== null || performance.now() > deadline) {
      end(masterOf(queue), 'SIGKILL')
      child.kill('SIGKILL')
      throw new Error(`Postfix does not come up:\n${(await log()).slice(-3000)}`)
    }
  }
  return async () => {
    process.off('exit', withUs)
    end(masterOf(queue), 'SIGTERM')
    const hard = setTimeout(() => end(masterOf(queue), 'SIGKILL'), 10_000)
    await exited
    clearTimeout(hard)
  }
}

/** A smtpd that cannot work still has its port open: only a greeting is a proof. */
async function greets(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    const client = await Promise.race([smtp(port), sleep(2000)])
    client?.close()
    if (!client?.greeting.startsWith('220')) return false
  }
  return true
}

/** Starts one from nothing. Its maps are empty. */
export async function startPostfix(options: PostfixOptions = {}): Promise<Postfix> {
  const dir = await mkdtemp('/tmp/pf-') // not os.tmpdir(): a socket's path has at most 107 bytes
  try {
    await chmod(dir, 0o755)
    return await startIn(dir, options)
  } catch (error) {
    await rm(dir, { recursive: true, force: true })
    throw error
  }
}

async function startIn(dir: string, options: PostfixOptions): Promise<Postfix> {
  const etc = join(dir, 'etc')
  const [smtpPort, submissionPort, submissionsPort] = [await freePort(), await freePort(), await freePort()]
  const lettersPort = await freePort()
  const sink = await startSink()
  const config = configSchema.parse({
    folder: join(dir, 'maps'),
    configDir: etc,
    policy: `127.0.0.1:${await freePort()}`,
    mailLog: join(dir, 'mail.log'),
    ...options.config,
  })
  for (const name of ['etc', 'queue', 'data', 'dovecot/conf.d']) await mkdir(join(dir, name), { recursive: true })
  await chown(join(dir, 'data'), Number((await run('id', ['-u', 'postfix'])).stdout), 0)
  await writeFile(join(etc, 'main.cf'), mainConf(dir, sink.port))
  await writeFile(join(etc, 'master.cf'), await masterConf(smtpPort))
  const { certFile, keyFile, caFile } = await (await makeAuthority(dir)).issue(['IP:127.0.0.1', 'DNS:localhost'])
  await installKit(dir, config, {
    user: 'root',
    queue_dir: join(dir, 'queue'),
    dovecot_dir: join(dir, 'dovecot'),
    tls_cert: certFile,
    tls_key: keyFile,
    submission: `127.0.0.1:${submissionPort}`,
    submissions: `127.0.0.1:${submissionsPort}`,
    letters: `127.0.0.1:${lettersPort}`,
  })
  if (options.dovecot) {
    // Postfix's folder with the sockets is there (README, step 6); Dovecot makes them when it starts.
    await cp(join(dir, 'dovecot/conf.d'), join(options.dovecot.dir, 'conf.d'), { recursive: true })
    await options.dovecot.start()
  }

  const log = () => readFile(config.mailLog!, 'utf8').catch(() => '')
  const ports = options.dovecot ? [smtpPort, submissionPort] : [smtpPort]
  const start = () => launch(dir, ports, log)
  let stop: (() => Promise<void>) | undefined = await start()
  const self: Postfix = {
    dir,
    config,
    smtpPort,
    submissionPort,
    submissionsPort,
    lettersPort,
    ca: await readFile(caFile, 'utf8'),
    sink,
    command: async (name, ...args) => (await run(name, ['-c', etc, ...args], { maxBuffer: 64 * 1024 * 1024 })).stdout,
    async set(...settings) {
      await run('postconf', ['-c', etc, '-e', ...settings])
      await settle(dir)
      await self.start() // not a reload: a process that has not noticed it yet would take one more client
    },
    async start() {
      await self.stop()
      stop = await start()
    },
    async stop() {
      await stop?.()
      stop = undefined
    },
    log,
    async remove() {
      await self.stop()
      sink.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
  return self
}
