// The files of the Apache kit. Every directive that is not its default says why, with the place in mod_auth_openidc's
// documentation (auth_openidc.conf, which Debian installs in /etc/apache2/mods-available) or in Apache's.
import type { Filling } from './index.ts'

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

const requireLines = (names: readonly string[]): string =>
  names.length === 0
    ? `  # Everybody whom Schedar lets in. For some of them only, put lines like these in its place (one is enough):
  #   Require claim roles:editor
  #   Require claim groups:board
  Require valid-user`
    : names.map((name) => `  Require claim ${name}`).join('\n')

export const vhost = (f: Filling): string => `# ${f.url} signs people in with ${f.associationName} (${f.issuer}).
# Goes inside the site's <VirtualHost>:   Include ${f.dir}/${f.name}.conf
# Needs:   a2enmod auth_openidc
# The words in brackets are sections of auth_openidc.conf, the documentation that comes with mod_auth_openidc.

# [OpenID Connect Provider] Endpoints and keys are read from here, and again every day.
OIDCProviderMetadataURL "${f.issuer}/.well-known/openid-configuration"

# [OpenID Connect Client] One client for each site: two sites that share one lose a session at each sign-out.
OIDCClientID "${f.clientId}"
# The secret and the passphrase, in a file that only root reads.
Include "${f.dir}/${f.name}.secret.conf"
OIDCResponseType code
OIDCScope "openid profile email roles groups"
# Schedar asks every client for PKCE (RFC 9700 §2.1.1).
OIDCPKCEMethod S256

# [Common Settings] An address of this site with nothing behind it: the module answers there itself.
OIDCRedirectURI "${f.redirectUri}"

# [Cookie Settings] A name of its own: sites on one host name would take each other's cookie. The site itself does not
# get to see it.
OIDCCookie ${f.cookie}
OIDCStateCookiePrefix ${f.cookie}_state_
OIDCCookieHTTPOnly On
OIDCCookieSameSite On
OIDCStripCookies ${f.cookie}
# A browser that opens ten tabs at once keeps the newest attempts, instead of an error page.
OIDCStateMaxNumberOfCookies 7 true
OIDCStateTimeout 3600

# [Session Settings] On the server, so that a suspension can end it: with client-cookie a back-channel logout is answered
# with 200 and ends nothing. Asked again after half a day, however busy the session is.
OIDCSessionType server-cache
OIDCSessionInactivityTimeout 28800
OIDCSessionMaxDuration 43200

# [Cache Settings] In files: in shared memory (the default) every session is lost when Apache reloads, which Debian's
# logrotate makes it do. The folder belongs to www-data and to nobody else.
OIDCCacheType file
OIDCCacheDir "${f.cacheDir}"

# [Claims Settings] REMOTE_USER is the username. Other claims are variables, such as OIDC_CLAIM_email or
# OIDC_CLAIM_roles (lists are joined by commas): as headers, a visitor could try to send them.
OIDCRemoteUserClaim preferred_username
OIDCPassClaimsAs environment

# [Other] Where a sign-out ends, and the only addresses that it or a sign-in may be told to lead to.
OIDCDefaultLoggedOutURL "${f.signedOutUri}"
OIDCRedirectURLsAllowed "^${escapeRegExp(f.url)}(/|$)"

# If Schedar is to be asked during a session too: the person is signed out at the first request after the access token
# has ended if it cannot be had anew. Whoever wants it pays with this: while Schedar is away, nobody stays signed in.
# OIDCRefreshAccessTokenBeforeExpiry 60 logout_on_error

<Location "${f.protect}">
  AuthType openid-connect
  # A Location comes after every .htaccess and Directory and would undo their « Require all denied »: files that the site
  # hides would be served (Apache's documentation of mod_authz_core, AuthMerging).
  AuthMerging And
  # 403 for who is signed in and may not come in; otherwise it is 401, and some browsers ask for a password.
  AuthzSendForbiddenOnFailure On
${requireLines(f.require)}
</Location>

# Back-channel logout is posted to ${f.callbackPath}?logout=backchannel: this address must stay open to Schedar.
<Location "${f.callbackPath}">
  AuthType openid-connect
  AuthMerging Off
  Require valid-user
</Location>

# To sign out, link to:   ${f.callbackPath}?logout=${encodeURIComponent(f.signedOutUri)}
Alias "${f.signedOutPath}" "${f.dir}/${f.name}.signed-out.html"
<Location "${f.signedOutPath}">
  AuthType None
  AuthMerging Off
  Require all granted
</Location>
`

export const signedOutPage = (f: Filling): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Signed out</title>
</head>
<body>
<h1>Déconnecté · Afgemeld · Signed out · Abgemeldet</h1>
<p><a href="${escapeHtml(f.url)}/">${escapeHtml(f.url)}</a></p>
<p><a href="${escapeHtml(f.issuer)}">${escapeHtml(f.associationName)}</a></p>
</body>
</html>
`

export const readMe = (f: Filling): string => `Sign-in to ${f.url} with ${f.associationName}

As root, on the machine that serves the site:

1. apt install libapache2-mod-auth-openidc && a2enmod auth_openidc
   install -d -m 0755 ${f.dir}
   install -m 0644 ${f.name}.conf ${f.name}.signed-out.html ${f.dir}/
   install -m 0600 ${f.name}.secret.conf ${f.dir}/
   install -d -o www-data -g www-data -m 0700 ${f.cacheDir}

2. Inside the site's <VirtualHost>, add:   Include ${f.dir}/${f.name}.conf

3. apache2ctl configtest && systemctl reload apache2
   Then open ${f.url}/ : you are sent to ${f.issuer} and come back signed in.
`
