// The same plugin on MariaDB, whose comparisons ignore case: what SQLite keeps apart must stay apart here too.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'
import { type SpipSso, startSpipSso } from '../support/spip-sso.ts'

let mariadb: Mariadb
let sso: SpipSso

beforeAll(async () => {
  mariadb = await startMariadb()
  sso = await startSpipSso({ database: await mariadb.database() })
})
afterAll(async () => {
  await sso.stop()
  await mariadb.remove()
})

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
  const token = (sub: string) =>
    sso.provider.sign(sso.provider.logoutClaims(sso.clientId, sub), { alg: 'ES256', header: { typ: 'logout+jwt' } })
  expect((await sso.postLogout(token('nora'))).status).toBe(200)
  sso.provider.addAccount('nora')
  sso.provider.hooks.token = async (body) => {
    await sso.postLogout(token('nora'))
    return body
  }
  const browser = sso.browserOf('nora')
  await sso.signIn(browser)
  delete sso.provider.hooks.token
  expect(await sso.isIn(browser)).toBe(false)
  await sso.signIn(browser)
  expect(await sso.isIn(browser)).toBe(true)
})
