// Mail when things go wrong, on the whole: `schedar serve` killed at any instant, Dovecot or Postfix away while somebody is
// suspended, a power cut between two files, a wrong key, two instances. The suspended stay out, the others go on working, and
// what was missed is made up for. What each plugin's files go through alone is in dovecot-faults and postfix-faults.
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Installation, openInstallation } from '../../src/compose.ts'
import type { Account, Member } from '../../src/ports.ts'
import { addAccount, affiliate } from '../../src/usecases/accounts.ts'
import { makeAppPassword } from '../../src/usecases/app-passwords.ts'
import { addMember } from '../../src/usecases/members.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import { type Imap, imap } from '../support/imap.ts'
import { pop3 } from '../support/line-client.ts'
import { type MailHost, startMailHost } from '../support/mail-host.ts'
import { createProgram, type Program } from '../support/program.ts'
import { type Smtp, smtp } from '../support/smtp.ts'

// Each starts servers anew, some several times.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 240_000 })

const FAR = 'far@example.net'
const PATIENCE = { timeout: 60_000, interval: 250 }
const actor = 'test'
type Somebody = { account: Account; member: Member; login: string; secret: string }

let program: Program
let host: MailHost
/** The database from outside: decisions are taken here, and the server works them off. */
let eye: Installation
let zoe: Somebody
let max: Somebody
const live: { close(): void }[] = []

async function somebody(username: string): Promise<Somebody> {
  const { core } = eye
  const account = await addAccount(core)({ username, givenName: username, familyName: 'Essai', email: null, actor })
  await core.store.accounts.update({ ...account, state: 'active' })
  const member = await addMember(core)({
    memberNumber: username,
    kind: 'person',
    name: username,
    email: null,
    coveredUntilOn: '2099-12-31',
    actor,
  })
  await affiliate(core)({ accountId: account.id, memberId: member.id, role: 'owner', actor })
  const login = `${username}@mail.example`
  const box = await addResource(core)({ memberId: member.id, kind: 'mailbox', name: login, actor })
  await addLogin(core)({ mailboxId: box.id, accountId: account.id, actor })
  return { account, member, login, secret: await passwordFor(account, 'phone') }
}
const passwordFor = async ({ id: accountId }: Account, name: string): Promise<string> =>
  (await makeAppPassword(eye.core)({ accountId, name, scopes: ['imap', 'pop3', 'smtp'], actor })).secret

beforeAll(async () => {
  program = await createProgram()
  eye = await openInstallation({ file: program.file, env: program.env, log: { level: 'error', to: process.stderr } })
  await eye.core.store.organisations.add({
    id: eye.core.random.uuid(),
    name: 'Cassiopée',
    country: 'BE',
    timeZone: 'Europe/Brussels',
    locale: 'fr',
    contactEmail: 'bureau@cassiopee.example',
    createdAt: eye.core.clock.now(),
  })
  host = await startMailHost(program)
  // Once more, with the services: what is decided here is queued for them.
  await eye.close()
  eye = await openInstallation({ file: program.file, env: program.env, log: { level: 'error', to: process.stderr } })
  ;[zoe, max] = [await somebody('zoe'), await somebody('max')]
}, 240_000)
afterAll(async () => {
  await eye?.close()
  await program?.remove()
  await host?.remove()
})
beforeEach(async () => {
  host.postfix.sink.replies.clear()
  await settled()
  await expect.poll(() => ways(zoe), PATIENCE).toBe(IN)
  return () => {
    for (const { close } of live.splice(0)) close()
  }
})

const keep = <T extends { close(): void }>(one: T): T => {
  live.push(one)
  return one
}
const [IN, OUT] = ['imap pop3 smtp', '']
/** Through which doors somebody gets with their password. */
async function ways({ login, secret }: Somebody): Promise<string> {
  const { dovecot, postfix } = host
  const reader = await imap(dovecot.imapPort)
  const isIn = { imap: (await reader.authenticate('PLAIN', login, secret)).startsWith('OK'), pop3: false, smtp: false }
  reader.close()
  isIn.pop3 = (await pop3(dovecot.pop3Port, login, secret)).startsWith('+OK')
  const sender = await smtp(postfix.submissionsPort, postfix.ca)
  isIn.smtp = (await sender.authenticate(login, secret)).startsWith('235')
  sender.close()
  return Object.entries(isIn)
    .flatMap(([way, open]) => (open ? [way] : []))
    .join(' ')
}
async function signedIn({ login, secret }: Somebody): Promise<Smtp> {
  const client = keep(await smtp(host.postfix.submissionsPort, host.postfix.ca))
  expect(await client.authenticate(login, secret)).toMatch(/^235 /)
  return client
}
async function reading({ login, secret }: Somebody): Promise<Imap> {
  const client = keep(await imap(host.dovecot.imapPort))
  expect(await client.authenticate('PLAIN', login, secret)).toMatch(/^OK/)
  await client.idle()
  return client
}
const out = ({ account }: Somebody) =>
  suspend(eye.core)({ target: { accountId: account.id }, reason: 'Courrier indésirable.', actor })
