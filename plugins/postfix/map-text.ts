// The text source of a lookup table (postmap(1)), as text in and text out. Between two marks the lines are ours; every
// other line is somebody else's and stays as it is, where it is.
import { AppError } from '../../src/domain/errors.ts'
import type { Name } from '../../src/plugin.ts'

export type Entries = ReadonlyMap<Name, string>
/** `ours` in the order of their lines: that of their keys, unless somebody changed them. */
export type MapText = {
  readonly ours: Entries
  readonly foreign: ReadonlySet<Name>
  readonly before: readonly string[]
  readonly after: readonly string[]
}

const BEGIN = '# --- Schedar begins ---'
const END = '# --- Schedar ends ---'

/** What stands at the head of a file that we begin. */
const header = (file: string): string[] => [
  `# Written by Schedar, which changes the lines between the two marks below, and ${file}.lmdb with them.`,
  '# Lines of your own may stand above the first mark or below the last: they are left alone. After changing them:',
  `#   postmap lmdb:${file}`,
]

const isText = (line: string): boolean => /\S/.test(line) && !/^\s*#/.test(line)

/** Keys of lines that are not ours: a line that begins with a blank goes on with the one before (postmap(1)). */
const keysIn = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => (isText(line) && !/^\s/.test(line) ? (/^\S+/.exec(line)?.[0] ?? '').toLowerCase() : []))

const broken = (file: string, why: string): AppError =>
  new AppError('service_unavailable', {
    detail: `${file}: ${why}; put the lines "${BEGIN}" and "${END}" back, or remove both`,
  })

/** `key value` in each line, as `mapText` writes it. */
function entriesIn(lines: readonly string[]): Map<Name, string> {
  const entries = new Map<Name, string>()
  for (const line of lines) {
    const at = line.indexOf(' ')
    if (at > 0 && line[0] !== '#') entries.set(line.slice(0, at), line.slice(at + 1).trim())
  }
  return entries
}

/** Throws `service_unavailable` when the marks are damaged: whose a line is can then not be told. */
export function parseMap(file: string, text: string): MapText {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const [begin, end] = [lines.indexOf(BEGIN), lines.indexOf(END)]
  if (begin < 0 && end < 0) return { ours: new Map(), foreign: new Set(keysIn(lines)), before: lines, after: [] }
  if (begin < 0 || end < begin) throw broken(file, 'one of the marks is missing')
  if (lines.lastIndexOf(BEGIN) !== begin || lines.lastIndexOf(END) !== end) throw broken(file, 'the marks stand twice')
  const [before, after] = [lines.slice(0, begin), lines.slice(end + 1)]
  if (/^\s/.test(after.find(isText) ?? '')) throw broken(file, 'the first line below the marks begins with a blank')
  const foreign = new Set([...keysIn(before), ...keysIn(after)])
  return { ours: entriesIn(lines.slice(begin + 1, end)), foreign, before, after }
}

/** The entries with these changes, in the order of their keys; the very same map when nothing changes. */
export function changedEntries(ours: Entries, changes: Iterable<readonly [Name, string | null]>): Entries {
  const wanted = new Map(ours)
  let [isChanged, isAdded] = [false, false]
  for (const [key, value] of changes) {
    if ((ours.get(key) ?? null) === value) continue
    isChanged = true
    if (value === null) wanted.delete(key)
    else {
      isAdded ||= !ours.has(key)
      wanted.set(key, value)
    }
  }
  if (!isChanged) return ours
  return isAdded ? new Map([...wanted].sort(([a], [b]) => (a < b ? -1 : 1))) : wanted
}

/** The text with these entries between the marks. */
export function mapText(file: string, { before, after }: MapText, ours: Entries): string {
  const head = before.length === 0 && after.length === 0 ? header(file) : before
  let lines = ''
  for (const [key, value] of ours) lines += `${key} ${value}\n`
  const around = (part: readonly string[]) => part.map((line) => `${line}\n`).join('')
  return `${around(head)}${BEGIN}\n${lines}${END}\n${around(after)}`
}
