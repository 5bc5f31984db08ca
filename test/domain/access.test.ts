import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AccountFacts,
  accesses,
  accessTo,
  affiliationRoles,
  type Door,
  defaultPolicy,
  inForce,
  type MemberInForce,
  type Membership,
  type OverrideInForce,
  type Owner,
  type Policy,
  policyKinds,
  resourceAccess,
  type ServiceKind,
  serviceKinds,
} from '../../src/domain/access.ts'
import { type Standing, standings } from '../../src/domain/standing.ts'

const override = (effect: OverrideInForce['effect'], more: Partial<OverrideInForce> = {}): OverrideInForce => ({
  effect,
  reasonText: `why ${effect}`,
  startsAt: 1_700_000_000_000,
  endsOn: null,
  ...more,
})
const deny = override('deny')
const allow = override('allow')

const member = (standing: Standing, overrides: OverrideInForce[] = [], memberName = 'M'): MemberInForce => ({
  memberId: memberName,
  memberName,
  standing,
  coveredUntilOn: standing === 'applicant' ? null : '2026-12-31',
  overrides,
})
const as = (of: MemberInForce, role: Membership['role'] = 'user'): Membership => ({ ...of, role })
const account = (memberships: Membership[], more: Partial<AccountFacts> = {}): AccountFacts => ({
  accountId: 'a',
  closed: false,
  overrides: [],
  memberships,
  ...more,
})
const house = (service: ServiceKind = 'web', more: Partial<Door> = {}): Door => ({
  service,
  audience: 'members',
  roles: [],
  ...more,
})
const site = (owner: Owner, more: Partial<Door> = {}): Door => ({
  service: 'site',
  audience: 'listed',
  roles: ['editor'],
  owner,
  ...more,
})
const answer = (facts: AccountFacts, door: Door) => accessTo(facts, door, defaultPolicy)
const access = (facts: AccountFacts, door: Door) => answer(facts, door).access

const given: Record<Standing, Record<ServiceKind, string>> = {
  applicant: { mail: 'none', site: 'none', web: 'none', list: 'none' },
  future: { mail: 'none', site: 'none', web: 'none', list: 'none' },
  current: { mail: 'full', site: 'full', web: 'full', list: 'full' },
  grace: { mail: 'full', site: 'full', web: 'full', list: 'full' },
  lapsed: { mail: 'restricted', site: 'none', web: 'none', list: 'none' },
  closed: { mail: 'none', site: 'none', web: 'none', list: 'none' },
}
const everyCase = standings.flatMap((standing) => serviceKinds.map((kind) => [standing, kind] as const))
const reasonOf = {
  applicant: 'applicant',
  future: 'applicant',
  current: 'in_order',
  grace: 'grace',
  lapsed: 'lapsed',
  closed: 'closed',
}

test.each([
  ['applicant', 'none'],
  ['future', 'none'],
  ['current', 'full'],
  ['grace', 'full'],
  ['lapsed', 'full'],
  ['closed', 'none'],
] as const)('the public site of a member that is %s: %s', (standing, stays) => {
  expect(resourceAccess(member(standing), 'hosting', defaultPolicy).access).toBe(stays)
  expect(resourceAccess(member(standing, [deny]), 'hosting', defaultPolicy).access).toBe('none')
})

