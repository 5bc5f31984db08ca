// What a payer writes so that the money finds its call: the Belgian structured communication (OGM), the creditor
// reference of ISO 11649 (RF), and the QR code of a SEPA credit transfer (EPC069-12) that carries either; and the IBAN.
import { AppError } from './errors.ts'

/** Of `value` the canonical form: the 12 digits of an OGM, or an RF in capitals without spaces. */
export type Reference = { kind: 'ogm' | 'rf'; value: string }

const refuse = (field: string, detail: string): AppError => new AppError('invalid_value', { field, detail })

/** The remainder by 97 of ISO 7064, A being 10 and Z 35. Folded, because 34 digits are more than a number holds. */
function mod97(text: string): number {
  let rest = 0
  for (const char of text) {
    const digit = Number.parseInt(char, 36)
    rest = (rest * (digit > 9 ? 100 : 10) + digit) % 97
  }
  return rest
}

/** ISO 7064 as ISO 13616 and ISO 11649 use it: the first four characters go to the end, and 1 must remain. */
const holds = (text: string): boolean => mod97(text.slice(4) + text.slice(0, 4)) === 1

/** The two check digits that make `prefix` + digits + `rest` hold. */
const checkOf = (prefix: string, rest: string): string => String(98 - mod97(`${rest}${prefix}00`)).padStart(2, '0')

const inFours = (text: string): string => text.replace(/(.{4})(?=.)/g, '$1 ')
const compact = (text: string): string => text.replace(/[\s./-]/g, '').toUpperCase()

