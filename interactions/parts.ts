// The pieces that pages are made of: fields with their hints and mistakes, buttons, the summary of what is wrong.
import { type Html, html, trusted } from '../src/web/html.ts'
import type { View } from '../src/web/page.ts'

type Field = {
  name: string
  label: string
  type?: 'text' | 'email' | 'password'
  /** HTML autofill token (WCAG 1.3.5). */
  autocomplete: string
  hint?: string
  value?: string
  /** One field for the whole code: pasting must work (WCAG 3.3.8). */
  code?: boolean
  required?: boolean
  autofocus?: boolean
}

const eye = trusted(
  '<svg viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true"><path d="M2 12s3.500-7 10-7 10 7 10 7-3.500 7-10 7S2 12 2 12Z"/><circle cx="12" cy="12" r="3"/></svg>',
)

const reveal = (view: View, name: string): Html =>
  html`<button type="button" class="reveal" hidden data-for="${name}" data-show="${view.texts.t('show_password')}" data-hide="${view.texts.t('hide_password')}" aria-pressed="false" aria-label="${view.texts.t('show_password')}">${eye}</button>`

/** A labelled field; a mistake is tied to it for screen readers (WCAG 3.3.1). What was typed stays, but for passwords. */
export function field(
  view: View,
  {
    name,
    label,
    type = 'text',
    autocomplete,
    hint,
    value = '',
    code = false,
    required = true,
    autofocus = false,
  }: Field,
): Html {
  const wrong = view.mistake?.field === name ? view.mistake.message : undefined
  const described = [hint && `${name}-hint`, wrong && `${name}-wrong`].filter(Boolean).join(' ')
  const kept = type === 'password' || code ? '' : (view.typed?.get(name) ?? value)
  const input = html`<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" value="${kept}"${required && html` required`}${autofocus && html` autofocus`}${code && html` class="code" inputmode="text" maxlength="24" spellcheck="false"`}${type === 'password' && html` maxlength="1024"`}${autocomplete.includes('username') && html` autocapitalize="none" spellcheck="false"`}${described && html` aria-describedby="${described}"`}${wrong && html` aria-invalid="true"`}>`
  return html`<div class="field">
    <label for="${name}">${label}</label>
    ${type === 'password' ? html`<div class="secret">${input}${reveal(view, name)}</div>` : input}
    ${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${wrong && html`<p class="wrong" id="${name}-wrong">${wrong}</p>`}
  </div>`
}

/** What is wrong with the whole form, read out at once (WCAG 4.1.3). A mistake of one field stands at the field. */
export const summary = (view: View, fields: readonly string[] = []): Html =>
  html`${view.mistake && !fields.includes(view.mistake.field ?? '') && html`<div class="notice" role="alert"><strong>${view.texts.t('mistake.title')}</strong><p>${view.mistake.message}</p></div>`}`

export const hidden = (view: View): Html => html`<input type="hidden" name="csrf" value="${view.csrfToken}">`

export const heading = (title: string, lead?: string): Html =>
  html`<h1>${title}</h1>${lead && html`<p class="lead">${lead}</p>`}`
