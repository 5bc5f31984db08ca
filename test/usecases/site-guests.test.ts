// Guests of a site, where it is decided: a role there and nothing else, until it is taken back or the site is closed.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import type { Core } from '../../src/core.ts'
import type { Account, Client, Member, Resource } from '../../src/ports.ts'
import { keyOfInvitation } from '../../src/usecases/association-invitations.ts'
import { setClientDisabled, setClientRole } from '../../src/usecases/clients.ts'
import { lookAtSite, setSiteRole } from '../../src/usecases/own-sites.ts'
import {
  acceptGuest,
  inviteGuest,
  joinAsGuest,
  listGuestInvitations,
  readGuestInvitation,
  resendGuest,
  withdrawGuest,
} from '../../src/usecases/site-guests.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { type Society, society } from '../support/people.ts'

let on: Society
let core: Core
let member: Member
let site: Resource
let client: Client
let owner: Account
let guest: Account
let n = 0
const email = () => `guest${++n}@ailleurs.example`

beforeAll(async () => {
  on = await society()
  core = { ...on.core, config: parseConfig('sites: { guestsPerSite: 2, invitationsPerSite: 2 }') }
})
beforeEach(async () => {
  member = await on.association()
  site = make.resource(member)
  await core.store.resources.add(site)
  client = make.client(on.organisation.id, { resourceId: site.id, audience: 'listed', rolesOfAffiliation: {} })
  await core.store.clients.add(client)
  owner = await on.one(member, 'owner')
  guest = await on.person({ email: email() })
})
afterAll(() => on.on.close())

const at = (actor = owner.id) => ({ siteId: site.id, clientId: client.clientId, actor })
const invite = (to = guest.email!, actor = owner.id, role = 'redacteur') =>
  inviteGuest(core, on.letters)({ ...at(actor), email: to, role })
const token = () => /account\/guest\/([\w-]+)/.exec(on.sent.at(-1)!.text)![1]!
const key = () => keyOfInvitation(token())
const accept = (accountId = guest.id, by = key()) => acceptGuest(core)({ key: by, accountId })
const access = (of: Account = guest) => core.doors.access(of.id, client.clientId)
const code = (wanted: string) => expect.objectContaining({ code: wanted })

test('asked by letter, a guest who says yes has the role here, is of no member, and finds no other door', async () => {
  const wiki = make.client(on.organisation.id, { audience: 'members' })
  await core.store.clients.add(wiki)
  await invite()
  expect(on.sent.at(-1)).toMatchObject({ to: guest.email, text: expect.stringContaining(site.name) })
  expect(await listGuestInvitations(core)(at())).toMatchObject([
    { email: guest.email, role: 'redacteur', expired: false },
  ])
  expect((await access()).reason.code).toBe('not_listed')
  const used = key()
  await accept()
  expect(await access()).toMatchObject({ access: 'full' })
  expect(await core.store.people.affiliationsOf(guest.id)).toEqual([])
  expect(await core.doors.access(guest.id, wiki.clientId)).toMatchObject({ access: 'none' })
  expect((await lookAtSite(core)(at())).clients[0]!.others).toMatchObject([{ subject: guest.id, invitedBy: owner.id }])
  await expect(accept(guest.id, used)).rejects.toEqual(code('link_expired'))
})

test('somebody without an account makes one; the key of the sign-in makes none', async () => {
  await invite('neuve@ailleurs.example')
  const names = { givenName: 'Neuve', familyName: 'Venue', locale: 'fr' as const }
  await expect(joinAsGuest(core)({ key: keyOfInvitation(key()), ...names })).rejects.toEqual(code('link_expired'))
  await expect(joinAsGuest(core)({ key: key(), ...names, givenName: ' ' })).rejects.toEqual(code('required'))
  expect(await joinAsGuest(core)({ key: key(), ...names })).toMatch(/^[\w-]{43}$/)
  const [made] = await core.store.accounts.byEmail('neuve@ailleurs.example')
  expect(await access(made)).toMatchObject({ access: 'full' })
  expect(await core.store.people.affiliationsOf(made!.id)).toEqual([])
})

test('a role that is taken back closes the door; what the association gave is not the site’s to take', async () => {
  await invite()
  await accept()
  const role = { accountId: guest.id, role: 'redacteur', remove: true }
  await setSiteRole(core)({ ...at(), ...role })
  expect((await access()).reason.code).toBe('not_listed')
  const by = { clientId: client.clientId, subjectKind: 'account', subject: guest.id } as const
  await setClientRole(core)({ ...by, role: 'redacteur', actor: 'test' })
  await invite()
  await accept()
  await expect(setSiteRole(core)({ ...at(), ...role })).rejects.toEqual(code('not_found'))
  expect((await access()).access).toBe('full')
  await expect(setSiteRole(core)({ ...at(), ...role, remove: false, role: 'admin' })).rejects.toEqual(code('not_found'))
})

