// The store's contract: overrides, resources, clients, and what the doors ask.
import { expect, test } from 'vitest'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'
import { bothWays } from './store-records.ts'

export function storeAccess(opened: Opened): void {
  const stores = () => opened.store

  test('overrides: open until lifted, once, by whoever was first', async () => {
    const { overrides } = stores()
    const { account, member } = await make.people(stores())
    const first = make.override({ accountId: account.id, createdAt: 1, begun: false })
    const second = make.override({ accountId: account.id, createdAt: 2, effect: 'allow', endsOn: null })
    const ofMember = make.override({ memberId: member.id })
    for (const each of [second, first, ofMember]) await overrides.add(each)
    expect(await overrides.open({ accountId: account.id })).toEqual([first, second])
    expect(await overrides.open({ memberId: member.id })).toEqual([ofMember])
    await overrides.begin(first.id)
    expect(await overrides.open({ accountId: account.id })).toEqual([{ ...first, begun: true }, second])
    await overrides.lift(first.id, make.NOW + 1, 'ada')
    await overrides.lift(first.id, make.NOW + 2, 'eve')
    expect(await overrides.open({ accountId: account.id })).toEqual([second])
    expect((await opened.database.knex('accessOverride').where({ id: first.id }).first())?.liftedBy).toBe('ada')
  })

  test('overrides: a deny on a site is about that site alone, its client included', async () => {
    const store = stores()
    const { account, member } = await make.people(store)
    const [site, other] = [make.resource(member), make.resource(member)]
    for (const each of [site, other]) await store.resources.add(each)
    const client = make.client(member.organisationId, { resourceId: site.id })
    await store.clients.add(client)
    const deny = make.override({ resourceId: site.id })
    await store.overrides.add(deny)
    expect(await store.overrides.open({ resourceId: site.id })).toEqual([deny])
    const owners = await store.access.owners([site.id, other.id])
    expect(owners.get(site.id)).toMatchObject({
      memberId: member.id,
      overrides: [],
      offline: { reasonText: deny.reasonText },
    })
    expect(owners.get(other.id)).not.toHaveProperty('offline')
    expect(await store.access.owner(site.id)).toEqual(owners.get(site.id))
    const { door } = await store.access.accountAndDoor(account.id, client.clientId)
    expect(door?.owner).toHaveProperty('offline')
    expect(await store.access.doors([{ accountId: account.id, clientId: client.clientId }])).toEqual([door])
    expect(await store.subjects.touchedBy('site', { resourceId: site.id })).toEqual([site.name])
    expect(await store.subjects.touchedBy('account', { resourceId: site.id })).toEqual([account.id])
    await store.overrides.lift(deny.id, make.NOW + 1, 'ada')
    expect(await store.access.owner(site.id)).not.toHaveProperty('offline')
  })

  test('overrides: due when they have to begin, and the day after their last', async () => {
    const { overrides } = stores()
    const { account } = await make.people(stores())
    const at = make.NOW + 1_000_000
    const make_ = (more: Parameters<typeof make.override>[0]) => make.override({ accountId: account.id, ...more })
    const rows = {
      begins: make_({ begun: false, startsAt: at, endsOn: null }),
      later: make_({ begun: false, startsAt: at + 1, endsOn: null }),
      begun: make_({ begun: true, startsAt: at - 5, endsOn: '2040-01-10' }),
      over: make_({ begun: true, startsAt: at - 5, endsOn: '2040-01-09' }),
      neverBegun: make_({ begun: false, startsAt: at + 9, endsOn: '2040-01-01' }),
      lifted: make_({ begun: true, startsAt: at - 5, endsOn: '2040-01-01', liftedAt: 5, liftedBy: 'x' }),
    }
    for (const row of Object.values(rows)) await overrides.add(row)
    const mine = async (on: string) => {
      const due = (await bothWays(stores(), (inside) => inside.overrides.due(at, on))).map(({ id }) => id)
      return Object.entries(rows).flatMap(([name, { id }]) => (due.includes(id) ? [name] : []))
    }
    expect(await mine('2040-01-10')).toEqual(['begins', 'over', 'neverBegun'])
    expect(await mine('2040-01-01')).toEqual(['begins'])
    expect(await mine('2040-01-11')).toEqual(['begins', 'begun', 'over', 'neverBegun'])
  })

  test('resources: found by their very name and kind; what was removed is in no list', async () => {
    const { resources } = stores()
    const { member, account } = await make.people(stores())
    const name = `eao.${make.word()}.example.org`
    const site = make.resource(member, { name })
    const mailbox = make.resource(member, { kind: 'mailbox', name: `info@${name}` })
    const old = make.resource(member, { name: `aa.${name}` })
    for (const each of [site, mailbox, old]) await resources.add(each)
    expect(await resources.get(site.id)).toEqual(site)
    expect(await resources.byName('site', name)).toEqual(site)
    expect(await resources.byName('mailbox', name)).toBeUndefined()
    for (const miss of make.nearMisses(name)) expect(await resources.byName('site', miss), miss).toBeUndefined()
    await expect(resources.add(make.resource(member, { name }))).rejects.toMatchObject({ code: 'conflict' })
    await resources.remove(old.id, make.NOW + 3)
    expect(await resources.get(old.id)).toEqual({ ...old, removedAt: make.NOW + 3 })
    expect((await resources.list('site')).filter((each) => each.name.endsWith(name))).toEqual([site])
    expect(await resources.ofMember(member.id)).toEqual([site, mailbox].toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    const logins = [1, 0].map((n) => ({
      id: make.id(),
      mailboxId: mailbox.id,
      accountId: account.id,
      name: `${n}@${name}`,
      createdAt: make.NOW + n,
    }))
    for (const login of logins) await resources.addLogin(login)
    expect(await resources.loginsOf(account.id)).toEqual(logins.toReversed())
    expect(await resources.loginsOf(make.id())).toEqual([])
    await expect(resources.addLogin({ ...logins[0]!, id: make.id() })).rejects.toMatchObject({ code: 'conflict' })
  })

  test('clients near an account: open to all, or with a role, a group or a member of its own behind them', async () => {
    const { clients, people, resources } = stores()
    const { org, account, member } = await make.people(stores())
    const stranger = await make.people(stores())
    await people.affiliate({ accountId: account.id, memberId: member.id, role: 'user', createdAt: 1 })
    const group = make.word()
    await people.setGroups(account.id, [group])
    const [own, theirs] = [make.resource(member), make.resource(stranger.member)]
    for (const site of [own, theirs]) await resources.add(site)
    const of = (name: string, more: Parameters<typeof make.client>[1]) =>
      make.client(org.id, {
        name: `${account.id} ${name}`,
        audience: 'listed',
        resourceId: null,
        disabledAt: null,
        ...more,
      })
    const rows = {
      byAffiliation: of('1', { resourceId: own.id }),
      byGroup: of('2', {}),
      byRole: of('3', {}),
      open: of('4', { audience: 'members' }),
      openAndRole: of('5', { audience: 'members' }),
      not: of('6', {}),
      notOwn: of('7', { resourceId: theirs.id }),
      ofAnother: of('8', {}),
      off: of('9', { audience: 'members', disabledAt: 5 }),
    }
    for (const client of Object.values(rows).toReversed()) await clients.add(client)
    const give = (client: { clientId: string }, subjectKind: 'account' | 'group', subject: string) =>
      clients.setRole({ clientId: client.clientId, subjectKind, subject, role: 'editor' })
    await give(rows.byGroup, 'group', group)
    await give(rows.byRole, 'account', account.id)
    await clients.setRole({
      clientId: rows.byRole.clientId,
      subjectKind: 'account',
      subject: account.id,
      role: 'admin',
    })
    await give(rows.openAndRole, 'account', account.id)
    // A group that is called as an account is not that account.
    await give(rows.not, 'group', account.id)
    await give(rows.ofAnother, 'account', stranger.account.id)
    await give(rows.off, 'account', account.id)
    const near = await bothWays(stores(), (inside) => inside.clients.near(account.id))
    expect(near.filter(({ name }) => name.startsWith(account.id))).toEqual([
      rows.byAffiliation,
      rows.byGroup,
      rows.byRole,
      rows.open,
      rows.openAndRole,
    ])
  })

  test('clients: metadata, flags and roles come back; only the very client_id finds one', async () => {
    const { clients } = stores()
    const { org } = await make.people(stores())
    const one = make.client(org.id, { clientId: `Wiki-${make.word()}`, secondFactor: true })
    const bare = make.client(org.id, { sealedSecret: null, rolesOfAffiliation: {}, metadata: {}, disabledAt: 5 })
    await clients.add(one)
    await clients.add(bare)
    expect(await clients.get(one.clientId)).toEqual(one)
    expect(await clients.get(bare.clientId)).toEqual(bare)
    for (const miss of [...make.nearMisses(one.clientId), one.clientId.toLowerCase()])
      expect(await clients.get(miss), miss).toBeUndefined()
    await expect(clients.add(one)).rejects.toMatchObject({ code: 'conflict' })
    const changed = {
      ...one,
      metadata: { x: 'é' },
      secondFactor: false,
      disabledAt: 7,
      rolesOfAffiliation: { user: 'r' },
    }
    await clients.update(changed)
    expect(await clients.get(one.clientId)).toEqual(changed)
    expect(await clients.list()).toEqual(expect.arrayContaining([changed, bare]))
    const site = make.id()
    const [second, first] = [
      make.client(org.id, { resourceId: site, name: 'b' }),
      make.client(org.id, { resourceId: site, name: 'a' }),
    ]
    for (const client of [second, first]) await clients.add(client)
    expect(await clients.ofResource(site)).toEqual([first, second])
    for (const near of [...make.nearMisses(site), make.id(), '']) expect(await clients.ofResource(near)).toEqual([])

    const role = { clientId: one.clientId, subjectKind: 'group' as const, subject: 'équipe', role: 'editor' }
    await clients.setRole(role)
    await clients.setRole(role)
    await clients.setRole({ ...role, role: 'admin' })
    await clients.setRole({ ...role, clientId: bare.clientId })
    expect(await clients.rolesOn(one.clientId)).toEqual([{ ...role, role: 'admin' }, role])
    await clients.removeRole({ ...role, role: 'admin' })
    expect(await clients.rolesOn(one.clientId)).toEqual([role])
    const { account } = await make.people(stores())
    await stores().consents.put(account.id, one.clientId, ['email'], make.NOW)
    await clients.remove(one.clientId)
    expect(await clients.get(one.clientId)).toBeUndefined()
    expect(await clients.rolesOn(one.clientId)).toEqual([])
    expect(await stores().consents.list(account.id)).toEqual([])
    expect(await clients.rolesOn(bare.clientId)).toHaveLength(1)
  })

  test('the doors: an account with all that is in force for it, in one answer', async () => {
    const store = stores()
    const { org, account, member } = await make.people(store)
    const second = make.member(org.id, { name: 'Second' })
    await store.members.add(second)
    await store.people.affiliate({ accountId: account.id, memberId: second.id, role: 'billing', createdAt: make.NOW })
    await store.standings.put(make.standing(member.id, { standing: 'grace', coveredUntilOn: '2026-05-31' }))
    await store.people.setStaffRoles(account.id, ['treasurer', 'admin'], 'test', make.NOW)
    const deny = make.override({ memberId: member.id })
    const allow = make.override({ accountId: account.id, effect: 'allow', endsOn: null })
    for (const each of [
      deny,
      allow,
      make.override({ accountId: account.id, begun: false }),
      make.override({ accountId: account.id, liftedAt: 1, liftedBy: 'x' }),
      make.override({ accountId: make.id() }),
      make.override({ memberId: make.id() }),
    ])
      await store.overrides.add(each)
    const inForce = ({ effect, reasonText, startsAt, endsOn }: typeof deny) => ({
      effect,
      reasonText,
      startsAt,
      endsOn,
    })
    const facts = await bothWays(store, (inside) => inside.access.account(account.id))
    expect(facts).toEqual({
      accountId: account.id,
      username: account.username,
      name: account.name,
      givenName: account.givenName,
      familyName: account.familyName,
      email: account.email,
      emailVerified: true,
      locale: 'fr',
      state: 'active',
      closed: false,
      staffRoles: expect.toSatisfy((roles: string[]) => roles.toSorted().join() === 'admin,treasurer'),
      hasSecondFactor: false,
      overrides: [inForce(allow)],
      memberships: expect.toSatisfy((all: { memberName: string }[]) => all.length === 2),
    })
    expect(facts!.memberships.toSorted((a) => (a.memberName === 'Second' ? 1 : -1))).toEqual([
      {
        memberId: member.id,
        memberName: member.name,
        standing: 'grace',
        coveredUntilOn: '2026-05-31',
        overrides: [inForce(deny)],
        role: 'owner',
      },
      {
        memberId: second.id,
        memberName: 'Second',
        standing: 'applicant',
        coveredUntilOn: null,
        overrides: [],
        role: 'billing',
      },
    ])
  })

  test('the doors: an account with nothing, a second factor once it is confirmed, and closed', async () => {
    const store = stores()
    const lone = make.account({ email: null, emailVerifiedAt: null, state: 'closed' })
    await store.accounts.add(lone)
    expect(await bothWays(store, (inside) => inside.access.account(lone.id))).toMatchObject({
      email: null,
      emailVerified: false,
      closed: true,
      staffRoles: [],
      hasSecondFactor: false,
      overrides: [],
      memberships: [],
    })
    await store.credentials.setTotp(lone.id, 'sealed', false, make.NOW)
    expect((await bothWays(store, (inside) => inside.access.account(lone.id)))!.hasSecondFactor).toBe(false)
    await store.credentials.setTotp(lone.id, 'sealed', true, make.NOW)
    expect((await bothWays(store, (inside) => inside.access.account(lone.id)))!.hasSecondFactor).toBe(true)
    for (const miss of [make.id(), ...make.nearMisses(lone.id)])
      expect(await bothWays(store, (inside) => inside.access.account(miss)), miss).toBeUndefined()
  })

  test('the doors: a client of the house, and one of a member’s site', async () => {
    const store = stores()
    const { org, account, member } = await make.people(store)
    const stranger = make.account()
    await store.accounts.add(stranger)
    const site = make.resource(member)
    await store.resources.add(site)
    const ofHouse = make.client(org.id, { service: 'web' })
    const ofSite = make.client(org.id, {
      audience: 'listed',
      resourceId: site.id,
      rolesOfAffiliation: { owner: 'boss' },
    })
    for (const each of [ofHouse, ofSite]) await store.clients.add(each)
    const door = (clientId: string, accountId: string) =>
      bothWays(store, (inside) => inside.access.door(clientId, accountId))

    expect(await door(ofHouse.clientId, account.id)).toEqual({ service: 'web', audience: 'members', roles: [] })
    const owner = {
      memberId: member.id,
      memberName: member.name,
      standing: 'applicant',
      coveredUntilOn: null,
      overrides: [],
    }
    expect(await door(ofSite.clientId, account.id)).toEqual({
      service: 'site',
      audience: 'listed',
      roles: ['boss'],
      owner,
    })
    expect(await door(ofSite.clientId, stranger.id)).toEqual({ service: 'site', audience: 'listed', roles: [], owner })

    // Roles by name, by group and by affiliation, each once.
    await store.people.setGroups(stranger.id, ['équipe', 'autre'])
    const role = { clientId: ofSite.clientId, subjectKind: 'group' as const, subject: 'équipe', role: 'editor' }
    await store.clients.setRole(role)
    await store.clients.setRole({ ...role, subjectKind: 'account', subject: stranger.id, role: 'admin' })
    await store.clients.setRole({ ...role, subjectKind: 'account', subject: account.id, role: 'boss' })
    await store.clients.setRole({ ...role, subjectKind: 'account', subject: 'équipe', role: 'wrong' })
    await store.clients.setRole({ ...role, subject: stranger.id, role: 'wrong' })
    expect((await door(ofSite.clientId, stranger.id))!.roles).toEqual(['admin', 'editor'])
    expect((await door(ofSite.clientId, account.id))!.roles).toEqual(['boss'])

    const deny = make.override({ memberId: member.id })
    await store.overrides.add(deny)
    await store.standings.put(make.standing(member.id))
    expect((await door(ofSite.clientId, stranger.id))!.owner).toMatchObject({
      standing: 'current',
      overrides: [{ effect: 'deny' }],
    })
    expect(await bothWays(store, (inside) => inside.access.owner(site.id))).toMatchObject({
      memberId: member.id,
      standing: 'current',
      overrides: [{ effect: 'deny', reasonText: deny.reasonText }],
    })
    for (const miss of make.nearMisses(ofSite.clientId)) expect(await door(miss, account.id), miss).toBeUndefined()
    expect(await bothWays(store, (inside) => inside.access.owner(make.id()))).toBeUndefined()

    await store.clients.update({ ...ofHouse, disabledAt: make.NOW })
    expect(await door(ofHouse.clientId, account.id)).toBeUndefined()
    await store.resources.remove(site.id, make.NOW)
    expect(await door(ofSite.clientId, account.id)).toBeUndefined()
    expect(await bothWays(store, (inside) => inside.access.owner(site.id))).toBeUndefined()
  })
}