describe.each(everyCase)('%s, %s', (standing, kind) => {
  const policy = given[standing][kind]
  const allowed = standing === 'closed' ? policy : 'full'
  const mine = (overrides: OverrideInForce[] = []) => account([as(member(standing, overrides))])

  test('the policy decides', () => {
    expect(answer(mine(), house(kind))).toMatchObject({
      access: policy,
      reason: { code: reasonOf[standing], memberName: 'M' },
    })
    expect(access(account([]), site(member(standing), { service: kind }))).toBe(policy)
    expect(resourceAccess(member(standing), kind, defaultPolicy).access).toBe(policy)
  })
  test('a deny closes it, and beats an allow wherever either stands', () => {
    for (const facts of [
      mine([deny]),
      mine([allow, deny]),
      mine([deny, allow]),
      { ...mine([deny]), overrides: [allow] },
      { ...mine(), overrides: [deny] },
      { ...mine([allow]), overrides: [deny] },
      { ...mine(), overrides: [allow, deny] },
    ]) {
      expect(answer(facts, house(kind))).toMatchObject({
        access: 'none',
        reason: { code: 'suspended', text: 'why deny' },
      })
    }
    for (const overrides of [[deny], [allow, deny]]) {
      expect(answer(mine([allow]), site(member(standing, overrides), { service: kind })).reason.code).toBe('suspended')
      expect(resourceAccess(member(standing, overrides), kind, defaultPolicy).access).toBe('none')
    }
  })
  test('an allow opens everything but a closed membership', () => {
    const opened = { access: allowed, reason: { code: standing === 'closed' ? 'closed' : 'allowed' } }
    expect(answer(mine([allow]), house(kind))).toMatchObject(opened)
    expect(answer({ ...mine(), overrides: [allow] }, house(kind))).toMatchObject(opened)
    expect(answer(account([]), site(member(standing, [allow]), { service: kind }))).toMatchObject(opened)
    expect(resourceAccess(member(standing, [allow]), kind, defaultPolicy)).toMatchObject(opened)
  })
  test("an account's own allow does not open what belongs to a member", () => {
    expect(access(account([], { overrides: [allow] }), site(member(standing), { service: kind }))).toBe(policy)
  })
  test('a closed account is out, whatever allows it', () => {
    for (const overrides of [[], [allow]]) {
      const closed = account([as(member(standing, [allow]))], { closed: true, overrides })
      expect(answer(closed, house(kind))).toMatchObject({ access: 'none', reason: { code: 'closed' } })
      expect(access(closed, site(member(standing, [allow]), { service: kind }))).toBe('none')
    }
  })
  test('where a role is needed, nobody gets in without one', () => {
    const listed = house(kind, { audience: 'listed' })
    expect(answer(mine([allow]), listed)).toMatchObject({ access: 'none', reason: { code: 'not_listed' } })
    expect(access(mine(), { ...listed, roles: ['reader'] })).toBe(policy)
    expect(answer(mine(), site(member('current'), { roles: [] })).reason.code).toBe('not_listed')
  })
  test('a site open to members asks of whoever has no role there to be one in order, and of the site too', () => {
    const open = site(member('current', [], 'Owner'), { service: kind, audience: 'members', roles: [] })
    expect(access(mine(), open)).toBe(policy)
    expect(access(account([]), open)).toBe('none')
    expect(access(account([]), { ...open, roles: ['editor'] })).toBe('full')
    expect(access(account([as(member('current'))]), { ...open, owner: member(standing) })).toBe(policy)
  })
})

test('who belongs to nobody is no member, and an allow makes nobody one', () => {
  expect(answer(account([]), house())).toEqual({ access: 'none', reason: { code: 'not_member' } })
  expect(answer(account([], { overrides: [allow] }), house())).toEqual({
    access: 'none',
    reason: { code: 'not_member' },
  })
  expect(access(account([]), house('web', { audience: 'listed', roles: ['reader'] }))).toBe('none')
})

test('a suspension tells why, since when and until when, and for which member', () => {
  const until = override('deny', { reasonText: 'Spam', endsOn: '2026-07-01' })
  expect(answer(account([as(member('current', [until], 'ASBL'))]), house()).reason).toEqual({
    code: 'suspended',
    text: 'Spam',
    sinceAt: until.startsAt,
    untilOn: '2026-07-01',
    memberName: 'ASBL',
  })
  expect(answer(account([], { overrides: [override('deny')] }), house()).reason).toEqual({
    code: 'suspended',
    text: 'why deny',
    sinceAt: until.startsAt,
  })
})

