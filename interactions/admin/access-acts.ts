// Suspending and restoring, allowing and withdrawing it: the same four acts on an account and on a member, the first two on a
// site, which is then offline. Each suspension leads to the page that shows each service follow.
import { AppError } from '../../src/domain/errors.ts'
import { allow, withdrawAllow } from '../../src/usecases/overrides.ts'
import { today } from '../../src/usecases/standing.ts'
import { restore, suspend, type Target } from '../../src/usecases/suspend.ts'
import type { Watcher } from '../../src/usecases/watcher.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { field } from '../parts.ts'
import { type Act, actPage } from './act.ts'
import type { Staff } from './frame.ts'
import { area, dayField, lastDayOf } from './parts.ts'

type Kind = 'accounts' | 'members' | 'sites'
type Found = { id: string }
type On<T> = Pick<Act<T>, 'find'> & { back(found: T): readonly [href: string, name: string] }

const targetOf = (kind: Kind, { id }: Found): Target =>
  kind === 'accounts' ? { accountId: id } : kind === 'members' ? { memberId: id } : { resourceId: id }

/** What is suspended is called so, but for a site, which goes offline. */
const suspendTexts = {
  accounts: { title: 'admin.suspend.title', lead: 'admin.suspend.text', button: 'admin.act.suspend' },
  members: { title: 'admin.suspend.title', lead: 'admin.suspend.text_member', button: 'admin.act.suspend' },
  sites: { title: 'admin.site.suspend.title', lead: 'admin.site.suspend.text', button: 'admin.site.offline' },
} as const satisfies Record<Kind, Pick<Act<unknown>, 'title' | 'lead' | 'button'>>
const restored = { title: 'admin.restore.title', lead: 'admin.restore.text', button: 'admin.act.restore' } as const
const restoreTexts = {
  accounts: restored,
  members: restored,
  sites: { title: 'admin.site.restore.title', lead: 'admin.site.restore.text', button: 'admin.site.online' },
} as const satisfies Record<Kind, Pick<Act<unknown>, 'title' | 'lead' | 'button'>>
const reasonFields = (view: View): Html => {
  const { t } = view.texts
  return html`${area(view, { name: 'reason', label: t('admin.reason'), hint: t('admin.reason_read') })}
    ${dayField(view, { name: 'until', label: t('admin.until'), hint: t('admin.until_hint') })}`
}

/** Nobody shuts themselves out by a slip; another administrator can do it. */
export function notOneself({ id }: Found, { accountId }: Staff): void {
  if (id === accountId) throw new AppError('forbidden', { detail: 'nobody suspends or closes their own account' })
}

/** Both kinds of act that give a reason and may have an end. */
const withReason = { fields: (_found: unknown, view: View) => reasonFields(view), own: ['reason', 'until'] }

function suspending<T extends Found>(desk: Desk, watcher: Watcher, kind: Kind, on: On<T>): Act<T> {
  const { core } = desk
  return {
    ...on,
    ...withReason,
    path: `/admin/${kind}/:id/suspend`,
    ...suspendTexts[kind],
    closes: true,
    async work(found, form, staff) {
      const target = targetOf(kind, found)
      notOneself(found, staff)
      const endsOn = lastDayOf(form, await today(core))
      const touched = await suspend(core)({ target, reason: form.get('reason'), endsOn, actor: staff.accountId })
      const open = await core.store.overrides.open(target)
      const override = open.find(({ effect, begun }) => effect === 'deny' && begun)
      // Somebody else restored it in the same moment.
      if (!override) return on.back(found)[0]
      watcher.begin(override, touched)
      return `/admin/suspensions/${override.id}`
    },
  }
}

function restoring<T extends Found>(desk: Desk, watcher: Watcher, kind: Kind, on: On<T>): Act<T> {
  const { core } = desk
  return {
    ...on,
    path: `/admin/${kind}/:id/restore`,
    ...restoreTexts[kind],
    own: ['note'],
    fields: (_found, view) =>
      field(view, { name: 'note', label: view.texts.t('admin.note'), autocomplete: 'off', required: false }),
    async work(found, form, staff) {
      const target = targetOf(kind, found)
      const before = (await core.store.overrides.open(target)).find(({ effect, begun }) => effect === 'deny' && begun)
      const note = form.get('note').slice(0, 1000)
      const touched = await restore(core)({ target, note, actor: staff.accountId })
      const lifted = before && (await core.store.overrides.get(before.id))
      if (!lifted) return on.back(found)[0]
      watcher.begin(lifted, touched)
      return `/admin/suspensions/${lifted.id}`
    },
  }
}

type Allowed = Exclude<Kind, 'sites'>
const allowing = <T extends Found>({ core }: Desk, kind: Allowed, on: On<T>): Act<T> => ({
  ...on,
  ...withReason,
  path: `/admin/${kind}/:id/allow`,
  title: 'admin.allow.title',
  lead: 'admin.allow.text',
  button: 'admin.act.allow',
  async work(found, form, staff) {
    const endsOn = lastDayOf(form, await today(core))
    const target = targetOf(kind, found)
    await allow(core)({ target, reason: form.get('reason'), endsOn, actor: staff.accountId })
    return `${on.back(found)[0]}?done=changed`
  },
})

const withdrawing = <T extends Found>({ core }: Desk, kind: Allowed, on: On<T>): Act<T> => ({
  ...on,
  path: `/admin/${kind}/:id/withdraw-allow`,
  title: 'admin.withdraw_allow.title',
  lead: 'admin.withdraw_allow.text',
  button: 'admin.act.withdraw_allow',
  closes: true,
  async work(found, _form, staff) {
    await withdrawAllow(core)({ target: targetOf(kind, found), actor: staff.accountId })
    return `${on.back(found)[0]}?done=changed`
  },
})

/** A site is only taken offline and back: what it is due otherwise follows from its member. */
export const accessActs = <T extends Found>(desk: Desk, watcher: Watcher, kind: Kind, on: On<T>): Page<Staff>[] =>
  [
    suspending(desk, watcher, kind, on),
    restoring(desk, watcher, kind, on),
    ...(kind === 'sites' ? [] : [allowing(desk, kind, on), withdrawing(desk, kind, on)]),
  ].map((act) => actPage(desk, act))
