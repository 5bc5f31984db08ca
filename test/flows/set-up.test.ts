// The set-up link: once, for a day, for one person, and never again once there is an administrator.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { offerSetUp } from '../../src/usecases/set-up.ts'
import { enter, open, read, send, titleOf } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { DAY, type House, randomPassword, startHouse } from '../support/house.ts'

let house: House
const path = async () => `/set-up/${await offerSetUp(house.installation.core)()}`

const form = (username: string, changes: Record<string, string> = {}) => {
  const password = randomPassword()
  return {
    associationName: 'Cassiopée',
    contactEmail: 'bureau@cassiopee.example',
    givenName: 'Zoé',
    familyName: 'Van Damme',
    email: `${username}@cassiopee.example`,
    username,
    password,
    repeated: password,
    ...changes,
  }
}

beforeAll(async () => {
  house = await startHouse({ setUp: false })
})
afterAll(() => house.stop())

describe('before there is an administrator', () => {
  test.each([
    ['a word', 'invented'],
    ['with a slash', 'x%2Fy'],
    ['very long', 'a'.repeat(2000)],
    ['a NUL', '%00'],
  ])('an invented link is no link: %s', async (_, token) => {
    const page = await open(house, createBrowser(), `/set-up/${token}`)
    expect(page.status).toBe(410)
    expect(read(page)).toContain('Ce lien a expiré ou a déjà servi')
  })

  test('the link expires after a day', async () => {
    const link = await path()
    expect((await open(house, createBrowser(), link)).status).toBe(200)
    house.clock.advance(DAY + 1000)
    expect((await open(house, createBrowser(), link)).status).toBe(410)
  })

  test('a newer link replaces the one before', async () => {
    const [older, newer] = [await path(), await path()]
    expect((await open(house, createBrowser(), older)).status).toBe(410)
    expect((await open(house, createBrowser(), newer)).status).toBe(200)
  })

  test.each([
    ['associationName', '   ', 'Ce champ est nécessaire'],
    ['givenName', '', 'Ce champ est nécessaire'],
    ['contactEmail', 'bureau', 'Ceci n’est pas une adresse e-mail complète'],
    ['email', 'zoe@', 'Ceci n’est pas une adresse e-mail complète'],
    ['username', 'zoé & co', 'Un identifiant se compose de lettres'],
    ['repeated', 'something else', 'Les deux mots de passe ne sont pas les mêmes'],
    ['password', 'cassiopee2026', 'trop facile à deviner'],
  ])('a mistake in %s is shown at the field, and the link stays good', async (name, value, message) => {
    const browser = createBrowser()
    const link = await path()
    const fields = form('zoe', { [name]: value, ...(name === 'password' && { repeated: value }) })
    const again = await send(house, browser, await open(house, browser, link), fields)
    expect(again.status).toBe(422)
    expect(again.text).toMatch(new RegExp(`id="${name}-wrong">${message}|id="${name}-wrong">[^<]*${message}`))
    expect(again.text).toContain('aria-invalid="true"')
    // What was typed stays, but for passwords.
    if (name !== 'familyName') expect(again.text).toContain('value="Van Damme"')
    expect(again.text).not.toContain(fields.password)
    expect((await open(house, createBrowser(), link)).status).toBe(200)
  })
})

describe('the first administrator', () => {
  test('of two people with the link at once, one wins, and the other reads why not', async () => {
    const link = await path()
    const browsers = [createBrowser(), createBrowser()]
    const pages = await Promise.all(browsers.map((browser) => open(house, browser, link)))
    const people = [form('zoe'), form('mallory')]
    const ends = await Promise.all(browsers.map((browser, at) => send(house, browser, pages[at]!, people[at]!)))
    const won = ends.findIndex(({ status }) => status === 200)
    expect(ends.map(({ status }) => status).toSorted()).toEqual([200, 410])
    expect(titleOf(ends[won]!)).toBe('Se connecter')
    expect(await house.installation.core.store.people.countStaff('admin')).toBe(1)
    expect(await house.installation.core.store.organisations.all()).toMatchObject([{ name: 'Cassiopée', locale: 'fr' }])
    // The winner signs in, and being an administrator is asked for a second factor.
    const { username: identifier, password } = people[won]!
    const page = await enter(house, createBrowser(), { identifier, password })
    expect(titleOf(page)).toBe('Protéger votre compte')
  })

  test('no further link is given, and an older one is dead', async () => {
    expect(await offerSetUp(house.installation.core)()).toBeUndefined()
    expect(await house.installation.core.store.settings.get('setup.digest')).toBeUndefined()
  })
})
