// CSV: the mapping, how banks write amounts and dates, and what only looks right.
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { type BankLine, type CsvMap, readStatement, type StatementFile } from '../../src/statements/statement.ts'

const account = 'BE68539007547034'
const map: CsvMap = { booked: 'Date', amount: 'Montant', communication: 'Communication' }
const readText = (text: string, more: Partial<CsvMap> = {}, of: string | undefined = account): StatementFile =>
  readStatement(Buffer.from(text), { map: { ...map, ...more }, account: of })
const lines = (text: string, more: Partial<CsvMap> = {}): BankLine[] =>
  readText(text, more).statements.flatMap((each) => each.lines)
const table = (...rows: string[]): string => ['Date;Montant;Communication', ...rows, ''].join('\n')
const refusal = (work: () => unknown): AppError => {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('not refused')
}

test('all that a mapping can name', () => {
  const text =
    'Compte;Date;Valeur;Débit;Crédit;Devise;Contrepartie;Nom;Libre;Structurée;Réf\r\n' +
    'BE68 5390 0754 7034;05/01/2026;06/01/2026;;25,00;EUR;BE71 0961 2345 6769;Zoé;merci;010/8068/17183;B1\r\n' +
    'BE68 5390 0754 7034;13/01/2026;;12,50;;EUR;;;;;\r\n'
  const file = readStatement(Buffer.from(text), {
    map: {
      account: 'compte',
      booked: 'DATE',
      value: 'valeur',
      debit: 'Debit',
      credit: 'Credit',
      currency: 'Devise',
      counterAccount: 'Contrepartie',
      counterName: 'Nom',
      communication: ['Libre', 'Structuree'],
      reference: 'Réf',
    },
  })
  expect(file).toMatchObject({
    format: 'csv',
    encoding: 'utf-8',
    remarks: [{ line: 0, text: expect.stringContaining('no balances') }],
  })
  expect(file.statements).toMatchObject([
    {
      account,
      currency: 'EUR',
      number: null,
      fromOn: '2026-01-05',
      toOn: '2026-01-13',
      openingCents: null,
      closingCents: null,
      lines: [
        {
          line: 2,
          seq: 1,
          bookedOn: '2026-01-05',
          valueOn: '2026-01-06',
          cents: 2500,
          counterIban: 'BE71096123456769',
          counterName: 'Zoé',
          text: 'merci\n010/8068/17183',
          reference: { kind: 'ogm', value: '010806817183' },
          bankRef: 'B1',
        },
        {
          line: 3,
          bookedOn: '2026-01-13',
          valueOn: '2026-01-13',
          cents: -1250,
          counterIban: null,
          bankRef: null,
          text: '',
        },
      ],
    },
  ])
})

describe('amounts', () => {
  const amount = (text: string, more: Partial<CsvMap> = {}) =>
    lines(table(`15/01/2026;"${text}";x`, '15/01/2026;0;y'), more)[0]!.cents
  test.each<[string, number]>([
    ['25,00', 2500],
    ['25.00', 2500],
    ['25', 2500],
    ['25,5', 2550],
    ['-25,00', -2500],
    ['+25,00', 2500],
    ['25,00-', -2500],
    ['(25,00)', -2500],
    ['−25,00', -2500],
    ['1.234,56', 123_456],
    ['1,234.56', 123_456],
    ['1 234,56', 123_456],
    ['1\u00a0234,56', 123_456],
    ['1\u202f234,56 €', 123_456],
    ['EUR 1’234.56', 123_456],
    ['1.234.567', 123_456_700],
    ['12,5000', 1250],
    ['-0,00', 0],
  ])('%s is %d cents', (text, cents) => {
    expect(amount(text)).toBe(cents)
    expect(Object.is(amount(text), -0)).toBe(false)
  })
  test('1.234 may be either: the other amounts decide, or the mapping', () => {
    expect(refusal(() => amount('1.234')).detail).toMatch(/comma or point.*say so in the mapping/)
    expect(amount('1.234', { decimal: ',' })).toBe(123_400)
    expect(refusal(() => amount('1.234', { decimal: '.' })).detail).toMatch(
      /«1\.234» is no amount of at most two decimals/,
    )
    expect(lines(table('15/01/2026;1.234;x', '15/01/2026;2,50;y'))[0]!.cents).toBe(123_400)
  })
  test.each(['12,505', '12,5,0', '1.23,45', 'abc', '12,50 USD', '--5', '1e3', '=1+1'])('%s is refused', (text) => {
    expect(refusal(() => amount(text, { decimal: ',' })).detail).toMatch(
      /^line 2: «.*» is no amount of at most two decimals \(Montant\)/,
    )
  })
  test('marks that contradict each other are refused', () => {
    expect(refusal(() => lines(table('15/01/2026;1,50;x', '15/01/2026;1.50;y'))).detail).toMatch(
      /^line 2: the amounts do not show/,
    )
  })
  test('debit and credit', () => {
    const two = (debit: string, credit: string) =>
      lines(`Date;D;C\n15/01/2026;${debit};${credit}\n`, {
        amount: undefined,
        debit: 'D',
        credit: 'C',
        communication: undefined,
      })[0]!.cents
    expect([two('5,00', ''), two('-5,00', ''), two('', '5,00'), two('0,00', '5,00'), two('5,00', '0,00')]).toEqual([
      -500, -500, 500, 500, -500,
    ])
    expect(refusal(() => two('5,00', '5,00')).detail).toMatch(/^line 2: this line has both/)
    expect(refusal(() => two('', '')).detail).toMatch(/^line 2: this line has no amount/)
  })
})

