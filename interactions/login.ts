// Sign in: a username or e-mail address, and a password.

import { HOUSE_CLIENT } from '../src/provider-service.ts'
import { signIn } from '../src/usecases/sign-in.ts'
import { html } from '../src/web/html.ts'
import { type Desk, formOrigins, moment, type StepPage } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'

export const login = (desk: Desk): StepPage => ({
  async show({ interaction, clientName }, view) {
    const { t } = view.texts
    const { name: association } = await desk.organisation()
    const lead =
      interaction.params.client_id === HOUSE_CLIENT
        ? t('login.home', { association })
        : t('login.to', { client: clientName })
    return {
      title: t('login.title'),
      formOrigins: formOrigins(interaction),
      body: html`${heading(t('login.title'), lead)} ${summary(view)}
        <form method="post">
          ${hidden(view)}
          ${field(view, { name: 'identifier', label: t('login.identifier'), autocomplete: 'username', value: String(interaction.params.login_hint ?? ''), autofocus: true })}
          ${field(view, { name: 'password', label: t('login.password'), type: 'password', autocomplete: 'current-password' })}
          <div class="field">
            <label class="check"><input type="checkbox" name="shared" value="yes"${view.typed?.has('shared') && html` checked`}><span>${t('login.shared')}</span></label>
          </div>
          <button class="main">${t('login.submit')}</button>
        </form>
        <p class="after"><a href="/forgotten">${t('login.forgotten')}</a></p>`,
    }
  },
  async submit(_step, form, _view, ctx) {
    const account = await signIn(desk.core)({
      identifier: form.get('identifier'),
      password: form.get('password'),
      address: desk.address(ctx),
    })
    const result = { login: { accountId: account.id, amr: ['pwd'], remember: !form.has('shared'), ts: moment(desk) } }
    return desk.provider().interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false })
  },
})
