// The people of an association, for those who look after them: who they are, invite, another role, out, ownership handed
// over. What cannot be undone by oneself asks once more.
import type { AffiliationRole } from '../src/domain/access.ts'
import { affiliationRoles } from '../src/domain/access.ts'
import { AppError } from '../src/domain/errors.ts'
import { letsDecide, looksAfter } from '../src/domain/people.ts'
import { civilDate } from '../src/domain/time.ts'
import type { AccountInForce } from '../src/ports.ts'
import { invitePerson, resendInvitation, withdrawInvitation } from '../src/usecases/association-invitations.ts'
import {
  handOver,
  listPeople,
  type PeopleListed,
  type PersonListed,
  removePerson,
  setPersonRole,
} from '../src/usecases/association-people.ts'
import type { Letters } from '../src/usecases/invite.ts'
import type { Form } from '../src/web/forms.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, Shown, View } from '../src/web/page.ts'
import type { TextKey } from '../src/web/texts.ts'
import type { Desk } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'

export const roleNames: Record<AffiliationRole, TextKey> = {
  owner: 'people.role.owner',
  admin: 'people.role.admin',
  technical: 'people.role.technical',
  billing: 'people.role.billing',
  user: 'people.role.user',
}

const addressOf = (memberNumber: string): string => `/account/people/${encodeURIComponent(memberNumber)}`

const roleChoice = (view: View, id: string, roles: readonly AffiliationRole[], chosen: string, label: string): Html => {
  const { t } = view.texts
  const option = (role: AffiliationRole) =>
    html`<option value="${role}"${role === chosen && html` selected`}>${t(roleNames[role])}</option>`
  return html`<div class="field"><label for="${id}">${label}</label><select id="${id}" name="role"${id === 'role' && html` aria-describedby="role-hint"`}>${roles.map(option)}</select></div>`
}

const stateOf = ({ texts: { t } }: View, { state }: PersonListed): string | undefined =>
  state === 'closed' ? t('people.closed') : state === 'invited' ? t('people.never') : undefined

/** What may be done about one of the people: one form, so that a button says which. */
const acts = (view: View, { roles, ...listed }: PeopleListed, person: PersonListed, viewerId: string): Html => {
  const { t } = view.texts
  const { accountId, name, role, state } = person
  const viewer = listed.people.find((one) => one.accountId === viewerId)
  const heir = viewer?.role === 'owner' && accountId !== viewerId && state === 'active'
  return html`<details class="whole"><summary aria-label="${t('people.edit')} ${name}">${t('people.edit')}</summary>
    <form method="post">${hidden(view)}<input type="hidden" name="account" value="${accountId}">
      ${
        person.lastOwner
          ? html`<p>${t('people.last_owner')}</p>`
          : html`${roleChoice(view, `role-${accountId}`, roles, role, t('people.role_of', { name }))}
      <button class="other" name="act" value="role">${t('people.change')}</button>
      <button class="other" name="act" value="remove" aria-label="${t('people.remove')} ${name}">${t('people.remove')}</button>`
      }
      ${heir && html`<button class="other" name="act" value="hand-over">${t('people.hand_over')}</button>`}
    </form></details>`
}

const personRow = (view: View, listed: PeopleListed, person: PersonListed, viewerId: string): Html => {
  const { t } = view.texts
  const state = stateOf(view, person)
  return html`<li>
    <span><strong>${person.name}</strong>${person.accountId === viewerId && html` (${t('people.you')})`}<br><small>${person.username}</small></span>
    <span>${t(roleNames[person.role])}</span>
    ${state && html`<small class="whole">${state}</small>`}
    ${person.mayChange && acts(view, listed, person, viewerId)}
  </li>`
}

type Pending = PeopleListed['invitations'][number]
const invitationRow = (view: View, invitation: Pending, zone: string): Html => {
  const { t, day } = view.texts
  const { id, email, role, expiresAt, expired, mayChange } = invitation
  return html`<li>
    <span><strong>${email}</strong><br><small>${t(roleNames[role])}, ${expired ? t('people.expired') : t('people.until', { day: day(civilDate(expiresAt, zone)) })}</small></span>
    ${
      mayChange &&
      html`<form method="post">${hidden(view)}<input type="hidden" name="invitation" value="${id}">
      <button class="link" name="act" value="resend" aria-label="${t('people.resend')} ${email}">${t('people.resend')}</button><br>
      <button class="link" name="act" value="withdraw" aria-label="${t('people.withdraw')} ${email}">${t('people.withdraw')}</button></form>`
    }
  </li>`
}

const inviteForm = (view: View, { member, roles }: PeopleListed): Html => {
  const { t } = view.texts
  const chosen = view.typed?.get('act') === 'invite' ? view.typed.get('role') : 'user'
  return html`<h2>${t('people.invite')}</h2>
    <form method="post">
      ${hidden(view)}
      ${field(view, { name: 'email', label: t('people.email'), type: 'email', autocomplete: 'off', hint: t('people.email_hint', { member: member.name }) })}
      ${roleChoice(view, 'role', roles, chosen, t('people.role_label'))}
      <p class="hint" id="role-hint">${t('people.roles_hint')}</p>
      <button class="main" name="act" value="invite">${t('people.submit')}</button>
    </form>`
}

