// CODA 2: totals and what breaks them down, structured communications, and records that were lost or changed.
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { makeRf } from '../../src/domain/references.ts'
import { type BankLine, readStatement, type StatementFile } from '../../src/statements/statement.ts'
import {
  coda0,
  coda1,
  coda8,
  coda9,
  coda21,
  coda22,
  coda23,
  codaOf,
  movement,
  type Payment,
  printCoda,
  record,
  type Sample,
} from './printers.ts'

const ogm = '010806817183'
const payment: Payment = {
  cents: 2500,
  bookedOn: '2026-01-05',
  valueOn: '2026-01-06',
  name: 'Zoé Lefèvre',
  iban: 'BE71096123456769',
  reference: null,
  text: 'cotisation',
  bankRef: 'B1',
  endToEndId: 'E1',
}
const sample = (...cents: number[]): Sample => ({
  account: 'BE68539007547034',
  number: '001',
  fromOn: '2026-01-02',
  toOn: '2026-01-05',
  opening: 10_000,
  payments: cents.map((each) => ({ ...payment, cents: each })),
})
const readText = (text: string): StatementFile => readStatement(Buffer.from(text, 'latin1'))
/** The lines of a statement that moves `cents`, from its movement records. */
const lines = (cents: number[], ...records: string[]): BankLine[] =>
  readText(codaOf(sample(...cents), records)).statements[0]!.lines
const refusal = (work: () => unknown): AppError => {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('not refused')
}
const information = (seq: number, flag: '0' | '1', text: string, rest = ''): string[] => [
  record([1, '31'], [3, String(seq).padStart(4, '0')], [7, '0001'], [40, flag], [41, text.slice(0, 73)]),
  ...(rest === '' ? [] : [record([1, '32'], [3, String(seq).padStart(4, '0')], [7, '0001'], [11, rest])]),
]

test('a statement, whole', () => {
  const file = readStatement(printCoda([{ ...sample(), payments: [{ ...payment, reference: ogm }] }]))
  expect(file).toMatchObject({ format: 'coda', encoding: 'iso-8859-1', remarks: [] })
  expect(file.statements).toMatchObject([
    {
      account: 'BE68539007547034',
      currency: 'EUR',
      number: '001',
      fromOn: '2026-01-02',
      toOn: '2026-01-05',
      openingCents: 10_000,
      closingCents: 12_500,
      lines: [
        {
          line: 3,
          seq: 1,
          bookedOn: '2026-01-05',
          valueOn: '2026-01-06',
          cents: 2500,
          currency: 'EUR',
          counterIban: 'BE71096123456769',
          counterName: 'Zoé Lefèvre',
          reference: { kind: 'ogm', value: ogm },
          text: 'cotisation',
          bankRef: 'B1',
          endToEndId: 'E1',
          reversal: false,
        },
      ],
    },
  ])
})

describe('a total and its details', () => {
  const part = (detail: number, cents: number, type: string, name = `P${detail}`): string[] => [
    coda21(
      { ...payment, cents, bankRef: `D${detail}` },
      { seq: 1, detail, type, communication: `101${ogm}`, structured: true },
    ),
    coda22(1, detail, '', ''),
    coda23(1, detail, '', 'BE71096123456769', name),
  ]
  const total = (type: string, cents: number): string =>
    coda21({ ...payment, cents, bankRef: 'TOTAL' }, { seq: 1, type })

  test.each([
    ['1', '5'],
    ['2', '6'],
    ['2', '7'],
  ])('type %s: the details of type %s stand for it, and are not added to it', (type, detailType) => {
    const read = lines(
      [6000],
      total(type, 6000),
      ...part(1, 2500, detailType),
      ...part(2, 2500, detailType),
      ...part(3, 1000, detailType),
    )
    expect(read.map(({ cents }) => cents)).toEqual([2500, 2500, 1000])
    expect(read).toMatchObject([
      { bankRef: 'D1', counterName: 'P1', reference: { value: ogm }, seq: 1 },
      { seq: 2 },
      { seq: 3 },
    ])
  })
  test('details of details are left out', () => {
    const read = lines([6000], total('2', 6000), ...part(1, 6000, '7'), ...part(2, 6100, '9'), ...part(3, -100, '9'))
    expect(read.map(({ cents }) => cents)).toEqual([6000])
  })
  test('details that do not add up: the total as one, and it is said', () => {
    const file = readText(codaOf(sample(6000), [total('2', 6000), ...part(1, 2500, '6')]))
    expect(file.statements[0]!.lines).toMatchObject([
      { cents: 6000, bankRef: 'TOTAL', counterName: null, reference: null },
    ])
    expect(file.remarks).toMatchObject([
      { line: 3, text: expect.stringContaining('1 payments of this sum do not add up') },
    ])
  })
  test('a payment with its charges is one line, with the payer and the text of its details', () => {
    const read = lines([2400], total('3', 2400), ...part(1, 2500, '8', 'Zoé'), ...part(2, -100, '8', 'bank'))
    expect(read).toMatchObject([
      { cents: 2400, counterName: 'Zoé', counterIban: 'BE71096123456769', reference: { value: ogm } },
    ])
  })
  test('a total without details is one line', () => {
    expect(lines([6000], total('1', 6000))).toMatchObject([{ cents: 6000 }])
  })
  test('details without a total are refused', () => {
    expect(refusal(() => lines([2500], ...part(1, 2500, '6'))).detail).toMatch(/^line 3: record 21 0001 does not go on/)
  })
})

