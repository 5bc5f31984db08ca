// Members, accounts and who belongs to whom, entered by an administrator through the pages.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { addTariff } from '../../src/usecases/tariffs.ts'
import { enter, open, read, titleOf, tokenOf } from '../support/at-home.ts'
import { createBrowser, formsOf, linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, randomPassword, startHouse } from '../support/house.ts'
import { follow } from '../support/relying-party.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

let house: House
let boss: StaffMember
let n = 0
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse()
  boss = await staffMember(house, 'boss', 'admin')
  await addTariff(core())({
    name: 'Effectif',
    period: 'rolling',
    yearStartsOn: '01-01',
    months: 12,
    amountCents: 6000,
    validFromOn: '2020-01-01',
    decisionRef: 'AG 2019',
    actor: 'test',
  })
})
afterAll(() => house.stop())

const at = (path: string): Promise<Reply> => open(house, boss.browser, path)
/** Sends the one form of a page as a browser does: what stands in it, with some fields changed; then where it leads. */
async function fill(page: Reply, fields: Record<string, string>, drop: string[] = []): Promise<Reply> {
  const form = formsOf(page).find(({ method }) => method === 'post')!
  const sent = Object.fromEntries(
    Object.entries({ ...form.fields, ...fields }).filter(([name]) => !drop.includes(name)),
  )
  return follow(boss.browser, await boss.browser.fetch(form.action, { form: sent }), 'never:')
}
const value = ({ text }: Reply, name: string): string =>
  new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(text)?.[1] ?? ''
const memberId = ({ url }: Reply): string => /members\/([0-9a-f-]{36})/.exec(url)![1]!
const accountId = ({ url }: Reply): string => /accounts\/([0-9a-f-]{36})/.exec(url)![1]!
const rolesAt = async (id: string) =>
  Object.fromEntries((await core().store.people.accountsOf(id)).map((one) => [one.accountId, one.role]))
const lastAudit = async (subjectId: string) => (await core().store.audit.list({ subjectId, limit: 1 }))[0]
const named = (): string => `Zoé Van Damme ${++n}`
const address = (): string => `zoe${++n}@essai.example`
/** A member made through its page. */
const member = async (fields: Record<string, string> = {}): Promise<Reply> =>
  fill(await at('/admin/members/new'), { name: named(), ...fields })

