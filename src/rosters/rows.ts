// The records of one table → rows, refusals and remarks. Each line is read by itself (draft.ts), then the lines are
// held against each other (settle.ts). A line that is refused never stops the others.
import { canonical } from '../domain/names.ts'
import type { CivilDate } from '../domain/time.ts'
import { type Closing, clean, dateReader, type Language, MAX_CELL, shorten } from './cells.ts'
import { type Cells, type Context, type Draft, dateFields, draftOf, type Line } from './draft.ts'
import type { Field } from './formats.ts'
import { EVERY, giveWay } from './pace.ts'
import type { Columns, Recognised } from './recognise.ts'
import { settle } from './settle.ts'
import type { Table, TableRecord } from './table.ts'

/** One member as the file tells of them. A field whose column the file does not have is empty, null or false. */
export type RosterRow = {
  /** The line of the file that the row begins on; the header is line 1. */
  line: number
  /** Empty if the file has none; then the e-mail is the key. A name never is. */
  memberNumber: string
  kind: 'person' | 'association'
  givenName: string
  /** The whole name where the file has one column for it. */
  familyName: string
  organisationName: string
  /** Canonical, as `domain/names.ts` has it. */
  email: string | null
  /** Canonical, and fit to be one here; else null, with a remark. */
  username: string | null
  locale: Language | null
  joinedOn: CivilDate | null
  /** The last covered day, inclusive. */
  coveredUntilOn: CivilDate | null
  /** Owes no dues: by decision, or for life. */
  exempt: boolean
  closed: Closing | null
  /** False: the manager has the account closed, or the member is not admitted yet. Null: the file does not say. */
  active: boolean | null
  /** The manager's own word for the sort of member. */
  category: string | null
}

const refusalCodes = [
  'no_key',
  'cell_too_long',
  'too_few_cells',
  'email_invalid',
  'date_impossible',
  'not_yes_or_no',
  'number_twice',
  'email_twice',
  'username_twice',
  'other_line_refused',
  'number_unknown',
  'test_membership',
] as const
export type RefusalCode = (typeof refusalCodes)[number]
const remarkCodes = [
  'username_unusable',
  'unpaid',
  'for_life',
  'same_line_twice',
  'lines_joined',
  'number_from_id',
  'dates_guessed',
  'no_due_dates',
] as const
export type RemarkCode = (typeof remarkCodes)[number]

type About<Code> = {
  file: string
  line: number
  field: Field
  /** Shortened to 60 characters. */
  value: string
  code: Code
  /** A sentence in English, for the log and the command line. */
  reason: string
}
/** A line that did not become a row (or a part of one), and why. */
export type Refusal = About<RefusalCode>
/** Something that was read otherwise than a person might expect; nothing is lost. */
export type Remark = About<RemarkCode>

export type ReadRows = {
  rows: RosterRow[]
  refusals: Refusal[]
  remarks: Remark[]
  /** Member numbers (canonical) of refused lines → the line. */
  refusedNumbers: Map<string, number>
  /** All values of the column `activity`, kept or not. */
  activities: Set<string>
}

/** Where `NULL` may be somebody's name. */
const names: readonly Field[] = ['given', 'family', 'name']

/** Only the columns that mean something are kept, cleaned and bounded. MySQL writes a null as `\N` or `NULL`. */
function lineOf({ line, cells }: TableRecord, { file, headers }: Table, columns: Columns): Line {
  const picked: Cells = {}
  const refusals: Refusal[] = []
  for (const [field, column] of columns) {
    const cell = cells[column] ?? ''
    const reason = `this cell is longer than ${MAX_CELL} characters`
    if (cell.length > MAX_CELL) {
      refusals.push({ file: file.name, line, field, value: shorten(cell), code: 'cell_too_long', reason })
    }
    const text = clean(cell.slice(0, MAX_CELL))
    picked[field] = text === '\\N' || (text === 'NULL' && !names.includes(field)) ? '' : text
  }
  // Most likely one record broken in two by an unquoted line end: taking half of it would empty fields.
  const broken = cells.length < headers.length
  if (broken) {
    const reason = `this line has ${cells.length} cells and the header ${headers.length}; it may be broken in two`
    const value = shorten(cells.slice(0, 10).join(' '))
    refusals.push({ file: file.name, line, field: 'number', value, code: 'too_few_cells', reason })
  }
  return { line, cells: picked, broken, refusals }
}

