// The frame of the staff's pages: who may see them, the navigation with what this person may open, a wide card.
import type { Context } from 'koa'
import type { AccountInForce } from '../../src/ports.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, Shown, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { type AdminPath, may, rolesFor } from './rights.ts'

/** One of the staff, past the guard. */
export type Staff = AccountInForce

/** A page of the staff: like any page, but its guard is the table of rights. */
export type StaffPage = {
  path: AdminPath
  show(staff: Staff, view: View, ctx: Context): Promise<Shown> | Shown
  submit?: Page<Staff>['submit']
  largestFile?: number
  /** The sign-in is no older than a quarter of an hour: whoever finds a browser open must not leave with a secret. */
  fresh?: boolean
}

// What has no page in the table of rights is not shown.
const places: readonly [path: string, label: TextKey][] = [
  ['/admin', 'admin.nav.dashboard'],
  ['/admin/members', 'admin.nav.members'],
  ['/admin/accounts', 'admin.nav.accounts'],
  ['/admin/dues', 'admin.nav.dues'],
  ['/admin/services', 'admin.nav.services'],
  ['/admin/clients', 'admin.nav.clients'],
  ['/admin/audit', 'admin.nav.audit'],
  ['/admin/outgoing', 'admin.nav.outgoing'],
  ['/admin/mailboxes', 'admin.nav.mailboxes'],
  ['/admin/sites', 'admin.nav.sites'],
]

const isHere = (place: string, path: string): boolean =>
  place === '/admin' ? path === place : path === place || path.startsWith(`${place}/`)

const navigation = ({ texts: { t } }: View, staff: Staff, path: string): Html => html`
  <nav class="places" aria-label="${t('admin.nav.label')}">
    <ul>
      ${places
        .filter(([place]) => may(staff, place))
        .map(
          ([place, label]) =>
            html`<li><a href="${place}"${isHere(place, path) && html` aria-current="page"`}>${t(label)}</a></li>`,
        )}
    </ul>
  </nav>`

/** Gives a page of the staff its guard and its frame. */
export function staffPage(desk: Desk, { path, show, submit, largestFile, fresh }: StaffPage): Page<Staff> {
  const framed = (staff: Staff, view: View, ctx: Context, shown: Shown): Shown => ({
    ...shown,
    navigation: navigation(view, staff, ctx.path),
  })
  return {
    path,
    ...(largestFile && { largestFile }),
    async guard(ctx) {
      const staff = await desk.house.guardStaff(ctx, rolesFor(path, ctx.method === 'POST' ? 'act' : 'read'))
      return fresh && !ctx.response.get('location') ? desk.house.guardFresh(ctx) : staff
    },
    show: async (staff, view, ctx) => framed(staff, view, ctx, await show(staff, view, ctx)),
    ...(submit && {
      async submit(staff, form, view, ctx) {
        const next = await submit(staff, form, view, ctx)
        return typeof next === 'object' ? framed(staff, view, ctx, next) : next
      },
    }),
  }
}
