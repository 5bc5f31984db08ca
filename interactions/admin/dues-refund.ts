// Money that goes back to who paid, whole or in part.
import { laterOf } from '../../src/domain/time.ts'
import { refundable, refundPayment } from '../../src/usecases/refunds.ts'
import { today } from '../../src/usecases/standing.ts'
import { html } from '../../src/web/html.ts'
import type { Page } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { field } from '../parts.ts'
import { actPage } from './act.ts'
import { DUES, eurosIn, formId, idIn, typedEuros } from './dues-parts.ts'
import { type FoundPayment, paymentOf } from './dues-payments.ts'
import type { Staff } from './frame.ts'
import { dayField, facts } from './parts.ts'

const pathOf = ({ id }: FoundPayment): string => `${DUES}/payments/${id}`

export const refundAct = (desk: Desk): Page<Staff> =>
  actPage<FoundPayment>(desk, {
    path: '/admin/dues/payments/:payment/refund',
    find: (ctx) => paymentOf(desk, ctx),
    back: (found) => [pathOf(found), found.payer?.name ?? ''],
    title: 'admin.dues.refund.title_of',
    lead: 'admin.dues.refund.text',
    button: 'admin.dues.refund.submit',
    closes: true,
    own: ['cents', 'valueOn', 'note'],
    async fields(found, view) {
      const { t, money, day } = view.texts
      const rest = await refundable(desk.core.store, found)
      return html`${facts([
        [t('dues.amount'), money(found.cents)],
        [t('admin.dues.day'), day(found.valueOn)],
        [t('admin.dues.refund.rest'), money(rest)],
      ])}<input type="hidden" name="id" value="${formId(desk, view)}">
        ${field(view, { name: 'cents', label: t('admin.dues.amount_euros'), autocomplete: 'off', value: typedEuros(rest) })}
        ${dayField(view, { name: 'valueOn', label: t('admin.dues.refund.on'), value: laterOf(await today(desk.core), found.valueOn) })}
        ${field(view, { name: 'note', label: t('admin.dues.note'), autocomplete: 'off' })}`
    },
    async work(found, form, staff) {
      const valueOn = form.get('valueOn').trim()
      await refundPayment(desk.core)({
        id: idIn(form),
        paymentId: found.id,
        cents: eurosIn(form, 'cents'),
        ...(valueOn && { valueOn }),
        note: form.get('note'),
        actor: staff.accountId,
      })
      return `${pathOf(found)}?done=recorded`
    },
  })
