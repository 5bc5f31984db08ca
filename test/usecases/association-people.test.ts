// The people of an association: who may do what, what a person who leaves loses, and that an owner stays.
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type AffiliationRole, affiliationRoles } from '../../src/domain/access.ts'
import type { Account, Member } from '../../src/ports.ts'
import { affiliate, setAccountClosed } from '../../src/usecases/accounts.ts'
import { invitePerson } from '../../src/usecases/association-invitations.ts'
import { handOver, listPeople, removePerson, setPersonRole } from '../../src/usecases/association-people.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { peopleAtOnce } from '../contract/people-at-once.ts'
import * as make from '../contract/store-records.ts'
import { type Society, society } from '../support/people.ts'

let among: Society
beforeAll(async () => {
  among = await society()
})
afterAll(() => among.on.close())
const core = () => among.core
const store = () => among.core.store

let member: Member
let owner: Account
beforeEach(async () => {
  member = await among.association()
  owner = await among.one(member, 'owner')
})
const of = (actor: string, at = member) => ({ memberNumber: at.memberNumber, actor })
const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  )

describe('who may do what', () => {
  type Who = AffiliationRole | 'staff' | 'cli' | 'treasurer' | 'stranger'
  const actorOf = async (who: Who): Promise<string> => {
    if (who === 'cli') return 'cli:test'
    if (who === 'staff') return (await among.staff()).id
    if (who === 'treasurer') return (await among.staff('treasurer')).id
    if (who !== 'stranger') return (await among.one(member, who)).id
    return (await among.one(await among.association(), 'owner')).id
  }
  const all = affiliationRoles
  const below = affiliationRoles.filter((role) => role !== 'owner')

  test.each<[Who, readonly AffiliationRole[], string]>([
    ['cli', all, 'done'],
    ['staff', all, 'done'],
    ['owner', all, 'done'],
    ['admin', below, 'done'],
    ['technical', [], 'forbidden'],
    ['billing', [], 'forbidden'],
    ['user', [], 'forbidden'],
    ['treasurer', [], 'not_found'],
    ['stranger', [], 'not_found'],
  ])('%s decides about %j, and seeing them is %s', async (who, decides, seeing) => {
    const actor = await actorOf(who)
    expect(await code(listPeople(core())(of(actor)))).toBe(seeing)
    const refusal = seeing === 'done' ? 'forbidden' : seeing
    await among.one(member, 'owner')
    for (const role of all) {
      const expected = decides.includes(role) ? 'done' : refusal
      const email = `${make.word()}@example.org`
      expect(await code(invitePerson(core(), among.letters)({ ...of(actor), email, role })), `invite ${role}`).toBe(
        expected,
      )
      const from = await among.one(member, role)
      const to = role === 'user' ? 'billing' : 'user'
      expect(await code(setPersonRole(core())({ ...of(actor), accountId: from.id, role: to })), `change ${role}`).toBe(
        expected,
      )
      const user = await among.one(member, 'user')
      const given = seeing === 'done' ? expected : refusal
      expect(await code(setPersonRole(core())({ ...of(actor), accountId: user.id, role })), `give ${role}`).toBe(given)
      const gone = await among.one(member, role)
      expect(await code(removePerson(core())({ ...of(actor), accountId: gone.id })), `remove ${role}`).toBe(expected)
    }
    const heir = await among.one(member, 'user')
    expect(await code(handOver(core())({ ...of(actor), accountId: heir.id }))).toBe(who === 'owner' ? 'done' : refusal)
  })

  test('a number that is not there and one of somebody else are told alike', async () => {
    const stranger = await among.one(await among.association(), 'owner')
    const detail = (work: Promise<unknown>) => work.catch(({ code: found, status }) => ({ found, status }))
    expect(await detail(listPeople(core())(of(stranger.id)))).toEqual(
      await detail(listPeople(core())({ memberNumber: make.word(), actor: stranger.id })),
    )
  })

  test('nobody who is suspended or closed, nobody of a member that is, no administrator without a second factor', async () => {
    await suspend(core())({ target: { accountId: owner.id }, reason: 'Essai', actor: 'test' })
    expect(await code(listPeople(core())(of(owner.id)))).toBe('forbidden')
    const second = await among.one(member, 'owner')
    expect(await code(listPeople(core())(of(second.id)))).toBe('done')
    await store().standings.put(make.standing(member.id, { standing: 'lapsed' }))
    expect(await code(listPeople(core())(of(second.id)))).toBe('done')
    await store().standings.put(make.standing(member.id, { standing: 'closed' }))
    expect(await code(listPeople(core())(of(second.id)))).toBe('forbidden')
    await store().standings.put(make.standing(member.id))
    await suspend(core())({ target: { memberId: member.id }, reason: 'Essai', actor: 'test' })
    expect(await code(listPeople(core())(of(second.id)))).toBe('forbidden')
    const staff = await among.staff()
    expect(await code(listPeople(core())(of(staff.id)))).toBe('done')
    await store().credentials.removeTotp(staff.id)
    expect(await code(listPeople(core())(of(staff.id)))).toBe('not_found')
    await setAccountClosed(core())({ accountId: second.id, closed: true, reason: 'x', actor: 'test' })
    expect(await code(listPeople(core())(of(second.id)))).toBe('forbidden')
  })

  test('only people of this very member, by whatever id', async () => {
    const other = await among.association()
    const theirs = await among.one(other, 'user')
    for (const accountId of [theirs.id, make.id(), '', '%', other.id]) {
      expect(await code(removePerson(core())({ ...of(owner.id), accountId }))).toBe('not_found')
      expect(await code(setPersonRole(core())({ ...of(owner.id), accountId, role: 'admin' }))).toBe('not_found')
      expect(await code(handOver(core())({ ...of(owner.id), accountId }))).toBe('not_found')
    }
    expect(await among.roles(other)).toEqual({ [theirs.id]: 'user' })
  })
})

