// Names that people type. Each is brought to one form before it is compared or stored, so that no database collation,
// service or cache ever decides whether `Bob`, `bob ` and `ＢＯＢ` are the same person.
import { AppError } from './errors.ts'

/** The one form of what was typed as a username or e-mail: NFKC, trimmed, lower case. */
export const canonical = (typed: string): string => typed.normalize('NFKC').trim().toLowerCase()

const USERNAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/
/** RFC 5321 §4.5.3.1 limits a path to 254 octets. Quoted local parts are refused: no mail service here accepts them. */
const EMAIL =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/

export const isUsername = (text: string): boolean => USERNAME.test(text)
export const isEmail = (text: string): boolean => text.length <= 254 && EMAIL.test(text)

/** A valid username in canonical form, or `username_refused`. */
export function username(typed: string): string {
  const name = canonical(typed)
  if (!isUsername(name))
    throw new AppError('username_refused', {
      field: 'username',
      detail: `not a username: ${JSON.stringify(typed.slice(0, 80))}`,
    })
  return name
}

/** A valid e-mail address in canonical form, or `email_refused`. */
export function email(typed: string): string {
  const address = canonical(typed)
  if (!isEmail(address))
    throw new AppError('email_refused', {
      field: 'email',
      detail: `not an e-mail address: ${JSON.stringify(typed.slice(0, 80))}`,
    })
  return address
}

const ascii = (text: string): string =>
  canonical(text)
    .replace(/œ/g, 'oe')
    .replace(/æ/g, 'ae')
    .replace(/ß/g, 'ss')
    .replace(/ø/g, 'o')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')

/** A username made of a person's names (`Zoé Van Damme` → `zoe.vandamme`), or of an address, or `member`. */
export function proposeUsername(givenName: string, familyName: string, address = ''): string {
  const part = (text: string) =>
    ascii(text)
      .replace(/[^a-z0-9-]/g, '')
      .replace(/^-+|-+$/g, '')
  const name = [part(givenName), part(familyName)].filter(Boolean).join('.').slice(0, 60)
  return [name, part(address.split('@')[0] ?? ''), 'member'].find(isUsername) ?? 'member'
}

/** The first of `base`, `base2`, `base3`… that is not taken. */
export async function freeName(base: string, taken: (name: string) => Promise<boolean>): Promise<string> {
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}${n}`
    if (!(await taken(name))) return name
  }
}
