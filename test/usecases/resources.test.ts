import { beforeEach, describe, expect, test } from 'vitest'
import type { Account, Member } from '../../src/ports.ts'
import { explain } from '../../src/usecases/explain.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { type Stage, stage } from '../support/stage.ts'

let on: Stage
let member: Member
let account: Account
let organisationId: string
beforeEach(async () => {
  on = await stage(['files'])
  const made = await make.people(on.first.store)
  member = made.member
  account = made.account
  organisationId = made.org.id
  await on.first.store.standings.put(make.standing(member.id, { nextChangeOn: null }))
  return () => on.close()
})
const core = () => on.first.core
const store = () => on.first.store
const add = (kind: 'site' | 'mailbox', name: string, memberId = member.id) =>
  addResource(core())({ memberId, kind, name, actor: 'test' })

describe('what a member holds', () => {
  test.each<['site' | 'mailbox', string, string]>([
    ['site', 'lefil.example.org', 'lefil.example.org'],
    ['site', ' LeFil.Example.ORG ', 'lefil.example.org'],
    ['site', 'localhost', 'localhost'],
    ['site', `${'a'.repeat(63)}.org`, `${'a'.repeat(63)}.org`],
    ['site', 'xn--caf-dma.example', 'xn--caf-dma.example'],
    ['mailbox', 'Info@LeFil.example', 'info@lefil.example'],
  ])('%s «%s»', async (kind, typed, name) => {
    const made = await add(kind, typed)
    expect(made).toMatchObject({ kind, name, memberId: member.id, organisationId, removedAt: null })
    expect(await store().resources.byName(kind, name)).toEqual(made)
    expect((await store().audit.list({ subjectId: made.id })).map(({ action }) => action)).toEqual([`${kind}.added`])
    await expect(add(kind, typed)).rejects.toMatchObject({ code: 'conflict' })
  })

  test.each<['site' | 'mailbox', string]>([
    ['site', ''],
    ['site', 'le fil.example'],
    ['site', 'https://lefil.example'],
    ['site', 'lefil.example/x'],
    ['site', '-lefil.example'],
    ['site', 'lefil-.example'],
    ['site', 'lefil..example'],
    ['site', '.example'],
    ['site', '../../etc'],
    ['site', 'café.example'],
    ['site', 'le_fil.example'],
    ['site', `${'a'.repeat(64)}.org`],
    ['site', `${'a.'.repeat(127)}ab`],
    ['site', 'a\nb'],
    ['mailbox', 'info'],
    ['mailbox', 'info@lefil'],
    ['mailbox', 'a b@lefil.example'],
  ])('no %s «%s»', async (kind, typed) => {
    await expect(add(kind, typed)).rejects.toMatchObject({ code: kind === 'site' ? 'invalid_value' : 'email_refused' })
  })

  test('belongs to a member that exists', async () => {
    await expect(add('site', 'lefil.example', make.id())).rejects.toMatchObject({ code: 'not_found' })
  })

  test('of two that want one name at once, one has it', async () => {
    const results = await Promise.allSettled([1, 2, 3].map(() => add('site', 'lefil.example')))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' })
  })
})

describe('logins', () => {
  const login = (mailboxId: string, accountId: string, name?: string) =>
    addLogin(core())({ mailboxId, accountId, actor: 'test', ...(name && { name }) })

  test('one of the mailbox’s own name, others under names of their own', async () => {
    const [box, site] = [await add('mailbox', 'info@lefil.example'), await add('site', 'lefil.example')]
    const guest = await on.person()
    expect(await login(box.id, account.id)).toBe('info@lefil.example')
    await expect(login(box.id, guest.id)).rejects.toMatchObject({ code: 'conflict' })
    expect(await login(box.id, guest.id, ' Guest@LeFil.example ')).toBe('guest@lefil.example')
    await expect(login(box.id, guest.id, 'guest')).rejects.toMatchObject({ code: 'email_refused' })
    await expect(login(site.id, guest.id)).rejects.toMatchObject({ code: 'not_found' })
    await expect(login(make.id(), guest.id)).rejects.toMatchObject({ code: 'not_found' })
    await expect(login(box.id, make.id(), 'x@lefil.example')).rejects.toMatchObject({ code: 'not_found' })
    expect((await store().resources.loginsOf(guest.id)).map(({ name }) => name)).toEqual(['guest@lefil.example'])
    expect((await store().audit.list({ action: 'login.added' })).map(({ subjectId }) => subjectId)).toEqual([
      account.id,
      guest.id,
    ])
  })

  test('whoever has one gets in while its member is in order, affiliated or not; a suspended person does not', async () => {
    const box = await add('mailbox', 'info@lefil.example')
    const guest = await on.person()
    await login(box.id, account.id)
    await login(box.id, guest.id, 'guest@lefil.example')
    const access = async () =>
      Promise.all(
        ['info@lefil.example', 'guest@lefil.example'].map(
          async (name) => (await on.first.doors.subject('login', name))!.access,
        ),
      )
    expect(await access()).toEqual(['full', 'full'])
    await suspend(core())({ target: { accountId: guest.id }, reason: 'Essai', actor: 'test' })
    expect(await access()).toEqual(['full', 'none'])
    await store().standings.put(make.standing(member.id, { standing: 'lapsed' }))
    expect(await access()).toEqual(['restricted', 'none'])
    await suspend(core())({ target: { memberId: member.id }, reason: 'Essai', actor: 'test' })
    expect(await access()).toEqual(['none', 'none'])
    await store().overrides.lift((await store().overrides.open({ memberId: member.id }))[0]!.id, make.NOW, 'test')
    await store().standings.put(make.standing(member.id, { standing: 'current' }))
    expect(await access()).toEqual(['full', 'none'])
    await store().resources.remove(box.id, make.NOW)
    expect(await access(), 'the file that refuses a login of a removed mailbox stays').toEqual(['none', 'none'])
    expect(await on.first.doors.mailAccess(account.id, box.id)).toMatchObject({
      access: 'none',
      reason: { code: 'not_member' },
    })
  })
})

