// Amounts and dates of a CSV file, whose way of writing is a property of the column: decimal comma or point, day or month
// first. Each reader gives `undefined` for what it cannot read for certain, and the caller refuses the line.
import { type CivilDate, isCivilDate } from '../domain/time.ts'
import { decimalCents } from './amounts.ts'

export type Decimal = ',' | '.'
export type DateOrder = 'dmy' | 'mdy' | 'ymd'

// ── Amounts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Digits and marks of an amount, and whether a minus, a minus behind or brackets make it negative. */
function bare(cell: string): { digits: string; negative: boolean } {
  const text = cell.replace(/[\s'’€]|EUR/giu, '').replace(/[−–]/gu, '-')
  const negative = /^-|-$|^\(.*\)$/.test(text)
  return { digits: text.replace(/^[-+(]|[-+)]$/g, ''), negative }
}

/** The decimal mark that an amount shows, or undefined if it could be either or has none. */
function shownDecimal(cell: string): Decimal | undefined {
  const { digits } = bare(cell)
  const marks = digits.replace(/\d/g, '')
  const last = marks.at(-1) as Decimal | undefined
  if (last === undefined) return undefined
  // 1.234 may be either; 1.234.567 has no decimals; 1.234,5 shows both marks; 12.34 and 12.3400 can only be decimals.
  const isRepeated = marks.indexOf(last) !== marks.length - 1
  if (isRepeated) return last === ',' ? '.' : ','
  return marks.length > 1 || !/^\d{1,3}[.,]\d{3}$/.test(digits) ? last : undefined
}

/** The one decimal mark of a column; undefined if its amounts contradict each other or leave it open. */
export function decimalOf(cells: readonly string[]): Decimal | undefined {
  const [mark, another] = new Set(cells.map(shownDecimal).filter((shown) => shown !== undefined))
  if (another !== undefined) return undefined
  const isPlain = cells.every((cell) => !/[.,]/.test(cell))
  return mark ?? (isPlain ? ',' : undefined)
}

/** Cents with the sign; null for an empty cell. */
export function amountOf(cell: string, decimal: Decimal): number | null | undefined {
  if (cell.trim() === '') return null
  const { digits, negative } = bare(cell)
  const grouped = decimal === ',' ? /^\d{1,3}(?:\.\d{3})+(?=,|$)/ : /^\d{1,3}(?:,\d{3})+(?=\.|$)/
  const plain = digits.replace(grouped, (units) => units.replace(/[.,]/g, ''))
  if (plain.includes(decimal === ',' ? '.' : ',')) return undefined
  const cents = decimalCents(plain.replace(decimal, '.'))
  return cents === undefined ? undefined : negative && cents > 0 ? -cents : cents
}

// ── Dates ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const TIME = String.raw`(?:[T ,]+\d{1,2}[:h]\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?`
const YEAR_FIRST = new RegExp(String.raw`^(\d{4})([-/.]?)(\d{2})\2(\d{2})${TIME}$`)
const THREE = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})${TIME}$`)

/** Day or month first, by the dates that can be only one of the two; undefined if none is so. */
export function orderOf(cells: readonly string[]): DateOrder | undefined {
  const pairs = cells.flatMap((cell) => {
    const match = THREE.exec(cell.trim())
    return match ? [match] : []
  })
  if (pairs.some(([, first, mark]) => mark === '.' || Number(first) > 12)) return 'dmy'
  if (pairs.some(([, , , second]) => Number(second) > 12)) return 'mdy'
  const isOpen = pairs.some(([, first, , second]) => Number(first) !== Number(second))
  return isOpen ? undefined : 'dmy'
}

/** A civil date; a year of two digits is of this century. */
export function dateOf(cell: string, order: DateOrder): CivilDate | undefined {
  const text = cell.trim()
  const first = YEAR_FIRST.exec(text)
  const three = THREE.exec(text)
  if (!first && !three) return undefined
  const [, a, , b, c] = (first ?? three)!
  const [year, month, day] = first || order === 'ymd' ? [a!, b!, c!] : order === 'dmy' ? [c!, b!, a!] : [c!, a!, b!]
  const date = `${year.length === 4 ? year : `20${year.padStart(2, '0')}`}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  return isCivilDate(date) ? date : undefined
}
