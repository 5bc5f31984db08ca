// Attacks on the staff's pages (class 26, and class 13 again): the whole table of rights, walked with everybody whom it
// does not name, and every form of it sent from elsewhere.
import type Router from '@koa/router'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mountAdmin } from '../../interactions/admin/index.ts'
import { type AdminPath, rights } from '../../interactions/admin/rights.ts'
import type { Desk } from '../../interactions/desk.ts'
import type { StaffRole } from '../../src/ports.ts'
import { setStaffRoles } from '../../src/usecases/accounts.ts'
import { recordPayment } from '../../src/usecases/payments.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { today } from '../../src/usecases/standing.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import type { Frame } from '../../src/web/page.ts'
import * as record from '../contract/store-records.ts'
import { browserOf, enter, open, rawGet, read, titleOf, tokenOf } from '../support/at-home.ts'
import { type Browser, createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty } from '../support/relying-party.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

let house: House
let rp: RelyingParty
let ada: Person
let suspension: string
const staff: Partial<Record<StaffRole, StaffMember>> = {}
let member: Browser
let stranger: Browser
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  for (const role of ['admin', 'treasurer', 'helper'] as const)
    staff[role] = await staffMember(house, `the-${role}`, role)
  const out = await house.person({ username: 'out', coveredForDays: 30 })
  await suspend(core())({ target: { accountId: out.account.id }, reason: 'x', actor: 'test' })
  suspension = (await core().store.overrides.open({ accountId: out.account.id }))[0]!.id
  member = await browserOf(house, ada)
  await books()
  await holdings()
  stranger = createBrowser()
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

/** Something of each kind that the treasurer's pages are about. */
const kept = { digest: '', line: '', payment: '', registration: '' }
/** A mailbox and a site of hers. */
const held = { mailboxes: '', sites: '' }
async function holdings(): Promise<void> {
  const [memberId, actor] = [ada.member!.id, 'test']
  const box = await addResource(core())({ memberId, kind: 'mailbox', name: 'ada@ada.example', actor })
  await addLogin(core())({ mailboxId: box.id, accountId: ada.account.id, actor })
  const site = await addResource(core())({ memberId, kind: 'site', name: 'ada.example', actor })
  Object.assign(held, { mailboxes: box.id, sites: site.id })
  const waiting = record.registration(memberId, { expiresAt: house.clock.now() + 86_400_000 })
  await core().store.registrations.add(waiting)
  kept.registration = waiting.id
}
async function books(): Promise<void> {
  const payerId = ada.member!.id
  const { organisationId } = ada.member!
  const { payment } = await recordPayment(core())({
    payerId,
    source: 'cash',
    cents: 100,
    valueOn: await today(core()),
    actor: 'test',
  })
  kept.payment = payment.id
  kept.digest = await house.installation.uploads.keep(Buffer.from('a;b'), house.clock.now())
  const file = record.bankFile(organisationId)
  await core().store.bank.addFile(file)
  const line = record.bankLine(file)
  await core().store.bank.addLines([line])
  kept.line = line.id
}

const paths = Object.keys(rights) as AdminPath[]
const actPaths = paths.filter((path) => rights[path].act)
const FORBIDDEN = 'Cette page ne vous est pas ouverte'
const CSRF = 'Cette page est restée ouverte trop longtemps, ou les cookies sont bloqués.'

/** A path of the table about things that exist. */
function real(path: AdminPath): string {
  const ids = {
    members: ada.member!.id,
    accounts: ada.account.id,
    clients: rp.clientId,
    suspensions: suspension,
    ...held,
  }
  return path
    .replace('take-login', 'take-login?login=ada@ada.example')
    .replace(/^\/admin\/(\w+)\/:id/, (_, kind: keyof typeof ids) => `/admin/${kind}/${ids[kind]}`)
    .replace(':name', 'provider')
    .replace(/:(digest|line|payment|registration)/, (_, kind: keyof typeof kept) => kept[kind])
    .replace(/:\w+/g, 'none-such')
}
const url = (path: string) => house.issuer + path

