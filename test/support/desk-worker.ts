// A whole installation in a process of its own that does what it is told, a line at a time, and says what it did: to be
// killed at any instant. `startWorker` starts one; it holds back until it is given something to do.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openInstallation } from '../../src/compose.ts'
import { AppError } from '../../src/domain/errors.ts'
import { importStatement } from '../../src/usecases/import-statement.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { suspendTogether } from '../../src/usecases/suspend-together.ts'
import { createWatcher } from '../../src/usecases/watcher.ts'
import type { Program } from './program.ts'

const SCRIPT = fileURLToPath(import.meta.url)
const NODE = join(import.meta.dirname, '../../node_modules/.bin/node')

/** `one`: the id of an account. `together`: usernames. `statement`: a file's path. */
export type Order = { one: string } | { together: string[] } | { statement: string }
/** `kept`: lines of the statement that are kept so far. `done`: the order, once all of it is committed. */
export type Said = { kept: number } | { done: Order }

export type Worker = {
  process: ChildProcess
  order(order: Order): void
  /** What it says next; undefined once it has ended. */
  next(): Promise<Said | undefined>
  /** kill -9; resolves when it is gone, with what it had said and nobody had read. */
  kill(): Promise<Said[]>
  /** In good order: what it was told is done, and nothing is left open. */
  end(): Promise<void>
  /** What it wrote to its log. */
  logged(): string
}

/** Resolves when it has opened everything and waits for its first order. */
export async function startWorker({ file, env }: Pick<Program, 'file' | 'env'>, cache: string): Promise<Worker> {
  const child = spawn(NODE, [SCRIPT, file], {
    env: { ...env, NODE_COMPILE_CACHE: cache },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  // Writing to one that was killed a moment ago is no failure of the test.
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const line = await lines.next()
    return line.done ? undefined : JSON.parse(line.value)
  }
  if ((await next()) !== 'ready') throw new Error(`the worker does not come up:\n${log}`)
  return {
    process: child,
    order: (order) => void child.stdin.write(`${JSON.stringify(order)}\n`),
    next,
    async kill() {
      child.kill('SIGKILL')
      await exited
      const unread: Said[] = []
      for (let said = await next(); said !== undefined; said = await next()) unread.push(said)
      return unread
    },
    async end() {
      child.stdin.end()
      const [code] = await exited
      if (code !== 0) throw new Error(`the worker ended with ${code}:\n${log}`)
    },
    logged: () => log,
  }
}

/** One write, so that no line is cut in two by a kill. */
const say = (value: Said | 'ready') => process.stdout.write(`${JSON.stringify(value)}\n`)

async function work(file: string): Promise<void> {
  const installation = await openInstallation({ file, env: process.env, log: { level: 'error', to: process.stderr } })
  const { core, reconciler } = installation
  await installation.provider()
  const watcher = createWatcher(core)
  const reason = 'Envois en masse'
  const obey = async (order: Order): Promise<void> => {
    if ('one' in order)
      await suspend(core)({ target: { accountId: order.one }, reason, actor: 'test' }).catch((error: unknown) => {
        // Committed before the one who did it was killed.
        if (!(error instanceof AppError && error.code === 'conflict')) throw error
      })
    else if ('together' in order)
      await suspendTogether(core, watcher)({ names: order.together.join(' '), reason, endsOn: null, actor: 'test' })
    else {
      const { plan, apply } = importStatement(core)
      const planned = await plan(readFileSync(order.statement), { name: order.statement.slice(-20) })
      await apply(planned, { actor: 'test', onProgress: (kept) => say({ kept }) })
    }
    say({ done: order })
  }
  flushCompileCache()
  say('ready')
  let started = false
  for await (const line of createInterface({ input: process.stdin })) {
    if (!started) reconciler.start()
    started = true
    await obey(JSON.parse(line))
  }
  await installation.close(1_000)
}

if (process.argv[1] === SCRIPT) await work(process.argv[2] ?? '')
