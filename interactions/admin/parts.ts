// The pieces of the staff's pages: tables that become cards on a phone, facts, fields, links from page to page.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import { type CivilDate, isCivilDate } from '../../src/domain/time.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'

type Cell = Html | string | number | null | undefined | false

/** A table; roles are spelt out because the cards of a phone are made by CSS, which takes the tags' own away. */
export const table = (caption: string, head: readonly string[], rows: readonly (readonly Cell[])[]): Html => html`
  <table role="table" aria-label="${caption}">
    <thead role="rowgroup"><tr role="row">${head.map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((cells) => html`<tr role="row">${cells.map((cell, at) => html`<td role="cell" data-label="${head[at]}"><div>${cell === '' || cell === null || cell === undefined ? '—' : cell}</div></td>`)}</tr>`)}</tbody>
  </table>`

/** A table under its heading, or a sentence where there is nothing to show. */
export const listed = (
  title: string,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  empty: string,
): Html => html`<h2>${title}</h2>${rows.length === 0 ? html`<p class="none">${empty}</p>` : table(title, head, rows)}`

/** What is known of a thing: a name and a value a line. */
export const facts = (pairs: readonly (readonly [name: string, value: Cell])[]): Html => html`
  <dl class="facts">${pairs.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value || value === 0 ? value : '—'}</dd></div>`)}</dl>`

type Tone = 'good' | 'warn' | 'bad' | 'quiet'
export const badge = (text: string, tone: Tone = 'quiet'): Html => html`<span class="state ${tone}">${text}</span>`

export const link = (href: string, text: string): Html => html`<a href="${href}">${text}</a>`

/** The way back up. */
export const trail = (view: View, ...steps: readonly (readonly [href: string, text: string])[]): Html => html`
  <nav class="trail" aria-label="${view.texts.t('admin.trail')}"><ol>${steps.map(([href, text]) => html`<li><a href="${href}">${text}</a></li>`)}</ol></nav>`

/** Links that look like buttons: what can be done here. */
export const acts = (
  links: readonly (readonly [href: string, text: string, tone?: 'main' | 'bad'] | false)[],
): Html => {
  const shown = links.filter((one) => one !== false)
  return html`${shown.length > 0 && html`<p class="acts">${shown.map(([href, text, tone = '']) => html`<a class="button ${tone}" href="${href}">${text}</a>`)}</p>`}`
}

type Area = {
  name: string
  label: string
  hint?: string
  value?: string
  rows?: number
  maxlength?: number
  required?: boolean
}
const wrongOf = (view: View, name: string) => (view.mistake?.field === name ? view.mistake.message : undefined)
const notes = (name: string, hint: string | undefined, wrong: string | undefined): Html =>
  html`${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}${wrong && html`<p class="wrong" id="${name}-wrong">${wrong}</p>`}`
const tied = (name: string, hint: string | undefined, wrong: string | undefined): Html => {
  const ids = [hint && `${name}-hint`, wrong && `${name}-wrong`].filter(Boolean).join(' ')
  return html`${ids && html` aria-describedby="${ids}"`}${wrong && html` aria-invalid="true"`}`
}

export function area(
  view: View,
  { name, label, hint, value = '', rows = 3, maxlength = 1000, required = true }: Area,
): Html {
  const wrong = wrongOf(view, name)
  return html`<div class="field"><label for="${name}">${label}</label>
    <textarea id="${name}" name="${name}" rows="${rows}" maxlength="${maxlength}"${required && html` required`}${tied(name, hint, wrong)}>
