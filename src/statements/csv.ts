// CSV, which each bank writes in its own way: a saved mapping says which column is what; separator, encoding, decimal mark
// and order of dates are found out where it does not say. It has no balances, so that nothing proves the file whole.
import { CsvError, parse } from 'csv-parse/sync'
import { parseIban } from '../domain/references.ts'
import type { CivilDate } from '../domain/time.ts'
import type { Encoding, Separator } from '../rosters/sniff.ts'
import { amountOf, type DateOrder, type Decimal, dateOf, decimalOf, orderOf } from './csv-cells.ts'
import { type BankStatement, type Draft, known, numbered, tidy } from './lines.ts'
import { type Remark, refuse, remark } from './problems.ts'
import { decode, sniffEncoding } from './text.ts'

/** For each field the header of its column as the bank writes it, or `#3` for the third column. */
export type CsvMap = {
  booked: string
  value?: string
  /** One signed column, or two: of `debit` the sign does not matter. */
  amount?: string
  debit?: string
  credit?: string
  /** Several where the bank has one for structured and one for free communications. */
  communication?: string | readonly string[]
  counterAccount?: string
  counterName?: string
  /** Without it, all is in euros. */
  currency?: string
  /** The bank's own reference of the entry. */
  reference?: string
  /** The account that the line is of, where a file has several. */
  account?: string
  separator?: Separator
  encoding?: Encoding
  decimal?: Decimal
  dates?: DateOrder
}
type Field = Exclude<keyof CsvMap, 'communication' | 'separator' | 'encoding' | 'decimal' | 'dates'>

type Read = { encoding: string; statements: BankStatement[]; remarks: Remark[] }
type Columns = { of: Partial<Record<Field, number>>; communications: number[]; width: number }
/** `before`: how many lines stand before the first that is read as a row, the header among them. */
type Place = { separator: Separator; before: number; columns: Columns }
type Row = { line: number; cells: readonly string[] }

const fields: readonly Field[] = [
  'booked',
  'value',
  'amount',
  'debit',
  'credit',
  'counterAccount',
  'counterName',
  'currency',
  'reference',
  'account',
]
const separators: readonly Separator[] = [';', '\t', '|', ',']
/** Banks put their name, the account and the search before the header. */
const MAX_PREAMBLE = 60
const MAX_HEADER = 20_000
const MAX_ROWS = 200_000

// ── Where the columns are ───────────────────────────────────────────────────────────────────────────────────────────

