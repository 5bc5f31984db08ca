// CFONB 120: signs punched over the last digit, complements, and lines that French banks write in ways of their own.
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { type BankLine, readStatement, type StatementFile } from '../../src/statements/statement.ts'
import {
  cfonb01,
  cfonb04,
  cfonb05,
  cfonb07,
  cfonbMovement,
  frenchAccount,
  frenchIban,
  type Payment,
  printCfonb,
  type Sample,
} from './printers.ts'

const ogm = '010806817183'
const payment: Payment = {
  cents: 2500,
  bookedOn: '2026-01-05',
  valueOn: '2026-01-06',
  name: 'ZOE LEFEVRE',
  iban: '',
  reference: null,
  text: '',
  bankRef: '',
  endToEndId: '',
}
const sample = (...cents: number[]): Sample => ({
  account: frenchIban,
  number: '',
  fromOn: '2026-01-02',
  toOn: '2026-01-05',
  opening: 10_000,
  payments: cents.map((each) => ({ ...payment, cents: each })),
})
const readText = (text: string): StatementFile => readStatement(Buffer.from(text, 'latin1'))
const fileOf = (cents: number[], ...movements: string[]): string =>
  [cfonb01(sample(...cents)), ...movements, cfonb07(sample(...cents))].join('\n')
const lines = (cents: number[], ...movements: string[]): BankLine[] =>
  readText(fileOf(cents, ...movements)).statements[0]!.lines
const refusal = (work: () => unknown): AppError => {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('not refused')
}
const changed = (line: string, from: number, text: string): string =>
  line.slice(0, from - 1) + text + line.slice(from - 1 + text.length)

test('a statement, whole', () => {
  const told = { ...payment, text: 'cotisation', bankRef: 'B1', endToEndId: 'E1', reference: ogm }
  const file = readStatement(printCfonb([{ ...sample(), payments: [told] }]))
  expect(file).toMatchObject({ format: 'cfonb120', encoding: 'utf-8', remarks: [] })
  expect(file.statements).toMatchObject([
    {
      account: frenchIban,
      currency: 'EUR',
      number: null,
      fromOn: '2026-01-02',
      toOn: '2026-01-05',
      openingCents: 10_000,
      closingCents: 12_500,
      lines: [
        {
          line: 2,
          seq: 1,
          bookedOn: '2026-01-05',
          valueOn: '2026-01-06',
          cents: 2500,
          counterName: 'ZOE LEFEVRE',
          counterIban: null,
          reference: { kind: 'ogm', value: ogm },
          text: 'VIR SEPA\ncotisation',
          bankRef: 'B1',
          endToEndId: 'E1',
          reversal: false,
        },
      ],
    },
  ])
})

describe('the sign', () => {
  test.each([...'{ABCDEFGHI'].map((char, digit): [string, number] => [char, 250 + digit]))(
    '%s: %d cents in',
    (char, cents) => {
      expect(lines([cents], changed(cfonb04({ ...payment, cents }), 104, char))).toMatchObject([{ cents }])
    },
  )
  test.each([...'}JKLMNOPQR'].map((char, digit): [string, number] => [char, -250 - digit]))(
    '%s: %d cents',
    (char, cents) => {
      expect(lines([cents], changed(cfonb04({ ...payment, cents }), 104, char))).toMatchObject([{ cents }])
    },
  )
  test('nothing, in or out, is nothing', () => {
    const zero = cfonb04({ ...payment, cents: 0 })
    expect(lines([0], changed(zero, 104, '}'))[0]!.cents).toBe(0)
    expect(Object.is(lines([0], changed(zero, 104, '}'))[0]!.cents, -0)).toBe(false)
  })
  test('a balance below zero', () => {
    const low = { ...sample(-2500), opening: -100 }
    const [statement] = readText(
      [cfonb01(low), cfonb04({ ...payment, cents: -2500 }), cfonb07(low)].join('\n'),
    ).statements
    expect(statement).toMatchObject({ openingCents: -100, closingCents: -2600 })
  })
  test('as many decimals as the line says', () => {
    const yen = (line: string) => changed(line, 17, 'JPY0')
    const dinars = (line: string) => changed(line, 17, 'TND3')
    expect(readText(fileOf([2500], cfonb04(payment)).split('\n').map(yen).join('\n')).statements[0]).toMatchObject({
      currency: 'JPY',
      closingCents: 1_250_000,
      lines: [{ cents: 250_000, currency: 'JPY' }],
    })
    expect(readText(fileOf([2500], cfonb04(payment)).split('\n').map(dinars).join('\n')).statements[0]).toMatchObject({
      lines: [{ cents: 250 }],
    })
  })
})

