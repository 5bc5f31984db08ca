// Dues through the use cases: decided, called, paid, taken back; one payer for several; a payment lifts a lapse and nothing
// else.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Member, Store } from '../../src/ports.ts'
import { callDues, foreseeCalls } from '../../src/usecases/call-dues.ts'
import { addMember, recordMemberEvent } from '../../src/usecases/members.ts'
import { nightly } from '../../src/usecases/nightly.ts'
import { creditOf, recordPayment, reversePayment } from '../../src/usecases/payments.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import { addRules, addTariff, setBankAccount, setMemberDues } from '../../src/usecases/tariffs.ts'
import * as make from '../contract/store-records.ts'
import { type Stage, stage } from '../support/stage.ts'

let on: Stage
let store: Store
const core = () => on.first.core
const decision = { validFromOn: '2020-01-01', decisionRef: 'AG 2019, point 4', actor: 'test' }
const tariff = (more: Partial<Parameters<ReturnType<typeof addTariff>>[0]> = {}) =>
  addTariff(core())({
    ...decision,
    name: 'Effectif',
    period: 'year',
    yearStartsOn: '01-01',
    months: 12,
    amountCents: 6000,
    ...more,
  })

beforeEach(async () => {
  on = await stage()
  store = on.first.store
  on.clock.set('2026-06-15T10:00:00Z')
  await store.organisations.add(make.organisation())
  return () => on.close()
})
afterEach(() => expect(on.first.logged.filter(({ event }) => /failed/.test(event))).toEqual([]))

let counter = 0
async function member(more: { coveredUntilOn?: string; payer?: Member; tariff?: string } = {}): Promise<Member> {
  const number = String(++counter)
  const { coveredUntilOn = null, payer, tariff: name = 'Effectif' } = more
  const made = await addMember(core())({
    memberNumber: number,
    kind: 'person',
    name: `Membre ${number}`,
    email: `m${number}@example.org`,
    coveredUntilOn,
    actor: 'test',
  })
  await setMemberDues(core())({ memberId: made.id, tariff: name, payerId: payer?.id ?? null, actor: 'test' })
  return made
}
const standing = async ({ id }: Member) => (await store.standings.get(id))!.standing
const call = (withinDays = 30) => callDues(core())({ withinDays, actor: 'test' })
const pay = (payer: Member, cents: number) =>
  recordPayment(core())({ payerId: payer.id, source: 'cash', cents, valueOn: '2026-06-15', actor: 'test' })

