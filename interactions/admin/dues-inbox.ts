// The inbox: lines of the bank that bear no reference of an open call. Of each a person says whose payment it is, or that it
// has nothing to do with dues.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import type { MatchRule } from '../../src/domain/matching.ts'
import { formatIban } from '../../src/domain/references.ts'
import type { BankLineRecord } from '../../src/ports.ts'
import { ignoreLine, inbox, matchLine, suggestionFor } from '../../src/usecases/bank-inbox.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { field, heading, hidden, summary } from '../parts.ts'
import { candidates, DUES, duesTrail, payerChoice, payerIn, payerSearch, treasury, written } from './dues-parts.ts'
import { resemblingAmong, resemblingNotice, sameNote } from './dues-resembling.ts'
import { type Staff, staffPage } from './frame.ts'
import { facts, link, offsetOf, outcome, PAGE, pager, table } from './parts.ts'

const INBOX = `${DUES}/inbox`

const ruleKeys = {
  reference: 'admin.dues.rule.reference',
  old_reference: 'admin.dues.rule.old_reference',
  account: 'admin.dues.rule.account',
  name: 'admin.dues.rule.name',
  none: 'admin.dues.rule.none',
} as const satisfies Record<MatchRule, TextKey>

/** What the payer wrote: the reference of a field of its own, and free text. */
function communication({ reference, text }: BankLineRecord): Html | string {
  const shown = [reference && written(reference), text].filter(Boolean).join(' · ')
  return shown && html`<small>${shown.slice(0, 200)}</small>`
}

export const inboxPage = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: INBOX,
    async show(_staff, view, ctx) {
      const { t, money, day } = view.texts
      const found = await inbox(desk.core)({ limit: PAGE + 1, offset: offsetOf(ctx) })
      const alike = await resemblingAmong(
        desk,
        view,
        found.map(({ line }) => line),
      )
      const head = [
        t('admin.dues.day'),
        t('dues.amount'),
        t('admin.dues.from'),
        t('admin.dues.communication'),
        t('admin.dues.perhaps'),
        t('admin.dues.decide'),
      ]
      const rows = found
        .slice(0, PAGE)
        .map(({ line, match, payerName }) => [
          day(line.valueOn),
          html`<span class="ms">${money(line.cents)}</span>`,
          line.counterName,
          communication(line),
          alike.get(line.id) ??
            (line.cents <= 0
              ? t('admin.dues.outcome.left')
              : payerName && html`<span>${payerName} <small>${t(ruleKeys[match.rule])}</small></span>`),
          html`<a href="${INBOX}/${line.id}" aria-label="${t('admin.dues.decide_on', { amount: money(line.cents), name: line.counterName ?? '—' })}">${t('admin.dues.decide')}</a>`,
        ])
      return {
        title: t('admin.dues.inbox.title'),
        body: html`${duesTrail(view)} ${heading(t('admin.dues.inbox.title'), t('admin.dues.inbox.text'))} ${outcome(view, ctx)}
          ${rows.length === 0 ? html`<p class="none" role="status">${t('admin.dues.inbox.none')}</p>` : table(t('admin.dues.inbox.title'), head, rows)}
          ${pager(view, ctx, rows.length, found.length > PAGE)}`,
      }
    },
  })

async function lineOf(desk: Desk, ctx: Context): Promise<BankLineRecord> {
  const line = await desk.core.store.bank.line(ctx.params.line ?? '')
  if (!line || line.organisationId !== (await treasury(desk)).id) throw new AppError('not_found')
  return line
}

function told({ texts: { t, money, day } }: View, line: BankLineRecord): Html {
  return facts([
    [t('dues.amount'), money(line.cents)],
    [t('admin.dues.day'), day(line.valueOn)],
    [t('admin.dues.from'), line.counterName],
    [t('dues.account'), line.counterIban && formatIban(line.counterIban)],
    [t('admin.dues.reference'), line.reference && written(line.reference)],
    [t('admin.dues.communication'), line.text],
    [t('admin.dues.statement.number'), line.statementNumber],
  ])
}

/** What somebody has said of it already: whoever comes second reads it and has lost nothing. */
async function settled(desk: Desk, { texts: { t } }: View, line: BankLineRecord): Promise<Html> {
  if (line.state === 'ignored')
    return html`<div class="notice good" role="status"><strong>${t('admin.dues.line.ignored')}</strong><p>${line.note}</p></div>`
  const filter = { organisationId: line.organisationId, bankLineId: line.id, limit: 10 }
  const payment = (await desk.core.store.books.payments(filter)).find(({ reversed }) => !reversed)
  return html`<div class="notice good" role="status"><strong>${t('admin.dues.line.matched', { name: payment?.payerName ?? '' })}</strong>
    ${payment && html`<p>${link(`${DUES}/payments/${payment.id}`, t('admin.dues.line.payment'))}</p>`}</div>`
}

const ignoring = (view: View): Html => {
  const { t } = view.texts
  return html`<h2>${t('admin.dues.ignore.title')}</h2><p>${t('admin.dues.ignore.text')}</p>
    <form method="post" class="act">${hidden(view)}
      ${field(view, { name: 'note', label: t('admin.dues.note'), autocomplete: 'off' })}
      <button class="main" name="act" value="ignore">${t('admin.dues.ignore.submit')}</button></form>`
}

async function deciding(desk: Desk, view: View, ctx: Context, line: BankLineRecord): Promise<Html> {
  const { t } = view.texts
  if (line.cents <= 0) return html`<p class="notice warn">${t('admin.dues.line.left')}</p>${ignoring(view)}`
  const found = await candidates(desk, ctx, (await suggestionFor(desk.core)(line)).payerId)
  return html`<h2>${t('admin.dues.match.title')}</h2>
    ${payerSearch(view, ctx)}
    ${
      found.length === 0
        ? html`<p class="none" role="status">${t('admin.dues.payer_none')}</p>`
        : html`<form method="post" class="act">${hidden(view)} ${payerChoice(view, found)}
      <button class="main" name="act" value="match">${t('admin.dues.match.submit')}</button></form>`
    }
    ${ignoring(view)}`
}

export const inboxLine = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: `${INBOX}/:line`,
    async show(_staff, view, ctx) {
      const { t, money } = view.texts
      const line = await lineOf(desk, ctx)
      const title = t('admin.dues.line.title', { amount: money(line.cents), name: line.counterName ?? '—' })
      return {
        title,
        body: html`${duesTrail(view, [INBOX, t('admin.dues.inbox.title')])} ${heading(title)} ${summary(view, ['payer', 'note'])} ${told(view, line)}
          ${line.state === 'new' ? html`${line.note && html`<p class="notice warn">${t('admin.dues.line.taken_back', { note: line.note })}</p>`} ${await resemblingNotice(desk, view, line)} ${await deciding(desk, view, ctx, line)}` : await settled(desk, view, line)}`,
      }
    },
    async submit(staff, form, view, ctx) {
      const line = await lineOf(desk, ctx)
      const { id: lineId } = line
      const actor = staff.accountId
      if (form.get('act') === 'same')
        await ignoreLine(desk.core)({ lineId, note: await sameNote(desk, view, line), actor })
      else if (form.get('act') === 'ignore') {
        const note = form.get('note').trim()
        if (note === '') throw new AppError('required', { field: 'note', detail: 'say what the line is' })
        await ignoreLine(desk.core)({ lineId, note, actor })
      } else await matchLine(desk.core)({ lineId, payerId: payerIn(form), actor })
      return `${INBOX}?done=recorded`
    },
  })
