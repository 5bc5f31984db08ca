// My dues: what is owed and how to pay it, as text and as a code beside it; the periods, the payments and their receipts.
import encodeQR from 'qr'
import { owedFor } from '../src/domain/dues.ts'
import { AppError } from '../src/domain/errors.ts'
import { formatIban, formatOgm } from '../src/domain/references.ts'
import type { CivilDate } from '../src/domain/time.ts'
import type { AccountInForce, PaidTerm } from '../src/ports.ts'
import { duesOf, type MembersDues, type ToPay } from '../src/usecases/dues-of.ts'
import { today } from '../src/usecases/standing.ts'
import { type Html, html, trusted } from '../src/web/html.ts'
import type { Page } from '../src/web/page.ts'
import type { Texts } from '../src/web/texts.ts'
import type { Desk } from './desk.ts'
import { payload } from './dues-letters.ts'
import { heading } from './parts.ts'

const HERE = '/account/dues'

const span = ({ t, day }: Texts, { startOn, endOn }: Pick<PaidTerm, 'startOn' | 'endOn'>): string =>
  endOn === null
    ? t('dues.for_life', { start: day(startOn) })
    : t('dues.span', { start: day(startOn), end: day(endOn) })

const receiptNumber = ({ year, number }: { year: number; number: number }): string =>
  `${year}-${String(number).padStart(4, '0')}`

/** What is owed, and how to pay it, below a heading. A day that is over is none to pay before. */
export function payment(texts: Texts, due: ToPay, on: CivilDate): Html {
  const { t, money, day } = texts
  const { terms, cents, call, account } = due
  const facts: [string, string][] = [
    [t('dues.amount'), money(cents)],
    [t('dues.account'), formatIban(account.iban)],
    [t('dues.holder'), account.holder],
    [t('dues.communication'), formatOgm(call.ogm)],
    ...(call.dueOn < on ? [] : [[t('dues.due'), day(call.dueOn)] as [string, string]]),
  ]
  return html`<ul class="rows">
      ${terms.map((term) => html`<li><span>${term.member.name}<br><small>${span(texts, term)}</small></span><span>${money(owedFor(term))}${term.paidCents > 0 && html`<br><small>${t('dues.part', { paid: money(term.paidCents), due: money(term.dueCents) })}</small>`}</span></li>`)}
    </ul>
    <h3>${t('dues.how')}</h3>
    <p>${t('dues.scan')}</p>
    <div class="pay">
      <div class="qr" role="img" aria-label="${t('dues.qr')}">${trusted(encodeQR(payload(due), 'svg', { ecc: 'medium' }))}</div>
      <dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
    </div>`
}

function termRow(texts: Texts, term: PaidTerm): Html {
  const { t, money } = texts
  const owed = owedFor(term)
  const [tone, state] = term.exempt
    ? ['', t('dues.state.exempt')]
    : owed > 0
      ? ['warn', t('dues.state.open', { amount: money(owed) })]
      : ['', t('dues.state.covered')]
  return html`<li><span>${span(texts, term)}</span><span class="state ${tone}">${state}</span></li>`
}

function paymentRow(
  { t, day, money }: Texts,
  { id, valueOn, cents, reversed, refundsId, receipt }: MembersDues['payments'][number],
): Html {
  const note = reversed ? t('dues.reversed') : refundsId && cents < 0 ? t('dues.refund') : ''
  return html`<li><span>${day(valueOn)}${note && html` <small>${note}</small>`}</span><span>${money(cents)}</span>
    ${receipt && html`<a class="whole" href="${HERE}/receipt/${id}">${t('dues.receipt', { number: receiptNumber(receipt) })}</a>`}</li>`
}

function section(
  texts: Texts,
  { member, paidBy, toPay, creditCents, terms, payments }: MembersDues,
  on: CivilDate,
): Html {
  const { t, money } = texts
  return html`<section>
    <h2>${member.name}</h2>
    ${paidBy && html`<p>${t('dues.paid_by', { name: paidBy.name })}</p>`}
    ${!paidBy && html`<h3>${t('dues.owed')}</h3>${toPay ? payment(texts, toPay, on) : html`<p>${t('dues.nothing')}</p>`}`}
    ${creditCents > 0 && html`<p>${t('dues.credit', { amount: money(creditCents) })}</p>`}
    ${terms.length > 0 && html`<h3>${t('dues.history')}</h3><ul class="rows">${terms.map((term) => termRow(texts, term))}</ul>`}
    ${payments.length > 0 && html`<h3>${t('dues.payments')}</h3><ul class="rows">${payments.map((one) => paymentRow(texts, one))}</ul>`}
  </section>`
}

export const dues = (desk: Desk): Page<AccountInForce> => ({
  path: HERE,
  guard: desk.house.guard,
  async show({ accountId }, { texts }) {
    const { t } = texts
    const all = await duesOf(desk.core)(accountId)
    const on = await today(desk.core)
    return {
      title: t('dues.title'),
      body: html`${heading(t('dues.title'))}
        ${all.length === 0 ? html`<p>${t('dues.none')}</p>` : all.map((one) => section(texts, one, on))}
        <a class="button" href="/">${t('back_home')}</a>`,
    }
  },
})

/** A page to print. Somebody else's receipt is as absent as one that never was. */
export const receipt = (desk: Desk): Page<AccountInForce> => ({
  path: `${HERE}/receipt/:payment`,
  guard: desk.house.guard,
  async show({ accountId }, { texts }, ctx) {
    const { t, day, money } = texts
    const { name: association } = await desk.organisation()
    const all = await duesOf(desk.core)(accountId)
    const payments = all.flatMap(({ member, payments: own }) => own.map((one) => ({ member, ...one })))
    const found = payments.find(({ id }) => id === ctx.params.payment)
    if (!found?.receipt) throw new AppError('not_found')
    const back = payments.filter(({ refundsId }) => refundsId === found.id).reduce((sum, { cents }) => sum - cents, 0)
    const title = t('dues.receipt', { number: receiptNumber(found.receipt) })
    return {
      title,
      body: html`${heading(title)}
        ${found.reversed && html`<div class="notice"><p>${t('dues.receipt_cancelled')}</p></div>`}
        ${!found.reversed && back > 0 && html`<div class="notice"><p>${t('dues.receipt_refunded', { amount: money(back) })}</p></div>`}
        <p>${t('dues.receipt_text', { association, name: found.member.name, amount: money(found.cents), day: day(found.valueOn) })}</p>
        <p>${day(found.receipt.issuedOn)}<br>${association}</p>
        <a class="button" href="${HERE}">${t('dues.back')}</a>`,
    }
  },
})
