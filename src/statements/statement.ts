// Reads a bank statement: whatever format a bank gives it in, lines of money that can be matched with calls for dues. The
// only door to this folder for the rest of the house; it changes nothing and knows nothing of what is already stored.
import type { AppError } from '../domain/errors.ts'
import { readCamt } from './camt.ts'
import { readCfonb } from './cfonb.ts'
import { readCoda } from './coda.ts'
import { type CsvMap, readCsv } from './csv.ts'
import type { BankLine, BankStatement } from './lines.ts'
import { type Remark, refuse } from './problems.ts'
import { headOf, MAX_BYTES } from './text.ts'

export type { BankLine, BankStatement, CsvMap, Remark }

export type StatementFormat = 'camt.053' | 'coda' | 'cfonb120' | 'csv'
export type StatementFile = {
  format: StatementFormat
  encoding: string
  statements: BankStatement[]
  remarks: Remark[]
}

export type StatementOptions = {
  /** Which column is what, for CSV. The other formats are known by themselves, and it is not looked at. */
  map?: CsvMap
  /** Of which account a CSV file is that does not say so. */
  account?: string
  /** Where the times of camt.053 become days. */
  zone?: string
}

const other = (format: string) => () => refuse(1, 'other_format', { format })
const excel = () => refuse(1, 'excel', {})

/** What other files look like, by their first characters. */
const strangers: [RegExp, () => AppError][] = [
  [/^PK\p{Cc}{2}.*(?:xl\/|Content_Types)/su, excel],
  [/^PK\p{Cc}{2}/u, () => refuse(1, 'zip', {})],
  [/^\xd0\xcf\p{Cc}\xe0/u, excel],
  [/^%PDF/, other('PDF')],
  [/^\s*<(?:!doctype html|html|head|body)\b/i, () => refuse(1, 'web_page', {})],
  [/^\s*(?:OFXHEADER|<\?OFX|<OFX)/i, other('OFX')],
  [/^\s*(?:\{1:|:20:|:940:)/, other('MT940')],
  [/^\s*!(?:Type|Account)/i, other('QIF')],
  [/^\s*[{[]/, other('JSON')],
]

/** The format by the first characters; undefined for what can only be CSV. */
function formatOf(bytes: Uint8Array): StatementFormat | undefined {
  if (bytes.length > MAX_BYTES) throw refuse(0, 'too_large', { most: MAX_BYTES / 2 ** 20 })
  // Of a file in UTF-16 every other byte is zero.
  const head = headOf(bytes).replaceAll('\0', '')
  if (head.trim() === '') throw refuse(0, 'empty', {})
  const stranger = strangers.find(([pattern]) => pattern.test(head))
  if (stranger) throw stranger[1]()
  if (/^\s*</.test(head)) return 'camt.053'
  if (/^0{5}\d{6}[\d ]{3}05/.test(head)) return 'coda'
  if (/^\s*0[1457]\d{5}.{4}\d{5}[A-Z]{3}/.test(head)) return 'cfonb120'
  return undefined
}

/**
 * Every statement of a file, or `invalid_value` of the field `file` whose detail says on which line, what is wrong and
 * what to do: a file that is broken, cut off or does not add up is refused whole. Takes about a second for 10,000 entries.
 */
export function readStatement(bytes: Uint8Array, options: StatementOptions = {}): StatementFile {
  const format = formatOf(bytes)
  if (format === 'camt.053') return { format, ...readCamt(bytes, options.zone ?? 'Europe/Brussels') }
  if (format === 'coda') return { format, ...readCoda(bytes) }
  if (format === 'cfonb120') return { format, ...readCfonb(bytes) }
  if (!options.map) throw refuse(1, 'unknown_format', {})
  return { format: 'csv', ...readCsv(bytes, options.map, options.account) }
}