test('explained: every client that a person may go to, every login, and why', async () => {
  const [box, site] = [await add('mailbox', 'info@lefil.example'), await add('site', 'lefil.example')]
  await addLogin(core())({ mailboxId: box.id, accountId: account.id, actor: 'test' })
  const metadata = { redirect_uris: ['https://x.example/cb'], client_uri: 'https://x.example' }
  const open = make.client(organisationId, { name: 'A', service: 'web', metadata })
  const listed = make.client(organisationId, {
    name: 'B',
    service: 'site',
    audience: 'listed',
    resourceId: site.id,
    metadata,
    rolesOfAffiliation: {},
  })
  const machine = make.client(organisationId, { name: 'C', metadata: {} })
  const off = make.client(organisationId, { name: 'D', metadata, disabledAt: 5 })
  for (const client of [open, listed, machine, off]) await store().clients.add(client)
  const explained = (await explain(core())(account))!
  expect(explained.memberships).toMatchObject([
    { memberId: member.id, standing: 'current', graceUntilOn: null, nextChangeOn: null },
  ])
  expect(explained.clients.map(({ name, access, reason, url }) => [name, access, reason.code, url])).toEqual([
    ['A', 'full', 'in_order', 'https://x.example'],
    ['B', 'none', 'not_listed', 'https://x.example'],
  ])
  expect(explained.logins).toMatchObject([{ login: 'info@lefil.example', access: 'full' }])
  await suspend(core())({ target: { accountId: account.id }, reason: 'Essai', actor: 'test' })
  const after = (await explain(core())(account))!
  expect(
    [...after.clients, ...after.logins].every(({ access, reason }) => access === 'none' && reason.text === 'Essai'),
  ).toBe(true)
  expect(await explain(core())({ id: make.id() })).toBeUndefined()
})

describe('the doors', () => {
  test('an account, a client, a resource or a subject that is unknown is refused', async () => {
    const { doors } = on.first
    const client = make.client(organisationId)
    await store().clients.add(client)
    const nobody = { access: 'none', reason: { code: 'not_member' } }
    expect(await doors.access(make.id(), client.clientId)).toMatchObject(nobody)
    expect(await doors.access(account.id, 'none')).toMatchObject({ ...nobody, roles: [] })
    expect(await doors.resourceAccess(make.id(), 'site')).toMatchObject(nobody)
    expect(await doors.facts(make.id())).toBeUndefined()
    expect(await doors.subject('account', make.id())).toBeUndefined()
    expect(await doors.subject('site', 'none')).toBeUndefined()
  })

  test('a site is due what its member is, whoever uses it', async () => {
    const site = await add('site', 'lefil.example')
    const { doors } = on.first
    expect(await doors.subject('site', 'lefil.example')).toEqual({
      kind: 'site',
      name: 'lefil.example',
      memberNumber: member.memberNumber,
      access: 'full',
    })
    expect((await doors.resourceAccess(site.id, 'site')).access).toBe('full')
    // A lapse closes the sign-in to it, and leaves it up for its readers.
    await store().standings.put(make.standing(member.id, { standing: 'lapsed' }))
    expect((await doors.subject('site', 'lefil.example'))!.access, 'its readers keep it').toBe('full')
    expect((await doors.resourceAccess(site.id, 'site')).access).toBe('none')
    await suspend(core())({ target: { memberId: member.id }, reason: 'Essai', actor: 'test' })
    expect((await doors.subject('site', 'lefil.example'))!.access).toBe('none')
  })
})
