// What is installed on Dovecot's side, for 2.3 and for 2.4: the refusal asked first, tokens checked at Schedar, the
// doveadm listener that ends sessions. Secrets stand in files of their own, so that the rest can stay readable.
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'
import type { KitFile, KitTarget } from '../../src/plugin.ts'
import { checkedKey, config, plainPath } from './config.ts'
import { instructions } from './instructions.ts'

const name = z.string().regex(/^[a-z_][a-z0-9_-]*$/)
const options = z.strictObject({
  dovecot_dir: plainPath.default('/etc/dovecot').describe("Folder of Dovecot's configuration."),
  ca_file: plainPath
    .default('/etc/ssl/certs/ca-certificates.crt')
    .describe('Certificates that Dovecot trusts when it calls Schedar, for an issuer with https.'),
  user: name.default('schedar').describe('The user that Schedar runs as.'),
  group: name.default('dovecot').describe("The group of Dovecot's auth process."),
})

export type Settings = {
  folder: string
  dovecotDir: string
  caFile: string | undefined
  user: string
  group: string
  listener: { address: string; port: string }
  apiKey: string
  timeoutMs: number
  introspection: URL
  discovery: string
  clientId: string
  clientSecret: string
  associationName: string
}

/** Dovecot reads a setting to the end of its line, takes ` #` for a comment and `<`, `$`, `%` and quotes for more. */
const PLAIN = /^[A-Za-z0-9._~-]+$/
const PLAIN_URL = /^https?:\/\/[A-Za-z0-9._~:/[\]-]+$/

function plain(value: string, field: string, pattern = PLAIN): string {
  if (pattern.test(value)) return value
  throw new AppError('invalid_value', { field, detail: `${field} cannot stand in Dovecot's configuration as it is` })
}

function parsed<T extends z.ZodType>(schema: T, value: unknown, of: string): z.infer<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = [of, ...(issue?.path ?? [])].join('.')
  throw new AppError('invalid_value', { field, detail: `${field}: ${issue?.message ?? 'unreadable'}` })
}

function settings(target: KitTarget): Settings {
  if (target.config === undefined)
    throw new AppError('required', {
      field: 'services.dovecot',
      detail: 'the kit needs the service in schedar.yaml first: its folder, doveadmUrl and doveadmApiKey',
    })
  const service = parsed(config, target.config, 'services.dovecot')
  const chosen = parsed(options, target.options, 'options')
  const issuer = plain(target.issuer.replace(/\/$/, ''), 'issuer', PLAIN_URL)
  const listener = new URL(service.doveadmUrl)
  return {
    user: chosen.user,
    group: chosen.group,
    dovecotDir: chosen.dovecot_dir,
    caFile: issuer.startsWith('https:') ? chosen.ca_file : undefined,
    folder: service.folder,
    listener: { address: listener.hostname.replace(/[[\]]/g, ''), port: listener.port },
    apiKey: checkedKey(service.doveadmApiKey),
    timeoutMs: service.introspectionTimeoutMs,
    introspection: new URL(`${issuer}/token/introspection`),
    discovery: `${issuer}/.well-known/openid-configuration`,
    clientId: plain(target.client.clientId, 'client_id'),
    clientSecret: plain(target.client.clientSecret, 'client_secret'),
    associationName: target.associationName,
  }
}

/** Passdb blocks are asked in the order in which they are read: before the distribution's 10-auth.conf. */
const FIRST = '00-schedar.conf'
/** After 10-auth.conf, which sets `auth_mechanisms` anew. */
const LAST = '99-schedar.conf'

const first23 = ({ folder, dovecotDir }: Settings) => `\
# Schedar, for Dovecot 2.3. Passdb blocks are asked in the order in which they are read: keep this file's name, so
# that it is read before 10-auth.conf.

# Who has no access is refused here, for every mechanism, before any password or token is looked at.
passdb {
  driver = passwd-file
  deny = yes
  args = username_format=%Lu ${folder}/denied/%Lu
}

# Tokens are checked at Schedar. One that fails must not be tried further down as if it were a password.
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${dovecotDir}/schedar-oauth2.conf.ext
  result_failure = return-fail
  result_internalfail = return-fail
}
`

