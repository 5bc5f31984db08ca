// The people of a member, by the staff's hand: another role, out, and an account that exists linked to it.
import { type AffiliationRole, affiliationRoles } from '../../src/domain/access.ts'
import { AppError } from '../../src/domain/errors.ts'
import { canonical, isEmail } from '../../src/domain/names.ts'
import type { Account, Member } from '../../src/ports.ts'
import { affiliate } from '../../src/usecases/accounts.ts'
import { listPeople, type PersonListed, removePerson, setPersonRole } from '../../src/usecases/association-people.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, Shown, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { field, heading, hidden, summary } from '../parts.ts'
import { roleNames } from '../people.ts'
import { type Staff, staffPage } from './frame.ts'
import { memberOf } from './member.ts'
import { acts, choice, link, listed, outcome, trail } from './parts.ts'

const pathOf = ({ id }: Member): string => `/admin/members/${id}`
const up = (view: View, member: Member): Html =>
  trail(view, ['/admin/members', view.texts.t('admin.nav.members')], [pathOf(member), member.name])

export const roleIn = (form: Form): AffiliationRole => {
  const role = affiliationRoles.find((one) => one === form.get('role'))
  if (!role) throw new AppError('invalid_value', { field: 'role', detail: 'there is no such role' })
  return role
}
export const roleChoice = (view: View, value: AffiliationRole): Html =>
  choice(view, {
    name: 'role',
    label: view.texts.t('people.role_label'),
    hint: view.texts.t('people.roles_hint'),
    options: affiliationRoles.map((role) => [role, view.texts.t(roleNames[role])] as const),
    value,
  })

// ── Another role, and out ───────────────────────────────────────────────────────────────────────────────────────────

function actsOn(view: View, { accountId, name, username, role, lastOwner }: PersonListed): Html {
  const { t } = view.texts
  const who = name || username
  if (lastOwner) return html`<small>${t('admin.member_people.last_owner')}</small>`
  const option = (one: AffiliationRole) =>
    html`<option value="${one}"${one === role && html` selected`}>${t(roleNames[one])}</option>`
  return html`<details><summary aria-label="${t('people.edit')} ${who}">${t('people.edit')}</summary>
    <form method="post">${hidden(view)}<input type="hidden" name="account" value="${accountId}">
      <div class="field"><label for="role-${accountId}">${t('people.role_of', { name: who })}</label><select id="role-${accountId}" name="role">${affiliationRoles.map(option)}</select></div>
      <button class="other" name="act" value="role">${t('people.change')}</button>
      <button class="other" name="act" value="remove" aria-label="${t('people.remove')} ${who}">${t('people.remove')}</button>
    </form></details>`
}

function confirmation(view: View, member: Member, { accountId, name, username }: PersonListed): Shown {
  const { t } = view.texts
  const about = { name: name || username, member: member.name }
  const title = t('admin.member_people.remove_title', about)
  return {
    title,
    body: html`${up(view, member)} ${heading(title, t('admin.member_people.remove_text', about))}
      <form method="post" class="act">${hidden(view)}
        <input type="hidden" name="account" value="${accountId}"><input type="hidden" name="confirmed" value="yes">
        <button class="main bad" name="act" value="remove">${t('people.remove')}</button>
        <a class="button" href="${pathOf(member)}/people">${t('cancel')}</a></form>`,
  }
}

export const memberPeople = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/members/:id/people',
    async show(staff, view, ctx) {
      const { t } = view.texts
      const member = await memberOf(desk, ctx.params.id)
      const { people } = await listPeople(desk.core)({ memberId: member.id, actor: staff.accountId })
      const title = t('people.title', { member: member.name })
      return {
        title,
        body: html`${up(view, member)} ${heading(title, t('admin.member_people.text'))} ${outcome(view, ctx)} ${summary(view)}
          ${listed(
            t('admin.people'),
            [t('admin.username'), t('admin.name'), t('admin.role'), t('people.edit')],
            people.map((person) => [
              link(`/admin/accounts/${person.accountId}`, person.username),
              person.name,
              t(roleNames[person.role]),
              actsOn(view, person),
            ]),
            t('admin.people.none'),
          )}
          ${acts([
            [`${pathOf(member)}/link`, t('admin.link.title')],
            [`/admin/accounts/new?member=${member.id}`, t('admin.account_new.title')],
          ])}`,
      }
    },
    async submit(staff, form, view, ctx) {
      const member = await memberOf(desk, ctx.params.id)
      const of = { memberId: member.id, actor: staff.accountId }
      const [accountId, act] = [form.get('account'), form.get('act')]
      if (act === 'remove' && form.get('confirmed') !== 'yes') {
        const { people } = await listPeople(desk.core)(of)
        const person = people.find((one) => one.accountId === accountId)
        if (!person) throw new AppError('not_found')
        return confirmation(view, member, person)
      }
      if (act === 'role') await setPersonRole(desk.core)({ ...of, accountId, role: roleIn(form) })
      else if (act === 'remove') await removePerson(desk.core)({ ...of, accountId })
      else throw new AppError('bad_request', { detail: 'no such act' })
      return `${pathOf(member)}/people?done=${act === 'remove' ? 'removed' : 'changed'}`
    },
  })