describe('a person in two members', () => {
  const pair = (a: MemberInForce, b: MemberInForce) => account([as(a), as(b, 'owner')])
  const inOrder = member('current', [], 'B')
  test.each<[string, MemberInForce]>([
    ['lapsed', member('lapsed', [], 'A')],
    ['suspended', member('current', [deny], 'A')],
    ['closed', member('closed', [], 'A')],
    ['applicant', member('applicant', [], 'A')],
  ])('one %s, one in order: the other counts, in either order', (_, out) => {
    for (const facts of [pair(out, inOrder), pair(inOrder, out)])
      expect(answer(facts, house())).toMatchObject({ access: 'full', reason: { code: 'in_order', memberName: 'B' } })
    expect(access(pair(out, inOrder), site({ ...out, standing: out.standing }))).toBe('none')
    expect(access(pair(out, inOrder), site(inOrder))).toBe('full')
  })
  test('restricted is more than none, and less than full', () => {
    expect(access(pair(member('lapsed'), member('closed')), house('mail'))).toBe('restricted')
    expect(access(pair(member('lapsed'), inOrder), house('mail'))).toBe('full')
  })
  test('where both give nothing, the reason is the one that helps most', () => {
    const code = (a: MemberInForce, b: MemberInForce) => answer(pair(a, b), house()).reason.code
    expect(code(member('closed'), member('lapsed'))).toBe('lapsed')
    expect(code(member('current', [deny]), member('lapsed'))).toBe('lapsed')
    expect(code(member('closed'), member('current', [deny]))).toBe('suspended')
    expect(code(member('lapsed'), member('applicant'))).toBe('lapsed')
  })
  test('an allow on the account opens through the one that is neither closed nor suspended', () => {
    const facts = { ...pair(member('closed'), member('lapsed')), overrides: [allow] }
    expect(answer(facts, house())).toMatchObject({ access: 'full', reason: { code: 'allowed' } })
    expect(access({ ...pair(member('closed'), member('current', [deny])), overrides: [allow] }, house())).toBe('none')
  })
})

describe('the owner of a site', () => {
  const person = account([as(member('current', [], 'Person'))])
  test.each<[string, MemberInForce, string, string]>([
    ['in grace', member('grace'), 'full', 'grace'],
    ['lapsed', member('lapsed'), 'none', 'lapsed'],
    ['suspended', member('current', [deny]), 'none', 'suspended'],
    ['closed', member('closed'), 'none', 'closed'],
    ['lapsed but allowed', member('lapsed', [allow]), 'full', 'allowed'],
  ])('%s', (_, owner, expected, code) => {
    expect(answer(person, site(owner))).toMatchObject({ access: expected, reason: { code } })
  })
  test.each<[string, MemberInForce, string]>([
    ['its member in order', member('current'), 'offline'],
    ['its member lapsed, whose site stays up', member('lapsed'), 'offline'],
    ['its member allowed', member('lapsed', [allow]), 'offline'],
    ['its member suspended as well', member('current', [deny]), 'suspended'],
    ['its member closed', member('closed'), 'closed'],
  ])('a site that was taken offline is closed to readers and editors: %s', (_, owner, code) => {
    const offline = { ...owner, offline: { ...deny, reasonText: 'pirated' } }
    expect(resourceAccess(offline, 'hosting', defaultPolicy)).toMatchObject({ access: 'none', reason: { code } })
    if (owner.standing === 'current')
      expect(answer(person, site(offline))).toMatchObject({ access: 'none', reason: { code } })
  })
  test('an editor whose own member lapsed goes on, because the site is in order', () => {
    expect(access(account([as(member('lapsed'))]), site(member('current')))).toBe('full')
  })
  test('an editor who is suspended is out', () => {
    expect(access({ ...person, overrides: [deny] }, site(member('current')))).toBe('none')
  })
})

describe('the membership claim', () => {
  test.each(standings)('%s', (standing) => {
    const covered = standing === 'current' || standing === 'grace'
    expect(inForce(account([as(member(standing))]))).toBe(covered)
    expect(inForce(account([as(member(standing, [allow]))]))).toBe(standing !== 'closed')
    expect(inForce(account([as(member(standing))], { overrides: [allow] }))).toBe(standing !== 'closed')
    for (const overrides of [[deny], [allow, deny]]) {
      expect(inForce(account([as(member(standing, overrides))]))).toBe(false)
      expect(inForce(account([as(member(standing))], { overrides }))).toBe(false)
    }
    expect(inForce(account([as(member(standing, [allow]))], { closed: true }))).toBe(false)
  })
  test('of nobody', () => {
    expect(inForce(account([]))).toBe(false)
    expect(inForce(account([as(member('lapsed')), as(member('current'))]))).toBe(true)
  })
})

// ── Properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

