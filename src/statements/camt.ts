// camt.053 of ISO 20022: the statement of a day or a period as XML. Read by local names, because its versions (02 to 13)
// differ in their namespace, in `Sts` or `Sts/Cd`, in `Dbtr/Nm` or `Dbtr/Pty/Nm`, and in little else that is of use here.
import type { CivilDate } from '../domain/time.ts'
import { dayOf, type Entry, entryOf, type Money, moneyOf } from './camt-entry.ts'
import { type BankStatement, checkBalances, numbered, sumOf } from './lines.ts'
import { type Remark, refuse, remark } from './problems.ts'
import { decode, headOf } from './text.ts'
import { allAt, at, readXml, textAt, type XmlElement } from './xml.ts'

type Read = { encoding: string; statements: BankStatement[]; remarks: Remark[] }

function refuseOthers(text: string): void {
  const message = /<(?:[\w.-]+:)?(BkToCstmr\w+)[\s/>]/.exec(text)?.[1]
  if (message === 'BkToCstmrStmt') return
  if (message === 'BkToCstmrAcctRpt') throw refuse(1, 'camt_052', {})
  throw message === 'BkToCstmrDbtCdtNtfctn' ? refuse(1, 'camt_054', {}) : refuse(1, 'camt_other', {})
}

type Balance = Money & { element: XmlElement; code: string; on: CivilDate | null }

function balancesOf(statement: XmlElement, zone: string, remarks: Remark[]): Balance[] {
  return allAt(statement, 'Bal').map((element) => {
    if (!at(element, 'CdtDbtInd')) remarks.push(remark(element.line, 'balance_unsigned', {}))
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
  throw opening
    ? refuse(statement.line, 'no_balance_after', { record: 'CLBD' })
    : refuse(statement.line, 'no_balance_before', { record: 'OPBD' })
}

function checkCurrencies(entries: readonly Entry[], opening: Balance, closing: Balance): void {
  const { currency } = opening
  if (closing.currency !== currency)
    throw refuse(closing.element.line, 'camt_currencies', { before: currency, after: closing.currency })
  const odd = entries.find(({ money }) => money.currency !== currency)
  if (odd) throw refuse(odd.line, 'camt_currency', { currency: odd.money.currency, balance: currency })
}

function accountOf(statement: XmlElement): string {
  const id = at(statement, 'Acct', 'Id')
  const account = (textAt(id, 'IBAN') ?? textAt(id, 'Othr', 'Id') ?? '').replace(/\s/g, '').toUpperCase()
  if (account === '') throw refuse(statement.line, 'no_account', {})
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
  if (textAt(statement, 'StmtPgntn', 'LastPgInd') === 'false') remarks.push(remark(line, 'one_page', {}))
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

/** Entries that are told of once for a statement, not once for each: those without a status, and those not booked by theirs. */
function tally(): { count(line: number, status: string | undefined): void; remarks(): Remark[] } {
  const counts = new Map<string | undefined, { line: number; count: number }>()
  return {
    count: (line, status) => {
      const before = counts.get(status)
      counts.set(status, { line: before?.line ?? line, count: (before?.count ?? 0) + 1 })
    },
    remarks: () =>
      [...counts].map(([status, { line, count }]) =>
        status === undefined
          ? remark(line, 'status_none', { count })
          : remark(line, 'not_booked', { count, status: status.slice(0, 10) }),
      ),
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
    if (isBooked(element)) entries.push(entryOf(element, zone, remarks))
    if (status !== 'BOOK') odd.count(element.line, status)
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
  if (statements.length === 0) throw refuse(1, 'camt_empty', {})
  return { encoding, statements, remarks }
}
