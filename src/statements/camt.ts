// camt.053 of ISO 20022: the statement of a day or a period as XML. Read by local names, because its versions (02 to 13)
// differ in their namespace, in `Sts` or `Sts/Cd`, in `Dbtr/Nm` or `Dbtr/Pty/Nm`, and in little else that is of use here.
import type { CivilDate } from '../domain/time.ts'
import { dayOf, type Entry, entryOf, type Money, moneyOf } from './camt-entry.ts'
import { type BankStatement, checkBalances, numbered, type Remark, refuse, sumOf } from './lines.ts'
import { decode, headOf } from './text.ts'
import { allAt, at, readXml, textAt, type XmlElement } from './xml.ts'

type Read = { encoding: string; statements: BankStatement[]; remarks: Remark[] }

const others: Record<string, string> = {
  BkToCstmrAcctRpt: 'camt.052, a report within the day',
  BkToCstmrDbtCdtNtfctn: 'camt.054, a list of single credits and debits',
}

function refuseOthers(text: string): void {
  const message = /<(?:[\w.-]+:)?(BkToCstmr\w+)[\s/>]/.exec(text)?.[1]
  if (message === 'BkToCstmrStmt') return
  const what = message && others[message] ? `this is ${others[message]}` : 'this XML is no bank statement'
  throw refuse(1, `${what}; ask the bank for camt.053`)
}

type Balance = Money & { element: XmlElement; code: string; on: CivilDate | null }

function balancesOf(statement: XmlElement, zone: string, remarks: Remark[]): Balance[] {
  return allAt(statement, 'Bal').map((element) => {
    if (!at(element, 'CdtDbtInd'))
      remarks.push({ line: element.line, text: 'this balance does not say credit or debit: it is taken as credit' })
    const on = at(element, 'Dt') ? dayOf(at(element, 'Dt'), zone) : null
    return {
      ...moneyOf(element, at(element, 'Amt'), 1),
      element,
      code: textAt(element, 'Tp', 'CdOrPrtry', 'Cd') ?? '',
      on,
    }
  })
}

/** The booked balances before and after. On a page that is not the first or the last an interim one (ITBD) stands for it. */
function ends(statement: XmlElement, balances: readonly Balance[]): [opening: Balance, closing: Balance] {
  const of = (code: string) => balances.filter((balance) => balance.code === code)
  const interim = of('ITBD')
  const opening = of('OPBD')[0] ?? of('PRCD')[0] ?? interim[0]
  const closing = of('CLBD').at(-1) ?? interim.filter((balance) => balance !== opening).at(-1)
  if (opening && closing) return [opening, closing]
  throw refuse(
    statement.line,
    `the statement has no balance ${opening ? 'after (CLBD)' : 'before (OPBD)'}; download it again, for whole days`,
  )
}

function checkCurrencies(entries: readonly Entry[], opening: Balance, closing: Balance): void {
  const { currency } = opening
  if (closing.currency !== currency)
    throw refuse(closing.element.line, `the balance before is in ${currency} and that after in ${closing.currency}`)
  const odd = entries.find(({ money }) => money.currency !== currency)
  if (odd)
    throw refuse(
      odd.line,
      `an entry in ${odd.money.currency} cannot be added to a balance in ${currency}; ask the bank`,
    )
}

function accountOf(statement: XmlElement): string {
  const id = at(statement, 'Acct', 'Id')
  const account = (textAt(id, 'IBAN') ?? textAt(id, 'Othr', 'Id') ?? '').replace(/\s/g, '').toUpperCase()
  if (account === '') throw refuse(statement.line, 'the statement does not say of which account it is')
  return account
}

