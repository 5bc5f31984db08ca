// The store's contract: invitations to a member's people, and logins that are taken away.
import { expect, test } from 'vitest'
import type { MemberInvitation } from '../../src/ports.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'
import { bothWays } from './store-records.ts'

export function storeInvitations(opened: Opened): void {
  const stores = () => opened.store
  const invitation = (memberId: string, more: Partial<MemberInvitation> = {}): MemberInvitation => ({
    id: make.id(),
    memberId,
    email: `${make.word()}@example.org`,
    role: 'technical',
    createdBy: 'cli:zoé',
    createdAt: make.NOW,
    expiresAt: make.NOW + 1000,
    ...more,
  })

  test('invitations: found while they are open, settled once', async () => {
    const { invitations } = stores()
    const { member } = await make.people(stores())
    const [older, newer] = [invitation(member.id), invitation(member.id, { createdAt: make.NOW + 1 })]
    const digests = [make.digest(), make.digest()] as const
    await invitations.add(older, digests[0])
    await invitations.add(newer, digests[1])
    expect(await bothWays(stores(), (inside) => inside.invitations.ofMember(member.id))).toEqual([newer, older])
    expect(await invitations.get(older.id)).toEqual(older)
    expect(await invitations.byDigest(digests[0])).toEqual(older)
    for (const miss of make.nearMisses(digests[0])) expect(await invitations.byDigest(miss), miss).toBeUndefined()
    const settled = await Promise.all([1, 2, 3].map(() => invitations.settle(older.id, 'accepted', make.NOW)))
    expect(settled.filter(Boolean)).toHaveLength(1)
    expect(await invitations.settle(older.id, 'withdrawn', make.NOW)).toBe(false)
    expect(await invitations.get(older.id)).toBeUndefined()
    expect(await invitations.byDigest(digests[0])).toBeUndefined()
    expect(await invitations.ofMember(member.id)).toEqual([newer])
    await expect(invitations.add(invitation(member.id), digests[1])).rejects.toMatchObject({ code: 'conflict' })
    await expect(invitations.add(invitation(make.id()), make.digest())).rejects.toMatchObject({ code: 'not_found' })
  })

  test('invitations: swept after their end', async () => {
    const { invitations } = stores()
    const { member } = await make.people(stores())
    const [early, late] = [invitation(member.id, { expiresAt: 1000 }), invitation(member.id, { expiresAt: 2000 })]
    for (const each of [early, late]) await invitations.add(each, make.digest())
    await invitations.sweep(2000)
    expect(await invitations.ofMember(member.id)).toEqual([late])
  })

  test('whoever reads the people of a member in a transaction is alone with them until it ends', async () => {
    const store = stores()
    const { account, member } = await make.people(store)
    let begun = () => {}
    const under = new Promise<void>((resolve) => {
      begun = resolve
    })
    const first = store.transaction(async ({ people }) => {
      await people.accountsOf(member.id)
      begun()
      // Long enough for the other one to read, if nothing holds it back; a transaction awaits only SQL.
      for (let n = 0; n < 200; n++) await people.staffRoles(account.id)
      await people.disaffiliate(account.id, member.id)
    })
    await under
    const seen = store.transaction(({ people }) => people.accountsOf(member.id))
    await first
    expect(await seen).toEqual([])
  })

  test('a login that is taken away stays a subject, is in no list, and its name is free', async () => {
    const store = stores()
    const { account, member } = await make.people(store)
    const heir = make.account()
    await store.accounts.add(heir)
    const mailbox = make.resource(member, { kind: 'mailbox', name: `${make.word()}@example.org` })
    await store.resources.add(mailbox)
    const login = { id: make.id(), mailboxId: mailbox.id, accountId: account.id, name: mailbox.name, createdAt: 1 }
    await store.resources.addLogin(login)
    await store.resources.removeLogin(login.id, 5)
    expect(await bothWays(store, (inside) => inside.resources.loginsOf(account.id))).toEqual([])
    const source = { kind: 'login', accountId: account.id, mailboxId: mailbox.id, mailbox: mailbox.name }
    expect(await store.subjects.get('login', login.name)).toEqual({ ...source, removed: true })
    expect(await store.subjects.touchedBy('login', { accountId: account.id })).toEqual([login.name])
    expect(await store.subjects.touchedBy('login', { memberId: member.id })).toEqual([login.name])
    const next = { ...login, id: make.id(), accountId: heir.id }
    await store.resources.addLogin(next)
    expect(await store.subjects.get('login', login.name)).toEqual({ ...source, accountId: heir.id })
    expect(await store.resources.loginsOf(heir.id)).toEqual([next])
    await expect(store.resources.addLogin({ ...login, id: make.id() })).rejects.toMatchObject({ code: 'conflict' })
  })
}
