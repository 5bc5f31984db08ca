// For the staff: what became of anybody's messages to an address or a domain; and one notice to everyone whom the same
// trouble concerns.
import { setTimeout } from 'node:timers/promises'
import type { Context } from 'koa'
import { type DeliveryCause, deliveryCauses, isDeliveryCause } from '../../src/domain/deliveries.ts'
import {
  MOST_NOTICE_DAYS,
  type NoticeAbout,
  type NoticePlan,
  planNotice,
  sendNotice,
} from '../../src/usecases/notice.ts'
import { recipientAsked, TRACE_DAYS, trace } from '../../src/usecases/trace.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, Shown, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { createNoticeLetter } from '../mail-letters.ts'
import { askedRecipient } from '../mail-trace.ts'
import { field, heading, hidden, summary } from '../parts.ts'
import { causeKeys, tracedRows } from '../trace-parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { OUTGOING, outgoingTrail } from './outgoing-parts.ts'
import { acts, area, asked, choice, facts, filters, filterText } from './parts.ts'
import { may } from './rights.ts'
import { peopleNamed, zoneOf } from './states.ts'

const TRACE = `${OUTGOING}/trace`
const NOTICE = `${OUTGOING}/notice`
const WEEK = 7

async function answer(desk: Desk, staff: Staff, view: View, recipient: string): Promise<Html> {
  const { t } = view.texts
  const zone = await zoneOf(desk)
  const traced = await trace(desk.core)({ recipient })
  const domain = recipient.slice(recipient.indexOf('@'))
  return html`<h2>${t('trace.of', { recipient })}</h2>
    ${tracedRows(view, traced, { zone }, t('trace.none', { recipient, days: TRACE_DAYS }))}
    ${acts([may(staff, NOTICE) && traced.length > 0 && [`${NOTICE}?recipient=${encodeURIComponent(domain)}`, t('admin.notice.title')]])}`
}

export const tracePage = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: TRACE,
    async show(staff, given, ctx) {
      const { t } = given.texts
      const typed = asked(ctx, 'recipient')
      const { view, recipient } = askedRecipient(given, typed)
      return {
        title: t('trace.title'),
        body: html`${outgoingTrail(view)} ${heading(t('trace.title'), t('admin.trace.lead'))} ${summary(view)}
          ${filters(view, filterText('recipient', t('trace.recipient'), typed))}
          ${recipient !== undefined && (await answer(desk, staff, view, recipient))}`,
      }
    },
  })

const troubles: readonly DeliveryCause[] = deliveryCauses.filter((cause) => !cause.startsWith('delivered'))

const isCause = (text: string): text is DeliveryCause => isDeliveryCause(text) && troubles.includes(text)
const daysOf = (typed: string): number => {
  const days = /^\d{1,2}$/.test(typed) ? Number(typed) : WEEK
  return days >= 1 && days <= MOST_NOTICE_DAYS ? days : WEEK
}

/** What a notice is about, as the address of the page or its form says; nothing yet is undefined. */
function aboutIn(get: (name: string) => string): NoticeAbout | undefined {
  const [recipient, cause] = [get('recipient').trim(), get('cause')]
  if (recipient === '' && !isCause(cause)) return undefined
  return {
    days: daysOf(get('days')),
    ...(recipient !== '' && { recipient: recipientAsked(recipient) }),
    ...(isCause(cause) && { cause }),
  }
}

function questions(view: View, ctx: Context): Html {
  const { t } = view.texts
  const options = [
    ['', t('admin.notice.any')] as const,
    ...troubles.map((cause) => [cause, t(causeKeys[cause])] as const),
  ]
  // What was asked for stands in the address, also while the letter below is shown again with a mistake.
  const untyped: View = { ...view, typed: undefined }
  return filters(
    view,
    html`${filterText('recipient', t('admin.notice.recipient'), asked(ctx, 'recipient'))}
      ${choice(untyped, { name: 'cause', label: t('admin.notice.cause'), options, value: asked(ctx, 'cause') })}
      ${filterText('days', t('admin.notice.days'), String(daysOf(asked(ctx, 'days'))), 'number')}`,
  )
}

