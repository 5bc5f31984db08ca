// What holds for every statement in every format: what is printed is read, what is cut off is refused, and the same line
// has the same key in every issue of its file.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { ibanOf, makeOgm, makeRf } from '../../src/domain/references.ts'
import { addDays } from '../../src/domain/time.ts'
import { type BankLine, readStatement, type StatementFile } from '../../src/statements/statement.ts'
import {
  closingOf,
  csvMap,
  frenchIban,
  type Payment,
  printCamt,
  printCfonb,
  printCoda,
  printCsv,
  type Sample,
} from './printers.ts'

const account = ibanOf('BE', '539007547034')
const words = (maxLength: number) =>
  fc.array(fc.constantFrom(...'abcdefgh ABCDE éèüç&<;"/.-'), { maxLength }).map((chars) =>
    chars
      .join('')
      .replace(/\s+/g, ' ')
      .replace(/\p{Cf}/gu, '')
      .trim(),
  )
const reference = fc.option(
  fc.oneof(
    fc.integer({ min: 1, max: 9_999_999_999 }).map(makeOgm),
    fc.integer({ min: 1, max: 9_999_999 }).map((number) => makeRf(`A${number}`)),
  ),
)
const dayOf = (days: number): string => addDays('2026-01-01', days)
const payment: fc.Arbitrary<Payment> = fc.record({
  cents: fc.integer({ min: -9_999_999, max: 9_999_999 }).filter((cents) => cents !== 0),
  bookedOn: fc.integer({ min: 0, max: 3 }).map(dayOf),
  valueOn: fc.integer({ min: 0, max: 40 }).map(dayOf),
  name: words(30).map((name) => `N ${name}`.trim()),
  iban: fc.integer({ min: 100_000_000_000, max: 999_999_999_999 }).map((bban) => ibanOf('BE', String(bban))),
  reference,
  text: words(100).map((text) => (text === '' ? '' : `t ${text}`.trim())),
  bankRef: fc.integer({ min: 1, max: 999_999 }).map((number) => `R${number}`),
  endToEndId: fc.integer({ min: 1, max: 999_999 }).map((number) => `E${number}`),
})
const sampleOf = (maxLength: number): fc.Arbitrary<Sample> =>
  fc.record({
    account: fc.constant(account),
    number: fc.integer({ min: 1, max: 365 }).map((number) => String(number).padStart(3, '0')),
    fromOn: fc.constant('2026-01-01'),
    toOn: fc.constant('2026-01-05'),
    opening: fc.integer({ min: -99_999_999, max: 99_999_999 }),
    payments: fc.array(payment, { maxLength }),
  })
const samples = fc.array(sampleOf(5), { minLength: 1, maxLength: 3 })

const formats = {
  'camt.053.001.02': { print: (all: Sample[]) => printCamt(all) },
  'camt.053.001.08, prefixed': {
    print: (all: Sample[]) => printCamt(all, { version: '08', prefix: 'n', pretty: true }),
  },
  coda: { print: (all: Sample[]) => printCoda(all) },
  cfonb120: { print: (all: Sample[]) => printCfonb(all) },
  csv: { print: ([first]: Sample[]) => printCsv(first!) },
}
const read = (bytes: Uint8Array): StatementFile => readStatement(bytes, { map: csvMap, account })

/** What each format can carry of a payment. */
function told(
  { cents, bookedOn, valueOn, name, iban, reference: value, text, bankRef, endToEndId }: Payment,
  format: string,
) {
  const isFrench = format === 'cfonb120'
  return {
    cents,
    bookedOn,
    valueOn,
    currency: 'EUR',
    counterName: name,
    counterIban: isFrench ? null : iban,
    reference: value === null ? null : { kind: value.startsWith('RF') ? 'rf' : 'ogm', value },
    bankRef,
    endToEndId: format === 'csv' ? null : endToEndId,
    reversal: false,
    text: [isFrench ? 'VIR SEPA' : '', text, format === 'csv' ? value : ''].filter(Boolean).join('\n'),
  }
}

const refusal = (bytes: Uint8Array): unknown => {
  try {
    return read(bytes)
  } catch (error) {
    return error
  }
}
const keys = ({ statements }: StatementFile): string[] =>
  statements.flatMap(({ lines }) => lines.map(({ dedupeKey }) => dedupeKey))

