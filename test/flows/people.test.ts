// An association's people through the pages: invited by letter, with an account or without, another role, out, and ownership
// handed over.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AffiliationRole } from '../../src/domain/access.ts'
import type { Member } from '../../src/ports.ts'
import { affiliate } from '../../src/usecases/accounts.ts'
import { addMember } from '../../src/usecases/members.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { browserOf, enter, open, read, send, titleOf } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, randomPassword, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let n = 0
/** A service that follows: the mail logins that may come in, one a line. */
const allowed = join(mkdtempSync(join(tmpdir(), 'schedar-people-')), 'allowed')
const core = () => house.installation.core
beforeAll(async () => {
  house = await startHouse({ config: { services: { users: { plugin: 'passwd-file', file: allowed } } } })
})
afterAll(async () => {
  await house.stop()
  rmSync(dirname(allowed), { recursive: true })
})

const person = (input: object = {}): Promise<Person> => house.person({ username: `person${++n}`, ...input })
const association = (name = `Les Amis ${++n}`): Promise<Member> =>
  addMember(core())({
    memberNumber: `A-${++n}`,
    kind: 'association',
    name,
    email: null,
    coveredUntilOn: '2099-12-31',
    actor: 'test',
  })
async function one(member: Member, role: AffiliationRole, input: object = {}): Promise<Person> {
  const made = await person(input)
  await affiliate(core())({ accountId: made.account.id, memberId: member.id, role, actor: 'test' })
  return made
}
const page = (member: Member) => `/account/people/${member.memberNumber}`
const letterTo = (address: string) => house.letters().findLast(({ to }) => to === address)!

/** The form about one of the people or invitations, by what is hidden in it. */
const formOf = (reply: Reply, field: 'account' | 'invitation', value: string) =>
  formsOf(reply).find(({ fields }) => fields[field] === value)!
async function act(browser: Browser, reply: Reply, who: Person, name: string, more: Record<string, string> = {}) {
  return browser.submit(formOf(reply, 'account', who.account.id), { act: name, ...more })
}
/** Invites through the form at the foot of the page. */
const invite = (browser: Browser, reply: Reply, email: string, role: AffiliationRole = 'technical') =>
  browser.submit(formsOf(reply).at(-1)!, { act: 'invite', email, role })

const roleOf = async (member: Member, { account }: Person) =>
  (await core().store.people.accountsOf(member.id)).find(({ accountId }) => accountId === account.id)?.role

describe('the page', () => {
  test('is reached from home by who looks after the people, and by nobody else', async () => {
    const member = await association()
    const owner = await one(member, 'owner')
    const browser = await browserOf(house, owner)
    const home = await open(house, browser, '/')
    expect(read(home)).toContain('Associations dont je m’occupe')
    const shown = await browser.open(linkOf(home, /people/))
    expect(titleOf(shown)).toBe(`${member.name} : les personnes`)
    expect(read(shown)).toContain(`${owner.account.name} (vous) ${owner.account.username} Propriétaire`)
    for (const role of ['technical', 'billing', 'user'] as const) {
      const other = await browserOf(house, await one(member, role))
      expect(read(await open(house, other, '/'))).not.toContain('Associations dont je m’occupe')
      expect((await open(house, other, page(member))).status).toBe(403)
    }
  })

  test('a person of their own membership alone has no such thing at home', async () => {
    const browser = await browserOf(house, await person({ coveredForDays: 30 }))
    expect(read(await open(house, browser, '/'))).not.toContain('Associations dont je m’occupe')
  })

  test('asks for the sign-in again when it is old, and comes back to the very page', async () => {
    const member = await association()
    const owner = await one(member, 'owner')
    const browser = await browserOf(house, owner)
    house.clock.advance(16 * 60_000)
    const asked = await open(house, browser, page(member))
    expect(titleOf(asked)).toBe('Se connecter')
    const shown = await send(house, browser, asked, { identifier: owner.account.username, password: owner.password })
    expect(titleOf(shown)).toBe(`${member.name} : les personnes`)
  })

  test('a number with signs of its own is an address all the same', async () => {
    const member = await addMember(core())({
      memberNumber: 'é/1 %2F?',
      kind: 'association',
      name: 'Signes',
      email: null,
      actor: 'test',
    })
    const owner = await one(member, 'owner')
    const browser = await browserOf(house, owner)
    const shown = await browser.open(linkOf(await open(house, browser, '/'), /people/))
    expect(titleOf(shown)).toBe('Signes : les personnes')
    expect(titleOf(await invite(browser, shown, 'signes@essai.example'))).toBe('Signes : les personnes')
  })
})