/**
 * The column that numbers the members: the association's own number if every line has one and no two members share
 * it, else the manager's internal id.
 */
async function chooseNumber(lines: readonly Line[], columns: Columns): Promise<{ numberField: Field; failing?: Line }> {
  if (!columns.has('id') || !columns.has('number')) return { numberField: columns.has('id') ? 'id' : 'number' }
  const owners = new Map<string, string>()
  let failing: Line | undefined
  for (const [n, line] of lines.entries()) {
    const { number = '', id = '' } = line.cells
    const owner = owners.get(canonical(number))
    if (owner === undefined) owners.set(canonical(number), id)
    if (!line.broken && (number === '' || (owner !== undefined && owner !== id))) failing ??= line
    await giveWay(n)
  }
  if (!failing) return { numberField: 'number' }
  const isUsed = lines.some(({ cells }) => cells.number)
  return { numberField: 'id', ...(isUsed && { failing }) }
}

/** The date columns of all lines; each decides by all its values what comes first, day or month. */
async function readersOf(lines: readonly Line[], dayFirst: true | undefined): Promise<Context['readers']> {
  const values = { joined: new Set<string>(), end: new Set<string>(), end2: new Set<string>() }
  for (const [n, { cells }] of lines.entries()) {
    for (const field of dateFields) if (cells[field]) values[field].add(cells[field])
    await giveWay(n)
  }
  const all = dateFields.flatMap((field) => [...values[field]])
  const reader = (field: (typeof dateFields)[number]) => dateReader([...values[field]], all, dayFirst)
  return { joined: reader('joined'), end: reader('end'), end2: reader('end2') }
}

function remarkOnChoices(lines: readonly Line[], { file, readers, remarks }: Context, failing: Line | undefined): void {
  const remark = (line: Line, field: Field, code: RemarkCode, reason: string): void =>
    void remarks.push({ file, line: line.line, field, value: shorten(line.cells[field] ?? ''), code, reason })
  if (failing) {
    const reason = 'the member number is empty or not unique here, so the internal number is taken for all lines'
    remark(failing, 'number', 'number_from_id', reason)
  }
  for (const field of dateFields) {
    const line = readers[field].guessed ? lines.find(({ cells }) => cells[field]) : undefined
    const reason = 'no date of this file tells whether the day or the month comes first; read as day/month/year'
    if (line) remark(line, field, 'dates_guessed', reason)
  }
}

type Options = {
  /** Leaves lines out before they are judged. */
  keep?: (cells: Cells) => boolean
  /** Told every few hundred lines how many of all are understood. */
  onLines?: (done: number, all: number) => void
}

const byLine = (a: { line: number }, b: { line: number }): number => a.line - b.line

/** All lines of a table, judged. */
export async function readRows(table: Table, recognised: Recognised, options: Options = {}): Promise<ReadRows> {
  const { format, columns } = recognised
  const { keep = () => true, onLines } = options
  const all: Line[] = []
  for await (const record of table.records) {
    all.push(lineOf(record, table, columns))
    await giveWay(all.length)
  }
  const lines = all.filter(({ cells }) => keep(cells))
  const { numberField, failing } = await chooseNumber(lines, columns)
  const readers = await readersOf(lines, format.dayFirst)
  const context: Context = { file: table.file.name, format, numberField, readers, remarks: [] }
  remarkOnChoices(lines, context, failing)
  const drafts: Draft[] = []
  for (const line of lines) {
    drafts.push(draftOf(line, context))
    if (drafts.length % EVERY === 0) onLines?.(drafts.length, lines.length)
    await giveWay(drafts.length)
  }
  const settled = await settle(drafts, context)
  const refused = settled.filter(({ refusals }) => refusals.length > 0)
  const numbered = refused.filter(({ row }) => row.memberNumber !== '')
  return {
    rows: settled.flatMap(({ row, refusals }) => (refusals.length === 0 ? [row] : [])),
    refusals: refused.flatMap(({ refusals }) => refusals).toSorted(byLine),
    remarks: context.remarks.toSorted(byLine),
    refusedNumbers: new Map(numbered.map(({ row }) => [canonical(row.memberNumber), row.line])),
    activities: new Set(all.map(({ cells }) => cells.activity ?? '')),
  }
}
