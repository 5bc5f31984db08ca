// A new secret for a client: what it breaks is said first; the secret is shown once.
import { rotateClientSecret } from '../../src/usecases/rotate-client-secret.ts'
import { html } from '../../src/web/html.ts'
import type { Page } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { clientOf, pluginOf } from './clients.ts'
import { type Staff, staffPage } from './frame.ts'
import { acts, facts, trail } from './parts.ts'

export const rotate = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/clients/:id/rotate',
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const { clientId, name } = await clientOf(desk, ctx.params.id)
      const title = t('admin.rotate.title', { name })
      const at = `/admin/clients/${clientId}`
      return {
        title,
        body: html`${trail(view, ['/admin/clients', t('admin.nav.clients')], [at, name])} ${heading(title, t('admin.rotate.text'))} ${summary(view)}
          <form method="post" class="act">${hidden(view)}<button class="main bad">${t('admin.act.rotate')}</button><a class="button" href="${at}">${t('cancel')}</a></form>`,
      }
    },
    async submit(staff, _form, view, ctx) {
      const { t } = view.texts
      const client = await clientOf(desk, ctx.params.id)
      const { clientId, name } = client
      const secret = await rotateClientSecret(desk.core)({ clientId, actor: staff.accountId })
      const at = `/admin/clients/${clientId}`
      const hasKit = (await pluginOf(desk, client))?.kit !== undefined
      return {
        title: t('admin.rotate.done'),
        body: html`${trail(view, ['/admin/clients', t('admin.nav.clients')], [at, name])}
          <div role="status">${heading(t('admin.rotate.done'), t('admin.register.secret_once'))}</div>
          ${facts([
            ['client_id', html`<code>${clientId}</code>`],
            ['client_secret', html`<code>${secret}</code>`],
          ])}
          ${acts([hasKit && [`${at}/kit`, t('admin.act.kit'), 'main'], [at, t('admin.register.look')]])}`,
      }
    },
  })
