// camt.053: its versions, the dates and amounts that mislead, batches, and XML that means harm.
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { type BankStatement, readStatement, type StatementFile } from '../../src/statements/statement.ts'
import {
  amount,
  balance,
  camtOf,
  details,
  entry,
  type Payment,
  printCamt,
  type Sample,
  statement,
  tag,
} from './printers.ts'

const ogm = '010806817183'
const payment: Payment = {
  cents: 2500,
  bookedOn: '2026-01-05',
  valueOn: '2026-01-06',
  name: 'Zoé & fils',
  iban: 'BE71096123456769',
  reference: null,
  text: 'cotisation',
  bankRef: 'B1',
  endToEndId: 'E1',
}
const sample = (payments: readonly Pick<Payment, 'cents'>[] = []): Sample => ({
  account: 'BE68539007547034',
  number: '001',
  fromOn: '2026-01-05',
  toOn: '2026-01-05',
  opening: 10_000,
  payments: payments.map(({ cents }) => ({ ...payment, cents })),
})
const readText = (xml: string, zone?: string): StatementFile => readStatement(Buffer.from(xml), { zone })
/** A statement of which the entries' amounts and XML are given. */
const xmlOf = (entries: readonly string[], cents: readonly number[]): string =>
  camtOf([statement(sample(cents.map((each) => ({ cents: each }))), entries.join(''))])
const read = (entries: readonly string[], cents: readonly number[]): BankStatement =>
  readText(xmlOf(entries, cents)).statements[0]!
const one = (ntry: string, cents = 2500) => read([ntry], [cents]).lines[0]
const refusal = (work: () => unknown): AppError => {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('not refused')
}
const ntry = (cents: number, ...inner: string[]): string =>
  tag('Ntry', amount(cents), tag('Sts', 'BOOK'), tag('BookgDt', tag('Dt', '2026-01-05')), ...inner)
const remittance = (...inner: string[]): string => ntry(2500, tag('NtryDtls', tag('TxDtls', tag('RmtInf', ...inner))))
const creditorRef = (ref: string, issuer = 'BBA'): string =>
  tag('Strd', tag('CdtrRefInf', tag('Tp', tag('CdOrPrtry', tag('Cd', 'SCOR')), tag('Issr', issuer)), tag('Ref', ref)))

describe('the versions', () => {
  test.each(['02', '04', '08', '13'] as const)('%s, with and without a prefix', (version) => {
    const [plain, prefixed] = ['', 'ns2'].map((prefix) =>
      readStatement(printCamt([{ ...sample(), payments: [payment] }], { version, prefix })),
    )
    expect(plain).toMatchObject({ format: 'camt.053', encoding: 'utf-8', remarks: [] })
    expect(prefixed).toEqual(plain)
    expect(plain!.statements[0]).toMatchObject({
      account: 'BE68539007547034',
      currency: 'EUR',
      number: '001',
      fromOn: '2026-01-05',
      toOn: '2026-01-05',
      openingCents: 10_000,
      closingCents: 12_500,
      lines: [
        {
          seq: 1,
          bookedOn: '2026-01-05',
          valueOn: '2026-01-06',
          cents: 2500,
          currency: 'EUR',
          counterIban: 'BE71096123456769',
          counterName: 'Zoé & fils',
          reference: null,
          text: 'cotisation',
          bankRef: 'B1',
          endToEndId: 'E1',
          reversal: false,
        },
      ],
    })
  })
  test('all have the same keys', () => {
    const keys = (['02', '08'] as const).map(
      (version) =>
        readStatement(printCamt([{ ...sample(), payments: [payment] }], { version })).statements[0]!.lines[0]!
          .dedupeKey,
    )
    expect(new Set(keys).size).toBe(1)
  })
  test('the line is that of the entry', () => {
    const file = readStatement(printCamt([{ ...sample(), payments: [payment, payment] }], { pretty: true }))
    const lines = file.statements[0]!.lines.map(({ line }) => line)
    const printed = Buffer.from(printCamt([{ ...sample(), payments: [payment, payment] }], { pretty: true }))
      .toString()
      .split('\n')
    expect(lines.map((line) => printed[line - 1]!.trim())).toEqual(['<Ntry>', '<Ntry>'])
  })
})

