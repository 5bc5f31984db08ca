// A private OpenLDAP server (Debian's slapd) in a temporary folder: ldap, ldaps and StartTLS with a certificate of a
// throw-away authority, ppolicy, argon2, memberof, unique, lastbind, syncprov. Several may run at once, one the replica
// of another. Passwords are made at run time.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Attribute, Change, Client } from 'ldapts'
import { freePort, reachable } from './ports.ts'
import { conf, type Layout, people, rootDn, serviceDn, suffix, tree } from './slapd-conf.ts'
import { type Authority, makeAuthority } from './tls.ts'

const run = promisify(execFile)
const secret = () => randomBytes(15).toString('base64url')

export { groups, people, policies, policyEntry, suffix } from './slapd-conf.ts'

export type SlapdOptions = {
  /** A loopback address. */
  host?: string
  authority?: Authority
  /** What the certificate says: `IP:127.0.0.1`, `DNS:localhost`. */
  names?: readonly string[]
  /** Lines of slapd.conf(5) before the database (not while the first entries are loaded), and at the end of it. */
  globals?: readonly string[]
  database?: readonly string[]
  /** Attributes of the default password policy, on top of (or instead of) the usual ones. */
  policy?: Readonly<Record<string, string>>
  /** What the service account may read at once, as slapd.conf(5) `limits` says it. */
  limits?: string
  /** Entries to load before the start. */
  ldif?: string
  /** A server to copy. It asks `every` this long (`00:00:00:01` is a second), or stays connected. */
  replicaOf?: { provider: Slapd; every?: string }
}

type Person = { uid: string; cn?: string; sn?: string; password?: string } & Record<
  string,
  string | string[] | undefined
>

export type Slapd = {
  host: string
  port: number
  ldap: string
  ldaps: string
  authority: Authority
  service: { dn: string; password: string }
  dn(uid: string): string
  /** As the root DN, which no policy binds, over TLS. */
  admin<T>(work: (client: Client) => Promise<T>): Promise<T>
  /** An inetOrgPerson; with a password, hashed by slapd. Gives its entryUUID. */
  addPerson(person: Person): Promise<string>
  read(dn: string): Promise<Record<string, unknown>>
  /** Modify one attribute as root. */
  change(dn: string, operation: 'add' | 'replace' | 'delete', type: string, ...values: string[]): Promise<void>
  /** Lines of slapd.conf(5) that hold from now on, after a restart. */
  require(...globals: string[]): Promise<void>
  stop(): Promise<void>
  start(): Promise<void>
  restart(): Promise<void>
  /** Stop it in its tracks (SIGSTOP): it accepts connections and says nothing. */
  freeze(): Promise<void>
  thaw(): void
  /** Stop it and remove its folder. */
  remove(): Promise<void>
}

const exited = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

async function stopProcess(child: ChildProcess): Promise<void> {
  if (exited(child)) return
  const end = once(child, 'exit')
  child.kill('SIGCONT')
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), 5000)
  await end
  clearTimeout(force)
}

