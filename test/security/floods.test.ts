// Attacks by too much of everything, and by SQL and objects in what is typed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkStrength } from '../../src/usecases/password-strength.ts'
import { enter, open, raw, rawGet, tokenOf } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let n = 0
const person = (input: object = {}): Promise<Person> =>
  house.person({ username: `person${++n}`, coveredForDays: 30, ...input })
const credentials = ({ account, password }: Person) => ({ identifier: account.username, password })

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

describe('class 29: too much of everything', () => {
  const post = (path: string, body: string, headers: Record<string, string> = { connection: 'close' }) => {
    const all = {
      host: new URL(house.issuer).host,
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(body.length),
      ...headers,
    }
    return raw(
      house,
      `POST ${path} HTTP/1.1\r\n${Object.entries(all)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n${body}`,
      15_000,
    )
  }

  test.each(['with its length', 'in pieces, without a length'])(
    'a password of 10 MB %s: 413 on a page, connection closed, nothing of it logged',
    async (how) => {
      const page = await open(house, createBrowser(), '/forgotten')
      const { length } = house.logged
      const secret = 'Tr0ub4dor&3'.repeat(950_000)
      const body = `csrf=${tokenOf(page)}&identifier=ada&password=${encodeURIComponent(secret.slice(0, 30))}${'x'.repeat(10_000_000)}`
      const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      const answer = how.startsWith('with')
        ? await post('/forgotten', body, {})
        : await raw(
            house,
            `POST /forgotten HTTP/1.1\r\nhost: ${new URL(house.issuer).host}\r\ncontent-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`,
            15_000,
          )
      expect([answer.status, answer.reset]).toEqual([413, false])
      expect(answer.head).toMatch(/^connection: close/im)
      expect(Buffer.from(answer.body, 'latin1').toString()).toContain('Ce que vous avez envoyé est trop long.')
      const logged = house.logged.slice(length).join('')
      expect(logged).toContain('body_too_large')
      expect(logged).not.toMatch(/Tr0ub4dor|xxxxx/)
      expect(logged.length).toBeLessThan(2000)
      // And the next one is served.
      expect((await rawGet(house, '/health')).status).toBe(200)
    },
  )

  test('a body without end is cut off', async () => {
    const answer = await post('/forgotten', 'x'.repeat(40_000_000), { 'content-length': '900000000000' })
    expect([413, Number.NaN]).toContain(answer.status)
    expect((await rawGet(house, '/health')).status).toBe(200)
  })

  test('oversize parameters, headers and bodies are refused, none with a fault of ours', async () => {
    const faults = () => house.logged.filter((line) => line.includes('"level":"error"')).length
    const before = faults()
    const long = 'a'.repeat(12_000)
    const many = Array.from({ length: 1000 }, (_, at) => `p${at}=${at}`).join('&')
    const statuses = [
      (await rawGet(house, `/auth?client_id=${long}&response_type=code`)).status,
      (await rawGet(house, `/auth?client_id=${rp.clientId}&response_type=code&scope=${'openid%20'.repeat(1200)}`))
        .status,
      (await rawGet(house, `/auth?${many}`)).status,
      (await rawGet(house, `/${long}`)).status,
      (await rawGet(house, '/', { 'x-big': 'a'.repeat(20_000) })).status,
      (
        await rawGet(house, '/', {
          cookie: `schedar_session=${long}; schedar_session.sig=${long}; schedar_form=${long}`,
        })
      ).status,
      (await rawGet(house, `/me`, { authorization: `Bearer ${long}` })).status,
      (await post('/token', `grant_type=authorization_code&code=${'a'.repeat(70_000)}`)).status,
      (await post('/token', '{"a":'.repeat(10_000), { 'content-type': 'application/json', connection: 'close' }))
        .status,
      (
        await post('/token/introspection', `token=${'a'.repeat(50_000)}`, {
          authorization: `Basic ${Buffer.from(`${rp.clientId}:${rp.clientSecret}`).toString('base64')}`,
          connection: 'close',
        })
      ).status,
      (await post('/request', many)).status,
    ]
    for (const status of statuses) expect(status).toBeLessThan(500)
    expect(faults()).toBe(before)
  })

  test('what strangers leave in the database goes within the hour', async () => {
    const { knex } = house.installation.database
    const strangers = () => knex('oidc_model').whereNull('accountId')
    await strangers().delete()
    for (const path of ['/session/end', '/', (await rp.begin()).url]) await open(house, createBrowser(), path)
    const ends: { expiresAt: number }[] = await strangers().select('expiresAt')
    expect(ends.length).toBeGreaterThan(2)
    for (const { expiresAt } of ends) expect(expiresAt - house.clock.now()).toBeLessThanOrEqual(3_600_000)
  })

  test('a password of more than 1,024 characters is refused without being hashed', async () => {
    const ada = await person()
    const page = await enter(house, createBrowser(), { ...credentials(ada), password: ada.password.padEnd(1025, 'x') })
    expect(page.status).toBe(401)
    const taken = await house.installation.database.knex('throttle').sum({ taken: 'taken' }).first()
    await enter(house, createBrowser(), { ...credentials(ada), password: 'y'.repeat(30_000) })
    expect(await house.installation.database.knex('throttle').sum({ taken: 'taken' }).first()).toEqual(taken)
  })

  test('while a new password is looked at, everybody else is served', async () => {
    await checkStrength('a first one to start the worker with', [])
    let turns = 0
    const clock = setInterval(() => turns++, 5)
    const looks = ['aB3$'.repeat(64), crypto.randomUUID().repeat(7), '4@8(363#1|0$+7%2'.repeat(16)]
    const began = performance.now()
    await Promise.allSettled(looks.map((password) => checkStrength(password, ['Zoé', 'Van Damme'])))
    const took = performance.now() - began
    clearInterval(clock)
    expect(turns).toBeGreaterThan(took / 50)
  })
})