describe('invited', () => {
  test('a new person makes an account by the letter, chooses a password, and is in', async () => {
    const member = await association()
    const owner = await one(member, 'owner')
    const email = `neuf${++n}@essai.example`
    const hers = await browserOf(house, owner)
    const after = await invite(hers, await open(house, hers, page(member)), email)
    expect(read(after)).toMatch(new RegExp(`Invitations en attente ${email} Technique, valable jusqu’au `))
    const letter = letterTo(email)
    expect(letter.subject).toContain('Invitation')
    expect(letter.text).toContain('Votre rôle sera\u00a0: Technique.')
    const browser = createBrowser()
    const join = await open(house, browser, letter.link)
    expect(titleOf(join)).toBe(`Rejoindre ${member.name}`)
    const choose = await send(house, browser, join, { givenName: 'Noé', familyName: 'Neuf' })
    expect(titleOf(choose)).toBe('Choisir votre mot de passe')
    const password = randomPassword()
    const done = await send(house, browser, choose, { password, repeated: password })
    expect(done.status).toBe(200)
    const [account] = await core().store.accounts.byEmail(email)
    expect(account).toMatchObject({ name: 'Noé Neuf', state: 'active', emailVerifiedAt: expect.any(Number) })
    const home = await enter(house, createBrowser(), { identifier: account!.username, password })
    expect(read(home)).toContain(member.name)
    expect(read(await open(house, hers, page(member)))).toContain('Noé Neuf')
    expect((await open(house, createBrowser(), letter.link)).status).toBe(410)
  })

  test('a person with an account signs in by the letter, and says yes; a wrong form keeps what was typed', async () => {
    const member = await association()
    const owner = await one(member, 'owner')
    const guest = await person()
    const hers = await browserOf(house, owner)
    const wrong = await invite(hers, await open(house, hers, page(member)), 'pas une adresse', 'billing')
    expect([wrong.status, read(wrong)]).toEqual([422, expect.stringContaining('n’est pas une adresse')])
    expect(formsOf(wrong).at(-1)!.fields).toMatchObject({ email: 'pas une adresse', role: 'billing' })
    await invite(hers, wrong, guest.account.email!, 'billing')
    const browser = createBrowser()
    const join = await open(house, browser, letterTo(guest.account.email!).link)
    const login = await browser.open(linkOf(join, /accept/))
    expect(titleOf(login)).toBe('Se connecter')
    const accept = await send(house, browser, login, { identifier: guest.account.username, password: guest.password })
    expect(read(accept)).toContain(`avec le compte ${guest.account.username}`)
    expect(await roleOf(member, guest)).toBeUndefined()
    const home = await send(house, browser, accept, {})
    expect(read(home)).toContain(member.name)
    expect(await roleOf(member, guest)).toBe('billing')
  })

  test('who is signed in already is asked at once; sent again and withdrawn by their buttons', async () => {
    const member = await association()
    const hers = await browserOf(house, await one(member, 'owner'))
    const guest = await person()
    const listed = await invite(hers, await open(house, hers, page(member)), guest.account.email!)
    const first = letterTo(guest.account.email!).link
    const [open_] = await core().store.invitations.ofMember(member.id)
    const again = await hers.submit(formOf(listed, 'invitation', open_!.id), { act: 'resend' })
    const second = letterTo(guest.account.email!).link
    expect(second).not.toBe(first)
    const his = await browserOf(house, guest)
    expect((await open(house, his, first)).status).toBe(410)
    expect(read(await open(house, his, second))).toContain('Accepter l’invitation')
    const [newer] = await core().store.invitations.ofMember(member.id)
    await hers.submit(formOf(again, 'invitation', newer!.id), { act: 'withdraw' })
    expect((await open(house, his, second)).status).toBe(410)
    expect(read(await open(house, hers, page(member)))).not.toContain('Invitations en attente')
  })
})

