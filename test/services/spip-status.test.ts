// A role taken or lowered in Schedar reaches the SPIP site by itself: its author is lowered, and signed out everywhere.
// Nothing else that is posted there does anything, and nothing posted there raises anybody.
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { setAccountClosed, setGroups } from '../../src/usecases/accounts.ts'
import { setClientRole } from '../../src/usecases/clients.ts'
import { openKey } from '../../src/usecases/keys.ts'
import { browserOf } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, type Reply } from '../support/browser-jar.ts'
import { hostSpip } from '../support/hosting.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type Claims, makeKeys, signJws } from '../support/jws.ts'
import { signInLocally } from '../support/spip.ts'

let house: House
let spip: Awaited<ReturnType<typeof hostSpip>>
let clientId: string
let alice: Person
let bob: Person
let key: { kid: string; privateKey: KeyObject }

const core = () => house.installation.core
const give = (person: Person, role: string, remove = false) =>
  setClientRole(core())({ clientId, subjectKind: 'account', subject: person.account.id, role, remove, actor: 'test' })
const take = (person: Person, role: string) => give(person, role, true)

beforeAll(async () => {
  house = await startHouse()
  alice = await house.person({ username: 'alice', coveredForDays: 30 })
  bob = await house.person({ username: 'bob', coveredForDays: 30 })
  spip = await hostSpip(house, { name: 'Le club d’échecs' })
  clientId = (await core().store.clients.list()).find(({ kind }) => kind === 'spip')!.clientId
  const current = (await core().store.keys.list()).find(({ alg, state }) => alg === 'ES256' && state === 'current')!
  const { kty, crv, d, x, y } = openKey(core(), current)
  key = { kid: current.kid, privateKey: createPrivateKey({ key: { kty, crv, d, x, y }, format: 'jwk' }) }
  await give(bob, 'redacteur')
})
afterAll(async () => {
  const complaints = (await spip.errors()).split('\n').filter((line) => /PHP .*plugins\/schedar/.test(line))
  await spip.stop()
  await house.stop()
  expect(complaints).toEqual([])
})

const signedIn = async (person: Person): Promise<Browser> => {
  const browser = await browserOf(house, person)
  await browser.open(`${spip.url}/spip.php?action=schedar`)
  expect(await who(browser)).toContain(`|${person.account.username}|`)
  return browser
}
/** Id, login and status of whom the public site takes the browser for. */
const who = async (browser: Browser) => (await browser.fetch(`${spip.url}/spip.php?page=qui`)).text.trim()
const author = async ({ account: { username } }: Person) =>
  (await spip.sql(`select statut, webmestre from spip_auteurs where login='${username}'`))[0]
const owed = async () =>
  (await core().store.outbox.pending({})).filter(({ service }) => service === `logout/${clientId}`)
const told = () => expect.poll(owed, { timeout: 30_000 }).toEqual([])

