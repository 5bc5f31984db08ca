// When something went wrong: what, whether anything is lost, what to do, and a reference for the log.
import type { AppError } from '../src/domain/errors.ts'
import { html } from '../src/web/html.ts'
import { type Shown, sentence } from '../src/web/page.ts'
import type { Texts } from '../src/web/texts.ts'
import { heading } from './parts.ts'

export const errorPage = (texts: Texts, error: AppError, reference: string): Shown => ({
  title: texts.t('error.title'),
  status: error.status,
  body: html`${heading(texts.t('error.title'))}
    <p>${sentence(texts, error)}</p>
    ${error.status >= 500 && html`<p class="hint">${texts.t('error.again', { reference })}</p>`}
    <a class="button" href="/">${texts.t('back_home')}</a>`,
})

/** An OAuth error that cannot go back to the client: a wrong redirect address, an unknown client (RFC 6749 §4.1.2.1). */
export const oauthErrorPage = (texts: Texts, code: string): Shown => ({
  title: texts.t('error.title'),
  body: html`${heading(texts.t('error.title'))}
    <p>${texts.t(code === 'invalid_redirect_uri' ? 'error.oauth_address' : 'error.oauth', { code })}</p>
    <a class="button" href="/">${texts.t('back_home')}</a>`,
})
