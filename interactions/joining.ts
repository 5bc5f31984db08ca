// By the link of an invitation, to an association's people or as a guest of one site: whoever has an account accepts signed
// in, anybody else makes one and chooses its password in the next step.
import type { AccountInForce, Locale } from '../src/ports.ts'
import {
  acceptInvitation,
  type Invited,
  joinWithNewAccount,
  keyOfInvitation,
  readInvitation,
} from '../src/usecases/association-invitations.ts'
import { acceptGuest, type InvitedGuest, joinAsGuest, readGuestInvitation } from '../src/usecases/site-guests.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, View } from '../src/web/page.ts'
import type { Desk } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'
import { roleNames } from './people.ts'

type Names = { givenName: string; familyName: string; locale: Locale }
/** What one is invited to. */
type Way<I extends { invitation: { email: string } }> = {
  /** Where its links lead, before the token. */
  at: '/account/join' | '/account/guest'
  read(key: string): Promise<I & { hasAccount: boolean }>
  words(view: View, found: I): { title: string; lead: string }
  /** The ticket by which a new account's password is chosen. */
  create(token: string, names: Names): Promise<string>
  accept(key: string, accountId: string): Promise<void>
  belongs(account: AccountInForce, found: I): boolean
}

export const toMember = ({ core }: Desk): Way<Invited> => ({
  at: '/account/join',
  read: readInvitation(core),
  words: ({ texts: { t } }, { member, invitation }) => ({
    title: t('join.title', { member: member.name }),
    lead: t('join.text', { member: member.name, role: t(roleNames[invitation.role]) }),
  }),
  create: (token, names) => joinWithNewAccount(core)({ token, ...names }),
  accept: async (key, accountId) => void (await acceptInvitation(core)({ key, accountId })),
  belongs: ({ memberships }, { member }) => memberships.some(({ memberId }) => memberId === member.id),
})

export const toSite = ({ core }: Desk): Way<InvitedGuest> => ({
  at: '/account/guest',
  read: readGuestInvitation(core),
  words: ({ texts: { t } }, { site, member, invitation: { role } }) => ({
    title: t('join.title', { member: site.name }),
    lead: t('join.guest', { site: site.name, member: member.name, role }),
  }),
  create: (token, names) => joinAsGuest(core)({ key: keyOfInvitation(token), ...names }),
  accept: (key, accountId) => acceptGuest(core)({ key, accountId }),
  belongs: () => false,
})

const newAccountForm = (view: View, email: string): Html => {
  const { t } = view.texts
  return html`<form method="post">
    ${hidden(view)}
    <p>${t('join.new_text', { email })}</p>
    ${field(view, { name: 'givenName', label: t('setup.given_name'), autocomplete: 'given-name' })} ${field(view, { name: 'familyName', label: t('setup.family_name'), autocomplete: 'family-name' })}
    <button class="main">${t('join.create')}</button>
  </form>`
}

const topOf = (view: View, { title, lead }: { title: string; lead: string }): Html =>
  html`${heading(title, lead)} ${summary(view, ['givenName', 'familyName'])}`

/** The page that the letter's link opens, for anybody who holds it. */
export const joining = <I extends { invitation: { email: string } }>(
  desk: Desk,
  way: Way<I>,
): Page<I & { hasAccount: boolean }> => {
  /** Through the sign-in's own addresses goes the key, never the token, by which an account can be made. */
  const acceptAt = (token: string): string => `${way.at}/${keyOfInvitation(token)}/accept`
  return {
    path: `${way.at}/:token`,
    async guard(ctx) {
      const found = await way.read(keyOfInvitation(ctx.params.token))
      if (ctx.method === 'GET' && (await desk.house.signedIn(ctx))) {
        ctx.status = 303
        ctx.redirect(acceptAt(ctx.params.token))
      }
      return found
    },
    show(found, view, ctx) {
      const { t } = view.texts
      const words = way.words(view, found)
      const form = newAccountForm(view, found.invitation.email)
      // A family may share an address: another account can be made with it.
      const withAccount = html`<p>${t('join.sign_in')}</p>
        <a class="button main" href="${acceptAt(ctx.params.token)}">${t('join.sign_in_submit')}</a>
        <details class="after"${view.mistake && html` open`}><summary>${t('join.new')}</summary>${form}</details>`
      return { title: words.title, body: html`${topOf(view, words)} ${found.hasAccount ? withAccount : form}` }
    },
    async submit(_found, form, view, ctx) {
      const names = { givenName: form.get('givenName'), familyName: form.get('familyName') }
      return `/invitation/${await way.create(ctx.params.token, { ...names, locale: view.texts.locale })}`
    },
  }
}

/** The same, signed in: to say yes. */
export const accepting = <I extends { invitation: { email: string } }>(
  desk: Desk,
  way: Way<I>,
): Page<{ found: I; account: AccountInForce }> => ({
  path: `${way.at}/:key/accept`,
  async guard(ctx) {
    const found = await way.read(ctx.params.key)
    return { found, account: await desk.house.guard(ctx) }
  },
  show({ found, account }, view) {
    const { t } = view.texts
    const words = way.words(view, found)
    const { username, email } = account
    const body =
      email !== found.invitation.email
        ? html`<p class="notice warn">${t('join.other', { username })}</p><a class="button" href="/session/end">${t('home.sign_out')}</a>`
        : way.belongs(account, found)
          ? html`<p>${t('join.already', { username })}</p>`
          : html`<p>${t('join.as', { username })}</p><form method="post">${hidden(view)}<button class="main">${t('join.accept')}</button></form>`
    return {
      title: words.title,
      body: html`${topOf(view, words)} ${body}<a class="button" href="/">${t('back_home')}</a>`,
    }
  },
  async submit({ account }, _form, _view, ctx) {
    await way.accept(ctx.params.key, account.accountId)
    return '/'
  },
})
