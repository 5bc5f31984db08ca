// Dues at the size of a federation: the night over 100,000 members of whom 1 % change, a statement of 10,000 lines, and an
// admin's search among 10,000 members.
import { randomUUID } from 'node:crypto'
import type { Installation } from '../src/compose.ts'
import { addDays, civilDate } from '../src/domain/time.ts'
import { nightOf } from '../src/serve.ts'
import { callDues } from '../src/usecases/call-dues.ts'
import { importStatement } from '../src/usecases/import-statement.ts'
import { addTariff, setBankAccount } from '../src/usecases/tariffs.ts'
import { printCamt } from '../test/statements/printers.ts'
import { newFolder } from './folder.ts'
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
async function within<T>(work: (installation: Installation) => Promise<T>): Promise<T> {
  const folder = await newFolder()
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

async function statement(report: Report, progress: Progress): Promise<void> {
  await within(async (installation) => {
    const { core } = installation
    progress(`calls for ${LINES} members`)
    await decide(installation)
    const members = await seedMembers(installation, LINES, LINES, 'Effectif')
    const called = performance.now()
    await callDues(core)({ actor: BENCH })
    report({
      bench: BENCH,
      case: `${LINES} members called`,
      value: (performance.now() - called) / 1000,
      unit: 's',
      n: LINES,
    })
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
    const bytes = printCamt([{ account: IBAN, number: '1', fromOn: on, toOn: on, opening: 0, payments }])
    progress(`a statement of ${LINES} lines`)
    const began = performance.now()
    const plan = await importStatement(core).plan(bytes, { name: 'bench.xml' })
    const planned = performance.now()
    const { payments: made } = await importStatement(core).apply(plan, { actor: BENCH })
    if (made !== LINES) throw new Error(`${made} of ${LINES} were matched`)
    report({
      bench: BENCH,
      case: `statement of ${LINES} lines: read and matched`,
      value: (planned - began) / 1000,
      unit: 's',
      n: LINES,
    })
    report({
      bench: BENCH,
      case: `statement of ${LINES} lines: in all`,
      value: (performance.now() - began) / 1000,
      unit: 's',
      n: LINES,
    })
  })
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
  await statement(report, progress)
  await search(report, progress)
}