describe('the communication', () => {
  const said = (communication: string, structured = false): BankLine | undefined =>
    lines(
      [2500],
      coda21(payment, { seq: 1, communication, structured }),
      coda22(1, 0, communication.slice(53), ''),
      coda23(1, 0, communication.slice(106), '', ''),
    )[0]
  const rf = makeRf('539007547034')

  test.each<[string, string, unknown, string]>([
    ['101, an OGM', `101${ogm}`, { kind: 'ogm', value: ogm }, ''],
    ['102, an OGM that the payer’s bank made up', `102${ogm}`, { kind: 'ogm', value: ogm }, ''],
    ['100, an RF', `100${rf}`, { kind: 'rf', value: rf }, ''],
    ['101 with wrong check digits is text', '101010806817184', null, '010806817184'],
    ['101 with nothing', '101000000000000', null, '000000000000'],
    ['101 and a text behind it', `101${ogm}  merci`, { kind: 'ogm', value: ogm }, 'merci'],
    ['105 and others are text', '105something', null, 'something'],
  ])('structured: %s', (_, communication, reference, text) => {
    expect(said(communication, true)).toMatchObject({ reference, text })
  })
  test('a direct debit (127): its communication, and whether it came back', () => {
    const debit = (returned: string) =>
      `127050126100${'BE00ZZZ0123456789'.padEnd(35)}${'MANDATE 539007547034'.padEnd(35)}${'cotisation'.padEnd(62)}${returned}AC04`
    expect(said(debit(' '), true)).toMatchObject({ text: 'cotisation', reference: null, reversal: false })
    expect(said(debit('3'), true)).toMatchObject({ text: 'cotisation', reversal: true })
    expect(said(debit(' ').replace('cotisation', '          '), true)).toMatchObject({ text: 'MANDATE 539007547034' })
  })
  test('free text that goes on in the next records, a number cut in two included', () => {
    const text = `${'lidgeld '.repeat(6)}+++010/8068/17183+++ ${'x'.repeat(60)}`
    expect(text.slice(0, 53)).toMatch(/\+\+\+01$/)
    expect(said(text)).toMatchObject({ reference: { kind: 'ogm', value: ogm }, text })
  })
  test('information records are text if they are free, and a name if they are of type 001', () => {
    const read = lines(
      [2500],
      coda21(payment, { seq: 1, communication: 'zie bijlage' }),
      ...information(1, '1', '001Zoé Lefèvre', 'RUE HAUTE 1'),
      ...information(1, '0', 'Van: Zoé ref 010806', '817183'),
    )
    expect(read[0]).toMatchObject({
      text: `zie bijlage\nVan: Zoé ref 010806 817183`,
      counterName: 'Zoé Lefèvre',
      reference: { value: ogm },
    })
  })
})

describe('what is taken back', () => {
  test.each(['1', '2', '3', '4', '5'])('a type of R-transaction %s', (type) => {
    const records = [coda21({ ...payment, cents: -2500 }, { seq: 1 }), coda22(1, 0, '', '', [[113, type]])]
    expect(lines([-2500], ...records)).toMatchObject([{ cents: -2500, reversal: true }])
  })
  test.each(['49', '99'])('operation %s, a correction', (operation) => {
    expect(lines([2500], coda21(payment, { seq: 1, operation }))).toMatchObject([{ reversal: true }])
  })
})

