// Any site behind nginx or Caddy signs in with Schedar by forward authentication: the proxy asks Schedar about each
// request. The kit is the proxy's configuration; nothing is driven from here.
import { AppError } from '../../src/domain/errors.ts'
import { pathRules } from '../../src/domain/visited-url.ts'
import { definePlugin, type KitTarget } from '../../src/plugin.ts'
import { caddySecret, caddySite } from './caddy.ts'
import { nginxApplication, nginxFastcgi, nginxHttp, nginxProxy, nginxSite } from './nginx.ts'
import { readMe } from './read-me.ts'

/** What the templates are filled with; every text is safe between double quotes in both configurations. */
export type Filling = {
  /** `schedar-` and the client's id: names of files. */
  name: string
  /** The same as nginx can call a variable. */
  variable: string
  clientId: string
  secret: string
  url: string
  issuer: string
  associationName: string
  /** The host that Schedar answers to. */
  host: string
  /** Where the proxy reaches Schedar: protocol and `host:port`. */
  upstream: { protocol: 'http' | 'https'; server: string }
  paths: string
  /** What the names of Schedar's cookies at the site begin with: then comes `session_` or `browser_`, and the client. */
  cookiePrefix: string
  nginxDir: string
  caddyDir: string
}

const refuse = (field: string, detail: string): never => {
  throw new AppError('invalid_value', { field, detail })
}

/** A text for a quoted argument: neither quotes, variables nor placeholders. */
const argument = (field: string, text: string): string =>
  /^[\x21-\x7e]+$/.test(text) && !/["'`\\${};]/.test(text)
    ? text
    : refuse(field, `${field} holds characters that a configuration cannot`)

const folder = (field: string, text: string): string =>
  /^\/[\w./-]*\w$/.test(text) ? text : refuse(field, `${field} is a path of letters, digits, dots and dashes`)

function upstreamOf(address: string): Filling['upstream'] {
  const parsed = URL.parse(argument('schedar', address))
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.pathname !== '/' || parsed.search || parsed.username)
    return refuse('schedar', 'schedar is an address like http://127.0.0.1:3000')
  const protocol = parsed.protocol === 'https:' ? 'https' : 'http'
  return { protocol, server: `${parsed.hostname}:${parsed.port || (protocol === 'https' ? '443' : '80')}` }
}

/** The whole of an origin: a proxy that asks about a part of it only, and cookies that reach all of it, do not go together. */
function origin(url: string): string {
  if (URL.parse(url)?.pathname !== '/' || /[?#]/.test(url))
    refuse('url', 'forward authentication protects a whole host: give its address without a path')
  return url
}

function fill({ issuer, associationName, url, client, options }: KitTarget): Filling {
  const {
    schedar = issuer,
    paths = '',
    nginx_dir = '/etc/nginx/schedar',
    caddy_dir = '/etc/caddy/schedar',
    ...others
  } = options
  const [unknown] = Object.keys(others)
  if (unknown) refuse(unknown, `the forward-auth kit has no setting ${unknown}`)
  const { host } = new URL(issuer)
  if (new URL(origin(url)).hostname === new URL(issuer).hostname)
    refuse('url', 'the site needs a host name of its own: on that of Schedar it would be sent the cookies of Schedar')
  pathRules(paths)
  const clientId = argument('client_id', client.clientId)
  return {
    name: `schedar-${clientId}`,
    variable: `schedar_${clientId.replace(/\W/g, '_')}`,
    clientId,
    secret: argument('client_secret', client.clientSecret),
    url: argument('url', url),
    issuer: argument('issuer', issuer),
    associationName: associationName.replace(/\p{Cc}/gu, ' '),
    host,
    upstream: upstreamOf(schedar),
    paths,
    cookiePrefix: `${url.startsWith('https:') ? '__Host-' : ''}schedar_`,
    nginxDir: folder('nginx_dir', nginx_dir),
    caddyDir: folder('caddy_dir', caddy_dir),
  }
}

export default definePlugin({
  summary: 'Any site behind nginx or Caddy: the proxy asks about each request, and passes on who it is from.',
  selfService: true,

  client: (url) => ({
    redirectUris: [`${origin(url)}/schedar/callback`],
    postLogoutRedirectUris: [`${url}/schedar/signed-out`],
    tokenEndpointAuthMethod: 'client_secret_basic',
    signInUri: (issuer) =>
      `${url}/schedar/sign-in?iss=${encodeURIComponent(issuer)}&target_link_uri=${encodeURIComponent(`${url}/`)}`,
  }),

  kit: (target) => {
    const filling = fill(target)
    const { name } = filling
    return [
      { path: `nginx/${name}.http.conf`, content: nginxHttp(filling) },
      { path: `nginx/${name}.conf`, content: nginxSite(filling) },
      { path: `nginx/${name}.proxy.conf`, content: nginxProxy(filling), secret: true },
      { path: `nginx/${name}.application.conf`, content: nginxApplication(filling) },
      { path: `nginx/${name}.fastcgi.conf`, content: nginxFastcgi(filling) },
      { path: `caddy/${name}.caddy`, content: caddySite(filling) },
      { path: `caddy/${name}.secret.caddy`, content: caddySecret(filling), secret: true },
      { path: 'README.txt', content: readMe(filling) },
    ]
  },
})
