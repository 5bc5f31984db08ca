import { beforeEach, describe, expect, test } from 'vitest'
import { closingEvents } from '../../src/domain/standing.ts'
import { addMember, type NewMember, organisationNamed, recordMemberEvent } from '../../src/usecases/members.ts'
import { foresee, lowers, opens, today } from '../../src/usecases/standing.ts'
import * as make from '../contract/store-records.ts'
import { type Stage, setUp, stage } from '../support/stage.ts'

let on: Stage
beforeEach(async () => {
  on = await stage(['files'])
  return () => on.close()
})
const store = () => on.first.store
const add = (more: Partial<NewMember> & { organisation?: string } = {}) =>
  addMember(on.first.core)({ memberNumber: '7', kind: 'person', name: 'Ada', email: null, actor: 'test', ...more })

describe('adding a member', () => {
  beforeEach(async () => {
    await setUp(on)
  })

  test('stores it as it is meant, with its standing', async () => {
    const member = await add({
      memberNumber: ' ７-A ',
      name: ' Ada ',
      email: ' Ada@Example.org',
      coveredUntilOn: '2026-12-31',
    })
    expect(await store().members.get(member.id)).toEqual(member)
    expect(member).toMatchObject({
      memberNumber: '7-A',
      name: 'Ada',
      email: 'ada@example.org',
      locale: 'fr',
      joinedOn: '2026-06-15',
      source: 'hand',
    })
    expect(await store().standings.get(member.id)).toMatchObject({ standing: 'current', coveredUntilOn: '2026-12-31' })
    expect((await store().audit.list({ subjectId: member.id })).map(({ action }) => action)).toEqual([
      'member.added',
      'standing.changed',
    ])
  })

  test.each([
    [null, 'applicant'],
    ['2026-06-15', 'current'],
    ['2026-06-14', 'grace'],
    ['2026-05-16', 'grace'],
    ['2026-05-15', 'lapsed'],
    ['2019-12-31', 'lapsed'],
    ['2099-12-31', 'current'],
  ])('covered until %s: %s', async (coveredUntilOn, expected) => {
    for (const joinedOn of ['2015-01-01', undefined, '2030-01-01']) {
      const { id } = await add({ memberNumber: make.word(), coveredUntilOn, ...(joinedOn && { joinedOn }) })
      expect((await store().standings.get(id))!.standing).toBe(expected)
    }
  })

  test.each<[string, Partial<NewMember>, string]>([
    ['no number', { memberNumber: ' ' }, 'invalid_value'],
    ['a long number', { memberNumber: '1'.repeat(65) }, 'invalid_value'],
    ['no name', { name: ' ' }, 'invalid_value'],
    ['a long name', { name: 'x'.repeat(201) }, 'invalid_value'],
    ['no address', { email: 'ada' }, 'email_refused'],
    ['no date', { coveredUntilOn: '31/12/2026' }, 'invalid_value'],
    ['a day that is not', { joinedOn: '2026-02-30' }, 'invalid_value'],
  ])('%s is refused', async (_, more, code) => {
    await expect(add(more)).rejects.toMatchObject({ code })
    expect(await store().members.list({})).toEqual([])
  })

  test('a number is taken once, by one of two at once too', async () => {
    const results = await Promise.allSettled([add(), add(), add({ memberNumber: '７' })])
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' })
    expect(await store().members.list({})).toHaveLength(1)
  })

  test('of the organisation that is named', async () => {
    const second = make.organisation({ name: 'Andromède', timeZone: 'Pacific/Kiritimati', createdAt: make.NOW + 1 })
    await store().organisations.add(second)
    const member = await add({ organisation: 'Andromède' })
    // It is the 16th there already.
    expect(member).toMatchObject({ organisationId: second.id, joinedOn: '2026-06-16' })
    expect((await add()).organisationId).not.toBe(second.id)
    await expect(add({ organisation: 'none' })).rejects.toMatchObject({ code: 'not_found' })
  })
})

