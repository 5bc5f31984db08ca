// App passwords on the account page: made with a fresh sign-in and shown once, listed, revoked at once; nobody else's.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dump } from '../../adapters/sql/backup.ts'
import { type AppPasswordScope, inGroups } from '../../src/domain/app-passwords.ts'
import { setAccountClosed } from '../../src/usecases/accounts.ts'
import {
  listAppPasswords,
  MOST_APP_PASSWORDS,
  makeAppPassword,
  verifyAppPassword,
} from '../../src/usecases/app-passwords.ts'
import { browserOf, open, read, send, titleOf, tokenOf } from '../support/at-home.ts'
import { type Browser, formsOf, linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'

const LIST = '/account/app-passwords'
const NEW = `${LIST}/new`

let house: House
let n = 0
const person = (): Promise<Person> => house.person({ username: `person${++n}`, coveredForDays: 30 })
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse()
})
afterAll(() => house.stop())

const secretOn = ({ text }: Reply): string => /<input id="secret"[^>]* value="([^"]*)"/.exec(text)?.[1] ?? ''
const idOn = ({ text }: Reply): string[] => [...text.matchAll(/name="revoke" value="([^"]*)"/g)].map(([, id]) => id!)
const live = async ({ account }: Person) => (await listAppPasswords(core())(account.id)).map(({ name }) => name)
const verify = ({ account }: Person, secret: string, scope: AppPasswordScope = 'imap') =>
  verifyAppPassword(core())(account.id, secret, scope)

/** Sends the form with these fields alone: a box that is not named is not ticked. */
const post = (browser: Browser, page: Reply, fields: Record<string, string>): Promise<Reply> =>
  browser.fetch(page.url, { form: { csrf: tokenOf(page), ...fields } })
/** Makes one through its page. */
async function made(browser: Browser, name = 'Thunderbird', scope = 'imap'): Promise<Reply> {
  return post(browser, await open(house, browser, NEW), { name, scopes: scope })
}
const revoke = (browser: Browser, page: Reply, id: string): Promise<Reply> => send(house, browser, page, { revoke: id })

test('from home to a secret that opens what was ticked, is shown once, and is revoked by its button', async () => {
  const ada = await person()
  const browser = await browserOf(house, ada)
  const home = await open(house, browser, '/')
  const empty = await open(house, browser, linkOf(home, /app-passwords/))
  expect(titleOf(empty)).toBe('Mots de passe d’application')
  expect(read(empty)).toContain('Vous n’en avez aucun.')
  const form = await open(house, browser, linkOf(empty, /app-passwords\/new/))
  // What a mail program needs is ticked already.
  expect([...form.text.matchAll(/value="(\w+)" checked/g)].map(([, scope]) => scope)).toEqual(['imap', 'smtp'])
  const shown = await post(browser, form, { name: 'Téléphone <b>d’Ada</b>', scopes: 'imap' })
  expect([shown.status, titleOf(shown)]).toEqual([200, 'Votre mot de passe d’application'])
  expect(shown.headers['cache-control']).toBe('no-store')
  const secret = secretOn(shown)
  expect(read(shown)).toContain('Il n’est montré que cette fois.')
  expect(read(shown)).toContain(inGroups(secret))
  expect(shown.text).toContain('readonly')
  expect(shown.text).not.toContain('<b>d’Ada')
  for (const [, address] of shown.text.matchAll(/(?:href|action|src)="([^"]*)"/g)) expect(address).not.toContain(secret)
  expect(await verify(ada, inGroups(secret))).toBeDefined()
  expect(await verify(ada, secret, 'smtp')).toBeUndefined()

  const list = await open(house, browser, linkOf(shown, /app-passwords/))
  expect(read(list)).toContain('Téléphone <b>d’Ada</b>')
  expect(read(list)).toMatch(/lire le courrier \(IMAP\) Créé le .* à \d\d:\d\d\. Dernier usage le .* à \d\d:\d\d\./)
  expect(list.text).not.toContain(secret)
  const [id] = idOn(list)
  const after = await revoke(browser, list, id!)
  expect([after.url, idOn(after)]).toEqual([house.issuer + LIST, []])
  expect(await verify(ada, secret)).toBeUndefined()
  const { audit } = core().store
  const rows = await audit.list({ subjectId: ada.account.id })
  expect(rows.map(({ action, actor }) => [action, actor]).slice(-2)).toEqual([
    ['app_password.made', ada.account.id],
    ['app_password.revoked', ada.account.id],
  ])
  // The button once more, from a page that was left open: nothing happens, and nothing is told.
  expect((await revoke(browser, list, id!)).status).toBe(200)
})

