// The staff's main acts through their pages, on MariaDB: what SQLite's one writer puts in a row, here really meets. The
// same pages on SQLite, in all their details, are test/flows/admin-*.test.ts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { setMemberDues } from '../../src/usecases/tariffs.ts'
import { enter, open, read, send, titleOf } from '../support/at-home.ts'
import { createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, startHouse } from '../support/house.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'
import { type Treasury, treasury, upload } from '../support/treasury.ts'

const STATEMENT = '/admin/dues/statement'
const patiently = { timeout: 20_000, interval: 50 }
let mariadb: Mariadb
let house: House
let rp: RelyingParty
let books: Treasury
let [boss, money, second]: StaffMember[] = []
const core = () => house.installation.core

beforeAll(async () => {
  mariadb = await startMariadb()
  house = await startHouse({ database: (await mariadb.database()).url })
  books = await treasury(house)
  boss = await staffMember(house, 'boss', 'admin')
  money = await staffMember(house, 'money', 'treasurer')
  second = await staffMember(house, 'second', 'treasurer')
  rp = await relyingParty(house, { name: 'Le wiki' })
})
afterAll(async () => {
  await rp?.close()
  await house?.stop()
  await mariadb?.remove()
})

const at = (path: string, who = money): Promise<Reply> => open(house, who!.browser, path)
const act = async (path: string, fields: Record<string, string> = {}, who = money): Promise<Reply> =>
  send(house, who!.browser, await at(path, who), fields)
const standing = async ({ member }: { member: { id: string } }) =>
  (await core().store.standings.get(member.id))?.standing
const paymentsOf = ({ member }: { member: { id: string } }) => core().store.payments.ofPayer(member.id)
const enters = async (username: string, password: string): Promise<boolean> =>
  (await signInAt(rp, createBrowser(), house.issuer, username, password)).tokens !== undefined

describe('suspending', () => {
  test('by the account’s page: each service is seen to follow, and restoring is the same way back', async () => {
    const ada = await house.person({ username: 'ada', coveredForDays: 30 })
    expect(await enters('ada', ada.password)).toBe(true)
    const path = `/admin/accounts/${ada.account.id}`
    const live = await act(`${path}/suspend`, { reason: 'Courrier indésirable', until: '' }, boss)
    await expect.poll(async () => read(await at(live.url, boss)), patiently).toContain('Tout est fermé : 2 sur 2')
    expect(read(await at(live.url, boss))).toMatch(/Déconnexion de « Le wiki ».*Fait \d+ ms/)
    expect([rp.logoutTokens.length, await enters('ada', ada.password)]).toEqual([1, false])
    const home = await enter(house, createBrowser(), { identifier: 'ada', password: ada.password })
    expect(read(home)).toContain('Courrier indésirable')
    await act(`${path}/restore`, { note: 'réparé' }, boss)
    await expect.poll(async () => read(await at(live.url, boss)), patiently).toContain('Tous les services ont suivi')
    expect(await enters('ada', ada.password)).toBe(true)
  })

  test('by a list: planned, confirmed, followed together', async () => {
    const people = await Promise.all(['uma', 'ugo'].map((username) => house.person({ username, coveredForDays: 30 })))
    const plan = await act('/admin/suspend', { names: 'Uma, ugo nobody', reason: 'Envoi massif', until: '' }, boss)
    expect(titleOf(plan)).toBe('Ce qui se fermerait')
    const live = await send(house, boss!.browser, plan, { confirmed: 'yes' })
    await expect.poll(async () => read(await at(live.url, boss)), patiently).toContain('Tout est fermé : 2 sur 2')
    for (const { account, password } of people) expect(await enters(account.username, password)).toBe(false)
  })
})

describe('dues', () => {
  test('a call asks for what it said it would, and nobody twice', async () => {
    const soon = await Promise.all(
      ['kai', 'lou', 'mia'].map((username) => house.person({ username, coveredForDays: 100 })),
    )
    for (const { member } of soon)
      await setMemberDues(core())({ memberId: member!.id, tariff: 'Effectif', payerId: null, actor: 'test' })
    const plans = await Promise.all([at('/admin/dues/call?within=120'), at('/admin/dues/call?within=120', second)])
    for (const plan of plans) expect(read(plan)).toMatch(/Membres à appeler 3 .*Montant en tout 180,00 €/)
    await Promise.all([send(house, money!.browser, plans[0]!, {}), send(house, second!.browser, plans[1]!, {})])
    for (const { member } of soon) expect(await core().store.calls.ofPayer(member!.id)).toHaveLength(1)
    expect(read(await at('/admin/dues/call?within=120'))).toContain('Personne n’est à appeler')
  })

  test('a statement is shown, applied once by two treasurers, matched in the inbox, and taken back', async () => {
    const [zoe, max] = [await books.payer(), await books.payer()]
    const bytes = books.statement([
      books.line({ reference: await books.ogmOf(zoe) }),
      books.line({ name: max.account.name.toUpperCase() }),
    ])
    const pages = await Promise.all(
      [money, second].map(async (who) => upload(house, who!.browser, await at(STATEMENT, who), bytes)),
    )
    for (const page of pages) {
      expect(titleOf(page)).toBe('juin.xml')
      expect(read(page)).toContain(`Paiement de ${zoe.member.name}`)
    }
    expect([await standing(zoe), await standing(max)]).toEqual(['lapsed', 'lapsed'])
    const done = await Promise.all([
      send(house, money!.browser, pages[0]!, {}),
      send(house, second!.browser, pages[1]!, {}),
    ])
    expect(done.map((page) => /Paiements enregistrés (\d)/.exec(read(page))?.[1]).toSorted()).toEqual(['0', '1'])
    expect([await standing(zoe), await standing(max), (await paymentsOf(zoe)).length]).toEqual(['current', 'lapsed', 1])

    const [line] = await core().store.bank.lines({ organisationId: max.member.organisationId, state: 'new' })
    const path = `/admin/dues/inbox/${line!.id}`
    const [one, other] = await Promise.all([at(path), at(path, second)])
    const told = await Promise.all([
      send(house, money!.browser, one!, { payer: max.member.id, act: 'match' }),
      send(house, second!.browser, other!, { payer: max.member.id, act: 'match' }),
    ])
    expect(told.map(({ status }) => status).toSorted()).toEqual([200, 409])
    expect([await standing(max), (await paymentsOf(max)).length]).toEqual(['current', 1])

    const [payment] = await paymentsOf(max)
    await act(`/admin/dues/payments/${payment!.id}`, { note: 'payé par erreur' })
    expect(await standing(max)).toBe('lapsed')
    expect(read(await at('/admin/dues/inbox'))).toContain(max.account.name.toUpperCase())
  })

  test('money lifts no suspension', async () => {
    const eve = await books.payer()
    await act(`/admin/accounts/${eve.account.id}/suspend`, { reason: 'Envoi massif', until: '' }, boss)
    const bytes = books.statement([books.line({ reference: await books.ogmOf(eve) })])
    await send(house, money!.browser, await upload(house, money!.browser, await at(STATEMENT), bytes), {})
    expect([await standing(eve), await enters(eve.account.username, eve.password)]).toEqual(['current', false])
    await act(`/admin/accounts/${eve.account.id}/restore`, { note: '' }, boss)
    expect(await enters(eve.account.username, eve.password)).toBe(true)
  })
})

test('after all that the journal holds, and every entry is in one chain', async () => {
  expect(read(await act('/admin/audit/verify', {}, boss))).toMatch(/Le journal est intact : \d+ lignes vérifiées\./)
})
