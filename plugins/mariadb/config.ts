// What schedar.yaml says of a MariaDB in which each site has a user of its own.
import { z } from 'zod'

/** As sites are named (RFC 1123 §2.1): the columns that hold them know no other letter. */
export const isSite = (name: string): boolean => /^[a-z0-9.-]{1,253}$/.test(name)

/** MariaDB's limit before 10.6 and what its grant tables hold everywhere; nothing here needs to be quoted. */
const USER = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/
export const isUser = (name: string): boolean => USER.test(name)
const user = z.string().refine(isUser, 'must have letters, digits, ".", "_" or "-", and at most 80 characters')

const isLoopback = (address: string): boolean => /^(127(\.\d{1,3}){3}|localhost|::1)$/.test(address)

export const config = z
  .strictObject({
    socket: z
      .string()
      .regex(/^\/[\w./-]+$/, 'must be an absolute path')
      .default('/run/mysqld/mysqld.sock')
      .describe('Socket of MariaDB, an absolute path; not used when `address` is set.'),
    address: z.string().min(1).optional().describe('Host name or IP address of MariaDB, instead of its socket.'),
    port: z.int().min(1).max(65_535).default(3306).describe('Port at that address.'),
    ca: z
      .string()
      .min(1)
      .optional()
      .describe('File with the certificate authority of that MariaDB, PEM; needed unless it is on this machine.'),
    account: user.default('schedar_sites').describe('The account that Schedar uses, as the kit makes it.'),
    password: z.string().min(1).describe('Its password: `file:/path` or `env:NAME`.'),
    user: z
      .string()
      .regex(/^[A-Za-z0-9_.-]*\{site\}[A-Za-z0-9_.-]*$/, 'must be a name with {site} in it')
      .default('{site}')
      .describe('How the database user of a site is called; `{site}` is its name.'),
    dots: z
      .enum(['keep', 'underscore'])
      .default('keep')
      .describe('What becomes of the dots of a name in `{site}`: velo.example, or velo_example.'),
    users: z
      .record(z.string().min(1), z.union([user, z.array(user)]))
      .default({})
      .describe('The users of sites that are called otherwise: a name, several, or none as `[]`.'),
  })
  .refine(({ address, ca }) => address === undefined || isLoopback(address) || ca !== undefined, {
    path: ['ca'],
    message: 'is needed for a MariaDB on another machine: the password would travel in clear text',
  })
export type MariadbConfig = z.infer<typeof config>

/** The database users of a site, in order. One that MariaDB would not take is left as it is, to be refused. */
export function usersOf(site: string, { user: template, dots, users }: MariadbConfig): string[] {
  const given = Object.hasOwn(users, site) ? users[site]! : undefined
  if (given !== undefined) return [given].flat().toSorted()
  return [template.replace('{site}', () => (dots === 'underscore' ? site.replaceAll('.', '_') : site))]
}
