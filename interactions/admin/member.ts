// One member: what it is and where it stands, its terms and events, its people and what it holds.
import { AppError } from '../../src/domain/errors.ts'
import type { Member } from '../../src/ports.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { heading } from '../parts.ts'
import { membersDues } from './dues-member.ts'
import { type Staff, staffPage } from './frame.ts'
import { historyOf, when } from './history.ts'
import { knownForm } from './known.ts'
import { holdings } from './mailboxes.ts'
import { acts, badge, facts, link, listed, outcome, trail } from './parts.ts'
import { may } from './rights.ts'
import { eventKeys, languageOptions, overridesOf, roleName, standingBadge, zoneOf } from './states.ts'

export async function memberOf(desk: Desk, id: string | undefined): Promise<Member> {
  const member = await desk.core.store.members.get(id ?? '')
  if (!member) throw new AppError('not_found')
  return member
}

async function profile(desk: Desk, { texts }: View, member: Member): Promise<Html> {
  const { t } = texts
  const standing = await desk.core.store.standings.get(member.id)
  const day = (on: string | null | undefined) => on && texts.day(on)
  return facts([
    [t('admin.number'), member.memberNumber],
    [t('admin.kind'), t(member.kind === 'person' ? 'admin.kind.person' : 'admin.kind.association')],
    [t('admin.email'), member.email],
    [t('admin.language'), languageOptions.find(([locale]) => locale === member.locale)?.[1]],
    [t('admin.joined'), day(member.joinedOn)],
    [t('admin.covered_until'), day(standing?.coveredUntilOn)],
    [t('admin.grace_until'), day(standing?.graceUntilOn)],
    [t('admin.next_change'), day(standing?.nextChangeOn)],
    [t('admin.created'), when(texts, member.createdAt, await zoneOf(desk))],
  ])
}

/** Whoever keeps the books reads the terms with their money (dues-member.ts). */
async function terms(desk: Desk, { texts }: View, { id }: Member, books: boolean): Promise<Html> {
  const { t } = texts
  const { terms: all, events } = await desk.core.store.standings.facts(id)
  const state = (exempt: boolean, paid: boolean): Html =>
    exempt
      ? badge(t('admin.term.exempt'), 'good')
      : badge(t(paid ? 'admin.term.covered' : 'admin.term.open'), paid ? 'good' : 'warn')
  const latest = all.toSorted((a, b) => (a.startOn < b.startOn ? 1 : -1))
  return html`${
    !books &&
    listed(
      t('admin.terms'),
      [t('admin.term.from'), t('admin.term.to'), t('admin.state')],
      latest.map(({ startOn, endOn, exempt, paidCents, dueCents }) => [
        texts.day(startOn),
        endOn === null ? t('admin.term.for_life') : texts.day(endOn),
        state(exempt, paidCents >= dueCents),
      ]),
      t('admin.terms.none'),
    )
  }
  ${listed(
    t('admin.events'),
    [t('admin.event'), t('admin.event.on')],
    events.map(({ kind, effectiveOn }) => [t(eventKeys[kind]), texts.day(effectiveOn)]).toReversed(),
    t('admin.events.none'),
  )}`
}

async function people(desk: Desk, staff: Staff, { texts }: View, { id }: Member): Promise<Html> {
  const { t } = texts
  const { store } = desk.core
  const affiliations = await store.people.accountsOf(id)
  const open = may(staff, '/admin/accounts/:id')
  const rows = await Promise.all(
    affiliations.map(async ({ accountId, role }) => {
      const account = await store.accounts.get(accountId)
      const username = account?.username ?? accountId
      return [open ? link(`/admin/accounts/${accountId}`, username) : username, account?.name, roleName(texts, role)]
    }),
  )
  const at = `/admin/members/${id}`
  const decides = may(staff, '/admin/members/:id/people')
  return html`${listed(
    t('admin.people'),
    [t('admin.username'), t('admin.name'), t('admin.role')],
    rows,
    t('admin.people.none'),
  )}
  ${acts([
    decides && [`${at}/link`, t('admin.link.title')],
    decides && [`/admin/accounts/new?member=${id}`, t('admin.account_new.title')],
    decides && rows.length > 0 && [`${at}/people`, t('admin.member_people.act')],
  ])}`
}

function actsOn(staff: Staff, { texts: { t } }: View, { id }: Member, effects: readonly string[]): Html {
  const one = (path: string, key: TextKey, tone?: 'bad' | 'main') =>
    may(staff, `/admin/members/:id/${path}`) && ([`/admin/members/${id}/${path}`, t(key), tone] as const)
  return acts([
    one('change', 'admin.act.change'),
    one('event', 'admin.act.event'),
    effects.includes('allow') ? one('withdraw-allow', 'admin.act.withdraw_allow') : one('allow', 'admin.act.allow'),
    effects.includes('deny') ? one('restore', 'admin.act.restore', 'main') : one('suspend', 'admin.act.suspend', 'bad'),
  ])
}

export const member = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/members/:id',
    async show(staff, view, ctx) {
      const { t } = view.texts
      const found = await memberOf(desk, ctx.params.id)
      const { store } = desk.core
      const standing = (await store.standings.get(found.id))?.standing ?? 'applicant'
      const overrides = (await store.overrides.open({ memberId: found.id })).filter(({ begun }) => begun)
      const books = may(staff, '/admin/members/:id/dues')
      const effects = overrides.map(({ effect }) => effect)
      return {
        title: found.name,
        body: html`${trail(view, ['/admin/members', t('admin.nav.members')])} ${heading(found.name)} ${outcome(view, ctx)}
          <p>${standingBadge(view.texts, standing)} ${effects.includes('deny') && standingBadge(view.texts, 'suspended')}</p>
          ${await overridesOf(desk, view.texts, overrides, may(staff, '/admin/suspensions/:id'))}
          ${actsOn(staff, view, found, effects)} ${await profile(desk, view, found)} ${books && (await membersDues(desk, view, found))} ${await terms(desk, view, found, books)}
          ${await people(desk, staff, view, found)} ${await holdings(desk, staff, view, found)}
          ${may(staff, '/admin/audit') && (await historyOf(desk, staff, view, found.id))} ${may(staff, '/admin/members/:id/standing-on') && (await knownForm(desk, view, found))}`,
      }
    },
  })
