// Another tariff in the middle of a term: first the amounts, then doing just that.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import { formatOgm } from '../../src/domain/references.ts'
import type { Member } from '../../src/ports.ts'
import { changeTariff, type TariffChange } from '../../src/usecases/change-tariff.ts'
import { today } from '../../src/usecases/standing.ts'
import { type Html, html } from '../../src/web/html.ts'
import { type Page, sentence, type View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { memberOf } from './member.ts'
import { asked, choice, dayField, facts, tick, trail } from './parts.ts'
import { standingBadge } from './states.ts'

type Wanted = { tariff: string; fromOn: string }

/** What was chosen: in the form that was sent, or else in the address. */
const wanted = (view: View, ctx: Context): Wanted => ({
  tariff: view.typed?.get('tariff') ?? asked(ctx, 'tariff'),
  fromOn: view.typed?.get('fromOn') ?? asked(ctx, 'fromOn'),
})

async function choosing(desk: Desk, view: View, { organisationId }: Member, { tariff, fromOn }: Wanted): Promise<Html> {
  const { t } = view.texts
  const tariffs = (await desk.core.store.dues.tariffs(organisationId)).filter(({ period }) => period !== 'life')
  const options = [...new Set(tariffs.map(({ name }) => name))].map((name) => [name, name] as const)
  return html`<form class="filters" method="get">
    ${choice(view, { name: 'tariff', label: t('admin.dues.tariff'), options, value: tariff })}
    ${dayField(view, { name: 'fromOn', label: t('admin.dues.valid_from'), value: fromOn || (await today(desk.core)) })}
    <button class="main">${t('admin.dues.change.show')}</button></form>`
}

function amounts(view: View, { cut, owedCents, creditCents, calls, before, after }: TariffChange): Html {
  const { t, day, money } = view.texts
  const part = ({ startOn, endOn, dueCents }: TariffChange['cut']['after']): string =>
    t('admin.dues.change.part', { amount: money(dueCents), from: day(startOn), to: day(endOn!) })
  const moved = cut.moved.filter(({ to }) => to === 'after').reduce((sum, { cents }) => sum + cents, 0)
  const lowered = before.standing === 'current' && after.coveredUntilOn !== before.coveredUntilOn
  return html`${facts([
    [t('admin.dues.change.before'), cut.before && part(cut.before)],
    [t('admin.dues.change.after'), part(cut.after)],
    [t('admin.dues.change.moved'), money(moved)],
    [t('admin.dues.change.owed'), money(owedCents)],
    [t('admin.dues.change.credit'), money(creditCents)],
    [t('admin.dues.change.calls'), calls.map(({ ogm }) => formatOgm(ogm)).join(' ')],
    [t('admin.dues.change.standing'), standingBadge(view.texts, after.standing)],
    [t('admin.covered_until'), after.coveredUntilOn && day(after.coveredUntilOn)],
    [t('admin.grace_until'), after.graceUntilOn && day(after.graceUntilOn)],
  ])}${lowered && html`<p class="notice warn">${t('admin.dues.change.until_paid')}</p>`}`
}

async function preview(desk: Desk, view: View, member: Member, { tariff, fromOn }: Wanted): Promise<Html> {
  const { t } = view.texts
  if (tariff === '' || fromOn === '') return html``
  try {
    const plan = await changeTariff(desk.core).plan({ memberId: member.id, tariff, fromOn })
    return html`${amounts(view, plan)}<form method="post" class="act">${hidden(view)}
      <input type="hidden" name="tariff" value="${tariff}"><input type="hidden" name="fromOn" value="${fromOn}"><input type="hidden" name="key" value="${plan.key}">
      ${plan.owedCents > 0 && tick('call', 'yes', t('admin.dues.change.call'), true)}
      <button class="main">${t('admin.dues.change.submit')}</button> <a class="button" href="/admin/members/${member.id}">${t('cancel')}</a></form>`
  } catch (error) {
    // What cannot be done is an answer like another: the choice stands over it, to be made anew.
    if (!(error instanceof AppError) || error.status >= 500) throw error
    if (view.mistake) return html``
    return html`<div class="notice" role="alert"><strong>${t('mistake.title')}</strong><p>${sentence(view.texts, error)}</p></div>`
  }
}

export const tariffChange = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/members/:id/tariff',
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const member = await memberOf(desk, ctx.params.id)
      const title = t('admin.dues.change.title_of', { name: member.name })
      const given = wanted(view, ctx)
      return {
        title,
        body: html`${trail(view, [`/admin/members/${member.id}`, member.name])} ${heading(title, t('admin.dues.change.text'))} ${summary(view)}
          ${await choosing(desk, view, member, given)} ${await preview(desk, view, member, given)}`,
      }
    },
    async submit(staff, form, _view, ctx) {
      const { id: memberId } = await memberOf(desk, ctx.params.id)
      await changeTariff(desk.core).apply({
        memberId,
        tariff: form.get('tariff'),
        fromOn: form.get('fromOn'),
        key: form.get('key'),
        call: form.get('call') === 'yes',
        actor: staff.accountId,
      })
      return `/admin/members/${memberId}?done=changed`
    },
  })
