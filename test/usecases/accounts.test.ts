import { beforeEach, describe, expect, test } from 'vitest'
import type { StaffRole } from '../../src/ports.ts'
import {
  addAccount,
  affiliate,
  type NewAccount,
  setAccountClosed,
  setGroups,
  setStaffRoles,
} from '../../src/usecases/accounts.ts'
import * as make from '../contract/store-records.ts'
import { type Stage, setUp, stage } from '../support/stage.ts'

let on: Stage
beforeEach(async () => {
  on = await stage(['files'])
  await setUp(on)
  return () => on.close()
})
const core = () => on.first.core
const store = () => on.first.store
const add = (more: Partial<NewAccount> & { staffRoles?: StaffRole[] } = {}) =>
  addAccount(core())({ givenName: 'Zoé', familyName: 'Van Damme', email: null, actor: 'test', ...more })
const queued = async (service = 'files') => (await store().outbox.pending({ service })).map(({ subject }) => subject)
const actions = async (subjectId: string) => (await store().audit.list({ subjectId })).map(({ action }) => action)

describe('adding an account', () => {
  test('under a name made of the person’s, or the one that is wanted', async () => {
    expect(await add()).toMatchObject({
      username: 'zoe.vandamme',
      name: 'Zoé Van Damme',
      state: 'invited',
      locale: 'fr',
      directoryKey: null,
    })
    expect((await add()).username).toBe('zoe.vandamme2')
    expect(await add({ username: ' ZOE ', email: 'Zoe@Example.org', locale: 'nl', groups: ['b', 'a'] })).toMatchObject({
      username: 'zoe',
      email: 'zoe@example.org',
      locale: 'nl',
    })
    await expect(add({ username: 'Zoe' })).rejects.toMatchObject({ code: 'username_taken', field: 'username' })
    await expect(add({ username: 'zoé' })).rejects.toMatchObject({ code: 'username_refused' })
    await expect(add({ email: 'zoe' })).rejects.toMatchObject({ code: 'email_refused' })
    await expect(add({ givenName: 'x'.repeat(101) })).rejects.toMatchObject({
      code: 'invalid_value',
      field: 'givenName',
    })
  })

  test('is written down, told to the services, and has the roles and groups it was given', async () => {
    const account = await add({ staffRoles: ['helper'], groups: ['équipe'] })
    expect(await store().accounts.get(account.id)).toEqual(account)
    expect(await store().people.staffRoles(account.id)).toEqual(['helper'])
    expect(await store().people.groups(account.id)).toEqual(['équipe'])
    expect(await actions(account.id)).toEqual(['account.added'])
    expect(await queued()).toEqual([account.id])
    await on.first.reconciler.drain()
    expect(on.services.files!.rows()[account.id]).toEqual({ username: account.username, open: true })
  })

  test('of many at once each has a name of its own', async () => {
    const accounts = await Promise.all(Array.from({ length: 12 }, () => add()))
    expect(new Set(accounts.map(({ username }) => username)).size).toBe(12)
  })
})

describe('the last administrator', () => {
  const roles = (accountId: string, to: StaffRole[]) => setStaffRoles(core())({ accountId, roles: to, actor: 'test' })
  const close = (accountId: string, actor = 'test') =>
    setAccountClosed(core())({ accountId, closed: true, reason: 'x', actor })
  const conflict = { code: 'conflict', detail: expect.stringContaining('last administrator') }

  test('cannot be unmade, nor closed, until there is another', async () => {
    const [one, two] = [await add({ staffRoles: ['admin'] }), await add()]
    await expect(roles(one.id, ['treasurer'])).rejects.toMatchObject(conflict)
    await expect(close(one.id)).rejects.toMatchObject(conflict)
    expect(await store().people.staffRoles(one.id)).toEqual(['admin'])
    expect(await store().accounts.get(one.id)).toMatchObject({ state: 'invited' })
    expect(await actions(one.id)).toEqual(['account.added'])
    await roles(two.id, ['admin', 'helper'])
    await roles(one.id, ['treasurer'])
    expect(await store().people.staffRoles(one.id)).toEqual(['treasurer'])
    await expect(roles(two.id, [])).rejects.toMatchObject(conflict)
    await roles(two.id, ['admin'])
  })

  test('one who is closed does not count', async () => {
    const [one, two] = [await add({ staffRoles: ['admin'] }), await add({ staffRoles: ['admin'] })]
    await close(two.id)
    await expect(roles(one.id, [])).rejects.toMatchObject(conflict)
    await expect(close(one.id)).rejects.toMatchObject(conflict)
    await roles(two.id, [])
  })

  test('two do not unmake each other', async () => {
    const [one, two] = [await add({ staffRoles: ['admin'] }), await add({ staffRoles: ['admin'] })]
    const results = await Promise.allSettled([roles(one.id, []), roles(two.id, []), close(one.id), close(two.id)])
    expect(results.some(({ status }) => status === 'rejected')).toBe(true)
    expect(await store().people.countStaff('admin')).toBe(1)
  })

  test('who left the directory is out all the same', async () => {
    const one = await add({ staffRoles: ['admin'] })
    await close(one.id, 'directory')
    expect(await store().accounts.get(one.id)).toMatchObject({ state: 'closed' })
  })
})

