// kill -9 at random instants, of the two who work on an association at the same time: one who suspends people, one by one
// and by lists, and one who imports the bank's statements. On any database: no fact is lost or doubled, nobody else is
// touched, the audit's chain holds, and in the end the service's file is what it should be.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entriesIn } from '../../plugins/passwd-file/lines.ts'
import { type Installation, openInstallation } from '../../src/compose.ts'
import { type Chance, chanceOf } from '../support/chance.ts'
import { type Order, type Said, startWorker, type Worker } from '../support/desk-worker.ts'
import { auditedAll, denied, soundAudit, soundBooks, soundStandings } from '../support/facts.ts'
import { DUES_CENTS, type Federation, federation, type One, statementsFor } from '../support/federation.ts'
import { createProgram, type Program } from '../support/program.ts'

/** `payers`: those of whom a statement is on its way. */
type Sizes = { kills: number; payers: number; others: number; suspended: { payers: number; others: number } }
const whole: Sizes = { kills: 50, payers: 500, others: 1_900, suspended: { payers: 300, others: 700 } }
/** What the one who suspends is given at a time: some one by one, and lists. */
const SINGLES = 20
const LISTS = [8, 14]

const key = (order: Order): string => JSON.stringify(order)

/** `open` gives the URL of a new, empty database; an SQLite file without it. */
export function killedDues(name: string, open: () => Promise<string | undefined>, sizes: Sizes = whole): void {
  describe(`killed at any instant: ${name}`, () => {
    const seed = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 32))
    const chance: Chance = chanceOf(seed)
    let program: Program
    /** A look at the database from outside; until the end it drives nothing. */
    let eye: Installation
    let people: Federation
    let folder: string
    let targets: Set<One>
    let statements: string[]
    let lineCount: number
    const workers = new Set<Worker>()

    beforeAll(async () => {
      const database = await open()
      program = await createProgram(database ? { database } : {})
      folder = join(program.folder, 'service')
      mkdirSync(folder)
      program.configure({ services: { mail: { plugin: 'passwd-file', file: join(folder, 'logins') } } })
      eye = await openInstallation({
        file: program.file,
        env: program.env,
        log: { level: 'error', to: process.stderr },
      })
      await eye.provider()
      people = await federation(eye, { payers: sizes.payers, others: sizes.others })
      await eye.reconciler.drain()
      await eye.reconciler.apply(await eye.reconciler.plan('mail'), true)
      const pick = (from: readonly One[], count: number) => chance.shuffle(from).slice(0, count)
      targets = new Set([
        ...pick(people.payers, sizes.suspended.payers),
        ...pick(people.others, sizes.suspended.others),
      ])
      const { files, lines } = await statementsFor(eye, people, { perFile: 60, again: 25, shuffle: chance.shuffle })
      lineCount = lines.length
      statements = files.map((bytes, at) => {
        const file = join(program.folder, `statement-${at}.xml`)
        writeFileSync(file, bytes)
        return file
      })
    }, 120_000)
    afterAll(async () => {
      for (const worker of workers) await worker.kill()
      await eye?.close()
      await program?.remove()
    })

    const start = async (): Promise<Worker> => {
      const worker = await startWorker(program, join(program.folder, 'cache'))
      workers.add(worker)
      return worker
    }
    const held = () => entriesIn(readFileSync(join(folder, 'logins'), 'utf8'))

    /** Everybody whom nothing was done to has what they had; everybody who was said to be suspended is. */
    async function glance(acknowledged: ReadonlySet<string>): Promise<void> {
      const out = new Set(await denied(eye))
      const asked = new Set([...targets].map(({ id }) => id))
      expect(
        [...acknowledged].filter((id) => !out.has(id)),
        'said to be suspended, and is not',
      ).toEqual([])
      expect(
        [...out].filter((id) => !asked.has(id)),
        'suspended, and nobody asked',
      ).toEqual([])
      const concerned = new Set([
        ...[...targets].flatMap(({ id, login }) => [id, login]),
        ...people.payers.filter(({ paid }) => paid.length > 0).flatMap(({ id, login }) => [id, login]),
      ])
      const told = await eye.core.store.outbox.pending({ limit: 100_000 })
      expect(
        told.filter(({ subject }) => !concerned.has(subject)),
        'in the outbox',
      ).toEqual([])
      const rows = held()
      for (const { login } of people.others.filter((other) => !targets.has(other)))
        expect([login, rows.get(login)]).toEqual([login, { access: 'full' }])
    }

    /** What is still to be done, in an order of chance; what was under way at a kill comes back. */
    function desk() {
      const todo = chance.shuffle([...targets])
      const imported = new Set<string>()
      const acknowledged = new Set<string>()
      const byUsername = new Map([...targets].map((one) => [one.username, one.id]))
      return {
        acknowledged,
        left: () => todo.length > 0 || imported.size < statements.length,
        suspensions(): Order[] {
          const lists = LISTS.map((size) => ({ together: todo.splice(0, size).map(({ username }) => username) }))
          const singles = todo.splice(0, SINGLES).map(({ id }) => ({ one: id }))
          return chance.shuffle([...lists.filter(({ together }) => together.length > 0), ...singles])
        },
        /** The next that was not done to its end; when all were, any once more. */
        statement: (): Order[] => [
          { statement: statements.find((file) => !imported.has(file)) ?? chance.pick(statements) },
        ],
        done(order: Order) {
          if ('one' in order) acknowledged.add(order.one)
          else if ('together' in order)
            for (const username of order.together) acknowledged.add(byUsername.get(username)!)
          else imported.add(order.statement)
        },
        giveBack(orders: readonly Order[]) {
          const ids = new Set(orders.flatMap((order) => ('one' in order ? [order.one] : [])))
          const names = new Set(orders.flatMap((order) => ('together' in order ? order.together : [])))
          todo.unshift(...[...targets].filter(({ id, username }) => ids.has(id) || names.has(username)))
        },
      }
    }

    test(`${sizes.kills} times, while ${sizes.suspended.payers + sizes.suspended.others} are suspended and statements imported`, {
      timeout: 600_000,
    }, async () => {
      try {
        await story()
      } catch (error) {
        throw new Error(`with KILL_SEED=${seed}: ${(error as Error).message}`, { cause: error })
      }
    })

    async function story(): Promise<void> {
      const work = desk()
      let kills = 0
      const cutShort = { suspensions: 0, imports: 0 }
      /** Two who wait for their turn: starting one takes longer than its turn. */
      const spare = [start(), start()]
      const fresh = async (): Promise<Worker> => {
        const next = await spare.shift()!
        spare.push(start())
        return next
      }
      const seats = { suspensions: await fresh(), imports: await fresh() }
      type Seat = keyof typeof seats

      /** Gives a worker its orders and listens; after `until` things said and some milliseconds it is killed, or never. */
      async function turn(seat: Seat, until: number | undefined): Promise<void> {
        const worker = seats[seat]
        const orders = seat === 'suspensions' ? work.suspensions() : work.statement()
        const open = new Map(orders.map((order) => [key(order), order]))
        const heard = (said: Said) => {
          if (!('done' in said)) return
          open.delete(key(said.done))
          work.done(said.done)
        }
        for (const order of orders) worker.order(order)
        for (let count = 0; open.size > 0 && (until === undefined || count < until); count++) {
          const said = await worker.next()
          if (!said) throw new Error(`it ended by itself:\n${worker.logged()}`)
          heard(said)
        }
        if (until === undefined) return
        await sleep(chance.next() * (seat === 'imports' ? 60 : 12))
        for (const said of await worker.kill()) heard(said)
        workers.delete(worker)
        kills++
        if (open.size > 0) cutShort[seat]++
        work.giveBack([...open.values()])
        seats[seat] = await fresh()
      }

      while (kills < sizes.kills) {
        const victims = chance.pick<readonly Seat[]>([['suspensions'], ['imports'], ['suspensions', 'imports']])
        const until = (seat: Seat, most: number) => (victims.includes(seat) ? chance.upTo(most) : undefined)
        await Promise.all([turn('suspensions', until('suspensions', SINGLES)), turn('imports', until('imports', 4))])
        await glance(work.acknowledged)
        await soundBooks(eye)
      }
      // The instants were in the midst of things.
      expect(cutShort.suspensions).toBeGreaterThanOrEqual(Math.floor(sizes.kills / 12))
      expect(cutShort.suspensions + cutShort.imports).toBeGreaterThan(1)

      while (work.left()) await Promise.all([turn('suspensions', undefined), turn('imports', undefined)])
      await Promise.all([...Object.values(seats), ...(await Promise.all(spare))].map((worker) => worker.end()))
      workers.clear()
      await settled()
      await glance(work.acknowledged)
      await verdict(work.acknowledged)
    }

    async function settled(): Promise<void> {
      const rows = async () => {
        await eye.reconciler.drain()
        return eye.core.store.outbox.pending({})
      }
      await expect.poll(rows, { timeout: 30_000 }).toEqual([])
      for (const service of ['mail', 'provider']) expect((await eye.reconciler.plan(service)).changes).toEqual([])
    }

    async function verdict(acknowledged: ReadonlySet<string>): Promise<void> {
      const out = [...targets].map(({ id }) => id).toSorted()
      expect([...acknowledged].toSorted()).toEqual(out)
      expect((await denied(eye)).toSorted()).toEqual(out)

      const books = await soundBooks(eye)
      expect(books.lines).toHaveLength(lineCount)
      const paid = Map.groupBy(books.payments, ({ payerId }) => payerId)
      for (const payer of people.payers)
        expect((paid.get(payer.memberId) ?? []).map(({ cents }) => cents).toSorted()).toEqual(payer.paid.toSorted())
      const isPaid = ({ paid: cents }: One) => cents.reduce((sum, part) => sum + part, 0) >= DUES_CENTS
      const back = people.payers.filter(isPaid)
      expect(await soundStandings(eye)).toEqual({ current: back.length + 1, lapsed: sizes.payers - back.length })
      const changed = await auditedAll(eye, 'standing.changed')
      expect(changed.map(({ subjectId }) => subjectId).toSorted()).toEqual(
        back.map(({ memberId }) => memberId).toSorted(),
      )
      await soundAudit(eye, out, books)

      const expected = [...people.payers, ...people.others]
        .filter((one) => !targets.has(one))
        .map((one) => [one.login, { access: people.payers.includes(one) && !isPaid(one) ? 'restricted' : 'full' }])
      expect(Object.fromEntries(held())).toEqual(Object.fromEntries(expected))
      expect(readdirSync(folder).toSorted()).toEqual(['logins', 'logins.lock'])
      expect(await program.json('audit', 'verify')).toMatchObject({ sound: true })
      expect(await program.json('services', 'plan')).toEqual([])
    }
  })
}
