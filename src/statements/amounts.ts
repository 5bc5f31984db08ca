// Amounts and dates as banks write them → integer cents and civil dates. Nothing is rounded: `undefined` is what cannot
// be read exactly, and the caller refuses it.
import { type CivilDate, civilDate, isCivilDate } from '../domain/time.ts'

/** As many digits as stay exact when thousands of them are added up. */
const MOST = 13

/** Digits with so many decimals in them (CODA has 3, CFONB says how many) → cents. */
export function fixedCents(digits: string, decimals: number): number | undefined {
  if (!/^\d+$/.test(digits)) return undefined
  const padded = digits.padStart(decimals + 1, '0')
  return decimalCents(`${padded.slice(0, padded.length - decimals)}.${padded.slice(padded.length - decimals)}`)
}

/** `1234`, `1234.5`, `1234.56000` → cents; a third decimal that is not 0 would have to be rounded. */
export function decimalCents(text: string): number | undefined {
  const [, units, decimals = ''] = /^(\d+)(?:\.(\d*))?$/.exec(text.startsWith('+') ? text.slice(1) : text) ?? []
  if (units === undefined || units.replace(/^0+/, '').length > MOST || /[1-9]/.test(decimals.slice(2))) return undefined
  return Number(units) * 100 + Number(decimals.slice(0, 2).padEnd(2, '0'))
}

/** `DDMMYY`, of this century; null for blanks and zeros, where the bank gives none. */
export function ddmmyy(text: string): CivilDate | null | undefined {
  if (/^[ 0]*$/.test(text)) return null
  const date = `20${text.slice(4, 6)}-${text.slice(2, 4)}-${text.slice(0, 2)}`
  return /^\d{6}$/.test(text) && isCivilDate(date) ? date : undefined
}

/** xs:date, which may carry a time zone: the date is the bank's own. */
export function xmlDate(text: string): CivilDate | undefined {
  const date = /^(\d{4}-\d{2}-\d{2})(?:Z|[+-]\d{2}:\d{2})?$/.exec(text)?.[1]
  return date !== undefined && isCivilDate(date) ? date : undefined
}

/** xs:dateTime: one with an offset is an instant, and its day depends on where one is; one without is local already. */
export function xmlDay(text: string, zone: string): CivilDate | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?$/.exec(text)
  if (!match) return undefined
  if (match[2] === undefined) return xmlDate(match[1]!)
  try {
    return civilDate(Temporal.Instant.from(text).epochMilliseconds, zone)
  } catch {
    return undefined
  }
}