// A portal makes up a new Id for each download; the same payment must not count twice for it.
test('a line without a reference of the bank has the same key whatever Id a download is given', () => {
  const bare = xmlOf([entry({ ...payment, bankRef: '' })], [2500]).replace('<ElctrncSeqNb>001</ElctrncSeqNb>', '')
  const [one, other] = [bare, bare.replace('<Id>X001</Id>', '<Id>X002</Id>')].map((xml) => readText(xml).statements[0]!)
  expect([one!.number, other!.number]).toEqual(['X001', 'X002'])
  expect(other!.lines[0]!.dedupeKey).toBe(one!.lines[0]!.dedupeKey)
})

describe('what is not booked', () => {
  test.each(['PDNG', 'INFO', 'FUTR'])('%s is left out, and it is said', (status) => {
    const pending = entry({ ...payment, cents: 999 }).replace('BOOK', status)
    const { statements, remarks } = readText(xmlOf([entry(payment), pending, pending], [2500]))
    expect(statements[0]!.lines).toHaveLength(1)
    expect(remarks).toMatchObject([
      { text: expect.stringContaining(`2 × an entry that is not booked yet (${status})`) },
    ])
  })
  test('no status at all: the balances decide', () => {
    const bare = entry(payment).replace('<Sts>BOOK</Sts>', '')
    expect(readText(xmlOf([bare], [2500])).remarks).toMatchObject([
      { text: expect.stringContaining('without a status') },
    ])
  })
})

describe('the sign', () => {
  // RvslInd tells what the entry is; turning the sign by it would make a payer of a refund.
  test('a reversal keeps the sign of its CdtDbtInd', () => {
    const taken = entry({ ...payment, cents: -2500 }).replace('<Sts>', '<RvslInd>true</RvslInd><Sts>')
    expect(one(taken, -2500)).toMatchObject({ cents: -2500, reversal: true, counterIban: 'BE71096123456769' })
    const kept = entry(payment).replace('<Sts>', '<RvslInd>false</RvslInd><Sts>')
    expect(one(kept)).toMatchObject({ cents: 2500, reversal: false })
  })
  test('a reversal that names the two as the first payment did: the other is still the payer', () => {
    const parties = tag(
      'RltdPties',
      tag('Dbtr', tag('Nm', 'Zoé')),
      tag('DbtrAcct', tag('Id', tag('IBAN', 'BE71096123456769'))),
      tag('Cdtr', tag('Nm', 'Les Amis')),
      tag('CdtrAcct', tag('Id', tag('IBAN', 'BE68539007547034'))),
    )
    const back = ntry(-2500, '<RvslInd>1</RvslInd>', tag('NtryDtls', tag('TxDtls', parties)))
    expect(one(back, -2500)).toMatchObject({ counterName: 'Zoé', counterIban: 'BE71096123456769', reversal: true })
  })
  test('a payment that was returned is one', () => {
    const back = ntry(2500, tag('NtryDtls', tag('TxDtls', tag('RtrInf', tag('Rsn', tag('Cd', 'AC04'))))))
    expect(one(back)).toMatchObject({ cents: 2500, reversal: true })
  })
  test('neither CRDT nor DBIT is refused', () => {
    const wrong = refusal(() => readText(xmlOf([entry(payment).replace('CRDT', 'XXXX')], [2500])))
    expect(wrong).toMatchObject({
      code: 'invalid_value',
      field: 'file',
      detail: expect.stringMatching(/^line 2: CdtDbtInd/),
    })
  })
})

