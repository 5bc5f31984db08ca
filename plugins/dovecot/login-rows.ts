// What Dovecot holds of a login beside its denial, as lines: where its mailbox is, each app password for each protocol, and
// whether the password that it had before Schedar still counts.
import type { AppPasswordScope } from '../../src/domain/app-passwords.ts'
import type { LoginPassword, Name } from '../../src/plugin.ts'
import type { Codec } from './lines.ts'

/** `passwords`: by id, what each opens with which SHA-256: `imap/1f3a…`, in order. */
export type LoginLines = {
  readonly home?: string
  readonly quotaBytes?: number
  readonly passwords?: Readonly<Record<string, readonly string[]>>
  readonly former?: true
}

/** The protocol as Dovecot and Postfix name it when they ask (`%s`). ManageSieve writes rules for the mailbox that IMAP reads. */
const services: Record<AppPasswordScope, readonly string[]> = {
  imap: ['imap', 'sieve'],
  pop3: ['pop3'],
  smtp: ['smtp'],
  dav: [],
}

const ID = /^[A-Za-z0-9_-]{1,64}$/
const DIGEST = /^[0-9a-f]{64}$/

/** Each way to type each password, for each protocol that it opens. */
export function passwordsOf(passwords: readonly LoginPassword[]): Record<string, string[]> {
  const opens = passwords.flatMap(({ id, digests, scopes }) => {
    const pairs = scopes
      .flatMap((scope) => services[scope])
      .flatMap((service) => digests.filter((digest) => DIGEST.test(digest)).map((digest) => `${service}/${digest}`))
    return ID.test(id) && pairs.length > 0 ? [[id, [...new Set(pairs)].toSorted()] as const] : []
  })
  return Object.fromEntries(opens)
}

/** 2.3 reads `quota_rule` and 2.4 `quota_storage_size`; each leaves the other's alone. */
export const quotaFields = (bytes: number | undefined): string =>
  bytes === undefined ? '' : ` userdb_quota_rule=*:bytes=${bytes} userdb_quota_storage_size=${bytes}B`
export const QUOTA = /^(?: userdb_quota_rule=\*:bytes=(\d{1,16}) userdb_quota_storage_size=\1B)?$/

export const homeLine = (login: Name, home: string, quotaBytes?: number): string =>
  `${login}:::::${home}::schedar=home${quotaFields(quotaBytes)}`
const HOME = /^([^:/\n]+):::::(\/[^:\n]*)::schedar=home( [^\n]*)?$/

/**
 * `nopassword`: the key, which holds the SHA-256 of what was typed, is the proof. `user` is the name as everybody after
 * Dovecot shall see it; `schedar` says in the report of a sign-in which password it was.
 */
const passwordLine = (login: Name, opens: string, id: string): string =>
  `${login}/${opens}:{PLAIN}::::::nopassword=y user=${login} schedar=${id}`
const PASSWORD =
  /^([^:/\n]+)\/([a-z0-9]+\/[0-9a-f]{64}):\{PLAIN\}::::::nopassword=y user=([^ \n]+) schedar=([A-Za-z0-9_-]{1,64})$/

/** `noauthenticate`: the host's own passdb is asked next. A success here would let any password in (`result_success`). */
const formerLine = (login: Name): string => `${login}/former:::::::noauthenticate=y schedar_former=y`
const FORMER = /^([^:/\n]+)\/former:::::::noauthenticate=y schedar_former=y$/

/** Signs in nobody, whatever the password: Dovecot answers `word`. Only for the check, which proves by it what is looked up. */
const CHECK_NAME = 'schedar-check@schedar.invalid'
export const checkName = (which: string): Name => `${which}.${CHECK_NAME}`
export const isCheck = (login: string): boolean => login.endsWith(`.${CHECK_NAME}`)
export const checkLine = (login: Name, digest: string, word: string): string =>
  `${login}/imap/${digest}:{PLAIN}::::::nopassword=y user=${login} nologin=y reason=${word} schedar=check`
const CHECK = /^([^:/\n]+)\/imap\/[0-9a-f]{64}:\{PLAIN\}::::::.* nologin=y reason=[0-9a-f]+ schedar=check$/

function home(line: string): (Pick<LoginLines, 'home' | 'quotaBytes'> & { login: Name }) | undefined {
  const [, login, path, rest = ''] = HOME.exec(line) ?? []
  const quota = login ? QUOTA.exec(rest) : null
  return login && path && quota
    ? { login, home: path, ...(quota[1] !== undefined && { quotaBytes: Number(quota[1]) }) }
    : undefined
}
function password(line: string): { login: Name; opens: string; id: string } | undefined {
  const [, login, opens, user, id] = PASSWORD.exec(line) ?? []
  return login && opens && id && login === user ? { login, opens, id } : undefined
}

export const loginCodec: Codec<LoginLines> = {
  write: (login, { home: path, quotaBytes, passwords = {}, former }) => [
    ...(path === undefined ? [] : [homeLine(login, path, quotaBytes)]),
    ...(former ? [formerLine(login)] : []),
    ...Object.entries(passwords)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([id, opens]) => opens.map((one) => passwordLine(login, one, id))),
  ],

  nameOf: (line) =>
    home(line)?.login ?? password(line)?.login ?? FORMER.exec(line)?.[1] ?? CHECK.exec(line)?.[1] ?? undefined,

  read(lines) {
    const homes = lines.flatMap((line) => home(line) ?? [])
    const passwords = Object.groupBy(
      lines.flatMap((line) => password(line) ?? []),
      ({ id }) => id,
    )
    const [first] = homes
    return {
      ...(first && { home: first.home }),
      ...(first?.quotaBytes !== undefined && { quotaBytes: first.quotaBytes }),
      ...(Object.keys(passwords).length > 0 && {
        passwords: Object.fromEntries(
          Object.entries(passwords).map(([id, found = []]) => [id, found.map(({ opens }) => opens).toSorted()]),
        ),
      }),
      ...(lines.some((line) => FORMER.test(line)) && { former: true as const }),
    }
  },
}