const back = ({ account }: Somebody) => restore(eye.core)({ target: { accountId: account.id }, actor })
const pending = () => eye.core.store.outbox.pending({ limit: 1000 })
/** Nothing is queued for any service any more. */
const settled = () => expect.poll(async () => (await pending()).length, PATIENCE).toBe(0)
const noDrift = async () => expect(await program.json('services', 'plan')).toEqual([])
/** A message that her recipients' server puts off: its queue id. */
async function waiting(): Promise<string> {
  host.postfix.sink.replies.set('later@example.net', '450 4.7.1 Greylisted')
  const before = new Set((await host.queue()).keys())
  const client = await signedIn(zoe)
  expect(await client.send({ from: zoe.login, to: ['later@example.net'] })).toMatch(/^250 /)
  const found = async () => [...(await host.queue())].find(([id]) => !before.has(id)) ?? []
  await expect.poll(async () => (await found())[1], PATIENCE).toBe('deferred')
  return (await found())[0]!
}

test('Schedar killed at any instant of suspending and restoring: it comes right, and nobody else notices', async () => {
  const file = join(host.dovecot.config.folder, 'denied', zoe.login)
  /** The first service has been told; its first file is there, or gone; so many milliseconds. */
  const instants = ['told', 'told', 'file', 'file', 40, 120, 250, 700] as const
  for (const [round, instant] of instants.entries()) {
    const suspending = round % 2 === 0
    const added = { ...max, secret: await passwordFor(max.account, `round ${round}`) }
    const [files, before] = [existsSync(file), await (suspending ? out : back)(zoe).then(pending)]
    const isNow = async () =>
      instant === 'told' ? (await pending()).length < before.length : existsSync(file) !== files
    if (typeof instant === 'number') await sleep(instant)
    else while (!(await isNow())) await sleep(1)
    await program.stop('SIGKILL')
    expect(await ways(max), `${instant}, while Schedar is down`).toBe(IN)
    // Between two of its steps some doors may be closed and others not yet: never is a restored one half refused for good.
    if (suspending) expect([IN, OUT, 'imap pop3', 'smtp']).toContain(await ways(zoe))
    await program.serve()
    await expect.poll(() => ways(zoe), PATIENCE).toBe(suspending ? OUT : IN)
    await expect.poll(() => ways(added), PATIENCE).toBe(IN)
    await settled()
  }
  await noDrift()
})

test('suspended, and Schedar dead: out by every door, its open session too; the others read and send', async () => {
  const session = await signedIn(zoe)
  await out(zoe)
  await settled()
  await program.stop('SIGKILL')
  expect([await ways(zoe), await ways(max)]).toEqual([OUT, IN])
  expect(await session.send({ from: zoe.login, to: [FAR] })).toMatch(/^5\d\d 5\.7\.1 /)
  const sent = await (await signedIn(max)).send({ from: max.login, to: [FAR], text: 'Subject: alone\r\n\r\nx' })
  expect(sent).toMatch(/^250 /)
  await expect.poll(() => host.postfix.sink.mails.some(({ text }) => text.includes('alone')), PATIENCE).toBe(true)
  await program.serve()
  await back(zoe)
  await settled()
})

test('Dovecot down during a suspension: closed when it is back, and nothing is left to do', async () => {
  await host.dovecot.stop()
  await out(zoe)
  await expect
    .poll(async () => (await pending()).find(({ service }) => service === 'mailboxes')?.lastError, PATIENCE)
    .toMatch(/ECONNREFUSED|doveadm/)
  await host.dovecot.start()
  expect(await ways(zoe)).toBe(OUT)
  expect(await ways(max)).toBe(IN)
  await settled()
  await host.dovecot.stop()
  await back(zoe)
  await sleep(500)
  await host.dovecot.start()
  await settled()
  await expect.poll(() => ways(zoe), PATIENCE).toBe(IN)
})

