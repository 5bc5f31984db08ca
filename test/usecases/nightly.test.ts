import { beforeEach, describe, expect, test } from 'vitest'
import { addDays, type CivilDate } from '../../src/domain/time.ts'
import type { Client, Member, Store } from '../../src/ports.ts'
import { addMember } from '../../src/usecases/members.ts'
import { HELD, nightIsDue, nightly } from '../../src/usecases/nightly.ts'
import { refresh } from '../../src/usecases/standing.ts'
import * as make from '../contract/store-records.ts'
import { type Instance, type Stage, setUp, stage } from '../support/stage.ts'

let on: Stage
let organisationId: string
beforeEach(async () => {
  on = await stage(['files'])
  organisationId = (await setUp(on)).id
  return () => on.close()
})

const store = () => on.first.store
const at = (instant: string) => on.clock.set(instant)
const night = (options: { confirmed?: boolean } = {}, by: Instance = on.first, sweep = async () => {}) =>
  nightly(by.core, by.reconciler, sweep)(options)
const standing = async (member: Member) => (await store().standings.get(member.id))?.standing
const cover = async (coveredUntilOn: CivilDate | null): Promise<Member> =>
  addMember(on.first.core)({
    memberNumber: make.word(),
    kind: 'person',
    name: 'X',
    email: null,
    joinedOn: '2020-01-01',
    coveredUntilOn,
    actor: 'test',
  })
const covered = (count: number, until: CivilDate) => Promise.all(Array.from({ length: count }, () => cover(until)))
const audited = async (action: string) =>
  (await store().audit.list({ action, limit: 1000 })).map(({ payload, subjectId }) => ({ ...payload, subjectId }))

