// What a person does on the own account besides reading it: acts of one button, and the second factor.
import type { AccountInForce } from '../src/ports.ts'
import { withdrawConsent } from '../src/usecases/consents.ts'
import { confirmEnrolment } from '../src/usecases/second-factor.ts'
import { signOutEverywhere } from '../src/usecases/suspend.ts'
import type { Form } from '../src/web/forms.ts'
import type { Page } from '../src/web/page.ts'
import type { Desk } from './desk.ts'
import { enrolmentForm, recoveryCodes } from './enrolment.ts'
import { home } from './home.ts'

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
