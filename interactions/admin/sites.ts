// Hosted sites for the staff: the list, and one of them with whose it is, whether it is open and why not, who may edit it and
// what its services still have to be told.
import type { Context } from 'koa'
import type { AccessAnswer } from '../../src/domain/access.ts'
import { AppError } from '../../src/domain/errors.ts'
import { canonical } from '../../src/domain/names.ts'
import type { Member, Override, Resource } from '../../src/ports.ts'
import { type SiteClient, type SiteService, siteInWhole } from '../../src/usecases/own-sites.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { heading } from '../parts.ts'
import { megabytes } from '../traffic-parts.ts'
import { bar } from './dues.ts'
import { type Staff, staffPage } from './frame.ts'
import { historyOf, when } from './history.ts'
import {
  acts,
  asked,
  badge,
  facts,
  filters,
  filterText,
  link,
  listed,
  offsetOf,
  outcome,
  PAGE,
  pager,
  table,
  trail,
} from './parts.ts'
import { may } from './rights.ts'
import { totals, trafficOf } from './site-traffic.ts'
import { accessBadge, overridesOf, roleName, zoneOf } from './states.ts'

const SITES = '/admin/sites'
export const sitePath = ({ id }: Pick<Resource, 'id'>): string => `${SITES}/${id}`

/** A site that is there. Throws `not_found`. */
export async function siteOf({ core }: Desk, ctx: Context): Promise<Resource> {
  const found = await core.store.resources.get(ctx.params.id ?? '')
  if (found?.kind !== 'site' || found.removedAt !== null) throw new AppError('not_found')
  return found
}

export const onSite = (desk: Desk) => ({
  find: (ctx: Context) => siteOf(desk, ctx),
  back: (site: Resource) => [sitePath(site), site.name] as const,
})

/** Open, or not and why. */
const stateOf = ({ texts }: View, { access, reason }: AccessAnswer): Html =>
  html`${accessBadge(texts, access)}${access !== 'full' && html` <small>${texts.t(`why.${reason.code}` as TextKey)}</small>`}`

const memberLink = (member: Member | undefined): Html | string =>
  member ? link(`/admin/members/${member.id}`, `${member.name} (${member.memberNumber})`) : '—'

type Sums = Awaited<ReturnType<typeof totals>>

async function rows(
  desk: Desk,
  view: View,
  shown: readonly Resource[],
  { day, week }: Sums,
): Promise<(Html | string)[][]> {
  const most = (of: Sums['day']) => Math.max(1, ...shown.map(({ id }) => of.get(id)?.bytes ?? 0))
  const [mostDay, mostWeek] = [most(day), most(week)]
  const cell = (of: Sums['day'], id: string, highest: number) => {
    const bytes = of.get(id)?.bytes ?? 0
    return html`<span class="figure short">${megabytes(view.texts, bytes)}</span>${bar(bytes, highest, 'quiet')}`
  }
  const { store, doors } = desk.core
  return Promise.all(
    shown.map(async (site) => {
      const [member, hosting] = await Promise.all([
        store.members.get(site.memberId),
        doors.resourceAccess(site.id, 'hosting'),
      ])
      return [
        link(sitePath(site), site.name),
        memberLink(member),
        stateOf(view, hosting),
        cell(day, site.id, mostDay),
        cell(week, site.id, mostWeek),
      ]
    }),
  )
}

export const sites = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: SITES,
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const text = asked(ctx, 'text')
      const all = (await desk.core.store.resources.list('site')).filter(
        ({ name, removedAt }) => removedAt === null && name.includes(canonical(text)),
      )
      const from = offsetOf(ctx)
      const sums = await totals(desk)
      const bytes = (of: Sums['day'], { id }: Resource) => of.get(id)?.bytes ?? 0
      // The busiest first: that is where one looks for an attack.
      const shown = all
        .toSorted(
          (a, b) =>
            bytes(sums.day, b) - bytes(sums.day, a) ||
            bytes(sums.week, b) - bytes(sums.week, a) ||
            a.name.localeCompare(b.name),
        )
        .slice(from, from + PAGE)
      const head = [
        t('admin.site'),
        t('admin.member'),
        t('admin.sites.public'),
        t('admin.sites.day'),
        t('admin.sites.week'),
      ]
      return {
        title: t('admin.nav.sites'),
        body: html`${heading(t('admin.nav.sites'), t('admin.sites.text'))} ${outcome(view, ctx)}
          ${acts([['/admin/sites/pending', t('register.pending')]])}
          ${filters(view, filterText('text', t('admin.sites.name'), text))}
          ${shown.length === 0 ? html`<p class="none" role="status">${t('admin.sites.none')}</p>` : table(t('admin.nav.sites'), head, await rows(desk, view, shown, sums))}
          ${pager(view, ctx, shown.length, all.length > from + PAGE)}`,
      }
    },
  })

