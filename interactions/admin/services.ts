// The services that are kept in step: each one's state, what it still has to be told and when, a check, a try now.
import { AppError } from '../../src/domain/errors.ts'
import type { OutboxRow } from '../../src/ports.ts'
import { PROVIDER } from '../../src/provider-service.ts'
import { reasonOf } from '../../src/settle.ts'
import { type Health, serviceHealth } from '../../src/usecases/service-health.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { when } from './history.ts'
import { acts, facts, listed, outcome, trail } from './parts.ts'
import { heldNotices, serviceNamed, serviceRows } from './service-states.ts'
import { peopleNamed, zoneOf } from './states.ts'

const CHECK_MS = 10_000
const SHOWN = 100

export const services = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/services',
    async show(staff, view) {
      const { t } = view.texts
      const rows = await serviceRows(desk, view, await serviceHealth(desk.core), true)
      const head = [
        'admin.service',
        'admin.state',
        'admin.services.pending',
        'admin.services.oldest',
        'admin.services.retry',
        'admin.services.error',
      ] as const
      return {
        title: t('admin.nav.services'),
        body: html`${heading(t('admin.nav.services'), t('admin.services.text'))} ${await heldNotices(desk, staff, view)}
          ${listed(
            t('admin.services.state'),
            head.map((key) => t(key)),
            rows,
            '',
          )}`,
      }
    },
  })

async function healthOf(desk: Desk, name: string | undefined): Promise<Health> {
  const found = (await serviceHealth(desk.core)).find(({ service }) => service === name)
  if (found) return found
  // A client's logouts are done: there is nothing left to show, but the page that was open leads on.
  if (name?.startsWith('logout/') && (await desk.core.store.clients.get(name.slice('logout/'.length))))
    return { service: name, manages: 'session', pending: 0, tries: 0 }
  throw new AppError('not_found')
}

const effects = {
  row: 'admin.effect.row',
  sessions: 'admin.effect.sessions',
  sessions_again: 'admin.effect.sessions_again',
  logout: 'admin.effect.logout',
  status: 'admin.effect.status',
} as const satisfies Record<OutboxRow['effect'], TextKey>

async function pendingRows(desk: Desk, { texts }: View, service: string): Promise<Html> {
  const { t } = texts
  const zone = await zoneOf(desk)
  const rows = await desk.core.store.outbox.pending({ service, limit: SHOWN })
  const name = await peopleNamed(
    desk,
    rows.map(({ subject }) => subject),
  )
  const head = [
    t('admin.subject'),
    t('admin.effect'),
    t('admin.services.since'),
    t('admin.services.tries'),
    t('admin.services.retry'),
    t('admin.services.error'),
  ]
  return html`${listed(
    t('admin.services.pending'),
    head,
    rows.map(({ subject, effect, createdAt, tries, dueAt, lastError }) => [
      name(subject),
      t(effects[effect]),
      when(texts, createdAt, zone),
      tries,
      when(texts, dueAt, zone),
      lastError && html`<small>${lastError}</small>`,
    ]),
    t('admin.services.nothing_pending'),
  )}${rows.length === SHOWN && html`<p class="hint">${t('admin.first_shown', { count: SHOWN })}</p>`}`
}

/** Reach the service and prove the rights. Throws what it says. */
async function check({ core, machinery }: Desk, name: string): Promise<void> {
  const service = machinery.services.find((one) => one.name === name)
  if (service) await service.service.check(AbortSignal.timeout(CHECK_MS))
  else if (name === PROVIDER) await core.store.check()
}

/** What waits for its next try is due now. */
async function tryNow({ core }: Desk, service: string): Promise<void> {
  const at = core.clock.now()
  const rows = await core.store.outbox.pending({ service, limit: 100_000 })
  const waiting = rows.filter(({ dueAt, effect }) => dueAt > at && effect !== 'sessions_again').map(({ id }) => id)
  for (let from = 0; from < waiting.length; from += 500)
    await core.store.outbox.retry(waiting.slice(from, from + 500), undefined, at)
  core.wake()
}

const button = (view: View, act: string, text: string) =>
  html`<form method="post">${hidden(view)}<button class="other" name="act" value="${act}">${text}</button></form>`

export const service = (desk: Desk): Page<Staff> => {
  const shown = async (view: View, name: string | undefined, said: Html) => {
    const { t } = view.texts
    const health = await healthOf(desk, name)
    const title = await serviceNamed(desk, view, health.service)
    const known = desk.machinery.services.find((one) => one.name === health.service)
    const driven = health.service === PROVIDER || (known !== undefined && !desk.machinery.elsewhere.has(known.name))
    const at = `/admin/services/${encodeURIComponent(health.service)}`
    return {
      title,
      body: html`${trail(view, ['/admin/services', t('admin.nav.services')])} ${heading(title)} ${said} ${summary(view)}
        ${facts([
          [t('admin.services.plugin'), known?.plugin ?? t('admin.services.built_in')],
          [t('admin.services.pending'), health.pending],
          [
            t('admin.services.driven'),
            t(driven || health.manages === 'session' ? 'admin.services.here' : 'admin.services.elsewhere'),
          ],
        ])}
        <div class="acts">
          ${health.pending > 0 && button(view, 'retry', t('admin.services.try_now'))}
          ${driven && button(view, 'check', t('admin.services.check'))}
          ${driven && acts([[`${at}/plan`, t('admin.plan.look')]])}
        </div>
        ${await pendingRows(desk, view, health.service)}`,
    }
  }
  return staffPage(desk, {
    path: '/admin/services/:name',
    show: (_staff, view, ctx) => shown(view, ctx.params.name, outcome(view, ctx)),
    async submit(_staff, form, view, ctx) {
      const { service: name } = await healthOf(desk, ctx.params.name)
      const here = `/admin/services/${encodeURIComponent(name)}`
      if (form.get('act') === 'retry') {
        await tryNow(desk, name)
        return `${here}?done=retried`
      }
      if (form.get('act') !== 'check') throw new AppError('bad_request')
      try {
        await check(desk, name)
        return `${here}?done=checked`
      } catch (error) {
        const text = view.texts.t('admin.services.check_failed')
        return shown(
          view,
          name,
          html`<div class="notice" role="alert"><strong>${text}</strong><p>${reasonOf(error)}</p></div>`,
        )
      }
    },
  })
}
