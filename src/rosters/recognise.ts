// Which manager wrote a file, by its set of headers, and which column means what; and the reader of `--map`, by which
// a person says so where the headers do not.
import { AppError } from '../domain/errors.ts'
import { type Field, type Format, fields, formats, type MapKey, mapped } from './formats.ts'

/** Where each field stands: an index into the headers. */
export type Columns = ReadonlyMap<Field, number>
export type Recognised = { format: Format; columns: Columns }
/** For each key, a header as the person wrote it, or `#3` for the third column. */
export type RosterMap = Partial<Record<MapKey, string>>

/** A header without what differs between versions and typists: case, accents, kinds of space and apostrophe, a colon. */
export const plain = (header: string): string =>
  header
    .normalize('NFKC')
    .replace(/[’‘ʼ`´]/g, "'")
    .replace(/[‐‑–]/g, '-')
    .normalize('NFD')
    .replace(/[\p{M}\p{Cc}\p{Cf}]/gu, '')
    .toLowerCase()
    .replace(/\s+/gu, ' ')
    .replace(/[\s:*]+$/u, '')
    .trim()

/** Plain header → index; the second of a name is `name#2`. */
function positions(headers: readonly string[]): Map<string, number> {
  const found = new Map<string, number>()
  headers.forEach((header, index) => {
    const label = plain(header)
    if (label === '') return
    let name = label
    for (let n = 2; found.has(name); n++) name = `${label}#${n}`
    found.set(name, index)
  })
  return found
}

function columnsOf(format: Format, places: ReadonlyMap<string, number>): Columns {
  const columns = new Map<Field, number>()
  for (const [field, labels] of Object.entries(format.columns) as [Field, readonly string[]][]) {
    const label = labels.find((candidate) => places.has(candidate))
    if (label !== undefined) columns.set(field, places.get(label)!)
  }
  return columns
}

/** The format whose marks are best met, or undefined: then the person must name the columns. */
export function recognise(headers: readonly string[]): Recognised | undefined {
  const places = positions(headers)
  const met = (format: Format): number => format.marks.filter((mark) => places.has(mark)).length
  const fits = (format: Format): boolean =>
    met(format) >= format.enough && format.needs.every((group) => group.some((label) => places.has(label)))
  // A list of subscriptions may carry every field of a member; its own headers decide before the number of marks does.
  const [format] = formats
    .filter(fits)
    .toSorted((a, b) => Number(b.table === 'subscriptions') - Number(a.table === 'subscriptions') || met(b) - met(a))
  return format && { format, columns: columnsOf(format, places) }
}

/** Levenshtein's distance: how many letters to change, add or drop. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]!
}

const isNear = (a: string, b: string): boolean =>
  a === b ||
  (a.length > 2 && (b.includes(a) || a.includes(b))) ||
  distance(a, b) <= Math.max(1, Math.floor(Math.min(a.length, b.length) / 3))
const near = (wanted: string, known: readonly string[]): string[] =>
  known
    .filter((candidate) => candidate !== '' && isNear(plain(wanted).slice(0, 80), plain(candidate).slice(0, 80)))
    .slice(0, 3)
const quoted = (names: readonly string[]): string =>
  names.map((name) => `«${name.replace(/[\p{Cc}\p{Cf}]/gu, ' ').slice(0, 60)}»`).join(', ')
const hint = (names: readonly string[]): string => (names.length > 0 ? `; did you mean ${quoted(names)}?` : '.')

const invalidMap = (detail: string): AppError =>
  new AppError('invalid_value', { field: 'map', detail: `--map: ${detail}` })
const isKey = (text: string): text is MapKey => (fields as readonly string[]).includes(text)

/**
 * `number=Numéro,email=Courriel,end=Échéance` → a map; headers are matched later, by `applyMap`. A comma that is not
 * followed by `key=` belongs to the header before it. Throws `invalid_value`, naming the key that is not known.
 */
export function parseMap(text: string): RosterMap {
  const map: RosterMap = {}
  for (const part of text
    .replace(/[,\s]+$/, '')
    .split(/,(?=[^,=]*=)/)
    .filter((piece) => piece.trim() !== '')) {
    const at = part.indexOf('=')
    const key = (at < 0 ? part : part.slice(0, at)).trim().toLowerCase()
    const header = at < 0 ? '' : part.slice(at + 1).trim()
    if (!isKey(key))
      throw invalidMap(
        `«${key.slice(0, 60)}» is not a key${hint(near(key, fields))} The keys are ${fields.join(', ')}.`,
      )
    if (header === '')
      throw invalidMap(`«${key}» names no column; write ${key}=HEADER, with the header as the file has it`)
    if (map[key] !== undefined) throw invalidMap(`«${key}» is given twice`)
    map[key] = header
  }
  if (Object.keys(map).length === 0)
    throw invalidMap('it is empty; write KEY=HEADER,KEY=HEADER, for example number=Numéro,email=Courriel,end=Échéance')
  return map
}

/** The column that a person means by a header: as written, else as `plain` has it, else by its place `#3`. */
function findColumn(header: string, headers: readonly string[]): number | undefined {
  const exact = headers.flatMap((candidate, index) => (candidate === header ? [index] : []))
  const same =
    exact.length > 0
      ? exact
      : headers.flatMap((candidate, index) => (plain(candidate) === plain(header) ? [index] : []))
  if (same.length > 1)
    throw invalidMap(
      `${quoted([header])} is the header of ${same.length} columns; name one by its place, such as #${same[0]! + 1}`,
    )
  if (same.length === 1) return same[0]
  const place = /^#(\d{1,3})$/.exec(header)?.[1]
  return place !== undefined && Number(place) >= 1 && Number(place) <= headers.length ? Number(place) - 1 : undefined
}

const listed = (headers: readonly string[]): string =>
  `The file's columns are ${quoted(headers.filter(Boolean).slice(0, 60))}.`

/** Throws `invalid_value` for the first header of a map that none of the files has, with the nearest ones. */
export function checkMap(map: RosterMap, files: readonly (readonly string[])[]): void {
  for (const [key, header] of Object.entries(map)) {
    if (files.some((headers) => findColumn(header, headers) !== undefined)) continue
    const all = [...new Set(files.flat())]
    throw invalidMap(`no column ${quoted([header])} for «${key}»${hint(near(header, all))} ${listed(all)}`)
  }
}

/** What a map adds to, or puts in the place of, what was recognised. Undefined: no column that could be a key. */
export function applyMap(
  map: RosterMap,
  headers: readonly string[],
  recognised: Recognised | undefined,
): Recognised | undefined {
  const columns = new Map(recognised?.columns)
  for (const [key, header] of Object.entries(map) as [MapKey, string][]) {
    const column = findColumn(header, headers)
    if (column === undefined) continue
    columns.set(key, column)
    // A column that the person names is the one meant: no falling back on another.
    if (key === 'number') columns.delete('id')
    if (key === 'end') columns.delete('end2')
  }
  const format = recognised?.format ?? mapped
  return columns.has('number') || columns.has('id') || columns.has('email') ? { format, columns } : undefined
}

/** For the error that asks for `--map`: what was found, and how to say what it means. */
export const askForMap = (headers: readonly string[]): string =>
  `these are not the columns of an export that is known; say which column is which with --map, for example --map number=…,email=…,family=…,given=…,end=…. ${listed(headers)}`
