// Enrolling an authenticator: the QR code, the key as text beside it, a first code, then the recovery codes once.
import encodeQR from 'qr'
import type { AccountInForce } from '../src/ports.ts'
import { beginEnrolment } from '../src/usecases/second-factor.ts'
import { type Html, html, trusted } from '../src/web/html.ts'
import type { Shown, View } from '../src/web/page.ts'
import type { Desk } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'

export async function enrolmentForm(desk: Desk, account: AccountInForce, view: View, why: string): Promise<Html> {
  const { t } = view.texts
  const { name } = await desk.organisation()
  const { secret, uri } = await beginEnrolment(desk.core)(account.accountId, account.username, name)
  return html`${heading(t('enrol.title'), why)} ${summary(view, ['code'])}
    <form method="post">
      ${hidden(view)}
      <ol class="plain">
        <li>${t('enrol.step_app')}</li>
        <li>
          ${t('enrol.step_scan')}
          <div class="qr" role="img" aria-label="${t('enrol.qr')}">${trusted(encodeQR(uri, 'svg'))}</div>
          <p>${t('enrol.key')}: <code>${secret.replace(/(.{4})(?=.)/g, '$1 ')}</code></p>
        </li>
        <li>${t('enrol.step_code')}</li>
      </ol>
      ${field(view, { name: 'code', label: t('second.code'), autocomplete: 'one-time-code', code: true })}
      <button class="main">${t('enrol.submit')}</button>
    </form>`
}

/** Shown this once; `next` is where the person goes on to. */
export function recoveryCodes(view: View, codes: readonly string[], next: string): Shown {
  const { t } = view.texts
  return {
    title: t('codes.title'),
    body: html`${heading(t('codes.title'), t('codes.why'))}
      <ul class="codes">
        ${codes.map((code) => html`<li>${code}</li>`)}
      </ul>
      <a class="button main" href="${next}">${t('codes.noted')}</a>`,
  }
}
