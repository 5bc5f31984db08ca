// Debian's Roundcube with the kit, real Dovecot and Postfix behind it, and a whole Schedar: mail is read and written with a token,
// signing out is for both, a suspension ends every session at once, and nobody forges one.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeAppPassword } from '../../src/usecases/app-passwords.ts'
import { secretContext } from '../../src/usecases/clients.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import { read, send } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, type Reply } from '../support/browser-jar.ts'
import type { Person } from '../support/house.ts'
import { type Claims, makeKeys, readJws, signJws } from '../support/jws.ts'
import { restored } from '../support/mail-sign-in.ts'
import { atWebmail } from '../support/roundcube.ts'
import { ADA, INFO, LOGOUT_EVENT, now, startWebmail, type Webmail } from '../support/webmail.ts'

let host: Webmail
let ada: Person
let bob: Person
const core = () => host.house.installation.core

beforeAll(async () => {
  host = await startWebmail()
  ;({ ada, bob } = host)
}, 180_000)
afterAll(async () => {
  expect(await host?.stop()).toEqual([])
})

const signedIn = async (person: Person): Promise<Browser> => {
  const browser = createBrowser()
  await host.signIn(browser, person)
  expect(await host.isIn(browser)).toBe(true)
  return browser
}
const suspendThem = ({ account }: Person) =>
  suspend(core())({ target: { accountId: account.id }, reason: 'Essai', actor: 'test' })
const restoreThem = ({ account }: Person) => restore(core())({ target: { accountId: account.id }, actor: 'test' })
const logoutToken: Webmail['logoutToken'] = (...forging) => host.logoutToken(...forging)

describe('mail', () => {
  test.each([
    ['fr', 'Se connecter avec Cassiopée'],
    ['nl-BE', 'Aanmelden met Cassiopée'],
    ['en', 'Sign in with Cassiopée'],
    ['de-CH', 'Mit Cassiopée anmelden'],
    ['pt', 'Sign in with Cassiopée'],
  ])('the front page has one button and no password (%s)', async (language, words) => {
    const page = await createBrowser({ language }).open(host.front)
    expect(page.status).toBe(200)
    expect(formsOf(page).flatMap(({ fields }) => Object.keys(fields))).not.toContain('_pass')
    expect(read(page)).toContain(words)
    expect([...page.text.matchAll(/id="rcmloginoauth"/g)]).toHaveLength(1)
  })

  test('is opened with the login of the mailbox, written and read', async () => {
    const browser = createBrowser()
    const page = await host.signIn(browser, ada)
    expect(page.url).toContain('_task=mail')
    expect(page.text).toContain(ADA)
    const at = atWebmail(host.roundcube.url, browser)
    await expect
      .poll(async () => (await at.send(`zoe@example.net, ${INFO}`, 'Réunion', 'À jeudi.')).text, { timeout: 20_000 })
      .toContain('sent_successfully')
    await expect
      .poll(() => host.postfix.sink.mails.map(({ from, to }) => [from, to]), { timeout: 20_000 })
      .toEqual([[ADA, ['zoe@example.net']]])
    expect(host.postfix.sink.mails[0]!.text).toContain(`From: Ada Essai <${ADA}>`)
  })

  test('someone whose login is no address reads the shared mailbox, and writes as it', async () => {
    const at = atWebmail(host.roundcube.url, await signedIn(bob))
    await expect.poll(at.subjects, { timeout: 20_000 }).toEqual(['Réunion'])
    expect(read(await at.message(1))).toContain('À jeudi.')
    expect((await at.send(ADA, 'Bien reçu', 'Merci.')).text).toContain('sent_successfully')
    const answered = atWebmail(host.roundcube.url, await signedIn(ada))
    await expect.poll(answered.subjects, { timeout: 20_000 }).toEqual(['Bien reçu'])
    expect((await answered.message(1)).text).toMatch(new RegExp(`title="${INFO}"[^>]*>Bob Essai<`))
  })

  test('someone without a mailbox is told so', async () => {
    const carl = await host.house.person({ username: 'carl', coveredForDays: 30 })
    const browser = createBrowser()
    const page = await host.signIn(browser, carl)
    expect(read(page)).toContain('aucune boîte aux lettres ne vous est ouverte')
    expect(await host.isIn(browser)).toBe(false)
    expect(host.sessionsOf(carl)).toBe(0)
  })

  test('whom the mail server refuses is told so', async () => {
    await host.dovecot.stop()
    try {
      const page = await host.signIn(createBrowser(), ada)
      expect(read(page)).toContain('le serveur de courrier ne vous a pas laissé entrer')
    } finally {
      await host.dovecot.start()
    }
  })
})

