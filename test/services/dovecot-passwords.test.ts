// App passwords, shared mailboxes, delivery and former passwords at a real Dovecot: over IMAP, POP3, ManageSieve, LMTP, and
// the socket at which a Postfix asks.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ImapFlow } from 'imapflow'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import plugin from '../../plugins/dovecot/index.ts'
import type { LoginSubject } from '../../src/plugin.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { imap } from '../support/imap.ts'
import { lmtp, pop3, sasl, sieve } from '../support/line-client.ts'
import { appPassword, given } from '../support/mail-password.ts'
import { attempt, idle, REFUSED, restored } from '../support/mail-sign-in.ts'
import { addressSubject, loginSubject, pluginHost } from '../support/subjects.ts'

const ALICE = 'alice@asso.example'
const BOB = 'bob@asso.example'
const INFO = 'info@asso.example'
const SITE = 'site.asso.example'
const client = { clientId: 'dovecot', clientSecret: 'x'.repeat(40) }
const soon = () => AbortSignal.timeout(30_000)
/** Dovecot looks at a file once a second. */
const seen = () => sleep(1100)

let dir: string
let dovecot: Dovecot
let socket: string
const open = async (dv: Dovecot) => ({
  logins: await plugin.open!(dv.config, pluginHost(dv.dir)),
  mailboxes: await plugin.parts!.mailboxes!.open(dv.config, pluginHost(dv.dir)),
})
let logins: Awaited<ReturnType<typeof open>>['logins']
let mailboxes: Awaited<ReturnType<typeof open>>['mailboxes']
beforeAll(async () => {
  dir = await mkdtemp('/tmp/sasl-')
  socket = join(dir, 'auth')
  dovecot = await startDovecot({
    homes: true,
    logins: ['old1', 'old2'].map((name) => `${name}@asso.example`),
    provider: { issuer: 'http://127.0.0.1:9', client },
    former: 'listed',
    saslSocket: socket,
  })
  ;({ logins, mailboxes } = await open(dovecot))
})
afterAll(async () => {
  await dovecot?.remove()
  await rm(dir, { recursive: true })
})

const put = (...subjects: LoginSubject[]) =>
  logins.apply(new Map(subjects.map((subject) => [subject.name, logins.render(subject)])), soon())
const imapAs = (login: string, secret: string) => attempt(dovecot, 'PLAIN', login, secret)
/** How many messages are in INBOX, as a library sees it. */
async function messages(login: string, secret: string): Promise<number> {
  const session = new ImapFlow({
    host: '127.0.0.1',
    port: dovecot.imapPort,
    secure: false,
    auth: { user: login, pass: secret },
    logger: false,
  })
  await session.connect()
  const { exists } = await session.mailboxOpen('INBOX')
  await session.logout()
  return exists
}

