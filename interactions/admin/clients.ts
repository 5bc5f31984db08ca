// OpenID Connect clients: what people sign in to. The list, and one of them with who has which role there.
import { AppError } from '../../src/domain/errors.ts'
import type { Plugin } from '../../src/plugin.ts'
import type { Client, ClientRole } from '../../src/ports.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { heading } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { historyOf, when } from './history.ts'
import { acts, badge, facts, link, listed, outcome, table, trail } from './parts.ts'
import { peopleNamed, zoneOf } from './states.ts'

export async function clientOf(desk: Desk, id: string | undefined): Promise<Client> {
  const client = await desk.core.store.clients.get(id ?? '')
  if (!client) throw new AppError('not_found')
  return client
}

/** The plugin whose kind a client is; none for `other`. */
export const pluginOf = async ({ machinery }: Desk, { kind }: Pick<Client, 'kind'>): Promise<Plugin | undefined> =>
  machinery.pluginNames().includes(kind) ? machinery.loadPlugin(kind) : undefined

const audienceKeys = {
  members: 'admin.audience.members',
  listed: 'admin.audience.listed',
} as const satisfies Record<Client['audience'], TextKey>
const partyKeys = {
  first: 'admin.party.first',
  third: 'admin.party.third',
} as const satisfies Record<Client['party'], TextKey>

const stateOf = ({ texts: { t } }: View, { disabledAt }: Client): Html =>
  disabledAt === null ? badge(t('admin.on'), 'good') : badge(t('admin.off'), 'bad')
const addressOf = ({ metadata }: Client): string => String(metadata.client_uri ?? '')

export const clients = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/clients',
    async show(_staff, view) {
      const { t } = view.texts
      const all = await desk.core.store.clients.list()
      const rows = all.map((client) => [
        link(`/admin/clients/${client.clientId}`, client.name),
        client.kind,
        addressOf(client),
        t(audienceKeys[client.audience]),
        stateOf(view, client),
      ])
      const head = [t('admin.name'), t('admin.kind'), t('admin.address'), t('admin.audience'), t('admin.state')]
      return {
        title: t('admin.nav.clients'),
        body: html`${heading(t('admin.nav.clients'), t('admin.clients.text'))} ${acts([
          ['/admin/clients/new', t('admin.clients.new'), 'main'],
          ['/admin/keys', t('admin.keys.title')],
        ])}
          ${rows.length === 0 ? html`<p class="none">${t('admin.clients.none')}</p>` : table(t('admin.nav.clients'), head, rows)}`,
      }
    },
  })

async function profile(desk: Desk, { texts }: View, client: Client): Promise<Html> {
  const { t } = texts
  const uris = (name: string) =>
    ((client.metadata[name] as string[] | undefined) ?? []).map((uri) => html`<div>${uri}</div>`)
  const site = client.resourceId ? await desk.core.store.resources.get(client.resourceId) : undefined
  const backchannel = client.metadata.backchannel_logout_uri
  return facts([
    ['client_id', html`<code>${client.clientId}</code>`],
    [t('admin.kind'), client.kind],
    [t('admin.address'), addressOf(client)],
    [t('admin.site'), site ? link(`/admin/sites/${site.id}`, site.name) : ''],
    [t('admin.audience'), t(audienceKeys[client.audience])],
    [t('admin.party'), t(partyKeys[client.party])],
    [t('admin.second_factor'), t(client.secondFactor ? 'admin.asked' : 'admin.not_asked')],
    ['redirect_uris', html`${uris('redirect_uris')}`],
    ['post_logout_redirect_uris', html`${uris('post_logout_redirect_uris')}`],
    ['backchannel_logout_uri', typeof backchannel === 'string' && backchannel],
    [t('admin.created'), when(texts, client.createdAt, await zoneOf(desk))],
  ])
}

/** Accounts by their usernames, groups by their names. */
export async function rolesShown(
  desk: Desk,
  { texts: { t } }: View,
  given: readonly ClientRole[],
): Promise<{ who: string; role: string; given: ClientRole }[]> {
  const name = await peopleNamed(
    desk,
    given.map(({ subject }) => subject),
  )
  return given.map((one) => ({
    who: one.subjectKind === 'group' ? t('admin.clients.group', { name: one.subject }) : name(one.subject),
    role: one.role,
    given: one,
  }))
}

export const client = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/clients/:id',
    async show(staff, view, ctx) {
      const { t } = view.texts
      const found = await clientOf(desk, ctx.params.id)
      const at = `/admin/clients/${found.clientId}`
      const given = await rolesShown(desk, view, await desk.core.store.clients.rolesOn(found.clientId))
      const hasKit = (await pluginOf(desk, found))?.kit !== undefined
      return {
        title: found.name,
        body: html`${trail(view, ['/admin/clients', t('admin.nav.clients')])} ${heading(found.name)} ${outcome(view, ctx)}
          <p>${stateOf(view, found)}</p>
          ${acts([
            [`${at}/roles`, t('admin.act.client_roles')],
            hasKit && [`${at}/kit`, t('admin.act.kit')],
            found.sealedSecret !== null && [`${at}/rotate`, t('admin.act.rotate')],
            found.disabledAt === null
              ? [`${at}/disable`, t('admin.act.disable'), 'bad']
              : [`${at}/enable`, t('admin.act.enable')],
          ])}
          ${await profile(desk, view, found)}
          ${listed(
            t('admin.clients.roles'),
            [t('admin.clients.who'), t('admin.role')],
            given.map(({ who, role }) => [who, role]),
            t('admin.clients.no_roles'),
          )}
          ${await historyOf(desk, staff, view, found.clientId)}`,
      }
    },
  })