describe('called and paid', () => {
  test('a new member owes from today to the end of the year, and is in order once it is paid', async () => {
    await tariff()
    const zoe = await member()
    expect(await call()).toEqual({ terms: 1, calls: 1 })
    expect(await call(), 'nobody is asked twice').toEqual({ terms: 0, calls: 0 })
    const [{ lines, dueOn, ogm } = { lines: [], dueOn: '', ogm: '' }] = await store.calls.ofPayer(zoe.id)
    expect([lines.map(({ cents }) => cents), dueOn]).toEqual([[6000], '2026-06-29'])
    expect(Number(ogm.slice(0, 10)) % 97 || 97).toBe(Number(ogm.slice(10)))
    expect(await standing(zoe)).toBe('applicant')
    await pay(zoe, 5999)
    expect(await standing(zoe), 'a cent is missing').toBe('applicant')
    const { receipt, creditCents } = await pay(zoe, 101)
    expect([await standing(zoe), receipt.number, creditCents]).toEqual(['current', 2, 100])
    expect(await store.standings.get(zoe.id)).toMatchObject({ coveredUntilOn: '2026-12-31' })
  })

  test('what calling would ask for is known before, without writing anything', async () => {
    await tariff()
    const zoe = await member()
    await member({ payer: zoe })
    await member({ coveredUntilOn: '2026-12-31' })
    const foreseen = () => foreseeCalls(core())({ withinDays: 30 })
    expect(await foreseen()).toEqual({ members: 2, payers: 1, cents: 12_000 })
    expect(await store.standings.terms(zoe.id)).toEqual([])
    expect(await call()).toEqual({ terms: 2, calls: 1 })
    expect(await foreseen()).toEqual({ members: 0, payers: 0, cents: 0 })
    expect(await foreseeCalls(core())({ withinDays: 365 })).toMatchObject({ members: 1 })
  })

  test('whose cover ends soon is called for the next year and stays in order meanwhile', async () => {
    await tariff()
    const [soon, later] = [
      await member({ coveredUntilOn: '2026-07-10' }),
      await member({ coveredUntilOn: '2026-12-31' }),
    ]
    expect(await call()).toEqual({ terms: 1, calls: 1 })
    expect(await store.standings.terms(soon.id)).toMatchObject([
      { endOn: '2026-07-10' },
      { startOn: '2026-07-11', endOn: '2026-12-31', dueCents: 6000, source: 'call' },
    ])
    expect([await standing(soon), (await store.calls.ofPayer(later.id)).length]).toEqual(['current', 0])
  })

  test('the amount is the one in force when the term begins', async () => {
    await tariff()
    await tariff({ validFromOn: '2027-01-01', amountCents: 7500 })
    const zoe = await member({ coveredUntilOn: '2026-12-31' })
    await call(365)
    expect((await store.standings.terms(zoe.id)).at(-1)).toMatchObject({ startOn: '2027-01-01', dueCents: 7500 })
  })

  test('one payer for several: one call, and one payment for all of them, the oldest term first', async () => {
    await tariff()
    await tariff({ name: 'Enfant', amountCents: 1500 })
    const parent = await member({ coveredUntilOn: '2026-06-30' })
    const child = await member({ payer: parent, tariff: 'Enfant' })
    expect(await call()).toEqual({ terms: 2, calls: 1 })
    expect((await store.calls.ofPayer(parent.id))[0]!.lines).toHaveLength(2)
    await pay(parent, 1500)
    expect([await standing(child), (await store.standings.terms(parent.id)).at(-1)!.paidCents]).toEqual(['current', 0])
    await pay(parent, 6000)
    expect((await store.standings.get(parent.id))!.coveredUntilOn).toBe('2026-12-31')
  })

  test('what is over waits, and pays the next call by itself', async () => {
    await tariff()
    const zoe = await member({ coveredUntilOn: '2026-12-31' })
    expect((await pay(zoe, 10_000)).creditCents).toBe(10_000)
    on.clock.set('2026-12-10T10:00:00Z')
    expect(await call(), 'there is nothing left to ask for').toEqual({ terms: 1, calls: 0 })
    expect((await store.standings.get(zoe.id))!.coveredUntilOn).toBe('2027-12-31')
    on.clock.set('2027-01-02T10:00:00Z')
    await nightly(core(), on.first.reconciler, async () => {})()
    expect([await standing(zoe), await creditOf(store, zoe.id)]).toMatchObject(['current', [{ cents: 4000 }]])
  })

  test('a closed member, or one without a tariff, is asked for nothing', async () => {
    await tariff()
    const [closed, bare] = [await member(), await member()]
    await recordMemberEvent(core())({
      memberId: closed.id,
      kind: 'resigned',
      effectiveOn: '2026-06-01',
      note: '',
      actor: 'test',
    })
    await setMemberDues(core())({ memberId: bare.id, tariff: null, payerId: null, actor: 'test' })
    expect(await call()).toEqual({ terms: 0, calls: 0 })
  })
})

describe('taken back', () => {
  test('what it had paid is owed again, without a new grace; the second time is refused', async () => {
    await tariff()
    const zoe = await member()
    await call()
    const { payment } = await pay(zoe, 6000)
    await reversePayment(core())({ paymentId: payment.id, note: 'chèque sans provision', actor: 'test' })
    expect(await standing(zoe)).toBe('applicant')
    expect((await store.standings.terms(zoe.id))[0]!.paidCents).toBe(0)
    await expect(reversePayment(core())({ paymentId: payment.id, note: 'x', actor: 'test' })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await creditOf(store, zoe.id), 'it is not credit either').toEqual([])
    await pay(zoe, 6000)
    expect(await standing(zoe)).toBe('current')
  })
})

describe('what money does not do', () => {
  test('it lifts no suspension, and revives no closed membership', async () => {
    await tariff()
    const [zoe, max] = [await member(), await member()]
    await call()
    await suspend(core())({ target: { memberId: zoe.id }, reason: 'abus', actor: 'test' })
    await recordMemberEvent(core())({
      memberId: max.id,
      kind: 'expelled',
      effectiveOn: '2026-06-15',
      note: '',
      actor: 'test',
    })
    await pay(zoe, 6000)
    await pay(max, 6000)
    expect([await standing(zoe), await standing(max)]).toEqual(['current', 'closed'])
    expect((await store.overrides.open({ memberId: zoe.id })).map(({ effect }) => effect)).toEqual(['deny'])
    await restore(core())({ target: { memberId: zoe.id }, actor: 'test' })
    on.clock.advance(1)
    await recordMemberEvent(core())({
      memberId: max.id,
      kind: 'readmitted',
      effectiveOn: '2026-06-15',
      note: '',
      actor: 'test',
    })
    expect(await standing(max)).toBe('current')
  })
})

