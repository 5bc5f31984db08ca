// A private Dovecot: IMAP, POP3, ManageSieve, LMTP and doveadm's HTTP on free loopback ports, in a temporary folder, its own
// passdb and userdb laid out as Debian's are, and Schedar's part installed by the very commands of the kit's README. Needs
// Debian's dovecot-{core,imapd,pop3d,lmtpd,managesieved}, and root (Dovecot's processes change their user).
import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { DovecotConfig } from '../../plugins/dovecot/config.ts'
import { kit } from '../../plugins/dovecot/kit.ts'
import type { KitTarget } from '../../src/plugin.ts'
import { freePort } from './ports.ts'

const run = promisify(execFile)

export type Dovecot = {
  /** Short, and open to Dovecot's users. */
  dir: string
  imapPort: number
  pop3Port: number
  sievePort: number
  lmtpPort: number
  /** What schedar.yaml says of it, secrets resolved. */
  config: DovecotConfig
  /** The password of a login at the passdb that Dovecot had before Schedar. */
  password(login: string): string
  /** Runs doveadm on this instance: its output, whatever its exit code. */
  doveadm(...args: string[]): Promise<string>
  /** Ends it and starts it again on the same ports. */
  start(): Promise<void>
  stop(): Promise<void>
  log(): Promise<string>
  /** Stops it and removes everything. */
  remove(): Promise<void>
}
export type DovecotOptions = {
  /** Every login that has a mailbox. */
  logins: readonly string[]
  /** Who checks tokens, and the client that the kit is made for. */
  provider: { issuer: string; client: { clientId: string; clientSecret: string } }
  introspectionTimeoutMs?: number
  /** Whether Schedar's files say where mailboxes are; else Dovecot's own userdb does. */
  homes?: boolean
  /** Whose passwords at Dovecot's own passdb count; everybody's unless said. */
  former?: 'listed' | 'everybody'
  /** Whether Dovecot asks Schedar at each sign-in, at a free port. */
  policy?: boolean
  /** A socket at which a Postfix asks who signs in (its smtpd_sasl_path); its folder must be there. */
  saslSocket?: string
  /** Certificates that Dovecot trusts, for an issuer with https. */
  caFile?: string
}

/** A user id that nobody has: Dovecot takes numbers, and mail needs no account. */
export const MAIL_UID = 5000

/** Text of the `sh` blocks of a page, in order. */
export const shellBlocks = (markdown: string): string[] =>
  [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)

type Ports = Pick<Dovecot, 'imapPort' | 'pop3Port' | 'sievePort' | 'lmtpPort'>

/** Debian's dovecot.conf, with everything that would touch the machine moved into `dir`. */
const mainConf = (dir: string, ports: Ports) => `\
base_dir = ${dir}/run
state_dir = ${dir}/state
log_path = ${dir}/log
auth_verbose = yes
listen = 127.0.0.1
protocols = imap pop3 sieve lmtp
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1000
mail_location = maildir:~/Maildir
mail_max_userip_connections = 1000
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = ${ports.imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${ports.pop3Port}
  }
  inet_listener pop3s {
    port = 0
  }
}
service managesieve-login {
  inet_listener sieve {
    port = ${ports.sievePort}
  }
}
service lmtp {
  inet_listener lmtp {
    port = ${ports.lmtpPort}
  }
}
namespace inbox {
  inbox = yes
}
!include conf.d/*.conf
`

/** The host's own part: passwords under login/sha256(password), any number for a login, and mailboxes. */
const authConf = (dir: string) => `\
auth_mechanisms = plain login
passdb {
  driver = passwd-file
  args = username_format=%Lu/%{sha256;rounds=1:password} ${dir}/passwords
}
userdb {
  driver = passwd-file
  args = username_format=%Lu ${dir}/users
  default_fields = uid=${MAIL_UID} gid=${MAIL_UID} home=${dir}/mail/%Lu
}
`

const saslConf = (socket: string) => `\
service auth {
  unix_listener ${socket} {
    mode = 0660
    user = postfix
    group = postfix
  }
}
`

async function put(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content, { mode })
}

/** The kit's files in a folder of their own, then its README's commands for the folder and for Dovecot 2.3. */
async function installKit(dir: string, target: KitTarget): Promise<void> {
  const files = await kit(target)
  for (const { path, content, secret } of files) await put(join(dir, 'kit', path), content, secret ? 0o600 : 0o644)
  const readme = String(files.find(({ path }) => path === 'README.md')?.content)
  for (const block of shellBlocks(readme).slice(0, 2))
    await run('sh', ['-ec', block.replaceAll('sudo ', '')], { cwd: join(dir, 'kit') })
}

