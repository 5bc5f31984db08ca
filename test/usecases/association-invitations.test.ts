// Asking people to join an association by letter: by their own yes, once, for a week, and only those who were meant.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Account, locales, type Member } from '../../src/ports.ts'
import {
  acceptInvitation,
  invitePerson,
  joinWithNewAccount,
  keyOfInvitation,
  readInvitation,
  resendInvitation,
  withdrawInvitation,
} from '../../src/usecases/association-invitations.ts'
import { listPeople, removePerson, setPersonRole } from '../../src/usecases/association-people.ts'
import { readLink } from '../../src/usecases/links.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { type Society, society } from '../support/people.ts'

const DAY = 86_400_000
let among: Society
beforeAll(async () => {
  among = await society()
})
afterAll(() => among.on.close())
const core = () => among.core
const store = () => among.core.store

let member: Member
let owner: Account
beforeEach(async () => {
  among.on.clock.advance(DAY)
  among.sent.splice(0)
  member = await among.association({ locale: 'nl' })
  owner = await among.one(member, 'owner')
})
const of = (actor = owner.id) => ({ memberNumber: member.memberNumber, actor })
const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  )
const address = () => `${make.word()}@example.org`
/** Invites and gives the token of the letter. */
async function invited(
  email: string,
  role: Parameters<ReturnType<typeof invitePerson>>[0]['role'] = 'technical',
  actor = owner.id,
) {
  await invitePerson(core(), among.letters)({ ...of(actor), email, role })
  return among.token()
}
const pending = async () => (await listPeople(core())(of())).invitations
const names = { givenName: 'Noé', familyName: 'Neuf', locale: 'de' } as const

