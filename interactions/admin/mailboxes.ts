// Mailboxes and aliases for the staff: what a member holds, one of them with its logins, and how a domain's mail programs
// find their servers.

import { AppError } from '../../src/domain/errors.ts'
import { zoneLines } from '../../src/domain/mail-clients.ts'
import { canonical } from '../../src/domain/names.ts'
import type { Member, Resource } from '../../src/ports.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey, Texts } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { size } from '../mail.ts'
import { heading } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { when } from './history.ts'
import { acts, asked, badge, facts, filters, filterText, link, listed, outcome, table, trail } from './parts.ts'
import { may } from './rights.ts'
import { accessBadge, zoneOf } from './states.ts'

export const MAILBOXES = '/admin/mailboxes'
const MOST_DOMAINS = 20

const kinds = {
  site: 'admin.resource.site',
  mailbox: 'admin.resource.mailbox',
  alias: 'admin.resource.alias',
} as const satisfies Record<Resource['kind'], TextKey>

/** A mailbox or an alias that is there. Throws `not_found`. */
export async function boxOf({ core }: Desk, id: string | undefined): Promise<Resource> {
  const found = await core.store.resources.get(id ?? '')
  if (!found || found.kind === 'site' || found.removedAt !== null) throw new AppError('not_found')
  return found
}
/** The same, of one kind. */
export async function boxOfKind(desk: Desk, id: string | undefined, kind: 'mailbox' | 'alias'): Promise<Resource> {
  const found = await boxOf(desk, id)
  if (found.kind !== kind) throw new AppError('not_found')
  return found
}

export const boxPath = ({ id }: Pick<Resource, 'id'>): string => `${MAILBOXES}/${id}`

async function quotaOf({ core }: Desk, texts: Texts, { id }: Resource): Promise<string> {
  const bytes = (await core.store.mailboxes.get(id))?.quotaBytes ?? null
  return bytes === null ? texts.t('admin.mailbox.no_quota') : size(texts, bytes)
}

/** What there is to say of one in a line: how much it holds and who opens it, or where its mail goes. */
async function inBrief(desk: Desk, texts: Texts, resource: Resource): Promise<Html> {
  const { store } = desk.core
  const names = (list: readonly string[]) => html`${list.map((name) => html`<br><small>${name}</small>`)}`
  if (resource.kind === 'alias') {
    const targets = await store.mailboxes.targets(resource.id)
    return html`${texts.t('admin.mailbox.targets')} ${names(targets)}`
  }
  if (resource.kind === 'site') {
    const sends = await store.mailboxes.siteLogin(resource.id)
    return html`${texts.t(sends ? 'admin.site_mail.there' : 'admin.site_mail.none')}`
  }
  const [settings, logins] = await Promise.all([
    store.mailboxes.get(resource.id),
    store.resources.loginsInto(resource.id),
  ])
  const until = settings?.formerUntilOn
  return html`${await quotaOf(desk, texts, resource)}${until && html`<br>${texts.t('admin.mailbox.former_until', { day: texts.day(until) })}`}
    ${logins.length === 0 ? html`<br><small>${texts.t('admin.mailbox.logins_none')}</small>` : names(logins.map(({ name }) => name))}`
}

const wayTo = (staff: Staff, { kind, id, name }: Resource): Html | string => {
  const [path, href] =
    kind === 'site'
      ? (['/admin/sites/:id', `/admin/sites/${id}`] as const)
      : ([`${MAILBOXES}/:id`, `${MAILBOXES}/${id}`] as const)
  return may(staff, path) ? link(href, name) : name
}

/** What a member holds on the host, on its page. */
export async function holdings(desk: Desk, staff: Staff, { texts }: View, member: Member): Promise<Html> {
  const { t } = texts
  const held = await desk.core.store.resources.ofMember(member.id)
  const rows = await Promise.all(
    held.map(async (resource) => [
      wayTo(staff, resource),
      t(kinds[resource.kind]),
      await inBrief(desk, texts, resource),
    ]),
  )
  return html`${listed(
    t('admin.resources'),
    [t('admin.name'), t('admin.kind'), t('admin.mailbox.about')],
    rows,
    t('admin.resources.none'),
  )}${acts([may(staff, `${MAILBOXES}/new`) && [`${MAILBOXES}/new?member=${encodeURIComponent(member.memberNumber)}`, t('admin.mailbox.new')]])}`
}

async function loginsTable(desk: Desk, staff: Staff, { texts }: View, mailbox: Resource): Promise<Html> {
  const { t } = texts
  const { store, doors } = desk.core
  const takes = may(staff, `${MAILBOXES}/:id/take-login`)
  const opens = may(staff, '/admin/accounts/:id')
  const rows = await Promise.all(
    (await store.resources.loginsInto(mailbox.id)).map(async ({ name, accountId }) => {
      const [account, { access }, quarantine] = await Promise.all([
        store.accounts.get(accountId),
        doors.loginAccess(accountId, name),
        store.quarantines.ofLogin(name),
      ])
      const person = account?.username ?? accountId
      return [
        name,
        opens ? link(`/admin/accounts/${accountId}`, person) : person,
        html`${accessBadge(texts, access)} ${quarantine && badge(t('admin.outgoing.stopped_short'), 'bad')}`,
        link(`/admin/outgoing?login=${encodeURIComponent(name)}`, t('admin.outgoing.look')),
        takes &&
          html`<a href="${boxPath(mailbox)}/take-login?login=${encodeURIComponent(name)}">${t('admin.mailbox.take_login')}<span class="skip"> ${name}</span></a>`,
      ].filter((_, at) => takes || at < 4)
    }),
  )
  const head = [t('admin.mailbox.login'), t('admin.username'), t('admin.state'), t('admin.nav.outgoing')]
  return listed(
    t('admin.mailbox.logins'),
    takes ? [...head, t('admin.mailbox.change_short')] : head,
    rows,
    t('admin.mailbox.logins_none'),
  )
}

