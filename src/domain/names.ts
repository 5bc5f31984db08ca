// Names that people type. Each is brought to one form before it is compared or stored, so that no database collation,
// service or cache ever decides whether `Bob`, `bob ` and `ＢＯＢ` are the same person.
import { AppError } from './errors.ts'

/** The one form of what was typed as a username or e-mail: NFKC, lower case, trimmed. Applied twice it changes nothing. */
export const canonical = (typed: string): string =>
  // Again after the lower case: J with a caron is two characters, the small one is one.
  typed.normalize('NFKC').toLowerCase().normalize('NFKC').trim()

/** As many as a column holds, and LDAP directories and file systems take. */
const LONGEST_USERNAME = 64

const USERNAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/
/**
 * RFC 5321 §4.1.2 Dot-string; §4.5.3.1 limits the local part to 64 octets and a path to 254. Quoted local parts are
 * refused: no mail service here accepts them.
 */
const EMAIL =
  /^(?=.{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

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

/** Letters that do not fall apart into a base letter and a mark. */
const letters: Record<string, string> = {
  œ: 'oe',
  æ: 'ae',
  ß: 'ss',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
}

const ascii = (text: string): string =>
  canonical(text)
    .replace(/[œæßøłđðþı]/g, (letter) => letters[letter] ?? '')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')

/** A username made of a person's names (`Zoé Van Damme` → `zoe.vandamme`), or of an address, or `member`. */
export function proposeUsername(givenName: string, familyName: string, address = ''): string {
  const part = (text: string) =>
    ascii(text)
      .replace(/[^a-z0-9-]/g, '')
      .replace(/^-+|-+$/g, '')
  const short = (text: string) => text.slice(0, LONGEST_USERNAME - 4).replace(/[.-]+$/, '')
  const name = short([part(givenName), part(familyName)].filter(Boolean).join('.'))
  return [name, short(part(address.split('@')[0] ?? ''))].find(isUsername) ?? 'member'
}

/** The first of `base`, `base2`, `base3`… that is not taken; `base` is cut where it would be too long. */
export async function freeName(base: string, taken: (name: string) => Promise<boolean>): Promise<string> {
  for (let n = 1; ; n++) {
    const suffix = n === 1 ? '' : String(n)
    const name = `${base.slice(0, LONGEST_USERNAME - suffix.length)}${suffix}`
    if (!(await taken(name))) return name
  }
}

/** True if `named` means the machine that calls itself `own`; one whose own name has no domain answers to its first label. */
export function isSameHost(named: string, own: string): boolean {
  const [wanted, here] = [named.toLowerCase(), own.toLowerCase()]
  return wanted === here || (!here.includes('.') && here === wanted.split('.')[0])
}
