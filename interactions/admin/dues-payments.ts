// Payments: the latest, whose they are, one recorded by hand, one taken back with the reason.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import { laterOf } from '../../src/domain/time.ts'
import type { PaymentListed } from '../../src/ports.ts'
import { paymentSources } from '../../src/ports.ts'
import { familyOf, lyingOn, recordPayment, reversePayment, rootOf } from '../../src/usecases/payments.ts'
import { today } from '../../src/usecases/standing.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { field, heading, hidden, summary } from '../parts.ts'
import {
  candidates,
  DUES,
  duesTrail,
  eurosIn,
  formId,
  idIn,
  payerChoice,
  payerIn,
  payerSearch,
  receiptNumber,
  sourceName,
  sourceOptions,
  treasury,
} from './dues-parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { when } from './history.ts'
import {
  acts,
  area,
  asked,
  badge,
  choice,
  dayField,
  facts,
  filters,
  filterText,
  link,
  offsetOf,
  outcome,
  PAGE,
  pager,
  table,
} from './parts.ts'
import { peopleNamed, zoneOf } from './states.ts'

const PAYMENTS = `${DUES}/payments`

/** What became of a payment; nothing to say of most. */
export const paymentState = (
  { texts: { t } }: View,
  payment: Pick<PaymentListed, 'reversed' | 'reversesId' | 'refundsId'>,
): Html | '' => {
  if (payment.reversesId) return badge(t('admin.dues.payment.reversal'))
  if (payment.refundsId && !payment.reversed) return badge(t('admin.dues.payment.refund'))
  return payment.reversed ? badge(t('admin.dues.payment.reversed'), 'warn') : ''
}

function rowOf(view: View, payment: PaymentListed) {
  const { texts } = view
  const number = payment.receipt && receiptNumber(payment.receipt)
  return [
    texts.day(payment.valueOn),
    link(`/admin/members/${payment.payerId}`, `${payment.payerName} (${payment.payerNumber})`),
    html`<span class="ms">${texts.money(payment.cents)}</span>`,
    sourceName(texts, payment.source),
    link(
      `${PAYMENTS}/${payment.id}`,
      number ? texts.t('dues.receipt', { number }) : texts.t('admin.dues.payment.look'),
    ),
    paymentState(view, payment),
  ]
}

export const payments = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: PAYMENTS,
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const text = asked(ctx, 'text')
      const { id: organisationId } = await treasury(desk)
      const found = await desk.core.store.books.payments({
        organisationId,
        ...(text && { text }),
        limit: PAGE + 1,
        offset: offsetOf(ctx),
      })
      const head = [
        t('admin.dues.day'),
        t('admin.dues.payer'),
        t('dues.amount'),
        t('admin.dues.source'),
        t('admin.dues.receipt'),
        t('admin.state'),
      ]
      const rows = found.slice(0, PAGE).map((payment) => rowOf(view, payment))
      return {
        title: t('admin.dues.payments.title'),
        body: html`${duesTrail(view)} ${heading(t('admin.dues.payments.title'))} ${outcome(view, ctx)}
          ${acts([[`${PAYMENTS}/new`, t('admin.dues.pay.title')]])}
          ${filters(view, filterText('text', t('admin.dues.payer_search'), text))}
          ${rows.length === 0 ? html`<p class="none" role="status">${t('admin.dues.payments.none')}</p>` : table(t('admin.dues.payments.title'), head, rows)}
          ${pager(view, ctx, rows.length, found.length > PAGE)}`,
      }
    },
  })

async function payForm(desk: Desk, view: View, ctx: Context): Promise<Html> {
  const { t } = view.texts
  const found = await candidates(desk, ctx)
  if (found.length === 0) return html`<p class="none" role="status">${t('admin.dues.payer_none')}</p>`
  return html`<form method="post" class="act">${hidden(view)}<input type="hidden" name="id" value="${formId(desk, view)}">
    ${payerChoice(view, found)}
    ${field(view, { name: 'cents', label: t('admin.dues.amount_euros'), autocomplete: 'off' })}
    ${choice(view, { name: 'source', label: t('admin.dues.source'), options: sourceOptions(view.texts), value: 'cash' })}
    ${dayField(view, { name: 'valueOn', label: t('admin.dues.arrived_on'), value: await today(desk.core) })}
    ${field(view, { name: 'note', label: t('admin.dues.note'), autocomplete: 'off', required: false })}
    <button class="main">${t('admin.dues.pay.submit')}</button> <a class="button" href="${PAYMENTS}">${t('cancel')}</a></form>`
}

