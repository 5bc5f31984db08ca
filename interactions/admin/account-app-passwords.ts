// The app passwords of an account, for an administrator: which there are and when each was last used, one or all of them
// revoked, one made and shown this once.
import { AppError } from '../../src/domain/errors.ts'
import type { Account } from '../../src/ports.ts'
import {
  type AppPasswordListed,
  listAppPasswords,
  MOST_APP_PASSWORDS,
  makeAppPassword,
  revokeAllAppPasswords,
  revokeAppPassword,
} from '../../src/usecases/app-passwords.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, Shown, View } from '../../src/web/page.ts'
import { appPasswordFields, scopesNamed, secretOnce } from '../app-passwords.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { accountOf } from './account.ts'
import { type Staff, staffPage } from './frame.ts'
import { when } from './history.ts'
import { acts, listed, outcome, trail } from './parts.ts'
import { peopleNamed, zoneOf } from './states.ts'

const pathOf = ({ id }: Account): string => `/admin/accounts/${id}`
const nameOf = ({ name, username }: Account): string => name || username
const up = (view: View, account: Account): Html =>
  trail(view, ['/admin/accounts', view.texts.t('admin.nav.accounts')], [pathOf(account), nameOf(account)])

/** Name, what it may, when it was made and by whom, its last use; and what can be done with each. */
async function list(
  desk: Desk,
  view: View,
  live: readonly AppPasswordListed[],
  act?: (one: AppPasswordListed) => Html,
): Promise<Html> {
  const { t } = view.texts
  const zone = await zoneOf(desk)
  const named = await peopleNamed(
    desk,
    live.map(({ createdBy }) => createdBy),
  )
  return listed(
    t('app_passwords.title'),
    [
      t('admin.name'),
      t('app_passwords.scopes'),
      t('admin.created'),
      t('admin.override.by'),
      t('admin.app_passwords.used'),
      ...(act ? [t('app_passwords.revoke')] : []),
    ],
    live.map((one) => [
      one.name,
      scopesNamed(view, one.scopes),
      when(view.texts, one.createdAt, zone),
      named(one.createdBy),
      one.lastUsedAt === null ? t('admin.never') : when(view.texts, one.lastUsedAt, zone),
      ...(act ? [act(one)] : []),
    ]),
    t('admin.app_passwords.none'),
  )
}

/** On the page of the account. */
export async function appPasswordsOf(desk: Desk, view: View, account: Account): Promise<Html> {
  const { t } = view.texts
  const live = await listAppPasswords(desk.core)(account.id)
  return html`${await list(desk, view, live)}
    ${acts([[`${pathOf(account)}/app-passwords`, t('admin.app_passwords.manage')]])}`
}

/** Asks once more: each program of the person's stops, and none of the secrets comes back. */
function confirmAll(view: View, account: Account): Shown {
  const { t } = view.texts
  const title = t('admin.app_passwords.all_title', { name: nameOf(account) })
  return {
    title,
    body: html`${up(view, account)} ${heading(title, t('admin.app_passwords.all_text'))}
      <form method="post" class="act">${hidden(view)}<input type="hidden" name="confirmed" value="yes">
        <button class="main bad" name="act" value="all">${t('admin.app_passwords.all')}</button>
        <a class="button" href="${pathOf(account)}/app-passwords">${t('cancel')}</a></form>`,
  }
}

export const accountAppPasswords = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/accounts/:id/app-passwords',
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const account = await accountOf(desk, ctx.params.id)
      const live = await listAppPasswords(desk.core)(account.id)
      const title = t('admin.app_passwords.title', { name: nameOf(account) })
      const revoke = ({ id, name }: AppPasswordListed) =>
        html`<form method="post">${hidden(view)}<input type="hidden" name="id" value="${id}"><button class="link" name="act" value="one">${t('app_passwords.revoke')}<span class="skip"> ${name}</span></button></form>`
      return {
        title,
        body: html`${up(view, account)} ${heading(title, t('admin.app_passwords.text'))} ${outcome(view, ctx)} ${summary(view)}
          ${await list(desk, view, live, revoke)}
          ${acts([
            account.state !== 'closed' &&
              live.length < MOST_APP_PASSWORDS && [
                `${pathOf(account)}/new-app-password`,
                t('app_passwords.new'),
                'main',
              ],
          ])}
          ${live.length > 0 && html`<form method="post" class="act">${hidden(view)}<button class="main bad" name="act" value="all">${t('admin.app_passwords.all')}</button></form>`}`,
      }
    },
    async submit(staff, form, view, ctx) {
      const account = await accountOf(desk, ctx.params.id)
      const who = { accountId: account.id, actor: staff.accountId }
      const act = form.get('act')
      if (act === 'all' && form.get('confirmed') !== 'yes') return confirmAll(view, account)
      if (act === 'all') await revokeAllAppPasswords(desk.core)(who)
      // One that is gone already, or of somebody else: there is nothing to do.
      else if (act === 'one') await revokeAppPassword(desk.core)({ ...who, id: form.get('id') })
      else throw new AppError('bad_request', { detail: 'no such act' })
      return `${pathOf(account)}/app-passwords?done=revoked`
    },
  })

export const newAccountAppPassword = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/accounts/:id/new-app-password',
    fresh: true,
    async show(_staff, view, ctx) {
      const { t } = view.texts
      const account = await accountOf(desk, ctx.params.id)
      const title = t('admin.app_passwords.new_title', { name: nameOf(account) })
      return {
        title,
        body: html`${up(view, account)} ${heading(title, t('admin.app_passwords.new_text'))} ${summary(view, ['name', 'scopes'])}
          <form method="post" class="act">${hidden(view)} ${appPasswordFields(view)}
            <button class="main">${t('app_passwords.submit')}</button>
            <a class="button" href="${pathOf(account)}/app-passwords">${t('cancel')}</a></form>`,
      }
    },
    async submit(staff, form, view, ctx) {
      const { t } = view.texts
      const account = await accountOf(desk, ctx.params.id)
      const { appPassword, secret } = await makeAppPassword(desk.core)({
        accountId: account.id,
        name: form.get('name'),
        scopes: form.all('scopes'),
        actor: staff.accountId,
      })
      const title = t('admin.app_passwords.made', { name: nameOf(account) })
      return {
        title,
        body: html`${up(view, account)} ${heading(title)} ${secretOnce(view, appPassword.name, secret)}
          ${acts([[`${pathOf(account)}/app-passwords`, t('app_passwords.shown.done'), 'main']])}`,
      }
    },
  })
