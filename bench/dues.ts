// Dues at the size of a federation: the night over 100,000 members of whom 1 % change, a statement of 10,000 lines on
// SQLite and MariaDB, and an admin's search among 10,000 members.
import { randomUUID } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { Installation } from '../src/compose.ts'
import { addDays, civilDate } from '../src/domain/time.ts'
import { nightOf } from '../src/serve.ts'
import { callDues } from '../src/usecases/call-dues.ts'
import { importStatement, type StatementPlan } from '../src/usecases/import-statement.ts'
import { addTariff, setBankAccount } from '../src/usecases/tariffs.ts'
import { printCamt } from '../test/statements/printers.ts'
import { newFolder } from './folder.ts'
import { debianMariadb } from './houses.ts'
import type { Bench, Progress, Report } from './results.ts'
import { organisationOf } from './seed.ts'
import { median, percentile } from './statistics.ts'

const BENCH = 'dues'
const SIZES = [25_000, 50_000, 100_000]
const CHANGING = 0.01
const LINES = 10_000
const SEARCHED = 10_000
const SEARCHES = 100
const IBAN = 'BE71096123456769'
const BATCH = 2_000

/** Members straight into the tables, with cover that ends today for a share of them. */
async function seedMembers({ core, database }: Installation, count: number, changing: number, tariff: string | null) {
  const { id: organisationId } = await organisationOf({ core } as Installation)
  const at = core.clock.now()
  const on = civilDate(at, 'Europe/Brussels')
  const members = Array.from({ length: count }, (_, index) => ({ id: randomUUID(), number: index + 1 }))
  for (let from = 0; from < count; from += BATCH)
    await database.transaction(async (knex) => {
      const some = members.slice(from, from + BATCH)
      const insert = async (table: string, rows: object[]) => {
        for (let at = 0; at < rows.length; at += 500) await knex(table).insert(rows.slice(at, at + 500))
      }
      const endOf = ({ number }: { number: number }) => (number <= changing ? addDays(on, -1) : addDays(on, 200))
      await insert(
        'member',
        some.map(({ id, number }) => ({
          id,
          organisationId,
          memberNumber: String(number),
          kind: 'person',
          name: `Membre ${number} Élan${number % 97}`,
          email: `m${number}@asso.example`,
          locale: 'fr',
          joinedOn: null,
          source: 'bench',
          createdAt: at,
        })),
      )
      await insert(
        'term',
        some.map((one) => ({
          id: randomUUID(),
          memberId: one.id,
          startOn: addDays(on, -165),
          endOn: endOf(one),
          dueCents: 0,
          exempt: 0,
          source: 'opening',
          createdAt: at,
        })),
      )
      await insert(
        'standing',
        some.map((one) => ({
          memberId: one.id,
          standing: 'current',
          coveredUntilOn: endOf(one),
          graceUntilOn: null,
          nextChangeOn: addDays(endOf(one), 1),
          computedOn: addDays(on, -1),
        })),
      )
      if (tariff)
        await insert(
          'memberDues',
          some.map(({ id }) => ({ memberId: id, tariff, payerId: null })),
        )
    })
  return members
}

async function decide({ core }: Installation): Promise<void> {
  await organisationOf({ core } as Installation)
  await setBankAccount(core)({ iban: IBAN, holder: 'Cassiopée', actor: BENCH })
  await addTariff(core)({
    name: 'Effectif',
    period: 'rolling',
    yearStartsOn: '01-01',
    months: 12,
    amountCents: 6000,
    validFromOn: '2020-01-01',
    decisionRef: 'AG',
    actor: BENCH,
  })
}

/** Its own installation, closed and removed afterwards. */
async function within<T>(work: (installation: Installation) => Promise<T>, database?: string): Promise<T> {
  const folder = await newFolder(database)
  try {
    return await folder.within(work)
  } finally {
    folder.remove()
  }
}

async function nights(report: Report, progress: Progress): Promise<void> {
  for (const size of SIZES)
    await within(async (installation) => {
      progress(`the night over ${size} members`)
      await seedMembers(installation, size, size * CHANGING, null)
      globalThis.gc?.()
      const before = process.memoryUsage.rss()
      let highest = before
      const watch = setInterval(() => {
        highest = Math.max(highest, process.memoryUsage.rss())
      }, 20)
      const began = performance.now()
      const { changed } = await nightOf(installation)({ confirmed: true })
      const ms = performance.now() - began
      clearInterval(watch)
      if (changed !== size * CHANGING) throw new Error(`${changed} of ${size} changed`)
      report({ bench: BENCH, case: `night, ${size} members`, value: ms / 1000, unit: 's', n: size })
      report({
        bench: BENCH,
        case: `night, ${size} members: memory`,
        value: (highest - before) / 1e6,
        unit: 'MB',
        n: size,
      })
    })
}

