// A process of a test's own that can be killed, starved or locked out, and says what it did, one JSON value a line.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export type Child = { process: ChildProcess; next(): Promise<unknown>; exited: Promise<unknown> }
export type ChildOptions = { before?: string[]; umask?: string }

/** Runs a script in a mode. `before` are commands put in front of it (`setpriv …`), `umask` is in octal. */
export function spawnChild(
  script: string,
  mode: string,
  folder: string,
  { before = [], umask = '022' }: ChildOptions = {},
): Child {
  const child = spawn(
    'sh',
    ['-c', `umask ${umask}; exec "$@"`, 'sh', ...before, process.execPath, script, mode, folder],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    process: child,
    exited: once(child, 'exit'),
    async next() {
      const line = await lines.next()
      if (line.done) throw new Error(`the child that should ${mode} said nothing more`)
      return JSON.parse(line.value)
    },
  }
}