describe('dates', () => {
  const days = (dates: string[], more: Partial<CsvMap> = {}) =>
    lines(table(...dates.map((on) => `${on};1;x`)), more).map(({ bookedOn }) => bookedOn)
  test.each<[string, string]>([
    ['31/01/2026', '2026-01-31'],
    ['31-01-2026', '2026-01-31'],
    ['1.2.2026', '2026-02-01'],
    ['31/01/26', '2026-01-31'],
    ['2026-01-31', '2026-01-31'],
    ['2026/01/31', '2026-01-31'],
    ['20260131', '2026-01-31'],
    ['2026-01-31T10:00:00+01:00', '2026-01-31'],
    ['31/01/2026 10:00', '2026-01-31'],
    ['01/31/2026', '2026-01-31'],
  ])('%s is %s', (text, on) => {
    expect(days([text])).toEqual([on])
  })
  test('one date that can be only one of the two decides for all', () => {
    expect(days(['02/01/2026', '31/01/2026'])).toEqual(['2026-01-02', '2026-01-31'])
    expect(days(['02/01/2026', '01/31/2026'])).toEqual(['2026-02-01', '2026-01-31'])
  })
  test('none: the day is taken first, and it is said; the mapping may say otherwise', () => {
    const { statements, remarks } = readText(table('02/01/2026;1;x'))
    expect(statements[0]!.lines[0]!.bookedOn).toBe('2026-01-02')
    expect(remarks).toContainEqual(
      expect.objectContaining({ line: 0, text: expect.stringContaining('the day is taken') }),
    )
    expect(days(['02/01/2026'], { dates: 'mdy' })).toEqual(['2026-02-01'])
    expect(days(['26-01-02'], { dates: 'ymd' })).toEqual(['2026-01-02'])
  })
  test.each(['30/02/2026', '31/01', 'yesterday', '31/01/202', '2026-13-01'])('%s is refused', (text) => {
    expect(refusal(() => days([text])).detail).toMatch(/^line 2: «.*» is no date that exists \(Date\)/)
  })
  test('a line without one is not booked: refused', () => {
    expect(refusal(() => days([''])).detail).toMatch(/^line 2: this line has no booking date/)
  })
})

