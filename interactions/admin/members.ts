// Members: those who owe dues. Search by name, number or address, filter by standing.
import { standings } from '../../src/domain/standing.ts'
import { html } from '../../src/web/html.ts'
import type { Page } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { acts, asked, choice, filters, filterText, link, offsetOf, PAGE, pager, table, tick } from './parts.ts'
import { may } from './rights.ts'
import { standingBadge } from './states.ts'

export const members = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/members',
    async show(staff, view, ctx) {
      const { t } = view.texts
      const text = asked(ctx, 'text')
      const standing = standings.find((one) => one === asked(ctx, 'standing'))
      const withoutTariff = asked(ctx, 'tariff') === 'none'
      const found = await desk.core.store.members.list({
        ...(text && { text }),
        ...(standing && { standing }),
        ...(withoutTariff && { withoutTariff }),
        limit: PAGE + 1,
        offset: offsetOf(ctx),
      })
      const rows = found
        .slice(0, PAGE)
        .map(({ id, memberNumber, name, email, standing: stands, coveredUntilOn }) => [
          memberNumber,
          link(`/admin/members/${id}`, name),
          email,
          standingBadge(view.texts, stands),
          coveredUntilOn && view.texts.day(coveredUntilOn),
        ])
      const options = [['', t('admin.any')] as const, ...standings.map((one) => [one, t(`standing.${one}`)] as const)]
      const head = [t('admin.number'), t('admin.name'), t('admin.email'), t('admin.standing'), t('admin.covered_until')]
      return {
        title: t('admin.nav.members'),
        body: html`${heading(t('admin.nav.members'))}
          ${acts([may(staff, '/admin/members/new') && ['/admin/members/new', t('admin.member_new.title'), 'main']])}
          ${filters(view, html`${filterText('text', t('admin.members.search'), text)} ${choice(view, { name: 'standing', label: t('admin.standing'), options, value: standing ?? '' })} ${withoutTariff && tick('tariff', 'none', t('admin.dues.without_tariff_only'), true)}`)}
          ${rows.length === 0 ? html`<p class="none" role="status">${t('admin.members.none')}</p>` : table(t('admin.nav.members'), head, rows)}
          ${pager(view, ctx, rows.length, found.length > PAGE)}`,
      }
    },
  })
