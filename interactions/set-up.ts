// The set-up page behind the one-time link: name the association, become its first administrator.
import { checkSetUp, setUp as makeSetUp } from '../src/usecases/set-up.ts'
import { html } from '../src/web/html.ts'
import type { Page } from '../src/web/page.ts'
import type { Desk } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'
import { newPasswordFields } from './password.ts'

const fields = [
  'associationName',
  'contactEmail',
  'givenName',
  'familyName',
  'username',
  'email',
  'password',
  'repeated',
]

export const setUp = (desk: Desk): Page<undefined> => ({
  path: '/set-up/:token',
  guard: async (ctx) => {
    await checkSetUp(desk.core)(ctx.params.token)
    return undefined
  },
  show(_found, view) {
    const { t } = view.texts
    return {
      title: t('setup.title'),
      body: html`${heading(t('setup.title'), t('setup.text'))} ${summary(view, fields)}
        <form method="post">
          ${hidden(view)}
          <fieldset>
            <legend>${t('setup.association')}</legend>
            ${field(view, { name: 'associationName', label: t('setup.association_name'), autocomplete: 'organization', autofocus: true })}
            ${field(view, { name: 'contactEmail', label: t('setup.contact'), type: 'email', autocomplete: 'off' })}
          </fieldset>
          <fieldset>
            <legend>${t('setup.you')}</legend>
            ${field(view, { name: 'givenName', label: t('setup.given_name'), autocomplete: 'given-name' })} ${field(view, { name: 'familyName', label: t('setup.family_name'), autocomplete: 'family-name' })}
            ${field(view, { name: 'email', label: t('setup.email'), type: 'email', autocomplete: 'email' })} ${field(view, { name: 'username', label: t('password.username'), autocomplete: 'username' })}
            ${newPasswordFields(view)}
          </fieldset>
          <button class="main">${t('setup.submit')}</button>
        </form>`,
    }
  },
  async submit(_found, form, view, ctx) {
    const input = Object.fromEntries(fields.map((name) => [name, form.get(name)])) as Record<
      (typeof fields)[number],
      string
    >
    await makeSetUp(desk.core)({
      ...(input as unknown as Parameters<ReturnType<typeof makeSetUp>>[0]),
      token: ctx.params.token,
      locale: view.texts.locale,
    })
    return '/'
  },
})
