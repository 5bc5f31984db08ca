// What an admin does with mailboxes and aliases: make one, change what it holds and where it goes, let people in and out,
// take it away.
import { AppError } from '../../src/domain/errors.ts'
import { canonical } from '../../src/domain/names.ts'
import { isCivilDate } from '../../src/domain/time.ts'
import type { Account, Member, Resource } from '../../src/ports.ts'
import { removeLogin, removeResource, setAliasTargets, setMailbox } from '../../src/usecases/mailboxes.ts'
import { organisationNamed } from '../../src/usecases/members.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { field } from '../parts.ts'
import { type Act, actPage } from './act.ts'
import type { Staff } from './frame.ts'
import { boxOf, boxOfKind, boxPath, MAILBOXES } from './mailboxes.ts'
import { area, asked, choice, dayField } from './parts.ts'

const GIBIBYTE = 1024 ** 3

/** Bytes of what was typed in GiB; null: no limit. Throws `invalid_value` of the field. */
function quotaIn(form: Form): number | null {
  const typed = form.get('quota').trim()
  if (typed === '') return null
  if (!/^\d{1,5}(?:[.,]\d{1,3})?$/.test(typed) || Number(typed.replace(',', '.')) === 0)
    throw new AppError('invalid_value', { field: 'quota', detail: 'not a number of GiB' })
  return Math.round(Number(typed.replace(',', '.')) * GIBIBYTE)
}
const typedQuota = (bytes: number | null): string =>
  bytes === null ? '' : String(Number((bytes / GIBIBYTE).toFixed(3))).replace('.', ',')

/** One a line, or separated by commas and spaces. */
const targetsIn = (form: Form): string[] =>
  form
    .get('targets')
    .split(/[\s,;]+/)
    .filter(Boolean)

async function accountIn({ core }: Desk, form: Form, name = 'who'): Promise<Account> {
  const typed = form.get(name).trim()
  if (typed === '') throw new AppError('required', { field: name })
  const account = await core.store.accounts.byUsername(canonical(typed))
  if (!account || account.state === 'closed')
    throw new AppError('invalid_value', { field: name, detail: 'there is no such account' })
  return account
}

async function memberIn({ core }: Desk, form: Form): Promise<Member> {
  const number = form.get('member').trim()
  if (number === '') throw new AppError('required', { field: 'member' })
  const { id } = await organisationNamed(core.store)
  const member = await core.store.members.byNumber(id, number)
  if (!member) throw new AppError('invalid_value', { field: 'member', detail: `there is no member ${number}` })
  return member
}

const quotaField = (view: View, bytes: number | null): Html =>
  field(view, {
    name: 'quota',
    label: view.texts.t('admin.mailbox.quota_gib'),
    autocomplete: 'off',
    hint: view.texts.t('admin.mailbox.quota_hint'),
    value: typedQuota(bytes),
    required: false,
  })
const targetsField = (view: View, targets: readonly string[], required: boolean): Html =>
  area(view, {
    name: 'targets',
    label: view.texts.t('admin.mailbox.targets'),
    hint: view.texts.t('admin.mailbox.targets_hint'),
    value: targets.join('\n'),
    maxlength: 5000,
    required,
  })

const make = (desk: Desk): Act<string> => ({
  path: `${MAILBOXES}/new`,
  find: async (ctx) => asked(ctx, 'member'),
  back: (_member, { texts: { t } }) => [MAILBOXES, t('admin.nav.mailboxes')],
  title: 'admin.mailbox.new',
  lead: 'admin.mailbox.new_text',
  button: 'admin.mailbox.new_submit',
  own: ['name', 'member', 'quota', 'who', 'targets'],
  fields(member, view) {
    const { t } = view.texts
    const options = [
      ['mailbox', t('admin.resource.mailbox')],
      ['alias', t('admin.resource.alias')],
    ] as const
    return html`${field(view, { name: 'member', label: t('admin.mailbox.member'), autocomplete: 'off', value: member })}
      ${choice(view, { name: 'kind', label: t('admin.kind'), options })}
      ${field(view, { name: 'name', label: t('mail.address'), type: 'email', autocomplete: 'off' })}
      <fieldset><legend>${t('admin.mailbox.if_mailbox')}</legend> ${quotaField(view, null)}
        ${field(view, { name: 'who', label: t('admin.mailbox.who'), autocomplete: 'off', hint: t('admin.mailbox.who_hint'), required: false })}</fieldset>
      <fieldset><legend>${t('admin.mailbox.if_alias')}</legend> ${targetsField(view, [], false)}</fieldset>`
  },
  async work(_member, form, { accountId: actor }) {
    const { core } = desk
    const { id: memberId } = await memberIn(desk, form)
    const kind = form.get('kind')
    if (kind !== 'mailbox' && kind !== 'alias') throw new AppError('invalid_value', { field: 'kind' })
    // What is wrong is found before anything is made.
    const quotaBytes = quotaIn(form)
    const first = kind === 'mailbox' && form.get('who').trim() !== '' ? await accountIn(desk, form) : undefined
    const made = await addResource(core)({ memberId, kind, name: form.get('name'), targets: targetsIn(form), actor })
    if (kind === 'mailbox' && quotaBytes !== null) await setMailbox(core)({ resourceId: made.id, quotaBytes, actor })
    if (first) await addLogin(core)({ mailboxId: made.id, accountId: first.id, actor })
    return `${boxPath(made)}?done=changed`
  },
})

