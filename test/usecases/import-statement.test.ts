// A statement through the use cases: what bears our reference is paid at once, the rest waits for a person; twice is once;
// what is not ours is refused whole.
import { beforeEach, describe, expect, test } from 'vitest'
import type { Member, Store } from '../../src/ports.ts'
import { ignoreLine, inbox, matchLine } from '../../src/usecases/bank-inbox.ts'
import { callDues } from '../../src/usecases/call-dues.ts'
import { importStatement } from '../../src/usecases/import-statement.ts'
import { addMember } from '../../src/usecases/members.ts'
import { reversePayment } from '../../src/usecases/payments.ts'
import { parseStatementMap, savedStatementMap, saveStatementMap } from '../../src/usecases/statement-maps.ts'
import { addTariff, setBankAccount, setMemberDues } from '../../src/usecases/tariffs.ts'
import * as make from '../contract/store-records.ts'
import { type Payment, printCamt, type Sample } from '../statements/printers.ts'
import { type Stage, stage } from '../support/stage.ts'

const IBAN = 'BE71096123456769'
const PAYER_IBAN = 'BE68539007547034'

let on: Stage
let store: Store
let zoe: Member
let max: Member
const core = () => on.first.core

async function member(memberNumber: string, name: string): Promise<Member> {
  const made = await addMember(core())({
    memberNumber,
    kind: 'person',
    name,
    email: null,
    coveredUntilOn: null,
    actor: 'test',
  })
  await setMemberDues(core())({ memberId: made.id, tariff: 'Effectif', payerId: null, actor: 'test' })
  return made
}

beforeEach(async () => {
  on = await stage()
  store = on.first.store
  on.clock.set('2026-06-15T10:00:00Z')
  await store.organisations.add(make.organisation())
  await setBankAccount(core())({ iban: IBAN, holder: 'Cassiopée', actor: 'test' })
  await addTariff(core())({
    name: 'Effectif',
    period: 'year',
    yearStartsOn: '01-01',
    months: 12,
    amountCents: 6000,
    validFromOn: '2020-01-01',
    decisionRef: 'AG 2019',
    actor: 'test',
  })
  zoe = await member('1', 'Zoé Lefèvre')
  max = await member('2', 'Max Dupont')
  await callDues(core())({ actor: 'test' })
  return () => on.close()
})

const ogmOf = async ({ id }: Member): Promise<string> => (await store.calls.ofPayer(id))[0]!.ogm
let refs = 0
const paid = (more: Partial<Payment> = {}): Payment => ({
  cents: 6000,
  bookedOn: '2026-06-12',
  valueOn: '2026-06-12',
  name: 'LEFEVRE ZOE',
  iban: PAYER_IBAN,
  reference: null,
  text: '',
  bankRef: `R${++refs}`,
  endToEndId: '',
  ...more,
})
const sample = (payments: Payment[], more: Partial<Sample> = {}): Sample => ({
  account: IBAN,
  number: '24',
  fromOn: '2026-06-12',
  toOn: '2026-06-12',
  opening: 100_000,
  payments,
  ...more,
})
const bytes = (payments: Payment[], more: Partial<Sample> = {}) => printCamt([sample(payments, more)])
const plan = (file: Uint8Array) => importStatement(core()).plan(file, { name: 'juin.xml' })
const bring = async (file: Uint8Array) => importStatement(core()).apply(await plan(file), { actor: 'test' })
const standing = async ({ id }: Member) => (await store.standings.get(id))!.standing

