// App passwords on the account page. The list and its buttons open as home does: a lost telephone must be shut out at once.
// Making one asks for a fresh sign-in before anything is typed, and shows the secret on the answer, in no address.
import { type AppPasswordScope, appPasswordScopes, inGroups } from '../src/domain/app-passwords.ts'
import type { AccountInForce } from '../src/ports.ts'
import {
  type AppPasswordListed,
  listAppPasswords,
  MOST_APP_PASSWORDS,
  makeAppPassword,
  revokeAppPassword,
} from '../src/usecases/app-passwords.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, Shown, View } from '../src/web/page.ts'
import type { TextKey } from '../src/web/texts.ts'
import type { Desk } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'

const HERE = '/account/app-passwords'

const labels: Record<AppPasswordScope, TextKey> = {
  imap: 'app_passwords.imap',
  pop3: 'app_passwords.pop3',
  smtp: 'app_passwords.smtp',
  dav: 'app_passwords.dav',
}

export const scopesNamed = ({ texts: { t } }: View, scopes: readonly AppPasswordScope[]): string =>
  scopes.map((scope) => t(labels[scope])).join(', ')

type About = { association: string; zone: string; accountId: string }

/** When it was made and last used. One that was made by somebody else says so: the person may know nothing of it. */
function history({ texts }: View, { createdAt, createdBy, lastUsedAt }: AppPasswordListed, about: About): string {
  const at = texts.moment(createdAt, about.zone)
  return [
    createdBy === about.accountId
      ? texts.t('app_passwords.made', { at })
      : texts.t('app_passwords.made_by_staff', { at, association: about.association }),
    lastUsedAt === null
      ? texts.t('app_passwords.unused')
      : texts.t('app_passwords.used', { at: texts.moment(lastUsedAt, about.zone) }),
  ].join(' ')
}

const row = (view: View, appPassword: AppPasswordListed, about: About): Html => {
  const { t } = view.texts
  const { id, name, scopes } = appPassword
  return html`<li>
    <strong>${name}</strong>
    <form method="post">${hidden(view)}<button class="link" name="revoke" value="${id}">${t('app_passwords.revoke')}<span class="skip"> ${name}</span></button></form>
    <small class="whole">${scopesNamed(view, scopes)}<br>${history(view, appPassword, about)}</small>
  </li>`
}

export const appPasswords = (desk: Desk): Page<AccountInForce> => ({
  path: HERE,
  guard: desk.house.guard,
  async show({ accountId }, view) {
    const { t } = view.texts
    const { name: association, timeZone: zone } = await desk.organisation()
    const live = await listAppPasswords(desk.core)(accountId)
    return {
      title: t('app_passwords.title'),
      body: html`${heading(t('app_passwords.title'), t('app_passwords.why'))} ${summary(view)}
        ${live.length === 0 ? html`<p>${t('app_passwords.none')}</p>` : html`<ul class="rows">${live.map((one) => row(view, one, { association, zone, accountId }))}</ul>`}
        ${live.length < MOST_APP_PASSWORDS ? html`<a class="button main" href="${HERE}/new">${t('app_passwords.new')}</a>` : html`<p>${t('app_passwords.full', { most: MOST_APP_PASSWORDS })}</p>`}
        <a class="button" href="/">${t('back_home')}</a>`,
    }
  },
  async submit({ accountId }, form) {
    // One that is gone already, or was never this person's: there is nothing to do, and nothing is told about it.
    await revokeAppPassword(desk.core)({ accountId, id: form.get('revoke'), actor: accountId })
    return HERE
  },
})

/** Ticked before anything was chosen: what a mail program needs. */
const usual: readonly string[] = ['imap', 'smtp']

function scopeBoxes(view: View): Html {
  const { t } = view.texts
  const ticked = view.typed?.all('scopes') ?? usual
  const wrong = view.mistake?.field === 'scopes' ? view.mistake.message : undefined
  return html`<fieldset class="field"${wrong && html` aria-describedby="scopes-wrong"`}>
    <legend class="label">${t('app_passwords.scopes')}</legend>
    ${appPasswordScopes.map((scope) => html`<label class="check"><input type="checkbox" name="scopes" value="${scope}"${ticked.includes(scope) && html` checked`}> ${t(labels[scope])}</label>`)}
    ${wrong && html`<p class="wrong" id="scopes-wrong">${wrong}</p>`}
  </fieldset>`
}

/** Shown this once. The field holds it as services want it; the groups beside it are for whoever must type it. */
export const secretOnce = ({ texts: { t } }: View, name: string, secret: string): Html => html`
  <div class="notice warn" role="status"><strong>${t('app_passwords.shown.warning')}</strong><p>${t('app_passwords.shown.text')}</p></div>
  <div class="field">
    <label for="secret">${t('app_passwords.shown.label', { name })}</label>
    <input id="secret" class="once" type="text" value="${secret}" autocomplete="off" spellcheck="false" readonly autofocus aria-describedby="secret-hint">
    <p class="hint" id="secret-hint">${t('app_passwords.shown.typed')} <code>${inGroups(secret)}</code></p>
  </div>`

function shownOnce(view: View, name: string, secret: string): Shown {
  const { t } = view.texts
  return {
    title: t('app_passwords.shown.title'),
    body: html`${heading(t('app_passwords.shown.title'))} ${secretOnce(view, name, secret)}
      <a class="button main" href="${HERE}">${t('app_passwords.shown.done')}</a>`,
  }
}

/** What one is for: the fields of a form that makes one. */
export const appPasswordFields = (view: View): Html => html`
  ${field(view, { name: 'name', label: view.texts.t('app_passwords.name'), autocomplete: 'off', hint: view.texts.t('app_passwords.name_hint') })}
  ${scopeBoxes(view)}`

export const newAppPassword = (desk: Desk): Page<AccountInForce> => ({
  path: `${HERE}/new`,
  // Whoever finds a browser open must not leave with a key to the mail.
  guard: desk.house.guardFresh,
  show(_account, view) {
    const { t } = view.texts
    return {
      title: t('app_passwords.new'),
      body: html`${heading(t('app_passwords.new'))} ${summary(view, ['name', 'scopes'])}
        <form method="post">
          ${hidden(view)}
          ${appPasswordFields(view)}
          <button class="main">${t('app_passwords.submit')}</button>
          <a class="button" href="${HERE}">${t('cancel')}</a>
        </form>`,
    }
  },
  async submit({ accountId }, form, view) {
    const { appPassword, secret } = await makeAppPassword(desk.core)({
      accountId,
      name: form.get('name'),
      scopes: form.all('scopes'),
      actor: accountId,
    })
    return shownOnce(view, appPassword.name, secret)
  },
})
