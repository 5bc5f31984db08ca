// What the audit tells, as rows of a table: in the history of a person or member, and on the audit's own page.
import type { AuditRow } from '../../src/ports.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { View } from '../../src/web/page.ts'
import type { Texts } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import type { Staff } from './frame.ts'
import { listed } from './parts.ts'
import { may } from './rights.ts'
import { peopleNamed, zoneOf } from './states.ts'

const LONGEST = 300
const MOST = 20

/** A payload as a person can read it: `name: value`, cut where it is long. */
function told(payload: Record<string, unknown>): string {
  const value = (one: unknown): string => (typeof one === 'string' ? one : JSON.stringify(one))
  const text = Object.entries(payload)
    .filter(([, one]) => one !== null && one !== '' && !(Array.isArray(one) && one.length === 0))
    .map(([name, one]) => `${name}: ${value(one)}`)
    .join(' · ')
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

/** Instants of a table: short, in the association's zone, and whole for machines. */
export function when(texts: Texts, at: number, zone: string): Html {
  const instant = Temporal.Instant.fromEpochMilliseconds(at)
  return html`<time datetime="${instant.toString({ smallestUnit: 'second' })}">${texts.short(at, zone)}</time>`
}

const pages: Record<string, string> = {
  account: '/admin/accounts',
  member: '/admin/members',
  client: '/admin/clients',
  service: '/admin/services',
  override: '/admin/suspensions',
  suspensions: '/admin/suspensions',
}

/** Members by their names, and people by theirs, for whatever the entries are about. */
async function subjectsNamed(desk: Desk, rows: readonly AuditRow[]): Promise<(id: string) => string> {
  const people = await peopleNamed(
    desk,
    rows.flatMap(({ actor, subjectId }) => [actor, subjectId]),
  )
  const ids = new Set(rows.filter(({ subjectKind }) => subjectKind === 'member').map(({ subjectId }) => subjectId))
  const found = await Promise.all([...ids].map((id) => desk.core.store.members.get(id)))
  const members = new Map(found.flatMap((member) => (member ? [[member.id, member.name] as const] : [])))
  return (id) => members.get(id) ?? people(id)
}

/** What an entry is about, with a way there for whoever may go. */
function subjectCell(staff: Staff, { subjectKind, subjectId }: AuditRow, name: string): Html {
  const page = pages[subjectKind]
  const param = subjectKind === 'service' ? ':name' : ':id'
  const open = page !== undefined && may(staff, `${page}/${param}`)
  const shown = html`<span class="name">${name}</span>`
  return html`<small>${subjectKind}</small> ${open ? html`<a href="${page}/${encodeURIComponent(subjectId)}">${shown}</a>` : shown}`
}

/** When, what, about whom, by whom, details. */
export async function historyRows(
  desk: Desk,
  staff: Staff,
  texts: Texts,
  rows: readonly AuditRow[],
): Promise<(Html | string)[][]> {
  const zone = await zoneOf(desk)
  const name = await subjectsNamed(desk, rows)
  return rows.map((row) => [
    when(texts, row.at, zone),
    html`<code>${row.action}</code>`,
    subjectCell(staff, row, name(row.subjectId)),
    name(row.actor),
    html`<small>${told(row.payload)}</small>`,
  ])
}

/** The latest of one subject. */
export async function historyOf(desk: Desk, staff: Staff, { texts }: View, subjectId: string): Promise<Html> {
  const { t } = texts
  const rows = await desk.core.store.audit.list({ subjectId, limit: MOST })
  const cells = await historyRows(desk, staff, texts, rows.toReversed())
  return listed(
    t('admin.history'),
    [t('admin.audit.at'), t('admin.audit.action'), t('admin.audit.actor'), t('admin.audit.details')],
    cells.map(([at, action, , actor, details]) => [at!, action!, actor!, details!]),
    t('admin.history.none'),
  )
}