describe('dates', () => {
  const dated = (inner: string) => entry(payment).replace(/<BookgDt>.*<\/BookgDt>/, inner)
  test.each([
    ['<DtTm>2026-01-05T23:30:00Z</DtTm>', '2026-01-06'],
    ['<DtTm>2026-01-05T22:30:00Z</DtTm>', '2026-01-05'],
    ['<DtTm>2026-07-05T22:30:00.123456Z</DtTm>', '2026-07-06'],
    ['<DtTm>2026-01-06T00:30:00+02:00</DtTm>', '2026-01-05'],
    ['<DtTm>2026-01-05T23:30:00</DtTm>', '2026-01-05'],
    ['<Dt>2026-01-05</Dt>', '2026-01-05'],
    ['<Dt>2026-01-05Z</Dt>', '2026-01-05'],
    ['<Dt>2026-01-05+01:00</Dt>', '2026-01-05'],
  ])('%s is booked on %s', (inner, day) => {
    expect(one(dated(tag('BookgDt', inner)))).toMatchObject({ bookedOn: day, valueOn: '2026-01-06' })
  })
  test('the zone is an argument', () => {
    const xml = xmlOf([dated(tag('BookgDt', '<DtTm>2026-01-05T12:00:00Z</DtTm>'))], [2500])
    expect(readText(xml, 'Pacific/Kiritimati').statements[0]!.lines[0]!.bookedOn).toBe('2026-01-06')
  })
  test('without a booking date the value date counts, without either the day of the balance', () => {
    expect(one(dated(''))).toMatchObject({ bookedOn: '2026-01-06' })
    expect(one(dated('').replace(/<ValDt>.*<\/ValDt>/, ''))).toMatchObject({
      bookedOn: '2026-01-05',
      valueOn: '2026-01-05',
    })
  })
  test.each([
    '<Dt>2026-02-30</Dt>',
    '<Dt>05/01/2026</Dt>',
    '<DtTm>2026-01-05T25:00:00Z</DtTm>',
    '<DtTm>2026-01-05 10:00</DtTm>',
    '',
  ])('%s is refused', (inner) => {
    expect(refusal(() => one(dated(tag('BookgDt', inner)))).detail).toMatch(/^line 2: BookgDt is no date that exists/)
  })
  test('the period is that of FrToDt, or of the balances', () => {
    const period =
      '<FrToDt><FrDtTm>2026-01-01T00:00:00+01:00</FrDtTm><ToDtTm>2026-01-31T23:59:59+01:00</ToDtTm></FrToDt><Acct>'
    const xml = xmlOf([], []).replace('<Acct>', period)
    expect(readText(xml).statements[0]).toMatchObject({ fromOn: '2026-01-01', toOn: '2026-01-31' })
  })
})

describe('amounts', () => {
  const paid = (text: string, cents: number) => one(entry(payment).replace('25.00', text), cents)
  test.each([
    ['25', 2500],
    ['25.5', 2550],
    ['25.50000', 2550],
    ['0.01', 1],
    ['0', 0],
    ['+25.00', 2500],
    ['9999999999.99', 999_999_999_999],
  ])('%s is %d cents', (text, cents) => {
    expect(paid(text, cents)).toMatchObject({ cents })
  })
  test.each(['25.505', '25,00', '-25.00', '1e3', '', '99999999999999999999', '25.00.00', 'Infinity', '٢٥'])(
    '%j is refused',
    (text) => {
      expect(refusal(() => paid(text, 2500)).detail).toMatch(/^line 2: «.*» is no amount of at most two decimals/)
    },
  )
  test('an account in another currency is told as it is', () => {
    const { currency, lines } = readText(xmlOf([entry(payment)], [2500]).replaceAll('Ccy="EUR"', 'Ccy="USD"'))
      .statements[0]!
    expect([currency, lines[0]!.currency]).toEqual(['USD', 'USD'])
  })
  test('currencies that cannot be added are refused', () => {
    expect(refusal(() => one(entry(payment).replace('Ccy="EUR"', 'Ccy="USD"'))).detail).toMatch(
      /USD cannot be added to a balance in EUR/,
    )
    const mixed = xmlOf([], []).replace(
      balance('CLBD', 10_000, '2026-01-05'),
      balance('CLBD', 10_000, '2026-01-05', 'SEK'),
    )
    expect(refusal(() => readText(mixed)).detail).toMatch(/before is in EUR and that after in SEK/)
  })
})

