// What the assembly decided: tariffs and rules with where it was decided, never changed, only followed by a version; and the
// account on which dues are paid.
import { type Period, periods } from '../../src/domain/dues.ts'
import { AppError } from '../../src/domain/errors.ts'
import { formatIban } from '../../src/domain/references.ts'
import type { Tariff } from '../../src/ports.ts'
import { rulesOn, today } from '../../src/usecases/standing.ts'
import { addRules, addTariff, setBankAccount } from '../../src/usecases/tariffs.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey, Texts } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { field, heading } from '../parts.ts'
import { type Act, actPage } from './act.ts'
import { DUES, duesTrail, eurosIn, treasury, typedEuros, wholeIn } from './dues-parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { acts, choice, dayField, facts, listed, outcome } from './parts.ts'

const TARIFFS = `${DUES}/tariffs`

const periodKeys = {
  year: 'admin.dues.period.year',
  rolling: 'admin.dues.period.rolling',
  life: 'admin.dues.period.life',
} as const satisfies Record<Period, TextKey>

const lasts = ({ t }: Texts, { period, months, yearStartsOn }: Tariff): string =>
  t(periodKeys[period], { months, start: yearStartsOn.split('-').reverse().join('/') })

const decision = ({ day }: Texts, { decisionRef, decidedOn }: Pick<Tariff, 'decisionRef' | 'decidedOn'>): string =>
  decidedOn ? `${decisionRef} (${day(decidedOn)})` : decisionRef

const tariffList = ({ texts }: View, all: readonly Tariff[]): Html => {
  const { t, day, money } = texts
  return listed(
    t('admin.dues.tariffs'),
    [t('admin.name'), t('dues.amount'), t('admin.dues.covers'), t('admin.dues.valid_from'), t('admin.dues.decision')],
    all
      .toSorted((a, b) => a.name.localeCompare(b.name) || (a.validFromOn < b.validFromOn ? 1 : -1))
      .map((tariff) => [
        tariff.name,
        money(tariff.amountCents),
        lasts(texts, tariff),
        day(tariff.validFromOn),
        decision(texts, tariff),
      ]),
    t('admin.dues.tariffs_none'),
  )
}

async function rulesList(desk: Desk, { texts }: View): Promise<Html> {
  const { t, day, money } = texts
  const { id } = await treasury(desk)
  const rules = await desk.core.store.dues.rules(id)
  return listed(
    t('admin.dues.rules'),
    [
      t('admin.dues.valid_from'),
      t('admin.dues.grace'),
      t('admin.dues.late'),
      t('admin.dues.tolerance'),
      t('admin.dues.reminders'),
      t('admin.dues.decision'),
    ],
    rules
      .toReversed()
      .map((one) => [
        day(one.validFromOn),
        t('admin.dues.days', { days: one.graceDays }),
        t(one.lateRenewal === 'continue' ? 'admin.dues.late.continue' : 'admin.dues.late.restart'),
        money(one.toleranceCents),
        one.reminderDays.join(', '),
        decision(texts, one),
      ]),
    t('admin.dues.rules_none'),
  )
}

async function accountFacts(desk: Desk, { texts: { t } }: View): Promise<Html> {
  const account = await desk.core.store.dues.account((await treasury(desk)).id)
  if (!account) return html`<p class="notice warn">${t('admin.dues.no_account')}</p>`
  return facts([
    [t('dues.account'), formatIban(account.iban)],
    [t('dues.holder'), account.holder],
    ['BIC', account.bic],
  ])
}

export const tariffs = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: TARIFFS,
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const all = await desk.core.store.dues.tariffs((await treasury(desk)).id)
      return {
        title: t('admin.dues.tariffs.title'),
        body: html`${duesTrail(view)} ${heading(t('admin.dues.tariffs.title'), t('admin.dues.tariffs.text'))} ${outcome(view, ctx)}
          ${tariffList(view, all)} ${acts([[`${TARIFFS}/new`, t('admin.dues.tariff.title')]])}
          ${await rulesList(desk, view)} ${acts([[`${TARIFFS}/rules`, t('admin.dues.rules.title')]])}
          <h2>${t('admin.dues.account.title')}</h2>${await accountFacts(desk, view)} ${acts([[`${TARIFFS}/account`, t('admin.dues.account.change')]])}`,
      }
    },
  })

type Given = Omit<Act<undefined>, 'find' | 'back' | 'fields'> & { fields(view: View): Promise<Html> }

/** An act on nothing in particular. */
const decide = (desk: Desk, { fields, ...given }: Given): Page<Staff> =>
  actPage<undefined>(desk, {
    ...given,
    find: async () => undefined,
    back: (_, { texts: { t } }) => [TARIFFS, t('admin.dues.tariffs.title')],
    fields: (_, view) => fields(view),
  })

const decisionFields = (view: View, on: string): Html => {
  const { t } = view.texts
  return html`${dayField(view, { name: 'validFromOn', label: t('admin.dues.valid_from'), value: on })}
    ${dayField(view, { name: 'decidedOn', label: t('admin.dues.decided_on') })}
    ${field(view, { name: 'decisionRef', label: t('admin.dues.decision'), hint: t('admin.dues.decision_hint'), autocomplete: 'off' })}`
}
const decisionIn = async (desk: Desk, form: Form, staff: Staff) => ({
  validFromOn: form.get('validFromOn').trim() || (await today(desk.core)),
  decidedOn: form.get('decidedOn').trim() || null,
  decisionRef: form.get('decisionRef').trim(),
  actor: staff.accountId,
})
const DECISION = ['validFromOn', 'decidedOn', 'decisionRef'] as const

