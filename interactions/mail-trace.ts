// «Why did my mail not arrive»: what became of what this person sent to an address or a domain, and of nothing else.
import { AppError } from '../src/domain/errors.ts'
import type { AccountInForce } from '../src/ports.ts'
import { recipientAsked, TRACE_DAYS, trace } from '../src/usecases/trace.ts'
import { type Html, html } from '../src/web/html.ts'
import { type Page, sentence, type View } from '../src/web/page.ts'
import type { Desk } from './desk.ts'
import { MAIL } from './mail.ts'
import { field, heading, summary } from './parts.ts'
import { tracedRows } from './trace-parts.ts'

async function answer(desk: Desk, view: View, accountId: string, recipient: string): Promise<Html> {
  const { timeZone: zone, contactEmail: contact } = await desk.organisation()
  const traced = await trace(desk.core)({ recipient, accountId })
  const none = view.texts.t('trace.none', { recipient, days: TRACE_DAYS })
  return html`<h2>${view.texts.t('trace.of', { recipient })}</h2>${tracedRows(view, traced, { zone, contact }, none)}`
}

/** What was asked for in the address of the page; a mistake in it is shown at its field. */
export function askedRecipient(view: View, typed: unknown): { view: View; recipient?: string } {
  if (typeof typed !== 'string' || typed === '') return { view }
  try {
    return { view, recipient: recipientAsked(typed) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { view: { ...view, mistake: { field: 'recipient', message: sentence(view.texts, error) } } }
  }
}

export const mailTrace = (desk: Desk): Page<AccountInForce> => ({
  path: `${MAIL}/trace`,
  guard: desk.house.guard,
  async show({ accountId }, given, ctx) {
    const { t } = given.texts
    const typed = ctx.query.recipient
    const { view, recipient } = askedRecipient(given, typed)
    return {
      title: t('trace.title'),
      body: html`${heading(t('trace.title'), t('trace.lead'))} ${summary(view, ['recipient'])}
        <form method="get">
          ${field(view, { name: 'recipient', label: t('trace.recipient'), autocomplete: 'off', hint: t('trace.recipient_hint'), value: typeof typed === 'string' ? typed.slice(0, 320) : '' })}
          <button class="main">${t('trace.submit')}</button>
        </form>
        ${recipient !== undefined && (await answer(desk, view, accountId, recipient))}
        <a class="button" href="${MAIL}">${t('mail.back')}</a>`,
    }
  },
})
