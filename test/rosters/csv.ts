// Writes CSV files as the various managers and spreadsheets do, and reads the fixtures, for the tests of src/rosters.
import { readFileSync } from 'node:fs'
import type { RosterFile } from '../../src/rosters/roster.ts'

export const encodings = ['utf-8', 'utf-8 with mark', 'utf-16le', 'utf-16be', 'windows-1252'] as const
export type Written = {
  separator?: ';' | ',' | '\t' | '|'
  quote?: '"' | "'"
  quoting?: 'all' | 'needed'
  eol?: '\r\n' | '\n' | '\r'
  encoding?: (typeof encodings)[number]
  excelHint?: boolean
}

const high = new TextDecoder('windows-1252').decode(Uint8Array.from({ length: 128 }, (_, n) => n + 128))

function encode(text: string, encoding: (typeof encodings)[number]): Uint8Array {
  if (encoding === 'utf-8') return Buffer.from(text)
  if (encoding === 'utf-8 with mark') return Buffer.from(`\ufeff${text}`)
  if (encoding === 'utf-16le') return Buffer.from(`\ufeff${text}`, 'utf16le')
  if (encoding === 'utf-16be') return Buffer.from(`\ufeff${text}`, 'utf16le').swap16()
  return Uint8Array.from(text, (char) => {
    const at = high.indexOf(char)
    if (at < 0 && char > '\x7f') throw new Error(`not in windows-1252: ${char}`)
    return at < 0 ? char.charCodeAt(0) : at + 128
  })
}

export function csv(rows: readonly (readonly string[])[], written: Written = {}): Uint8Array {
  const { separator = ';', quote = '"', quoting = 'all', eol = '\r\n', encoding = 'utf-8', excelHint = false } = written
  const cell = (text: string): string => {
    const needed = [separator, quote, '\n', '\r', '"', "'"].some((char) => text.includes(char))
    return quoting === 'all' || needed ? quote + text.replaceAll(quote, quote + quote) + quote : text
  }
  const lines = rows.map((row) => row.map(cell).join(separator) + eol)
  return encode((excelHint ? `sep=${separator}${eol}` : '') + lines.join(''), encoding)
}

export const file = (bytes: Uint8Array | string, name = 'members.csv'): RosterFile => ({
  name,
  bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
})
export const table = (rows: readonly (readonly string[])[], written?: Written, name?: string): RosterFile =>
  file(csv(rows, written), name)

export const fixture = (name: string): RosterFile => ({
  name,
  bytes: readFileSync(new URL(`../fixtures/rosters/${name}`, import.meta.url)),
})
