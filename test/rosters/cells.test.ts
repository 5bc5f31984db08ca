// One cell at a time: texts, yes and no, dates, languages, states.
import { describe, expect, test } from 'vitest'
import { clean, dateReader, kindOf, language, shorten, stateOf, yesNo } from '../../src/rosters/cells.ts'

describe('dates', () => {
  const read = (column: string[], pinned?: true, others: string[] = []) =>
    column.map(dateReader(column, others, pinned).read)
  test.each([
    ['2026-12-31', '2026-12-31'],
    ['2026/1/5', '2026-01-05'],
    ['31/12/2026', '2026-12-31'],
    ['1/2/2026', '2026-02-01'],
    ['31.12.2026', '2026-12-31'],
    ['05.06.2026', '2026-06-05'],
    ['31-12-2026', '2026-12-31'],
    ['20261231', '2026-12-31'],
    ['20261231235959', '2026-12-31'],
    ['2026-12-31 00:00:00', '2026-12-31'],
    ['2026-12-31T23:59:59.000Z', '2026-12-31'],
    ['2026-12-31T00:00:00+01:00', '2026-12-31'],
    ['31/12/2026 14:05', '2026-12-31'],
    ['29/02/2024', '2024-02-29'],
    ['', null],
    ['0000-00-00', null],
    ['0000-00-00 00:00:00', null],
    ['1901-01-01', null],
    ['01/01/1901', null],
    ['NULL', null],
    ['30/02/2026', undefined],
    ['29/02/2025', undefined],
    ['2026-13-01', undefined],
    ['31/04/2026', undefined],
    ['31/12/26', undefined],
    ['0026-12-31', undefined],
    ['12/2026', undefined],
    ['demain', undefined],
    ['46022', undefined],
    ['2026-12-31 or so', undefined],
    ['2026-12/31', undefined],
  ])('%j', (cell, expected) => expect(read([cell])).toEqual([expected]))

  test('all values of a column decide whether the day or the month comes first', () => {
    expect(read(['01/02/2026', '03/04/2026', '31/12/2026'])).toEqual(['2026-02-01', '2026-04-03', '2026-12-31'])
    expect(read(['01/02/2026', '03/04/2026', '12/31/2026'])).toEqual(['2026-01-02', '2026-03-04', '2026-12-31'])
    expect(read(['1-2-2026', '12-31-2026'])).toEqual(['2026-01-02', '2026-12-31'])
  })

  test('a column that contradicts itself is day first, and its impossible dates are refused', () => {
    expect(read(['31/12/2026', '12/31/2026', '01/02/2026'])).toEqual(['2026-12-31', undefined, '2026-02-01'])
  })

  test('a manager that is known decides, then the other dates, then the day is first and that is said', () => {
    expect(read(['01/02/2026', '12/31/2026'], true)).toEqual(['2026-02-01', undefined])
    expect(read(['01/02/2026'], undefined, ['12/31/2020'])).toEqual(['2026-01-02'])
    expect(dateReader(['01/02/2026'], [], undefined)).toMatchObject({ guessed: true })
    expect(dateReader(['01/02/2026'], [], true)).toMatchObject({ guessed: false })
    expect(dateReader(['01/01/2026', '01.02.2026', '2026-01-02'], [], undefined)).toMatchObject({ guessed: false })
  })

  test('dots are day first whatever the others say', () => {
    expect(read(['12/31/2026', '01.02.2026'])).toEqual(['2026-12-31', '2026-02-01'])
  })
})

test.each([
  [['Oui', 'YES', 'ja', '1', 'true', 'Vrai', 'x', 'Actif', 'J', ' oui\u00a0'], true],
  [['Non', 'no', 'Nein', 'nee', '0', 'false', 'FAUX', 'Inactif', 'N'], false],
  [['', ' '], null],
  [['peut-être', '2', '-1', 'ouï dire'], undefined],
])('%j', (cells, expected) => expect(new Set(cells.map(yesNo))).toEqual(new Set([expected])))

test.each([
  ['fr_FR.utf8', 'fr'],
  ['fr', 'fr'],
  ['Français', 'fr'],
  ['nl-BE', 'nl'],
  ['nl_NL', 'nl'],
  ['néerlandais', 'nl'],
  ['en_US', 'en'],
  ['English (UK)', 'en'],
  ['de_DE.utf8', 'de'],
  ['Deutsch', 'de'],
  ['es', null],
  ['', null],
  ['design', null],
  ['free', null],
])('language %j', (cell, expected) => expect(language(cell)).toBe(expected))

test.each([
  ['mor', 'association'],
  ['Morale', 'association'],
  ['Organization', 'association'],
  ['ASBL', 'association'],
  ['Personne morale', 'association'],
  ['phy', 'person'],
  ['Physique', 'person'],
  ['Individual', 'person'],
  ['Household', 'person'],
  ['', null],
  ['membre', null],
])('kind %j', (cell, expected) => expect(kindOf(cell)).toBe(expected))

test.each([
  ['Démissionnaire', false, { closed: 'resigned' }],
  ['Adhérent résilié', false, { closed: 'resigned' }],
  ['Terminated member', false, { closed: 'resigned' }],
  ['Cancelled', false, { closed: 'resigned' }],
  ['Radié', false, { closed: 'expelled' }],
  ['Deceased', false, { closed: 'deceased' }],
  ['Dissoute', false, { closed: 'dissolved' }],
  ['Pending', false, { closed: null, covers: false }],
  ['Current', false, { closed: null, covers: true, active: null }],
  ['0', true, { closed: 'resigned' }],
  ['-2', true, { closed: 'expelled' }],
  ['-1', true, { closed: null, covers: false, active: false }],
  ['1', true, { closed: null, covers: true, active: true }],
  // Dolibarr's numbers mean nothing elsewhere.
  ['0', false, { closed: null, covers: true, active: null }],
])('state %j, codes: %j', (cell, codes, expected) => expect(stateOf(cell, codes)).toMatchObject(expected))

describe('texts', () => {
  // Attack class 29 and its neighbours: what a cell holds is data, for a terminal, a page and a spreadsheet alike.
  test.each(['=HYPERLINK("http://x","y")', '+32 2 000 00 00', '-1', '@SUM(A1)', '<script>', "Robert'); DROP TABLE--"])(
    '%j is a string like another',
    (cell) => expect(clean(cell)).toBe(cell),
  )
  test('control characters and marks that turn the writing are stripped, spaces joined', () => {
    expect(clean(' A\u0000\u001b[31mB\u202eC\u2066\r\n\tD\u00a0 E\u007f\u0085 ')).toBe('A[31mBC D E')
    expect(clean('Zoe\u0301')).toBe('Zo\u00e9')
    expect(clean('می‌خواهم')).toBe('می‌خواهم')
  })
  test('a value in a message is one line of 60 characters', () => {
    expect(shorten('x'.repeat(5000))).toHaveLength(60)
    expect(shorten('a\nb')).toBe('a b')
  })
})
