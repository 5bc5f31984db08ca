// The store's contract: organisations, members and standings.
import { expect, test } from 'vitest'
import { standings } from '../../src/domain/standing.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

export function storeMembers(opened: Opened): void {
  const stores = () => opened.store

  test('organisations: added, changed, all of them, the first first', async () => {
    const { organisations } = stores()
    const first = make.organisation({ createdAt: 1, timeZone: 'America/Argentina/ComodRivadavia' })
    const second = make.organisation({ createdAt: 2 })
    await organisations.add(second)
    await organisations.add(first)
    expect((await organisations.all()).filter(({ createdAt }) => createdAt < 3)).toEqual([first, second])
    const changed = { ...second, name: 'Étoiles', locale: 'de' as const, contactEmail: 'x@example.org' }
    await organisations.update(changed)
    expect(await organisations.all()).toContainEqual(changed)
    expect(await organisations.all()).toContainEqual(first)
  })

  test('members: what was stored comes back, nulls too, and only the very number and address find it', async () => {
    const { members, organisations } = stores()
    const org = make.organisation()
    const other = make.organisation()
    await organisations.add(org)
    await organisations.add(other)
    const one = make.member(org.id, { memberNumber: 'a-eo-1' })
    const bare = make.member(org.id, { email: null, joinedOn: null, kind: 'association' })
    await members.add(one)
    await members.add(bare)
    expect(await members.get(one.id)).toEqual(one)
    expect(await members.get(bare.id)).toEqual(bare)
    expect(await members.get(make.id())).toBeUndefined()
    expect(await members.byNumber(org.id, 'a-eo-1')).toEqual(one)
    expect(await members.byNumber(other.id, 'a-eo-1')).toBeUndefined()
    expect(await members.byEmail(org.id, one.email!)).toEqual([one])
    for (const miss of make.nearMisses('a-eo-1')) expect(await members.byNumber(org.id, miss), miss).toBeUndefined()
    for (const miss of make.nearMisses(one.email!)) expect(await members.byEmail(org.id, miss), miss).toEqual([])
    for (const miss of make.nearMisses(one.id).filter((near) => near !== one.id))
      expect(await members.get(miss), miss).toBeUndefined()
    // The same number in another organisation is another member.
    const namesake = make.member(other.id, { memberNumber: 'a-eo-1', email: one.email })
    await members.add(namesake)
    expect(await members.byNumber(other.id, 'a-eo-1')).toEqual(namesake)
    expect(await members.byEmail(org.id, one.email!)).toEqual([one])
    await expect(members.add(make.member(org.id, { memberNumber: 'a-eo-1' }))).rejects.toMatchObject({
      code: 'conflict',
    })
    await members.update({ ...one, name: 'Ø', email: null })
    expect(await members.get(one.id)).toEqual({ ...one, name: 'Ø', email: null })
    expect(await members.get(bare.id)).toEqual(bare)
  })

  test('members: families share an address', async () => {
    const { org } = await make.people(stores())
    const family = [
      make.member(org.id, { email: 'famille@example.org' }),
      make.member(org.id, { email: 'famille@example.org' }),
    ]
    for (const each of family) await stores().members.add(each)
    expect((await stores().members.byEmail(org.id, 'famille@example.org')).map(({ id }) => id).toSorted()).toEqual(
      family.map(({ id }) => id).toSorted(),
    )
  })

  test('members: the highest plain number; others do not count', async () => {
    const { members, organisations } = stores()
    const org = make.organisation()
    await organisations.add(org)
    expect(await members.highestNumber(org.id)).toBe(0)
    for (const memberNumber of ['7', '0100', 'A-900', '99 ', '12.5', '-3', '12345678901234567890', ''])
      await members.add(make.member(org.id, { memberNumber }))
    expect(await members.highestNumber(org.id)).toBe(100)
  })

  test('members: listed by standing and by any part of name, number or address, whatever the case', async () => {
    const { members, standings: kept } = stores()
    const { org } = await make.people(stores())
    const mark = make.word()
    const rows = [
      make.member(org.id, { memberNumber: `${mark}-1`, name: 'Élodie O’Neill' }),
      make.member(org.id, { memberNumber: `${mark}-2`, name: '100 % Vélo_!', email: `${mark}.Q@example.org` }),
      make.member(org.id, { memberNumber: `${mark}-X`, name: 'Ωmega', email: null }),
    ]
    for (const row of rows) await members.add(row)
    await kept.put(make.standing(rows[0]!.id, { standing: 'grace', coveredUntilOn: '2026-05-31' }))
    const numbers = async (text: string) =>
      (await members.list({ text })).map(({ memberNumber }) => memberNumber).filter((number) => number.startsWith(mark))
    expect(await numbers(mark)).toEqual([`${mark}-1`, `${mark}-2`, `${mark}-X`])
    expect(await numbers('élo')).toEqual([`${mark}-1`, `${mark}-2`])
    expect(await numbers('ÉLO')).toEqual([`${mark}-1`, `${mark}-2`])
    expect(await numbers('ωm')).toEqual([`${mark}-X`])
    expect(await numbers(`${mark}-x`)).toEqual([`${mark}-X`])
    expect(await numbers(`${mark}.q@`)).toEqual([`${mark}-2`])
    expect(await numbers('0 % v')).toEqual([`${mark}-2`])
    expect(await numbers('%o’')).toEqual([])
    expect(await numbers('lo_!')).toEqual([`${mark}-2`])
    expect(await numbers('el_die')).toEqual([])
    const grace = await members.list({ text: mark, standing: 'grace' })
    expect(grace).toEqual([{ ...rows[0], standing: 'grace', coveredUntilOn: '2026-05-31' }])
    // Never computed is an applicant, with nothing covered.
    expect((await members.list({ text: `${mark}-2` }))[0]).toMatchObject({
      standing: 'applicant',
      coveredUntilOn: null,
    })
    const pages = await Promise.all([0, 1, 2, 3].map((offset) => members.list({ text: mark, limit: 1, offset })))
    expect(pages.flat().map(({ memberNumber }) => memberNumber)).toEqual([`${mark}-1`, `${mark}-2`, `${mark}-X`])
  })

  test('standings: terms, events and what they are made of', async () => {
    const { standings: kept, members } = stores()
    const { member } = await make.people(stores())
    const life = make.term(member.id, { startOn: '2020-01-01', endOn: null, exempt: true, dueCents: 0 })
    const year = make.term(member.id)
    await kept.addTerm(year)
    await kept.addTerm(life)
    await members.addEvent(
      make.memberEvent(member.id, { kind: 'readmitted', effectiveOn: '2026-07-01', recordedAt: 30 }),
    )
    await members.addEvent(make.memberEvent(member.id, { kind: 'resigned', effectiveOn: '2026-07-01', recordedAt: 20 }))
    expect(await kept.terms(member.id)).toEqual([life, year].map((term) => ({ ...term, paidCents: 0 })))
    expect(await kept.facts(member.id)).toEqual({
      terms: expect.arrayContaining([
        { startOn: '2020-01-01', endOn: null, dueCents: 0, exempt: true, paidCents: 0 },
        { startOn: '2026-01-01', endOn: '2026-12-31', dueCents: 6000, exempt: false, paidCents: 0 },
      ]),
      // As they were recorded, whatever the order in which they were stored.
      events: [
        { kind: 'resigned', effectiveOn: '2026-07-01' },
        { kind: 'readmitted', effectiveOn: '2026-07-01' },
      ],
    })
    await kept.cancelTerm(life.id, make.NOW)
    expect(await kept.terms(member.id)).toEqual([{ ...year, paidCents: 0 }])
    expect((await kept.facts(member.id)).terms).toHaveLength(1)
    expect(await kept.facts(make.id())).toEqual({ terms: [], events: [] })
    await expect(kept.addTerm(make.term(make.id()))).rejects.toMatchObject({ code: 'not_found' })
  })

  test('standings: put once and again, found by their day, counted', async () => {
    const { standings: kept } = stores()
    const { org } = await make.people(stores())
    const members = Array.from({ length: 5 }, () => make.member(org.id))
    for (const each of members) await stores().members.add(each)
    const [a, b, c, d, e] = members.map(({ id }) => id).toSorted() as [string, string, string, string, string]
    expect(await kept.get(a)).toBeUndefined()
    const before = await kept.count()
    await kept.put(make.standing(a, { nextChangeOn: '2030-01-01', computedOn: '2029-01-01' }))
    await kept.put(make.standing(b, { nextChangeOn: '2030-01-02', computedOn: '2029-01-01', standing: 'lapsed' }))
    await kept.put(make.standing(c, { nextChangeOn: null, computedOn: '2029-01-01', coveredUntilOn: null }))
    await kept.put(make.standing(d, { nextChangeOn: '2029-12-31', computedOn: '2029-01-01' }))
    await kept.put(make.standing(e, { nextChangeOn: null, computedOn: '2031-01-01', standing: 'lapsed' }))
    const grace = make.standing(a, {
      standing: 'grace',
      graceUntilOn: '2030-01-30',
      nextChangeOn: '2030-01-01',
      computedOn: '2029-01-01',
    })
    await kept.put(grace)
    expect(await kept.get(a)).toEqual(grace)
    expect(await kept.get(`${a} `)).toBeUndefined()
    const due = async (on: string, after = '', limit = 10) =>
      (await kept.due(on, after, limit)).map(({ memberId }) => memberId).filter((id) => [a, b, c, d, e].includes(id))
    expect(await due('2030-01-01')).toEqual([a, d, e].toSorted())
    expect(await due('2030-01-01', a)).toEqual([d, e].toSorted())
    // A standing of a day to come was computed by a clock that was wrong.
    expect(await due('2031-01-01')).toEqual([a, b, d])
    expect(await kept.due('2031-01-01', '', 2)).toHaveLength(2)
    const after = await kept.count()
    expect(Object.keys(after).toSorted()).toEqual([...standings].toSorted())
    expect({
      grace: after.grace - before.grace,
      lapsed: after.lapsed - before.lapsed,
      current: after.current - before.current,
    }).toEqual({
      grace: 1,
      lapsed: 2,
      current: 2,
    })
  })
}
