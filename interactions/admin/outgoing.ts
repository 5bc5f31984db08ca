// Outgoing mail at a glance: who sends how much, who was stopped, what waits for a decision.
import { canonical } from '../../src/domain/names.ts'
import type { Instant } from '../../src/domain/time.ts'
import type { Quarantine, Sent } from '../../src/ports.ts'
import { heldMessages } from '../../src/usecases/held-messages.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import { burstWords } from '../burst-words.ts'
import type { Desk } from '../desk.ts'
import { heading, summary } from '../parts.ts'
import { bar } from './dues.ts'
import { type Staff, staffPage } from './frame.ts'
import { when } from './history.ts'
import { allowAgain, columns, membersNamed, OUTGOING, ofLogin, outgoingTrail } from './outgoing-parts.ts'
import { acts, asked, badge, filters, filterText, link, listed, outcome, table } from './parts.ts'
import { may } from './rights.ts'
import { peopleNamed, zoneOf } from './states.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const WEEK_DAYS = 7
/** Logins that are listed: those that sent most. */
const MOST = 50

/** Recipients in each of the last spans, from the oldest to the one that runs now. */
async function spans(desk: Desk, at: Instant, count: number, stepMs: number, login?: string): Promise<number[]> {
  const from = at - count * stepMs
  const found = await desk.core.store.outgoing.volume(from, stepMs, login === undefined ? undefined : { login })
  const values = Array<number>(count).fill(0)
  // What came in this very millisecond is in a span of its own.
  for (const one of found) values[Math.min(count - 1, Math.round((one.at - from) / stepMs))]! += one.recipients
  return values
}

async function charts(desk: Desk, { texts }: View, login?: string): Promise<Html> {
  const { t, moment } = texts
  const zone = await zoneOf(desk)
  const at = desk.core.clock.now()
  const [day, week] = await Promise.all([
    spans(desk, at, 24, HOUR_MS, login),
    spans(desk, at, WEEK_DAYS, DAY_MS, login),
  ])
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
  const since = (ms: number) => moment(at - ms, zone)
  return html`<div class="charts">
    ${columns(day, t('admin.outgoing.day', { count: sum(day), most: Math.max(...day), since: since(DAY_MS) }))}
    ${columns(week, t('admin.outgoing.week', { count: sum(week), most: Math.max(...week), since: since(WEEK_DAYS * DAY_MS) }))}
  </div>`
}

type Row = { login: string; memberId: string | null; day: Sent | undefined; week: Sent }

async function senders(desk: Desk, staff: Staff, { texts }: View, login?: string): Promise<Html> {
  const { t } = texts
  const { outgoing } = desk.core.store
  const at = desk.core.clock.now()
  const most = login === undefined ? MOST : Number.MAX_SAFE_INTEGER
  const [day, week] = await Promise.all([
    outgoing.sent(at - DAY_MS, most),
    outgoing.sent(at - WEEK_DAYS * DAY_MS, most),
  ])
  const ofDay = new Map(day.map((one) => [one.login, one]))
  // Whoever sent today sent this week; the busiest of today may not be among the busiest of the week.
  const all = new Map([...day, ...week].map((one) => [one.login, one]))
  const rows = [...all.values()]
    .filter((one) => login === undefined || one.login === login)
    .map((one): Row => ({ login: one.login, memberId: one.memberId, day: ofDay.get(one.login), week: one }))
    .toSorted((a, b) => (b.day?.recipients ?? 0) - (a.day?.recipients ?? 0) || b.week.recipients - a.week.recipients)
    .slice(0, MOST)
  const [named, zone] = [
    await membersNamed(
      desk,
      rows.map(({ memberId }) => memberId),
    ),
    await zoneOf(desk),
  ]
  const highest = (pick: (row: Row) => number) => Math.max(1, ...rows.map(pick))
  const [mostDay, mostWeek] = [highest((row) => row.day?.recipients ?? 0), highest((row) => row.week.recipients)]
  const stops = may(staff, `${OUTGOING}/stop`, 'act')
  const cell = (value: number, most: number) =>
    html`<span class="figure short">${value}</span>${bar(value, most, 'quiet')}`
  const head = [
    t('admin.mailbox.login'),
    t('admin.member'),
    t('admin.outgoing.recipients_day'),
    t('admin.outgoing.recipients_week'),
    t('admin.outgoing.messages_week'),
    t('admin.outgoing.last'),
  ]
  return listed(
    t('admin.outgoing.senders'),
    stops ? [...head, t('admin.outgoing.stop_short')] : head,
    rows.map((row) => [
      link(ofLogin(row.login), row.login),
      named(row.memberId),
      cell(row.day?.recipients ?? 0, mostDay),
      cell(row.week.recipients, mostWeek),
      row.week.messages,
      when(texts, row.week.lastAt, zone),
      ...(stops
        ? [
            html`<a href="${OUTGOING}/stop?login=${encodeURIComponent(row.login)}">${t('admin.outgoing.stop_act')}<span class="skip"> ${row.login}</span></a>`,
          ]
        : []),
    ]),
    t('admin.outgoing.senders_none'),
  )
}

