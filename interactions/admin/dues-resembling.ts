// What a line of the bank looks like that is here already: the same day fetched in another format. A person says whether it
// is the same payment.
import type { BankLineRecord } from '../../src/ports.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { hidden } from '../parts.ts'
import { DUES, treasury } from './dues-parts.ts'
import { badge, facts, link } from './parts.ts'

/** How a line is called by which others are told apart from it: its day and its file. */
export type Called = (line: BankLineRecord) => { day: string; file: string }

export async function linesCalled(desk: Desk, { texts: { day } }: View): Promise<Called> {
  const files = await desk.core.store.bank.files((await treasury(desk)).id)
  const names = new Map(files.map(({ id, name }) => [id, name]))
  return ({ valueOn, fileId }) => ({ day: day(valueOn), file: names.get(fileId) ?? '—' })
}

const resemblingBadge = ({ texts: { t } }: View, line: BankLineRecord, called: Called): Html =>
  badge(t('admin.dues.outcome.again', called(line)), 'warn')

/** The badges of some lines of the inbox, by the lines' ids. */
export async function resemblingAmong(
  desk: Desk,
  view: View,
  lines: readonly BankLineRecord[],
): Promise<Map<string, Html>> {
  const marked = lines.filter(({ resemblesId }) => resemblesId !== null)
  if (marked.length === 0) return new Map()
  const called = await linesCalled(desk, view)
  const others = await Promise.all(marked.map(({ resemblesId }) => desk.core.store.bank.line(resemblesId!)))
  return new Map(
    marked.flatMap(({ id }, at) => (others[at] ? [[id, resemblingBadge(view, others[at], called)] as const] : [])),
  )
}

/** What is written of a line that is left aside because it is the same. */
export const sameNote = async (desk: Desk, view: View, line: BankLineRecord): Promise<string> => {
  const other = line.resemblesId ? await desk.core.store.bank.line(line.resemblesId) : undefined
  return view.texts.t(
    'admin.dues.resembles.note',
    other ? (await linesCalled(desk, view))(other) : { day: '—', file: '—' },
  )
}

/** Beside a line that waits: the one it looks like, and leaving it aside as the same. */
export async function resemblingNotice(desk: Desk, view: View, line: BankLineRecord): Promise<Html> {
  const other = line.resemblesId ? await desk.core.store.bank.line(line.resemblesId) : undefined
  if (!other) return html``
  const { t, money } = view.texts
  const { day, file } = (await linesCalled(desk, view))(other)
  return html`<section class="notice warn" aria-label="${t('admin.dues.resembles.title')}"><strong>${t('admin.dues.resembles.title')}</strong>
    <p>${t('admin.dues.resembles.text')}</p>
    ${facts([
      [t('admin.dues.statement.file'), file],
      [t('admin.dues.day'), day],
      [t('dues.amount'), money(other.cents)],
      [t('admin.dues.from'), other.counterName],
      [t('admin.dues.communication'), other.text],
    ])}
    <p>${link(`${DUES}/inbox/${other.id}`, t('admin.dues.resembles.look'))}</p>
    <form method="post" class="act">${hidden(view)}<button name="act" value="same">${t('admin.dues.resembles.same')}</button></form></section>`
}