describe.each(Object.entries(formats))('%s', (name, { print }) => {
  const format = name.split(/[.,]0/)[0]!.startsWith('camt') ? 'camt.053' : name
  const given = (all: Sample[]): Sample[] => (format === 'csv' ? all.slice(0, 1) : all)

  test('what is printed is read', () => {
    fc.assert(
      fc.property(samples, (all) => {
        fc.pre(format !== 'csv' || all[0]!.payments.length > 0)
        const file = read(print(all))
        expect(file.format).toBe(format)
        expect(file.statements).toHaveLength(given(all).length)
        for (const [index, { lines, ...statement }] of file.statements.entries()) {
          const sample = given(all)[index]!
          expect(lines).toMatchObject(sample.payments.map((each) => told(each, format)))
          expect(lines.map(({ seq }) => seq)).toEqual(sample.payments.map((_, at) => at + 1))
          expect(statement.account).toBe(format === 'cfonb120' ? frenchIban : account)
          if (format === 'csv') expect(statement).toMatchObject({ openingCents: null, closingCents: null })
          else
            expect(statement).toMatchObject({
              openingCents: sample.opening,
              closingCents: closingOf(sample),
              fromOn: sample.fromOn,
              toOn: sample.toOn,
              number: format === 'cfonb120' ? null : sample.number,
            })
        }
      }),
    )
  }, 60_000)

  test('the same file twice has the same keys, and no two lines of a statement share one', () => {
    fc.assert(
      fc.property(sampleOf(6), fc.integer({ min: 0, max: 6 }), (sample, twice) => {
        // The same payment again on the same day, with or without a bank reference of its own.
        const payments = [...sample.payments, ...sample.payments.slice(0, twice)]
        fc.pre(payments.length > 0)
        const first = keys(read(print([{ ...sample, payments }])))
        expect(new Set(first).size).toBe(payments.length)
        expect(keys(read(print([{ ...sample, payments }])))).toEqual(first)
      }),
    )
  }, 60_000)

  test('one payment more at the end leaves the keys of the others', () => {
    fc.assert(
      fc.property(sampleOf(5), payment, (sample, last) => {
        fc.pre(sample.payments.length > 0)
        const before = keys(read(print([sample])))
        const after = keys(read(print([{ ...sample, payments: [...sample.payments, last] }])))
        expect(after.slice(0, -1)).toEqual(before)
      }),
    )
  }, 60_000)

  test('whatever is done to it: lines or a refusal that names the file, never a bug', () => {
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.nat(40),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 4 }),
        fc.constantFrom('\n', '"', '<', '&x;', '\0', '9', 'é').map((text) => Buffer.from(text)),
      ),
    })
    fc.assert(
      fc.property(samples, fc.array(change, { minLength: 1, maxLength: 3 }), (all, changes) => {
        let bytes = Buffer.from(print(all))
        for (const { at, remove, insert } of changes) {
          const from = Math.floor(at * bytes.length)
          bytes = Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + remove)])
        }
        const result = refusal(bytes)
        if (result instanceof AppError)
          expect(result).toMatchObject({ code: 'invalid_value', field: expect.stringMatching(/^(file|map)$/) })
        else expect(result).toHaveProperty('statements')
      }),
      { numRuns: 300 },
    )
  }, 60_000)
})

// CSV has nothing that marks its end, and the first remark of each says so.
test.each(Object.entries(formats).filter(([name]) => name !== 'csv'))(
  '%s cut off anywhere is refused, or is the first of its statements whole',
  (_, { print }) => {
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const bytes = print(all)
        const part = refusal(bytes.subarray(0, Math.floor(bytes.length * share)))
        if (part instanceof AppError)
          expect(part).toMatchObject({ code: 'invalid_value', field: expect.stringMatching(/^(file|map)$/) })
        else {
          const { statements } = part as StatementFile
          expect(statements).toEqual(read(bytes).statements.slice(0, statements.length))
        }
      }),
      { numRuns: 200 },
    )
  },
  60_000,
)

test('any bytes give a refusal or lines', () => {
  const heads = ['', '<?xml version="1.0"?>', '00000010126000', '0130004', 'Date;Montant\n', '\ufeff', 'PK\u0003\u0004']
  const bytes = fc.tuple(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 300 }))
  fc.assert(
    fc.property(bytes, ([head, rest]) => {
      const result = refusal(Buffer.concat([Buffer.from(head), rest]))
      if (!(result instanceof AppError)) expect(result).toHaveProperty('statements')
      else
        expect(result).toMatchObject({
          code: 'invalid_value',
          field: expect.stringMatching(/^(file|map)$/),
          detail: expect.stringMatching(/./),
        })
    }),
    { numRuns: 1000 },
  )
}, 60_000)

// Without the bank's own reference a line is known by all that is said of it, whatever stands before it in the file.
test('a download of another period has the same keys for the same days', () => {
  fc.assert(
    fc.property(sampleOf(8), (sample) => {
      const days = sample.payments
        .map((each) => ({ ...each, bankRef: '' }))
        .toSorted((a, b) => (a.bookedOn < b.bookedOn ? -1 : 1))
      const whole = { ...sample, number: '', payments: days }
      const from = days[Math.floor(days.length / 2)]?.bookedOn
      const later = { ...whole, payments: days.filter(({ bookedOn }) => from !== undefined && bookedOn >= from) }
      const late = (lines: BankLine[]) => lines.filter(({ bookedOn }) => from !== undefined && bookedOn >= from)
      for (const print of [(each: Sample) => printCamt([each]), (each: Sample) => printCfonb([each])]) {
        const [all, part] = [read(print(whole)).statements[0]!, read(print(later)).statements[0]!]
        expect(part.lines.map(({ dedupeKey }) => dedupeKey)).toEqual(late(all.lines).map(({ dedupeKey }) => dedupeKey))
      }
    }),
  )
}, 60_000)