describe('the table', () => {
  test('names every page and act that there is, and no other', () => {
    const routes = { get: new Set<string>(), post: new Set<string>() }
    const router = {
      get: (path: string) => routes.get.add(path),
      post: (path: string) => routes.post.add(path),
    } as unknown as Router
    mountAdmin(router, { core: {} } as unknown as Desk, {} as never, {} as Frame)
    expect(routes.get).toEqual(new Set(paths))
    expect(routes.post).toEqual(new Set(actPaths))
  })

  test('gives an administrator everything, and nobody but one what closes, opens or shows secrets', () => {
    for (const path of paths) {
      expect(rights[path].read).toContain('admin')
      if (
        /suspend|restore|close|reopen|allow|staff-roles|groups|second-factor|clients|services|admin.held|keys|app-password|people|link|new$/.test(
          path,
        ) &&
        !/dues/.test(path)
      )
        expect([path, rights[path].read, rights[path].act ?? ['admin']]).toEqual([path, ['admin'], ['admin']])
      // Of mail a helper reads; what stops, sends, opens or removes is an administrator's.
      if (/outgoing|mailboxes|sites/.test(path))
        expect([path, rights[path].act ?? ['admin']]).toEqual([path, ['admin']])
      if (/outgoing|mailboxes|sites/.test(path))
        expect([path, rights[path].read.includes('treasurer')]).toEqual([path, false])
    }
  })
})

describe.each(paths)('%s', (path) => {
  test('a stranger is asked to sign in; a member is told that it is not theirs', async () => {
    for (const form of rights[path].act ? [undefined, { csrf: '' }] : [undefined]) {
      const asked = await stranger.fetch(url(real(path)), form && { form })
      expect([asked.status, asked.location]).toEqual([303, expect.stringMatching(/\/auth\?/)])
      const refused = await member.fetch(url(real(path)), form && { form })
      expect([refused.status, read(refused)]).toEqual([403, expect.stringContaining(FORBIDDEN)])
    }
  })

  test.each(['admin', 'treasurer', 'helper'] as const)('%s', async (role) => {
    const { browser } = staff[role]!
    const { read: readers, act: actors } = rights[path]
    const page = await browser.fetch(url(real(path)))
    // Things that are not there, and a client that has no kit, are told so to whoever may ask.
    const absent = path === '/admin/clients/:id/kit' || real(path).includes('none-such')
    const open = absent ? 404 : 200
    expect([role, page.status]).toEqual([role, readers.includes(role) ? open : 403])
    const sent = await browser.fetch(url(real(path)), { form: { csrf: 'none' } })
    const wanted = actors?.includes(role) ? CSRF : actors ? FORBIDDEN : 'Cette page ne peut pas être appelée ainsi.'
    expect([sent.status, read(sent)]).toEqual([actors ? 403 : 405, expect.stringContaining(wanted)])
  })
})

describe('who is one of the staff no more', () => {
  test('is out with the next request', async () => {
    const { person, browser } = await staffMember(house, 'former', 'helper')
    expect(titleOf(await open(house, browser, '/admin'))).toBe('Tableau de bord')
    await setStaffRoles(core())({ accountId: person.account.id, roles: [], actor: 'test' })
    expect((await browser.fetch(url('/admin'))).status).toBe(403)
  })

  test('a suspended administrator signs in at home, and nowhere here', async () => {
    const { person, secret } = await staffMember(house, 'rogue', 'admin')
    await suspend(core())({ target: { accountId: person.account.id }, reason: 'abus', actor: 'test' })
    house.clock.advance(60_000)
    const browser = await browserOf(house, person, secret)
    expect(read(await open(house, browser, '/'))).toContain('abus')
    for (const path of ['/admin', '/admin/accounts', `/admin/accounts/${person.account.id}/restore`])
      expect((await browser.fetch(url(path))).status).toBe(403)
  })

  test('a password alone opens nothing, whatever schedar.yaml asks', async () => {
    const lax = await startHouse({ config: { secondFactor: { roles: [] } } })
    const weak = await lax.person({ username: 'weak', staff: ['admin'] })
    const browser = createBrowser()
    await enter(lax, browser, { identifier: 'weak', password: weak.password })
    for (const path of ['/admin', '/admin/accounts', '/admin/audit/export']) {
      const answer = await browser.fetch(lax.issuer + path)
      expect([answer.status, answer.location]).toEqual([303, `${lax.issuer}/account/second-factor`])
      expect(answer.text).not.toContain('weak@')
    }
    await lax.stop()
  })
})

