// Which format a file is, and the clear word on each kind of file that is none.
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { readStatement } from '../../src/statements/statement.ts'
import { MAX_BYTES } from '../../src/statements/text.ts'
import { csvMap, printCamt, printCfonb, printCoda, printCsv, type Sample } from './printers.ts'

const sample: Sample = {
  account: 'BE68539007547034',
  number: '001',
  fromOn: '2026-01-02',
  toOn: '2026-01-05',
  opening: 10_000,
  payments: [
    {
      cents: 2500,
      bookedOn: '2026-01-05',
      valueOn: '2026-01-05',
      name: 'Zoé',
      iban: 'BE71096123456769',
      reference: null,
      text: 'cotisation',
      bankRef: 'B1',
      endToEndId: 'E1',
    },
  ],
}
const refusal = (bytes: Uint8Array | string, options = {}): AppError => {
  try {
    readStatement(Buffer.from(bytes), options)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('not refused')
}

test.each([
  ['camt.053', printCamt([sample])],
  ['coda', printCoda([sample])],
  ['cfonb120', printCfonb([sample])],
  ['csv', printCsv(sample)],
])('%s is known by itself; a mapping is for CSV alone', (format, bytes) => {
  const file = readStatement(bytes, { map: csvMap, account: 'BE68539007547034' })
  expect(file.format).toBe(format)
  expect(file.statements[0]!.lines).toMatchObject([{ cents: 2500, counterName: 'Zoé' }])
})

test('blank lines before are no other format', () => {
  for (const bytes of [printCfonb([sample]), printCamt([sample]).subarray(39)])
    expect(readStatement(Buffer.concat([Buffer.from('\r\n\n'), bytes])).statements).toHaveLength(1)
})

describe('what is none', () => {
  test.each<[string, Uint8Array | string, RegExp]>([
    ['nothing', '', /empty/],
    ['blanks', ' \r\n\n', /empty/],
    ['zeros', Buffer.alloc(100), /empty/],
    ['an Excel file', 'PK\x03\x04\x14\x00\x06\x00[Content_Types].xml', /Excel file; choose camt\.053/],
    ['a ZIP archive', 'PK\x03\x04\x14\x00statement.xml', /ZIP archive; unpack it/],
    ['an old Excel file', Buffer.from('d0cf11e0a1b11ae1', 'hex'), /Excel file; choose/],
    ['a PDF', '%PDF-1.7', /PDF, which is not read; choose/],
    ['a web page', '<!DOCTYPE html><html>', /web page; sign in at the bank/],
    ['OFX 1', 'OFXHEADER:100\nDATA:OFXSGML\n', /OFX, which is not read/],
    ['OFX 2', '<?OFX OFXHEADER="200"?><OFX></OFX>', /OFX, which is not read/],
    ['MT940', ':20:STARTUMSE\n:25:123\n', /MT940, which is not read/],
    ['MT940 in SWIFT blocks', '{1:F01KREDBEBB}{2:I940}{4:\n:20:X\n', /MT940/],
    ['QIF', '!Type:Bank\nD01/01/2026\n', /QIF/],
    ['JSON', '[{"amount": 1}]', /JSON/],
    [
      'CSV without a mapping',
      'Date;Montant\n31/01/2026;1\n',
      /neither camt\.053, CODA nor CFONB 120.*say which column is what/,
    ],
  ])('%s', (_, bytes, detail) => {
    const error = refusal(bytes)
    expect(error).toMatchObject({ code: 'invalid_value', status: 422, field: expect.stringMatching(/^(file|map)$/) })
    expect(error.detail).toMatch(detail)
  })
  test('more than can be read at once', () => {
    expect(refusal(Buffer.alloc(MAX_BYTES + 1, ' ')).detail).toMatch(/larger than 32 MB/)
  })
  test('the code, the line and what it is told with are parameters, for translated texts', () => {
    const text = Buffer.from(printCoda([sample])).toString('latin1')
    expect(refusal(Buffer.from(text.replace('0000025000', '0000025005'), 'latin1')).params).toEqual({
      why: 'amount_digits',
      line: 3,
      amount: '000000000025005',
    })
  })
})