const actsOn = (staff: Staff, { texts: { t } }: View, box: Resource): Html => {
  const one = (path: string, key: TextKey, tone?: 'bad' | 'main') =>
    may(staff, `${MAILBOXES}/:id/${path}`) && ([`${boxPath(box)}/${path}`, t(key), tone] as const)
  return acts([
    one('change', 'admin.mailbox.change_short'),
    box.kind === 'mailbox' && one('login', 'admin.mailbox.add_login'),
    one('remove', 'admin.mailbox.remove_short', 'bad'),
  ])
}

export const mailbox = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: `${MAILBOXES}/:id`,
    async show(staff, view, ctx) {
      const { texts } = view
      const { t } = texts
      const box = await boxOf(desk, ctx.params.id)
      const { store, doors } = desk.core
      const [member, { access }, settings] = await Promise.all([
        store.members.get(box.memberId),
        doors.resourceAccess(box.id, 'mail'),
        store.mailboxes.get(box.id),
      ])
      const targets = box.kind === 'alias' ? await store.mailboxes.targets(box.id) : []
      return {
        title: box.name,
        body: html`${trail(view, [MAILBOXES, t('admin.nav.mailboxes')])} ${heading(box.name)} ${outcome(view, ctx)}
          <p>${badge(t(kinds[box.kind]))} ${accessBadge(texts, access)}</p> ${actsOn(staff, view, box)}
          ${facts([
            [
              t('admin.member'),
              member && link(`/admin/members/${member.id}`, `${member.name} (${member.memberNumber})`),
            ],
            ...(box.kind === 'mailbox'
              ? ([
                  [t('admin.mailbox.quota'), await quotaOf(desk, texts, box)],
                  [t('admin.mailbox.former'), settings?.formerUntilOn && texts.day(settings.formerUntilOn)],
                ] as const)
              : ([[t('admin.mailbox.targets'), html`${targets.map((target) => html`${target}<br>`)}`]] as const)),
            [t('admin.created'), when(texts, box.createdAt, await zoneOf(desk))],
          ])}
          ${box.kind === 'mailbox' && (await loginsTable(desk, staff, view, box))}`,
      }
    },
  })

/** How programs of a domain's people find the servers by themselves. */
async function domainsOf(desk: Desk, { texts: { t } }: View): Promise<Html> {
  const { mailSetup } = desk.core.config
  if (!mailSetup) return html`<p class="notice warn">${t('admin.mailboxes.not_set')}</p>`
  const domains = await desk.core.store.mailboxes.domains()
  const host = new URL(desk.core.config.issuer).hostname
  return html`<p>${t('admin.mailboxes.dns_text')}</p>
    ${domains
      .slice(0, MOST_DOMAINS)
      .map(
        (domain) =>
          html`<details><summary>${domain}</summary><pre class="sample">${zoneLines(mailSetup, domain, host).join('\n')}</pre></details>`,
      )}
    ${domains.length > MOST_DOMAINS && html`<p class="none">${t('admin.mailboxes.more_domains', { count: domains.length - MOST_DOMAINS })}</p>`}`
}

async function found({ core }: Desk, { texts: { t } }: View, typed: string): Promise<Html> {
  const { resources, members } = core.store
  const name = canonical(typed)
  const [box, alias] = await Promise.all([resources.byName('mailbox', name), resources.byName('alias', name)])
  const there = [box, alias].filter((one) => one !== undefined && one.removedAt === null) as Resource[]
  if (there.length === 0) return html`<p class="none" role="status">${t('admin.mailboxes.not_found', { name })}</p>`
  const rows = await Promise.all(
    there.map(async (one) => [
      link(boxPath(one), one.name),
      t(kinds[one.kind]),
      (await members.get(one.memberId))?.name,
    ]),
  )
  return table(t('admin.nav.mailboxes'), [t('admin.name'), t('admin.kind'), t('admin.member')], rows)
}

export const mailboxes = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: MAILBOXES,
    async show(staff, view, ctx) {
      const { t } = view.texts
      const text = asked(ctx, 'address')
      return {
        title: t('admin.nav.mailboxes'),
        body: html`${heading(t('admin.nav.mailboxes'), t('admin.mailboxes.text'))} ${outcome(view, ctx)}
          ${acts([may(staff, `${MAILBOXES}/new`) && [`${MAILBOXES}/new`, t('admin.mailbox.new'), 'main']])}
          ${filters(view, filterText('address', t('mail.address'), text))} ${text !== '' && (await found(desk, view, text))}
          <h2>${t('admin.mailboxes.dns')}</h2> ${await domainsOf(desk, view)}`,
      }
    },
  })
