// Which column of a bank's CSV is what: chosen among those that are saved, or said once under the bank's name with the
// first lines of the file beside.
import {
  savedStatementMap,
  saveStatementMap,
  statementMapNames,
  statementMapOf,
} from '../../src/usecases/statement-maps.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { field, hidden, summary } from '../parts.ts'
import { previewPath } from './dues-statement.ts'
import type { Staff } from './frame.ts'
import { choice, link } from './parts.ts'

type Kept = { digest: string; bytes: Uint8Array; name: string; map: string }

const columns = {
  booked: 'admin.dues.map.booked',
  amount: 'admin.dues.map.amount',
  debit: 'admin.dues.map.debit',
  credit: 'admin.dues.map.credit',
  communication: 'admin.dues.map.communication',
  counterName: 'admin.dues.map.counter_name',
  counterAccount: 'admin.dues.map.counter_account',
  value: 'admin.dues.map.value',
  reference: 'admin.dues.map.reference',
  currency: 'admin.dues.map.currency',
  account: 'admin.dues.map.account',
} as const satisfies Record<string, TextKey>

const HEAD_LINES = 8
const LONGEST = 300

/** The first lines, as far as they are text: to read the columns off. */
const headOf = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8')
    .decode(bytes.subarray(0, 16_384))
    .replace(/[^\P{C}\n\t]/gu, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, HEAD_LINES)
    .map((line) => line.slice(0, LONGEST))
    .join('\n')

export async function mapForm(desk: Desk, view: View, kept: Kept): Promise<Html> {
  const { t } = view.texts
  const names = await statementMapNames(desk.core)
  const before: Record<string, unknown> = names.includes(kept.map) ? await savedStatementMap(desk.core, kept.map) : {}
  const was = (name: string): string => [before[name] ?? ''].flat().join('+')
  const options = (key: TextKey, values: readonly string[]) => [
    ['', t(key)] as const,
    ...values.map((one) => [one, one] as const),
  ]
  const others = names.filter((name) => name !== kept.map)
  return html`${others.length > 0 && html`<h2>${t('admin.dues.map.saved')}</h2><ul class="plain">${others.map((map) => html`<li>${link(previewPath(kept.digest, { ...kept, map }), map)}</li>`)}</ul>`}
    <h2>${t('admin.dues.map.title')}</h2><p>${t('admin.dues.map.text')}</p>
    <p class="label">${t('admin.dues.map.head')}</p><pre class="sample">${headOf(kept.bytes)}</pre>
    ${summary(view, ['name', ...Object.keys(columns)])}
    <form method="post" class="act">
      ${hidden(view)}
      ${Object.entries(columns).map(([name, key]) =>
        field(view, {
          name,
          label: t(key),
          autocomplete: 'off',
          value: was(name),
          required: name === 'booked',
          ...(name === 'communication' && { hint: t('admin.dues.map.communication_hint') }),
        }),
      )}
      ${choice(view, { name: 'decimal', label: t('admin.dues.map.decimal'), options: options('admin.dues.map.by_itself', [',', '.']), value: was('decimal') })}
      ${choice(view, { name: 'dates', label: t('admin.dues.map.dates'), options: options('admin.dues.map.by_itself', ['dmy', 'mdy', 'ymd']), value: was('dates') })}
      ${field(view, { name: 'name', label: t('admin.dues.map.name'), autocomplete: 'off', hint: t('admin.dues.map.name_hint'), value: kept.map })}
      <button class="main" name="act" value="map">${t('admin.dues.map.save')}</button>
    </form>`
}

/** Keeps the mapping; where the file is read by it. */
export async function saveMap(desk: Desk, staff: Staff, form: Form, { digest, name }: Kept): Promise<string> {
  const map = form.get('name').trim()
  const given = Object.fromEntries([...Object.keys(columns), 'decimal', 'dates'].map((one) => [one, form.get(one)]))
  await saveStatementMap(desk.core)({ name: map, map: statementMapOf(given), actor: staff.accountId })
  return previewPath(digest, { name, map })
}
