// Attacks on the people of an association: by the number of another, by a role too low, by forms from elsewhere, by links that
// were used, stolen or made up.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AffiliationRole } from '../../src/domain/access.ts'
import type { Member } from '../../src/ports.ts'
import { affiliate } from '../../src/usecases/accounts.ts'
import { keyOfInvitation } from '../../src/usecases/association-invitations.ts'
import { addMember } from '../../src/usecases/members.ts'
import { browserOf, open, read, send, titleOf, tokenOf } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf } from '../support/browser-jar.ts'
import { DAY, type House, type Person, startHouse } from '../support/house.ts'

let house: House
let n = 0
let mine: Member
let theirs: Member
let victim: Person
let owner: Person
const core = () => house.installation.core
const association = (name: string): Promise<Member> =>
  addMember(core())({
    memberNumber: `A-${++n}`,
    kind: 'association',
    name,
    email: null,
    coveredUntilOn: '2099-12-31',
    actor: 'test',
  })
async function one(member: Member, role: AffiliationRole): Promise<Person> {
  const made = await house.person({ username: `p${++n}` })
  await affiliate(core())({ accountId: made.account.id, memberId: member.id, role, actor: 'test' })
  return made
}
const page = ({ memberNumber }: Member) => `${house.issuer}/account/people/${memberNumber}`
const acceptAt = (link: string) => `${house.issuer}/account/join/${keyOfInvitation(link.split('/').at(-1)!)}/accept`
const state = async () => ({
  mine: await core().store.people.accountsOf(mine.id),
  theirs: await core().store.people.accountsOf(theirs.id),
  open: (await core().store.invitations.ofMember(theirs.id)).length,
  letters: house.letters().length,
})

beforeAll(async () => {
  house = await startHouse()
  ;[mine, theirs] = [await association('Les miens'), await association('Les leurs')]
  owner = await one(mine, 'owner')
  ;[victim] = [await one(theirs, 'user'), await one(theirs, 'owner')]
})
afterAll(() => house.stop())

/** Every act there is, about the victim. */
const acts = (of: Person): Record<string, string>[] => [
  { act: 'invite', email: 'eva@evil.example', role: 'owner' },
  { act: 'invite', email: 'eva@evil.example', role: 'user' },
  { act: 'role', account: of.account.id, role: 'owner' },
  { act: 'role', account: of.account.id, role: 'technical' },
  { act: 'remove', account: of.account.id },
  { act: 'remove', account: of.account.id, confirmed: 'yes' },
  { act: 'hand-over', account: of.account.id, confirmed: 'yes' },
  { act: 'resend', invitation: of.account.id },
  { act: 'withdraw', invitation: of.account.id },
]
/** Sends them all to an address with a form token of one's own; the statuses. */
async function sendAll(browser: Browser, address: string, of: Person): Promise<number[]> {
  const csrf = tokenOf(await open(house, browser, '/'))
  const statuses: number[] = []
  for (const form of acts(of)) statuses.push((await browser.fetch(address, { form: { ...form, csrf } })).status)
  return statuses
}

describe('class 26: somebody else’s association', () => {
  test('by its number: nothing is shown or done, and the answer is that of a number that is not there', async () => {
    const browser = await browserOf(house, owner)
    const before = await state()
    const shown = await browser.fetch(page(theirs))
    expect([shown.status, titleOf(shown)]).toEqual([
      404,
      titleOf(await browser.fetch(`${house.issuer}/account/people/none`)),
    ])
    expect(read(shown)).not.toContain('Les leurs')
    expect(new Set(await sendAll(browser, page(theirs), victim))).toEqual(new Set([404]))
    expect(await state()).toEqual(before)
  })

  test('by its people’s ids on one’s own page', async () => {
    const browser = await browserOf(house, owner)
    const { theirs: before } = await state()
    await sendAll(browser, page(mine), victim)
    expect((await state()).theirs).toEqual(before)
    expect((await core().store.people.affiliationsOf(victim.account.id)).map(({ memberId }) => memberId)).toEqual([
      theirs.id,
    ])
  })

  test('nobody signed in is sent to sign in, whatever they send', async () => {
    const before = await state()
    const browser = createBrowser()
    for (const form of acts(victim)) {
      const reply = await browser.fetch(page(theirs), { form })
      expect([reply.status, reply.location]).toEqual([303, expect.stringContaining('/auth?')])
    }
    expect(await state()).toEqual(before)
  })
})

