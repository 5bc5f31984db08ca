// One entry (`Ntry`) of camt.053: one line of money, or one for each payment of a batch whose payments add up to it.
import { parseIban } from '../domain/references.ts'
import type { CivilDate } from '../domain/time.ts'
import { decimalCents, xmlDate, xmlDay } from './amounts.ts'
import { type Draft, known, tidy } from './lines.ts'
import { type Remark, refuse, remark } from './problems.ts'
import { allAt, at, textAt, type XmlElement } from './xml.ts'

export type Money = { cents: number; currency: string }

/** What the statement adds to its entries. */
export type Frame = {
  account: string
  /** For an entry without a date of its own. */
  on: CivilDate | null
}
export type Entry = { line: number; money: Money; drafts(frame: Frame): Draft[] }

type Party = { name: string | null; iban: string | null }
type Payment = Pick<Draft, 'cents' | 'structured' | 'text' | 'bankRef' | 'endToEndId' | 'reversal'> & {
  debtor: Party
  creditor: Party
}

/** `Amt` and its sign. `usual` stands where the file gives no sign. */
export function moneyOf(element: XmlElement, amount: XmlElement | undefined, usual?: 1 | -1): Money {
  if (!amount) throw refuse(element.line, 'camt_amount', { element: element.name })
  const cents = decimalCents(amount.text)
  if (cents === undefined || !/^[A-Z]{3}$/.test(amount.currency))
    throw refuse(amount.line, 'amount_decimals', {
      amount: `${amount.text.slice(0, 30)} ${amount.currency.slice(0, 3)}`,
    })
  const indicator = textAt(element, 'CdtDbtInd')
  const sign = indicator === 'CRDT' ? 1 : indicator === 'DBIT' ? -1 : indicator === undefined ? usual : undefined
  if (!sign) throw refuse(element.line, 'camt_sign', {})
  return { cents: cents === 0 ? 0 : sign * cents, currency: amount.currency }
}

/** `Dt` or `DtTm` of an element, or null if there is no such element. */
export function dayOf(element: XmlElement | undefined, zone: string): CivilDate | null {
  if (!element) return null
  const [date, time] = [textAt(element, 'Dt'), textAt(element, 'DtTm')]
  const on = date !== undefined ? xmlDate(date) : time !== undefined ? xmlDay(time, zone) : undefined
  if (on === undefined) throw refuse(element.line, 'camt_date', { element: element.name })
  return on
}

function partyOf(details: XmlElement, side: 'Dbtr' | 'Cdtr'): Party {
  const parties = at(details, 'RltdPties')
  const [party, ultimate, account] = [at(parties, side), at(parties, `Ultmt${side}`), at(parties, `${side}Acct`, 'Id')]
  const name = [party, ultimate].flatMap((one) => textAt(one, 'Nm') ?? textAt(one, 'Pty', 'Nm') ?? [])[0]
  return {
    name: name ? tidy(name) : null,
    iban: parseIban(textAt(account, 'IBAN') ?? textAt(account, 'Othr', 'Id') ?? ''),
  }
}

const isTrue = (text: string | undefined): boolean => text === 'true' || text === '1'

function paymentOf(entry: XmlElement, details: XmlElement, cents: number): Payment {
  const texts = [...allAt(details, 'RmtInf', 'Ustrd'), ...allAt(details, 'RmtInf', 'Strd', 'AddtlRmtInf')].map(
    ({ text }) => text,
  )
  const said = textAt(details, 'AddtlTxInf') ?? textAt(entry, 'AddtlNtryInf') ?? ''
  return {
    cents,
    debtor: partyOf(details, 'Dbtr'),
    creditor: partyOf(details, 'Cdtr'),
    structured: allAt(details, 'RmtInf', 'Strd', 'CdtrRefInf', 'Ref').flatMap(({ text }) => text || []),
    text: tidy(texts.join('\n') || said),
    bankRef: known(textAt(details, 'Refs', 'AcctSvcrRef')) ?? known(textAt(entry, 'AcctSvcrRef')),
    endToEndId: known(textAt(details, 'Refs', 'EndToEndId')),
    // The sign is this entry's own: a debit with RvslInd takes back a credit. RtrInf: a payment that was returned.
    reversal: isTrue(textAt(entry, 'RvslInd')) || at(details, 'RtrInf') !== undefined,
  }
}

/** What each payment of a batch is, or undefined if they do not make up the entry: some are told in other currencies. */
function amountsOf(all: readonly XmlElement[], { cents, currency }: Money): number[] | undefined {
  const amounts = all.map((details) => {
    const amount =
      at(details, 'Amt') ?? at(details, 'AmtDtls', 'TxAmt', 'Amt') ?? at(details, 'AmtDtls', 'InstdAmt', 'Amt')
    const exact = amount?.currency === currency ? decimalCents(amount.text) : undefined
    if (amount === undefined || exact === undefined) return undefined
    return moneyOf(details, amount, cents < 0 ? -1 : 1).cents
  })
  const whole = amounts.filter((amount) => amount !== undefined)
  return whole.length === all.length && whole.reduce((sum, amount) => sum + amount, 0) === cents ? whole : undefined
}

function paymentsOf(entry: XmlElement, { cents, currency }: Money, remarks: Remark[]): Payment[] {
  const all = allAt(entry, 'NtryDtls', 'TxDtls')
  if (all.length <= 1) return [paymentOf(entry, all[0] ?? entry, cents)]
  const amounts = amountsOf(all, { cents, currency })
  if (amounts) return all.map((details, index) => paymentOf(entry, details, amounts[index]!))
  remarks.push(remark(entry.line, 'batch_sum', { count: all.length }))
  return [paymentOf(entry, { ...entry, children: entry.children.filter(({ name }) => name !== 'NtryDtls') }, cents)]
}

/** Whoever is not the holder of the account. What is sent back may name the two as they were in the first payment. */
function counterparty({ debtor, creditor, cents, reversal }: Payment, account: string): Party {
  const [near, far] = cents >= 0 ? [debtor, creditor] : [creditor, debtor]
  if (!reversal) return near
  const other = [near, far].find(({ iban }) => iban !== null && iban !== account)
  return other ?? (near.name === null ? far : near)
}

/** An entry, whatever its status is. */
export function entryOf(entry: XmlElement, zone: string, remarks: Remark[]): Entry {
  const { line } = entry
  const money = moneyOf(entry, at(entry, 'Amt'))
  const booked = dayOf(at(entry, 'BookgDt'), zone)
  const value = dayOf(at(entry, 'ValDt'), zone)
  const payments = paymentsOf(entry, money, remarks)
  const drafts = ({ account, on }: Frame): Draft[] => {
    const bookedOn = booked ?? value ?? on
    if (bookedOn === null) throw refuse(line, 'no_date', {})
    return payments.map((payment) => {
      const { debtor: _debtor, creditor: _creditor, ...rest } = payment
      const { name: counterName, iban: counterIban } = counterparty(payment, account)
      return { line, bookedOn, valueOn: value ?? bookedOn, currency: money.currency, counterIban, counterName, ...rest }
    })
  }
  return { line, money, drafts }
}