const plain = (header: string): string =>
  header
    .normalize('NFKD')
    .replace(/[\p{M}\p{Cf}"]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
    .toLowerCase()

const listed = (communication: CsvMap['communication']): readonly string[] =>
  communication === undefined ? [] : typeof communication === 'string' ? [communication] : communication

/** The headers that a mapping names, without those that are numbers. */
const namesOf = (map: CsvMap): string[] =>
  [...fields.flatMap((field) => map[field] ?? []), ...listed(map.communication)].filter((name) => !/^#\d+$/.test(name))

function columnsOf(map: CsvMap, headers: readonly string[]): Columns {
  const labels = headers.map(plain)
  const indexOf = (name: string): number =>
    /^#\d+$/.test(name) ? Number(name.slice(1)) - 1 : labels.indexOf(plain(name))
  const named = fields.flatMap((field) => {
    const name = map[field]
    return name === undefined ? [] : [[field, indexOf(name)] as const]
  })
  const width = labels.findLastIndex((label) => label !== '') + 1
  return { of: Object.fromEntries(named), communications: listed(map.communication).map(indexOf), width }
}

const missing = (map: CsvMap, headers: readonly string[]): string[] => {
  const labels = new Set(headers.map(plain))
  return namesOf(map).filter((name) => !labels.has(plain(name)))
}

function checkMap(map: CsvMap): void {
  if (!map.booked) throw refuse(0, 'map_date', {})
  if (!map.amount && !(map.debit && map.credit)) throw refuse(0, 'map_amount', {})
}

type Try = { separator: Separator; line: number; headers: string[] }

/** A mapping of numbers alone has no header to look for: the widest way to cut the first line is taken. */
function placeByNumbers(map: CsvMap, tries: readonly Try[]): Place {
  const [widest] = tries.filter(({ line }) => line === 1).toSorted((a, b) => b.headers.length - a.headers.length)
  const { separator, headers } = widest!
  const columns = columnsOf(map, headers)
  const isData = dateOf((headers[columns.of.booked!] ?? '').replaceAll('"', ''), map.dates ?? 'dmy') !== undefined
  return { separator, before: isData ? 0 : 1, columns }
}

/** The line of the header: the first that has all columns of the mapping, with whichever separator. */
function placeOf(map: CsvMap, text: string): Place {
  const tried = map.separator ? [map.separator] : separators
  const tries = text
    .split('\n', MAX_PREAMBLE)
    .flatMap((line, index) =>
      tried.map(
        (separator): Try => ({ separator, line: index + 1, headers: line.slice(0, MAX_HEADER).split(separator) }),
      ),
    )
  if (namesOf(map).length === 0) return placeByNumbers(map, tries)
  const lacking = ({ headers }: Try): string[] => missing(map, headers)
  const found = tries.find((one) => lacking(one).length === 0)
  if (found) return { separator: found.separator, before: found.line, columns: columnsOf(map, found.headers) }
  const nearest = tries.toSorted((a, b) => lacking(a).length - lacking(b).length)[0]!
  const names = lacking(nearest).map((name) => `«${name.slice(0, 40)}»`)
  throw refuse(nearest.line, 'map_columns', { columns: names.join(', ') })
}

// ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const newlines = (cells: readonly string[]): number => cells.reduce((sum, cell) => sum + cell.split('\n').length - 1, 0)

/** The text from the line after so many. */
function after(lines: number, text: string): string {
  let from = 0
  for (let line = 0; line < lines; line++) {
    const end = text.indexOf('\n', from)
    if (end < 0) return ''
    from = end + 1
  }
  return text.slice(from)
}

function parseRows(text: string, { separator, before }: Place): Row[] {
  try {
    const parsed = parse(after(before, text), {
      delimiter: separator,
      record_delimiter: '\n',
      info: true,
      relax_column_count: true,
      // Some banks quote nothing, whatever stands in a text.
      relax_quotes: true,
      skip_empty_lines: true,
      max_record_size: 1_000_000,
      to: MAX_ROWS + 1,
    }) as unknown as { record: string[]; info: { lines: number } }[]
    return parsed.map(({ record, info }) => ({ line: before + info.lines - newlines(record), cells: record }))
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause
    const line = before + (Number(cause.lines) || 1)
    throw refuse(line, 'csv_broken', { what: cause.code }, cause)
  }
}

type Cell = (row: Row, field: Field) => string

/** Rows that say nothing in any column of the mapping are no lines; the others must have all their cells. */
function checked(rows: readonly Row[], { of, communications, width }: Columns): Row[] {
  const used = [...Object.values(of), ...communications]
  const speaking = rows.filter(({ cells }) => used.some((index) => (cells[index] ?? '').trim() !== ''))
  for (const { line, cells } of speaking) {
    const most = cells.findLastIndex((cell) => cell.trim() !== '') + 1
    if (cells.length < width) throw refuse(line, 'csv_narrow', { cells: cells.length, width })
    if (width > 0 && most > width) throw refuse(line, 'csv_wide', { cells: most, width })
  }
  if (speaking.length > MAX_ROWS) throw refuse(0, 'csv_long', { most: MAX_ROWS })
  return speaking
}

// ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────────────

type Readers = { cents(row: Row): number; day(row: Row, field: 'booked' | 'value'): CivilDate | null }

function readersOf(rows: readonly Row[], map: CsvMap, cell: Cell, remarks: Remark[]): Readers {
  const amounts = rows.flatMap((row) => (['amount', 'debit', 'credit'] as const).map((field) => cell(row, field)))
  const decimal = map.decimal ?? decimalOf(amounts)
  if (decimal === undefined) throw refuse(rows[0]!.line, 'csv_decimal', {})
  const shownOrder = orderOf(rows.flatMap((row) => [cell(row, 'booked'), cell(row, 'value')]))
  if (!map.dates && !shownOrder) remarks.push(remark(0, 'day_first', {}))
  const order = map.dates ?? shownOrder ?? 'dmy'
  const amount = (row: Row, field: Field): number | null => {
    const cents = amountOf(cell(row, field), decimal)
    if (cents !== undefined) return cents
    throw refuse(row.line, 'csv_amount', { amount: cell(row, field).slice(0, 30), column: map[field] ?? field })
  }
  return {
    cents: (row) => {
      const [one, debit, credit] = [amount(row, 'amount'), amount(row, 'debit'), amount(row, 'credit')]
      if (one === null && debit === null && credit === null) throw refuse(row.line, 'csv_amount_none', {})
      if (debit && credit) throw refuse(row.line, 'csv_amount_both', {})
      return one ?? ((credit || 0) - Math.abs(debit || 0) || 0)
    },
    day: (row, field) => {
      if (cell(row, field).trim() === '') return null
      const on = dateOf(cell(row, field), order)
      if (on === undefined)
        throw refuse(row.line, 'csv_date', { date: cell(row, field).slice(0, 30), column: map[field] ?? field })
      return on
    },
  }
}

function currencyOf(row: Row, { of }: Columns, cell: Cell): string {
  const currency = of.currency === undefined ? 'EUR' : cell(row, 'currency').trim().toUpperCase()
  if (!/^[A-Z]{3}$/.test(currency)) throw refuse(row.line, 'currency_unknown', { currency: currency.slice(0, 10) })
  return currency
}

function draftOf(row: Row, columns: Columns, cell: Cell, { cents, day }: Readers): Draft {
  const bookedOn = day(row, 'booked')
  if (bookedOn === null) throw refuse(row.line, 'csv_date_none', {})
  return {
    line: row.line,
    bookedOn,
    valueOn: day(row, 'value') ?? bookedOn,
    cents: cents(row),
    currency: currencyOf(row, columns, cell),
    counterIban: parseIban(cell(row, 'counterAccount')),
    counterName: tidy(cell(row, 'counterName')) || null,
    structured: [],
    text: tidy(columns.communications.map((index) => row.cells[index] ?? '').join('\n')),
    bankRef: known(cell(row, 'reference')),
    endToEndId: null,
    reversal: false,
  }
}

const compact = (account: string): string => account.replace(/\s/g, '').toUpperCase()

function accountOf(row: Row, columns: Columns, cell: Cell, given: string): string {
  const own = columns.of.account === undefined ? '' : compact(cell(row, 'account'))
  if (own !== '' && given !== '' && own !== given) throw refuse(row.line, 'other_account', {})
  if (own === '' && given === '') throw refuse(row.line, 'csv_account', {})
  return own || given
}

function statementOf(account: string, drafts: readonly Draft[]): BankStatement {
  const days = drafts.map(({ bookedOn }) => bookedOn).toSorted()
  const lines = numbered(drafts, { account, number: null, bankRefNames: true })
  const { currency } = drafts[0]!
  const [fromOn, toOn] = [days[0]!, days.at(-1)!]
  return { account, currency, number: null, fromOn, toOn, openingCents: null, closingCents: null, lines }
}

/** The lines of a CSV file, in one statement for each account and currency, in the order of the file. */
export function readCsv(bytes: Uint8Array, map: CsvMap, account?: string): Read {
  checkMap(map)
  const decoded = decode(bytes, map.encoding ?? sniffEncoding(bytes))
  const text = decoded.text.replace(/\r\n?/g, '\n')
  const place = placeOf(map, text)
  const { columns } = place
  const cell: Cell = ({ cells }, field) => cells[columns.of[field] ?? -1] ?? ''
  const rows = checked(parseRows(text, place), columns)
  if (rows.length === 0) throw refuse(0, 'csv_empty', {})
  const remarks: Remark[] = [remark(0, 'no_balances', {})]
  const readers = readersOf(rows, map, cell, remarks)
  const read = rows.map((row) => ({
    account: accountOf(row, columns, cell, compact(account ?? '')),
    draft: draftOf(row, columns, cell, readers),
  }))
  const groups = Map.groupBy(read, (one) => `${one.account} ${one.draft.currency}`)
  const statements = [...groups.values()].map((group) =>
    statementOf(
      group[0]!.account,
      group.map(({ draft }) => draft),
    ),
  )
  return { encoding: decoded.encoding, statements, remarks }
}
