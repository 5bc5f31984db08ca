// What a service holds beside what it should hold, and bringing it there; and what a guard or a restored backup held back.
import { AppError } from '../../src/domain/errors.ts'
import type { Plan } from '../../src/reconcile.ts'
import { applyService, releaseHeld } from '../../src/usecases/apply-services.ts'
import { removalsAhead } from '../../src/usecases/nightly.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { badge, link, listed, outcome, tick, trail } from './parts.ts'
import { heldNotices, heldOf, serviceNamed } from './service-states.ts'
import { peopleNamed, standingBadge } from './states.ts'

const SHOWN = 200

async function changes(desk: Desk, view: View, plan: Plan): Promise<Html> {
  const { t } = view.texts
  const shown = plan.changes.slice(0, SHOWN)
  const name = await peopleNamed(
    desk,
    shown.map((change) => change.name),
  )
  const json = (row: unknown) => (row === null ? '' : html`<code>${JSON.stringify(row)}</code>`)
  return html`${listed(
    t('admin.plan.changes', { count: plan.changes.length, of: plan.subjects }),
    [t('admin.subject'), t('admin.plan.from'), t('admin.plan.to'), t('admin.plan.effect')],
    shown.map(({ name: subject, from, to, removal }) => [
      name(subject),
      json(from),
      json(to),
      removal ? badge(t('admin.plan.removal'), 'bad') : badge(t('admin.plan.grant'), 'good'),
    ]),
    t('admin.plan.none'),
  )}${plan.changes.length > SHOWN && html`<p class="hint">${t('admin.first_shown', { count: SHOWN })}</p>`}`
}

function known({ core, machinery: { reconciler } }: Desk, name: string | undefined): string {
  const found = core.services.find((one) => one.name === name)
  if (!found || !reconciler.drives(found.name)) throw new AppError('not_found')
  return found.name
}

export const plan = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/services/:name/plan',
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const service = known(desk, ctx.params.name)
      const at = `/admin/services/${encodeURIComponent(service)}`
      const name = await serviceNamed(desk, view, service)
      const found = await desk.machinery.reconciler.plan(service)
      const removals = found.changes.filter(({ removal }) => removal).length
      const title = t('admin.plan.title', { name })
      return {
        title,
        body: html`${trail(view, ['/admin/services', t('admin.nav.services')], [at, name])}
          ${heading(title, t('admin.plan.text'))} ${outcome(view, ctx)} ${summary(view)} ${await changes(desk, view, found)}
          ${
            found.changes.length > 0 &&
            html`<form method="post" class="act">${hidden(view)}
              ${removals > 0 && tick('confirmed', 'yes', t('admin.plan.confirm', { removals }))}
              <button class="main ${removals > 0 && 'bad'}">${t('admin.plan.apply', { count: found.changes.length })}</button>
              <a class="button" href="${at}">${t('cancel')}</a></form>`
          }`,
      }
    },
    async submit(staff, form, _view, ctx) {
      const service = known(desk, ctx.params.name)
      const confirmed = form.get('confirmed') === 'yes'
      await applyService(desk.core, desk.machinery.reconciler)({ service, confirmed, actor: staff.accountId })
      return `/admin/services/${encodeURIComponent(service)}/plan?done=applied`
    },
  })

/** Whose access would close: nobody can say whether it is right from a number alone. */
async function removals(desk: Desk, view: View): Promise<Html> {
  const { t, day } = view.texts
  const found = await removalsAhead(desk.core, SHOWN)
  const members = await Promise.all(found.map(({ memberId }) => desk.core.store.members.get(memberId)))
  return listed(
    t('admin.held.who'),
    [t('admin.member'), t('admin.covered_until'), t('admin.plan.from'), t('admin.plan.to')],
    found.map(({ memberId, before, after }, at) => [
      link(`/admin/members/${memberId}`, members[at]?.name ?? memberId),
      after.coveredUntilOn && day(after.coveredUntilOn),
      before ? standingBadge(view.texts, before) : '',
      standingBadge(view.texts, after.standing),
    ]),
    t('admin.held.nobody'),
  )
}

export const held = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/held',
    async show(staff, view, ctx) {
      const { t } = view.texts
      const { night, restored } = await heldOf(desk)
      const any = night !== undefined || restored
      return {
        title: t('admin.held.title'),
        body: html`${trail(view, ['/admin/services', t('admin.nav.services')])} ${heading(t('admin.held.title'))}
          ${outcome(view, ctx)} ${summary(view)} ${await heldNotices(desk, staff, view)}
          ${night && (await removals(desk, view))}
          ${any ? html`<p>${t(night ? 'admin.held.text' : 'admin.held.restored_do')}</p><form method="post" class="act">${hidden(view)}<button class="main bad">${t('admin.held.release')}</button><a class="button" href="/admin/services">${t('cancel')}</a></form>` : html`<p class="none">${t('admin.held.none')}</p>`}`,
      }
    },
    async submit(staff, _form, view) {
      const { t } = view.texts
      const { night, restored } = await heldOf(desk)
      if (!night && !restored) throw new AppError('conflict', { detail: 'nothing is held' })
      const applied = await releaseHeld(desk.core, desk.machinery.reconciler)({ actor: staff.accountId })
      const rows = await Promise.all(
        applied.map(async ({ service, changes: count, problem }) => [
          await serviceNamed(desk, view, service),
          count,
          problem
            ? html`${badge(t('admin.services.failing'), 'bad')} <small>${problem}</small>`
            : badge(t('admin.services.in_step'), 'good'),
        ]),
      )
      return {
        title: t('admin.held.done'),
        body: html`${trail(view, ['/admin/services', t('admin.nav.services')])} ${heading(t('admin.held.done'))}
          ${listed(t('admin.nav.services'), [t('admin.service'), t('admin.count'), t('admin.state')], rows, '')}`,
      }
    },
  })
