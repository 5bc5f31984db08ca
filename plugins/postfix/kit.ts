// What is installed on Postfix's side: pieces of main.cf and master.cf, the helper that works on the queue as root, and
// the sockets by which Postfix asks Dovecot about passwords and gives it mail. It holds no secret.
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'
import type { KitFile, KitTarget } from '../../src/plugin.ts'
import { parsed } from '../../src/plugin-kit.ts'
import { config, type PostfixConfig, plainPath } from './config.ts'
import { helperScript, helperService, helperSocket } from './kit-helper.ts'
import { instructions } from './kit-page.ts'
import { OWN_LETTERS } from './policy.ts'

const name = z.string().regex(/^[a-z_][a-z0-9_-]*$/)
const serviceName = z.string().regex(/^(?:\d{1,3}(?:\.\d{1,3}){3}:)?[a-z0-9-]+$/)
const options = z.strictObject({
  user: name.default('schedar').describe('The user that Schedar runs as.'),
  group: name.default('postfix').describe("The group of Postfix's processes."),
  hostname: z
    .string()
    .regex(/^(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{1,63}$/)
    .optional()
    .describe("The mail server's own name. Default: that of the client's address."),
  queue_dir: plainPath.default('/var/spool/postfix').describe("Postfix's queue_directory."),
  dovecot_dir: plainPath.default('/etc/dovecot').describe("Folder of Dovecot's configuration."),
  tls_cert: plainPath.default('/etc/ssl/certs/ssl-cert-snakeoil.pem').describe('The certificate, with its chain.'),
  tls_key: plainPath.default('/etc/ssl/private/ssl-cert-snakeoil.key').describe("The certificate's key."),
  submission: serviceName.default('submission').describe('Where programs hand in mail with STARTTLS.'),
  submissions: serviceName.default('submissions').describe('The same with TLS from the first octet.'),
  letters: z
    .string()
    .regex(/^127(?:\.\d{1,3}){3}:\d{1,5}$/)
    .default('127.0.0.1:10041')
    .describe('Where Schedar hands in its own letters, without a sign-in: only its own user may.'),
})
type Options = z.infer<typeof options>

export type Settings = Options & {
  hostname: string
  service: PostfixConfig
  mailLog: string
  issuer: string
  clientId: string
  associationName: string
}

function settings(target: KitTarget): Settings {
  if (target.config === undefined)
    throw new AppError('required', {
      field: 'services.postfix',
      detail: 'the kit needs the service in schedar.yaml first: its folder',
    })
  const service = parsed(config, target.config, 'services.postfix')
  const chosen = parsed(options, target.options, 'options')
  return {
    ...chosen,
    hostname: parsed(
      options.shape.hostname.unwrap(),
      chosen.hostname ?? new URL(target.url).hostname,
      'options.hostname',
    ),
    service,
    mailLog: service.mailLog ?? '/var/log/postfix.log',
    issuer: target.issuer.replace(/\/$/, ''),
    clientId: target.client.clientId,
    associationName: target.associationName.replace(/\s+/g, ' '),
  }
}

/** What has a space in it stands in braces (postconf(5)). */
const LATER = '{ default_action = 451 4.3.0 Please try again in a few minutes }'

/**
 * Postfix waits a second longer than Schedar takes at most. Two tries, because Postfix may hold a connection that a restart
 * of Schedar has ended.
 */
function policyService({ service }: Settings): string {
  const seconds = Math.ceil(service.answerTimeoutMs / 1000) + 1
  const otherwise = service.inDoubt === 'accept' ? 'default_action=DUNNO' : LATER
  return `check_policy_service { inet:${service.policy}, timeout=${seconds}s, try_limit=2, retry_delay=1s, ${otherwise}, policy_context=submission }`
}

/** Schedar alone says whose connection it is: while it cannot be asked it sends nothing either. */
const letters = ({ service }: Settings) =>
  `check_policy_service { inet:${service.policy}, timeout=${Math.ceil(service.answerTimeoutMs / 1000) + 1}s, ${LATER}, policy_context=${OWN_LETTERS} }, reject`

/** For every Postfix: names that nobody else uses, and long queue ids. */
const mainBoth = (s: Settings) => `\
# Schedar, for Postfix (3.4 or later): what a program that has signed in may do. The policy server is asked first, because
# it says why in the person's language; the map refuses also while Schedar is down.
schedar_policy = ${policyService(s)}
schedar_refused = check_sasl_access lmdb:${s.service.folder}/refused
schedar_recipient_restrictions = $schedar_policy, $schedar_refused, reject_authenticated_sender_login_mismatch, permit_sasl_authenticated, reject
schedar_end_of_data_restrictions = $schedar_policy, $schedar_refused
# Schedar's own letters, at ${s.letters}: any program of this machine gets there, so Schedar says whether it is itself.
schedar_own_letters = ${letters(s)}
smtpd_sender_login_maps = lmdb:${s.service.folder}/senders
# Short ids are used again: a message could be taken for another one.
enable_long_queue_ids = yes
`

/** For a Postfix of its own. */
const mainFresh = (s: Settings) => `\
# Schedar, for a Postfix that did nothing before.
compatibility_level = 3.6
myhostname = ${s.hostname}
myorigin = $myhostname
mydestination = $myhostname, localhost
# Nobody may send without signing in, the programs of this machine neither: a web form that was taken over is one of them.
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access lmdb:${s.service.folder}/incoming, reject_unauth_destination
# Mailboxes are Dovecot's.
virtual_mailbox_domains = lmdb:${s.service.folder}/domains
virtual_mailbox_maps = lmdb:${s.service.folder}/mailboxes
virtual_alias_maps = lmdb:${s.service.folder}/aliases
virtual_transport = lmtp:unix:private/dovecot-lmtp
# Passwords are Dovecot's, and asked for on the submission ports only.
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_auth_enable = no
smtpd_sasl_security_options = noanonymous
smtpd_tls_cert_file = ${s.tls_cert}
smtpd_tls_key_file = ${s.tls_key}
smtpd_tls_security_level = may
smtp_tls_security_level = may
# alice+shop@ is alice@, to write to and to write as.
recipient_delimiter = +
disable_vrfy_command = yes
maillog_file = ${s.mailLog}
`

const services = (s: Settings) => `\
${s.submission}/inet=${s.submission} inet n - n - - smtpd
${s.submissions}/inet=${s.submissions} inet n - n - - smtpd
${s.letters}/inet=${s.letters} inet n - n - - smtpd
`

const lettersParameters = (s: Settings) =>
  [
    'syslog_name=postfix/schedar',
    'smtpd_tls_security_level=none',
    'smtpd_sasl_auth_enable=no',
    'smtpd_client_restrictions=',
    'smtpd_helo_restrictions=',
    'smtpd_sender_restrictions=',
    'smtpd_relay_restrictions=$schedar_own_letters',
    'smtpd_recipient_restrictions=$schedar_own_letters',
    'smtpd_end_of_data_restrictions=',
  ]
    .map((parameter) => `${s.letters}/inet/${parameter}\n`)
    .join('')

const parameters = (s: Settings) =>
  [
    [s.submission, 'submission', 'smtpd_tls_security_level=encrypt'],
    [s.submissions, 'submissions', 'smtpd_tls_wrappermode=yes'],
  ]
    .flatMap(([service, log, tls]) =>
      [
        `syslog_name=postfix/${log}`,
        tls,
        'smtpd_tls_auth_only=yes',
        'smtpd_sasl_auth_enable=yes',
        'smtpd_client_restrictions=',
        'smtpd_helo_restrictions=',
        'smtpd_sender_restrictions=',
        'smtpd_relay_restrictions=permit_sasl_authenticated,reject',
        'smtpd_recipient_restrictions=$schedar_recipient_restrictions',
        'smtpd_end_of_data_restrictions=$schedar_end_of_data_restrictions',
        'milter_macro_daemon_name=ORIGINATING',
      ].map((parameter) => `${service}/inet/${parameter}\n`),
    )
    .join('') + lettersParameters(s)

const dovecot = (s: Settings) => `\
# Schedar, for Dovecot 2.3 and 2.4: where Postfix asks about passwords, and where it delivers. No other file of Schedar's
# has these two sockets.
service auth {
  unix_listener ${s.queue_dir}/private/auth {
    mode = 0660
    user = postfix
    group = ${s.group}
  }
}
service lmtp {
  unix_listener ${s.queue_dir}/private/dovecot-lmtp {
    mode = 0600
    user = postfix
    group = ${s.group}
  }
}
`

/** `delaycompress`: what Schedar has not read yet, it reads in the file that was renamed. */
const logrotate = (s: Settings) => `\
${s.mailLog} {
  weekly
  rotate 8
  compress
  delaycompress
  missingok
  notifempty
  create 0640 postfix ${s.user}
  postrotate
    /usr/sbin/postfix -c ${s.service.configDir} reload > /dev/null 2>&1 || true
  endscript
}
`

/** The files and a page that says where they go. Throws `required` or `invalid_value`. */
export function kit(target: KitTarget): KitFile[] {
  const s = settings(target)
  const helper = s.service.helper && [
    { path: 'helper/schedar-postsuper', content: helperScript(s.service.configDir) },
    { path: 'helper/schedar-postsuper.socket', content: helperSocket(s.service.helper, s.user) },
    { path: 'helper/schedar-postsuper.service', content: helperService() },
  ]
  return [
    { path: 'README.md', content: instructions(s) },
    { path: 'main.cf.both', content: mainBoth(s) },
    { path: 'main.cf.fresh', content: mainFresh(s) },
    { path: 'master.cf.services', content: services(s) },
    { path: 'master.cf.parameters', content: parameters(s) },
    { path: 'dovecot/95-schedar-postfix.conf', content: dovecot(s) },
    { path: 'logrotate/schedar-postfix', content: logrotate(s) },
    ...(helper || []),
  ]
}
