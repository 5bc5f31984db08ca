// Accounts: one for each person. Search, and who is suspended or one of the staff.
import type { Account, AccountState } from '../../src/ports.ts'
import { html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { acts, asked, choice, filters, filterText, link, offsetOf, PAGE, pager, table } from './parts.ts'
import { may } from './rights.ts'
import { accountBadge, staffRoleKeys } from './states.ts'

const states: readonly AccountState[] = ['invited', 'active', 'closed']

const filterForm = (view: View, text: string, state: string) => {
  const { t } = view.texts
  const options = [
    ['', t('admin.any')],
    ['active', t('admin.state.active')],
    ['invited', t('admin.state.invited')],
    ['closed', t('admin.state.closed')],
  ] as const
  return filters(
    view,
    html`${filterText('text', t('admin.accounts.search'), text)} ${choice(view, { name: 'state', label: t('admin.state'), options, value: state })}`,
  )
}

async function row(desk: Desk, { texts }: View, { id, username, name, email, state }: Account) {
  const known = await desk.core.doors.facts(id)
  const suspended = known?.overrides.some(({ effect }) => effect === 'deny') ?? false
  return [
    link(`/admin/accounts/${id}`, username),
    name,
    email,
    accountBadge(texts, state, suspended),
    known?.staffRoles.map((role) => texts.t(staffRoleKeys[role])).join(', '),
  ]
}

export const accounts = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/accounts',
    async show(staff, view, ctx) {
      const { t } = view.texts
      const text = asked(ctx, 'text')
      const state = states.find((one) => one === asked(ctx, 'state'))
      const found = await desk.core.store.accounts.list({
        ...(text && { text }),
        ...(state && { state }),
        limit: PAGE + 1,
        offset: offsetOf(ctx),
      })
      const shown = found.slice(0, PAGE)
      const rows = await Promise.all(shown.map((account) => row(desk, view, account)))
      const head = [t('admin.username'), t('admin.name'), t('admin.email'), t('admin.state'), t('admin.staff_roles')]
      return {
        title: t('admin.nav.accounts'),
        body: html`${heading(t('admin.nav.accounts'))} ${filterForm(view, text, state ?? '')}
          ${acts([
            may(staff, '/admin/accounts/new') && ['/admin/accounts/new', t('admin.account_new.title'), 'main'],
            may(staff, '/admin/suspend') && ['/admin/suspend', t('admin.bulk.title')],
          ])}
          ${rows.length === 0 ? html`<p class="none" role="status">${t('admin.accounts.none')}</p>` : table(t('admin.nav.accounts'), head, rows)}
          ${pager(view, ctx, rows.length, found.length > PAGE)}`,
      }
    },
  })
