// The store's contract: the subjects of services, whom a change touches, and the provider's sessions.
import { expect, test } from 'vitest'
import { oidcAdapter } from '../../adapters/sql/oidc.ts'
import type { Stores } from '../../src/ports.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'
import { bothWays } from './store-records.ts'

export function storeSubjects(opened: Opened): void {
  const stores = () => opened.store

  test('subjects: names in pages, what each is, and only the very name', async () => {
    const store = stores()
    const { account, member } = await make.people(store)
    const mark = make.word()
    const [site, mailbox] = [
      make.resource(member, { name: `eao.${mark}.example` }),
      make.resource(member, { kind: 'mailbox', name: `box@${mark}.example` }),
    ]
    for (const each of [site, mailbox]) await store.resources.add(each)
    const login = {
      id: make.id(),
      mailboxId: mailbox.id,
      accountId: account.id,
      name: `eao@${mark}.example`,
      createdAt: 1,
    }
    await store.resources.addLogin(login)
    expect(await store.subjects.get('account', account.id)).toEqual({
      kind: 'account',
      accountId: account.id,
      username: account.username,
      groups: [],
    })
    expect(await store.subjects.get('login', login.name)).toEqual({
      kind: 'login',
      accountId: account.id,
      mailboxId: mailbox.id,
      mailbox: mailbox.name,
    })
    expect(await store.subjects.get('site', site.name)).toEqual({
      kind: 'site',
      resourceId: site.id,
      memberNumber: member.memberNumber,
    })
    expect(await store.subjects.get('site', mailbox.name)).toBeUndefined()
    expect(await store.subjects.get('login', mailbox.name)).toBeUndefined()
    for (const kind of ['account', 'login', 'site'] as const) {
      const name = { account: account.id, login: login.name, site: site.name }[kind]
      for (const miss of make.nearMisses(name)) expect(await store.subjects.get(kind, miss), miss).toBeUndefined()
      const found = await make.allPages((after) => store.subjects.names(kind, after, 2))
      expect(found).toContain(name)
      expect(new Set(found).size).toBe(found.length)
      expect(found.length).toBe((await store.subjects.names(kind, '', 100_000)).length)
    }
    await store.resources.remove(site.id, 1)
    await store.resources.remove(mailbox.id, 1)
    expect(await store.subjects.get('site', site.name)).toMatchObject({ resourceId: site.id })
    expect(await store.subjects.get('login', login.name)).toMatchObject({ mailboxId: mailbox.id })
    expect(await store.subjects.names('login', `ea@${mark}`, 5)).toContain(login.name)
    expect(await store.subjects.touchedBy('site', { memberId: member.id })).toEqual([site.name])
    expect(await store.subjects.touchedBy('login', { accountId: account.id })).toEqual([login.name])
  })

  test('subjects: whom a change of an account, a member or a client touches', async () => {
    const store = stores()
    const { org, account, member } = await make.people(store)
    const mark = make.word()
    const accounts = {
      guest: make.account(),
      editor: make.account(),
      grouped: make.account(),
      reader: make.account(),
      none: make.account(),
    }
    for (const each of Object.values(accounts)) await store.accounts.add(each)
    const { guest, editor, grouped, reader } = accounts
    const otherMember = make.member(org.id)
    await store.members.add(otherMember)
    const sites = [make.resource(member, { name: `a.${mark}` }), make.resource(member, { name: `b.${mark}` })]
    const mine = make.resource(member, { kind: 'mailbox', name: `m@${mark}` })
    const theirs = make.resource(otherMember, { kind: 'mailbox', name: `t@${mark}` })
    const foreign = make.resource(otherMember, { name: `c.${mark}` })
    for (const each of [...sites, mine, theirs, foreign]) await store.resources.add(each)
    const login = (mailboxId: string, accountId: string, name: string) =>
      store.resources.addLogin({ id: make.id(), mailboxId, accountId, name: `${name}@${mark}`, createdAt: 1 })
    await login(mine.id, account.id, 'owner')
    await login(mine.id, guest.id, 'guest')
    await login(theirs.id, account.id, 'elsewhere')
    await login(theirs.id, guest.id, 'stranger')
    const listed = make.client(org.id, { audience: 'listed', resourceId: sites[0]!.id })
    const open = make.client(org.id, { audience: 'members', resourceId: sites[1]!.id })
    const house = make.client(org.id, { audience: 'members' })
    for (const each of [listed, open, house]) await store.clients.add(each)
    await store.people.setGroups(grouped.id, [`team ${mark}`])
    await store.clients.setRole({ clientId: listed.clientId, subjectKind: 'account', subject: editor.id, role: 'r' })
    await store.clients.setRole({ clientId: listed.clientId, subjectKind: 'group', subject: `team ${mark}`, role: 'r' })
    await oidcAdapter(opened.database)('Grant').upsert(
      make.digest(),
      { accountId: reader.id, clientId: open.clientId },
      3600,
    )

    const touched = async (
      kind: 'account' | 'login' | 'site',
      change: Parameters<Stores['subjects']['touchedBy']>[1],
    ) => (await bothWays(store, (inside) => inside.subjects.touchedBy(kind, change))).toSorted()
    const ids = (...of: { id: string }[]) => of.map(({ id }) => id).toSorted()
    expect(await touched('account', { accountId: account.id })).toEqual([account.id])
    expect(await touched('login', { accountId: account.id })).toEqual([`elsewhere@${mark}`, `owner@${mark}`])
    expect(await touched('site', { accountId: account.id })).toEqual([])
    // Whoever is affiliated, whoever has a role on one of its sites, and whoever is signed in where no role is needed.
    expect(await touched('account', { memberId: member.id })).toEqual(ids(account, editor, grouped, reader))
    expect(await touched('login', { memberId: member.id })).toEqual([
      `elsewhere@${mark}`,
      `guest@${mark}`,
      `owner@${mark}`,
    ])
    expect(await touched('site', { memberId: member.id })).toEqual([`a.${mark}`, `b.${mark}`])
    expect(await touched('account', { memberId: otherMember.id })).toEqual([])
    expect(await touched('login', { memberId: otherMember.id })).toEqual([`elsewhere@${mark}`, `stranger@${mark}`])
    const memberIds = [member.id, otherMember.id]
    expect(await touched('account', { memberIds })).toEqual(ids(account, editor, grouped, reader))
    expect(await touched('login', { memberIds })).toEqual([
      `elsewhere@${mark}`,
      `guest@${mark}`,
      `owner@${mark}`,
      `stranger@${mark}`,
    ])
    expect(await touched('site', { memberIds })).toEqual([`a.${mark}`, `b.${mark}`, `c.${mark}`])
    expect(await touched('account', { memberIds: [] })).toEqual([])
    expect(await touched('account', { clientId: listed.clientId })).toEqual(ids(account, editor, grouped))
    expect(await touched('account', { clientId: open.clientId })).toEqual(ids(account, reader))
    expect(await touched('account', { clientId: house.clientId })).toEqual([])
    expect(await touched('login', { clientId: listed.clientId })).toEqual([])
    expect(await touched('account', { clientId: make.word() })).toEqual([])
  })

  test('of many at once: what of each is read alone, and nothing of others', async () => {
    const store = stores()
    const { org, account, member } = await make.people(store)
    const [closed, grouped, other] = [make.account({ state: 'closed' }), make.account(), make.account()] as const
    const elsewhere = make.member(org.id)
    await store.members.add(elsewhere)
    for (const each of [closed, grouped, other]) await store.accounts.add(each)
    await store.people.affiliate({ accountId: other.id, memberId: member.id, role: 'technical', createdAt: 1 })
    await store.people.affiliate({ accountId: other.id, memberId: elsewhere.id, role: 'user', createdAt: 1 })
    for (const of of [{ accountId: other.id }, { memberId: member.id }, { memberId: elsewhere.id }])
      for (const effect of ['deny', 'allow'] as const) await store.overrides.add(make.override({ ...of, effect }))
    const [site, gone, mailbox] = [
      make.resource(member),
      make.resource(elsewhere),
      make.resource(elsewhere, { kind: 'mailbox' }),
    ]
    for (const each of [site, gone, mailbox]) await store.resources.add(each)
    await store.resources.remove(gone.id, 1)
    const logins = [account, other, closed].map(({ id: accountId }) => ({
      id: make.id(),
      mailboxId: mailbox.id,
      accountId,
      name: `${make.word()}@x`,
      createdAt: 1,
    }))
    for (const each of logins) await store.resources.addLogin(each)
    await store.resources.removeLogin(logins[0]!.id, 1)
    const clients = [
      make.client(org.id),
      make.client(org.id, { audience: 'listed', resourceId: site.id, rolesOfAffiliation: { technical: 'admin' } }),
      make.client(org.id, { resourceId: gone.id }),
      make.client(org.id, { disabledAt: 1 }),
    ]
    for (const each of clients) await store.clients.add(each)
    await store.people.setGroups(grouped.id, ['équipe'])
    const listed = { clientId: clients[1]!.clientId, role: 'editor' }
    await store.clients.setRole({ ...listed, subjectKind: 'group', subject: 'équipe' })
    await store.clients.setRole({ ...listed, subjectKind: 'account', subject: account.id })

    const unknown = [make.id(), '', ...make.nearMisses(other.id)]
    // More than are read in one go.
    const ids = [account, closed, grouped, other].map(({ id }) => id)
    const accountIds = [...unknown, ...ids, ...Array.from({ length: 250 }, make.id)]
    const alone = async <T>(names: readonly string[], read: (name: string) => Promise<T | undefined>) => {
      const found = await Promise.all(names.map(async (name) => [name, await read(name)] as const))
      return new Map(found.filter(([, one]) => one !== undefined))
    }
    const { access, subjects } = store
    const accounts = await bothWays(store, (inside) => inside.access.accounts(accountIds))
    expect(accounts).toEqual(await alone(accountIds, access.account))
    expect([...accounts.keys()].toSorted()).toEqual(ids.toSorted())
    const resources = [site.id, gone.id, mailbox.id, ...unknown]
    expect(await bothWays(store, (inside) => inside.access.owners(resources))).toEqual(
      await alone(resources, access.owner),
    )
    const pairs = [...ids, ...unknown.slice(0, 2), ...Array.from({ length: 30 }, make.id)].flatMap((accountId) =>
      [...clients.map(({ clientId }) => clientId), 'none'].map((clientId) => ({ accountId, clientId })),
    )
    expect(await bothWays(store, (inside) => inside.access.doors(pairs))).toEqual(
      await Promise.all(pairs.map(({ accountId, clientId }) => access.door(clientId, accountId))),
    )
    const kinds = {
      account: accountIds,
      login: logins.map(({ name }) => name),
      site: [site.name, gone.name, mailbox.name],
    }
    for (const [kind, names] of Object.entries(kinds) as [keyof typeof kinds, string[]][]) {
      const asked = [...names, ...names.flatMap(make.nearMisses)]
      const found = await bothWays(store, (inside) => inside.subjects.several(kind, asked))
      expect(found).toEqual(await alone(asked, (name) => subjects.get(kind, name)))
      expect([...found.keys()].every((name) => names.includes(name))).toBe(true)
    }
  })

  test('sessions of many at once: only who holds anything, each with what is theirs', async () => {
    const store = stores()
    const adapter = oidcAdapter(opened.database)
    const ids = Array.from({ length: 4 }, make.id)
    const hold = (accountId: string, clientId: string) =>
      adapter('Grant').upsert(make.digest(), { accountId, clientId }, 3600)
    await hold(ids[0]!, 'one')
    await store.sessions.signOut(ids[0]!, Date.now() + 60_000)
    await hold(ids[1]!, 'one')
    await hold(ids[1]!, 'two')
    const session = {
      accountId: ids[2]!,
      uid: make.id(),
      authorizations: { three: { sid: 'x', grantId: 'y' }, none: {} },
    }
    await adapter('Session').upsert(make.digest(), session, 3600)
    const held = await bothWays(store, ({ sessions }) =>
      sessions.heldBy([...ids, ...Array.from({ length: 600 }, make.id)]),
    )
    expect(Object.fromEntries(held)).toEqual({
      [ids[0]!]: [{ clientId: 'one', stale: true }],
      [ids[1]!]: expect.toSatisfy(
        (all: { clientId: string }[]) =>
          all
            .map(({ clientId }) => clientId)
            .toSorted()
            .join() === 'one,two',
      ),
      [ids[2]!]: [{ clientId: 'three', stale: false }],
    })
  })

  test('sessions: who holds what where, and its end', async () => {
    const store = stores()
    const { account } = await make.people(store)
    const adapter = oidcAdapter(opened.database)
    const grant = (clientId: string) =>
      adapter('Grant').upsert(make.digest(), { accountId: account.id, clientId }, 3600)
    await grant('one')
    await grant('two')
    expect(
      (await bothWays(store, ({ sessions }) => sessions.held(account.id))).map(({ clientId }) => clientId).toSorted(),
    ).toEqual(['one', 'two'])
    const holders = () => make.allPages((after) => store.sessions.holders(after, 3))
    expect(await holders()).toContain(account.id)
    await store.transaction(({ sessions }) => sessions.end(account.id, ['one']))
    expect(await store.sessions.held(account.id)).toEqual([{ clientId: 'two', stale: false }])
    await store.sessions.signOut(account.id, Date.now() + 1000)
    expect(await store.sessions.held(account.id)).toEqual([{ clientId: 'two', stale: true }])
    await store.transaction(({ sessions }) => sessions.end(account.id, []))
    expect(await store.sessions.held(account.id)).toEqual([])
    expect(await holders()).not.toContain(account.id)
  })
}
