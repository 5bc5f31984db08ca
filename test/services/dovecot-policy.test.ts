// Dovecot asks Schedar at each sign-in: the suspended read why, the last use of each app password is known, and when nobody
// answers the files go on deciding.
import { createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import plugin from '../../plugins/dovecot/index.ts'
import type { ServedDoors } from '../../src/plugin.ts'
import { atDoor, type TestDoors, testDoors } from '../support/door-host.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { imap } from '../support/imap.ts'
import { startProvider, type TestProvider } from '../support/introspection-provider.ts'
import { pop3, sasl } from '../support/line-client.ts'
import { appPassword, given } from '../support/mail-password.ts'
import { attempt, REFUSED, restored } from '../support/mail-sign-in.ts'
import { loginSubject, pluginHost } from '../support/subjects.ts'

const ALICE = 'alice@asso.example'
const BOB = 'bob@asso.example'
const WHY = 'Votre compte est suspendu : écrivez à bureau@asso.example.'
const soon = () => AbortSignal.timeout(30_000)
const [phone, desktop, bobs] = [appPassword('imap', 'pop3', 'smtp'), appPassword('imap'), appPassword('imap')]

let provider: TestProvider
let dovecot: Dovecot
let doors: TestDoors
let served: ServedDoors | undefined
let service: Awaited<ReturnType<NonNullable<typeof plugin.open>>>
beforeAll(async () => {
  provider = await startProvider()
  dovecot = await startDovecot({ homes: true, logins: [], provider, policy: true })
  service = await plugin.open!(dovecot.config, pluginHost(dovecot.dir))
})
afterAll(async () => {
  await dovecot?.remove()
  await provider?.stop()
})
const suspended = loginSubject(ALICE, { access: 'none' })
const put = (subject = loginSubject(ALICE, { passwords: [phone, desktop].map(given) })) =>
  service.apply(new Map([[subject.name, service.render(subject)]]), soon())
beforeEach(async () => {
  doors = testDoors(dovecot.dir)
  served = await plugin.serve!(dovecot.config, doors)
  await put()
  await put(loginSubject(BOB, { passwords: [given(bobs)] }))
  await restored(dovecot, 'PLAIN', ALICE, phone.secret)
  doors.facts.splice(0)
})
afterEach(async () => {
  await served?.close()
  served = undefined
})

test('the suspended read why, over each protocol, with password and token; nobody else is told anything', async () => {
  const { accessToken } = await provider.signIn(ALICE)
  await put(suspended)
  doors.logins.set(ALICE, atDoor({ access: 'none', why: WHY }))
  const session = await imap(dovecot.imapPort)
  expect(await session.authenticate('PLAIN', ALICE, phone.secret)).toBe(`NO [ALERT] ${WHY}`)
  expect(await session.authenticate('XOAUTH2', ALICE, accessToken)).toContain(WHY)
  session.close()
  expect(await pop3(dovecot.pop3Port, ALICE, phone.secret)).toBe(`-ERR [AUTH] ${WHY}`)
  // What Postfix shows as 535 5.7.8.
  expect(await sasl(`${dovecot.dir}/run/auth-client`, 'smtp', ALICE, phone.secret)).toContain(`reason=${WHY}`)
  expect(await attempt(dovecot, 'PLAIN', BOB, bobs.secret)).toBe('OK')
  expect(await attempt(dovecot, 'PLAIN', BOB, 'wrong')).toBe(REFUSED)
})

test('each use of an app password is told, with which, and each wrong one', async () => {
  expect(await attempt(dovecot, 'PLAIN', ALICE, desktop.secret)).toBe('OK')
  expect(await pop3(dovecot.pop3Port, ALICE, phone.typed[1])).toMatch(/^\+OK/)
  expect(await sasl(`${dovecot.dir}/run/auth-client`, 'smtp', ALICE, phone.secret)).toMatch(/^OK/)
  expect(await attempt(dovecot, 'PLAIN', ALICE, 'wrong')).toBe(REFUSED)
  const { accessToken } = await provider.signIn(ALICE)
  expect(await attempt(dovecot, 'XOAUTH2', ALICE, accessToken)).toBe('OK')
  expect(await attempt(dovecot, 'XOAUTH2', ALICE, `${accessToken}x`)).toBe(REFUSED)
  await expect.poll(() => doors.facts.length, { timeout: 5000 }).toBeGreaterThanOrEqual(4)
  expect(doors.facts).toEqual([
    { kind: 'password_used', id: desktop.id },
    { kind: 'password_used', id: phone.id },
    { kind: 'password_used', id: phone.id },
    { kind: 'sign_in_failed', login: ALICE, address: expect.any(String), former: 'everybody' },
  ])
})

test('who guessed too often is refused even with the right password, until the throttle says otherwise', async () => {
  doors.mayTry = async (login) => login !== ALICE
  expect(await attempt(dovecot, 'PLAIN', ALICE, phone.secret)).toBe(REFUSED)
  expect(await attempt(dovecot, 'PLAIN', BOB, bobs.secret)).toBe('OK')
  doors.mayTry = async () => true
  expect(await attempt(dovecot, 'PLAIN', ALICE, phone.secret)).toBe('OK')
})

test('with nobody there, or nobody answering, the refused stay refused and the others work', async () => {
  await put(suspended)
  const both = async () => {
    const from = performance.now()
    expect(await attempt(dovecot, 'PLAIN', ALICE, phone.secret)).toBe(REFUSED)
    expect(await attempt(dovecot, 'PLAIN', BOB, bobs.secret)).toBe('OK')
    return performance.now() - from
  }
  await served?.close()
  served = undefined
  await both()
  const silent = createServer(() => undefined)
  const { port } = new URL(String(dovecot.config.policyUrl))
  await new Promise<void>((resolve) => silent.listen(Number(port), '127.0.0.1', resolve))
  try {
    expect(await both()).toBeLessThan(20_000)
  } finally {
    silent.close()
  }
})

test('an answer that hangs in Schedar holds nobody up for longer than the time-out', async () => {
  doors.trouble = () => new Promise(() => undefined)
  expect(await attempt(dovecot, 'PLAIN', BOB, bobs.secret)).toBe('OK')
})

test('no password, no hash of one and no key is in the log', async () => {
  const log = await dovecot.log()
  for (const secret of [phone.secret, desktop.secret, dovecot.config.policyKey!]) expect(log).not.toContain(secret)
})
