// What a person copies into a mail program, and how it goes, step by step, on each kind of device.
import type { MailServer, MailSetup } from '../src/domain/mail-clients.ts'
import { type Html, html } from '../src/web/html.ts'
import type { TextKey, Texts } from '../src/web/texts.ts'

const securities = { tls: 'SSL/TLS', starttls: 'STARTTLS' } as const

const server = ({ t }: Texts, title: TextKey, { host, port, security }: MailServer): Html => html`
  <h3>${t(title)}</h3>
  <dl class="facts">
    <div><dt>${t('mail.server')}</dt><dd><code>${host}</code></dd></div>
    <div><dt>${t('mail.port')}</dt><dd><code>${port}</code></dd></div>
    <div><dt>${t('mail.security')}</dt><dd>${securities[security]}</dd></div>
  </dl>`

/** Names and ports to copy. */
export const servers = (texts: Texts, { imap, smtp, pop3 }: MailSetup): Html => html`
  ${server(texts, 'mail.receive', imap)} ${server(texts, 'mail.send', smtp)}
  ${pop3 && html`<details><summary>${texts.t('mail.pop3_why')}</summary>${server(texts, 'mail.receive_pop3', pop3)}</details>`}`

const guides: readonly (readonly [title: TextKey, steps: readonly TextKey[]])[] = [
  ['mail.iphone', ['mail.iphone.get', 'mail.iphone.install', 'mail.iphone.password', 'mail.iphone.look']],
  ['mail.android', ['mail.android.open', 'mail.android.address', 'mail.android.by_hand', 'mail.android.done']],
  ['mail.desktop', ['mail.desktop.open', 'mail.desktop.address', 'mail.desktop.found', 'mail.desktop.done']],
  ['mail.others', ['mail.others.imap', 'mail.others.copy', 'mail.others.names', 'mail.others.check']],
]

const profilePath = (login: string): string => `/account/mail/${encodeURIComponent(login)}/profile.mobileconfig`

/** Step by step; the profile for an iPhone is there to be taken. */
export const stepByStep = ({ t }: Texts, logins: readonly { login: string; mailbox: string }[]): Html => {
  const { login = '', mailbox = '' } = logins[0] ?? {}
  return html`${guides.map(
    ([title, steps]) => html`<details><summary>${t(title)}</summary>
      <ol class="plain">${steps.map((step) => html`<li>${t(step, { address: mailbox, login })}</li>`)}</ol>
      ${title === 'mail.iphone' && logins.map((one) => html`<a class="button" href="${profilePath(one.login)}">${t('mail.profile', { login: one.login })}</a>`)}
    </details>`,
  )}`
}
