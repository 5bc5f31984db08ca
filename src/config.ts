// schedar.yaml: one strict schema, a sentence and a unit for each key. Read once, checked whole, frozen, handed down.
// docs/configuration.md and docs/schedar.schema.json are generated from it.
import { CronPattern } from 'croner'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { sitesConfig } from './config-sites.ts'
import { accesses, defaultPolicy, type Policy, type PolicyKind, policyKinds } from './domain/access.ts'
import { AppError } from './domain/errors.ts'
import { standings } from './domain/standing.ts'
import { NEVER_ITSELF, SECRET_REFERENCE } from './secrets.ts'

/** A secret is never written in schedar.yaml; this says where it is. */
const secretRef = z.string().regex(SECRET_REFERENCE, NEVER_ITSELF).meta({ secret: true })

const milliseconds = z.int().positive()
const seconds = z.int().positive()

/** Hosts that never leave the machine; only they may be served without TLS. */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  hostname === '[::1]' ||
  /^127(\.\d{1,3}){3}$/.test(hostname)

const issuer = z
  .url({ abort: true, error: 'write an address like https://login.example.org' })
  .refine((url) => !/[?#]|\/$/.test(url), 'write it without a trailing slash, query or fragment')
  .refine(
    (url) => url.startsWith('https:') || (url.startsWith('http:') && isLoopback(new URL(url).hostname)),
    'use https: plain http is refused except on localhost',
  )
  .refine((url) => new URL(url).pathname === '/', 'give it a host name of its own, without a path')

const isCronPattern = (text: string): boolean => {
  try {
    return new CronPattern(text) !== undefined
  } catch {
    return false
  }
}

const access = z.enum(accesses)
const kindSentence: Record<PolicyKind, string> = {
  mail: 'Mail: what it gives (restricted: read, not sent)',
  site: 'Signing in to hosted sites: what it gives',
  web: "Signing in to the association's own web services: what it gives",
  list: 'Lists: what they give',
  hosting: 'The public site, its form mail and its database: whether they stay up',
}
const policyOf = (standing: keyof Policy) =>
  z
    .strictObject(
      Object.fromEntries(
        policyKinds.map((kind) => [
          kind,
          access
            .default(defaultPolicy[standing][kind])
            .describe(`${kindSentence[kind]} for a member whose standing is ${standing}.`),
        ]),
      ),
    )
    .prefault({})
    .describe(`What a member whose standing is ${standing} may use.`)

const mailServer = (what: string, port: number) =>
  z
    .strictObject({
      host: z.hostname().describe(`The name of the ${what} server, as its certificate has it.`),
      port: z.int().min(1).max(65535).default(port).describe(`The TCP port for ${what}.`),
      security: z
        .enum(['tls', 'starttls'])
        .default('tls')
        .describe('tls: from the first byte; starttls: on a connection that begins in clear.'),
    })
    .describe(`The server that mail programs of members use for ${what}.`)

const schema = z.strictObject({
  issuer: issuer
    .default('http://localhost:3000')
    .describe('The address of the sign-in, as people and services see it. It is in every token: choose it once.'),
  listen: z
    .strictObject({
      host: z.string().default('127.0.0.1').describe('The address to listen on.'),
      port: z.int().min(0).max(65535).default(3000).describe('The TCP port to listen on.'),
    })
    .prefault({})
    .describe('Where the process listens; a reverse proxy with TLS stands in front.'),
  trustedProxies: z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
    .default([])
    .describe('Addresses (or ranges) of reverse proxies whose X-Forwarded-For and X-Forwarded-Host are believed.'),
  dataDir: z
    .string()
    .default('./data')
    .describe('The folder for the embedded database, keys and kits, relative to schedar.yaml.'),
  database: z
    .strictObject({
      url: z
        .string()
        .optional()
        .describe('sqlite:/path, or mysql://user@host:port/database. Without it: schedar.db in the data folder.'),
      password: secretRef.optional().describe('Where the password of a MariaDB/MySQL database is.'),
    })
    .prefault({})
    .describe('The database; SQLite needs nothing, MariaDB/MySQL lets several instances share it.'),
  secretKey: secretRef
    .optional()
    .describe(
      'Where the key is that seals secrets at rest: 32 bytes as base64url. Without it: secret.key in the data folder, made on first start.',
    ),
  directory: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('own').describe("Passwords live in Schedar's own tables.") }),
      z.looseObject({
        kind: z.literal('ldap').describe('Passwords live in an LDAP directory; its keys are listed below.'),
      }),
    ])
    .default({ kind: 'own' })
    .describe('Where people and their passwords are.'),
  mail: z
    .strictObject({
      url: z
        .string()
        .regex(/^smtps?:\/\/[^@]+$/, 'write smtp://host:port or smtps://host:port, without a user')
        .optional()
        .describe(
          'The SMTP server that sends invitations and links. Without it, mails are written as files into the data folder.',
        ),
      user: z.string().optional().describe('The SMTP login, if the server asks for one.'),
      password: secretRef.optional().describe('Where the SMTP password is.'),
      from: z.string().optional().describe("The sender's address. Without it: the association's contact address."),
    })
    .prefault({})
    .describe('How mail leaves.'),
  dues: z
    .strictObject({
      graceDays: z
        .int()
        .min(0)
        .max(365)
        .default(30)
        .describe('Days after the last covered day during which everything still works.'),
    })
    .prefault({})
    .describe("The dues' rules."),
  access: z
    .strictObject(
      Object.fromEntries(standings.map((standing) => [standing, policyOf(standing)])) as Record<
        keyof Policy,
        ReturnType<typeof policyOf>
      >,
    )
    .prefault({})
    .describe('What each standing gives: full, restricted (mail is read but not sent) or none.'),
  guard: z
    .strictObject({
      share: z
        .number()
        .gt(0)
        .max(1)
        .default(0.3)
        .describe('Share of the subjects that may lose access in a day by anything but a person’s own act.'),
      atLeast: z.int().min(1).default(10).describe('Below this many subjects the guard does not look.'),
    })
    .prefault({})
    .describe('The bulk guard: holds mass removals until a person confirms them.'),
  secondFactor: z
    .strictObject({
      roles: z
        .array(z.enum(['admin', 'treasurer', 'helper']))
        .default(['admin', 'treasurer', 'helper'])
        .describe('Staff roles that need a second factor.'),
    })
    .prefault({})
    .describe('Who must use a second factor; a client can ask for one too.'),
  signIn: z
    .strictObject({
      answerAfterMs: milliseconds
        .default(500)
        .describe(
          'Milliseconds after which a refused sign-in is answered, whatever the reason, so that time tells nothing.',
        ),
      triesPerAccount: z
        .int()
        .positive()
        .default(10)
        .describe('Wrong passwords per account in the window before it must wait.'),
      triesPerAddress: z
        .int()
        .positive()
        .default(100)
        .describe('Wrong passwords per network address in the window before it must wait.'),
      windowSeconds: seconds.default(900).describe('The window for both, in seconds.'),
    })
    .prefault({})
    .describe('The guard of the sign-in page.'),
  session: z
    .strictObject({
      idleSeconds: seconds
        .default(14 * 86400)
        .describe('Seconds without use after which a browser must sign in again.'),
      accessTokenSeconds: seconds.default(3600).describe('Lifetime of an access token, in seconds.'),
      refreshTokenSeconds: seconds
        .default(30 * 86400)
        .describe('Lifetime of a refresh token since its last use, in seconds.'),
      grantSeconds: seconds.default(366 * 86400).describe('Longest chain of refreshes, in seconds.'),
    })
    .prefault({})
    .describe('How long sign-ins last.'),
  mailSetup: z
    .strictObject({
      imap: mailServer('IMAP', 993),
      smtp: mailServer('SMTP', 465),
      pop3: mailServer('POP3', 995).optional(),
    })
    .optional()
    .describe(
      "What members' mail programs are told: on their mail page, by Thunderbird's autoconfig, by a profile for iPhones and as lines for DNS. Without it the mail page says that it is not set yet.",
    ),
  services: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
      z.looseObject({ plugin: z.string().describe('The folder under plugins/ that drives it.') }),
    )
    .default({})
    .describe('The services kept in step, each by its plugin.'),
  sites: sitesConfig,
  theme: z
    .strictObject({
      logo: z.string().optional().describe('A PNG or SVG file shown on top of each page.'),
      css: z.string().optional().describe('A CSS file loaded after the own one; set the variables it lists.'),
    })
    .prefault({})
    .describe('The look.'),
  nightly: z
    .string()
    .refine(isCronPattern, 'write a cron pattern: minute hour day month weekday')
    .default('10 0 * * *')
    .describe("When the nightly run begins, as a cron pattern in the association's time zone."),
  log: z
    .strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('How much is logged.') })
    .prefault({})
    .describe('The log: one JSON object a line on standard output.'),
})

