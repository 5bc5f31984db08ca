// Mailboxes and aliases: one space of names, no way for mail to go round, who may send as whom, and who is told of a change.
import { beforeEach, describe, expect, test } from 'vitest'
import type { CivilDate } from '../../src/domain/time.ts'
import { removeLogin, removeResource, setAliasTargets, setMailbox } from '../../src/usecases/mailboxes.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { makeSiteLogin, removeSiteLogin } from '../../src/usecases/site-login.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { ADA, type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'

const INFO = 'info@asso.example'
const actor = 'test'

let at: MailPeople
beforeEach(async () => {
  at = await mailPeople()
  return () => at.on.close()
})
const add = (kind: 'mailbox' | 'alias', name: string, targets?: string[]) =>
  addResource(at.core)({ memberId: at.member.id, kind, name, actor, ...(targets && { targets }) })
const audited = async (id: string) =>
  (await at.core.store.audit.list({ subjectId: id })).map(({ action }) => action).toSorted()

describe('names', () => {
  test('a mailbox and an alias do not share one; a site may have the name of a domain', async () => {
    await add('alias', INFO, [ADA])
    for (const taken of [INFO, ADA])
      for (const kind of ['mailbox', 'alias'] as const)
        await expect(add(kind, taken.toUpperCase(), ['x@y.example']), `${kind} ${taken}`).rejects.toMatchObject({
          code: 'conflict',
          field: 'name',
        })
  })

  test('a mailbox that was removed keeps its name: its mail is on the disk still', async () => {
    await removeResource(at.core)({ resourceId: at.box.id, actor })
    for (const kind of ['mailbox', 'alias'] as const)
      await expect(add(kind, ADA, ['x@y.example'])).rejects.toMatchObject({ code: 'conflict' })
  })

  test('what was refused leaves nothing behind', async () => {
    const before = await at.core.store.audit.list({})
    await at.queued()
    await expect(add('mailbox', ADA)).rejects.toMatchObject({ code: 'conflict' })
    await expect(add('alias', INFO, [INFO])).rejects.toMatchObject({ code: 'invalid_value' })
    expect(await at.core.store.audit.list({})).toEqual(before)
    expect(await at.core.store.resources.byName('alias', INFO)).toBeUndefined()
    expect(await at.queued()).toEqual([])
  })
})

describe('aliases', () => {
  const set = (resourceId: string, ...targets: string[]) =>
    setAliasTargets(at.core)({ resourceId, targets, actor: 'root' })

  test('targets are kept in one form, each once', async () => {
    const { id } = await at.alias(INFO, ' Zoe@Example.NET', ADA, 'zoe@example.net')
    expect(await at.core.store.mailboxes.targets(id)).toEqual([ADA, 'zoe@example.net'])
    await set(id, 'bob@example.net')
    expect(await at.core.store.mailboxes.targets(id)).toEqual(['bob@example.net'])
    expect(await audited(id)).toEqual(['alias.added', 'alias.targets_set', 'alias.targets_set'])
  })

  test.each<[string, string[], string]>([
    ['nowhere', [], 'required'],
    ['to itself', [ADA, INFO.toUpperCase()], 'invalid_value'],
    ['to what is no address', ['ada'], 'email_refused'],
    ['to a command', ['|/bin/sh@x.example', '"|rm"@x.example'], 'email_refused'],
    ['to a crowd', Array.from({ length: 21 }, (_, n) => `m${n}@example.net`), 'invalid_value'],
  ])('none leads %s', async (_, targets, code) => {
    await expect(add('alias', INFO, targets)).rejects.toMatchObject({ code })
    const { id } = await at.alias('team@asso.example', ADA)
    await expect(set(id, ...targets.map((one) => one.replace(/info/i, 'team')))).rejects.toMatchObject({ code })
    expect(await at.core.store.mailboxes.targets(id)).toEqual([ADA])
  })

  test('mail never goes round, however long the way; a way that only meets again is none', async () => {
    const [one, two, three] = [
      await at.alias('one@asso.example', ADA),
      await at.alias('two@asso.example', 'one@asso.example', ADA),
      await at.alias('three@asso.example', 'two@asso.example', 'one@asso.example'),
    ]
    for (const back of ['two@asso.example', 'three@asso.example'])
      await expect(set(one.id, ADA, back), back).rejects.toMatchObject({ code: 'invalid_value', field: 'targets' })
    expect(await at.core.store.mailboxes.targets(one.id)).toEqual([ADA])
    await removeResource(at.core)({ resourceId: two.id, actor })
    await set(one.id, ADA, 'two@asso.example')
    await expect(set(one.id, 'three@asso.example')).rejects.toMatchObject({ field: 'targets' })
    await set(three.id, ADA)
    await set(one.id, 'three@asso.example')
  })

  test('only an alias has targets', async () => {
    for (const id of [at.box.id, at.site.id, make.id()])
      await expect(set(id, ADA)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('what a mailbox may hold', () => {
  const set = (more: { quotaBytes?: number | null; formerUntilOn?: CivilDate | null }) =>
    setMailbox(at.core)({ resourceId: at.box.id, actor, ...more })

  test('what is not said stays; its logins and its address are told', async () => {
    await at.queued()
    await set({ quotaBytes: 5_000_000_000 })
    expect(await at.queued()).toEqual([`addresses ${ADA}`, `logins ${ADA}`])
    await set({ formerUntilOn: '2026-12-31' })
    expect(await at.core.store.mailboxes.get(at.box.id)).toMatchObject({
      quotaBytes: 5_000_000_000,
      formerUntilOn: '2026-12-31',
    })
    expect(await at.login(ADA)).toMatchObject({ quotaBytes: 5_000_000_000, former: true })
    expect((await at.address(ADA)).delivery).toEqual({ mailbox: { quotaBytes: 5_000_000_000 } })
    await set({ quotaBytes: null, formerUntilOn: null })
    expect(await at.login(ADA)).toMatchObject({ quotaBytes: null, former: false })
  })

  test.each([
    [{ quotaBytes: 0 }],
    [{ quotaBytes: 1.5 }],
    [{ quotaBytes: Number.NaN }],
    [{ quotaBytes: 2 ** 60 }],
    [{ formerUntilOn: '2026-02-30' }],
    [{ formerUntilOn: 'never' }],
  ])('%j is refused', async (wrong) => {
    await expect(set(wrong)).rejects.toMatchObject({ code: 'invalid_value' })
    expect(await at.core.store.mailboxes.get(at.box.id)).toBeUndefined()
  })
})

describe('the former password', () => {
  test.each<[string, string, boolean]>([
    ['Europe/Brussels', '2026-12-31T22:59:59Z', true],
    ['Europe/Brussels', '2026-12-31T23:00:00Z', false],
    ['America/Cayenne', '2027-01-01T02:59:59Z', true],
    ['America/Cayenne', '2027-01-01T03:00:00Z', false],
  ])('counts to the end of its last day in the association’s time zone: %s, %s: %s', async (timeZone, now, counts) => {
    await at.core.store.organisations.update({ ...at.organisation, timeZone })
    await setMailbox(at.core)({ resourceId: at.box.id, formerUntilOn: '2026-12-31', actor })
    at.on.clock.set(now)
    expect((await at.login(ADA)).former).toBe(counts)
  })

  test('does not outlive a suspension', async () => {
    await setMailbox(at.core)({ resourceId: at.box.id, formerUntilOn: '2026-12-31', actor })
    await suspend(at.core)({ target: { accountId: at.ada.id }, reason: 'x', actor })
    expect(await at.login(ADA)).toMatchObject({ access: 'none', former: false, passwords: [], maySend: false })
  })
})

describe('who may send as whom', () => {
  test('a mailbox: whoever opens it, and the sites of its member', async () => {
    const bob = await at.one(at.member, 'user', { username: 'bob' })
    const shared = await at.mailbox('office@asso.example', at.ada, bob)
    expect((await at.address(shared.name)).senders).toEqual(['bob.office@asso.example', 'office@asso.example', SITE])
    expect((await at.address(ADA)).senders).toEqual([ADA, SITE])
    await removeLogin(at.core)({ mailboxId: shared.id, name: 'bob.office@asso.example', actor })
    expect((await at.address(shared.name)).senders).toEqual(['office@asso.example', SITE])
  })

  test('an alias: whoever reads what comes to it, not those elsewhere', async () => {
    const bob = await at.one(at.member, 'user', { username: 'bob' })
    await at.mailbox('bob@asso.example', bob)
    const alias = await at.alias(INFO, ADA, 'bob@asso.example', 'far@example.net')
    expect(await at.address(INFO)).toMatchObject({
      access: 'full',
      senders: [ADA, 'bob@asso.example', SITE],
      delivery: { targets: [ADA, 'bob@asso.example', 'far@example.net'] },
    })
    await setAliasTargets(at.core)({ resourceId: alias.id, targets: ['far@example.net'], actor })
    expect((await at.address(INFO)).senders).toEqual([SITE])
  })

  test('an alias of an alias: whoever reads what comes to it in the end; each level is told of a change', async () => {
    const bob = await at.one(at.member, 'user', { username: 'bob' })
    const box = await at.mailbox('bob@asso.example', bob)
    const inner = await at.alias('inner@asso.example', ADA)
    await at.alias('side@asso.example', 'bob@asso.example')
    await at.alias('outer@asso.example', inner.name, 'side@asso.example', 'far@example.net')
    const sendersOf = async (name: string) => (await at.address(name)).senders
    expect(await sendersOf('inner@asso.example')).toEqual([ADA, SITE])
    expect(await sendersOf('outer@asso.example')).toEqual([ADA, 'bob@asso.example', SITE])
    // Those of one alias are no senders of another beside it.
    expect(await sendersOf('side@asso.example')).toEqual(['bob@asso.example', SITE])

    await at.queued()
    await removeLogin(at.core)({ mailboxId: box.id, name: 'bob@asso.example', actor })
    expect(await at.queued()).toEqual(
      expect.arrayContaining(['addresses outer@asso.example', 'addresses side@asso.example']),
    )
    expect(await sendersOf('outer@asso.example')).toEqual([ADA, SITE])
    await removeResource(at.core)({ resourceId: inner.id, actor })
    expect(await at.queued()).toContain('addresses outer@asso.example')
    expect(await sendersOf('outer@asso.example')).toEqual([SITE])
  })

  test('what a site’s forms write as is the site’s alone, and receives nothing', async () => {
    expect(await at.address(`@${SITE}`)).toEqual({
      kind: 'address',
      name: `@${SITE}`,
      access: 'full',
      delivery: null,
      senders: [SITE],
    })
  })

  test('a site of another member sends as none of these', async () => {
    const other = await at.association()
    const theirs = await addResource(at.core)({ memberId: other.id, kind: 'site', name: 'other.example', actor })
    await makeSiteLogin(at.core)({ siteId: theirs.id, actor })
    expect((await at.address(ADA)).senders).not.toContain('other.example')
  })

  test('when a site begins or ends to send, every address that it may write as is told', async () => {
    const alias = await at.alias(INFO, ADA)
    const all = [`addresses ${ADA}`, `addresses ${INFO}`, `addresses @${SITE}`, `logins ${SITE}`]
    await at.queued()
    await removeSiteLogin(at.core)({ siteId: at.site.id, actor })
    expect(await at.queued()).toEqual(expect.arrayContaining(all))
    expect((await at.address(alias.name)).senders).toEqual([ADA])
    await makeSiteLogin(at.core)({ siteId: at.site.id, actor })
    expect(await at.queued()).toEqual(expect.arrayContaining(all))
    await removeResource(at.core)({ resourceId: at.site.id, actor })
    expect(await at.queued()).toEqual(expect.arrayContaining([...all, `sites ${SITE}`]))
    expect((await at.address(ADA)).senders).toEqual([ADA])
  })
})

describe('removing', () => {
  test('a mailbox: it is a subject without access, its logins are out, its aliases are told', async () => {
    const bob = await at.one(at.member, 'user', { username: 'bob' })
    const shared = await at.mailbox('office@asso.example', at.ada, bob)
    await at.alias(INFO, shared.name)
    await at.queued()
    await removeResource(at.core)({ resourceId: shared.id, actor })
    expect(await at.queued()).toEqual([
      `addresses ${INFO}`,
      'addresses office@asso.example',
      'logins bob.office@asso.example',
      'logins office@asso.example',
    ])
    expect(await at.address(shared.name)).toMatchObject({ access: 'none', senders: [SITE] })
    for (const name of ['office@asso.example', 'bob.office@asso.example']) {
      expect(await at.login(name), name).toMatchObject({ access: 'none', maySend: false, passwords: [], former: false })
      expect(await at.atDoor(name), name).toMatchObject({ access: 'none', maySend: false })
    }
    expect((await at.address(INFO)).senders).toEqual([SITE])
    expect(await at.login(ADA), 'her other mailbox stays').toMatchObject({ access: 'full', maySend: true })
    expect(await audited(shared.id)).toContain('mailbox.removed')
  })

  test('a removed mailbox lets nobody in any more, is not removed twice, and is not changed', async () => {
    await removeResource(at.core)({ resourceId: at.box.id, actor })
    const of = { resourceId: at.box.id, actor }
    for (const late of [
      () => removeResource(at.core)(of),
      () => setMailbox(at.core)({ ...of, quotaBytes: 5 }),
      () => addLogin(at.core)({ mailboxId: at.box.id, accountId: at.ada.id, name: 'new@asso.example', actor }),
      () => removeLogin(at.core)({ mailboxId: at.box.id, name: ADA, actor }),
    ])
      await expect(late()).rejects.toMatchObject({ code: 'not_found' })
  })

  test('a login: it is out at once, and its name is free for somebody else', async () => {
    const bob = await at.one(at.member, 'user', { username: 'bob' })
    await at.queued()
    await removeLogin(at.core)({ mailboxId: at.box.id, name: ADA, actor })
    expect(await at.queued()).toEqual([`addresses ${ADA}`, `logins ${ADA}`])
    expect(await at.login(ADA)).toMatchObject({ access: 'none', maySend: false })
    await addLogin(at.core)({ mailboxId: at.box.id, accountId: bob.id, actor })
    expect(await at.login(ADA)).toMatchObject({ access: 'full' })
    expect(await at.core.doors.loginAccess(at.ada.id, ADA)).toMatchObject({ access: 'none' })
  })
})
