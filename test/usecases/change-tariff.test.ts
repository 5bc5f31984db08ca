// Another tariff in the middle of a term: shown first, then cut, moved and called; no cent is lost on the way.
import { describe, expect, test } from 'vitest'
import type { Member } from '../../src/ports.ts'
import { changeTariff } from '../../src/usecases/change-tariff.ts'
import { actor, duesDesk } from '../support/dues-desk.ts'

const {
  audited,
  call,
  calls,
  core,
  credit,
  desk,
  inForce,
  inOrder,
  member,
  night,
  onTerms,
  pay,
  standing,
  tariff,
  terms,
} = duesDesk()

describe('another tariff within a term', () => {
  const asked = (who: Member, name: string, fromOn = '2026-07-02') => ({ memberId: who.id, tariff: name, fromOn })
  const plan = (who: Member, name: string, fromOn?: string) => changeTariff(core()).plan(asked(who, name, fromOn))
  async function change(
    who: Member,
    name: string,
    { fromOn, call: calling = true }: { fromOn?: string; call?: boolean } = {},
  ) {
    const { key } = await plan(who, name, fromOn)
    return changeTariff(core()).apply({ ...asked(who, name, fromOn), key, call: calling, actor })
  }

  test('dearer: shown first, then cut, moved and called; the cover until the eve and its grace hold until it is paid', async () => {
    desk.clock.set('2026-01-01T10:00:00Z')
    const zoe = await inOrder()
    desk.clock.set('2026-07-02T10:00:00Z')
    const shown = await plan(zoe, 'Soutien')
    expect(shown).toMatchObject({
      from: 'Effectif',
      to: { name: 'Soutien' },
      cut: { before: { endOn: '2026-07-01', dueCents: 2992 }, after: { startOn: '2026-07-02', dueCents: 6016 } },
      owedCents: 3008,
      creditCents: 0,
      calls: [],
      before: { standing: 'current', coveredUntilOn: '2026-12-31' },
      after: { standing: 'grace', coveredUntilOn: '2026-07-01', graceUntilOn: '2026-07-31' },
    })
    expect(await terms(zoe), 'nothing is written yet').toMatchObject([{ dueCents: 6000 }])
    await change(zoe, 'Soutien')
    expect(await terms(zoe)).toMatchObject([
      { startOn: '2026-01-01', endOn: '2026-07-01', dueCents: 2992, paidCents: 2992 },
      { startOn: '2026-07-02', endOn: '2026-12-31', dueCents: 6016, paidCents: 3008, source: 'tariff' },
    ])
    const { computedOn: _, memberId: _m, ...now } = await inForce(zoe)
    expect(now).toEqual(shown.after)
    expect((await calls(zoe))[0]!.lines).toMatchObject([{ cents: 3008 }])
    expect(await desk.store.dues.member(zoe.id)).toMatchObject({ tariff: 'Soutien' })
    desk.clock.set('2026-08-01T03:00:00Z')
    await night()
    expect(await standing(zoe), 'no new grace').toBe('lapsed')
    await pay(zoe, 3008, '2026-08-01')
    expect(await inForce(zoe)).toMatchObject({ standing: 'current', coveredUntilOn: '2026-12-31' })
    expect(await audited('term.tariff_changed')).toMatchObject({
      beforeCents: 2992,
      afterCents: 6016,
      movedCents: 6000,
    })
  })

  test('cheaper: stays in order, and what is over is credit', async () => {
    desk.clock.set('2026-01-01T10:00:00Z')
    const zoe = await inOrder()
    desk.clock.set('2026-07-02T10:00:00Z')
    expect(await plan(zoe, 'Réduit')).toMatchObject({ owedCents: 0, creditCents: 2005, after: { standing: 'current' } })
    await change(zoe, 'Réduit')
    expect(await inForce(zoe)).toMatchObject({ standing: 'current', coveredUntilOn: '2026-12-31' })
    expect([await onTerms(zoe), await credit(zoe)]).toEqual([3995, 2005])
    expect(await calls(zoe), 'nothing is asked for').toHaveLength(1)
  })

  test('a credit that is there pays the difference', async () => {
    desk.clock.set('2026-01-01T10:00:00Z')
    const zoe = await inOrder()
    await pay(zoe, 5000)
    desk.clock.set('2026-07-02T10:00:00Z')
    expect(await plan(zoe, 'Soutien')).toMatchObject({
      owedCents: 0,
      creditCents: 1992,
      after: { standing: 'current' },
    })
    await change(zoe, 'Soutien')
    expect([await standing(zoe), await onTerms(zoe), await credit(zoe)]).toEqual(['current', 9008, 1992])
  })

  test('an unpaid term: its call is cancelled, and a new one asks for both parts', async () => {
    desk.clock.set('2026-01-01T10:00:00Z')
    const zoe = await member()
    const child = await member({ payer: zoe })
    await call()
    const [old] = await calls(zoe)
    desk.clock.set('2026-07-02T10:00:00Z')
    expect((await plan(zoe, 'Soutien')).calls).toMatchObject([{ id: old!.id }])
    await change(zoe, 'Soutien')
    const [fresh, cancelled] = await calls(zoe)
    expect(cancelled).toMatchObject({ id: old!.id, cancelledAt: desk.clock.now() })
    expect(fresh!.lines.map(({ cents }) => cents).toSorted()).toEqual([2992, 6000, 6016])
    await pay(zoe, 15_008, '2026-07-02')
    expect([await standing(zoe), await standing(child)]).toEqual(['current', 'current'])
  })

  test('or none yet, if the treasurer wants it so', async () => {
    const zoe = await member()
    await call()
    await change(zoe, 'Réduit', { fromOn: '2026-03-01', call: false })
    expect((await calls(zoe)).map(({ cancelledAt }) => cancelledAt !== null)).toEqual([true])
    await call()
    expect(await calls(zoe)).toHaveLength(2)
  })

  test('there and back again costs what it would have, whatever is cut again', async () => {
    const zoe = await inOrder()
    desk.clock.set('2026-04-01T10:00:00Z')
    await change(zoe, 'Soutien', { fromOn: '2026-04-01' })
    await pay(zoe, 20_000, '2026-04-01')
    desk.clock.set('2026-09-10T10:00:00Z')
    await change(zoe, 'Effectif', { fromOn: '2026-04-01' })
    const due = (await terms(zoe)).reduce((sum, { dueCents }) => sum + dueCents, 0)
    expect(due).toBe(6000)
    await change(zoe, 'Soutien', { fromOn: '2026-09-10' })
    await change(zoe, 'Effectif', { fromOn: '2026-09-10' })
    const now = await terms(zoe)
    expect(Math.abs(now.reduce((sum, { dueCents }) => sum + dueCents, 0) - 6000)).toBeLessThanOrEqual(1)
    expect((await onTerms(zoe)) + (await credit(zoe))).toBe(26_000)
    expect(await inForce(zoe)).toMatchObject({ standing: 'current', coveredUntilOn: '2026-12-31' })
  })

  test('what was shown is what is done: whatever happened since is told', async () => {
    const zoe = await inOrder()
    const { key } = await plan(zoe, 'Soutien')
    await pay(zoe, 100)
    const apply = changeTariff(core()).apply({ ...asked(zoe, 'Soutien'), key, call: true, actor })
    await expect(apply).rejects.toMatchObject({ code: 'conflict' })
    expect(await terms(zoe)).toHaveLength(1)
    const two = await plan(zoe, 'Soutien')
    const both = await Promise.allSettled(
      [1, 2].map(() => changeTariff(core()).apply({ ...asked(zoe, 'Soutien'), key: two.key, call: true, actor })),
    )
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await terms(zoe)).toHaveLength(2)
  })

  test('where it makes no sense it says so', async () => {
    await tariff('Vie', 60_000, { period: 'life' })
    const zoe = await inOrder()
    await expect(plan(zoe, 'Vie')).rejects.toMatchObject({ field: 'tariff' })
    await expect(plan(zoe, 'Roi')).rejects.toMatchObject({ code: 'not_found' })
    await expect(plan(zoe, 'Effectif')).rejects.toMatchObject({ field: 'tariff' })
    await expect(plan(zoe, 'Soutien', '2026-02-30')).rejects.toMatchObject({ field: 'fromOn' })
    await expect(plan(zoe, 'Soutien', '2027-01-01')).rejects.toMatchObject({ code: 'tariff_not_running' })
    const imported = await member({ coveredUntilOn: '2026-12-31' })
    await expect(plan(imported, 'Soutien')).rejects.toMatchObject({ code: 'tariff_not_running' })
    await call(400)
    await expect(plan(zoe, 'Soutien')).rejects.toMatchObject({ code: 'term_later', params: { startOn: '2027-01-01' } })
  })
})
