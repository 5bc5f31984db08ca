// The staff's pages for sites: found, looked at, taken offline and put back, each service followed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HOUR_MS, hourOf } from '../../src/domain/traffic.ts'
import { addClient, setClientRole } from '../../src/usecases/clients.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { browserOf, open, read, send, titleOf, tokenOf } from '../support/at-home.ts'
import { linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

const SITES = '/admin/sites'
let house: House
let boss: StaffMember
let helper: StaffMember
let ada: Person
let late: Person
const ids: Record<string, string> = {}
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse()
  boss = await staffMember(house, 'boss', 'admin')
  helper = await staffMember(house, 'helper', 'helper')
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  late = await house.person({ username: 'late', coveredForDays: -900 })
  for (const [name, person] of [
    ['velo.example', ada],
    ['jardin.example', ada],
    ['vieux.example', late],
  ] as const)
    ids[name] = (await addResource(core())({ memberId: person.member!.id, kind: 'site', name, actor: 'test' })).id
  ids.box = (
    await addResource(core())({ memberId: ada.member!.id, kind: 'mailbox', name: 'ada@ada.example', actor: 'test' })
  ).id
  const site = (await core().store.resources.get(ids['velo.example']!))!
  const { client } = await addClient(core())({
    kind: 'other',
    name: 'Le SPIP du vélo',
    url: 'https://velo.example',
    plugin: undefined,
    site,
    redirectUris: ['https://velo.example/cb'],
    actor: 'test',
  })
  for (const [subjectKind, subject] of [
    ['account', ada.account.id],
    ['group', 'atelier <b>'],
  ] as const)
    await setClientRole(core())({ clientId: client.clientId, subjectKind, subject, role: 'editor', actor: 'test' })
})
afterAll(() => house.stop())

const at = (path: string, staff = boss): Promise<Reply> => open(house, staff.browser, path)
const of = (name: string, path = '') => `${SITES}/${ids[name]}${path}`
const hosting = async (name: string) => (await core().doors.resourceAccess(ids[name]!, 'hosting')).access

