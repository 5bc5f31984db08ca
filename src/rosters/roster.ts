// Reads a roster: one file of members, or Paheko's list of members together with the list of their subscriptions. The
// only door to this folder for the rest of the house; it changes nothing and knows nothing of what is already stored.
import { canonical } from '../domain/names.ts'
import { latest } from './draft.ts'
import type { Field, FormatId } from './formats.ts'
import { applyMap, askForMap, checkMap, plain, type Recognised, type RosterMap, recognise } from './recognise.ts'
import { type ReadRows, type Refusal, type Remark, type RosterRow, readRows } from './rows.ts'
import { type Encoding, type RosterFile, type Separator, unreadable } from './sniff.ts'
import { openTable, type Table } from './table.ts'

export { parseMap } from './recognise.ts'
export type { Refusal, Remark, RosterFile, RosterMap, RosterRow }

export type RosterOptions = {
  /** Which column means what, over or in place of what is recognised. */
  map?: RosterMap
  /** Which of Paheko's activities is the membership, where a file tells of several. */
  activity?: string
  /** How much of the work is done, as a share of `total`; never falls. */
  onProgress?: (done: number, total: number) => void
}

export type Roster = {
  format: FormatId
  /** Of the list of members. */
  encoding: Encoding
  separator: Separator
  rows: RosterRow[]
  refusals: Refusal[]
  remarks: Remark[]
  /** `used` tells which fields the files speak of at all: what is not in it must not be emptied by an import. */
  columns: { used: { field: Field; header: string; file: string }[]; ignored: { header: string; file: string }[] }
}

type Source = { table: Table; recognised: Recognised; share: Share }
type Share = (part: number) => void

/** Progress over several files that are read in turns: each reports its own part, from 0 to 1. */
function shares(files: readonly RosterFile[], onProgress: RosterOptions['onProgress']): Share[] {
  const total = files.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const done = files.map(() => 0)
  return files.map(({ bytes }, file) => (part) => {
    done[file] = Math.max(done[file]!, part * bytes.length)
    onProgress?.(Math.round(done.reduce((sum, each) => sum + each, 0)), total)
  })
}

async function openAll(files: readonly RosterFile[], { map, onProgress }: RosterOptions): Promise<Source[]> {
  const opened: { table: Table; share: Share }[] = []
  for (const [at, share] of shares(files, onProgress).entries()) {
    const file = files[at]!
    // Reading is the first half of the work on a file, understanding the second.
    opened.push({ share, table: await openTable(file, (bytes) => share(bytes / file.bytes.length / 2)) })
  }
  if (map)
    checkMap(
      map,
      opened.map(({ table }) => table.headers),
    )
  return opened.map(({ table, share }) => {
    const found = recognise(table.headers)
    const recognised = map ? applyMap(map, table.headers, found) : found
    if (!recognised)
      throw unreadable(table.file, 'unknown_columns', askForMap(table.headers), { line: 1 + table.dialect.skip })
    return { table, recognised, share }
  })
}

/** The list that the rows are made of, and the subscriptions that are joined to it. */
function arrange(sources: readonly Source[]): { main: Source; subscriptions: Source[] } {
  const members = sources.filter(({ recognised }) => recognised.format.table === 'members')
  const subscriptions = sources.filter(({ recognised }) => recognised.format.table === 'subscriptions')
  const extra = members[1] ?? (members.length === 0 ? subscriptions[1] : undefined)
  if (extra)
    throw unreadable(
      extra.table.file,
      'files',
      'two files are read together only if one lists the members and the other their subscriptions (Paheko); import these one after the other',
    )
  const [main] = members
  return main ? { main, subscriptions } : { main: subscriptions[0]!, subscriptions: [] }
}

/** Lines of another activity (a course, an outing) must not count as membership: with several, a person says which. */
async function readSource({ table, recognised, share }: Source, activity: string | undefined): Promise<ReadRows> {
  const wanted = activity === undefined || !recognised.columns.has('activity') ? undefined : plain(activity)
  const read = await readRows(table, recognised, {
    keep: (cells) => wanted === undefined || plain(cells.activity ?? '') === wanted,
    onLines: (done, all) => share(0.5 + done / all / 2),
  })
  const activities = [...read.activities].filter(Boolean)
  const listed = activities
    .slice(0, 10)
    .map((name) => `«${name.slice(0, 60)}»`)
    .join(', ')
  if (wanted !== undefined && !activities.some((name) => plain(name) === wanted))
    throw unreadable(
      table.file,
      'activities',
      `no line is of the activity «${activity?.slice(0, 60)}»; the file has ${listed}`,
    )
  if (wanted === undefined && activities.length > 1)
    throw unreadable(
      table.file,
      'activities',
      `the file tells of ${activities.length} activities (${listed}); say which one is the membership with --activity, or export that one alone`,
    )
  share(1)
  return read
}

