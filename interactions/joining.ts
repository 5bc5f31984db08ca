// By the link of an invitation to an association's people: whoever has an account accepts signed in, anybody else makes one
// and chooses its password in the next step.
import type { AccountInForce } from '../src/ports.ts'
import {
  acceptInvitation,
  type Invited,
  joinWithNewAccount,
  keyOfInvitation,
  readInvitation,
} from '../src/usecases/association-invitations.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, View } from '../src/web/page.ts'
import type { Desk } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'
import { roleNames } from './people.ts'

const head = (view: View, { member, invitation }: Invited): { title: string; top: Html } => {
  const { t } = view.texts
  const title = t('join.title', { member: member.name })
  const lead = t('join.text', { member: member.name, role: t(roleNames[invitation.role]) })
  return { title, top: html`${heading(title, lead)} ${summary(view, ['givenName', 'familyName'])}` }
}

const newAccountForm = (view: View, email: string): Html => {
  const { t } = view.texts
  return html`<form method="post">
    ${hidden(view)}
    <p>${t('join.new_text', { email })}</p>
    ${field(view, { name: 'givenName', label: t('setup.given_name'), autocomplete: 'given-name' })} ${field(view, { name: 'familyName', label: t('setup.family_name'), autocomplete: 'family-name' })}
    <button class="main">${t('join.create')}</button>
  </form>`
}

/** Through the sign-in's own addresses goes the key, never the token, by which an account can be made. */
const acceptAt = (token: string): string => `/account/join/${keyOfInvitation(token)}/accept`

type Found = Invited & { hasAccount: boolean }

/** `/account/join/…`, as the letter has it: for anybody who holds the link. */
export const joining = (desk: Desk): Page<Found> => ({
  path: '/account/join/:token',
  async guard(ctx) {
    const found = await readInvitation(desk.core)(keyOfInvitation(ctx.params.token))
    if (ctx.method === 'GET' && (await desk.house.signedIn(ctx))) {
      ctx.status = 303
      ctx.redirect(acceptAt(ctx.params.token))
    }
    return found
  },
  show(found, view, ctx) {
    const { t } = view.texts
    const { title, top } = head(view, found)
    const { email } = found.invitation
    const form = newAccountForm(view, email)
    // A family may share an address: another account can be made with it.
    const withAccount = html`<p>${t('join.sign_in')}</p>
      <a class="button main" href="${acceptAt(ctx.params.token)}">${t('join.sign_in_submit')}</a>
      <details class="after"${view.mistake && html` open`}><summary>${t('join.new')}</summary>${form}</details>`
    return { title, body: html`${top} ${found.hasAccount ? withAccount : form}` }
  },
  async submit(_found, form, view, ctx) {
    const ticket = await joinWithNewAccount(desk.core)({
      token: ctx.params.token,
      givenName: form.get('givenName'),
      familyName: form.get('familyName'),
      locale: view.texts.locale,
    })
    return `/invitation/${ticket}`
  },
})

/** The same, signed in: to say yes. */
export const accepting = (desk: Desk): Page<Found & { account: AccountInForce }> => ({
  path: '/account/join/:key/accept',
  async guard(ctx) {
    const found = await readInvitation(desk.core)(ctx.params.key)
    return { ...found, account: await desk.house.guard(ctx) }
  },
  show(found, view) {
    const { t } = view.texts
    const { title, top } = head(view, found)
    const { username, email, memberships } = found.account
    const already = memberships.some(({ memberId }) => memberId === found.member.id)
    const body =
      email !== found.invitation.email
        ? html`<p class="notice warn">${t('join.other', { username })}</p><a class="button" href="/session/end">${t('home.sign_out')}</a>`
        : already
          ? html`<p>${t('join.already', { username })}</p>`
          : html`<p>${t('join.as', { username })}</p><form method="post">${hidden(view)}<button class="main">${t('join.accept')}</button></form>`
    return { title, body: html`${top} ${body}<a class="button" href="/">${t('back_home')}</a>` }
  },
  async submit({ account }, _form, _view, ctx) {
    await acceptInvitation(desk.core)({ key: ctx.params.key, accountId: account.accountId })
    return '/'
  },
})