describe('finding a site', () => {
  test('by its place in the navigation; open or not, and why; whose it is', async () => {
    const page = await open(house, boss.browser, linkOf(await at('/admin'), /admin\/sites"/))
    expect(titleOf(page)).toBe('Sites')
    expect(read(page)).toMatch(
      /jardin\.example Ada Essai \(M-ada\) Ouvert 0 Mo 0 Mo velo\.example Ada Essai \(M-ada\) Ouvert 0 Mo 0 Mo vieux\.example Late Essai \(M-late\)/,
    )
  })

  test.each([
    ['text=VELO', true],
    ['text=velo.', true],
    ['text=%25', false],
    ["text=' or 1=1 --", false],
    ['text=%3Cscript%3E', false],
    ['page=2', false],
    ['page=999999', false],
    ['text=velo&text=velo', true],
  ])('%s', async (query, found) => {
    const page = await at(`${SITES}?${query}`)
    expect([page.status, page.text.includes(of('velo.example'))]).toEqual([200, found])
    expect(page.text).not.toContain('<script>')
  })
})

describe('traffic', () => {
  const tell = (name: string, bytes: number, ago: number) =>
    core().store.transaction((stores) =>
      stores.traffic.add([
        {
          siteId: ids[name]!,
          at: hourOf(core().clock.now()) - ago * HOUR_MS,
          bytes,
          requests: 7,
          paths: [{ value: '/<b>film</b>.mp4', bytes, requests: 7 }],
          addresses: [{ value: '192.0.2.77', bytes, requests: 7 }],
        },
      ]),
    )

  test('the busiest site of the day comes first; its page shows of what and from where', async () => {
    await tell('velo.example', 900_000_000, 0)
    await tell('velo.example', 300_000_000, 30)
    await tell('jardin.example', 5_000_000, 3)
    expect(read(await at(SITES))).toMatch(
      /velo\.example .* Ouvert 900 Mo 1.200 Mo jardin\.example .* Ouvert 5 Mo 5 Mo vieux/,
    )
    const page = await at(of('velo.example'))
    const text = read(page)
    expect(text).toMatch(/Par heure depuis .* : 900 Mo en 7 requêtes, 900 Mo au plus dans une heure\./)
    expect(text).toMatch(/Par jour depuis une semaine : 1.200 Mo en 14 requêtes, 900 Mo au plus dans un jour\./)
    expect(text).toMatch(/<b>film<\/b>\.mp4 900 Mo 7/)
    expect(text).toContain('192.0.2.77')
    expect(page.text).not.toContain('<b>film')
    expect(page.text).toMatch(/<svg class="columns"[^>]* aria-hidden="true"/)
  })
})

describe('one site', () => {
  test('says who may edit, client by client, and leads to each', async () => {
    const page = await at(of('velo.example'))
    const text = read(page)
    expect(text).toContain('Le SPIP du vélo')
    expect(text).toMatch(/ada Ada Essai .*editor/)
    expect(text).toContain('atelier <b>')
    expect(page.text).not.toContain('atelier <b>')
    for (const place of [
      `/admin/members/${ada.member!.id}`,
      `/admin/accounts/${ada.account.id}`,
      of('velo.example', '/suspend'),
    ])
      expect(page.text).toContain(`href="${place}"`)
  })

  test('a helper looks, and finds nothing to press', async () => {
    const page = await at(of('velo.example'), helper)
    expect(titleOf(page)).toBe('velo.example')
    expect(page.text).not.toMatch(/sites\/[^"]*\/(suspend|restore|mail)"|admin\/clients/)
  })

  test.each(['box', 'none'])('%s is no site', async (which) => {
    for (const path of ['', '/suspend', '/restore', '/mail'])
      expect((await at(`${SITES}/${ids[which] ?? 'none'}${path}`)).status).toBe(404)
  })

  test('is reached from its member and its client', async () => {
    for (const path of [`/admin/members/${ada.member!.id}`, linkOf(await at(of('velo.example')), /admin\/clients\//)])
      expect((await at(path)).text).toContain(`href="${of('velo.example')}"`)
  })
})

describe('offline', () => {
  test('with a reason, then each service is followed; the member’s other site stays up', async () => {
    const form = await at(of('velo.example', '/suspend'))
    expect(titleOf(form)).toBe('Mettre velo.example hors ligne')
    const empty = await send(house, boss.browser, form, { reason: ' ' })
    expect([empty.status, empty.text.includes('id="reason-wrong"')]).toEqual([422, true])
    const live = await send(house, boss.browser, form, { reason: 'Hameçonnage dans <b>/tmp</b>' })
    expect(live.url).toMatch(/\/admin\/suspensions\//)
    expect(titleOf(live)).toContain('velo.example')
    expect(live.text).not.toContain('<b>/tmp')
    expect(await Promise.all(['velo.example', 'jardin.example'].map(hosting))).toEqual(['none', 'full'])
    const page = await open(house, boss.browser, linkOf(live, /admin\/sites\//))
    expect(read(page)).toContain('Hameçonnage dans <b>/tmp</b>')
    expect(read(page)).toContain('site hors ligne')
    expect(page.text).toContain(of('velo.example', '/restore'))
    expect(read(await at(`${SITES}?text=velo`))).toContain('site hors ligne')
    const told = await core().store.audit.list({ subjectId: ids['velo.example']! })
    expect(told.map(({ action, actor }) => [action, actor])).toContainEqual([
      'access.suspended',
      boss.person.account.id,
    ])
    // Whoever looks after the site reads why.
    const owner = await browserOf(house, ada)
    expect(read(await open(house, owner, `/account/sites/${ids['velo.example']}`))).toContain('Hameçonnage')
  })

  test('twice is once', async () => {
    const page = await send(house, boss.browser, await at(of('velo.example', '/suspend')), { reason: 'encore' })
    expect(page.status).toBe(409)
    expect(await core().store.overrides.open({ resourceId: ids['velo.example']! })).toHaveLength(1)
  })

  test('back online, and the way there is followed as well', async () => {
    const live = await send(house, boss.browser, await at(of('velo.example', '/restore')), { note: 'nettoyé' })
    expect(live.url).toMatch(/\/admin\/suspensions\//)
    expect(await hosting('velo.example')).toBe('full')
    expect((await send(house, boss.browser, await at(of('velo.example', '/restore')), {})).status).toBe(409)
  })

  test('a site of a suspended member is closed, and putting it online does not open it', async () => {
    await suspend(core())({ target: { resourceId: ids['jardin.example']! }, reason: 'x', actor: 'test' })
    await suspend(core())({ target: { memberId: ada.member!.id }, reason: 'y', actor: 'test' })
    await send(house, boss.browser, await at(of('jardin.example', '/restore')), {})
    expect(read(await at(of('jardin.example')))).toContain('accès suspendu')
    expect(await hosting('jardin.example')).toBe('none')
  })
})

describe('attacks', () => {
  test('a helper, and a form of the helper’s, take nothing offline', async () => {
    const csrf = tokenOf(await at('/', helper))
    for (const path of ['/suspend', '/restore']) {
      const answer = await helper.browser.fetch(house.issuer + of('velo.example', path), {
        form: { csrf, reason: 'x' },
      })
      expect(answer.status).toBe(403)
    }
    expect(await core().store.overrides.open({ resourceId: ids['velo.example']! })).toEqual([])
  })

  test('there is no act that opens a site against its member’s standing', async () => {
    for (const path of ['/allow', '/withdraw-allow', '/close'])
      expect((await boss.browser.fetch(house.issuer + of('vieux.example', path))).status).toBe(404)
  })
})