describe('signing out', () => {
  test('ends the session here and at Schedar, and comes back to a page that leads nowhere by itself', async () => {
    const browser = await signedIn(ada)
    const leaving = await atWebmail(host.roundcube.url, browser).signOut()
    const to = new URL(leaving.location!)
    expect(`${to.origin}${to.pathname}`).toBe(`${host.house.issuer}/session/end`)
    expect(to.searchParams.get('id_token_hint')).toBeTruthy()
    expect(await host.isIn(browser)).toBe(false)
    const asks = await browser.open(leaving.location!)
    expect(read(asks)).toContain('Vous pouvez quitter Le webmail seulement')
    await host.roundcube.configure("$config['schedar_redirect'] = true;")
    try {
      const back = await send(host.house, browser, asks, { logout: 'yes' })
      expect([back.url, back.status]).toEqual([`${host.front}?_task=logout`, 200])
      expect(read(back)).toContain('Se connecter avec')
      expect((await browser.open(host.front)).text, 'led there without a click').toContain('name="identifier"')
    } finally {
      await host.roundcube.configure('')
    }
  })

  test('nobody signs somebody else out without the token of their page', async () => {
    const browser = await signedIn(ada)
    await browser.fetch(`${host.front}?_task=logout`)
    expect(await host.isIn(browser)).toBe(true)
  })
})

describe('suspended', () => {
  test('out of every browser within a second, the sessions gone from the database; restored, in again', async () => {
    const [first, second, other] = [await signedIn(ada), await signedIn(ada), await signedIn(bob)]
    expect(host.sessionsOf(ada)).toBeGreaterThanOrEqual(2)
    const begun = performance.now()
    await suspendThem(ada)
    await expect.poll(() => host.sessionsOf(ada), { timeout: 10_000, interval: 5 }).toBe(0)
    const took = performance.now() - begun
    expect(took).toBeLessThan(5_000)
    for (const browser of [first, second]) {
      const page = await browser.open(`${host.front}?_task=mail`)
      expect(read(page)).toContain('Se connecter avec')
      expect(page.text).not.toContain('id="messagelist"')
      expect(host.sessionsOf(ada)).toBe(0)
    }
    expect(await host.isIn(other)).toBe(true)
    expect(read(await host.signIn(createBrowser(), ada))).toContain('suspendu')
    await restoreThem(ada)
    await expect
      .poll(
        async () => {
          const browser = createBrowser()
          await host.signIn(browser, ada)
          return host.isIn(browser)
        },
        { timeout: 20_000 },
      )
      .toBe(true)
  })

  test('a page under way that writes its session back does not revive it', async () => {
    const browser = await signedIn(ada)
    const rows = host.roundcube.sql('select sess_id, ip, vars, changed from session')
    expect((await host.postLogout(logoutToken(ada))).status).toBe(200)
    expect(host.sessionsOf(ada)).toBe(0)
    for (const { sess_id, ip, vars, changed } of rows)
      host.roundcube.sql(
        'insert or ignore into session (sess_id, ip, vars, changed) values (?, ?, ?, ?) returning sess_id',
        ...[sess_id, ip, vars, changed].map(String),
      )
    expect(host.sessionsOf(ada)).toBeGreaterThan(0)
    expect(await host.isIn(browser)).toBe(false)
  })
})