describe('complements', () => {
  test('the two halves of a remittance are one text, a number cut in two included', () => {
    const text = `${'x'.repeat(63)} 010806817183 merci`
    expect(text.slice(0, 70)).toMatch(/ 010806$/)
    expect(lines([2500], ...cfonbMovement({ ...payment, text }))).toMatchObject([
      { text: `VIR SEPA\n${text}`, reference: { kind: 'ogm', value: ogm } },
    ])
  })
  test('labels, each on a line of its own', () => {
    const movement = [cfonb04(payment, 'VIR INST'), cfonb05('LIB', 'COTISATION'), cfonb05('LIB', 'RF18 5390 0754 7034')]
    expect(lines([2500], ...movement)).toMatchObject([
      { text: 'VIR INST\nCOTISATION\nRF18 5390 0754 7034', reference: { kind: 'rf', value: 'RF18539007547034' } },
    ])
  })
  test('a structured reference that does not hold is text', () => {
    expect(lines([2500], cfonb04(payment), cfonb05('LCS', '010806817184'))).toMatchObject([
      { text: 'VIR SEPA\n010806817184', reference: null },
    ])
  })
  test('the payer of money that comes in, the payee of money that goes out', () => {
    const told = [
      cfonb05('NPY', 'PAYER'),
      cfonb05('NBE', 'PAYEE'),
      cfonb05('IPY', 'BE71096123456769'),
      cfonb05('IBE', frenchIban),
    ]
    expect(lines([2500], cfonb04(payment), ...told)).toMatchObject([
      { counterName: 'PAYER', counterIban: 'BE71096123456769' },
    ])
    expect(lines([-2500], cfonb04({ ...payment, cents: -2500 }), ...told)).toMatchObject([
      { counterName: 'PAYEE', counterIban: frenchIban },
    ])
    expect(lines([2500], cfonb04(payment), cfonb05('NPO', 'FOR'), cfonb05('IPY', 'FR12ZZZ123456'))).toMatchObject([
      { counterName: 'FOR', counterIban: null },
    ])
  })
  test('qualifiers that are not known are left out', () => {
    const odd = [cfonb05('AAA', 'x'), cfonb05('', 'y'), cfonb05('N Y', 'z'), cfonb05("2'C", 'w')]
    expect(lines([2500], cfonb04(payment), ...odd)).toMatchObject([{ text: 'VIR SEPA', counterName: null }])
  })
  test('they belong to the movement before them', () => {
    const two = [cfonb04(payment), cfonb05('NPY', 'A'), cfonb04(payment), cfonb05('NPY', 'B')]
    expect(lines([2500, 2500], ...two)).toMatchObject([{ counterName: 'A' }, { counterName: 'B' }])
  })
})

