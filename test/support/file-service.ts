// A service of the tests' own, as small as a real one can be: a row is a file in a folder, a live session another. It can be
// told to be down, to stand still, or to choke on a name.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../src/domain/errors.ts'
import type { AccountSubject, Name, Row, Service } from '../../src/plugin.ts'

export type FileRow = Row & { username: string; open: boolean }
export type Point = 'observe' | 'apply' | 'between' | 'applied' | 'kick' | 'kicked'

export type FileService = {
  service: Service<AccountSubject, FileRow>
  /** What happened, oldest first: `observe a,b`, `apply a=open,b=shut`, `kick a`. */
  happened: string[]
  /** Called at each point of its work, with the names; may throw, or never return. */
  at?: (point: Point, names: readonly Name[]) => Promise<void> | void
  rows(): Record<Name, FileRow>
  /** Puts a row or a session there behind everybody's back. */
  put(name: Name, row: FileRow): void
  signIn(name: Name): void
  sessions(): Name[]
  /** The most that ever worked in it at once. */
  readonly mostAtOnce: number
  down: boolean
}

export function fileService(folder: string, { again }: { again?: number } = {}): FileService {
  const [rows, sessions] = [join(folder, 'rows'), join(folder, 'sessions')]
  for (const path of [rows, sessions]) mkdirSync(path, { recursive: true })
  const read = (name: string): FileRow => JSON.parse(readFileSync(join(rows, name), 'utf8'))
  const write = (name: string, row: FileRow) => {
    writeFileSync(join(folder, `${name}.new`), JSON.stringify(row))
    renameSync(join(folder, `${name}.new`), join(rows, name))
  }
  let [inside, most] = [0, 0]
  const reach = async (point: Point, names: readonly Name[]) => {
    if (made.down) throw new AppError('service_unavailable', { detail: 'it is down' })
    await made.at?.(point, names)
  }
  async function alone<T>(work: () => Promise<T>): Promise<T> {
    most = Math.max(most, ++inside)
    try {
      return await work()
    } finally {
      inside--
    }
  }
  const service: Service<AccountSubject, FileRow> = {
    check: () => reach('observe', []),
    async *list() {
      await reach('observe', [])
      yield* readdirSync(rows)
    },
    observe: (names) =>
      alone(async () => {
        made.happened.push(`observe ${names.join()}`)
        await reach('observe', names)
        const there = new Set(readdirSync(rows))
        return new Map(names.flatMap((name) => (there.has(name) ? [[name, read(name)] as const] : [])))
      }),
    render: ({ username, access }) => ({ username, open: access === 'full' }),
    apply: (changes) =>
      alone(async () => {
        await reach('apply', [...changes.keys()])
        for (const [at, [name, row]] of [...changes].entries()) {
          if (at > 0) await reach('between', [name])
          if (row) write(name, row)
          else rmSync(join(rows, name), { force: true })
          made.happened.push(`apply ${name}=${row ? (row.open ? 'open' : 'shut') : 'gone'}`)
        }
        await reach('applied', [...changes.keys()])
      }),
    endSessions: (names) =>
      alone(async () => {
        await reach('kick', names)
        for (const name of names) rmSync(join(sessions, name), { force: true })
        made.happened.push(`kick ${names.toSorted().join()}`)
        await reach('kicked', names)
      }),
    ...(again !== undefined && { endSessionsAgainAfterMs: again }),
    close: async () => {},
  }
  const made: FileService = {
    service,
    happened: [],
    rows: () => Object.fromEntries(readdirSync(rows).map((name) => [name, read(name)])),
    put: write,
    signIn: (name) => writeFileSync(join(sessions, name), ''),
    sessions: () => readdirSync(sessions),
    get mostAtOnce() {
      return most
    },
    down: false,
  }
  return made
}