describe('what bears our reference', () => {
  test('is shown first, writes nothing then, and is paid at once', async () => {
    const file = bytes([paid({ reference: await ogmOf(zoe) }), paid({ name: 'BOULANGERIE', cents: -1250, iban: '' })])
    const planned = await plan(file)
    expect(planned.lines.map(({ match: { rule, sure }, payerName }) => [rule, sure, payerName])).toEqual([
      ['reference', true, 'Zoé Lefèvre'],
      ['none', false, null],
    ])
    expect(await store.bank.files(planned.organisation.id)).toEqual([])
    expect(await bring(file)).toEqual({ added: 2, duplicates: 0, payments: 1, inbox: 1 })
    expect([await standing(zoe), await standing(max)]).toEqual(['current', 'applicant'])
    expect(await store.payments.ofPayer(zoe.id)).toMatchObject([{ source: 'bank', cents: 6000, valueOn: '2026-06-12' }])
  })

  test('in the free text, with stars and spaces', async () => {
    const ogm = await ogmOf(max)
    const text = `cotisation ***${ogm.slice(0, 3)}/${ogm.slice(3, 7)}/${ogm.slice(7)}*** merci`
    expect(await bring(bytes([paid({ text, name: 'X' })]))).toMatchObject({ payments: 1 })
    expect(await standing(max)).toBe('current')
  })

  test('with wrong check digits it is nobody’s, and no error', async () => {
    const ogm = await ogmOf(zoe)
    const wrong = ogm.slice(0, 10) + String((Number(ogm.slice(10)) % 97) + 1).padStart(2, '0')
    expect(await bring(bytes([paid({ text: wrong, name: '' })]))).toMatchObject({ payments: 0, inbox: 1 })
  })

  test('of a call that is settled it is put before a person', async () => {
    const reference = await ogmOf(zoe)
    await bring(bytes([paid({ reference })]))
    expect(await bring(bytes([paid({ reference })], { number: '25' }))).toMatchObject({ payments: 0, inbox: 1 })
    expect(await inbox(core())({})).toMatchObject([{ match: { rule: 'old_reference' }, payerName: 'Zoé Lefèvre' }])
  })
})

describe('imported twice', () => {
  test('it is imported once: the file, and each line in another file', async () => {
    const payments = [paid({ reference: await ogmOf(zoe) }), paid({ cents: 100 })]
    const file = bytes(payments)
    await bring(file)
    expect((await plan(file)).importedBefore).toMatchObject({ name: 'juin.xml' })
    expect(await bring(file)).toEqual({ added: 0, duplicates: 2, payments: 0, inbox: 0 })
    const longer = bytes([...payments, paid({ cents: 200 })], { toOn: '2026-06-13' })
    expect(await bring(longer)).toEqual({ added: 1, duplicates: 2, payments: 0, inbox: 1 })
    expect(await store.payments.ofPayer(zoe.id)).toHaveLength(1)
  })

  test('two treasurers at once import it once', async () => {
    const file = bytes(await Promise.all([zoe, max].map(async (one) => paid({ reference: await ogmOf(one) }))))
    const reports = await Promise.all([bring(file), bring(file), bring(file)])
    expect(reports.reduce((sum, { payments }) => sum + payments, 0)).toBe(2)
    expect([await standing(zoe), await standing(max)]).toEqual(['current', 'current'])
    expect([...(await store.payments.ofPayer(zoe.id)), ...(await store.payments.ofPayer(max.id))]).toHaveLength(2)
  })

  test('by two at once: also what pays a part, and leaves the call open', async () => {
    const planned = await plan(bytes([paid({ reference: await ogmOf(zoe), cents: 1000 })]))
    const both = await Promise.all([1, 2].map(() => importStatement(core()).apply(planned, { actor: 'test' })))
    expect(both.map(({ payments }) => payments).toSorted()).toEqual([0, 1])
    expect(await store.payments.ofPayer(zoe.id)).toHaveLength(1)
  })
})

