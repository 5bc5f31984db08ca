// Any site behind Apache signs in with Schedar through mod_auth_openidc: the kit is the site's configuration, to be
// included in its <VirtualHost>. Nothing is driven from here.
import { AppError } from '../../src/domain/errors.ts'
import { definePlugin, type KitTarget } from '../../src/plugin.ts'
import { readMe, signedOutPage, vhost } from './templates.ts'

const CALLBACK = '/oidc/callback'
const SIGNED_OUT = '/oidc/signed-out'

/** What the templates are filled with; every text is safe in a quoted Apache argument. */
export type Filling = {
  name: string
  issuer: string
  associationName: string
  url: string
  clientId: string
  redirectUri: string
  signedOutUri: string
  signedOutPath: string
  callbackPath: string
  protect: string
  dir: string
  cacheDir: string
  cookie: string
  require: readonly string[]
}

const refuse = (field: string, detail: string): never => {
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

const path = (field: string, text: string): string =>
  /^\/[\w./-]*$/.test(text) ? text : refuse(field, `${field} is a path of letters, digits, dots and dashes`)

/** `roles:editor,groups:board` → the claims of which one is enough; none: every member whom Schedar lets in. */
function claims(list = ''): string[] {
  const names = list.split(',').filter(Boolean)
  for (const name of names)
    if (!/^(roles|groups):[\w.@-]+$/.test(name))
      refuse('require', `require lists roles:NAME or groups:NAME, not ${name}`)
  return names
}

function fill({ issuer, associationName, url, client, options }: KitTarget): Filling {
  const name = `schedar-${client.clientId.replace(/[^\w.-]/g, '-')}`
  const redirectUri = client.redirectUris[0] ?? refuse('redirect_uris', 'the client has no redirect URI')
  const {
    protect = '/',
    dir = '/etc/apache2/schedar',
    cache_dir = `/var/cache/apache2/${name}`,
    require: list,
    ...others
  } = options
  const [unknown] = Object.keys(others)
  if (unknown) refuse(unknown, `the Apache kit has no setting ${unknown}`)
  const base = new URL(url).pathname.replace(/\/$/, '')
  return {
    name,
    issuer: argument('issuer', issuer.replace(/\/$/, '')),
    associationName: associationName.replace(/\p{Cc}/gu, ' '),
    url: argument('url', url),
    clientId: argument('client_id', client.clientId),
    redirectUri: argument('redirect_uris', redirectUri),
    signedOutUri: `${url}${SIGNED_OUT}`,
    signedOutPath: path('url', `${base}${SIGNED_OUT}`),
    callbackPath: path('redirect_uris', new URL(redirectUri).pathname),
    protect: path('protect', `${base}${protect}`),
    dir: path('dir', dir),
    cacheDir: path('cache_dir', cache_dir),
    cookie: name.replace(/[^\w-]/g, '_'),
    require: claims(list),
  }
}

const secrets = (
  clientSecret: string,
  passphrase: string,
): string => `# Secrets of the site above. Readable by root alone: Apache reads it before it gives up root's rights.
OIDCClientSecret "${argument('client_secret', clientSecret)}"
# Encrypts the state cookie and the session cache. Made for this kit; a new one signs everybody out once.
OIDCCryptoPassphrase "${passphrase}"
`

export default definePlugin({
  summary: 'Any site behind Apache: mod_auth_openidc in front, roles and groups as Require lines, back-channel logout.',

  client: (url) => ({
    redirectUris: [`${url}${CALLBACK}`],
    postLogoutRedirectUris: [`${url}${SIGNED_OUT}`],
    backchannelLogoutUri: `${url}${CALLBACK}?logout=backchannel`,
    tokenEndpointAuthMethod: 'client_secret_basic',
    // It refreshes in parallel requests: with rotation, the second one would look like a stolen token.
    rotateRefreshToken: false,
  }),

  kit: (target) => {
    const filling = fill(target)
    return [
      { path: `${filling.name}.conf`, content: vhost(filling) },
      {
        path: `${filling.name}.secret.conf`,
        content: secrets(target.client.clientSecret, target.random(32)),
        secret: true,
      },
      { path: `${filling.name}.signed-out.html`, content: signedOutPage(filling) },
      { path: 'README.txt', content: readMe(filling) },
    ]
  },
})
