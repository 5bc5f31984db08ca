// Writes bank statements as banks do, for the tests of src/statements: the same payments in camt.053, CODA 2, CFONB 120
// and CSV. Nothing here is taken from the readers; positions and names are those of the standards.

export type Payment = {
  cents: number
  bookedOn: string
  valueOn: string
  name: string
  iban: string
  /** 12 digits of an OGM, or an RF; written where the format has a field for it. */
  reference: string | null
  text: string
  bankRef: string
  endToEndId: string
}
export type Sample = {
  account: string
  number: string
  fromOn: string
  toOn: string
  opening: number
  payments: Payment[]
}

export const closingOf = ({ opening, payments }: Sample): number =>
  payments.reduce((sum, { cents }) => sum + cents, opening)
const decimal = (cents: number): string =>
  `${Math.floor(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, '0')}`
const digits = (cents: number, length: number): string => String(Math.abs(cents)).padStart(length, '0')
const ddmmyy = (on: string): string => on.slice(8, 10) + on.slice(5, 7) + on.slice(2, 4)

/** The account of the registry's example for France; its key, 06, is not in a CFONB file. */
export const frenchAccount = '20041010050500013M026'
export const frenchIban = 'FR1420041010050500013M02606'

// ── camt.053 ────────────────────────────────────────────────────────────────────────────────────────────────────────

export type CamtStyle = { version?: '02' | '04' | '08' | '13'; prefix?: string; pretty?: boolean }
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
export const tag = (name: string, ...inner: string[]): string => `<${name}>${inner.join('')}</${name.split(' ')[0]}>`
const leaf = (name: string, text: string): string => (text === '' ? '' : tag(name, escaped(text)))
export const amount = (cents: number, currency = 'EUR'): string =>
  `<Amt Ccy="${currency}">${decimal(cents)}</Amt><CdtDbtInd>${cents < 0 ? 'DBIT' : 'CRDT'}</CdtDbtInd>`

export const balance = (code: string, cents: number, on: string, currency = 'EUR'): string =>
  tag('Bal', tag('Tp', tag('CdOrPrtry', tag('Cd', code))), amount(cents, currency), tag('Dt', tag('Dt', on)))

/** The inside of `RmtInf` and `RltdPties` for one payment. */
export function details({ cents, name, iban, reference, text, endToEndId }: Payment, version = '02'): string {
  const side = cents < 0 ? 'Cdtr' : 'Dbtr'
  const named = version >= '08' ? tag('Pty', leaf('Nm', name)) : leaf('Nm', name)
  const issuer = reference?.startsWith('RF') ? 'ISO' : 'BBA'
  const type = tag('Tp', tag('CdOrPrtry', tag('Cd', 'SCOR')), tag('Issr', issuer))
  const structured = reference === null ? '' : tag('Strd', tag('CdtrRefInf', type, tag('Ref', reference)))
  const remittance = leaf('Ustrd', text) + structured
  return (
    tag('Refs', leaf('EndToEndId', endToEndId)) +
    tag('RltdPties', tag(side, named), iban === '' ? '' : tag(`${side}Acct`, tag('Id', tag('IBAN', iban)))) +
    (remittance === '' ? '' : tag('RmtInf', remittance))
  )
}

export function entry(payment: Payment, version = '02', more = ''): string {
  const { cents, bookedOn, valueOn, bankRef } = payment
  return tag(
    'Ntry',
    amount(cents),
    version >= '08' ? tag('Sts', tag('Cd', 'BOOK')) : tag('Sts', 'BOOK'),
    tag('BookgDt', tag('Dt', bookedOn)),
    tag('ValDt', tag('Dt', valueOn)),
    leaf('AcctSvcrRef', bankRef),
    more,
    tag('NtryDtls', tag('TxDtls', details(payment, version))),
  )
}

export function statement(sample: Sample, inner: string): string {
  const { account, number, fromOn, toOn, opening } = sample
  return tag(
    'Stmt',
    tag('Id', `X${number}`),
    leaf('ElctrncSeqNb', number),
    tag('Acct', tag('Id', tag('IBAN', account)), tag('Ccy', 'EUR')),
    balance('OPBD', opening, fromOn),
    balance('CLBD', closingOf(sample), toOn),
    inner,
  )
}

