// Guests of a site: people outside its member, asked by letter, who get a role at this one client and nothing else. They owe
// no dues and belong to nobody; what they may do ends with the role, and with the site. Nobody is added without having said yes.
import { audit, type Core } from '../core.ts'
import type { AuditAction } from '../domain/audit-actions.ts'
import { digest } from '../domain/digest.ts'
import { AppError } from '../domain/errors.ts'
import { email as checkedEmail } from '../domain/names.ts'
import type { Client, ClientRole, Member, Resource, SiteInvitation, Stores } from '../ports.ts'
import { type OfSite, siteLookedAfter } from './authority.ts'
import { setClientRoleIn } from './clients.ts'
import type { Letters } from './invite.ts'
import { addNewcomer, hasAccount, localeFor, mustBeAsked, type Newcomer } from './invited.ts'
import { issueTicket } from './links.ts'
import { type AtSite, acting, type Deciding } from './own-sites.ts'
import { touch } from './subjects.ts'
import { takeTry } from './throttle.ts'

const DAYS = 7
const HOUR = 3_600_000
/** Letters that one person causes, and that one address gets about one site. */
const perPerson = { tries: 30, windowMs: HOUR }
const perAddress = { tries: 3, windowMs: HOUR }

const isGuest = ({ invitedBy }: ClientRole): boolean => invitedBy !== undefined

export type GuestInvitation = SiteInvitation & { expired: boolean }

/** Those who were asked and did not answer yet, the newest first. Throws `not_found` for a site of others. */
export const listGuestInvitations =
  (core: Pick<Core, 'store' | 'clock'>) =>
  async (of: OfSite): Promise<GuestInvitation[]> => {
    const { site } = await siteLookedAfter(core.store, of)
    const clients = await core.store.clients.ofResource(site.id)
    const found = await Promise.all(clients.map(({ clientId }) => core.store.siteInvitations.ofClient(clientId)))
    return found.flat().map((one) => ({ ...one, expired: one.expiresAt <= core.clock.now() }))
  }

const noted = (
  core: Core,
  stores: Stores,
  actor: string,
  action: AuditAction,
  { id, clientId, email, role }: SiteInvitation,
) =>
  audit(core, stores, {
    action,
    actor,
    subjectKind: 'client',
    subjectId: clientId,
    payload: { invitation: id, email, role },
  })

const usable = ({ disabledAt, clientId }: Client): void => {
  if (disabledAt !== null) throw new AppError('conflict', { detail: `the client ${clientId} is switched off` })
}

/** How many people are guests; one with two roles is one. Throws `limit_reached` when there is no place for another. */
async function placeForGuest(core: Core, stores: Stores, clientId: string, accountId?: string): Promise<void> {
  const most = core.config.sites.guestsPerSite
  const there = new Set((await stores.clients.rolesOn(clientId)).filter(isGuest).map(({ subject }) => subject))
  if (!there.has(accountId ?? '') && there.size >= most)
    throw new AppError('limit_reached', { params: { most }, detail: 'no place for another guest' })
}

async function placeForInvitation(core: Core, open: readonly SiteInvitation[]): Promise<void> {
  const most = core.config.sites.invitationsPerSite
  if (open.length >= most)
    throw new AppError('limit_reached', { params: { most }, detail: 'too many open invitations' })
}

type Sent = Pick<Deciding, 'site' | 'member'> & { invitation: SiteInvitation; token: string }

async function write(
  core: Core,
  { stores, client, site, member }: Deciding,
  asked: { email: string; role: string; actor: string },
): Promise<Sent> {
  usable(client)
  const at = core.clock.now()
  const { clientId } = client
  const invitation: SiteInvitation = {
    id: core.random.uuid(),
    clientId,
    email: asked.email,
    role: asked.role,
    createdBy: asked.actor,
    createdAt: at,
    expiresAt: at + DAYS * 24 * HOUR,
  }
  await noted(core, stores, asked.actor, 'site.guest_invited', invitation)
  // One for each address: the link of an earlier letter stops working.
  const open = await stores.siteInvitations.ofClient(clientId)
  const [earlier, others] = [
    open.filter(({ email }) => email === asked.email),
    open.filter(({ email }) => email !== asked.email),
  ]
  for (const { id } of earlier) await stores.siteInvitations.settle(id, 'replaced', at)
  await placeForInvitation(core, others)
  await placeForGuest(core, stores, clientId)
  const token = core.random.token(32)
  await stores.siteInvitations.add(invitation, digest(token))
  return { invitation, token, site, member }
}

async function send(core: Core, letters: Letters, { invitation: { email, role }, token, site, member }: Sent) {
  const to = { email, locale: await localeFor(core, email, member) }
  const link = `${core.config.issuer}/account/guest/${token}`
  const at = { site: site.name, member: member.name, role }
  await core.mailer.send({ to: email, ...(await letters.guest(to, at, link, DAYS)) })
}

/** Only of whoever may invite at all: nobody else uses the letters up. */
async function slowDown(core: Core, of: OfSite, email: string): Promise<void> {
  await siteLookedAfter(core.store, of)
  await takeTry(core)([
    { name: 'guests invited', key: of.actor, limit: perPerson },
    { name: 'guest invited to', key: `${of.siteId}\n${email}`, limit: perAddress },
  ])
}

