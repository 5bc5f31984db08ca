// What is installed once for a whole Apache: one file that closes sites, with the page that their visitors get.
import { AppError } from '../../src/domain/errors.ts'
import type { KitFile, ServiceKitTarget } from '../../src/plugin.ts'
import { HEADER, PROBE } from './closed.ts'
import type { ApacheConfig } from './config.ts'

/** Where sign-outs are told to sites behind Apache and to SPIP, and lowered roles to SPIP; each the path and query of one address. */
const LOGOUTS = ['/oidc/callback?logout=backchannel', '/spip.php?action=schedar_fin', '/spip.php?action=schedar_statut']
const CONF = 'schedar-closed.conf'

/** For a pattern between `#` and `#` within double quotes. */
const pattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** True for a request to a closed site, in the words of ap_expr (Apache's documentation, « Expressions »). */
function isClosed(folder: string, logouts: readonly string[]): string {
  const address = "'%{REQUEST_METHOD} %{REQUEST_URI}?%{QUERY_STRING}'"
  const all = [
    // The name that Apache chose the site by; the header "Host" may say another one (RFC 9112 §3.2.2).
    `-f '${folder}/%{SERVER_NAME}'`,
    // Certificates go on being renewed. What may follow is a token of RFC 8555 §8.3, and no script has such a name.
    '! (%{REQUEST_URI} =~ m#^/\\.well-known/acme-challenge/[A-Za-z0-9_-]+$#)',
    // Sign-outs and lowered roles are still told to the site, at exactly these addresses.
    ...(logouts.length > 0 ? [`! (${address} =~ m#^POST (?:${logouts.map(pattern).join('|')})$#)`] : []),
  ]
  return all.join(' && ')
}

const conf = (target: ServiceKitTarget, logouts: readonly string[]): string => {
  const { folder } = target.config as ApacheConfig
  const closed = isClosed(folder, logouts)
  return `\
# Closes the sites that have a file of their name in ${folder}, for Schedar. Goes into the server's configuration,
# outside every <VirtualHost>:   /etc/apache2/conf-available/${CONF}, then   a2enconf schedar-closed
# Needs:   a2enmod headers
# A file is looked for at each request: a site is closed, and open again, with the next one. Open to whoever asks, each at
# its exact address: the proofs for certificates, and the addresses at which sign-outs are told.

# Answered before the site's own .htaccess is read: whoever changed that file cannot send visitors elsewhere.
<If "${closed}">
  Redirect 503
  # Where the site is a proxy, or has an address rewritten first, this comes last: nobody is asked to sign in.
  AuthType None
  AuthMerging Off
  Require all granted
  Header always set Retry-After 3600
  Header always set Cache-Control no-store
  Header always set X-Robots-Tag noindex
  Header always set ${HEADER} closed
  ErrorDocument 503 "${page(target)}"
</If>

# A site with rules of mod_rewrite in its <VirtualHost> would follow them first.
<IfModule mod_rewrite.c>
  RewriteEngine On
  RewriteOptions InheritDownBefore
  RewriteCond expr "${closed}"
  RewriteRule "^" "-" [R=503,L]
</IfModule>
`
}

const words = [
  [
    'fr',
    'Ce site est fermé pour le moment',
    'Il n’est pas accessible actuellement. Merci de réessayer plus tard.',
    'Vous vous occupez de ce site ? La raison et ce que vous pouvez faire se trouvent dans votre compte :',
  ],
  [
    'nl',
    'Deze site is voorlopig gesloten',
    'Ze is nu niet bereikbaar. Probeer het later opnieuw.',
    'Beheert u deze site? De reden en wat u kunt doen, vindt u in uw account:',
  ],
  [
    'en',
    'This site is closed for now',
    'It cannot be reached at present. Please try again later.',
    'Do you look after this site? The reason, and what you can do, are in your account:',
  ],
  [
    'de',
    'Diese Website ist vorübergehend geschlossen',
    'Sie ist derzeit nicht erreichbar. Bitte versuchen Sie es später erneut.',
    'Betreuen Sie diese Website? Den Grund und was Sie tun können, finden Sie in Ihrem Konto:',
  ],
] as const

/** Apache says that what it is given to say is Latin 1. */
const ascii = (html: string): string => html.replace(/[^\x20-\x7e]/gu, (letter) => `&#${letter.codePointAt(0)};`)
const escapeHtml = (text: string): string =>
  // Beside markup: what ends the argument, and what Apache would fill in.
  text.replace(/\p{Cc}/gu, ' ').replace(/[&<>"'%$\\`{}]/g, (letter) => `&#${letter.charCodeAt(0)};`)

const style =
  'body { max-width: 38rem; margin: 3rem auto; padding: 0 1.25rem; font: 1.0625rem/1.5 system-ui, sans-serif; color: #1b1b1f; background: #fff } section + section { margin-top: 1.5rem; padding-top: 1.5rem; border-top: 1px solid #c9c9d2 } h1, h2 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.3 } p { margin: 0 0 .5rem } a { color: #1d4ed8; overflow-wrap: anywhere }'

/** In one argument between double quotes: in it there are none. */
function page({ issuer, associationName, contactEmail }: ServiceKitTarget): string {
  const [home, name, contact] = [issuer.replace(/\/$/, ''), associationName, contactEmail].map(escapeHtml)
  const sections = words.map(([lang, title, text, yours], at) => {
    const level = at === 0 ? 'h1' : 'h2'
    return `<section lang='${lang}'><${level}>${title}</${level}><p>${text}</p><p>${yours} <a href='${home}/'>${name}</a> (<a href='mailto:${contact}'>${contact}</a>).</p></section>`
  })
  return ascii(
    `<!doctype html><html lang='fr'><head><meta name='viewport' content='width=device-width'><title>503 · ${words.map(([, title]) => title).join(' · ')}</title><style>${style}</style></head><body><main>${sections.join('')}</main></body></html>`,
  )
}

const readMe = (folder: string, user: string): string => `Sites that are closed, in this Apache

As root, on the machine that serves the sites (Apache 2.4.34 or later), in this folder:

1. install -d -o ${user} -m 0755 ${folder}
   install -o ${user} -m 0644 ${PROBE} ${folder}/

2. a2enmod headers
   install -m 0644 ${CONF} /etc/apache2/conf-available/
   a2enconf schedar-closed

3. apache2ctl configtest && systemctl reload apache2

4. Schedar reads the access log, sees the new folder, and closes what is to be closed already:
   adduser ${user} adm && systemctl restart schedar
   schedar services check
   schedar services apply NAME, which is its name in schedar.yaml
`

const refuse = (field: string, detail: string): never => {
  throw new AppError('invalid_value', { field, detail })
}

/** Addresses as they stand in `--set logout=`, with commas; none: `logout=none`. */
function logoutsIn(given: string | undefined): readonly string[] {
  if (given === undefined) return LOGOUTS
  const all = given === 'none' ? [] : given.split(',')
  for (const one of all)
    if (!/^\/[\w./~-]*\?[\w.=&~-]*$/.test(one)) refuse('logout', `logout lists paths with their queries, not ${one}`)
  return all
}

export function closedKit(target: ServiceKitTarget): KitFile[] {
  const { user = 'schedar', logout, ...others } = target.options
  const [unknown] = Object.keys(others)
  if (unknown) refuse(unknown, `this kit has no setting ${unknown}`)
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(user)) refuse('user', 'user is the name of a user of the system')
  const { folder } = target.config as ApacheConfig
  return [
    { path: CONF, content: conf(target, logoutsIn(logout)) },
    { path: PROBE, content: `closed by schedar: ${PROBE}\n` },
    { path: 'README.txt', content: readMe(folder, user) },
  ]
}