describe('a new member', () => {
  test('is reached from the list, with the next number, and has what was typed', async () => {
    await core().store.members.add({
      ...(await core().store.members.get(boss.person.member!.id))!,
      id: crypto.randomUUID(),
      memberNumber: '00417',
    })
    const page = await at(linkOf(await at('/admin/members'), /members\/new/))
    expect([titleOf(page), value(page, 'memberNumber')]).toEqual(['Ajouter un membre', '418'])
    const email = address()
    const made = await fill(page, {
      kind: 'association',
      name: ' Les Amis du Vélo ',
      email: email.toUpperCase(),
      locale: 'nl',
      joinedOn: '2019-05-01',
      tariff: 'Effectif',
      coveredUntilOn: '2999-12-31',
    })
    expect(read(made)).toContain('C’est ajouté.')
    const id = memberId(made)
    expect(await core().store.members.get(id)).toMatchObject({
      memberNumber: '418',
      kind: 'association',
      name: 'Les Amis du Vélo',
      email,
      locale: 'nl',
      joinedOn: '2019-05-01',
    })
    expect((await core().store.dues.member(id))?.tariff).toBe('Effectif')
    expect((await core().store.standings.get(id))?.standing).toBe('current')
    const audit = await core().store.audit.list({ subjectId: id })
    expect(audit.map(({ action, actor }) => [action, actor])).toEqual([
      ['member.added', boss.person.account.id],
      ['standing.changed', boss.person.account.id],
      ['member.dues_set', boss.person.account.id],
    ])
    expect(value(await at('/admin/members/new'), 'memberNumber')).toBe('419')
  })

  test('a number that is taken says whose it is and which is free, and keeps what was typed', async () => {
    const first = await member({ memberNumber: '7000', name: 'La Première' })
    const refused = await member({ memberNumber: '7000', name: 'La Seconde', email: 'seconde@essai.example' })
    expect([refused.status, read(refused)]).toEqual([
      409,
      expect.stringContaining('Ce numéro est celui de La Première. Le suivant qui soit libre : 7001.'),
    ])
    expect([value(refused, 'name'), value(refused, 'email'), value(refused, 'memberNumber')]).toEqual([
      'La Seconde',
      'seconde@essai.example',
      '7000',
    ])
    expect(titleOf(await fill(refused, { memberNumber: '7001' }))).toBe('La Seconde')
    expect(memberId(first)).not.toBe('')
  })

  test.each([
    [{ name: ' ' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ memberNumber: ' ' }, 'memberNumber'],
    [{ memberNumber: 'x'.repeat(65) }, 'memberNumber'],
    [{ email: 'not an address' }, 'email'],
    [{ joinedOn: '2026-02-30' }, 'joinedOn'],
    [{ coveredUntilOn: 'soon' }, 'coveredUntilOn'],
  ])('%j is refused at its field, and nothing typed is lost', async (wrong, field) => {
    const typed = { name: 'Celle-ci', email: 'celle@essai.example', joinedOn: '2020-01-01', tariff: 'Effectif' }
    const before = (await core().store.members.list({})).length
    const page = await member({ ...typed, ...wrong })
    expect([page.status, page.text.includes(`id="${field}-wrong"`)]).toEqual([422, true])
    const kept = { ...typed, ...wrong } as Record<string, string>
    for (const name of ['name', 'email', 'joinedOn'])
      expect(value(page, name).replaceAll('&#39;', "'")).toBe(kept[name])
    expect(page.text).toContain('value="Effectif" selected')
    expect((await core().store.members.list({})).length).toBe(before)
  })

  test('all or nothing: a tariff that went away meanwhile leaves no member behind', async () => {
    const before = (await core().store.members.list({})).length
    expect((await member({ tariff: 'Disparu' })).status).toBe(404)
    expect((await core().store.members.list({})).length).toBe(before)
  })

  test('an address that is known says who has it, and links their account when asked', async () => {
    const ada = await house.person({ username: `ada${++n}`, coveredForDays: 30 })
    const email = ada.account.email!
    const asked = await member({ name: 'Atelier', kind: 'association', email })
    expect(asked.status).toBe(200)
    for (const part of [
      'Cette adresse est déjà connue',
      ada.member!.memberNumber,
      ada.account.username,
      'comme propriétaire',
    ])
      expect(read(asked)).toContain(part)
    expect(value(asked, 'name')).toBe('Atelier')
    // Somebody else's account, put into the form by hand, is not among those.
    const other = await house.person({ username: `other${++n}` })
    const made = await fill(asked, { link: other.account.id })
    expect(await rolesAt(memberId(made))).toEqual({})
    const again = await member({ name: 'Atelier deux', kind: 'association', email })
    const linked = await fill(again, { link: ada.account.id })
    expect(await rolesAt(memberId(linked))).toEqual({ [ada.account.id]: 'owner' })
    expect(await lastAudit(ada.account.id)).toMatchObject({ action: 'affiliation.set' })
    // Another known address in place of the one that was confirmed is asked about again.
    const eva = await house.person({ username: `eva${++n}`, coveredForDays: 30 })
    const third = await fill(await member({ name: 'Trois', email }), { email: eva.account.email! })
    expect([titleOf(third), read(third)]).toEqual([
      'Ajouter un membre',
      expect.stringContaining(`Compte ${eva.account.username}`),
    ])
  })
})