/** The first and last day that the statement speaks of. */
function periodOf(
  statement: XmlElement,
  opening: Balance,
  closing: Balance,
  zone: string,
): [CivilDate | null, CivilDate | null] {
  const period = at(statement, 'FrToDt')
  const on = (end: 'Fr' | 'To'): CivilDate | null => {
    const [date, time] = [at(period, `${end}Dt`), at(period, `${end}DtTm`)]
    if (date) return dayOf({ ...date, children: [{ ...date, name: 'Dt' }] }, zone)
    return time ? dayOf({ ...time, children: [{ ...time, name: 'DtTm' }] }, zone) : null
  }
  return [on('Fr') ?? opening.on, on('To') ?? closing.on]
}

/** One `Stmt`, of whose entries only those that are booked are given here. */
function statementOf(statement: XmlElement, entries: readonly Entry[], zone: string, remarks: Remark[]): BankStatement {
  const { line } = statement
  const [opening, closing] = ends(statement, balancesOf(statement, zone, remarks))
  checkCurrencies(entries, opening, closing)
  const moved = sumOf(line, [opening.cents, ...entries.map(({ money }) => money.cents)]) - opening.cents
  checkBalances(line, opening.currency, opening.cents, closing.cents, moved)
  const account = accountOf(statement)
  const [fromOn, toOn] = periodOf(statement, opening, closing, zone)
  if (textAt(statement, 'StmtPgntn', 'LastPgInd') === 'false')
    remarks.push({ line, text: 'this is one page of a statement; read the files of the other pages too' })
  const drafts = entries.flatMap((entry) => entry.drafts({ account, on: closing.on }))
  const counted = textAt(statement, 'ElctrncSeqNb') ?? textAt(statement, 'LglSeqNb') ?? null
  return {
    account,
    currency: opening.currency,
    number: counted ?? textAt(statement, 'Id') ?? null,
    fromOn,
    toOn,
    openingCents: opening.cents,
    closingCents: closing.cents,
    lines: numbered(drafts, { account, number: counted, bankRefNames: true }),
  }
}

/** `BOOK`, `PDNG` and others; versions before 08 have it without `Cd`. */
const statusOf = (entry: XmlElement): string | undefined => textAt(entry, 'Sts', 'Cd') ?? textAt(entry, 'Sts')

/** True for an entry on the account's books; pending and announced ones come again when they are booked. */
const isBooked = (entry: XmlElement): boolean => ['BOOK', undefined].includes(statusOf(entry))

/** Counts what is worth a remark once for a statement, not once for each entry. */
function tally(): { count(line: number, text: string): void; remarks(): Remark[] } {
  const counts = new Map<string, { line: number; count: number }>()
  return {
    count: (line, text) => {
      const before = counts.get(text)
      counts.set(text, { line: before?.line ?? line, count: (before?.count ?? 0) + 1 })
    },
    remarks: () => [...counts].map(([text, { line, count }]) => ({ line, text: `${count} × ${text}` })),
  }
}

/** The encoding that the XML declaration names. */
const declared = (bytes: Uint8Array): string =>
  /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/.exec(headOf(bytes))?.[1] ?? 'utf-8'

/** The statements of a camt.053 file; `zone` is where its times become days. */
export function readCamt(bytes: Uint8Array, zone: string): Read {
  const { encoding, text } = decode(bytes, declared(bytes))
  refuseOthers(text)
  const statements: BankStatement[] = []
  const remarks: Remark[] = []
  let entries: Entry[] = []
  let odd = tally()
  const addEntry = (element: XmlElement): void => {
    const status = statusOf(element)
    if (status === undefined) odd.count(element.line, 'an entry without a status: taken as booked')
    if (isBooked(element)) entries.push(entryOf(element, zone, remarks))
    else odd.count(element.line, `an entry that is not booked yet (${status?.slice(0, 10)}): left out`)
  }
  readXml(text, (element) => {
    if (element.name === 'Ntry') addEntry(element)
    if (element.name !== 'Stmt') return element.name === 'Ntry'
    statements.push(statementOf(element, entries, zone, remarks))
    remarks.push(...odd.remarks())
    entries = []
    odd = tally()
    return true
  })
  if (statements.length === 0) throw refuse(1, 'the file has no statement (Stmt) in it; download it again')
  return { encoding, statements, remarks }
}