/** Ask somebody to work at this site. The answer is the same whether the address is of an account or of none. */
export const inviteGuest =
  (core: Core, letters: Letters) =>
  async (input: AtSite & { email: string; role: string }): Promise<void> => {
    const { role, actor } = input
    const email = checkedEmail(input.email)
    if (!/^\S{1,32}$/.test(role))
      throw new AppError('invalid_value', { field: 'role', detail: 'a role has 1 to 32 characters and no space' })
    await slowDown(core, input, email)
    const sent = await acting(core, input, (deciding) => write(core, deciding, { email, role, actor }))
    await send(core, letters, sent)
  }

async function openOne({ stores, client }: Deciding, id: string): Promise<SiteInvitation> {
  const found = await stores.siteInvitations.get(id)
  if (found?.clientId !== client.clientId)
    throw new AppError('not_found', { detail: 'there is no such open invitation' })
  return found
}

/** Send it again, under a new link that is good for a week. */
export const resendGuest =
  (core: Core, letters: Letters) =>
  async ({ id, ...of }: AtSite & { id: string }): Promise<void> => {
    await slowDown(core, of, (await core.store.siteInvitations.get(id))?.email ?? '')
    const sent = await acting(core, of, async (deciding) => {
      const { email, role } = await openOne(deciding, id)
      return write(core, deciding, { email, role, actor: of.actor })
    })
    await send(core, letters, sent)
  }

export const withdrawGuest =
  (core: Core) =>
  ({ id, ...of }: AtSite & { id: string }): Promise<void> =>
    acting(core, of, async (deciding) => {
      const found = await openOne(deciding, id)
      if (await deciding.stores.siteInvitations.settle(id, 'withdrawn', core.clock.now()))
        await noted(core, deciding.stores, of.actor, 'site.guest_withdrawn', found)
    })

// ── By the link ─────────────────────────────────────────────────────────────────────────────────────────────────────

export type InvitedGuest = { invitation: SiteInvitation; site: Resource; member: Member }

/** Throws `link_expired`: used, withdrawn, expired and invented look the same. */
async function invitedBy(core: Pick<Core, 'clock'>, stores: Stores, key: string): Promise<InvitedGuest> {
  const expired = () => new AppError('link_expired')
  const invitation = await stores.siteInvitations.byDigest(key)
  if (!invitation || invitation.expiresAt <= core.clock.now()) throw expired()
  const client = await stores.clients.get(invitation.clientId)
  if (!client?.resourceId || client.disabledAt !== null) throw expired()
  // Who invited may have left, lost the right to, or been suspended since.
  const of = { siteId: client.resourceId, actor: invitation.createdBy }
  const { site, member, mayAct } = await siteLookedAfter(stores, of).catch((cause: unknown) => {
    if (cause instanceof AppError && cause.code === 'not_found') throw expired()
    throw cause
  })
  if (!mayAct) throw expired()
  return { invitation, site, member }
}

/** What a link is for, by its key (`keyOfInvitation`). */
export const readGuestInvitation =
  (core: Core) =>
  async (key: string): Promise<InvitedGuest & { hasAccount: boolean }> => {
    const invited = await invitedBy(core, core.store, key)
    return { ...invited, hasAccount: await hasAccount(core.store, invited.invitation.email) }
  }

/** Settles the invitation and gives the role, alone. */
async function join(core: Core, stores: Stores, { invitation }: InvitedGuest, accountId: string): Promise<void> {
  const { id, clientId, role, createdBy } = invitation
  await audit(core, stores, {
    action: 'site.guest_accepted',
    actor: accountId,
    subjectKind: 'account',
    subjectId: accountId,
    payload: { clientId, role, invitedBy: createdBy, invitation: id },
  })
  await placeForGuest(core, stores, clientId, accountId)
  if (!(await stores.siteInvitations.settle(id, 'accepted', core.clock.now()))) throw new AppError('link_expired')
  const given = { clientId, subjectKind: 'account', subject: accountId, role, invitedBy: createdBy } as const
  await setClientRoleIn(core, stores, { ...given, actor: accountId })
  await touch(core, stores, { accountId }, 'person')
}

/** A signed-in person says yes. The account must have the address that the letter went to (`forbidden` otherwise). */
export const acceptGuest =
  (core: Core) =>
  async ({ key, accountId }: { key: string; accountId: string }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      const invited = await invitedBy(core, stores, key)
      await mustBeAsked(stores, { accountId, email: invited.invitation.email })
      await join(core, stores, invited, accountId)
    })
    core.wake()
  }

/** Somebody without an account makes one, with the address that the letter went to. The token by which to choose its password. */
export const joinAsGuest =
  (core: Core) =>
  async ({ key, ...newcomer }: Newcomer & { key: string }): Promise<string> => {
    const ticket = await core.store.transaction(async (stores) => {
      const invited = await invitedBy(core, stores, key)
      const { id } = await addNewcomer(core, stores, newcomer, { email: invited.invitation.email, by: 'guest' })
      await join(core, stores, invited, id)
      return issueTicket(core, stores, 'invitation', id)
    })
    core.wake()
    return ticket
  }
