// Where a member stood on a day, as the books knew it on the evening of another.
import type { Context } from 'koa'
import { isCivilDate } from '../../src/domain/time.ts'
import type { Member } from '../../src/ports.ts'
import { standingAsKnown } from '../../src/usecases/as-known.ts'
import { today } from '../../src/usecases/standing.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { memberOf } from './member.ts'
import { asked, dayField, facts, trail } from './parts.ts'
import { standingBadge } from './states.ts'

type Days = { on: string; known: string }

const form = (view: View, { id }: Member, { on, known }: Days): Html => {
  const { t } = view.texts
  return html`<form class="filters" method="get" action="/admin/members/${id}/standing-on">
    ${dayField(view, { name: 'on', label: t('admin.stood.on'), value: on })}
    ${dayField(view, { name: 'known', label: t('admin.stood.by'), value: known })}
    <button class="main">${t('admin.stood.show')}</button></form>`
}

/** The small form under a member's history. */
export async function knownForm(desk: Desk, view: View, member: Member): Promise<Html> {
  const on = await today(desk.core)
  return html`<h2>${view.texts.t('admin.stood.title')}</h2>${form(view, member, { on, known: on })}`
}

async function answer(desk: Desk, view: View, { id: memberId }: Member, { on, known }: Days): Promise<Html> {
  const { t, day } = view.texts
  const found = await standingAsKnown(desk.core)({ memberId, on, knownOn: known })
  return html`<div role="status"><p>${t('admin.stood.answer', { on: day(on), known: day(known) })} ${standingBadge(view.texts, found.standing)}</p>
    ${facts([
      [t('admin.covered_until'), found.coveredUntilOn && day(found.coveredUntilOn)],
      [t('admin.grace_until'), found.graceUntilOn && day(found.graceUntilOn)],
    ])}</div>`
}

export const known = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/members/:id/standing-on',
    async show(_staff, view, ctx: Context) {
      const { t } = view.texts
      const member = await memberOf(desk, ctx.params.id)
      const now = await today(desk.core)
      const dayIn = (name: string): string => (isCivilDate(asked(ctx, name)) ? asked(ctx, name) : now)
      const days = { on: dayIn('on'), known: dayIn('known') }
      const title = t('admin.stood.title_of', { name: member.name })
      return {
        title,
        body: html`${trail(view, [`/admin/members/${member.id}`, member.name])} ${heading(title, t('admin.stood.text'))}
          ${form(view, member, days)} ${await answer(desk, view, member, days)}`,
      }
    },
  })
