// A private Postfix: SMTP on a free loopback port, in a temporary folder, delivering a domain's mail into Maildirs and
// nothing anywhere else. Needs Debian's postfix, and root (its processes change their user).
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, reachable } from './ports.ts'

const run = promisify(execFile)
const HOST = '127.0.0.1'
const DAEMONS = '/usr/lib/postfix/sbin'

export type Postfix = {
  /** `smtp://…`, for whoever has mail to send; no password is asked on loopback. */
  url: string
  log(): Promise<string>
  /** Stops it and removes everything but the mail that it delivered. */
  remove(): Promise<void>
}
export type PostfixOptions = {
  /** Whose mail it takes; any other recipient is refused. */
  addresses: readonly string[]
  /** Mail for `x@y` goes to `mailRoot/x@y/Maildir`. */
  mailRoot: string
  /** Numeric owner of the mail. */
  uid: number
}

const mainCf = (dir: string, { addresses, mailRoot, uid }: PostfixOptions) => `\
compatibility_level = 3.6
queue_directory = ${dir}/queue
data_directory = ${dir}/data
command_directory = /usr/sbin
daemon_directory = ${DAEMONS}
maillog_file = ${dir}/log
maillog_file_prefixes = ${dir}
inet_interfaces = ${HOST}
inet_protocols = ipv4
myhostname = mx.invalid
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
smtpd_relay_restrictions = reject_unauth_destination
default_transport = error:nothing leaves this machine
virtual_mailbox_domains = ${[...new Set(addresses.map((address) => address.split('@')[1]))].join(' ')}
virtual_mailbox_maps = texthash:${dir}/mailboxes
virtual_mailbox_base = ${mailRoot}
virtual_minimum_uid = ${uid}
virtual_uid_maps = static:${uid}
virtual_gid_maps = static:${uid}
`

/** master(5) of the daemons that this needs, none in a chroot. */
const masterCf = (port: number) => `\
${HOST}:${port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
`

export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const dir = await mkdtemp('/tmp/pf-') // not os.tmpdir(): a socket's path has at most 107 bytes
  const port = await freePort(HOST)
  await chmod(dir, 0o755)
  await mkdir(join(dir, 'queue'))
  await run('install', ['-d', '-m', '700', '-o', 'postfix', join(dir, 'data')])
  await writeFile(join(dir, 'main.cf'), mainCf(dir, options))
  await writeFile(join(dir, 'master.cf'), masterCf(port))
  await writeFile(join(dir, 'mailboxes'), options.addresses.map((one) => `${one} ${one}/Maildir/\n`).join(''))
  const log = () => readFile(join(dir, 'log'), 'utf8').catch(() => '')
  // Makes the queue's folders with the owners that the daemons insist on.
  await run('postfix', ['-c', dir, 'check'])
  // master(8) ends its whole process group: it must not be ours.
  const child = spawn(join(DAEMONS, 'master'), ['-c', dir], { detached: true, stdio: 'ignore' })
  const withUs = () => child.kill('SIGTERM')
  process.once('exit', withUs)
  const exited = once(child, 'exit')
  const died = exited.then(async () => {
    throw new Error(`Postfix ended:\n${(await log()).slice(-2000)}`)
  })
  died.catch(() => {})
  await Promise.race([reachable(port, HOST), died])
  return {
    url: `smtp://${HOST}:${port}`,
    log,
    async remove() {
      process.off('exit', withUs)
      child.kill('SIGTERM')
      await exited
      await rm(dir, { recursive: true, force: true })
    },
  }
}
