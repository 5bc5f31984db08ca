// The program as people run it: `schedar serve` in a process of its own, commands beside it, and kill -9.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { KitFile } from '../../src/plugin.ts'
import { type Letter, lettersIn } from './letters.ts'
import { freePort } from './ports.ts'

const NODE = join(import.meta.dirname, '../../node_modules/.bin/node')
const MAIN = join(import.meta.dirname, '../../src/main.ts')

export type CommandResult = { code: number; out: string; err: string }

export type Program = {
  issuer: string
  folder: string
  file: string
  env: Record<string, string>
  /** Change schedar.yaml; the server reads it at its next start. */
  configure(change: Record<string, unknown>): void
  /** Start the server; resolves when it answers. */
  serve(): Promise<void>
  /** The set-up link that the server printed. */
  setUpLink(): string
  /** End it in good order, or at once. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
  schedar(...argv: string[]): Promise<CommandResult>
  /** A command's JSON; it must succeed. */
  json<T = Record<string, unknown>>(...argv: string[]): Promise<T>
  /** The files that `schedar kit` writes for a client. */
  kit(clientId: string, options?: Record<string, string>): Promise<KitFile[]>
  letters(): Letter[]
  /** What the server wrote: its log, and what it printed for people. */
  written(): string
  remove(): Promise<void>
}

export type ProgramOptions = { config?: Record<string, unknown>; database?: string; env?: Record<string, string> }

/** A `mysql://user:password@…` URL as schedar.yaml takes it: the password by reference. */
export function databaseConfig(url: string): {
  config: { url: string; password: string }
  env: Record<string, string>
} {
  const parsed = new URL(url)
  const password = decodeURIComponent(parsed.password)
  parsed.password = ''
  return { config: { url: parsed.href, password: 'env:DATABASE_PASSWORD' }, env: { DATABASE_PASSWORD: password } }
}

/** As a kit: what only its owner may read is secret. */
export function filesUnder(folder: string): KitFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({
      path: relative(folder, path),
      content: readFileSync(path),
      secret: (statSync(path).mode & 0o077) === 0,
    }))
}

export async function createProgram({ config = {}, database, env = {} }: ProgramOptions = {}): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), 'schedar-program-'))
  const file = join(folder, 'schedar.yaml')
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const stored = database ? databaseConfig(database) : undefined
  let settings: Record<string, unknown> = {
    issuer,
    listen: { port },
    signIn: { answerAfterMs: 60 },
    ...(stored && { database: stored.config }),
    ...config,
  }
  const environment = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    SCHEDAR_CONFIG: file,
    ...stored?.env,
    ...env,
  }
  const write = () => writeFileSync(file, stringify(settings))
  write()

  let server: ChildProcess | undefined
  let written = ''

  const schedar: Program['schedar'] = (...argv) =>
    new Promise((resolve) => {
      execFile(NODE, [MAIN, ...argv], { env: environment, cwd: folder, timeout: 60_000 }, (error, out, err) =>
        resolve({ code: error ? Number(error.code ?? -1) : 0, out, err }),
      )
    })

  const stop: Program['stop'] = async (signal = 'SIGTERM') => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill(signal)
    await exited
  }

  return {
    issuer,
    folder,
    file,
    env: environment,
    configure(change) {
      settings = { ...settings, ...change }
      write()
    },
    async serve() {
      const child = spawn(NODE, [MAIN, 'serve'], { env: environment, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
      server = child
      const before = written.length
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => (written += text))
      for (const deadline = performance.now() + 30_000; ; await sleep(20)) {
        if (child.exitCode !== null || performance.now() > deadline)
          throw new Error(`the server does not come up:\n${written.slice(-3000)}`)
        const answer = await fetch(`${issuer}/ready`).catch(() => undefined)
        // The link for people is the last thing it prints.
        if (answer?.ok && written.slice(before).includes('Schedar is at')) return
      }
    },
    setUpLink: () => written.match(/http:\S+\/set-up\/\S+/)?.[0] ?? '',
    stop,
    schedar,
    async json(...argv) {
      const { code, out, err } = await schedar('--json', ...argv)
      if (code !== 0) throw new Error(`schedar ${argv.join(' ')} ended with ${code}: ${err}${out}`)
      return JSON.parse(out)
    },
    async kit(clientId, options = {}) {
      const target = mkdtempSync(join(folder, 'kit-'))
      const { code, err } = await schedar(
        'kit',
        clientId,
        target,
        ...Object.entries(options).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
      )
      if (code !== 0) throw new Error(err)
      return filesUnder(target)
    },
    letters: () => lettersIn(join(folder, 'data', 'mail')),
    written: () => written,
    async remove() {
      await stop('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
