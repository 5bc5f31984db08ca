// Terms by a treasurer's hand: exemptions and their end, what was asked for by mistake; and coming back after leaving.
import { describe, expect, test } from 'vitest'
import { recordMemberEvent } from '../../src/usecases/members.ts'
import { refundPayment } from '../../src/usecases/refunds.ts'
import { cancelCall, cancelTerm, endExemption, exempt } from '../../src/usecases/terms.ts'
import * as make from '../contract/store-records.ts'
import { actor, duesDesk } from '../support/dues-desk.ts'

const { audited, call, calls, core, credit, desk, inForce, member, night, pay, standing, terms } = duesDesk()

describe('exemption', () => {
  const honorary = { fromOn: '2026-01-05', untilOn: null, reason: 'AG 2025 : membre d’honneur', actor }

  test('a term with nothing due, for life: in order at once, and asked for nothing', async () => {
    const zoe = await member()
    const term = await exempt(core())({ ...honorary, memberId: zoe.id })
    expect(await inForce(zoe)).toMatchObject({ standing: 'current', coveredUntilOn: null })
    expect(await terms(zoe)).toMatchObject([
      { ...term, dueCents: 0, exempt: true, reason: honorary.reason, createdBy: 'test', source: 'exemption' },
    ])
    expect(await call(400)).toEqual({ terms: 0, calls: 0 })
    expect(await audited('term.exempted')).toMatchObject({ termId: term.id, reason: honorary.reason })
  })

  test('it ends on its last day, and dues are called for what follows', async () => {
    const zoe = await member()
    await exempt(core())({ ...honorary, memberId: zoe.id, untilOn: '2026-06-30' })
    desk.clock.set('2026-06-20T10:00:00Z')
    await call()
    expect((await terms(zoe)).at(-1)).toMatchObject({ startOn: '2026-07-01', endOn: '2026-12-31', dueCents: 6000 })
    desk.clock.set('2026-07-01T10:00:00Z')
    await night()
    expect(await standing(zoe)).toBe('grace')
  })

  test('it is refused over what is owed, paid for nothing, or covered, and says what and where', async () => {
    const zoe = await member()
    await call()
    const add = (more: object = {}) => exempt(core())({ ...honorary, memberId: zoe.id, ...more })
    await expect(add()).rejects.toMatchObject({ code: 'term_open', params: { startOn: '2026-01-05' } })
    await pay(zoe, 6000)
    await expect(add()).rejects.toMatchObject({ code: 'term_paid' })
    await expect(add({ fromOn: '2026-02-01', untilOn: '2026-05-31' })).rejects.toMatchObject({
      code: 'exempt_needless',
    })
    expect(await terms(zoe)).toHaveLength(1)
    await add({ fromOn: '2026-07-01' })
    await expect(add({ fromOn: '2030-01-01' })).rejects.toMatchObject({
      code: 'exempt_already',
      params: { startOn: '2026-07-01' },
    })
  })

  test('ended early it is cut at a day, kept in the books, and the standing follows at once', async () => {
    const zoe = await member()
    const { id: termId } = await exempt(core())({ ...honorary, memberId: zoe.id })
    desk.clock.set('2026-06-15T10:00:00Z')
    const end = (lastOn: string, id = termId) =>
      endExemption(core())({ memberId: zoe.id, termId: id, lastOn, reason: 'démission du titre', actor })
    for (const lastOn of ['2026-01-03', 'soon']) await expect(end(lastOn)).rejects.toMatchObject({ field: 'lastOn' })
    await end('2026-05-31')
    expect(await inForce(zoe)).toMatchObject({ standing: 'grace', coveredUntilOn: '2026-05-31' })
    const kept = (await desk.store.books.kept(zoe.id)).terms
    expect(kept.find(({ id }) => id === termId)).toMatchObject({
      cancelledAt: desk.clock.now(),
      cancelledBy: 'test',
      cancelReason: 'démission du titre',
    })
    expect(await terms(zoe)).toMatchObject([
      { startOn: '2026-01-05', endOn: '2026-05-31', exempt: true, reason: honorary.reason, replacesId: termId },
    ])
    await expect(end('2026-05-30'), 'not a second time').rejects.toMatchObject({ code: 'not_found' })
    await end('2026-01-04', (await terms(zoe))[0]!.id)
    expect([await terms(zoe), await standing(zoe)]).toEqual([[], 'applicant'])
  })

  test.each([
    ['reason', { reason: ' ' }],
    ['reason', { reason: 'x'.repeat(501) }],
    ['fromOn', { fromOn: '2026-02-30' }],
    ['untilOn', { untilOn: 'never' }],
    ['untilOn', { untilOn: '2026-01-04' }],
  ])('bad input: %s %j', async (field, more) => {
    const zoe = await member()
    await expect(exempt(core())({ ...honorary, memberId: zoe.id, ...more })).rejects.toMatchObject({ field })
    await expect(exempt(core())({ ...honorary, memberId: make.id() })).rejects.toMatchObject({ code: 'not_found' })
    expect(await terms(zoe)).toEqual([])
  })
})

