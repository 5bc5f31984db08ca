// What Postfix is told of a message, without a Postfix: who may send, as whom, and how much.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { config } from '../../plugins/postfix/config.ts'
import { asciiSentence, policy } from '../../plugins/postfix/policy.ts'
import { sendersMap } from '../../plugins/postfix/senders.ts'
import { atDoor, type TestDoors, testDoors } from '../support/door-host.ts'

const ALICE = 'alice@asso.example'
const SITE = 'site42.example'

let dir: string
let doors: TestDoors
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'policy-'))
  doors = testDoors(dir)
  doors.logins.set(ALICE, atDoor())
  doors.logins.set(SITE, atDoor({ site: SITE }))
})
afterEach(() => rm(dir, { recursive: true }))

const settings = (more: Record<string, unknown> = {}) => config.parse({ folder: '/var/lib/x', ...more })
const decide = (asked: Record<string, string | number>, more: Record<string, unknown> = {}) =>
  policy(
    settings(more),
    doors,
    sendersMap(join(dir, 'senders'), () => performance.now()),
  )(new Map(Object.entries({ request: 'smtpd_access_policy', ...asked }).map(([name, value]) => [name, String(value)])))
const rcpt = (login: string, more: Record<string, string | number> = {}) => ({
  protocol_state: 'RCPT',
  sasl_username: login,
  sender: ALICE,
  recipient_count: 0,
  ...more,
})
let ids = 0
const end = (login: string, more: Record<string, string | number> = {}) => ({
  ...rcpt(login),
  protocol_state: 'END-OF-MESSAGE',
  queue_id: `4ABCDEFGHz${++ids}`,
  recipient_count: 1,
  size: 1000,
  client_address: '127.0.0.1',
  ...more,
})

describe('decisions', () => {
  test('mail from outside, and other requests, are none of its business', async () => {
    expect(await decide({ protocol_state: 'RCPT', sender: ALICE })).toBe('DUNNO')
    expect(await decide({ ...rcpt(ALICE), request: 'other' })).toBe('DUNNO')
    expect(doors.facts).toEqual([])
  })

  test("Schedar's own letters need no login, and nobody else's go that way", async () => {
    const asked: [unknown, unknown][] = []
    const letter = (isSchedar: boolean, more: Record<string, string> = {}) =>
      policy(
        settings(),
        doors,
        sendersMap(join(dir, 'senders'), () => performance.now()),
        async (client, server) => {
          asked.push([client, server])
          return isSchedar
        },
      )(
        new Map(
          Object.entries({
            request: 'smtpd_access_policy',
            policy_context: 'schedar-letters',
            client_address: '127.0.0.1',
            client_port: '40000',
            server_address: '127.0.0.1',
            server_port: '10041',
            ...more,
          }),
        ),
      )
    expect(await letter(true)).toBe('OK')
    expect(await letter(false)).toMatch(/^REJECT 5\.7\.1 /)
    expect(await letter(false, { sasl_username: ALICE })).toMatch(/^REJECT /)
    expect(asked[0]).toEqual([
      { address: '127.0.0.1', port: 40_000 },
      { address: '127.0.0.1', port: 10_041 },
    ])
    expect(await letter(true, { policy_context: 'submission' }), 'elsewhere it is no licence').toBe('DUNNO')
  })

  test('who may send may; a recipient is looked at and not counted', async () => {
    expect(await decide(rcpt(ALICE))).toBe('DUNNO')
    expect(doors.counters.size).toBe(0)
    expect(doors.facts).toEqual([])
  })

  test.each([
    { access: 'none' as const, maySend: false },
    { access: 'restricted' as const, maySend: false },
    { maySend: false },
    { access: 'restricted' as const },
  ])('who may not reads why, at each state: %j', async (more) => {
    doors.logins.set(ALICE, atDoor({ ...more, why: 'Votre cotisation est échue.' }))
    for (const asked of [rcpt(ALICE), end(ALICE)])
      expect(await decide(asked)).toBe('REJECT 5.7.1 Votre cotisation est echue.')
    expect(doors.facts).toEqual([])
    expect(doors.counters.size).toBe(0)
  })

  test('a name counts whatever its case and form', async () => {
    for (const name of ['ALICE@asso.example', ' alice@ASSO.example', 'ａlice@asso.example']) {
      expect(await decide(end(name))).toBe('DUNNO')
      expect(doors.facts.at(-1)).toMatchObject({ message: { login: ALICE } })
    }
    doors.logins.set(ALICE, atDoor({ maySend: false, why: 'no' }))
    expect(await decide(rcpt('Alice@Asso.Example'))).toBe('REJECT 5.7.1 no')
  })

  test('a login that nobody knows is refused, unless it is to be let through', async () => {
    expect(await decide(rcpt('eve@asso.example'))).toMatch(/^REJECT 5\.7\.1 /)
    expect(await decide(rcpt('eve@asso.example'), { strangers: 'accept' })).toBe('DUNNO')
  })

  test('at the end a message is on record', async () => {
    expect(await decide(end(ALICE, { queue_id: '4XYZ', recipient_count: 3, size: 512 }))).toBe('DUNNO')
    expect(doors.facts).toEqual([
      {
        kind: 'submitted',
        message: {
          queueId: '4XYZ',
          login: ALICE,
          sender: ALICE,
          recipients: 3,
          sizeBytes: 512,
          clientAddress: '127.0.0.1',
        },
      },
    ])
  })

  test('what the core throws is thrown', async () => {
    doors.trouble = async () => {
      throw new Error('no database')
    }
    await expect(decide(rcpt(ALICE))).rejects.toThrow('no database')
  })
})

