// What the treasurer's pages have in common: the way up, references as people write them, choosing who pays.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import { parseEuros } from '../../src/domain/money.ts'
import { formatOgm, formatRf, parseOgm, parseRf } from '../../src/domain/references.ts'
import { type Member, type Organisation, type PaymentSource, paymentSources } from '../../src/ports.ts'
import { organisationNamed } from '../../src/usecases/members.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { View } from '../../src/web/page.ts'
import type { TextKey, Texts } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { asked, filters, filterText, trail } from './parts.ts'

export const DUES = '/admin/dues'

/** The organisation whose money it is. */
export const treasury = (desk: Desk): Promise<Organisation> => organisationNamed(desk.core.store)

export const duesTrail = (view: View, ...more: readonly (readonly [href: string, text: string])[]): Html =>
  trail(view, [DUES, view.texts.t('admin.nav.dues')], ...more)

/** A reference as it stands on a transfer. */
export const written = (reference: string): string => {
  if (parseOgm(reference)) return formatOgm(reference)
  return parseRf(reference) ? formatRf(reference) : reference
}

export const receiptNumber = ({ year, number }: { year: number; number: number }): string =>
  `${year}-${String(number).padStart(4, '0')}`

const sourceKeys = {
  bank: 'admin.dues.source.bank',
  cash: 'admin.dues.source.cash',
  cheque: 'admin.dues.source.cheque',
  card: 'admin.dues.source.card',
  other: 'admin.dues.source.other',
} as const satisfies Record<PaymentSource, TextKey>
export const sourceName = ({ t }: Texts, source: PaymentSource): string => t(sourceKeys[source])
export const sourceOptions = (texts: Texts) =>
  paymentSources.map((source) => [source, sourceName(texts, source)] as const)

/** The cents of a field in which euros were typed. Throws `invalid_value` of that field. */
export function eurosIn(form: Form, name: string): number {
  const cents = parseEuros(form.get(name))
  if (cents === undefined) throw new AppError('invalid_value', { field: name, detail: 'not an amount of money' })
  return cents
}
/** Cents as they are typed. */
export const typedEuros = (cents: number): string => (cents / 100).toFixed(2).replace('.', ',')

/** A whole number in a field. Throws `invalid_value` of that field. */
export function wholeIn(form: Form, name: string): number {
  const typed = form.get(name).trim()
  if (!/^-?\d{1,6}$/.test(typed)) throw new AppError('invalid_value', { field: name, detail: 'not a whole number' })
  return Number(typed)
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** Of the form, not of the sending: what is sent twice is recorded once. */
export const formId = (desk: Desk, view: View): string => view.typed?.get('id') || desk.core.random.uuid()
/** Throws `invalid_value` of no field: nobody typed it. */
export function idIn(form: Form): string {
  const id = form.get('id')
  if (!UUID.test(id)) throw new AppError('invalid_value', { detail: 'not this page’s form' })
  return id
}

const MOST_FOUND = 20

/** One who may have paid: as found, and what is owed. */
export type Candidate = { member: Member; cents: number; suggested: boolean }

/** Who may have paid: whoever is suggested first, then those whom the search of this page finds. */
export async function candidates(desk: Desk, ctx: Context, suggested?: string | null): Promise<Candidate[]> {
  const { store } = desk.core
  const { id: organisationId } = await treasury(desk)
  const text = asked(ctx, 'text')
  const found = text === '' ? [] : await store.members.list({ text, limit: MOST_FOUND })
  const ids = [suggested, asked(ctx, 'payer'), ...found.map(({ id }) => id)].filter(Boolean) as string[]
  const members = await Promise.all([...new Set(ids)].map((id) => store.members.get(id)))
  const owing = new Map((await store.payments.owing(organisationId)).map(({ payerId, cents }) => [payerId, cents]))
  return members
    .filter((member) => member !== undefined && member.organisationId === organisationId)
    .map((member) => ({ member: member!, cents: owing.get(member!.id) ?? 0, suggested: member!.id === suggested }))
}

/** The search for who paid; its answer has an address, so that it works without JavaScript. */
export const payerSearch = (view: View, ctx: Context): Html =>
  filters(view, filterText('text', view.texts.t('admin.dues.payer_search'), asked(ctx, 'text')))

/** The choice among those who were found; the first is chosen when it is suggested or the only one. */
export function payerChoice(view: View, found: readonly Candidate[]): Html {
  const { t, money } = view.texts
  const typed = view.typed?.get('payer')
  const chosen = typed || (found[0]?.suggested || found.length === 1 ? found[0]?.member.id : undefined)
  const wrong = view.mistake?.field === 'payer' ? view.mistake.message : undefined
  return html`<fieldset${wrong && html` aria-describedby="payer-wrong"`}><legend>${t('admin.dues.payer_choice')}</legend>
    ${wrong && html`<p class="wrong" id="payer-wrong">${wrong}</p>`}
    ${found.map(
      ({ member: { id, name, memberNumber }, cents, suggested }) =>
        html`<label class="check" for="payer-${id}"><input id="payer-${id}" name="payer" type="radio" value="${id}" required${id === chosen && html` checked`}>
          <span>${name} <small>${memberNumber} · ${cents > 0 ? t('admin.dues.owes', { amount: money(cents) }) : t('admin.dues.owes_nothing')}${suggested && ` · ${t('admin.dues.suggested')}`}</small></span></label>`,
    )}
  </fieldset>`
}

/** The member that was chosen. Throws `required` of the field. */
export function payerIn(form: Form): string {
  const payerId = form.get('payer')
  if (payerId === '') throw new AppError('required', { field: 'payer', detail: 'nobody was chosen' })
  return payerId
}
