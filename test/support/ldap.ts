// The LDAP directory on a private slapd, with a clock to turn and the log kept.
import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { type LdapConfig, ldapConfig, openLdapDirectory } from '../../adapters/ldap/index.ts'
import type { AppError } from '../../src/domain/errors.ts'
import type { Account, Directory } from '../../src/ports.ts'
import { groups, people, type Slapd } from './slapd.ts'

export type Overrides = Partial<Omit<LdapConfig, 'people'>> & { people?: Partial<LdapConfig['people']> }
export type Opened = {
  directory: Directory
  /** Everything logged so far, as one text. */
  logged(): string
  /** Turn the clock on. */
  later(milliseconds: number): void
}

export const soon = (milliseconds = 30_000): AbortSignal => AbortSignal.timeout(milliseconds)

export const configFor = (slapd: Slapd, { people: ownPeople, ...own }: Overrides = {}): LdapConfig =>
  ldapConfig.parse({
    urls: [slapd.ldap],
    bindDn: slapd.service.dn,
    password: slapd.service.password,
    people: { base: people, groupsBase: groups, ...ownPeople },
    create: {},
    ...own,
  })

export async function openDirectory(slapd: Slapd, overrides: Overrides = {}): Promise<Opened> {
  let turned = 0
  const lines: string[] = []
  const note = (level: string) => (event: string, details?: Record<string, unknown>) => {
    lines.push(`${level} ${event} ${inspect(details, { depth: 9 })}`)
  }
  const directory = await openLdapDirectory(configFor(slapd, overrides), {
    clock: { now: () => Date.now() + turned },
    log: { info: note('info'), warn: note('warn') },
  })
  return {
    directory,
    logged: () => lines.join('\n'),
    later: (milliseconds) => {
      turned += milliseconds
    },
  }
}

/** An account record for an entry. */
export const accountOf = (username: string, directoryKey: string | null, more: Partial<Account> = {}): Account => ({
  id: randomUUID(),
  username,
  name: username,
  givenName: '',
  familyName: username,
  email: null,
  emailVerifiedAt: null,
  locale: 'fr',
  state: 'active',
  directoryKey,
  createdAt: 0,
  lastSignInAt: null,
  ...more,
})

/** What an AppError would show anywhere, causes and all. */
export const everythingIn = (error: AppError): string =>
  `${inspect(error, { depth: 9, showHidden: true })} ${error.stack}`

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