describe('balances', () => {
  test('that do not add up are refused, with the amounts', () => {
    expect(refusal(() => readText(xmlOf([entry(payment)], [2501]))).detail).toMatch(
      /^line 2: the statement does not add up: 100\.00 EUR before and 25\.00 EUR of entries are not 125\.01 EUR after; download/,
    )
  })
  test('PRCD stands for OPBD, ITBD for what another page has', () => {
    const xml = xmlOf([entry(payment)], [2500])
    expect(readText(xml.replace('OPBD', 'PRCD')).statements[0]).toMatchObject({ openingCents: 10_000 })
    const page = readText(
      xml
        .replace('OPBD', 'ITBD')
        .replace('CLBD', 'ITBD')
        .replace('<Acct>', '<StmtPgntn><LastPgInd>false</LastPgInd></StmtPgntn><Acct>'),
    )
    expect(page.statements[0]).toMatchObject({ openingCents: 10_000, closingCents: 12_500 })
    expect(page.remarks).toMatchObject([{ text: expect.stringContaining('one page') }])
  })
  test('OPBD goes before PRCD, and what is not booked does not count', () => {
    const more = balance('PRCD', 1, '2026-01-04') + balance('OPAV', 7, '2026-01-05') + balance('CLAV', 9, '2026-01-05')
    const xml = xmlOf([entry(payment)], [2500]).replace('<Bal>', `${more}<Bal>`)
    expect(readText(xml).statements[0]).toMatchObject({ openingCents: 10_000, closingCents: 12_500 })
  })
  test.each(['OPBD', 'CLBD'])('without %s it is refused', (code) => {
    expect(refusal(() => readText(xmlOf([], []).replace(code, 'INFO'))).detail).toMatch(
      new RegExp(`no balance .*\\(${code}\\)`),
    )
  })
  test('below zero', () => {
    const low = { ...sample([{ cents: -2500 }]), opening: -100 }
    const file = readText(camtOf([statement(low, entry({ ...payment, cents: -2500 }))]))
    expect(file.statements[0]).toMatchObject({ openingCents: -100, closingCents: -2600 })
  })
})

describe('the reference', () => {
  test.each([
    ['OGM with issuer BBA', creditorRef(ogm), { kind: 'ogm', value: ogm }, ''],
    ['OGM with its marks', creditorRef(`+++010/8068/17183+++`), { kind: 'ogm', value: ogm }, ''],
    ['RF with issuer ISO', creditorRef('RF18 5390 0754 7034', 'ISO'), { kind: 'rf', value: 'RF18539007547034' }, ''],
    [
      'OGM in the free text',
      tag('Ustrd', 'lidgeld ***010/8068/17183***'),
      { kind: 'ogm', value: ogm },
      'lidgeld ***010/8068/17183***',
    ],
    [
      'OGM over two texts',
      tag('Ustrd', 'ref 010806') + tag('Ustrd', '817183'),
      { kind: 'ogm', value: ogm },
      'ref 010806\n817183',
    ],
    ['wrong check digits', creditorRef('010806817184'), null, '010806817184'],
    ['sixteen digits', creditorRef('4654654654654654'), null, '4654654654654654'],
    ['the same twice', creditorRef(ogm) + creditorRef(ogm), { kind: 'ogm', value: ogm }, ''],
    ['two different ones are nobody’s', creditorRef(ogm) + creditorRef('000000000101'), null, `${ogm}\n000000000101`],
    [
      'a structured one goes before one in the text',
      creditorRef(ogm) + tag('Ustrd', '+++000/0000/00101+++'),
      { kind: 'ogm', value: ogm },
      '+++000/0000/00101+++',
    ],
    ['a text beside it', tag('Ustrd', 'merci') + creditorRef(ogm), { kind: 'ogm', value: ogm }, 'merci'],
    [
      'additional remittance information',
      tag('Strd', tag('AddtlRmtInf', '+++010/8068/17183+++')),
      { kind: 'ogm', value: ogm },
      '+++010/8068/17183+++',
    ],
    ['character data', tag('Ustrd', '<![CDATA[a < b & c]]>'), null, 'a < b & c'],
    [
      'numbered characters',
      tag('Ustrd', '&#48;10806817183 &amp; merci'),
      { kind: 'ogm', value: ogm },
      '010806817183 & merci',
    ],
  ])('%s', (_, inner, reference, text) => {
    expect(one(remittance(inner))).toMatchObject({ reference, text })
  })
  test('what the bank says of the entry is the text where the payer says nothing', () => {
    expect(one(ntry(2500, tag('AddtlNtryInf', 'VIREMENT')))).toMatchObject({
      text: 'VIREMENT',
      counterName: null,
      counterIban: null,
    })
  })
  test('NOTPROVIDED is nothing', () => {
    const refs = tag(
      'NtryDtls',
      tag('TxDtls', tag('Refs', tag('AcctSvcrRef', 'NONREF'), tag('EndToEndId', 'NOTPROVIDED'))),
    )
    expect(one(ntry(2500, refs))).toMatchObject({ bankRef: null, endToEndId: null })
  })
})

