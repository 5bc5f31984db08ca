// What is secret stays out of the log and is not at rest in the clear. One house lives through everything, mishaps too;
// then its whole log (at debug) and its whole database are searched for each secret that was used.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as oidc from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addAccount } from '../../src/usecases/accounts.ts'
import { invite } from '../../src/usecases/invite.ts'
import { offerSetUp } from '../../src/usecases/set-up.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { browserOf, codeAt, enter, open, rawGet, send } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, type Reply } from '../support/browser-jar.ts'
import { type House, randomPassword, startHouse } from '../support/house.ts'
import { follow, type RelyingParty, relyingParty } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
/** What was used, by what it is. `atRest` may lie in the database as it is. */
const secrets: { what: string; text: string; atRest?: boolean }[] = []
const secret = (what: string, text: string, atRest = false): string => {
  expect([what, text.length]).toEqual([what, expect.toSatisfy((length: number) => length > 5)])
  secrets.push({ what, text, atRest })
  return text
}

const cookiesOf = (browser: Browser, what: string): void => {
  for (const { name, value } of browser.cookies('127.0.0.1'))
    if (/session|interaction|resume/.test(name))
      secret(`${what}: ${name}`, value, name.includes('interaction') || name.includes('resume'))
}
const last = (path: string): string => path.split('/').at(-1)!

async function setUp(): Promise<{ username: string; password: string }> {
  const token = secret('set-up link', (await offerSetUp(house.installation.core)())!)
  const browser = createBrowser()
  const page = await open(house, browser, `/set-up/${token}`)
  const password = secret('first password', randomPassword())
  const fields = {
    associationName: 'Cassiopée',
    contactEmail: 'bureau@cassiopee.example',
    givenName: 'Zoé',
    familyName: 'Essai',
    email: 'zoe@cassiopee.example',
    username: 'zoe',
  }
  const weak = secret('weak password', 'azertyuiop')
  await send(house, browser, page, { ...fields, password: weak, repeated: weak })
  await send(house, browser, page, { ...fields, password, repeated: secret('mistyped password', `${password}!`) })
  await send(house, browser, page, { ...fields, password, repeated: password })
  return { username: 'zoe', password }
}

async function enrolment(browser: Browser, page: Reply): Promise<{ totp: string; home: Reply }> {
  const totp = secret('authenticator key', /<code>([A-Z2-7 ]+)<\/code>/.exec(page.text)![1]!.replaceAll(' ', ''))
  await send(house, browser, page, { code: secret('wrong code', '482915') })
  const codes = await send(house, browser, page, { code: secret('code', codeAt(house, totp)) })
  for (const [, code] of codes.text.matchAll(/<li>([a-z0-9-]{19})<\/li>/g)) {
    secret('recovery code', code!)
    secret('recovery code, bare', code!.replaceAll('-', ''))
  }
  return { totp, home: codes }
}

