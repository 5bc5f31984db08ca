// Of one member, for whoever keeps the books: its tariff and who pays, what it paid and what of it lies where, what it was
// asked for and reminded of; and changing tariff and payer.
import { owedFor } from '../../src/domain/dues.ts'
import { AppError } from '../../src/domain/errors.ts'
import { formatOgm } from '../../src/domain/references.ts'
import type { Member, Reminder } from '../../src/ports.ts'
import { creditOf } from '../../src/usecases/payments.ts'
import { setMemberDues } from '../../src/usecases/tariffs.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { field } from '../parts.ts'
import { actPage } from './act.ts'
import { DUES, receiptNumber, sourceName } from './dues-parts.ts'
import { paymentState } from './dues-payments.ts'
import type { Staff } from './frame.ts'
import { memberOf } from './member.ts'
import { acts, badge, choice, facts, link, listed } from './parts.ts'
import { peopleNamed } from './states.ts'

const reminderKeys = {
  sent: 'admin.dues.reminder.sent',
  no_address: 'admin.dues.reminder.no_address',
  failed: 'admin.dues.reminder.failed',
  skipped: 'admin.dues.reminder.skipped',
} as const satisfies Record<Reminder['result'], TextKey>

async function agreed(desk: Desk, { texts: { t, money } }: View, { id }: Member): Promise<Html> {
  const { store } = desk.core
  const dues = await store.dues.member(id)
  const payer = dues?.payerId ? await store.members.get(dues.payerId) : undefined
  const others = (await store.dues.paidBy(id)).filter((other) => other.id !== id)
  const credit = (await creditOf(store, id)).reduce((sum, { cents }) => sum + cents, 0)
  return facts([
    [t('admin.dues.tariff'), dues?.tariff ?? t('admin.dues.no_tariff')],
    [t('admin.dues.paid_by'), payer ? link(`/admin/members/${payer.id}`, payer.name) : t('admin.dues.itself')],
    [
      t('admin.dues.pays_for'),
      others.length > 0 && html`${others.map((other) => html`${link(`/admin/members/${other.id}`, other.name)} `)}`,
    ],
    [t('admin.dues.credit'), money(credit)],
  ])
}

/** What the terms were that were cancelled, why and by whom; nothing while there are none. */
async function cancelledList(desk: Desk, { texts }: View, { id }: Member): Promise<Html> {
  const { t, day, money } = texts
  const gone = (await desk.core.store.books.kept(id)).terms.filter(({ cancelledAt }) => cancelledAt !== null)
  const name = await peopleNamed(
    desk,
    gone.flatMap(({ cancelledBy }) => cancelledBy ?? []),
  )
  if (gone.length === 0) return html``
  return listed(
    t('admin.dues.cancelled_terms'),
    [t('admin.term.from'), t('admin.term.to'), t('admin.dues.due'), t('admin.why'), t('admin.override.by')],
    gone
      .toReversed()
      .map(({ startOn, endOn, dueCents, exempt, cancelReason, cancelledBy }) => [
        day(startOn),
        endOn === null ? t('admin.term.for_life') : day(endOn),
        exempt ? t('admin.term.exempt') : money(dueCents),
        cancelReason,
        cancelledBy && name(cancelledBy),
      ]),
    '',
  )
}

async function termList(desk: Desk, { texts }: View, { id }: Member): Promise<Html> {
  const { t, day, money } = texts
  const terms = (await desk.core.store.standings.terms(id)).toReversed()
  return listed(
    t('admin.dues.terms'),
    [
      t('admin.term.from'),
      t('admin.term.to'),
      t('admin.dues.due'),
      t('admin.dues.paid'),
      t('admin.state'),
      t('admin.dues.correct'),
    ],
    terms.map((term) => [
      day(term.startOn),
      term.endOn === null ? t('admin.term.for_life') : day(term.endOn),
      money(term.dueCents),
      money(term.paidCents),
      term.exempt
        ? html`${badge(t('admin.term.exempt'), 'good')}${term.reason && html` <small>${term.reason}</small>`}`
        : owedFor(term) > 0
          ? badge(t('dues.state.open', { amount: money(owedFor(term)) }), 'warn')
          : badge(t('admin.term.covered'), 'good'),
      link(`/admin/members/${id}/terms/${term.id}`, t('admin.dues.correct')),
    ]),
    t('admin.terms.none'),
  )
}