describe('accounts', () => {
  const withAccount = (first: [number, string][], last: [number, string][]): string =>
    [
      coda0(),
      record([1, '1'], [3, '001'], [43, '0'.repeat(16)], [59, '020126'], ...first),
      record([1, '8001'], [42, '0'.repeat(16)], [58, '050126'], ...last),
      coda9(2, []),
    ]
      .map((line) => `${line}\n`)
      .join('')
  test.each<[string, [number, string][], [number, string][], string, string]>([
    [
      'Belgian, of old',
      [
        [2, '0'],
        [6, '539007547034 EUR0BE'],
      ],
      [[5, '539007547034 EUR0BE']],
      'BE68539007547034',
      'EUR',
    ],
    [
      'foreign',
      [
        [2, '1'],
        [6, 'X12345'],
        [40, 'USD'],
      ],
      [
        [5, 'X12345'],
        [39, 'USD'],
      ],
      'X12345',
      'USD',
    ],
    [
      'Belgian IBAN',
      [
        [2, '2'],
        [6, 'BE68539007547034'],
        [40, 'EUR'],
      ],
      [
        [5, 'BE68539007547034'],
        [39, 'EUR'],
      ],
      'BE68539007547034',
      'EUR',
    ],
    [
      'foreign IBAN',
      [
        [2, '3'],
        [6, 'FR1420041010050500013M02606'],
        [40, 'EUR'],
      ],
      [
        [5, 'FR1420041010050500013M02606'],
        [39, 'EUR'],
      ],
      'FR1420041010050500013M02606',
      'EUR',
    ],
  ])('%s', (_, first, last, account, currency) => {
    expect(readText(withAccount(first, last)).statements).toMatchObject([{ account, currency, lines: [] }])
  })
  test('two in one statement are refused', () => {
    const text = withAccount(
      [
        [2, '2'],
        [6, 'BE68539007547034'],
      ],
      [[5, 'BE71096123456769']],
    )
    expect(refusal(() => readText(text)).detail).toMatch(/^line 3: this line is of another account/)
  })
})

describe('the file', () => {
  test('several statements, line ends of any kind, an end-of-file mark', () => {
    const all = [sample(2500), { ...sample(-100), number: '002' }]
    for (const eol of ['\r\n', '\n', '\r']) {
      const text = Buffer.from(printCoda(all, eol)).toString('latin1')
      expect(readText(`${text}\u001a`).statements.map(({ number }) => number)).toEqual(['001', '002'])
    }
  })
  test('a day without movements may lack the balance after it, or both', () => {
    const [header, opening, none] = [coda0(), coda1(sample()), coda9(1, [])]
    expect(readText([header, opening, none].join('\n')).statements).toMatchObject([
      { openingCents: 10_000, closingCents: 10_000, lines: [] },
    ])
    expect(readText([header, coda9(0, [])].join('\n'))).toMatchObject({ statements: [] })
  })
  test('messages (record 4) are counted by some banks and not by others', () => {
    const message = record([1, '4'], [3, '00010001'], [33, 'MESSAGE'])
    for (const counted of [4, 5]) {
      const records = [
        coda0(),
        coda1(sample(2500)),
        coda21(payment, { seq: 1 }),
        coda22(1, 0, '', ''),
        coda8(sample(2500)),
        message,
        coda9(counted, [2500]),
      ]
      expect(readText(records.join('\n')).statements[0]!.lines).toHaveLength(1)
    }
  })
  test.each<[string, (text: string) => string, RegExp]>([
    ['that announces another', (text) => `${text.slice(0, -3)}1\r\n`, /announces another file/],
    ['that is a duplicate', (text) => `${text.slice(0, 16)}D${text.slice(17)}`, /duplicate/],
    [
      'that is a separate list',
      (text) => `${text.slice(0, 83)}00123${text.slice(88)}`,
      /separate list \(application 00123\)/,
    ],
  ])('%s is read, and it is said', (_, change, remark) => {
    const { statements, remarks } = readText(change(Buffer.from(printCoda([sample(2500)])).toString('latin1')))
    expect(statements).toHaveLength(1)
    expect(remarks).toMatchObject([{ text: expect.stringMatching(remark) }])
  })
})

