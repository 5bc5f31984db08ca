// Suspending a list of people: the names, then a plan of who would lose what, then a confirmation, then the live view.
import { explain } from '../../src/usecases/explain.ts'
import { today } from '../../src/usecases/standing.ts'
import { checkedReason } from '../../src/usecases/suspend.ts'
import { type Listed, MOST_TOGETHER, planTogether, suspendTogether } from '../../src/usecases/suspend-together.ts'
import type { Watcher } from '../../src/usecases/watcher.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, Shown, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { area, badge, dayField, lastDayOf, link, table, trail } from './parts.ts'

const outcomes = {
  open: ['admin.bulk.open', 'bad'],
  suspended: ['admin.bulk.suspended', 'quiet'],
  closed: ['admin.bulk.closed', 'quiet'],
  unknown: ['admin.bulk.unknown', 'warn'],
  oneself: ['admin.bulk.oneself', 'warn'],
} as const satisfies Record<Listed['state'], readonly [TextKey, 'bad' | 'quiet' | 'warn']>

const up = (view: View): Html => trail(view, ['/admin/accounts', view.texts.t('admin.nav.accounts')])

function ask(view: View): Shown {
  const { t } = view.texts
  return {
    title: t('admin.bulk.title'),
    body: html`${up(view)} ${heading(t('admin.bulk.title'), t('admin.bulk.text'))} ${summary(view, ['names', 'reason', 'until'])}
      <form method="post" class="act">
        ${hidden(view)}
        ${area(view, { name: 'names', label: t('admin.bulk.names'), hint: t('admin.bulk.names_hint', { most: MOST_TOGETHER }), rows: 8, maxlength: 16_000 })}
        ${area(view, { name: 'reason', label: t('admin.reason'), hint: t('admin.reason_read') })}
        ${dayField(view, { name: 'until', label: t('admin.until'), hint: t('admin.until_hint') })}
        <button class="main">${t('admin.bulk.plan')}</button>
        <a class="button" href="/admin/accounts">${t('cancel')}</a>
      </form>`,
  }
}

/** What is open to somebody now and would close, by name. */
async function wouldClose(desk: Desk, { account, state }: Listed): Promise<string> {
  const explained = account && state === 'open' ? await explain(desk.core)(account) : undefined
  if (!explained) return ''
  const clients = explained.clients.filter(({ access }) => access !== 'none').map(({ name }) => name)
  const logins = explained.logins.filter(({ access }) => access !== 'none').map(({ login }) => login)
  return [...clients, ...logins].join(', ')
}

async function plan(desk: Desk, staff: Staff, form: Form, view: View): Promise<Shown> {
  const { t } = view.texts
  const listed = await planTogether(desk.core)(form.get('names'), staff.accountId)
  const rows: (Html | string)[][] = []
  for (const one of listed) {
    const [key, tone] = outcomes[one.state]
    const name = one.account ? link(`/admin/accounts/${one.account.id}`, one.account.username) : one.typed
    rows.push([name, one.account?.name ?? '', badge(t(key), tone), await wouldClose(desk, one)])
  }
  const count = listed.filter(({ state }) => state === 'open').length
  const kept = (name: string) => html`<input type="hidden" name="${name}" value="${form.get(name)}">`
  return {
    title: t('admin.bulk.plan_title'),
    body: html`${up(view)} ${heading(t('admin.bulk.plan_title'), t('admin.bulk.plan_text', { count, of: listed.length }))}
      ${table(t('admin.bulk.plan_title'), [t('admin.username'), t('admin.name'), t('admin.bulk.outcome'), t('admin.bulk.would_close')], rows)}
      <form method="post" class="act">
        ${hidden(view)} ${kept('names')} ${kept('reason')} ${kept('until')}
        ${count > 0 && html`<button class="main bad" name="confirmed" value="yes">${t('admin.bulk.confirm', { count })}</button>`}
        <a class="button" href="/admin/suspend">${t('cancel')}</a>
      </form>`,
  }
}

export const bulk = (desk: Desk, watcher: Watcher): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/suspend',
    show: (_staff, view) => ask(view),
    async submit(staff, form, view) {
      const endsOn = lastDayOf(form, await today(desk.core))
      const reason = checkedReason(form.get('reason'))
      if (form.get('confirmed') !== 'yes') return plan(desk, staff, form, view)
      const names = form.get('names')
      const id = await suspendTogether(desk.core, watcher)({ names, reason, endsOn, actor: staff.accountId })
      return id ? `/admin/suspensions/${id}` : '/admin/accounts'
    },
  })