describe('an app password', () => {
  const all = appPassword('imap', 'pop3', 'smtp')
  const reading = appPassword('imap')
  const fetching = appPassword('pop3')
  const sending = appPassword('smtp')
  const calendar = appPassword('dav')
  beforeAll(async () => {
    await put(loginSubject(ALICE, { passwords: [all, reading, fetching, sending, calendar].map(given) }))
    await restored(dovecot, 'PLAIN', ALICE, all.secret)
  })

  test('opens each protocol that it is for, however it is typed, and no other', async () => {
    const protocols = {
      imap: async (secret: string) => (await imapAs(ALICE, secret)) === 'OK',
      sieve: async (secret: string) => (await sieve(dovecot.sievePort, ALICE, secret)).startsWith('OK'),
      pop3: async (secret: string) => (await pop3(dovecot.pop3Port, ALICE, secret)).startsWith('+OK'),
      smtp: async (secret: string) => (await sasl(socket, 'smtp', ALICE, secret)).startsWith('OK'),
    }
    const opens = async (secret: string) => {
      const tries = Object.entries(protocols).map(async ([name, open]) => ((await open(secret)) ? [name] : []))
      return (await Promise.all(tries)).flat()
    }
    for (const typed of all.typed) expect(await opens(typed)).toEqual(['imap', 'sieve', 'pop3', 'smtp'])
    expect(await opens(reading.secret)).toEqual(['imap', 'sieve'])
    expect(await opens(fetching.secret)).toEqual(['pop3'])
    expect(await opens(sending.secret)).toEqual(['smtp'])
    expect(await opens(calendar.secret)).toEqual([])
    expect(await opens(`${all.secret}x`)).toEqual([])
  })

  test('what Postfix hears is the login as Schedar knows it, however it was typed', async () => {
    expect(await sasl(socket, 'smtp', 'ALICE@Asso.Example', sending.secret)).toContain(`\tuser=${ALICE}`)
  })

  test('opens nobody else: not with the login of another, not by a name that reaches into a key', async () => {
    await put(loginSubject(BOB, { passwords: [given(appPassword('imap'))] }))
    expect(await imapAs(BOB, all.secret)).toBe(REFUSED)
    expect(await imapAs(`${ALICE}/imap`, all.secret)).not.toBe('OK')
    expect(await imapAs('', all.secret)).not.toBe('OK')
  })

  test('revoked it opens nothing within two seconds, and the others go on', async () => {
    const [kept, lost] = [appPassword('imap'), appPassword('imap')]
    await put(loginSubject(BOB, { passwords: [kept, lost].map(given) }))
    await restored(dovecot, 'PLAIN', BOB, lost.secret)
    // Of one length, within one second: size and second alone would say that nothing changed.
    const [other] = [appPassword('imap')]
    await put(loginSubject(BOB, { passwords: [kept, other].map(given) }))
    await sleep(2000)
    expect(await imapAs(BOB, lost.secret)).toBe(REFUSED)
    expect(await imapAs(BOB, kept.secret)).toBe('OK')
    expect(await imapAs(BOB, other.secret)).toBe('OK')
  })

  test('the lapsed go on reading, and what they send is refused by the mail server, not here', async () => {
    const lapsed = loginSubject(ALICE, { access: 'restricted', maySend: false, passwords: [given(all)] })
    expect(logins.render(lapsed)).toEqual(logins.render({ ...lapsed, access: 'full', maySend: true }))
  })
})

test("a site's own login sends and opens no mailbox", async () => {
  const own = appPassword('smtp')
  const imapToo = appPassword('imap')
  await put(loginSubject(SITE, { mailbox: '', passwords: [own, imapToo].map(given) }))
  await expect.poll(() => sasl(socket, 'smtp', SITE, own.secret), { timeout: 5000 }).toMatch(/^OK\t.*user=site/)
  expect(await imapAs(SITE, own.secret)).toBe(REFUSED)
  expect(await imapAs(SITE, imapToo.secret), 'there is no mailbox').not.toBe('OK')
})

