// The dashboard: who stands where, whether the services follow, what waits for a person, what happened lately.
import { standings } from '../../src/domain/standing.ts'
import { failedSignIns } from '../../src/usecases/failed-sign-ins.ts'
import { serviceHealth } from '../../src/usecases/service-health.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading } from '../parts.ts'
import { money } from './dues.ts'
import { type Staff, staffPage } from './frame.ts'
import { historyRows } from './history.ts'
import { stoppedNotice } from './outgoing.ts'
import { link, listed } from './parts.ts'
import { may } from './rights.ts'
import { heldNotices, serviceRows } from './service-states.ts'
import { standingBadge } from './states.ts'

const RECENT = 8

async function standing(desk: Desk, { texts }: View): Promise<Html> {
  const { t } = texts
  const counts = await desk.core.store.standings.count()
  const total = standings.reduce((sum, one) => sum + counts[one], 0)
  const bar = (count: number) => html`<meter min="0" max="${total || 1}" value="${count}" aria-hidden="true"></meter>`
  return listed(
    t('admin.dashboard.standings', { count: total }),
    [t('admin.standing'), t('admin.count'), t('admin.share')],
    standings.map((one) => [
      html`<a href="/admin/members?standing=${one}">${standingBadge(texts, one)}</a>`,
      counts[one],
      html`${bar(counts[one])} ${total > 0 && `${Math.round((100 * counts[one]) / total)} %`}`,
    ]),
    '',
  )
}

async function health(desk: Desk, staff: Staff, view: View): Promise<Html> {
  const { t } = view.texts
  const rows = await serviceRows(desk, view, await serviceHealth(desk.core), may(staff, '/admin/services'))
  return html`${listed(
    t('admin.nav.services'),
    [
      t('admin.service'),
      t('admin.state'),
      t('admin.services.pending'),
      t('admin.services.oldest'),
      t('admin.services.retry'),
      t('admin.services.error'),
    ],
    rows,
    '',
  )}`
}

async function recent(desk: Desk, staff: Staff, view: View): Promise<Html> {
  const { t } = view.texts
  const rows = await desk.core.store.audit.list({ limit: RECENT })
  return html`${listed(
    t('admin.dashboard.recent'),
    [
      t('admin.audit.at'),
      t('admin.audit.action'),
      t('admin.audit.subject'),
      t('admin.audit.actor'),
      t('admin.audit.details'),
    ],
    await historyRows(desk, staff, view.texts, rows.toReversed()),
    t('admin.history.none'),
  )}<p>${link('/admin/audit', t('admin.dashboard.audit'))}</p>`
}

export const dashboard = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin',
    async show(staff, view) {
      const { t } = view.texts
      const [failed, held] = await Promise.all([failedSignIns(desk.core)(), heldNotices(desk, staff, view)])
      return {
        title: t('admin.nav.dashboard'),
        body: html`${heading(t('admin.nav.dashboard'), t('admin.dashboard.text', { association: (await desk.organisation()).name }))}
          ${held} ${may(staff, '/admin/outgoing') && (await stoppedNotice(desk, view))} ${await standing(desk, view)} ${may(staff, '/admin/dues') && (await money(desk, view))} ${await health(desk, staff, view)}
          <h2>${t('admin.dashboard.sign_ins')}</h2><p>${t('admin.dashboard.failed', { count: failed })}</p>
          ${may(staff, '/admin/audit') && (await recent(desk, staff, view))}`,
      }
    },
  })
