// What a person does on the own account besides reading it: acts of one button, and the second factor.
import type { AccountInForce } from '../src/ports.ts'
import { withdrawConsent } from '../src/usecases/consents.ts'
import { confirmEnrolment, renewRecoveryCodes } from '../src/usecases/second-factor.ts'
import { signOutEverywhere } from '../src/usecases/suspend.ts'
import type { Form } from '../src/web/forms.ts'
import { html } from '../src/web/html.ts'
import type { Page } from '../src/web/page.ts'
import type { Desk } from './desk.ts'
import { enrolmentForm, recoveryCodes } from './enrolment.ts'
import { home } from './home.ts'
import { field, heading, hidden, summary } from './parts.ts'

/** An act of one button on the home page: it has no page of its own. */
const act = (
  desk: Desk,
  path: string,
  work: (account: AccountInForce, form: Form) => Promise<unknown>,
  next = '/',
): Page<AccountInForce> => ({
  path,
  guard: desk.house.guard,
  show: home(desk).show,
  async submit(account, form) {
    await work(account, form)
    return next
  },
})

export const accountActs = (desk: Desk): Page<AccountInForce>[] => [
  act(desk, '/account/consents', ({ accountId }, form) => withdrawConsent(desk.core)(accountId, form.get('client'))),
  act(
    desk,
    '/account/sign-out-everywhere',
    ({ accountId }) => signOutEverywhere(desk.core)({ accountId, actor: accountId }),
    '/session/end/success',
  ),
]

/** Turning a second factor on of one's own accord; whoever finds a browser open must not lock its owner out with one. */
export const accountSecondFactor = (desk: Desk): Page<AccountInForce> => ({
  path: '/account/second-factor',
  guard: desk.house.guardFresh,
  show: async (account, view) => ({
    title: view.texts.t('enrol.title'),
    body: await enrolmentForm(desk, account, view, view.texts.t('enrol.why_own')),
  }),
  async submit({ accountId }, form, view, ctx) {
    const codes = await confirmEnrolment(desk.core)(accountId, form.get('code'))
    // The code is used up: asking for it again on the way home would make the person wait for the next.
    await desk.house.raise(ctx)
    return recoveryCodes(view, codes, '/')
  },
})

/** New recovery codes, for a code of the second factor itself: the sign-in alone may be hours old. */
export const accountRecoveryCodes = (desk: Desk): Page<AccountInForce> => ({
  path: '/account/recovery-codes',
  async guard(ctx) {
    const account = await desk.house.guard(ctx)
    if (ctx.response.get('location') || account.hasSecondFactor) return account
    ctx.status = 303
    ctx.redirect('/account/second-factor')
    return account
  },
  show(_account, view) {
    const { t } = view.texts
    return {
      title: t('codes.new'),
      body: html`${heading(t('codes.new'), t('codes.new_why'))} ${summary(view, ['code'])}
        <form method="post">
          ${hidden(view)} ${field(view, { name: 'code', label: t('second.code'), autocomplete: 'one-time-code', code: true, hint: t('second.recovery') })}
          <button class="main">${t('codes.new_submit')}</button>
          <a class="button" href="/">${t('cancel')}</a>
        </form>`,
    }
  },
  submit: async ({ accountId }, form, view) =>
    recoveryCodes(view, await renewRecoveryCodes(desk.core)(accountId, form.get('code')), '/'),
})