test('before the association is set up there are no members, and today is that of Brussels', async () => {
  await expect(add()).rejects.toMatchObject({ code: 'not_found' })
  on.clock.set('2026-06-15T22:30:00Z')
  expect(await today(on.first.core)).toBe('2026-06-16')
  await setUp(on, 'America/New_York')
  expect(await today(on.first.core)).toBe('2026-06-15')
  expect(await organisationNamed(store())).toMatchObject({ timeZone: 'America/New_York' })
})

describe('events', () => {
  beforeEach(async () => {
    await setUp(on)
  })
  const record = recordMemberEvent
  const standing = async (id: string) => (await store().standings.get(id))!.standing

  test.each(closingEvents)('%s closes at once, tells the services, and readmission opens again', async (kind) => {
    const { id } = await add({ coveredUntilOn: '2026-12-31' })
    const account = await on.person()
    await store().people.affiliate({ accountId: account.id, memberId: id, role: 'owner', createdAt: 1 })
    await record(on.first.core)({ memberId: id, kind, note: 'lettre', actor: 'test' })
    expect(await standing(id)).toBe('closed')
    expect((await store().outbox.pending({ service: 'files' })).map(({ subject, cause }) => [subject, cause])).toEqual([
      [account.id, 'person'],
    ])
    expect((await store().audit.list({ action: `member.${kind}` }))[0]).toMatchObject({
      actor: 'test',
      payload: { effectiveOn: '2026-06-15', note: 'lettre' },
    })
    on.clock.advance(1000)
    await record(on.first.core)({ memberId: id, kind: 'readmitted', actor: 'test' })
    expect(await standing(id)).toBe('current')
  })

  test('of a day to come changes nothing until then', async () => {
    const { id } = await add({ coveredUntilOn: '2026-12-31' })
    await record(on.first.core)({ memberId: id, kind: 'resigned', effectiveOn: '2026-07-01', actor: 'test' })
    expect(await store().standings.get(id)).toMatchObject({ standing: 'current', nextChangeOn: '2026-07-01' })
  })

  test('of nobody, on no day, or with an endless note', async () => {
    const { id } = await add()
    await expect(record(on.first.core)({ memberId: make.id(), kind: 'resigned', actor: 'test' })).rejects.toMatchObject(
      { code: 'not_found' },
    )
    await expect(
      record(on.first.core)({ memberId: id, kind: 'resigned', effectiveOn: 'today', actor: 'test' }),
    ).rejects.toMatchObject({ code: 'invalid_value', field: 'on' })
    await expect(
      record(on.first.core)({ memberId: id, kind: 'resigned', note: 'x'.repeat(1001), actor: 'test' }),
    ).rejects.toMatchObject({ code: 'invalid_value', field: 'note' })
    expect(await standing(id)).toBe('applicant')
  })
})

describe('what a change of standing means for access', () => {
  const core = () => on.first.core
  const change = (before: Parameters<typeof opens>[1] | undefined, standing: Parameters<typeof opens>[1]) =>
    lowers(core(), { memberId: 'x', before, after: make.standing('x', { standing }) })

  test('by the policy of the house', () => {
    expect([
      change('current', 'grace'),
      change('grace', 'lapsed'),
      change('lapsed', 'closed'),
      change('lapsed', 'current'),
    ]).toEqual([false, true, true, false])
    expect([change(undefined, 'lapsed'), change('applicant', 'lapsed'), change('future', 'applicant')]).toEqual([
      false,
      false,
      false,
    ])
    expect([
      opens(core(), 'current'),
      opens(core(), 'lapsed'),
      opens(core(), 'applicant'),
      opens(core(), 'closed'),
    ]).toEqual([true, true, false, false])
  })

  test('foreseen, nothing changes', async () => {
    await setUp(on)
    const { id } = await add({ coveredUntilOn: '2026-12-31' })
    const before = await store().standings.get(id)
    expect(await foresee(core(), store(), id, '2027-03-01')).toMatchObject({
      before: 'current',
      after: { standing: 'lapsed', computedOn: '2027-03-01' },
    })
    expect(await store().standings.get(id)).toEqual(before)
  })
})
