// The lines of the file, as text in and text out. A line is ours when it has exactly our shape; every other line is
// somebody else's and stays as it is, where it is.
import type { Name } from '../../src/plugin.ts'

/** What the file says of a login. One without access has no line. */
export type Entry = { readonly access: 'full' | 'restricted' }

/**
 * Seven fields of passwd(5) and Dovecot's eighth. The second is `*`, which no password is: whoever checks passwords
 * against this file lets nobody in. The eighth says that the line is ours, and which access it is.
 */
const OURS = /^([^:\n]+):\*::::::schedar=(full|restricted)$/
const REVISION = /^# schedar revision (\d{1,15})$/

/** No colon (ends a field), no space or control character, no `#`, `+`, `-` or `@` first (comments, NIS, netgroups). */
const LOGIN = /^(?![#+@-])[!-9;-~]{1,254}$/

/** True for a name that can stand in the file and means itself there. */
export const isLogin = (name: string): boolean => LOGIN.test(name)

const lineOf = (login: Name, { access }: Entry): string => `${login}:*::::::schedar=${access}`
const ours = (line: string): { login: Name; entry: Entry } | undefined => {
  const [, login, access] = OURS.exec(line) ?? []
  return login ? { login, entry: { access: access as Entry['access'] } } : undefined
}

/** What the text holds of ours. */
export const entriesIn = (text: string): Map<Name, Entry> =>
  new Map(
    text
      .split('\n')
      .flatMap((line) => ours(line) ?? [])
      .map(({ login, entry }) => [login, entry]),
  )

/** The logins of which a line of somebody else's speaks. */
export const foreignIn = (text: string): Set<Name> =>
  new Set(
    text.split('\n').flatMap((line) => (ours(line) || !line.includes(':') ? [] : line.slice(0, line.indexOf(':')))),
  )

/** The text with these changes, under the next revision; the very same text when nothing of ours changes. */
export function changed(text: string, changes: ReadonlyMap<Name, Entry | null>): string {
  const wanted = new Map([...entriesIn(text), ...changes])
  for (const login of foreignIn(text)) wanted.delete(login) // two lines of one login would be read differently by each program
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const revision = Math.max(0, ...lines.map((line) => Number(REVISION.exec(line)?.[1] ?? 0)))
  const kept: string[] = []
  for (const line of lines) {
    const found = ours(line)
    const entry = found && wanted.get(found.login)
    if (!found) kept.push(line)
    else if (entry) kept.push(lineOf(found.login, entry))
    if (found) wanted.delete(found.login) // a second line of ours for one login is dropped
  }
  const added = [...wanted].flatMap(([login, entry]) => (entry ? [lineOf(login, entry)] : []))
  if (added.length === 0 && kept.length === lines.length && kept.every((line, at) => line === lines[at])) return text
  const stamp = `# schedar revision ${revision + 1}`
  const at = kept.findIndex((line) => REVISION.test(line))
  const body = at < 0 ? [...kept, stamp] : kept.with(at, stamp)
  return [...body, ...added, ''].join('\n')
}
