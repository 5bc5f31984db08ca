// What the treasurer does to a member's terms and calls by hand: an exemption, its early end, and taking back what was asked
// for by mistake.
import type { Context } from 'koa'
import { formatOgm } from '../../src/domain/references.ts'
import type { Call, CallLine, Member, PaidTerm } from '../../src/ports.ts'
import { liveTerm } from '../../src/usecases/by-hand.ts'
import { today } from '../../src/usecases/standing.ts'
import { callOf, cancelCall, cancelTerm, endExemption, exempt } from '../../src/usecases/terms.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { field, heading, hidden, summary } from '../parts.ts'
import { actPage } from './act.ts'
import { type Staff, staffPage } from './frame.ts'
import { memberOf } from './member.ts'
import { dayField, facts, tick, trail } from './parts.ts'

const pathOf = ({ id }: Member): string => `/admin/members/${id}`
const DONE = 'done=recorded'

const reasonField = (view: View): Html =>
  field(view, { name: 'reason', label: view.texts.t('admin.reason'), autocomplete: 'off' })

export const exemptAct = (desk: Desk): Page<Staff> =>
  actPage<Member>(desk, {
    path: '/admin/members/:id/exempt',
    find: (ctx) => memberOf(desk, ctx.params.id),
    back: (member) => [pathOf(member), member.name],
    title: 'admin.dues.exempt.title_of',
    lead: 'admin.dues.exempt.text',
    button: 'admin.dues.exempt.submit',
    own: ['fromOn', 'untilOn', 'reason'],
    async fields(_member, view) {
      const { t } = view.texts
      return html`${dayField(view, { name: 'fromOn', label: t('admin.dues.valid_from'), value: await today(desk.core) })}
        ${dayField(view, { name: 'untilOn', label: t('admin.dues.exempt.until'), hint: t('admin.dues.exempt.until_hint') })}
        ${reasonField(view)}`
    },
    async work(member, form, staff) {
      await exempt(desk.core)({
        memberId: member.id,
        fromOn: form.get('fromOn').trim() || (await today(desk.core)),
        untilOn: form.get('untilOn').trim() || null,
        reason: form.get('reason'),
        actor: staff.accountId,
      })
      return `${pathOf(member)}?${DONE}`
    },
  })

type Correction = { member: Member; term: PaidTerm }

async function termOf(desk: Desk, ctx: Context): Promise<Correction> {
  const member = await memberOf(desk, ctx.params.id)
  return { member, term: await liveTerm(desk.core.store, member.id, ctx.params.term ?? '') }
}

function termFacts(
  { texts: { t, day, money } }: View,
  { startOn, endOn, dueCents, paidCents, exempt: free, reason }: PaidTerm,
) {
  return facts([
    [t('admin.term.from'), day(startOn)],
    [t('admin.term.to'), endOn === null ? t('admin.term.for_life') : day(endOn)],
    [t('admin.dues.due'), free ? t('admin.term.exempt') : money(dueCents)],
    [t('admin.dues.paid'), free ? undefined : money(paidCents)],
    [t('admin.why'), reason],
  ])
}

const withoutTariff = (view: View): Html =>
  tick(
    'withoutTariff',
    'yes',
    view.texts.t('admin.dues.without_tariff_after'),
    view.typed?.get('withoutTariff') === 'yes',
  )

/** A term is corrected by what it is: an exemption is ended with a day, any other is cancelled. */
export const termPage = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/members/:id/terms/:term',
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const { member, term } = await termOf(desk, ctx)
      const { name } = member
      const title = t(term.exempt ? 'admin.dues.exempt.end_title' : 'admin.dues.term.cancel_title', { name })
      const lead = t(term.exempt ? 'admin.dues.exempt.end_text' : 'admin.dues.term.cancel_text')
      const lastOn = dayField(view, {
        name: 'lastOn',
        label: t('admin.dues.exempt.until'),
        hint: t('admin.dues.exempt.end_hint'),
        value: await today(desk.core),
      })
      return {
        title,
        body: html`${trail(view, [pathOf(member), name])} ${heading(title, lead)} ${summary(view, ['lastOn', 'reason'])} ${termFacts(view, term)}
          <form method="post" class="act">${hidden(view)} ${term.exempt && lastOn} ${reasonField(view)} ${!term.exempt && withoutTariff(view)}
            <button class="main bad">${t(term.exempt ? 'admin.dues.exempt.end_submit' : 'admin.dues.term.cancel_submit')}</button>
            <a class="button" href="${pathOf(member)}">${t('cancel')}</a></form>`,
      }
    },
    async submit(staff, form, _view, ctx) {
      const { member, term } = await termOf(desk, ctx)
      const given = { memberId: member.id, termId: term.id, reason: form.get('reason'), actor: staff.accountId }
      if (term.exempt) await endExemption(desk.core)({ ...given, lastOn: form.get('lastOn').trim() })
      else await cancelTerm(desk.core)({ ...given, withoutTariff: form.get('withoutTariff') === 'yes' })
      return `${pathOf(member)}?${DONE}`
    },
  })

type Asked = { member: Member; call: Call & { lines: CallLine[] } }

export const callAct = (desk: Desk): Page<Staff> =>
  actPage<Asked & { name: string }>(desk, {
    path: '/admin/members/:id/calls/:call',
    async find(ctx) {
      const member = await memberOf(desk, ctx.params.id)
      return { member, name: member.name, call: await callOf(desk.core.store, member.id, ctx.params.call ?? '') }
    },
    back: ({ member }) => [pathOf(member), member.name],
    title: 'admin.dues.call.cancel_title',
    lead: 'admin.dues.call.cancel_text',
    button: 'admin.dues.call.cancel_submit',
    closes: true,
    own: ['reason'],
    fields({ call }, view) {
      const { t, money, day } = view.texts
      return html`${facts([
        [t('admin.dues.reference'), html`<code>${formatOgm(call.ogm)}</code>`],
        [t('dues.amount'), money(call.lines.reduce((sum, { cents }) => sum + cents, 0))],
        [t('admin.dues.issued'), day(call.issuedOn)],
      ])} ${reasonField(view)} ${withoutTariff(view)}`
    },
    async work({ member, call }, form: Form, staff) {
      await cancelCall(desk.core)({
        payerId: member.id,
        callId: call.id,
        reason: form.get('reason'),
        withoutTariff: form.get('withoutTariff') === 'yes',
        actor: staff.accountId,
      })
      return `${pathOf(member)}?${DONE}`
    },
  })
