// Child processes of the benches: servers under test and helpers that say what they did in one JSON value a line.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connection, get } from './http.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** What docs/examples/schedar.service sets, so that servers run as they do in earnest. */
const environment = (): NodeJS.ProcessEnv => ({ ...process.env, NODE_ENV: 'production' })

/** `BENCH_PROFILE=folder` leaves a CPU profile of each provider there, for docs/performance.md. */
const profiling = (name: string): string[] =>
  process.env.BENCH_PROFILE
    ? ['--cpu-prof', `--cpu-prof-dir=${process.env.BENCH_PROFILE}`, `--cpu-prof-name=${name}.cpuprofile`]
    : []

const alive = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

function watched(child: ChildProcess): ChildProcess {
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  return child
}

/** Ends it in good order, or after a while the hard way. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await exited
  clearTimeout(hard)
}

export type Helper = {
  process: ChildProcess
  /** The next value that it says. */
  next(): Promise<unknown>
  /** Sends it a value, one JSON line. */
  tell(value: unknown): void
  stop(): Promise<void>
}

/** Runs a script of this folder with arguments. */
export function helper(script: string, ...args: string[]): Helper {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = watched(
    spawn(process.execPath, [...profiling(script), path, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: environment(),
    }),
  )
  const said = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return {
    process: child,
    async next() {
      const line = await said.next()
      if (line.done) throw new Error(`${script} ended`)
      return JSON.parse(line.value)
    },
    tell: (value) => void child.stdin!.write(`${JSON.stringify(value)}\n`),
    stop: () => end(child),
  }
}

const START_MS = 20_000

/** Milliseconds from now until discovery answers. Throws what the server wrote last when it does not. */
async function untilDiscovery(issuer: string, log: string, child: ChildProcess): Promise<number> {
  const began = performance.now()
  const client = connection(issuer)
  try {
    for (;;) {
      const answer = await client.send(get(`${issuer}/.well-known/openid-configuration`)).catch(() => undefined)
      if (answer?.status === 200) return performance.now() - began
      if (child.exitCode !== null || performance.now() - began > START_MS)
        throw new Error(`the server does not come up: ${readFileSync(log, 'utf8').slice(-2000)}`)
      await sleep(2)
    }
  } finally {
    client.close()
  }
}

export type Serving = { process: ChildProcess; startedInMs: number; stop(): Promise<void> }

/** `schedar serve` on a folder's schedar.yaml, its log in a file; resolves at the first answer. */
export async function serveSchedar(folder: string, issuer: string, name: string): Promise<Serving> {
  const log = join(folder, 'log')
  const out = openSync(log, 'a')
  const began = performance.now()
  const child = watched(
    spawn(process.execPath, [...profiling(name), MAIN, '--config', join(folder, 'schedar.yaml'), 'serve'], {
      stdio: ['ignore', out, out],
      env: environment(),
    }),
  )
  await untilDiscovery(issuer, log, child)
  return { process: child, startedInMs: performance.now() - began, stop: () => end(child) }
}

/** Resident memory of a process in MB. */
export const residentMb = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
