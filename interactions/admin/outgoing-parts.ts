// The pieces of the pages about outgoing mail: columns of a chart, what a member is called, where one goes from there.
import type { Quarantine } from '../../src/ports.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { hidden } from '../parts.ts'
import { link, trail } from './parts.ts'

export const OUTGOING = '/admin/outgoing'

export const outgoingTrail = (view: View, ...more: readonly (readonly [href: string, text: string])[]): Html =>
  trail(view, [OUTGOING, view.texts.t('admin.nav.outgoing')], ...more)

export const ofLogin = (login: string): string => `${OUTGOING}?login=${encodeURIComponent(login)}`

/** Members by their ids, each asked for once. */
export async function membersNamed(
  { core }: Desk,
  ids: readonly (string | null)[],
): Promise<(id: string | null) => Html | string> {
  const distinct = [...new Set(ids)].filter((id) => id !== null)
  const found = await Promise.all(distinct.map((id) => core.store.members.get(id)))
  const names = new Map(found.flatMap((member) => (member ? [[member.id, member.name] as const] : [])))
  return (id) => (id !== null && names.has(id) ? link(`/admin/members/${id}`, names.get(id)!) : '—')
}

/** One click for a login that is stopped; `login`: the page of one that it was pressed at. */
export const allowAgain = (view: View, { id, login: of }: Quarantine, login = ''): Html =>
  html`<form method="post" action="${OUTGOING}/allow">${hidden(view)}<input type="hidden" name="login" value="${login}"><button class="other" name="id" value="${id}">${view.texts.t('admin.outgoing.allow')}<span class="skip"> ${of}</span></button></form>`

const HEIGHT = 40
const STEP = 10

/**
 * Columns, one for each span; what they say is said in words as well. `values`: how much in each span, the oldest first.
 */
export function columns(values: readonly number[], said: string): Html {
  const most = Math.max(1, ...values)
  const bars = values.map((value, at) => {
    const height = value === 0 ? 0 : Math.max(1, Math.round((HEIGHT * value) / most))
    return html`<rect x="${at * STEP + 1}" y="${HEIGHT - height}" width="${STEP - 2}" height="${height}"/>`
  })
  return html`<figure class="chart"><svg class="columns" viewBox="0 0 ${values.length * STEP} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true" focusable="false">${bars}</svg>
    <figcaption>${said}</figcaption></figure>`
}
