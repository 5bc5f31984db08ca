// A new account, by hand, of a member's people or of nobody's yet, and its invitation by letter. An address that is known
// already is said first, with the account that could be linked instead.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import { canonical, email as checkedEmail } from '../../src/domain/names.ts'
import type { Account, Member } from '../../src/ports.ts'
import { addAccount, affiliate } from '../../src/usecases/accounts.ts'
import { invite, type Letters } from '../../src/usecases/invite.ts'
import { organisationNamed } from '../../src/usecases/members.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, Shown, View } from '../../src/web/page.ts'
import { isLocale } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { field, heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { memberOf } from './member.ts'
import { roleChoice, roleIn } from './member-people.ts'
import { asked, choice, link, tick, trail } from './parts.ts'
import { languageOptions } from './states.ts'

const own = ['givenName', 'familyName', 'email', 'username']

/** The member whose page this was reached from, if any. */
const memberIn = async (desk: Desk, ctx: Context): Promise<Member | undefined> => {
  const id = asked(ctx, 'member')
  return id === '' ? undefined : memberOf(desk, id)
}

/** In place of an account that has the address: one more with it, as families do. */
const ANOTHER = 'another'

/** One must be chosen: whoever only presses Enter gets neither. */
const radio = (value: string, text: string): Html =>
  html`<label class="check" for="link-${value}"><input id="link-${value}" name="link" type="radio" value="${value}" required><span>${text}</span></label>`

function notice(view: View, known: readonly Account[], member: Member | undefined): Html {
  const { t } = view.texts
  return html`<section class="notice warn" role="alert"><strong>${t('admin.known.title')}</strong>
    <ul class="plain">${known.map(({ id, name, username }) => html`<li>${t('admin.known.account', { username })} ${link(`/admin/accounts/${id}`, name || username)}</li>`)}</ul>
    ${member && known.map(({ id, username }) => radio(id, t('admin.known.link', { username, member: member.name })))}
    ${radio(ANOTHER, t('admin.known.make'))}
    <input type="hidden" name="known" value="${view.typed?.get('email').trim()}">
  </section>`
}

/** Names of a person as they stand on the member's record, to begin with. */
function namesOf(member: Member | undefined): { givenName: string; familyName: string } {
  if (member?.kind !== 'person') return { givenName: '', familyName: '' }
  const [givenName = '', ...rest] = member.name.split(' ')
  return { givenName, familyName: rest.join(' ') }
}

async function page(
  desk: Desk,
  view: View,
  ctx: Context,
  member: Member | undefined,
  known: Account[] = [],
): Promise<Shown> {
  const { t } = view.texts
  const people = member ? await desk.core.store.people.accountsOf(member.id) : []
  // The first one is most often the member itself.
  const first = member && people.length === 0 ? member : undefined
  const { givenName, familyName } = namesOf(first)
  const email = asked(ctx, 'email') || first?.email || ''
  const { locale } = member ?? (await organisationNamed(desk.core.store))
  const back = member ? `/admin/members/${member.id}` : '/admin/accounts'
  const title = member ? t('admin.account_new.title_at', { name: member.name }) : t('admin.account_new.title')
  const invited = view.typed ? view.typed.has('invite') : true
  return {
    title,
    body: html`${trail(view, [back, member ? member.name : t('admin.nav.accounts')])} ${heading(title, t('admin.account_new.text'))}
      ${summary(view, own)}
      <form method="post" class="act">${hidden(view)} ${known.length > 0 && notice(view, known, member)}
        ${field(view, { name: 'givenName', label: t('setup.given_name'), autocomplete: 'off', value: givenName })}
        ${field(view, { name: 'familyName', label: t('setup.family_name'), autocomplete: 'off', value: familyName })}
        ${field(view, { name: 'email', label: t('admin.email'), type: 'email', autocomplete: 'off', value: email, hint: t('admin.account_new.email_hint'), required: false })}
        ${field(view, { name: 'username', label: t('admin.username'), autocomplete: 'off', hint: t('admin.account_new.username_hint'), required: false })}
        ${choice(view, { name: 'locale', label: t('admin.language'), options: languageOptions, value: locale })}
        ${member && roleChoice(view, people.length === 0 ? 'owner' : 'user')}
        <fieldset><legend>${t('admin.account_new.letter')}</legend>${tick('invite', 'yes', t('admin.account_new.invite'), invited)}</fieldset>
        <button class="main">${t('admin.account_new.submit')}</button>
        <a class="button" href="${back}">${t('cancel')}</a>
      </form>`,
  }
}

async function make(desk: Desk, staff: Staff, form: Form, member: Member | undefined): Promise<Account> {
  const text = (name: string) => form.get(name).normalize('NFC').trim()
  for (const name of ['givenName', 'familyName']) if (text(name) === '') throw new AppError('required', { field: name })
  const locale = text('locale')
  if (!isLocale(locale)) throw new AppError('invalid_value', { field: 'locale' })
  return addAccount(desk.core)({
    username: text('username') || null,
    givenName: text('givenName'),
    familyName: text('familyName'),
    email: text('email') || null,
    locale,
    at: member && { memberId: member.id, role: roleIn(form) },
    actor: staff.accountId,
  })
}

/** True when the letter left; the account is there in any case, and can be invited from its page. */
const invited = (desk: Desk, letters: Letters, account: Account, actor: string): Promise<boolean> =>
  invite(
    desk.core,
    letters,
  )({ account, actor }).then(
    () => true,
    (error: unknown) => {
      desk.core.log.error('mail.failed', { error: String(error) })
      return false
    },
  )

async function linked({ core }: Desk, staff: Staff, form: Form, member: Member, { id }: Account): Promise<string> {
  const role = roleIn(form)
  const there = (await core.store.people.accountsOf(member.id)).some(({ accountId }) => accountId === id)
  if (!there) await affiliate(core)({ accountId: id, memberId: member.id, role, actor: staff.accountId })
  return `/admin/members/${member.id}?done=linked`
}

async function submit(desk: Desk, letters: Letters, staff: Staff, form: Form, view: View, ctx: Context) {
  const member = await memberIn(desk, ctx)
  const email = form.get('email').trim()
  const known = email === '' ? [] : await desk.core.store.accounts.byEmail(checkedEmail(email))
  const chosen = form.get('known') === email ? form.get('link') : ''
  // A form that was made up links nobody but those who have the address.
  const existing = known.find(({ id }) => id === chosen)
  if (member && existing) return linked(desk, staff, form, member, existing)
  if (known.length > 0 && chosen !== ANOTHER) return page(desk, view, ctx, member, known)
  if (form.has('invite') && email === '') throw new AppError('required', { field: 'email' })
  const account = await make(desk, staff, form, member)
  const left = form.has('invite') ? await invited(desk, letters, account, staff.accountId) : true
  return `/admin/accounts/${account.id}?done=${left ? 'added' : 'unsent'}`
}

/** Who has the address that was typed, when the page is shown once more for another mistake. */
async function knownTo({ core }: Desk, view: View): Promise<Account[]> {
  const [known, email] = [view.typed?.get('known'), view.typed?.get('email').trim()]
  return known && known === email ? core.store.accounts.byEmail(canonical(email)) : []
}

export const newAccount = (desk: Desk, letters: Letters): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/accounts/new',
    show: async (_staff, view, ctx) => page(desk, view, ctx, await memberIn(desk, ctx), await knownTo(desk, view)),
    submit: (staff, form, view, ctx) => submit(desk, letters, staff, form, view, ctx),
  })
