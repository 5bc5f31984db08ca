// Attacks by guessing: who exists, which password, which code.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addAccount } from '../../src/usecases/accounts.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { network } from '../../src/usecases/throttle.ts'
import { browserOf, codeAt, enrolled, enter, open, send } from '../support/at-home.ts'
import { createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, randomPassword, startHouse } from '../support/house.ts'
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

describe('class 9: who exists', () => {
  const neutral = (page: Reply) =>
    page.text.replace(/value="[^"]*"/g, 'value').replace(/interaction\/[\w-]+/g, 'interaction')

  test('a wrong password, an unknown name, a closed and an invited account read the same', async () => {
    const ada = await person()
    await house.installation.core.store.accounts.update({
      ...(await person()).account,
      username: 'closed1',
      state: 'closed',
    })
    await addAccount(house.installation.core)({
      username: 'invited1',
      givenName: 'I',
      familyName: 'I',
      email: null,
      actor: 'test',
    })
    const suspended = await person()
    await suspend(house.installation.core)({ target: { accountId: suspended.account.id }, reason: 'x', actor: 'test' })
    const shown = []
    for (const identifier of [
      ada.account.username,
      'nobody',
      'closed1',
      'invited1',
      suspended.account.username,
      'nobody@cassiopee.example',
      ada.account.email!,
      '',
      'x'.repeat(400),
    ])
      shown.push(await enter(house, createBrowser(), { identifier, password: 'not the right one' }))
    expect(new Set(shown.map((page) => `${page.status} ${neutral(page)}`)).size).toBe(1)
  })

  test('the time tells nothing: each refusal comes at the deadline, known or not', async () => {
    const deadline = 400
    const slow = await startHouse({ config: { signIn: { answerAfterMs: deadline } } })
    const ada = await slow.person({ username: 'ada' })
    const closed = await slow.person({ username: 'max' })
    await slow.installation.core.store.accounts.update({ ...closed.account, state: 'closed' })
    const took = async (identifier: string, password = 'not the right one') => {
      const browser = createBrowser()
      const page = await open(slow, browser, '/')
      const began = performance.now()
      expect((await send(slow, browser, page, { identifier, password })).status).toBe(401)
      return performance.now() - began
    }
    const times: Record<string, number[]> = { known: [], unknown: [], closed: [] }
    // Side by side, so that what else the machine does falls on all alike.
    for (let round = 0; round < 4; round++) {
      const [known, unknown, shut] = await Promise.all([took('ada'), took(`nobody${round}`), took('max')])
      times.known!.push(known)
      times.unknown!.push(unknown)
      times.closed!.push(shut)
    }
    const median = (all: number[]) => all.toSorted((a, b) => a - b)[2]!
    for (const [, all] of Object.entries(times)) for (const ms of all) expect(ms).toBeGreaterThan(deadline * 0.97)
    const medians = Object.values(times).map(median)
    expect(Math.max(...medians) - Math.min(...medians)).toBeLessThan(deadline / 2)
    expect(await took('ada', '')).toBeGreaterThan(deadline * 0.97)
    expect(ada.account.username).toBe('ada')
    await slow.stop()
  })
})

describe('class 10: guessing', () => {
  const statuses = (pages: Reply[]) => Object.groupBy(pages, ({ status }) => status)

  test('a hundred guesses at once count as a hundred, by whatever name; then the right one must wait too', async () => {
    const ada = await person({ username: 'guessed' })
    const names = [
      'guessed',
      'GUESSED',
      ' guessed ',
      'guessed@cassiopee.example',
      'Guessed@Cassiopee.example',
      'ｇｕｅｓｓｅｄ',
    ]
    const thief = createBrowser()
    const page = await open(house, thief, '/')
    const guess = (identifier: string, password: string) => send(house, thief, page, { identifier, password })
    const pages = await Promise.all(
      Array.from({ length: 100 }, (_, at) => guess(names[at % names.length]!, `guess ${at}`)),
    )
    const by = statuses(pages)
    expect((by[401] ?? []).length).toBeLessThanOrEqual(10)
    expect((by[401] ?? []).length + (by[429] ?? []).length).toBe(100)
    expect((await enter(house, createBrowser(), credentials(ada))).status).toBe(429)
    house.clock.advance(16 * 60_000)
    expect((await enter(house, createBrowser(), credentials(ada))).status).toBe(200)
  })

  test('the page for a new password is no second door: its guesses and the sign-in’s are one count', async () => {
    const ada = await person()
    const browser = await browserOf(house, ada)
    const page = await open(house, browser, '/account/password')
    const password = randomPassword()
    const guess = (current: string) => send(house, browser, page, { current, password, repeated: password })
    const by = statuses(await Promise.all(Array.from({ length: 40 }, (_, at) => guess(`guess ${at}`))))
    expect((by[401] ?? []).length).toBeLessThanOrEqual(10)
    expect((await guess(ada.password)).status).toBe(429)
    expect((await enter(house, createBrowser(), credentials(ada))).status).toBe(429)
  })

  test('forty codes at once are five', async () => {
    const ada = await person()
    const { secret } = await enrolled(house, ada)
    const thief = createBrowser()
    const page = await enter(house, thief, credentials(ada))
    const right = codeAt(house, secret)
    const codes = Array.from({ length: 40 }, (_, at) => String(100_000 + at)).filter((code) => code !== right)
    const by = statuses(await Promise.all(codes.map((code) => send(house, thief, page, { code }))))
    expect((by[422] ?? []).length).toBeLessThanOrEqual(5)
    expect((await send(house, thief, page, { code: right })).status).toBe(429)
  })

  test('a right password gives back only its own try', async () => {
    const ada = await person()
    const wrong = () => enter(house, createBrowser(), { identifier: ada.account.username, password: 'wrong' })
    for (let round = 0; round < 9; round++) expect((await wrong()).status).toBe(401)
    expect((await enter(house, createBrowser(), credentials(ada))).status).toBe(200)
    expect((await wrong()).status).toBe(401)
    expect((await wrong()).status).toBe(429)
  })

  test('one address cannot try many names for ever', async () => {
    const strict = await startHouse({ config: { signIn: { answerAfterMs: 1, triesPerAddress: 5 } } })
    const pages = []
    for (let at = 0; at < 7; at++)
      pages.push(await enter(strict, createBrowser(), { identifier: `name${at}`, password: 'Summer2026!' }))
    expect(pages.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429, 429])
    await strict.stop()
  })

  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:DB8:0:0:1:2:3:4', '2001:db8:0:0'],
    ['2001:db8:1:2::', '2001:db8:1:2'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['', ''],
  ])('%s counts as %s', (address, expected) => {
    expect(network(address)).toBe(expected)
  })
})
