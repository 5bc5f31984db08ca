// The same plugin on MariaDB, whose comparisons ignore case: what SQLite keeps apart must stay apart here too.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Mariadb, type MariadbDatabase, startMariadb } from '../support/mariadb.ts'
import { type SpipSso, startSpipSso } from '../support/spip-sso.ts'

let mariadb: Mariadb
let database: MariadbDatabase
let sso: SpipSso

beforeAll(async () => {
  mariadb = await startMariadb()
  database = await mariadb.database()
  sso = await startSpipSso({ database })
})
afterAll(async () => {
  await sso.stop()
  await mariadb.remove()
})

const logoutToken = (sub: string) =>
  sso.provider.sign(sso.provider.logoutClaims(sso.clientId, sub), { alg: 'ES256', header: { typ: 'logout+jwt' } })
const account = (how: 'lock' | 'unlock') =>
  mariadb.admin((root) => root.query(`alter user ${database.user}@'127.0.0.1' account ${how}`))

test('subjects and usernames that differ only by case are two people, and only one of them is signed out', async () => {
  sso.provider.addAccount('alice', { roles: ['webmestre'] })
  sso.provider.addAccount('ALICE', { preferred_username: 'Alice', email: 'alice@example.org', roles: ['redacteur'] })
  const [lower, upper] = [sso.browserOf('alice'), sso.browserOf('ALICE')]
  await sso.signIn(lower)
  await sso.signIn(upper)
  expect(await sso.who(lower)).toMatch(/\|alice\|0minirezo$/)
  expect(await sso.who(upper)).toMatch(/\|alice2\|1comite$/)
  await sso.provider.suspend('alice')
  expect(await sso.isIn(lower)).toBe(false)
  expect(await sso.isIn(upper)).toBe(true)
})

test('a first sign-in in several tabs makes one author', async () => {
  sso.provider.addAccount('tabea')
  const browser = sso.browserOf('tabea')
  const answers: string[] = []
  for (let n = 0; n < 4; n++) answers.push(await sso.answer(browser))
  await Promise.all(answers.map((answer) => browser.fetch(answer)))
  expect(await sso.site.sql("select login from spip_auteurs where email='tabea@example.org'")).toEqual([
    { login: 'tabea' },
  ])
})

test('a logout that overtakes a sign-in, or comes for somebody who was never here, is kept', async () => {
  expect((await sso.postLogout(logoutToken('nora'))).status).toBe(200)
  sso.provider.addAccount('nora')
  sso.provider.hooks.token = async (body) => {
    await sso.postLogout(logoutToken('nora'))
    return body
  }
  const browser = sso.browserOf('nora')
  await sso.signIn(browser)
  delete sso.provider.hooks.token
  expect(await sso.isIn(browser)).toBe(false)
  await sso.signIn(browser)
  expect(await sso.isIn(browser)).toBe(true)
})

test('while the site’s database user is locked a logout is not taken, so that it comes again', async () => {
  sso.provider.addAccount('dora')
  const browser = sso.browserOf('dora')
  await sso.signIn(browser)
  const token = logoutToken('dora')
  await account('lock')
  try {
    expect((await sso.postLogout(token)).status).toBe(503)
  } finally {
    await account('unlock')
    await sso.site.databaseIsBack()
  }
  expect(await sso.isIn(browser)).toBe(true)
  expect((await sso.postLogout(token)).status).toBe(200)
  expect(await sso.isIn(browser)).toBe(false)
})