async function before(desk: Desk, { texts: { t, moment } }: View, { before: last }: NoticePlan): Promise<Html> {
  if (!last) return html``
  const [named, zone] = [await peopleNamed(desk, [last.by]), await zoneOf(desk)]
  const said = t('admin.notice.before', { at: moment(last.at, zone), by: named(last.by), people: last.people })
  return html`<p class="notice warn">${said}</p>`
}

function letterForm(view: View, about: NoticeAbout, plan: NoticePlan): Html {
  const { t } = view.texts
  return html`<form method="post" class="act">${hidden(view)}
    <input type="hidden" name="recipient" value="${about.recipient ?? ''}"><input type="hidden" name="cause" value="${about.cause ?? ''}">
    <input type="hidden" name="days" value="${about.days}"><input type="hidden" name="seen" value="${plan.before?.at ?? 0}">
    ${field(view, { name: 'subject', label: t('admin.outgoing.subject'), autocomplete: 'off' })}
    ${area(view, { name: 'text', label: t('admin.notice.letter'), hint: t('admin.notice.letter_hint'), rows: 8, maxlength: 5000 })}
    <button class="main">${t('admin.notice.submit', { count: plan.people.length })}</button>
    <a class="button" href="${OUTGOING}">${t('cancel')}</a></form>`
}

async function preview(desk: Desk, view: View, about: NoticeAbout): Promise<Html> {
  const { t } = view.texts
  const plan = await planNotice(desk.core)(about)
  return html`${await before(desk, view, plan)}
    ${facts([
      [t('admin.notice.messages'), plan.messages],
      [t('admin.notice.people'), plan.people.length],
      [t('admin.notice.unreachable'), plan.unreachable],
    ])}
    ${plan.cut && html`<p class="notice warn">${t('admin.notice.cut')}</p>`}
    ${
      plan.people.length === 0
        ? html`<p class="none" role="status">${t('admin.notice.nobody')}</p>`
        : html`<details><summary>${t('admin.notice.who')}</summary><ul class="plain">${plan.people.map(({ account, recipients }) => html`<li>${account.name} <small>${recipients.slice(0, 5).join(', ')}</small></li>`)}</ul></details>
          ${letterForm(view, about, plan)}`
    }`
}

/** Letters take as long as the mail server does; nobody waits longer than this for the answer. */
const PATIENCE_MS = 10_000

async function send(desk: Desk, staff: Staff, form: Form, view: View): Promise<Shown> {
  const { t } = view.texts
  const about = aboutIn((name) => form.get(name)) ?? { days: WEEK }
  const { core } = desk
  const sending = sendNotice(
    core,
    createNoticeLetter(desk.organisation),
  )({
    ...about,
    subject: form.get('subject'),
    text: form.get('text'),
    seenAt: Number(form.get('seen')) || 0,
    actor: staff.accountId,
  })
  const report = await Promise.race([sending, setTimeout(PATIENCE_MS, undefined, { ref: false })])
  if (!report) void sending.catch((error: unknown) => core.log.error('notice.broken_off', { error: String(error) }))
  return {
    title: t('admin.notice.title'),
    body: html`${outgoingTrail(view)}<div role="status">${heading(t('admin.notice.title'), t(report ? 'admin.notice.done' : 'admin.notice.going'))}</div>
      ${
        report &&
        facts([
          [t('admin.dues.reminded.sent'), report.sent],
          [t('admin.dues.reminded.failed'), report.failed],
        ])
      }
      ${acts([[OUTGOING, t('admin.outgoing.back')]])}`,
  }
}

export const noticePage = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: NOTICE,
    async show(_staff, given, ctx) {
      const { t } = given.texts
      const get = (name: string) => asked(ctx, name)
      const { view, recipient } = askedRecipient(given, get('recipient'))
      const wrong = get('recipient') !== '' && recipient === undefined
      const about = wrong ? undefined : aboutIn(get)
      return {
        title: t('admin.notice.title'),
        body: html`${outgoingTrail(view)} ${heading(t('admin.notice.title'), t('admin.notice.text'))} ${summary(view, ['subject', 'text'])}
          ${questions(view, ctx)} ${about && (await preview(desk, view, about))}`,
      }
    },
    submit: (staff, form, view) => send(desk, staff, form, view),
  })
