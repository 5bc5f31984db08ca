// Asking people by letter to join an association's people. Nobody is added without having said yes: whoever has an account
// accepts signed in, anybody else makes one by the link. Whether an address has an account is never told to who invites.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import type { AffiliationRole } from '../domain/access.ts'
import type { AuditAction } from '../domain/audit-actions.ts'
import { digest } from '../domain/digest.ts'
import { AppError } from '../domain/errors.ts'
import { email as checkedEmail } from '../domain/names.ts'
import { rolesUnder } from '../domain/people.ts'
import type { Locale, Member, MemberInvitation, Stores } from '../ports.ts'
import {
  authorityOf,
  type Decision,
  deciding,
  mayDecide,
  memberLookedAfter,
  nameOfMember,
  type OfMember,
} from './authority.ts'
import type { Letters } from './invite.ts'
import { addNewcomer, hasAccount, localeFor, mustBeAsked, type Newcomer } from './invited.ts'
import { issueTicket } from './links.ts'
import { touch } from './subjects.ts'
import { takeTry } from './throttle.ts'

const DAYS = 7
const HOUR = 3_600_000
/** Letters that one person causes, and that one address gets from one association. */
const perPerson = { tries: 30, windowMs: HOUR }
const perAddress = { tries: 3, windowMs: HOUR }

type Sent = { invitation: MemberInvitation; token: string; member: Member }

const noted = (
  core: Core,
  stores: Stores,
  actor: Actor,
  action: AuditAction,
  { id, memberId, email, role }: MemberInvitation,
) =>
  audit(core, stores, {
    action,
    actor,
    subjectKind: 'member',
    subjectId: memberId,
    payload: { invitation: id, email, role },
  })

async function write(
  core: Core,
  { stores, member }: Decision,
  email: string,
  role: AffiliationRole,
  actor: Actor,
): Promise<Sent> {
  const at = core.clock.now()
  const token = core.random.token(32)
  // One for each address: the link of an earlier letter stops working.
  for (const earlier of await stores.invitations.ofMember(member.id))
    if (earlier.email === email) await stores.invitations.settle(earlier.id, 'replaced', at)
  const invitation: MemberInvitation = {
    id: core.random.uuid(),
    memberId: member.id,
    email,
    role,
    createdBy: actor,
    createdAt: at,
    expiresAt: at + DAYS * 24 * HOUR,
  }
  await stores.invitations.add(invitation, digest(token))
  await noted(core, stores, actor, 'member.person_invited', invitation)
  return { invitation, token, member }
}

async function send(
  core: Core,
  letters: Letters,
  { invitation: { email, role }, token, member }: Sent,
  locale?: Locale,
) {
  const to = { email, locale: locale ?? (await localeFor(core, email, member)) }
  const link = `${core.config.issuer}/account/join/${token}`
  await core.mailer.send({ to: email, ...(await letters.joining(to, member.name, role, link, DAYS)) })
}

/** Only of whoever may invite at all: nobody else uses an association's letters up. */
async function slowDown(core: Core, of: OfMember, email: string): Promise<void> {
  const { actor } = of
  await memberLookedAfter(core.store, of)
  await takeTry(core)([
    ...(actor.startsWith('cli:') ? [] : [{ name: 'people invited', key: actor, limit: perPerson }]),
    { name: 'people invited to', key: `${nameOfMember(of)}\n${email}`, limit: perAddress },
  ])
}

/** Ask somebody. The answer is the same whether the address is of an account or of none. */
export const invitePerson =
  (core: Core, letters: Letters) =>
  async (input: OfMember & { email: string; role: AffiliationRole; locale?: Locale }): Promise<void> => {
    const { role, actor, locale } = input
    const email = checkedEmail(input.email)
    await slowDown(core, input, email)
    const sent = await deciding(core, input, async (decision) => {
      mayDecide(decision.authority, role)
      return write(core, decision, email, role, actor)
    })
    await send(core, letters, sent, locale)
  }

async function openOne({ stores, member, authority }: Decision, id: string): Promise<MemberInvitation> {
  const found = await stores.invitations.get(id)
  if (found?.memberId !== member.id) throw new AppError('not_found', { detail: 'there is no such open invitation' })
  mayDecide(authority, found.role)
  return found
}