describe('class 26: a role too low', () => {
  test.each(['technical', 'billing', 'user'] as const)(
    '%s decides nothing, not even about themselves',
    async (role) => {
      const low = await one(theirs, role)
      const browser = await browserOf(house, low)
      const before = await state()
      expect(new Set(await sendAll(browser, page(theirs), low))).toEqual(new Set([403]))
      expect(new Set(await sendAll(browser, page(theirs), victim))).toEqual(new Set([403]))
      expect(await state()).toEqual(before)
    },
  )

  test('an admin makes no owner: not of themselves, of another, by an invitation, nor by a role that is not on the form', async () => {
    const admin = await one(theirs, 'admin')
    const browser = await browserOf(house, admin)
    const before = await state()
    const csrf = tokenOf(await browser.fetch(page(theirs)))
    const [chief] = before.theirs.filter(({ role }) => role === 'owner')
    for (const form of [
      { act: 'role', account: admin.account.id, role: 'owner' },
      { act: 'role', account: victim.account.id, role: 'owner' },
      { act: 'role', account: chief!.accountId, role: 'user' },
      { act: 'remove', account: chief!.accountId, confirmed: 'yes' },
      { act: 'invite', email: 'eva@evil.example', role: 'owner' },
      { act: 'hand-over', account: admin.account.id, confirmed: 'yes' },
    ] as Record<string, string>[])
      expect((await browser.fetch(page(theirs), { form: { ...form, csrf } })).status, JSON.stringify(form)).toBe(403)
    for (const role of ['staff', 'Owner', 'owner ', '', 'constructor'])
      expect(
        (await browser.fetch(page(theirs), { form: { act: 'role', account: victim.account.id, role, csrf } })).status,
      ).toBe(422)
    expect(await state()).toEqual(before)
  })

  test('the page of who was taken out a moment ago is of no use any more', async () => {
    const admin = await one(theirs, 'admin')
    const browser = await browserOf(house, admin)
    const csrf = tokenOf(await browser.fetch(page(theirs)))
    await core().store.people.disaffiliate(admin.account.id, theirs.id)
    const form = { act: 'remove', account: victim.account.id, confirmed: 'yes', csrf }
    expect((await browser.fetch(page(theirs), { form })).status).toBe(404)
    expect((await state()).theirs.some(({ accountId }) => accountId === victim.account.id)).toBe(true)
  })
})

describe('class 8: forms from elsewhere', () => {
  test('without the token, with that of another, or from another site: refused', async () => {
    const guest = await one(mine, 'user')
    const browser = await browserOf(house, owner)
    const csrf = tokenOf(await browser.fetch(page(mine)))
    const foreign = tokenOf(await (await browserOf(house, victim)).fetch(house.issuer))
    const before = await state()
    for (const form of acts(guest))
      for (const [token, headers] of [
        [{}, {}],
        [{ csrf: foreign }, {}],
        [{ csrf }, { origin: 'https://evil.example' }],
        [{ csrf }, { 'sec-fetch-site': 'cross-site' }],
      ] as [Record<string, string>, Record<string, string>][])
        expect((await browser.fetch(page(mine), { form: { ...form, ...token }, headers })).status).toBe(403)
    expect(await state()).toEqual(before)
  })
})