describe('an owner stays', () => {
  test('the last one is neither removed nor given another role, by whomever', async () => {
    const invited = await among.one(member, 'owner', { state: 'closed' })
    for (const actor of [owner.id, 'cli:test', (await among.staff()).id]) {
      expect(await code(removePerson(core())({ ...of(actor), accountId: owner.id }))).toBe('conflict')
      for (const role of affiliationRoles.filter((one) => one !== 'owner'))
        expect(await code(setPersonRole(core())({ ...of(actor), accountId: owner.id, role }))).toBe('conflict')
    }
    const change = { accountId: owner.id, memberId: member.id, role: 'user', actor: 'cli:test' } as const
    expect(await code(affiliate(core())(change))).toBe('conflict')
    expect((await listPeople(core())(of(owner.id))).people.map(({ lastOwner }) => lastOwner).toSorted()).toEqual([
      false,
      true,
    ])
    // One whose account is closed counts for nothing, and may go.
    expect(await code(removePerson(core())({ ...of(owner.id), accountId: invited.id }))).toBe('done')
    expect(await among.roles(member)).toEqual({ [owner.id]: 'owner' })
  })

  test('handed over: the heir is the owner, the giver an admin; to somebody who cannot sign in it is not', async () => {
    for (const state of ['invited', 'closed'] as const) {
      const heir = await among.one(member, 'user', { state })
      expect(await code(handOver(core())({ ...of(owner.id), accountId: heir.id }))).toBe('conflict')
    }
    const suspended = await among.one(member, 'user')
    await suspend(core())({ target: { accountId: suspended.id }, reason: 'Essai', actor: 'test' })
    expect(await code(handOver(core())({ ...of(owner.id), accountId: suspended.id }))).toBe('conflict')
    expect(await code(handOver(core())({ ...of(owner.id), accountId: owner.id }))).toBe('forbidden')
    const heir = await among.one(member, 'technical')
    await handOver(core())({ ...of(owner.id), accountId: heir.id })
    expect(await among.roles(member)).toMatchObject({ [owner.id]: 'admin', [heir.id]: 'owner' })
    const [told] = await store().audit.list({ action: 'affiliation.ownership_handed_over', subjectId: heir.id })
    expect(told).toMatchObject({ actor: owner.id, payload: { from: owner.id, to: heir.id, memberId: member.id } })
    expect(await code(removePerson(core())({ ...of(owner.id), accountId: heir.id }))).toBe('forbidden')
  })

  test('a member that never had an owner can be given one', async () => {
    const bare = await among.association()
    const user = await among.one(bare, 'user')
    expect(await code(setPersonRole(core())({ ...of('cli:test', bare), accountId: user.id, role: 'billing' }))).toBe(
      'done',
    )
    expect(await code(setPersonRole(core())({ ...of('cli:test', bare), accountId: user.id, role: 'owner' }))).toBe(
      'done',
    )
    expect(await code(removePerson(core())({ ...of('cli:test', bare), accountId: user.id }))).toBe('conflict')
  })
})