describe('refused, with the line and what to do', () => {
  const whole = codaOf(sample(2500), movement(payment, { seq: 1 }), '2', '\n')
  const rows = whole.trimEnd().split('\n')
  const changed = (at: number, from: number, text: string): string =>
    rows
      .map((row, index) => (index === at - 1 ? row.slice(0, from - 1) + text + row.slice(from - 1 + text.length) : row))
      .join('\n')
  const without = (line: number): string => rows.filter((_, index) => index !== line - 1).join('\n')

  test.each<[string, string, RegExp]>([
    ['version 1', changed(1, 128, '1'), /^line 1: this is version «1» of CODA/],
    [
      'a short record',
      whole.replace(rows[3]!, rows[3]!.slice(0, 127)),
      /^line 4: this record has 127 bytes, and CODA has 128/,
    ],
    ['a structure that is none', changed(2, 2, '9'), /^line 2: «9» is no structure/],
    ['a sign that is none', changed(3, 32, '2'), /^line 3: the sign «2»/],
    ['a third decimal', changed(3, 47, '5'), /^line 3: «000000000025005» is no amount of whole cents/],
    ['an amount that is none', changed(3, 33, 'X'), /^line 3: «X/],
    ['a date that does not exist', changed(3, 48, '310226'), /^line 3: «310226» is no date/],
    ['no date at all', changed(3, 116, '000000').replace('060126', '000000'), /^line 3: the movement has no date/],
    [
      'another amount',
      changed(3, 44, '9'),
      /^line 7: record 9 tells of 25\.00 in and 0\.00 out, the file has 29\.00 in and 0\.00 out/,
    ],
    ['another sign', changed(3, 32, '1'), /^line 7: record 9 tells of 25\.00 in/],
    ['another balance', changed(6, 50, '1'), /^line 6: the statement does not add up/],
    ['a record too few', without(5), /^line 6: record 9 counts 5 records and the file has 4/],
    ['a movement too few', rows.filter((_, index) => index < 2 || index > 4).join('\n'), /record 9 counts 5 records/],
    ['no header', without(1), /no statement|neither camt|begins with record 0/],
    ['no balance before', without(2), /^line 2: record 2 is out of order/],
    [
      'no balance after',
      [...rows.slice(0, 5), coda9(4, [2500])].join('\n'),
      /^line 2: the statement has no balance after it/,
    ],
    ['no end', rows.slice(0, -1).join('\n'), /^line 6: the file ends before its record 9/],
    ['record 2.1 lost', without(3), /^line 3: record 22 does not go on/],
    [
      '2.3 before 2.2',
      [rows[0], rows[1], rows[2], rows[4], rows[3], rows[5], rows[6]].join('\n'),
      /^line 5: record 22 does not go on/,
    ],
    ['2.2 of another movement', changed(4, 3, '0002'), /^line 4: record 22 does not go on/],
    ['a record that is none', changed(4, 1, '29'), /^line 4: «29» is no record of CODA/],
    ['two headers', [rows[0], ...rows].join('\n'), /^line 2: a statement begins with record 0 and ends with 9/],
    ['two balances before', [rows[0], rows[1], ...rows.slice(1)].join('\n'), /^line 3: record 1 is out of order/],
    ['something after the end', `${whole}${rows[2]}`, /^line 8: a statement begins with record 0/],
    ['a count that is none', changed(7, 17, 'XXXXXX'), /^line 7: «XXXXXX» is no count/],
  ])('%s', (_, text, detail) => {
    const error = refusal(() => readText(text))
    expect(error).toMatchObject({ code: 'invalid_value', field: expect.stringMatching(/^(file|map)$/) })
    expect(error.detail).toMatch(detail)
  })
  test('lines without end', () => {
    expect(refusal(() => readText(`${rows[0]}\n${'x\n'.repeat(1_000_001)}`)).detail).toMatch(
      /more lines than a statement can have/,
    )
  })
  test('saved again as UTF-8, an é is a byte too many', () => {
    const utf8 = Buffer.from(Buffer.from(printCoda([{ ...sample(), payments: [payment] }])).toString('latin1'))
    expect(refusal(() => readStatement(utf8)).detail).toMatch(
      /^line 5: this record has 130 bytes.*do not open it in an editor/,
    )
  })
  test('nothing of the file’s people is in a message', () => {
    for (const text of [changed(3, 47, '5'), without(5), changed(4, 1, '29')])
      expect(refusal(() => readText(text)).detail).not.toMatch(/Zo|Lef|BE71/)
  })
})
