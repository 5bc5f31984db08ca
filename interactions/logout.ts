// Signing out: of the service one comes from, or of everything open in this browser. The form and its token are
// oidc-provider's (RP-Initiated Logout 1.0 §3); the words are ours.
import type { KoaContextWithOIDC } from 'oidc-provider'
import { HOUSE_CLIENT } from '../src/provider-service.ts'
import { html, trusted } from '../src/web/html.ts'
import type { Shown } from '../src/web/page.ts'
import type { Texts } from '../src/web/texts.ts'
import { type Desk, originsOf } from './desk.ts'
import { heading } from './parts.ts'

const FORM = 'op.logoutForm'

export async function logoutPage(desk: Desk, ctx: KoaContextWithOIDC, form: string, { t }: Texts): Promise<Shown> {
  const { client, params } = ctx.oidc
  const { name: association } = await desk.organisation()
  const service = client && client.clientId !== HOUSE_CLIENT ? (client.clientName ?? client.clientId) : undefined
  return {
    title: t('logout.title'),
    formOrigins: originsOf(params?.post_logout_redirect_uri),
    body: html`${heading(t('logout.title'), service ? t('logout.text', { client: service, association }) : t('logout.text_home', { association }))} ${trusted(form)}
      <button class="main" form="${FORM}" name="logout" value="yes">${t('logout.everywhere')}</button>
      ${service ? html`<button class="other" form="${FORM}">${t('logout.here', { client: service })}</button>` : html`<a class="button" href="/">${t('logout.stay')}</a>`}`,
  }
}

export const loggedOutPage = ({ t }: Texts): Shown => ({
  title: t('logged_out.title'),
  body: html`${heading(t('logged_out.title'), t('logged_out.text'))} <a class="button" href="/">${t('logged_out.again')}</a>`,
})