async function stopped(desk: Desk, staff: Staff, view: View, login?: string): Promise<Html> {
  const { texts } = view
  const { t } = texts
  const open = (await desk.core.store.quarantines.open()).filter((one) => login === undefined || one.login === login)
  const [named, zone] = [
    await peopleNamed(
      desk,
      open.map(({ startedBy }) => startedBy),
    ),
    await zoneOf(desk),
  ]
  const allows = may(staff, `${OUTGOING}/allow`, 'act')
  const by = ({ startedBy }: Quarantine) => (startedBy === 'system' ? t('admin.outgoing.by_itself') : named(startedBy))
  const head = [t('admin.mailbox.login'), t('admin.outgoing.since'), t('admin.why'), t('admin.override.by')]
  return listed(
    t('admin.outgoing.stopped'),
    allows ? [...head, t('admin.outgoing.allow_short')] : head,
    open.map((one) => [
      link(ofLogin(one.login), one.login),
      when(texts, one.startedAt, zone),
      html`${badge(t(one.reason === 'burst' ? 'admin.outgoing.burst' : 'admin.outgoing.by_hand'), 'bad')}<br><small>${burstWords(texts, one.detail)}</small>`,
      by(one),
      ...(allows ? [allowAgain(view, one, login)] : []),
    ]),
    t('admin.outgoing.stopped_none'),
  )
}

/** On the dashboard: that somebody is stopped, and the way there. */
export async function stoppedNotice({ core }: Desk, { texts: { t } }: View): Promise<Html> {
  const count = (await core.store.quarantines.open()).length
  return html`${count > 0 && html`<section class="notice warn" aria-label="${t('admin.outgoing.stopped')}"><p>${t('admin.outgoing.notice', { count })} ${link(OUTGOING, t('admin.outgoing.look'))}</p></section>`}`
}

/** What waits, login by login; the messages themselves are a page further. */
async function waiting(desk: Desk, { texts: { t } }: View, login?: string): Promise<Html> {
  const held = await heldMessages(desk.core, new Map())(login)
  const byLogin = [...Map.groupBy(held, (message) => message.login)]
  return html`<h2>${t('admin.outgoing.held')}</h2>${
    byLogin.length === 0
      ? html`<p class="none">${t('admin.outgoing.held_none')}</p>`
      : table(
          t('admin.outgoing.held'),
          [
            t('admin.mailbox.login'),
            t('admin.outgoing.messages'),
            t('admin.outgoing.recipients'),
            t('admin.outgoing.look'),
          ],
          byLogin.map(([of, messages]) => [
            link(ofLogin(of), of),
            messages.length,
            messages.reduce((sum, { recipients }) => sum + recipients, 0),
            html`<a class="button" href="${OUTGOING}/held?login=${encodeURIComponent(of)}">${t('admin.outgoing.decide')}<span class="skip"> ${of}</span></a>`,
          ]),
        )
  }`
}

/** The overview; also what the act of one button shows again after a mistake. */
export function showOutgoing(desk: Desk) {
  return async (staff: Staff, view: View, ctx: Parameters<typeof asked>[0]) => {
    const { t } = view.texts
    const login = canonical(asked(ctx, 'login')) || undefined
    const title = login ?? t('admin.nav.outgoing')
    return {
      title,
      body: html`${login !== undefined && outgoingTrail(view)} ${heading(title, login === undefined ? t('admin.outgoing.text') : undefined)} ${outcome(view, ctx)} ${summary(view)}
        ${acts([
          may(staff, `${OUTGOING}/stop`) && [
            `${OUTGOING}/stop${login === undefined ? '' : `?login=${encodeURIComponent(login)}`}`,
            t('admin.outgoing.stop'),
            'bad',
          ],
          [`${OUTGOING}/trace`, t('trace.title')],
          may(staff, `${OUTGOING}/notice`) && [`${OUTGOING}/notice`, t('admin.notice.title')],
        ])}
        ${await stopped(desk, staff, view, login)} ${await waiting(desk, view, login)}
        <h2>${t('admin.outgoing.volume')}</h2> ${await charts(desk, view, login)}
        ${filters(view, filterText('login', t('admin.outgoing.of_login'), login ?? ''))}
        ${await senders(desk, staff, view, login)}`,
    }
  }
}

export const outgoing = (desk: Desk): Page<Staff> => staffPage(desk, { path: OUTGOING, show: showOutgoing(desk) })