describe('limits', () => {
  const limits = (more: Record<string, Record<string, number>>) => ({ limits: more })

  test('of a login: messages in an hour; the one over it is held, the next ones refused', async () => {
    const few = limits({ login: { messagesPerHour: 3 } })
    for (let at = 0; at < 3; at++) expect(await decide(end(ALICE), few)).toBe('DUNNO')
    expect(await decide(end(ALICE), few)).toBe(`HOLD more than 3 messages in an hour from the login ${ALICE}`)
    expect(doors.facts.at(-1)).toMatchObject({ kind: 'submitted', burst: expect.stringContaining('3 messages') })
    expect(await decide(rcpt(ALICE), few)).toMatch(/^REJECT 5\.7\.1 Envoi suspendu/)
    expect(await decide(end(ALICE), few)).toMatch(/^REJECT/)
    expect(doors.facts).toHaveLength(4)
  })

  test('of recipients: one message to many', async () => {
    expect(await decide(end(ALICE, { recipient_count: 301 }))).toMatch(/^HOLD more than 300 recipients in an hour/)
  })

  test.each([
    ['messagesPerDay', /5 messages in a day/],
    ['recipientsPerDay', /5 recipients in a day/],
    ['recipientsPerHour', /5 recipients in an hour/],
  ])('of a login: %s', async (key, said) => {
    for (let at = 0; at < 5; at++) expect(await decide(end(ALICE), limits({ login: { [key]: 5 } }))).toBe('DUNNO')
    expect(await decide(end(ALICE), limits({ login: { [key]: 5 } }))).toMatch(said)
  })

  test("a site's forms have limits of their own, and the site alone is stopped", async () => {
    const few = limits({ site: { messagesPerHour: 2 } })
    for (let at = 0; at < 2; at++) expect(await decide(end(SITE), few)).toBe('DUNNO')
    expect(await decide(end(SITE), few)).toMatch(/from the site site42\.example$/)
    expect(await decide(end(SITE), few)).toMatch(/^REJECT/)
    expect(await decide(end(ALICE), few)).toBe('DUNNO')
  })

  test("all of a member's logins and sites count together", async () => {
    const few = limits({ member: { messagesPerHour: 4 } })
    for (const login of [ALICE, SITE, ALICE, SITE]) expect(await decide(end(login), few)).toBe('DUNNO')
    expect(await decide(end(ALICE), few)).toMatch(/from the member m1$/)
  })

  test('the null sender counts for the login', async () => {
    const few = limits({ login: { messagesPerHour: 2 } })
    for (let at = 0; at < 2; at++) expect(await decide(end(ALICE, { sender: '' }), few)).toBe('DUNNO')
    expect(await decide(end(ALICE, { sender: '' }), few)).toMatch(/^HOLD/)
  })

  test('once a person lifted the quarantine, what was sent before counts no more', async () => {
    const few = limits({ login: { messagesPerDay: 1 } })
    await decide(end(ALICE), few)
    expect(await decide(end(ALICE), few)).toMatch(/^HOLD/)
    doors.logins.set(ALICE, atDoor({ countedFrom: 5000 }))
    expect(await decide(end(ALICE), few)).toBe('DUNNO')
    expect(await decide(end(ALICE), few)).toMatch(/^HOLD/)
  })

  test('a burst is held also when it cannot be recorded, or not in time', async () => {
    const few = limits({ login: { messagesPerHour: 1 } })
    await decide(end(ALICE), few)
    const { report } = doors
    doors.report = async () => {
      throw new Error('no database')
    }
    expect(await decide(end(ALICE), few)).toMatch(/^HOLD/)
    expect(doors.events).toEqual(['postfix.burst_not_recorded'])
    doors.report = () => new Promise(() => undefined)
    expect(await decide(end(ALICE), few)).toMatch(/^HOLD/)
    doors.report = report
  })
})

