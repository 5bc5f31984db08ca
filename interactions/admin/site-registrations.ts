// Sites that members are about to connect: who, which name, until when; an admin who knows whose it is lets one in by hand.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import type { SiteRegistration } from '../../src/ports.ts'
import { approveRegistration, refuseRegistration } from '../../src/usecases/site-registration.ts'
import { html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { kindName } from '../site-register.ts'
import { type Staff, staffPage } from './frame.ts'
import { when } from './history.ts'
import { badge, facts, link, offsetOf, outcome, PAGE, pager, table, trail } from './parts.ts'
import { may } from './rights.ts'
import { peopleNamed, zoneOf } from './states.ts'

const PENDING = '/admin/sites/pending'

const stateOf = ({ core }: Desk, { texts: { t } }: View, { expiresAt }: SiteRegistration) =>
  expiresAt <= core.clock.now() ? badge(t('people.expired'), 'bad') : badge(t('register.waiting'), 'warn')

const memberOf = async ({ core }: Desk, { memberId }: SiteRegistration) => {
  const member = await core.store.members.get(memberId)
  return member ? link(`/admin/members/${member.id}`, `${member.name} (${member.memberNumber})`) : '—'
}

export const pendingSites = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: PENDING,
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const [zone, found] = await Promise.all([
        zoneOf(desk),
        desk.core.store.registrations.list(PAGE + 1, offsetOf(ctx)),
      ])
      const shown = found.slice(0, PAGE)
      const rows = await Promise.all(
        shown.map(async (one) => [
          link(`${PENDING}/${one.id}`, one.name),
          await memberOf(desk, one),
          kindName(view, one.kind),
          when(view.texts, one.createdAt, zone),
          stateOf(desk, view, one),
        ]),
      )
      const head = [t('admin.site'), t('admin.member'), t('admin.kind'), t('admin.created'), t('admin.state')]
      return {
        title: t('register.pending'),
        body: html`${trail(view, ['/admin/sites', t('admin.nav.sites')])} ${heading(t('register.pending'), t('admin.pending.text'))} ${outcome(view, ctx)}
          ${rows.length === 0 ? html`<p class="none" role="status">${t('admin.pending.none')}</p>` : table(t('register.pending'), head, rows)}
          ${pager(view, ctx, shown.length, found.length > PAGE)}`,
      }
    },
  })

async function oneOf({ core }: Desk, ctx: Context): Promise<SiteRegistration> {
  const found = await core.store.registrations.get(ctx.params.registration ?? '')
  if (!found) throw new AppError('not_found')
  return found
}

export const pendingSiteOf = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: `${PENDING}/:registration`,
    async show(staff, view, ctx) {
      const { texts } = view
      const { t } = texts
      const one = await oneOf(desk, ctx)
      const [zone, nameOf, member] = await Promise.all([
        zoneOf(desk),
        peopleNamed(desk, [one.createdBy]),
        memberOf(desk, one),
      ])
      const expired = one.expiresAt <= desk.core.clock.now()
      return {
        title: one.name,
        body: html`${trail(view, ['/admin/sites', t('admin.nav.sites')], [PENDING, t('register.pending')])} ${heading(one.name)} ${summary(view)}
          <p>${stateOf(desk, view, one)}</p>
          ${facts([
            [t('admin.member'), member],
            [t('admin.address'), one.url],
            [t('admin.kind'), kindName(view, one.kind)],
            [t('admin.pending.by'), nameOf(one.createdBy)],
            [t('admin.created'), when(texts, one.createdAt, zone)],
            [t('admin.pending.until'), when(texts, one.expiresAt, zone)],
          ])}
          ${
            may(staff, `${PENDING}/:registration`, 'act') &&
            html`<p>${t('admin.pending.approve_text')}</p><form method="post" class="act">${hidden(view)}
              ${!expired && html`<button class="main" name="act" value="approve">${t('admin.pending.approve')}</button>`}
              <button class="other" name="act" value="refuse">${t('admin.pending.refuse')}</button></form>`
          }`,
      }
    },
    async submit({ accountId: actor }, form, _view, ctx) {
      const { id, kind } = await oneOf(desk, ctx)
      const act = form.get('act')
      if (act === 'refuse') {
        await refuseRegistration(desk.core)({ id, actor })
        return `${PENDING}?done=changed`
      }
      if (act !== 'approve') throw new AppError('bad_request', { detail: 'no such act' })
      const plugin = await desk.machinery.loadPlugin(kind)
      const site = await approveRegistration(desk.core)({ id, actor, plugin })
      return `/admin/sites/${site.id}?done=changed`
    },
  })
