// App passwords: who may have how many, what is written down and told, and what opens what.
import { beforeEach, describe, expect, test } from 'vitest'
import { appPasswordScopes, inGroups } from '../../src/domain/app-passwords.ts'
import { setAccountClosed } from '../../src/usecases/accounts.ts'
import {
  listAppPasswords,
  MOST_APP_PASSWORDS,
  makeAppPassword,
  revokeAllAppPasswords,
  revokeAppPassword,
  verifyAppPassword,
} from '../../src/usecases/app-passwords.ts'
import * as make from '../contract/store-records.ts'
import { type Stage, setUp, stage } from '../support/stage.ts'

let on: Stage
let one: string
let n = 0
beforeEach(async () => {
  on = await stage(['files'])
  await setUp(on)
  one = (await on.person()).id
  return () => on.close()
})
const core = () => on.first.core
const store = () => on.first.store
const fresh = (more: Partial<Parameters<ReturnType<typeof makeAppPassword>>[0]> = {}) =>
  makeAppPassword(core())({ accountId: one, name: `Programme ${++n}`, scopes: ['imap'], actor: one, ...more })
const names = async (accountId = one) => (await listAppPasswords(core())(accountId)).map(({ name }) => name)
const queued = async () => (await store().outbox.pending({ service: 'files' })).map(({ subject }) => subject)
const told = async (subjectId = one) =>
  (await store().audit.list({ subjectId })).map(({ action, payload }) => ({ action, payload }))
const verify = (who: string, secret: string, scope: (typeof appPasswordScopes)[number] = 'imap') =>
  verifyAppPassword(core())(who, secret, scope)

