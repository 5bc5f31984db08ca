// Services that answer rubbish, or never: Dovecot's doveadm, and a site's back-channel. What is to be told to them is kept
// and told again, the staff read why in words, and no other service waits for it.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entriesIn } from '../../plugins/passwd-file/lines.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { open, read } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'
import { type Answer, type Rubbish, reply, startRubbish } from '../support/rubbish.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

let house: House
let boss: StaffMember
let folder: string
let doveadm: Rubbish
let site: Rubbish
let spip: RelyingParty
let wiki: RelyingParty
let count = 0
/** Less than doveadm is waited for, and enough for a machine that has much to do. */
const SOON = { timeout: 8_000 }
const key = crypto.randomUUID()
const core = () => house.installation.core

/** doveadm as it is: each command has its answer. */
const kicked: Answer = (body) =>
  reply(
    '200 OK',
    JSON.stringify((JSON.parse(body) as [string, object, string][]).map(([, , tag]) => ['doveadmResponse', [], tag])),
    'application/json',
  )

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'schedar-rubbish-'))
  for (const name of ['denied', 'logins', 'mailboxes']) mkdirSync(join(folder, name))
  doveadm = await startRubbish()
  site = await startRubbish()
  house = await startHouse({
    config: {
      services: {
        mail: { plugin: 'dovecot', folder, doveadmUrl: doveadm.url, doveadmApiKey: 'env:KEY' },
        logins: { plugin: 'passwd-file', file: join(folder, 'passwd') },
      },
    },
    env: { KEY: key },
  })
  boss = await staffMember(house, 'boss', 'admin')
  spip = await relyingParty(house, {
    name: 'Le site SPIP',
    template: { backchannelLogoutUri: `${site.url}/spip.php?action=schedar_fin` },
  })
  wiki = await relyingParty(house, { name: 'Le wiki' })
})
afterAll(async () => {
  for (const one of [spip, wiki, doveadm, site]) await one?.close()
  await house?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function mailbox(): Promise<Person & { login: string }> {
  doveadm.answer = kicked
  const person = await house.person({ username: `p${++count}`, coveredForDays: 30 })
  const login = `p${count}@asso.example`
  const box = await addResource(core())({ memberId: person.member!.id, kind: 'mailbox', name: login, actor: 'test' })
  await addLogin(core())({ mailboxId: box.id, accountId: person.account.id, actor: 'test' })
  await expect.poll(() => written().has(login), SOON).toBe(true)
  return { ...person, login }
}
const passwd = () => join(folder, 'passwd')
const written = () => entriesIn(existsSync(passwd()) ? readFileSync(passwd(), 'utf8') : '')
const suspended = ({ account }: Person) =>
  suspend(core())({ target: { accountId: account.id }, reason: 'Essai', actor: 'test' })
const pending = async (service: string) =>
  (await core().store.outbox.pending({ service })).filter(({ effect }) => effect !== 'sessions_again')

/** Suspends somebody while a service answers so; why it is not done, once that is known and shown to the staff. */
async function reasonShown(who: Person, service: string): Promise<string> {
  await suspended(who)
  const reason = async () => (await pending(service)).find(({ lastError }) => lastError)?.lastError
  await expect.poll(reason, { timeout: 25_000 }).toBeTruthy()
  const shown = (await reason())!
  expect(read(await open(house, boss.browser, '/admin/services'))).toContain(shown)
  const page = await open(house, boss.browser, `/admin/services/${encodeURIComponent(service)}`)
  expect(read(page)).toContain(shown)
  expect(shown).not.toContain(key)
  return shown
}

const TIMED_OUT = /timeout|in time|did not answer within/
const NOISE = 'x<&>'.repeat(256 * 1024)
const html =
  (status: string, body: string): Answer =>
  () =>
    reply(status, body)
const noHttp: [string, Answer, RegExp][] = [
  ['bytes that are no HTTP', () => '* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n', /HPE_INVALID|fetch failed/],
  ['nothing, and hangs up', () => '', /ECONNRESET|fetch failed/],
  ['nothing, ever', () => undefined, TIMED_OUT],
]

describe('doveadm that answers', () => {
  test.each([
    ['a page of HTML', html('200 OK', '<!doctype html><h1>It works!</h1>'), /is not doveadm/],
    ['a megabyte of noise', html('200 OK', NOISE), /is not doveadm/],
    ['half a JSON', html('200 OK', '[["doveadmResponse",[],"0"'), /is not doveadm/],
    ['a JSON of something else', html('200 OK', '{"ok":true}'), /is not doveadm/],
    ['for another command', html('200 OK', '[["doveadmResponse",[],"77"]]'), /is not doveadm/],
    ['an error page', html('502 Bad Gateway', '<h1>Bad gateway</h1>'), /answered 502/],
    ['with a redirect', html('302 Found', ''), /answered 302/],
    ['half an answer', () => 'HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n[["dove', /ECONNRESET/],
    ...noHttp,
  ])('%s', { timeout: 60_000 }, async (_name, answer, words) => {
    const who = await mailbox()
    const other = await mailbox()
    doveadm.answer = answer
    doveadm.asked.length = 0
    const reason = reasonShown(who, 'mail')
    // Refused at once, there and everywhere else; only those who are in already are still to be put out.
    await expect.poll(() => existsSync(join(folder, 'denied', who.login)), SOON).toBe(true)
    await expect.poll(() => written().has(who.login), SOON).toBe(false)
    await suspended(other)
    await expect.poll(() => written().has(other.login), SOON).toBe(false)
    expect((await core().doors.loginAccess(other.account.id, other.login)).access).toBe('none')
    expect(await reason).toMatch(words)
    doveadm.answer = kicked
    await expect.poll(() => pending('mail'), { timeout: 40_000 }).toEqual([])
    expect(existsSync(join(folder, 'denied', other.login))).toBe(true)
    for (const { login } of [who, other]) expect(doveadm.asked.filter((body) => body.includes(login))).not.toEqual([])
  })
})

describe('a site that answers a logout token', () => {
  const queue = () => `logout/${spip.clientId}`
  /** In at both; what was told to whom since. */
  async function signedIn() {
    const who = await house.person({ username: `s${++count}`, coveredForDays: 30 })
    const browser = createBrowser()
    await signInAt(spip, browser, house.issuer, who.account.username, who.password)
    await signInAt(wiki, browser, house.issuer, '', '')
    site.asked.length = 0
    wiki.logoutTokens.length = 0
    return who
  }

  test.each([
    ['an error page', html('500 Internal Server Error', '<h1>Erreur</h1>'), /got: 500/],
    ['an error page of a megabyte', html('503 Service Unavailable', NOISE), /got: 503/],
    ['with a redirect to its installer', html('302 Found', ''), /got: 302/],
    ['a 200 that is none', html('200.5 OK', ''), /fetch failed/],
    ...noHttp,
  ])('%s', { timeout: 60_000 }, async (_name, answer, words) => {
    const who = await signedIn()
    site.answer = answer
    const reason = reasonShown(who, queue())
    await expect.poll(() => wiki.logoutTokens.length, SOON).toBe(1)
    expect(await reason).toMatch(words)
    const before = site.asked.length
    site.answer = html('200 OK', '')
    await expect.poll(() => pending(queue()), { timeout: 25_000 }).toEqual([])
    expect(site.asked.length).toBeGreaterThan(before)
    // Each try is a token of its own: the site takes each once.
    expect(new Set(site.asked).size).toBe(site.asked.length)
    expect(wiki.logoutTokens).toHaveLength(1)
  })

  // Back-Channel Logout 1.0 §2.8: the status is the answer, and nothing is read of what stands below it.
  test.each([
    ['a page of HTML', html('200 OK', '<!doctype html><h1>Accueil</h1>')],
    ['a megabyte of noise', html('200 OK', NOISE)],
    ['half a page', () => 'HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n<h1>'] as [string, Answer],
  ])('with 200 and %s is told once', async (_name, answer) => {
    const who = await signedIn()
    site.answer = answer
    await suspended(who)
    await expect.poll(() => site.asked.length, SOON).toBe(1)
    await expect.poll(() => pending(queue()), SOON).toEqual([])
    expect(site.asked).toHaveLength(1)
  })
})