test('a suspension of the member closes its guests’ way in, and they are told everywhere', async () => {
  await invite()
  await accept()
  const provider = async () => (await core.store.outbox.pending({ service: 'provider', subject: guest.id })).length
  const before = await provider()
  await suspend(core)({ target: { memberId: member.id }, reason: 'abus', actor: 'test' })
  expect(await access()).toMatchObject({ access: 'none', reason: { code: 'suspended' } })
  expect(await provider()).toBeGreaterThan(before)
  await restore(core)({ target: { memberId: member.id }, actor: 'test' })
  expect((await access()).access).toBe('full')
  await core.store.standings.put(make.standing(member.id, { standing: 'lapsed' }))
  expect(await access()).toMatchObject({ access: 'none', reason: { code: 'lapsed' } })
})

describe('the link', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['withdrawn', async () => withdrawGuest(core)({ ...at(), id: (await listGuestInvitations(core)(at()))[0]!.id })],
    ['replaced', () => invite()],
    [
      'sent again',
      async () => resendGuest(core, on.letters)({ ...at(), id: (await listGuestInvitations(core)(at()))[0]!.id }),
    ],
    ['past its end', async () => on.on.clock.advance(7 * 86_400_000)],
    ['of who left', async () => core.store.people.disaffiliate(owner.id, member.id)],
    ['of who is suspended', () => suspend(core)({ target: { accountId: owner.id }, reason: 'x', actor: 'test' })],
    ['of a suspended member', () => suspend(core)({ target: { memberId: member.id }, reason: 'x', actor: 'test' })],
    [
      'of a client that is off',
      () => setClientDisabled(core)({ clientId: client.clientId, disabled: true, actor: 'test' }),
    ],
    ['of a site that is gone', () => core.store.resources.remove(site.id, 1)],
  ])('%s is good for nothing', async (_, spoil) => {
    await invite()
    const used = key()
    await spoil()
    await expect(readGuestInvitation(core)(used)).rejects.toEqual(code('link_expired'))
    await expect(accept(guest.id, used)).rejects.toEqual(code('link_expired'))
    const names = { givenName: 'A', familyName: 'B', locale: 'fr' as const }
    await expect(joinAsGuest(core)({ key: used, ...names })).rejects.toEqual(code('link_expired'))
    expect(await core.store.clients.rolesOn(client.clientId)).toEqual([])
  })

  test('in other hands lets nobody else in (class 24)', async () => {
    await invite()
    await expect(accept((await on.person()).id)).rejects.toEqual(code('forbidden'))
    expect(await core.store.clients.rolesOn(client.clientId)).toEqual([])
  })

  test('two at once: one role', async () => {
    await invite()
    const both = await Promise.allSettled([accept(), accept()])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })
})

describe('who invites, and how many', () => {
  test('those who look after the site, at its own client, and not while it is off', async () => {
    for (const role of ['admin', 'technical'] as const) await invite(email(), (await on.one(member, role)).id)
    const others = [await on.one(member, 'user'), await on.one(member, 'billing'), await on.staff(), guest]
    for (const { id } of others) await expect(invite(email(), id)).rejects.toEqual(code('not_found'))
    const foreign = make.client(on.organisation.id)
    await core.store.clients.add(foreign)
    const there = { ...at(), clientId: foreign.clientId, email: email(), role: 'x' }
    await expect(inviteGuest(core, on.letters)(there)).rejects.toEqual(code('not_found'))
    await setClientDisabled(core)({ clientId: client.clientId, disabled: true, actor: 'test' })
    await expect(invite()).rejects.toEqual(code('conflict'))
  })

  test('an address, a role', async () => {
    await expect(invite('no address')).rejects.toMatchObject({ code: 'email_refused', field: 'email' })
    await expect(invite(email(), owner.id, 'two words')).rejects.toMatchObject({ code: 'invalid_value', field: 'role' })
  })

  test('so many invitations and so many guests, and not one more by racing', async () => {
    await Promise.allSettled([email(), email(), email(), email()].map((to) => invite(to)))
    expect(await listGuestInvitations(core)(at())).toHaveLength(2)
    for (const { id } of await listGuestInvitations(core)(at())) await withdrawGuest(core)({ ...at(), id })
    const second = await on.person({ email: email() })
    const keys: string[] = []
    for (const who of [guest, second]) {
      await invite(who.email!)
      keys.push(key())
    }
    await acceptGuest(core)({ key: keys[0]!, accountId: guest.id })
    const third = await on.person({ email: email() })
    await invite(third.email!)
    keys.push(key())
    const last = await Promise.allSettled([
      acceptGuest(core)({ key: keys[1]!, accountId: second.id }),
      acceptGuest(core)({ key: keys[2]!, accountId: third.id }),
    ])
    expect(last.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await expect(invite(email())).rejects.toMatchObject({ code: 'limit_reached', params: { most: 2 } })
  })

  test('letters to one address about one site are few', async () => {
    for (let times = 0; times < 3; times++) await invite()
    await expect(invite()).rejects.toEqual(code('too_many_tries'))
  })
})