describe('making one', () => {
  test('is written down without the secret, and told to the services', async () => {
    const { appPassword, secret } = await fresh({ name: '  Thunderbird ', scopes: ['smtp', 'imap', 'smtp'] })
    const { id } = appPassword
    expect(appPassword).toEqual({
      id,
      name: 'Thunderbird',
      scopes: ['imap', 'smtp'],
      createdAt: on.clock.now(),
      createdBy: one,
      lastUsedAt: null,
    })
    expect(await listAppPasswords(core())(one)).toEqual([appPassword])
    expect(await told()).toEqual([
      { action: 'app_password.made', payload: { id, name: 'Thunderbird', scopes: ['imap', 'smtp'] } },
    ])
    expect(await queued()).toEqual([one])
    const { knex } = on.first.database
    const kept = JSON.stringify([await knex('appPassword'), await knex('audit'), await knex('outbox'), on.first.logged])
    for (const text of [secret, inGroups(secret)]) expect(kept).not.toContain(text)
  })

  test.each([
    ['no name', { name: ' \t' }, 'required', 'name'],
    ['a long name', { name: 'x'.repeat(101) }, 'invalid_value', 'name'],
    ['a name that would move a terminal’s cursor', { name: 'x\u001b[2Ky' }, 'invalid_value', 'name'],
    ['a name of two lines', { name: 'x\u2028y' }, 'invalid_value', 'name'],
    ['no scope', { scopes: [] }, 'required', 'scopes'],
    ['a scope that is none', { scopes: ['imap', 'sieve'] }, 'invalid_value', 'scopes'],
    ['an account that is not there', { accountId: make.id() }, 'not_found', undefined],
  ])('%s is refused, and nothing is left of it', async (_, wrong, code, field) => {
    await expect(fresh(wrong)).rejects.toMatchObject({ code, field })
    expect([await names(), await queued(), await told()]).toEqual([[], [], []])
  })

  test('a hundred characters, accents and signs are a name', async () => {
    const name = `Téléphone d’Ada 📱 ${'é'.repeat(81)}`
    expect(name).toHaveLength(100)
    expect((await fresh({ name })).appPassword.name).toBe(name)
  })

  test('an account that is closed makes none', async () => {
    await setAccountClosed(core())({ accountId: one, closed: true, reason: 'x', actor: 'test' })
    await expect(fresh()).rejects.toMatchObject({ code: 'forbidden' })
    expect(await names()).toEqual([])
  })

  test('of one name there is one at a time: a page sent twice makes one', async () => {
    const made = await Promise.allSettled(Array.from({ length: 5 }, () => fresh({ name: 'Thunderbird' })))
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of made)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict', field: 'name' })
    expect(await names()).toEqual(['Thunderbird'])
    await revokeAllAppPasswords(core())({ accountId: one, actor: one })
    await fresh({ name: 'Thunderbird' })
    await fresh({ name: 'Thunderbird', accountId: (await on.person()).id })
  })

  test('of many at once no more than the most there can be', async () => {
    const made = await Promise.allSettled(Array.from({ length: MOST_APP_PASSWORDS + 5 }, () => fresh()))
    const refused = made.filter((result) => result.status === 'rejected')
    expect(refused).toHaveLength(5)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'conflict' })
    const [first] = await listAppPasswords(core())(one)
    expect(await names()).toHaveLength(MOST_APP_PASSWORDS)
    await revokeAppPassword(core())({ accountId: one, id: first!.id, actor: one })
    await fresh()
    await expect(fresh()).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('revoking', () => {
  test('one is dead at once, written down, told to the services; the others stay', async () => {
    const [gone, stays] = [await fresh(), await fresh()]
    await on.first.reconciler.drain()
    const { id, name } = gone.appPassword
    const done = await revokeAppPassword(core())({ accountId: one, id, actor: 'cli:x' })
    expect(done).toEqual({ revoked: 1, touched: expect.arrayContaining([{ service: 'files', subject: one }]) })
    expect(await verify(one, gone.secret)).toBeUndefined()
    expect(await verify(one, stays.secret)).toBeDefined()
    expect(await queued()).toEqual([one])
    expect((await told()).at(-1)).toEqual({ action: 'app_password.revoked', payload: { id, name } })
    expect(await revokeAppPassword(core())({ accountId: one, id, actor: one })).toEqual({ revoked: 0, touched: [] })
    expect((await store().audit.list({ action: 'app_password.revoked' })).map(({ actor }) => actor)).toEqual(['cli:x'])
  })

  test('somebody else’s is not there to be revoked', async () => {
    const mine = await fresh()
    const two = (await on.person()).id
    const attempt = { accountId: two, id: mine.appPassword.id, actor: two }
    expect(await revokeAppPassword(core())(attempt)).toEqual({ revoked: 0, touched: [] })
    expect(await revokeAllAppPasswords(core())(attempt)).toEqual({ revoked: 0, touched: [] })
    expect(await verify(one, mine.secret)).toBeDefined()
    expect(await told(two)).toEqual([])
  })

  test('all of an account', async () => {
    const made = [await fresh(), await fresh(), await fresh()]
    const theirs = await fresh({ accountId: (await on.person()).id })
    expect((await revokeAllAppPasswords(core())({ accountId: one, actor: 'test' })).revoked).toBe(3)
    for (const { secret } of made) expect(await verify(one, secret)).toBeUndefined()
    expect(await store().appPasswords.live('', 10)).toMatchObject([{ id: theirs.appPassword.id }])
    expect((await told()).filter(({ action }) => action === 'app_password.revoked')).toHaveLength(3)
  })
})

describe('verifying', () => {
  test('opens its scopes, for its account and its logins, however it is typed', async () => {
    const { appPassword, secret } = await fresh({ scopes: ['imap', 'dav'] })
    const right = { accountId: one, id: appPassword.id }
    for (const scope of appPasswordScopes)
      expect([scope, await verify(one, secret, scope)]).toEqual([
        scope,
        ['imap', 'dav'].includes(scope) ? right : undefined,
      ])
    const { member } = await make.people(store())
    const mailbox = make.resource(member, { kind: 'mailbox', name: `${make.word()}@example.org` })
    await store().resources.add(mailbox)
    const login = `${make.word()}@example.org`
    await store().resources.addLogin({
      id: make.id(),
      mailboxId: mailbox.id,
      accountId: one,
      name: login,
      createdAt: 1,
    })
    for (const typed of [secret, inGroups(secret), secret.toUpperCase(), ` ${inGroups(secret).replaceAll(' ', '-')}\n`])
      for (const who of [one, login, login.toUpperCase()]) expect(await verify(who, typed)).toEqual(right)
    // The mailbox is shared with others: its name is not this person's login.
    expect(await verify(mailbox.name, secret)).toBeUndefined()
  })

  test('anything else opens nothing, and is noted nowhere', async () => {
    const { secret } = await fresh()
    const two = (await on.person()).id
    const theirs = await fresh({ accountId: two })
    const { username } = (await store().accounts.get(one))!
    const wrong: [string, string][] = [
      [one, ''],
      [one, ' '],
      [one, `${secret}x`],
      [one, secret.slice(0, -1)],
      [one, secret.repeat(100_000)],
      [one, theirs.secret],
      [one, (await store().appPasswords.ofAccount(one))[0]!.digest],
      [two, secret],
      [make.id(), secret],
      [username, secret],
      ['', secret],
      [`${one}%`, secret],
      ['x'.repeat(1_000_000), secret],
    ]
    for (const [who, typed] of wrong) expect(await verify(who, typed)).toBeUndefined()
    expect((await listAppPasswords(core())(one))[0]!.lastUsedAt).toBeNull()
    expect(on.first.logged).toEqual([])
  })

  test('the look-ups are the same, whatever is wrong', async () => {
    const { secret } = await fresh()
    const asked: string[] = []
    const spied = <T extends object>(name: string, real: T): T =>
      new Proxy(real, {
        get: (target, method: string) => {
          asked.push(`${name}.${method}`)
          return target[method as keyof T]
        },
      })
    const subjects = spied('subjects', store().subjects)
    const appPasswords = spied('appPasswords', store().appPasswords)
    const watched = { ...core(), store: { ...store(), subjects, appPasswords } }
    for (const [who, typed, scope] of [
      [one, 'wrong', 'imap'],
      [one, '', 'imap'],
      [one, 'x'.repeat(2000), 'imap'],
      [one, secret, 'smtp'],
      ['nobody', secret, 'imap'],
      ['x'.repeat(400), 'wrong', 'imap'],
    ] as const) {
      asked.length = 0
      expect(await verifyAppPassword(watched)(who, typed, scope)).toBeUndefined()
      expect(asked).toEqual(['subjects.get', 'subjects.get', 'appPasswords.byDigest'])
    }
  })

  test('its last use is right to a minute, and most sign-ins write nothing', async () => {
    const { secret } = await fresh()
    const lastUse = async () => (await listAppPasswords(core())(one))[0]!.lastUsedAt
    const began = on.clock.now()
    await verify(one, secret)
    on.clock.advance(59_000)
    await verify(one, secret)
    expect(await lastUse()).toBe(began)
    on.clock.advance(1_000)
    await verify(one, secret)
    expect(await lastUse()).toBe(began + 60_000)
  })

  test('a database that takes no more writes does not keep people from their mail', async () => {
    const { secret, appPassword } = await fresh()
    const appPasswords = { ...store().appPasswords, used: () => Promise.reject(new Error('full')) }
    const full = { ...core(), store: { ...store(), appPasswords } }
    expect(await verifyAppPassword(full)(one, secret, 'imap')).toMatchObject({ id: appPassword.id })
    expect(on.first.logged).toMatchObject([{ event: 'app_password.use_not_noted' }])
  })
})
