// Letters with a link: the invitation to a new account, and a new password for one who forgot.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import type { Account, Locale } from '../../src/ports.ts'
import { addAccount, setAccountClosed } from '../../src/usecases/accounts.ts'
import { adoptEntry } from '../../src/usecases/adopt-entry.ts'
import { invite } from '../../src/usecases/invite.ts'
import { browserOf, enrolled, enter, open, read, send, titleOf } from '../support/at-home.ts'
import { createBrowser, type Reply } from '../support/browser-jar.ts'
import { DAY, type House, type Letter, randomPassword, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let n = 0

beforeAll(async () => {
  house = await startHouse()
})
afterAll(() => house.stop())

const lettersTo = (address: string): Letter[] => house.letters().filter(({ to }) => to === address)

/** The newest letter to an address, once there are `count` of them: they leave after the answer. */
async function letterTo(address: string, count = 1): Promise<Letter> {
  await expect.poll(() => lettersTo(address).length, { timeout: 5000 }).toBe(count)
  return lettersTo(address).at(-1)!
}

const guest = (locale: Locale = 'fr', email: string | null = `guest${n + 1}@cassiopee.example`): Promise<Account> =>
  addAccount(house.installation.core)({
    username: `guest${++n}`,
    givenName: 'Noé',
    familyName: 'Essai',
    email,
    locale,
    actor: 'test',
  })

async function invited(): Promise<{ account: Account; link: string }> {
  const account = await guest()
  await invite(house.installation.core, house.installation.letters)({ account, actor: 'test' })
  return { account, link: (await letterTo(account.email!)).link }
}

async function forgot(identifier: string, browser = createBrowser()): Promise<Reply> {
  // Each from an address bucket of its own hour.
  house.clock.advance(3_700_000)
  return send(house, browser, await open(house, browser, '/forgotten'), { identifier })
}

async function choose(link: string, password: string, repeated = password): Promise<Reply> {
  const browser = createBrowser()
  const page = await open(house, browser, link)
  return page.status === 200 ? send(house, browser, page, { password, repeated }) : page
}

describe('the invitation', () => {
  test('greets, takes a password once, and makes the account active with a verified address', async () => {
    const { account, link } = await invited()
    expect(link).toMatch(new RegExp(`^${house.issuer}/invitation/[A-Za-z0-9_-]{43}$`))
    const page = await open(house, createBrowser(), link)
    expect(read(page)).toContain(`Bienvenue, ${account.name}. Votre identifiant est ${account.username}.`)
    const password = randomPassword()
    const done = await choose(link, password)
    expect(titleOf(done)).toBe('Votre mot de passe est enregistré')
    expect(await house.installation.core.store.accounts.get(account.id)).toMatchObject({
      state: 'active',
      emailVerifiedAt: expect.any(Number),
    })
    expect((await enter(house, createBrowser(), { identifier: account.username, password })).status).toBe(200)
    // A second use, even with the same password.
    expect((await choose(link, password)).status).toBe(410)
  })

  test('of two at once with the same link, one wins', async () => {
    const { account, link } = await invited()
    const passwords = [randomPassword(), randomPassword()]
    const ends = await Promise.all(passwords.map((password) => choose(link, password)))
    expect(ends.map(({ status }) => status).toSorted()).toEqual([200, 410])
    const winner = passwords[ends.findIndex(({ status }) => status === 200)]!
    const enters = (password: string) => enter(house, createBrowser(), { identifier: account.username, password })
    expect((await Promise.all(passwords.map(enters))).map(({ status }) => status).toSorted()).toEqual([200, 401])
    expect((await enters(winner)).status).toBe(200)
  })

  test.each([
    ['different', () => [randomPassword(), randomPassword()] as const, 'Les deux mots de passe ne sont pas les mêmes'],
    ['short', () => ['x9$Kq', 'x9$Kq'] as const, 'trop facile à deviner'],
    ['made of the name', () => ['NoéEssai2026', 'NoéEssai2026'] as const, 'trop facile à deviner'],
    ['over-long', () => ['aB3$'.repeat(70), 'aB3$'.repeat(70)] as const, 'trop facile à deviner'],
  ])('a password that is %s does not use the link up', async (_, passwords, message) => {
    const { link } = await invited()
    const [password, repeated] = passwords()
    const again = await choose(link, password, repeated)
    expect([again.status, read(again)]).toEqual([422, expect.stringContaining(message)])
    expect((await choose(link, randomPassword())).status).toBe(200)
  })

  test('is good for a week', async () => {
    const { link } = await invited()
    house.clock.advance(7 * DAY - 60_000)
    expect((await open(house, createBrowser(), link)).status).toBe(200)
    house.clock.advance(120_000)
    expect((await open(house, createBrowser(), link)).status).toBe(410)
  })

  test('sent again, the earlier link stops working', async () => {
    const { account, link } = await invited()
    await invite(house.installation.core, house.installation.letters)({ account, actor: 'test' })
    const newer = await letterTo(account.email!, 2)
    expect((await open(house, createBrowser(), link)).status).toBe(410)
    expect((await open(house, createBrowser(), newer.link)).status).toBe(200)
  })

  test('a stranger who asks for a new password does not make it unusable', async () => {
    const { account, link } = await invited()
    await forgot(account.email!)
    await letterTo(account.email!, 2)
    expect((await open(house, createBrowser(), link)).status).toBe(200)
  })

  test.each([
    ['fr', 'Votre compte Cassiopée', 'valable 7 jours', 'Bonjour Noé,'],
    ['nl', 'Cassiopée', '7 dagen', 'Dag Noé,'],
    ['en', 'Your Cassiopée account', 'good for 7 days', 'Hello Noé,'],
    ['de', 'Cassiopée', '7 Tage', 'Guten Tag Noé,'],
  ] as const)('is written in the language of the account: %s', async (locale, subject, text, hello) => {
    const account = await guest(locale)
    const letter = await house.installation.letters.invitation(account, 'http://link.example/', 7)
    expect(letter.subject).toContain(subject)
    expect(letter.text).toContain(text)
    expect(letter.text.startsWith(hello)).toBe(true)
    expect(letter.text).toContain('bureau@cassiopee.example')
    expect(letter.text).not.toMatch(/\{\{|\}\}/)
  })

  test('without an address there is none', async () => {
    const account = await guest('fr', null)
    const sent = invite(house.installation.core, house.installation.letters)({ account, actor: 'test' })
    await expect(sent).rejects.toMatchObject({ code: 'required' })
  })
})

describe('a forgotten password', () => {
  let rp: RelyingParty
  beforeAll(async () => {
    rp = await relyingParty(house)
  })
  afterAll(() => rp.close())

  test('the answer is the same for a known, an unknown, a closed and a shared name', async () => {
    await house.person({ username: 'known' })
    const closed = await house.person({ username: 'gone' })
    const close = { accountId: closed.account.id, closed: true, reason: 'Essai', actor: 'test' }
    await setAccountClosed(house.installation.core)(close)
    await house.person({ username: 'twin1', email: 'twins@cassiopee.example' })
    await house.person({ username: 'twin2', email: 'twins@cassiopee.example' })
    await house.person({ username: 'mute', email: null })
    const answers = []
    for (const name of ['known', 'nobody', 'gone', 'twins@cassiopee.example', 'mute', '', 'x'.repeat(5000), 'a@b'])
      answers.push(await forgot(name))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(read(answers[0]!)).toContain('Si un compte correspond, un message vient de lui être envoyé.')
    // A family with one address gets a letter for each of its accounts.
    await letterTo('twins@cassiopee.example', 2)
    const names = lettersTo('twins@cassiopee.example').map(({ text }) => /pour le compte (\w+)/.exec(text)![1])
    expect(names.toSorted()).toEqual(['twin1', 'twin2'])
    await letterTo('known@cassiopee.example')
    expect(lettersTo('gone@cassiopee.example')).toEqual([])
  })

  test('the link is good for an hour, once; every session and token ends', async () => {
    const iris = await house.person({ username: 'iris', coveredForDays: 400 })
    const browser = await browserOf(house, iris)
    const { tokens } = await signInAt(rp, browser, house.issuer, '', '')
    const told = rp.logoutTokens.length
    await forgot('iris')
    const { link } = await letterTo('iris@cassiopee.example')
    expect(link).toMatch(new RegExp(`^${house.issuer}/password/[A-Za-z0-9_-]{43}$`))
    const password = randomPassword()
    expect((await choose(link, password)).status).toBe(200)
    expect((await choose(link, password)).status).toBe(410)
    expect(titleOf(await open(house, browser, '/'))).toBe('Se connecter')
    expect(await rp.introspect(tokens!.access_token)).toEqual({ active: false })
    await expect(rp.refresh(tokens!.refresh_token!)).rejects.toThrow()
    await expect.poll(() => rp.logoutTokens.length, { timeout: 3000 }).toBe(told + 1)
    expect((await enter(house, createBrowser(), { identifier: 'iris', password: iris.password })).status).toBe(401)
    expect((await enter(house, createBrowser(), { identifier: 'iris', password })).status).toBe(200)

    await forgot('iris')
    const late = await letterTo('iris@cassiopee.example', 2)
    house.clock.advance(3_600_001)
    expect((await open(house, createBrowser(), late.link)).status).toBe(410)
  })

  test('using one link makes every other link of the account unusable', async () => {
    await house.person({ username: 'olga' })
    await forgot('olga')
    const { link } = await letterTo('olga@cassiopee.example')
    // Within the hour, from another bucket of the clock's.
    house.clock.advance(-3_700_000)
    await forgot('OLGA@cassiopee.example')
    const second = await letterTo('olga@cassiopee.example', 2)
    expect((await choose(second.link, randomPassword())).status).toBe(200)
    expect((await open(house, createBrowser(), link)).status).toBe(410)
  })

  test('a link of one kind is none of the other, and does not pass for a set-up link', async () => {
    await house.person({ username: 'paul' })
    await forgot('paul')
    const { link } = await letterTo('paul@cassiopee.example')
    for (const path of ['/invitation/', '/set-up/'])
      expect((await open(house, createBrowser(), link.replace('/password/', path))).status).toBe(410)
    expect((await open(house, createBrowser(), link)).status).toBe(200)
  })

  test('it does not stand in for the second factor', async () => {
    const rita = await house.person({ username: 'rita' })
    await enrolled(house, rita)
    await forgot('rita')
    const password = randomPassword()
    await choose((await letterTo('rita@cassiopee.example')).link, password)
    const page = await enter(house, createBrowser(), { identifier: 'rita', password })
    expect(titleOf(page)).toBe('Code de vérification')
  })

  test('when the directory refuses the password or is away, the link stays good and the page says so', async () => {
    const sara = await house.person({ username: 'sara' })
    await forgot('sara')
    const { link } = await letterTo('sara@cassiopee.example')
    const { directory } = house.installation.core
    const { setPassword } = directory
    for (const [code, status, words] of [
      ['password_refused', 422, 'L’annuaire refuse ce mot de passe'],
      ['directory_unavailable', 503, 'L’annuaire des comptes ne répond pas'],
    ] as const) {
      directory.setPassword = async () => {
        throw new AppError(code, code === 'password_refused' ? { field: 'password' } : {})
      }
      const refused = await choose(link, randomPassword())
      expect([refused.status, read(refused)]).toEqual([status, expect.stringContaining(words)])
    }
    directory.setPassword = setPassword
    expect((await enter(house, createBrowser(), { identifier: 'sara', password: sara.password })).status).toBe(200)
    expect((await choose(link, randomPassword())).status).toBe(200)
  })

  test('an account that is closed while the page is open stays closed', async () => {
    const tom = await house.person({ username: 'tom' })
    await forgot('tom')
    const { link } = await letterTo('tom@cassiopee.example')
    const { directory } = house.installation.core
    const { setPassword } = directory
    const close = { accountId: tom.account.id, closed: true, reason: 'Essai', actor: 'test' }
    directory.setPassword = async (...input) => {
      directory.setPassword = setPassword
      await setAccountClosed(house.installation.core)(close)
      await setPassword(...input)
    }
    expect((await choose(link, randomPassword())).status).toBe(410)
    expect(await house.installation.core.store.accounts.get(tom.account.id)).toMatchObject({ state: 'closed' })
  })

  test('an address that changes in the directory takes the links in the old mailbox with it', async () => {
    const entry = {
      key: crypto.randomUUID(),
      username: 'uma',
      name: 'Uma Essai',
      givenName: 'Uma',
      familyName: 'Essai',
      groups: [],
      disabled: false,
      emailVerified: true,
      locale: null,
    }
    const adopt = adoptEntry(house.installation.core)
    const account = await adopt({ ...entry, email: 'old@cassiopee.example' })
    await invite(house.installation.core, house.installation.letters)({ account, actor: 'test' })
    const { link } = await letterTo('old@cassiopee.example')
    await adopt({ ...entry, email: 'old@cassiopee.example' })
    expect((await open(house, createBrowser(), link)).status).toBe(200)
    await adopt({ ...entry, email: 'new@cassiopee.example' })
    expect((await open(house, createBrowser(), link)).status).toBe(410)
  })

  test('asked for too often, it says how long to wait, whoever is meant', async () => {
    for (const name of ['vera', 'nobody-at-all']) {
      house.clock.advance(3_700_000)
      const browser = createBrowser()
      const page = await open(house, browser, '/forgotten')
      for (let tries = 0; tries < 3; tries++)
        expect((await send(house, browser, page, { identifier: name })).status).toBe(200)
      const wait = await send(house, browser, page, { identifier: name.toUpperCase() })
      expect([wait.status, read(wait)]).toEqual([429, expect.stringContaining('Trop d’essais.')])
    }
  })
})