describe('the table', () => {
  test.each([';', ',', '\t', '|'])('separator %j', (separator) => {
    expect(
      lines(`Date${separator}Montant${separator}Communication\n31/01/2026${separator}"2,50"${separator}x\n`),
    ).toMatchObject([{ cents: 250, text: 'x' }])
  })
  test('a preamble, Excel’s hint, a byte order mark, quotes, blank lines', () => {
    const text =
      '\ufeffsep=;\r\nBanque;"Les Amis;\r\nCompte;BE68\r\n\r\n"Date";"Montant";"Communication"\r\n31/01/2026;2,50;"a; ""b""\r\nc"\r\n;;\r\n\r\n30/01/2026;1,00;x\r\n'
    expect(lines(text)).toMatchObject([
      { line: 6, text: 'a; "b"\nc' },
      { line: 10, text: 'x' },
    ])
  })
  test('a quotation mark within a text that is not quoted', () => {
    expect(lines(table('31/01/2026;2,50;CAFE "LE PARC"'))).toMatchObject([{ text: 'CAFE "LE PARC"' }])
  })
  test('windows-1252, and what the mapping says', () => {
    const text = table('31/01/2026;2,50;Zoé €')
    expect(
      readStatement(Buffer.from(text.replace('€', '\x80'), 'latin1'), { map, account }).statements[0]!.lines[0]!.text,
    ).toBe('Zoé €')
    expect(readStatement(Buffer.from(`\ufeff${text}`, 'utf16le'), { map, account })).toMatchObject({
      encoding: 'utf-16le',
    })
    expect(
      refusal(() => readStatement(Buffer.from(text, 'latin1'), { map: { ...map, encoding: 'utf-8' }, account })).detail,
    ).toMatch(/^line 2: a character is not UTF-8/)
  })
  test('columns by their number, with a header or without', () => {
    const numbers = { booked: '#1', amount: '#2', communication: '#3' }
    expect(lines('31/01/2026;2,50;x\n', numbers)).toMatchObject([{ line: 1, cents: 250 }])
    expect(lines(table('31/01/2026;2,50;x'), numbers)).toMatchObject([{ line: 2, cents: 250 }])
  })
  test('several accounts and currencies are several statements', () => {
    const text =
      'Compte;Date;Montant;Devise\nA1;31/01/2026;1;EUR\nA2;31/01/2026;2;EUR\nA1;31/01/2026;3;USD\nA1;30/01/2026;4;EUR\n'
    const file = readText(text, { account: 'Compte', currency: 'Devise', communication: undefined }, '')
    expect(file.statements.map((each) => [each.account, each.currency, each.lines.map(({ cents }) => cents)])).toEqual([
      ['A1', 'EUR', [100, 400]],
      ['A2', 'EUR', [200]],
      ['A1', 'USD', [300]],
    ])
  })
})

describe('keys', () => {
  test('of a later download with more lines before', () => {
    const [old] = lines(table('31/01/2026;2,50;x'))
    expect(lines(table('01/02/2026;9;new', '31/01/2026;2,50;x'))[1]!.dedupeKey).toBe(old!.dedupeKey)
  })
  test('of two equal payments on one day, of which the second came later', () => {
    const [one] = lines(table('31/01/2026;2,50;x'))
    const [first, second] = lines(table('31/01/2026;2,50;x', '31/01/2026;2,50;x'))
    expect(first!.dedupeKey).toBe(one!.dedupeKey)
    expect(second!.dedupeKey).not.toBe(one!.dedupeKey)
  })
  test('of another account', () => {
    const text = table('31/01/2026;2,50;x')
    expect(readText(text, {}, 'BE71096123456769').statements[0]!.lines[0]!.dedupeKey).not.toBe(
      lines(text)[0]!.dedupeKey,
    )
  })
})

describe('refused, with the line and what to do', () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      'a mapping without a date',
      () => readText(table('31/01/2026;1;x'), { booked: '' }),
      /which column is the booking date/,
    ],
    [
      'a mapping without an amount',
      () => readText(table('31/01/2026;1;x'), { amount: undefined, debit: 'D' }),
      /which column is the amount, or which are debit and credit/,
    ],
    [
      'a column that is not there',
      () => readText(table('31/01/2026;1;x'), { value: 'Valeur' }),
      /^line 1: no line has all columns of the mapping: «Valeur»/,
    ],
    ['no account', () => readText(table('31/01/2026;1;x'), {}, ''), /^line 2: nothing says of which account/],
    [
      'another account',
      () => readText('C;Date;Montant\nX9;31/01/2026;1\n', { account: 'C', communication: undefined }),
      /^line 2: this line is of another account/,
    ],
    ['no lines', () => readText('Date;Montant;Communication\n'), /the file has no lines/],
    [
      'a line cut off',
      () => readText(table('31/01/2026;1;x', '31/01/2026;1')),
      /^line 3: this line has 2 cells of 3: it is cut off/,
    ],
    [
      'a separator in a text',
      () => readText(table('31/01/2026;1;x;y')),
      /^line 2: this line has 4 cells, the header 3/,
    ],
    [
      'a quotation mark that is never closed',
      () => readText(table('31/01/2026;1;"x')),
      /^line 2: this line cannot be read as CSV/,
    ],
    [
      'a currency that is none',
      () => readText('Date;Montant;V\n31/01/2026;1;euros\n', { currency: 'V', communication: undefined }),
      /^line 2: «EUROS» is no currency/,
    ],
  ])('%s', (_, work, detail) => {
    const error = refusal(work)
    expect(error).toMatchObject({ code: 'invalid_value', field: 'file' })
    expect(error.detail).toMatch(detail)
  })
})
