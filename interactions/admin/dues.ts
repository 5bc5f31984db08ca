// The treasurer's desk: who stands where, what was expected and what came, and what waits for a person.
import { standings } from '../../src/domain/standing.ts'
import { today } from '../../src/usecases/standing.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading } from '../parts.ts'
import { DUES, treasury } from './dues-parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { acts, badge, link, listed, outcome, table } from './parts.ts'
import { standingBadge } from './states.ts'

const UNREACHED = 50

/** A bar beside a figure that is written out: it says nothing of its own. */
export const bar = (cents: number, most: number, tone: string): Html => {
  if (cents <= 0) return html``
  const width = Math.max(1, Math.round((100 * cents) / most))
  return html`<svg class="bar ${tone}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect width="${width}" height="8" rx="1"/></svg>`
}

/** Month by month of a year: what arrived, and what is still open of the terms that begin in it. */
export async function money(desk: Desk, view: View): Promise<Html> {
  const { t, money: shown } = view.texts
  const named = monthOf(view)
  const { payments } = desk.core.store
  const { id } = await treasury(desk)
  const year = (await today(desk.core)).slice(0, 4)
  const received = await payments.received(id, `${year}-01-01`, `${year}-12-31`)
  const expected = (await payments.expected(id, `${year}-12-31`)).map(({ month, cents }) => ({
    // What is owed since an earlier year is owed all the same.
    month: month < `${year}-01` ? '' : month,
    cents,
  }))
  const sum = (rows: readonly { month: string; cents: number }[], month: string): number =>
    rows.filter((row) => row.month === month).reduce((total, { cents }) => total + cents, 0)
  const figure = (month: string) => ({ month, came: sum(received, month), open: sum(expected, month) })
  const moved = ({ came, open }: ReturnType<typeof figure>): boolean => came !== 0 || open !== 0
  const months = Array.from({ length: 12 }, (_, at) => figure(`${year}-${String(at + 1).padStart(2, '0')}`))
  // From the first month in which anything moved to the last: those between them stay, though nothing did.
  const figures = [
    ...[figure('')].filter(moved),
    ...months.slice(Math.max(0, months.findIndex(moved)), months.findLastIndex(moved) + 1),
  ]
  const most = Math.max(...figures.flatMap(({ came, open }) => [came, open]))
  const total = (key: 'came' | 'open') => figures.reduce((all, one) => all + one[key], 0)
  const cell = (cents: number, tone: string) =>
    html`<span class="figure">${shown(cents)}</span>${bar(cents, most, tone)}`
  return html`<h2>${t('admin.dues.money', { year })}</h2>
    <p>${t('admin.dues.money_text', { received: shown(total('came')), expected: shown(total('open')) })}</p>
    ${
      figures.length > 0 &&
      table(
        t('admin.dues.money', { year }),
        [t('admin.dues.month'), t('admin.dues.received'), t('admin.dues.expected')],
        figures.map(({ month, came, open }) => [
          month === '' ? t('admin.dues.earlier') : named(month),
          cell(came, 'good'),
          cell(open, 'warn'),
        ]),
      )
    }`
}

const monthOf =
  ({ texts }: View) =>
  (month: string): string =>
    Temporal.PlainYearMonth.from(month).toPlainDate({ day: 1 }).toLocaleString(`${texts.locale}-BE`, { month: 'long' })

async function standing(desk: Desk, { texts }: View): Promise<Html> {
  const { t } = texts
  const counts = await desk.core.store.standings.count()
  const most = Math.max(...Object.values(counts))
  return html`<h2>${t('admin.standing')}</h2>${table(
    t('admin.standing'),
    [t('admin.standing'), t('admin.count')],
    standings.map((one) => [
      html`<a href="/admin/members?standing=${one}">${standingBadge(texts, one)}</a>`,
      html`<span class="figure short">${counts[one]}</span>${bar(counts[one], most, 'quiet')}`,
    ]),
  )}`
}

async function unreached(desk: Desk, { texts }: View): Promise<Html> {
  const { t, day } = texts
  const { store } = desk.core
  const { id } = await treasury(desk)
  const reminders = await store.reminders.unreached(UNREACHED)
  const rows = await Promise.all(
    reminders.map(async ({ memberId, coveredUntilOn, sentOn, result }) => {
      const member = await store.members.get(memberId)
      if (member?.organisationId !== id) return undefined
      return [
        link(`/admin/members/${memberId}`, member.name),
        member.email,
        day(coveredUntilOn),
        day(sentOn),
        badge(t(result === 'failed' ? 'admin.dues.reminder.failed' : 'admin.dues.reminder.no_address'), 'warn'),
      ]
    }),
  )
  return listed(
    t('admin.dues.unreached'),
    [t('admin.name'), t('admin.email'), t('admin.covered_until'), t('admin.dues.reminder.on'), t('admin.why')],
    rows.filter((row) => row !== undefined),
    t('admin.dues.unreached_none'),
  )
}

async function waiting(desk: Desk, { texts: { t } }: View): Promise<Html> {
  const { books, dues } = desk.core.store
  const { id } = await treasury(desk)
  const [lines, without, account] = await Promise.all([books.waiting(id), books.withoutTariff(id), dues.account(id)])
  const notice = (text: string, href: string, label: string) =>
    html`<div class="notice warn"><p>${text} ${link(href, label)}</p></div>`
  return html`${!account && notice(t('admin.dues.no_account'), `${DUES}/tariffs/account`, t('admin.dues.account.title'))}
    ${lines > 0 && notice(t('admin.dues.waiting', { count: lines }), `${DUES}/inbox`, t('admin.dues.inbox.open'))}
    ${without > 0 && notice(t('admin.dues.without_tariff', { count: without }), '/admin/members?tariff=none', t('admin.dues.without_tariff_look'))}`
}

export const overview = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: DUES,
    async show(_staff, view, ctx) {
      const { t } = view.texts
      return {
        title: t('admin.nav.dues'),
        body: html`${heading(t('admin.nav.dues'))} ${outcome(view, ctx)}
          ${acts([
            [`${DUES}/statement`, t('admin.dues.statement.title'), 'main'],
            [`${DUES}/inbox`, t('admin.dues.inbox.title')],
            [`${DUES}/payments`, t('admin.dues.payments.title')],
            [`${DUES}/call`, t('admin.dues.call.title')],
            [`${DUES}/tariffs`, t('admin.dues.tariffs.title')],
            [`${DUES}/export`, t('admin.dues.export')],
          ])}
          ${await waiting(desk, view)} ${await money(desk, view)} ${await standing(desk, view)} ${await unreached(desk, view)}`,
      }
    },
  })
