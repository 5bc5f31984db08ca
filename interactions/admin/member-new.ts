// A new member, by hand: who it is, what it pays, until when it is covered. An address that is known already is said before
// anything is added, with the accounts that have it.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import { enrolMember, type Known, knownUnder } from '../../src/usecases/enrol-member.ts'
import { organisationNamed } from '../../src/usecases/members.ts'
import { today } from '../../src/usecases/standing.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, Shown, View } from '../../src/web/page.ts'
import { isLocale } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { field, heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { choice, dayField, link, tick, trail } from './parts.ts'
import { languageOptions } from './states.ts'

const own = ['memberNumber', 'name', 'email', 'joinedOn', 'coveredUntilOn']

/** Who has the address, and which of the accounts is to be the member's. */
function notice(view: View, { members, accounts }: Known): Html {
  const { t } = view.texts
  return html`<section class="notice warn" role="alert"><strong>${t('admin.known.title')}</strong>
    <ul class="plain">
      ${members.map(({ id, name, memberNumber }) => html`<li>${t('admin.known.member', { number: memberNumber })} ${link(`/admin/members/${id}`, name)}</li>`)}
      ${accounts.map(({ id, name, username }) => html`<li>${t('admin.known.account', { username })} ${link(`/admin/accounts/${id}`, name || username)}</li>`)}
    </ul>
    ${accounts.map(({ id, username }) => tick('link', id, t('admin.known.link_owner', { username }), view.typed?.all('link').includes(id)))}
    <p>${t('admin.known.go_on')}</p>
    <input type="hidden" name="known" value="${view.typed?.get('email').trim()}">
  </section>`
}

async function page(desk: Desk, view: View, known?: Known): Promise<Shown> {
  const { t } = view.texts
  const { store } = desk.core
  const organisation = await organisationNamed(store)
  const tariffs = [...new Set((await store.dues.tariffs(organisation.id)).map(({ name }) => name))]
  const kinds = [
    ['person', t('admin.kind.person')],
    ['association', t('admin.kind.association')],
  ] as const
  const payable = [['', t('admin.dues.no_tariff')] as const, ...tariffs.map((name) => [name, name] as const)]
  const number = String((await store.members.highestNumber(organisation.id)) + 1)
  return {
    title: t('admin.member_new.title'),
    body: html`${trail(view, ['/admin/members', t('admin.nav.members')])} ${heading(t('admin.member_new.title'), t('admin.member_new.text'))}
      ${summary(view, own)}
      <form method="post" class="act">${hidden(view)} ${known && notice(view, known)}
        ${field(view, { name: 'memberNumber', label: t('admin.number'), autocomplete: 'off', value: number, hint: t('admin.member_new.number_hint') })}
        ${choice(view, { name: 'kind', label: t('admin.kind'), options: kinds, value: 'person' })}
        ${field(view, { name: 'name', label: t('admin.name'), autocomplete: 'off' })}
        ${field(view, { name: 'email', label: t('admin.email'), type: 'email', autocomplete: 'off', hint: t('admin.member_new.email_hint'), required: false })}
        ${choice(view, { name: 'locale', label: t('admin.language'), options: languageOptions, value: organisation.locale })}
        ${dayField(view, { name: 'joinedOn', label: t('admin.joined'), value: await today(desk.core) })}
        ${choice(view, { name: 'tariff', label: t('admin.dues.tariff'), options: payable })}
        ${dayField(view, { name: 'coveredUntilOn', label: t('admin.covered_until'), hint: t('admin.member_new.covered_hint') })}
        <button class="main">${t(known ? 'admin.known.add' : 'admin.member_new.submit')}</button>
        <a class="button" href="/admin/members">${t('cancel')}</a>
      </form>`,
  }
}

const kindIn = (form: Form): 'person' | 'association' => {
  const kind = form.get('kind')
  if (kind !== 'person' && kind !== 'association') throw new AppError('invalid_value', { field: 'kind' })
  return kind
}

/** The accounts that were ticked, among those that have the address: a form that was made up links nobody else. */
const linked = (form: Form, { accounts }: Known) =>
  accounts
    .filter(({ id }) => form.all('link').includes(id))
    .map(({ id }) => ({ accountId: id, role: 'owner' as const }))

async function add(desk: Desk, staff: Staff, form: Form, known: Known): Promise<string> {
  const text = (name: string) => form.get(name).trim()
  const locale = text('locale')
  if (!isLocale(locale)) throw new AppError('invalid_value', { field: 'locale' })
  const { id } = await enrolMember(desk.core)({
    memberNumber: text('memberNumber'),
    kind: kindIn(form),
    name: text('name'),
    email: text('email') || null,
    locale,
    joinedOn: text('joinedOn') || null,
    coveredUntilOn: text('coveredUntilOn') || null,
    tariff: text('tariff') || null,
    people: linked(form, known),
    actor: staff.accountId,
  })
  return `/admin/members/${id}?done=added`
}

/** «Done already, load the page again» would lose what was typed: whose number it is, and which one is free. */
async function numberTaken(desk: Desk, form: Form, view: View, known: Known | undefined): Promise<Shown> {
  const { store } = desk.core
  const organisation = await organisationNamed(store)
  const other = await store.members.byNumber(organisation.id, form.get('memberNumber').normalize('NFKC').trim())
  const free = (await store.members.highestNumber(organisation.id)) + 1
  const message = view.texts.t('admin.member_new.taken', { name: other?.name ?? '—', free })
  return { ...(await page(desk, { ...view, mistake: { field: 'memberNumber', message } }, known)), status: 409 }
}

const isTaken = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'conflict' && error.field === 'memberNumber'

async function submit(desk: Desk, staff: Staff, form: Form, view: View): Promise<string | Shown> {
  const email = form.get('email').trim()
  const known: Known = email === '' ? { members: [], accounts: [] } : await knownUnder(desk.core)(email)
  const isKnown = known.members.length + known.accounts.length > 0
  if (isKnown && form.get('known') !== email) return page(desk, view, known)
  return add(desk, staff, form, known).catch((error: unknown) => {
    if (isTaken(error)) return numberTaken(desk, form, view, isKnown ? known : undefined)
    throw error
  })
}

/** What is known of the address that was typed, when the page is shown once more for another mistake. */
async function knownTo(desk: Desk, view: View): Promise<Known | undefined> {
  const [known, email] = [view.typed?.get('known'), view.typed?.get('email').trim()]
  return known && known === email ? knownUnder(desk.core)(email).catch(() => undefined) : undefined
}

export const newMember = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/members/new',
    show: async (_staff: Staff, view: View, _ctx: Context) => page(desk, view, await knownTo(desk, view)),
    submit: (staff, form, view) => submit(desk, staff, form, view),
  })