describe('in Schedar', () => {
  test('a role is lowered: the author is, in the private area and on the site, and both browsers are out', async () => {
    for (const role of ['webmestre', 'redacteur']) await give(alice, role)
    const [first, second, other] = [await signedIn(alice), await signedIn(alice), await signedIn(bob)]
    expect(await author(alice)).toEqual({ statut: '0minirezo', webmestre: 'oui' })
    await take(alice, 'webmestre')
    await told()
    expect(await author(alice)).toEqual({ statut: '1comite', webmestre: 'non' })
    for (const browser of [first, second]) expect(await who(browser)).toBe('||')
    expect(await who(other)).toContain('|bob|')
    // Signed in at home still: one click, and the author is back with what is left.
    await first.open(`${spip.url}/spip.php?action=schedar`)
    expect(await who(first)).toMatch(/\|alice\|1comite$/)
  })

  test('a webmaster becomes an administrator: the same status, one right less', async () => {
    for (const role of ['webmestre', 'admin']) await give(alice, role)
    const browser = await signedIn(alice)
    await take(alice, 'webmestre')
    await told()
    expect(await author(alice)).toEqual({ statut: '0minirezo', webmestre: 'non' })
    expect(await who(browser)).toBe('||')
  })

  test('a role is given: nothing happens on the site until the next sign-in, and nobody is signed out', async () => {
    const browser = await signedIn(bob)
    await give(bob, 'admin')
    await told()
    expect(await who(browser)).toMatch(/\|bob\|1comite$/)
    await browser.open(`${spip.url}/spip.php?action=schedar`)
    expect(await who(browser)).toMatch(/\|bob\|0minirezo$/)
    // A role that was not the highest: nothing changes for the author.
    await take(bob, 'redacteur')
    await told()
    expect(await who(browser)).toMatch(/\|bob\|0minirezo$/)
  })

  test('no role is left: a visitor, signed out; and a visitor’s own role taken ends the visit', async () => {
    await take(bob, 'admin')
    await told()
    expect(await author(bob)).toEqual({ statut: '6forum', webmestre: 'non' })
    await give(bob, 'visiteur')
    const browser = await signedIn(bob)
    await take(bob, 'visiteur')
    await told()
    expect(await who(browser)).toBe('||')
    await give(bob, 'redacteur')
  })

  test('a group that is left, and an account that is closed, count as well', async () => {
    const carol = await house.person({ username: 'carol', coveredForDays: 30 })
    await setGroups(core())({ accountId: carol.account.id, groups: ['ca'], actor: 'test' })
    await setClientRole(core())({ clientId, subjectKind: 'group', subject: 'ca', role: 'admin', actor: 'test' })
    await give(carol, 'redacteur')
    const browser = await signedIn(carol)
    await setGroups(core())({ accountId: carol.account.id, groups: [], actor: 'test' })
    await told()
    expect(await author(carol)).toMatchObject({ statut: '1comite' })
    expect(await who(browser)).toBe('||')
    await setAccountClosed(core())({ accountId: carol.account.id, closed: true, reason: 'Essai', actor: 'test' })
    await told()
    // An author without a way in, whatever becomes of the plugin one day.
    expect(await author(carol)).toMatchObject({ statut: '6forum' })
  })

  test('what the site lowered by itself stays; what a webmaster put in the bin stays there', async () => {
    const dora = await house.person({ username: 'dora', coveredForDays: 30 })
    for (const role of ['admin', 'redacteur']) await give(dora, role)
    await signedIn(dora)
    const [{ id_auteur: id }] = (await spip.sql("select id_auteur from spip_auteurs where login='dora'")) as [
      { id_auteur: number },
    ]
    const webmaster = createBrowser()
    await signInLocally(spip.url, webmaster, spip.webmaster.login, spip.webmaster.password)
    const set = async (statut: string) => {
      const page = await webmaster.open(`${spip.url}/ecrire/?exec=auteur_edit&id_auteur=${id}`)
      await webmaster.submit(formsOf(page).find(({ fields }) => fields.formulaire_action === 'editer_auteur')!, {
        statut,
      })
    }
    await set('6forum')
    await take(dora, 'admin')
    await told()
    expect(await author(dora)).toMatchObject({ statut: '6forum' })
    await set('5poubelle')
    await take(dora, 'redacteur')
    await told()
    expect(await author(dora)).toMatchObject({ statut: '5poubelle' })
  })

  test('a site that cannot take the call gets it again until it can', async () => {
    await give(alice, 'webmestre')
    const browser = await signedIn(alice)
    const door = join(spip.root, 'plugins/schedar/action/schedar_statut.php')
    await rename(door, `${door}.away`)
    await take(alice, 'webmestre')
    await expect.poll(async () => (await owed())[0]?.tries ?? 0, { timeout: 30_000 }).toBeGreaterThan(0)
    expect(await who(browser)).toMatch(/\|alice\|0minirezo$/)
    await rename(`${door}.away`, door)
    await told()
    expect(await author(alice)).toEqual({ statut: '0minirezo', webmestre: 'non' })
    expect(await who(browser)).toBe('||')
  })
})