describe('a batch', () => {
  const part = (cents: number, more = '', version = '08'): string => {
    const own =
      version === '02' ? tag('AmtDtls', tag('TxAmt', amount(cents).replace(/<CdtDbtInd>.*/, ''))) : amount(cents)
    return tag('TxDtls', own, details({ ...payment, cents, name: `P${cents}`, endToEndId: '' }), more)
  }
  const batch = (total: number, ...parts: string[]): string =>
    ntry(total, tag('AcctSvcrRef', 'B9'), tag('NtryDtls', ...parts))

  test.each(['02', '08'])('is one line for each payment, as version %s has it', (version) => {
    const { lines } = read(
      [batch(6000, part(2500, '', version), part(2500, '', version), part(1000, '', version))],
      [6000],
    )
    expect(lines).toMatchObject([
      { cents: 2500, bankRef: 'B9', seq: 1, counterName: 'P2500' },
      { cents: 2500, seq: 2 },
      { cents: 1000, seq: 3 },
    ])
    expect(new Set(lines.map(({ dedupeKey }) => dedupeKey)).size).toBe(3)
  })
  test('several NtryDtls, and one that goes the other way', () => {
    const { lines } = read([ntry(1500, tag('NtryDtls', part(2500)), tag('NtryDtls', part(-1000)))], [1500])
    expect(lines.map(({ cents }) => cents)).toEqual([2500, -1000])
  })
  test('that does not add up to its entry is one line without a payer, and it is said', () => {
    const { statements, remarks } = readText(xmlOf([batch(6000, part(2500), part(2500))], [6000]))
    expect(statements[0]!.lines).toMatchObject([
      { cents: 6000, counterName: null, counterIban: null, text: '', reference: null },
    ])
    expect(remarks).toMatchObject([{ line: 2, text: expect.stringContaining('2 payments of this sum do not add up') }])
  })
  test('whose payments are told in another currency is one line', () => {
    const foreign = (cents: number) => part(cents).replace('Ccy="EUR"', 'Ccy="USD"')
    expect(read([batch(5000, foreign(2500), foreign(2500))], [5000]).lines).toHaveLength(1)
  })
  test('without details is one line', () => {
    expect(read([ntry(6000, tag('NtryDtls', tag('Btch', tag('NbOfTxs', '3'))))], [6000]).lines).toMatchObject([
      { cents: 6000, counterName: null },
    ])
  })
  test('of one payment has the amount of the entry, whatever the payment was sent in', () => {
    const sent = tag('NtryDtls', tag('TxDtls', '<Amt Ccy="SEK">0</Amt>', details(payment)))
    expect(one(ntry(2500, sent))).toMatchObject({ cents: 2500, currency: 'EUR', counterName: 'Zoé & fils' })
  })
})