describe('asked for by mistake', () => {
  test('a term: cancelled with its reason, what was paid on it is credit, and what else was asked for is called anew', async () => {
    const zoe = await member()
    const child = await member({ payer: zoe })
    await call()
    const [old] = await calls(zoe)
    await pay(zoe, 2500)
    const [term] = [...(await terms(zoe)), ...(await terms(child))].filter(({ paidCents }) => paidCents > 0)
    desk.clock.advance(1)
    const [whose, other] = term!.memberId === zoe.id ? [zoe, child] : [child, zoe]
    await cancelTerm(core())({
      memberId: whose.id,
      termId: term!.id,
      reason: 'parti en décembre',
      withoutTariff: true,
      actor,
    })
    expect(await terms(whose)).toEqual([])
    // The credit went to what the other one owes.
    expect((await terms(other))[0]).toMatchObject({ dueCents: 6000, paidCents: 2500 })
    const [fresh, cancelled] = await calls(zoe)
    expect([cancelled!.id, cancelled!.cancelledAt]).toEqual([old!.id, desk.clock.now()])
    expect(fresh!.lines.map(({ cents }) => cents)).toEqual([3500])
    expect((await desk.store.books.kept(whose.id)).terms).toMatchObject([
      { cancelReason: 'parti en décembre', cancelledBy: 'test' },
    ])
    expect(await desk.store.dues.member(whose.id)).toMatchObject({ tariff: null })
    await expect(
      cancelTerm(core())({ memberId: whose.id, termId: term!.id, reason: 'x', actor }),
    ).rejects.toMatchObject({ code: 'not_found' })
    await call()
    expect(await terms(whose), 'the night asks for it no more').toEqual([])
  })

  test('money on it is credit, which a refund takes first and the next call uses', async () => {
    const zoe = await member()
    await call()
    const { payment } = await pay(zoe, 4000)
    await cancelTerm(core())({ memberId: zoe.id, termId: (await terms(zoe))[0]!.id, reason: 'erreur', actor })
    expect([await credit(zoe), await standing(zoe)]).toEqual([4000, 'applicant'])
    await refundPayment(core())({ paymentId: payment.id, cents: 1000, note: 'rendu', actor })
    await call()
    expect([await credit(zoe), (await terms(zoe))[0]!.paidCents]).toEqual([0, 3000])
  })

  test('a call: with what is open of it; the second time is refused', async () => {
    const zoe = await member()
    const child = await member({ payer: zoe })
    await call()
    await pay(zoe, 6500)
    const [made] = await calls(zoe)
    const cancel = () => cancelCall(core())({ payerId: zoe.id, callId: made!.id, reason: 'deux fois', actor })
    await cancel()
    const left = [...(await terms(zoe)), ...(await terms(child))]
    expect(left, 'what is paid stays').toMatchObject([{ paidCents: 6000 }])
    expect(await credit(zoe)).toBe(500)
    expect((await calls(zoe)).map(({ cancelledAt }) => cancelledAt !== null)).toEqual([true])
    await expect(cancel()).rejects.toMatchObject({ code: 'conflict' })
    await expect(cancelCall(core())({ payerId: child.id, callId: made!.id, reason: 'x', actor })).rejects.toMatchObject(
      { code: 'not_found' },
    )
  })
})

test('a closed member that is readmitted, called and paid is in order', async () => {
  const zoe = await member({ coveredUntilOn: '2025-12-31' })
  const event = (kind: 'resigned' | 'readmitted') =>
    recordMemberEvent(core())({ memberId: zoe.id, kind, actor, effectiveOn: '2026-01-05' })
  await event('resigned')
  expect([await standing(zoe), await call()]).toEqual(['closed', { terms: 0, calls: 0 }])
  desk.clock.advance(1)
  await event('readmitted')
  expect([await standing(zoe), await call()]).toEqual(['grace', { terms: 1, calls: 1 }])
  await pay(zoe, 6000)
  expect(await inForce(zoe)).toMatchObject({ standing: 'current', coveredUntilOn: '2026-12-31' })
})
