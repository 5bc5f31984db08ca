// Attacks on rights: what a person or a client may not do to others.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addClient } from '../../src/usecases/clients.ts'
import { browserOf, enter, open, send } from '../support/at-home.ts'
import { createBrowser, formsOf } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let ada: Person

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

describe('class 26: what a person may not do to others', () => {
  test('fields that no form has change nothing; a person acts on the own account alone', async () => {
    const [eva, bob] = [
      await house.person({ username: 'eva', coveredForDays: 30 }),
      await house.person({ username: 'bob', coveredForDays: 30 }),
    ]
    const mine = await browserOf(house, eva)
    const password = 'a new horse in the battery 7'
    const more = {
      accountId: bob.account.id,
      username: 'bob',
      sub: bob.account.id,
      staffRoles: 'admin',
      role: 'admin',
      state: 'active',
      isAdmin: 'true',
    }
    const page = await open(house, mine, '/account/password')
    await send(house, mine, page, { ...more, current: eva.password, password, repeated: password })
    expect((await enter(house, createBrowser(), { identifier: 'bob', password: bob.password })).status).toBe(200)
    expect((await enter(house, createBrowser(), { identifier: 'eva', password })).status).toBe(200)
    expect(await house.installation.core.store.people.staffRoles(eva.account.id)).toEqual([])
    const everything = await browserOf(house, { ...eva, password })
    const home = await open(house, everything, '/')
    const form = formsOf(home).find(({ action }) => action.endsWith('sign-out-everywhere'))!
    const his = await browserOf(house, bob)
    await everything.submit(form, more)
    expect((await open(house, his, '/')).text).toContain('Bonjour Bob')
  })

  test.each([
    '/admin.',
    '/administrator',
    '/api',
    '/api/accounts',
    '/metrics/',
    '/.env',
    '/schedar.db',
    '/assets/../schedar.yaml',
    '/assets/%2e%2e%2fsrc/main.ts',
    '/assets/..%2f..%2fpackage.json',
  ])('%s gives nothing away', async (path) => {
    const { rawGet } = await import('../support/at-home.ts')
    const answer = await rawGet(house, path)
    expect(answer.status).toBe(404)
    expect(answer.body).toContain('<!doctype html>')
  })
})

describe('class 26: what a client may not ask for', () => {
  const mailFor = async (at: RelyingParty) => {
    const browser = createBrowser()
    const { page } = await signInAt(at, browser, house.issuer, 'ada', ada.password, { scope: 'openid mail' })
    return page
  }

  test('a hosted site cannot have a token for the mailbox of its visitors, with or without a consent', async () => {
    const site = await relyingParty(house, { service: 'site' })
    const stranger = await relyingParty(house, { party: 'third' })
    for (const client of [rp, site, stranger]) {
      const { location } = await mailFor(client)
      expect(new URL(location!).searchParams.get('error')).toBe('invalid_scope')
    }
    // The same through a pushed request, and by refreshing.
    const authorization = `Basic ${Buffer.from(`${site.clientId}:${site.clientSecret}`).toString('base64')}`
    const body = new URL((await site.begin({ scope: 'openid mail' })).url).searchParams
    const pushed = await fetch(`${house.issuer}/request`, { method: 'POST', headers: { authorization }, body })
    expect([pushed.status, await pushed.json()]).toMatchObject([400, { error: 'invalid_scope' }])
    const { tokens } = await signInAt(site, createBrowser(), house.issuer, 'ada', ada.password)
    const more = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: tokens!.refresh_token!,
      scope: 'mail',
    })
    const refreshed = await fetch(`${house.issuer}/token`, { method: 'POST', headers: { authorization }, body: more })
    expect([refreshed.status, await refreshed.json()]).toMatchObject([400, { error: 'invalid_scope' }])
    for (const client of [site, stranger]) await client.close()
  })

  test('a webmail can', async () => {
    const webmail = await relyingParty(house, { service: 'mail' })
    expect(new URL((await mailFor(webmail)).location!).searchParams.get('code')).toBeTruthy()
    await webmail.close()
  })

  test('no client takes the name of the house’s own', async () => {
    const input = { kind: 'other', name: 'x', url: 'https://example.org', plugin: undefined, actor: 'test' }
    const mine = { ...input, clientId: 'schedar', redirectUris: ['https://example.org/callback'] }
    await expect(addClient(house.installation.core)(mine)).rejects.toMatchObject({ code: 'conflict' })
  })
})
