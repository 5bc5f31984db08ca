// Mail sent through a real Postfix that the kit has set up, signed in at a real Dovecot: who may, as whom, how much, and
// what holds while Schedar is down. What arrives is read from the mailbox and from the sink.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createTransport } from 'nodemailer'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { config as configSchema } from '../../plugins/postfix/config.ts'
import plugin from '../../plugins/postfix/index.ts'
import type { AddressSubject, LoginSubject, ServedDoors } from '../../src/plugin.ts'
import { atDoor, type TestDoors, testDoors } from '../support/door-host.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { type Postfix, startPostfix } from '../support/postfix.ts'
import { type Smtp, smtp } from '../support/smtp.ts'
import { addressSubject, loginSubject } from '../support/subjects.ts'

const ALICE = 'alice@asso.example'
const BOB = 'bob@asso.example'
const SITE = 'site42.example'
const FAR = 'far@example.net'
const soon = () => AbortSignal.timeout(30_000)

let dovecot: Dovecot
let postfix: Postfix
let doors: TestDoors
let served: ServedDoors | undefined
let folder: string
const sessions: Smtp[] = []

const serve = async (more: Record<string, unknown> = {}) => {
  served = await plugin.serve!(configSchema.parse({ ...postfix.config, ...more }), doors)
}
const unserve = async () => {
  await served?.close()
  served = undefined
}
const apply = async (more: Record<string, unknown>, ...subjects: AddressSubject[]) => {
  const service = await plugin.parts!.addresses!.open(configSchema.parse({ ...postfix.config, ...more }), doors)
  await service.apply(new Map(subjects.map((subject) => [subject.name, service.render(subject)])), soon())
}
const applyLogin = async (subject: LoginSubject) => {
  const service = await plugin.open!(postfix.config, doors)
  await service.apply(new Map([[subject.name, service.render(subject)]]), soon())
}
/** A session of a program that has signed in. */
async function session(login = ALICE): Promise<Smtp> {
  const client = await smtp(postfix.submissionsPort, postfix.ca)
  sessions.push(client)
  expect(await client.authenticate(login, dovecot.password(login.toLowerCase()))).toMatch(/^235 /)
  return client
}
const queueIdIn = (reply: string): string => /queued as (\w+)/.exec(reply)?.[1] ?? reply
const queue = async (): Promise<{ queue_id: string; queue_name: string }[]> =>
  (await postfix.command('postqueue', '-j'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
const arrived = (text: string) => postfix.sink.mails.filter((mail) => mail.text.includes(text)).length

beforeAll(async () => {
  dovecot = await startDovecot({
    logins: [ALICE, BOB, SITE],
    provider: { issuer: 'http://127.0.0.1:9', client: { clientId: 'dovecot', clientSecret: 'x'.repeat(40) } },
  })
  postfix = await startPostfix({ dovecot })
})
afterAll(async () => {
  await postfix?.remove()
  await dovecot?.remove()
})
beforeEach(async () => {
  folder = await mkdtemp(join(postfix.dir, 'data-'))
  doors = testDoors(folder)
  for (const login of [ALICE, BOB]) doors.logins.set(login, atDoor())
  doors.logins.set(SITE, atDoor({ site: SITE }))
  await apply(
    {},
    addressSubject(ALICE, { senders: [ALICE, SITE] }),
    addressSubject(BOB),
    addressSubject('team@asso.example', { delivery: { targets: [ALICE, BOB] }, senders: [ALICE] }),
    addressSubject(`@${SITE}`, { delivery: null, senders: [SITE] }),
  )
  for (const login of [ALICE, BOB, SITE]) await applyLogin(loginSubject(login))
  postfix.sink.mails.length = 0
  await serve()
})
afterEach(async () => {
  for (const client of sessions.splice(0)) client.close()
  await unserve()
  await postfix.command('postsuper', '-d', 'ALL')
  await rm(folder, { recursive: true })
})

describe('sending', () => {
  test('all that Schedar needs of Postfix is there', async () => {
    for (const open of [plugin.open!, plugin.parts!.addresses!.open, plugin.parts!.queue!.open])
      await (await open(postfix.config, doors)).check(soon())
  })

  test('a program with STARTTLS sends, and it is on record', async () => {
    const transport = createTransport({
      host: '127.0.0.1',
      port: postfix.submissionPort,
      requireTLS: true,
      auth: { user: ALICE.toUpperCase(), pass: dovecot.password(ALICE) },
      tls: { ca: postfix.ca },
    })
    const { response } = await transport.sendMail({
      from: ALICE,
      to: [FAR, 'two@example.net'],
      subject: 'été',
      text: 'x',
    })
    transport.close()
    expect(doors.facts[0]).toMatchObject({
      kind: 'submitted',
      message: { queueId: queueIdIn(response), login: ALICE, sender: ALICE, recipients: 2, clientAddress: '127.0.0.1' },
    })
    await expect.poll(() => postfix.sink.mails.flatMap(({ to }) => to).toSorted()).toEqual([FAR, 'two@example.net'])
  })

  test('nothing is taken without a sign-in, on any port, for elsewhere', async () => {
    for (const client of [await smtp(postfix.smtpPort), await smtp(postfix.submissionsPort, postfix.ca)]) {
      expect(await client.send({ from: ALICE, to: [FAR] })).toMatch(/^554 5\.7\.1 /)
      client.close()
    }
    const plain = await smtp(postfix.submissionPort)
    expect(await plain.authenticate(ALICE, dovecot.password(ALICE)), 'before STARTTLS').toMatch(/^5/)
    plain.close()
  })

  test("Schedar's own letters go out without a login, and while it is down wait; no other user's do", async () => {
    const asUser = (uid: number) =>
      promisify(execFile)(
        'curl',
        [
          '-sS',
          `smtp://127.0.0.1:${postfix.lettersPort}`,
          '--mail-from',
          ALICE,
          '--mail-rcpt',
          FAR,
          '-T',
          '/etc/hostname',
        ],
        { uid, gid: uid, cwd: '/' },
      ).then(
        () => 'sent',
        ({ stderr }: { stderr: string }) => stderr,
      )
    expect(await asUser(65_534)).toContain('554')
    expect(await asUser(process.getuid!())).toBe('sent')
    await expect.poll(() => postfix.sink.mails.flatMap(({ to }) => to)).toEqual([FAR])
    await unserve()
    expect(await asUser(process.getuid!())).toContain('451')
  })

  test('a sender must belong to the login; whatever its case', async () => {
    const client = await session()
    for (const from of [ALICE, ALICE.toUpperCase(), 'alice+shop@asso.example', 'team@asso.example'])
      expect(await client.send({ from, to: [FAR] }), from).toMatch(/^250 /)
    for (const from of [BOB, `contact@${SITE}`, 'anybody@example.net'])
      expect(await client.send({ from, to: [FAR] }), from).toMatch(/^55\d 5\.7\.1 /)
    const site = await session(SITE)
    for (const from of [`contact@${SITE}`, ALICE]) expect(await site.send({ from, to: [FAR] }), from).toMatch(/^250 /)
    expect(await site.send({ from: BOB, to: [FAR] })).toMatch(/^55\d 5\.7\.1 /)
  })

  test('each guard of the sender holds alone', async () => {
    await unserve()
    const client = await session()
    expect(await client.send({ from: BOB, to: [FAR] }), 'the map').toMatch(/^553 5\.7\.1 .*not owned by user/)
    await serve()
    const kept = (await postfix.command('postconf', '-h', 'schedar_recipient_restrictions')).trim()
    await postfix.set(
      `schedar_recipient_restrictions=${kept.replace('reject_authenticated_sender_login_mismatch,', '')}`,
    )
    try {
      await expect
        .poll(async () => (await session()).send({ from: BOB, to: [FAR] }), { timeout: 10_000 })
        .toMatch(/^554 5\.7\.1 .*may not write as this sender/)
    } finally {
      await postfix.set(`schedar_recipient_restrictions=${kept}`)
    }
  })

  test('the null sender is let through and counts for the login', async () => {
    const client = await session()
    const reply = await client.send({ from: '', to: [FAR] })
    expect(doors.facts).toMatchObject([{ message: { queueId: queueIdIn(reply), login: ALICE, sender: '' } }])
    doors.logins.set(ALICE, atDoor({ maySend: false, why: 'no' }))
    expect(await client.send({ from: '', to: [FAR] })).toMatch(/^554 5\.7\.1 .*: no$/)
  })

  test('who may not send reads why, in a session that was open before', async () => {
    const client = await session()
    expect(await client.send({ from: ALICE, to: [FAR] })).toMatch(/^250 /)
    doors.logins.set(
      ALICE,
      atDoor({ access: 'restricted', maySend: false, why: 'Votre cotisation est échue — voyez « Compte »' }),
    )
    expect(await client.send({ from: ALICE, to: [FAR] })).toMatch(
      /^554 5\.7\.1 .*: Votre cotisation est echue - voyez "Compte"$/,
    )
  })

  test('suspended between the recipient and the end: refused at the end', async () => {
    const client = await session()
    expect(await client.command(`MAIL FROM:<${ALICE}>`)).toMatch(/^250/)
    expect(await client.command(`RCPT TO:<${FAR}>`)).toMatch(/^250/)
    expect(await client.command('DATA')).toMatch(/^354/)
    doors.logins.set(ALICE, atDoor({ access: 'none', maySend: false, why: 'closed' }))
    expect(await client.command('Subject: late\r\n\r\nx\r\n.')).toMatch(/^554 5\.7\.1 .*: closed$/)
  })
})

describe('bursts', () => {
  test('the message over the limit is held, the next ones are refused; the others send', async () => {
    await unserve()
    await serve({ limits: { login: { messagesPerHour: 3 } } })
    const client = await session()
    const replies: string[] = []
    for (let at = 0; at < 5; at++)
      replies.push(await client.send({ from: ALICE, to: [FAR], text: `Subject: burst ${at}\r\n\r\nx` }))
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['250', '250', '250', '250', '554'])
    const held = (await queue()).filter(({ queue_name }) => queue_name === 'hold')
    expect(held.map(({ queue_id }) => queue_id)).toEqual([queueIdIn(replies[3]!)])
    // What the log tells of the messages before may come after it.
    expect(doors.facts.findLast(({ kind }) => kind === 'submitted')).toMatchObject({
      burst: expect.stringContaining('3 messages'),
      message: { login: ALICE },
    })
    await expect.poll(() => arrived('burst')).toBe(3)
    expect(await (await session(BOB)).send({ from: BOB, to: [FAR] })).toMatch(/^250 /)

    const mails = plugin.queue!(postfix.config, doors)
    expect(await mails.messages([queueIdIn(replies[3]!), 'ABCDEFGHJK12'], soon())).toMatchObject([
      { queueId: queueIdIn(replies[3]!), sender: ALICE, recipients: [FAR], subject: 'burst 3', script: '' },
    ])
    await mails.release([queueIdIn(replies[3]!)], soon())
    await expect.poll(() => arrived('burst 3'), { timeout: 20_000 }).toBe(1)
    expect(await queue()).toEqual([])
  })

  test('one message to many is one; and it can be thrown away', async () => {
    await unserve()
    await serve({ limits: { site: { recipientsPerHour: 2 } } })
    const client = await session(SITE)
    const text = `Subject: =?UTF-8?B?${Buffer.from('Gagné !').toString('base64')}?=\r\nX-PHP-Originating-Script: 1042:form.php\r\n\r\nx`
    const id = queueIdIn(
      await client.send({ from: `www@${SITE}`, to: ['a@example.net', 'b@example.net', 'c@example.net'], text }),
    )
    expect(doors.facts).toMatchObject([
      { burst: expect.stringContaining(`the site ${SITE}`), message: { recipients: 3 } },
    ])
    const mails = plugin.queue!(postfix.config, doors)
    const [held] = await mails.messages([id], soon())
    expect(held).toMatchObject({
      subject: 'Gagné !',
      script: '1042:form.php',
      recipients: ['a@example.net', 'b@example.net', 'c@example.net'],
    })
    expect(Math.abs((held?.arrivedAt ?? 0) - Date.now())).toBeLessThan(120_000)
    expect(held?.sizeBytes).toBeGreaterThan(100)
    await mails.purge([id, 'ALL', '-', '../x'], soon())
    expect(await queue()).toEqual([])
    await mails.purge([id], soon())
    expect(await mails.messages([id], soon())).toEqual([])
    expect(arrived('form.php')).toBe(0)
  })
})

describe('while Schedar is down', () => {
  test('the map refuses, in sessions that were open; who may send sends', async () => {
    const [alice, bob] = [await session(), await session(BOB)]
    await unserve()
    await applyLogin(loginSubject(ALICE, { access: 'none' }))
    expect(await alice.send({ from: ALICE, to: [FAR] })).toMatch(/^554 5\.7\.1 .*account page/)
    expect(await bob.send({ from: BOB, to: [FAR] })).toMatch(/^250 /)
    const again = await session(ALICE.toUpperCase())
    expect(await again.send({ from: ALICE, to: [FAR] })).toMatch(/^554 5\.7\.1 /)
    await applyLogin(loginSubject(ALICE))
    expect(await alice.send({ from: ALICE, to: [FAR] }), 'and lifted, in the same session').toMatch(/^250 /)
  })

  test('refused between the recipient and the end: the map refuses at the end', async () => {
    const client = await session()
    await unserve()
    await client.command(`MAIL FROM:<${ALICE}>`)
    expect(await client.command(`RCPT TO:<${FAR}>`)).toMatch(/^250/)
    expect(await client.command('DATA')).toMatch(/^354/)
    await applyLogin(loginSubject(ALICE, { maySend: false }))
    expect(await client.command('Subject: late\r\n\r\nx\r\n.')).toMatch(/^554 5\.7\.1 /)
  })

  test('closed, when the configuration says so', async () => {
    const kept = (await postfix.command('postconf', '-h', 'schedar_policy')).trim()
    await unserve()
    await postfix.set(
      `schedar_policy=${kept.replace('default_action=DUNNO', '{ default_action = 451 4.3.0 Please try again in a few minutes }')}`,
    )
    try {
      await expect
        .poll(async () => (await session()).send({ from: ALICE, to: [FAR] }), { timeout: 20_000 })
        .toMatch(/^451 4\.3\.0 .*try again/)
      await serve({ inDoubt: 'refuse' })
      const client = await session()
      expect(await client.send({ from: ALICE, to: [FAR] })).toMatch(/^250 /)
      await client.command(`MAIL FROM:<${ALICE}>`)
      await client.command(`RCPT TO:<${FAR}>`)
      await client.command('DATA')
      await unserve()
      expect(await client.command('Subject: x\r\n\r\nx\r\n.'), 'at the end').toMatch(/^451 4\.3\.0 /)
    } finally {
      await postfix.set(`schedar_policy=${kept}`)
    }
  })

  test.each([
    ['accept', /^250 /],
    ['refuse', /^451 4\.3\.0 /],
  ])('with the core in trouble, or slow, it is %s', async (inDoubt, expected) => {
    await unserve()
    await serve({ inDoubt, answerTimeoutMs: 1000 })
    const client = await session()
    doors.trouble = () => Promise.reject(new Error('no database'))
    expect(await client.send({ from: ALICE, to: [FAR] })).toMatch(expected)
    doors.trouble = () => sleep(5000)
    expect(await client.send({ from: ALICE, to: [FAR] })).toMatch(expected)
    expect(doors.events).toContain('postfix.policy_in_doubt')
    doors.trouble = undefined
    expect(await client.send({ from: ALICE, to: [FAR] })).toMatch(/^250 /)
  })
})

describe('the policy port', () => {
  test('is for Postfix alone: another user of the machine is not heard', async () => {
    const { port } = new URL(`http://${postfix.config.policy}`)
    const forged = `request=smtpd_access_policy\\nprotocol_state=END-OF-MESSAGE\\nsasl_username=${ALICE}\\nrecipient_count=999\\n\\n`
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf '${forged}' >&3; cat <&3`
    const asNobody = await promisify(execFile)('setpriv', [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      'bash',
      '-c',
      script,
    ]).catch((error: { stdout: string }) => error)
    expect(asNobody.stdout).toBe('')
    const closing = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf '${forged}' >&3`
    await promisify(execFile)('setpriv', [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      'bash',
      '-c',
      closing,
    ]).catch(() => undefined)
    await sleep(300)
    expect([doors.facts, doors.counters.size]).toEqual([[], 0])
  })

  test('rubbish, a megabyte, and clients that hang do not keep Postfix from its answer', async () => {
    const { port } = new URL(`http://${postfix.config.policy}`)
    const sockets = Array.from({ length: 200 }, () => connect(Number(port), '127.0.0.1'))
    for (const [at, socket] of sockets.entries()) {
      socket.on('error', () => undefined)
      if (at % 3 === 0) socket.write('x'.repeat(1024 * 1024))
      if (at % 3 === 1) socket.write('request=smtpd_access')
    }
    const client = await session()
    for (let at = 0; at < 5; at++) expect(await client.send({ from: ALICE, to: [FAR] })).toMatch(/^250 /)
    for (const socket of sockets) socket.destroy()
  })
})

describe('incoming', () => {
  const outside = async (...to: string[]): Promise<string> => {
    const client = await smtp(postfix.smtpPort)
    const reply = await client.send({ from: 'someone@example.net', to })
    client.close()
    return reply
  }

  test('mailboxes and aliases get their mail, nobody else', async () => {
    expect(await outside(ALICE)).toMatch(/^250 /)
    expect(await outside('team@asso.example')).toMatch(/^250 /)
    expect(await outside('nobody@asso.example')).toMatch(/^550 5\.1\.1 /)
    expect(await outside(`contact@${SITE}`)).toMatch(/^554 5\.7\.1 .*Relay access denied/)
    const delivered = () => doors.facts.filter((fact) => fact.kind === 'delivery' && fact.result === 'sent')
    await expect
      .poll(
        () =>
          delivered()
            .map((fact) => 'recipient' in fact && fact.recipient)
            .toSorted(),
        { timeout: 20_000 },
      )
      .toEqual([ALICE, 'team@asso.example', 'team@asso.example'])
    expect(delivered()[0]).toMatchObject({
      sender: 'someone@example.net',
      dsn: '2.0.0',
      relay: expect.stringContaining('dovecot-lmtp'),
    })
  })

  test('of the suspended it is delivered, or put off; seen at once by a session that is open', async () => {
    const client = await smtp(postfix.smtpPort)
    const send = () => client.send({ from: 'someone@example.net', to: [BOB] })
    expect(await send()).toMatch(/^250 /)
    await apply({}, addressSubject(BOB, { access: 'none' }))
    expect(await send()).toMatch(/^250 /)
    await apply({ incoming: 'defer' }, addressSubject(BOB, { access: 'none' }))
    expect(await send()).toMatch(/^450 4\.2\.1 /)
    await apply({ incoming: 'defer' }, addressSubject(BOB))
    expect(await send()).toMatch(/^250 /)
    client.close()
  })

  test('a domain comes with its first address and goes with its last', async () => {
    const [one, two] = [addressSubject('a@new.example'), addressSubject('b@new.example')]
    const service = await plugin.parts!.addresses!.open(postfix.config, doors)
    await apply({}, one, two)
    expect(await outside('c@new.example')).toMatch(/^550 5\.1\.1 /)
    await service.apply(new Map([[one.name, null]]), soon())
    expect(await outside(one.name)).toMatch(/^550 5\.1\.1 /)
    await service.apply(new Map([[two.name, null]]), soon())
    expect(await outside(two.name)).toMatch(/^554 5\.7\.1 .*Relay access denied/)
  })
})

describe('what became of it', () => {
  test('bounces and deferrals are told with what the other server said', async () => {
    postfix.sink.replies.set('full@example.net', '452 4.2.2 mailbox full')
    postfix.sink.replies.set('gone@example.net', '550 5.1.1 no such person')
    const client = await session()
    const id = queueIdIn(await client.send({ from: ALICE, to: ['full@example.net', 'gone@example.net', FAR] }))
    const told = () =>
      doors.facts
        .flatMap((fact) => (fact.kind === 'delivery' && fact.queueId === id ? [fact] : []))
        .toSorted((a, b) => (a.recipient < b.recipient ? -1 : 1))
    await expect.poll(() => told().length, { timeout: 20_000 }).toBe(3)
    expect(told()).toMatchObject([
      { recipient: FAR, result: 'sent', sender: ALICE, dsn: '2.0.0' },
      {
        recipient: 'full@example.net',
        result: 'deferred',
        dsn: '4.2.2',
        text: expect.stringContaining('452 4.2.2 mailbox full'),
      },
      {
        recipient: 'gone@example.net',
        result: 'bounced',
        dsn: '5.1.1',
        text: expect.stringContaining('no such person'),
      },
    ])
    for (const { at } of told()) expect(Math.abs(at - Date.now())).toBeLessThan(120_000)
  })

  test('nothing is told twice after a restart, and nothing lost that happened meanwhile', async () => {
    const client = await session()
    const told = () => doors.facts.filter((fact) => fact.kind === 'delivery').length
    await client.send({ from: ALICE, to: [FAR] })
    await expect.poll(told, { timeout: 20_000 }).toBe(1)
    await unserve()
    await client.send({ from: ALICE, to: ['two@example.net'] })
    await expect.poll(() => postfix.sink.mails.length, { timeout: 20_000 }).toBe(2)
    await serve()
    await expect.poll(told, { timeout: 20_000 }).toBe(2)
    await sleep(1500)
    expect(told()).toBe(2)
  })
})
