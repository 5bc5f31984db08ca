// "You may not use this service now", said plainly to the person who just proved who they are; whose dues are missing
// reads here how to pay them.
import type { Reason } from '../src/domain/access.ts'
import { duesOf } from '../src/usecases/dues-of.ts'
import { today } from '../src/usecases/standing.ts'
import { type Html, html } from '../src/web/html.ts'
import type { View } from '../src/web/page.ts'
import { type Desk, formOrigins, type StepPage } from './desk.ts'
import { payment } from './dues.ts'
import { heading, hidden } from './parts.ts'
import { explanation, titleOf } from './reasons.ts'

/** What would open it again, for those who see to the member's bills. */
async function howToPay(desk: Desk, { texts }: View, accountId: string, { code, memberName }: Reason): Promise<Html> {
  if (code !== 'lapsed') return html``
  const owed = (await duesOf(desk.core)(accountId))
    .flatMap(({ toPay }) => toPay ?? [])
    .filter(({ terms }) => terms.some(({ member }) => member.name === memberName))
  const on = await today(desk.core)
  return html`${owed.map((one) => html`<h2>${texts.t('dues.owed')}</h2>${payment(texts, one, on)}`)}`
}

export const membership = (desk: Desk): StepPage => ({
  async show({ interaction, clientName, account }, view) {
    const { t } = view.texts
    const organisation = await desk.organisation()
    // Asked again now: the reason may be another one by this time.
    const { reason }: { reason: Reason } = await desk.core.doors.access(
      account!.accountId,
      String(interaction.params.client_id),
    )
    const about = {
      association: organisation.name,
      contact: organisation.contactEmail,
      zone: organisation.timeZone,
      client: clientName,
    }
    return {
      title: titleOf(view.texts, reason),
      status: 403,
      formOrigins: formOrigins(interaction),
      body: html`${heading(titleOf(view.texts, reason), t('membership.service', { client: clientName }))} ${explanation(view.texts, reason, about)}
        ${await howToPay(desk, view, account!.accountId, reason)}
        <form method="post">
          ${hidden(view)}
          <a class="button main" href="/">${t('back_home')}</a>
          <button class="other">${t('membership.return', { client: clientName })}</button>
        </form>`,
    }
  },
  submit: (_step, _form, _view, ctx) =>
    desk
      .provider()
      .interactionResult(
        ctx.req,
        ctx.res,
        { error: 'access_denied', error_description: 'this account may not use this service now' },
        { mergeWithLastSubmission: false },
      ),
})