describe('the address for logout tokens', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await signedIn(bob)
  })
  const strangers = makeKeys()

  test.each<[string, () => string]>([
    ['nothing', () => ''],
    ['no token', () => 'not-a-token'],
    ['far too much', () => `${logoutToken(bob)}${'x'.repeat(20_000)}`],
    ['the type of an ID token', () => logoutToken(bob, {}, { header: { typ: 'JWT' } })],
    ['no type', () => logoutToken(bob, {}, { header: { typ: undefined } })],
    ['another issuer', () => logoutToken(bob, { iss: 'https://evil.example' })],
    ['another audience', () => logoutToken(bob, { aud: 'other' })],
    ['two audiences and the other one authorized', () => logoutToken(bob, { aud: [host.clientId, 'x'], azp: 'x' })],
    ['an end in the past', () => logoutToken(bob, { exp: now() - 120 })],
    ['no end', () => logoutToken(bob, { exp: undefined })],
    ['an issue long ago', () => logoutToken(bob, { iat: now() - 86_400 })],
    ['an issue in the future', () => logoutToken(bob, { iat: now() + 3600 })],
    ['times that are words', () => logoutToken(bob, { iat: String(now()) })],
    ['a nonce', () => logoutToken(bob, { nonce: 'x' })],
    ['no events', () => logoutToken(bob, { events: undefined })],
    ['another event', () => logoutToken(bob, { events: { 'http://schemas.openid.net/event/other': {} } })],
    ['an event that is not an object', () => logoutToken(bob, { events: { [LOGOUT_EVENT]: true } })],
    ['events in a list', () => logoutToken(bob, { events: [LOGOUT_EVENT] })],
    ['no jti', () => logoutToken(bob, { jti: undefined })],
    ['a sid and no subject', () => logoutToken(bob, { sub: undefined, sid: 'x' })],
    ['the signature of a stranger', () => logoutToken(bob, {}, { key: strangers.ES256.privateKey })],
    [
      'the kid of a stranger',
      () => logoutToken(bob, {}, { key: strangers.ES256.privateKey, header: { kid: strangers.ES256.kid } }),
    ],
    [
      'a key of its own in the header',
      () => logoutToken(bob, {}, { key: strangers.ES256.privateKey, header: { jwk: strangers.ES256.jwk } }),
    ],
    ['the other algorithm’s key', () => logoutToken(bob, {}, { header: { kid: host.signing.RS256.kid } })],
    ['a signature in DER', () => logoutToken(bob, {}, { der: true })],
    ['crit in its header', () => logoutToken(bob, {}, { header: { crit: ['b64'] } })],
    ['no signature', () => `${logoutToken(bob).split('.').slice(0, 2).join('.')}.`],
    [
      'alg none',
      () =>
        `${logoutToken(bob, {}, { header: { alg: 'none' } })
          .split('.')
          .slice(0, 2)
          .join('.')}.`,
    ],
    ['alg HS256', () => logoutToken(bob, {}, { header: { alg: 'HS256' } })],
  ])('%s: 400, JSON, and nobody is signed out', async (_, token) => {
    const answer = await host.postLogout(token())
    expect(answer.status).toBe(400)
    expect(answer.headers['content-type']).toContain('application/json')
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(JSON.parse(answer.text)).toMatchObject({ error: 'invalid_request' })
    expect(host.sessionsOf(bob)).toBeGreaterThan(0)
  })

  test('a token in the address, by GET, or in a list is none', async () => {
    const address = `${host.backchannel}&logout_token=${logoutToken(bob)}`
    expect((await createBrowser().fetch(address)).status).toBe(400)
    expect((await createBrowser().fetch(address, { form: { x: 'y' } })).status).toBe(400)
    const list = { 'logout_token[]': logoutToken(bob) }
    expect((await createBrowser().fetch(host.backchannel, { form: list })).status).toBe(400)
    expect(await host.isIn(browser)).toBe(true)
  })

  test('either algorithm of Schedar counts, once; sent again, it does not close what was opened since', async () => {
    for (const alg of ['RS256', 'ES256'] as const) {
      const token = logoutToken(bob, {}, { alg })
      const answer = await host.postLogout(token)
      expect(answer).toMatchObject({ status: 200, text: '' })
      expect([answer.headers['cache-control'], answer.headers['set-cookie']]).toEqual(['no-store', undefined])
      const again = await signedIn(bob)
      expect((await host.postLogout(token)).status).toBe(400)
      expect(await host.isIn(again)).toBe(true)
    }
    const parallel = logoutToken(bob)
    const answers = await Promise.all(Array.from({ length: 6 }, () => host.postLogout(parallel)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('it leaves no session behind, and somebody who was never here is acknowledged', async () => {
    const before = host.roundcube.sql('select sess_id from session').length
    expect((await host.postLogout(logoutToken(bob, { sub: 'stranger' }))).status).toBe(200)
    expect(host.roundcube.sql('select sess_id from session')).toHaveLength(before)
  })

  test('keys that Schedar has changed meanwhile are fetched', async () => {
    await signedIn(bob)
    host.roundcube.sql(
      `update cache_shared set data = '{"at":${now()},"asked":0,"keys":[]}' where cache_key like 'schedar.keys.%' returning cache_key`,
    )
    expect((await host.postLogout(logoutToken(bob))).status).toBe(200)
    expect(host.sessionsOf(bob)).toBe(0)
  })
})

describe('coming back from Schedar', () => {
  /** Everything but the last step, which is returned: the address with the code. */
  const answerFor = async (browser: Browser, person: Person): Promise<string> =>
    (await host.signIn(browser, person, `${host.roundcube.url}/index.php/login/oauth`)).location!
  const refused = async (browser: Browser, address: string, words: string) => {
    const page = await browser.open(address)
    expect(read(page)).toContain(words)
    expect(page.text).not.toContain('id="messagelist"')
    expect(await host.isIn(browser)).toBe(false)
  }
  const AGAIN = 'a commencé dans un autre navigateur'
  const changed = (address: string, changes: Record<string, string>) => {
    const url = new URL(address)
    for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value)
    return url.href
  }

  test('in a browser that began nothing: no mailbox is pushed on anybody', async () => {
    const browser = createBrowser()
    await browser.open(host.front)
    await refused(browser, await answerFor(createBrowser(), ada), AGAIN)
  })

  test.each([
    ['another state', { state: 'x' }],
    ['an empty state', { state: '' }],
    ['another issuer', { iss: 'https://evil.example' }],
  ])('with %s', async (_, changes) => {
    const browser = createBrowser()
    await refused(browser, changed(await answerFor(browser, ada), changes), AGAIN)
  })

  test('with somebody else’s code: the nonce tells', async () => {
    const [thief, victim] = [createBrowser(), createBrowser()]
    const stolen = new URL(await answerFor(victim, bob)).searchParams.get('code')!
    await refused(thief, changed(await answerFor(thief, ada), { code: stolen }), 'n’a pas pu être vérifiée')
    expect(await host.roundcube.log('schedar')).toContain('another nonce')
  })

  test('with an error: in our words, not in those of the address', async () => {
    const browser = createBrowser()
    const { searchParams } = new URL(await answerFor(browser, ada))
    const told = new URLSearchParams({
      state: searchParams.get('state')!,
      iss: searchParams.get('iss')!,
      error: 'access_denied',
      error_description: 'Call 0900',
    })
    const page = await browser.open(`${host.roundcube.url}/index.php/login/oauth?${told}`)
    expect(read(page)).toContain('ne vous ouvre pas le webmail en ce moment')
    expect(page.text).not.toContain('0900')
  })

  test('twice, or in a second tab: the mail is there', async () => {
    const browser = createBrowser()
    const answer = await answerFor(browser, ada)
    const second = await host.begin(browser, host.roundcube.url)
    for (const address of [answer, second.location!, answer])
      expect((await browser.open(address)).url).toContain('_task=mail')
    expect(await host.isIn(browser)).toBe(true)
  })
})

describe('what the token endpoint answers', () => {
  type Answered = { id_token: string; access_token: string }
  let change: (answer: Answered) => Promise<object> | object = (answer) => answer
  let between: Server
  let browser: Browser
  const strangers = makeKeys()

  beforeAll(async () => {
    between = createServer(async (request, response) => {
      const body = await buffer(request)
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const answer = await fetch(`${host.house.issuer}/token`, { method: 'POST', headers, body })
      const answered = await change((await answer.json()) as Answered)
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answered))
    }).listen(0, '127.0.0.1')
    await once(between, 'listening')
    const { port } = between.address() as AddressInfo
    await host.roundcube.configure(`$config['oauth_token_uri'] = 'http://127.0.0.1:${port}/';`)
    browser = await signedIn(ada)
  })
  afterAll(async () => {
    between.close()
    between.closeAllConnections()
    await host.roundcube.configure('')
  })
  /** Signs in once more, in a browser that Schedar knows, with an ID token that was changed on its way. */
  async function signInWith(forge: (header: Claims, claims: Claims, answer: Answered) => string): Promise<Reply> {
    change = (answer) => {
      const { header, payload } = readJws(answer.id_token)
      return { ...answer, id_token: forge(header, payload, answer) }
    }
    browser.forget(/^roundcube/)
    const page = await host.signIn(browser, ada)
    change = (answer) => answer
    return page
  }
  const signed = (header: Claims, claims: Claims, key = host.signing.ES256.key) => signJws(header, claims, key)

  test('signed again by Schedar’s own key it is as good', async () => {
    expect((await signInWith((header, claims) => signed(header, claims))).url).toContain('_task=mail')
  })

  test.each<[string, (header: Claims, claims: Claims, answer: Answered) => string]>([
    ['a stranger’s key', (header, claims) => signed(header, claims, strangers.ES256.privateKey)],
    ['a stranger’s kid', (h, claims) => signed({ ...h, kid: strangers.ES256.kid }, claims, strangers.ES256.privateKey)],
    [
      'alg none',
      (header, claims) =>
        `${signed({ ...header, alg: 'none' }, claims)
          .split('.')
          .slice(0, 2)
          .join('.')}.`,
    ],
    ['no signature', (_header, _claims, { id_token }) => `${id_token.split('.').slice(0, 2).join('.')}.`],
    ['another audience', (header, claims) => signed(header, { ...claims, aud: 'other', azp: undefined })],
    ['another issuer', (header, claims) => signed(header, { ...claims, iss: 'https://evil.example' })],
    ['another nonce', (header, claims) => signed(header, { ...claims, nonce: 'x' })],
    ['no nonce', (header, claims) => signed(header, { ...claims, nonce: undefined })],
    ['an end in the past', (header, claims) => signed(header, { ...claims, exp: now() - 120 })],
    ['an issue long ago', (header, claims) => signed(header, { ...claims, iat: now() - 3600 })],
    ['somebody else’s subject', (header, claims) => signed(header, { ...claims, sub: bob.account.id })],
    ['another access token', (header, claims) => signed(header, { ...claims, at_hash: 'x'.repeat(22) })],
    ['a logout token’s type', (header, claims) => signed({ ...header, typ: 'logout+jwt' }, claims)],
    ['a logout token in its place', () => logoutToken(ada)],
  ])('an ID token with %s opens nothing', async (_, forge) => {
    const page = await signInWith(forge)
    expect(read(page)).toContain('n’a pas pu être vérifiée')
    expect(page.text).not.toContain('id="messagelist"')
    expect(await host.isIn(browser)).toBe(false)
  })

  test('nothing, for as long as one waits: the person is told so in some seconds', async () => {
    change = () => new Promise(() => {})
    browser.forget(/^roundcube/)
    const began = performance.now()
    const page = await host.signIn(browser, ada)
    change = (answer) => answer
    expect(read(page)).toContain('ne répond pas en ce moment')
    expect(performance.now() - began).toBeLessThan(60_000)
    expect(await host.isIn(browser)).toBe(false)
  })

  test('a sign-in that a logout overtakes opens nothing', async () => {
    let overtaken = 0
    change = async (answer) => {
      overtaken = (await host.postLogout(logoutToken(ada))).status
      return answer
    }
    browser.forget(/^roundcube/)
    await host.signIn(browser, ada)
    change = (answer) => answer
    expect(overtaken).toBe(200)
    expect(await host.isIn(browser)).toBe(false)
  })
})