describe('class 13: acts sent from elsewhere', () => {
  test.each(actPaths)('%s obeys none', async (path) => {
    const { browser } = staff.admin!
    const csrf = tokenOf(
      await open(house, browser, '/admin/accounts/x').then(() => open(house, browser, '/admin/suspend')),
    )
    expect(csrf).toMatch(/^[\w-]{43}$/)
    const foreign = tokenOf(await open(house, createBrowser(), '/forgotten'))
    const attempts: [form: Record<string, string>, headers: Record<string, string>][] = [
      [{}, {}],
      [{ csrf: '' }, {}],
      [{ csrf: foreign }, {}],
      [{ csrf }, { origin: 'https://evil.example' }],
      [{ csrf }, { origin: 'null' }],
      [{ csrf }, { 'sec-fetch-site': 'cross-site' }],
    ]
    for (const [form, headers] of attempts) {
      const answer = await browser.fetch(url(real(path)), { form: { reason: 'x', ...form }, headers })
      expect([answer.status, headers, read(answer).includes(CSRF)]).toEqual([403, headers, true])
    }
    const entries = await core().store.audit.list({ actor: staff.admin!.person.account.id, action: 'access.' })
    expect(entries).toEqual([])
  })

  test('reading does nothing: no act is obeyed by GET', async () => {
    const { browser } = staff.admin!
    const last = async () => (await core().store.audit.list({ limit: 1 }))[0]!.id
    const before = await last()
    for (const path of actPaths) await browser.fetch(`${url(real(path))}?reason=x&confirmed=yes&act=check&role=admin`)
    expect(await last()).toBe(before)
  })

  test.each(['PUT', 'DELETE', 'PATCH'])('%s is no way to call them', async (method) => {
    for (const path of ['/admin', '/admin/suspend', `/admin/accounts/${ada.account.id}`])
      expect((await staff.admin!.browser.fetch(url(path), { method })).status).toBe(405)
  })
})

describe('where a sign-in leads back to', () => {
  test.each([
    ['/admin', true],
    ['/admin/accounts/0b6fc0f6-2fd1-4cf5-8c5a-6b3ad5b6e0a1/suspend', true],
    ['/admin/clients/wiki.example', true],
    ['/admin//evil.example', false],
    ['/admin/../evil', false],
    ['/admin/.hidden', false],
    ['/admin\\evil.example', false],
    ['/admin@evil.example', false],
    ['/admin/a?next=//evil', false],
    ['/admin/%2F%2Fevil.example', false],
    ['//evil.example/admin', false],
    ['https://evil.example/admin', false],
    ['/administrator', false],
    ['/admin\r\nset-cookie: a=b', false],
    [`/admin/${'a'.repeat(65)}`, false],
    ['/admin/a/b/c/d', false],
  ])('%j: %s', async (state, kept) => {
    const { head } = await rawGet(house, `/signed-in?state=${encodeURIComponent(state)}`)
    expect(/^location: (.*)$/im.exec(head)![1]!.trim()).toBe(kept ? state : '/')
  })
})
