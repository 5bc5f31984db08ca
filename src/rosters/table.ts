// The records of a CSV file, one at a time, each with the line it begins on. Rules that hold for the whole file live
// here (balanced quotes, no more cells than columns, sizes that cannot exhaust memory); what a cell means does not.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CsvError, parse } from 'csv-parse'
import type { AppError } from '../domain/errors.ts'
import { type Dialect, type OnBytes, type RosterFile, sniff, textOf, unreadable } from './sniff.ts'

export type TableRecord = { line: number; cells: readonly string[] }
export type Table = {
  file: RosterFile
  dialect: Dialect
  headers: readonly string[]
  records: AsyncIterable<TableRecord>
}

const MAX_COLUMNS = 500
const MAX_ROWS = 200_000
/** Characters in one record. A quotation mark that is never closed is found here, long before the end of a big file. */
const MAX_RECORD = 1_000_000

const quoteError = (file: RosterFile, line: number, cause: unknown): AppError =>
  unreadable(
    file,
    'quotes',
    'the quotation marks of this line are not balanced: one is never closed, or stands in the middle of a cell; write it twice ("") or export again with every cell quoted',
    { line, cause },
  )

/** What csv-parse refuses, in the words of a person who has the file before them. `line`: where the record begins. */
function explained(file: RosterFile, error: unknown, line: number): unknown {
  if (!(error instanceof CsvError)) return error
  const code: string = error.code
  if (code === 'CSV_MAX_RECORD_SIZE' || code.includes('QUOTE')) return quoteError(file, line, error)
  return unreadable(file, 'not_a_table', `this line cannot be read as CSV (${code})`, { line, cause: error })
}

const newlines = (cells: readonly string[]): number =>
  cells.reduce((sum, cell) => sum + (cell.includes('\n') ? cell.split('\n').length - 1 : 0), 0)

type Parsed = { record: string[]; info: { lines: number } }

async function* recordsOf(file: RosterFile, dialect: Dialect, onBytes?: OnBytes): AsyncGenerator<TableRecord> {
  let next = 1 + dialect.skip
  const bounded = (cell: string, { index }: { index: number }): string => {
    if (index >= MAX_COLUMNS)
      throw unreadable(
        file,
        'too_many_cells',
        `this line has more than ${MAX_COLUMNS} cells; this is not a list of members`,
        { line: next },
      )
    return cell
  }
  const { separator: delimiter, quote, skip } = dialect
  const parser = parse({
    delimiter,
    quote,
    escape: quote,
    record_delimiter: '\n',
    from_line: 1 + skip,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD,
    cast: bounded,
    // Here and not in the loop below: the parser runs ahead of it, and an error overtakes the records that are waiting.
    on_record: (record, { lines }) => {
      next = lines + 1
      return record
    },
  })
  const feeding = pipeline(Readable.from(textOf(file, dialect.encoding, onBytes)), parser)
  // The loop below throws the same error; this one has no other listener.
  feeding.catch(() => {})
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      if (record.some((cell) => cell.trim() !== '')) yield { line: info.lines - newlines(record), cells: record }
    }
  } catch (error) {
    throw explained(file, error, next)
  }
}

/** Cells beyond the columns: an unquoted separator in a cell would move every later value into the wrong column. */
function refuseWider(file: RosterFile, { line, cells }: TableRecord, columns: number): void {
  if (!cells.slice(columns).some((cell) => cell.trim() !== '')) return
  throw unreadable(
    file,
    'too_many_cells',
    `this line has ${cells.length} cells and the header ${columns}; a separator within a cell must be in quotation marks`,
    { line },
  )
}

async function* rowsOf(
  file: RosterFile,
  columns: number,
  records: AsyncIterable<TableRecord>,
): AsyncGenerator<TableRecord> {
  let rows = 0
  for await (const record of records) {
    refuseWider(file, record, columns)
    if (++rows > MAX_ROWS)
      throw unreadable(file, 'too_many_rows', `the file has more than ${MAX_ROWS} rows; import it in parts`, {
        line: record.line,
      })
    yield record
  }
  if (rows === 0)
    throw unreadable(file, 'no_rows', 'the file has a header and no rows; export the list again, without a filter')
}

/** Sniff a file and read its header; the records follow as they are asked for. */
export async function openTable(file: RosterFile, onBytes?: OnBytes): Promise<Table> {
  const dialect = await sniff(file)
  const records = recordsOf(file, dialect, onBytes)
  const first = await records.next()
  if (first.done) throw unreadable(file, 'empty', 'the file is empty; export the list of members again')
  const headers = first.value.cells.map((header) => header.replaceAll('\ufeff', '').trim())
  return { file, dialect, headers, records: rowsOf(file, headers.length, records) }
}
