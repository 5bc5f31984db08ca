// The staff's pages for mailboxes, aliases and what a site sends with, through their forms.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appPasswordDigest } from '../../src/domain/app-passwords.ts'
import { verifyAppPassword } from '../../src/usecases/app-passwords.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { open, read, send, titleOf } from '../support/at-home.ts'
import { formsOf, linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

const BOXES = '/admin/mailboxes'
const GIB = 1024 ** 3

let house: House
let boss: StaffMember
let helper: StaffMember
let ada: Person
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse({
    config: {
      mailSetup: { imap: { host: 'imap.asso.example' }, smtp: { host: 'smtp.asso.example' } },
    },
  })
  boss = await staffMember(house, 'boss', 'admin')
  helper = await staffMember(house, 'helper', 'helper')
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  await house.person({ username: 'bob', coveredForDays: 30 })
})
afterAll(() => house.stop())

const at = (path: string, staff = boss): Promise<Reply> => open(house, staff.browser, path)
const act = async (path: string, fields: Record<string, string> = {}): Promise<Reply> =>
  send(house, boss.browser, await at(path), fields)
const memberPage = () => at(`/admin/members/${ada.member!.id}`)
const box = async (name: string, kind: 'mailbox' | 'alias' = 'mailbox') =>
  (await core().store.resources.byName(kind, name))!
const pathOf = async (name: string, kind: 'mailbox' | 'alias' = 'mailbox') => `${BOXES}/${(await box(name, kind)).id}`
const logins = async (name: string) =>
  (await core().store.resources.loginsInto((await box(name)).id)).map((one) => one.name)
const mailbox = (name: string) =>
  addResource(core())({ memberId: ada.member!.id, kind: 'mailbox', name, actor: 'test' })

describe('a mailbox', () => {
  test('from a member’s page to one that somebody opens, with a quota', async () => {
    const form = await open(house, boss.browser, linkOf(await memberPage(), /mailboxes\/new/))
    expect(formsOf(form).find(({ method }) => method === 'post')!.fields.member).toBe('M-ada')
    const made = await send(house, boss.browser, form, { name: ' Ada@Asso.example ', quota: '2,5', who: 'ada' })
    expect(titleOf(made)).toBe('ada@asso.example')
    expect(read(made)).toMatch(/boîte aux lettres Ouvert .*Place 2,5 Go .*ada@asso\.example ada Ouvert/)
    expect(await core().store.mailboxes.get((await box('ada@asso.example')).id)).toMatchObject({
      quotaBytes: 2.5 * GIB,
    })
    expect(read(await memberPage())).toMatch(/ada@asso\.example boîte aux lettres 2,5 Go ada@asso\.example/)
  })

  test('is changed: room, and until when its former password counts', async () => {
    const path = await pathOf('ada@asso.example')
    const form = await at(`${path}/change`)
    expect(formsOf(form).at(-1)!.fields).toMatchObject({ quota: '2,5', former: '' })
    const done = await send(house, boss.browser, form, { quota: '', former: '2027-01-31' })
    expect(read(done)).toMatch(/Place sans limite Dernier jour de l’ancien mot de passe 31 janvier 2027/)
    expect(read(await memberPage())).toContain('Ancien mot de passe jusqu’au 31 janvier 2027')
    const never = await act(`${path}/change`, { quota: '10', former: '' })
    expect(read(never)).toMatch(/Place 10 Go Dernier jour de l’ancien mot de passe —/)
  })

  test.each([
    [{ quota: '0' }, 'quota'],
    [{ quota: '-1' }, 'quota'],
    [{ quota: '1e3' }, 'quota'],
    [{ quota: '99999' }, 'quota'],
    [{ former: '2027-02-30' }, 'former'],
  ])('%j is refused at its field, and nothing changes', async (fields, field) => {
    const before = await core().store.mailboxes.get((await box('ada@asso.example')).id)
    const page = await act(`${await pathOf('ada@asso.example')}/change`, fields)
    expect([page.status, page.text.includes(`id="${field}-wrong"`)]).toEqual([422, true])
    expect(await core().store.mailboxes.get((await box('ada@asso.example')).id)).toEqual(before)
  })

  test('lets one more person in under a name of their own, and out again after a question', async () => {
    const path = await pathOf('ada@asso.example')
    const done = await act(`${path}/login`, { who: 'bob', name: 'bob.ada@asso.example' })
    expect(read(done)).toMatch(/ada@asso\.example ada Ouvert .*bob\.ada@asso\.example bob Ouvert/)
    const asked = await open(house, boss.browser, linkOf(done, /take-login\?login=bob/))
    expect(await logins('ada@asso.example')).toContain('bob.ada@asso.example')
    const out = await send(house, boss.browser, asked, {})
    expect(titleOf(out)).toBe('ada@asso.example')
    expect(await logins('ada@asso.example')).toEqual(['ada@asso.example'])
    expect((await at(`${path}/take-login?login=bob.ada%40asso.example`)).status).toBe(404)
  })

  test.each([
    [{ who: 'nobody', name: '' }, 'who', 422],
    [{ who: '', name: '' }, 'who', 422],
    [{ who: 'bob', name: '' }, 'name', 409],
    [{ who: 'bob', name: 'not an address' }, 'name', 422],
  ])('nobody is let in by %j', async (fields, field, status) => {
    const page = await act(`${await pathOf('ada@asso.example')}/login`, fields)
    expect([page.status, page.text.includes(`id="${field}-wrong"`)]).toEqual([status, true])
    expect(await logins('ada@asso.example')).toEqual(['ada@asso.example'])
  })

  test('is removed after a question; then it is not there, and takes nobody in', async () => {
    await mailbox('gone@asso.example')
    const path = await pathOf('gone@asso.example')
    const asked = await at(`${path}/remove`)
    expect(read(asked)).toContain('reste sur le disque')
    expect((await box('gone@asso.example')).removedAt).toBeNull()
    const done = await send(house, boss.browser, asked, {})
    expect([done.url.startsWith(`${house.issuer}/admin/members/`), read(done).includes('gone@')]).toEqual([true, false])
    for (const more of ['', '/change', '/login', '/remove']) expect((await at(path + more)).status).toBe(404)
  })

  test('is looked at by a helper, who changes nothing', async () => {
    const path = await pathOf('ada@asso.example')
    const page = await at(path, helper)
    expect(read(page)).toContain('ada@asso.example')
    expect(page.text).not.toMatch(new RegExp(`${path}/`))
    for (const more of ['/change', '/login', '/take-login', '/remove'])
      expect((await helper.browser.fetch(house.issuer + path + more)).status).toBe(403)
    const member = await at(`/admin/members/${ada.member!.id}`, helper)
    expect(read(member)).toContain('ada@asso.example')
    expect(member.text).not.toContain('mailboxes/new')
  })
})

