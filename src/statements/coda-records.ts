// The records of CODA 2 (Febelfin, «Coded statement of account»), 128 bytes each, by their positions. Positions are from
// 0 here, from 1 in the standard.
import { ibanOf, parseIban } from '../domain/references.ts'
import type { CivilDate } from '../domain/time.ts'
import { ddmmyy, fixedCents } from './amounts.ts'
import { known, tidy } from './lines.ts'
import { refuse } from './problems.ts'
import type { Row } from './text.ts'

const cut = ({ text }: Row, start: number, length: number): string => text.slice(start, start + length)

function dayAt(row: Row, start: number): CivilDate | null {
  const on = ddmmyy(cut(row, start, 6))
  if (on === undefined) throw refuse(row.line, 'date_digits', { date: cut(row, start, 6) })
  return on
}

/** 15 digits, of which three are decimals. */
function centsAt(row: Row, start: number): number {
  const cents = fixedCents(cut(row, start, 15), 3)
  if (cents === undefined) throw refuse(row.line, 'amount_digits', { amount: cut(row, start, 15) })
  return cents
}

/** A sign (0 credit, 1 debit) and 15 digits. */
function signedAt(row: Row, start: number): number {
  const sign = cut(row, start, 1)
  if (sign !== '0' && sign !== '1') throw refuse(row.line, 'coda_sign', { sign })
  const cents = centsAt(row, start + 1)
  return sign === '1' && cents > 0 ? -cents : cents
}

/** Refuses what is not 128 bytes long; `rows` are bytes as characters. */
export function checkLengths(rows: readonly Row[]): void {
  const odd = rows.find(({ text }) => text.length !== 128)
  if (odd) throw refuse(odd.line, 'coda_length', { length: odd.text.length })
}

// ── 0, 1, 8, 9 ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** `application`: `00000` for the account's statement; other codes are lists of what stands in it as one sum. */
export function readHeader(row: Row): { duplicate: boolean; application: string } {
  const version = cut(row, 127, 1)
  if (version !== '2') throw refuse(row.line, 'coda_version', { version })
  return { duplicate: cut(row, 16, 1) === 'D', application: cut(row, 83, 5).trim() }
}

export type CodaAccount = { account: string; currency: string }

/** 37 characters whose layout depends on the structure: 0 a Belgian account of old, 1 foreign, 2 and 3 IBAN. */
function accountAt(row: Row, start: number, structure: string): CodaAccount {
  const isOld = structure === '0'
  const account = cut(row, start, isOld ? 12 : structure === '2' ? 31 : 34).replace(/\s/g, '')
  const currency = cut(row, start + (isOld ? 13 : 34), 3).trim() || 'EUR'
  if (account === '') throw refuse(row.line, 'no_account', {})
  return { account: isOld && /^\d{12}$/.test(account) ? ibanOf('BE', account) : account, currency }
}

export type Balance = CodaAccount & {
  row: Row
  structure: string
  cents: number
  on: CivilDate | null
  number: string | null
}

export function readOldBalance(row: Row): Balance {
  const structure = cut(row, 1, 1)
  if (!/[0-3]/.test(structure)) throw refuse(row.line, 'coda_structure', { structure })
  const number = known(cut(row, 125, 3)) ?? known(cut(row, 2, 3))
  return { ...accountAt(row, 5, structure), row, structure, cents: signedAt(row, 42), on: dayAt(row, 58), number }
}

export const readNewBalance = (row: Row, { structure }: Balance): Balance => ({
  ...accountAt(row, 4, structure),
  row,
  structure,
  cents: signedAt(row, 41),
  on: dayAt(row, 57),
  number: known(cut(row, 1, 3)),
})

export type Trailer = { records: number; debit: number; credit: number; more: boolean }

export function readTrailer(row: Row): Trailer {
  const records = cut(row, 16, 6)
  if (!/^\d{6}$/.test(records)) throw refuse(row.line, 'coda_count', { count: records })
  return { records: Number(records), debit: centsAt(row, 22), credit: centsAt(row, 37), more: cut(row, 127, 1) === '1' }
}

// ── 2 and 3 ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Movement = {
  line: number
  seq: string
  /** `0000` for what counts; others break it down. */
  detail: string
  /** First digit of the transaction code: 1 and 2 are totals, 5 to 7 their parts, 8 and 9 parts of one payment. */
  type: string
  bankRef: string | null
  cents: number
  bookedOn: CivilDate | null
  valueOn: CivilDate | null
  structuredType: string | null
  communication: string
  endToEndId: string | null
  reversal: boolean
  counterIban: string | null
  counterName: string | null
  information: string
  /** The code of the record before: 2.2 and 2.3 follow 2.1, 3.2 and 3.3 follow 3.1. */
  last: string
  /** False within a structured piece of information, which is not text. */
  free: boolean
}

