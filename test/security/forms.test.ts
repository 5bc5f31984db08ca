// Attacks by forms that are sent from elsewhere.
import type Router from '@koa/router'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Desk } from '../../interactions/desk.ts'
import { createPages } from '../../interactions/index.ts'
import spip from '../../plugins/spip/index.ts'
import type { Member } from '../../src/ports.ts'
import { affiliate } from '../../src/usecases/accounts.ts'
import { makeAppPassword } from '../../src/usecases/app-passwords.ts'
import { invitePerson } from '../../src/usecases/association-invitations.ts'
import { addClient } from '../../src/usecases/clients.ts'
import { invite } from '../../src/usecases/invite.ts'
import { addMember } from '../../src/usecases/members.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { offerSetUp } from '../../src/usecases/set-up.ts'
import { inviteGuest } from '../../src/usecases/site-guests.ts'
import { registerSite } from '../../src/usecases/site-registration.ts'
import type { Frame } from '../../src/web/page.ts'
import { browserOf, codeAt, enrolled, enter, open, rawGet, read, send, titleOf, tokenOf } from '../support/at-home.ts'
import { type Browser, createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, randomPassword, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let third: RelyingParty
let n = 0
const person = (input: object = {}): Promise<Person> =>
  house.person({ username: `person${++n}`, coveredForDays: 30, ...input })
const credentials = ({ account, password }: Person) => ({ identifier: account.username, password })

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  third = await relyingParty(house, { party: 'third' })
})
afterAll(async () => {
  await rp.close()
  await third.close()
  await house.stop()
})

/** A page with its form, ready to be sent in a browser; `isUndone` fails when the form was obeyed. */
type Case = {
  browser: Browser
  page: Reply
  fields: Record<string, string>
  action?: string
  isUndone(): Promise<void>
}

async function signedIn(path: string, input: object = {}): Promise<{ who: Person; browser: Browser; page: Reply }> {
  const who = await person(input)
  const browser = await browserOf(house, who)
  return { who, browser, page: await open(house, browser, path) }
}

async function signingIn(at: RelyingParty, who: Person): Promise<{ browser: Browser; page: Reply }> {
  const browser = createBrowser()
  const { page } = await signInAt(at, browser, house.issuer, who.account.username, who.password)
  return { browser, page }
}

const noCode = (at: RelyingParty, browser: Browser) => async () => {
  const silent = await browser.fetch((await at.begin({ prompt: 'none' })).url)
  expect(new URL(silent.location!).searchParams.get('code')).toBeNull()
}
const hasNoFactor = (who: Person) => async () =>
  expect((await house.installation.core.doors.facts(who.account.id))!.hasSecondFactor).toBe(false)
const secretOn = ({ text }: Reply): string => /<code>([A-Z2-7 ]+)<\/code>/.exec(text)![1]!.replaceAll(' ', '')
const stillEnters = (who: Person) => async () =>
  expect((await enter(house, createBrowser(), credentials(who))).status).toBe(200)

/** An association, its owner, and what is done as that owner. */
async function association(more: { coveredUntilOn?: string } = {}) {
  const { core, letters } = house.installation
  const owner = await person()
  const memberNumber = `A-${++n}`
  const kind = 'association' as const
  const member = await addMember(core)({ memberNumber, kind, name: 'Les Amis', email: null, actor: 'test', ...more })
  await affiliate(core)({ accountId: owner.account.id, memberId: member.id, role: 'owner', actor: 'test' })
  const of = { memberNumber, actor: owner.account.id }
  /** The link in the letter to an address. */
  const invited = async (email: string): Promise<string> => {
    await invitePerson(core, letters)({ ...of, email, role: 'user' })
    return house.letters().findLast(({ to }) => to === email)!.link
  }
  const isOwnersAlone = async () => expect(await core.store.people.accountsOf(member.id)).toHaveLength(1)
  return { owner, member, invited, isOwnersAlone }
}

/** The audit tells of no further act on this subject. */
async function nothingMore(subjectId: string): Promise<() => Promise<void>> {
  const { audit } = house.installation.core.store
  const before = (await audit.list({ subjectId })).length
  return async () => expect(await audit.list({ subjectId })).toHaveLength(before)
}