describe('the token', () => {
  /** The access token in the sessions of a person is past its time. */
  function expire({ account }: Person): void {
    for (const { sess_id, vars } of host.roundcube.sql('select sess_id, vars from session')) {
      const text = Buffer.from(String(vars), 'base64').toString('latin1')
      if (!text.includes(account.id)) continue
      const past = text.replace(/(s:7:"expires";i:)\d+/, `$1${now() - 5}`)
      const written = Buffer.from(past, 'latin1').toString('base64')
      host.roundcube.sql('update session set vars = ? where sess_id = ? returning sess_id', written, String(sess_id))
    }
  }

  test('is asked for anew when it has run out, by several pages at once', async () => {
    await host.postLogout(logoutToken(ada))
    const browser = await signedIn(ada)
    for (let round = 0; round < 2; round++) {
      expire(ada)
      const pages = await Promise.all(Array.from({ length: 4 }, () => host.isIn(browser)))
      expect(pages).toEqual([true, true, true, true])
    }
    expect(await atWebmail(host.roundcube.url, browser).subjects()).toContain('Bien reçu')
  })

  test('is refused to the suspended, even where no logout token arrives: the next page is the way in', async () => {
    const browser = await signedIn(ada)
    await host.roundcube.configure("$config['schedar_issuer'] = 'https://elsewhere.example';")
    await suspendThem(ada)
    await expect.poll(() => host.roundcube.log('schedar'), { timeout: 20_000 }).toContain('another issuer')
    expire(ada)
    const page = await browser.open(`${host.front}?_task=mail`)
    expect(read(page)).toContain('Se connecter avec')
    expect(page.text).not.toContain('id="messagelist"')
    await host.roundcube.configure('')
    await restoreThem(ada)
  })
})

