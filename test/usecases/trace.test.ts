// «Why did my mail not arrive»: what is asked, how attempts make messages, and whose messages one sees.
import { beforeEach, expect, test } from 'vitest'
import { removeLogin } from '../../src/usecases/mailboxes.ts'
import { addLogin } from '../../src/usecases/resources.ts'
import { recipientAsked, TRACE_DAYS, trace } from '../../src/usecases/trace.ts'
import { ADA, type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'
import { type SentMessage, sentMessage } from '../support/outgoing.ts'

const ZOE = 'zoe@example.net'
const DAY = 86_400_000

let at: MailPeople
beforeEach(async () => {
  at = await mailPeople()
  return () => at.on.close()
})

const message = (login: string, attempts: SentMessage['attempts'], more: Partial<SentMessage> = {}) =>
  sentMessage(at.core, { login, memberId: at.member.id, attempts, ...more })
const asked = (accountId?: string) => trace(at.core)({ recipient: ZOE, ...(accountId !== undefined && { accountId }) })
const senders = async (accountId?: string) => (await asked(accountId)).map(({ sender }) => sender).toSorted()

test.each([
  [' Zoe@Example.NET ', 'zoe@example.net'],
  ['@example.net', '@example.net'],
  ['example.net', '@example.net'],
  ['', 'required'],
  ['@', 'invalid_value'],
  ['@%', 'invalid_value'],
  ['%', 'invalid_value'],
  ['zoe@', 'invalid_value'],
  ['a@b@c.example', 'invalid_value'],
  ['@exa_mple.net', 'invalid_value'],
  ["x' or 1=1 --", 'invalid_value'],
])('%j asks for %s', (typed, answer) => {
  const got = () => recipientAsked(typed)
  if (answer.includes('@')) expect(got()).toBe(answer)
  else expect(got).toThrow(expect.objectContaining({ code: answer, field: 'recipient' }))
})

test('attempts are put together to messages, the newest first, with their causes', async () => {
  await message(ADA, [
    { result: 'deferred', dsn: '4.7.1', text: '450 4.7.1 Greylisted', sender: '' },
    { result: 'sent', at: at.core.clock.now() + 600_000 },
  ])
  await message(ADA, [{ result: 'bounced', dsn: '5.1.1', text: '550 5.1.1 User unknown' }])
  const found = await asked()
  expect(found.map(({ sender, attempts }) => [sender, attempts.map(({ cause }) => cause)])).toEqual([
    [ADA, ['delivered', 'greylisted']],
    [ADA, ['no_such_address']],
  ])
  at.on.clock.advance(TRACE_DAYS * DAY + 1_000_000)
  expect(await asked()).toEqual([])
})

test('a person sees what went through logins of theirs, and of nobody else in the same mailbox', async () => {
  const bob = await at.one(at.member, 'user', { username: 'bob' })
  await addLogin(at.core)({ mailboxId: at.box.id, accountId: bob.id, name: 'bob.ada@asso.example', actor: 'test' })
  await message(ADA, [{}])
  await message('bob.ada@asso.example', [{}])
  await message(SITE, [{}])
  expect(await senders()).toEqual([ADA, 'bob.ada@asso.example', SITE].toSorted())
  expect(await senders(at.ada.id)).toEqual([ADA])
  expect(await senders(bob.id)).toEqual(['bob.ada@asso.example'])
  const stranger = await at.person()
  expect(await senders(stranger.id)).toEqual([])
})

test('whoever is given the login of somebody who left reads nothing of what they wrote', async () => {
  await message(ADA, [{}])
  at.on.clock.advance(60_000)
  await removeLogin(at.core)({ mailboxId: at.box.id, name: ADA, actor: 'test' })
  expect(await senders(at.ada.id)).toEqual([])
  const heir = await at.one(at.member, 'user', { username: 'heir' })
  await addLogin(at.core)({ mailboxId: at.box.id, accountId: heir.id, name: ADA, actor: 'test' })
  expect(await senders(heir.id)).toEqual([])
  // A late answer to the former person's message is theirs too, whenever it comes.
  await message(ADA, [{ at: at.core.clock.now() + 5 }], { at: at.core.clock.now() - 30_000 })
  expect(await senders(heir.id)).toEqual([])
  await message(ADA, [{}])
  expect(await senders(heir.id)).toEqual([ADA])
})
