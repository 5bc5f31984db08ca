// Entries as the core knows them: attributes to a DirectoryEntry, and an account to the attributes of a new entry.
import type { Entry } from 'ldapts'
import { canonical, isEmail } from '../../src/domain/names.ts'
import type { Instant } from '../../src/domain/time.ts'
import { type Account, type DirectoryEntry, type Locale, locales } from '../../src/ports.ts'
import type { LdapConfig } from './config.ts'
import { childDn, cnUnder, parseDn } from './dn.ts'
import type { EntryState } from './password-policy.ts'

type People = LdapConfig['people']
export type Found = { dn: string; entry: DirectoryEntry; state: EntryState }

/** Operational attributes are given only when asked for by name. */
export const wanted = ({ attributes }: People): string[] => [
  ...Object.values(attributes),
  'pwdReset',
  'pwdAccountLockedTime',
  'pwdEndTime',
]

/** All values of an attribute. Servers spell its name as their schema does. */
export function values(entry: Entry, attribute: string): string[] {
  const name = Object.keys(entry).find((key) => key !== 'dn' && key.toLowerCase() === attribute.toLowerCase())
  const held = name === undefined ? [] : entry[name]!
  return [held].flat().filter((value) => typeof value === 'string')
}

const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:(\d\d))?)?(?:[.,]\d+)?(Z|[+-]\d\d(?:\d\d)?)$/

/** GeneralizedTime (RFC 4517 §3.3.13) as an instant, to the second; undefined if it is none. */
export function generalizedTime(text: string): Instant | undefined {
  const [, year, month, day, hour, minute = '00', second = '00', zone] = GENERALIZED_TIME.exec(text) ?? []
  if (!zone) return undefined
  try {
    return Temporal.Instant.from(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`).epochMilliseconds
  } catch {
    return undefined
  }
}

/** The time that slapo-ppolicy(5) reserves for a lock that only an administrator lifts. */
const FOR_EVER = '000001010000Z'

/** Locked for good, or past the end of its validity. A lock after too many tries passes by itself and is not meant. */
function isDisabled(entry: Entry, now: Instant): boolean {
  const ends = values(entry, 'pwdEndTime').map(generalizedTime)
  return values(entry, 'pwdAccountLockedTime').includes(FOR_EVER) || ends.some((end) => end !== undefined && end <= now)
}

/** The first language of the house in a preferredLanguage, which has the syntax of Accept-Language (RFC 2798 §2.7). */
function localeOf(text: string): Locale | null {
  const tags = text.split(',').map((tag) => tag.trim().slice(0, 2).toLowerCase())
  return locales.find((locale) => locale === tags.find((tag) => locales.some((known) => known === tag))) ?? null
}

/** Lengths that an account and a group have room for; directories know no limit. */
const ROOM = { name: 200, part: 100 }

function groupsOf(entry: Entry, { attributes, groupsBase }: People): string[] {
  const dns = values(entry, attributes.groups)
  const names = groupsBase === undefined ? dns : dns.flatMap((dn) => cnUnder(dn, groupsBase) ?? [])
  return [...new Set(names.filter((name) => name.length <= ROOM.part).map(canonical))].toSorted()
}

/** Of several usernames the one that names the entry: values of an attribute have no order. */
function usernameOf(entry: Entry, attribute: string): string | undefined {
  const names = values(entry, attribute).map(canonical)
  const own = parseDn(entry.dn)?.[0]
  const naming = own?.attribute === attribute.toLowerCase() ? canonical(own.value) : undefined
  return names.find((name) => name === naming) ?? names.toSorted()[0]
}

/** An entry as the core knows it; undefined without a username or a key. */
export function readEntry(entry: Entry, people: People, now: Instant): Found | undefined {
  const { attributes } = people
  const first = (attribute: string) => values(entry, attribute)[0]?.trim() ?? ''
  const [username, key] = [usernameOf(entry, attributes.username), first(attributes.key)]
  if (!username || !key) return undefined
  const part = (attribute: string) => first(attribute).slice(0, ROOM.part)
  const [givenName, familyName] = [part(attributes.givenName), part(attributes.familyName)]
  const disabled = isDisabled(entry, now)
  return {
    dn: entry.dn,
    entry: {
      key,
      username,
      name: (first(attributes.name) || `${givenName} ${familyName}`.trim() || username).slice(0, ROOM.name),
      givenName,
      familyName,
      email: values(entry, attributes.mail).map(canonical).find(isEmail) ?? null,
      emailVerified: people.mailVerified,
      locale: localeOf(first(attributes.locale)),
      groups: groupsOf(entry, people),
      disabled,
    },
    state: { disabled, mustChange: values(entry, 'pwdReset').includes('TRUE') },
  }
}

/** What people may type for an entry. */
export const namesOf = (entry: Entry, { attributes }: People): Set<string> =>
  new Set([...values(entry, attributes.username), ...values(entry, attributes.mail)].map(canonical))

/** A new entry for an account: its DN and its attributes, without a password. */
export function newEntry(
  account: Account,
  { people, create }: LdapConfig & { create: NonNullable<LdapConfig['create']> },
) {
  const { attributes, base } = people
  const name = account.name || account.username
  const given: [string, string | null][] = [
    // inetOrgPerson must have cn and sn (RFC 4519 §3.12), whatever they are used for here.
    ['cn', name],
    ['sn', account.familyName || name],
    [attributes.username, account.username],
    [attributes.name, name],
    [attributes.givenName, account.givenName],
    [attributes.familyName, account.familyName || name],
    [attributes.mail, account.email],
    [attributes.locale, account.locale],
  ]
  // Empty values are not allowed in most syntaxes (RFC 4517 §3.3.6): leave the attribute out.
  const held = Object.fromEntries(
    given.flatMap(([attribute, value]) => (value ? [[attribute.toLowerCase(), value]] : [])),
  )
  return {
    dn: childDn(create.rdn, held[create.rdn.toLowerCase()]!, base),
    attributes: { objectClass: create.objectClasses, ...held },
  }
}
