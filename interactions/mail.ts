// My mail: my mailboxes and logins, what to type into a phone or a computer, and a password for one made right there.
import type Router from '@koa/router'
import { inGroups } from '../src/domain/app-passwords.ts'
import { AppError } from '../src/domain/errors.ts'
import { mobileconfig, profileIds } from '../src/domain/mail-clients.ts'
import { canonical } from '../src/domain/names.ts'
import type { AccountInForce } from '../src/ports.ts'
import { makeAppPassword } from '../src/usecases/app-passwords.ts'
import { type MailLogin, mailLoginsOf } from '../src/usecases/mail-logins.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, Shown, View } from '../src/web/page.ts'
import type { Texts } from '../src/web/texts.ts'
import type { Desk } from './desk.ts'
import { servers, stepByStep } from './mail-programs.ts'
import { field, heading, hidden, summary } from './parts.ts'

export const MAIL = '/account/mail'
const PHONE = `${MAIL}/phone`
/** What a mail program needs. */
const SCOPES = ['imap', 'smtp'] as const

const GIBIBYTE = 1024 ** 3
const tones = { full: '', restricted: 'warn', none: 'bad' } as const

/** Bytes as people say them: 5 Go, 0,5 Go. */
export const size = ({ locale, t }: Texts, bytes: number): string =>
  t('mail.gibibytes', {
    size: new Intl.NumberFormat(`${locale}-BE`, { maximumFractionDigits: 2 }).format(bytes / GIBIBYTE),
  })

function loginRow({ texts }: View, { login, mailbox, access, stopped, quotaBytes }: MailLogin, contact: string): Html {
  const { t } = texts
  return html`<li><strong>${mailbox}</strong>
    ${stopped && access === 'full' ? html`<span class="state bad">${t('mail.stopped')}</span>` : html`<span class="state ${tones[access]}">${t(`access.${access}`)}</span>`}
    <small class="whole">${t('mail.login_is', { login })}
      ${quotaBytes !== null && html`<br>${t('mail.quota', { size: size(texts, quotaBytes) })}`}
      ${access === 'none' && html`<br>${t('mail.closed_why', { contact })}`}
      ${access === 'restricted' && html`<br>${t('mail.restricted')}`}
      ${stopped && html`<br>${t('mail.stopped_why', { contact })}`}</small></li>`
}

const notSet = ({ t }: Texts, contact: string): Html =>
  html`<p class="notice warn">${t('mail.not_set', { contact })}</p>`

export const mail = (desk: Desk): Page<AccountInForce> => ({
  path: MAIL,
  guard: desk.house.guard,
  async show({ accountId }, view) {
    const { texts } = view
    const { t } = texts
    const { contactEmail: contact } = await desk.organisation()
    const logins = await mailLoginsOf(desk.core)(accountId)
    const { mailSetup } = desk.core.config
    const isOpen = logins.some(({ access }) => access !== 'none')
    const programs = mailSetup
      ? html`<h2>${t('mail.programs')}</h2><p>${t('mail.programs_text')}</p>
        <a class="button main" href="${PHONE}">${t('mail.phone')}</a>
        <h2>${t('mail.copy')}</h2>${servers(texts, mailSetup)} <h2>${t('mail.steps')}</h2>${stepByStep(texts, logins)}`
      : notSet(texts, contact)
    return {
      title: t('mail.title'),
      body: html`${heading(t('mail.title'))} ${summary(view)}
        <h2>${t('mail.mine')}</h2>
        ${
          logins.length === 0
            ? html`<p>${t('mail.none', { contact })}</p>`
            : html`<ul class="rows">${logins.map((one) => loginRow(view, one, contact))}</ul>
          <p><a href="/account/app-passwords">${t('mail.app_passwords')}</a></p>
          <p><a href="${MAIL}/trace">${t('trace.title')}</a></p> ${isOpen && programs}`
        }
        <a class="button" href="/">${t('back_home')}</a>`,
    }
  },
})

const choiceOf = (view: View, logins: readonly MailLogin[]): Html => {
  if (logins.length === 1) return html`<input type="hidden" name="login" value="${logins[0]!.login}">`
  const chosen = view.typed?.get('login') ?? logins[0]?.login
  return html`<fieldset class="field"><legend class="label">${view.texts.t('mail.which')}</legend>
    ${logins.map(({ login }) => html`<label class="check"><input type="radio" name="login" value="${login}"${login === chosen && html` checked`}> <span>${login}</span></label>`)}</fieldset>`
}