async function atTheClient(browser: Browser): Promise<void> {
  const begun = await rp.begin({ scope: 'openid email offline_access', prompt: 'consent', nonce: 'n-once' })
  const question = await follow(browser, await browser.fetch(begun.url), rp.url)
  const back = await send(house, browser, question, { answer: 'accept' }, rp.url)
  const code = secret('authorization code', new URL(back.location!).searchParams.get('code')!)
  secret('PKCE verifier', begun.verifier)
  const tokens = await oidc.authorizationCodeGrant(rp.config, new URL(back.location!), {
    pkceCodeVerifier: begun.verifier,
    expectedState: begun.state,
    expectedNonce: 'n-once',
  })
  for (const kind of ['access_token', 'refresh_token'] as const) secret(kind, tokens[kind]!)
  // As the hint of a request it waits with it for an hour; it opens nothing.
  secret('ID token', tokens.id_token!, true)
  await rp.userinfo(tokens.access_token, tokens.claims()!.sub)
  await rp.introspect(tokens.access_token)
  const next = await rp.refresh(tokens.refresh_token!)
  for (const kind of ['access_token', 'refresh_token'] as const) secret(`next ${kind}`, next[kind]!)
  // Mishaps, with secrets in hand.
  const form = (path: string, body: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(house.issuer + path, { method: 'POST', headers, body: new URLSearchParams(body) })
  const authorization = `Basic ${Buffer.from(`${rp.clientId}:${rp.clientSecret}`).toString('base64')}`
  const wrong = `Basic ${Buffer.from(`${rp.clientId}:${secret('wrong client secret', 'not-the-client-secret')}`).toString('base64')}`
  await form(
    '/token',
    { grant_type: 'authorization_code', code, code_verifier: begun.verifier, redirect_uri: `${rp.url}/callback` },
    { authorization },
  )
  await form('/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token! }, { authorization })
  await form('/token', { grant_type: 'refresh_token', refresh_token: next.refresh_token! }, { authorization: wrong })
  await form('/token', {
    grant_type: 'refresh_token',
    refresh_token: next.refresh_token!,
    client_id: rp.clientId,
    client_secret: rp.clientSecret,
  })
  await form('/token/introspection', { token: next.access_token }, { authorization: wrong })
  await form('/token/revocation', { token: tokens.id_token! }, { authorization })
  await form(
    '/token',
    { grant_type: 'password', username: 'zoe', password: secret('password at the token endpoint', randomPassword()) },
    { authorization },
  )
  await rawGet(house, '/me', { authorization: `Bearer ${secret('unknown bearer', crypto.randomUUID())}` })
  await rawGet(house, `/me?access_token=${next.access_token}`)
  await rawGet(house, `/session/end?id_token_hint=${tokens.id_token!.slice(0, -4)}AAAA`)
  await rawGet(house, `/nowhere?token=${next.access_token}`, {
    cookie: `schedar_session=${secret('made-up cookie', crypto.randomUUID())}`,
  })
  await browser.fetch(`${begun.url}&id_token_hint=${tokens.id_token}&login_hint=zoe`)
}

beforeAll(async () => {
  house = await startHouse({ setUp: false, config: { log: { level: 'debug' } } })
})

/** Everything once. In a test, for it has to wait for letters and retries. */
test('a house lives through everything', { timeout: 60_000 }, async () => {
  const admin = await setUp()
  rp = await relyingParty(house, { party: 'third' })
  secret('client secret', rp.clientSecret)
  const { core, letters } = house.installation

  const browser = createBrowser()
  await enter(house, browser, { identifier: admin.username, password: secret('wrong password', randomPassword()) })
  // The password in the field of the name: it happens to everybody.
  await enter(house, createBrowser(), {
    identifier: secret('password in the name’s field', randomPassword()),
    password: 'zoe',
  })
  const page = await enter(house, browser, { identifier: admin.username, password: admin.password })
  cookiesOf(browser, 'half signed in')
  const { totp } = await enrolment(browser, page)
  cookiesOf(browser, 'enrolled')

  const account = await addAccount(core)({
    username: 'ada',
    givenName: 'Ada',
    familyName: 'Essai',
    email: 'ada@cassiopee.example',
    actor: 'test',
  })
  await invite(core, letters)({ account, actor: 'test' })
  const invitation = house.letters().at(-1)!.link
  secret('invitation', last(invitation))
  const password = secret('invited password', randomPassword())
  const guest = createBrowser()
  await send(house, guest, await open(house, guest, invitation), { password, repeated: password })
  await open(house, guest, invitation)

  const member = await house.person({
    username: 'bob',
    password: secret('password', randomPassword()),
    coveredForDays: 30,
  })
  house.clock.advance(60_000)
  const his = await browserOf(house, member)
  await atTheClient(his)
  cookiesOf(his, 'at the client')
  const newer = secret('newer password', randomPassword())
  const change = await open(house, his, '/account/password')
  await send(house, his, change, { current: newer, password: newer, repeated: newer })
  await send(house, his, change, { current: member.password, password: newer, repeated: newer })

  const forgot = createBrowser()
  await send(house, forgot, await open(house, forgot, '/forgotten'), { identifier: 'bob' })
  await expect.poll(() => house.letters().length, { timeout: 3000 }).toBe(2)
  const reset = house.letters().at(-1)!.link
  secret('reset link', last(reset))
  const latest = secret('latest password', randomPassword())
  await send(house, forgot, await open(house, forgot, reset), { password: latest, repeated: latest })
  await rawGet(house, `${new URL(reset).pathname}?x=1`, { host: 'evil.example' })

  // Faults of ours in the middle of it all.
  const { directory } = core
  const { verify } = directory
  directory.verify = async () => {
    throw new Error('the directory broke')
  }
  await enter(house, createBrowser(), { identifier: 'bob', password: latest })
  directory.verify = verify
  // One in the database, whose messages like to quote what was to be written.
  const { sealedSecret } = (await core.store.clients.get(rp.clientId))!
  const { tickets } = core.store
  const { get } = tickets
  tickets.get = async () => {
    await house.installation.database
      .knex('ticket')
      .insert({ digest: secret('value of a statement', crypto.randomUUID()), kind: null })
    return undefined
  }
  await open(house, createBrowser(), reset)
  tickets.get = get
  secret('sealed client secret', sealedSecret!, true)

  // Signed in with a code, and out again; a client that does not listen; a suspension.
  house.clock.advance(60_000)
  const again = createBrowser()
  const ask = await enter(house, again, { identifier: admin.username, password: admin.password })
  await send(house, again, ask, { code: secret('second code', codeAt(house, totp)) })
  rp.backchannel.status = 500
  const bobs = await browserOf(house, { ...member, password: latest })
  await atTheClient(bobs)
  const { action, fields } = formsOf(await open(house, bobs, '/session/end'))[0]!
  await bobs.fetch(action, { form: { ...fields, logout: 'yes' } })
  secret('sign-out token', fields.xsrf!)
  await expect.poll(() => house.logged.some((line) => line.includes('service.retry')), { timeout: 5000 }).toBe(true)
  rp.backchannel.status = 200
  await expect.poll(() => rp.logoutTokens.length, { timeout: 8000 }).toBeGreaterThan(0)
  for (const token of rp.logoutTokens) secret('logout token', token)
  await suspend(core)({ target: { accountId: member.account.id }, reason: 'Essai', actor: 'test' })
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

describe('secrets', () => {
  test('the house lived through enough for the search to mean something', () => {
    expect(secrets.length).toBeGreaterThan(60)
    expect(house.logged.length).toBeGreaterThan(30)
    const events = new Set(house.logged.map((line) => JSON.parse(line).event))
    for (const event of [
      'listening',
      'sign_in.refused',
      'sign_in.password',
      'request.refused',
      'grant.error',
      'service.retry',
      'mail.written',
    ])
      expect(events).toContain(event)
  })

  test('none is in the log, as it is or encoded', () => {
    const log = house.logged.join('\n')
    const found = secrets.flatMap(({ what, text }) =>
      [
        text,
        encodeURIComponent(text),
        Buffer.from(text).toString('base64').replace(/=+$/, ''),
        JSON.stringify(text).slice(1, -1),
      ]
        .filter((form) => log.includes(form))
        .map(() => what),
    )
    expect(found).toEqual([])
  })

  test('none is at rest in the clear: not in the database file, its journal, or beside it', async () => {
    await house.installation.database.knex.raw('pragma wal_checkpoint(truncate)')
    const { dataDir } = house.installation
    const files = readdirSync(dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const found: string[] = []
    for (const { parentPath, name } of files) {
      // The letters of a host without a mail server hold their links, for the eyes of whoever runs it.
      if (parentPath.endsWith('mail')) continue
      const content = readFileSync(join(parentPath, name)).toString('latin1')
      for (const { what, text, atRest } of secrets)
        if (!atRest && content.includes(Buffer.from(text).toString('latin1'))) found.push(`${what} in ${name}`)
    }
    expect(found).toEqual([])
  })

  test('files are for their owner alone', () => {
    const { dataDir } = house.installation
    for (const { parentPath, name } of readdirSync(dataDir, { recursive: true, withFileTypes: true }))
      expect([name, statSync(join(parentPath, name)).mode & 0o077]).toEqual([name, 0])
    expect(statSync(dataDir).mode & 0o077).toBe(0)
  })

  test('class 27: what is compared in the clear is compared in constant time, all else is found by its digest', () => {
    const source = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
    for (const path of ['src/web/csrf.ts', 'adapters/system/passwords.ts'])
      expect(source(path)).toContain('timingSafeEqual(')
    for (const path of ['src/usecases/links.ts', 'src/usecases/set-up.ts', 'src/usecases/second-factor.ts'])
      expect(source(path)).toContain('digest(')
  })
})