peopleAtOnce('SQLite', async () => undefined)

/** A member with a site whose roles follow the affiliation, one given by name, and a mailbox with a login for each. */
async function holdings(at: Member, people: readonly Account[]) {
  const site = await addResource(core())({
    memberId: at.id,
    kind: 'site',
    name: `${make.word()}.example.org`,
    actor: 'test',
  })
  const box = await addResource(core())({
    memberId: at.id,
    kind: 'mailbox',
    name: `${make.word()}@example.org`,
    actor: 'test',
  })
  const client = (more: object) =>
    make.client(at.organisationId, { audience: 'listed', resourceId: site.id, rolesOfAffiliation: {}, ...more })
  const everyRole = Object.fromEntries(affiliationRoles.map((role) => [role, `${role} here`]))
  const [byRole, byName] = [client({ rolesOfAffiliation: everyRole }), client({})]
  for (const each of [byRole, byName]) await store().clients.add(each)
  const logins: string[] = []
  for (const { id } of people) {
    await store().clients.setRole({ clientId: byName.clientId, subjectKind: 'account', subject: id, role: 'editor' })
    logins.push(
      await addLogin(core())({ mailboxId: box.id, accountId: id, name: `${make.word()}@example.org`, actor: 'test' }),
    )
  }
  const access = async (accountId: string, at_: number) => ({
    byRole: (await core().doors.access(accountId, byRole.clientId)).access,
    byName: (await core().doors.access(accountId, byName.clientId)).access,
    login: (await core().doors.subject('login', logins[at_]!))!.access,
  })
  return { clients: { byRole, byName }, box, logins, access }
}
const everything = { byRole: 'full', byName: 'full', login: 'full' }
const nothing = { byRole: 'none', byName: 'none', login: 'none' }