describe('an alias', () => {
  test('leads where it was told, one address a line', async () => {
    const form = await at(`${BOXES}/new?member=M-ada`)
    const fields = { kind: 'alias', name: 'info@asso.example', targets: 'ada@asso.example\n zoe@elsewhere.example' }
    const made = await send(house, boss.browser, form, fields)
    expect(read(made)).toMatch(/redirection Ouvert .*Mène à ada@asso\.example zoe@elsewhere\.example/)
    const path = await pathOf('info@asso.example', 'alias')
    await act(`${path}/change`, { targets: 'ada@asso.example' })
    expect(await core().store.mailboxes.targets((await box('info@asso.example', 'alias')).id)).toEqual([
      'ada@asso.example',
    ])
    // An alias has no logins.
    expect((await at(`${path}/login`)).status).toBe(404)
  })

  test.each([
    [{ targets: '' }, 'targets', 422],
    [{ targets: 'nonsense' }, 'targets', 422],
    [{ targets: 'info@asso.example' }, 'targets', 422],
    [{ targets: Array.from({ length: 21 }, (_, n) => `x${n}@b.example`).join(' ') }, 'targets', 422],
  ])('%j is refused at its field', async (fields, field, status) => {
    const page = await act(`${await pathOf('info@asso.example', 'alias')}/change`, fields)
    expect([page.status, page.text.includes(`id="${field}-wrong"`)]).toEqual([status, true])
  })
})

