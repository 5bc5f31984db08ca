// Which names can be told to Dovecot, and where a mailbox is. A login becomes a file name, a line of a passwd-file and a
// mask of `doveadm kick`, so a name is refused unless it means the same, and nothing more, in all three.
import { AppError } from '../../src/domain/errors.ts'

/** RFC 5321 §4.5.3.1.3: a path is at most 256 octets with its angle brackets. */
const LONGEST = 254

/**
 * The atoms of RFC 5322 §3.2.3 in lower case, without those that are something else on the way: `/` leaves the folder,
 * `*` and `?` would kick other people, `%` is Dovecot's variable, `#` first would make the line a comment. `%Lu`
 * lowers ASCII only, so a capital letter or a letter outside ASCII would never be looked up.
 */
const LOGIN = /^[a-z0-9_][a-z0-9!#$&'+=^_`{|}~@.-]*$/

/** True for a name that can be denied and kicked. */
export const isLogin = (name: string): boolean => name.length <= LONGEST && LOGIN.test(name) && !name.includes('..')

/** Where a mailbox is: the template with `{address}`, or `{domain}` and `{local}`, filled in. */
export function homeOf(template: string, mailbox: string): string {
  const at = mailbox.lastIndexOf('@')
  const parts: Record<string, string> = { address: mailbox, local: mailbox.slice(0, at), domain: mailbox.slice(at + 1) }
  return template.replace(/\{(\w+)\}/g, (_, part: string) => parts[part] ?? '')
}

/** True for a path that means itself in a passwd-file and leads nowhere else. */
export const isHome = (path: string): boolean =>
  /^(?:\/[a-zA-Z0-9_!#$&'+=^`{|}~@.-]+)+$/.test(path) && path.split('/').every((step) => step !== '.' && step !== '..')

/** The refusal of names that are not logins, for the log: `invalid_value`. */
export const notLogins = (names: readonly string[]): AppError =>
  new AppError('invalid_value', {
    field: 'login',
    detail: `Dovecot cannot be told of ${names.map((name) => JSON.stringify(name.slice(0, 80))).join(', ')}: not a login`,
  })
