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
    expect(await touched('account', { clientId: listed.clientId })).toEqual(ids(account, editor, grouped))
    expect(await touched('account', { clientId: open.clientId })).toEqual(ids(account, reader))
    expect(await touched('account', { clientId: house.clientId })).toEqual([])
    expect(await touched('login', { clientId: listed.clientId })).toEqual([])
    expect(await touched('account', { clientId: make.word() })).toEqual([])
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
