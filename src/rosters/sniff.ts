// A roster is the list of an association's members as another membership manager (Galette, Paheko, Dolibarr, CiviCRM,
// a spreadsheet) exports it: one member a line. This folder turns the bytes of such files into rows and refusals, with
// no I/O. Here: what the bytes are (encoding, separator, quotation mark), or a clear word on why they are no table.
import { isUtf8 } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import { AppError } from '../domain/errors.ts'

/** A file as it was uploaded or read from disk; `name` only serves to tell files apart in messages. */
export type RosterFile = { name: string; bytes: Uint8Array }

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'
/** In order of trust when two fit equally well: a comma is the likeliest to stand in a label. */
const separators = [';', '\t', '|', ','] as const
export type Separator = (typeof separators)[number]
export type Dialect = {
  encoding: Encoding
  separator: Separator
  quote: '"' | "'" /** Lines before the header: Excel's `sep=;`. */
  skip: 0 | 1
}

/** Called with the bytes read so far, all files together. */
export type OnBytes = (bytes: number) => void

export const MAX_BYTES = 50 * 1024 * 1024
const CHUNK = 32 * 1024
const HEAD = 64 * 1024

export type Problem =
  | 'empty'
  | 'too_big'
  | 'spreadsheet'
  | 'not_text'
  | 'not_a_table'
  | 'encoding'
  | 'one_column'
  | 'quotes'
  | 'too_many_cells'
  | 'too_many_rows'
  | 'no_rows'
  | 'unknown_columns'
  | 'files'
  | 'activities'

const shown = (name: string): string => name.replace(/[\p{Cc}\p{Cf}]/gu, '').slice(0, 80) || 'the file'

/** `import_unreadable`: which file, which line, what is wrong and what to do. `params.problem` is for translated texts. */
export function unreadable(
  file: Pick<RosterFile, 'name'>,
  problem: Problem,
  what: string,
  { line, cause }: { line?: number; cause?: unknown } = {},
): AppError {
  const place = line === undefined ? shown(file.name) : `${shown(file.name)}, line ${line}`
  return new AppError('import_unreadable', {
    field: 'file',
    detail: `${place}: ${what}`,
    params: { problem, file: shown(file.name), ...(line !== undefined && { line }) },
    cause,
  })
}

const begins = (bytes: Uint8Array, ...magic: number[]): boolean => magic.every((byte, at) => bytes[at] === byte)
const latin1 = (bytes: Uint8Array, length: number): string => Buffer.from(bytes.subarray(0, length)).toString('latin1')

const saveAsCsv = 'open it in a spreadsheet and save or export it as CSV (UTF-8), then import that file'

/** What a file that is no text at all tells of itself by its first bytes. */
function refuseBinary(file: RosterFile): void {
  const { bytes } = file
  if (begins(bytes, 0x50, 0x4b, 0x03, 0x04)) {
    const head = latin1(bytes, 4096)
    const kind = head.includes('opendocument')
      ? 'an OpenDocument file (ODS)'
      : head.includes('xl/') || head.includes('[Content_Types]')
        ? 'an Excel file (XLSX)'
        : 'a ZIP archive'
    throw unreadable(file, 'spreadsheet', `this is ${kind}, not CSV; ${saveAsCsv}`)
  }
  if (begins(bytes, 0xd0, 0xcf, 0x11, 0xe0))
    throw unreadable(file, 'spreadsheet', `this is an old Excel file (XLS), not CSV; ${saveAsCsv}`)
  if (begins(bytes, 0x25, 0x50, 0x44, 0x46))
    throw unreadable(file, 'not_text', 'this is a PDF; export the list of members again and choose CSV')
  if (!byteOrder(bytes) && bytes.subarray(0, 8192).includes(0))
    throw unreadable(file, 'not_text', 'this is not text; export the list of members again and choose CSV')
}

/** The encoding that a byte order mark declares. */
function byteOrder(bytes: Uint8Array): Encoding | undefined {
  if (begins(bytes, 0xef, 0xbb, 0xbf)) return 'utf-8'
  if (begins(bytes, 0xff, 0xfe)) return 'utf-16le'
  if (begins(bytes, 0xfe, 0xff)) return 'utf-16be'
  return undefined
}

function firstBadLine(bytes: Uint8Array): number {
  for (let line = 1, from = 0; from < bytes.length; line++) {
    const end = bytes.indexOf(0x0a, from)
    const to = end < 0 ? bytes.length : end
    if (!isUtf8(bytes.subarray(from, to))) return line
    from = to + 1
  }
  return 1
}

