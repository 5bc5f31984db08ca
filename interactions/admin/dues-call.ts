// Asking for dues: first how many would be called and for how much, then calling; and today's reminders, sent now instead
// of in the night.
import { setTimeout } from 'node:timers/promises'
import type { Context } from 'koa'
import { callDues, foreseeCalls } from '../../src/usecases/call-dues.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { DUES, duesTrail, treasury } from './dues-parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { acts, asked, facts, filters, filterText, link } from './parts.ts'

const CALL = `${DUES}/call`
const REMIND = `${DUES}/remind`
const SOON = 30
const MOST_DAYS = 400

const daysOf = (typed: string): number => (/^\d{1,3}$/.test(typed) && Number(typed) <= MOST_DAYS ? Number(typed) : SOON)

async function plan(desk: Desk, view: View, ctx: Context): Promise<Html> {
  const { t, money } = view.texts
  const days = daysOf(asked(ctx, 'within'))
  const { members, payers, cents } = await foreseeCalls(desk.core)({ withinDays: days })
  return html`${filters(view, filterText('within', t('admin.dues.call.within'), String(days), 'number'), 'admin.dues.payment.look')}
    ${facts([
      [t('admin.dues.call.members'), members],
      [t('admin.dues.call.payers'), payers],
      [t('admin.dues.call.sum'), money(cents)],
    ])}
    ${
      members === 0
        ? html`<p class="none" role="status">${t('admin.dues.call.nobody')}</p>`
        : html`<form method="post" class="act">${hidden(view)}<input type="hidden" name="within" value="${days}">
      <button class="main">${t('admin.dues.call.submit', { count: members })}</button> <a class="button" href="${DUES}">${t('cancel')}</a></form>`
    }`
}

export const call = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: CALL,
    async show(_staff, view, ctx) {
      const { t } = view.texts
      return {
        title: t('admin.dues.call.title'),
        body: html`${duesTrail(view)} ${heading(t('admin.dues.call.title'), t('admin.dues.call.text'))} ${summary(view)} ${await plan(desk, view, ctx)}
          <h2>${t('admin.dues.remind.title')}</h2><p>${t('admin.dues.remind.text')}</p>${acts([[REMIND, t('admin.dues.remind.title')]])}`,
      }
    },
    async submit(staff, form, view) {
      const { t } = view.texts
      const report = await callDues(desk.core)({ withinDays: daysOf(form.get('within')), actor: staff.accountId })
      return {
        title: t('admin.dues.called.title'),
        body: html`${duesTrail(view)}<div role="status">${heading(t('admin.dues.called.title'), t('admin.dues.called.text'))}</div>
          ${facts([
            [t('admin.dues.called.members'), report.terms],
            [t('admin.dues.called.calls'), report.calls],
          ])}
          ${acts([
            [DUES, t('admin.dues.back')],
            [REMIND, t('admin.dues.remind.title')],
          ])}`,
      }
    },
  })

/** Letters take as long as the mail server does; nobody waits longer than this for the answer. */
const PATIENCE_MS = 10_000

export const reminders = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: REMIND,
    async show(_staff, view) {
      const { t } = view.texts
      const account = await desk.core.store.dues.account((await treasury(desk)).id)
      return {
        title: t('admin.dues.remind.title'),
        body: html`${duesTrail(view, [CALL, t('admin.dues.call.title')])} ${heading(t('admin.dues.remind.title'), t('admin.dues.remind.text'))} ${summary(view)}
          ${
            account
              ? html`<form method="post" class="act">${hidden(view)}<button class="main">${t('admin.dues.remind.submit')}</button> <a class="button" href="${CALL}">${t('cancel')}</a></form>`
              : html`<p class="notice warn">${t('admin.dues.no_account')} ${link(`${DUES}/tariffs/account`, t('admin.dues.account.title'))}</p>`
          }`,
      }
    },
    async submit(staff, _form, view) {
      const { t } = view.texts
      const { core } = desk
      core.log.info('reminders.asked', { by: staff.accountId })
      const sending = desk.remind()
      const report = await Promise.race([sending, setTimeout(PATIENCE_MS, undefined, { ref: false })])
      if (!report) void sending.catch((error: unknown) => core.log.error('reminders.failed', { error: String(error) }))
      return {
        title: t('admin.dues.remind.title'),
        body: html`${duesTrail(view)}<div role="status">${heading(t('admin.dues.remind.title'), t(report ? 'admin.dues.reminded.text' : 'admin.dues.reminded.going'))}</div>
          ${
            report &&
            facts([
              [t('admin.dues.reminded.sent'), report.sent],
              [t('admin.dues.reminded.no_address'), report.noAddress],
              [t('admin.dues.reminded.failed'), report.failed],
            ])
          }
          ${acts([[DUES, t('admin.dues.back')]])}`,
      }
    },
  })