/** The due dates of subscriptions, put on the rows of the list of members. A row whose subscription is refused is too. */
function joined(members: ReadRows, main: Table, subscriptions: ReadRows, other: Table): ReadRows {
  const byNumber = new Map(subscriptions.rows.map((row) => [canonical(row.memberNumber), row]))
  const known = new Set([...members.rows.map((row) => canonical(row.memberNumber)), ...members.refusedNumbers.keys()])
  const broken = members.rows.flatMap(({ line, memberNumber }): Refusal[] => {
    const at = subscriptions.refusedNumbers.get(canonical(memberNumber))
    if (at === undefined) return []
    return [
      {
        file: main.file.name,
        line,
        field: 'number',
        value: memberNumber,
        code: 'other_line_refused',
        reason: `this member's subscription is refused: line ${at} of ${other.file.name}`,
      },
    ]
  })
  const strangers = subscriptions.rows
    .filter((row) => !known.has(canonical(row.memberNumber)))
    .map(
      ({ line, memberNumber }): Refusal => ({
        file: other.file.name,
        line,
        field: 'number',
        value: memberNumber,
        code: 'number_unknown',
        reason: `no member of this number in ${main.file.name}`,
      }),
    )
  const dated = (row: RosterRow): RosterRow => {
    const subscription = byNumber.get(canonical(row.memberNumber))
    return subscription ? { ...row, coveredUntilOn: latest(row.coveredUntilOn, subscription.coveredUntilOn) } : row
  }
  return {
    ...members,
    rows: members.rows.filter((row) => !subscriptions.refusedNumbers.has(canonical(row.memberNumber))).map(dated),
    refusals: [...members.refusals, ...broken, ...subscriptions.refusals, ...strangers],
    remarks: [...members.remarks, ...subscriptions.remarks],
  }
}

function columnsOf(sources: readonly Source[]): Roster['columns'] {
  const used = sources.flatMap(({ table: { file, headers }, recognised: { columns } }) =>
    [...columns].map(([field, at]) => ({ field, header: headers[at]!, file: file.name })),
  )
  const ignored = sources.flatMap(({ table: { file, headers }, recognised: { columns } }) => {
    const taken = new Set(columns.values())
    return headers.flatMap((header, at) => (taken.has(at) || header === '' ? [] : [{ header, file: file.name }]))
  })
  return { used, ignored }
}

/**
 * Bytes in, rows and refusals out. Throws `import_unreadable` for a file that cannot be read as a whole (`detail`: the
 * file, the line, what is wrong and what to do; `params.problem` for translated texts) and `invalid_value` with field
 * `map` for a map that does not fit. A line that cannot be read is a refusal, and the others go on.
 */
export async function readRoster(files: readonly RosterFile[], options: RosterOptions = {}): Promise<Roster> {
  if (files.length === 0) throw unreadable({ name: '' }, 'files', 'no file was given')
  const sources = await openAll(files, options)
  const { main, subscriptions } = arrange(sources)
  let read = await readSource(main, options.activity)
  for (const source of subscriptions)
    read = joined(read, main.table, await readSource(source, options.activity), source.table)
  const columns = columnsOf(sources)
  if (!columns.used.some(({ field }) => field === 'end')) {
    const reason =
      'no column tells until when a member is covered; the rows say nothing of dues (Paheko: give the list of the membership activity as a second file)'
    read.remarks.unshift({ file: main.table.file.name, line: 1, field: 'end', value: '', code: 'no_due_dates', reason })
  }
  const { encoding, separator } = main.table.dialect
  return {
    format: main.recognised.format.id,
    encoding,
    separator,
    rows: read.rows,
    refusals: read.refusals,
    remarks: read.remarks,
    columns,
  }
}
