// The plugin's part of schedar.yaml, and what must hold of the values that end up in Dovecot's own files.
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'

/** No space (ends a word in `args`), no `%` (Dovecot's variables), no `$`, no quotes. */
const PATH = /^(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$/

/** An absolute path that means itself in every file of Dovecot's. */
export const plainPath = z.string().regex(PATH, 'must be an absolute path of letters, digits, ".", "_" and "-"')

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[::1\])$/

/** Keys and passwords travel there in clear: never over a network. */
const isLoopback =
  (scheme: string) =>
  (text: string): boolean => {
    const url = URL.parse(text)
    return (
      url?.protocol === scheme &&
      LOOPBACK.test(url.hostname) &&
      !url.username &&
      url.port !== '' &&
      ['', '/'].includes(url.pathname) &&
      !url.search &&
      !url.hash
    )
  }
const MUST_BE_HTTP = 'must be http://127.0.0.1:PORT (or another loopback address)'

/** Where mailboxes are: a plain path in which the parts of the address are named, so that no two are one. */
function isHomeTemplate(text: string): boolean {
  const plain = text.replace(/\{(?:address|local|domain)\}/g, 'x')
  return PATH.test(plain) && (/\{address\}/.test(text) || (/\{local\}/.test(text) && /\{domain\}/.test(text)))
}

export const config = z.strictObject({
  folder: plainPath.describe(
    'Folder in which the files for Dovecot are written (`denied`, `logins` and `mailboxes` in it), an absolute path on the machine that runs Dovecot.',
  ),
  host: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Host name of the machine whose files these are; a Schedar on another machine leaves them alone. Default: any.',
    ),
  doveadmUrl: z
    .string()
    .refine(isLoopback('http:'), MUST_BE_HTTP)
    .describe("Address of doveadm's HTTP listener, with its port, on a loopback address."),
  doveadmApiKey: z
    .string()
    .min(1)
    .describe("Dovecot's `doveadm_api_key`, at least 20 letters and digits: a reference to a secret."),
  introspectionTimeoutMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(2000)
    .describe('How long Dovecot waits for Schedar to answer about a token, in milliseconds.'),
  mailHome: z
    .string()
    .refine(isHomeTemplate, 'must be an absolute path with {address}, or with {domain} and {local}')
    .optional()
    .describe(
      'Where the mailbox of an address is: `/var/vmail/{domain}/{local}`, or with `{address}`. Without it Dovecot finds mailboxes by a userdb of its own.',
    ),
  policyUrl: z
    .string()
    .refine(isLoopback('http:'), MUST_BE_HTTP)
    .optional()
    .describe(
      'Where Schedar listens for what Dovecot asks at each sign-in (its auth policy): a loopback address and a free port. Without it nobody is told why they are refused, and the last use of app passwords is not known.',
    ),
  policyKey: z
    .string()
    .min(1)
    .optional()
    .describe(
      'What Dovecot shows there, at least 20 letters and digits: a reference to a secret. Goes with `policyUrl`.',
    ),
  policyTimeoutMs: z
    .int()
    .min(100)
    .max(10_000)
    .default(500)
    .describe('How long Dovecot waits for that answer, in milliseconds; then the files alone decide.'),
  imapUrl: z
    .string()
    .refine(isLoopback('imap:'), 'must be imap://127.0.0.1:PORT (or another loopback address)')
    .optional()
    .describe('Where Dovecot listens for IMAP on loopback: with it, `schedar services check` signs in for a proof.'),
})
export type DovecotConfig = z.infer<typeof config>

const KEY = /^[A-Za-z0-9._~+/=-]{20,}$/

/** The key, or `invalid_value`: it must be long, and stand in a configuration file and a header as it is. */
export function checkedKey(key: string, field: 'doveadmApiKey' | 'policyKey' = 'doveadmApiKey'): string {
  if (KEY.test(key)) return key
  throw new AppError('invalid_value', {
    field,
    detail: `${field} must be at least 20 letters, digits and ._~+/=- (openssl rand -hex 32 makes one)`,
  })
}
