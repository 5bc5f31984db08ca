// How services look in a table, and what waits for a person before it is written to them.

import { HELD } from '../../src/usecases/nightly.ts'
import { type Health, LOOKED_AT } from '../../src/usecases/service-health.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import type { Staff } from './frame.ts'
import { when } from './history.ts'
import { badge, link } from './parts.ts'
import { may } from './rights.ts'
import { zoneOf } from './states.ts'

const WRITES_HELD = 'writes_held'

/** A service by the name that people know. */
export async function serviceNamed(desk: Desk, { texts: { t } }: View, service: string): Promise<string> {
  if (service === 'provider') return t('admin.service.provider')
  const clientId = /^logout\/(.+)$/.exec(service)?.[1]
  if (!clientId) return service
  return t('admin.service.logout', { client: (await desk.core.store.clients.get(clientId))?.name ?? clientId })
}

const stateOf = ({ texts: { t } }: View, { pending, lastError }: Health, elsewhere: boolean): Html => {
  if (lastError) return badge(t('admin.services.failing'), 'bad')
  if (pending > 0) return badge(t('admin.services.working'), 'warn')
  return elsewhere ? badge(t('admin.services.elsewhere')) : badge(t('admin.services.in_step'), 'good')
}

/** Name, state, pending, oldest, next try, last error; the error's words are for those who may see the services. */
export async function serviceRows(
  desk: Desk,
  view: View,
  health: readonly Health[],
  open: boolean,
): Promise<(Html | string | number)[][]> {
  const zone = await zoneOf(desk)
  return Promise.all(
    health.map(async (one) => {
      const { service, pending, oldestAt, dueAt, lastError } = one
      const name = await serviceNamed(desk, view, service)
      return [
        open ? link(`/admin/services/${encodeURIComponent(service)}`, name) : name,
        stateOf(view, one, desk.machinery.elsewhere.has(service)),
        pending >= LOOKED_AT ? `${pending}+` : pending,
        oldestAt === undefined ? '' : when(view.texts, oldestAt, zone),
        dueAt === undefined ? '' : when(view.texts, dueAt, zone),
        open ? html`<small>${lastError}</small>` : '',
      ].map((cell) => (cell === '' || (typeof cell === 'object' && cell.markup === '<small></small>') ? '' : cell))
    }),
  )
}

export type Held = { night?: { removals: number; of: number; on: string }; restored: boolean }

export async function heldOf({ core }: Desk): Promise<Held> {
  const [night, writes] = await Promise.all([core.store.settings.get(HELD), core.store.settings.get(WRITES_HELD)])
  return { ...(night && { night: JSON.parse(night) as NonNullable<Held['night']> }), restored: writes !== undefined }
}

/** What waits for a person, first of all on the dashboard. */
export async function heldNotices(desk: Desk, staff: Staff, view: View): Promise<Html> {
  const { t } = view.texts
  const { night, restored } = await heldOf(desk)
  const notice = (title: string, text: string) =>
    html`<section class="notice" aria-label="${title}"><strong>${title}</strong><p>${text}</p>${may(staff, '/admin/held') && html`<p>${link('/admin/held', t('admin.held.look'))}</p>`}</section>`
  return html`${night && notice(t('admin.held.night'), t('admin.held.night_text', { removals: night.removals, of: night.of, day: view.texts.day(night.on) }))}
    ${restored && notice(t('admin.held.restored'), t('admin.held.restored_text'))}`
}
