// A suspension, or its end, on its way through the services: each goes green with its milliseconds, or stays with its
// reason. The page loads itself again while something is pending; with JavaScript (page.js) only its middle does.
import { AppError } from '../../src/domain/errors.ts'
import type { Override } from '../../src/ports.ts'
import { targetOf } from '../../src/usecases/suspend.ts'
import { overridesBehind } from '../../src/usecases/suspend-together.ts'
import type { Watched } from '../../src/usecases/watch.ts'
import { sinceOf, type Watcher } from '../../src/usecases/watcher.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { acts, asked, badge, facts, link, table, trail } from './parts.ts'
import { peopleNamed, zoneOf } from './states.ts'

const EVERY_SECONDS = 1

/** Back-channel logouts are a service for each client; people know the client by its name. */
async function serviceNames(desk: Desk, { texts }: View, lines: readonly Watched[]): Promise<(name: string) => string> {
  const { t } = texts
  const clients = new Map((await desk.core.store.clients.list()).map(({ clientId, name }) => [clientId, name]))
  const names = new Map(
    lines.map(({ service }) => {
      if (service === 'provider') return [service, t('admin.service.provider')]
      const client = /^logout\/(.+)$/.exec(service)?.[1]
      return [service, client ? t('admin.service.logout', { client: clients.get(client) ?? client }) : service]
    }),
  )
  return (service) => names.get(service) ?? service
}

function stateOf({ texts }: View, { done, ms, owed }: Watched, zone: string): Html {
  const { t } = texts
  if (done)
    return html`${badge(t('admin.live.done'), 'good')} ${ms !== undefined && html`<span class="ms">${t('admin.live.ms', { ms })}</span>`}`
  if (!owed?.lastError) return badge(t('admin.live.pending'), 'warn')
  return html`${badge(t('admin.live.retrying', { tries: owed.tries }), 'bad')}
    <small>${owed.lastError}</small> <small>${t('admin.live.next', { at: texts.moment(owed.dueAt, zone) })}</small>`
}

async function progress(desk: Desk, view: View, lines: readonly Watched[], lifted: boolean): Promise<Html> {
  const { t } = view.texts
  const zone = await zoneOf(desk)
  const [service, name] = await Promise.all([
    serviceNames(desk, view, lines),
    peopleNamed(
      desk,
      lines.map(({ subject }) => subject),
    ),
  ])
  const done = lines.filter((line) => line.done).length
  const pending = lines.length - done
  const times = lines.flatMap(({ ms }) => ms ?? [])
  const whole = times.length === 0 ? 'admin.live.all_done' : lifted ? 'admin.live.all_open' : 'admin.live.all_closed'
  return html`<div id="live" data-pending="${pending}">
    <p class="notice ${pending === 0 ? 'good' : 'warn'}" role="status">${pending === 0 ? t(whole, { of: lines.length, ms: Math.max(0, ...times) }) : t('admin.live.so_far', { done, of: lines.length })}</p>
    <progress max="${lines.length || 1}" value="${lines.length ? done : 1}" aria-label="${t('admin.live.progress')}"></progress>
    ${table(
      t('admin.live.progress'),
      [t('admin.service'), t('admin.subject'), t('admin.state')],
      lines.map((line) => [service(line.service), name(line.subject), stateOf(view, line, zone)]),
    )}
  </div>`
}

/** Whom it is about, with a link to each. */
async function subjects(desk: Desk, overrides: readonly Override[]): Promise<{ href: string; name: string }[]> {
  const { accounts, members, resources } = desk.core.store
  return Promise.all(
    overrides.map(async (override) => {
      const target = targetOf(override)
      if ('accountId' in target) {
        const { accountId: id } = target
        return { href: `/admin/accounts/${id}`, name: (await accounts.get(id))?.username ?? id }
      }
      if ('memberId' in target) {
        const { memberId: id } = target
        return { href: `/admin/members/${id}`, name: (await members.get(id))?.name ?? id }
      }
      const { resourceId: id } = target
      return { href: `/admin/sites/${id}`, name: (await resources.get(id))?.name ?? id }
    }),
  )
}

/** The list that it is about one of. */
function upFrom({ texts: { t } }: View, override: Override): readonly [href: string, text: string] {
  const target = targetOf(override)
  if ('accountId' in target) return ['/admin/accounts', t('admin.nav.accounts')]
  return 'memberId' in target ? ['/admin/members', t('admin.nav.members')] : ['/admin/sites', t('admin.nav.sites')]
}

/** Since when and until when; of one that was lifted, when that was. */
function dates({ texts }: View, override: Override, lifted: boolean, zone: string): [string, string][] {
  const { t, day, moment } = texts
  const at = moment(sinceOf(override), zone)
  if (lifted) return [[t('admin.live.restored_at'), at]]
  const end = override.endsOn ? day(override.endsOn) : t('admin.override.open_end')
  return [
    [t('admin.override.since'), at],
    [t('admin.override.until'), end],
  ]
}

export const suspension = (desk: Desk, watcher: Watcher): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/suspensions/:id',
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const overrides = await overridesBehind(desk.core)(ctx.params.id ?? '')
      const [first] = overrides
      if (!first) throw new AppError('not_found')
      const lines = (await Promise.all(overrides.map((override) => watcher.lines(override)))).flat()
      const [who, zone] = [await subjects(desk, overrides), await zoneOf(desk)]
      const lifted = overrides.length === 1 && first.liftedAt !== null
      const pending = lines.some(({ done }) => !done)
      const still = asked(ctx, 'still') !== ''
      const params = { name: who[0]!.name, count: who.length }
      const title =
        who.length > 1
          ? t('admin.live.title_many', params)
          : t(lifted ? 'admin.live.title_lifted' : 'admin.live.title', params)
      return {
        title,
        ...(pending && !still && { refreshSeconds: EVERY_SECONDS }),
        body: html`${trail(view, upFrom(view, first))} ${heading(title)}
          ${await progress(desk, view, lines, lifted)}
          ${pending && html`<noscript><p>${still ? link(ctx.path, t('admin.live.go_on')) : link(`${ctx.path}?still=1`, t('admin.live.stop'))}</p></noscript>`}
          ${facts([[t('admin.reason'), first.reasonText], ...dates(view, first, lifted, zone)])}
          ${
            who.length === 1
              ? acts([[who[0]!.href, t('admin.live.back', params)]])
              : html`<h2>${t('admin.live.who')}</h2><ul class="names">${who.map(({ href, name }) => html`<li>${link(href, name)}</li>`)}</ul>`
          }`,
      }
    },
  })
