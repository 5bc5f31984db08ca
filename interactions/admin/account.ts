// One account: who it is, what it may use and why, and what can be done about it.
import { AppError } from '../../src/domain/errors.ts'
import type { Account } from '../../src/ports.ts'
import { type Explanation, explain } from '../../src/usecases/explain.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { heading } from '../parts.ts'
import { appPasswordsOf } from './account-app-passwords.ts'
import { type Staff, staffPage } from './frame.ts'
import { historyOf, when } from './history.ts'
import { acts, badge, facts, link, listed, outcome, trail } from './parts.ts'
import { may } from './rights.ts'
import {
  accessBadge,
  accountBadge,
  languageOptions,
  overridesOf,
  roleName,
  staffRoleKeys,
  standingBadge,
  zoneOf,
} from './states.ts'

export async function accountOf(desk: Desk, id: string | undefined): Promise<Account> {
  const account = await desk.core.store.accounts.get(id ?? '')
  if (!account) throw new AppError('not_found')
  return account
}

type Known = { account: Account; explained: Explanation }

async function profile(desk: Desk, { texts }: View, { account, explained }: Known): Promise<Html> {
  const { t } = texts
  const zone = await zoneOf(desk)
  const groups = await desk.core.store.people.groups(account.id)
  const { staffRoles, hasSecondFactor } = explained.account
  const verified = account.emailVerifiedAt === null ? 'admin.email_unverified' : 'admin.email_verified'
  return facts([
    [t('admin.username'), account.username],
    [t('admin.email'), account.email && html`${account.email} <small>(${t(verified)})</small>`],
    [t('admin.language'), languageOptions.find(([locale]) => locale === account.locale)?.[1]],
    [t('admin.created'), when(texts, account.createdAt, zone)],
    [
      t('admin.last_sign_in'),
      account.lastSignInAt === null ? t('admin.never') : when(texts, account.lastSignInAt, zone),
    ],
    [t('admin.second_factor'), t(hasSecondFactor ? 'admin.on' : 'admin.off')],
    [t('admin.staff_roles'), staffRoles.map((role) => t(staffRoleKeys[role])).join(', ')],
    [t('admin.groups'), groups.join(', ')],
    [t('admin.password_kept'), t(account.directoryKey ? 'admin.password_directory' : 'admin.password_own')],
  ])
}

function memberships({ texts }: View, { memberships: all }: Explanation): Html {
  const { t } = texts
  return listed(
    t('admin.memberships'),
    [t('admin.member'), t('admin.role'), t('admin.standing'), t('admin.covered_until')],
    all.map(({ memberId, memberName, role, standing, overrides, coveredUntilOn }) => [
      link(`/admin/members/${memberId}`, memberName),
      roleName(texts, role),
      standingBadge(texts, overrides.some(({ effect }) => effect === 'deny') ? 'suspended' : standing),
      coveredUntilOn && texts.day(coveredUntilOn),
    ]),
    t('admin.memberships.none'),
  )
}

/** What the doors say, and why. */
function openTo(staff: Staff, { texts }: View, { clients, logins }: Explanation): Html {
  const { t } = texts
  const why = (code: string) => t(`why.${code}` as TextKey)
  const named = (clientId: string, name: string) =>
    may(staff, '/admin/clients/:id') ? link(`/admin/clients/${clientId}`, name) : name
  return html`${listed(
    t('admin.access'),
    [t('admin.service'), t('admin.access'), t('admin.why'), t('admin.roles')],
    clients.map(({ clientId, name, access, reason, roles }) => [
      named(clientId, name),
      accessBadge(texts, access),
      why(reason.code),
      roles.join(', '),
    ]),
    t('admin.access.none'),
  )}
  ${listed(
    t('admin.logins'),
    [t('admin.login'), t('admin.access'), t('admin.why')],
    logins.map(({ login, access, reason }) => [login, accessBadge(texts, access), why(reason.code)]),
    t('admin.logins.none'),
  )}`
}

async function consents(desk: Desk, { texts }: View, { id }: Account): Promise<Html> {
  const { t } = texts
  const zone = await zoneOf(desk)
  const given = await desk.core.store.consents.list(id)
  const rows = await Promise.all(
    given.map(async ({ clientId, scopes, at }) => [
      (await desk.core.store.clients.get(clientId))?.name ?? clientId,
      scopes.join(' '),
      when(texts, at, zone),
    ]),
  )
  return listed(
    t('admin.consents'),
    [t('admin.service'), t('admin.scopes'), t('admin.given_at')],
    rows,
    t('admin.consents.none'),
  )
}

function actsOn(staff: Staff, { texts: { t } }: View, { account, explained }: Known): Html {
  const at = `/admin/accounts/${account.id}`
  const has = (wanted: 'deny' | 'allow') => explained.account.overrides.some(({ effect }) => effect === wanted)
  const one = (path: string, key: TextKey, tone?: 'bad' | 'main') =>
    may(staff, `/admin/accounts/:id/${path}`) && ([`${at}/${path}`, t(key), tone] as const)
  const closed = account.state === 'closed'
  return acts([
    has('deny') ? one('restore', 'admin.act.restore', 'main') : !closed && one('suspend', 'admin.act.suspend', 'bad'),
    !closed && one('sign-out', 'admin.act.sign_out'),
    !closed && account.email !== null && one('invite', 'admin.act.invite'),
    !closed && !has('allow') && one('allow', 'admin.act.allow'),
    has('allow') && one('withdraw-allow', 'admin.act.withdraw_allow'),
    one('groups', 'admin.act.groups'),
    one('staff-roles', 'admin.act.staff_roles'),
    explained.account.hasSecondFactor && one('second-factor', 'admin.act.second_factor', 'bad'),
    closed ? one('reopen', 'admin.act.reopen') : one('close', 'admin.act.close', 'bad'),
  ])
}

export const account = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/accounts/:id',
    async show(staff, view, ctx) {
      const { t } = view.texts
      const found = await accountOf(desk, ctx.params.id)
      const explained = (await explain(desk.core)(found))!
      const known = { account: found, explained }
      const overrides = (await desk.core.store.overrides.open({ accountId: found.id })).filter(({ begun }) => begun)
      const suspended = overrides.some(({ effect }) => effect === 'deny')
      const title = found.name || found.username
      return {
        title,
        body: html`${trail(view, ['/admin/accounts', t('admin.nav.accounts')])}
          ${heading(title)} ${outcome(view, ctx)}
          <p>${accountBadge(view.texts, found.state, suspended)} ${explained.account.staffRoles.map((role) => badge(t(staffRoleKeys[role])))}</p>
          ${await overridesOf(desk, view.texts, overrides, may(staff, '/admin/suspensions/:id'))}
          ${actsOn(staff, view, known)} ${await profile(desk, view, known)}
          ${memberships(view, explained)} ${openTo(staff, view, explained)} ${may(staff, '/admin/accounts/:id/app-passwords') && (await appPasswordsOf(desk, view, found))} ${await consents(desk, view, found)}
          ${may(staff, '/admin/audit') && (await historyOf(desk, staff, view, found.id))}`,
      }
    },
  })
