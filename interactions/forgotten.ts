// Forgotten password: ask for a link. The answer is the same for every name.
import { forgotPassword, type Letters } from '../src/usecases/invite.ts'
import { html } from '../src/web/html.ts'
import type { Page } from '../src/web/page.ts'
import type { Desk } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'

export const forgotten = (desk: Desk, letters: Letters): Page<undefined> => ({
  path: '/forgotten',
  guard: async () => undefined,
  show(_found, view) {
    const { t } = view.texts
    return {
      title: t('forgotten.title'),
      body: html`${heading(t('forgotten.title'), t('forgotten.text'))} ${summary(view)}
        <form method="post">
          ${hidden(view)} ${field(view, { name: 'identifier', label: t('login.identifier'), autocomplete: 'username', autofocus: true })}
          <button class="main">${t('forgotten.submit')}</button>
        </form>
        <p class="after"><a href="/">${t('forgotten.back')}</a></p>`,
    }
  },
  async submit(_found, form, view, ctx) {
    await forgotPassword(desk.core, letters)({ identifier: form.get('identifier'), address: desk.address(ctx) })
    const { t } = view.texts
    return {
      title: t('forgotten.sent.title'),
      body: html`<div role="status">${heading(t('forgotten.sent.title'), t('forgotten.sent.text'))}</div><a class="button" href="/">${t('forgotten.back')}</a>`,
    }
  },
})