function actsOn(staff: Staff, { texts: { t } }: View, site: Resource, offline: boolean): Html {
  const one = (path: string, key: TextKey, tone?: 'bad' | 'main') =>
    may(staff, `${SITES}/:id/${path}`) && ([`${sitePath(site)}/${path}`, t(key), tone] as const)
  return acts([
    offline ? one('restore', 'admin.site.online', 'main') : one('suspend', 'admin.site.offline', 'bad'),
    one('mail', 'admin.site.mail'),
    may(staff, '/admin/outgoing') && [
      `/admin/outgoing?login=${encodeURIComponent(site.name)}`,
      t('admin.site.outgoing'),
    ],
  ])
}

/** The people who may edit, client by client. */
function editors(staff: Staff, { texts }: View, { client, people, others }: SiteClient): Html {
  const { t } = texts
  const opens = may(staff, '/admin/accounts/:id')
  const named = may(staff, '/admin/clients/:id')
    ? link(`/admin/clients/${client.clientId}`, client.name)
    : html`${client.name}`
  const who = people.filter(({ byAffiliation, given }) => byAffiliation !== undefined || given.length > 0)
  const listing = [
    ...who.map(({ accountId, username, name, affiliation, byAffiliation, given }) => [
      opens ? link(`/admin/accounts/${accountId}`, username) : username,
      name,
      html`${byAffiliation && html`${byAffiliation} <small>(${t('sites.by_role', { role: roleName(texts, affiliation) })})</small> `}${given.join(', ')}`,
    ]),
    ...others.map(({ subjectKind, subject, who, role, invitedBy }) => [
      subjectKind === 'account' && opens ? link(`/admin/accounts/${subject}`, who) : who,
      t(subjectKind === 'group' ? 'admin.groups' : invitedBy ? 'sites.guest' : 'sites.by_association'),
      role,
    ]),
  ]
  return html`<h3>${named} ${client.disabledAt !== null && badge(t('admin.off'), 'bad')}</h3>
    ${client.audience === 'members' && html`<p>${t('sites.for_members')}</p>`}
    ${listing.length === 0 ? html`<p class="none">${t('sites.no_editor')}</p>` : table(client.name, [t('admin.username'), t('admin.name'), t('admin.role')], listing)}`
}

function services({ texts }: View, all: readonly SiteService[], zone: string): Html {
  const { t } = texts
  const state = ({ pending, failing }: SiteService) =>
    failing
      ? badge(t('sites.failing'), 'bad')
      : pending > 0
        ? badge(t('sites.waiting'), 'warn')
        : badge(t('sites.in_step'), 'good')
  return listed(
    t('sites.services'),
    [t('admin.service'), t('admin.state'), t('admin.site.since'), t('admin.site.next')],
    all.map((one) => [
      one.kind === 'logout' ? t('sites.logout', { client: one.name }) : one.name,
      state(one),
      one.oldestAt === undefined ? '' : when(texts, one.oldestAt, zone),
      one.dueAt === undefined ? '' : when(texts, one.dueAt, zone),
    ]),
    t('sites.no_service'),
  )
}

const begunDenies = (overrides: readonly Override[]): Override[] =>
  overrides.filter(({ begun, effect }) => begun && effect === 'deny')

export const site = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: `${SITES}/:id`,
    async show(staff, view, ctx) {
      const { texts } = view
      const { t } = texts
      const found = await siteOf(desk, ctx)
      const { store } = desk.core
      const member = await store.members.get(found.memberId)
      if (!member) throw new AppError('not_found')
      const [whole, overrides, login, zone] = await Promise.all([
        siteInWhole(desk.core, { site: found, member }),
        store.overrides.open({ resourceId: found.id }).then(begunDenies),
        store.mailboxes.siteLogin(found.id),
        zoneOf(desk),
      ])
      return {
        title: found.name,
        body: html`${trail(view, [SITES, t('admin.nav.sites')])} ${heading(found.name)} ${outcome(view, ctx)}
          <p>${stateOf(view, whole.hosting)}</p>
          ${await overridesOf(desk, texts, overrides, may(staff, '/admin/suspensions/:id'))}
          ${actsOn(staff, view, found, overrides.length > 0)}
          ${facts([
            [t('admin.member'), memberLink(member)],
            [t('admin.sites.public'), stateOf(view, whole.hosting)],
            [t('sites.editing'), stateOf(view, whole.editing)],
            [t('admin.nav.outgoing'), t(login ? 'admin.site_mail.there' : 'admin.site_mail.none')],
            [t('admin.created'), when(texts, found.createdAt, zone)],
          ])}
          ${await trafficOf(desk, view, found.id)}
          <h2>${t('sites.editors')}</h2>
          ${whole.clients.length === 0 ? html`<p class="none">${t('sites.not_connected')}</p>` : whole.clients.map((one) => editors(staff, view, one))}
          ${services(view, whole.services, zone)}
          ${may(staff, '/admin/audit') && (await historyOf(desk, staff, view, found.id))}`,
      }
    },
  })
