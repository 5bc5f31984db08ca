// The kit of a site, downloaded again by whoever looks after it, and a new secret. Both hand over a secret: whoever finds a
// browser open must not leave with it, so that the sign-in is asked for again after a while.
import type { Context } from 'koa'
import { AppError } from '../src/domain/errors.ts'
import type { AccountInForce, Client } from '../src/ports.ts'
import { kitOf } from '../src/usecases/clients.ts'
import { lookAtSite, rotateSiteSecret, type SiteShown, takeSiteKit } from '../src/usecases/own-sites.ts'
import type { Form } from '../src/web/forms.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, View } from '../src/web/page.ts'
import { area, choice, facts } from './admin/parts.ts'
import type { Desk } from './desk.ts'
import { optionsIn, sendFiles } from './kit.ts'
import { heading, hidden, summary } from './parts.ts'
import { SITES, siteAddress, withKit, withSecret } from './sites.ts'

const look = (desk: Desk, { accountId }: AccountInForce, ctx: Context): Promise<SiteShown> =>
  lookAtSite(desk.core)({ siteId: ctx.params.id, actor: accountId })

/** Throws `not_found` where there is nothing to choose from: no such client, or none that is theirs to use now. */
function oneOf(clients: readonly Client[], form?: Form): Client {
  const found = form ? clients.find(({ clientId }) => clientId === form.get('client')) : clients[0]
  if (!found) throw new AppError('not_found', { detail: 'the site has no such client' })
  return found
}

const chosen = (view: View, clients: readonly Client[]): Html =>
  clients.length === 1
    ? html`<input type="hidden" name="client" value="${clients[0]!.clientId}">`
    : choice(view, {
        name: 'client',
        label: view.texts.t('sites.which_client'),
        options: clients.map(({ clientId, name }) => [clientId, name] as const),
      })

/** A mistake in an answer stands at the answers, whatever the plugin calls it. */
const atOptions = (error: unknown): never => {
  if (error instanceof AppError && error.code === 'invalid_value')
    throw new AppError('invalid_value', { field: 'options', detail: error.detail ?? '', cause: error })
  throw error
}

export const siteKit = (desk: Desk): Page<AccountInForce> => ({
  path: `${SITES}/:id/kit`,
  guard: desk.house.guardFresh,
  async show(account, view, ctx) {
    const { t } = view.texts
    const shown = await look(desk, account, ctx)
    const clients = await withKit(desk, shown)
    const { kind } = oneOf(clients)
    const title = t('admin.kit.title', { name: shown.site.name })
    return {
      title,
      body: html`${heading(title, t('admin.kit.text'))} ${summary(view, ['options'])}
        <p class="notice warn">${t('admin.kit.secret')}</p>
        <form method="post">${hidden(view)} ${chosen(view, clients)}
          ${area(view, { name: 'options', label: t('admin.kit.options'), hint: t('admin.kit.options_hint', { kind }), required: false, maxlength: 4000 })}
          <button class="main">${t('admin.act.kit')}</button>
          <a class="button" href="${siteAddress(shown.site.id)}">${t('sites.back')}</a>
        </form>`,
    }
  },
  async submit(account, form, _view, ctx) {
    const { core, machinery } = desk
    const client = oneOf(await withKit(desk, await look(desk, account, ctx)), form)
    const plugin = await machinery.loadPlugin(client.kind)
    // Without the service's configuration in schedar.yaml: it holds what is the association's.
    const files = await kitOf(core)(client, plugin, optionsIn(form.get('options'))).catch(atOptions)
    await takeSiteKit(core)({ siteId: ctx.params.id, actor: account.accountId, clientId: client.clientId, plugin })
    sendFiles(ctx, client, files, core.clock.now())
    return undefined
  },
})

export const siteSecret = (desk: Desk): Page<AccountInForce> => ({
  path: `${SITES}/:id/secret`,
  guard: desk.house.guardFresh,
  async show(account, view, ctx) {
    const { t } = view.texts
    const shown = await look(desk, account, ctx)
    const clients = withSecret(shown)
    oneOf(clients)
    const title = t('admin.rotate.title', { name: shown.site.name })
    return {
      title,
      body: html`${heading(title, t('admin.rotate.text'))} ${summary(view)}
        <form method="post">${hidden(view)} ${chosen(view, clients)}
          <button class="main bad">${t('admin.act.rotate')}</button>
          <a class="button" href="${siteAddress(shown.site.id)}">${t('cancel')}</a>
        </form>`,
    }
  },
  async submit(account, form, view, ctx) {
    const { t } = view.texts
    const shown = await look(desk, account, ctx)
    const { clientId } = oneOf(withSecret(shown), form)
    const secret = await rotateSiteSecret(desk.core)({ siteId: shown.site.id, actor: account.accountId, clientId })
    const at = siteAddress(shown.site.id)
    const hasKit = (await withKit(desk, shown)).some((client) => client.clientId === clientId)
    return {
      title: t('admin.rotate.done'),
      body: html`<div role="status">${heading(t('admin.rotate.done'), t('admin.register.secret_once'))}</div>
        ${facts([
          ['client_id', html`<code>${clientId}</code>`],
          ['client_secret', html`<code>${secret}</code>`],
        ])}
        ${hasKit && html`<a class="button main" href="${at}/kit">${t('admin.act.kit')}</a>`}
        <a class="button" href="${at}">${t('sites.back')}</a>`,
    }
  },
})
