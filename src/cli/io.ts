// What every command is given: the installation, where to print, who is at the keyboard. With `--json` a command prints
// one JSON value on standard output and nothing else there.
import { lchownSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { type Installation, openInstallation } from '../compose.ts'
import { AppError } from '../domain/errors.ts'
import type { Account, Client, Member } from '../ports.ts'
import type { Environment } from '../secrets.ts'
import { organisationNamed } from '../usecases/members.ts'

/** A stream to write text on; `isTTY` when a person looks at it. */
type Output = { write(text: string): unknown; isTTY?: boolean }
export type Streams = { out: Output; err: Output; in: NodeJS.ReadableStream & { isTTY?: boolean }; env: Environment }

export type Io = {
  env: Environment
  file: string
  json: boolean
  /** Who did it, for the audit. */
  actor: string
  /** A line for a person; silent with --json. */
  say(line: string): void
  /** A result: a table for a person, JSON for a script. */
  show(rows: Record<string, unknown>[] | Record<string, unknown>): void
  warn(line: string): void
  /** Ask for a yes; without a terminal the answer is no. */
  confirm(question: string, yes: boolean): Promise<boolean>
  /** A bar on a terminal; nothing elsewhere. */
  progress(label: string): (done: number, total: number) => void
  open(): Promise<Installation>
}

/** Exit codes that scripts can trust. */
export const exit = { ok: 0, failed: 1, usage: 2, problems: 3, pending: 4 } as const

const cell = (value: unknown): string =>
  value === null || value === undefined
    ? ''
    : Array.isArray(value)
      ? value.join(', ')
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value)

/** Columns under their names, as wide as they need to be. */
function table(rows: readonly Record<string, unknown>[]): string {
  if (rows.length === 0) return 'none'
  const names = Object.keys(rows[0]!)
  const lines = [names, ...rows.map((row) => names.map((name) => cell(row[name])))]
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map((line) =>
      line
        .map((text, column) => (column === names.length - 1 ? text : text.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const bar = (share: number): string => '█'.repeat(Math.round(share * 24)).padEnd(24, '·')

export function createIo(streams: Streams, options: { config?: string; json?: boolean }): Io {
  const { out, err, env } = streams
  const json = options.json ?? false
  const file = options.config ?? env.SCHEDAR_CONFIG ?? 'schedar.yaml'
  return {
    env,
    file,
    json,
    actor: `cli:${userInfo().username}`,
    say: (line) => void (json || out.write(`${line}\n`)),
    show: (rows) =>
      void out.write(
        `${
          json
            ? JSON.stringify(rows, null, 2)
            : Array.isArray(rows)
              ? table(rows)
              : Object.entries(rows)
                  .map(([name, value]) => `${name}: ${cell(value)}`)
                  .join('\n')
        }\n`,
      ),
    warn: (line) => void err.write(`${line}\n`),
    async confirm(question, yes) {
      if (yes) return true
      if (!streams.in.isTTY || !err.isTTY)
        throw new AppError('bad_request', { detail: `${question} Add --yes to answer yes.` })
      const prompt = createInterface({ input: streams.in, output: process.stderr })
      const answer = await prompt.question(`${question} [y/N] `)
      prompt.close()
      return /^(y|yes|o|oui|j|ja)$/i.test(answer.trim())
    },
    progress(label) {
      if (!err.isTTY) return () => {}
      return (done, total) =>
        void err.write(`\r${label} ${bar(total === 0 ? 1 : done / total)} ${done}/${total}${done >= total ? '\n' : ''}`)
    },
    open: () => openInstallation({ file, env, log: { level: 'warn', to: err } }),
  }
}

/** How long a command stays for services to follow what it changed; the server sees to the rest. */
const GRACE_MS = 3_000

/**
 * What root's command made in the data folder (a key, a database, letters) is given to whom the folder belongs: the server, which
 * runs as that user, could not open it otherwise.
 */
function giveBack(dataDir: string): void {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = statSync(dataDir)
  if (uid === 0) return
  for (const name of readdirSync(dataDir, { recursive: true, encoding: 'utf8' })) {
    const path = join(dataDir, name)
    if (lstatSync(path, { throwIfNoEntry: false })?.uid === 0) lchownSync(path, uid, gid)
  }
}

/** Runs a command's work on an installation that is closed afterwards, whatever happens. */
export async function withInstallation<T>(io: Io, work: (installation: Installation) => Promise<T>): Promise<T> {
  const installation = await io.open()
  giveBack(installation.dataDir)
  try {
    return await work(installation)
  } finally {
    await installation.close(GRACE_MS)
    giveBack(installation.dataDir)
  }
}

export type Register = (program: Command, io: (command: Command) => Io, exitWith: (code: number) => void) => void

export async function accountNamed({ core }: Installation, name: string): Promise<Account> {
  const found = (await core.store.accounts.byUsername(name)) ?? (await core.store.accounts.get(name))
  if (found) return found
  const shared = await core.store.accounts.byEmail(name.toLowerCase())
  if (shared.length === 1) return shared[0]!
  throw new AppError('not_found', {
    detail:
      shared.length > 1
        ? `${shared.length} accounts have the address ${name}: ${shared.map(({ username }) => username).join(', ')}`
        : `there is no account ${name}`,
  })
}

export async function memberNumbered({ core }: Installation, memberNumber: string): Promise<Member> {
  const { id } = await organisationNamed(core.store)
  const member = await core.store.members.byNumber(id, memberNumber)
  if (!member) throw new AppError('not_found', { detail: `there is no member ${memberNumber}` })
  return member
}

export async function clientNamed({ core }: Installation, clientId: string): Promise<Client> {
  const client = await core.store.clients.get(clientId)
  if (!client)
    throw new AppError('not_found', { detail: `there is no client ${clientId}; schedar client list shows them` })
  return client
}