const last23 = ({ dovecotDir, listener }: Settings) => `\
# Schedar, for Dovecot 2.3. Read after 10-auth.conf: adds the token mechanisms to yours.
auth_mechanisms = $auth_mechanisms xoauth2 oauthbearer

# A token that was accepted once must be asked for again: no cache outlives a suspension.
auth_cache_size = 0

# Schedar ends live sessions through this listener. In 2.3 it speaks HTTP only if its name is "http".
service doveadm {
  inet_listener http {
    address = ${listener.address}
    port = ${listener.port}
  }
}
# doveadm_api_key; "try", so that a mail user's own process, which may not read it, can still read the rest.
!include_try ${dovecotDir}/schedar-secrets.conf.ext
`

const oauth23 = (s: Settings) => `\
# Schedar, for Dovecot 2.3: how a token is checked. Holds a secret: 0600, root.
introspection_mode = post
introspection_url = ${s.introspection.href}
client_id = ${s.clientId}
client_secret = ${s.clientSecret}
openid_configuration_url = ${s.discovery}
# The token names the mail login it is for, which must be the one that signs in.
username_attribute = mail_login
username_format = %Lu
active_attribute = active
active_value = true
scope = mail
# Milliseconds; without it a silent Schedar would hold each sign-in for a minute.
timeout_msecs = ${s.timeoutMs}
${s.caFile ? `tls_ca_cert_file = ${s.caFile}\n` : ''}`

const secrets23 = ({ apiKey }: Settings) => `\
# Schedar, for Dovecot 2.3. Holds a secret: 0600, root.
doveadm_api_key = ${apiKey}
`

const first24 = ({ folder }: Settings) => `\
# Schedar, for Dovecot 2.4. Passdb blocks are asked in the order in which they are read: keep this file's name, so
# that it is read before 10-auth.conf.

# Who has no access is refused here, for every mechanism, tokens included.
passdb schedar_denied {
  driver = passwd-file
  deny = yes
  auth_username_format = %{user | lower}
  passwd_file_path = ${folder}/denied/%{user | lower}
}
`

const last24 = ({ dovecotDir, listener }: Settings) => `\
# Schedar, for Dovecot 2.4. Read after 10-auth.conf: adds the token mechanisms to yours.
auth_mechanisms {
  xoauth2 = yes
  oauthbearer = yes
}

# A token that was accepted once must be asked for again: no cache outlives a suspension.
auth_cache_size = 0

# Schedar ends live sessions through this listener.
service doveadm {
  inet_listener http {
    listen = ${listener.address}
    port = ${listener.port}
  }
}
# The token check and doveadm_api_key; "try", so that a mail user's own process, which may not read them, can still
# read the rest.
!include_try ${dovecotDir}/schedar-secrets.conf.ext
`

/** 2.4 takes the client's name and secret from the URL and sends them as HTTP Basic (RFC 6749 §2.3.1). */
function introspection24({ introspection, clientId, clientSecret }: Settings): string {
  const url = new URL(introspection)
  url.username = clientId
  url.password = clientSecret
  return url.href
}

const secrets24 = (s: Settings) => `\
# Schedar, for Dovecot 2.4: how a token is checked, and doveadm's key. Holds secrets: 0600, root.
oauth2 {
  introspection_mode = post
  introspection_url = ${introspection24(s)}
  openid_configuration_url = ${s.discovery}
  # The token names the mail login it is for, which must be the one that signs in.
  username_attribute = mail_login
  username_validation_format = %{user | lower}
  active_attribute = active
  active_value = true
  scope = mail
  http_client_request_absolute_timeout = ${s.timeoutMs}ms
${s.caFile ? `  ssl_client_ca_file = ${s.caFile}\n` : ''}}
doveadm_api_key = ${s.apiKey}
`

/** The files for Dovecot 2.3 and 2.4 and a page that says where they go. Throws `required` or `invalid_value`. */
export function kit(target: KitTarget): KitFile[] {
  const s = settings(target)
  return [
    { path: 'README.md', content: instructions(s) },
    { path: `dovecot-2.3/${FIRST}`, content: first23(s) },
    { path: `dovecot-2.3/${LAST}`, content: last23(s) },
    { path: 'dovecot-2.3/schedar-oauth2.conf.ext', content: oauth23(s), secret: true },
    { path: 'dovecot-2.3/schedar-secrets.conf.ext', content: secrets23(s), secret: true },
    { path: `dovecot-2.4/${FIRST}`, content: first24(s) },
    { path: `dovecot-2.4/${LAST}`, content: last24(s) },
    { path: 'dovecot-2.4/schedar-secrets.conf.ext', content: secrets24(s), secret: true },
  ]
}
