// The plugin's part of schedar.yaml, and what must hold of the values that end up in Dovecot's own files.
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'

/** No space (ends a word in `args`), no `%` (Dovecot's variables), no `$`, no quotes. */
const PATH = /^(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$/

/** An absolute path that means itself in every file of Dovecot's. */
export const plainPath = z.string().regex(PATH, 'must be an absolute path of letters, digits, ".", "_" and "-"')

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[::1\])$/

/** The key opens every mailbox and travels in clear: never over a network. */
function isLoopback(text: string): boolean {
  const url = URL.parse(text)
  return (
    url?.protocol === 'http:' && LOOPBACK.test(url.hostname) && !url.username && url.port !== '' && url.pathname === '/'
  )
}

export const config = z.strictObject({
  folder: plainPath.describe(
    'Folder in which the deny files are written (in its subfolder `denied`), an absolute path on the machine that runs Dovecot.',
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
    .refine(isLoopback, 'must be http://127.0.0.1:PORT (or another loopback address)')
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
})
export type DovecotConfig = z.infer<typeof config>

const KEY = /^[A-Za-z0-9._~+/=-]{20,}$/

/** The key, or `invalid_value`: it must be long, and stand in a configuration file and a header as it is. */
export function checkedKey(key: string): string {
  if (KEY.test(key)) return key
  throw new AppError('invalid_value', {
    field: 'doveadmApiKey',
    detail: 'doveadmApiKey must be at least 20 letters, digits and ._~+/=- (openssl rand -hex 32 makes one)',
  })
}
