// What every format of bank statement comes down to: lines of money with a date, a text and a key by which the same
// line is known again; and the checks that hold for all of them, balances above all.
import { digest } from '../domain/digest.ts'
import { findReference, parseReference, type Reference } from '../domain/references.ts'
import type { CivilDate } from '../domain/time.ts'
import { refuse } from './problems.ts'

export type BankLine = {
  /** Where it begins in the file, from 1. */
  line: number
  /** Its place in the statement, from 1. */
  seq: number
  bookedOn: CivilDate
  /** The day from which it bears interest; the booking day where the bank gives none. */
  valueOn: CivilDate
  /** Hundredths of the currency's unit; positive is money in. */
  cents: number
  currency: string
  /** Valid ones only. */
  counterIban: string | null
  counterName: string | null
  /** Valid ones only: an OGM with wrong check digits is text. */
  reference: Reference | null
  /** The free communication, and what stood in structured fields without being a valid reference. */
  text: string
  /** The bank's own reference of the entry. Not always unique, and the parts of a batch may share one. */
  bankRef: string | null
  endToEndId: string | null
  /** True where the bank says that this takes back an earlier entry; the sign of `cents` is already that of this one. */
  reversal: boolean
  /** The same for the same line of a file that is issued again; different for two equal payments on one day. */
  dedupeKey: string
}

export type BankStatement = {
  /** An IBAN where there is one, without spaces. */
  account: string
  currency: string
  /** As the bank numbers its statements; most begin again each year. */
  number: string | null
  fromOn: CivilDate | null
  toOn: CivilDate | null
  /** Null where the format has no balances (CSV): then nothing proves that the file is whole. */
  openingCents: number | null
  closingCents: number | null
  lines: BankLine[]
}

/** A line before it has its place, its reference and its key. `structured`: what fields for a reference hold. */
export type Draft = Omit<BankLine, 'seq' | 'reference' | 'dedupeKey'> & { structured: readonly string[] }

export type Keying = {
  account: string
  /** The statement's, if the bank counts its statements; not one that a download makes up. */
  number: string | null
  /** Whether `bankRef` names the entry, and not only what the customers wrote on it. */
  bankRefNames: boolean
}

/** What the same line has in common in every issue of its statement. */
function identity(draft: Draft, { account, number, bankRefNames }: Keying): string {
  const { bookedOn, valueOn, cents, currency, bankRef, text, counterIban, counterName, endToEndId } = draft
  const seen =
    bankRefNames && bankRef !== null
      ? [bankRef]
      : ['', number, valueOn, bankRef, text, counterIban, counterName, endToEndId, draft.structured.join('\n')]
  return digest(JSON.stringify([account, bookedOn, cents, currency, ...seen]))
}

/** The reference of the structured fields, else of the text. Two that differ are nobody's, and stay in the text. */
function read({ structured, text }: Draft): Pick<BankLine, 'reference' | 'text'> {
  const found = structured.map(parseReference).filter((reference) => reference !== null)
  const values = new Set(found.map(({ value }) => value))
  const left = values.size > 1 ? structured : structured.filter((field) => parseReference(field) === null)
  const reference = values.size === 0 ? findReference([text, ...left].join('\n')) : values.size === 1 ? found[0]! : null
  return { reference, text: [text, ...left].filter(Boolean).join('\n') }
}

/** Gives each line of one statement its place, its reference and its key. */
export function numbered(drafts: readonly Draft[], keying: Keying): BankLine[] {
  const seen = new Map<string, number>()
  return drafts.map((draft, index) => {
    const { structured, ...line } = draft
    const identical = identity(draft, keying)
    // Counted within the statement, so that the same statement twice in one file has the same keys twice.
    const nth = (seen.get(identical) ?? 0) + 1
    seen.set(identical, nth)
    return {
      ...line,
      ...read(draft),
      seq: index + 1,
      dedupeKey: nth === 1 ? identical : digest(`${identical} ${nth}`),
    }
  })
}

/** Money for a person: `-12.34 EUR`. */
export const shown = (cents: number, currency = ''): string => {
  const whole = String(Math.abs(cents)).padStart(3, '0')
  return `${cents < 0 ? '-' : ''}${whole.slice(0, -2)}.${whole.slice(-2)} ${currency}`.trimEnd()
}

/** Refuses a statement whose lines do not lead from one balance to the other: something of it is missing or was changed. */
export function checkBalances(line: number, currency: string, opening: number, closing: number, moved: number): void {
  if (opening + moved === closing) return
  const [before, after] = [shown(opening, currency), shown(closing, currency)]
  throw refuse(line, 'unbalanced', { before, moved: shown(moved, currency), after })
}

/** A sum that was exact all the way. */
export function sumOf(line: number, amounts: readonly number[]): number {
  let sum = 0
  for (const cents of amounts) {
    sum += cents
    if (!Number.isSafeInteger(sum)) throw refuse(line, 'sum_large', {})
  }
  return sum
}

const NOTHING = /^(NOT ?PROVIDED|NON ?REF|NONE|NULL|N\/?A|[0.\s-]*)$/i

/** An identifier, or null for what banks write where there is none. */
export const known = (text: string | null | undefined): string | null => {
  const value = (text ?? '').trim()
  return NOTHING.test(value) ? null : value
}

/** Without the spaces that fill a field: single ones stay, line breaks too. */
export const tidy = (text: string): string =>
  text
    .replace(/[^\S\n]+/gu, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{2,}/g, '\n')
    .trim()