describe('lines as banks write them', () => {
  test('blank ones, short ones, any line end', () => {
    for (const eol of ['\n', '\r\n', '\n\n', '\r'])
      expect(
        readText(
          fileOf([2500], cfonb04(payment))
            .split('\n')
            .map((line) => line.trimEnd())
            .join(eol),
        ).statements[0]!.lines,
      ).toHaveLength(1)
  })
  test('accents in ISO-8859-1 or UTF-8 stand at the same positions', () => {
    const text = fileOf([2500], cfonb04({ ...payment, bankRef: 'B1' }, 'VIR ÉTÉ À ZOÉ'))
    for (const encoding of ['latin1', 'utf8'] as const)
      expect(readStatement(Buffer.from(text, encoding)).statements[0]!.lines[0]).toMatchObject({
        cents: 2500,
        text: 'VIR ÉTÉ À ZOÉ',
        bankRef: 'B1',
      })
  })
  test('a movement without a value date bears interest from its own', () => {
    expect(lines([2500], changed(cfonb04(payment), 43, '      '))).toMatchObject([{ valueOn: '2026-01-05' }])
  })
  test('a reason for rejection makes it a reversal', () => {
    expect(lines([-2500], cfonb04({ ...payment, cents: -2500 }, 'REJET', [[41, '04']]))).toMatchObject([
      { reversal: true },
    ])
  })
  test('the reference of a payer is not unique: two payments on two days with the same one have two keys', () => {
    const [first, second] = lines(
      [2500, 2500],
      cfonb04({ ...payment, bankRef: 'COTISATION', text: '' }),
      cfonb04({ ...payment, bankRef: 'COTISATION', bookedOn: '2026-01-06' }),
    )
    expect(first!.dedupeKey).not.toBe(second!.dedupeKey)
    const other = lines([2500], ...cfonbMovement({ ...payment, bankRef: 'COTISATION', name: 'SOMEBODY ELSE' }))[0]!
    expect(first!.dedupeKey).not.toBe(other.dedupeKey)
  })
  test('several accounts in one file', () => {
    const other = fileOf([100], cfonb04({ ...payment, cents: 100 })).replaceAll(frenchAccount.slice(10), '0500013M027')
    expect(readText(`${fileOf([2500], cfonb04(payment))}\n${other}`).statements).toMatchObject([
      { account: frenchIban },
      { account: expect.stringMatching(/^FR\d\d200410100505000/) },
    ])
  })
})

describe('refused, with the line and what to do', () => {
  const rows = fileOf([2500], cfonb04(payment), cfonb05('LIB', 'X')).split('\n')
  const at = (line: number, from: number, text: string): string =>
    rows.map((row, index) => (index === line - 1 ? changed(row, from, text) : row)).join('\n')
  test.each<[string, string, RegExp]>([
    [
      'an amount',
      at(2, 104, '5'),
      /^line 2: «0000000000025\d?5» is no amount of whole cents|^line 2: «\d+» is no amount/,
    ],
    ['a date', at(2, 35, '310226'), /^line 2: «310226» is no date/],
    ['no date', at(2, 35, '      '), /^line 2: the movement has no date/],
    [
      'a third decimal',
      rows
        .map((row) => changed(row, 17, 'TND3'))
        .join('\n')
        .replace('250{', '250E'),
      /^line 2: «0000000000250E» is no amount of whole cents/,
    ],
    ['another balance', at(4, 104, 'A'), /^line 4: the statement does not add up: 100\.00 EUR before and 25\.00 EUR/],
    ['another account', at(2, 22, '0500013M027'), /^line 2: this line is of another account/],
    [
      'an account that is none',
      rows.map((row) => changed(row, 3, 'ABCDE')).join('\n'),
      /neither camt|bank, branch or account/,
    ],
    ['a currency that is none', rows.map((row) => changed(row, 17, 'eur')).join('\n'), /neither camt/],
    ['too long a line', `${rows[0]}\n${rows[1]} X\n${rows[3]}`, /^line 2: this line has 122 characters/],
    ['a code that is none', at(3, 1, '06'), /^line 3: «06» is no record of CFONB 120/],
    ['no balance before', rows.slice(1).join('\n'), /^line 1: record 04 is out of order/],
    ['two balances before', [rows[0], ...rows].join('\n'), /^line 2: record 01 is out of order/],
    ['no balance after', rows.slice(0, 3).join('\n'), /^line 3: the file ends before its record 07/],
    ['a complement of nothing', [rows[0], rows[2], rows[3]].join('\n'), /^line 2: record 05 does not go on/],
    ['a movement too few', [rows[0], rows[3]].join('\n'), /^line 2: the statement does not add up/],
  ])('%s', (_, text, detail) => {
    const error = refusal(() => readText(text))
    expect(error).toMatchObject({ code: 'invalid_value', field: expect.stringMatching(/^(file|map)$/) })
    expect(error.detail).toMatch(detail)
  })
})
