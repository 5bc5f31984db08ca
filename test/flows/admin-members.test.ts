// The staff's pages for members, through their forms: found, looked at, changed, closed and readmitted, suspended.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addDays } from '../../src/domain/time.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { today } from '../../src/usecases/standing.ts'
import { open, read, send, titleOf } from '../support/at-home.ts'
import type { Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty } from '../support/relying-party.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

let house: House
let rp: RelyingParty
let boss: StaffMember
let money: StaffMember
let ada: Person
let late: Person
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse()
  boss = await staffMember(house, 'boss', 'admin')
  money = await staffMember(house, 'money', 'treasurer')
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  late = await house.person({ username: 'late', coveredForDays: -90 })
  rp = await relyingParty(house, { name: 'Le wiki' })
  const memberId = ada.member!.id
  await addResource(core())({ memberId, kind: 'site', name: 'ada.example', actor: 'test' })
  const mailbox = await addResource(core())({ memberId, kind: 'mailbox', name: 'ada@ada.example', actor: 'test' })
  await addLogin(core())({ mailboxId: mailbox.id, accountId: ada.account.id, actor: 'test' })
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

const at = (path: string): Promise<Reply> => open(house, boss.browser, path)
const act = async (path: string, fields: Record<string, string> = {}): Promise<Reply> =>
  send(house, boss.browser, await at(path), fields)
const of = ({ member }: Person, path = '') => `/admin/members/${member!.id}${path}`
const standing = async ({ member }: Person) => (await core().store.standings.get(member!.id))?.standing

describe('finding a member', () => {
  test.each([
    ['text=M-ada', true],
    ['text=ada%20essai', true],
    ['text=ADA@', true],
    ['text=ada&standing=current', true],
    ['standing=lapsed', false],
    ['text=ada&standing=nonsense', true],
    ['text=%25', false],
    ["text=' or 1=1 --", false],
    [`text=${'x'.repeat(300)}`, true],
    ['text=ada&text=ada', true],
  ])('%.60s', async (query, found) => {
    const page = await at(`/admin/members?${query}`)
    expect([page.status, page.text.includes(of(ada))]).toEqual([200, found])
  })

  test('nobody: said in words', async () => {
    expect(read(await at('/admin/members?text=nobody'))).toContain('Aucun membre ne correspond.')
  })
})

describe('one member', () => {
  test('shows facts, terms, people, resources and what was done', async () => {
    const page = await at(of(ada))
    expect(titleOf(page)).toBe('Ada Essai')
    const text = read(page)
    for (const part of [
      'M-ada',
      'En ordre',
      'Couverte',
      'ada.example',
      'boîte aux lettres',
      'propriétaire',
      'member.added',
    ])
      expect(text).toContain(part)
    expect(page.text).toContain(`/admin/accounts/${ada.account.id}"`)
  })

  test('the treasurer reads it, without a way to accounts or acts', async () => {
    const page = await open(house, money.browser, of(ada))
    expect(page.status).toBe(200)
    expect(page.text).not.toMatch(/\/admin\/accounts|\/(change|event|suspend|allow)"/)
  })

  test('one that does not exist', async () => {
    expect((await at('/admin/members/nobody')).status).toBe(404)
  })
})

describe('changing a member', () => {
  test('name, address and language, and the audit tells what they were', async () => {
    const eva = await house.person({ username: 'eva', coveredForDays: 30 })
    const page = await act(of(eva, '/change'), { name: ' Eva <b>Lux</b> ', email: 'EVA@lux.example', locale: 'de' })
    expect(page.text).toContain('Eva &lt;b&gt;Lux&lt;/b&gt;')
    expect(page.text).not.toContain('<b>Lux')
    expect(await core().store.members.get(eva.member!.id)).toMatchObject({
      name: 'Eva <b>Lux</b>',
      email: 'eva@lux.example',
      locale: 'de',
    })
    const [entry] = await core().store.audit.list({ subjectId: eva.member!.id, action: 'member.changed' })
    expect(entry).toMatchObject({
      actor: boss.person.account.id,
      payload: { locale: { before: 'fr', after: 'de' }, email: { before: 'eva@cassiopee.example' } },
    })
    // The same once more is no change; no address is one.
    await act(of(eva, '/change'))
    await act(of(eva, '/change'), { email: '' })
    const all = await core().store.audit.list({ subjectId: eva.member!.id, action: 'member.changed' })
    expect(all.map(({ payload }) => Object.keys(payload))).toEqual([['name', 'email', 'locale'], ['email']])
  })

  test.each([
    [{ name: ' ' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ email: 'not an address' }, 'email'],
  ])('%o is refused at its field', async (fields, field) => {
    const page = await act(of(ada, '/change'), fields as unknown as Record<string, string>)
    expect([page.status, page.text.includes(`id="${field}-wrong"`)]).toEqual([422, true])
  })

  test('a language that is none', async () => {
    expect((await act(of(ada, '/change'), { locale: 'xx' })).status).toBe(422)
  })
})

describe('departures and returns', () => {
  test('close the membership from their day on, and open it again', async () => {
    const kim = await house.person({ username: 'kim', coveredForDays: 30 })
    const page = await act(of(kim, '/event'), { kind: 'resigned', on: '', note: 'par lettre' })
    expect(read(page)).toContain('C’est noté.')
    expect(read(page)).toContain('démission')
    expect(await standing(kim)).toBe('closed')
    await act(of(kim, '/event'), { kind: 'readmitted' })
    expect(await standing(kim)).toBe('current')
    const on = addDays(await today(core()), 10)
    await act(of(kim, '/event'), { kind: 'deceased', on })
    expect(await standing(kim)).toBe('current')
    expect((await core().store.standings.get(kim.member!.id))!.nextChangeOn).toBe(on)
  })

  test.each([
    { kind: 'vanished' },
    { kind: 'resigned', on: '2026-02-30' },
    { kind: 'resigned', note: 'x'.repeat(1001) },
  ])('%o is refused', async (fields) => {
    expect((await act(of(ada, '/event'), fields as unknown as Record<string, string>)).status).toBe(422)
    expect(await standing(ada)).toBe('current')
  })
})

describe('suspending a member', () => {
  test('closes what comes through it, is followed, and is lifted', async () => {
    const access = async () => (await core().doors.access(ada.account.id, rp.clientId)).access
    const live = await act(of(ada, '/suspend'), { reason: 'Site détourné' })
    expect(titleOf(live)).toBe('Suspension de Ada Essai')
    expect(await access()).toBe('none')
    await expect.poll(async () => read(await at(live.url)), { timeout: 5_000 }).toContain('Tout est fermé')
    const shown = read(await at(of(ada)))
    expect(shown).toContain('Site détourné')
    expect(shown).toContain('Rétablir l’accès')
    // The person's own account is not suspended.
    expect(await core().store.overrides.open({ accountId: ada.account.id })).toEqual([])
    await act(of(ada, '/restore'))
    expect(await access()).toBe('full')
  })

  test('one who lapsed is let in until a day, which the night ends', async () => {
    const on = await today(core())
    await act(of(late, '/allow'), { reason: 'Un arrangement', until: on })
    expect((await core().doors.access(late.account.id, rp.clientId)).access).toBe('full')
    expect(read(await at(of(late)))).toContain('Accès autorisé malgré la situation')
    await act(of(late, '/withdraw-allow'))
    expect((await core().doors.access(late.account.id, rp.clientId)).access).toBe('none')
    expect((await act(of(late, '/withdraw-allow'))).status).toBe(409)
  })
})
