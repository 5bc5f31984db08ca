// Guests of a site, for those who look after it: asked by letter, asked again, or no longer. Taking a role back is on the
// site's own page, where all who may edit stand.
import { AppError } from '../src/domain/errors.ts'
import { civilDate } from '../src/domain/time.ts'
import type { AccountInForce, Client } from '../src/ports.ts'
import type { Letters } from '../src/usecases/invite.ts'
import { lookAtSite, type SiteShown } from '../src/usecases/own-sites.ts'
import {
  type GuestInvitation,
  inviteGuest,
  listGuestInvitations,
  resendGuest,
  withdrawGuest,
} from '../src/usecases/site-guests.ts'
import type { Form } from '../src/web/forms.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, View } from '../src/web/page.ts'
import { choice } from './admin/parts.ts'
import type { Desk } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'
import { rolesKnown, SITES, siteAddress } from './sites.ts'

const usable = ({ mayAct, clients }: SiteShown): Client[] =>
  mayAct ? clients.map(({ client }) => client).filter(({ disabledAt }) => disabledAt === null) : []

const row = (view: View, { id, clientId, email, role, expiresAt, expired }: GuestInvitation, zone: string): Html => {
  const { t, day } = view.texts
  return html`<li>
    <span><strong>${email}</strong><br><small>${role}, ${expired ? t('people.expired') : t('people.until', { day: day(civilDate(expiresAt, zone)) })}</small></span>
    <form method="post">${hidden(view)}<input type="hidden" name="client" value="${clientId}"><input type="hidden" name="invitation" value="${id}">
      <button class="link" name="act" value="resend" aria-label="${t('people.resend')} ${email}">${t('people.resend')}</button><br>
      <button class="link" name="act" value="withdraw" aria-label="${t('people.withdraw')} ${email}">${t('people.withdraw')}</button></form>
  </li>`
}

async function inviteForm(desk: Desk, view: View, clients: readonly Client[]): Promise<Html> {
  const { t } = view.texts
  const known = (await Promise.all(clients.map((client) => rolesKnown(desk, client)))).flatMap((roles) => roles ?? [])
  const which =
    clients.length === 1
      ? html`<input type="hidden" name="client" value="${clients[0]!.clientId}">`
      : choice(view, {
          name: 'client',
          label: t('sites.which_client'),
          options: clients.map(({ clientId, name }) => [clientId, name] as const),
        })
  // The lowest first: a guest is no webmaster by a slip.
  const options = [...new Set(known)].toReversed().map((role) => [role, role] as const)
  const free = field(view, {
    name: 'role',
    label: t('admin.role'),
    autocomplete: 'off',
    hint: t('admin.client_roles.free'),
  })
  return html`<h2>${t('guests.invite')}</h2><form method="post">${hidden(view)} ${which}
    ${field(view, { name: 'email', label: t('people.email'), type: 'email', autocomplete: 'off', hint: t('guests.email_hint') })}
    ${known.length > 0 ? choice(view, { name: 'role', label: t('admin.role'), options }) : free}
    <button class="main" name="act" value="invite">${t('people.submit')}</button></form>`
}

async function work(desk: Desk, letters: Letters, of: { siteId: string; actor: string }, form: Form): Promise<void> {
  const [clientId, role, act, id] = ['client', 'role', 'act', 'invitation'].map((name) => form.get(name).trim())
  const client = usable(await lookAtSite(desk.core)(of)).find((one) => one.clientId === clientId)
  if (!client) throw new AppError('not_found', { detail: 'the site has no such client' })
  const at = { ...of, clientId: client.clientId }
  if (act === 'resend') return resendGuest(desk.core, letters)({ ...at, id: id! })
  if (act === 'withdraw') return withdrawGuest(desk.core)({ ...at, id: id! })
  if (act !== 'invite') throw new AppError('bad_request', { detail: 'no such act' })
  const known = await rolesKnown(desk, client)
  if (known && !known.includes(role!))
    throw new AppError('invalid_value', { field: 'role', detail: `the roles here are ${known.join(', ')}` })
  return inviteGuest(desk.core, letters)({ ...at, email: form.get('email'), role: role! })
}

/** Whoever finds a browser open must not let somebody in: the sign-in is asked for again after a while. */
export const siteGuests = (desk: Desk, letters: Letters): Page<AccountInForce> => ({
  path: `${SITES}/:id/guests`,
  guard: desk.house.guardFresh,
  async show({ accountId }, view, ctx) {
    const { t } = view.texts
    const of = { siteId: ctx.params.id, actor: accountId }
    const shown = await lookAtSite(desk.core)(of)
    const clients = usable(shown)
    if (clients.length === 0) throw new AppError('not_found', { detail: 'there is no client to invite to' })
    const [invitations, { timeZone }] = await Promise.all([listGuestInvitations(desk.core)(of), desk.organisation()])
    const title = t('guests.title', { name: shown.site.name })
    return {
      title,
      body: html`${heading(title, t('guests.lead'))} ${summary(view, ['email', 'role'])}
        ${invitations.length > 0 && html`<h2>${t('people.invitations')}</h2><ul class="rows">${invitations.map((one) => row(view, one, timeZone))}</ul>`}
        ${await inviteForm(desk, view, clients)}
        <a class="button" href="${siteAddress(shown.site.id)}">${t('sites.back')}</a>`,
    }
  },
  async submit({ accountId }, form, _view, ctx) {
    await work(desk, letters, { siteId: ctx.params.id, actor: accountId }, form)
    return `${siteAddress(ctx.params.id)}/guests`
  },
})
