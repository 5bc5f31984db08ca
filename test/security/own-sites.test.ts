// Attacks by those who connect sites by themselves: names that are somebody's, addresses that the server is made to call,
// other people's registrations and invitations, forms that a browser would not send, floods.
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Member } from '../../src/ports.ts'
import { affiliate } from '../../src/usecases/accounts.ts'
import { addMember } from '../../src/usecases/members.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { browserOf, open, read, tokenOf } from '../support/at-home.ts'
import { type Browser, createBrowser, linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { follow } from '../support/relying-party.ts'
import { SITE_HOST, type SiteHost, startSiteHost } from '../support/site-host.ts'

type Side = { member: Member; owner: Person; browser: Browser }
let host: SiteHost
let house: House
let eva: Side
let ada: Side
let inside: Server
let touched = 0
let n = 0
const core = () => house.installation.core

async function side(name: string): Promise<Side> {
  const member = await addMember(core())({
    memberNumber: `A-${++n}`,
    kind: 'association',
    name,
    email: null,
    coveredUntilOn: '2099-12-31',
    actor: 'test',
  })
  const owner = await house.person({ username: `p${++n}` })
  await affiliate(core())({ accountId: owner.account.id, memberId: member.id, role: 'owner', actor: 'test' })
  return { member, owner, browser: await browserOf(house, owner) }
}

beforeAll(async () => {
  host = await startSiteHost(['evil.example', 'held.example'])
  inside = createServer((socket) => {
    touched++
    socket.destroy()
  }).listen(host.port, '127.0.0.22')
  await once(inside, 'listening')
  house = await startHouse({ config: { sites: host.config } })
  ;[eva, ada] = [await side('Eva'), await side('Ada')]
})
afterAll(async () => {
  inside.close()
  await host?.stop()
  await house?.stop()
})

const post = async ({ browser }: Side, path: string, form: Record<string, string>): Promise<Reply> => {
  const csrf = tokenOf(await open(house, browser, '/'))
  return follow(browser, await browser.fetch(new URL(path, house.issuer).href, { form: { csrf, ...form } }), 'never:')
}
const register = (who: Side, address: string, more: Record<string, string> = {}) =>
  post(who, '/account/sites/new', { member: who.member.id, address, kind: 'spip', ...more })
const check = (who: Side, { url }: Reply) => post(who, url, { act: 'check' })
const lineIn = ({ text }: Reply): string => /schedar-site=[\w-]+/.exec(text)![0]
const siteNamed = (name: string) => core().store.resources.byName('site', name)

describe('class 22: what the server is made to call', () => {
  test.each([
    ['a private address', { A: ['127.0.0.22'] }],
    ['the cloud’s own', { A: ['169.254.169.254'] }],
    ['IPv4 in IPv6', { AAAA: ['::ffff:7f00:16'] }],
    ['one among those that may be', { A: [SITE_HOST, '127.0.0.22'] }],
  ])('%s is not asked, and the page says so', async (_, zone) => {
    host.dns.zones.set('evil.example', zone)
    const told = await check(eva, await register(eva, 'evil.example'))
    expect(read(told)).toContain('Le nom evil.example mène à une adresse privée.')
    expect([touched, host.asked]).toEqual([0, []])
  })

  test('by rebinding: the address that was judged is the one that is asked', async () => {
    let asked = 0
    host.show('evil.example', 'x')
    host.dns.zones.set('evil.example', { A: () => (asked++ === 0 ? [SITE_HOST] : ['127.0.0.22']) })
    expect(read(await check(eva, await register(eva, 'evil.example')))).toContain('la ligne attendue n’y est pas')
    expect([asked, touched]).toEqual([1, 0])
  })

  test('by a redirect inside: it is not followed, and proves nothing, whatever stands there', async () => {
    const page = await register(eva, 'evil.example')
    host.show('held.example', lineIn(page))
    host.show('evil.example', '')
    for (const location of ['https://127.0.0.22/', 'https://held.example/'])
      host.sites.set('evil.example', (_request, response) => response.writeHead(302, { location }).end(lineIn(page)))
    expect(read(await check(eva, page))).toContain('evil.example renvoie vers held.example.')
    expect([touched, await siteNamed('evil.example')]).toEqual([0, undefined])
  })

  test.each([
    '127.0.0.22',
    '[::1]',
    '2130706433',
    '0x7f.1',
    'localhost',
    'db.internal',
    'evil.example:8080',
    'file:///etc/passwd',
  ])('%s is no site at all', async (address) => {
    const page = await register(eva, address)
    expect([page.status, read(page)]).toEqual([422, expect.stringContaining('Cette adresse ne convient pas.')])
  })

  test('what a site answers is text, and is not shown (class 23)', async () => {
    host.show('evil.example', '<script>alert(1)</script>')
    const told = await check(eva, await register(eva, 'evil.example'))
    expect(told.text).not.toContain('alert(1)')
    host.sites.set('evil.example', (_request, response) =>
      response.writeHead(302, { location: 'https://"><img src=x onerror=alert(1)>.example/' }).end(),
    )
    expect((await check(eva, await register(eva, 'evil.example'))).text).not.toContain('onerror')
  })
})

describe('class 3: a site that somebody holds', () => {
  test('is not taken by a proof, whether it was held before or came meanwhile; no more is told than that', async () => {
    const page = await register(eva, 'held.example')
    await addResource(core())({ memberId: ada.member.id, kind: 'site', name: 'held.example', actor: 'test' })
    host.show('held.example', lineIn(page))
    const refused = await check(eva, page)
    expect([refused.status, read(refused)]).toEqual([409, expect.stringContaining('Ce nom est déjà pris.')])
    expect((await siteNamed('held.example'))?.memberId).toBe(ada.member.id)
    for (const name of ['held.example', 'www.held.example', 'HELD.example/x']) {
      const again = await register(eva, name)
      expect([again.status, read(again)]).toEqual([409, expect.stringContaining('Ce nom est déjà pris.')])
      expect(read(again)).not.toContain('Ada')
    }
  })

  test('and neither is what the house itself answers to', async () => {
    const { hostname } = new URL(house.issuer)
    expect((await register(eva, hostname)).status).toBe(422)
    await expect(siteNamed(hostname)).resolves.toBeUndefined()
  })
})

describe('class 26: what is another’s', () => {
  test('a registration of others is not there, to read, check or give up', async () => {
    const page = await register(ada, 'evil.example')
    host.show('evil.example', lineIn(page))
    expect((await open(house, eva.browser, page.url)).status).toBe(404)
    for (const act of ['check', 'withdraw']) expect((await post(eva, page.url, { act })).status).toBe(404)
    expect(await core().store.registrations.ofMember(ada.member.id)).toHaveLength(1)
    const stranger = await open(house, createBrowser(), page.url)
    expect(stranger.text).not.toContain(lineIn(page))
  })

  test('nothing is registered in the name of another member, nor with a kit that is the host’s', async () => {
    expect((await register(eva, 'new.example', { member: ada.member.id })).status).toBe(404)
    for (const kind of ['dovecot', 'postfix', 'dokuwiki', '../spip', '__proto__', ''])
      expect((await register(eva, 'new.example', { kind })).status).toBe(422)
    expect((await core().store.registrations.ofMember(eva.member.id)).map(({ name }) => name)).not.toContain(
      'new.example',
    )
  })

  test('guests of another’s site: none is asked, shown or withdrawn; no role is taken there', async () => {
    const page = await register(ada, 'evil.example')
    host.show('evil.example', lineIn(page))
    const site = await check(ada, page)
    const path = `${new URL(site.url).pathname}/guests`
    const id = (await siteNamed('evil.example'))!.id
    const [client] = await core().store.clients.ofResource(id)
    const asked = { act: 'invite', client: client!.clientId, email: 'eva@evil.example', role: 'webmestre' }
    expect((await post(eva, path, asked)).status).toBe(404)
    expect((await open(house, eva.browser, path)).status).toBe(404)
    await post(ada, path, { ...asked, email: 'ami@ailleurs.example' })
    const [invitation] = await core().store.siteInvitations.ofClient(client!.clientId)
    // By her own site, with the client and the invitation of the other.
    const own = await register(eva, 'own.example')
    host.dns.zones.set('_schedar.own.example', { TXT: [lineIn(own)] })
    const mine = `${new URL((await check(eva, own)).url).pathname}/guests`
    const [hers] = await core().store.clients.ofResource((await siteNamed('own.example'))!.id)
    const forms: Record<string, string>[] = [
      { act: 'invite', client: client!.clientId, email: 'eva@evil.example', role: 'webmestre' },
      { act: 'withdraw', client: client!.clientId, invitation: invitation!.id },
      { act: 'withdraw', client: hers!.clientId, invitation: invitation!.id },
      { act: 'resend', client: hers!.clientId, invitation: invitation!.id },
    ]
    for (const form of forms) expect((await post(eva, mine, form)).status).toBe(404)
    expect(await core().store.siteInvitations.ofClient(client!.clientId)).toEqual([invitation])
    expect(house.letters().filter(({ to }) => to === 'eva@evil.example')).toEqual([])
    expect(linkOf(site, /\/guests"/)).toContain(id)
  })
})

describe('class 29: floods', () => {
  test('looking at a site is slowed down, for everybody together', async () => {
    const page = await register(eva, 'flood.example')
    host.asked.length = 0
    host.dns.asked.length = 0
    const statuses = new Set<number>()
    for (let times = 0; times < 35; times++) statuses.add((await check(eva, page)).status)
    expect([...statuses].toSorted()).toEqual([200, 429])
    expect(host.dns.asked.filter((line) => line === 'TXT _schedar.flood.example').length).toBeLessThanOrEqual(20)
  })
})
