// A site's owner connects it without asking anybody: address, proof, kit, and who may edit. Through the real forms, with a
// real DNS server and a real web server of the site.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Member } from '../../src/ports.ts'
import { affiliate } from '../../src/usecases/accounts.ts'
import { addMember } from '../../src/usecases/members.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { browserOf, enter, open, read, send, titleOf } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, randomPassword, startHouse } from '../support/house.ts'
import { follow } from '../support/relying-party.ts'
import { type SiteHost, startSiteHost } from '../support/site-host.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

const names = ['velo.example', 'kayak.example', 'rando.example', 'other.example']
let host: SiteHost
let house: House
let member: Member
let owner: Person
let browser: Browser
let boss: StaffMember
let n = 0
const core = () => house.installation.core

const association = (name: string): Promise<Member> =>
  addMember(core())({
    memberNumber: `A-${++n}`,
    kind: 'association',
    name,
    email: null,
    joinedOn: '2020-01-01',
    coveredUntilOn: '2099-12-31',
    actor: 'test',
  })
async function one(of: Member): Promise<Person> {
  const made = await house.person({ username: `p${++n}` })
  await affiliate(core())({ accountId: made.account.id, memberId: of.id, role: 'owner', actor: 'test' })
  return made
}

beforeAll(async () => {
  host = await startSiteHost(names)
  house = await startHouse({ config: { sites: { ...host.config, withoutProof: ['hosted.example'] } } })
  member = await association('Les Amis du Vélo')
  owner = await one(member)
  browser = await browserOf(house, owner)
  boss = await staffMember(house, 'boss', 'admin')
})
afterAll(async () => {
  await host?.stop()
  await house?.stop()
})

