// Registering a client: what it is, where it is, who may use it. Its secret is shown this once, and comes with its kit.
import { serviceKinds } from '../../src/domain/access.ts'
import { AppError } from '../../src/domain/errors.ts'
import { canonical } from '../../src/domain/names.ts'
import { addClient, type NewClient } from '../../src/usecases/clients.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { field, heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { acts, area, choice, facts, tick, trail } from './parts.ts'

const OTHER = 'other'
const policyKeys = {
  mail: 'admin.policy.mail',
  site: 'admin.policy.site',
  web: 'admin.policy.web',
  list: 'admin.policy.list',
} as const satisfies Record<(typeof serviceKinds)[number], TextKey>

const own = ['name', 'url', 'site', 'redirectUris', 'redirect_uri', 'clientId']
/** What a use case calls a field, and what the form does. */
const fieldsOfForm: Record<string, string> = { redirect_uri: 'redirectUris' }

async function siteNamed({ core: { store } }: Desk, typed: string): Promise<Pick<NewClient, 'site'>> {
  if (typed === '') return {}
  const site = await store.resources.byName('site', canonical(typed))
  if (!site) throw new AppError('invalid_value', { field: 'site', detail: `there is no site ${typed}` })
  return { site }
}

async function inputOf(desk: Desk, form: Form, staff: Staff): Promise<NewClient> {
  const text = (name: string) => form.get(name).trim()
  const kind = text('kind')
  const plugin = kind === OTHER ? undefined : await desk.machinery.loadPlugin(kind)
  const service = serviceKinds.find((one) => one === text('service'))
  const redirectUris = text('redirectUris').split(/\s+/).filter(Boolean)
  const site = await siteNamed(desk, text('site'))
  return {
    kind,
    plugin,
    name: text('name'),
    url: text('url'),
    ...site,
    ...(redirectUris.length > 0 && { redirectUris }),
    ...(service && { service }),
    ...(form.has('third') && { party: 'third' as const }),
    ...(form.has('listed') && { audience: 'listed' as const }),
    ...(form.has('second') && { secondFactor: true }),
    actor: staff.accountId,
  }
}

/** Kinds of client that a plugin has a template for, and the kind that has none. */
async function kindsOf({ machinery }: Desk): Promise<string[]> {
  const names = machinery.pluginNames()
  const plugins = await Promise.all(names.map((name) => machinery.loadPlugin(name)))
  return [...names.filter((_, at) => plugins[at]!.client !== undefined), OTHER]
}

async function form(desk: Desk, view: View): Promise<Html> {
  const { t } = view.texts
  const kinds = (await kindsOf(desk)).map((kind) => [kind, kind === OTHER ? t('admin.register.other') : kind] as const)
  const services = [
    ['', t('admin.register.by_kind')] as const,
    ...serviceKinds.map((kind) => [kind, t(policyKeys[kind])] as const),
  ]
  const ticked = (name: string) => view.typed?.has(name) ?? false
  return html`<form method="post" class="act">
    ${hidden(view)}
    ${choice(view, { name: 'kind', label: t('admin.kind'), options: kinds })}
    ${field(view, { name: 'name', label: t('admin.register.name'), autocomplete: 'off' })}
    ${field(view, { name: 'url', label: t('admin.address'), autocomplete: 'off', hint: t('admin.register.url_hint') })}
    ${field(view, { name: 'site', label: t('admin.site'), autocomplete: 'off', hint: t('admin.register.site_hint'), required: false })}
    ${choice(view, { name: 'service', label: t('admin.register.policy'), options: services })}
    ${area(view, { name: 'redirectUris', label: t('admin.register.redirects'), hint: t('admin.register.redirects_hint'), required: false, maxlength: 4000 })}
    <fieldset><legend>${t('admin.register.more')}</legend>
      ${tick('listed', 'yes', t('admin.register.listed'), ticked('listed'))} ${tick('third', 'yes', t('admin.register.third'), ticked('third'))} ${tick('second', 'yes', t('admin.register.second'), ticked('second'))}
    </fieldset>
    <button class="main">${t('admin.register.submit')}</button>
    <a class="button" href="/admin/clients">${t('cancel')}</a>
  </form>`
}

export const register = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/clients/new',
    async show(_staff, view) {
      const { t } = view.texts
      return {
        title: t('admin.clients.new'),
        body: html`${trail(view, ['/admin/clients', t('admin.nav.clients')])} ${heading(t('admin.clients.new'), t('admin.register.text'))}
          ${summary(view, own)} ${await form(desk, view)}`,
      }
    },
    async submit(staff, sent, view) {
      const { t } = view.texts
      const input = await inputOf(desk, sent, staff)
      const { client, clientSecret } = await addClient(desk.core)(input).catch((error: unknown) => {
        if (!(error instanceof AppError) || !error.field || !Object.hasOwn(fieldsOfForm, error.field)) throw error
        throw new AppError(error.code, { field: fieldsOfForm[error.field]!, detail: error.detail ?? '', cause: error })
      })
      const at = `/admin/clients/${client.clientId}`
      return {
        title: t('admin.register.done'),
        body: html`${trail(view, ['/admin/clients', t('admin.nav.clients')])}
          <div role="status">${heading(t('admin.register.done'), t('admin.register.secret_once'))}</div>
          ${facts([
            ['issuer', desk.core.config.issuer],
            ['client_id', html`<code>${client.clientId}</code>`],
            ['client_secret', html`<code>${clientSecret}</code>`],
          ])}
          ${acts([input.plugin?.kit !== undefined && [`${at}/kit`, t('admin.act.kit'), 'main'], [at, t('admin.register.look')]])}`,
      }
    },
  })