/** Send it again, under a new link that is good for a week. */
export const resendInvitation =
  (core: Core, letters: Letters) =>
  async ({ id, ...of }: OfMember & { id: string }): Promise<void> => {
    await slowDown(core, of, (await core.store.invitations.get(id))?.email ?? '')
    const sent = await deciding(core, of, async (decision) => {
      const { email, role } = await openOne(decision, id)
      return write(core, decision, email, role, of.actor)
    })
    await send(core, letters, sent)
  }

export const withdrawInvitation =
  (core: Core) =>
  ({ id, ...of }: OfMember & { id: string }): Promise<void> =>
    deciding(core, of, async (decision) => {
      const found = await openOne(decision, id)
      if (await decision.stores.invitations.settle(id, 'withdrawn', core.clock.now()))
        await noted(core, decision.stores, of.actor, 'member.invitation_withdrawn', found)
    })

// ── By the link ─────────────────────────────────────────────────────────────────────────────────────────────────────

type Read = Pick<Stores, 'invitations' | 'members' | 'access' | 'accounts' | 'organisations' | 'people'>
export type Invited = { invitation: MemberInvitation; member: Member }

async function invitedBy(core: Pick<Core, 'clock'>, stores: Read, key: string): Promise<Invited> {
  const expired = () => new AppError('link_expired')
  const invitation = await stores.invitations.byDigest(key)
  if (!invitation || invitation.expiresAt <= core.clock.now()) throw expired()
  const member = await stores.members.get(invitation.memberId)
  // Who invited may have left, lost the right to, or been suspended since.
  const authority = await authorityOf(stores, invitation.createdBy, invitation.memberId)
  if (!member || !authority || !rolesUnder(authority).includes(invitation.role)) throw expired()
  return { invitation, member }
}

/**
 * What stands for a link once somebody has opened it, and may go through a sign-in's addresses and records: it is good for
 * saying yes as the person who was meant, not for making an account.
 */
export const keyOfInvitation = (token: string): string => digest(token)

/** What a link is for, by its key. Throws `link_expired`: used, withdrawn, expired and invented look the same. */
export const readInvitation =
  (core: Core) =>
  async (key: string): Promise<Invited & { hasAccount: boolean }> => {
    const invited = await invitedBy(core, core.store, key)
    return { ...invited, hasAccount: await hasAccount(core.store, invited.invitation.email) }
  }

/** Settles the invitation and adds the account, alone. */
async function join(core: Core, stores: Stores, { invitation }: Invited, accountId: string): Promise<void> {
  const { id, memberId, role, createdBy } = invitation
  const at = core.clock.now()
  const people = await stores.people.accountsOf(memberId)
  if (people.some((person) => person.accountId === accountId))
    throw new AppError('conflict', { detail: 'this account is one of the people of this member already' })
  if (!(await stores.invitations.settle(id, 'accepted', at))) throw new AppError('link_expired')
  await stores.people.affiliate({ accountId, memberId, role, createdAt: at })
  await audit(core, stores, {
    action: 'affiliation.accepted',
    actor: accountId,
    subjectKind: 'account',
    subjectId: accountId,
    payload: { memberId, role, invitedBy: createdBy, invitation: id },
  })
  await touch(core, stores, { accountId }, 'person')
}

/**
 * A signed-in person says yes. The account must have the address that the letter went to (`forbidden` otherwise): a link that
 * got into other hands adds nobody else.
 */
export const acceptInvitation =
  (core: Core) =>
  async ({ key, accountId }: { key: string; accountId: string }): Promise<Member> => {
    const member = await core.store.transaction(async (stores) => {
      const invited = await invitedBy(core, stores, key)
      await mustBeAsked(stores, { accountId, email: invited.invitation.email })
      await join(core, stores, invited, accountId)
      return invited.member
    })
    core.wake()
    return member
  }

/** Somebody without an account makes one, with the address that the letter went to. The token by which to choose its password. */
export const joinWithNewAccount =
  (core: Core) =>
  async ({ token, ...newcomer }: Newcomer & { token: string }): Promise<string> => {
    const ticket = await core.store.transaction(async (stores) => {
      const invited = await invitedBy(core, stores, keyOfInvitation(token))
      const { id } = await addNewcomer(core, stores, newcomer, { email: invited.invitation.email, by: 'invitation' })
      await join(core, stores, invited, id)
      return issueTicket(core, stores, 'invitation', id)
    })
    core.wake()
    return ticket
  }
