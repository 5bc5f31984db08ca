// The sign-in of one site through mod_auth_openidc, for the kits of everything that stands behind Apache: the module's
// directives, the secrets, the callback, and what each place of the site asks of its visitors. Every directive that is not
// its default says why, with its place in mod_auth_openidc's documentation (auth_openidc.conf, which Debian installs in
// /etc/apache2/mods-available) or in Apache's.
import { AppError } from '../../src/domain/errors.ts'
import type { ClientTemplate, KitFile, KitTarget } from '../../src/plugin.ts'

const CALLBACK = '/oidc/callback'
const SIGNED_OUT = '/oidc/signed-out'

/** What the module needs of a client. */
export const moduleClient = (url: string): ClientTemplate => ({
  redirectUris: [`${url}${CALLBACK}`],
  postLogoutRedirectUris: [`${url}${SIGNED_OUT}`],
  backchannelLogoutUri: `${url}${CALLBACK}?logout=backchannel`,
  tokenEndpointAuthMethod: 'client_secret_basic',
  // It refreshes in parallel requests: with rotation, the second one would look like a stolen token.
  rotateRefreshToken: false,
  signInUri: (issuer) =>
    `${url}${CALLBACK}?iss=${encodeURIComponent(issuer)}&target_link_uri=${encodeURIComponent(`${url}/`)}`,
})

/** What the block is filled with; every text is safe in a quoted Apache argument. */
export type Filling = {
  /** Of the files and the cookie. */
  name: string
  issuer: string
  associationName: string
  url: string
  /** The path of the site's address, without a trailing slash: empty at the root of its host. */
  base: string
  clientId: string
  redirectUri: string
  signedOutUri: string
  signedOutPath: string
  callbackPath: string
  dir: string
  cacheDir: string
  /** `host:port`, where sessions are kept in Redis; otherwise they are in `cacheDir`. */
  redis: string | undefined
  cookie: string
  /** The claim that becomes REMOTE_USER. */
  remoteUser: string
}
/** What may differ from machine to machine. */
export type Places = Partial<Record<'dir' | 'cacheDir' | 'redis', string | undefined>>

export const refuse = (field: string, detail: string): never => {
  throw new AppError('invalid_value', { field, detail })
}

/**
 * A text for a quoted argument of an Apache directive. Quotes and line ends would end it, `${…}` would be replaced, and
 * mod_auth_openidc runs as a command what begins with `exec:`.
 */