// ── An account that exists ──────────────────────────────────────────────────────────────────────────────────────────

/** Those whom a username or an address means: a family may share one address. */
async function meant({ core: { store } }: Desk, typed: string): Promise<Account[]> {
  const name = canonical(typed)
  const byName = await store.accounts.byUsername(name)
  return byName ? [byName] : isEmail(name) ? store.accounts.byEmail(name) : []
}

const several = (view: View, found: readonly Account[]): Html => html`
  <fieldset><legend>${view.texts.t('admin.link.several')}</legend>
    ${found.map(({ id, name, username }) => html`<label class="check" for="account-${id}"><input id="account-${id}" name="account" type="radio" value="${id}" required${view.typed?.get('account') === id && html` checked`}><span>${name} <small>${username}</small></span></label>`)}
  </fieldset>`

async function linking(desk: Desk, view: View, member: Member, found: readonly Account[] = []): Promise<Shown> {
  const { t } = view.texts
  const people = await desk.core.store.people.accountsOf(member.id)
  const title = t('admin.link.title_to', { name: member.name })
  const typed = view.typed?.get('who').trim() ?? ''
  const fresh = new URLSearchParams({ member: member.id, ...(isEmail(canonical(typed)) && { email: typed }) })
  return {
    title,
    body: html`${up(view, member)} ${heading(title, t('admin.link.text'))} ${summary(view, ['who'])}
      <form method="post" class="act">${hidden(view)}
        ${field(view, { name: 'who', label: t('admin.link.who'), autocomplete: 'off', hint: t('admin.link.who_hint'), value: people.length === 0 ? (member.email ?? '') : '' })}
        ${found.length > 1 && several(view, found)}
        ${roleChoice(view, people.length === 0 ? 'owner' : 'user')}
        <button class="main">${t('admin.link.submit')}</button>
        <a class="button" href="${pathOf(member)}">${t('cancel')}</a>
      </form>
      <p class="after">${link(`/admin/accounts/new?${fresh}`, t('admin.link.new'))}</p>`,
  }
}

const mistaken = async (desk: Desk, view: View, member: Member, message: string): Promise<Shown> => ({
  ...(await linking(desk, { ...view, mistake: { field: 'who', message } }, member)),
  status: 422,
})

async function linkIt(desk: Desk, staff: Staff, form: Form, view: View, member: Member): Promise<string | Shown> {
  const { t } = view.texts
  const typed = form.get('who').trim()
  if (typed === '') throw new AppError('required', { field: 'who' })
  const found = await meant(desk, typed)
  const account = found.length === 1 ? found[0] : found.find(({ id }) => id === form.get('account'))
  if (found.length === 0) return mistaken(desk, view, member, t('admin.link.nobody'))
  if (!account) return linking(desk, view, member, found)
  const role = roleIn(form)
  if ((await desk.core.store.people.accountsOf(member.id)).some(({ accountId }) => accountId === account.id))
    return mistaken(desk, view, member, t('admin.link.already', { username: account.username }))
  await affiliate(desk.core)({ accountId: account.id, memberId: member.id, role, actor: staff.accountId })
  return `${pathOf(member)}?done=linked`
}

export const linkAccount = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/members/:id/link',
    show: async (_staff, view, ctx) => linking(desk, view, await memberOf(desk, ctx.params.id)),
    submit: async (staff, form, view, ctx) => linkIt(desk, staff, form, view, await memberOf(desk, ctx.params.id)),
  })