describe('senders', () => {
  const table = (text: string) => writeFile(join(dir, 'senders'), text)

  test('without the map it says nothing; with it, a sender must belong to the login', async () => {
    expect(await decide(rcpt(ALICE, { sender: 'anybody@asso.example' }))).toBe('DUNNO')
    await table(
      `# a comment\n${ALICE} ${ALICE}, ${SITE}\nteam@asso.example bob@asso.example,\n  ${ALICE}\n@${SITE} ${SITE}\n`,
    )
    for (const sender of [ALICE, 'Alice@Asso.Example', 'alice+shop@asso.example', 'team@asso.example', ''])
      expect(await decide(rcpt(ALICE, { sender })), sender).toBe('DUNNO')
    for (const sender of ['bob@asso.example', `contact@${SITE}`, 'a@b@asso.example', 'nonsense', '@'])
      expect(await decide(rcpt(ALICE, { sender })), sender).toMatch(/^REJECT/)
    for (const sender of [`contact@${SITE}`, ALICE]) expect(await decide(rcpt(SITE, { sender })), sender).toBe('DUNNO')
    expect(await decide(rcpt(SITE, { sender: 'bob@asso.example' }))).toMatch(/^REJECT/)
  })

  test('a change of the map is seen', async () => {
    const map = sendersMap(join(dir, 'senders'), () => performance.now())
    await table(`${ALICE} ${ALICE}\n`)
    expect(await map.mayWriteAs(ALICE, 'new@asso.example')).toBe(false)
    await table(`${ALICE} ${ALICE}\nnew@asso.example ${ALICE}\n`)
    await expect.poll(() => map.mayWriteAs(ALICE, 'new@asso.example')).toBe(true)
  })
})

describe('sentences', () => {
  test('are ASCII, in one line, and not endless', () => {
    expect(asciiSentence('Où êtes-vous ? L’œuvre « payée » – 12 €')).toBe(`Ou etes-vous ? L'oeuvre "payee" - 12 EUR`)
    expect(asciiSentence('a\r\n\naction=OK\u2028b\0')).toBe('a action=OK b')
    expect(asciiSentence('日本')).toBe('')
    expect(asciiSentence('x'.repeat(9999))).toHaveLength(400)
  })
})
