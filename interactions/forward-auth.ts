// What a visitor of a protected site reads who is not let in. The page is seen at the site's own address, so it stands
// alone: no stylesheet, no script, no picture.
import { createHash } from 'node:crypto'
import type { Context } from 'koa'
import type { Client } from '../src/ports.ts'
import type { Told } from '../src/web/forward-auth-verdict.ts'
import { type Html, html, trusted } from '../src/web/html.ts'
import type { TextKey, Texts } from '../src/web/texts.ts'
import type { Desk } from './desk.ts'

const style = `:root{color-scheme:light dark;--ground:#f5f3ee;--paper:#fff;--ink:#1d2433;--line:#d9d5cc;--accent:#26456e;--on:#fff}
@media (prefers-color-scheme:dark){:root{--ground:#12161f;--paper:#1b212d;--ink:#eceff5;--line:#3a4356;--accent:#a9c4ee;--on:#12161f}}
*{box-sizing:border-box}
body{margin:0;padding:1.25rem 1rem;font:100%/1.55 system-ui,-apple-system,"Segoe UI","Noto Sans","DejaVu Sans",sans-serif;color:var(--ink);background:var(--ground);overflow-wrap:anywhere}
main{max-width:30rem;margin:5vh auto 0;padding:1.75rem 1.25rem;background:var(--paper);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}
p{margin:0 0 1rem}
a{color:var(--accent)}
a.button{display:block;margin-top:.75rem;padding:.73rem 1rem;text-align:center;font-weight:600;text-decoration:none;border:1px solid var(--accent);border-radius:.5rem}
a.main{color:var(--on);background:var(--accent)}
.contact{margin:1.5rem 0 0}
:focus-visible{outline:3px solid #d9822b;outline-offset:2px}`

/** CSP 3 §2.3.1: a hash of the one style there is. */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const document = (texts: Texts, association: string, title: string, body: Html): string =>
  html`<!doctype html>
<html lang="${texts.locale}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} · ${association}</title>
    <style>${trusted(style)}</style>
  </head>
  <body><main><h1>${title}</h1>${body}</main></body>
</html>
`.markup

const says: Record<Told['kind'], { title: TextKey; text: TextKey }> = {
  closed: { title: 'forward.closed.title', text: 'forward.closed.text' },
  elsewhere: { title: 'forward.elsewhere.title', text: 'forward.elsewhere.text' },
  no_access: { title: 'forward.no_access.title', text: 'forward.no_access' },
  role: { title: 'forward.role.title', text: 'forward.role.text' },
  unclear: { title: 'forward.unclear.title', text: 'forward.unclear.text' },
  site_refuses: { title: 'forward.site_refuses.title', text: 'forward.site_refuses.text' },
  signed_out: { title: 'forward.signed_out.title', text: 'forward.signed_out.text' },
  not_completed: { title: 'forward.not_completed.title', text: 'forward.not_completed.text' },
  ended: { title: 'forward.ended.title', text: 'forward.ended.text' },
}

/**
 * The page passes through the site's own proxy. The association's own services may know why somebody is not let in; a member's
 * site, or a stranger's, has no business with dues and suspensions: the reason is then read at home.
 */
const mayKnow = ({ party, resourceId }: Client): boolean => party === 'first' && resourceId === null

function why({ t }: Texts, { client, reason }: Extract<Told, { kind: 'no_access' }>): Html {
  const ofTheSite = reason.code === 'not_listed' || mayKnow(client)
  return html`<p>${t(says.no_access.text, { client: client.name })}</p>
    ${ofTheSite && html`<p>${t('forward.reason', { reason: t(`why.${reason.code}` as TextKey) })}</p>`}
    <p>${t('forward.why_at_home')}</p>`
}

export const tellAtSite =
  ({ core, organisation }: Pick<Desk, 'core' | 'organisation'>, textsOf: (ctx: Context) => Texts) =>
  async (ctx: Context, status: number, told: Told): Promise<void> => {
    const texts = textsOf(ctx)
    const { t } = texts
    const { name: association, contactEmail: contact } = await organisation()
    const client = 'client' in told ? told.client.name : ''
    const words = says[told.kind]
    const title = t(words.title)
    const text = told.kind === 'no_access' ? why(texts, told) : html`<p>${t(words.text, { client })}</p>`
    const isOver = told.kind === 'signed_out' || told.kind === 'not_completed' || told.kind === 'ended'
    ctx.status = status
    ctx.type = 'html'
    ctx.set('content-security-policy', policy)
    ctx.body = document(
      texts,
      association,
      title,
      html`${text}
        ${'url' in told && html`<a class="button${isOver ? html` main` : false}" href="${isOver ? `${told.url}schedar/sign-in` : told.url}">${isOver ? t('forward.sign_in') : told.url}</a>`}
        <a class="button" href="${core.config.issuer}/">${t('forward.home', { association })}</a>
        ${contact !== '' && html`<p class="contact">${t('contact', { contact })}</p>`}`,
    )
  }
