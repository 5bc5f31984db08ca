// Attacks on the pages of a site: by the id of another's, by a role too low, by a client or person that is not of it, by forms
// from elsewhere, by markup in names.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import spip from '../../plugins/spip/index.ts'
import type { AffiliationRole } from '../../src/domain/access.ts'
import type { Client, Member, Resource } from '../../src/ports.ts'
import { addAccount, affiliate, setStaffRoles } from '../../src/usecases/accounts.ts'
import { addClient, setClientRole } from '../../src/usecases/clients.ts'
import { addMember } from '../../src/usecases/members.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { browserOf, open, read, titleOf, tokenOf } from '../support/at-home.ts'
import { type Browser, createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'

type Place = { member: Member; site: Resource; client: Client }
let house: House
let n = 0
let mine: Place
let theirs: Place
let owner: Person
let victim: Person
const core = () => house.installation.core

async function place(name: string): Promise<Place> {
  const member = await addMember(core())({
    memberNumber: `A-${++n}`,
    kind: 'association',
    name,
    email: null,
    coveredUntilOn: '2099-12-31',
    actor: 'test',
  })
  const site = await addResource(core())({ memberId: member.id, kind: 'site', name: `s${++n}.example`, actor: 'test' })
  const input = { kind: 'spip', name, url: `https://${site.name}`, plugin: spip, site, actor: 'test' }
  const { client } = await addClient(core())(input)
  return { member, site, client }
}
async function one({ member }: Place, role: AffiliationRole): Promise<Person> {
  const made = await house.person({ username: `p${++n}` })
  await affiliate(core())({ accountId: made.account.id, memberId: member.id, role, actor: 'test' })
  return made
}
const address = ({ site }: Place, path = '') => `${house.issuer}/account/sites/${site.id}${path}`
const state = async () =>
  Promise.all(
    [mine, theirs].map(async ({ client: { clientId } }) => ({
      client: await core().store.clients.get(clientId),
      roles: await core().store.clients.rolesOn(clientId),
      audit: (await core().store.audit.list({ subjectId: clientId })).length,
    })),
  )
const tokenFor = async (browser: Browser) => tokenOf(await open(house, browser, '/'))

beforeAll(async () => {
  house = await startHouse()
  ;[mine, theirs] = [await place('Les miens'), await place('Les leurs')]
  owner = await one(mine, 'owner')
  victim = await one(theirs, 'user')
})
afterAll(() => house.stop())

type Sent = [path: string, form: Record<string, string>]
/** Every act there is, about a client and a person. */
const acts = ({ client: { clientId: client } }: Place, { account: { id: account } }: Person): Sent[] => [
  ['', { act: 'give', client, account, role: 'webmestre' }],
  ['', { act: 'take', client, account, role: 'webmestre' }],
  ['/kit', { client, options: '' }],
  ['/secret', { client }],
]
async function sendAll(browser: Browser, at: Place, of: Place, who: Person): Promise<number[]> {
  const csrf = await tokenFor(browser)
  const statuses: number[] = []
  for (const [path, form] of acts(of, who))
    statuses.push((await browser.fetch(address(at, path), { form: { ...form, csrf } })).status)
  return statuses
}

describe('class 26: somebody else’s site', () => {
  test('by its id: the answer is that of a site that is not there, and nothing is done', async () => {
    const browser = await browserOf(house, owner)
    const before = await state()
    const none = `${house.issuer}/account/sites/${crypto.randomUUID()}`
    for (const path of ['', '/kit', '/secret']) {
      const [shown, absent] = [await browser.fetch(address(theirs, path)), await browser.fetch(`${none}${path}`)]
      expect([shown.status, read(shown)]).toEqual([404, read(absent)])
      expect(shown.text).not.toContain(theirs.site.name)
    }
    expect(await sendAll(browser, theirs, theirs, victim)).toEqual([404, 404, 404, 404])
    expect(await state()).toEqual(before)
  })

  test('by its client, or its people, on the page of one’s own', async () => {
    const browser = await browserOf(house, owner)
    const before = await state()
    expect(await sendAll(browser, mine, theirs, owner)).toEqual([404, 404, 404, 404])
    expect((await sendAll(browser, mine, mine, victim)).slice(0, 2)).toEqual([404, 404])
    const [own, other] = await state()
    expect(other).toEqual(before[1])
    expect(own!.roles).toEqual(before[0]!.roles)
  })

  test('a mailbox is no site', async () => {
    const memberId = mine.member.id
    const mailbox = await addResource(core())({ memberId, kind: 'mailbox', name: 'a@s.example', actor: 'test' })
    const browser = await browserOf(house, owner)
    expect((await browser.fetch(`${house.issuer}/account/sites/${mailbox.id}`)).status).toBe(404)
  })

  test('a stranger is asked to sign in, whatever they send', async () => {
    const browser = createBrowser()
    const before = await state()
    for (const [path, form] of acts(theirs, victim))
      for (const options of [{}, { form }]) {
        const reply = await browser.fetch(address(theirs, path), options)
        expect([reply.status, reply.location]).toEqual([303, expect.stringContaining('/auth?')])
      }
    expect(await state()).toEqual(before)
  })
})

describe('class 26: a role too low', () => {
  test.each(['billing', 'user'] as const)('%s sees and does nothing', async (role) => {
    const low = await one(theirs, role)
    const browser = await browserOf(house, low)
    const before = await state()
    expect((await browser.fetch(address(theirs))).status).toBe(404)
    expect(await sendAll(browser, theirs, theirs, low)).toEqual([404, 404, 404, 404])
    expect(await state()).toEqual(before)
  })

  test('a role at a site, or one of the staff, is no right to look after it', async () => {
    const editor = await house.person({ username: `p${++n}`, coveredForDays: 30 })
    const { clientId } = theirs.client
    const subject = editor.account.id
    await setClientRole(core())({ clientId, subjectKind: 'account', subject, role: 'webmestre', actor: 'test' })
    await setStaffRoles(core())({ accountId: editor.account.id, roles: ['helper'], actor: 'test' })
    await setStaffRoles(core())({ accountId: editor.account.id, roles: [], actor: 'test' })
    const browser = await browserOf(house, editor)
    expect(await sendAll(browser, theirs, theirs, editor)).toEqual([404, 404, 404, 404])
  })

  test('the page of who was taken out, lowered or suspended a moment ago is of no use any more', async () => {
    const [out, low, bad] = [await one(theirs, 'admin'), await one(theirs, 'admin'), await one(theirs, 'admin')]
    const browsers = [await browserOf(house, out), await browserOf(house, low), await browserOf(house, bad)]
    const tokens: string[] = []
    for (const browser of browsers) tokens.push(tokenOf(await browser.fetch(address(theirs))))
    await core().store.people.disaffiliate(out.account.id, theirs.member.id)
    await affiliate(core())({ accountId: low.account.id, memberId: theirs.member.id, role: 'user', actor: 'test' })
    await suspend(core())({ target: { accountId: bad.account.id }, reason: 'abus', actor: 'test' })
    const before = await state()
    for (const [at, browser] of browsers.entries())
      for (const [path, form] of acts(theirs, victim)) {
        const reply = await browser.fetch(address(theirs, path), { form: { ...form, csrf: tokens[at]! } })
        // Whoever was suspended has no session any more.
        expect([at, path, at === 2 ? reply.status === 303 : reply.status]).toEqual([at, path, at === 2 ? true : 404])
      }
    expect(await state()).toEqual(before)
    const again = await browserOf(house, bad)
    expect((await again.fetch(address(theirs))).status).toBe(404)
    expect(read(await open(house, again, '/account/sites'))).not.toContain(theirs.site.name)
  })
})

describe('class 13: forms from elsewhere', () => {
  test('without the token, with that of another, or from another site: refused', async () => {
    const browser = await browserOf(house, owner)
    const csrf = await tokenFor(browser)
    const foreign = await tokenFor(await browserOf(house, victim))
    const before = await state()
    for (const [path, form] of acts(mine, owner))
      for (const [token, headers] of [
        [{}, {}],
        [{ csrf: foreign }, {}],
        [{ csrf }, { origin: 'https://evil.example' }],
        [{ csrf }, { 'sec-fetch-site': 'cross-site' }],
      ] as [Record<string, string>, Record<string, string>][])
        expect((await browser.fetch(address(mine, path), { form: { ...form, ...token }, headers })).status).toBe(403)
    expect(await state()).toEqual(before)
  })

  test('no act is obeyed by GET', async () => {
    const browser = await browserOf(house, owner)
    const before = await state()
    for (const [path, form] of acts(mine, owner))
      await browser.fetch(`${address(mine, path)}?${new URLSearchParams({ ...form, csrf: await tokenFor(browser) })}`)
    expect(await state()).toEqual(before)
  })
})

test('class 23: what others typed is text', async () => {
  const nasty = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
  const bad = await place(`${nasty} & fils`)
  const chief = await one(bad, 'owner')
  const names = { givenName: nasty, familyName: nasty, name: nasty }
  const account = await addAccount(core())({ ...names, username: `p${++n}`, email: null, actor: 'test' })
  await affiliate(core())({ accountId: account.id, memberId: bad.member.id, role: 'technical', actor: 'test' })
  const { clientId } = bad.client
  await setClientRole(core())({ clientId, subjectKind: 'group', subject: nasty, role: '<b>', actor: 'test' })
  await suspend(core())({ target: { memberId: bad.member.id }, reason: nasty, actor: 'test' })
  const browser = await browserOf(house, chief)
  for (const path of ['/', '/account/sites', `/account/sites/${bad.site.id}`]) {
    const page = await open(house, browser, path)
    expect([path, page.status]).toEqual([path, 200])
    expect(page.text).not.toMatch(/<script>|<img src=x|<b>/)
  }
  const mineToo = await browserOf(house, owner)
  const csrf = await tokenFor(mineToo)
  const typed = { csrf, client: mine.client.clientId, options: `${nasty}\n</textarea><script>` }
  const refused = await mineToo.fetch(address(mine, '/kit'), { form: typed })
  expect([refused.status, titleOf(refused)]).toEqual([422, expect.stringContaining('Kit de')])
  expect(refused.text).not.toMatch(/<script>|<img src=x/)
})
