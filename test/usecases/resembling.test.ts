// One day of the bank fetched in two formats: nothing is booked twice, and a person decides on what looks like a line that is
// here already. Two real payments stay two.
import { beforeEach, expect, test } from 'vitest'
import type { Member, Store } from '../../src/ports.ts'
import { inbox, matchLine } from '../../src/usecases/bank-inbox.ts'
import { callDues } from '../../src/usecases/call-dues.ts'
import { importStatement } from '../../src/usecases/import-statement.ts'
import { addMember } from '../../src/usecases/members.ts'
import { addTariff, setBankAccount, setMemberDues } from '../../src/usecases/tariffs.ts'
import * as make from '../contract/store-records.ts'
import {
  csvMap,
  type Payment,
  printCamt,
  printCfonb,
  printCoda,
  printCsv,
  type Sample,
} from '../statements/printers.ts'
import { type Stage, stage } from '../support/stage.ts'

let on: Stage
let store: Store
let zoe: Member
const core = () => on.first.core
const IBAN = 'BE71096123456769'

beforeEach(async () => {
  on = await stage()
  store = on.first.store
  on.clock.set('2026-06-15T10:00:00Z')
  await store.organisations.add(make.organisation())
  await setBankAccount(core())({ iban: IBAN, holder: 'Cassiopée', actor: 'test' })
  const tariff = { name: 'Effectif', period: 'year', yearStartsOn: '01-01', months: 12, amountCents: 18_000 } as const
  await addTariff(core())({ ...tariff, validFromOn: '2020-01-01', decisionRef: 'AG 2019', actor: 'test' })
  const person = { memberNumber: '1', kind: 'person', name: 'Zoé Lefèvre', email: null, coveredUntilOn: null } as const
  zoe = await addMember(core())({ ...person, actor: 'test' })
  await setMemberDues(core())({ memberId: zoe.id, tariff: 'Effectif', payerId: null, actor: 'test' })
  await callDues(core())({ actor: 'test' })
  return () => on.close()
})

const ogm = async () => (await store.calls.ofPayer(zoe.id))[0]!.ogm
const payment = (more: Partial<Payment> = {}): Payment => ({
  cents: 6000,
  bookedOn: '2026-06-12',
  valueOn: '2026-06-12',
  name: 'LEFEVRE ZOE',
  iban: 'BE68539007547034',
  reference: null,
  text: '',
  bankRef: '',
  endToEndId: '',
  ...more,
})
const day = (payments: Payment[]): Sample[] => [
  { account: IBAN, number: '24', fromOn: '2026-06-12', toOn: '2026-06-12', opening: 100_000, payments },
]
const formats = {
  coda: (payments: Payment[]) => printCoda(day(payments)),
  'camt.053': (payments: Payment[]) => printCamt(day(payments)),
  csv: (payments: Payment[]) => printCsv(day(payments)[0]!),
}
type Format = keyof typeof formats
const plan = (format: Format, payments: Payment[], instance = on.first) =>
  importStatement(instance.core).plan(formats[format](payments), {
    name: `juin.${format}`,
    ...(format === 'csv' && { map: csvMap }),
  })
const bring = async (format: Format, payments: Payment[]) =>
  importStatement(core()).apply(await plan(format, payments), { actor: 'test' })
const paid = async () => (await store.payments.ofPayer(zoe.id)).length

const pairs: [Format, Format][] = [
  ['coda', 'camt.053'],
  ['camt.053', 'coda'],
  ['camt.053', 'csv'],
  ['csv', 'coda'],
]
test.each(pairs)(
  '%s, then the same day as %s: the second is shown to look like the first, and waits',
  async (one, other) => {
    const told = [
      payment({ reference: await ogm(), bankRef: 'B1' }),
      payment({ cents: 2500, text: 'merci pour tout', iban: '', name: 'X', bankRef: 'B2' }),
      payment({ cents: -1250, text: 'frais de tenue', iban: '', name: '', bankRef: 'B3' }),
    ]
    expect(await bring(one, told)).toMatchObject({ payments: 1, inbox: 2 })
    const there = await store.bank.lines({ organisationId: zoe.organisationId })
    // Another format knows it by other names.
    const again = told.map((each) => ({ ...each, bankRef: '' }))
    const { lines } = await plan(other, again)
    expect(lines.map(({ duplicate, resembles, match }) => [duplicate, resembles?.cents, match.sure])).toEqual(
      told.map(({ cents }) => [false, cents, false]),
    )
    expect(lines[0]!.payerName, 'whose it is, is still said').toBe('Zoé Lefèvre')
    expect(await bring(other, again)).toMatchObject({ added: 3, payments: 0, inbox: 3 })
    expect(await paid()).toBe(1)
    const waiting = (await inbox(core())({})).filter(({ line }) => line.resemblesId)
    expect(waiting.map(({ line }) => line.resemblesId).toSorted()).toEqual(there.map(({ id }) => id).toSorted())
    // And once more: by now it is known by its keys.
    expect(await bring(other, again)).toMatchObject({ added: 0, duplicates: 3 })
  },
)

