// What a person reads when a door is shut: lapsed, grace, applicant, closed, suspended, not listed. Each standing with its
// words, at the client's door and at home; and a person of two members, of whom one is suspended.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { affiliate } from '../../src/usecases/accounts.ts'
import { setClientRole } from '../../src/usecases/clients.ts'
import { recordMemberEvent } from '../../src/usecases/members.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import { browserOf, enter, open, read, send, titleOf } from '../support/at-home.ts'
import { type Browser, createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { follow, type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let wiki: RelyingParty
let n = 0

beforeAll(async () => {
  house = await startHouse()
  wiki = await relyingParty(house, { name: 'Le wiki' })
})
afterAll(async () => {
  await wiki.close()
  await house.stop()
})

const person = (coveredForDays?: number | null): Promise<Person> =>
  house.person({ username: `person${++n}`, ...(coveredForDays !== undefined && { coveredForDays }) })

async function door(who: Person, at = wiki): Promise<{ browser: Browser; page: Awaited<ReturnType<typeof open>> }> {
  const browser = createBrowser()
  const { page } = await signInAt(at, browser, house.issuer, who.account.username, who.password)
  return { browser, page }
}

const resigned = async (): Promise<Person> => {
  const who = await person(30)
  await recordMemberEvent(house.installation.core)({ memberId: who.member!.id, kind: 'resigned', actor: 'test' })
  return who
}

describe('at the door of a service', () => {
  test.each([
    ['lapsed', () => person(-60), 'Votre adhésion est arrivée à échéance', 'Dernier jour couvert'],
    ['an applicant', () => person(null), 'Votre adhésion n’a pas encore commencé', 'votre première cotisation'],
    ['closed', resigned, 'Votre adhésion a pris fin', 'réservés aux membres de Cassiopée'],
    ['nobody’s', () => person(), 'Ce service est réservé aux membres', 'rattaché à aucun membre de Cassiopée'],
  ])('%s: 403, why, and two ways on', async (_, make, title, words) => {
    const { browser, page } = await door(await make())
    expect([page.status, titleOf(page)]).toEqual([403, title])
    expect(read(page)).toContain(words)
    expect(read(page)).toContain('Service demandé : Le wiki')
    expect(read(page)).toContain('bureau@cassiopee.example')
    // Home is open, and back at the service it is told no.
    expect(titleOf(await open(house, browser, '/'))).toMatch(/^Bonjour /)
    const back = await send(house, browser, page, {}, wiki.url)
    const answer = new URL(back.location!).searchParams
    expect(answer.get('error')).toBe('access_denied')
    // Why is the person's own business.
    expect(answer.get('error_description')).toBe('this account may not use this service now')
  })

  test('in grace everything works, and home says what is expected', async () => {
    const who = await person(-10)
    const browser = createBrowser()
    const { tokens } = await signInAt(wiki, browser, house.issuer, who.account.username, who.password)
    expect(await wiki.userinfo(tokens!.access_token, who.account.id)).toMatchObject({ membership: true })
    const home = read(await open(house, browser, '/'))
    expect(home).toContain('Cotisation attendue')
    expect(home).toMatch(/Vos services restent ouverts jusqu’au \d+ \S+ 20\d\d\. Si vous venez de payer/)
  })

  test('once the door opens, the page that said no leads on', async () => {
    const who = await person(30)
    const target = { accountId: who.account.id }
    const suspended = { target, reason: 'Une vérification', actor: 'test' }
    const browser = await browserOf(house, who)
    await suspend(house.installation.core)(suspended)
    const begun = await wiki.begin()
    const login = await open(house, browser, begun.url)
    const page = await send(house, browser, login, { identifier: who.account.username, password: who.password })
    expect(titleOf(page)).toBe('Votre accès est suspendu')
    await restore(house.installation.core)({ target, actor: 'test' })
    const back = await follow(browser, await browser.fetch(page.url), wiki.url)
    expect((await wiki.exchange(back.location!, begun)).claims()!.sub).toBe(who.account.id)
  })
})

describe('a service for named people only', () => {
  test('a member who is not named reads whom to ask, and does not see it at home', async () => {
    const desk = await relyingParty(house, { name: 'Le bureau', audience: 'listed' })
    const who = await person(30)
    const { browser, page } = await door(who, desk)
    expect([page.status, titleOf(page)]).toEqual([403, 'Ce service ne vous est pas ouvert'])
    expect(read(page)).toContain('Le bureau n’est ouvert qu’aux personnes que ses responsables ont désignées.')
    expect(read(await open(house, browser, '/'))).not.toContain('Le bureau')
    const role = { clientId: desk.clientId, subjectKind: 'account' as const, subject: who.account.id, role: 'editor' }
    await setClientRole(house.installation.core)({ ...role, actor: 'test' })
    const { tokens } = await signInAt(desk, browser, house.issuer, '', '')
    expect(await desk.userinfo(tokens!.access_token, who.account.id)).toMatchObject({ roles: ['editor'] })
    expect(read(await open(house, browser, '/'))).toContain('Le bureau')
    await setClientRole(house.installation.core)({ ...role, remove: true, actor: 'test' })
    expect(await desk.introspect(tokens!.access_token)).toEqual({ active: false })
    await desk.close()
  })
})

describe('suspended', () => {
  test('reads the reason, since when, until when, and how to contest it; at home first of all', async () => {
    const who = await person(30)
    await suspend(house.installation.core)({
      target: { accountId: who.account.id },
      reason: 'Envoi en nombre depuis <votre> boîte',
      endsOn: '2031-01-31',
      actor: 'test',
    })
    const { browser, page } = await door(who)
    const words = read(page)
    expect(page.text).toContain('<blockquote>Envoi en nombre depuis &lt;votre&gt; boîte</blockquote>')
    expect(words).toMatch(/L’accès a été suspendu le \d+ \S+ 20\d\d à \d\d:\d\d par Cassiopée\./)
    expect(words).toContain('Jusqu’au 31 janvier 2031 inclus.')
    expect(words).toContain('Pour en parler ou contester : bureau@cassiopee.example')
    const home = read(await open(house, browser, '/'))
    expect(home.indexOf('Votre accès est suspendu')).toBeGreaterThan(0)
    expect(home.indexOf('Votre accès est suspendu')).toBeLessThan(home.indexOf('Mes adhésions'))
  })

  test('without an account’s password nobody reads any of it', async () => {
    const who = await person(30)
    await suspend(house.installation.core)({
      target: { accountId: who.account.id },
      reason: 'Un secret',
      actor: 'test',
    })
    const page = await enter(house, createBrowser(), { identifier: who.account.username, password: 'not the one' })
    expect(page.status).toBe(401)
    expect(read(page)).not.toMatch(/suspendu|Un secret/)
  })
})

describe('a person of two members, of whom one is suspended', () => {
  let ada: Person
  let bob: Person
  const sites: Record<'ada' | 'bob', RelyingParty> = {} as never

  beforeAll(async () => {
    const { core } = house.installation
    ;[ada, bob] = [await person(30), await person(30)]
    await affiliate(core)({ accountId: ada.account.id, memberId: bob.member!.id, role: 'technical', actor: 'test' })
    for (const [name, { member }] of [
      ['ada', ada],
      ['bob', bob],
    ] as const) {
      const site = await addResource(core)({
        memberId: member!.id,
        kind: 'site',
        name: `${name}.example`,
        actor: 'test',
      })
      const template = { rolesOfAffiliation: { owner: 'webmestre', technical: 'redacteur' } }
      sites[name] = await relyingParty(house, { name: `Le site de ${name}`, site, template })
    }
  })
  afterAll(async () => {
    for (const site of Object.values(sites)) await site.close()
  })

  test('keeps the other’s site, the house’s services and the session; loses only what came through the one', async () => {
    const browser = createBrowser()
    const { tokens: own } = await signInAt(sites.ada, browser, house.issuer, ada.account.username, ada.password)
    const { tokens: other } = await signInAt(sites.bob, browser, house.issuer, '', '')
    const { tokens: house_ } = await signInAt(wiki, browser, house.issuer, '', '')
    expect(await sites.ada.userinfo(own!.access_token, ada.account.id)).toMatchObject({ roles: ['webmestre'] })
    expect(await sites.bob.userinfo(other!.access_token, ada.account.id)).toMatchObject({ roles: ['redacteur'] })

    const target = { memberId: bob.member!.id }
    await suspend(house.installation.core)({ target, reason: 'Site piraté', actor: 'test' })
    expect(await sites.bob.introspect(other!.access_token)).toEqual({ active: false })
    expect(await sites.ada.introspect(own!.access_token)).toMatchObject({ active: true })
    expect(await wiki.introspect(house_!.access_token)).toMatchObject({ active: true })
    await expect.poll(() => sites.bob.logoutTokens.length, { timeout: 3000 }).toBe(1)
    expect([sites.ada.logoutTokens.length, wiki.logoutTokens.length]).toEqual([0, 0])

    // No password is asked again, and the page names the member.
    const { page } = await signInAt(sites.bob, browser, house.issuer, '', '')
    expect(page.status).toBe(403)
    expect(read(page)).toContain(`L’accès de ${bob.member!.name} a été suspendu`)
    const home = read(await open(house, browser, '/'))
    expect(home).toContain('Site piraté')
    expect(home).toMatch(/Le site de ada (Site à rédiger|Service en ligne) \d/)
    expect(home).toMatch(/Le site de bob Fermé · accès suspendu/)
    expect((await sites.ada.refresh(own!.refresh_token!)).access_token).toBeTruthy()

    // Bob has no other member: he is out of everything, but not of home.
    expect((await door(bob)).page.status).toBe(403)

    await restore(house.installation.core)({ target, actor: 'test' })
    expect((await signInAt(sites.bob, browser, house.issuer, '', '')).tokens).toBeDefined()
    await expect(sites.bob.refresh(other!.refresh_token!)).rejects.toThrow()
  })
})

test('who is only signed in at home is nothing to mend for the nightly run', async () => {
  const who = await person(30)
  await browserOf(house, who)
  const { changes } = await house.installation.reconciler.plan('provider')
  expect(changes.filter(({ name }) => name === who.account.id)).toEqual([])
})