/** UTF-8 if it is valid UTF-8, else windows-1252, unless the two are mixed: then half the names would be garbled. */
function encodingOf(file: RosterFile): Encoding {
  const { bytes } = file
  const declared = byteOrder(bytes)
  if (declared && declared !== 'utf-8') return declared
  if (isUtf8(bytes)) return 'utf-8'
  // A sample may end within a character: the last three bytes do not count.
  const sample = new TextDecoder('utf-8').decode(bytes.subarray(0, 1024 * 1024)).slice(0, -3)
  const good = sample.match(/[^\0-\x7f\ufffd]/g)?.length ?? 0
  const bad = sample.match(/\ufffd/g)?.length ?? 0
  if (declared || good > bad)
    throw unreadable(
      file,
      'encoding',
      'a character is not UTF-8 though the rest of the file is; mend that line, or save the file again as UTF-8',
      { line: firstBadLine(bytes) },
    )
  return 'windows-1252'
}

/** The text in pieces, line ends all `\n`, without a byte order mark. Gives way to other work after each piece. */
export async function* textOf({ bytes }: RosterFile, encoding: Encoding, onBytes?: OnBytes): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding)
  let afterReturn = false
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const piece = decoder.decode(bytes.subarray(at, at + CHUNK), { stream: at + CHUNK < bytes.length })
    const whole = afterReturn && piece.startsWith('\n') ? piece.slice(1) : piece
    if (piece !== '') afterReturn = piece.endsWith('\r')
    yield whole.replace(/\r\n?/g, '\n')
    onBytes?.(Math.min(at + CHUNK, bytes.length))
    await setImmediate()
  }
}

async function headOf(file: RosterFile, encoding: Encoding): Promise<string> {
  let head = ''
  for await (const piece of textOf({ ...file, bytes: file.bytes.subarray(0, HEAD) }, encoding)) head += piece
  return head
}

/** How many cells the first records have for one separator; blank lines and the last, perhaps cut, record are left out. */
function widths(head: string, separator: string, quote: string): number[] {
  const found: number[] = []
  let cells = 1
  let quoted = false
  let blank = true
  for (const char of head) {
    if (char === quote) quoted = !quoted
    else if (!quoted && char === '\n') {
      if (!blank) found.push(cells)
      cells = 1
      blank = true
    } else if (!quoted && char === separator) cells++
    if (char !== '\n') blank = false
    if (found.length === 50) return found
  }
  if (!blank && found.length === 0) found.push(cells)
  return found
}

/** Columns of the header, weighed by how many of the first records have as many. */
function score(head: string, separator: string, quote: string): number {
  const [header = 1, ...rows] = widths(head, separator, quote)
  if (header < 2) return 0
  return header * ((1 + rows.filter((width) => width === header).length) / (1 + rows.length))
}

const looksLike: [RegExp, string][] = [
  [
    /^\s*(<!doctype html|<html|<head|<body)/i,
    'this is a web page, perhaps an error page or a sign-in page that was saved instead of the export; sign in and export the list again',
  ],
  [/^\s*<(\?xml|[a-z]+[\s>])/i, 'this is XML; export the list of members again and choose CSV'],
  [/^\s*(\{|\[\s*[{[])/, 'this is JSON; export the list of members again and choose CSV'],
  [/^\s*(-- |\/\*!|create table|insert into)/i, 'this is an SQL dump; export the list of members again and choose CSV'],
  [/^\s*begin:vcard/i, 'these are vCards; export the list of members again and choose CSV'],
]

/** Encoding, separator and quotation mark of a file, or `import_unreadable`. */
export async function sniff(file: RosterFile): Promise<Dialect> {
  if (file.bytes.length > MAX_BYTES)
    throw unreadable(file, 'too_big', 'the file is larger than 50 MB; export members only, without photos or notes')
  refuseBinary(file)
  const encoding = encodingOf(file)
  const text = await headOf(file, encoding)
  if (text.trim() === '') throw unreadable(file, 'empty', 'the file is empty; export the list of members again')
  const other = looksLike.find(([pattern]) => pattern.test(text))
  if (other) throw unreadable(file, 'not_a_table', other[1])
  const declared = /^sep=(.)\n/i.exec(text)?.[1]
  const head = declared ? text.slice(text.indexOf('\n') + 1) : text
  const quote = head.startsWith("'") ? "'" : '"'
  const scored = separators
    .map((separator) => ({ separator, score: separator === declared ? Infinity : score(head, separator, quote) }))
    .toSorted((a, b) => b.score - a.score)
  const best = scored[0]
  if (!best || best.score === 0)
    throw unreadable(
      file,
      'one_column',
      'the first line has one column only; the columns must be separated by semicolons, commas, tabs or bars, and the first line must name them',
      { line: 1 },
    )
  return { encoding, separator: best.separator, quote, skip: declared ? 1 : 0 }
}