describe('standings follow the date', () => {
  test('at midnight of the association, not of the machine', async () => {
    at('2026-12-01T12:00:00Z')
    const member = await cover('2026-12-31')
    const account = await on.person()
    await store().people.affiliate({ accountId: account.id, memberId: member.id, role: 'owner', createdAt: 1 })
    at('2026-12-31T22:59:59Z')
    expect(await night()).toMatchObject({ on: '2026-12-31', changed: 0 })
    expect(await standing(member)).toBe('current')
    at('2026-12-31T23:00:00Z')
    expect(await night()).toMatchObject({ on: '2027-01-01', changed: 1, held: undefined })
    expect(await store().standings.get(member.id)).toEqual({
      memberId: member.id,
      standing: 'grace',
      coveredUntilOn: '2026-12-31',
      graceUntilOn: '2027-01-30',
      nextChangeOn: '2027-01-31',
      computedOn: '2027-01-01',
    })
    expect(await audited('standing.changed')).toContainEqual({
      from: 'current',
      to: 'grace',
      on: '2027-01-01',
      subjectId: member.id,
    })
    at('2027-01-30T22:59:00Z')
    expect((await night()).changed).toBe(0)
    at('2027-01-30T23:00:00Z')
    expect((await night()).changed).toBe(1)
    expect(await standing(member)).toBe('lapsed')
  })

  test.each([
    ['a day of 23 hours', '2026-03-29', '2026-03-28T22:00:00Z', '2026-03-28T23:00:00Z'],
    ['the day after it', '2026-03-30', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
    ['a day of 25 hours', '2026-10-25', '2026-10-24T21:00:00Z', '2026-10-24T22:00:00Z'],
    ['the day after it', '2026-10-26', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'],
  ])('hour by hour into %s', async (_, first, from, midnight) => {
    at('2026-01-15T12:00:00Z')
    const member = await cover(addDays(first, -1))
    for (let hour = Date.parse(from); hour <= Date.parse(midnight) + 7_200_000; hour += 1_800_000) {
      at(new Date(hour).toISOString())
      await night()
      expect(await standing(member), new Date(hour).toISOString()).toBe(
        hour < Date.parse(midnight) ? 'current' : 'grace',
      )
    }
  })

  test('after missed nights in one go, whatever came between', async () => {
    const [member, life, future] = [await cover('2026-06-20'), await cover(null), await cover(null)]
    await store().standings.addTerm(make.term(life.id, { endOn: null, dueCents: 0 }))
    await store().standings.addTerm(make.term(future.id, { startOn: '2026-08-01', endOn: '2026-09-30', dueCents: 0 }))
    for (const { id } of [life, future])
      await store().transaction((stores) => refresh(on.first.core, stores, id, '2026-06-15', 'person', 'test'))
    expect(await standing(future)).toBe('future')
    at('2027-06-15T00:10:00Z')
    expect(await nightIsDue(on.first.core)).toBe(true)
    expect((await night()).changed).toBe(2)
    expect([await standing(member), await standing(life), await standing(future)]).toEqual([
      'lapsed',
      'current',
      'lapsed',
    ])
    expect(await audited('standing.changed')).toContainEqual({
      from: 'current',
      to: 'lapsed',
      on: '2027-06-15',
      subjectId: member.id,
    })
    expect(await nightIsDue(on.first.core)).toBe(false)
  })

  test('once a night: a second run changes and tells nothing', async () => {
    await covered(3, '2026-06-15')
    at('2026-06-16T00:10:00Z')
    expect((await night()).changed).toBe(3)
    await on.first.reconciler.drain()
    const before = (await store().audit.verify()).rows
    expect(await night()).toMatchObject({ changed: 0, overrides: 0 })
    expect((await store().audit.verify()).rows).toBe(before)
    expect(await store().outbox.pending({})).toEqual([])
  })

  test('once, by two instances whose night begins at the same moment', async () => {
    const members = await covered(6, '2026-06-15')
    const account = await on.person()
    await store().overrides.add(
      make.override({ accountId: account.id, begun: false, startsAt: make.NOW + 5, endsOn: null }),
    )
    await store().overrides.add(make.override({ accountId: account.id, endsOn: '2026-06-15' }))
    at('2026-06-16T00:10:00Z')
    const second = await on.open({ owner: 'two' })
    await Promise.all([night(), night({}, second)])
    expect(await audited('standing.changed')).toHaveLength(2 * members.length)
    expect(await audited('access.override_begun')).toHaveLength(1)
    expect(await audited('access.override_ended')).toHaveLength(1)
  })

  test('a fact that comes in meanwhile is not lost to what was foreseen', async () => {
    const member = await cover('2026-05-01')
    await store().standings.put(
      make.standing(member.id, { standing: 'grace', nextChangeOn: '2026-06-01', computedOn: '2026-05-02' }),
    )
    // Paid between the look at all members and the moment their standings are put in force.
    const paying: Store = {
      ...store(),
      standings: {
        ...store().standings,
        count: async () => {
          await store().transaction(async (stores) => {
            await stores.standings.addTerm(make.term(member.id, { dueCents: 0 }))
            await refresh(on.first.core, stores, member.id, '2026-06-15', 'person', 'test')
          })
          return store().standings.count()
        },
      },
    }
    await nightly({ ...on.first.core, store: paying }, on.first.reconciler, async () => {})()
    expect(await store().standings.get(member.id)).toMatchObject({ standing: 'current', coveredUntilOn: '2026-12-31' })
  })
})

describe('the guard', () => {
  /** Twelve in grace whose last day was yesterday, and one whose cover begins today. */
  async function eve(lapsing: number) {
    at('2026-05-16T12:00:00Z')
    const [leaving, staying, newcomer] = [
      await covered(lapsing, '2026-05-16'),
      await covered(12 - lapsing, '2026-12-31'),
      await cover(null),
    ]
    await store().standings.addTerm(make.term(newcomer.id, { startOn: '2026-06-16', dueCents: 0 }))
    await store().transaction((stores) => refresh(on.first.core, stores, newcomer.id, '2026-05-16', 'person', 'test'))
    at('2026-05-17T00:10:00Z')
    await night()
    at('2026-06-16T00:10:00Z')
    return { leaving, staying, newcomer }
  }

  test('holds back removals of more than 30 %, night after night, and delays no grant', async () => {
    const { leaving, newcomer } = await eve(5)
    const report = await night()
    expect(report).toMatchObject({ changed: 1, held: { removals: 5, of: 12 } })
    expect([await standing(leaving[0]!), await standing(newcomer)]).toEqual(['grace', 'current'])
    expect(JSON.parse((await store().settings.get(HELD))!)).toEqual({ removals: 5, of: 12, on: '2026-06-16' })
    expect(on.first.logged.map(({ event }) => event)).toContain('guard.held')
    at('2026-06-17T00:10:00Z')
    expect(await night()).toMatchObject({ changed: 0, held: { removals: 5, of: 13 } })
  })

  test('until a person confirms it, once', async () => {
    const { leaving, staying } = await eve(5)
    await night()
    expect(await night({ confirmed: true })).toMatchObject({ changed: 5, held: undefined })
    expect([await standing(leaving[4]!), await standing(staying[0]!)]).toEqual(['lapsed', 'current'])
    expect(await store().settings.get(HELD)).toBeUndefined()
  })

  test('lets 30 % go; more of them the same day are held', async () => {
    const { leaving, staying } = await eve(3)
    expect(await night()).toMatchObject({ changed: 4, held: undefined })
    expect(await standing(leaving[2]!)).toBe('lapsed')
    for (const { id } of staying.slice(0, 2))
      await store().standings.put(make.standing(id, { standing: 'grace', nextChangeOn: '2026-06-16' }))
    await opened()
      .knex('term')
      .whereIn(
        'memberId',
        staying.slice(0, 2).map(({ id }) => id),
      )
      .update({ endOn: '2026-05-16' })
    expect(await night()).toMatchObject({ changed: 0, held: { removals: 2, of: 13 } })
    at('2026-06-17T00:10:00Z')
    expect(await night()).toMatchObject({ changed: 2, held: undefined })
  })
  const opened = () => on.first.database

  test('does not look at fewer than ten', async () => {
    at('2026-05-16T12:00:00Z')
    const few = await covered(9, '2026-05-16')
    at('2026-06-16T00:10:00Z')
    expect(await night()).toMatchObject({ changed: 9, held: undefined })
    expect(await standing(few[0]!)).toBe('lapsed')
  })

  test('a member who loses nothing by it is no removal', async () => {
    const members = await covered(12, '2026-06-15')
    at('2026-06-16T00:10:00Z')
    // From current to grace: everything still works.
    expect(await night()).toMatchObject({ changed: 12, held: undefined })
    expect(await standing(members[0]!)).toBe('grace')
  })
})

describe('a clock that is wrong', () => {
  test('that went back does nothing, and says so', async () => {
    const member = await cover('2026-06-15')
    at('2026-06-20T00:10:00Z')
    await night()
    at('2026-06-16T00:10:00Z')
    const before = await store().standings.get(member.id)
    await expect(night()).rejects.toMatchObject({ code: 'conflict', detail: expect.stringContaining('2026-06-20') })
    expect(await store().standings.get(member.id)).toEqual(before)
    expect(on.first.logged.map(({ event }) => event)).toContain('nightly.clock_went_back')
    at('2026-06-20T12:00:00Z')
    await night()
  })

  test('that was years ahead: confirmed once it is right, whoever lapsed by it is back', async () => {
    const members = await covered(4, '2026-12-31')
    at('2036-06-16T00:10:00Z')
    expect((await night()).changed).toBe(4)
    expect(await standing(members[0]!)).toBe('lapsed')
    at('2026-06-16T00:10:00Z')
    await expect(night()).rejects.toMatchObject({ code: 'conflict' })
    expect((await night({ confirmed: true })).changed).toBe(4)
    expect(await standing(members[0]!)).toBe('current')
    at('2026-06-17T00:10:00Z')
    expect((await night()).changed).toBe(0)
  })
})

describe('overrides', () => {
  test('begin when their time has come: refused from then on, signed out, told', async () => {
    const account = await on.person()
    const override = make.override({
      accountId: account.id,
      begun: false,
      startsAt: Date.parse('2026-06-20T10:00:00Z'),
      endsOn: '2026-06-25',
    })
    await store().overrides.add(override)
    at('2026-06-20T00:10:00Z')
    expect((await night()).overrides).toBe(0)
    expect((await on.first.doors.facts(account.id))!.overrides).toEqual([])
    at('2026-06-21T00:10:00Z')
    expect((await night()).overrides).toBe(1)
    expect((await on.first.doors.facts(account.id))!.overrides).toHaveLength(1)
    expect(await audited('access.override_begun')).toEqual([
      { effect: 'deny', endsOn: '2026-06-25', subjectId: account.id },
    ])
    await on.first.reconciler.drain()
    expect(on.services.files!.rows()[account.id]!.open).toBe(false)
    expect(await opened('oidcSignedOut', { accountId: account.id })).toHaveLength(1)
  })
  const opened = (table: string, where: object): Promise<unknown[]> => on.first.database.knex(table).where(where)

  test('end the day after their last, for members too', async () => {
    const [account, member] = [await on.person(), await cover('2026-12-31')]
    await store().overrides.add(make.override({ accountId: account.id, endsOn: '2026-06-20' }))
    await store().overrides.add(make.override({ memberId: member.id, endsOn: '2026-06-20', effect: 'allow' }))
    await store().overrides.add(make.override({ memberId: member.id, endsOn: null }))
    at('2026-06-20T21:59:00Z')
    expect((await night()).overrides).toBe(0)
    at('2026-06-20T22:00:00Z')
    expect((await night()).overrides).toBe(2)
    expect(await store().overrides.open({ accountId: account.id })).toEqual([])
    expect(await store().overrides.open({ memberId: member.id })).toHaveLength(1)
    expect((await opened('accessOverride', { accountId: account.id }))[0]).toMatchObject({
      liftedBy: 'clock',
      liftedAt: on.clock.now(),
    })
    expect((await night()).overrides).toBe(0)
  })

  test('more than go into one transaction', async () => {
    const account = await on.person()
    for (let n = 0; n < 60; n++)
      await store().overrides.add(make.override({ accountId: account.id, endsOn: '2026-06-01' }))
    expect((await night()).overrides).toBe(60)
  })
})

describe('services', () => {
  const files = () => on.services.files!
  const drift = async () => {
    const account = await on.person()
    return account.id
  }

  test('are compared with what they should hold, and what drifted is repaired', async () => {
    const id = await drift()
    expect((await night()).services).toEqual([
      { service: 'provider', changes: 0 },
      { service: 'files', changes: 1 },
    ])
    expect(Object.keys(files().rows())).toEqual([id])
  })

  test('one that is down is told of, and the night goes on', async () => {
    await drift()
    files().down = true
    const { services } = await night()
    expect(services).toEqual([
      { service: 'provider', changes: 0 },
      { service: 'files', changes: 0, error: 'it is down' },
    ])
    expect(await nightIsDue(on.first.core)).toBe(false)
  })

  test('on another machine, and while writes are held, they are left alone', async () => {
    await drift()
    const here = await on.open({ owner: 'two', elsewhere: ['files'] })
    expect((await night({}, here)).services).toEqual([{ service: 'provider', changes: 0 }])
    await store().settings.set('writes_held', 'restore')
    expect((await night()).services).toEqual([])
    expect(files().rows()).toEqual({})
  })

  test('rows that cannot be swept stop nothing', async () => {
    await drift()
    const report = await night({}, on.first, async () => {
      throw new Error('locked')
    })
    expect(report.services).toHaveLength(2)
    expect(on.first.logged.map(({ event }) => event)).toContain('nightly.sweep')
  })
})

test('a lapse closes what the policy says, at its night', async () => {
  at('2026-05-01T12:00:00Z')
  const member = await cover('2026-05-16')
  const account = await on.person()
  await store().people.affiliate({ accountId: account.id, memberId: member.id, role: 'owner', createdAt: 1 })
  const client: Client = make.client(organisationId, { service: 'web' })
  await store().clients.add(client)
  const access = async () => (await on.first.doors.access(account.id, client.clientId)).access
  expect(await access()).toBe('full')
  at('2026-06-15T12:00:00Z')
  await night()
  expect([await access(), await standing(member)]).toEqual(['full', 'grace'])
  at('2026-06-16T00:10:00Z')
  await night()
  expect([await access(), await standing(member)]).toEqual(['none', 'lapsed'])
})