// ── IBAN ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Lengths in the countries of SEPA (registry of ISO 13616). Elsewhere 15 to 34 characters are taken. */
const lengths: Record<string, number> = Object.fromEntries(
  (
    'AD24 AL28 AT20 BE16 BG22 CH21 CY28 CZ24 DE22 DK18 EE20 ES24 FI18 FR27 GB22 GI23 GR27 HR21 HU28 IE22 IS26 IT27 ' +
    'LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MT31 NL18 NO15 PL28 PT25 RO24 RS22 SE24 SI19 SK24 SM27 VA22'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
)

// Check digits 00, 01 and 99 have the remainders of 97, 98 and 02: no maker writes them, in IBAN or RF.

/** A valid IBAN in capitals without spaces, or null. */
export function parseIban(typed: string): string | null {
  const iban = compact(typed)
  if (!/^[A-Z]{2}(?!0[01]|99)\d{2}[A-Z0-9]{11,30}$/.test(iban)) return null
  const length = lengths[iban.slice(0, 2)]
  return (length === undefined || iban.length === length) && holds(iban) ? iban : null
}

/** `BE68539007547034` → `BE68 5390 0754 7034`. */
export const formatIban = (iban: string): string => inFours(compact(iban))

/** The IBAN of a national account number (BBAN), which must be of the right length for the country. */
export const ibanOf = (country: string, bban: string): string => country + checkOf(country, bban) + bban

// ── OGM ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The last two digits are the rest of the first ten by 97, and 97 where nothing remains: twelve zeros are none. */
const ogmCheck = (ten: string): string => String(mod97(ten) || 97).padStart(2, '0')
const isOgm = (digits: string): boolean => digits.slice(10) === ogmCheck(digits.slice(0, 10))

/** The 12 digits for a number of at most ten digits. */
export function makeOgm(number: number): string {
  if (!Number.isSafeInteger(number) || number < 1 || number > 9_999_999_999)
    throw refuse('ogm', 'the number of a structured communication is from 1 to 9999999999')
  const ten = String(number).padStart(10, '0')
  return ten + ogmCheck(ten)
}

/** 12 digits → `+++ddd/dddd/ddddd+++`. */
export const formatOgm = (digits: string): string =>
  `+++${digits.slice(0, 3)}/${digits.slice(3, 7)}/${digits.slice(7)}+++`

/** The 12 digits of a text that is nothing but an OGM, with or without `+++`, `***`, slashes and spaces; else null. */
export function parseOgm(text: string): string | null {
  const digits = text.replace(/[\s+*./-]/g, '')
  return /^\d{12}$/.test(digits) && isOgm(digits) ? digits : null
}

// ── ISO 11649 ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** `RF` + check digits + a reference of 1 to 21 letters and digits. */
export function makeRf(reference: string): string {
  const rest = compact(reference)
  if (!/^[A-Z0-9]{1,21}$/.test(rest)) throw refuse('rf', 'an RF reference has 1 to 21 letters and digits')
  return `RF${checkOf('RF', rest)}${rest}`
}

/** `RF18539007547034` → `RF18 5390 0754 7034`, as ISO 11649 has it printed. */
export const formatRf = (rf: string): string => inFours(compact(rf))

/** A text that is nothing but a valid RF, in capitals without spaces; else null. */
export function parseRf(text: string): string | null {
  const rf = compact(text)
  return /^RF(?!0[01]|99)\d{2}[A-Z0-9]{1,21}$/.test(rf) && holds(rf) ? rf : null
}

// ── In free text ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The one value that is valid among candidates. Two payers' references in one text are nobody's. */
function only(candidates: Iterable<string | null>): string | null {
  const [first = null, second] = new Set([...candidates].filter((candidate) => candidate !== null))
  return second === undefined ? first : null
}

/** The length of the IBAN at the beginning of a text, spaces included; 0 if none is there. */
function ibanLength(text: string): number {
  const most = lengths[text.slice(0, 2).toUpperCase()]
  if (most === undefined) return 0
  let end = 0
  for (let taken = 0; taken < most && end < text.length; end++) if (/[A-Z0-9]/i.test(text[end]!)) taken++
  return parseIban(text.slice(0, end)) === null ? 0 : end
}

/** A Belgian account number carries the same check as an OGM: the IBANs of a text are taken out before OGMs are sought. */
function withoutIbans(text: string): string {
  let left = text
  for (const { index } of text.matchAll(/\b[A-Z]{2}\d{2}/gi)) {
    const length = ibanLength(text.slice(index, index + 60))
    if (length > 0) left = `${left.slice(0, index)}${'|'.repeat(length)}${left.slice(index + length)}`
  }
  return left
}

const MARKED = /[+*]{2,3}\s*\d[\d\s./-]{10,30}[+*]{2,3}|(?<!\d)\d{3}\s?\/\s?\d{4}\s?\/\s?\d{5}(?!\d)/g

/** Each run of whole groups of digits, with spaces or punctuation between them, that has twelve in all. */
function* twelves(text: string): Generator<string> {
  const groups = [...text.matchAll(/\d+/g)].map(({ 0: digits, index }) => ({
    digits,
    index,
    end: index + digits.length,
  }))
  for (const [from, first] of groups.entries()) {
    let digits = first.digits
    let to = from
    while (digits.length < 12 && to + 1 < groups.length) {
      if (!/^[\s.,:;/\\*+_-]{1,6}$/.test(text.slice(groups[to]!.end, groups[to + 1]!.index))) break
      digits += groups[++to]!.digits
    }
    // 539-0075470-34 is an account number as Belgium wrote them before the IBAN; its check is the same.
    const isAccount = to === from + 2 && first.digits.length === 3 && groups[to]!.digits.length === 2
    if (digits.length === 12 && !isAccount) yield digits
  }
}

/**
 * The OGM in a free text, whatever stands around and between its digits, or null; null also where several valid ones
 * stand. One with its `+++`, `***` or slashes goes before twelve bare digits, which may be valid by chance.
 */
export function findOgm(text: string): string | null {
  const marked = [...text.matchAll(MARKED)].map(([found]) => parseOgm(found))
  if (marked.some((found) => found !== null)) return only(marked)
  return only([...twelves(withoutIbans(text))].map(parseOgm))
}

/** The longest valid RF that begins at one place of a text: nothing says where it ends if words follow it. */
function rfAt(text: string): string | null {
  const parts = text.split(/[\s.,:;/+*_-]+/)
  for (let count = parts.length; count > 0; count--) {
    const found = parseRf(parts.slice(0, count).join(''))
    if (found) return found
  }
  return null
}

/** The RF reference in a free text, with or without spaces, or null; null also where several valid ones stand. */
export function findRf(text: string): string | null {
  const found = text.matchAll(/(?<![A-Z0-9])RF\s?\d{2}(?=[A-Z0-9\s./-])/gi)
  return only([...found].map(({ index }) => rfAt(text.slice(index, index + 60))))
}

/** The one reference in a free text, or null. */
export function findReference(text: string): Reference | null {
  const rf = findRf(text)
  // The digits of an RF may be a valid OGM by chance, but not with the marks of one.
  const ogm = rf ? only([...text.matchAll(MARKED)].map(([found]) => parseOgm(found))) : findOgm(text)
  if (rf && ogm) return null
  if (rf) return { kind: 'rf', value: rf }
  return ogm === null ? null : { kind: 'ogm', value: ogm }
}

/** A text that is nothing but an OGM or an RF, as structured fields of statements hold, or null. */
export function parseReference(text: string): Reference | null {
  const ogm = parseOgm(text)
  if (ogm) return { kind: 'ogm', value: ogm }
  const rf = parseRf(text)
  return rf === null ? null : { kind: 'rf', value: rf }
}

// ── QR code of a credit transfer ────────────────────────────────────────────────────────────────────────────────────

/** Whom to pay, how much (euro cents), and one of: an OGM, an RF, or a text. */
export type Payee = { name: string; iban: string; bic?: string; cents: number } & (
  | { ogm: string }
  | { rf: string }
  | { text: string }
)

/** One line of the payload: what is too long, or would begin a line of its own, is refused. */
function oneLine(field: string, value: string, most: number): string {
  const line = value.trim()
  if (/\p{Cc}/u.test(line)) throw refuse(field, 'a control character or a line break cannot stand in a payment')
  if ([...line].length > most) throw refuse(field, `${[...line].length} characters; a payment takes ${most}`)
  return line
}

function amountOf(cents: number): string {
  if (!Number.isSafeInteger(cents) || cents < 1 || cents > 99_999_999_999)
    throw refuse('cents', 'the amount of a payment is from EUR 0.01 to EUR 999999999.99')
  return `EUR${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`
}

/** The lines for an RF and for a text, of which one is empty. An OGM goes into the text, as Belgian banks read it. */
function remittanceOf(payee: Payee): [structured: string, text: string] {
  if (('ogm' in payee ? 1 : 0) + ('rf' in payee ? 1 : 0) + ('text' in payee ? 1 : 0) !== 1)
    throw refuse('text', 'a payment carries one of: an OGM, an RF reference, a text')
  if ('text' in payee) return ['', oneLine('text', payee.text, 140)]
  if ('rf' in payee) {
    const rf = parseRf(payee.rf)
    if (!rf) throw refuse('rf', 'this is not a valid RF reference')
    return [rf, '']
  }
  const ogm = parseOgm(payee.ogm)
  if (!ogm) throw refuse('ogm', 'this is not a valid structured communication')
  return ['', formatOgm(ogm)]
}

/**
 * The text of the QR code for a SEPA credit transfer, EPC069-12 version 002 in UTF-8; to be drawn at error level M. What
 * goes beyond its limits is `invalid_value` with the field that does.
 */
export function epcPayload(payee: Payee): string {
  const name = oneLine('name', payee.name, 70)
  if (name === '') throw refuse('name', 'a payment needs the name of the account holder')
  const iban = parseIban(payee.iban)
  if (!iban || lengths[iban.slice(0, 2)] === undefined)
    throw refuse('iban', 'this is not a valid IBAN of a SEPA country')
  const bic = compact(payee.bic ?? '')
  if (bic !== '' && !/^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/.test(bic))
    throw refuse('bic', 'a BIC has 8 or 11 letters and digits')
  const [structured, text] = remittanceOf(payee)
  const lines = ['BCD', '002', '1', 'SCT', bic, name, iban, amountOf(payee.cents), '', structured, text]
  const payload = lines.join('\n').trimEnd()
  const bytes = Buffer.byteLength(payload)
  if (bytes > 331) throw refuse(text === '' ? 'name' : 'text', `the payment has ${bytes} bytes; its QR code takes 331`)
  return payload
}