/** Cancellation or correction, among the operations of every family (annex II). */
const CORRECTIONS = new Set(['49', '99'])
const isReturn = (type: string): boolean => /^[1-5]$/.test(type)

export function readMovement(row: Row): Movement {
  const structured = cut(row, 61, 1) === '1'
  const communication = cut(row, 62, 53)
  return {
    line: row.line,
    seq: cut(row, 2, 4),
    detail: cut(row, 6, 4),
    type: cut(row, 53, 1),
    bankRef: known(tidy(cut(row, 10, 21))),
    cents: signedAt(row, 31),
    bookedOn: dayAt(row, 115),
    valueOn: dayAt(row, 47),
    structuredType: structured ? communication.slice(0, 3) : null,
    communication: structured ? communication.slice(3) : communication,
    endToEndId: null,
    reversal: CORRECTIONS.has(cut(row, 56, 2)),
    counterIban: null,
    counterName: null,
    information: '',
    last: '21',
    free: false,
  }
}

function inform(movement: Movement, text: string): void {
  if (movement.free) movement.information += text
}

type Continue = (movement: Movement, row: Row) => void

/** What each record adds to the movement that it goes on with, and which records it may follow. */
const continuations: Record<string, { after: readonly string[]; add: Continue }> = {
  '22': {
    after: ['21'],
    add: (movement, row) => {
      movement.communication += cut(row, 10, 53)
      movement.endToEndId = known(tidy(cut(row, 63, 35)))
      movement.reversal ||= isReturn(cut(row, 112, 1))
    },
  },
  '23': {
    after: ['21', '22'],
    add: (movement, row) => {
      movement.counterIban = parseIban(cut(row, 10, 34))
      movement.counterName = tidy(cut(row, 47, 35)) || null
      movement.communication += cut(row, 82, 43)
    },
  },
  '31': {
    after: ['21', '22', '23', '31', '32', '33'],
    add: (movement, row) => {
      movement.free = cut(row, 39, 1) !== '1'
      inform(movement, cut(row, 40, 73))
      // 001: who the other is, for those whose record 2.3 does not say.
      if (!movement.free && cut(row, 40, 3) === '001') movement.counterName ??= tidy(cut(row, 43, 70)) || null
    },
  },
  '32': { after: ['31'], add: (movement, row) => inform(movement, cut(row, 10, 105)) },
  '33': { after: ['31', '32'], add: (movement, row) => inform(movement, cut(row, 10, 90)) },
}

/** Adds a record 2.2, 2.3, 3.1, 3.2 or 3.3 to the movement before it. */
export function continueMovement(movement: Movement | undefined, row: Row): void {
  const code = cut(row, 0, 2)
  const continuation = continuations[code]
  if (!continuation) throw refuse(row.line, 'record_unknown', { record: code, format: 'CODA' })
  const isNext = movement && movement.seq === cut(row, 2, 4) && continuation.after.includes(movement.last)
  if (!isNext) throw refuse(row.line, 'record_alone', { record: code })
  continuation.add(movement, row)
  movement.last = code
}

/** Structured communication 127, a SEPA direct debit: the mandate, the communication, and the type of return if any. */
function directDebitOf(fields: string): { structured: string[]; text: string; returned: boolean } {
  const [mandate, communication] = [tidy(fields.slice(44, 79)), tidy(fields.slice(79, 141))]
  return { structured: [], text: communication || mandate, returned: isReturn(fields.slice(141, 142)) }
}

/** Where a reference stands alone in a structured communication: RF (100), OGM (101; 102 if the payer's bank made it up). */
const references: Record<string, number> = { '100': 25, '101': 12, '102': 12 }

/** What the communication of a movement says: a reference, or a text. */
export function communicationOf({ structuredType, communication }: Movement): {
  structured: string[]
  text: string
  returned: boolean
} {
  if (structuredType === '127') return directDebitOf(communication)
  const length = references[structuredType ?? ''] ?? 0
  const field = communication.slice(0, length).trim()
  return { structured: field === '' ? [] : [field], text: tidy(communication.slice(length)), returned: false }
}