describe('class 19: SQL and objects in what is typed', () => {
  const injections = [
    "' or '1'='1",
    "ada'--",
    'ada"; drop table account;--',
    'ada%',
    '_da',
    "\\' or 1=1 #",
    '[object Object]',
    '{"$ne":null}',
    'ada\0',
    "'||(select phc from password)||'",
  ]

  test.each(injections)('%j is a name like any other', async (identifier) => {
    const ada = await person()
    for (const typed of [identifier, identifier.replace('ada', ada.account.username)])
      expect((await enter(house, createBrowser(), { identifier: typed, password: ada.password })).status).toBe(401)
    const page = await open(house, createBrowser(), `/password/${encodeURIComponent(identifier)}`)
    expect(page.status).toBe(410)
    expect(await house.installation.core.store.accounts.byUsername(ada.account.username)).toMatchObject({
      id: ada.account.id,
    })
  })

  test('fields as lists or objects are not the field', async () => {
    const ada = await person()
    const browser = createBrowser()
    const page = await open(house, browser, '/')
    const csrf = tokenOf(page)
    for (const form of [
      { 'identifier[]': ada.account.username, 'password[]': ada.password },
      { 'identifier[$gt]': '', password: ada.password },
      { identifier: ada.account.username, 'password[$ne]': 'x' },
      { identifier: '[object Object]', password: ada.password },
    ] as Record<string, string>[]) {
      const reply = await browser.fetch(page.url, { form: { csrf, ...form }, headers: { origin: house.issuer } })
      expect(reply.status).toBe(401)
    }
    const authorization = `Basic ${Buffer.from(`${rp.clientId}:${rp.clientSecret}`).toString('base64')}`
    for (const body of ['token[]=x', 'token[$ne]=', 'token=x&token=y', 'token[a][b]=c']) {
      const answer = await fetch(`${house.issuer}/token/introspection`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
        body,
      })
      expect(answer.status).toBe(400)
    }
  })
})