const at = (path: string): Promise<Reply> => open(house, browser, path)
/** Sends the form of a page that has this field or button; then where it leads. */
async function press(page: Reply, fields: Record<string, string>, who = browser): Promise<Reply> {
  const form = formsOf(page).findLast(({ method }) => method === 'post')!
  return follow(who, await who.fetch(form.action, { form: { ...form.fields, ...fields } }), 'never:')
}
const register = async (address: string, kind = 'spip') =>
  press(await at(linkOf(await at('/account/sites'), /sites\/new"/)), { address, kind })
const lineIn = (page: Reply): string => /schedar-site=[\w-]+/.exec(page.text)![0]
const check = (page: Reply) => press(page, { act: 'check' })

describe('from the address to the kit', () => {
  test('a person with a member in order finds the way, and comes back to a proof that is not there yet', async () => {
    expect((await at('/')).text).toContain('/account/sites')
    const page = await register('https://www.Velo.example/'.replace('www.', ''))
    expect(titleOf(page)).toBe('Montrer que velo.example est à vous')
    expect(read(page)).toContain('https://velo.example/.well-known/schedar-site.txt')
    expect(read(page)).toContain('_schedar.velo.example')
    const none = await check(page)
    expect(none.text).toContain('role="alert"')
    expect(read(none)).toContain('Le nom velo.example ne mène nulle part : le DNS ne le connaît pas.')
    expect(read(none)).toContain('Il n’y a pas d’enregistrement DNS _schedar.velo.example')
    const again = await at(linkOf(await at('/account/sites'), /sites\/new\/[0-9a-f-]{36}/))
    expect(lineIn(again)).toBe(lineIn(page))
  })

  test('what was found is told in words, and the file connects the site', async () => {
    const page = await register('velo.example')
    host.show('velo.example', 'bonjour')
    expect(read(await check(page))).toContain('Le fichier est là, mais la ligne attendue n’y est pas.')
    host.sites.delete('velo.example')
    expect(read(await check(page))).toContain('velo.example répond, mais pas avec le fichier (réponse 404).')
    host.show('velo.example', `${lineIn(page)}\n`)
    const site = await check(page)
    expect([titleOf(site), site.url]).toEqual(['velo.example', expect.stringMatching(/sites\/[0-9a-f-]{36}$/)])
    expect(read(site)).toContain('webmestre par son rôle : Propriétaire')
    const kit = await press(await at(linkOf(site, /\/kit"/)), { options: '' })
    expect(kit.headers['content-type']).toBe('application/x-tar')
    const made = (await core().store.resources.byName('site', 'velo.example'))!
    const [client] = await core().store.clients.ofResource(made.id)
    expect(kit.text).toContain(client!.clientId)
    expect(kit.url).not.toContain(client!.clientId)
    expect(read(await at('/account/sites'))).not.toContain('Sites en attente')
  })

  test('a DNS record does as well; another kind of site has its own kit', async () => {
    const page = await register('kayak.example/club', 'apache')
    host.dns.zones.set('_schedar.kayak.example', { TXT: ['autre chose'] })
    expect(read(await check(page))).toContain('L’enregistrement DNS _schedar.kayak.example est là, mais')
    host.dns.zones.set('_schedar.kayak.example', { TXT: ['autre chose', lineIn(page)] })
    const site = await check(page)
    expect(titleOf(site)).toBe('kayak.example')
    expect((await press(await at(linkOf(site, /\/kit"/)), { options: '' })).text).toContain('OIDCClientID')
  })

  test('a wrong address is refused at its field, and kept as it was typed', async () => {
    const page = await register('velo')
    expect([page.status, read(page)]).toEqual([422, expect.stringContaining('Cette adresse ne convient pas.')])
    expect(page.text).toContain('id="address-wrong"')
    expect(page.text).toContain('value="velo"')
  })

  test('a site that the association hosts and the member holds needs no proof', async () => {
    await addResource(core())({ memberId: member.id, kind: 'site', name: 'velo.hosted.example', actor: 'test' })
    expect(titleOf(await register('velo.hosted.example'))).toBe('velo.hosted.example')
  })

  test('given up, it is gone', async () => {
    const page = await register('other.example')
    expect(titleOf(await press(page, { act: 'withdraw' }))).toBe('Sites dont je m’occupe')
    expect((await at(page.url)).status).toBe(404)
  })
})

describe('the host', () => {
  test('an admin sees what waits, and approves by hand or refuses', async () => {
    await register('rando.example')
    const list = await open(
      house,
      boss.browser,
      linkOf(await open(house, boss.browser, '/admin/sites'), /sites\/pending/),
    )
    expect(read(list)).toContain('rando.example Les Amis du Vélo (A-1) SPIP')
    const page = await open(house, boss.browser, linkOf(list, /pending\/[0-9a-f-]{36}/))
    expect(read(page)).toContain(`Demandé par ${owner.account.username}`)
    const done = await press(page, { act: 'approve' }, boss.browser)
    expect(titleOf(done)).toBe('rando.example')
    expect(read(await at('/account/sites'))).toContain('rando.example')
    const refused = await register('other.example')
    const other = await open(
      house,
      boss.browser,
      linkOf(await open(house, boss.browser, '/admin/sites/pending'), /pending\/[0-9a-f-]{36}/),
    )
    await press(other, { act: 'refuse' }, boss.browser)
    expect((await at(refused.url)).status).toBe(404)
  })
})

describe('guests', () => {
  const site = async () => (await core().store.resources.byName('site', 'velo.example'))!
  const letterTo = (email: string) => house.letters().findLast(({ to }) => to === email)!
  async function invite(email: string): Promise<Reply> {
    const page = await at(linkOf(await at(`/account/sites/${(await site()).id}`), /\/guests"/))
    return press(page, { email, role: 'redacteur', act: 'invite' })
  }
  const clientOf = async () => (await core().store.clients.ofResource((await site()).id))[0]!

  test('somebody new makes an account by the letter, and has this site alone', async () => {
    const email = 'gaelle@ailleurs.example'
    expect(read(await invite(email))).toContain(`${email} redacteur`)
    const letter = letterTo(email)
    expect(letter.text).toContain('velo.example')
    expect(letter.text).toContain('ne coûte rien')
    const fresh = createBrowser()
    const page = await open(house, fresh, letter.link)
    expect(read(page)).toContain('On vous invite à travailler au site velo.example de Les Amis du Vélo.')
    const chosen = await send(house, fresh, page, { givenName: 'Gaëlle', familyName: 'Ailleurs' })
    const password = randomPassword()
    await send(house, fresh, chosen, { password, repeated: password })
    const [account] = await core().store.accounts.byEmail(email)
    const home = await enter(house, fresh, { identifier: account!.username, password })
    expect(read(home)).toContain('velo.example')
    expect(read(home)).not.toContain('kayak.example')
    expect(read(await at(`/account/sites/${(await site()).id}`))).toContain('invité par le site redacteur')
    expect((await open(house, fresh, `/account/sites/${(await site()).id}`)).status).toBe(404)
  })

  test('somebody with an account accepts; a suspension of the member closes it, taking the role back ends it', async () => {
    const known = await house.person({ username: `known${++n}` })
    await invite(known.account.email!)
    const theirs = await browserOf(house, known)
    const page = await open(house, theirs, letterTo(known.account.email!).link)
    expect(page.url).toMatch(/\/accept$/)
    await press(page, {}, theirs)
    const { clientId } = await clientOf()
    const access = () => core().doors.access(known.account.id, clientId)
    expect((await access()).access).toBe('full')
    const shown = await at(`/account/sites/${(await site()).id}`)
    const taking = formsOf(shown).find(({ fields }) => fields.account === known.account.id)!
    await follow(browser, await browser.fetch(taking.action, { form: { ...taking.fields, act: 'take' } }), 'never:')
    expect((await access()).reason.code).toBe('not_listed')
  })

  test('an invitation is seen, sent again and withdrawn', async () => {
    const email = 'tard@ailleurs.example'
    const page = await invite(email)
    const { link } = letterTo(email)
    const [first, last] = [formsOf(page).find(({ fields }) => fields.invitation)!, () => letterTo(email).link]
    const again = await follow(
      browser,
      await browser.fetch(first.action, { form: { ...first.fields, act: 'resend' } }),
      'never:',
    )
    expect(last()).not.toBe(link)
    expect((await open(house, createBrowser(), link)).status).toBe(410)
    const withdrawn = formsOf(again).find(({ fields }) => fields.invitation)!
    const after = await follow(
      browser,
      await browser.fetch(withdrawn.action, { form: { ...withdrawn.fields, act: 'withdraw' } }),
      'never:',
    )
    expect(read(after)).not.toContain(email)
    expect((await open(house, createBrowser(), last())).status).toBe(410)
  })

  test('inviting asks for the password again after a quarter of an hour', async () => {
    house.clock.advance(16 * 60_000)
    const page = await at(`/account/sites/${(await site()).id}/guests`)
    expect(page.text).toContain('name="password"')
    await send(house, browser, page, { password: owner.password })
    await suspend(core())({ target: { memberId: member.id }, reason: 'abus', actor: 'test' })
    browser = await browserOf(house, owner)
    expect((await at(`/account/sites/${(await site()).id}/guests`)).status).toBe(404)
    expect((await at('/account/sites')).text).not.toContain('sites/new')
    expect(read(await at('/account/sites/new'))).toContain('Vous ne pouvez relier aucun site en ce moment')
  })
})
