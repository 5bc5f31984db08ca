// Accounts in step with a real slapd: arrivals, changes, departures and returns, and what is held back.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrate, openDatabase } from '../../adapters/sql/database.ts'
import { openStore } from '../../adapters/sql/index.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import type { Account, Directory, Store } from '../../src/ports.ts'
import { DIRECTORY_HELD, type SyncReport, syncDirectory } from '../../src/usecases/sync-directory.ts'
import { accountOf, configFor, type Overrides, openDirectory, soon } from '../support/ldap.ts'
import { groups, people, type Slapd, startSlapd, suffix } from '../support/slapd.ts'

const FOR_EVER = '000001010000Z'
let slapd: Slapd
const closers: (() => Promise<void>)[] = []
beforeAll(async () => {
  slapd = await startSlapd({ ldif: `dn: ou=attic,${suffix}\nobjectClass: organizationalUnit\n` })
})
afterAll(async () => {
  for (const close of closers.reverse()) await close()
  await slapd?.remove()
})

/** A base of its own with these people, an empty store, and a pass over both. */
async function house(...uids: string[]) {
  const base = `ou=house${closers.length},${people}`
  const dn = (uid: string) => `uid=${uid},${base}`
  await slapd.admin((client) => client.add(base, { objectClass: 'organizationalUnit' }))
  const add = (uid: string, more: Record<string, string> = {}) =>
    slapd.admin((client) => client.add(dn(uid), { objectClass: 'inetOrgPerson', uid, cn: uid, sn: uid, ...more }))
  for (const uid of uids) await add(uid)
  const db = openDatabase('sqlite::memory:')
  await migrate(db)
  const store = openStore(db)
  closers.push(() => store.close())
  const directoryFor = async (more: Overrides['people'] = {}): Promise<Directory> => {
    const { directory } = await openDirectory(slapd, { people: { ...configFor(slapd).people, base, ...more } })
    closers.push(() => directory.close())
    return directory
  }
  const directory = await directoryFor()
  const setState = (state: Account['state']) => (account: Account) => store.accounts.update({ ...account, state })
  const pass = (
    options: { full?: boolean; confirm?: boolean; signal?: AbortSignal } = {},
    from: Directory = directory,
  ): Promise<SyncReport> =>
    syncDirectory({
      store,
      directory: from,
      clock: { now: () => Date.now() },
      random: systemRandom,
      services: [{ name: 'wiki', manages: 'account' }],
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      wake: () => {},
      closeAccount: setState('closed'),
      reopenAccount: setState('active'),
    })({ signal: soon(), ...options })
  const account = (uid: string) => store.accounts.byUsername(uid)
  return {
    base,
    dn,
    add,
    store,
    directoryFor,
    pass,
    account,
    stateOf: async (uid: string) => (await account(uid))?.state,
    setState,
  }
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`)
const remove = (...dns: string[]) =>
  slapd.admin(async (client) => {
    for (const dn of dns) await client.del(dn)
  })
const lock = (dn: string) => slapd.change(dn, 'add', 'pwdAccountLockedTime', FOR_EVER)
const unlock = (dn: string) => slapd.change(dn, 'delete', 'pwdAccountLockedTime')
const nothing = { created: [], linked: [], refreshed: [], gone: [], back: [], problems: [], held: false }

describe('arrivals and changes', () => {
  test('everyone at first, then only what changed, then nothing', async () => {
    const { pass, add, dn, account, store } = await house('ann1', 'bob1')
    await add('zoe1', { givenName: 'Zoé', mail: 'zoe1@asso.example', preferredLanguage: 'de' })
    expect(await pass()).toMatchObject({ ...nothing, read: 'everyone', created: ['ann1', 'bob1', 'zoe1'] })
    expect(await account('zoe1')).toMatchObject({
      name: 'zoe1',
      givenName: 'Zoé',
      email: 'zoe1@asso.example',
      locale: 'de',
      state: 'active',
      directoryKey: (await slapd.read(dn('zoe1'))).entryUUID,
    })
    // With lastbind the reading of everyone may itself have been a change, of nobody here.
    expect(await pass()).toMatchObject(nothing)
    expect(await pass()).toMatchObject({ ...nothing, read: 'nothing' })
    await slapd.change(dn('bob1'), 'replace', 'cn', 'Bob the Second')
    await add('new1')
    expect(await pass()).toMatchObject({ ...nothing, read: 'changes', refreshed: ['bob1'], created: ['new1'] })
    expect((await account('bob1'))?.name).toBe('Bob the Second')
    expect(await pass()).toMatchObject({ ...nothing, read: 'nothing' })
    const { length } = await store.audit.list({ action: 'account.arrived' })
    expect(length).toBe(4)
  })

  test('groups come and go, and the services hear of it', async () => {
    const { pass, dn, account, store } = await house('ann2', 'bob2')
    await pass()
    const groupsOf = async (uid: string) => store.people.groups((await account(uid))!.id)
    const told = async () => {
      const rows = await store.outbox.pending({ service: 'wiki' })
      await store.outbox.acknowledge(rows.map(({ id }) => id))
      return [...new Set(rows.map(({ subject, cause }) => `${subject} ${cause}`))]
    }
    const id = (await account('ann2'))!.id
    await told()
    const cn = `cn=editors2,${groups}`
    await slapd.admin((client) =>
      client.add(cn, { objectClass: 'groupOfNames', cn: 'editors2', member: [dn('ann2'), dn('bob2')] }),
    )
    expect(await pass()).toMatchObject({ read: 'changes', refreshed: ['ann2', 'bob2'] })
    expect(await groupsOf('ann2')).toEqual(['editors2'])
    await told()
    await slapd.change(cn, 'delete', 'member', dn('ann2'))
    expect(await pass()).toMatchObject({ read: 'changes', refreshed: ['ann2'] })
    expect(await groupsOf('ann2')).toEqual([])
    expect(await told()).toEqual([`${id} sync`])
    await remove(cn)
    await pass()
    expect(await groupsOf('bob2'), 'a deleted group shows in a full pass only').toEqual(['editors2'])
    expect(await pass({ full: true })).toMatchObject({ read: 'everyone', refreshed: ['bob2'] })
    expect(await groupsOf('bob2')).toEqual([])
  })

  test('an account is found by its username, once, and never by its e-mail (attack 24)', async () => {
    const { pass, add, dn, account, store } = await house('ann3')
    const mine = accountOf('ann3', null, { email: 'ann3@asso.example' })
    const victim = accountOf('victim', null, { email: 'shared3@asso.example', emailVerifiedAt: 1 })
    for (const each of [mine, victim]) await store.accounts.add(each)
    await add('mallory3', { mail: 'shared3@asso.example' })
    expect(await pass()).toMatchObject({
      linked: ['ann3'],
      created: ['mallory3'],
      problems: [{ username: 'mallory3', reason: 'same_email', accounts: ['victim'] }],
    })
    expect(await account('ann3')).toMatchObject({ id: mine.id, directoryKey: (await slapd.read(dn('ann3'))).entryUUID })
    expect(await account('victim')).toMatchObject({ id: victim.id, directoryKey: null })
  })

  test('a name that was given to somebody else does not open the account of the one before', async () => {
    const { pass, add, dn, stateOf, account } = await house('ann4')
    await pass()
    const before = await account('ann4')
    await remove(dn('ann4'))
    await add('ann4')
    const report = await pass({ full: true })
    expect(report.gone).toEqual([{ username: 'ann4', reason: 'missing' }])
    expect(report.problems).toEqual([{ username: 'ann4', reason: 'username_taken', accounts: report.created }])
    expect(await stateOf('ann4')).toBe('closed')
    expect((await account('ann4'))?.directoryKey).toBe(before?.directoryKey)
  })

  test('one name that cannot be a username keeps nobody else out', async () => {
    const { pass, add } = await house()
    for (const uid of ['not a username', 'zz5', 'aa5']) await add(uid)
    expect(await pass()).toMatchObject({
      created: ['zz5', 'aa5'],
      problems: [{ username: 'not a username', reason: 'username_refused' }],
    })
  })
})

describe('departures and returns', () => {
  test('a disabled person is closed at the next pass, and opened again when enabled', async () => {
    const { pass, dn, stateOf } = await house('ann6', 'bob6')
    await pass()
    await lock(dn('ann6'))
    expect(await pass()).toMatchObject({
      read: 'changes',
      gone: [{ username: 'ann6', reason: 'disabled' }],
      refreshed: [],
    })
    expect([await stateOf('ann6'), await stateOf('bob6')]).toEqual(['closed', 'active'])
    await unlock(dn('ann6'))
    expect(await pass()).toMatchObject({ back: ['ann6'], gone: [] })
    expect(await stateOf('ann6')).toBe('active')
  })

  test('whoever is disabled from the beginning gets no account', async () => {
    const { pass, dn, account } = await house('ann7')
    await lock(dn('ann7'))
    expect(await pass()).toMatchObject({ ...nothing, read: 'everyone' })
    expect(await account('ann7')).toBeUndefined()
  })

  test('a missing one is found by a full pass, is not deleted, and is opened again on return', async () => {
    const { pass, base, dn, stateOf, account } = await house('ann8', 'bob8')
    await pass()
    const { id } = (await account('ann8'))!
    await slapd.admin((client) => client.modifyDN(dn('ann8'), `uid=ann8,ou=attic,${suffix}`))
    expect((await pass()).gone, 'changes do not tell of what left').toEqual([])
    expect((await pass({ full: true })).gone).toEqual([{ username: 'ann8', reason: 'missing' }])
    expect(await account('ann8')).toMatchObject({ id, state: 'closed' })
    expect((await pass({ full: true })).gone, 'once').toEqual([])
    await slapd.admin((client) => client.modifyDN(`uid=ann8,ou=attic,${suffix}`, `uid=ann8,${base}`))
    expect((await pass()).back).toEqual(['ann8'])
    expect(await stateOf('ann8')).toBe('active')
  })

  test('an account that a person closed is not opened, nor refreshed', async () => {
    const { pass, dn, account, setState } = await house('ann9')
    await pass()
    await setState('closed')((await account('ann9'))!)
    await slapd.change(dn('ann9'), 'replace', 'cn', 'New Name')
    expect(await pass()).toMatchObject({ back: [], refreshed: [] })
    expect(await pass({ full: true })).toMatchObject({ back: [], refreshed: [] })
    expect(await account('ann9')).toMatchObject({ state: 'closed', name: 'ann9' })
  })

  test('nor is one that came back, and was then closed by a person', async () => {
    const { pass, dn, account, stateOf, setState } = await house('ann10', 'bob10')
    await pass()
    await lock(dn('ann10'))
    await pass()
    await setState('active')((await account('ann10'))!)
    await unlock(dn('ann10'))
    await pass({ full: true })
    await setState('closed')((await account('ann10'))!)
    expect((await pass({ full: true })).back).toEqual([])
    expect(await stateOf('ann10')).toBe('closed')
  })
})

describe('the guard', () => {
  const open = async (store: Store) => (await store.accounts.list({ state: 'active', limit: 1000 })).length

  test('six of twelve: nothing at all is changed until a person confirms', async () => {
    const { pass, add, dn, store } = await house(...names('k', 12))
    await pass()
    await remove(...names('k', 6).map(dn))
    await add('late11')
    const gone = names('k', 6).map((username) => ({ username, reason: 'missing' }))
    for (const _ of [1, 2])
      expect(await pass({ full: true })).toMatchObject({
        ...nothing,
        read: 'everyone',
        held: true,
        gone: expect.arrayContaining(gone),
      })
    expect(await open(store)).toBe(12)
    expect(await store.settings.get(DIRECTORY_HELD), 'for schedar doctor').toBe('6')
    expect(await pass({ confirm: true })).toMatchObject({
      held: false,
      gone: expect.arrayContaining(gone),
      created: ['late11'],
    })
    expect(await open(store)).toBe(7)
    expect(await store.settings.get(DIRECTORY_HELD)).toBeUndefined()
  })

  test('five may go, and a tenth of many', async () => {
    const few = await house(...names('f', 12))
    await few.pass()
    await remove(...names('f', 5).map(few.dn))
    expect(await few.pass({ full: true })).toMatchObject({ held: false })
    const many = await house(...names('m', 80))
    await many.pass()
    await remove(...names('m', 8).map(many.dn))
    expect((await many.pass({ full: true })).gone).toHaveLength(8)
    await remove(...names('m', 16).slice(8).map(many.dn))
    expect(await many.pass({ full: true }), 'eight of 72 are more').toMatchObject({ held: true })
  })

  test('disabled ones count like missing ones', async () => {
    const { pass, dn } = await house(...names('d', 9))
    await pass()
    for (const uid of names('d', 6)) await lock(dn(uid))
    expect(await pass()).toMatchObject({ read: 'changes', held: true })
  })

  test('an empty directory is never believed, however few there are', async () => {
    const { pass, directoryFor, store } = await house('ann14', 'bob14')
    await pass()
    expect(await pass({ full: true }, await directoryFor({ filter: '(uid=nobody)' }))).toMatchObject({ held: true })
    expect(await open(store)).toBe(2)
  })

  test('a directory that cannot be read to the end closes nobody', async () => {
    const { pass, store, dn } = await house(...names('c', 3))
    await pass()
    await remove(dn('c0'))
    const broken = await openDirectory(slapd, { people: { ...configFor(slapd).people, base: `ou=none,${suffix}` } })
    closers.push(() => broken.directory.close())
    await expect(pass({ full: true }, broken.directory)).rejects.toMatchObject({ code: 'directory_unavailable' })
    await expect(pass({ full: true, signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow()
    expect(await open(store)).toBe(3)
  })
})

test('a directory of our own has nothing to read', async () => {
  const { pass, directoryFor } = await house('ann16')
  const { entries: _, mark: __, changedSince: ___, ...own } = await directoryFor()
  expect(await pass({ full: true }, { ...own, kind: 'own' })).toEqual({ ...nothing, read: 'nothing' })
})