/** What the IMAP port greets with, or nothing. */
const greeting = (port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const done = (text?: string) => {
      socket.destroy()
      resolve(text)
    }
    socket.setTimeout(2000, () => done())
    socket.once('data', (data) => done(String(data)))
    socket.once('error', () => done())
    socket.once('close', () => done())
  })

/** Starts the server as a child and waits for its greeting. Resolves to what stops it. */
async function launch(conf: string, imapPort: number, log: () => Promise<string>): Promise<() => Promise<void>> {
  const child = spawn('/usr/sbin/dovecot', ['-F', '-c', conf], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const withUs = () => child.kill('SIGTERM')
  process.once('exit', withUs)
  for (const deadline = performance.now() + 20_000; !(await greeting(imapPort)); await sleep(20)) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`Dovecot does not come up:\n${(await log()).slice(-3000)}`)
    }
  }
  return async () => {
    process.off('exit', withUs)
    child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await exited
    clearTimeout(hard)
  }
}

/** Starts one from nothing; every login has a mailbox and one random password. */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  const dir = await mkdtemp('/tmp/dv-') // not os.tmpdir(): a socket's path has at most 107 bytes
  try {
    await chmod(dir, 0o755)
    return await startIn(dir, options)
  } catch (error) {
    await rm(dir, { recursive: true, force: true })
    throw error
  }
}

async function startIn(dir: string, options: DovecotOptions): Promise<Dovecot> {
  const ports: Ports = {
    imapPort: await freePort(),
    pop3Port: await freePort(),
    sievePort: await freePort(),
    lmtpPort: await freePort(),
  }
  const passwords = new Map(options.logins.map((login) => [login, randomBytes(16).toString('base64url')]))
  const config: DovecotConfig = {
    folder: join(dir, 'schedar'),
    doveadmUrl: `http://127.0.0.1:${await freePort()}`,
    doveadmApiKey: randomBytes(24).toString('hex'),
    introspectionTimeoutMs: options.introspectionTimeoutMs ?? 2000,
    ...(options.homes && { mailHome: join(dir, 'mail/{domain}/{local}') }),
    imapUrl: `imap://127.0.0.1:${ports.imapPort}`,
    policyTimeoutMs: 500,
    ...(options.policy && {
      policyUrl: `http://127.0.0.1:${await freePort()}`,
      policyKey: randomBytes(24).toString('hex'),
    }),
  }
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const passwordLine = ([login, secret]: [string, string]) =>
    `${login}/${sha256(secret)}:{PLAIN}::::::nopassword=y user=${login}\n`
  await put(join(dir, 'dovecot.conf'), mainConf(dir, ports))
  await put(join(dir, 'conf.d/10-auth.conf'), authConf(dir))
  if (options.saslSocket) await put(join(dir, 'conf.d/99-postfix.conf'), saslConf(options.saslSocket))
  await put(join(dir, 'passwords'), [...passwords].map(passwordLine).join(''))
  await put(join(dir, 'users'), options.logins.map((login) => `${login}:::::::\n`).join(''))
  await mkdir(join(dir, 'mail'))
  await chown(join(dir, 'mail'), MAIL_UID, MAIL_UID)
  await installKit(dir, {
    issuer: options.provider.issuer,
    associationName: 'Asso',
    url: 'http://127.0.0.1',
    client: { ...options.provider.client, redirectUris: [], postLogoutRedirectUris: [] },
    random: (bytes) => randomBytes(bytes).toString('base64url'),
    options: {
      dovecot_dir: dir,
      user: 'root',
      mail_user: String(MAIL_UID),
      former: options.former ?? 'everybody',
      ...(options.caFile && { ca_file: options.caFile }),
    },
    config,
  })

  const conf = join(dir, 'dovecot.conf')
  const log = () => readFile(join(dir, 'log'), 'utf8').catch(() => '')
  const start = () => launch(conf, ports.imapPort, log)
  let stop: (() => Promise<void>) | undefined = await start()
  const self: Dovecot = {
    dir,
    ...ports,
    config,
    password: (login) => passwords.get(login) ?? '',
    doveadm: (...args) =>
      run('doveadm', ['-c', conf, ...args]).then(
        ({ stdout }) => stdout,
        (error: unknown) =>
          error instanceof Error && 'stdout' in error ? String(error.stdout) : Promise.reject(error),
      ),
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
      await rm(dir, { recursive: true, force: true })
    },
  }
  return self
}