describe('refused, with the line and what to do', () => {
  const xml = xmlOf([entry(payment)], [2500])
  test.each<[string, string, RegExp]>([
    [
      'a document type',
      xml.replace('<Document', '<!DOCTYPE Document>\n<Document'),
      /^line 2: a document type \(DOCTYPE\)/,
    ],
    [
      'entities that grow',
      `<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n<Document><BkToCstmrStmt>&b;</BkToCstmrStmt></Document>`,
      /DOCTYPE/,
    ],
    [
      'an entity of the system',
      xml.replace('cotisation', '&xxe;'),
      /^line 2: the XML is broken or cut off \(undefined entity/,
    ],
    ['depth', xml.replace('<GrpHdr>', `<GrpHdr>${'<a>'.repeat(100)}`), /nest deeper than 40/],
    [
      'elements without end',
      xml.replace('<GrpHdr>', `<GrpHdr>${'<a/>'.repeat(1_000_001)}`),
      /more elements than a statement can have/,
    ],
    ['a tag that is not closed', xml.replace('</Ntry>', ''), /^line 2: the XML is broken/],
    ['a second root', `${xml}<Document/>`, /^line \d: the XML is broken/],
    ['text before', `x${xml}`, /neither camt\.053/],
    ['camt.052', xml.replaceAll('BkToCstmrStmt', 'BkToCstmrAcctRpt'), /this is camt\.052.*ask the bank for camt\.053/],
    ['camt.054', xml.replaceAll('BkToCstmrStmt', 'BkToCstmrDbtCdtNtfctn'), /this is camt\.054/],
    [
      'a payment order',
      '<?xml version="1.0"?><Document><CstmrCdtTrfInitn/></Document>',
      /no bank statement; ask the bank/,
    ],
    ['no statement', camtOf([]), /no statement \(Stmt\) in it/],
    ['no account', xml.replace(/<Acct>.*?<\/Acct>/, ''), /not say of which account/],
    ['no amount', xml.replace(/(<Ntry>)<Amt.*?<\/Amt>/, '$1'), /no amount \(Amt\) in Ntry/],
    [
      'no date anywhere',
      xml.replace(/<BookgDt>.*?<\/ValDt>/, '').replace(/<Dt><Dt>.*?<\/Dt><\/Dt>/g, ''),
      /has no date/,
    ],
  ])('%s', (_, text, detail) => {
    const error = refusal(() => readText(text))
    expect(error).toMatchObject({ code: 'invalid_value', field: expect.stringMatching(/^(file|map)$/) })
    expect(error.detail).toMatch(detail)
  })
  test('amounts that are too large to be added exactly, even if others make up for them', () => {
    const huge = [1, -1].flatMap((sign) => Array.from({ length: 11 }, () => sign * 900_000_000_000_000))
    const entries = huge.map((cents) => ntry(cents))
    expect(refusal(() => read(entries, huge)).detail).toMatch(/too large/)
  })
  test('nothing of the file is in the message', () => {
    expect(refusal(() => readText(xml.replace('</Ustrd>', ''))).detail).not.toMatch(/Zoé|cotisation|0961/)
  })
})

describe('encodings', () => {
  const xml = xmlOf([entry(payment)], [2500])
  const nameOf = (bytes: Uint8Array) => readStatement(bytes).statements[0]!.lines[0]!.counterName
  test('what the declaration says', () => {
    const latin = Buffer.from(xml.replace('UTF-8', 'ISO-8859-1'), 'latin1')
    expect(nameOf(latin)).toBe('Zoé & fils')
    expect(nameOf(Buffer.from(`\ufeff${xml}`))).toBe('Zoé & fils')
    expect(nameOf(Buffer.from(`\ufeff${xml.replace('UTF-8', 'UTF-16')}`, 'utf16le'))).toBe('Zoé & fils')
    expect(nameOf(Buffer.from(`\ufeff${xml.replace('UTF-8', 'UTF-16')}`, 'utf16le').swap16())).toBe('Zoé & fils')
  })
  test('bytes that are not what it says are refused, with the line', () => {
    expect(refusal(() => readStatement(Buffer.from(xml, 'latin1'))).detail).toMatch(/^line 2: a character is not UTF-8/)
    expect(refusal(() => readStatement(Buffer.from(xml.replace('UTF-8', 'EBCDIC')))).detail).toMatch(
      /encoding «EBCDIC» is not known/,
    )
  })
})
