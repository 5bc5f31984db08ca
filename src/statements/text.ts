// The bytes of a statement → text and lines, or a clear word on what they are instead.
import { isUtf8 } from 'node:buffer'
import { refuse } from './problems.ts'

/** A year of a large association's payments in camt.053 is less than half of this. */
export const MAX_BYTES = 32 * 1024 * 1024

export type Decoded = { encoding: string; text: string }

const begins = (bytes: Uint8Array, ...magic: number[]): boolean => magic.every((byte, at) => bytes[at] === byte)

/** The first bytes, one character each, without a byte order mark: enough to tell what a file is. */
export const headOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.subarray(0, 4096))
    .toString('latin1')
    .replace(/^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)/, '')

function lineOfBadByte(bytes: Uint8Array): number {
  let from = 0
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, from)
    if (end < 0 || !isUtf8(bytes.subarray(from, end))) return line
    from = end + 1
  }
}

/** The encoding that a byte order mark declares. */
function byteOrder(bytes: Uint8Array): string | undefined {
  if (begins(bytes, 0xff, 0xfe)) return 'utf-16le'
  if (begins(bytes, 0xfe, 0xff)) return 'utf-16be'
  return begins(bytes, 0xef, 0xbb, 0xbf) ? 'utf-8' : undefined
}

function decoderOf(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true })
  } catch (cause) {
    throw refuse(1, 'encoding_unknown', { encoding: encoding.slice(0, 40) }, cause)
  }
}

/** In the encoding that is declared, or that a byte order mark gives. A byte that is none of its characters is refused. */
export function decode(bytes: Uint8Array, declared: string): Decoded {
  const decoder = decoderOf(byteOrder(bytes) ?? declared)
  const { encoding } = decoder
  if (encoding === 'utf-8' && !isUtf8(bytes)) throw refuse(lineOfBadByte(bytes), 'not_utf8', {})
  try {
    return { encoding, text: decoder.decode(bytes) }
  } catch (cause) {
    throw refuse(0, 'not_encoding', { encoding }, cause)
  }
}

/** UTF-8 if it is valid UTF-8, else what Windows and old bank software write. */
export const sniffEncoding = (bytes: Uint8Array): string =>
  byteOrder(bytes) ?? (isUtf8(bytes) ? 'utf-8' : 'windows-1252')

export type Row = { line: number; text: string }

/** As many as the largest file has if each is a few dozen characters long. */
const MAX_ROWS = 1_000_000

/** The lines that are not blank. An end-of-file mark of DOS is no line. */
export function rowsOf(text: string): Row[] {
  const rows: Row[] = []
  for (const [index, row] of text.split(/\r\n|\n|\r/).entries()) {
    if (row.replaceAll('\u001a', '').trim() === '') continue
    if (rows.length === MAX_ROWS) throw refuse(index + 1, 'too_many_lines', {})
    rows.push({ line: index + 1, text: row })
  }
  return rows
}
