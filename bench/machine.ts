// The machine that figures come from: no figure means anything without it.
import { execFile } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { promisify } from 'node:util'
import Sqlite from 'better-sqlite3'

const run = promisify(execFile)

const versionOf = async (command: string, ...args: string[]): Promise<string> =>
  /\d+\.\d+(\.\d+)?/.exec((await run(command, args).catch(() => ({ stdout: '' }))).stdout)?.[0] ?? 'not there'

function sqliteVersion(): string {
  const database = new Sqlite(':memory:')
  const version = String(database.prepare('select sqlite_version()').pluck().get())
  database.close()
  return version
}

/** One line: cores, CPU, memory, system, Node, databases, and how busy others keep it. */
export async function machine(): Promise<string> {
  const cores = availableParallelism()
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU'
  return [
    `${cores} ${cores === 1 ? 'core' : 'cores'} of ${model}`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `${type()} ${release()}`,
    `Node ${process.versions.node}`,
    `SQLite ${sqliteVersion()}`,
    `MariaDB ${await versionOf('mariadbd', '--version')}`,
    `load average before it began ${loadavg()[0]!.toFixed(2)}`,
  ].join(', ')
}