describe('posted by others', () => {
  const now = () => Math.floor(Date.now() / 1000)
  const STATUS = 'urn:schedar:event:status'
  const LOGOUT = 'http://schemas.openid.net/event/backchannel-logout'
  const claims = (changes: Claims = {}): Claims => ({
    iss: house.issuer,
    aud: clientId,
    sub: bob.account.id,
    iat: now(),
    exp: now() + 120,
    jti: crypto.randomUUID(),
    events: { [STATUS]: { roles: [] } },
    ...changes,
  })
  const token = (changes: Claims = {}, header: Claims = {}, by: KeyObject = key.privateKey): string =>
    signJws({ alg: 'ES256', typ: 'schedar-status+jwt', kid: key.kid, ...header }, claims(changes), by)
  const post = (form: Record<string, string>, action = 'schedar_statut'): Promise<Reply> =>
    createBrowser().fetch(`${spip.url}/spip.php?action=${action}`, { form })
  let browser: Browser

  beforeEach(async () => {
    if (!browser || (await who(browser)) === '||') browser = await signedIn(bob)
  })

  const stranger = makeKeys()
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  test.each<[string, () => string]>([
    ['nothing', () => ''],
    ['the signature of a stranger', () => token({}, {}, stranger.ES256.privateKey)],
    ['the key of a stranger', () => token({}, { kid: stranger.ES256.kid }, stranger.ES256.privateKey)],
    ['alg none', () => `${part({ alg: 'none', typ: 'schedar-status+jwt' })}.${part(claims())}.`],
    ['its signature cut off', () => `${token().split('.').slice(0, 2).join('.')}.`],
    ['roles changed after it was signed', () => token().replace(/\.[^.]+\./, `.${part(claims())}.`)],
    ['another issuer', () => token({ iss: 'https://evil.example' })],
    ['another site’s audience', () => token({ aud: 'other' })],
    ['an end in the past', () => token({ exp: now() - 120 })],
    ['no end', () => token({ exp: undefined })],
    ['an issue of yesterday', () => token({ iat: now() - 86_400 })],
    ['an issue of tomorrow', () => token({ iat: now() + 86_400 })],
    ['no jti', () => token({ jti: undefined })],
    ['a nonce', () => token({ nonce: 'x' })],
    ['no subject', () => token({ sub: undefined })],
    ['no event', () => token({ events: undefined })],
    ['roles that are a word', () => token({ events: { [STATUS]: { roles: 'webmestre' } } })],
    ['roles that are lists', () => token({ events: { [STATUS]: { roles: [['webmestre']] } } })],
    ['no roles', () => token({ events: { [STATUS]: {} } })],
    ['the type of an ID token', () => token({}, { typ: 'JWT' })],
    ['no type', () => token({}, { typ: undefined })],
    ['the type of a logout token', () => token({}, { typ: 'logout+jwt' })],
    ['a logout token’s type and event', () => token({ events: { [LOGOUT]: {} } }, { typ: 'logout+jwt' })],
    ['a logout token’s event', () => token({ events: { [LOGOUT]: {} } })],
  ])('a status token with %s: 400, and nothing changed', async (_, made) => {
    const answer = await post({ status_token: made() })
    expect(answer.status).toBe(400)
    expect(answer.headers['content-type']).toContain('application/json')
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(await who(browser)).toMatch(/\|bob\|1comite$/)
  })

  test('a status token signs nobody out at the door for that, not even with both events', async () => {
    const both = { events: { [LOGOUT]: {}, [STATUS]: { roles: [] } } }
    for (const logout_token of [token(), token(both)])
      expect((await post({ logout_token }, 'schedar_fin')).status).toBe(400)
    expect((await post({ logout_token: token() })).status).toBe(400)
    expect((await post({ status_token: token() }, 'schedar_fin')).status).toBe(400)
    expect(await who(browser)).toMatch(/\|bob\|1comite$/)
  })

  test('by GET, in the address or as a list it is no status token', async () => {
    const address = `${spip.url}/spip.php?action=schedar_statut&status_token=${token()}`
    expect((await createBrowser().fetch(address)).status).toBe(400)
    expect((await createBrowser().fetch(address, { form: { x: 'y' } })).status).toBe(400)
    expect((await post({ 'status_token[]': token() })).status).toBe(400)
    expect(await who(browser)).toMatch(/\|bob\|1comite$/)
  })

  test('even a good one raises nobody', async () => {
    expect((await post({ status_token: token({ events: { [STATUS]: { roles: ['webmestre'] } } }) })).status).toBe(200)
    expect(await author(bob)).toEqual({ statut: '1comite', webmestre: 'non' })
    expect(await who(browser)).toMatch(/\|bob\|1comite$/)
  })

  test('a good one works once; sent again it is refused, and what was opened since stays', async () => {
    const made = token({ events: { [STATUS]: { roles: ['visiteur'] } } })
    const answers = await Promise.all(Array.from({ length: 4 }, () => post({ status_token: made })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400, 400, 400])
    expect(await author(bob)).toEqual({ statut: '6forum', webmestre: 'non' })
    expect(await who(browser)).toBe('||')
    browser = await signedIn(bob)
    expect((await post({ status_token: made })).status).toBe(400)
    expect(await who(browser)).toMatch(/\|bob\|1comite$/)
  })

  test('somebody who was never here is acknowledged, and arrives later as anybody', async () => {
    const eve = await house.person({ username: 'eve', coveredForDays: 30 })
    expect((await post({ status_token: token({ sub: eve.account.id }) })).status).toBe(200)
    expect(await author(eve)).toBeUndefined()
    await give(eve, 'redacteur')
    await signedIn(eve)
  })
})