describe('the letter', () => {
  test('goes to the address as it is canonically, with a link; the digest alone is kept', async () => {
    const token = await invited(' Noé@Exämple.org '.replace('é', 'e').replace('ä', 'a'))
    expect(among.sent).toHaveLength(1)
    expect(among.sent[0]).toMatchObject({ to: 'noe@example.org', subject: expect.stringContaining(member.name) })
    expect(token.length).toBeGreaterThanOrEqual(43)
    const rows = await among.on.first.database.knex('memberInvitation').where({ memberId: member.id })
    expect(JSON.stringify(rows)).not.toContain(token)
    expect(await pending()).toMatchObject([
      { email: 'noe@example.org', role: 'technical', expired: false, mayChange: true },
    ])
  })

  test('is in the language of the account, else of the association, or the one that is asked for', async () => {
    const known = await among.person({ locale: 'de' })
    await invited(known.email!)
    expect(among.sent.at(-1)!.text).toContain('Guten Tag')
    await invited(address())
    expect(among.sent.at(-1)!.text).toContain('Dag,')
    const subjects = new Set<string>()
    for (const locale of locales) {
      await invitePerson(core(), among.letters)({ ...of('cli:test'), email: address(), role: 'user', locale })
      subjects.add(among.sent.at(-1)!.subject)
    }
    expect(subjects.size).toBe(4)
  })

  test.each(['', 'x', 'a b@example.org', 'a@b', 'x@example.org\nBcc: y@example.org', `${'a'.repeat(65)}@example.org`])(
    '%j is no address',
    async (email) => {
      expect(await code(invited(email))).toBe('email_refused')
      expect(among.sent).toEqual([])
    },
  )

  test('whether the address has an account is told to nobody who invites', async () => {
    const known = await among.person()
    const seen = async (email: string) => {
      await invited(email)
      const [invitation] = await pending()
      const told = (await store().audit.list({ subjectId: member.id, action: 'member.person_invited' })).at(-1)
      const plain = (value: unknown) =>
        JSON.stringify(value)
          .replaceAll(email, 'x')
          .replace(/"(id|invitation|createdAt|expiresAt|at)":("[^"]*"|\d+)/g, '')
      await withdrawInvitation(core())({ ...of(), id: invitation!.id })
      return [plain(invitation), plain(told?.payload)]
    }
    expect(await seen(known.email!)).toEqual(await seen(address()))
  })

  test('an address gets three in an hour from one association, a person sends thirty', async () => {
    const email = address()
    for (let n = 0; n < 3; n++) await invited(email)
    expect(await code(invited(email))).toBe('too_many_tries')
    for (let n = 0; n < 26; n++) await invited(address())
    expect(await code(invited(address()))).toBe('too_many_tries')
    expect(await code(invitePerson(core(), among.letters)({ ...of('cli:test'), email: address(), role: 'user' }))).toBe(
      'done',
    )
    // Somebody who may not invite at all uses nothing up.
    const victim = address()
    for (let n = 0; n < 5; n++) expect(await code(invited(victim, 'user', (await among.person()).id))).toBe('not_found')
    among.on.clock.advance(3_600_001)
    expect(await code(invited(victim))).toBe('done')
  })
})

describe('a person with an account', () => {
  test('says yes, once; until then nothing has changed', async () => {
    const guest = await among.person()
    const token = await invited(guest.email!, 'billing')
    expect(await readInvitation(core())(keyOfInvitation(token))).toMatchObject({
      member: { id: member.id },
      hasAccount: true,
    })
    expect(await store().people.affiliationsOf(guest.id)).toEqual([])
    await acceptInvitation(core())({ key: keyOfInvitation(token), accountId: guest.id })
    expect(await among.roles(member)).toEqual({ [owner.id]: 'owner', [guest.id]: 'billing' })
    expect(await pending()).toEqual([])
    expect(await code(acceptInvitation(core())({ key: keyOfInvitation(token), accountId: guest.id }))).toBe(
      'link_expired',
    )
    const [told] = await store().audit.list({ action: 'affiliation.accepted', subjectId: guest.id })
    expect(told).toMatchObject({
      actor: guest.id,
      payload: { invitedBy: owner.id, role: 'billing', memberId: member.id },
    })
    expect((await store().outbox.pending({ subject: guest.id })).map(({ service }) => service)).toContain('files')
  })

  test('the key that goes through a sign-in makes no account', async () => {
    const email = address()
    const key = keyOfInvitation(await invited(email))
    expect(await code(joinWithNewAccount(core())({ token: key, ...names }))).toBe('link_expired')
    expect(await store().accounts.byEmail(email)).toEqual([])
  })

  test('nobody else does, with the same link; nor a closed account of that address', async () => {
    const guest = await among.person()
    const token = await invited(guest.email!)
    const other = await among.person()
    const closed = await among.person({ email: guest.email, state: 'closed' })
    for (const { id } of [other, closed, owner])
      expect(await code(acceptInvitation(core())({ key: keyOfInvitation(token), accountId: id }))).toBe('forbidden')
    expect(await code(acceptInvitation(core())({ key: keyOfInvitation(token), accountId: make.id() }))).toBe(
      'forbidden',
    )
    expect(await among.roles(member)).toEqual({ [owner.id]: 'owner' })
    expect(await code(acceptInvitation(core())({ key: keyOfInvitation(token), accountId: guest.id }))).toBe('done')
  })

  test('of a family that shares an address, whoever is signed in', async () => {
    const email = address()
    const [one, two] = [await among.person({ email }), await among.person({ email })]
    await acceptInvitation(core())({ key: keyOfInvitation(await invited(email)), accountId: two.id })
    await acceptInvitation(core())({ key: keyOfInvitation(await invited(email, 'user')), accountId: one.id })
    expect(await among.roles(member)).toMatchObject({ [one.id]: 'user', [two.id]: 'technical' })
  })

  test('who belongs to it already keeps the role: an invitation is no way to change it', async () => {
    const admin = await among.one(member, 'admin')
    const token = await invited(admin.email!, 'user', (await among.one(member, 'admin')).id)
    expect(await code(acceptInvitation(core())({ key: keyOfInvitation(token), accountId: admin.id }))).toBe('conflict')
    expect((await among.roles(member))[admin.id]).toBe('admin')
  })
})

describe('a person without one', () => {
  test('makes one by the link, whose password is chosen in the next step', async () => {
    const email = address()
    const token = await invited(email, 'admin')
    expect(await readInvitation(core())(keyOfInvitation(token))).toMatchObject({ hasAccount: false })
    const ticket = await joinWithNewAccount(core())({ token, ...names })
    const account = await readLink(core())(ticket, ['invitation'])
    expect(account).toMatchObject({ email, name: 'Noé Neuf', state: 'invited', locale: 'de', emailVerifiedAt: null })
    expect((await among.roles(member))[account.id]).toBe('admin')
    expect(await code(joinWithNewAccount(core())({ token, ...names }))).toBe('link_expired')
    expect(await store().accounts.byEmail(email)).toHaveLength(1)
    expect((await store().audit.list({ subjectId: account.id })).map(({ action }) => action)).toEqual([
      'account.added',
      'affiliation.accepted',
    ])
  })

  test.each([
    [{ givenName: '' }, 'required', 'givenName'],
    [{ familyName: ' ' }, 'required', 'familyName'],
    [{ givenName: 'a\nb' }, 'invalid_value', 'givenName'],
    [{ familyName: 'x'.repeat(101) }, 'invalid_value', 'familyName'],
  ])('%j is refused, and the link stays good', async (wrong, expected, field) => {
    const token = await invited(address())
    await expect(joinWithNewAccount(core())({ token, ...names, ...wrong })).rejects.toMatchObject({
      code: expected,
      field,
    })
    expect(await code(joinWithNewAccount(core())({ token, ...names }))).toBe('done')
  })
})

describe('a link stops working', () => {
  const dead = async (token: string, guest: Account) => {
    expect(await code(readInvitation(core())(keyOfInvitation(token)))).toBe('link_expired')
    expect(await code(acceptInvitation(core())({ key: keyOfInvitation(token), accountId: guest.id }))).toBe(
      'link_expired',
    )
    expect(await code(joinWithNewAccount(core())({ token, ...names }))).toBe('link_expired')
    expect((await among.roles(member))[guest.id]).toBeUndefined()
  }
  let guest: Account
  beforeEach(async () => {
    guest = await among.person()
  })

  test('after a week; sent again it is good for another', async () => {
    const token = await invited(guest.email!)
    among.on.clock.advance(7 * DAY - 1)
    expect(await code(readInvitation(core())(keyOfInvitation(token)))).toBe('done')
    among.on.clock.advance(1)
    await dead(token, guest)
    const [expired] = await pending()
    expect(expired).toMatchObject({ expired: true })
    await resendInvitation(core(), among.letters)({ ...of(), id: expired!.id })
    await dead(token, guest)
    expect(await pending()).toMatchObject([{ expired: false, role: 'technical' }])
    expect(await code(acceptInvitation(core())({ key: keyOfInvitation(among.token()), accountId: guest.id }))).toBe(
      'done',
    )
  })

  test('when it is withdrawn, or another is sent', async () => {
    const first = await invited(guest.email!, 'admin')
    const second = await invited(guest.email!, 'user')
    await dead(first, guest)
    const [open, ...more] = await pending()
    expect([open!.role, more]).toEqual(['user', []])
    await withdrawInvitation(core())({ ...of(), id: open!.id })
    await dead(second, guest)
    expect(await code(withdrawInvitation(core())({ ...of(), id: open!.id }))).toBe('not_found')
    expect(await code(resendInvitation(core(), among.letters)({ ...of(), id: open!.id }))).toBe('not_found')
  })

  test.each<[string, (inviter: Account) => Promise<unknown>]>([
    ['was taken out', (inviter) => removePerson(core())({ ...of(), accountId: inviter.id })],
    [
      'may no longer give that role',
      (inviter) => setPersonRole(core())({ ...of(), accountId: inviter.id, role: 'admin' }),
    ],
    ['was suspended', (inviter) => suspend(core())({ target: { accountId: inviter.id }, reason: 'x', actor: 'test' })],
    [
      'invited for a member that was suspended',
      () => suspend(core())({ target: { memberId: member.id }, reason: 'x', actor: 'test' }),
    ],
    ['invited for a member that ended', () => store().standings.put(make.standing(member.id, { standing: 'closed' }))],
  ])('when who invited %s', async (_what, happens) => {
    const inviter = await among.one(member, 'owner')
    const token = await invited(guest.email!, 'owner', inviter.id)
    expect(await code(readInvitation(core())(keyOfInvitation(token)))).toBe('done')
    await happens(inviter)
    await dead(token, guest)
  })

  test.each(['', 'x', '%', 'a'.repeat(43), '\0', '../x'])('%j never was one', (token) => dead(token, guest))
})

describe('somebody else’s invitation', () => {
  test('is neither withdrawn nor sent again, by an owner of another association or an admin below its role', async () => {
    await invited(address(), 'owner')
    const [open] = await pending()
    const stranger = await among.association()
    const theirs = await among.one(stranger, 'owner')
    const admin = await among.one(member, 'admin')
    const tries: [object, string][] = [
      [{ memberNumber: stranger.memberNumber, actor: theirs.id }, 'not_found'],
      [{ memberNumber: member.memberNumber, actor: theirs.id }, 'not_found'],
      [{ memberNumber: member.memberNumber, actor: admin.id }, 'forbidden'],
    ]
    const letters = among.sent.length
    for (const [who, refusal] of tries) {
      const input = { ...(who as ReturnType<typeof of>), id: open!.id }
      expect(await code(withdrawInvitation(core())(input))).toBe(refusal)
      expect(await code(resendInvitation(core(), among.letters)(input))).toBe(refusal)
    }
    expect(among.sent).toHaveLength(letters)
    expect(await pending()).toHaveLength(1)
  })
})