const anOverride = fc.constantFrom(allow, deny)
const aMember: fc.Arbitrary<MemberInForce> = fc.record({
  memberId: fc.constantFrom('A', 'B', 'C'),
  memberName: fc.constantFrom('A', 'B', 'C'),
  standing: fc.constantFrom(...standings),
  coveredUntilOn: fc.constantFrom(null, '2026-12-31'),
  overrides: fc.array(anOverride, { maxLength: 2 }),
})
const aMembership = fc.tuple(aMember, fc.constantFrom(...affiliationRoles)).map(([of, role]) => as(of, role))
const anAccount: fc.Arbitrary<AccountFacts> = fc.record({
  accountId: fc.constant('a'),
  closed: fc.boolean(),
  overrides: fc.array(anOverride, { maxLength: 2 }),
  memberships: fc.array(aMembership, { maxLength: 3 }),
})
const aDoor: fc.Arbitrary<Door> = fc.record(
  {
    service: fc.constantFrom(...serviceKinds),
    audience: fc.constantFrom('members' as const, 'listed' as const),
    roles: fc.constantFrom<string[]>([], ['editor']),
    owner: aMember,
  },
  { requiredKeys: ['service', 'audience', 'roles'] },
)
/** Any policy at all: an association decides it. */
const aPolicy: fc.Arbitrary<Policy> = fc
  .array(fc.constantFrom(...accesses), { minLength: 30, maxLength: 30 })
  .map((cells) => {
    const of = (row: number) => Object.fromEntries(policyKinds.map((kind, at) => [kind, cells[row * 5 + at]]))
    return Object.fromEntries(standings.map((standing, row) => [standing, of(row)])) as Policy
  })
const rank = (facts: AccountFacts, door: Door, policy: Policy) => accesses.indexOf(accessTo(facts, door, policy).access)

fc.configureGlobal({ numRuns: 400 })

describe('properties, under any policy', () => {
  test('adding a deny anywhere never gives more', () => {
    fc.assert(
      fc.property(anAccount, aDoor, aPolicy, fc.nat(), (facts, door, policy, at) => {
        const before = rank(facts, door, policy)
        const denied = <M extends MemberInForce>(of: M): M => ({ ...of, overrides: [...of.overrides, deny] })
        const memberships = facts.memberships.map((of, n) => (n === at % facts.memberships.length ? denied(of) : of))
        expect(rank({ ...facts, memberships }, door, policy)).toBeLessThanOrEqual(before)
        expect(rank({ ...facts, overrides: [...facts.overrides, deny] }, door, policy)).toBe(0)
        if (door.owner) expect(rank(facts, { ...door, owner: denied(door.owner) }, policy)).toBe(0)
      }),
    )
  })
  test('removing a membership never gives more, nor does adding one take away', () => {
    fc.assert(
      fc.property(anAccount, aDoor, aPolicy, fc.nat(), (facts, door, policy, at) => {
        const memberships = facts.memberships.filter((_, n) => n !== at % facts.memberships.length)
        expect(rank({ ...facts, memberships }, door, policy)).toBeLessThanOrEqual(rank(facts, door, policy))
      }),
    )
  })
  test('lifting an allow never gives more, where the policy gives no more than full', () => {
    fc.assert(
      fc.property(anAccount, aDoor, aPolicy, (facts, door, policy) => {
        const without = { ...facts, overrides: facts.overrides.filter(({ effect }) => effect === 'deny') }
        expect(rank(without, door, policy)).toBeLessThanOrEqual(rank(facts, door, policy))
      }),
    )
  })
  test('a role never takes away, and closing the account takes everything', () => {
    fc.assert(
      fc.property(anAccount, aDoor, aPolicy, (facts, door, policy) => {
        expect(rank(facts, { ...door, roles: [] }, policy)).toBeLessThanOrEqual(
          rank(facts, { ...door, roles: ['editor'] }, policy),
        )
        expect(rank({ ...facts, closed: true }, door, policy)).toBe(0)
      }),
    )
  })
  test('no door of a member gives more than the member itself is due', () => {
    fc.assert(
      fc.property(anAccount, aDoor, aPolicy, aMember, (facts, door, policy, owner) => {
        expect(rank(facts, { ...door, owner }, policy)).toBeLessThanOrEqual(
          accesses.indexOf(resourceAccess(owner, door.service, policy).access),
        )
      }),
    )
  })
  test('whoever is refused as a person has no membership claim', () => {
    fc.assert(
      fc.property(anAccount, (facts) => {
        const code = accessTo(facts, house(), defaultPolicy).reason.code
        if (inForce(facts)) expect(['in_order', 'grace', 'allowed']).toContain(code)
      }),
    )
  })
})