export const tariffAct = (desk: Desk): Page<Staff> =>
  decide(desk, {
    path: `${TARIFFS}/new`,
    title: 'admin.dues.tariff.title',
    lead: 'admin.dues.tariff.text',
    button: 'admin.save',
    own: ['name', 'amountCents', 'months', 'yearStartsOn', ...DECISION],
    async fields(view) {
      const { t } = view.texts
      const options = periods.map((one) => [one, t(periodKeys[one], { months: '…', start: '…' })] as const)
      return html`${field(view, { name: 'name', label: t('admin.name'), hint: t('admin.dues.tariff.name_hint'), autocomplete: 'off' })}
        ${field(view, { name: 'amountCents', label: t('admin.dues.amount_euros'), autocomplete: 'off' })}
        ${choice(view, { name: 'period', label: t('admin.dues.covers'), options })}
        ${field(view, { name: 'yearStartsOn', label: t('admin.dues.year_starts'), hint: t('admin.dues.year_starts_hint'), value: '01-01', autocomplete: 'off' })}
        ${field(view, { name: 'months', label: t('admin.dues.months'), value: '12', autocomplete: 'off' })}
        ${decisionFields(view, await today(desk.core))}`
    },
    async work(_, form, staff) {
      const period = periods.find((one) => one === form.get('period'))
      if (!period) throw new AppError('invalid_value', { field: 'period' })
      await addTariff(desk.core)({
        name: form.get('name'),
        period,
        yearStartsOn: form.get('yearStartsOn').trim(),
        months: wholeIn(form, 'months'),
        amountCents: eurosIn(form, 'amountCents'),
        ...(await decisionIn(desk, form, staff)),
      })
      return `${TARIFFS}?done=recorded`
    },
  })

export const rulesAct = (desk: Desk): Page<Staff> =>
  decide(desk, {
    path: `${TARIFFS}/rules`,
    title: 'admin.dues.rules.title',
    lead: 'admin.dues.rules.text',
    button: 'admin.save',
    own: ['graceDays', 'lateContinueDays', 'toleranceCents', 'reminderDays', ...DECISION],
    async fields(view) {
      const { t } = view.texts
      const on = await today(desk.core)
      const { rules } = await rulesOn(desk.core, desk.core.store, (await treasury(desk)).id, on)
      const late = [
        ['restart', t('admin.dues.late.restart')],
        ['continue', t('admin.dues.late.continue')],
      ] as const
      return html`${field(view, { name: 'graceDays', label: t('admin.dues.grace_days'), value: String(rules.graceDays), autocomplete: 'off' })}
        ${choice(view, { name: 'lateRenewal', label: t('admin.dues.late'), options: late, value: rules.lateRenewal })}
        ${field(view, { name: 'lateContinueDays', label: t('admin.dues.late_days'), value: String(rules.lateContinueDays), autocomplete: 'off' })}
        ${field(view, { name: 'toleranceCents', label: t('admin.dues.tolerance_euros'), value: typedEuros(rules.toleranceCents), autocomplete: 'off' })}
        ${field(view, { name: 'reminderDays', label: t('admin.dues.reminders'), hint: t('admin.dues.reminders_hint'), value: rules.reminderDays.join(', '), autocomplete: 'off', required: false })}
        ${decisionFields(view, on)}`
    },
    async work(_, form, staff) {
      const typed = form
        .get('reminderDays')
        .split(/[\s,;]+/)
        .filter(Boolean)
      if (typed.some((day) => !/^-?\d{1,4}$/.test(day)))
        throw new AppError('invalid_value', { field: 'reminderDays', detail: 'days are whole numbers' })
      await addRules(desk.core)({
        graceDays: wholeIn(form, 'graceDays'),
        lateRenewal: form.get('lateRenewal') === 'continue' ? 'continue' : 'restart',
        lateContinueDays: wholeIn(form, 'lateContinueDays'),
        toleranceCents: eurosIn(form, 'toleranceCents'),
        reminderDays: typed.map(Number),
        ...(await decisionIn(desk, form, staff)),
      })
      return `${TARIFFS}?done=recorded`
    },
  })

export const accountAct = (desk: Desk): Page<Staff> =>
  decide(desk, {
    path: `${TARIFFS}/account`,
    title: 'admin.dues.account.title',
    lead: 'admin.dues.account.text',
    button: 'admin.save',
    own: ['iban', 'holder', 'bic'],
    async fields(view) {
      const { t } = view.texts
      const account = await desk.core.store.dues.account((await treasury(desk)).id)
      const iban = account ? formatIban(account.iban) : ''
      return html`${field(view, { name: 'iban', label: 'IBAN', value: iban, autocomplete: 'off' })}
        ${field(view, { name: 'holder', label: t('dues.holder'), hint: t('admin.dues.holder_hint'), value: account?.holder ?? '', autocomplete: 'off' })}
        ${field(view, { name: 'bic', label: 'BIC', hint: t('admin.dues.bic_hint'), value: account?.bic ?? '', autocomplete: 'off', required: false })}`
    },
    async work(_, form, staff) {
      const bic = form.get('bic').replace(/\s/g, '').toUpperCase() || null
      await setBankAccount(desk.core)({
        iban: form.get('iban'),
        holder: form.get('holder'),
        bic,
        actor: staff.accountId,
      })
      return `${TARIFFS}?done=recorded`
    },
  })
