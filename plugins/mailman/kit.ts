// What is installed on Mailman's machine so that its pages, Postorius and HyperKitty, are signed in to with Schedar.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { KitFile, KitTarget } from '../../src/plugin.ts'
import { parsed } from '../../src/plugin-kit.ts'
import {
  companions,
  directives,
  type Filling,
  fill,
  installing,
  ownPlaces,
  placesIn,
  signInPath,
  signOutPath,
  visitorsToo,
} from '../apache/block.ts'

/** Leads into Mailman's pages signed in, for a link that knows nothing of their own addresses. */
export const ENTRANCE = '/oidc/sign-in'
const MODULES = 'auth_openidc headers rewrite proxy_uwsgi'
const ADAPTER = 'schedar_sso.py'

const options = z.strictObject({
  path: z
    .string()
    .regex(/^(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$/, 'must be a path of letters, digits, ".", "_" and "-"')
    .default('/mailman3'),
})

/** In a RewriteRule's target `%` begins a variable and `$` a group. */
const literally = (address: string): string => address.replace(/[%$\\]/g, '\\$&')

const vhost = (f: Filling, path: string): string => `# ${f.url} signs people in with ${f.associationName} (${f.issuer}).
# Goes inside the <VirtualHost> of Mailman's pages:   Include ${f.dir}/${f.name}.conf
# Needs:   a2enmod ${MODULES}
${directives(f)}
# Public lists and archives are for visitors too; ${ADAPTER} signs in whom Apache names, and out when it names nobody.
${visitorsToo(path)}
# Signing in and out is Schedar's, and so are addresses and accounts; Mailman has no passwords of its own.
RewriteEngine On
RewriteRule "^(?:${ENTRANCE}$|${path}/+accounts/+(?:login|reauthenticate)(?:/|$))" "${literally(signInPath(f, `${path}/postorius/lists/`))}" [R=302,NE,L]
RewriteRule "^${path}/+accounts/+logout(?:/|$)" "${literally(signOutPath(f))}" [R=302,NE,L]
RewriteRule "^${path}/+(?:accounts/+(?:signup|password|email|confirm-email|social|inactive)|user-profile/+delete|admin/+login)(?:/|$)" - [F]
# The profile is shown and never changed: its username is what the person is known by.
RewriteCond "%{REQUEST_METHOD}" "!^(?:GET|HEAD)$"
RewriteRule "^${path}/+user-profile/*$" - [F]

${ownPlaces(f)}`

/** For the end of Mailman's settings, which are read by settings.py at its own end. */
const settings = (f: Filling): string => `
# Schedar (${f.issuer}): people are signed in by Apache and by nothing else. See ${ADAPTER}.
from settings import MIDDLEWARE as _MIDDLEWARE, TEMPLATES as _TEMPLATES

MIDDLEWARE = tuple(
    name
    for each in _MIDDLEWARE
    for name in (
        (each, "schedar_sso.SchedarMiddleware")
        if each == "django.contrib.auth.middleware.AuthenticationMiddleware"
        else (each,)
    )
)
AUTHENTICATION_BACKENDS = ("schedar_sso.SchedarBackend",)
_TEMPLATES[0]["OPTIONS"]["context_processors"].append("schedar_sso.by_name")
`

/** Markdown. */
const readMe = (f: Filling, path: string): string => `\
# Mailman 3 with ${f.associationName}

These files were made by Schedar (${f.issuer}) for the client \`${f.clientId}\`. Run the commands on the machine of Mailman's
pages, in this folder. They are for Debian's mailman3-web, served at ${f.url}${path}/.

## 1. Apache

\`\`\`sh
sudo -s
   ${installing(f, MODULES)}
\`\`\`

Debian's package serves Mailman's pages under every name of this Apache, also to sites with another client of Schedar, whose roles
would count here. They belong into one \`<VirtualHost *:443>\`, the one whose \`ServerName\` is that of ${f.url}, with these two lines in
this order:

\`\`\`
Include /etc/apache2/conf-available/mailman3.conf
Include ${f.dir}/${f.name}.conf
\`\`\`

\`\`\`sh
sudo a2disconf -q mailman3
\`\`\`

## 2. Mailman's own sign-in

\`\`\`sh
sudo install -m 0644 ${ADAPTER} /usr/share/mailman3-web/${ADAPTER}
sudo cp -p /etc/mailman3/mailman-web.py /etc/mailman3/mailman-web.py.before
sudo tee -a /etc/mailman3/mailman-web.py < mailman-web.end.py
sudo systemctl restart mailman3-web
sudo apache2ctl configtest && sudo systemctl reload apache2
\`\`\`

From now on nobody signs in with a password of Mailman's own. Who has the role superuser at this client may do everything:

\`\`\`sh
schedar client grant ${f.clientId} USERNAME superuser
\`\`\`
`

/** The files and a page that says where they go. Throws `invalid_value`. */
export async function kit(target: KitTarget): Promise<KitFile[]> {
  const { places, own } = placesIn(target.options)
  const { path } = parsed(options, own, 'options')
  const filling = fill(target, places, 'sub')
  return [
    { path: 'README.md', content: readMe(filling, path) },
    { path: `${filling.name}.conf`, content: vhost(filling, path) },
    ...companions(filling, target),
    { path: ADAPTER, content: await readFile(new URL(ADAPTER, import.meta.url), 'utf8') },
    { path: 'mailman-web.end.py', content: settings(filling) },
  ]
}