function argument(field: string, text: string): string {
  if (/["\\\p{Cc}]|\$\{|^exec:/u.test(text))
    refuse(field, `${field} holds characters that an Apache configuration cannot`)
  return text
}

export const path = (field: string, text: string): string =>
  /^\/[\w./-]*$/.test(text) ? text : refuse(field, `${field} is a path of letters, digits, dots and dashes`)

/** The answers that each kit of what stands behind Apache takes, and those that are one kit's own. */
export function placesIn({ dir, cache_dir: cacheDir, redis, ...own }: Record<string, string>): {
  places: Places
  own: Record<string, string>
} {
  if (redis !== undefined && !/^[a-z0-9.-]+(?::\d{1,5})?$/i.test(redis))
    refuse('redis', 'redis is a host, or host:port')
  return { places: { dir, cacheDir, redis }, own }
}

/** Throws `invalid_value` for what an Apache configuration cannot hold. */
export function fill(
  { issuer, associationName, url, client }: KitTarget,
  places: Places = {},
  remoteUser: 'preferred_username' | 'email' | 'sub' = 'preferred_username',
): Filling {
  const name = `schedar-${client.clientId.replace(/[^\w.-]/g, '-')}`
  const { dir = '/etc/apache2/schedar', cacheDir = `/var/cache/apache2/${name}`, redis } = places
  const redirectUri = client.redirectUris[0] ?? refuse('redirect_uris', 'the client has no redirect URI')
  const base = new URL(url).pathname.replace(/\/$/, '')
  return {
    name,
    issuer: argument('issuer', issuer.replace(/\/$/, '')),
    associationName: associationName.replace(/\p{Cc}/gu, ' '),
    url: argument('url', url),
    base,
    clientId: argument('client_id', client.clientId),
    redirectUri: argument('redirect_uris', redirectUri),
    signedOutUri: `${url}${SIGNED_OUT}`,
    signedOutPath: path('url', `${base}${SIGNED_OUT}`),
    callbackPath: path('redirect_uris', new URL(redirectUri).pathname),
    dir: path('dir', dir),
    cacheDir: path('cache_dir', cacheDir),
    redis,
    cookie: name.replace(/[^\w-]/g, '_'),
    remoteUser,
  }
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

const cache = ({ cacheDir, redis }: Filling): string =>
  redis === undefined
    ? `# [Cache Settings] In files: in shared memory (the default) every session is lost when Apache reloads, which Debian's
# logrotate makes it do. The folder belongs to www-data and to nobody else.
OIDCCacheType file
OIDCCacheDir "${cacheDir}"
`
    : `# [Cache Settings] In Redis: a reload of Apache loses no session, and several Apaches can share them. What is written there is
# encrypted with the passphrase, so all of them need this very kit, and not each one of its own. If it asks for a password,
# add OIDCRedisCachePassword to the file of secrets.
OIDCCacheType redis
OIDCCacheEncrypt On
OIDCRedisCacheServer "${redis}"
`

/** The module's directives, inside the <VirtualHost>. */
export const directives = (
  f: Filling,
): string => `# The words in brackets are sections of auth_openidc.conf, the documentation that comes with mod_auth_openidc.

# [OpenID Connect Provider] Endpoints and keys are read from here, and again every day.
OIDCProviderMetadataURL "${f.issuer}/.well-known/openid-configuration"

# [OpenID Connect Client] One client for each site: two sites that share one lose a session at each sign-out.
OIDCClientID "${f.clientId}"
# The secret and the passphrase, in a file that only root reads.
Include "${f.dir}/${f.name}.secret.conf"
OIDCResponseType code
# What Schedar signs with: no other algorithm, nor none.
OIDCIDTokenSignedResponseAlg ES256
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

${cache(f)}
# [Claims Settings] REMOTE_USER is the claim ${f.remoteUser}. Other claims are variables, such as OIDC_CLAIM_email or
# OIDC_CLAIM_roles (lists are joined by commas): as headers, a visitor could try to send them.
OIDCRemoteUserClaim ${f.remoteUser}
OIDCPassClaimsAs environment

# [Other] Where a sign-out ends, and the only addresses that it or a sign-in may be told to lead to.
OIDCDefaultLoggedOutURL "${f.signedOutUri}"
OIDCRedirectURLsAllowed "^${escapeRegExp(f.url)}(/|$)"

# Seconds that a sign-in waits for Schedar. With the default of 60, some people who try again occupy all of Apache.
OIDCHTTPTimeoutLong 10

# If Schedar is to be asked during a session too: the person is signed out at the first request after the access token
# has ended if it cannot be had anew. Whoever wants it pays with this: while Schedar is away, nobody stays signed in.
# OIDCRefreshAccessTokenBeforeExpiry 60 logout_on_error
`

/** A place that nobody enters without having signed in; `requires`: the Require lines. */
export const membersOnly = (place: string, requires: string): string => `<Location "${place}">
  AuthType openid-connect
  # A Location comes after every .htaccess and Directory and would undo their « Require all denied »: files that the site
  # hides would be served (Apache's documentation of mod_authz_core, AuthMerging).
  AuthMerging And
  # 403 for who is signed in and may not come in; otherwise it is 401, and some browsers ask for a password.
  AuthzSendForbiddenOnFailure On
${requires}
</Location>
`

/**
 * A place that visitors enter as well: REMOTE_USER is empty for them. `cookies`: the application's own, which reach it only
 * while the person's session here lives, so that the end of this session is the end of the application's. Needs mod_headers.
 */
export const visitorsToo = (place: string, cookies: readonly string[] = []): string => `<Location "${place}">
  AuthType openid-connect
  OIDCUnAuthAction pass
  # Without it this block would undo every « Require all denied » (Apache's documentation of mod_authz_core, AuthMerging).
  AuthMerging And
  Require valid-user
${cookies
  .map(
    (
      cookie,
    ) => String.raw`  RequestHeader edit Cookie "(^|;\s*)${argument('cookie', cookie)}=[^;]*" "" "expr=-z %{REMOTE_USER}"
`,
  )
  .join('')}</Location>
`

/** Where the module itself answers, the page where a sign-out ends, and what renews the certificate. */
export const ownPlaces = (
  f: Filling,
): string => `# Back-channel logout is posted to ${f.callbackPath}?logout=backchannel: this address must stay open to Schedar.
<Location "${f.callbackPath}">
  AuthType openid-connect
  AuthMerging Off
  OIDCUnAuthAction auth
  Require valid-user
</Location>

# To sign out, link to:   ${signOutPath(f)}
Alias "${f.signedOutPath}" "${f.dir}/${f.name}.signed-out.html"
<Location "${f.signedOutPath}">
  AuthType None
  AuthMerging Off
  Require all granted
</Location>

# The proofs by which the certificate is renewed (RFC 8555 §8.3), each at its exact address: whoever asks is no member.
<LocationMatch "^/\\.well-known/acme-challenge/[A-Za-z0-9_-]+$">
  AuthType None
  AuthMerging Off
  Require all granted
</LocationMatch>
`

/** Where a link « sign out » leads. */
export const signOutPath = (f: Filling): string => `${f.callbackPath}?logout=${encodeURIComponent(f.signedOutUri)}`
/** Where a link « sign in » leads, on pages that visitors see too; `back`: a path of the site, which ends the address. (OIDC Core §4) */
export const signInPath = (f: Filling, back = '/'): string =>
  `${f.callbackPath}?iss=${encodeURIComponent(f.issuer)}&target_link_uri=${encodeURIComponent(`${f.url}${back}`)}`

/** The files beside the configuration that `directives` and `ownPlaces` name. */
export const companions = (f: Filling, { client, random }: KitTarget): KitFile[] => [
  {
    path: `${f.name}.secret.conf`,
    content: `# Secrets of the site above. Readable by root alone: Apache reads it before it gives up root's rights.
OIDCClientSecret "${argument('client_secret', client.clientSecret)}"
# Encrypts the state cookie and the session cache. Made for this kit; a new one signs everybody out once.
OIDCCryptoPassphrase "${random(32)}"
`,
    secret: true,
  },
  {
    path: `${f.name}.signed-out.html`,
    content: `<!doctype html>
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
`,
  },
]

/** The steps that every kit of this kind begins with, for its README. */
export const installing = (f: Filling, modules = 'auth_openidc'): string =>
  `apt install -y libapache2-mod-auth-openidc && a2enmod ${modules}
   install -d -m 0755 ${f.dir}
   install -m 0644 ${f.name}.conf ${f.name}.signed-out.html ${f.dir}/
   install -m 0600 ${f.name}.secret.conf ${f.dir}/${f.redis === undefined ? `\n   install -d -o www-data -g www-data -m 0700 ${f.cacheDir}` : ''}`