/** A statement that pays every call of these members. */
async function statementOf({ core }: Installation, members: readonly { id: string; number: number }[]) {
  const on = civilDate(core.clock.now(), 'Europe/Brussels')
  const payments = []
  for (const { id, number } of members) {
    const [call] = await core.store.calls.ofPayer(id)
    payments.push({
      cents: 6000,
      bookedOn: on,
      valueOn: on,
      name: `MEMBRE ${number}`,
      iban: '',
      reference: call!.ogm,
      text: '',
      bankRef: `R${number}`,
      endToEndId: '',
    })
  }
  return printCamt([{ account: IBAN, number: '1', fromOn: on, toOn: on, opening: 0, payments }])
}

/** What others feel meanwhile: how long the event loop stood still at most, and how long small reads took, in milliseconds. */
async function disturbed({ core }: Installation, work: () => Promise<unknown>) {
  globalThis.gc?.()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const reads: number[] = []
  let working = true
  const reading = (async () => {
    while (working) {
      const began = performance.now()
      await core.store.organisations.all()
      reads.push(performance.now() - began)
      await pause(5)
    }
  })()
  delay.enable()
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1000
  delay.disable()
  working = false
  await reading
  return { seconds, stall: delay.max / 1e6, reads }
}

async function statement(report: Report, progress: Progress, on: string, database?: string): Promise<void> {
  const told = (what: string, value: number, unit: string, more: { p50?: number; p99?: number; n?: number } = {}) =>
    report({ bench: BENCH, case: `${what}, ${on}`, value, unit, n: LINES, ...more })
  await within(async (installation) => {
    const { core } = installation
    progress(`calls for ${LINES} members on ${on}`)
    await decide(installation)
    const members = await seedMembers(installation, LINES, LINES, 'Effectif')
    const called = performance.now()
    await callDues(core)({ actor: BENCH })
    told(`${LINES} members called`, (performance.now() - called) / 1000, 's')
    const bytes = await statementOf(installation, members)
    progress(`a statement of ${LINES} lines on ${on}`)
    const importer = importStatement(core)
    let plan: StatementPlan | undefined
    let made = 0
    const planned = await disturbed(installation, async () => {
      plan = await importer.plan(bytes, { name: 'bench.xml' })
    })
    const applied = await disturbed(installation, async () => {
      made = (await importer.apply(plan!, { actor: BENCH })).payments
    })
    if (made !== LINES) throw new Error(`${made} of ${LINES} were matched`)
    const name = `statement of ${LINES} lines`
    told(`${name}: read and matched`, planned.seconds, 's')
    told(`${name}: in all`, planned.seconds + applied.seconds, 's')
    for (const [what, { stall, reads }] of Object.entries({ planned, applied })) {
      told(`${name}: longest stall while ${what}`, stall, 'ms')
      const [p50, p99] = [median(reads), percentile(reads, 0.99)]
      told(`${name}: a read while ${what}`, p50, 'ms', { p50, p99, n: reads.length })
    }
  }, database)
}

/** The same on MariaDB. */
async function statementOnMariadb(report: Report, progress: Progress): Promise<void> {
  const mariadb = await debianMariadb()
  try {
    await statement(report, progress, 'mariadb', (await mariadb.database()).url)
  } finally {
    await mariadb.remove()
  }
}

async function search(report: Report, progress: Progress): Promise<void> {
  await within(async (installation) => {
    progress(`searches among ${SEARCHED} members`)
    await seedMembers(installation, SEARCHED, 0, null)
    const { members } = installation.core.store
    const times: number[] = []
    for (let at = 0; at < SEARCHES; at++) {
      const text = [`élan${at % 97}`, `m${at * 91}@`, String(at * 7), 'nobody'][at % 4]!
      const began = performance.now()
      await members.list({ text, limit: 50 })
      times.push(performance.now() - began)
    }
    const p50 = median(times)
    report({
      bench: BENCH,
      case: `search among ${SEARCHED} members`,
      value: p50,
      unit: 'ms',
      p50,
      p99: percentile(times, 0.99),
      n: SEARCHES,
    })
  })
}

export const dues: Bench = async (report, progress) => {
  await nights(report, progress)
  await statement(report, progress, 'sqlite')
  await statementOnMariadb(report, progress)
  await search(report, progress)
}