test('two real payments in one file are two, and in the other format they look like both', async () => {
  const reference = await ogm()
  const two = [payment({ reference, bankRef: 'B1' }), payment({ reference, bankRef: 'B2' })]
  expect(await bring('coda', two)).toMatchObject({ payments: 2 })
  const again = two.map((each) => ({ ...each, bankRef: '' }))
  expect(await bring('camt.053', again)).toMatchObject({ payments: 0, inbox: 2 })
  expect(await paid()).toBe(2)
})

test('one here and two in the file: one of them is new, and is booked', async () => {
  const reference = await ogm()
  expect(await bring('coda', [payment({ reference, bankRef: 'B1' })])).toMatchObject({ payments: 1 })
  const two = [payment({ reference }), payment({ reference })]
  expect(await bring('camt.053', two)).toMatchObject({ payments: 1, inbox: 1 })
  expect(await paid()).toBe(2)
})

test('so it is when the two are far apart in a long file', async () => {
  const reference = await ogm()
  expect(await bring('coda', [payment({ reference, bankRef: 'B1' })])).toMatchObject({ payments: 1 })
  const others = Array.from({ length: 120 }, (_, n) => payment({ cents: 100 + n, iban: '', name: `P${n}` }))
  const long = [payment({ reference }), ...others, payment({ reference })]
  expect(await bring('camt.053', long)).toMatchObject({ payments: 1, inbox: 121 })
  expect(await paid()).toBe(2)
})

test('another day, another payer, another reference: nothing looks alike', async () => {
  await bring('coda', [payment({ text: 'cotisation' })])
  const { lines } = await plan('camt.053', [
    payment({ valueOn: '2026-06-11' }),
    payment({ iban: 'FR1420041010050500013M02606', text: 'cotisation' }),
    payment({ cents: 6001 }),
  ])
  expect(lines.map(({ resembles }) => resembles)).toEqual([undefined, undefined, undefined])
})

test('imported by two people at once in two formats, it is booked once', async () => {
  const reference = await ogm()
  const one = await plan('coda', [payment({ reference, bankRef: 'B1' })])
  const other = await plan('camt.053', [payment({ reference })])
  expect(other.lines[0]!.resembles).toBeUndefined()
  const reports = await Promise.all(
    [one, other].map((planned) => importStatement(core()).apply(planned, { actor: 'test' })),
  )
  expect(reports.map(({ payments }) => payments).toSorted()).toEqual([0, 1])
  expect(await paid()).toBe(1)
})

test('the very bytes of a CSV, read by other columns, are not booked again', async () => {
  const bytes = formats.csv([payment({ reference: await ogm() })])
  const read = (more: object) => importStatement(core()).plan(bytes, { name: 'x.csv', map: { ...csvMap, ...more } })
  await importStatement(core()).apply(await read({}), { actor: 'test' })
  const planned = await read({ reference: undefined, counterName: undefined })
  expect(planned.lines).toMatchObject([{ duplicate: false, resembles: { cents: 6000 } }])
  expect(await importStatement(core()).apply(planned, { actor: 'test' })).toMatchObject({ payments: 0, inbox: 1 })
  expect(await paid()).toBe(1)
})

test('a person who says that it is another payment books it', async () => {
  const reference = await ogm()
  await bring('coda', [payment({ reference, bankRef: 'B1' })])
  await bring('camt.053', [payment({ reference })])
  const [{ line } = { line: undefined }] = await inbox(core())({})
  await matchLine(core())({ lineId: line!.id, payerId: zoe.id, actor: 'test' })
  expect(await paid()).toBe(2)
})

test('CFONB 120 too, which puts the kind of transfer before the words', async () => {
  const french = {
    ...day([payment({ iban: '', name: '', text: 'Cotisation 2026' })])[0]!,
    account: 'FR1420041010050500013M02606',
  }
  await setBankAccount(core())({ iban: french.account, holder: 'Cassiopée', actor: 'test' })
  const apply = async (bytes: Uint8Array) =>
    importStatement(core()).apply(await importStatement(core()).plan(bytes, { name: 'x' }), { actor: 'test' })
  await apply(printCamt([french]))
  await apply(printCfonb([french]))
  expect((await inbox(core())({})).filter(({ line }) => line.resemblesId)).toHaveLength(1)
})
