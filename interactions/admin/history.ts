// What the audit tells, as rows of a table: in the history of a person or member, and on the audit's own page.
import type { AuditRow } from '../../src/ports.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { View } from '../../src/web/page.ts'
import type { Texts } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { detailsOf } from './audit-details.ts'
import { type Names, namesIn } from './audit-names.ts'
import { actionName, actorName, kindName } from './audit-words.ts'
import type { Staff } from './frame.ts'
import { listed } from './parts.ts'
import { type AdminPath, may } from './rights.ts'
import { zoneOf } from './states.ts'

const MOST = 20
/** The CSV has the whole. */
const LONGEST_DATA = 4000

/** Instants of a table: short, in the association's zone, and whole for machines. */
export function when(texts: Texts, at: number, zone: string): Html {
  const instant = Temporal.Instant.fromEpochMilliseconds(at)
  return html`<time datetime="${instant.toString({ smallestUnit: 'second' })}">${texts.short(at, zone)}</time>`
}

/** Where things of a kind have a page, and what the address of one is called in the table of rights. */
const pages: Record<string, AdminPath> = {
  account: '/admin/accounts/:id',
  member: '/admin/members/:id',
  client: '/admin/clients/:id',
  service: '/admin/services/:name',
  override: '/admin/suspensions/:id',
  suspensions: '/admin/suspensions/:id',
  bank_line: '/admin/dues/inbox/:line',
  mailbox: '/admin/mailboxes/:id',
  alias: '/admin/mailboxes/:id',
  site: '/admin/sites/:id',
}

/** There is but one of each: the kind says it all. */
const single = ['keys', 'audit', 'database', 'dues_rules']

/** What an entry is about, with a way there for whoever may go. */
function subjectCell(staff: Staff, texts: Texts, { subjectKind, subjectId }: AuditRow, name: string): Html {
  const kind = kindName(texts, subjectKind)
  if (single.includes(subjectKind)) return html`<span class="name">${kind}</span>`
  const page = Object.hasOwn(pages, subjectKind) ? pages[subjectKind] : undefined
  const href = page && may(staff, page) && page.replace(/:\w+$/, () => encodeURIComponent(subjectId))
  const shown = html`<span class="name">${name}</span>`
  return html`<small>${kind}</small> ${href ? html`<a href="${href}">${shown}</a>` : shown}`
}

/** In words, and the code to search by. */
const actionCell = (texts: Texts, action: string): Html => {
  const words = actionName(texts, action)
  return html`${words !== action && html`${words} `}<small><code>${action}</code></small>`
}

function actorCell(texts: Texts, actor: string, name: string): Html {
  const words = actorName(texts, actor)
  return words === undefined
    ? html`<span class="name">${name}</span>`
    : html`${words} <small><code>${actor}</code></small>`
}

/** What a person wants to read of it, and the data themselves for whoever looks. */
function detailsCell(texts: Texts, names: Names, row: AuditRow): Html | string {
  const data = JSON.stringify(row.payload)
  if (data === '{}') return ''
  const { t } = texts
  const shown = data.length > LONGEST_DATA ? `${data.slice(0, LONGEST_DATA)}…` : data
  return html`<small>${detailsOf(texts, names, row).join(' · ')}</small>
    <details><summary aria-label="${t('admin.audit.raw')} ${actionName(texts, row.action)}">${t('admin.audit.raw')}</summary><small><code>${shown}</code></small></details>`
}

/** When, what, about whom, by whom, details. */
export async function historyRows(
  desk: Desk,
  staff: Staff,
  texts: Texts,
  rows: readonly AuditRow[],
): Promise<(Html | string)[][]> {
  const zone = await zoneOf(desk)
  const names = await namesIn(desk, texts, rows)
  return rows.map((row) => [
    when(texts, row.at, zone),
    actionCell(texts, row.action),
    subjectCell(staff, texts, row, names(row.subjectKind, row.subjectId)),
    actorCell(texts, row.actor, names('account', row.actor)),
    detailsCell(texts, names, row),
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
