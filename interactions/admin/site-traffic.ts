// What sites were asked for: a column of the list, and the charts of one site with what stood out.
import { busiest, HOUR_MS, hourOf, type Share, type Traffic } from '../../src/domain/traffic.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { counted, megabytes } from '../traffic-parts.ts'
import { columns } from './outgoing-parts.ts'
import { listed } from './parts.ts'
import { zoneOf } from './states.ts'

const DAY_HOURS = 24
const WEEK_DAYS = 7

type Totals = ReadonlyMap<string, Pick<Traffic, 'bytes' | 'requests'>>

/** Bytes and requests of each site in the last day, and in the last week. */
export async function totals({ core }: Desk): Promise<{ day: Totals; week: Totals }> {
  const { store, clock } = core
  const since = async (hours: number) =>
    new Map(
      (await store.traffic.totals(hourOf(clock.now()) - (hours - 1) * HOUR_MS, clock.now() + 1)).map((one) => [
        one.siteId,
        one,
      ]),
    )
  const [day, week] = await Promise.all([since(DAY_HOURS), since(WEEK_DAYS * DAY_HOURS)])
  return { day, week }
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)

/** Bytes in each of the last spans of so many hours, from the oldest to the one that runs. */
function spans(hours: readonly Traffic[], now: number, count: number, length: number): number[] {
  const from = hourOf(now) - (count * length - 1) * HOUR_MS
  const values = Array<number>(count).fill(0)
  for (const { at, bytes } of hours) {
    const span = Math.floor((at - from) / (length * HOUR_MS))
    if (span >= 0 && span < count) values[span]! += bytes
  }
  return values
}

const shares = ({ texts }: View, title: string, head: string, all: readonly Share[]): Html =>
  listed(
    title,
    [head, texts.t('admin.traffic.bytes'), texts.t('admin.traffic.requests')],
    all.map(({ value, bytes, requests }) => [
      html`<code class="name">${value}</code>`,
      megabytes(texts, bytes),
      counted(texts, requests),
    ]),
    texts.t('admin.traffic.none'),
  )

/** Of one site: a day by hours, a week by days, and the paths and addresses of the day that stand out. */
export async function trafficOf(desk: Desk, view: View, siteId: string): Promise<Html> {
  const { texts } = view
  const { t, moment } = texts
  const { store, clock } = desk.core
  const now = clock.now()
  const hours = await store.traffic.hours(siteId, hourOf(now) - WEEK_DAYS * DAY_HOURS * HOUR_MS)
  const heading = html`<h2>${t('admin.traffic.title')}</h2>`
  if (hours.length === 0) return html`${heading}<p class="none">${t('admin.traffic.none')}</p>`
  const zone = await zoneOf(desk)
  const [day, week] = [spans(hours, now, DAY_HOURS, 1), spans(hours, now, WEEK_DAYS, DAY_HOURS)]
  const from = hourOf(now) - (DAY_HOURS - 1) * HOUR_MS
  const today = hours.filter(({ at }) => at >= from)
  const size = (bytes: number) => megabytes(texts, bytes)
  return html`${heading}<div class="charts">
      ${columns(day, t('admin.traffic.day', { since: moment(from, zone), size: size(sum(day)), most: size(Math.max(...day)), requests: counted(texts, sum(today.map(({ requests }) => requests))) }))}
      ${columns(week, t('admin.traffic.week', { size: size(sum(week)), most: size(Math.max(...week)), requests: counted(texts, sum(hours.map(({ requests }) => requests))) }))}
    </div>
    ${shares(view, t('admin.traffic.paths'), t('admin.traffic.path'), busiest(today.flatMap(({ paths }) => paths)))}
    ${shares(view, t('admin.traffic.addresses'), t('admin.traffic.address'), busiest(today.flatMap(({ addresses }) => addresses)))}`
}