export function camtOf(
  statements: readonly string[],
  { version = '02', prefix = '', pretty = false }: CamtStyle = {},
): string {
  const mark = prefix === '' ? '' : `:${prefix}`
  const plain = tag(
    `Document xmlns${mark}="urn:iso:std:iso:20022:tech:xsd:camt.053.001.${version}"`,
    tag('BkToCstmrStmt', tag('GrpHdr', tag('MsgId', 'M1')), ...statements),
  )
  const prefixed = prefix === '' ? plain : plain.replace(/<(\/?)/g, `<$1${prefix}:`)
  const xml = pretty ? prefixed.replace(/></g, '>\n  <') : prefixed
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xml}\n`
}

export const printCamt = (samples: readonly Sample[], style: CamtStyle = {}): Uint8Array =>
  Buffer.from(
    camtOf(
      samples.map((sample) => statement(sample, sample.payments.map((each) => entry(each, style.version)).join(''))),
      style,
    ),
  )

// ── CODA ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A record of 128 characters with texts at their positions, from 1 as in the standard. */
export function record(...fields: [position: number, text: string][]): string {
  const chars = Array.from({ length: 128 }, () => ' ')
  for (const [position, text] of fields) chars.splice(position - 1, text.length, ...text)
  return chars.slice(0, 128).join('')
}

const codaAmount = (cents: number): string => `${digits(cents, 14)}0`
const codaSigned = (cents: number): string => (cents < 0 ? '1' : '0') + codaAmount(cents)

export const coda0 = (on = '2026-01-05'): string =>
  record([1, '00000'], [6, ddmmyy(on)], [12, '00005'], [35, 'LES AMIS ASBL'], [84, '00000'], [128, '2'])
export const coda1 = ({ account, number, opening, fromOn }: Sample): string =>
  record(
    [1, '12'],
    [3, number],
    [6, account],
    [40, 'EUR'],
    [43, codaSigned(opening)],
    [59, ddmmyy(fromOn)],
    [126, number],
  )
export const coda8 = (sample: Sample): string =>
  record(
    [1, `8${sample.number}`],
    [5, sample.account],
    [39, 'EUR'],
    [42, codaSigned(closingOf(sample))],
    [58, ddmmyy(sample.toOn)],
    [128, '0'],
  )
export const coda9 = (records: number, amounts: readonly number[], last = '2'): string => {
  const sum = (sign: 1 | -1) => amounts.filter((cents) => cents * sign > 0).reduce((total, cents) => total + cents, 0)
  return record(
    [1, '9'],
    [17, String(records).padStart(6, '0')],
    [23, codaAmount(sum(-1))],
    [38, codaAmount(sum(1))],
    [128, last],
  )
}

export type Coda21 = {
  seq: number
  detail?: number
  type?: string
  operation?: string
  communication?: string
  structured?: boolean
}
export const coda21 = (
  { cents, bookedOn, valueOn, bankRef }: Pick<Payment, 'cents' | 'bookedOn' | 'valueOn' | 'bankRef'>,
  { seq, detail = 0, type = '0', operation = '50', communication = '', structured = false }: Coda21,
): string =>
  record(
    [1, '21'],
    [3, String(seq).padStart(4, '0')],
    [7, String(detail).padStart(4, '0')],
    [11, bankRef],
    [32, codaSigned(cents)],
    [48, ddmmyy(valueOn)],
    [54, `${type}01${operation}000`],
    [62, structured ? '1' : '0'],
    [63, communication.slice(0, 53)],
    [116, ddmmyy(bookedOn)],
    [122, '001'],
    [125, '0100'],
  )
export const coda22 = (
  seq: number,
  detail: number,
  communication: string,
  endToEndId: string,
  more: [number, string][] = [],
): string =>
  record(
    [1, '22'],
    [3, String(seq).padStart(4, '0')],
    [7, String(detail).padStart(4, '0')],
    [11, communication.slice(0, 53)],
    [64, endToEndId],
    [126, '1 0'],
    ...more,
  )
export const coda23 = (seq: number, detail: number, communication: string, iban: string, name: string): string =>
  record(
    [1, '23'],
    [3, String(seq).padStart(4, '0')],
    [7, String(detail).padStart(4, '0')],
    [11, iban],
    [45, iban === '' ? '' : 'EUR'],
    [48, name.slice(0, 35)],
    [83, communication.slice(0, 43)],
    [126, '0 0'],
  )

/** The three records of one payment: 53, 53 and 43 characters of communication. */
export function movement(payment: Payment, options: Coda21): string[] {
  const { reference, text, endToEndId, iban, name } = payment
  const structured =
    reference === null ? '' : reference.startsWith('RF') ? `100${reference.padEnd(25)}` : `101${reference}`
  const communication = structured + text
  const { seq, detail = 0 } = options
  return [
    coda21(payment, { ...options, communication, structured: structured !== '' }),
    coda22(seq, detail, communication.slice(53), endToEndId),
    coda23(seq, detail, communication.slice(106), iban, name),
  ]
}

/** Records 0 to 9 round the records of movements; `amounts` are what record 9 adds up. */
export function codaOf(sample: Sample, movements: readonly string[], last = '2', eol = '\r\n'): string {
  const amounts = sample.payments.map(({ cents }) => cents)
  const records = [coda0(), coda1(sample), ...movements, coda8(sample), coda9(movements.length + 2, amounts, last)]
  return records.map((each) => each + eol).join('')
}

export const printCoda = (samples: readonly Sample[], eol = '\r\n'): Uint8Array =>
  Buffer.from(
    samples
      .map((sample, index) =>
        codaOf(
          sample,
          sample.payments.flatMap((payment, at) => movement(payment, { seq: at + 1 })),
          index === samples.length - 1 ? '2' : '1',
          eol,
        ),
      )
      .join(''),
    'latin1',
  )

// ── CFONB 120 ───────────────────────────────────────────────────────────────────────────────────────────────────────

const punched = (cents: number): string => {
  const all = digits(cents, 14)
  return all.slice(0, 13) + (cents < 0 ? '}JKLMNOPQR' : '{ABCDEFGHI')[Number(all[13])]
}
const cfonbLine = (code: string, ...fields: [number, string][]): string =>
  record(
    [1, code],
    [3, frenchAccount.slice(0, 5)],
    [12, frenchAccount.slice(5, 10)],
    [17, 'EUR2'],
    [22, frenchAccount.slice(10)],
    ...fields,
  ).slice(0, 120)

export const cfonb01 = ({ opening, fromOn }: Sample): string =>
  cfonbLine('01', [35, ddmmyy(fromOn)], [91, punched(opening)])
export const cfonb07 = (sample: Sample): string =>
  cfonbLine('07', [35, ddmmyy(sample.toOn)], [91, punched(closingOf(sample))])
export const cfonb04 = (
  { cents, bookedOn, valueOn, bankRef }: Payment,
  label = 'VIR SEPA',
  more: [number, string][] = [],
): string =>
  cfonbLine(
    '04',
    [33, '05'],
    [35, ddmmyy(bookedOn)],
    [43, ddmmyy(valueOn)],
    [49, label],
    [82, '0000000'],
    [91, punched(cents)],
    [105, bankRef.slice(0, 16)],
    ...more,
  )
export const cfonb05 = (qualifier: string, text: string): string =>
  cfonbLine('05', [46, qualifier], [49, text.slice(0, 70)])

/** A line 04 and its complements; the text is given to LCC and LC2, 70 characters each. */
export function cfonbMovement(payment: Payment): string[] {
  const { cents, name, reference, text, endToEndId } = payment
  const complements: [string, string][] = [
    [cents < 0 ? 'NBE' : 'NPY', name],
    ['LCC', text.slice(0, 70)],
    ['LC2', text.slice(70)],
    ['LCS', reference ?? ''],
    ['RCN', endToEndId],
  ]
  const told = complements.filter(([, value]) => value !== '')
  return [cfonb04(payment), ...told.map(([qualifier, value]) => cfonb05(qualifier, value))]
}

export const printCfonb = (samples: readonly Sample[], eol = '\n'): Uint8Array =>
  Buffer.from(
    samples
      .flatMap((sample) => [cfonb01(sample), ...sample.payments.flatMap(cfonbMovement), cfonb07(sample)])
      .map((line) => line + eol)
      .join(''),
    'latin1',
  )

// ── CSV ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** As a Belgian bank writes it: semicolons, decimal comma, day first, a preamble. */
export function printCsv({ payments }: Sample): Uint8Array {
  const quoted = (text: string): string => (/[;"\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const day = (on: string): string => on.split('-').toReversed().join('/')
  const money = (cents: number): string => (cents < 0 ? '-' : '') + decimal(cents).replace('.', ',')
  const rows = payments.map(({ cents, bookedOn, valueOn, name, iban, reference, text, bankRef }) =>
    [day(bookedOn), day(valueOn), money(cents), 'EUR', iban, name, reference ?? '', text, bankRef]
      .map(quoted)
      .join(';'),
  )
  const header =
    'Date;Date valeur;Montant;Devise;Compte contrepartie;Nom;Communication structurée;Communication;Référence'
  return Buffer.from(['Recherche du 01/01/2026;', header, ...rows].map((row) => `${row}\r\n`).join(''))
}
export const csvMap = {
  booked: 'Date',
  value: 'Date valeur',
  amount: 'Montant',
  currency: 'Devise',
  counterAccount: 'Compte contrepartie',
  counterName: 'Nom',
  communication: ['Communication', 'Communication structurée'],
  reference: 'Référence',
}
