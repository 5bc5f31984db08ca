// The plugin's part of schedar.yaml, and what must hold of the values that end up in Postfix's own files.
import { z } from 'zod'

/** No space and no comma (they end a word in main.cf), no `$`, no braces. */
const PATH = /^(?:\/[A-Za-z0-9_][A-Za-z0-9_.@-]*)+$/

/** An absolute path that means itself in main.cf, master.cf and on a command line. */
export const plainPath = z.string().regex(PATH, 'must be an absolute path of letters, digits, ".", "_", "@" and "-"')

/** Printable ASCII (RFC 5321 §4.2.1), and nothing that access(5) or main.cf would read as more than text. */
const sentence = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 .,:;'()/?&=_~@-]{0,199}$/, 'must be at most 200 plain characters without accents')

const LISTENER = /^(127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}):(\d{1,5})$/
const isListener = (text: string): boolean => {
  const port = Number(LISTENER.exec(text)?.[2] ?? 0)
  return port >= 1 && port <= 65_535
}

const count = z.int().min(1).max(1_000_000)
const limits = (what: string, hour: number, day: number, recipientsHour: number, recipientsDay: number) =>
  z
    .strictObject({
      messagesPerHour: count.default(hour).describe(`Messages in an hour from ${what}.`),
      messagesPerDay: count.default(day).describe(`Messages in a day from ${what}.`),
      recipientsPerHour: count.default(recipientsHour).describe(`Recipients in an hour from ${what}.`),
      recipientsPerDay: count.default(recipientsDay).describe(`Recipients in a day from ${what}.`),
    })
    .prefault({})
    .describe(`How much may go out from ${what} before it is taken for a burst: held, and sending stopped.`)

export const config = z.strictObject({
  folder: plainPath.describe(
    'Folder in which the maps for Postfix are written, an absolute path on the machine that runs Postfix.',
  ),
  configDir: plainPath.default('/etc/postfix').describe("Folder of Postfix's main.cf and master.cf, an absolute path."),
  host: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Host name of the machine whose Postfix this is; a Schedar on another machine leaves it alone. Default: any.',
    ),
  helper: plainPath
    .optional()
    .describe(
      "Socket of the helper that holds, releases, purges and lists queued mail as root. Without it Schedar runs Postfix's commands itself, which needs root.",
    ),
  incoming: z
    .enum(['deliver', 'defer'])
    .default('deliver')
    .describe(
      'What becomes of mail to a suspended mailbox: it is delivered, or put off (450) so that its sender tries again.',
    ),
  refusal: sentence
    .default('This login may not send mail now. Sign in to your account page to read why.')
    .describe('What Postfix answers to a login that may not send, while Schedar cannot be asked. No accents.'),
  policy: z
    .string()
    .refine(isListener, 'must be 127.0.0.1:PORT (or another loopback address)')
    .default('127.0.0.1:10040')
    .describe('Address and port on which Postfix asks about each message.'),
  inDoubt: z
    .enum(['accept', 'refuse'])
    .default('accept')
    .describe(
      'What becomes of a message when Schedar is down, slow or without its database: `refuse` puts it off (451).',
    ),
  answerTimeoutMs: z
    .int()
    .min(1000)
    .max(30_000)
    .default(1500)
    .describe('How long Schedar may take to answer Postfix, in milliseconds; then `inDoubt` decides.'),
  strangers: z
    .enum(['refuse', 'accept'])
    .default('refuse')
    .describe('Whether a login that Schedar does not know, and Postfix let in, may send.'),
  limits: z
    .strictObject({
      login: limits('one login', 100, 500, 300, 1000),
      site: limits("one site's web forms", 50, 200, 100, 400),
      member: limits('all logins and sites of one member', 500, 2000, 1500, 5000),
    })
    .prefault({})
    .describe('How much may go out.'),
  mailLog: plainPath
    .optional()
    .describe("Postfix's log, an absolute path. Default: `maillog_file` of main.cf, else /var/log/mail.log."),
})
export type PostfixConfig = z.infer<typeof config>
export type Limits = PostfixConfig['limits']
export type ScopeLimits = Limits['login']

/** Where the policy server listens. */
export function listenerOf({ policy }: Pick<PostfixConfig, 'policy'>): { address: string; port: number } {
  const [, address = '', port] = LISTENER.exec(policy) ?? []
  return { address, port: Number(port) }
}
