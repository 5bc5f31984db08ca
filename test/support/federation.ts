// Some thousands of accounts for tests that need many, straight into the tables: an association whose people all have a
// login, and payers whose cover ended, called, with the statements that a bank sends when some of them pay.
import { randomUUID } from 'node:crypto'
import type { Installation } from '../../src/compose.ts'
import { addDays, civilDate } from '../../src/domain/time.ts'
import { callDues } from '../../src/usecases/call-dues.ts'
import { addTariff, setBankAccount } from '../../src/usecases/tariffs.ts'
import * as make from '../contract/store-records.ts'
import { closingOf, type Payment, printCamt, type Sample } from '../statements/printers.ts'

const IBAN = 'BE71096123456769'
export const DUES_CENTS = 6000

/** One account of one member with one login; `paid`: what the statements say that came from the member. */
export type One = { id: string; username: string; login: string; memberId: string; paid: number[] }
export type Federation = {
  organisationId: string
  /** Whose cover ended two months ago; each a member of its own, called. */
  payers: One[]
  /** People of one association, which is in order. */
  others: One[]
}

async function insertAll({ database }: Installation, table: string, rows: readonly object[]): Promise<void> {
  await database.transaction(async (knex) => {
    for (let from = 0; from < rows.length; from += 100) await knex(table).insert(rows.slice(from, from + 100))
  })
}

export async function federation(
  installation: Installation,
  { payers: payerCount, others: otherCount }: { payers: number; others: number },
): Promise<Federation> {
  const { core } = installation
  const at = core.clock.now()
  const organisation = make.organisation({ createdAt: at })
  const on = civilDate(at, organisation.timeZone)
  const [gone, graced] = [addDays(on, -60), addDays(on, -30)]
  await core.store.organisations.add(organisation)
  const association = make.member(organisation.id, { kind: 'association', name: 'Tous', memberNumber: '0' })
  const one = (memberId: string) => (_: unknown, index: number) => {
    const username = `${memberId === '' ? 'payeur' : 'membre'}${String(index).padStart(4, '0')}`
    return { id: randomUUID(), username, login: `${username}@mail.example`, memberId, paid: [] }
  }
  const others = Array.from({ length: otherCount }, one(association.id))
  const payers = Array.from({ length: payerCount }, one('')).map((payer) => ({ ...payer, memberId: randomUUID() }))

  const members = payers.map(({ memberId, username }, index) =>
    make.member(organisation.id, { id: memberId, name: `Famille ${username}`, memberNumber: String(index + 1) }),
  )
  await insertAll(installation, 'member', [association, ...members])
  const terms = [
    make.term(association.id, { startOn: gone, endOn: addDays(on, 300), dueCents: 0, createdAt: at }),
    ...members.map(({ id }) =>
      make.term(id, { startOn: addDays(gone, -364), endOn: gone, dueCents: 0, createdAt: at }),
    ),
  ]
  await insertAll(
    installation,
    'term',
    terms.map((term) => ({ ...term, exempt: 0 })),
  )
  const cover = { coveredUntilOn: gone, graceUntilOn: graced, nextChangeOn: null, computedOn: on }
  const end = addDays(on, 300)
  const inOrder = { coveredUntilOn: end, graceUntilOn: null, nextChangeOn: addDays(end, 1), computedOn: on }
  await insertAll(installation, 'standing', [
    make.standing(association.id, inOrder),
    ...members.map(({ id }) => make.standing(id, { standing: 'lapsed', ...cover })),
  ])
  const all = [...payers, ...others]
  await insertAll(
    installation,
    'account',
    all.map(({ id, username }) => make.account({ id, username })),
  )
  await insertAll(
    installation,
    'affiliation',
    all.map(({ id: accountId, memberId }) => ({ accountId, memberId, role: 'user', createdAt: at })),
  )
  const boxes = all.map(({ memberId, login }) =>
    make.resource({ id: memberId, organisationId: organisation.id }, { kind: 'mailbox', name: login }),
  )
  await insertAll(installation, 'resource', boxes)
  await insertAll(
    installation,
    'login',
    all.map(({ id: accountId, login: name }, index) => ({
      id: randomUUID(),
      mailboxId: boxes[index]!.id,
      accountId,
      name,
      createdAt: at,
    })),
  )

  await setBankAccount(core)({ iban: IBAN, holder: 'Cassiopée ASBL', actor: 'test' })
  await addTariff(core)({
    name: 'Effectif',
    period: 'rolling',
    yearStartsOn: '01-01',
    months: 12,
    amountCents: DUES_CENTS,
    validFromOn: '2020-01-01',
    decisionRef: 'AG 2019',
    actor: 'test',
  })
  const tariffs = members.map(({ id: memberId }) => ({ memberId, tariff: 'Effectif', payerId: null }))
  await insertAll(installation, 'memberDues', tariffs)
  await callDues(core)({ actor: 'test' })
  return { organisationId: organisation.id, payers, others }
}

/** What some of the payers do, in turn: all at once, in two parts, a part, too much, nothing. */
const habits = [[DUES_CENTS], [2500, 3500], [DUES_CENTS], [2500], [DUES_CENTS], [7000], []]

export type Statements = { files: Uint8Array[]; lines: Payment[] }

/**
 * The bank's statements, each of `perFile` new lines after the last `again` of the one before; in `shuffle`d order. Between
 * the payments are some of people whom nobody knows, and money that left.
 */
export async function statementsFor(
  { database, core }: Installation,
  { payers }: Federation,
  { perFile, again, shuffle }: { perFile: number; again: number; shuffle: <T>(all: readonly T[]) => T[] },
): Promise<Statements> {
  const calls: { payerId: string; ogm: string }[] = await database.knex('duesCall').select('payerId', 'ogm')
  const ogms = new Map(calls.map(({ payerId, ogm }) => [payerId, ogm]))
  const on = addDays(civilDate(core.clock.now(), 'Europe/Brussels'), -2)
  const drafts = payers.flatMap((payer, index): Partial<Payment>[] => {
    payer.paid = habits[index % habits.length]!
    const reference = ogms.get(payer.memberId)!
    const unknown = index % 10 === 0 ? [{ cents: 6000, name: `INCONNU ${index}`, text: 'merci' }] : []
    const left = index % 30 === 0 ? [{ cents: -1250, name: 'BOULANGERIE' }] : []
    return [...payer.paid.map((cents) => ({ cents, reference, name: payer.username })), ...unknown, ...left]
  })
  const lines = shuffle(drafts).map(
    (draft, index): Payment => ({
      cents: 0,
      bookedOn: on,
      valueOn: on,
      name: 'X',
      iban: '',
      reference: null,
      text: '',
      bankRef: `R${index}`,
      endToEndId: '',
      ...draft,
    }),
  )
  const files: Uint8Array[] = []
  let opening = 100_000
  for (let from = 0; from < lines.length; from += perFile) {
    const payments = lines.slice(Math.max(0, from - again), from + perFile)
    const sample: Sample = { account: IBAN, number: String(files.length + 1), fromOn: on, toOn: on, opening, payments }
    files.push(printCamt([sample]))
    opening = closingOf(sample)
  }
  return { files, lines }
}
