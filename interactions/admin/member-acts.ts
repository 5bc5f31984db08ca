// What the staff do to a member: change what is written of it, record that it left or came back.
import { AppError } from '../../src/domain/errors.ts'
import { memberEvents } from '../../src/domain/standing.ts'
import type { Member } from '../../src/ports.ts'
import { changeMember } from '../../src/usecases/change-member.ts'
import { recordMemberEvent } from '../../src/usecases/members.ts'
import { html } from '../../src/web/html.ts'
import type { Page } from '../../src/web/page.ts'
import { isLocale } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { field } from '../parts.ts'
import { type Act, actPage } from './act.ts'
import type { Staff } from './frame.ts'
import { memberOf } from './member.ts'
import { choice, dayField } from './parts.ts'
import { eventKeys, languageOptions } from './states.ts'

type Given = Omit<Act<Member>, 'find' | 'back'>
const pathOf = ({ id }: Member): string => `/admin/members/${id}`

export const onMember = (desk: Desk) => ({
  find: (ctx: Parameters<Act<Member>['find']>[0]) => memberOf(desk, ctx.params.id),
  back: (member: Member) => [pathOf(member), member.name] as const,
})

const change = ({ core }: Desk): Given => ({
  path: '/admin/members/:id/change',
  title: 'admin.change.title',
  lead: 'admin.change.text',
  button: 'admin.save',
  own: ['name', 'email'],
  fields(member, view) {
    const { t } = view.texts
    return html`${field(view, { name: 'name', label: t('admin.name'), autocomplete: 'off', value: member.name })}
      ${field(view, { name: 'email', label: t('admin.email'), type: 'email', autocomplete: 'off', value: member.email ?? '', required: false })}
      ${choice(view, { name: 'locale', label: t('admin.language'), options: languageOptions, value: member.locale })}`
  },
  async work(member, form, staff) {
    const locale = form.get('locale')
    if (!isLocale(locale)) throw new AppError('invalid_value', { field: 'locale' })
    const email = form.get('email').trim() || null
    await changeMember(core)({ memberId: member.id, name: form.get('name'), email, locale, actor: staff.accountId })
    return `${pathOf(member)}?done=changed`
  },
})

const event = ({ core }: Desk): Given => ({
  path: '/admin/members/:id/event',
  title: 'admin.record.title',
  lead: 'admin.record.text',
  button: 'admin.record.submit',
  closes: true,
  own: ['on', 'note'],
  fields(_member, view) {
    const { t } = view.texts
    const options = memberEvents.map((kind) => [kind, t(eventKeys[kind])] as const)
    return html`${choice(view, { name: 'kind', label: t('admin.event'), options })}
      ${dayField(view, { name: 'on', label: t('admin.event.on'), hint: t('admin.event.on_hint') })}
      ${field(view, { name: 'note', label: t('admin.note'), autocomplete: 'off', required: false })}`
  },
  async work(member, form, staff) {
    const kind = memberEvents.find((one) => one === form.get('kind'))
    if (!kind) throw new AppError('invalid_value', { field: 'kind' })
    const effectiveOn = form.get('on').trim()
    await recordMemberEvent(core)({
      memberId: member.id,
      kind,
      ...(effectiveOn && { effectiveOn }),
      note: form.get('note').trim(),
      actor: staff.accountId,
    })
    return `${pathOf(member)}?done=recorded`
  },
})

export const memberActs = (desk: Desk): Page<Staff>[] =>
  [change(desk), event(desk)].map((given) => actPage(desk, { ...onMember(desk), ...given }))
