// Lines of the files that Dovecot's passwd-file databases read, as text in and text out. A line is ours when it has exactly
// one of our shapes; every other line is somebody else's and stays as it is, where it is.
import type { Name } from '../../src/plugin.ts'

/** How one kind of row is written: the lines of a name, and what a line of ours says. */
export type Codec<R> = {
  write(name: Name, row: R): string[]
  /** Undefined for a line that is not ours, and for one that names nobody. */
  nameOf(line: string): Name | undefined
  /** What lines of ours, all of one name, say together. */
  read(lines: readonly string[]): R
}

const HEADER =
  '# Written by Schedar. Lines of another shape are kept as they are, and must not begin like one of these.'

/** What Dovecot looks up: all before the first colon. */
const keyOf = (line: string): string => line.slice(0, line.indexOf(':'))

/** Lines of ours by name, and the keys that are somebody else's. */
export function sorted(
  text: string,
  nameOf: Codec<never>['nameOf'],
): { ours: Map<Name, string[]>; foreign: Set<string> } {
  const ours = new Map<Name, string[]>()
  const foreign = new Set<string>()
  for (const line of text.split('\n')) {
    const name = nameOf(line)
    if (name === undefined) foreign.add(keyOf(line))
    else if (!ours.get(name)?.push(line)) ours.set(name, [line])
  }
  return { ours, foreign }
}

const same = (one: readonly string[] = [], other: readonly string[]): boolean =>
  one.length === other.length && one.every((line, at) => line === other[at])

/**
 * The text with these lines for these names, and the names for which somebody else's line stands in the way of one: Dovecot
 * takes the first line of a key. The very same text when nothing of ours changes.
 */
export function changed(
  text: string,
  nameOf: Codec<never>['nameOf'],
  changes: ReadonlyMap<Name, readonly string[]>,
): { text: string; hindered: Name[] } {
  const { ours, foreign } = sorted(text, nameOf)
  const hindered: Name[] = []
  const wanted = new Map<Name, readonly string[]>()
  for (const [name, lines] of changes) {
    const free = lines.filter((line) => !foreign.has(keyOf(line)))
    if (free.length < lines.length) hindered.push(name)
    if (!same(ours.get(name), free)) wanted.set(name, free)
  }
  if (wanted.size === 0) return { text, hindered }
  const kept = text.split('\n').filter((line) => !wanted.has(nameOf(line) ?? ''))
  if (kept.at(-1) === '') kept.pop()
  const head = text === '' ? [HEADER] : []
  return { text: [...head, ...kept, ...[...wanted.values()].flat(), ''].join('\n'), hindered }
}