export type Config = z.infer<typeof schema> & { access: Policy }
export const configSchema = schema

/** One sentence for each thing that is wrong, with its path in the file. */
export const problems = (error: z.ZodError, prefix = ''): string[] =>
  error.issues.flatMap((issue) => {
    const path = [prefix, ...issue.path].filter((part) => part !== '').join('.')
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => `${path ? `${path}.` : ''}${key}: there is no such key`)
    return [`${path || 'the file'}: ${issue.message}`]
  })

const deepFreeze = <T>(value: T): T => {
  if (value && typeof value === 'object') Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}

/**
 * The configuration in a text of schedar.yaml; an empty text gives the defaults. Throws `invalid_value` with one line
 * for each mistake.
 */
export function parseConfig(text: string, file = 'schedar.yaml'): Config {
  const document = parseDocument(text, { uniqueKeys: true })
  if (document.errors.length > 0)
    throw new AppError('invalid_value', { detail: `${file}: ${document.errors[0]!.message}` })
  const parsed = schema.safeParse(document.toJS() ?? {})
  if (!parsed.success)
    throw new AppError('invalid_value', {
      detail: problems(parsed.error)
        .map((line) => `${file}: ${line}`)
        .join('\n'),
    })
  return deepFreeze(parsed.data as Config)
}
