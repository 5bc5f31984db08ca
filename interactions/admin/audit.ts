// The audit: who did what, when; found by action, person, subject and day, taken along as CSV, its chain verified.

import { Readable } from 'node:stream'
import type Router from '@koa/router'
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import { canonical } from '../../src/domain/names.ts'
import { addDays, isCivilDate, startOfDay } from '../../src/domain/time.ts'
import type { AuditFilter } from '../../src/ports.ts'
import { html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { actionOptions } from './audit-words.ts'
import { csvOf } from './csv.ts'
import { type Staff, staffPage } from './frame.ts'
import { historyRows } from './history.ts'
import { acts, asked, filters, filterText, PAGE, table, trail } from './parts.ts'
import { rolesFor } from './rights.ts'
import { zoneOf } from './states.ts'

const fields = ['action', 'actor', 'subject', 'day'] as const
type Asked = Record<(typeof fields)[number], string>
const askedIn = (ctx: Context): Asked => Object.fromEntries(fields.map((name) => [name, asked(ctx, name)])) as Asked

/** An account by its username, a member by its number, or the id as it was typed. */
async function idOf({ core: { store } }: Desk, typed: string): Promise<string> {
  const account = await store.accounts.byUsername(canonical(typed))
  if (account) return account.id
  for (const { id } of await store.organisations.all()) {
    const member = await store.members.byNumber(id, typed)
    if (member) return member.id
  }
  return typed
}

async function filterOf(desk: Desk, { action, actor, subject, day }: Asked): Promise<AuditFilter> {
  const zone = await zoneOf(desk)
  return {
    // `dues` means all that begin so, as `dues.` does.
    ...(action && { action: action.includes('.') ? action : `${action}.` }),
    ...(actor && { actor: await idOf(desk, actor) }),
    ...(subject && { subjectId: await idOf(desk, subject) }),
    ...(isCivilDate(day) && { fromAt: startOfDay(day, zone), untilAt: startOfDay(addDays(day, 1), zone) }),
  }
}

const addressOf = (path: string, given: Asked, more: Record<string, string> = {}): string => {
  const query = new URLSearchParams(Object.entries({ ...given, ...more }).filter(([, value]) => value !== ''))
  return query.size > 0 ? `${path}?${query}` : path
}

const filterForm = (view: View, given: Asked) => {
  const { t } = view.texts
  return filters(
    view,
    html`${filterText('action', t('admin.audit.action'), given.action, 'search', actionOptions(view.texts))} ${filterText('actor', t('admin.audit.actor'), given.actor)}
      ${filterText('subject', t('admin.audit.subject'), given.subject)} ${filterText('day', t('admin.audit.day'), given.day, 'date')}`,
  )
}

export const auditPage = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/audit',
    async show(staff, view, ctx) {
      const { t } = view.texts
      const given = askedIn(ctx)
      const before = asked(ctx, 'before')
      const filter = await filterOf(desk, given)
      const found = await desk.core.store.audit.list({
        ...filter,
        ...(/^\d{1,15}$/.test(before) && { beforeId: Number(before) }),
        limit: PAGE + 1,
      })
      // Oldest first, and one more than a page when there is another.
      const rows = found.slice(-PAGE)
      const more = found.length > PAGE
      const head = [
        t('admin.audit.at'),
        t('admin.audit.action'),
        t('admin.audit.subject'),
        t('admin.audit.actor'),
        t('admin.audit.details'),
      ]
      return {
        title: t('admin.nav.audit'),
        body: html`${heading(t('admin.nav.audit'), t('admin.audit.text'))} ${filterForm(view, given)}
          ${acts([
            [addressOf('/admin/audit/export', given), t('admin.audit.export')],
            ['/admin/audit/verify', t('admin.audit.verify')],
          ])}
          ${rows.length === 0 ? html`<p class="none" role="status">${t('admin.audit.none')}</p>` : table(t('admin.nav.audit'), head, await historyRows(desk, staff, view.texts, rows.toReversed()))}
          <nav class="pager" aria-label="${t('admin.pages')}">
            ${before && html`<a href="${addressOf('/admin/audit', given)}">${t('admin.audit.latest')}</a>`}
            ${more && html`<a rel="next" href="${addressOf('/admin/audit', given, { before: String(rows[0]!.id) })}">${t('admin.audit.older')}</a>`}
          </nav>`,
      }
    },
  })

export const auditVerify = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/audit/verify',
    show(_staff, view) {
      const { t } = view.texts
      return {
        title: t('admin.verify.title'),
        body: html`${trail(view, ['/admin/audit', t('admin.nav.audit')])} ${heading(t('admin.verify.title'), t('admin.verify.text'))} ${summary(view)}
          <form method="post" class="act">${hidden(view)}<button class="main">${t('admin.audit.verify')}</button><a class="button" href="/admin/audit">${t('cancel')}</a></form>`,
      }
    },
    async submit(_staff, _form, view) {
      const { t } = view.texts
      const { rows, brokenAt } = await desk.core.store.audit.verify()
      const sound = brokenAt === undefined
      const text = sound
        ? t('admin.verify.sound', { rows })
        : brokenAt === 0
          ? t('admin.verify.cut')
          : t('admin.verify.broken', { id: brokenAt })
      return {
        title: t('admin.verify.title'),
        body: html`${trail(view, ['/admin/audit', t('admin.nav.audit')])} ${heading(t('admin.verify.title'))}
          <p class="notice ${sound && 'good'}" role="status">${text}</p>${acts([['/admin/audit', t('admin.verify.back')]])}`,
      }
    },
  })

const BATCH = 1000
const columns = ['id', 'at', 'actor', 'action', 'subject_kind', 'subject_id', 'payload'] as const

async function* exported({ core: { store } }: Desk, filter: AuditFilter): AsyncGenerator<string> {
  yield csvOf([columns])
  // Up to the latest there is now: the reading itself adds one.
  const [latest] = await store.audit.list({ ...filter, limit: 1 })
  for (let afterId = 0; latest && afterId < latest.id; ) {
    const rows = await store.audit.list({ ...filter, afterId, limit: BATCH })
    if (rows.length === 0) return
    yield csvOf(
      rows
        .filter(({ id }) => id <= latest.id)
        .map(({ id, at, actor, action, subjectKind, subjectId, payload }) => [
          String(id),
          Temporal.Instant.fromEpochMilliseconds(at).toString(),
          actor,
          action,
          subjectKind,
          subjectId,
          JSON.stringify(payload),
        ]),
    )
    afterId = rows.at(-1)!.id
  }
}

/** The same entries as a file, oldest first; who took them along is an entry of its own. */
export function mountExport(router: Router, desk: Desk, note: (staff: Staff, filter: Asked) => Promise<void>): void {
  router.get('/admin/audit/export', async (ctx) => {
    const staff = await desk.house.guardStaff(ctx, rolesFor('/admin/audit/export', 'read'))
    if (ctx.response.get('location')) return
    const given = askedIn(ctx)
    if (given.day && !isCivilDate(given.day)) throw new AppError('bad_request')
    const filter = await filterOf(desk, given)
    await note(staff, given)
    ctx.type = 'text/csv; charset=utf-8'
    ctx.set('content-disposition', 'attachment; filename="audit.csv"')
    ctx.set('cache-control', 'no-store')
    ctx.set('content-security-policy', "default-src 'none'; sandbox")
    ctx.body = Readable.from(exported(desk, filter))
  })
}