/** Asks once more, on a page of its own. */
function confirmation(view: View, act: 'remove' | 'hand-over', listed: PeopleListed, person: PersonListed): Shown {
  const { t } = view.texts
  const about = { name: person.name, member: listed.member.name }
  const [title, button] =
    act === 'remove'
      ? [t('people.remove.title', about), t('people.remove')]
      : [t('people.hand_over.title', about), t('people.hand_over')]
  return {
    title,
    body: html`${heading(title)}
      <p>${act === 'remove' ? t('people.remove.text', about) : t('people.hand_over.text', about)}</p>
      ${act === 'remove' && html`<p>${t('people.remove.kept')}</p>`}
      <form method="post">${hidden(view)}
        <input type="hidden" name="account" value="${person.accountId}"><input type="hidden" name="confirmed" value="yes">
        <button class="main" name="act" value="${act}">${button}</button>
        <a class="button" href="${addressOf(listed.member.memberNumber)}">${t('cancel')}</a>
      </form>`,
  }
}

const roleIn = (form: Form): AffiliationRole => {
  const role = affiliationRoles.find((one) => one === form.get('role'))
  if (!role) throw new AppError('invalid_value', { field: 'role', detail: 'there is no such role' })
  return role
}

type Found = { account: AccountInForce; memberNumber: string }

async function work(desk: Desk, letters: Letters, found: Found, form: Form, view: View): Promise<Shown | undefined> {
  const { core } = desk
  const of = { memberNumber: found.memberNumber, actor: found.account.accountId }
  const [accountId, id, act] = [form.get('account'), form.get('invitation'), form.get('act')]
  if ((act === 'remove' || act === 'hand-over') && form.get('confirmed') !== 'yes') {
    const listed = await listPeople(core)(of)
    const person = listed.people.find((one) => one.accountId === accountId)
    if (!person) throw new AppError('not_found')
    return confirmation(view, act, listed, person)
  }
  if (act === 'invite') await invitePerson(core, letters)({ ...of, email: form.get('email'), role: roleIn(form) })
  else if (act === 'resend') await resendInvitation(core, letters)({ ...of, id })
  else if (act === 'withdraw') await withdrawInvitation(core)({ ...of, id })
  else if (act === 'role') await setPersonRole(core)({ ...of, accountId, role: roleIn(form) })
  else if (act === 'remove') await removePerson(core)({ ...of, accountId })
  else if (act === 'hand-over') await handOver(core)({ ...of, accountId })
  else throw new AppError('bad_request', { detail: 'no such act' })
}

/** Whoever finds a browser open must not give the association away: the sign-in is asked for again after a while. */
export const people = (desk: Desk, letters: Letters): Page<Found> => ({
  path: '/account/people/:memberNumber',
  guard: async (ctx) => ({ account: await desk.house.guardFresh(ctx), memberNumber: ctx.params.memberNumber }),
  async show({ account, memberNumber }, view) {
    const { t } = view.texts
    const listed = await listPeople(desk.core)({ memberNumber, actor: account.accountId })
    const { timeZone } = await desk.organisation()
    const title = t('people.title', { member: listed.member.name })
    return {
      title,
      body: html`${heading(title, t('people.lead'))} ${summary(view, ['email'])}
        <ul class="rows">${listed.people.map((person) => personRow(view, listed, person, account.accountId))}</ul>
        ${listed.invitations.length > 0 && html`<h2>${t('people.invitations')}</h2><ul class="rows">${listed.invitations.map((one) => invitationRow(view, one, timeZone))}</ul>`}
        ${inviteForm(view, listed)}
        <a class="button" href="/">${t('back_home')}</a>`,
    }
  },
  async submit(found, form, view) {
    const next = await work(desk, letters, found, form, view)
    if (next) return next
    // Whoever took themselves out, or down, has no business here any more.
    const still = await listPeople(desk.core)({
      memberNumber: found.memberNumber,
      actor: found.account.accountId,
    }).catch(() => undefined)
    return still ? addressOf(found.memberNumber) : '/'
  },
})

/** On the home page: the associations whose people this person looks after. */
export async function associations(desk: Desk, account: AccountInForce, view: View): Promise<Html> {
  const { t } = view.texts
  const mine = account.memberships.filter((membership) => looksAfter(membership.role) && letsDecide(membership))
  const members = await Promise.all(mine.map(({ memberId }) => desk.core.store.members.get(memberId)))
  const rows = members
    .filter((member) => member?.kind === 'association')
    .map(
      (member) =>
        html`<li><span>${member!.name}</span><a href="${addressOf(member!.memberNumber)}" aria-label="${t('people.home_link')} ${member!.name}">${t('people.home_link')}</a></li>`,
    )
  return html`${rows.length > 0 && html`<h2>${t('people.home')}</h2><ul class="rows">${rows}</ul>`}`
}