test.each([
  ['no name', { name: ' ', scopes: 'imap' }, 'name'],
  ['a long name', { name: 'x'.repeat(101), scopes: 'imap' }, 'name'],
  ['no scope', { name: 'Programme' }, 'scopes'],
  ['a scope that is none', { name: 'Programme', scopes: 'root' }, 'scopes'],
] as [string, Record<string, string>, string][])(
  '%s is shown at its field, and nothing is made',
  async (_, fields, field) => {
    const ada = await person()
    const browser = await browserOf(house, ada)
    const again = await post(browser, await open(house, browser, NEW), fields)
    expect(again.status).toBe(422)
    expect(again.text).toContain(`id="${field}-wrong"`)
    expect(await live(ada)).toEqual([])
    // What was typed and ticked stays.
    expect(formsOf(again)[0]!.fields.name).toBe(fields.name)
    expect(again.text.includes('value="smtp" checked')).toBe(false)
  },
)

test('the answer loaded again makes no second one', async () => {
  const ada = await person()
  const browser = await browserOf(house, ada)
  const form = await open(house, browser, NEW)
  const fields = { name: 'Thunderbird', scopes: 'imap' }
  const [first, second] = [await post(browser, form, fields), await post(browser, form, fields)]
  expect([first.status, second.status, secretOn(second)]).toEqual([200, 409, ''])
  expect(second.text).toContain('id="name-wrong"')
  expect(await live(ada)).toEqual(['Thunderbird'])
})

test('with as many as there can be the page says so, and revoking makes room', async () => {
  const ada = await person()
  const browser = await browserOf(house, ada)
  for (let at = 1; at <= MOST_APP_PASSWORDS; at++)
    await makeAppPassword(core())({ accountId: ada.account.id, name: `P${at}`, scopes: ['dav'], actor: 'cli:test' })
  const list = await open(house, browser, LIST)
  expect(read(list)).toContain(`Vous en avez ${MOST_APP_PASSWORDS}, le maximum.`)
  // The person did not make these.
  expect(read(list)).toContain('Créé par l’équipe de Cassiopée le')
  expect(list.text).not.toContain(`${LIST}/new`)
  expect((await made(browser)).status).toBe(409)
  const after = await revoke(browser, list, idOn(list)[0]!)
  expect(after.text).toContain(`${LIST}/new`)
  expect((await made(browser)).status).toBe(200)
})

