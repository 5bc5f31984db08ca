// The staff's pages for accounts, through their forms: found, looked at, suspended and restored, invited, closed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { invite } from '../../src/usecases/invite.ts'
import { enter, open, read, send, titleOf } from '../support/at-home.ts'
import { createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

let house: House
let rp: RelyingParty
let boss: StaffMember
let ada: Person
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse()
  boss = await staffMember(house, 'boss', 'admin')
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  rp = await relyingParty(house, { name: 'Le wiki' })
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

const at = (path: string): Promise<Reply> => open(house, boss.browser, path)
const act = async (path: string, fields: Record<string, string> = {}): Promise<Reply> =>
  send(house, boss.browser, await at(path), fields)
const of = ({ account }: Person, path = '') => `/admin/accounts/${account.id}${path}`
const lastAudit = async (subjectId: string) => (await core().store.audit.list({ subjectId, limit: 1 }))[0]

describe('finding an account', () => {
  test.each([
    ['ada', true],
    ['ADA', true],
    ['Essai', true],
    ['ada@cassiopee', true],
    ['nobody', false],
    ['%', false],
    ['a_a', false],
    ["' or 1=1 --", false],
  ])('%s', async (text, found) => {
    const page = await at(`/admin/accounts?text=${encodeURIComponent(text)}`)
    expect(page.status).toBe(200)
    expect(page.text.includes(of(ada))).toBe(found)
    if (!found) expect(read(page)).toContain('Aucun compte ne correspond.')
  })

  test('by state, and page by page by name, without a gap', async () => {
    for (let n = 100; n < 160; n++)
      await house.person({ username: `crowd${n}`, password: 'not signed in by it' }).catch(() => {})
    const names = (page: Reply) =>
      [...page.text.matchAll(/\/admin\/accounts\/[0-9a-f-]{36}">([^<]+)</g)].map(([, name]) => name)
    const first = await at('/admin/accounts?text=crowd')
    const second = await at('/admin/accounts?text=crowd&page=2')
    expect([names(first).length, names(second).length]).toEqual([50, 10])
    expect([...names(first), ...names(second)]).toEqual(Array.from({ length: 60 }, (_, n) => `crowd${n + 100}`))
    expect(first.text).toContain('rel="next"')
    expect(second.text).not.toContain('rel="next"')
    expect(read(second)).toContain('51 à 60')
    expect(names(await at('/admin/accounts?text=crowd&state=closed'))).toEqual([])
    for (const page of ['0', '-1', '1e9', 'x', '99999999'])
      expect((await at(`/admin/accounts?page=${page}`)).status).toBe(200)
  })
})

describe('one account', () => {
  test('shows who it is, what is open to it and why, and what was done', async () => {
    const page = await at(of(ada))
    expect(titleOf(page)).toBe('Ada Essai')
    const text = read(page)
    for (const part of ['ada@cassiopee.example (vérifiée)', 'Le wiki', 'Ouvert', 'en ordre', 'propriétaire'])
      expect(text).toContain(part)
    expect(text).toContain('account.added')
  })

  test.each(['00000000-0000-0000-0000-000000000000', 'x', '%00', "'"])('%s is none', async (id) => {
    expect((await at(`/admin/accounts/${encodeURIComponent(id)}`)).status).toBe(404)
  })
})

describe('suspending', () => {
  test('asks why, closes every door, shows each service following, and is lifted the same way', async () => {
    const browser = createBrowser()
    await signInAt(rp, browser, house.issuer, 'ada', ada.password)
    const page = await at(of(ada, '/suspend'))
    expect(titleOf(page)).toBe('Suspendre Ada Essai')
    const refused = await send(house, boss.browser, page, { reason: '  ', until: '' })
    expect([refused.status, read(refused)]).toEqual([422, expect.stringContaining('Ce champ est nécessaire')])

    const live = await send(house, boss.browser, page, { reason: 'Courrier indésirable', until: '2999-12-31' })
    expect(live.url).toMatch(/\/admin\/suspensions\/[0-9a-f-]{36}$/)
    expect(titleOf(live)).toBe('Suspension de ada')
    await expect.poll(async () => read(await at(live.url)), { timeout: 5_000 }).toContain('Tout est fermé : 2 sur 2')
    const done = await at(live.url)
    expect(done.text).not.toContain('http-equiv="refresh"')
    expect(read(done)).toMatch(/Connexion \(sessions et jetons\).*ada Fait \d+ ms/)
    expect(read(done)).toMatch(/Déconnexion de « Le wiki ».*Fait \d+ ms/)
    expect(rp.logoutTokens).toHaveLength(1)
    const shown = read(await at(of(ada)))
    for (const part of ['Suspendu', 'Courrier indésirable', '31 décembre 2999', 'Par boss', 'Rétablir l’accès'])
      expect(shown).toContain(part)
    // The person reads it at home.
    const home = await enter(house, createBrowser(), { identifier: 'ada', password: ada.password })
    expect(read(home)).toContain('Courrier indésirable')

    const again = await act(of(ada, '/suspend'), { reason: 'Encore' })
    expect(again.status).toBe(409)

    const restored = await act(of(ada, '/restore'), { note: 'réparé' })
    expect(titleOf(restored)).toBe('Rétablissement de ada')
    expect(restored.url).toBe(live.url)
    await expect.poll(async () => read(await at(live.url)), { timeout: 5_000 }).toContain('Tous les services ont suivi')
    expect((await core().doors.access(ada.account.id, rp.clientId)).access).toBe('full')
    expect(await lastAudit(ada.account.id)).toMatchObject({
      action: 'access.restored',
      actor: boss.person.account.id,
      payload: { note: 'réparé' },
    })
  })

  test('a service that is down stays with its reason, and the page says when it is tried again', async () => {
    const eva = await house.person({ username: 'eva', coveredForDays: 30 })
    await signInAt(rp, createBrowser(), house.issuer, 'eva', eva.password)
    rp.backchannel.status = 503
    const live = await act(of(eva, '/suspend'), { reason: 'Essai' })
    await expect.poll(async () => read(await at(live.url)), { timeout: 5_000 }).toMatch(/Réessaie \(\d+\)/)
    const pending = await at(live.url)
    expect(pending.text).toContain('<noscript><meta http-equiv="refresh" content="1"></noscript>')
    expect(read(pending)).toMatch(/Services informés : 1 sur 2\..*Prochain essai : /)
    expect((await at(`${live.url}?still=1`)).text).not.toContain('http-equiv')
    rp.backchannel.status = 200
    await expect.poll(async () => read(await at(live.url)), { timeout: 8_000 }).toContain('Tout est fermé : 2 sur 2')
  })

  test('what was seen is told after a restart too', async () => {
    const ida = await house.person({ username: 'ida', coveredForDays: 30 })
    const live = await act(of(ida, '/suspend'), { reason: 'Essai' })
    await expect.poll(async () => read(await at(live.url)), { timeout: 5_000 }).toContain('Tout est fermé')
    const before = /en (\d+) ms/.exec(read(await at(live.url)))![1]
    await expect
      .poll(async () => (await core().store.audit.list({ action: 'access.settled' })).length, { timeout: 5_000 })
      .toBeGreaterThan(0)
    await house.restart()
    expect(/en (\d+) ms/.exec(read(await at(live.url)))![1]).toBe(before)
  })

  test.each(['yesterday', '2020-01-01', '2026-02-30'])('until %s is refused at its field', async (until) => {
    const page = await act(of(ada, '/suspend'), { reason: 'Essai', until })
    expect(page.status).toBe(422)
    expect(page.text).toMatch(/id="until-wrong"/)
    expect(await core().store.overrides.open({ accountId: ada.account.id })).toEqual([])
  })

  test('a reason of a thousand characters fits, one more does not', async () => {
    const long = await act(of(ada, '/suspend'), { reason: 'x'.repeat(1001) })
    expect(long.status).toBe(422)
    expect(long.text).toContain('id="reason-wrong"')
    const live = await act(of(ada, '/suspend'), { reason: 'é'.repeat(1000) })
    expect(live.url).toContain('/admin/suspensions/')
    await act(of(ada, '/restore'))
  })

  test('nobody suspends or closes themselves', async () => {
    for (const path of ['/suspend', '/close'])
      expect((await act(of(boss.person, path), { reason: 'Essai' })).status).toBe(403)
    expect((await at('/admin')).status).toBe(200)
  })
})

describe('a list of people', () => {
  test('is planned, confirmed, and followed together', async () => {
    const people = await Promise.all(['uma', 'ugo'].map((username) => house.person({ username, coveredForDays: 30 })))
    const gone = await house.person({ username: 'gone', coveredForDays: 30 })
    await act(of(gone, '/close'), { reason: 'parti' })
    const names = 'Uma, ugo\nnobody ; gone boss uma'
    const plan = await act('/admin/suspend', { names, reason: 'Envoi massif', until: '' })
    expect(titleOf(plan)).toBe('Ce qui se fermerait')
    for (const part of ['seraient suspendus : 2 sur 5', 'Inconnu', 'Compte fermé', 'C’est vous', 'Le wiki'])
      expect(read(plan)).toContain(part)
    for (const { account } of people) expect(await core().store.overrides.open({ accountId: account.id })).toEqual([])
    const live = await send(house, boss.browser, plan, { confirmed: 'yes' })
    expect(titleOf(live)).toBe('Suspension de 2 comptes')
    await expect.poll(async () => read(await at(live.url)), { timeout: 5_000 }).toContain('Tout est fermé : 2 sur 2')
    for (const { account } of people)
      expect(await core().store.overrides.open({ accountId: account.id })).toMatchObject([
        { reasonText: 'Envoi massif', createdBy: boss.person.account.id },
      ])
    // Another process knows it too.
    await house.restart()
    expect(read(await at(live.url))).toContain('Tout est fermé : 2 sur 2')
    // Sent once more, there is nobody left to suspend.
    expect((await send(house, boss.browser, plan, { confirmed: 'yes' })).url).toMatch(/\/admin\/accounts$/)
  })

  test('without names, with too many, without a reason: refused at the field', async () => {
    const many = Array.from({ length: 201 }, (_, n) => `n${n}`).join(' ')
    for (const [fields, field] of [
      [{ names: ' , ', reason: 'x' }, 'names'],
      [{ names: many, reason: 'x' }, 'names'],
      [{ names: 'ada', reason: ' ' }, 'reason'],
    ] as const) {
      const page = await act('/admin/suspend', fields)
      expect([page.status, page.text.includes(`id="${field}-wrong"`)]).toEqual([422, true])
    }
  })
})

describe('other acts', () => {
  test('allowed in spite of standing, and the allowance withdrawn', async () => {
    const late = await house.person({ username: 'late', coveredForDays: -90 })
    const access = async () => (await core().doors.access(late.account.id, rp.clientId)).access
    expect(await access()).toBe('none')
    const page = await act(of(late, '/allow'), { reason: 'Un arrangement' })
    expect(read(page)).toContain('Un arrangement')
    expect(await access()).toBe('full')
    expect((await act(of(late, '/allow'), { reason: 'encore' })).status).toBe(409)
    await act(of(late, '/withdraw-allow'))
    expect(await access()).toBe('none')
  })

  test('signed out everywhere, invited, closed, opened again', async () => {
    const kim = await house.person({ username: 'kim', coveredForDays: 30 })
    const browser = createBrowser()
    await enter(house, browser, { identifier: 'kim', password: kim.password })
    expect(read(await act(of(kim, '/sign-out')))).toContain('Toutes les sessions se ferment.')
    expect(titleOf(await open(house, browser, '/'))).toBe('Se connecter')

    const letters = house.letters().length
    expect(read(await act(of(kim, '/invite')))).toContain('L’invitation est partie.')
    expect(house.letters()).toHaveLength(letters + 1)

    expect(read(await act(of(kim, '/close'), { reason: 'parti' }))).toContain('Le compte est fermé.')
    expect((await enter(house, createBrowser(), { identifier: 'kim', password: kim.password })).status).toBe(401)
    // No invitation opens a closed account.
    const page = await open(house, boss.browser, of(kim, '/invite'))
    expect((await send(house, boss.browser, page, {})).status).toBe(409)
    await act(of(kim, '/reopen'), { reason: 'de retour' })
    expect((await enter(house, createBrowser(), { identifier: 'kim', password: kim.password })).status).toBe(200)
  })

  test('an account without an address is told so', async () => {
    const mute = await house.person({ username: 'mute', email: null })
    expect(read(await at(of(mute)))).not.toContain('Envoyer une invitation')
    expect((await act(of(mute, '/invite'))).status).toBe(422)
    await expect(invite(core(), house.installation.letters)({ account: mute.account, actor: 'x' })).rejects.toThrow()
  })

  test('staff roles and groups are set; the last administrator stays one', async () => {
    const { browser } = boss
    const eli = await house.person({ username: 'eli', coveredForDays: 30 })
    await act(of(eli, '/staff-roles'), { role: 'helper' })
    expect(await core().store.people.staffRoles(eli.account.id)).toEqual(['helper'])
    // A role that there is not is no role.
    await act(of(eli, '/staff-roles'), { role: 'root' })
    expect(await core().store.people.staffRoles(eli.account.id)).toEqual([])
    const page = await open(house, browser, of(boss.person, '/staff-roles'))
    expect((await send(house, browser, page, { role: 'helper' })).status).toBe(409)
    expect(await core().store.people.staffRoles(boss.person.account.id)).toEqual(['admin'])

    await act(of(eli, '/groups'), { groups: ' bureau, wiki ,bureau,' })
    expect(await core().store.people.groups(eli.account.id)).toEqual(['bureau', 'wiki'])
    expect((await act(of(eli, '/groups'), { groups: 'x'.repeat(101) })).text).toContain('id="groups-wrong"')
    await act(of(eli, '/groups'), { groups: '' })
    expect(await core().store.people.groups(eli.account.id)).toEqual([])
  })

  test('the second factor of somebody who lost it is removed', async () => {
    const other = await staffMember(house, 'other', 'helper')
    await act(of(other.person, '/second-factor'))
    expect((await core().doors.facts(other.person.account.id))!.hasSecondFactor).toBe(false)
    expect(titleOf(await open(house, other.browser, '/admin'))).not.toBe('Tableau de bord')
  })
})
