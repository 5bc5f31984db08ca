// The store's contract: accounts, and whom they belong to.
import { expect, test } from 'vitest'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

export function storeAccounts(opened: Opened): void {
  const stores = () => opened.store

  test('accounts: what was stored comes back, and only the very name finds it', async () => {
    const { accounts } = stores()
    const full = make.account({ username: 'ada.eo', directoryKey: 'aeo-0001', lastSignInAt: make.NOW + 1 })
    const bare = make.account({
      email: null,
      emailVerifiedAt: null,
      state: 'invited',
      name: '',
      familyName: '',
      locale: 'de',
    })
    await accounts.add(full)
    await accounts.add(bare)
    expect(await accounts.get(full.id)).toEqual(full)
    expect(await accounts.get(bare.id)).toEqual(bare)
    expect(await accounts.byUsername('ada.eo')).toEqual(full)
    expect(await accounts.byDirectoryKey('aeo-0001')).toEqual(full)
    expect(await accounts.byEmail(full.email!)).toEqual([full])
    for (const miss of make.nearMisses('ada.eo')) expect(await accounts.byUsername(miss), miss).toBeUndefined()
    for (const miss of make.nearMisses('aeo-0001')) expect(await accounts.byDirectoryKey(miss), miss).toBeUndefined()
    for (const miss of make.nearMisses(full.email!)) expect(await accounts.byEmail(miss), miss).toEqual([])
    for (const miss of make.nearMisses(full.id)) expect(await accounts.get(miss), miss).toBeUndefined()
    await expect(accounts.add(make.account({ username: 'ada.eo' }))).rejects.toMatchObject({ code: 'conflict' })
    await expect(accounts.add(make.account({ directoryKey: 'aeo-0001' }))).rejects.toMatchObject({ code: 'conflict' })
    const changed = { ...full, email: bare.email, state: 'closed' as const, directoryKey: null, emailVerifiedAt: null }
    await accounts.update(changed)
    expect(await accounts.get(full.id)).toEqual(changed)
    expect(await accounts.get(bare.id)).toEqual(bare)
  })

  test('accounts: a sign-in is noted, and an invited account is active from then on; a closed one stays closed', async () => {
    const { accounts } = stores()
    const [invited, closed] = [make.account({ state: 'invited' }), make.account({ state: 'closed' })]
    for (const each of [invited, closed]) {
      await accounts.add(each)
      await accounts.signedIn(each.id, make.NOW + 5)
    }
    expect(await accounts.get(invited.id)).toEqual({ ...invited, state: 'active', lastSignInAt: make.NOW + 5 })
    expect(await accounts.get(closed.id)).toEqual({ ...closed, lastSignInAt: make.NOW + 5 })
  })

  test('accounts: listed in pages, by state and by any part of name or address', async () => {
    const { accounts } = stores()
    const mark = make.word()
    const rows = [
      make.account({ username: `${mark}.1`, name: 'Élise', state: 'invited' }),
      make.account({ username: `${mark}.2`, name: 'Bob', email: `x.${mark}@example.org` }),
      make.account({ name: `Voor ${mark.toUpperCase()}`, email: null }),
    ].toSorted((a, b) => (a.id < b.id ? -1 : 1))
    for (const row of rows) await accounts.add(row)
    expect(await accounts.list({ text: mark })).toEqual(rows)
    expect(await accounts.list({ text: mark, limit: 2 })).toEqual(rows.slice(0, 2))
    expect(await accounts.list({ text: mark, afterId: rows[1]!.id })).toEqual(rows.slice(2))
    expect(await accounts.list({ text: mark, state: 'invited' })).toEqual(
      rows.filter(({ state }) => state === 'invited'),
    )
    expect(await accounts.list({ text: `${mark}_1` })).toEqual([])
    expect((await accounts.list({ text: 'éLIS' })).map(({ name }) => name)).toContain('Élise')
  })

  test('accounts: removed with all that hangs on them, and nothing else', async () => {
    const store = stores()
    const { account, member } = await make.people(store)
    const other = make.account()
    await store.accounts.add(other)
    for (const { id } of [account, other]) {
      await store.people.setStaffRoles(id, ['helper'], 'test', make.NOW)
      await store.people.setGroups(id, ['g'])
      await store.credentials.setPassword(id, 'phc', make.NOW)
      await store.credentials.setTotp(id, 'sealed', true, make.NOW)
      await store.credentials.setRecoveryCodes(id, [make.digest()], make.NOW)
      await store.overrides.add(make.override({ accountId: id }))
    }
    await store.accounts.remove(account.id)
    expect(await store.accounts.get(account.id)).toBeUndefined()
    expect(await store.people.accountsOf(member.id)).toEqual([])
    expect(await store.people.groups(account.id)).toEqual([])
    expect(await store.credentials.password(account.id)).toBeUndefined()
    expect(await store.overrides.open({ accountId: account.id })).toEqual([])
    expect(await store.people.groups(other.id)).toEqual(['g'])
    expect(await store.overrides.open({ accountId: other.id })).toHaveLength(1)
  })

  test('people: affiliations, one for each member, with the role given last', async () => {
    const { people, accounts, members } = stores()
    const { org, account, member } = await make.people(stores())
    const [second, other] = [make.member(org.id), make.account()]
    await members.add(second)
    await accounts.add(other)
    await people.affiliate({ accountId: account.id, memberId: second.id, role: 'user', createdAt: make.NOW + 1 })
    await people.affiliate({ accountId: account.id, memberId: second.id, role: 'billing', createdAt: make.NOW + 9 })
    await people.affiliate({ accountId: other.id, memberId: second.id, role: 'admin', createdAt: make.NOW + 2 })
    expect(await people.affiliationsOf(account.id)).toEqual([
      { accountId: account.id, memberId: member.id, role: 'owner', createdAt: make.NOW },
      { accountId: account.id, memberId: second.id, role: 'billing', createdAt: make.NOW + 1 },
    ])
    expect((await people.accountsOf(second.id)).map(({ accountId }) => accountId)).toEqual([account.id, other.id])
    await people.disaffiliate(account.id, second.id)
    expect((await people.affiliationsOf(account.id)).map(({ memberId }) => memberId)).toEqual([member.id])
    expect((await people.accountsOf(second.id)).map(({ accountId }) => accountId)).toEqual([other.id])
    const stranger = { accountId: make.id(), memberId: member.id, role: 'user', createdAt: make.NOW } as const
    await expect(people.affiliate(stranger)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('people: staff roles and groups are replaced as a whole; closed accounts are not counted', async () => {
    const { people, accounts } = stores()
    const [one, two, gone] = [make.account(), make.account(), make.account({ state: 'closed' })]
    for (const each of [one, two, gone]) await accounts.add(each)
    const before = await people.countStaff('treasurer')
    await people.setStaffRoles(one.id, ['treasurer', 'admin', 'treasurer'], 'test', make.NOW)
    await people.setStaffRoles(two.id, ['treasurer'], 'test', make.NOW)
    await people.setStaffRoles(gone.id, ['treasurer'], 'test', make.NOW)
    expect(await people.staffRoles(one.id)).toEqual(['admin', 'treasurer'])
    expect((await people.countStaff('treasurer')) - before).toBe(2)
    await people.setStaffRoles(one.id, ['helper'], 'test', make.NOW)
    await people.setStaffRoles(two.id, [], 'test', make.NOW)
    expect(await people.staffRoles(one.id)).toEqual(['helper'])
    expect(await people.staffRoles(two.id)).toEqual([])
    expect(await people.countStaff('treasurer')).toBe(before)
    await people.setGroups(one.id, ['équipe', 'a b', 'équipe'])
    expect(await people.groups(one.id)).toEqual(['a b', 'équipe'])
    expect(await people.groups(two.id)).toEqual([])
    await people.setGroups(one.id, [])
    expect(await people.groups(one.id)).toEqual([])
  })
}