describe('class 3: links', () => {
  const invite = async (email: string, role = 'technical'): Promise<string> => {
    const browser = await browserOf(house, owner)
    const shown = await browser.fetch(page(mine))
    const reply = await browser.submit(formsOf(shown).at(-1)!, { act: 'invite', email, role })
    expect(reply.status).toBe(200)
    return house.letters().findLast(({ to }) => to === email)!.link
  }
  const roleOf = async ({ account }: Person) =>
    (await core().store.people.accountsOf(mine.id)).find(({ accountId }) => accountId === account.id)?.role

  test('an invitation to the address of somebody’s account adds nobody until that person says yes', async () => {
    const target = await house.person({ username: `p${++n}` })
    const link = await invite(target.account.email!)
    expect(await roleOf(target)).toBeUndefined()
    // Whoever gets hold of the link, signed in as somebody else, is added neither as themselves nor as the target.
    const thief = await house.person({ username: `p${++n}` })
    const browser = await browserOf(house, thief)
    const shown = await open(house, browser, link)
    expect(read(shown)).toContain('une autre adresse')
    expect(read(shown)).not.toContain(target.account.email!)
    const csrf = tokenOf(await open(house, browser, '/'))
    for (const more of [{}, { account: target.account.id, accountId: target.account.id }])
      expect((await browser.fetch(acceptAt(link), { form: { csrf, ...(more as object) } })).status).toBe(403)
    // A link to a page that says yes by being opened would be enough for a mail scanner.
    const his = await browserOf(house, target)
    expect((await his.fetch(acceptAt(link))).status).toBe(200)
    expect((await his.fetch(acceptAt(link), { form: {} })).status).toBe(403)
    expect([await roleOf(target), await roleOf(thief)]).toEqual([undefined, undefined])
    const accept = await open(house, his, link)
    await send(house, his, accept, {})
    expect(await roleOf(target)).toBe('technical')
  })

  test('used, expired, cut off or made up: the same page, and nothing happens', async () => {
    const email = `new${++n}@essai.example`
    const link = await invite(email)
    const browser = createBrowser()
    const join = await open(house, browser, link)
    await send(house, browser, join, { givenName: 'Eva', familyName: 'Neuf' })
    const late = await invite(`new${++n}@essai.example`)
    house.clock.advance(7 * DAY + 1000)
    const dead = [link, late, `${link}x`, link.slice(0, -1), `${house.issuer}/account/join/x`]
    const csrf = tokenOf(await open(house, browser, '/forgotten'))
    const accounts = (await core().store.accounts.list({})).length
    for (const address of dead) {
      expect((await createBrowser().fetch(address)).status).toBe(410)
      const form = { csrf, givenName: 'Eva', familyName: 'Encore' }
      expect((await browser.fetch(address, { form })).status).toBe(410)
      expect((await (await browserOf(house, victim)).fetch(acceptAt(address))).status).toBe(410)
    }
    expect((await core().store.accounts.list({})).length).toBe(accounts)
  })

  test('fields that no form has make no other account, role or address', async () => {
    const email = `new${++n}@essai.example`
    const link = await invite(email)
    const browser = createBrowser()
    const more = {
      role: 'owner',
      email: 'eva@evil.example',
      username: owner.account.username,
      staffRoles: 'admin',
      state: 'active',
    }
    await send(house, browser, await open(house, browser, link), { givenName: 'Ida', familyName: 'Neuf', ...more })
    const [account] = await core().store.accounts.byEmail(email)
    expect(account).toMatchObject({ username: 'ida.neuf', state: 'invited', emailVerifiedAt: null })
    expect(await core().store.people.staffRoles(account!.id)).toEqual([])
    expect((await core().store.people.affiliationsOf(account!.id)).map(({ role }) => role)).toEqual(['technical'])
    expect(await core().store.accounts.byEmail('eva@evil.example')).toEqual([])
  })

  test('names are text, on the page and in the letter', async () => {
    const member = await association('<script>alert(1)</script> {{link}}')
    const chief = await one(member, 'owner')
    const browser = await browserOf(house, chief)
    const shown = await browser.fetch(page(member))
    expect(shown.text).not.toContain('<script>alert')
    await browser.submit(formsOf(shown).at(-1)!, { act: 'invite', email: `new${++n}@essai.example`, role: 'user' })
    const letter = house.letters().at(-1)!
    expect(letter.text).toContain('{{link}} pour utiliser')
    const join = await open(house, createBrowser(), letter.link)
    expect(join.text).not.toContain('<script>alert')
    await send(house, createBrowser(), join, { givenName: '<img src=x>', familyName: 'X' })
  })
})