describe('many lines', () => {
  /** Members enough for several transactions, each called, and a line of each. */
  async function many(count: number): Promise<{ members: Member[]; payments: Payment[] }> {
    const members: Member[] = []
    for (let n = 0; n < count; n++) members.push(await member(String(100 + n), `Membre ${n} Élan`))
    await callDues(core())({ actor: 'test' })
    const payments = await Promise.all(members.map(async (one) => paid({ reference: await ogmOf(one), name: '' })))
    return { members, payments }
  }
  const told = async () => {
    const rows = await store.audit.list({ limit: 10_000 })
    return rows.filter(({ action }) => /^(payment|standing|statement)\./.test(action))
  }

  test('leave behind what each alone does: audit, receipts without a gap, standings, what services are to be told', async () => {
    const { members, payments } = await many(60)
    const { id: accountId } = await on.person()
    await store.people.affiliate({ accountId, memberId: members[7]!.id, role: 'owner', createdAt: 1 })
    const toTell = async () => (await store.outbox.pending({ subject: accountId })).length
    const toldBefore = await toTell()
    const before = (await told()).length
    expect(await bring(bytes(payments))).toEqual({ added: 60, duplicates: 0, payments: 60, inbox: 0 })
    for (const [at, one] of members.entries()) {
      expect(await standing(one)).toBe('current')
      const [payment] = await store.payments.ofPayer(one.id)
      expect(payment).toMatchObject({ cents: 6000, allocations: [{ cents: 6000, recordedBy: 'test' }] })
      expect(await store.payments.receiptOf(payment!.id)).toMatchObject({ year: 2026, number: at + 1 })
    }
    const said = (await told()).slice(before).map(({ action, subjectId }) => ({ action, subjectId }))
    const [imported, ...rest] = said
    expect(imported!.action).toBe('statement.imported')
    expect(rest.filter(({ action }) => action !== 'statement.lines_kept')).toEqual(
      members.flatMap(({ id: subjectId }) => [
        { action: 'payment.recorded', subjectId },
        { action: 'standing.changed', subjectId },
      ]),
    )
    expect((await store.audit.verify()).brokenAt).toBeUndefined()
    expect(await toTell()).toBeGreaterThan(toldBefore)
  })

  test('cut off between, the same file brings the rest, and nothing twice', async () => {
    const { members, payments } = await many(120)
    const file = bytes(payments)
    const cut = importStatement(core()).apply(await plan(file), {
      actor: 'test',
      onProgress: () => {
        throw new Error('cut off')
      },
    })
    await expect(cut).rejects.toThrow('cut off')
    const half = await plan(file)
    const kept = half.lines.filter(({ duplicate }) => duplicate).length
    expect([kept > 0, kept < 120]).toEqual([true, true])
    const done: number[] = []
    const report = await importStatement(core()).apply(half, { actor: 'test', onProgress: (now) => done.push(now) })
    expect(report).toEqual({ added: 120 - kept, duplicates: kept, payments: 120 - kept, inbox: 0 })
    expect([done.length > 1, done.at(-1)]).toEqual([true, 120])
    const numbers: number[] = []
    for (const one of members) {
      const made = await store.payments.ofPayer(one.id)
      expect(made).toHaveLength(1)
      numbers.push((await store.payments.receiptOf(made[0]!.id))!.number)
    }
    expect(numbers).toEqual(members.map((_, at) => at + 1))
    expect((await told()).filter(({ action }) => action === 'statement.imported')).toHaveLength(1)
  })

  test('one transaction that fails leaves none of its lines, and those before it', async () => {
    const { members, payments } = await many(120)
    const planned = await plan(bytes(payments))
    const { store: real } = core()
    let transactions = 0
    const failing = {
      ...core(),
      store: {
        ...real,
        transaction: <T>(work: Parameters<typeof real.transaction<T>>[0]) =>
          real.transaction<T>(async (stores) => {
            const result = await work(stores)
            if (++transactions === 3) throw new Error('no room left')
            return result
          }),
      },
    }
    await expect(importStatement(failing).apply(planned, { actor: 'test' })).rejects.toThrow('no room left')
    const made = await Promise.all(members.map(async ({ id }) => (await store.payments.ofPayer(id)).length))
    const kept = made.filter((count) => count === 1).length
    expect(made).toEqual([...Array(kept).fill(1), ...Array(120 - kept).fill(0)])
    expect(kept).toBeGreaterThan(0)
    const [{ id } = { id: '' }] = await store.organisations.all()
    expect(await store.bank.lines({ organisationId: id })).toHaveLength(kept)
    expect(await bring(bytes(payments))).toMatchObject({ payments: 120 - kept, duplicates: kept })
  })

  test('of one call twice in a file: the first pays it, the second waits for a person', async () => {
    const reference = await ogmOf(zoe)
    expect(await bring(bytes([paid({ reference }), paid({ reference })]))).toMatchObject({ payments: 1, inbox: 1 })
    expect(await inbox(core())({})).toMatchObject([{ match: { rule: 'old_reference' } }])
    expect(await store.payments.ofPayer(zoe.id)).toHaveLength(1)
  })

  test('two parts of one call, and one payer of two: every line sees what those before it paid', async () => {
    await setMemberDues(core())({ memberId: max.id, tariff: 'Effectif', payerId: zoe.id, actor: 'test' })
    const reference = await ogmOf(zoe)
    const cents = [2500, 3500, 6500, 1]
    const report = await bring(bytes(cents.map((part) => paid({ reference, cents: part }))))
    expect(report).toMatchObject({ payments: 3, inbox: 1 })
    expect([await standing(zoe), await standing(max)]).toEqual(['current', 'current'])
    const made = await store.payments.ofPayer(zoe.id)
    expect(made.map((one) => [one.cents, one.allocations.map((share) => share.cents)]).toSorted()).toEqual([
      [2500, [2500]],
      [3500, [3500]],
      [6500, [6000]],
    ])
    const changes = (await told()).filter(({ action }) => action === 'standing.changed')
    expect(new Set(changes.slice(-2).map(({ subjectId }) => subjectId))).toEqual(new Set([zoe.id, max.id]))
    expect(changes.slice(-2).map(({ payload }) => payload.to)).toEqual(['current', 'current'])
  })

  test('a sure line that is no payment today waits for a person, and stops no other', async () => {
    const [first, second] = [await ogmOf(zoe), await ogmOf(max)]
    const file = bytes([paid({ reference: first, valueOn: '2026-07-15' }), paid({ reference: second })])
    expect((await plan(file)).lines.map(({ match }) => match.sure)).toEqual([false, true])
    expect(await bring(file)).toMatchObject({ payments: 1, inbox: 1 })
    expect([await standing(zoe), await standing(max)]).toEqual(['applicant', 'current'])
  })

  test('others get their turn while it is applied', async () => {
    const planned = await plan(
      bytes(Array.from({ length: 1500 }, (_, n) => paid({ cents: n + 1, name: 'Anne Onyme' }))),
    )
    let turns = 0
    let applying = true
    const count = (): void => {
      turns++
      if (applying) setImmediate(count)
    }
    count()
    await importStatement(core()).apply(planned, { actor: 'test' })
    applying = false
    // One after each transaction, and about one in the midst of it.
    expect(turns).toBeGreaterThan(50)
  })
})