describe('changed', () => {
  test('another role, and out after a second question; what came through this member is gone, the rest stays', async () => {
    const [member, other] = [await association(), await association()]
    const hers = await browserOf(house, await one(member, 'owner'))
    const guest = await one(member, 'user')
    await affiliate(core())({ accountId: guest.account.id, memberId: other.id, role: 'owner', actor: 'test' })
    const box = await addResource(core())({
      memberId: member.id,
      kind: 'mailbox',
      name: `box${n}@essai.example`,
      actor: 'test',
    })
    const login = await addLogin(core())({ mailboxId: box.id, accountId: guest.account.id, actor: 'test' })
    const mail = await relyingParty(house, { service: 'mail' })
    const { tokens } = await signInAt(mail, createBrowser(), house.issuer, guest.account.username, guest.password, {
      scope: 'openid mail',
    })
    const active = async (party: RelyingParty) => (await party.introspect(tokens!.access_token)).active
    expect([await active(mail), (await mail.introspect(tokens!.access_token)).mail_login]).toEqual([true, login])

    const listed = () => readFileSync(allowed, 'utf8').includes(`${login}:*::::::schedar=full`)
    await expect.poll(listed).toBe(true)

    const shown = await act(hers, await open(house, hers, page(member)), guest, 'role', { role: 'admin' })
    expect(await roleOf(member, guest)).toBe('admin')
    const asked = await act(hers, shown, guest, 'remove')
    expect(titleOf(asked)).toBe(`Retirer ${guest.account.name} ?`)
    expect(await roleOf(member, guest)).toBe('admin')
    const after = await act(hers, asked, guest, 'remove')
    expect(titleOf(after)).toBe(`${member.name} : les personnes`)
    expect(read(after)).not.toContain(guest.account.name)
    expect([await roleOf(member, guest), await roleOf(other, guest)]).toEqual([undefined, 'owner'])
    expect(await core().doors.subject('login', login)).toMatchObject({ access: 'none' })
    await expect.poll(listed, { message: 'the service follows' }).toBe(false)
    const home = read(
      await enter(house, createBrowser(), { identifier: guest.account.username, password: guest.password }),
    )
    expect([home.includes(member.name), home.includes(other.name), home.includes(login)]).toEqual([false, true, false])
    await mail.close()
  })

  test('a token for a mailbox that was taken away opens nothing, even once the login is the successor’s', async () => {
    const member = await association()
    const hers = await browserOf(house, await one(member, 'owner'))
    const [guest, heir] = [await one(member, 'user'), await one(member, 'user')]
    // Through another one the person stays at the webmail: the grant lives on, and the token is asked about its login.
    const other = await association()
    await affiliate(core())({ accountId: guest.account.id, memberId: other.id, role: 'user', actor: 'test' })
    const box = await addResource(core())({
      memberId: member.id,
      kind: 'mailbox',
      name: `info${n}@essai.example`,
      actor: 'test',
    })
    const give = ({ account }: Person) => addLogin(core())({ mailboxId: box.id, accountId: account.id, actor: 'test' })
    await give(guest)
    const webmail = await relyingParty(house, { service: 'mail' })
    const server = await relyingParty(house, { service: 'mail', template: { introspectsScope: 'mail' } })
    const tokenOf = async ({ account, password }: Person) =>
      (await signInAt(webmail, createBrowser(), house.issuer, account.username, password, { scope: 'openid mail' }))
        .tokens!.access_token
    const his = await tokenOf(guest)
    expect(await server.introspect(his)).toMatchObject({ active: true, mail_login: box.name })
    const asked = await act(hers, await open(house, hers, page(member)), guest, 'remove')
    await act(hers, asked, guest, 'remove')
    expect((await server.introspect(his)).active).toBe(false)
    await give(heir)
    expect(await server.introspect(await tokenOf(heir))).toMatchObject({ active: true, mail_login: box.name })
    expect((await server.introspect(his)).active).toBe(false)
    for (const party of [webmail, server]) await party.close()
  })

  test('handed over after a second question; who gave it stays to help', async () => {
    const member = await association()
    const [owner, heir] = [await one(member, 'owner'), await one(member, 'user')]
    const hers = await browserOf(house, owner)
    const shown = await open(house, hers, page(member))
    expect(read(shown)).toContain('Dernière personne propriétaire')
    const asked = await act(hers, shown, heir, 'hand-over')
    expect(titleOf(asked)).toBe(`Transmettre ${member.name} à ${heir.account.name} ?`)
    await act(hers, asked, heir, 'hand-over')
    expect([await roleOf(member, owner), await roleOf(member, heir)]).toEqual(['admin', 'owner'])
  })

  test('who takes themselves out is led home', async () => {
    const member = await association()
    await one(member, 'owner')
    const admin = await one(member, 'admin')
    const browser = await browserOf(house, admin)
    const asked = await act(browser, await open(house, browser, page(member)), admin, 'remove')
    expect(titleOf(await act(browser, asked, admin, 'remove'))).toMatch(/^Bonjour /)
    expect(await roleOf(member, admin)).toBeUndefined()
  })
})
