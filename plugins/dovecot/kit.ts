// What is installed on Dovecot's side, for 2.3 and for 2.4: the refusal asked first, tokens checked at Schedar, app passwords
// and mailboxes from its files, the doors between the two. Secrets stand in files of their own. Postfix's kit has its sockets.
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'
import type { KitFile, KitTarget } from '../../src/plugin.ts'
import { parsed } from '../../src/plugin-kit.ts'
import { checkedKey, config, plainPath } from './config.ts'
import { instructions } from './instructions.ts'
import { files23 } from './kit-2.3.ts'
import { files24 } from './kit-2.4.ts'

const name = z.string().regex(/^[a-z0-9_][a-z0-9_-]*$/)
const options = z.strictObject({
  dovecot_dir: plainPath.default('/etc/dovecot').describe("Folder of Dovecot's configuration."),
  ca_file: plainPath
    .default('/etc/ssl/certs/ca-certificates.crt')
    .describe('Certificates that Dovecot trusts when it calls Schedar, for an issuer with https.'),
  user: name.default('schedar').describe('The user that Schedar runs as.'),
  group: name.default('dovecot').describe("The group of Dovecot's auth process."),
  mail_user: name.default('vmail').describe('The user, and its group, to whom mail belongs on the disk.'),
  former: z
    .enum(['listed', 'everybody'])
    .default('listed')
    .describe(
      'Whose old passwords still count at the passdb that Dovecot had before: of the mailboxes for which Schedar says so, or everybody.',
    ),
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
  policy: { url: string; key: string; timeoutMs: number } | undefined
  /** Whether mailboxes are found by Schedar's files, and whose they are then. */
  mailUser: string | undefined
  /** The part of `mailHome` that is the same for every mailbox. */
  mailRoot: string
  former: 'listed' | 'everybody'
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
    policy: service.policyUrl
      ? {
          url: new URL(service.policyUrl).href,
          key: checkedKey(service.policyKey ?? '', 'policyKey'),
          timeoutMs: service.policyTimeoutMs,
        }
      : undefined,
    mailUser: service.mailHome === undefined ? undefined : chosen.mail_user,
    mailRoot: service.mailHome?.replace(/\/[^/]*\{.*/, '') || '/',
    former: chosen.former,
    introspection: new URL(`${issuer}/token/introspection`),
    discovery: `${issuer}/.well-known/openid-configuration`,
    clientId: plain(target.client.clientId, 'client_id'),
    clientSecret: plain(target.client.clientSecret, 'client_secret'),
    associationName: target.associationName,
  }
}

/** The files for Dovecot 2.3 and 2.4 and a page that says where they go. Throws `required` or `invalid_value`. */
export function kit(target: KitTarget): KitFile[] {
  const s = settings(target)
  return [{ path: 'README.md', content: instructions(s) }, ...files23(s), ...files24(s)]
}
