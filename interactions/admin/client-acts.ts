// What the staff do to a client: switch it off and on, say who has which role there, hand over its kit.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import { canonical } from '../../src/domain/names.ts'
import type { Client, ClientRole } from '../../src/ports.ts'
import { kitOf, renewClient, setClientDisabled, setClientRole } from '../../src/usecases/clients.ts'
import type { Form } from '../../src/web/forms.ts'
import { html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { optionsIn, sendFiles } from '../kit.ts'
import { field, heading, hidden, summary } from '../parts.ts'
import { type Act, actPage } from './act.ts'
import { clientOf, pluginOf, rolesShown } from './clients.ts'
import { type Staff, staffPage } from './frame.ts'
import { area, choice, listed, outcome, trail } from './parts.ts'

const pathOf = ({ clientId }: Client): string => `/admin/clients/${clientId}`

const switching = (desk: Desk, disabled: boolean): Act<Client> => ({
  find: (ctx) => clientOf(desk, ctx.params.id),
  back: (client) => [pathOf(client), client.name],
  path: disabled ? '/admin/clients/:id/disable' : '/admin/clients/:id/enable',
  title: disabled ? 'admin.disable.title' : 'admin.enable.title',
  lead: disabled ? 'admin.disable.text' : 'admin.enable.text',
  button: disabled ? 'admin.act.disable' : 'admin.act.enable',
  closes: disabled,
  async work(client, _form, staff) {
    await setClientDisabled(desk.core)({ clientId: client.clientId, disabled, actor: staff.accountId })
    return `${pathOf(client)}?done=changed`
  },
})

const up = (view: View, client: Client) =>
  trail(view, ['/admin/clients', view.texts.t('admin.nav.clients')], [pathOf(client), client.name])

/** An account or group that a form names. */
async function subjectIn({ core: { store } }: Desk, form: Form): Promise<Pick<ClientRole, 'subjectKind' | 'subject'>> {
  const typed = form.get('who').trim()
  if (typed === '') throw new AppError('required', { field: 'who' })
  if (form.get('kind') === 'group') return { subjectKind: 'group', subject: typed }
  const account = (await store.accounts.byUsername(canonical(typed))) ?? (await store.accounts.get(typed))
  if (!account) throw new AppError('invalid_value', { field: 'who', detail: 'there is no such account' })
  return { subjectKind: 'account', subject: account.id }
}

const roles = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/clients/:id/roles',
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const client = await clientOf(desk, ctx.params.id)
      const shown = await rolesShown(desk, view, await desk.core.store.clients.rolesOn(client.clientId))
      const title = t('admin.client_roles.title', { name: client.name })
      const remove = (
        who: string,
        { subjectKind, subject, role }: ClientRole,
      ) => html`<form method="post">${hidden(view)}
        <input type="hidden" name="kind" value="${subjectKind}"><input type="hidden" name="who" value="${subject}"><input type="hidden" name="role" value="${role}">
        <button class="link" name="act" value="remove">${t('admin.client_roles.remove')}<span class="skip"> ${who} ${role}</span></button></form>`
      return {
        title,
        body: html`${up(view, client)} ${heading(title, t('admin.client_roles.text'))} ${outcome(view, ctx)} ${summary(view, ['who', 'role'])}
          ${listed(
            t('admin.clients.roles'),
            [t('admin.clients.who'), t('admin.role'), t('admin.client_roles.take')],
            shown.map(({ who, role, given }) => [who, role, remove(who, given)]),
            t('admin.clients.no_roles'),
          )}
          <h2>${t('admin.client_roles.give')}</h2>
          <form method="post" class="act">
            ${hidden(view)}
            ${choice(view, {
              name: 'kind',
              label: t('admin.client_roles.to'),
              options: [
                ['account', t('admin.client_roles.account')],
                ['group', t('admin.client_roles.group')],
              ],
            })}
            ${field(view, { name: 'who', label: t('admin.client_roles.who'), autocomplete: 'off' })}
            ${field(view, { name: 'role', label: t('admin.role'), autocomplete: 'off', hint: await hintFor(desk, view, client) })}
            <button class="main" name="act" value="give">${t('admin.client_roles.submit')}</button>
            <a class="button" href="${pathOf(client)}">${t('cancel')}</a>
          </form>`,
      }
    },
    async submit(staff, form, _view, ctx) {
      const client = await clientOf(desk, ctx.params.id)
      const act = form.get('act')
      if (act !== 'give' && act !== 'remove') throw new AppError('bad_request')
      const subject = await subjectIn(desk, form)
      const role = form.get('role').trim()
      const { clientId } = client
      await setClientRole(desk.core)({ clientId, ...subject, role, remove: act === 'remove', actor: staff.accountId })
      return `${pathOf(client)}/roles?done=changed`
    },
  })

/** The roles that this kind of client knows, if it says so. */
async function hintFor(desk: Desk, { texts: { t } }: View, client: Client): Promise<string> {
  const plugin = await pluginOf(desk, client)
  const known = plugin?.client?.(String(client.metadata.client_uri ?? '')).roles
  return known ? t('admin.client_roles.known', { roles: known.join(', ') }) : t('admin.client_roles.free')
}

async function sendKit(desk: Desk, client: Client, actor: string, form: Form, ctx: Context): Promise<void> {
  const { core, machinery } = desk
  const service = machinery.services.find(({ plugin }) => plugin === client.kind)
  const plugin = await machinery.loadPlugin(client.kind)
  const files = await kitOf(core)(client, plugin, optionsIn(form.get('options')), service?.config)
  await renewClient(core)({ clientId: client.clientId, plugin, actor })
  sendFiles(ctx, client, files, core.clock.now())
}

const kit = (desk: Desk, note: (staff: Staff, client: Client) => Promise<void>): Page<Staff> => {
  const find = async (ctx: Context): Promise<Client> => {
    const client = await clientOf(desk, ctx.params.id)
    if (!(await pluginOf(desk, client))?.kit) throw new AppError('not_found')
    return client
  }
  return staffPage(desk, {
    path: '/admin/clients/:id/kit',
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const client = await find(ctx)
      const title = t('admin.kit.title', { name: client.name })
      return {
        title,
        body: html`${up(view, client)} ${heading(title, t('admin.kit.text'))} ${summary(view, ['options'])}
          <p class="notice warn">${t('admin.kit.secret')}</p>
          <form method="post" class="act">${hidden(view)}
            ${area(view, { name: 'options', label: t('admin.kit.options'), hint: t('admin.kit.options_hint', { kind: client.kind }), required: false, maxlength: 4000 })}
            <button class="main">${t('admin.act.kit')}</button><a class="button" href="${pathOf(client)}">${t('cancel')}</a></form>`,
      }
    },
    async submit(staff, form, _view, ctx) {
      const client = await find(ctx)
      await sendKit(desk, client, staff.accountId, form, ctx)
      await note(staff, client)
      return undefined
    },
  })
}

export const clientActs = (desk: Desk, note: (staff: Staff, client: Client) => Promise<void>): Page<Staff>[] => [
  actPage(desk, switching(desk, true)),
  actPage(desk, switching(desk, false)),
  roles(desk),
  kit(desk, note),
]
