// The directory's part of schedar.yaml, and the rules that a schema alone cannot say.
import { FilterParser } from 'ldapts'
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'

const attribute = (meaning: string, name: string) =>
  z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]*$/, 'not an attribute name')
    .default(name)
    .describe(meaning)

const milliseconds = (meaning: string, value: number) =>
  z.int().positive().default(value).describe(`${meaning}, in milliseconds.`)

export const ldapConfig = z.strictObject({
  urls: z
    .array(z.url({ protocol: /^ldaps?$/ }))
    .min(1)
    .describe(
      'Servers, as ldap:// or ldaps:// with host and port, the preferred one first. The first is the provider: passwords and new entries are written there only; the others answer while it does not.',
    ),
  startTls: z
    .boolean()
    .default(false)
    .describe(
      'Yes to encrypt ldap:// connections by StartTLS before anything is said; ldaps:// ones are encrypted anyway. Obligatory unless the server is on a loopback address.',
    ),
  caFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      "A PEM file with the authority that signed the servers' certificates; without it, the authorities that Node trusts.",
    ),
  bindDn: z
    .string()
    .min(1)
    .describe('The DN of the service account that searches. Never the root DN: it is above the password policy.'),
  password: z.string().min(1).describe("The service account's password: a reference to a secret."),
  people: z
    .strictObject({
      base: z.string().min(1).describe('The DN under which people live.'),
      filter: z
        .string()
        .default('(objectClass=inetOrgPerson)')
        .describe('An RFC 4515 filter that every person matches, and nothing else.'),
      groupsBase: z
        .string()
        .min(1)
        .optional()
        .describe(
          'The DN right under which groups live: each is then known by its cn, and any other is left out. Without it groups are known by their whole DN. Names of more than 100 characters are left out.',
        ),
      attributes: z
        .strictObject({
          username: attribute('The attribute that holds the username.', 'uid'),
          name: attribute('The attribute that holds the name to show.', 'cn'),
          givenName: attribute('The attribute that holds the given name.', 'givenName'),
          familyName: attribute('The attribute that holds the family name.', 'sn'),
          mail: attribute('The attribute that holds the contact e-mail address.', 'mail'),
          locale: attribute('The attribute that holds the preferred language (RFC 2798).', 'preferredLanguage'),
          key: attribute('The attribute that identifies an entry for ever, even when it is renamed.', 'entryUUID'),
          groups: attribute('The attribute that lists the DNs of the groups of a person.', 'memberOf'),
        })
        .prefault({})
        .describe('Which attribute holds what.'),
      mailVerified: z
        .boolean()
        .default(false)
        .describe(
          'Yes if only the administrators write the mail attribute, so that services may rely on it; no if people may write their own, which proves nothing.',
        ),
    })
    .describe('Where the people are, and how they are described.'),
  create: z
    .strictObject({
      objectClasses: z
        .array(z.string().min(1))
        .min(1)
        .default(['inetOrgPerson'])
        .describe('The object classes of a new entry; they must allow cn and sn.'),
      rdn: attribute('The attribute that names a new entry under people.base: that of the username, or cn.', 'uid'),
    })
    .optional()
    .describe('How entries are made for new accounts; without it Schedar adds nobody to the directory.'),
  connectTimeoutMs: milliseconds('How long a server has to accept a connection and to agree on TLS', 2000),
  timeoutMs: milliseconds('How long a server has to answer one request', 5000),
  retryAfterMs: milliseconds('How long a server that failed is passed over while another one answers', 10_000),
  replicationMs: milliseconds(
    'How long after a change of password only the provider is asked about it, because replicas may still know the old one',
    60_000,
  ),
  pageSize: z
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe('How many entries are asked for at once when everyone is read, a number.'),
})
export type LdapConfig = z.infer<typeof ldapConfig>

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)

/** Throws `invalid_value` for what would send passwords in the clear, or cannot work. */
export function checkConfig({ urls, startTls, people, create }: LdapConfig): void {
  const refuse = (field: string, detail: string, cause?: unknown) =>
    new AppError('invalid_value', { field, detail, cause })
  for (const url of urls) {
    const { protocol, hostname, pathname, search, username } = new URL(url)
    if ((pathname !== '' && pathname !== '/') || search || username)
      throw refuse('urls', `${protocol}//${hostname} carries more than a host and a port`)
    if (protocol === 'ldap:' && !startTls && !isLoopback(hostname))
      throw refuse('urls', `${url} would send passwords in the clear: use ldaps:// or set startTls`)
  }
  try {
    FilterParser.parseString(people.filter)
  } catch (cause) {
    throw refuse('people.filter', `not an RFC 4515 filter: ${people.filter}`, cause)
  }
  const naming = ['cn', people.attributes.username, people.attributes.name].map((name) => name.toLowerCase())
  if (create && !naming.includes(create.rdn.toLowerCase()))
    throw refuse('create.rdn', `a new entry cannot be named by ${create.rdn}, only by ${naming.join(' or ')}`)
}