/** A site of an association whose dues are paid, and one of its pages, as the owner sees it. */
async function siteOfMine(path: string) {
  const { core } = house.installation
  const { owner, member } = await association({ coveredUntilOn: '2099-12-31' })
  const name = `s${++n}.example`
  const site = await addResource(core)({ memberId: member.id, kind: 'site', name, actor: 'test' })
  const input = { kind: 'spip', name, url: `https://${name}`, plugin: spip, site, actor: 'test' }
  const { client } = await addClient(core)(input)
  const browser = await browserOf(house, owner)
  return {
    owner,
    site,
    client: client.clientId,
    browser,
    page: await open(house, browser, `/account/sites/${site.id}${path}`),
  }
}

/** A site, and the link in the letter to a guest. */
async function guestOfMine() {
  const { core, letters } = house.installation
  const { owner, site, client: clientId } = await siteOfMine('')
  const invited = async (email: string): Promise<string> => {
    const of = { siteId: site.id, clientId, actor: owner.account.id }
    await inviteGuest(core, letters)({ ...of, email, role: 'redacteur' })
    return house.letters().findLast(({ to }) => to === email)!.link
  }
  const isUninhabited = async () => expect(await core.store.clients.rolesOn(clientId)).toEqual([])
  return { invited, isUninhabited }
}

const noneUnderWay = (member: Member) => async () =>
  expect(await house.installation.core.store.registrations.ofMember(member.id)).toEqual([])