describe('who leaves', () => {
  test('loses what came through this member, at once, and nothing else; the services are told', async () => {
    const other = await among.association()
    const leaver = await among.one(member, 'technical')
    await store().people.affiliate({ accountId: leaver.id, memberId: other.id, role: 'owner', createdAt: 1 })
    const [here, there] = [await holdings(member, [leaver, owner]), await holdings(other, [leaver])]
    const house = make.client(member.organisationId, { audience: 'members', service: 'web' })
    await store().clients.add(house)
    expect([await here.access(leaver.id, 0), await there.access(leaver.id, 0)]).toEqual([everything, everything])
    await among.on.first.reconciler.drain()
    const removed = await removePerson(core())({ ...of(owner.id), accountId: leaver.id })
    expect(removed).toMatchObject({ logins: [here.logins[0]], clients: [here.clients.byName.clientId] })
    expect(removed.touched).toContainEqual({ service: 'files', subject: leaver.id })
    expect((await store().outbox.pending({ service: 'provider' })).map(({ subject }) => subject)).toEqual([leaver.id])
    expect([await here.access(leaver.id, 0), await there.access(leaver.id, 0)]).toEqual([nothing, everything])
    expect(await here.access(owner.id, 1), 'the others keep theirs').toEqual(everything)
    expect((await core().doors.access(leaver.id, house.clientId)).access, 'a member still, through the other').toBe(
      'full',
    )
    expect((await store().resources.loginsOf(leaver.id)).map(({ name }) => name)).toEqual(there.logins)
    expect(await code(removePerson(core())({ ...of(owner.id), accountId: leaver.id }))).toBe('not_found')
    const [told] = await store().audit.list({ action: 'affiliation.removed', subjectId: leaver.id })
    expect(told).toMatchObject({ actor: owner.id, payload: { role: 'technical', logins: here.logins.slice(0, 1) } })
  })

  test('the login stays refused, and its name can be given to the successor, who does not share it', async () => {
    const [leaver, heir] = [await among.one(member, 'user'), await among.one(member, 'user')]
    const { box, logins } = await holdings(member, [leaver])
    const [name] = logins as [string]
    const give = (to: Account) => addLogin(core())({ mailboxId: box.id, accountId: to.id, name, actor: 'test' })
    expect(await code(give(heir))).toBe('conflict')
    await removePerson(core())({ ...of(owner.id), accountId: leaver.id })
    expect(await core().doors.subject('login', name)).toMatchObject({ access: 'none' })
    expect((await core().doors.loginAccess(leaver.id, name)).access).toBe('none')
    await give(heir)
    expect(await core().doors.subject('login', name)).toMatchObject({ access: 'full' })
    expect((await core().doors.loginAccess(heir.id, name)).access).toBe('full')
    expect((await core().doors.loginAccess(leaver.id, name)).access, 'a token of the one who left').toBe('none')
    expect(await code(give(leaver))).toBe('conflict')
  })

  test('whatever is done by whomever: never without an owner, and a removal changes no access through another member', async () => {
    const act = fc.record({
      what: fc.constantFrom('role', 'remove', 'hand over' as const),
      actor: fc.nat(4),
      whom: fc.nat(3),
      role: fc.constantFrom(...affiliationRoles),
    })
    const table = fc.array(fc.constantFrom(...affiliationRoles), { minLength: 4, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(table, fc.array(act, { minLength: 1, maxLength: 8 }), async (roles, acts) => {
        const [mine, other] = [await among.association(), await among.association()]
        const people = await Promise.all(roles.map((role, at) => among.one(mine, at === 0 ? 'owner' : role)))
        for (const { id } of people)
          await store().people.affiliate({ accountId: id, memberId: other.id, role: 'user', createdAt: 1 })
        const there = await holdings(other, people)
        const elsewhere = () => Promise.all(people.map(({ id }, at) => there.access(id, at)))
        const before = await elsewhere()
        const actors = [...people.map(({ id }) => id), 'cli:test']
        for (const { what, actor, whom, role } of acts) {
          const input = { ...of(actors[actor]!, mine), accountId: people[whom]!.id }
          const held = await among.roles(mine)
          const outcome = await code(
            what === 'role'
              ? setPersonRole(core())({ ...input, role })
              : what === 'remove'
                ? removePerson(core())(input)
                : handOver(core())(input),
          )
          const after = await among.roles(mine)
          expect(Object.values(after)).toContain('owner')
          if (outcome !== 'done') expect(after, outcome).toEqual(held)
          if (outcome === 'done' && what === 'remove') expect(after).not.toHaveProperty(input.accountId)
        }
        expect(await elsewhere()).toEqual(before)
        expect(before.every((one) => JSON.stringify(one) === JSON.stringify(everything))).toBe(true)
      }),
      { numRuns: 25 },
    )
  }, 60_000)
})