describe('rules of the assembly', () => {
  const rules = {
    graceDays: 30,
    lateRenewal: 'restart' as const,
    lateContinueDays: 365,
    toleranceCents: 0,
    reminderDays: [0],
  }
  const tonight = () => nightly(core(), on.first.reconciler, async () => {})()

  test('a longer grace counts from its first day on, for everybody', async () => {
    await tariff()
    const zoe = await member({ coveredUntilOn: '2026-05-01' })
    expect(await standing(zoe)).toBe('lapsed')
    await addRules(core())({ ...decision, ...rules, validFromOn: '2026-06-20', graceDays: 60 })
    await tonight()
    expect(await standing(zoe), 'not yet').toBe('lapsed')
    on.clock.set('2026-06-20T03:00:00Z')
    await tonight()
    expect(await store.standings.get(zoe.id)).toMatchObject({ standing: 'grace', graceUntilOn: '2026-06-30' })
  })

  test('a bank’s charges are tolerated', async () => {
    await tariff()
    await addRules(core())({ ...decision, ...rules, toleranceCents: 50 })
    const zoe = await member()
    await call()
    await pay(zoe, 5950)
    expect(await standing(zoe)).toBe('current')
    expect(await call(), 'fifty cents are not worth a letter').toEqual({ terms: 0, calls: 0 })
  })
})

describe('bad input', () => {
  test.each([
    ['amountCents', { amountCents: -1 }],
    ['amountCents', { amountCents: 12.5 }],
    ['months', { months: 0 }],
    ['yearStartsOn', { yearStartsOn: '13-01' }],
    ['yearStartsOn', { yearStartsOn: '02-30' }],
    ['name', { name: ' ' }],
    ['decisionRef', { decisionRef: '' }],
    ['validFromOn', { validFromOn: '2026-02-30' }],
  ])('a tariff: %s %j', async (field, more) => {
    await expect(tariff(more)).rejects.toMatchObject({ code: 'invalid_value', field })
    expect(await store.dues.tariffs((await store.organisations.all())[0]!.id)).toEqual([])
  })

  test.each([0, -100, 0.5, Number.NaN, 1e12])('a payment of %d cents', async (cents) => {
    await tariff()
    const zoe = await member()
    await expect(pay(zoe, cents)).rejects.toMatchObject({ code: 'invalid_value', field: 'cents' })
  })

  test('a payment from the future, of nobody, or with a novel for a note', async () => {
    await tariff()
    const zoe = await member()
    const input = { payerId: zoe.id, source: 'cash' as const, cents: 100, valueOn: '2026-06-15', actor: 'test' }
    const paid = (more: object) => recordPayment(core())({ ...input, ...more })
    await expect(paid({ valueOn: '2026-06-23' })).rejects.toMatchObject({ field: 'valueOn' })
    await expect(paid({ valueOn: 'yesterday' })).rejects.toMatchObject({ field: 'valueOn' })
    await expect(paid({ payerId: 'nobody' })).rejects.toMatchObject({ code: 'not_found' })
    await expect(paid({ note: 'x'.repeat(501) })).rejects.toMatchObject({ field: 'note' })
    expect(await store.payments.ofPayer(zoe.id)).toEqual([])
  })

  test('a payment that is sent twice under one id is recorded once', async () => {
    await tariff()
    const zoe = await member()
    const input = { payerId: zoe.id, source: 'cash' as const, cents: 100, valueOn: '2026-06-15', actor: 'test' }
    const id = make.id()
    const sent = await Promise.allSettled([1, 2, 3].map(() => recordPayment(core())({ ...input, id })))
    expect(sent.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected'])
    await expect(recordPayment(core())({ ...input, id })).rejects.toMatchObject({ code: 'conflict' })
    expect(await store.payments.ofPayer(zoe.id)).toHaveLength(1)
  })

  test('payers of payers, and tariffs that are not there', async () => {
    await tariff()
    const [a, b, c] = [await member(), await member(), await member()]
    const set = (memberId: string, payerId: string | null, name: string | null = 'Effectif') =>
      setMemberDues(core())({ memberId, tariff: name, payerId, actor: 'test' })
    await set(b.id, a.id)
    await expect(set(c.id, b.id)).rejects.toMatchObject({ field: 'payer' })
    await expect(set(a.id, c.id)).rejects.toMatchObject({ field: 'payer' })
    await expect(set(a.id, null, 'Roi')).rejects.toMatchObject({ code: 'not_found', field: 'tariff' })
    await set(a.id, a.id)
    expect(await store.dues.member(a.id)).toMatchObject({ payerId: null })
  })

  test('an account that is none', async () => {
    const account = { holder: 'Cassiopée', actor: 'test' }
    await expect(setBankAccount(core())({ ...account, iban: 'BE71 0961 2345 6768' })).rejects.toMatchObject({
      field: 'iban',
    })
    await expect(setBankAccount(core())({ ...account, iban: 'BE71 0961 2345 6769', bic: 'x' })).rejects.toMatchObject({
      field: 'bic',
    })
    expect((await setBankAccount(core())({ ...account, iban: 'be71 0961 2345 6769' })).iban).toBe('BE71096123456769')
  })
})