/** Every form of the house: `path` is the route, in front of `#` where one route has several. */
const cases: Record<string, () => Promise<Case>> = {
  '/interaction/:uid#sign-in': async () => {
    const who = await person()
    const browser = createBrowser()
    const page = await open(house, browser, (await rp.begin()).url)
    return { browser, page, fields: credentials(who), isUndone: noCode(rp, browser) }
  },
  '/interaction/:uid#code': async () => {
    const who = await person()
    const { secret } = await enrolled(house, who)
    const { browser, page } = await signingIn(rp, who)
    return { browser, page, fields: { code: codeAt(house, secret) }, isUndone: noCode(rp, browser) }
  },
  '/interaction/:uid#enrolment': async () => {
    const who = await person({ staff: ['helper'] })
    const { browser, page } = await signingIn(rp, who)
    return { browser, page, fields: { code: codeAt(house, secretOn(page)) }, isUndone: hasNoFactor(who) }
  },
  '/interaction/:uid#consent': async () => {
    const { browser, page } = await signingIn(third, await person())
    return { browser, page, fields: { answer: 'accept' }, isUndone: noCode(third, browser) }
  },
  '/interaction/:uid#membership': async () => {
    const { browser, page } = await signingIn(rp, await person({ coveredForDays: null }))
    const isUndone = async () => expect((await browser.fetch(page.url)).status).toBe(403)
    return { browser, page, fields: {}, isUndone }
  },
  '/forgotten': async () => {
    const who = await person()
    const browser = createBrowser()
    const before = house.letters().length
    const isUndone = async () => expect(house.letters().length).toBe(before)
    return {
      browser,
      page: await open(house, browser, '/forgotten'),
      fields: { identifier: who.account.username },
      isUndone,
    }
  },
  '/invitation/:token': async () => {
    const who = await person()
    await invite(house.installation.core, house.installation.letters)({ account: who.account, actor: 'test' })
    const browser = createBrowser()
    const password = randomPassword()
    const page = await open(house, browser, house.letters().at(-1)!.link)
    return { browser, page, fields: { password, repeated: password }, isUndone: stillEnters(who) }
  },
  '/password/:token': async () => {
    const who = await person()
    const before = house.letters().length
    house.clock.advance(3_700_000)
    const stranger = createBrowser()
    await send(house, stranger, await open(house, stranger, '/forgotten'), { identifier: who.account.username })
    await expect.poll(() => house.letters().length, { timeout: 3000 }).toBe(before + 1)
    const browser = createBrowser()
    const password = randomPassword()
    const page = await open(house, browser, house.letters().at(-1)!.link)
    return { browser, page, fields: { password, repeated: password }, isUndone: stillEnters(who) }
  },
  '/set-up/:token': async () => {
    const { core } = house.installation
    const browser = createBrowser()
    const page = await open(house, browser, `/set-up/${await offerSetUp(core)()}`)
    const password = randomPassword()
    const fields = {
      associationName: 'X',
      contactEmail: 'a@b.example',
      givenName: 'M',
      familyName: 'M',
      email: 'm@b.example',
      username: 'mallory',
      password,
      repeated: password,
    }
    const isUndone = async () => expect(await core.store.accounts.byUsername('mallory')).toBeUndefined()
    return { browser, page, fields, isUndone }
  },
  '/': async () => ({ ...(await signedIn('/')), fields: {}, isUndone: async () => {} }),
  '/account/password': async () => {
    const { who, browser, page } = await signedIn('/account/password')
    const password = randomPassword()
    return {
      browser,
      page,
      fields: { current: who.password, password, repeated: password },
      isUndone: stillEnters(who),
    }
  },
  '/account/app-passwords': async () => {
    const { who, browser } = await signedIn('/')
    const { core } = house.installation
    const make = { accountId: who.account.id, name: 'Programme', scopes: ['imap'], actor: 'test' }
    const { appPassword } = await makeAppPassword(core)(make)
    const isUndone = async () => expect(await core.store.appPasswords.ofAccount(who.account.id)).toHaveLength(1)
    const page = await open(house, browser, '/account/app-passwords')
    return { browser, page, fields: { revoke: appPassword.id }, isUndone }
  },
  '/account/app-passwords/new': async () => {
    const { who, browser, page } = await signedIn('/account/app-passwords/new')
    const { appPasswords } = house.installation.core.store
    const isUndone = async () => expect(await appPasswords.ofAccount(who.account.id)).toEqual([])
    return { browser, page, fields: { name: 'Programme', scopes: 'imap' }, isUndone }
  },
  '/account/mail/phone': async () => {
    const { who, browser } = await signedIn('/', { coveredForDays: 30 })
    const { core } = house.installation
    const [memberId, name] = [who.member!.id, `${who.account.username}@forms.example`]
    const box = await addResource(core)({ memberId, kind: 'mailbox', name, actor: 'test' })
    await addLogin(core)({ mailboxId: box.id, accountId: who.account.id, actor: 'test' })
    const page = await open(house, browser, '/account/mail/phone')
    const isUndone = async () => expect(await core.store.appPasswords.ofAccount(who.account.id)).toEqual([])
    return { browser, page, fields: { name: 'Programme', login: name }, isUndone }
  },
  '/account/people/:memberNumber': async () => {
    const { owner, member } = await association()
    const browser = await browserOf(house, owner)
    const { invitations } = house.installation.core.store
    const isUndone = async () => expect(await invitations.ofMember(member.id)).toEqual([])
    const fields = { act: 'invite', email: 'eva@evil.example', role: 'owner' }
    return { browser, page: await open(house, browser, `/account/people/${member.memberNumber}`), fields, isUndone }
  },
  '/account/join/:token': async () => {
    const { invited, isOwnersAlone } = await association()
    const browser = createBrowser()
    const page = await open(house, browser, await invited(`new${++n}@essai.example`))
    return { browser, page, fields: { givenName: 'Eva', familyName: 'Neuf' }, isUndone: isOwnersAlone }
  },
  '/account/join/:key/accept': async () => {
    const { invited, isOwnersAlone } = await association()
    const { who, browser } = await signedIn('/')
    return {
      browser,
      page: await open(house, browser, await invited(who.account.email!)),
      fields: {},
      isUndone: isOwnersAlone,
    }
  },
  '/account/second-factor': async () => {
    const { who, browser, page } = await signedIn('/account/second-factor')
    return { browser, page, fields: { code: codeAt(house, secretOn(page)) }, isUndone: hasNoFactor(who) }
  },
  '/account/recovery-codes': async () => {
    const who = await person()
    const { secret } = await enrolled(house, who)
    const browser = await browserOf(house, who, secret)
    house.clock.advance(60_000)
    const page = await open(house, browser, '/account/recovery-codes')
    return { browser, page, fields: { code: codeAt(house, secret) }, isUndone: await nothingMore(who.account.id) }
  },
  '/account/sites/:id': async () => {
    const { owner, client, browser, page } = await siteOfMine('')
    const fields = { act: 'give', client, account: owner.account.id, role: 'webmestre' }
    return { browser, page, fields, isUndone: await nothingMore(client) }
  },
  '/account/sites/:id/kit': async () => {
    const { client, browser, page } = await siteOfMine('/kit')
    return { browser, page, fields: { client, options: '' }, isUndone: await nothingMore(client) }
  },
  '/account/sites/:id/secret': async () => {
    const { client, browser, page } = await siteOfMine('/secret')
    return { browser, page, fields: { client }, isUndone: await nothingMore(client) }
  },
  '/account/sites/:id/guests': async () => {
    const { client, browser, page } = await siteOfMine('/guests')
    const fields = { act: 'invite', client, email: 'eva@evil.example', role: 'webmestre' }
    return { browser, page, fields, isUndone: await nothingMore(client) }
  },
  '/account/sites/new': async () => {
    const { owner, member } = await association({ coveredUntilOn: '2099-12-31' })
    const browser = await browserOf(house, owner)
    const fields = { member: member.id, address: `s${++n}.example`, kind: 'spip' }
    return { browser, page: await open(house, browser, '/account/sites/new'), fields, isUndone: noneUnderWay(member) }
  },
  '/account/sites/new/:id': async () => {
    const { owner, member } = await association({ coveredUntilOn: '2099-12-31' })
    const input = { memberId: member.id, address: `s${++n}.example`, kind: 'spip', plugin: spip }
    const { registration } = await registerSite(house.installation.core)({ ...input, actor: owner.account.id })
    const browser = await browserOf(house, owner)
    const page = await open(house, browser, `/account/sites/new/${registration.id}`)
    return { browser, page, fields: { act: 'withdraw' }, isUndone: await nothingMore(member.id) }
  },
  '/account/guest/:token': async () => {
    const { invited, isUninhabited } = await guestOfMine()
    const browser = createBrowser()
    const page = await open(house, browser, await invited(`new${++n}@essai.example`))
    return { browser, page, fields: { givenName: 'Eva', familyName: 'Neuf' }, isUndone: isUninhabited }
  },
  '/account/guest/:key/accept': async () => {
    const { invited, isUninhabited } = await guestOfMine()
    const { who, browser } = await signedIn('/')
    const page = await open(house, browser, await invited(who.account.email!))
    return { browser, page, fields: {}, isUndone: isUninhabited }
  },
  '/account/consents': async () => {
    const { who, browser, page } = await signedIn('/')
    const { consents } = house.installation.core.store
    await consents.put(who.account.id, third.clientId, ['openid'], 1)
    const isUndone = async () => expect(await consents.list(who.account.id)).toHaveLength(1)
    return { browser, page, action: '/account/consents', fields: { client: third.clientId }, isUndone }
  },
  '/account/sign-out-everywhere': async () => {
    const { browser, page } = await signedIn('/')
    const isUndone = async () => expect(titleOf(await open(house, browser, '/'))).toMatch(/^Bonjour /)
    return { browser, page, action: '/account/sign-out-everywhere', fields: {}, isUndone }
  },
}

