// The store's contract: sites that are about to be connected, and guests of one site.
import { expect, test } from 'vitest'
import type { SiteInvitation } from '../../src/ports.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'
import { bothWays } from './store-records.ts'

export function storeSites(opened: Opened): void {
  const stores = () => opened.store

  test('registrations: found while they are open, settled once, swept after their end', async () => {
    const { registrations } = stores()
    const { member } = await make.people(stores())
    const [older, newer] = [
      make.registration(member.id),
      make.registration(member.id, { createdAt: make.NOW + 1, expiresAt: make.NOW + 9 }),
    ]
    for (const each of [older, newer]) await registrations.add(each)
    expect(await bothWays(stores(), (inside) => inside.registrations.ofMember(member.id))).toEqual([newer, older])
    expect(await registrations.get(older.id)).toEqual(older)
    for (const miss of make.nearMisses(older.id)) expect(await registrations.get(miss), miss).toBeUndefined()
    expect(await registrations.list(1, 0)).toEqual([newer])
    expect((await registrations.list(1000, 1)).map(({ id }) => id)).toContain(older.id)
    const settled = await Promise.all([1, 2, 3].map(() => registrations.settle(older.id, 'proved', make.NOW)))
    expect(settled.filter(Boolean)).toHaveLength(1)
    expect(await registrations.get(older.id)).toBeUndefined()
    expect(await registrations.ofMember(member.id)).toEqual([newer])
    await registrations.sweep(make.NOW + 9)
    expect(await registrations.ofMember(member.id)).toEqual([newer])
    await registrations.sweep(make.NOW + 10)
    expect(await registrations.ofMember(member.id)).toEqual([])
    await expect(registrations.add(make.registration(make.id()))).rejects.toMatchObject({ code: 'not_found' })
  })

  test('invitations of guests: found while they are open, settled once, gone with their client', async () => {
    const { siteInvitations, clients } = stores()
    const { member } = await make.people(stores())
    const client = make.client(member.organisationId)
    await clients.add(client)
    const invitation = (more: Partial<SiteInvitation> = {}): SiteInvitation => ({
      id: make.id(),
      clientId: client.clientId,
      email: `${make.word()}@example.org`,
      role: 'rédacteur',
      createdBy: 'cli:zoé',
      createdAt: make.NOW,
      expiresAt: make.NOW + 1000,
      ...more,
    })
    const [older, newer] = [invitation(), invitation({ createdAt: make.NOW + 1 })]
    const digests = [make.digest(), make.digest()] as const
    await siteInvitations.add(older, digests[0])
    await siteInvitations.add(newer, digests[1])
    const ofClient = () => bothWays(stores(), (inside) => inside.siteInvitations.ofClient(client.clientId))
    expect(await ofClient()).toEqual([newer, older])
    expect(await siteInvitations.byDigest(digests[0])).toEqual(older)
    for (const miss of make.nearMisses(digests[0])) expect(await siteInvitations.byDigest(miss), miss).toBeUndefined()
    const settled = await Promise.all([1, 2, 3].map(() => siteInvitations.settle(older.id, 'accepted', make.NOW)))
    expect(settled.filter(Boolean)).toHaveLength(1)
    expect([await siteInvitations.get(older.id), await siteInvitations.byDigest(digests[0])]).toEqual([
      undefined,
      undefined,
    ])
    await clients.remove(client.clientId)
    expect(await ofClient()).toEqual([])
  })

  test('a role knows who asked its guest; one that was there before stays as it was', async () => {
    const { clients } = stores()
    const { account, member } = await make.people(stores())
    const client = make.client(member.organisationId)
    await clients.add(client)
    const of = { clientId: client.clientId, subjectKind: 'account', subject: account.id } as const
    await clients.setRole({ ...of, role: 'a', invitedBy: account.id })
    await clients.setRole({ ...of, role: 'b' })
    await clients.setRole({ ...of, role: 'b', invitedBy: account.id })
    expect(await clients.rolesOn(client.clientId)).toEqual([
      { ...of, role: 'a', invitedBy: account.id },
      { ...of, role: 'b' },
    ])
    await clients.removeRole({ ...of, role: 'a' })
    await clients.removeRole({ ...of, role: 'b', invitedBy: account.id })
    expect(await clients.rolesOn(client.clientId)).toEqual([])
  })
}
