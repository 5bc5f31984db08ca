// A third-party client asks to know something: what, said in words, and the person decides.
import { giveConsent } from '../src/usecases/consents.ts'
import { html } from '../src/web/html.ts'
import type { TextKey } from '../src/web/texts.ts'
import { type Desk, formOrigins, type Interaction, type StepPage } from './desk.ts'
import { heading, hidden } from './parts.ts'

const known = ['openid', 'profile', 'email', 'groups', 'roles', 'membership', 'mail', 'offline_access']
const scopesOf = (interaction: Interaction): string[] =>
  String(interaction.params.scope ?? '')
    .split(' ')
    .filter((scope) => known.includes(scope))

export const consent = (desk: Desk): StepPage => ({
  async show({ interaction, clientName, firstParty }, view) {
    const { t } = view.texts
    const { name: association } = await desk.organisation()
    return {
      title: t('consent.title'),
      formOrigins: formOrigins(interaction),
      body: html`${heading(t('consent.title'))}
        <p>${t(firstParty ? 'consent.intro_own' : 'consent.intro', { client: clientName, association })}</p>
        <ul class="plain">
          ${scopesOf(interaction).map((scope) => html`<li>${t(`scope.${scope}` as TextKey)}</li>`)}
        </ul>
        ${!firstParty && html`<p class="hint">${t('consent.withdraw_later')}</p>`}
        <form method="post">
          ${hidden(view)}
          <button class="main" name="answer" value="accept">${t('consent.accept')}</button>
          <button class="other" name="answer" value="refuse">${t('consent.refuse')}</button>
        </form>`,
    }
  },
  async submit({ interaction, firstParty, account }, form, _view, ctx) {
    const provider = desk.provider()
    if (form.get('answer') !== 'accept')
      return provider.interactionResult(
        ctx.req,
        ctx.res,
        { error: 'access_denied', error_description: 'the person refused' },
        { mergeWithLastSubmission: false },
      )
    const clientId = String(interaction.params.client_id)
    const scopes = scopesOf(interaction)
    const grant =
      (interaction.grantId && (await provider.Grant.find(interaction.grantId))) ||
      new provider.Grant({ accountId: account!.accountId, clientId })
    grant.addOIDCScope(scopes.join(' '))
    if (!firstParty) await giveConsent(desk.core)(account!.accountId, clientId, scopes)
    return provider.interactionResult(ctx.req, ctx.res, { consent: { grantId: await grant.save() } })
  },
})