describe('whoever finds a browser open', () => {
  test('makes none: after a quarter of an hour the password comes first, before anything is typed', async () => {
    const ada = await person()
    const browser = await browserOf(house, ada)
    const form = await open(house, browser, NEW)
    expect((await made(browser, 'Avant')).status).toBe(200)
    house.clock.advance(16 * 60_000)
    const fields = { name: 'Après', scopes: 'imap' }
    expect(titleOf(await browser.follow(await post(browser, form, fields)))).toBe('Se connecter')
    const login = await open(house, browser, NEW)
    expect(titleOf(login)).toBe('Se connecter')
    expect(await live(ada)).toEqual(['Avant'])
    // What protects is not held up: the list opens, and its buttons work.
    const list = await open(house, browser, LIST)
    expect(titleOf(list)).toBe('Mots de passe d’application')
    await revoke(browser, list, idOn(list)[0]!)
    expect(await live(ada)).toEqual([])
    const back = await send(house, browser, login, { identifier: ada.account.username, password: ada.password })
    expect(titleOf(back)).toBe('Créer un mot de passe d’application')
    expect((await made(browser)).status).toBe(200)
  })

  test('and nobody signed in sees or makes anything', async () => {
    const ada = await person()
    const hers = await browserOf(house, ada)
    await made(hers)
    const browser = await browserOf(house, await person())
    browser.forget(/session/)
    for (const path of [LIST, NEW]) expect(titleOf(await open(house, browser, path))).toBe('Se connecter')
    await setAccountClosed(core())({ accountId: ada.account.id, closed: true, reason: 'x', actor: 'test' })
    for (const path of [LIST, NEW]) expect(titleOf(await open(house, hers, path))).toBe('Se connecter')
  })
})

test('somebody else’s is neither seen nor revoked, whatever id is sent', async () => {
  const [ada, mallory] = [await person(), await person()]
  const secret = secretOn(await made(await browserOf(house, ada), 'À Ada'))
  const [hers] = await listAppPasswords(core())(ada.account.id)
  const browser = await browserOf(house, mallory)
  await made(browser, 'À Mallory')
  const list = await open(house, browser, LIST)
  expect(read(list)).not.toContain('À Ada')
  for (const id of [hers!.id, `${hers!.id}%`, hers!.id.toUpperCase(), '', '%', "' or 1=1 --", ada.account.id]) {
    const answer = await revoke(browser, list, id)
    expect([answer.status, read(answer).includes('À Ada')]).toEqual([200, false])
  }
  expect(await verify(ada, secret)).toBeDefined()
  expect(await live(mallory)).toEqual(['À Mallory'])
  expect(await core().store.audit.list({ action: 'app_password.revoked', subjectId: ada.account.id })).toEqual([])
})

test('forms from elsewhere make and revoke nothing', async () => {
  const ada = await person()
  const browser = await browserOf(house, ada)
  await made(browser)
  const [one] = await listAppPasswords(core())(ada.account.id)
  for (const [path, form] of [
    [NEW, { name: 'X', scopes: 'imap' }],
    [LIST, { revoke: one!.id }],
  ] as const) {
    expect((await browser.fetch(house.issuer + path, { form })).status).toBe(403)
    const csrf = tokenOf(await open(house, browser, path))
    const evil = { origin: 'https://evil.example' }
    expect((await browser.fetch(house.issuer + path, { form: { ...form, csrf }, headers: evil })).status).toBe(403)
    await browser.fetch(`${house.issuer}${path}?${new URLSearchParams(form)}`)
  }
  expect(await live(ada)).toEqual(['Thunderbird'])
})

test('the secret is nowhere but on its page: not in the log, the database, a backup or the audit', async () => {
  const ada = await person()
  const browser = await browserOf(house, ada)
  const secret = secretOn(await made(browser))
  expect(secret).toMatch(/^\w{20}$/)
  await verify(ada, secret)
  await verify(ada, `${secret}x`)
  const lines: string[] = []
  const { database } = house.installation
  await dump(
    database,
    core().clock.now(),
    async (line) => void lines.push(line),
    () => {},
  )
  expect(lines.join('\n')).toContain('app_password.made')
  const { dataDir } = house.installation
  const files = readdirSync(dataDir).filter((name) => name.startsWith('schedar.db'))
  const file = files.map((name) => readFileSync(join(dataDir, name), 'latin1')).join('\n')
  expect(file).toContain('app_password.made')
  const places = { log: house.logged.join('\n'), backup: lines.join('\n'), file }
  for (const [place, text] of Object.entries(places))
    for (const form of [secret, inGroups(secret), inGroups(secret).replaceAll(' ', '-')])
      expect([place, text.includes(form)]).toEqual([place, false])
})
