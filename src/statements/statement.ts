// Reads a bank statement: whatever format a bank gives it in, lines of money that can be matched with calls for dues. The
// only door to this folder for the rest of the house; it changes nothing and knows nothing of what is already stored.
import { readCamt } from './camt.ts'
import { readCfonb } from './cfonb.ts'
import { readCoda } from './coda.ts'
import { type CsvMap, readCsv } from './csv.ts'
import { type BankLine, type BankStatement, type Remark, refuse } from './lines.ts'
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

const choose = 'choose camt.053, CODA or CFONB 120 where the bank has you choose a format'

/** What other files look like, by their first characters. */
const strangers: [RegExp, string][] = [
  [/^PK\p{Cc}{2}.*(?:xl\/|Content_Types)/su, `this is an Excel file; ${choose}, or save it as CSV`],
  [/^PK\p{Cc}{2}/u, 'this is a ZIP archive; unpack it and read the files in it one by one'],
  [/^\xd0\xcf\p{Cc}\xe0/u, `this is an old Excel file; ${choose}, or save it as CSV`],
  [/^%PDF/, `this is a PDF; ${choose}`],
  [
    /^\s*<(?:!doctype html|html|head|body)\b/i,
    'this is a web page; sign in at the bank and download the statement again',
  ],
  [/^\s*(?:OFXHEADER|<\?OFX|<OFX)/i, `this is OFX, which is not read; ${choose}`],
  [/^\s*(?:\{1:|:20:|:940:)/, `this is MT940, which is not read; ${choose}`],
  [/^\s*!(?:Type|Account)/i, `this is QIF, which is not read; ${choose}`],
  [/^\s*[{[]/, `this is JSON; ${choose}`],
]

/** The format by the first characters; undefined for what can only be CSV. */
function formatOf(bytes: Uint8Array): StatementFormat | undefined {
  if (bytes.length > MAX_BYTES)
    throw refuse(0, `the file is larger than ${MAX_BYTES / 2 ** 20} MB; ask the bank for shorter periods`)
  // Of a file in UTF-16 every other byte is zero.
  const head = headOf(bytes).replaceAll('\0', '')
  if (head.trim() === '') throw refuse(0, 'the file is empty; download it again', undefined, 'empty')
  const stranger = strangers.find(([pattern]) => pattern.test(head))
  if (stranger) throw refuse(1, stranger[1], undefined, 'format')
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
  if (!options.map)
    throw refuse(
      1,
      `this is neither camt.053, CODA nor CFONB 120; ${choose}, or, if it is CSV, say which column is what`,
      undefined,
      'map',
    )
  return { format: 'csv', ...readCsv(bytes, options.map, options.account) }
}