${view.typed?.get(name) ?? value}</textarea>${notes(name, hint, wrong)}</div>`
}

/** A date that may be left out. */
export function dayField(view: View, { name, label, hint, value = '' }: Omit<Area, 'rows' | 'maxlength'>): Html {
  const wrong = wrongOf(view, name)
  return html`<div class="field short"><label for="${name}">${label}</label>
    <input id="${name}" name="${name}" type="date" value="${view.typed?.get(name) ?? value}"${tied(name, hint, wrong)}>${notes(name, hint, wrong)}</div>`
}

type Choice = {
  name: string
  label: string
  hint?: string
  options: readonly (readonly [value: string, text: string])[]
  value?: string
}
export const choice = (view: View, { name, label, hint, options, value = '' }: Choice): Html => html`
  <div class="field short"><label for="${name}">${label}</label>
    <select id="${name}" name="${name}"${tied(name, hint, undefined)}>${options.map(([option, text]) => html`<option value="${option}"${option === (view.typed?.get(name) ?? value) && html` selected`}>${text}</option>`)}</select>${notes(name, hint, undefined)}</div>`

export const tick = (name: string, value: string, text: string, checked = false, id = `${name}-${value}`): Html =>
  html`<label class="check" for="${id}"><input id="${id}" name="${name}" type="checkbox" value="${value}"${checked && html` checked`}><span>${text}</span></label>`

/** A form that filters a list: GET, so that its answer has an address. */
export const filters = (view: View, fields: Html, button: TextKey = 'admin.search'): Html =>
  html`<form class="filters" method="get" role="search">${fields}<button class="main">${view.texts.t(button)}</button></form>`

type Options = readonly (readonly [value: string, text: string])[]
/** With `options` the browser proposes them; anything else may be typed all the same. */
export const filterText = (name: string, label: string, value: string, type = 'search', options: Options = []): Html =>
  html`<div class="field"><label for="${name}">${label}</label><input id="${name}" name="${name}" type="${type}" value="${value}" maxlength="200"${options.length > 0 ? html` list="${name}-options"` : html` autocomplete="off"`}>${options.length > 0 && html`<datalist id="${name}-options">${options.map(([option, text]) => html`<option value="${option}">${text}</option>`)}</datalist>`}</div>`

/** One parameter of the address; repeated or too long is as good as absent. */
export const asked = (ctx: Context, name: string): string => {
  const value = ctx.query[name]
  return typeof value === 'string' && value.length <= 200 ? value.trim() : ''
}

export const PAGE = 50
export const offsetOf = (ctx: Context, size = PAGE): number => {
  const page = asked(ctx, 'page')
  return /^[1-9]\d{0,5}$/.test(page) ? (Number(page) - 1) * size : 0
}

const at = (ctx: Context, page: number): string => {
  const query = new URLSearchParams(ctx.querystring)
  query.delete('lang')
  query.set('page', String(page))
  return `${ctx.path}?${query}`
}

/** Previous and next page, as far as there are any. */
export function pager(view: View, ctx: Context, shown: number, more: boolean, size = PAGE): Html {
  const { t } = view.texts
  const offset = offsetOf(ctx, size)
  const page = offset / size + 1
  if (page === 1 && !more) return html``
  return html`<nav class="pager" aria-label="${t('admin.pages')}">
    ${page > 1 && html`<a rel="prev" href="${at(ctx, page - 1)}">${t('admin.previous')}</a>`}
    <span>${shown > 0 && t('admin.from_to', { from: offset + 1, to: offset + shown })}</span>
    ${more && html`<a rel="next" href="${at(ctx, page + 1)}">${t('admin.next')}</a>`}
  </nav>`
}

/** What was just done, on the page that the person comes back to. */
const done: Record<string, TextKey> = {
  changed: 'admin.done.changed',
  'signed-out': 'admin.done.signed_out',
  invited: 'admin.done.invited',
  closed: 'admin.done.closed',
  reopened: 'admin.done.reopened',
  recorded: 'admin.done.recorded',
  checked: 'admin.done.checked',
  retried: 'admin.done.retried',
  applied: 'admin.done.applied',
  added: 'admin.done.added',
  linked: 'admin.done.linked',
  removed: 'admin.done.removed',
  unsent: 'admin.done.unsent',
  revoked: 'admin.done.revoked',
}
/** Done in part only. */
const half = ['unsent']
export const outcome = (view: View, ctx: Context): Html => {
  const key = asked(ctx, 'done')
  return html`${Object.hasOwn(done, key) && html`<p class="notice ${half.includes(key) ? 'warn' : 'good'}" role="status">${view.texts.t(done[key]!)}</p>`}`
}

/** A last day that was typed, or null; it must not be over already. */
export function lastDayOf(form: Form, today: CivilDate, name = 'until'): CivilDate | null {
  const typed = form.get(name).trim()
  if (typed === '') return null
  if (!isCivilDate(typed) || typed < today)
    throw new AppError('invalid_value', { field: name, detail: 'not a day to come' })
  return typed
}