describe('a new account', () => {
  test('of a member: names and address are there already, the letter leaves, the link opens it', async () => {
    const email = address()
    const page = await member({ name: 'Ida Neuve', email })
    const form = await at(linkOf(page, /accounts\/new/))
    expect(titleOf(form)).toBe('Créer un compte pour Ida Neuve')
    expect([value(form, 'givenName'), value(form, 'familyName'), value(form, 'email')]).toEqual(['Ida', 'Neuve', email])
    const made = await fill(form, { invite: 'yes' })
    expect([titleOf(made), read(made)]).toEqual(['Ida Neuve', expect.stringContaining('C’est ajouté.')])
    expect(await rolesAt(memberId(page))).toEqual({ [accountId(made)]: 'owner' })
    const letter = house.letters().at(-1)!
    expect(letter.to).toBe(email)
    const password = randomPassword()
    const browser = createBrowser()
    const choose = await open(house, browser, letter.link)
    await browser.submit(formsOf(choose)[0]!, { password, repeated: password })
    expect((await enter(house, createBrowser(), { identifier: 'ida.neuve', password })).status).toBe(200)
  })

  test('from the list, of nobody yet, without a letter', async () => {
    const form = await at(linkOf(await at('/admin/accounts'), /accounts\/new/))
    const letters = house.letters().length
    const username = `mona${++n}`
    const made = await fill(form, { givenName: 'Mona', familyName: 'Seule', username, locale: 'de' }, ['invite'])
    expect(await core().store.accounts.get(accountId(made))).toMatchObject({
      username,
      name: 'Mona Seule',
      locale: 'de',
      state: 'invited',
      email: null,
    })
    expect(house.letters()).toHaveLength(letters)
  })

  test('a letter that cannot leave is said; the account is there', async () => {
    const send = vi.spyOn(core().mailer, 'send').mockRejectedValueOnce(new Error('the mail server is away'))
    const made = await fill(await at('/admin/accounts/new'), {
      givenName: 'Noé',
      familyName: 'Essai',
      email: address(),
      invite: 'yes',
    })
    send.mockRestore()
    expect(read(made)).toContain('l’invitation n’a pas pu partir')
    expect((await core().store.accounts.get(accountId(made)))?.state).toBe('invited')
  })

  test.each([
    [{ givenName: ' ' }, 'givenName'],
    [{ familyName: '' }, 'familyName'],
    [{ familyName: 'x'.repeat(101) }, 'familyName'],
    [{ email: 'x@' }, 'email'],
    [{ email: '' }, 'email'],
    [{ username: 'Not Good!' }, 'username'],
    [{ username: 'boss' }, 'username'],
  ])('%j is refused at its field, and nothing typed is lost', async (wrong, field) => {
    const typed = { givenName: 'Uma', familyName: 'Essai', email: 'uma@essai.example', invite: 'yes', locale: 'en' }
    const before = (await core().store.accounts.list({})).length
    const page = await fill(await at('/admin/accounts/new'), { ...typed, ...wrong })
    expect([page.status >= 400 && page.status < 500, page.text.includes(`id="${field}-wrong"`)]).toEqual([true, true])
    const kept = { ...typed, ...wrong } as Record<string, string>
    for (const name of ['givenName', 'familyName', 'email']) expect(value(page, name)).toBe(kept[name])
    expect(page.text).toContain('value="en" selected')
    expect((await core().store.accounts.list({})).length).toBe(before)
  })

  test('an address that is known says who, and links that account, or makes one more as for a family', async () => {
    const ada = await house.person({ username: `ada${++n}`, coveredForDays: 30 })
    const page = await member({ name: 'Le Club', kind: 'association' })
    const form = await at(linkOf(page, /accounts\/new/))
    const typed = { givenName: 'Ada', familyName: 'Bis', email: ada.account.email!, role: 'technical' }
    const before = (await core().store.accounts.list({})).length
    const asked = await fill(form, typed, ['invite'])
    expect([asked.status, value(asked, 'familyName')]).toEqual([200, 'Bis'])
    expect(read(asked)).toContain(`Rattacher le compte ${ada.account.username} à Le Club`)
    // A choice must be made: sent without one, it is asked again.
    expect(read(await fill(asked, {}, ['link']))).toContain('Cette adresse est déjà connue')
    expect((await core().store.accounts.list({})).length).toBe(before)
    const linked = await fill(asked, { link: ada.account.id })
    expect(read(linked)).toContain('Le compte est rattaché.')
    expect(await rolesAt(memberId(page))).toEqual({ [ada.account.id]: 'technical' })
    // Nobody is linked who does not have the address.
    const other = await house.person({ username: `other${++n}` })
    await fill(asked, { link: other.account.id })
    expect(Object.keys(await rolesAt(memberId(page)))).toEqual([ada.account.id])
    const another = await fill(asked, { link: 'another' }, ['invite'])
    expect((await core().store.accounts.byEmail(ada.account.email!)).map(({ name }) => name)).toContain('Ada Bis')
    expect((await rolesAt(memberId(page)))[accountId(another)]).toBe('technical')
  })
})