describe('class 13: forms from elsewhere', () => {
  test('every page that takes a form is in the table', () => {
    const routes = new Set<string>()
    const router = { get() {}, post: (path: string) => routes.add(path) } as unknown as Router
    const desk = { core: house.installation.core, house: { guard() {} } } as unknown as Desk
    createPages(desk, {} as never, {} as never).mount(router, {} as Frame)
    const known = new Set(Object.keys(cases).map((name) => name.split('#')[0]!))
    known.delete('/')
    // The staff's pages have a table of their own: admin-rights.test.ts.
    expect(known).toEqual(new Set([...routes].filter((route) => !route.startsWith('/admin'))))
  })

  test.each(Object.keys(cases).filter((name) => name !== '/'))(
    '%s obeys none of them, and then its own',
    async (name) => {
      const { browser, page, fields, action = page.url, isUndone } = await cases[name]!()
      const csrf = tokenOf(page)
      expect(csrf).toMatch(/^[\w-]{43}$/)
      const url = new URL(action, house.issuer).href
      const stranger = tokenOf(await open(house, createBrowser(), '/forgotten'))
      const own = { origin: house.issuer, 'sec-fetch-site': 'same-origin' }
      const attacks: [form: Record<string, string>, headers: Record<string, string>][] = [
        [fields, own],
        [{ ...fields, csrf: '' }, own],
        [{ ...fields, csrf: stranger }, own],
        [{ ...fields, csrf: `${csrf.slice(0, -1)}é` }, own],
        [{ ...fields, csrf: 'é'.repeat(43) }, own],
        [{ ...fields, csrf: `${csrf}x` }, own],
        [{ ...fields, csrf }, { origin: 'https://evil.example' }],
        [{ ...fields, csrf }, { origin: 'null' }],
        [{ ...fields, csrf }, { origin: `${house.issuer}.evil.example` }],
        [{ ...fields, csrf }, { origin: house.issuer.replace('http:', 'https:') }],
        [{ ...fields, csrf }, { 'sec-fetch-site': 'cross-site' }],
        [{ ...fields, csrf }, { 'sec-fetch-site': 'same-site' }],
      ]
      for (const [form, headers] of attacks) {
        const reply = await browser.fetch(url, { form, headers })
        expect([reply.status, headers, form.csrf]).toEqual([403, headers, form.csrf])
        expect(read(reply)).toContain('Cette page est restée ouverte trop longtemps, ou les cookies sont bloqués.')
      }
      await isUndone()
      const obeyed = await browser.fetch(url, { form: { ...fields, csrf }, headers: own })
      expect([200, 303]).toContain(obeyed.status)
      await browser.follow(obeyed)
      const undone = () => isUndone().then(...([() => true, () => false] as const))
      await expect.poll(undone, { timeout: 3000 }).toBe(false)
    },
  )

  test('a token from before the cookie was lost is none, and a planted cookie does not help without our key', async () => {
    const browser = createBrowser()
    const page = await open(house, browser, '/forgotten')
    browser.forget(/schedar_form/)
    expect((await send(house, browser, page, { identifier: 'x' })).status).toBe(403)
    browser.setCookie(house.issuer, 'schedar_form=planted; path=/')
    expect((await send(house, browser, page, { identifier: 'x' })).status).toBe(403)
    expect(
      (await browser.fetch(`${house.issuer}/forgotten`, { form: { csrf: 'planted', identifier: 'x' } })).status,
    ).toBe(403)
  })

  test('reading a page does nothing: acts are never obeyed by GET', async () => {
    const { browser } = await signedIn('/')
    for (const path of [
      '/account/sign-out-everywhere',
      '/account/consents?client=x',
      '/account/second-factor?code=1',
      '/session/end?logout=yes',
      '/session/end/confirm?logout=yes',
    ])
      await browser.fetch(house.issuer + path)
    expect(titleOf(await open(house, browser, '/'))).toMatch(/^Bonjour /)
  })

  test('no page can be framed, and no script or style but our own runs', async () => {
    for (const path of ['/forgotten', '/nowhere', '/session/end', '/auth?client_id=x']) {
      const { head } = await rawGet(house, path)
      expect(head).toMatch(/^x-frame-options: DENY/im)
      expect(head).toMatch(/^x-content-type-options: nosniff/im)
      // oidc-provider's own page that sends itself on (nobody was signed in) has no policy; it can do nothing else.
      if (path !== '/session/end') {
        expect(head).toMatch(
          /^content-security-policy: default-src 'none';.*script-src 'self';.*frame-ancestors 'none'/im,
        )
        expect(head).not.toMatch(/unsafe-inline|unsafe-eval|\*/)
      }
    }
  })
})