export const newPayment = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/dues/payments/new',
    async show(_staff, view, ctx) {
      const { t } = view.texts
      return {
        title: t('admin.dues.pay.title'),
        body: html`${duesTrail(view, [PAYMENTS, t('admin.dues.payments.title')])} ${heading(t('admin.dues.pay.title'), t('admin.dues.pay.text'))}
          ${summary(view, ['payer', 'cents', 'valueOn', 'note'])} ${payerSearch(view, ctx)} ${await payForm(desk, view, ctx)}`,
      }
    },
    async submit(staff, form) {
      const source = paymentSources.find((one) => one === form.get('source'))
      const id = idIn(form)
      if (!source) throw new AppError('invalid_value', { detail: 'not this page’s form' })
      const payerId = payerIn(form)
      const payer = await desk.core.store.members.get(payerId)
      if (payer?.organisationId !== (await treasury(desk)).id) throw new AppError('not_found', { field: 'payer' })
      await recordPayment(desk.core)({
        id,
        payerId,
        source,
        cents: eurosIn(form, 'cents'),
        valueOn: form.get('valueOn').trim() || (await today(desk.core)),
        note: form.get('note').trim(),
        actor: staff.accountId,
      })
      return `${PAYMENTS}?done=recorded`
    },
  })

export async function paymentOf(desk: Desk, ctx: Context) {
  const { store } = desk.core
  const found = await store.payments.get(ctx.params.payment ?? '')
  if (!found || found.organisationId !== (await treasury(desk)).id) throw new AppError('not_found')
  return { ...found, payer: await store.members.get(found.payerId), receipt: await store.payments.receiptOf(found.id) }
}
export type FoundPayment = Awaited<ReturnType<typeof paymentOf>>

async function paymentFacts(desk: Desk, view: View, found: FoundPayment): Promise<Html> {
  const { texts } = view
  const { t, money, day } = texts
  const name = await peopleNamed(desk, [found.recordedBy])
  const isRoot = rootOf(found) === found.id
  const family = isRoot ? await familyOf(desk.core.store, found) : [found]
  const onTerms = [...lyingOn(family).values()].reduce((sum, cents) => sum + cents, 0)
  const back = family.filter(({ refundsId }) => refundsId !== null).reduce((sum, { cents }) => sum - cents, 0)
  return facts([
    [t('admin.dues.payer'), link(`/admin/members/${found.payerId}`, found.payer?.name ?? found.payerId)],
    [t('dues.amount'), money(found.cents)],
    [t('admin.dues.on_terms'), money(onTerms)],
    ...(isRoot && back > 0 ? [[t('admin.dues.refund.done'), money(back)] as const] : []),
    [t('admin.dues.day'), day(found.valueOn)],
    [t('admin.dues.source'), sourceName(texts, found.source)],
    [t('admin.dues.receipt'), found.receipt && receiptNumber(found.receipt)],
    [t('admin.dues.note'), found.note],
    [t('admin.dues.recorded'), when(texts, found.recordedAt, await zoneOf(desk))],
    [t('admin.override.by'), name(found.recordedBy)],
    [
      t('admin.dues.bank_line'),
      found.bankLineId && link(`${DUES}/inbox/${found.bankLineId}`, t('admin.dues.payment.look')),
    ],
  ])
}

export const payment = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/dues/payments/:payment',
    async show(_staff, view, ctx) {
      const { t, money } = view.texts
      const found = await paymentOf(desk, ctx)
      const title = t('admin.dues.payment.title', { amount: money(found.cents), name: found.payer?.name ?? '' })
      const open = !found.reversed && found.reversesId === null
      const isRefund = found.refundsId !== null
      const undone = laterOf(await today(desk.core), found.valueOn)
      return {
        title,
        body: html`${duesTrail(view, [PAYMENTS, t('admin.dues.payments.title')])} ${heading(title)} ${outcome(view, ctx)} ${summary(view, ['note', 'valueOn'])}
          <p>${paymentState(view, found)}</p> ${await paymentFacts(desk, view, found)}
          ${acts([open && !isRefund && [`${PAYMENTS}/${found.id}/refund`, t('admin.dues.refund.title')]])}
          ${
            open &&
            html`<h2>${t('admin.dues.undo.title')}</h2><p>${t(isRefund ? 'admin.dues.undo.refund' : 'admin.dues.undo.text')}</p>
          <form method="post" class="act">${hidden(view)} ${dayField(view, { name: 'valueOn', label: t('admin.dues.map.value'), value: undone })} ${area(view, { name: 'note', label: t('admin.reason'), maxlength: 500 })}
            <button class="main bad">${t('admin.dues.undo.title')}</button></form>`
          }`,
      }
    },
    async submit(staff, form, _view, ctx) {
      const { id: paymentId } = await paymentOf(desk, ctx)
      const valueOn = form.get('valueOn').trim()
      await reversePayment(desk.core)({
        paymentId,
        note: form.get('note'),
        ...(valueOn && { valueOn }),
        actor: staff.accountId,
      })
      return `${PAYMENTS}?done=recorded`
    },
  })
