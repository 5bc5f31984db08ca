// A private MariaDB (Debian's mariadb-server) in a temporary folder, on a free loopback port; ready in about two seconds, so
// each test file starts its own. Passwords are made at run time. It keeps nothing safe from a power cut: it is fast.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Connection, createConnection } from 'mysql2/promise'
import { freePort, reachable } from './ports.ts'

const run = promisify(execFile)
const secret = (bytes = 15): string => randomBytes(bytes).toString('hex')

export type MariadbDatabase = { url: string; host: string; port: number; name: string; user: string; password: string }

export type Mariadb = {
  host: string
  port: number
  socket: string
  /** A new empty database and a user who may do anything in it. */
  database(): Promise<MariadbDatabase>
  /** As root: for what a test has to break or to look at. */
  admin<T>(work: (connection: Connection) => Promise<T>): Promise<T>
  /** Statements as root by MariaDB's own client, which knows DELIMITER. */
  client(statements: string | Uint8Array): Promise<void>
  /** Down and up again; the data stays. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Stops answering without closing anything, and goes on. */
  freeze(): void
  thaw(): void
  /** Stop it and remove its folder. */
  remove(): Promise<void>
}

const asRoot = process.getuid?.() === 0 ? ['--user=root'] : []

/** Options of the server (mariadbd(8)) on top of the usual ones, such as `--require-secure-transport`. */
export async function startMariadb(options: readonly string[] = []): Promise<Mariadb> {
  const host = '127.0.0.1'
  const port = await freePort(host)
  const folder = await mkdtemp(join(tmpdir(), 'schedar-mariadb-'))
  const [data, socket, init, log] = ['data', 'socket', 'init.sql', 'log'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ]
  const password = secret()
  const small = ['--innodb-log-file-size=16M', '--innodb-buffer-pool-size=64M', '--innodb-flush-log-at-trx-commit=0']
  let server: ChildProcess | undefined

  // `alter user` at every start: root has a password before anybody can connect.
  await writeFile(init, `alter user root@localhost identified by '${password}';\n`, { mode: 0o600 })
  await run('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    // Its own: two at once would find each other's temporary tables.
    `--tmpdir=${folder}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
    ...small,
    ...asRoot,
  ])

  async function start(): Promise<void> {
    const args = [
      '--no-defaults',
      `--datadir=${data}`,
      `--tmpdir=${folder}`,
      `--socket=${socket}`,
      `--pid-file=${folder}/pid`,
      `--init-file=${init}`,
      `--bind-address=${host}`,
      `--port=${port}`,
    ]
    const more = [
      '--skip-name-resolve',
      '--skip-log-bin',
      '--performance-schema=off',
      '--max-connections=300',
      `--log-error=${log}`,
      ...small,
      ...asRoot,
      ...options,
    ]
    const child = spawn('mariadbd', [...args, ...more], { stdio: 'ignore' })
    server = child
    process.once('exit', () => child.kill('SIGKILL'))
    const died = once(child, 'exit').then(async () => {
      throw new Error(
        `mariadbd ended: ${(await readFile(log, 'utf8').catch(() => '')).split('\n').slice(-5).join(' ')}`,
      )
    })
    died.catch(() => {})
    // The socket is opened after the port, and it is this server's own, whoever may have taken the port meanwhile.
    await Promise.race([reachable(port, host).then(() => reachable(socket)), died])
  }

  async function stop(): Promise<void> {
    const child = server
    server = undefined
    if (!child || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    await ended
  }

  async function admin<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await createConnection({ socketPath: socket, user: 'root', password })
    try {
      return await work(connection)
    } finally {
      await connection.end()
    }
  }

  async function client(statements: string | Uint8Array): Promise<void> {
    const running = run('mariadb', ['--no-defaults', '-S', socket, '-u', 'root'], {
      env: { PATH: '/usr/bin:/bin', MYSQL_PWD: password },
    })
    running.child.stdin?.end(statements)
    await running
  }

  await start()
  return {
    host,
    port,
    socket,
    admin,
    client,
    async database() {
      const name = `schedar_${secret(6)}`
      const made = { host, port, name, user: name, password: secret() }
      await admin(async (root) => {
        await root.query(`create database ${name} character set utf8mb4`)
        await root.query(`create user ${name}@'127.0.0.1' identified by '${made.password}'`)
        await root.query(`grant all on ${name}.* to ${name}@'127.0.0.1'`)
      })
      return { ...made, url: `mysql://${made.user}:${made.password}@${host}:${port}/${name}` }
    },
    stop,
    start,
    freeze() {
      server?.kill('SIGSTOP')
      // A thread that runs just now may still answer: proc(5), the state of each.
      const threads = `/proc/${server?.pid}/task`
      const isStopped = (id: string) => readFileSync(`${threads}/${id}/stat`, 'utf8').split(') ')[1]?.startsWith('T')
      while (server && !readdirSync(threads).every(isStopped));
    },
    thaw: () => void server?.kill('SIGCONT'),
    async remove() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
