// What the staff do to an account, each on a page of its own.
import { AppError } from '../../src/domain/errors.ts'
import { type Account, staffRoles } from '../../src/ports.ts'
import { setAccountClosed, setGroups, setStaffRoles } from '../../src/usecases/accounts.ts'
import { invite, type Letters } from '../../src/usecases/invite.ts'
import { removeSecondFactor } from '../../src/usecases/second-factor.ts'
import { signOutEverywhere } from '../../src/usecases/suspend.ts'
import { html } from '../../src/web/html.ts'
import type { Page } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { field } from '../parts.ts'
import { notOneself } from './access-acts.ts'
import { accountOf } from './account.ts'
import { type Act, actPage } from './act.ts'
import type { Staff } from './frame.ts'
import { area, tick } from './parts.ts'
import { staffRoleKeys } from './states.ts'

type Given = Omit<Act<Account>, 'find' | 'back'>
const pathOf = ({ id }: Account): string => `/admin/accounts/${id}`

export const onAccount = (desk: Desk) => ({
  find: (ctx: Parameters<Act<Account>['find']>[0]) => accountOf(desk, ctx.params.id),
  back: (account: Account) => [pathOf(account), account.name || account.username] as const,
})

const signOut = ({ core }: Desk): Given => ({
  path: '/admin/accounts/:id/sign-out',
  title: 'admin.sign_out.title',
  lead: 'admin.sign_out.text',
  button: 'admin.act.sign_out',
  async work(account, _form, staff) {
    await signOutEverywhere(core)({ accountId: account.id, actor: staff.accountId })
    return `${pathOf(account)}?done=signed-out`
  },
})

const invitation = ({ core }: Desk, letters: Letters): Given => ({
  path: '/admin/accounts/:id/invite',
  title: 'admin.invite.title',
  lead: 'admin.invite.text',
  button: 'admin.act.invite',
  async work(account, _form, staff) {
    if (account.state === 'closed') throw new AppError('conflict', { detail: 'a closed account is not invited' })
    await invite(core, letters)({ account, actor: staff.accountId })
    return `${pathOf(account)}?done=invited`
  },
})

const closing = ({ core }: Desk, closed: boolean): Given => ({
  path: closed ? '/admin/accounts/:id/close' : '/admin/accounts/:id/reopen',
  title: closed ? 'admin.close.title' : 'admin.reopen.title',
  lead: closed ? 'admin.close.text' : 'admin.reopen.text',
  button: closed ? 'admin.act.close' : 'admin.act.reopen',
  closes: closed,
  own: ['reason'],
  fields: (_account, view) =>
    area(view, { name: 'reason', label: view.texts.t('admin.reason'), hint: view.texts.t('admin.reason_audit') }),
  async work(account, form, staff) {
    notOneself(account, staff)
    const reason = form.get('reason').trim()
    if (reason === '') throw new AppError('required', { field: 'reason' })
    if (reason.length > 1000) throw new AppError('invalid_value', { field: 'reason' })
    await setAccountClosed(core)({ accountId: account.id, closed, reason, actor: staff.accountId })
    return `${pathOf(account)}?done=${closed ? 'closed' : 'reopened'}`
  },
})

const secondFactor = ({ core }: Desk): Given => ({
  path: '/admin/accounts/:id/second-factor',
  title: 'admin.second_factor.title',
  lead: 'admin.second_factor.text',
  button: 'admin.act.second_factor',
  closes: true,
  async work(account, _form, staff) {
    await removeSecondFactor(core)(account.id, staff.accountId)
    return `${pathOf(account)}?done=changed`
  },
})

const roles = ({ core }: Desk): Given => ({
  path: '/admin/accounts/:id/staff-roles',
  title: 'admin.roles.title',
  lead: 'admin.roles.text',
  button: 'admin.save',
  async fields(account, view) {
    const has = await core.store.people.staffRoles(account.id)
    const { t } = view.texts
    return html`<fieldset><legend>${t('admin.staff_roles')}</legend>${staffRoles.map((role) => tick('role', role, t(staffRoleKeys[role]), has.includes(role)))}</fieldset>`
  },
  async work(account, form, staff) {
    const asked = form.all('role')
    const wanted = staffRoles.filter((role) => asked.includes(role))
    await setStaffRoles(core)({ accountId: account.id, roles: wanted, actor: staff.accountId })
    return `${pathOf(account)}?done=changed`
  },
})

/** Separated by commas, as they are shown. */
function groupsIn(text: string): string[] {
  const groups = [...new Set(text.split(',').map((name) => name.normalize('NFKC').trim()))].filter(Boolean)
  if (groups.some((name) => name.length > 100) || groups.length > 100)
    throw new AppError('invalid_value', { field: 'groups' })
  return groups
}

const groups = ({ core }: Desk): Given => ({
  path: '/admin/accounts/:id/groups',
  title: 'admin.groups.title',
  lead: 'admin.groups.text',
  button: 'admin.save',
  own: ['groups'],
  async fields(account, view) {
    const { t } = view.texts
    return field(view, {
      name: 'groups',
      label: t('admin.groups'),
      autocomplete: 'off',
      hint: t('admin.groups.hint'),
      value: (await core.store.people.groups(account.id)).join(', '),
      required: false,
    })
  },
  async work(account, form, staff) {
    await setGroups(core)({ accountId: account.id, groups: groupsIn(form.get('groups')), actor: staff.accountId })
    return `${pathOf(account)}?done=changed`
  },
})

export const accountActs = (desk: Desk, letters: Letters): Page<Staff>[] =>
  [
    signOut(desk),
    invitation(desk, letters),
    closing(desk, true),
    closing(desk, false),
    secondFactor(desk),
    roles(desk),
    groups(desk),
  ].map((given) => actPage(desk, { ...onAccount(desk), ...given }))
