// A whole installation for tests, as `schedar serve` runs it: its own folder, database and port, a clock that can be moved,
// letters in a folder. Nothing in it is mocked.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type Installation, openInstallation } from '../../src/compose.ts'
import type { AffiliationRole } from '../../src/domain/access.ts'
import { addDays } from '../../src/domain/time.ts'
import type { Account, Clock, Member, StaffRole } from '../../src/ports.ts'
import { type Running, serve } from '../../src/serve.ts'
import { addAccount, affiliate } from '../../src/usecases/accounts.ts'
import { addMember } from '../../src/usecases/members.ts'
import { today } from '../../src/usecases/standing.ts'
import { type Letter, lettersIn } from './letters.ts'
import { freePort } from './ports.ts'
import { databaseConfig } from './program.ts'

export type { Letter }

export type MovableClock = Clock & { advance(ms: number): void }

function movableClock(): MovableClock {
  let offset = 0
  return {
    now: () => Date.now() + offset,
    advance: (ms) => {
      offset += ms
    },
  }
}

export const DAY = 86_400_000

export type PersonInput = {
  username: string
  password?: string
  /** Days from today until the last covered day; null: nothing was ever paid; absent: no member at all. */
  coveredForDays?: number | null
  role?: AffiliationRole
  staff?: StaffRole[]
  email?: string | null
  directoryKey?: string
}
export type Person = { account: Account; member: Member | undefined; password: string }

export type House = {
  installation: Installation
  running: Running
  issuer: string
  folder: string
  file: string
  clock: MovableClock
  /** What was logged, one object a line. */
  logged: string[]
  person(input: PersonInput): Promise<Person>
  letters(): Letter[]
  /** Stop the server and start it again on the same folder. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export type HouseOptions = {
  /** Merged over the test's own schedar.yaml. */
  config?: Record<string, unknown>
  /** `mysql://…`; an SQLite file without it. */
  database?: string
  env?: Record<string, string>
  setUp?: boolean
  port?: number
}

/** A password that no test writes down. */
export const randomPassword = (): string => `${crypto.randomUUID()} ${crypto.randomUUID().slice(0, 6)}`

/** Writes schedar.yaml in a new folder; the port is free. */
async function houseFolder({
  config = {},
  database,
  port,
}: HouseOptions = {}): Promise<{ folder: string; file: string; issuer: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'schedar-'))
  const chosen = port ?? (await freePort())
  const issuer = `http://127.0.0.1:${chosen}`
  const file = join(folder, 'schedar.yaml')
  const own = {
    issuer,
    listen: { host: '127.0.0.1', port: chosen },
    signIn: { answerAfterMs: 60 },
    ...(database && { database: databaseConfig(database).config }),
  }
  writeFileSync(file, stringify({ ...own, ...config }))
  return { folder, file, issuer }
}

export async function startHouse(options: HouseOptions = {}): Promise<House> {
  const { folder, file, issuer } = await houseFolder(options)
  const clock = movableClock()
  const logged: string[] = []
  const open = async () => {
    const installation = await openInstallation({
      file,
      env: { ...(options.database && databaseConfig(options.database).env), ...options.env },
      clock,
      log: { level: 'debug', to: { write: (line) => void logged.push(line) } },
    })
    return { installation, running: await serve(installation) }
  }
  let current = await open()
  const core = () => current.installation.core
  if (options.setUp !== false)
    await core().store.organisations.add({
      id: core().random.uuid(),
      name: 'Cassiopée',
      country: 'BE',
      timeZone: 'Europe/Brussels',
      locale: 'fr',
      contactEmail: 'bureau@cassiopee.example',
      createdAt: clock.now(),
    })

  async function person({
    username,
    password = randomPassword(),
    coveredForDays,
    role = 'owner',
    staff = [],
    email = `${username}@cassiopee.example`,
  }: PersonInput): Promise<Person> {
    const account = await addAccount(core())({
      username,
      givenName: username[0]!.toUpperCase() + username.slice(1),
      familyName: 'Essai',
      email,
      actor: 'test',
      staffRoles: staff,
    })
    const active: Account = { ...account, state: 'active', emailVerifiedAt: clock.now() }
    await core().store.accounts.update(active)
    await core().directory.setPassword(active, password, AbortSignal.timeout(5_000))
    if (coveredForDays === undefined) return { account: active, member: undefined, password }
    const on = await today(core())
    const member = await addMember(core())({
      memberNumber: `M-${username}`,
      kind: 'person',
      name: account.name,
      email,
      coveredUntilOn: coveredForDays === null ? null : addDays(on, coveredForDays),
      joinedOn: addDays(on, -800),
      actor: 'test',
    })
    await affiliate(core())({ accountId: account.id, memberId: member.id, role, actor: 'test' })
    return { account: active, member, password }
  }

  return {
    get installation() {
      return current.installation
    },
    get running() {
      return current.running
    },
    issuer,
    folder,
    file,
    clock,
    logged,
    person,
    letters: () => lettersIn(join(current.installation.dataDir, 'mail')),
    async restart() {
      await current.running.stop()
      current = await open()
    },
    async stop() {
      await current.running.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