/** Acts on one mailbox or alias. */
const onBox = (desk: Desk) => ({
  find: (ctx: Parameters<Act<Resource>['find']>[0]) => boxOf(desk, ctx.params.id),
  back: (box: Resource) => [boxPath(box), box.name] as const,
})

const change = (desk: Desk): Act<Resource> => ({
  ...onBox(desk),
  path: `${MAILBOXES}/:id/change`,
  title: 'admin.mailbox.change',
  lead: 'admin.mailbox.change_text',
  button: 'admin.save',
  own: ['quota', 'former', 'targets'],
  async fields(box, view) {
    const { mailboxes } = desk.core.store
    if (box.kind === 'alias') return targetsField(view, await mailboxes.targets(box.id), true)
    const settings = await mailboxes.get(box.id)
    return html`${quotaField(view, settings?.quotaBytes ?? null)}
      ${dayField(view, { name: 'former', label: view.texts.t('admin.mailbox.former'), hint: view.texts.t('admin.mailbox.former_hint'), value: settings?.formerUntilOn ?? '' })}`
  },
  async work(box, form, { accountId: actor }) {
    const about = { resourceId: box.id, actor }
    if (box.kind === 'alias') await setAliasTargets(desk.core)({ ...about, targets: targetsIn(form) })
    else {
      const former = form.get('former').trim()
      if (former !== '' && !isCivilDate(former)) throw new AppError('invalid_value', { field: 'former' })
      await setMailbox(desk.core)({ ...about, quotaBytes: quotaIn(form), formerUntilOn: former || null })
    }
    return `${boxPath(box)}?done=changed`
  },
})

const letIn = (desk: Desk): Act<Resource> => ({
  ...onBox(desk),
  path: `${MAILBOXES}/:id/login`,
  find: (ctx) => boxOfKind(desk, ctx.params.id, 'mailbox'),
  title: 'admin.mailbox.login_title',
  lead: 'admin.mailbox.login_text',
  button: 'admin.mailbox.add_login',
  own: ['who', 'name'],
  fields: (_box, view) => {
    const { t } = view.texts
    return html`${field(view, { name: 'who', label: t('admin.mailbox.who'), autocomplete: 'off' })}
      ${field(view, { name: 'name', label: t('admin.mailbox.login'), type: 'email', autocomplete: 'off', hint: t('admin.mailbox.login_hint'), required: false })}`
  },
  async work(box, form, { accountId: actor }) {
    const { id: accountId } = await accountIn(desk, form)
    const name = form.get('name').trim()
    await addLogin(desk.core)({ mailboxId: box.id, accountId, actor, ...(name !== '' && { name }) })
    return `${boxPath(box)}?done=changed`
  },
})

type LoginOf = { box: Resource; login: string }

const takeOut = (desk: Desk): Act<LoginOf> => ({
  path: `${MAILBOXES}/:id/take-login`,
  async find(ctx) {
    const box = await boxOfKind(desk, ctx.params.id, 'mailbox')
    const login = canonical(asked(ctx, 'login'))
    const there = await desk.core.store.resources.loginsInto(box.id)
    if (!there.some(({ name }) => name === login)) throw new AppError('not_found')
    return { box, login }
  },
  back: ({ box, login }) => [boxPath(box), login],
  title: 'admin.mailbox.take_title',
  lead: 'admin.mailbox.take_text',
  button: 'admin.mailbox.take_login',
  closes: true,
  async work({ box, login }, _form, { accountId: actor }) {
    await removeLogin(desk.core)({ mailboxId: box.id, name: login, actor })
    return `${boxPath(box)}?done=changed`
  },
})

const remove = (desk: Desk): Act<Resource> => ({
  ...onBox(desk),
  path: `${MAILBOXES}/:id/remove`,
  title: 'admin.mailbox.remove',
  lead: 'admin.mailbox.remove_text',
  button: 'admin.mailbox.remove_short',
  closes: true,
  async work(box, _form, { accountId: actor }) {
    await removeResource(desk.core)({ resourceId: box.id, actor })
    return `/admin/members/${box.memberId}?done=changed`
  },
})

export const mailboxActs = (desk: Desk): Page<Staff>[] => [
  actPage(desk, make(desk)),
  actPage(desk, change(desk)),
  actPage(desk, letIn(desk)),
  actPage(desk, takeOut(desk)),
  actPage(desk, remove(desk)),
]