test('Postfix down during a suspension: nothing of hers leaves when it is back, until she is restored', async () => {
  const id = await waiting()
  await host.postfix.stop()
  await out(zoe)
  await settled()
  host.postfix.sink.replies.clear()
  await host.postfix.start()
  expect([(await host.queue()).get(id), await ways(zoe), await ways(max)]).toEqual(['hold', OUT, IN])
  await host.postfix.command('postqueue', '-f')
  await sleep(1000)
  const left = () => host.postfix.sink.mails.some(({ to }) => to.includes('later@example.net'))
  expect(left()).toBe(false)
  await host.postfix.stop()
  await back(zoe)
  await settled()
  await host.postfix.start()
  await host.postfix.command('postqueue', '-f')
  await expect.poll(left, PATIENCE).toBe(true)
})

test('a wrong key of doveadm: the doors close all the same, why is said, and with the right key the rest ends', async () => {
  const file = join(program.folder, 'doveadm-key')
  const right = await readFile(file, 'utf8')
  await program.stop()
  await writeFile(file, 'x'.repeat(40))
  await program.serve()
  const reader = await reading(zoe)
  const others = await reading(max)
  await out(zoe)
  await expect.poll(() => ways(zoe), PATIENCE).toBe(OUT)
  await expect
    .poll(async () => (await pending()).find(({ service }) => service === 'mailboxes')?.lastError, PATIENCE)
    .toMatch(/key/)
  expect(program.written()).not.toContain('x'.repeat(40))
  await program.stop()
  await writeFile(file, right)
  await program.serve()
  expect(await reader.bye(30_000)).toMatch(/^\* BYE|closed/)
  await settled()
  await expect(others.bye(500)).rejects.toThrow('no BYE')
  await back(zoe)
  await settled()
})

test('a power cut between two files: either one without the other refuses, and the next apply repairs', async () => {
  const { folder } = host.dovecot.config
  const keptIn = join(program.folder, 'kept')
  const both = ['denied', 'logins']
  /** One of the folders as it was kept, file by file. */
  const put = async (kept: string, name: string) => {
    const [there, wanted] = [await readdir(join(folder, name)), await readdir(join(kept, name))]
    for (const file of there.filter((one) => !wanted.includes(one))) await rm(join(folder, name, file))
    for (const file of wanted) await copyFile(join(kept, name, file), join(folder, name, file))
  }
  const save = async (as: string) => {
    for (const name of both) {
      await mkdir(join(keptIn, as, name), { recursive: true })
      for (const file of await readdir(join(folder, name)))
        await copyFile(join(folder, name, file), join(keptIn, as, name, file))
    }
    return join(keptIn, as)
  }
  const opened = await save('in')
  await out(zoe)
  await settled()
  const closed = await save('out')
  for (const decided of ['out', 'in'] as const) {
    if (decided === 'in') await back(zoe)
    await settled()
    await program.stop('SIGKILL')
    for (const [denials, lines] of [
      [closed, opened],
      [opened, closed],
    ] as const) {
      await put(denials, 'denied')
      await put(lines, 'logins')
      await expect.poll(() => ways(zoe), PATIENCE).toBe(OUT)
      expect(await ways(max)).toBe(IN)
      expect((await program.schedar('services', 'apply', 'mailboxes')).code).toBe(0)
      await expect.poll(() => ways(zoe), PATIENCE).toBe(decided === 'out' ? OUT : IN)
    }
    await noDrift()
    await program.serve()
  }
})

test('two instances: each does what the other, killed, leaves; both answer the mail servers', async () => {
  const second = await createProgram({
    config: { dataDir: join(program.folder, 'data'), services: host.services },
  })
  try {
    await second.serve()
    for (const [round, victim] of [program, second].entries()) {
      await (round % 2 ? back : out)(zoe)
      await sleep(round * 60)
      await victim.stop('SIGKILL')
      await expect.poll(() => ways(zoe), PATIENCE).toBe(round % 2 ? IN : OUT)
      await settled()
      expect(await (await signedIn(max)).send({ from: max.login, to: [FAR] })).toMatch(/^250 /)
      await victim.serve()
    }
    const login = max.login
    const recorded = await eye.core.store.outgoing.list({ login, limit: 1000 })
    expect(new Set(recorded.map(({ queueId }) => queueId)).size).toBe(recorded.length)
    // The log is read by one of them at a time, and what it tells is on record once.
    const told = async () =>
      (await eye.core.store.outgoing.deliveries({ sender: login, sinceAt: 0, limit: 1000 })).length
    await expect.poll(told, PATIENCE).toBe(host.postfix.sink.mails.filter(({ from }) => from === login).length)
  } finally {
    await second.remove()
  }
})
