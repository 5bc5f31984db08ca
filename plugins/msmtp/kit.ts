// The files for the machine of one site: how its web forms send with a login of their own, and what keeps them from sending in
// another way. The target's client is the site's login: its id is the site's name, its secret the password.
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'
import { isEmail } from '../../src/domain/names.ts'
import type { KitFile, KitTarget } from '../../src/plugin.ts'
import { parsed } from '../../src/plugin-kit.ts'
import { config, fileOf, isStartTls, type MsmtpConfig, SUBMITTERS, userName } from './config.ts'
import { instructions } from './kit-page.ts'

const options = z.strictObject({
  user: userName.describe("The user that runs the site's PHP."),
  group: userName.optional().describe('Its group. Default: that of the same name.'),
  from: z
    .string()
    .refine(isEmail, 'must be an e-mail address')
    .optional()
    .describe(
      'The sender of what a script sends without saying whose it is; bounces go there. Default: www@ the site.',
    ),
})

export type Settings = MsmtpConfig & {
  site: string
  user: string
  group: string
  from: string
  /** The file on the machine of the site. */
  file: string
  issuer: string
  associationName: string
}

const SITE = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/
/** Printable, and nothing that a quoted value of msmtp or a line's end would end. */
const SECRET = /^[A-Za-z0-9._~-]{16,}$/

function settings({ config: given, options: chosen, client, issuer, associationName }: KitTarget): Settings {
  if (given === undefined)
    throw new AppError('required', {
      field: 'services.msmtp',
      detail: 'the kit needs the service in schedar.yaml first: its server',
    })
  const service = parsed(config, given, 'services.msmtp')
  const site = client.clientId
  if (!SITE.test(site)) throw new AppError('invalid_value', { field: 'site', detail: `not a host name: ${site}` })
  const { user, group = user, from = `www@${site}` } = parsed(options, chosen, 'options')
  return {
    ...service,
    site,
    user,
    group,
    from,
    file: fileOf(service, site),
    issuer: issuer.replace(/\/$/, ''),
    associationName: associationName.replace(/\s+/g, ' '),
  }
}

/** `from` and not what the form says: the sender of a form's visitor is not the site's, and Postfix refuses it. */
const msmtpConf = (s: Settings, secret: string) => `\
# What the web forms of ${s.site} send with, made by Schedar (${s.issuer}). ${s.user} alone reads it (0600).
defaults
protocol smtp
host ${s.server}
port ${s.port}
domain ${s.site}
tls on
tls_starttls ${isStartTls(s) ? 'on' : 'off'}
tls_trust_file ${s.caFile}
timeout ${s.timeoutSeconds}
syslog LOG_MAIL

account default
auth plain
user ${s.site}
password ${secret}
from ${s.from}
`

/** `-t`: the recipients stand in the message (php.net/mail). PHP adds `-f…` where a script says so. */
const command = (s: Settings): string => `/usr/bin/msmtp -C ${s.file} -t`

const fpm = (s: Settings) => `\
; Mail of ${s.site} goes out with the site's own login: into its pool, /etc/php/*/fpm/pool.d/. "admin": no script changes it.
php_admin_value[sendmail_path] = "${command(s)}"
; X-PHP-Originating-Script names the script that sent a message.
php_admin_flag[mail.add_x_header] = on
`

const apache = (s: Settings) => `\
# Mail of ${s.site} goes out with the site's own login: into its <VirtualHost>, where PHP is a module of Apache and the site has
# a user of its own (mpm-itk: AssignUserID ${s.user} ${s.group}).
php_admin_value sendmail_path "${command(s)}"
# X-PHP-Originating-Script names the script that sent a message.
php_admin_flag mail.add_x_header On
`

const submitters = () => `\
# Users who may hand mail to sendmail(1), for Postfix's authorized_submit_users: a name and OK. The users of web sites are
# not on it: their forms send through msmtp. root and Postfix itself always may. Read at each message; everybody may read it.
root OK
`

const port25 = (s: Settings) => `\
# Only Postfix and root reach other mail servers: no script of a web site does, whatever runs it.
table inet schedar_port25
delete table inet schedar_port25
table inet schedar_port25 {
  chain output {
    type filter hook output priority filter; policy accept;
    tcp dport 25 meta skuid != { root, ${s.postfixUser} } reject with tcp reset
  }
}
`

const appArmor = (s: Settings) => `\
# Debian's profile of msmtp, where it is in force, lets it read configurations in home folders only.
owner ${s.folder}/*.conf r,
`

/** The files and a page that says where they go. Throws `required` or `invalid_value`. */
export function kit(target: KitTarget): KitFile[] {
  const s = settings(target)
  const { clientSecret } = target.client
  if (!SECRET.test(clientSecret)) throw new AppError('invalid_value', { field: 'secret', detail: 'not a password' })
  return [
    { path: 'README.md', content: instructions(s) },
    { path: `msmtp/${s.site}.conf`, content: msmtpConf(s, clientSecret), secret: true },
    { path: `php-fpm/${s.site}.conf`, content: fpm(s) },
    { path: `apache/${s.site}.conf`, content: apache(s) },
    { path: `postfix/${SUBMITTERS}`, content: submitters() },
    { path: 'nftables/schedar-port25.nft', content: port25(s) },
    { path: 'apparmor/msmtp', content: appArmor(s) },
  ]
}