describe('while Schedar is down', () => {
  test('nobody is thrown out; who comes back from it is told; afterwards all is as before', async () => {
    const browser = await signedIn(bob)
    const late = createBrowser()
    const answer = await host.signIn(late, bob, host.roundcube.url)
    const { server } = host.house.running
    const { port } = new URL(host.house.issuer)
    server.close()
    server.closeAllConnections()
    try {
      expect(read(await late.open(answer.location!))).toContain('ne répond pas en ce moment')
      await browser.open(`${host.front}?_task=mail`)
    } finally {
      server.listen(Number(port), '127.0.0.1')
      await once(server, 'listening')
    }
    expect(await host.isIn(browser)).toBe(true)
    expect(host.sessionsOf(bob)).toBeGreaterThan(0)
  })
})

describe('beside passwords', () => {
  test('the form is there, and a session that it began ends with the single door', async () => {
    await host.roundcube.configure("$config['schedar_single_door'] = false;")
    const { secret } = await makeAppPassword(core())({
      accountId: ada.account.id,
      name: 'Webmail',
      scopes: ['imap', 'smtp'],
      actor: 'test',
    })
    const browser = createBrowser()
    const enter = async (): Promise<void> => {
      const page = await browser.open(host.front)
      expect(read(page)).toContain('Se connecter avec')
      await browser.submit(formsOf(page).find(({ fields }) => '_pass' in fields)!, { _user: ADA, _pass: secret })
    }
    await restored(host.dovecot, 'PLAIN', ADA, secret)
    await enter()
    expect(await host.isIn(browser)).toBe(true)
    await host.roundcube.configure('')
    expect(await host.isIn(browser)).toBe(false)
  })

  test('a form posted to the single door opens nothing', async () => {
    const browser = createBrowser()
    await host.roundcube.configure("$config['schedar_single_door'] = false;")
    const form = formsOf(await browser.open(host.front)).find(({ fields }) => '_pass' in fields)!
    await host.roundcube.configure('')
    const page = await browser.submit(form, { _user: ADA, _pass: 'x' })
    expect(page.status).toBe(401)
    expect(page.text).toContain('un mot de passe n')
    expect(await host.isIn(browser)).toBe(false)
  })
})

test('no secret is in a log', async () => {
  const logs = `${await host.roundcube.log('schedar')}${await host.roundcube.log('errors')}${await host.roundcube.errors()}`
  const { sealedSecret } = (await core().store.clients.get(host.clientId))!
  const secret = core().vault.open(sealedSecret!, secretContext(host.clientId))
  expect(logs).not.toContain(secret)
  expect(logs, 'a token').not.toMatch(/eyJ[\w-]+\.eyJ/)
})