/** The password is shown this once, in the form in which programs take it, with all that goes beside it. */
async function shownOnce(desk: Desk, { texts }: View, own: MailLogin, secret: string): Promise<Shown> {
  const { t } = texts
  const { mailSetup } = desk.core.config
  const { contactEmail: contact } = await desk.organisation()
  return {
    title: t('mail.made.title'),
    body: html`${heading(t('mail.made.title'))}
      <div class="notice warn" role="status"><strong>${t('app_passwords.shown.warning')}</strong><p>${t('app_passwords.shown.text')}</p></div>
      <div class="field">
        <label for="secret">${t('mail.made.password', { login: own.login })}</label>
        <input id="secret" class="once" type="text" value="${secret}" autocomplete="off" spellcheck="false" readonly autofocus aria-describedby="secret-hint">
        <p class="hint" id="secret-hint">${t('app_passwords.shown.typed')} <code>${inGroups(secret)}</code></p>
      </div>
      <dl class="facts">
        <div><dt>${t('mail.address')}</dt><dd><code>${own.mailbox}</code></dd></div>
        <div><dt>${t('mail.username')}</dt><dd><code>${own.login}</code></dd></div>
      </dl>
      ${mailSetup ? html`${servers(texts, mailSetup)} <h2>${t('mail.steps')}</h2>${stepByStep(texts, [own])}` : notSet(texts, contact)}
      <a class="button main" href="${MAIL}">${t('app_passwords.shown.done')}</a>`,
  }
}

export const mailPhone = (desk: Desk): Page<AccountInForce> => ({
  path: PHONE,
  // Whoever finds a browser open must not leave with a key to the mail.
  guard: desk.house.guardFresh,
  async show({ accountId }, view) {
    const { t } = view.texts
    const { contactEmail: contact } = await desk.organisation()
    const logins = await mailLoginsOf(desk.core)(accountId)
    const form = html`<form method="post">
        ${hidden(view)} ${choiceOf(view, logins)}
        ${field(view, { name: 'name', label: t('mail.device'), autocomplete: 'off', hint: t('mail.device_hint'), value: t('mail.device_usual') })}
        <button class="main">${t('mail.phone_submit')}</button>
        <a class="button" href="${MAIL}">${t('cancel')}</a>
      </form>`
    return {
      title: t('mail.phone'),
      body: html`${heading(t('mail.phone'), t('mail.phone_lead'))} ${summary(view, ['name'])}
        ${logins.length === 0 ? html`<p>${t('mail.none', { contact })}</p><a class="button" href="${MAIL}">${t('mail.back')}</a>` : form}`,
    }
  },
  async submit({ accountId }, form, view) {
    const own = (await mailLoginsOf(desk.core)(accountId)).find(({ login }) => login === canonical(form.get('login')))
    if (!own) throw new AppError('bad_request', { detail: 'not a login of this person' })
    const { secret } = await makeAppPassword(desk.core)({
      accountId,
      name: form.get('name'),
      scopes: SCOPES,
      actor: accountId,
    })
    return shownOnce(desk, view, own, secret)
  },
})

/** Apple's profile for a login of one's own. Somebody else's is as absent as one that never was. */
export function mountProfile(router: Router, desk: Desk): void {
  router.get(`${MAIL}/:login/profile.mobileconfig`, async (ctx) => {
    const account = await desk.house.guard(ctx)
    if (ctx.response.get('location')) return
    const { mailSetup, issuer } = desk.core.config
    const logins = await mailLoginsOf(desk.core)(account.accountId)
    const own = logins.find(({ login }) => login === ctx.params.login)
    if (!own || !mailSetup) throw new AppError('not_found')
    const { name: association } = await desk.organisation()
    ctx.set('content-disposition', 'attachment; filename="courrier.mobileconfig"')
    ctx.set('cache-control', 'no-store')
    ctx.set('content-security-policy', "default-src 'none'; sandbox")
    ctx.body = mobileconfig(mailSetup, {
      address: own.mailbox,
      login: own.login,
      name: account.name,
      uuids: profileIds(issuer, own.login),
      association,
    })
    ctx.type = 'application/x-apple-aspen-config'
  })
}
