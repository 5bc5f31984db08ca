// The plugin's part of schedar.yaml: the mail server that web forms hand their mail to, and where things are on the machine of
// the sites. All of it ends up in files of msmtp, PHP, Postfix and nftables, and on command lines.
import { z } from 'zod'

/** No space, no quote, no `$`: the same everywhere. */
const plainPath = z
  .string()
  .regex(/^(?:\/[A-Za-z0-9_][A-Za-z0-9_.@-]*)+$/, 'must be an absolute path of letters, digits, ".", "_", "@" and "-"')
/** As useradd(8) takes it. */
export const userName = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be the name of a user')

export const config = z.strictObject({
  server: z
    .string()
    .regex(/^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'must be a host name or an IPv4 address')
    .describe(
      "Host name of the mail server, as in its certificate: where programs hand in mail (Postfix's submission).",
    ),
  port: z.int().min(1).max(65_535).default(465).describe('Its port.'),
  tls: z
    .enum(['implicit', 'starttls'])
    .optional()
    .describe('How TLS begins: with the first octet, or by STARTTLS. Default: starttls on port 587, else implicit.'),
  caFile: plainPath
    .default('/etc/ssl/certs/ca-certificates.crt')
    .describe("Certificates that sign the mail server's, an absolute path on the machine of the sites."),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(300)
    .default(20)
    .describe('Seconds after which a web form is told that the mail server does not answer.'),
  folder: plainPath
    .default('/etc/msmtp')
    .describe("Folder of the sites' msmtp configurations, an absolute path on the machine of the sites."),
  host: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Host name of the machine of the sites; elsewhere schedar doctor does not look for their files. Default: any.',
    ),
  postfixUser: userName
    .default('postfix')
    .describe(
      'The user as which mail leaves that machine (mail_owner in main.cf): with root it alone reaches port 25.',
    ),
})
export type MsmtpConfig = z.infer<typeof config>

/** The web server's own user on Debian: whatever runs as it is no site by itself. */
export const SHARED_USER = 'www-data'
/** The table of Postfix's `authorized_submit_users`. */
export const SUBMITTERS = 'schedar_submit_users'

/** True when TLS begins by STARTTLS. */
export const isStartTls = ({ tls, port }: Pick<MsmtpConfig, 'tls' | 'port'>): boolean =>
  tls === undefined ? port === 587 : tls === 'starttls'

/** The file of a site. */
export const fileOf = ({ folder }: Pick<MsmtpConfig, 'folder'>, site: string): string => `${folder}/${site}.conf`