describe('adding', () => {
  test.each([
    [{ name: 'nonsense' }, 'name', 422],
    [{ name: 'ada@asso.example' }, 'name', 409],
    [{ name: 'info@asso.example' }, 'name', 409],
    [{ member: '' }, 'member', 422],
    [{ member: '999' }, 'member', 422],
    [{ who: 'nobody' }, 'who', 422],
    [{ quota: 'much' }, 'quota', 422],
    [{ kind: 'alias', targets: '' }, 'targets', 422],
    [{ kind: 'alias', targets: 'x' }, 'targets', 422],
    [{ kind: 'site' }, undefined, 422],
  ] as [Record<string, string>, string | undefined, number][])('%j makes nothing', async (fields, field, status) => {
    const page = await act(`${BOXES}/new`, {
      member: 'M-ada',
      kind: 'mailbox',
      name: 'new@asso.example',
      quota: '',
      who: '',
      targets: '',
      ...fields,
    })
    expect([page.status, field === undefined || page.text.includes(`id="${field}-wrong"`)]).toEqual([status, true])
    for (const kind of ['mailbox', 'alias', 'site'] as const)
      expect(await core().store.resources.byName(kind, 'new@asso.example')).toBeUndefined()
  })
})

describe('a site', () => {
  const SITE = 'velo.example'
  let path: string
  const made = ({ text }: Reply) => /<dt>Secret<\/dt><dd><code>([^<]+)/.exec(text)?.[1] ?? ''
  const sends = async () => {
    const site = await core().store.resources.byName('site', SITE)
    return (await core().store.mailboxes.siteLogin(site!.id))?.digest
  }
  beforeAll(async () => {
    const site = await addResource(core())({ memberId: ada.member!.id, kind: 'site', name: SITE, actor: 'test' })
    path = `/admin/sites/${site.id}/mail`
  })

  test('gets a login that is shown once; renewed, the old one counts no more; taken away, it sends nothing', async () => {
    const site = await open(house, boss.browser, linkOf(await memberPage(), /admin\/sites\//))
    const page = await open(house, boss.browser, linkOf(site, /admin\/sites\/[^"]*\/mail"/))
    expect(read(page)).toContain('n’a pas d’accès à lui')
    const first = await send(house, boss.browser, page, { act: 'make' })
    expect([first.status, first.headers['cache-control']]).toEqual([200, 'no-store'])
    expect(read(first)).toContain(`Nom de connexion ${SITE}`)
    expect(await sends()).toBe(appPasswordDigest(made(first)))
    expect((await at(path)).text).not.toContain(made(first))
    const second = await act(path, { act: 'make' })
    expect(made(second)).not.toBe(made(first))
    expect(await sends()).toBe(appPasswordDigest(made(second)))
    expect(read(await memberPage())).toContain('Ses formulaires envoient sous son nom.')
    for (const secret of [made(first), made(second)]) {
      expect(house.logged.join('')).not.toContain(secret)
      expect(JSON.stringify(await core().store.audit.list({ limit: 1000 }))).not.toContain(secret)
      // It is a way out for mail, and opens no mailbox.
      expect(await verifyAppPassword(core())(SITE, secret, 'imap')).toBeUndefined()
    }
    await act(path, { act: 'remove' })
    expect(await sends()).toBeUndefined()
    expect((await act(path, { act: 'explode' })).status).toBe(400)
    const audit = await core().store.audit.list({ action: 'site_login.' })
    expect(audit.map(({ action }) => action)).toEqual(['site_login.made', 'site_login.renewed', 'site_login.removed'])
  })

  test('whoever finds a browser open makes none; a helper makes none', async () => {
    expect((await helper.browser.fetch(house.issuer + path)).status).toBe(403)
    const form = await at(path)
    house.clock.advance(16 * 60_000)
    expect(titleOf(await send(house, boss.browser, form, { act: 'make' }))).toBe('Se connecter')
    expect(await sends()).toBeUndefined()
    // What only looks goes on.
    expect(titleOf(await at(BOXES))).toBe('Boîtes')
  })
})

describe('finding', () => {
  test('an address, and the lines of its domain for DNS', async () => {
    const page = await at(`${BOXES}?address=${encodeURIComponent(' ADA@asso.example')}`)
    expect(linkOf(page, />ada@asso\.example</)).toBe(house.issuer + (await pathOf('ada@asso.example')))
    expect(read(page)).toContain('_imaps._tcp.asso.example. 3600 IN SRV 0 1 993 imap.asso.example.')
    expect(read(page)).toContain('_submissions._tcp.asso.example. 3600 IN SRV 0 1 465 smtp.asso.example.')
    expect(read(await at(`${BOXES}?address=nobody@asso.example`))).toContain(
      'ni boîte ni redirection nobody@asso.example',
    )
    expect(read(await at(`${BOXES}?address=gone@asso.example`))).toContain('ni boîte ni redirection')
    expect((await at(`${BOXES}/${ada.member!.id}`)).status).toBe(404)
  })
})