describe('an account that exists', () => {
  test('is linked by its name or address, once', async () => {
    const page = await member({ name: 'Le Jardin', kind: 'association' })
    const [eva, uli] = [
      await house.person({ username: `eva${++n}` }),
      await house.person({ username: `uli${++n}`, coveredForDays: 30 }),
    ]
    const form = await at(linkOf(page, /members\/[^/]+\/link/))
    expect(titleOf(form)).toBe('Rattacher un compte à Le Jardin')
    const linked = await fill(form, { who: ` ${eva.account.username.toUpperCase()} `, role: 'owner' })
    expect([read(linked), await rolesAt(memberId(page))]).toEqual([
      expect.stringContaining('Le compte est rattaché.'),
      { [eva.account.id]: 'owner' },
    ])
    await fill(await at(form.url), { who: uli.account.email!, role: 'billing' })
    expect((await rolesAt(memberId(page)))[uli.account.id]).toBe('billing')
    // What uli has elsewhere stays.
    expect((await rolesAt(uli.member!.id))[uli.account.id]).toBe('owner')
    const again = await fill(await at(form.url), { who: eva.account.username, role: 'user' })
    expect([again.status, read(again)]).toEqual([422, expect.stringContaining('est déjà rattaché à ce membre')])
    expect((await rolesAt(memberId(page)))[eva.account.id]).toBe('owner')
  })

  test('nobody of that name: what was typed stays, and a new account is offered with it', async () => {
    const page = await member()
    const form = await at(`/admin/members/${memberId(page)}/link`)
    const typed = 'personne@essai.example'
    const refused = await fill(form, { who: typed })
    expect([refused.status, value(refused, 'who')]).toEqual([422, typed])
    expect(read(refused)).toContain('Aucun compte n’a ce nom ni cette adresse.')
    const fresh = await at(linkOf(refused, /accounts\/new\?[^"]*email/).replaceAll('&amp;', '&'))
    expect(value(fresh, 'email')).toBe(typed)
    for (const who of ['', '%', "' or 1=1 --", 'a'.repeat(400)]) expect((await fill(form, { who })).status).toBe(422)
    expect(await rolesAt(memberId(page))).toEqual({})
  })

  test('a family’s address asks which of them', async () => {
    const email = address()
    const [one, two] = [
      await house.person({ username: `one${++n}`, email }),
      await house.person({ username: `two${++n}`, email }),
    ]
    const page = await member()
    const asked = await fill(await at(`/admin/members/${memberId(page)}/link`), { who: email, role: 'owner' })
    expect([asked.status, read(asked)]).toEqual([200, expect.stringContaining('Plusieurs comptes ont cette adresse.')])
    for (const { account } of [one, two]) expect(asked.text).toContain(account.id)
    expect(await rolesAt(memberId(page))).toEqual({})
    await fill(asked, { account: two.account.id, role: 'owner' })
    expect(await rolesAt(memberId(page))).toEqual({ [two.account.id]: 'owner' })
  })
})

describe('the people of a member', () => {
  test('get another role and are taken out, after a confirmation; the last owner stays', async () => {
    const page = await member({ name: 'Le Four', kind: 'association' })
    const id = memberId(page)
    const [owner, guest] = [
      await house.person({ username: `own${++n}` }),
      await house.person({ username: `guest${++n}`, coveredForDays: 30 }),
    ]
    for (const [who, role] of [
      [owner, 'owner'],
      [guest, 'user'],
    ] as const)
      await fill(await at(`/admin/members/${id}/link`), { who: who.account.username, role })
    const people = await at(linkOf(await at(`/admin/members/${id}`), /members\/[^/]+\/people/))
    expect(read(people)).toContain('Dernière personne propriétaire')
    const act = (fields: Record<string, string>) =>
      boss.browser
        .fetch(people.url, { form: { csrf: tokenOf(people), account: guest.account.id, ...fields } })
        .then((reply) => follow(boss.browser, reply, 'never:'))
    await act({ act: 'role', role: 'technical' })
    expect((await rolesAt(id))[guest.account.id]).toBe('technical')
    const asked = await act({ act: 'remove' })
    expect(titleOf(asked)).toBe(`Retirer ${guest.account.name} de Le Four ?`)
    expect((await rolesAt(id))[guest.account.id]).toBe('technical')
    expect(read(await fill(asked, { act: 'remove' }))).toContain('La personne est retirée.')
    expect(Object.keys(await rolesAt(id))).toEqual([owner.account.id])
    expect(Object.keys(await rolesAt(guest.member!.id))).toEqual([guest.account.id])
    expect(await lastAudit(guest.account.id)).toMatchObject({
      action: 'affiliation.removed',
      actor: boss.person.account.id,
      payload: { memberId: id, role: 'technical' },
    })
    for (const fields of [
      { act: 'remove', confirmed: 'yes' },
      { act: 'role', role: 'user' },
    ] as Record<string, string>[])
      expect((await act({ ...fields, account: owner.account.id })).status).toBe(409)
    expect((await rolesAt(id))[owner.account.id]).toBe('owner')
  })

  test('of another association with the same number are not touched', async () => {
    const [first] = await core().store.organisations.all()
    const second = { ...first!, id: crypto.randomUUID(), name: 'Zénith' }
    await core().store.organisations.add(second)
    const record = (await core().store.members.get(boss.person.member!.id))!
    const [here, there] = [
      { ...record, id: crypto.randomUUID(), memberNumber: 'même', name: 'Ici' },
      { ...record, id: crypto.randomUUID(), memberNumber: 'même', name: 'Là-bas', organisationId: second.id },
    ]
    const who = await house.person({ username: `both${++n}` })
    for (const one of [here, there]) {
      await core().store.members.add(one)
      const affiliation = { accountId: who.account.id, memberId: one.id, createdAt: house.clock.now() }
      await core().store.people.affiliate({ ...affiliation, role: 'user' })
    }
    const people = await at(`/admin/members/${there.id}/people`)
    expect(titleOf(people)).toContain('Là-bas')
    const form = { csrf: tokenOf(people), account: who.account.id, act: 'role', role: 'billing' }
    await boss.browser.fetch(people.url, { form })
    expect([await rolesAt(here.id), await rolesAt(there.id)]).toEqual([
      { [who.account.id]: 'user' },
      { [who.account.id]: 'billing' },
    ])
  })
})