describe('a shared mailbox', () => {
  const [hers, his] = [appPassword('imap', 'pop3'), appPassword('imap')]
  const alice = loginSubject(ALICE, { mailbox: INFO, passwords: [given(hers)], quotaBytes: 100_000 })
  const bob = loginSubject(BOB, { mailbox: INFO, passwords: [given(his)], quotaBytes: 100_000 })
  const info = addressSubject(INFO, { delivery: { mailbox: { quotaBytes: 100_000 } } })
  const deliver = (text: string) => lmtp(dovecot.lmtpPort, INFO, text)
  beforeEach(async () => {
    await put(alice, bob)
    await mailboxes.apply(new Map([[INFO, mailboxes.render(info)]]), soon())
    await seen()
    await restored(dovecot, 'PLAIN', ALICE, hers.secret)
  })

  test('what is delivered to it is read by each of its logins', async () => {
    expect(await deliver('Subject: one\r\n\r\nhello')).toMatch(/^250 /)
    expect(await messages(ALICE, hers.secret)).toBeGreaterThan(0)
    expect(await messages(BOB, his.secret)).toBe(await messages(ALICE, hers.secret))
    const home = join(dovecot.dir, 'mail/asso.example')
    expect(await readdir(home)).toContain('info')
  })

  test('suspending one person closes that one’s login, and mail goes on being delivered and read', async () => {
    const [one, other] = [
      await idle(dovecot, 'PLAIN', ALICE, hers.secret),
      await idle(dovecot, 'PLAIN', BOB, his.secret),
    ]
    await put({ ...alice, access: 'none' })
    await logins.endSessions!([ALICE], soon())
    expect(await one.bye()).toMatch(/^\* BYE/)
    expect(await imapAs(ALICE, hers.secret)).toBe(REFUSED)
    expect((await pop3(dovecot.pop3Port, ALICE, hers.secret)).startsWith('-ERR')).toBe(true)
    await expect(other.bye(300)).rejects.toThrow('no BYE')
    other.close()
    expect(await imapAs(BOB, his.secret)).toBe('OK')
    expect(await deliver('Subject: two\r\n\r\nhello')).toMatch(/^250 /)
  })

  test('it holds what it may, over every way in', async () => {
    const session = await imap(dovecot.imapPort)
    await session.authenticate('PLAIN', BOB, his.secret)
    expect(await session.command('GETQUOTAROOT INBOX')).toMatch(/^OK/)
    session.close()
    expect(
      await deliver(`Subject: big\r\n\r\n${'x'.repeat(900)}\r\n`.concat('y'.repeat(900), '\r\n').repeat(80)),
    ).toMatch(/^(452 4\.2\.2|552 5\.2\.2)/)
    expect(await deliver('Subject: small\r\n\r\nhello')).toMatch(/^250 /)
  })

  test('an address that was removed is unknown, and its mail is still there', async () => {
    await mailboxes.apply(new Map([[INFO, mailboxes.render({ ...info, delivery: null })]]), soon())
    await expect.poll(() => deliver('Subject: x\r\n\r\nx'), { timeout: 5000 }).toMatch(/^550 5\.1\.1/)
    expect(await readdir(join(dovecot.dir, 'mail/asso.example/info'))).toContain('Maildir')
  })

  test('an alias is no mailbox', async () => {
    expect(mailboxes.render({ ...info, delivery: { targets: [ALICE] } })).toBeNull()
    expect(await lmtp(dovecot.lmtpPort, 'nobody@asso.example', 'x')).toMatch(/^550 5\.1\.1/)
  })

  test('the address of one mailbox may be the login of another', async () => {
    await mailboxes.apply(new Map([[ALICE, mailboxes.render(addressSubject(ALICE))]]), soon())
    await seen()
    expect(await lmtp(dovecot.lmtpPort, ALICE, 'Subject: hers\r\n\r\nx')).toMatch(/^250 /)
    expect(await readdir(join(dovecot.dir, 'mail/asso.example'))).toContain('alice')
  })
})

describe('former passwords', () => {
  const [ONE, TWO] = ['old1@asso.example', 'old2@asso.example']
  beforeAll(async () => {
    await mkdir(join(dovecot.dir, 'mail/old'), { recursive: true })
    await put(loginSubject(ONE, { former: true }), loginSubject(TWO))
    await restored(dovecot, 'PLAIN', ONE, dovecot.password(ONE))
  })

  test('count for those who are listed, and only if they are right', async () => {
    expect(await imapAs(ONE, dovecot.password(ONE))).toBe('OK')
    // Were a listed name a success of the passdb that lists it, the next would not ask for the password any more.
    expect(await imapAs(ONE, 'wrong')).toBe(REFUSED)
    expect(await imapAs(ONE, dovecot.password(TWO))).toBe(REFUSED)
    expect(await imapAs(TWO, dovecot.password(TWO))).toBe(REFUSED)
    expect((await sasl(socket, 'smtp', ONE, dovecot.password(ONE))).startsWith('OK')).toBe(true)
    expect((await sasl(socket, 'smtp', ONE, 'wrong')).startsWith('FAIL')).toBe(true)
  })

  test('count no more once their time is over, and never for the suspended', async () => {
    await put(loginSubject(ONE, { former: true, access: 'none' }))
    expect(await imapAs(ONE, dovecot.password(ONE))).toBe(REFUSED)
    await put(loginSubject(ONE, { former: true }))
    await restored(dovecot, 'PLAIN', ONE, dovecot.password(ONE))
    await put(loginSubject(ONE))
    await seen()
    expect(await imapAs(ONE, dovecot.password(ONE))).toBe(REFUSED)
  })
})