describe('the inbox', () => {
  test('a name suggests, a person says; the account is known from then on', async () => {
    await bring(bytes([paid(), paid({ name: 'DUPONT MAX', iban: '' })]))
    const waiting = await inbox(core())({})
    expect(waiting.map(({ match, payerName }) => [match.rule, match.sure, payerName]).toSorted()).toEqual([
      ['name', false, 'Max Dupont'],
      ['name', false, 'Zoé Lefèvre'],
    ])
    const line = waiting.find(({ payerName }) => payerName === 'Zoé Lefèvre')!.line
    await matchLine(core())({ lineId: line.id, payerId: zoe.id, actor: 'test' })
    expect(await standing(zoe)).toBe('current')
    expect(await inbox(core())({})).toHaveLength(1)
    await expect(matchLine(core())({ lineId: line.id, payerId: max.id, actor: 'test' })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await store.bank.payersOf(line.organisationId, [PAYER_IBAN])).toEqual(new Map([[PAYER_IBAN, [zoe.id]]]))
  })

  test('of two who say at once, one is heard', async () => {
    await bring(bytes([paid()]))
    const [{ line } = { line: undefined }] = await inbox(core())({})
    const said = await Promise.allSettled(
      [zoe, max].map(({ id }) => matchLine(core())({ lineId: line!.id, payerId: id, actor: 'test' })),
    )
    expect(said.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  test('what was matched wrongly is taken back, and waits again', async () => {
    await bring(bytes([paid({ reference: await ogmOf(zoe) })]))
    const [payment] = await store.payments.ofPayer(zoe.id)
    await reversePayment(core())({ paymentId: payment!.id, note: 'c’était pour Max', actor: 'test' })
    expect(await standing(zoe)).toBe('applicant')
    const [{ line } = { line: undefined }] = await inbox(core())({})
    await matchLine(core())({ lineId: line!.id, payerId: max.id, actor: 'test' })
    expect([await standing(zoe), await standing(max)]).toEqual(['applicant', 'current'])
  })

  test('money that left is nobody’s payment; what has nothing to do with dues is put aside', async () => {
    await bring(bytes([paid({ cents: -6000 })]))
    const [{ line } = { line: undefined }] = await inbox(core())({})
    await expect(matchLine(core())({ lineId: line!.id, payerId: zoe.id, actor: 'test' })).rejects.toMatchObject({
      code: 'invalid_value',
    })
    await ignoreLine(core())({ lineId: line!.id, note: 'loyer', actor: 'test' })
    expect(await inbox(core())({})).toEqual([])
    await expect(ignoreLine(core())({ lineId: 'none', note: '', actor: 'test' })).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})

describe('several organisations', () => {
  test('a line of one is no payment of a member of another', async () => {
    const other = make.organisation({ name: 'Une autre', createdAt: make.NOW + 1 })
    await store.organisations.add(other)
    const stranger = make.member(other.id)
    await store.members.add(stranger)
    await bring(bytes([paid()]))
    const [{ line } = { line: undefined }] = await inbox(core())({})
    const said = matchLine(core())({ lineId: line!.id, payerId: stranger.id, actor: 'test' })
    await expect(said).rejects.toMatchObject({ code: 'not_found', field: 'payer' })
    expect(await inbox(core())({})).toHaveLength(1)
  })
})

describe('refused whole, and nothing kept', () => {
  test.each([
    ['another account', () => bytes([paid()], { account: 'BE68539007547034' }), 'dues are paid on BE71096123456769'],
    [
      'another currency',
      () =>
        Buffer.from(
          Buffer.from(bytes([paid()]))
            .toString()
            .replaceAll('EUR', 'USD'),
        ),
      'in USD',
    ],
    [
      'a balance that does not hold',
      () =>
        Buffer.from(
          Buffer.from(bytes([paid()]))
            .toString()
            .replace('<Amt Ccy="EUR">60.00', '<Amt Ccy="EUR">61.00'),
        ),
      '',
    ],
    ['half a file', () => bytes([paid()]).subarray(0, 900), ''],
    ['no statement at all', () => Buffer.from('%PDF-1.7 statement'), ''],
  ])('%s', async (_what, file, told) => {
    const refused = await plan(file()).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'invalid_value', field: 'file', detail: expect.stringContaining(told) })
    const [{ id } = { id: '' }] = await store.organisations.all()
    expect([await store.bank.files(id), await store.bank.lines({ organisationId: id })]).toEqual([[], []])
  })
})

describe('a bank’s CSV', () => {
  const map = 'booked=Date,amount=Montant,communication=Libellé+Détails,counterName=Contrepartie,counterAccount=Compte'

  test('by a mapping that is kept under the bank’s name', async () => {
    await saveStatementMap(core())({ name: 'Ma banque', map: parseStatementMap(map), actor: 'test' })
    const saved = await savedStatementMap(core(), 'Ma banque')
    const csv = `Date;Montant;Libellé;Détails;Contrepartie;Compte\n12/06/2026;60,00;cotisation;${await ogmOf(zoe)};LEFEVRE ZOE;${PAYER_IBAN}\n`
    const file = await importStatement(core()).plan(Buffer.from(csv), { name: 'a.csv', map: saved })
    expect(await importStatement(core()).apply(file, { actor: 'test' })).toMatchObject({ added: 1, payments: 1 })
  })

  test.each(['', 'Date', 'booked=Date', 'amount=X', 'booked=Date,amount=X,colour=Blue', 'booked=,amount=X'])(
    '%j is no mapping',
    (text) => {
      expect(() => parseStatementMap(text)).toThrow(expect.objectContaining({ code: 'invalid_value', field: 'map' }))
    },
  )
})
