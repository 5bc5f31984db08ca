// Money that goes back: from credit first, then from what was given last, without a new grace.
import { describe, expect, test } from 'vitest'
import { changeTariff } from '../../src/usecases/change-tariff.ts'
import { reversePayment } from '../../src/usecases/payments.ts'
import { refundPayment } from '../../src/usecases/refunds.ts'
import { setMemberDues } from '../../src/usecases/tariffs.ts'
import * as make from '../contract/store-records.ts'
import { actor, duesDesk } from '../support/dues-desk.ts'

const { call, core, credit, desk, inOrder, member, onTerms, pay, standing, terms } = duesDesk()

describe('money that goes back', () => {
  test('a part: from credit first, then from what was given last; what it paid is owed again, with no new grace', async () => {
    const zoe = await inOrder()
    const { payment } = await pay(zoe, 1000)
    const [paid] = (await desk.store.payments.ofPayer(zoe.id)).filter(({ cents }) => cents === 6000)
    const refund = (cents: number, paymentId = paid!.id, more: object = {}) =>
      refundPayment(core())({ paymentId, cents, note: 'trop payé', actor, ...more })
    await refund(400, payment.id)
    expect([await credit(zoe), await standing(zoe)]).toEqual([600, 'current'])
    desk.clock.set('2026-03-01T10:00:00Z')
    const row = await refund(1500, paid!.id, { valueOn: '2026-02-28' })
    expect(row).toMatchObject({ cents: -1500, refundsId: paid!.id, reversesId: null, valueOn: '2026-02-28' })
    expect([await onTerms(zoe), await credit(zoe), await standing(zoe)]).toEqual([4500, 600, 'applicant'])
    for (const cents of [0, -5, 1.5, 4501]) await expect(refund(cents)).rejects.toMatchObject({ field: 'cents' })
    await expect(refund(5, paid!.id, { valueOn: '2026-01-04' })).rejects.toMatchObject({ field: 'valueOn' })
    await expect(refund(5, paid!.id, { note: '' })).rejects.toMatchObject({ field: 'note' })
    await expect(refund(5, row.id), 'a refund is not paid back').rejects.toMatchObject({ code: 'conflict' })
    await expect(refund(5, make.id())).rejects.toMatchObject({ code: 'not_found' })
    expect(await refund(4500)).toMatchObject({ cents: -4500, reversesId: paid!.id })
    expect([await onTerms(zoe), await credit(zoe)]).toEqual([0, 600])
    await expect(refund(1)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('the newest share goes first', async () => {
    const zoe = await member()
    await call()
    const { payment } = await pay(zoe, 9000)
    desk.clock.set('2026-12-10T10:00:00Z')
    await call()
    const shares = async () => (await terms(zoe)).map(({ paidCents }) => paidCents)
    expect(await shares()).toEqual([6000, 3000])
    await refundPayment(core())({ paymentId: payment.id, cents: 3500, note: 'rendu', actor })
    expect(await shares()).toEqual([5500, 0])
  })

  test('whole after a part, as a bounced debit: what is left, once', async () => {
    const zoe = await inOrder()
    const [{ id: paymentId } = { id: '' }] = await desk.store.payments.ofPayer(zoe.id)
    await refundPayment(core())({ paymentId, cents: 1000, note: 'rendu', actor })
    const back = await reversePayment(core())({ paymentId, note: 'refusé', valueOn: '2026-01-05', actor })
    expect([back.cents, await onTerms(zoe), await credit(zoe)]).toEqual([-5000, 0, 0])
    await expect(reversePayment(core())({ paymentId, note: 'x', actor })).rejects.toMatchObject({ code: 'conflict' })
  })

  test('a refund that was a mistake is taken back: the money pays what is owed again', async () => {
    const zoe = await inOrder()
    const [{ id: paymentId } = { id: '' }] = await desk.store.payments.ofPayer(zoe.id)
    const { id } = await refundPayment(core())({ paymentId, cents: 1000, note: 'rendu', actor })
    await reversePayment(core())({ paymentId: id, note: 'la banque l’a refusé', actor })
    expect([await onTerms(zoe), await credit(zoe), await standing(zoe)]).toEqual([6000, 0, 'current'])
    await expect(reversePayment(core())({ paymentId: id, note: 'x', actor })).rejects.toMatchObject({
      code: 'conflict',
    })
    await reversePayment(core())({ paymentId, note: 'refusé', actor })
    expect([await onTerms(zoe), await credit(zoe)]).toEqual([0, 0])
  })

  test('money moved to another tariff goes back from where it is', async () => {
    const zoe = await inOrder()
    const [{ id: paymentId } = { id: '' }] = await desk.store.payments.ofPayer(zoe.id)
    desk.clock.set('2026-04-01T10:00:00Z')
    const asked = { memberId: zoe.id, tariff: 'Réduit', fromOn: '2026-04-01' }
    const { key, creditCents } = await changeTariff(core()).plan(asked)
    await changeTariff(core()).apply({ ...asked, key, call: true, actor })
    await refundPayment(core())({ paymentId, cents: creditCents + 1, note: 'rendu', actor })
    const [before, after] = await terms(zoe)
    expect([before!.paidCents - before!.dueCents, after!.paidCents - after!.dueCents]).toEqual([0, -1])
    await reversePayment(core())({ paymentId, note: 'refusé', actor })
    expect([await onTerms(zoe), await credit(zoe), await standing(zoe)]).toEqual([0, 0, 'applicant'])
  })

  test('sent twice under one id it is paid back once; two at once never more than there was', async () => {
    const zoe = await inOrder()
    const [{ id: paymentId } = { id: '' }] = await desk.store.payments.ofPayer(zoe.id)
    const refund = (id: string) => refundPayment(core())({ id, paymentId, cents: 4000, note: 'rendu', actor })
    const id = make.id()
    const sent = await Promise.allSettled([refund(id), refund(id), refund(make.id())])
    expect(sent.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await onTerms(zoe)).toBe(2000)
  })

  test('somebody else pays now: whose term it was is brought up to it all the same', async () => {
    const [zoe, child] = [await member(), await member()]
    await setMemberDues(core())({ memberId: child.id, tariff: 'Effectif', payerId: zoe.id, actor })
    await call()
    const { payment } = await pay(zoe, 12_000)
    await setMemberDues(core())({ memberId: child.id, tariff: 'Effectif', payerId: null, actor })
    await reversePayment(core())({ paymentId: payment.id, note: 'refusé', actor })
    expect([await standing(zoe), await standing(child)]).toEqual(['applicant', 'applicant'])
  })
})