describe('closing and opening', () => {
  const closed = (accountId: string, is: boolean, actor = 'test') =>
    setAccountClosed(core())({ accountId, closed: is, reason: 'parti', actor })

  test('signs out, tells the services, and is undone', async () => {
    const account = await add()
    await on.first.reconciler.drain()
    on.services.files!.signIn(account.id)
    await closed(account.id, true)
    await on.first.reconciler.drain()
    expect(on.services.files!.rows()[account.id]!.open).toBe(false)
    expect(on.services.files!.sessions()).toEqual([])
    expect((await on.first.doors.facts(account.id))!.closed).toBe(true)
    expect(await on.first.database.knex('oidcSignedOut').where({ accountId: account.id })).toHaveLength(1)
    await closed(account.id, false)
    await on.first.reconciler.drain()
    expect(on.services.files!.rows()[account.id]!.open).toBe(true)
    expect(await store().accounts.get(account.id)).toMatchObject({ state: 'active' })
    expect(await actions(account.id)).toEqual(['account.added', 'account.closed', 'account.reopened'])
  })

  test('what is so already changes nothing; the directory’s is its cause', async () => {
    const account = await add()
    await on.first.reconciler.drain()
    await closed(account.id, false)
    expect(await actions(account.id)).toEqual(['account.added'])
    await closed(account.id, true, 'directory')
    await closed(account.id, true)
    expect((await store().outbox.pending({ service: 'files' })).map(({ cause }) => cause)).toEqual(['sync'])
    await expect(closed(make.id(), true)).rejects.toMatchObject({ code: 'not_found' })
  })
})

test('affiliations: one role at each member, and the services are told', async () => {
  const { member } = await make.people(store())
  const account = await add()
  await on.first.reconciler.drain()
  const set = (memberId: string, role: 'user' | 'admin', accountId = account.id) =>
    affiliate(core())({ accountId, memberId, role, actor: 'test' })
  await set(member.id, 'user')
  await set(member.id, 'admin')
  expect((await store().people.affiliationsOf(account.id)).map(({ role }) => role)).toEqual(['admin'])
  expect(await queued()).toEqual([account.id, account.id])
  expect(await actions(account.id)).toEqual(['account.added', 'affiliation.set', 'affiliation.set'])
  await expect(set(make.id(), 'user')).rejects.toMatchObject({ code: 'not_found' })
  await expect(set(member.id, 'user', make.id())).rejects.toMatchObject({ code: 'not_found' })
})

test('groups: replaced as a whole, written down with what was before', async () => {
  const account = await add({ groups: ['a', 'b'] })
  await setGroups(core())({ accountId: account.id, groups: ['b', 'c'], actor: 'test' })
  expect(await store().people.groups(account.id)).toEqual(['b', 'c'])
  expect((await store().audit.list({ action: 'account.groups_set' }))[0]!.payload).toEqual({
    before: ['a', 'b'],
    after: ['b', 'c'],
  })
  await expect(setGroups(core())({ accountId: make.id(), groups: [], actor: 'test' })).rejects.toMatchObject({
    code: 'not_found',
  })
  await expect(setStaffRoles(core())({ accountId: make.id(), roles: ['helper'], actor: 'test' })).rejects.toMatchObject(
    { code: 'not_found' },
  )
})