async function paymentList(desk: Desk, view: View, { id }: Member): Promise<Html> {
  const { texts } = view
  const { t, day, money } = texts
  const { payments } = desk.core.store
  const rows = await Promise.all(
    (await payments.ofPayer(id)).map(async (payment) => {
      const receipt = await payments.receiptOf(payment.id)
      const label = receipt ? t('dues.receipt', { number: receiptNumber(receipt) }) : t('admin.dues.payment.look')
      return [
        day(payment.valueOn),
        money(payment.cents),
        sourceName(texts, payment.source),
        link(`${DUES}/payments/${payment.id}`, label),
        paymentState(view, payment),
      ]
    }),
  )
  return listed(
    t('admin.dues.payments.title'),
    [t('admin.dues.day'), t('dues.amount'), t('admin.dues.source'), t('admin.dues.receipt'), t('admin.state')],
    rows,
    t('admin.dues.payments.none'),
  )
}

async function asking(desk: Desk, { texts: { t, day, money } }: View, { id }: Member): Promise<Html> {
  const { calls, reminders } = desk.core.store
  const made = await calls.ofPayer(id)
  return html`${listed(
    t('admin.dues.calls'),
    [t('admin.dues.reference'), t('dues.amount'), t('admin.dues.issued'), t('dues.due'), t('admin.dues.correct')],
    made.map(({ id: call, ogm, lines, issuedOn, dueOn, cancelledAt }) => [
      html`<code>${formatOgm(ogm)}</code>`,
      money(lines.reduce((sum, { cents }) => sum + cents, 0)),
      day(issuedOn),
      day(dueOn),
      cancelledAt === null
        ? link(`/admin/members/${id}/calls/${call}`, t('admin.dues.correct'))
        : badge(t('admin.dues.cancelled'), 'warn'),
    ]),
    t('admin.dues.calls_none'),
  )}
  ${listed(
    t('admin.dues.reminders_sent'),
    [t('admin.dues.reminder.on'), t('admin.covered_until'), t('admin.dues.reminder.rule'), t('admin.state')],
    (await reminders.ofMember(id)).map(({ sentOn, coveredUntilOn, ruleDay, result }) => [
      day(sentOn),
      day(coveredUntilOn),
      t('admin.dues.days', { days: ruleDay }),
      badge(t(reminderKeys[result]), result === 'sent' ? 'good' : result === 'skipped' ? 'quiet' : 'warn'),
    ]),
    t('admin.dues.reminders_none'),
  )}`
}

/** The part of a member's page about its dues. */
export async function membersDues(desk: Desk, view: View, member: Member): Promise<Html> {
  const { t } = view.texts
  return html`<h2>${t('admin.nav.dues')}</h2>${await agreed(desk, view, member)}
    ${acts([
      [`/admin/members/${member.id}/dues`, t('admin.dues.member.title')],
      [`/admin/members/${member.id}/tariff`, t('admin.dues.change.title')],
      [`/admin/members/${member.id}/exempt`, t('admin.dues.exempt.title')],
      [`${DUES}/payments/new?payer=${member.id}`, t('admin.dues.pay.title')],
    ])}
    ${await termList(desk, view, member)} ${await cancelledList(desk, view, member)} ${await paymentList(desk, view, member)} ${await asking(desk, view, member)}`
}

export const memberDuesAct = (desk: Desk): Page<Staff> =>
  actPage<Member>(desk, {
    path: '/admin/members/:id/dues',
    find: (ctx) => memberOf(desk, ctx.params.id),
    back: ({ id, name }) => [`/admin/members/${id}`, name],
    title: 'admin.dues.member.title_of',
    lead: 'admin.dues.member.text',
    button: 'admin.save',
    own: ['payer'],
    async fields(member, view) {
      const { t } = view.texts
      const { store } = desk.core
      const now = await store.dues.member(member.id)
      const names = [...new Set((await store.dues.tariffs(member.organisationId)).map(({ name }) => name))]
      const payer = now?.payerId ? await store.members.get(now.payerId) : undefined
      const options = [['', t('admin.dues.no_tariff')] as const, ...names.map((name) => [name, name] as const)]
      return html`${choice(view, { name: 'tariff', label: t('admin.dues.tariff'), options, value: now?.tariff ?? '' })}
        ${field(view, { name: 'payer', label: t('admin.dues.payer_number'), hint: t('admin.dues.payer_number_hint'), value: payer?.memberNumber ?? '', autocomplete: 'off', required: false })}`
    },
    async work(member, form, staff) {
      const number = form.get('payer').trim()
      const payer = number && (await desk.core.store.members.byNumber(member.organisationId, number))
      if (number && !payer) throw new AppError('not_found', { field: 'payer', detail: 'there is no such member' })
      const tariff = form.get('tariff') || null
      await setMemberDues(desk.core)({
        memberId: member.id,
        tariff,
        payerId: payer ? payer.id : null,
        actor: staff.accountId,
      })
      return `/admin/members/${member.id}?done=changed`
    },
  })
