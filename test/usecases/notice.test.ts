// One notice to everyone whom the same trouble concerns: who they are, and that each gets one letter, once.
import { beforeEach, describe, expect, test } from 'vitest'
import { createNoticeLetter } from '../../interactions/mail-letters.ts'
import type { Core } from '../../src/core.ts'
import type { Account, Delivery } from '../../src/ports.ts'
import { setAccountClosed } from '../../src/usecases/accounts.ts'
import { removeLogin } from '../../src/usecases/mailboxes.ts'
import { type Notice, type NoticeAbout, planNotice, sendNotice } from '../../src/usecases/notice.ts'
import { addLogin } from '../../src/usecases/resources.ts'
import { ADA, type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'
import { sentMessage } from '../support/outgoing.ts'

const DAY = 86_400_000
const BOB = 'bob@asso.example'
const listed = { result: 'bounced', dsn: '5.7.1', text: 'host mx said: 554 blocked using zen.spamhaus.org' } as const
const full = { result: 'deferred', dsn: '4.2.2', text: '452 4.2.2 over quota' } as const

let at: MailPeople
let bob: Account
beforeEach(async () => {
  at = await mailPeople()
  bob = await at.one(at.member, 'user', { username: 'bob', givenName: 'Bob', locale: 'de' })
  await at.mailbox(BOB, bob)
  at.sent.length = 0
  return () => at.on.close()
})

const message = (login: string, recipient: string, attempts: readonly Partial<Delivery>[]) =>
  sentMessage(at.core, {
    login,
    memberId: at.member.id,
    attempts: attempts.map((attempt) => ({ recipient, ...attempt })),
  })
const about: NoticeAbout = { recipient: '@example.net', days: 7 }
const plan = (of: NoticeAbout = about) => planNotice(at.core)(of)
const who = async (of: NoticeAbout = about) =>
  (await plan(of)).people.map(({ account, recipients }) => [account.username, recipients])
const send = (more: Partial<Notice> = {}, core: Core = at.core) =>
  sendNotice(
    core,
    createNoticeLetter(async () => at.organisation),
  )({
    ...about,
    subject: 'Courrier vers example.net',
    text: 'Leur serveur nous refuse depuis hier.',
    seenAt: 0,
    actor: 'boss',
    ...more,
  })

describe('who is concerned', () => {
  test('each person once, with the recipients whom their messages did not reach', async () => {
    await message(ADA, 'x@example.net', [listed])
    await message(ADA, 'y@example.net', [full])
    await message(ADA, 'x@example.net', [listed])
    await message(BOB, 'z@example.net', [full])
    await message(BOB, 'z@other.example', [full])
    expect(await who()).toEqual([
      ['ada', ['x@example.net', 'y@example.net']],
      ['bob', ['z@example.net']],
    ])
    expect(await plan()).toMatchObject({ messages: 4, unreachable: 0, cut: false, before: undefined })
    expect(await who({ ...about, cause: 'block_list' })).toEqual([['ada', ['x@example.net']]])
    expect(await who({ cause: 'mailbox_full', days: 7 })).toEqual([
      ['ada', ['y@example.net']],
      ['bob', ['z@example.net', 'z@other.example']],
    ])
  })

  test('not whose message arrived in the end, however often it was put off', async () => {
    await message(ADA, 'x@example.net', [full, full, { at: at.core.clock.now() + 9 }])
    expect(await plan()).toMatchObject({ people: [], messages: 0 })
  })

  test('not what is older than was asked for', async () => {
    await message(ADA, 'x@example.net', [listed])
    at.on.clock.advance(7 * DAY + 1)
    expect(await who()).toEqual([])
    expect(await who({ ...about, days: 8 })).toHaveLength(1)
    // Nor than what is looked at for anybody.
    at.on.clock.advance(7 * DAY)
    expect(await who({ ...about, days: 999 })).toEqual([])
  })

  test('for a site, whoever answers for it', async () => {
    await message(SITE, 'x@example.net', [listed])
    expect(await who()).toEqual([['ada', ['x@example.net']]])
  })

  test('nobody who is closed, has no address, or was given the login later', async () => {
    const eve = await at.one(at.member, 'user', { username: 'eve', email: null })
    await at.mailbox('eve@asso.example', eve)
    await message('eve@asso.example', 'x@example.net', [listed])
    await message(BOB, 'x@example.net', [listed])
    await message('gone@asso.example', 'x@example.net', [listed])
    await message(ADA, 'x@example.net', [listed])
    await setAccountClosed(at.core)({ accountId: bob.id, closed: true, reason: 'x', actor: 'test' })
    at.on.clock.advance(1000)
    await removeLogin(at.core)({ mailboxId: at.box.id, name: ADA, actor: 'test' })
    const heir = await at.one(at.member, 'user', { username: 'heir' })
    await addLogin(at.core)({ mailboxId: at.box.id, accountId: heir.id, name: ADA, actor: 'test' })
    expect(await plan()).toMatchObject({ people: [], messages: 4, unreachable: 4 })
  })

  test('nothing asked is no question', async () => {
    await expect(plan({ days: 7 })).rejects.toMatchObject({ code: 'required', field: 'recipient' })
  })
})

describe('sending', () => {
  test('a letter to each in their language, with what the admin wrote and their own recipients alone', async () => {
    await message(ADA, 'x@example.net', [listed])
    await message(BOB, 'z@example.net', [full])
    expect(await send()).toEqual({ sent: 2, failed: 0 })
    expect(at.sent.map(({ to, subject }) => [to, subject])).toEqual([
      [at.ada.email, 'Courrier vers example.net'],
      [bob.email, 'Courrier vers example.net'],
    ])
    const [toAda, toBob] = at.sent
    expect(toAda!.text).toMatch(/^Dag Ada,\n\nLeur serveur nous refuse depuis hier\.\n\n.*x@example\.net/)
    expect(toAda!.text).not.toContain('z@')
    expect(toBob!.text).toMatch(/^Guten Tag Bob,/)
    expect(toBob!.text).not.toContain('x@')
    const audit = await at.core.store.audit.list({ action: 'notice.sent' })
    expect(audit).toMatchObject([
      {
        actor: 'boss',
        subjectId: '@example.net',
        payload: { people: 2, messages: 2, subject: 'Courrier vers example.net' },
      },
    ])
  })

  test('many recipients are not all named', async () => {
    for (let n = 10; n < 35; n++) await message(ADA, `x${n}@example.net`, [listed])
    await send()
    expect(at.sent[0]!.text).toContain('x29@example.net')
    expect(at.sent[0]!.text).not.toContain('x30@example.net')
  })

  test('sent twice at once it goes out once', async () => {
    await message(ADA, 'x@example.net', [listed])
    const both = await Promise.allSettled([send(), send({ actor: 'other' }), send()])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(at.sent).toHaveLength(1)
    expect(await at.core.store.audit.list({ action: 'notice.sent' })).toHaveLength(1)
    await expect(send()).rejects.toMatchObject({ code: 'conflict' })
  })

  test('a second notice is for messages that came after the first, not for those still on their way', async () => {
    await message(ADA, 'x@example.net', [full, { ...full, at: at.core.clock.now() + 5000 }])
    at.on.clock.advance(1000)
    await send()
    const { before } = await plan()
    expect(before).toEqual({ at: at.core.clock.now(), by: 'boss', people: 1 })
    // The retry, written five seconds later, is of a message that was told of.
    at.on.clock.advance(10_000)
    expect(await who()).toEqual([])
    await message(BOB, 'z@example.net', [listed])
    expect(await who()).toEqual([['bob', ['z@example.net']]])
    await expect(send()).rejects.toMatchObject({ code: 'conflict' })
    expect(await send({ seenAt: before!.at })).toEqual({ sent: 1, failed: 0 })
    expect(at.sent.map(({ to }) => to)).toEqual([at.ada.email, bob.email])
    // About something else it is another notice.
    expect((await plan({ recipient: 'z@example.net', days: 7 })).before).toBeUndefined()
  })

  test('one letter that is refused keeps no other back, and is not sent again', async () => {
    await message(ADA, 'x@example.net', [listed])
    await message(BOB, 'z@example.net', [full])
    const core = at.mailer({
      send: async (mail) => {
        if (mail.to === at.ada.email) throw new Error('refused')
        at.sent.push(mail)
      },
    })
    expect(await send({}, core)).toEqual({ sent: 1, failed: 1 })
    expect(at.sent.map(({ to }) => to)).toEqual([bob.email])
  })

  test.each([
    [{ subject: ' ' }, 'subject', 'required'],
    [{ text: '\n' }, 'text', 'required'],
    [{ subject: 'x'.repeat(151) }, 'subject', 'invalid_value'],
    [{ text: 'x'.repeat(5001) }, 'text', 'invalid_value'],
  ] as const)('%j is refused, and nobody is told', async (more, field, code) => {
    await message(ADA, 'x@example.net', [listed])
    await expect(send(more)).rejects.toMatchObject({ code, field })
    expect([at.sent, await at.core.store.audit.list({ action: 'notice.sent' })]).toEqual([[], []])
  })

  test('a subject has one line', async () => {
    await message(ADA, 'x@example.net', [listed])
    await send({ subject: 'Un\r\nBcc: tous@example.net\n deux' })
    expect(at.sent[0]!.subject).toBe('Un Bcc: tous@example.net deux')
  })
})
