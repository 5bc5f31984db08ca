// The same people give the same rows, however their file is written.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { type RosterRow, readRoster } from '../../src/rosters/roster.ts'
import { encodings, file, table, type Written } from './csv.ts'

// No capital before a continuation: `É’` in windows-1252 is valid UTF-8, and no reader can tell the two apart.
const letters = [...'abz é è ç ï ü ñ A Z 0 9 = + - @ ; , | "']
const nameOf = fc
  .array(fc.constantFrom(...letters, "'", '\t', '\n', ' '), { minLength: 1, maxLength: 12 })
  .map((chars) => `n${chars.join('')}`)
const person = fc.record({
  family: nameOf,
  given: nameOf,
  hasEmail: fc.boolean(),
  end: fc.constantFrom('', '31/12/2026', '01/02/2025', '29/02/2024'),
  active: fc.constantFrom('Oui', 'Non', ''),
  exempt: fc.constantFrom('Oui', 'Non'),
})
const written: fc.Arbitrary<Written> = fc.record({
  separator: fc.constantFrom(';', ',', '\t', '|'),
  quoting: fc.constantFrom('all', 'needed'),
  eol: fc.constantFrom('\r\n', '\n', '\r'),
  encoding: fc.constantFrom(...encodings),
  excelHint: fc.boolean(),
})

const head = [
  'ID de l’adhérent',
  'Nom',
  'Prénom',
  'Courriel',
  'Date d’échéance',
  'Compte',
  'Exempt de cotisation',
  'Pseudo',
]
type Person = typeof person extends fc.Arbitrary<infer T> ? T : never
const rowsOf = (people: Person[]): string[][] => [
  head,
  ...people.map(({ family, given, hasEmail, end, active, exempt }, n) => [
    String(n + 1),
    family,
    given,
    hasEmail ? `M${n}@Example.org` : '',
    end,
    active,
    exempt,
    '',
  ]),
]
const withoutLines = (rows: RosterRow[]): unknown[] => rows.map((row) => ({ ...row, line: 0 }))

test('any separator, encoding, quotation and line end gives the same rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(person, { minLength: 1, maxLength: 12 }),
      written,
      written,
      async (people, one, other) => {
        const rows = rowsOf(people)
        const first = await readRoster([table(rows, one)])
        const second = await readRoster([table(rows, other)])
        expect(first.refusals).toEqual([])
        expect(first.rows).toHaveLength(people.length)
        expect(withoutLines(second.rows)).toEqual(withoutLines(first.rows))
        expect(first.separator).toBe(one.separator)
      },
    ),
    { numRuns: 300 },
  )
}, 60_000)

test('names come back as they went in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(person, { minLength: 1, maxLength: 5 }), written, async (people, how) => {
      const { rows } = await readRoster([table(rowsOf(people), how)])
      expect(rows.map(({ familyName }) => familyName)).toEqual(
        people.map(({ family }) => family.replace(/\s+/g, ' ').trim()),
      )
    }),
    { numRuns: 100 },
  )
}, 60_000)

test('reading twice gives the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(person, { minLength: 1, maxLength: 5 }), written, async (people, how) => {
      const source = table(rowsOf(people), how)
      expect(await readRoster([source])).toEqual(await readRoster([source]))
    }),
    { numRuns: 50 },
  )
}, 60_000)

test('the order of lines changes nothing but their order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(person, { minLength: 1, maxLength: 8 }), async (people) => {
      const [header, ...rows] = rowsOf(people)
      const forward = await readRoster([table([header!, ...rows])])
      const backward = await readRoster([table([header!, ...rows.toReversed()])])
      expect(withoutLines(backward.rows.toReversed())).toEqual(withoutLines(forward.rows))
    }),
    { numRuns: 50 },
  )
}, 60_000)

// Attack class 29: whatever bytes come, the answer is rows or an AppError, never a bug and never a hang.
test('any bytes give rows or an AppError', async () => {
  const nasty = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .array(
        fc.constantFrom(
          '"',
          ';',
          ',',
          '\n',
          '\r',
          "'",
          'sep=;\n',
          '\ufeff',
          '\0',
          'é',
          'id_adh;nom_adh;prenom_adh\n',
          '1;a;b\n',
          '=',
          '31/12/2026',
        ),
        { maxLength: 40 },
      )
      .map((parts) => Buffer.from(parts.join(''))),
  )
  await fc.assert(
    fc.asyncProperty(nasty, async (bytes) => {
      try {
        const { rows, refusals } = await readRoster([file(bytes)])
        expect(rows.length + refusals.length).toBeGreaterThan(0)
      } catch (error) {
        expect(error).toBeInstanceOf(AppError)
        expect((error as AppError).code).toBe('import_unreadable')
      }
    }),
    { numRuns: 1000 },
  )
}, 60_000)
