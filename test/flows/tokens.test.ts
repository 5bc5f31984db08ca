// Tokens after the sign-in: refreshing, giving back, and asking what one is worth.
import * as oidc from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { affiliate } from '../../src/usecases/accounts.ts'
import { nightly } from '../../src/usecases/nightly.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import { open } from '../support/at-home.ts'
import { createBrowser, formsOf } from '../support/browser-jar.ts'
import { DAY, type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let n = 0
const person = (coveredForDays = 30): Promise<Person> => house.person({ username: `person${++n}`, coveredForDays })

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

async function tokensOf(ada: Person, at = rp, parameters: Record<string, string> = {}) {
  const browser = createBrowser()
  const { tokens } = await signInAt(at, browser, house.issuer, ada.account.username, ada.password, parameters)
  return { browser, tokens: tokens! }
}
const active = async (token: string, at = rp): Promise<boolean> => (await at.introspect(token)).active
const refused = (promise: Promise<unknown>) => expect(promise).rejects.toMatchObject({ error: 'invalid_grant' })

async function leaveEverything(browser: ReturnType<typeof createBrowser>): Promise<void> {
  const page = await open(house, browser, '/session/end')
  const { action, fields } = formsOf(page)[0]!
  await browser.fetch(action, { form: { ...fields, logout: 'yes' } })
}

describe('refreshing', () => {
  test('gives a new access token, and a new refresh token in place of the old one', async () => {
    const { tokens } = await tokensOf(await person())
    const next = await rp.refresh(tokens.refresh_token!)
    expect(next.refresh_token).not.toBe(tokens.refresh_token)
    expect(next.access_token).not.toBe(tokens.access_token)
    expect(await active(next.access_token)).toBe(true)
    const third = await rp.refresh(next.refresh_token!)
    expect(third.claims()!.sub).toBe(tokens.claims()!.sub)
  })

  test('an old refresh token used again takes everything down (RFC 9700 §4.14.2)', async () => {
    const { tokens } = await tokensOf(await person())
    const next = await rp.refresh(tokens.refresh_token!)
    await refused(rp.refresh(tokens.refresh_token!))
    await refused(rp.refresh(next.refresh_token!))
    expect(await active(next.access_token)).toBe(false)
    expect(await active(tokens.access_token)).toBe(false)
  })

  test('for a client that refreshes in parallel the token stays the same', async () => {
    const apache = await relyingParty(house, { template: { rotateRefreshToken: false } })
    const { tokens } = await tokensOf(await person(), apache)
    const both = await Promise.all([apache.refresh(tokens.refresh_token!), apache.refresh(tokens.refresh_token!)])
    expect(new Set(both.map(({ access_token }) => access_token)).size).toBe(2)
    for (const { refresh_token = tokens.refresh_token } of both) expect(refresh_token).toBe(tokens.refresh_token)
    await apache.close()
  })

  test('without offline_access it ends with the session; with it, it goes on', async () => {
    const ada = await person()
    const bound = await tokensOf(ada)
    await leaveEverything(bound.browser)
    await refused(rp.refresh(bound.tokens.refresh_token!))
    expect(await active(bound.tokens.access_token)).toBe(false)

    const begun = await rp.begin({ scope: 'openid offline_access', prompt: 'consent' })
    const browser = createBrowser()
    const login = await open(house, browser, begun.url)
    const form = formsOf(login).find(({ fields }) => 'identifier' in fields)!
    const question = await browser.submit(form, { identifier: ada.account.username, password: ada.password })
    const accept = formsOf(question).find(({ fields }) => 'csrf' in fields)!
    const sent = await browser.fetch(accept.action, { form: { ...accept.fields, answer: 'accept' } })
    const back = await browser.follow(sent, (location) => location.startsWith(house.issuer))
    const free = await rp.exchange(back.location!, begun)
    await leaveEverything(browser)
    const next = await rp.refresh(free.refresh_token!)
    expect(await active(next.access_token)).toBe(true)
    // A suspension ends that too, and lifting it does not bring it back.
    const target = { accountId: ada.account.id }
    await suspend(house.installation.core)({ target, reason: 'Essai', actor: 'test' })
    await refused(rp.refresh(next.refresh_token!))
    await restore(house.installation.core)({ target, actor: 'test' })
    await refused(rp.refresh(next.refresh_token!))
  })

  test('a scope cannot be widened', async () => {
    const { tokens } = await tokensOf(await person(), rp, { scope: 'openid' })
    const more = oidc.refreshTokenGrant(rp.config, tokens.refresh_token!, { scope: 'openid email' })
    await expect(more).rejects.toMatchObject({ error: 'invalid_scope' })
  })

  test('another client’s refresh token is refused, and stays good for its own', async () => {
    const other = await relyingParty(house)
    const { tokens } = await tokensOf(await person())
    await refused(other.refresh(tokens.refresh_token!))
    expect((await rp.refresh(tokens.refresh_token!)).access_token).toBeTruthy()
    await other.close()
  })
})

describe('giving a token back (RFC 7009)', () => {
  test('the refresh token takes the whole grant with it', async () => {
    const { tokens } = await tokensOf(await person())
    await oidc.tokenRevocation(rp.config, tokens.refresh_token!)
    await refused(rp.refresh(tokens.refresh_token!))
    expect(await active(tokens.access_token)).toBe(false)
  })

  test('an unknown token is no error; another client’s token is not touched', async () => {
    const other = await relyingParty(house)
    const { tokens } = await tokensOf(await person())
    await oidc.tokenRevocation(rp.config, 'there is no such token')
    await oidc.tokenRevocation(other.config, tokens.access_token).catch(() => {})
    expect(await active(tokens.access_token)).toBe(true)
    await other.close()
  })
})

describe('introspection (RFC 7662)', () => {
  let dovecot: RelyingParty
  let webmail: RelyingParty
  let ada: Person
  let login: string

  beforeAll(async () => {
    dovecot = await relyingParty(house, { service: 'mail', template: { introspectsScope: 'mail', redirectUris: [] } })
    webmail = await relyingParty(house, { service: 'mail' })
    ada = await person()
    login = await mailbox(ada, ada.member!.id, 'ada@site.example')
  })
  afterAll(async () => {
    await dovecot.close()
    await webmail.close()
  })

  async function mailbox({ account }: Person, memberId: string, name: string): Promise<string> {
    const { core } = house.installation
    const { id } = await addResource(core)({ memberId, kind: 'mailbox', name, actor: 'test' })
    return addLogin(core)({ mailboxId: id, accountId: account.id, actor: 'test' })
  }
  const mailToken = async (who: Person) => (await tokensOf(who, webmail, { scope: 'openid mail' })).tokens.access_token

  test('a client sees its own tokens, without the mail login when mail was not asked for', async () => {
    const { tokens } = await tokensOf(ada)
    const seen = await rp.introspect(tokens.access_token)
    expect(seen).toMatchObject({ active: true, sub: ada.account.id, client_id: rp.clientId, token_type: 'Bearer' })
    expect(seen).not.toHaveProperty('mail_login')
    expect(await active(tokens.refresh_token!)).toBe(true)
  })

  test('the mail service sees tokens with the scope mail, and the login they are for', async () => {
    const seen = await dovecot.introspect(await mailToken(ada))
    expect(seen).toMatchObject({ active: true, mail_login: login, client_id: webmail.clientId })
    expect(String(seen.scope).split(' ')).toContain('mail')
  })

  test('a webmail learns at userinfo which login its token is for, and the address of that mailbox', async () => {
    const bea = await person()
    const { core } = house.installation
    const { id } = await addResource(core)({
      memberId: bea.member!.id,
      kind: 'mailbox',
      name: 'bureau@site.example',
      actor: 'test',
    })
    await addLogin(core)({ mailboxId: id, accountId: bea.account.id, name: 'bea.bureau@site.example', actor: 'test' })
    const told = await webmail.userinfo(await mailToken(bea), bea.account.id)
    expect(told).toMatchObject({ mail_login: 'bea.bureau@site.example', mail_address: 'bureau@site.example' })
    const { tokens } = await tokensOf(bea, webmail, { scope: 'openid' })
    const without = await webmail.userinfo(tokens.access_token, bea.account.id)
    expect(without).not.toHaveProperty('mail_login')
    expect(without).not.toHaveProperty('mail_address')
  })

  test('it sees no others, and no other client sees these', async () => {
    const { tokens } = await tokensOf(ada)
    expect(await dovecot.introspect(tokens.access_token)).toEqual({ active: false })
    expect(await rp.introspect(await mailToken(ada))).toEqual({ active: false })
  })

  test.each([
    ['a word', 'x'],
    ['a long one', 'a'.repeat(4000)],
    ['a path', '../../etc'],
    ['a NUL', '\0'],
  ])('%s is not a token', async (_, token) => {
    expect(await dovecot.introspect(token)).toEqual({ active: false })
  })

  test('without the client’s secret nobody learns anything', async () => {
    const body = new URLSearchParams({ token: await mailToken(ada), client_id: dovecot.clientId })
    for (const client_secret of [undefined, '', 'wrong']) {
      if (client_secret !== undefined) body.set('client_secret', client_secret)
      const answer = await fetch(`${house.issuer}/token/introspection`, { method: 'POST', body })
      expect(answer.status).toBe(401)
    }
  })

  test('suspended: inactive at once, for the client’s own tokens too; restored, the old token stays dead', async () => {
    const bob = await person()
    await mailbox(bob, bob.member!.id, 'bob@site.example')
    const [mail, own] = [await mailToken(bob), (await tokensOf(bob)).tokens.access_token]
    expect([await active(mail, dovecot), await active(own)]).toEqual([true, true])
    const target = { accountId: bob.account.id }
    await suspend(house.installation.core)({ target, reason: 'Essai', actor: 'test' })
    expect([await active(mail, dovecot), await active(own)]).toEqual([false, false])
    await restore(house.installation.core)({ target, actor: 'test' })
    expect([await active(mail, dovecot), await active(own)]).toEqual([false, false])
    expect(await active(await mailToken(bob), dovecot)).toBe(true)
  })

  test('a member’s suspension closes the login into its mailbox, not the person’s other one', async () => {
    const [carl, dora] = [await person(), await person()]
    await mailbox(carl, carl.member!.id, 'one@site.example')
    await affiliate(house.installation.core)({
      accountId: carl.account.id,
      memberId: dora.member!.id,
      role: 'user',
      actor: 'test',
    })
    await mailbox(carl, dora.member!.id, 'two@site.example')
    const first = await mailToken(carl)
    const [of] = await house.installation.core.store.resources.loginsOf(carl.account.id)
    const closing = of!.name === 'one@site.example' ? carl.member! : dora.member!
    expect(await dovecot.introspect(first)).toMatchObject({ mail_login: of!.name })
    await suspend(house.installation.core)({ target: { memberId: closing.id }, reason: 'Essai', actor: 'test' })
    expect(await active(first, dovecot)).toBe(false)
    const open = await dovecot.introspect(await mailToken(carl))
    expect(open.active).toBe(true)
    expect(open.mail_login).not.toBe(of!.name)
  })

  test('lapsed: a web client’s token is inactive, mail is still read (restricted)', async () => {
    const eve = await person(-29)
    await mailbox(eve, eve.member!.id, 'eve@site.example')
    const [mail, own] = [await mailToken(eve), (await tokensOf(eve)).tokens.access_token]
    expect([await active(mail, dovecot), await active(own)]).toEqual([true, true])
    house.clock.advance(2 * DAY)
    await nightly(house.installation.core, house.installation.reconciler, async () => {})({ confirmed: true })
    expect(await active(own)).toBe(false)
    expect(await active(mail, dovecot)).toBe(true)
  })
})
