// Choosing a password by the link of an invitation or of a forgotten password, or anew from the account page.
import type { Account, AccountInForce } from '../src/ports.ts'
import { changePassword } from '../src/usecases/change-password.ts'
import { choosePassword, readLink } from '../src/usecases/links.ts'
import { SHORTEST } from '../src/usecases/password-strength.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, Shown, View } from '../src/web/page.ts'
import type { Desk } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'

export const newPasswordFields = (view: View): Html => html`
  ${field(view, { name: 'password', label: view.texts.t('password.new'), type: 'password', autocomplete: 'new-password', hint: view.texts.t('password.rule', { shortest: SHORTEST }) })}
  ${field(view, { name: 'repeated', label: view.texts.t('password.repeated'), type: 'password', autocomplete: 'new-password' })}`

async function saved(desk: Desk, { texts: { t } }: View, username: string): Promise<Shown> {
  const { name: association } = await desk.organisation()
  return {
    title: t('password.done.title'),
    body: html`<div role="status">${heading(t('password.done.title'), t('password.done.text', { association, username }))}</div><a class="button main" href="/">${t('continue')}</a>`,
  }
}

/** `/invitation/…` and `/password/…`: the same page; the invitation greets. */
export const passwordByLink = (desk: Desk, kind: 'invitation' | 'password_reset'): Page<Account> => ({
  path: kind === 'invitation' ? '/invitation/:token' : '/password/:token',
  guard: (ctx) => readLink(desk.core)(ctx.params.token, [kind]),
  show({ name, username }, view) {
    const { t } = view.texts
    return {
      title: t('password.title'),
      body: html`${heading(t('password.title'), kind === 'invitation' ? t('password.welcome', { name, username }) : undefined)} ${summary(view, ['password', 'repeated'])}
        <form method="post">
          ${hidden(view)}
          <div class="field"><label for="username">${t('password.username')}</label><input id="username" type="text" autocomplete="username" value="${username}" readonly></div>
          ${newPasswordFields(view)}
          <button class="main">${t('password.submit')}</button>
        </form>`,
    }
  },
  async submit(_account, form, view, ctx) {
    const { username } = await choosePassword(desk.core)({
      token: ctx.params.token,
      password: form.get('password'),
      repeated: form.get('repeated'),
    })
    return saved(desk, view, username)
  },
})

export const passwordByHand = (desk: Desk): Page<AccountInForce> => ({
  path: '/account/password',
  guard: desk.house.guard,
  show({ username }, view) {
    const { t } = view.texts
    return {
      title: t('home.change_password'),
      body: html`${heading(t('home.change_password'))} ${summary(view, ['password', 'repeated', 'current'])}
        <form method="post">
          ${hidden(view)}
          <input type="hidden" name="username" autocomplete="username" value="${username}">
          ${field(view, { name: 'current', label: t('password.current'), type: 'password', autocomplete: 'current-password' })} ${newPasswordFields(view)}
          <button class="main">${t('password.submit')}</button>
          <a class="button" href="/">${t('cancel')}</a>
        </form>`,
    }
  },
  async submit({ accountId, username }, form, view) {
    await changePassword(desk.core)({
      accountId,
      current: form.get('current'),
      password: form.get('password'),
      repeated: form.get('repeated'),
    })
    return saved(desk, view, username)
  },
})