/** Start a server and give it its service account. The caller calls `remove`. */
export async function startSlapd(options: SlapdOptions = {}): Promise<Slapd> {
  const { host = '127.0.0.1', replicaOf } = options
  const folder = await mkdtemp(join(tmpdir(), 'slapd-'))
  await mkdir(join(folder, 'data'))
  const authority = options.authority ?? (await makeAuthority(folder))
  const certificate = await authority.issue(options.names ?? [`IP:${host}`, 'DNS:localhost'])
  const rootPassword = replicaOf ? rootPasswords.get(replicaOf.provider)! : secret()
  const confFile = join(folder, 'slapd.conf')
  const layout: Layout = {
    folder,
    rootPassword,
    certificate,
    globals: options.globals ?? [],
    database: options.database ?? [],
    limits: options.limits ?? 'size=unlimited size.prtotal=unlimited',
    ...(replicaOf && { replicates: { provider: replicaOf.provider.ldap, every: replicaOf.every } }),
  }
  if (!replicaOf) {
    const loadFile = join(folder, 'load.conf')
    await writeFile(loadFile, conf({ ...layout, globals: [] }), { mode: 0o600 })
    await writeFile(join(folder, 'init.ldif'), `${tree(options.policy ?? {})}${options.ldif ?? ''}`)
    await run('slapadd', ['-w', '-f', loadFile, '-b', suffix, '-l', join(folder, 'init.ldif')])
  }
  await writeFile(confFile, conf(layout), { mode: 0o600 })
  const [port, tlsPort] = [await freePort(host), await freePort(host)]
  const [ldap, ldaps] = [`ldap://${host}:${port}`, `ldaps://${host}:${tlsPort}`]
  let child: ChildProcess | undefined

  const start = async () => {
    // A test run that is killed takes its servers along.
    const tied = ['--pdeathsig', 'SIGKILL', 'slapd']
    child = spawn('setpriv', [...tied, '-f', confFile, '-h', `${ldap}/ ${ldaps}/`, '-d', '0'], { stdio: 'ignore' })
    const gone = once(child, 'exit').then(([code]) => {
      throw new Error(`slapd ended with ${code} instead of starting`)
    })
    await Promise.race([reachable(port, host), gone])
    gone.catch(() => {})
  }
  const stop = async () => {
    if (child) await stopProcess(child)
  }
  const admin: Slapd['admin'] = async (work) => {
    const client = new Client({
      url: ldaps,
      timeout: 10_000,
      tlsOptions: { ca: await readFile(authority.caFile), checkServerIdentity: () => undefined },
    })
    await client.bind(rootDn, rootPassword)
    try {
      return await work(client)
    } finally {
      await client.unbind()
    }
  }
  const dn = (uid: string) => `uid=${uid},${people}`
  const read: Slapd['read'] = async (name) =>
    (await admin((client) => client.search(name, { scope: 'base', attributes: ['*', '+'] }))).searchEntries[0]!
  const change: Slapd['change'] = (name, operation, type, ...values) =>
    admin((client) => client.modify(name, new Change({ operation, modification: new Attribute({ type, values }) })))

  const slapd: Slapd = {
    host,
    port,
    ldap,
    ldaps,
    authority,
    service: replicaOf?.provider.service ?? { dn: serviceDn, password: secret() },
    dn,
    admin,
    read,
    change,
    start,
    stop,
    addPerson: async ({ password, uid, cn = uid, sn = cn, ...rest }) => {
      const given = Object.entries(rest).filter((pair): pair is [string, string | string[]] => pair[1] !== undefined)
      const attributes = {
        objectClass: 'inetOrgPerson',
        uid,
        cn,
        sn,
        ...(password && { userPassword: password }),
        ...Object.fromEntries(given),
      }
      await admin((client) => client.add(dn(uid), attributes))
      return String((await read(dn(uid))).entryUUID)
    },
    require: async (...globals) => {
      const strict = conf({ ...layout, globals: [...layout.globals, ...globals] })
      await writeFile(confFile, strict, { mode: 0o600 })
      await stop()
      await start()
    },
    restart: async () => {
      await stop()
      await start()
    },
    freeze: async () => {
      child?.kill('SIGSTOP')
      const stopped = async () => / T /.test(await readFile(`/proc/${child?.pid}/stat`, 'latin1'))
      while (!(await stopped())) await new Promise((resolve) => setTimeout(resolve, 2))
    },
    thaw: () => void child?.kill('SIGCONT'),
    remove: async () => {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  rootPasswords.set(slapd, rootPassword)
  await start()
  // Not by slapadd, which hashes nothing.
  if (!replicaOf) await slapd.change(serviceDn, 'replace', 'userPassword', slapd.service.password)
  return slapd
}

/** A replica binds as its provider's root; nobody else needs to know the password. */
const rootPasswords = new WeakMap<Slapd, string>()

/** Resolves once a replica holds every change of its provider. */
export async function caughtUp(replica: Slapd, provider: Slapd, timeoutMs = 20_000): Promise<void> {
  const mark = (slapd: Slapd) =>
    slapd.read(suffix).then(
      ({ contextCSN }) => String(contextCSN),
      () => '',
    )
  const deadline = performance.now() + timeoutMs
  while ((await mark(replica)) !== (await mark(provider))) {
    if (performance.now() > deadline) throw new Error(`the replica is behind after ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
