// The bulk guard at night, as an administrator meets it: a letter, the dashboard, whom it is about, and letting it pass; who
// paid meanwhile loses nothing.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Member } from '../../src/ports.ts'
import { nightOf } from '../../src/serve.ts'
import { addMember } from '../../src/usecases/members.ts'
import { open, read, send, titleOf } from '../support/at-home.ts'
import { DAY, type House, startHouse } from '../support/house.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

let house: House
let head: StaffMember
let boss: StaffMember
let money: StaffMember
const core = () => house.installation.core
const night = () => nightOf(house.installation)()
const at = (path: string, who = boss) => open(house, who.browser, path)
const standing = async ({ id }: Member) => (await core().store.standings.get(id))?.standing
const inDays = (days: number) => new Date(house.clock.now() + days * DAY).toISOString().slice(0, 10)
const letters = () =>
  house.letters().filter(({ text, to }) => text.includes('/admin/held') && to === head.person.account.email)

let number = 0
const member = (days: number): Promise<Member> =>
  addMember(core())({
    memberNumber: String(++number),
    kind: 'person',
    name: `Membre ${number}`,
    email: null,
    coveredUntilOn: inDays(days),
    actor: 'test',
  })

let leaving: Member[]
beforeAll(async () => {
  house = await startHouse()
  await vi.waitUntil(() => house.logged.some((line) => line.includes('nightly.done')), 10_000)
  head = await staffMember(house, 'head', 'admin')
  leaving = await Promise.all(Array.from({ length: 6 }, () => member(0)))
  await Promise.all(Array.from({ length: 8 }, () => member(300)))
  house.clock.advance(DAY)
  await night()
  house.clock.advance(30 * DAY)
})
afterAll(() => house.stop())

test('nobody is shut out; administrators get one letter, however many nights it lasts', async () => {
  expect((await night()).held).toEqual({ removals: 6, of: 15 })
  expect(await Promise.all(leaving.map(standing))).toEqual(leaving.map(() => 'grace'))
  house.clock.advance(DAY)
  expect((await night()).held).toEqual({ removals: 6, of: 15 })
  expect(letters()).toMatchObject([
    {
      to: head.person.account.email,
      subject: 'Cassiopée : des fermetures attendent votre accord'.replace(' :', '\u00a0:'),
    },
  ])
  expect(letters()[0]!.text).toContain('l’accès de 6 membres sur 15')
  expect(letters()[0]!.text).toContain(`${house.issuer}/admin/held`)
  expect(letters()[0]!.text).not.toMatch(/\{\{|undefined/)
})

test('the dashboard says so, and the page names each of them', async () => {
  // Sessions of a month ago are over.
  boss = await staffMember(house, 'boss', 'admin')
  money = await staffMember(house, 'money', 'treasurer')
  for (const path of ['/admin', '/admin/services'])
    expect(read(await at(path))).toContain('aurait fermé l’accès de 6 membres sur 15')
  const page = read(await at('/admin/held'))
  expect(page).toContain('rien ne le sera sans votre accord')
  expect(page).toContain('l’extrait de la banque n’est pas encore importé')
  for (const { name } of leaving) expect(page).toContain(name)
  expect(page).not.toContain('Membre 7')
  // The treasurer knows of it, and decides nothing.
  expect((await at('/admin', money)).text).not.toContain('href="/admin/held"')
  expect((await at('/admin/held', money)).status).toBe(403)
})

test('whoever pays meanwhile is on the list no more; letting it pass closes the others', async () => {
  const [paid, ...others] = leaving
  await core().store.transaction(async (stores) => {
    const term = { id: core().random.uuid(), memberId: paid!.id, startOn: inDays(0), endOn: inDays(300), dueCents: 0 }
    const more = { exempt: false, reason: null, tariffId: null, source: 'hand', createdAt: core().clock.now() }
    await stores.standings.addTerm({ ...term, ...more } as Parameters<typeof stores.standings.addTerm>[0])
  })
  const page = await at('/admin/held')
  expect(read(page)).not.toContain(`${paid!.name} `)
  const done = await send(house, boss.browser, page, {})
  expect(titleOf(done)).toBe('C’est passé')
  expect(await Promise.all(others.map(standing))).toEqual(others.map(() => 'lapsed'))
  expect(await standing(paid!)).toBe('current')
  expect(read(await at('/admin/held'))).toContain('Rien n’attend.')
  expect(read(await at('/admin'))).not.toContain('aurait fermé')
})

test('held anew, it is told anew', async () => {
  const more = await Promise.all(Array.from({ length: 20 }, () => member(0)))
  house.clock.advance(DAY)
  await night()
  house.clock.advance(31 * DAY)
  expect((await night()).held).toMatchObject({ removals: 20 })
  expect(await standing(more[0]!)).toBe('grace')
  expect(letters()).toHaveLength(2)
})
