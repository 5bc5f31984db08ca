// Where a member stood on a day, as it was known at the end of another.
import { describe, expect, test } from 'vitest'
import type { Member } from '../../src/ports.ts'
import { standingAsKnown } from '../../src/usecases/as-known.ts'
import { changeTariff } from '../../src/usecases/change-tariff.ts'
import { recordMemberEvent } from '../../src/usecases/members.ts'
import { reversePayment } from '../../src/usecases/payments.ts'
import { addRules } from '../../src/usecases/tariffs.ts'
import { endExemption, exempt } from '../../src/usecases/terms.ts'
import * as make from '../contract/store-records.ts'
import { actor, decision, duesDesk } from '../support/dues-desk.ts'

const { call, core, desk, inForce, inOrder, member, night, pay, standing } = duesDesk()

describe('on a day, as known at the end of another', () => {
  const known = async (who: Member, day: string, knownOn: string) =>
    (await standingAsKnown(core())({ memberId: who.id, on: day, knownOn })).standing
  /** As known today it is what is in force. */
  async function agrees(who: Member): Promise<void> {
    const today = new Date(desk.clock.now()).toISOString().slice(0, 10)
    const { standing: stands, coveredUntilOn } = await inForce(who)
    expect(await standingAsKnown(core())({ memberId: who.id, on: today, knownOn: today })).toMatchObject({
      standing: stands,
      coveredUntilOn,
    })
  }

  test('a payment that is recorded late counts from its value date, once it is known', async () => {
    const zoe = await member({ coveredUntilOn: '2026-01-10' })
    await call()
    desk.clock.set('2026-02-20T10:00:00Z')
    await night()
    expect(await standing(zoe)).toBe('lapsed')
    await pay(zoe, 6000, '2026-02-12')
    expect(await standing(zoe)).toBe('current')
    expect(await known(zoe, '2026-02-15', '2026-02-19'), 'what the letter of that day said').toBe('lapsed')
    expect(await known(zoe, '2026-02-15', '2026-02-20'), 'as it is known now').toBe('current')
    expect(await known(zoe, '2026-02-11', '2026-02-20'), 'the money was not there yet').toBe('lapsed')
    expect(await known(zoe, '2026-01-20', '2026-02-20')).toBe('grace')
    expect(await known(zoe, '2026-01-01', '2025-12-31'), 'before anything was recorded').toBe('applicant')
    await agrees(zoe)
  })

  test('a bounced debit changes nothing before its value date, nor before it is known', async () => {
    const zoe = await inOrder()
    const [{ id: paymentId } = { id: '' }] = await desk.store.payments.ofPayer(zoe.id)
    desk.clock.set('2026-03-10T10:00:00Z')
    await reversePayment(core())({ paymentId, note: 'refusé', valueOn: '2026-03-01', actor })
    expect([
      await known(zoe, '2026-03-05', '2026-03-09'),
      await known(zoe, '2026-03-05', '2026-03-10'),
      await known(zoe, '2026-02-28', '2026-03-10'),
    ]).toEqual(['current', 'applicant', 'current'])
    await agrees(zoe)
  })

  test('events, cancelled terms, exemptions and rules of the time', async () => {
    const zoe = await member()
    const { id: termId } = await exempt(core())({
      memberId: zoe.id,
      fromOn: '2026-01-05',
      untilOn: null,
      reason: 'AG',
      actor,
    })
    desk.clock.set('2026-03-01T10:00:00Z')
    await endExemption(core())({ memberId: zoe.id, termId, lastOn: '2026-01-31', reason: 'erreur', actor })
    await agrees(zoe)
    expect([await known(zoe, '2026-02-15', '2026-02-28'), await known(zoe, '2026-02-15', '2026-03-01')]).toEqual([
      'current',
      'grace',
    ])
    desk.clock.set('2026-03-02T10:00:00Z')
    await addRules(core())({
      ...decision,
      validFromOn: '2026-02-01',
      graceDays: 0,
      lateRenewal: 'restart',
      lateContinueDays: 365,
      toleranceCents: 0,
      reminderDays: [],
    })
    expect([await known(zoe, '2026-02-15', '2026-03-01'), await known(zoe, '2026-02-15', '2026-03-02')]).toEqual([
      'grace',
      'lapsed',
    ])
    await recordMemberEvent(core())({ memberId: zoe.id, kind: 'resigned', effectiveOn: '2026-01-20', actor })
    expect([await known(zoe, '2026-01-25', '2026-03-01'), await known(zoe, '2026-01-25', '2026-03-02')]).toEqual([
      'current',
      'closed',
    ])
    await agrees(zoe)
  })

  test('money dated some days ahead, and a change of tariff', async () => {
    const zoe = await member()
    await call()
    await pay(zoe, 6000, '2026-01-09')
    await agrees(zoe)
    desk.clock.set('2026-04-01T10:00:00Z')
    const asked = { memberId: zoe.id, tariff: 'Réduit', fromOn: '2026-03-01' }
    const { key } = await changeTariff(core()).plan(asked)
    await changeTariff(core()).apply({ ...asked, key, call: true, actor })
    await agrees(zoe)
    for (const knownOn of ['2026-03-31', '2026-04-01']) expect(await known(zoe, '2026-02-01', knownOn)).toBe('current')
  })

  test.each([
    ['on', { on: '2026-02-30' }],
    ['knownOn', { knownOn: 'then' }],
  ])('not a day: %s', async (field, more) => {
    const zoe = await member()
    const days = { on: '2026-01-05', knownOn: '2026-01-05', ...more }
    await expect(standingAsKnown(core())({ memberId: zoe.id, ...days })).rejects.toMatchObject({ field })
    await expect(
      standingAsKnown(core())({ memberId: make.id(), ...days, ...{ on: '2026-01-05', knownOn: '2026-01-05' } }),
    ).rejects.toMatchObject({ code: 'not_found' })
  })
})
