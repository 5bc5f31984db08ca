// App passwords: what a mail program or a calendar signs in with where it cannot show the sign-in page. They are random,
// so that a fast hash keeps them as safe as a slow one, and a service can look them up by it.
import { digest } from './digest.ts'
import type { CivilDate } from './time.ts'

/** What one may open. A service names the scope that it is; the words are those of the protocols. */
export const appPasswordScopes = ['imap', 'pop3', 'smtp', 'dav'] as const
export type AppPasswordScope = (typeof appPasswordScopes)[number]
export const isAppPasswordScope = (text: string): text is AppPasswordScope =>
  appPasswordScopes.some((scope) => scope === text)

/** Lower-case letters and digits without those that look alike in some font: 0 o, 1 i l. */
export const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789'
/** log2(31) each: 99 bits. */
const LETTERS = 20
const GROUP = 5
/** Octets from here on would make the first letters of the alphabet likelier than the last. */
const FAIR = 256 - (256 % ALPHABET.length)

/** A new secret, in the one form that is digested. `token(bytes)` gives randomness as base64url. */
export function newAppPassword(token: (bytes: number) => string): string {
  let secret = ''
  while (secret.length < LETTERS)
    for (const byte of Buffer.from(token(LETTERS), 'base64url'))
      if (byte < FAIR) secret += ALPHABET[byte % ALPHABET.length]
  return secret.slice(0, LETTERS)
}

/** For the eye: `abcde fghjk mnpqr stuvw`. */
export const inGroups = (secret: string): string => secret.replace(new RegExp(`(.{${GROUP}})(?=.)`, 'g'), '$1 ')

/** The one form of what was typed: without spaces and hyphens, in lower case. Applied twice it changes nothing. */
export const normalised = (typed: string): string => typed.toLowerCase().replace(/[\s-]/g, '')

/** The same of what a page shows: a program may be given the spaces with it. */
export const groupedDigest = (secret: string): string => digest(inGroups(secret))

/** What is kept and looked up: SHA-256 of the one form, as base64url. */
export const appPasswordDigest = (typed: string): string => digest(normalised(typed))

/** Whether the password that a mailbox had before Schedar still counts: to the end of its last day. */
export const formerCounts = (box: { formerUntilOn: CivilDate | null } | undefined, today: CivilDate): boolean =>
  today <= (box?.formerUntilOn ?? '')
