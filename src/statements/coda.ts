// CODA 2, the statement that every Belgian bank gives: records 0 to 9 for each statement, several statements in a file.
// What breaks down a total (detail numbers other than 0000) stands for the total or is left out; it is never added to it.
import {
  type Balance,
  checkLengths,
  communicationOf,
  continueMovement,
  type Movement,
  readHeader,
  readMovement,
  readNewBalance,
  readOldBalance,
  readTrailer,
} from './coda-records.ts'
import { type BankStatement, checkBalances, type Draft, known, numbered, shown, sumOf, tidy } from './lines.ts'
import { type Remark, refuse, remark } from './problems.ts'
import { type Row, rowsOf } from './text.ts'

type Read = { encoding: string; statements: BankStatement[]; remarks: Remark[] }

/** What stands between a record 0 and its record 9. */
type Part = {
  header: Row
  opening: Balance | null
  closing: Balance | null
  /** Each with what breaks it down. */
  movements: { main: Movement; details: Movement[] }[]
  /** Records 1 to 3 and 8; records 4 apart, because not every bank leaves them out of its count. */
  records: number
  messages: number
}

function addMovement({ movements }: Part, movement: Movement): void {
  const group = movements.at(-1)
  // After 9999 details the number is 0000 again, of the same movement.
  if (group && group.main.seq === movement.seq) group.details.push(movement)
  else if (movement.detail === '0000') movements.push({ main: movement, details: [] })
  else throw refuse(movement.line, 'record_alone', { record: `21 ${movement.detail}` })
}

function addRecord(part: Part, row: Row): void {
  const [kind, code] = [row.text[0], row.text.slice(0, 2)]
  if (kind === '4') {
    part.messages++
    return
  }
  part.records++
  if (part.closing || (kind !== '1' && !part.opening) || (kind === '1' && part.opening))
    throw refuse(row.line, 'record_order', { record: String(kind), order: '0, 1, 2, 3, 8, 9' })
  if (kind === '1') part.opening = readOldBalance(row)
  else if (kind === '8') part.closing = readNewBalance(row, part.opening!)
  else if (code === '21') addMovement(part, readMovement(row))
  else continueMovement(part.movements.at(-1)?.details.at(-1) ?? part.movements.at(-1)?.main, row)
}

/** Record 9 counts the records and adds up the movements: what was lost on the way shows here. */
function checkTrailer({ movements, records, messages }: Part, row: Row): { more: boolean } {
  const trailer = readTrailer(row)
  if (trailer.records !== records && trailer.records !== records + messages)
    throw refuse(row.line, 'coda_records', { told: trailer.records, there: records })
  const amounts = movements.map(({ main }) => main.cents)
  const credit = sumOf(
    row.line,
    amounts.filter((cents) => cents > 0),
  )
  const debit = Math.abs(
    sumOf(
      row.line,
      amounts.filter((cents) => cents < 0),
    ),
  )
  if (trailer.credit !== credit || trailer.debit !== debit)
    throw refuse(row.line, 'coda_sums', {
      toldIn: shown(trailer.credit),
      toldOut: shown(trailer.debit),
      in: shown(credit),
      out: shown(debit),
    })
  return trailer
}

/** The payments that a total is made of, if they make it up; else the total itself. */
function paymentsOf({ main, details }: Part['movements'][number], remarks: Remark[]): Movement[] {
  const parts = details.filter(({ type }) => type !== '8' && type !== '9')
  const isTotal = (main.type === '1' || main.type === '2') && parts.length > 0
  if (isTotal && parts.reduce((sum, { cents }) => sum + cents, 0) === main.cents) return parts
  if (isTotal) remarks.push(remark(main.line, 'batch_sum', { count: parts.length }))
  return [isTotal ? main : filled(main, details)]
}

/** A payment whose breakdown (amount, charges) may be where its communication and its payer stand. */
function filled(main: Movement, details: readonly Movement[]): Movement {
  const saying =
    main.communication.trim() === '' ? details.find(({ communication }) => communication.trim() !== '') : undefined
  const payer = main.counterName === null ? details.find(({ counterName }) => counterName !== null) : undefined
  return {
    ...main,
    ...(saying && { structuredType: saying.structuredType, communication: saying.communication }),
    ...(payer && { counterName: payer.counterName, counterIban: payer.counterIban }),
  }
}

function draftOf(movement: Movement, currency: string): Draft {
  const { line, cents, bankRef, counterIban, counterName, endToEndId } = movement
  const bookedOn = movement.bookedOn ?? movement.valueOn
  if (bookedOn === null) throw refuse(line, 'no_date', {})
  const { structured, text, returned } = communicationOf(movement)
  return {
    line,
    bookedOn,
    valueOn: movement.valueOn ?? bookedOn,
    cents,
    currency,
    counterIban,
    counterName,
    structured,
    text: [text, tidy(movement.information)].filter(Boolean).join('\n'),
    bankRef,
    endToEndId,
    reversal: movement.reversal || returned,
  }
}

function remarkOn(header: Row, remarks: Remark[]): void {
  const { line } = header
  const { duplicate, application } = readHeader(header)
  if (duplicate) remarks.push(remark(line, 'duplicate_marked', {}))
  if (known(application) !== null) remarks.push(remark(line, 'separate_list', { application }))
}

/** A part's statement; a day without movements may have no record 8, or no record 1 either. */
function statementOf({ header, opening, closing, movements }: Part, remarks: Remark[]): BankStatement | undefined {
  if (!opening) return undefined
  const { line } = opening.row
  if (!closing && movements.length > 0) throw refuse(line, 'no_balance_after', { record: '8' })
  const { account, currency, number } = opening
  const end = closing ?? opening
  if (end.account !== account || end.currency !== currency) throw refuse(end.row.line, 'other_account', {})
  const moved = sumOf(line, [opening.cents, ...movements.map(({ main }) => main.cents)]) - opening.cents
  checkBalances(end.row.line, currency, opening.cents, end.cents, moved)
  remarkOn(header, remarks)
  const drafts = movements.flatMap((group) => paymentsOf(group, remarks)).map((movement) => draftOf(movement, currency))
  return {
    account,
    currency,
    number,
    fromOn: opening.on,
    toOn: closing?.on ?? null,
    openingCents: opening.cents,
    closingCents: end.cents,
    lines: numbered(drafts, { account, number, bankRefNames: true }),
  }
}

function begin(header: Row): Part {
  readHeader(header)
  return { header, opening: null, closing: null, movements: [], records: 0, messages: 0 }
}

/** The statements of a CODA file. */
export function readCoda(bytes: Uint8Array): Read {
  const rows = rowsOf(Buffer.from(bytes).toString('latin1'))
  checkLengths(rows)
  const remarks: Remark[] = []
  const statements: BankStatement[] = []
  let part: Part | undefined
  let more = false
  for (const row of rows) {
    const isHeader = row.text.startsWith('0')
    if (isHeader === (part !== undefined)) throw refuse(row.line, 'coda_frame', {})
    if (isHeader || !part) part = begin(row)
    else if (row.text.startsWith('9')) {
      more = checkTrailer(part, row).more
      const statement = statementOf(part, remarks)
      if (statement) statements.push(statement)
      part = undefined
    } else addRecord(part, row)
  }
  const last = rows.at(-1)?.line ?? 0
  if (part) throw refuse(last, 'cut_off', { record: '9' })
  // Many banks write so in every file: it is worth saying, and no more.
  if (more) remarks.push(remark(last, 'another_follows', {}))
  return { encoding: 'iso-8859-1', statements, remarks }
}
