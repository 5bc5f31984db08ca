// The second factor during a sign-in: a code, or the enrolment when a role or the client asks for one and there is none.
import type { Context } from 'koa'
import { checkSecondFactor, confirmEnrolment } from '../src/usecases/second-factor.ts'
import { html } from '../src/web/html.ts'
import { bothFactors } from '../src/web/interaction-policy.ts'
import type { Shown, View } from '../src/web/page.ts'
import { type Desk, formOrigins, moment, type Step, type StepPage } from './desk.ts'
import { enrolmentForm, recoveryCodes } from './enrolment.ts'
import { field, heading, hidden, summary } from './parts.ts'

/** The sign-in goes on with both factors; its moment is now. */
const passed = (desk: Desk, step: Step, ctx: Context): Promise<string> =>
  desk.provider().interactionResult(ctx.req, ctx.res, {
    login: { accountId: step.account!.accountId, amr: bothFactors, ts: moment(desk) },
    second_factor: {},
  })

async function ask(desk: Desk, step: Step, view: View): Promise<Shown> {
  const { t } = view.texts
  return {
    title: t('second.title'),
    formOrigins: formOrigins(step.interaction),
    body: html`${heading(t('second.title'), t('second.ask', { association: (await desk.organisation()).name }))} ${summary(view, ['code'])}
      <form method="post">
        ${hidden(view)} ${field(view, { name: 'code', label: t('second.code'), autocomplete: 'one-time-code', code: true, hint: t('second.recovery'), autofocus: true })}
        <button class="main">${t('second.submit')}</button>
      </form>`,
  }
}

async function enrol(desk: Desk, step: Step, view: View): Promise<Shown> {
  const { t } = view.texts
  const byRole = step.account!.staffRoles.some((role) => desk.core.config.secondFactor.roles.includes(role))
  return {
    title: t('enrol.title'),
    formOrigins: formOrigins(step.interaction),
    body: await enrolmentForm(
      desk,
      step.account!,
      view,
      byRole ? t('enrol.why_required') : t('enrol.why_client', { client: step.clientName }),
    ),
  }
}

export const secondFactor = (desk: Desk): StepPage => ({
  show: (step, view) => (step.account!.hasSecondFactor ? ask(desk, step, view) : enrol(desk, step, view)),
  async submit(step, form, view, ctx) {
    const { accountId, hasSecondFactor } = step.account!
    if (hasSecondFactor) {
      await checkSecondFactor(desk.core)(accountId, form.get('code'))
      return passed(desk, step, ctx)
    }
    const codes = await confirmEnrolment(desk.core)(accountId, form.get('code'))
    return recoveryCodes(view, codes, await passed(desk, step, ctx))
  },
})
