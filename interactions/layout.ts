// The frame round every page: the association's name or logo, one card, the languages.

import { locales } from '../src/ports.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Shown } from '../src/web/page.ts'
import { type Texts, textsOf } from '../src/web/texts.ts'

export type Look = {
  associationName: string
  contactEmail: string
  /** Addresses of the stylesheets, script and logo, each with a digest in it. */
  styles: readonly string[]
  script: string
  logo: string
}

type Frame = Pick<Shown, 'title' | 'body' | 'navigation' | 'refreshSeconds'> & { wide?: boolean; here: string }

const languages = (texts: Texts, here: string): Html => html`
  <nav aria-label="${texts.t('language.choose')}">
    <ul class="languages">
      ${locales.map((locale) => {
        const name = textsOf(locale).t('language.name')
        return locale === texts.locale
          ? html`<li><span lang="${locale}" aria-current="true">${name}</span></li>`
          : html`<li><a lang="${locale}" hreflang="${locale}" href="${here}${here.includes('?') ? '&' : '?'}lang=${locale}">${name}</a></li>`
      })}
    </ul>
  </nav>`

/** A whole document. */
export const layout = (
  texts: Texts,
  look: Look,
  { title, body, wide = false, navigation, refreshSeconds, here }: Frame,
): string =>
  html`<!doctype html>
<html lang="${texts.locale}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} · ${look.associationName}</title>
    <link rel="icon" href="${look.logo}">
    ${look.styles.map((href) => html`<link rel="stylesheet" href="${href}">`)}
    <script src="${look.script}" type="module"></script>
    ${refreshSeconds && html`<noscript><meta http-equiv="refresh" content="${refreshSeconds}"></noscript>`}
  </head>
  <body class="${navigation ? 'staff' : wide ? 'wide' : ''}">
    <a class="skip" href="#content">${texts.t('skip')}</a>
    <header><a class="brand" href="/"><img src="${look.logo}" alt=""><span>${look.associationName}</span></a>${navigation}</header>
    <main id="content">${body}</main>
    <footer>
      ${look.contactEmail && html`<p>${texts.t('contact', { contact: look.contactEmail })}</p>`}
      ${languages(texts, here)}
    </footer>
  </body>
</html>
`.markup
