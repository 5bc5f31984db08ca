// Which names can be told to Postfix. A login or an address becomes the key of a lookup table and a word in its text
// source, so a name is refused unless it means the same, and nothing more, in both.
import { AppError } from '../../src/domain/errors.ts'
import { isEmail } from '../../src/domain/names.ts'

/** RFC 5321 §4.5.3.1.3: a path is at most 256 octets with its angle brackets. */
const LONGEST = 254

/**
 * The atoms of RFC 5322 §3.2.3 in lower case, without those that are something else on the way: `#` first would make a
 * comment, and `%`, `!` and `/` are rewritten or lead elsewhere (address rewriting, trivial-rewrite(8)).
 */
const LOGIN = /^[a-z0-9_][a-z0-9#$&'+=^_`{}~@.-]*$/
const LOCAL = /^[a-z0-9_][a-z0-9#$&'+=^_`{}~.-]*$/
const HOST = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** True for a name that can be refused. */
export const isLogin = (name: string): boolean => name.length <= LONGEST && LOGIN.test(name)

/** True for `local@domain` that means itself to Postfix. */
export const isPlainAddress = (name: string): boolean => isEmail(name) && LOCAL.test(name.slice(0, name.indexOf('@')))

/** True for the key of an address: a whole one, or `@` and a site's name. */
export const isAddressKey = (name: string): boolean =>
  isPlainAddress(name) || (name.length <= LONGEST && name.startsWith('@') && HOST.test(name.slice(1)))

export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1)

const shown = (names: readonly string[]): string =>
  names
    .slice(0, 20)
    .map((name) => JSON.stringify(name.slice(0, 80)))
    .join(', ')

/** The refusal of names that Postfix cannot be told, for the log: `invalid_value`. */
export const unusable = (field: 'login' | 'address', names: readonly string[]): AppError =>
  new AppError('invalid_value', {
    field,
    detail: `Postfix cannot be told of ${shown(names)}: not ${field === 'login' ? 'a login' : 'an address, or its targets or senders are none'}`,
  })

/** The refusal of names of which a line of somebody else's speaks: `conflict`. */
export const takenByHand = (file: string, names: readonly string[]): AppError =>
  new AppError('conflict', {
    detail: `${file} has lines of somebody else's for ${shown(names)}: remove them there, outside Schedar's part`,
  })
