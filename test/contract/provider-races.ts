// Two providers over one database, with real requests in parallel: what the provider decides on an earlier read must hold.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../adapters/sql/database.ts'
import { migrate } from '../../adapters/sql/migrate.ts'
import { type OidcAdapterFactory, oidcAdapter } from '../../adapters/sql/oidc.ts'
import { type Browser, formsOf } from '../support/browser-jar.ts'
import {
  type Answer,
  type Code,
  makeKey,
  type ProviderPair,
  random,
  signEs256,
  startProviderPair,
} from '../support/provider-pair.ts'

const times = <T>(count: number, work: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => work(at)))
const count = (answers: readonly Answer[], status: number): number =>
  answers.filter((answer) => answer.status === status).length
const seconds = (): number => Math.floor(Date.now() / 1000)
const flipped = (text: string): string =>
  text.replace(/[a-z]/i, (letter) => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()))

/** `open` gives the URL of a new, empty database; `fail` makes it fail, and says with which code. */
export function providerRaces(
  name: string,
  open: () => Promise<string>,
  fail: (db: Database) => Promise<string>,
): void {
  describe(name, () => {
    let pair: ProviderPair
    let databases: Database[]
    let factories: OidcAdapterFactory[]

    beforeAll(async () => {
      const url = await open()
      databases = [openDatabase(url), openDatabase(url)]
      await Promise.all(databases.map((db) => migrate(db)))
      factories = databases.map((db) => oidcAdapter(db))
      pair = await startProviderPair(factories)
    })
    afterAll(async () => {
      await pair.stop()
      await Promise.all(databases.map((db) => db.close()))
    })

    /** Someone with a session and the tokens of one application. */
    const signIn = async (clientId = 'app-0') => {
      const accountId = randomUUID()
      const browser = pair.browser(accountId)
      const code = (await pair.open(browser, clientId))!
      const answer = await pair.exchange(code)
      expect(answer).toMatchObject({ status: 200 })
      const { body } = answer
      return { accountId, browser, code, access: String(body.access_token), refresh: String(body.refresh_token) }
    }
    const remembered = async (browser: Browser): Promise<string[]> =>
      Object.keys((await factories[0]!('Session').find(pair.sessionOf(browser)))?.authorizations ?? {}).toSorted()
    const expectDead = async (tokens: { access?: unknown; refresh?: unknown }, clientId = 'app-0'): Promise<void> => {
      expect(await pair.active(tokens.access)).toBe(false)
      expect(await pair.active(tokens.refresh)).toBe(false)
      expect((await pair.userinfo(tokens.access)).status).toBe(401)
      expect((await pair.refresh(clientId, tokens.refresh)).status).toBe(400)
      for (const factory of factories) {
        expect(await factory('AccessToken').find(String(tokens.access))).toBeUndefined()
        expect(await factory('RefreshToken').find(String(tokens.refresh))).toBeUndefined()
      }
    }

    test('one code, twenty times at once: one answer, and nothing alive', async () => {
      for (let round = 0; round < 3; round++) {
        const code = (await pair.open(pair.browser(randomUUID()), 'app-0'))!
        const answers = await times(20, () => pair.exchange(code))
        expect([count(answers, 200), count(answers, 400)]).toEqual([1, 19])
        const { body } = answers.find(({ status }) => status === 200)!
        await expectDead({ access: body.access_token, refresh: body.refresh_token })
      }
    })

    test('one refresh token, twenty times at once: one answer, and nothing alive', async () => {
      for (let round = 0; round < 3; round++) {
        const { refresh, access } = await signIn()
        const answers = await times(20, () => pair.refresh('app-0', refresh))
        expect([count(answers, 200), count(answers, 400)]).toEqual([1, 19])
        const { body } = answers.find(({ status }) => status === 200)!
        await expectDead({ access: body.access_token, refresh: body.refresh_token })
        await expectDead({ access, refresh })
      }
    })

    test('a rotated refresh token used again ends the chain', async () => {
      const { refresh } = await signIn()
      const second = await pair.refresh('app-0', refresh)
      const third = await pair.refresh('app-0', second.body.refresh_token)
      expect([second.status, third.status]).toEqual([200, 200])
      expect((await pair.userinfo(third.body.access_token)).status).toBe(200)
      expect(await pair.refresh('app-0', refresh)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
      await expectDead({ access: third.body.access_token, refresh: third.body.refresh_token })
    })

    test('one DPoP proof, twenty times at once: one answer', async () => {
      const { privateKey, publicJwk } = makeKey()
      const proof = signEs256(
        { typ: 'dpop+jwt', jwk: publicJwk },
        { jti: random(), htm: 'POST', htu: `${pair.issuer}/token`, iat: seconds() },
        privateKey,
      )
      const answers = await times(20, () =>
        pair.post('/token', { grant_type: 'client_credentials', ...pair.as('app-0') }, { dpop: proof }),
      )
      expect([count(answers, 200), count(answers, 400)]).toEqual([1, 19])
    })

    test('one client assertion, twenty times at once: one answer', async () => {
      const claims = {
        iss: 'machine',
        sub: 'machine',
        aud: pair.issuer,
        jti: random(),
        iat: seconds(),
        exp: seconds() + 60,
      }
      const assertion = signEs256({}, claims, pair.machineKey)
      const answers = await times(20, () =>
        pair.post('/token', {
          grant_type: 'client_credentials',
          client_id: 'machine',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: assertion,
        }),
      )
      expect([count(answers, 200), count(answers, 400) + count(answers, 401)]).toEqual([1, 19])
    })

    test('one pushed request, ten times at once in one browser: one code', async () => {
      const { browser } = await signIn()
      const pushed = await pair.post('/request', {
        ...pair.as('app-1'),
        redirect_uri: 'https://app-1.example/cb',
        response_type: 'code',
        scope: 'openid',
        code_challenge: random(),
        code_challenge_method: 'S256',
      })
      expect(pushed.status).toBe(201)
      const query = new URLSearchParams({ client_id: 'app-1', request_uri: String(pushed.body.request_uri) })
      const replies = await times(10, () => browser.fetch(`${pair.issuer}/auth?${query}`))
      expect(replies.filter(({ location }) => location?.includes('code='))).toHaveLength(1)
    })

    test('eight applications opened at once: eight sets of tokens, nine remembered', async () => {
      for (let round = 0; round < 3; round++) {
        const { browser, access } = await signIn('app-8')
        const codes = await times(8, (at) => pair.open(browser, `app-${at}`, { signIn: false }))
        expect(codes.filter(Boolean)).toHaveLength(8)
        const answers = await times(8, (at) => pair.exchange(codes[at]!))
        expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
        for (const token of [access, ...answers.map(({ body }) => body.access_token)])
          expect((await pair.userinfo(token)).status).toBe(200)
        expect(await remembered(browser)).toEqual(Array.from({ length: 9 }, (_, at) => `app-${at}`))
      }
    })

    test('a token with the case of a letter changed, or a space more, is none', async () => {
      const { access, refresh } = await signIn()
      for (const wrong of [flipped(access), `${access} `, ` ${access}`, `${access}\t`]) {
        expect((await pair.userinfo(wrong)).status, JSON.stringify(wrong)).toBe(401)
        expect(await pair.active(wrong), JSON.stringify(wrong)).toBe(false)
      }
      for (const wrong of [flipped(refresh), `${refresh} `])
        expect((await pair.refresh('app-0', wrong)).status).toBe(400)
      // Neither does a token pass for another kind.
      expect((await pair.userinfo(refresh)).status).toBe(401)
      expect((await pair.refresh('app-0', access)).status).toBe(400)
      expect((await pair.userinfo(access)).status).toBe(200)
    })

    test('signed out stays signed out, whatever was in flight', async () => {
      for (let round = 0; round < 5; round++) {
        const { accountId, browser, access, refresh } = await signIn()
        const opening = times(8, (at) => pair.open(browser, `app-${at}`, { signIn: false }))
        const refreshing = pair.refresh('app-0', refresh)
        await new Promise((resolve) => setTimeout(resolve, round * 4))
        await factories[0]!.signOut(accountId, Date.now() + 1)
        const held = await factories[1]!.held(accountId)
        const told = await factories[1]!.end(
          accountId,
          held.map(({ clientId }) => clientId),
        )
        expect(told.map(({ clientId }) => clientId)).toContain('app-0')
        const codes = (await opening).filter((code): code is Code => code !== undefined)
        const refreshed = await refreshing
        for (const code of codes) expect((await pair.exchange(code)).status).toBe(400)
        await expectDead({ access, refresh })
        if (refreshed.status === 200)
          await expectDead({ access: refreshed.body.access_token, refresh: refreshed.body.refresh_token })
        expect(await pair.open(browser, 'app-1', { signIn: false })).toBeUndefined()
        expect(await factories[1]!('Session').find(pair.sessionOf(browser))).not.toHaveProperty('accountId')
        await new Promise((resolve) => setTimeout(resolve, 2))
        // And signing in again is possible at once.
        expect((await pair.exchange((await pair.open(browser, 'app-0'))!)).status).toBe(200)
      }
    })

    test('logging out stays, whatever was in flight', async () => {
      const { browser, access, refresh } = await signIn()
      const session = pair.sessionOf(browser)
      const page = await browser.open(`${pair.issuer}/session/end`)
      const [form] = formsOf(page)
      const opening = times(8, (at) => pair.open(browser, `app-${at}`, { signIn: false }))
      await browser.submit(form!, { logout: 'yes' })
      const codes = (await opening).filter((code): code is Code => code !== undefined)
      for (const code of codes) expect((await pair.exchange(code)).status).toBe(400)
      await expectDead({ access, refresh })
      expect(await factories[1]!('Session').find(session)).toBeUndefined()
      expect(await pair.open(browser, 'app-1', { signIn: false })).toBeUndefined()
    })

    test('logging out of one application takes out that one, and nothing in flight puts it back', async () => {
      const { accountId, browser, access, refresh } = await signIn()
      await pair.open(browser, 'app-1')
      const page = await browser.open(`${pair.issuer}/session/end?${new URLSearchParams({ client_id: 'app-0' })}`)
      const [form] = formsOf(page)
      const tabs = pair.browser(accountId)
      for (const { attributes } of browser.cookies('127.0.0.1')) tabs.setCookie(pair.issuer, attributes)
      const opening = times(4, (at) => pair.open(tabs, `app-${at + 2}`, { signIn: false }))
      await browser.submit(form!)
      await opening
      expect(await remembered(browser)).toContain('app-1')
      expect(await remembered(browser)).not.toContain('app-0')
      await expectDead({ access, refresh })
      expect((await factories[1]!.held(accountId)).map(({ clientId }) => clientId)).not.toContain('app-0')
    })

    test('one application taken from an account stays taken, and the others stay', async () => {
      const { accountId, browser, access, refresh } = await signIn()
      const opening = times(6, (at) => pair.open(browser, `app-${at + 1}`, { signIn: false }))
      const told = await factories[0]!.end(accountId, ['app-0'])
      expect(told).toHaveLength(1)
      const codes = await opening
      expect((await factories[1]!.held(accountId)).map(({ clientId }) => clientId)).not.toContain('app-0')
      await expectDead({ access, refresh })
      expect((await times(6, (at) => pair.exchange(codes[at]!))).map(({ status }) => status)).toEqual(
        Array(6).fill(200),
      )
    })

    test('a device that two people answer at once is of the first', async () => {
      const started = await pair.post('/device/auth', { client_id: 'tv', scope: 'openid' })
      const people = await times(2, async () => {
        const accountId = randomUUID()
        const browser = pair.browser(accountId)
        await pair.open(browser, 'app-0')
        const [asked] = formsOf(await browser.open(`${pair.issuer}/device`))
        const [confirmation] = formsOf(await browser.submit(asked!, { user_code: String(started.body.user_code) }))
        return { accountId, browser, confirmation: confirmation! }
      })
      const pages = await Promise.all(
        people.map(({ browser, confirmation }) => browser.submit(confirmation, { confirm: 'yes' })),
      )
      const won = pages.map(({ text }) => text.includes('Sign-in Success'))
      expect(won.toSorted()).toEqual([false, true])
      const winner = people[won.indexOf(true)]!
      const form = {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        client_id: 'tv',
        device_code: String(started.body.device_code),
      }
      const answers = await times(10, () => pair.post('/token', form))
      expect(count(answers, 200)).toBe(1)
      const idToken = String(answers.find(({ status }) => status === 200)!.body.id_token)
      expect(JSON.parse(Buffer.from(idToken.split('.')[1]!, 'base64url').toString())).toMatchObject({
        sub: winner.accountId,
      })
    })

    test('no error of the provider so far', () => expect(pair.failures).toEqual([]))

    test('a database that fails is a server_error that says nothing', async () => {
      const { access } = await signIn()
      const [codes] = [await Promise.all(databases.map((db) => fail(db)))]
      const answers = await times(4, () =>
        pair.post('/token', { grant_type: 'client_credentials', ...pair.as('app-0') }),
      )
      for (const answer of answers)
        expect(answer).toEqual({
          status: 500,
          body: { error: 'server_error', error_description: 'oops! something went wrong' },
        })
      expect(pair.failures.length).toBeGreaterThanOrEqual(4)
      for (const failure of pair.failures) expect(codes).toContain((failure as { code: string }).code)
      expect(JSON.stringify(pair.failures.map((failure) => String(failure)))).not.toContain(access)
    })
  })
}
