// CFONB 120, the statement of French banks (and those of Monaco): lines of 120 characters, 01 the balance before, 04 a
// movement, 05 what is told of it, 07 the balance after. Positions are from 0 here, from 1 in the CFONB's brochure.
import { ibanOf, parseIban } from '../domain/references.ts'
import type { CivilDate } from '../domain/time.ts'
import { ddmmyy, fixedCents } from './amounts.ts'
import { type BankStatement, checkBalances, type Draft, known, numbered, sumOf, tidy } from './lines.ts'
import { type Remark, refuse } from './problems.ts'
import { decode, type Row, rowsOf, sniffEncoding } from './text.ts'

type Read = { encoding: string; statements: BankStatement[]; remarks: Remark[] }

const cut = ({ text }: Row, start: number, length: number): string => text.slice(start, start + length)

function dayAt(row: Row, start: number): CivilDate | null {
  const on = ddmmyy(cut(row, start, 6))
  if (on === undefined) throw refuse(row.line, 'date_digits', { date: cut(row, start, 6) })
  return on
}

/** The last digit carries the sign, as punched cards had it: `{` and A to I are +0 to +9, `}` and J to R are −0 to −9. */
function centsAt(row: Row, start: number): number {
  const field = cut(row, start, 14)
  const punched = '{ABCDEFGHI}JKLMNOPQR'.indexOf(field[13] ?? ' ')
  const decimals = cut(row, 19, 1)
  const cents =
    punched < 0 || !/^\d$/.test(decimals)
      ? undefined
      : fixedCents(field.slice(0, 13) + (punched % 10), Number(decimals))
  if (cents === undefined) throw refuse(row.line, 'amount_digits', { amount: field })
  return punched >= 10 && cents > 0 ? -cents : cents
}

// ── The account ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** The letters of an account number as digits, for its key: A and J are 1, B, K and S are 2, and so on. */
const asDigits = (account: string): string =>
  account.replace(/[A-Z]/g, (letter) => '12345678912345678923456789'['ABCDEFGHIJKLMNOPQRSTUVWXYZ'.indexOf(letter)]!)

/** The IBAN of a French account: its key («clé RIB») is not in the file, but follows from the rest. */
function accountOf(row: Row): string {
  const [bank, branch, account] = [cut(row, 2, 5), cut(row, 11, 5), cut(row, 21, 11)]
  if (!/^\d{5}$/.test(bank) || !/^\d{5}$/.test(branch) || !/^[0-9A-Z]{11}$/.test(account))
    throw refuse(row.line, 'cfonb_account', {})
  // Below 10^12, so that the sum is exact.
  const rest = (89 * Number(bank) + 15 * Number(branch) + 3 * Number(asDigits(account))) % 97
  return ibanOf('FR', bank + branch + account + String(97 - rest).padStart(2, '0'))
}

/** By number and currency: banks write their own and the branch's code in more than one way. */
const sameAccount = (a: Row, b: Row): boolean => cut(a, 21, 11) === cut(b, 21, 11) && cut(a, 16, 3) === cut(b, 16, 3)

// ── Movements ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** A line 04 and what its lines 05 say, by their qualifier; one may come several times. */
type Movement = { row: Row; details: Map<string, string[]> }

function textOf({ row, details }: Movement): string {
  const told = (qualifier: string): string[] => details.get(qualifier) ?? []
  // LCC and LC2 are two halves of the 140 characters of a payment: a word may go on from the one into the other.
  const remittance = [...told('LCC'), ...told('LC2')].join('')
  return tidy([cut(row, 48, 31), ...told('LIB'), remittance].join('\n'))
}

function draftOf(movement: Movement, currency: string): Draft {
  const { row, details } = movement
  const cents = centsAt(row, 90)
  const bookedOn = dayAt(row, 34)
  if (bookedOn === null) throw refuse(row.line, 'no_date', {})
  const first = (...qualifiers: string[]): string | null =>
    qualifiers.map((qualifier) => tidy(details.get(qualifier)?.join('') ?? '')).find(Boolean) ?? null
  // NPY and IPY are the debtor, NBE and IBE the creditor; NPO and NBU those they stand for.
  const [names, ids] = cents >= 0 ? [['NPY', 'NPO', 'NBE'], 'IPY'] : [['NBE', 'NBU', 'NPY'], 'IBE']
  return {
    line: row.line,
    bookedOn,
    valueOn: dayAt(row, 42) ?? bookedOn,
    cents,
    currency,
    counterIban: parseIban(first(ids)?.slice(0, 35) ?? ''),
    counterName: first(...names),
    structured: (details.get('LCS') ?? []).map((text) => text.slice(0, 35).trim()).filter(Boolean),
    text: textOf(movement),
    bankRef: known(cut(row, 104, 16)) ?? known(first('REF')),
    endToEndId: known(details.get('RCN')?.[0]?.slice(0, 35)),
    reversal: known(cut(row, 40, 2)) !== null,
  }
}

// ── Statements ──────────────────────────────────────────────────────────────────────────────────────────────────────

type Part = { opening: Row; movements: Movement[] }

function addDetail(part: Part, row: Row): void {
  const movement = part.movements.at(-1)
  if (!movement) throw refuse(row.line, 'record_alone', { record: '05' })
  const qualifier = cut(row, 45, 3)
  movement.details.set(qualifier, [...(movement.details.get(qualifier) ?? []), cut(row, 48, 70)])
}

function statementOf({ opening, movements }: Part, closing: Row): BankStatement {
  const { line } = closing
  const currency = cut(opening, 16, 3)
  if (!/^[A-Z]{3}$/.test(currency)) throw refuse(opening.line, 'currency_unknown', { currency })
  const drafts = movements.map((movement) => draftOf(movement, currency))
  const [before, after] = [centsAt(opening, 90), centsAt(closing, 90)]
  const moved = sumOf(line, [before, ...drafts.map(({ cents }) => cents)]) - before
  checkBalances(line, currency, before, after, moved)
  const account = accountOf(opening)
  return {
    account,
    currency,
    number: null,
    fromOn: dayAt(opening, 34),
    toOn: dayAt(closing, 34),
    openingCents: before,
    closingCents: after,
    lines: numbered(drafts, { account, number: null, bankRefNames: false }),
  }
}

function checkRow(row: Row, part: Part | undefined): void {
  const code = cut(row, 0, 2)
  if (row.text.length > 120) throw refuse(row.line, 'cfonb_length', { length: row.text.length })
  if (!['01', '04', '05', '07'].includes(code))
    throw refuse(row.line, 'record_unknown', { record: code, format: 'CFONB 120' })
  if ((code === '01') === (part !== undefined))
    throw refuse(row.line, 'record_order', { record: code, order: '01, 04, 05, 07' })
  if (part && !sameAccount(part.opening, row)) throw refuse(row.line, 'other_account', {})
}

/** The statements of a CFONB 120 file. */
export function readCfonb(bytes: Uint8Array): Read {
  const { encoding, text } = decode(bytes, sniffEncoding(bytes))
  const rows = rowsOf(text)
  const statements: BankStatement[] = []
  let part: Part | undefined
  for (const row of rows) {
    checkRow(row, part)
    const code = cut(row, 0, 2)
    if (!part) part = { opening: row, movements: [] }
    else if (code === '04') part.movements.push({ row, details: new Map() })
    else if (code === '05') addDetail(part, row)
    else {
      statements.push(statementOf(part, row))
      part = undefined
    }
  }
  if (part) throw refuse(rows.at(-1)!.line, 'cut_off', { record: '07' })
  return { encoding, statements, remarks: [] }
}
