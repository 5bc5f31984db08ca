// Lines of two files that may tell of one payment: a table of cases, and how they are paired.
import { describe, expect, test } from 'vitest'
import { alike, openPairs, type Told } from '../../src/domain/resembling.ts'

const line: Told = {
  valueOn: '2026-06-12',
  cents: 6000,
  counterIban: 'BE68539007547034',
  reference: null,
  text: 'Cotisation 2026 Zoé',
}
const bare: Told = { ...line, counterIban: null }

describe('whether two lines look alike', () => {
  test.each<[string, Partial<Told>, Partial<Told>, boolean]>([
    ['all the same', {}, {}, true],
    ['another day', {}, { valueOn: '2026-06-13' }, false],
    ['another amount', {}, { cents: 6001 }, false],
    ['money in and money out', {}, { cents: -6000 }, false],
    ['the same account, other words', {}, { text: 'VIREMENT' }, true],
    ['another account, the same words', {}, { counterIban: 'BE71096123456769' }, false],
    [
      'the same reference, an account that one file does not tell',
      { reference: '1' },
      { reference: '1', counterIban: null },
      true,
    ],
    ['two references from one account: a family', { reference: '1' }, { reference: '2' }, false],
    ['a reference that one format has and the other not', { reference: '1' }, {}, true],
  ])('%s', (_, one, other, expected) => {
    expect(alike({ ...line, ...one }, { ...line, ...other })).toBe(expected)
    expect(alike({ ...line, ...other }, { ...line, ...one })).toBe(expected)
  })

  test.each<[string, string, string, boolean]>([
    ['the same words', 'Cotisation 2026', 'Cotisation 2026', true],
    ['capitals, accents and spaces', 'COTISATION   2026 ZOE', 'Cotisation 2026 Zoé', true],
    ['folded in two', 'Cotisa\ntion 2026', 'Cotisation 2026', true],
    ['with more round it', 'VIR SEPA DE ZOE: Cotisation 2026', 'Cotisation 2026', true],
    ['cut off', 'Cotisation 2026 de la part de', 'Cotisation 2026 de la part de Zoé Lefèvre', true],
    ['other words', 'Cotisation 2026', 'Don 2026', false],
    ['none', '', '', false],
    ['none in one of them', '', 'Cotisation 2026', false],
    ['too short to tell', '2026', 'Don 2026', false],
    ['signs alone', '***---***', '***---***', false],
  ])('without an account: %s', (_, one, other, expected) => {
    expect(alike({ ...bare, text: one }, { ...bare, text: other })).toBe(expected)
  })
})

describe('pairs', () => {
  const known = (id: string, more: Partial<Told> = {}) => ({ id, ...line, ...more })
  type Known = ReturnType<typeof known>
  const paired = (lines: Told[], there: Known[]) => {
    const pairs = openPairs<Known>()
    pairs.add(there)
    return pairs.among(lines).map((one) => one?.id)
  }

  test('two equal payments in a file are two: each one here is given once', () => {
    expect(paired([line, line], [known('a')])).toEqual(['a', undefined])
    expect(paired([line, line], [known('a'), known('b')])).toEqual(['a', 'b'])
    expect(paired([line, line, line], [known('a'), known('b')])).toEqual(['a', 'b', undefined])
  })
  test('the surest first: the reference, the account, the very words, words within words', () => {
    const there = [
      known('within', { counterIban: null, text: `${line.text} merci` }),
      known('words', { counterIban: null }),
      known('account', { text: 'x' }),
      known('reference', { reference: '1', counterIban: null, text: '' }),
    ]
    const asked = { ...line, reference: '1' }
    expect(paired([asked, asked, asked, asked, asked], there)).toEqual([
      'reference',
      'account',
      'words',
      'within',
      undefined,
    ])
  })
  test('what was taken is given no more, even if it comes again; what was only looked at is', () => {
    const pairs = openPairs<Known>()
    pairs.add([known('a'), known('b')])
    pairs.add([known('a')])
    expect(pairs.among([line]).map((one) => one?.id)).toEqual(['a'])
    expect(pairs.among([line]).map((one) => one?.id)).toEqual(['a'])
    pairs.take([known('a')])
    pairs.add([known('a')])
    expect(pairs.among([line, line]).map((one) => one?.id)).toEqual(['b', undefined])
  })
  test('nothing here, nothing alike', () => {
    expect(paired([line], [])).toEqual([undefined])
    expect(paired([line], [known('a', { cents: 1 })])).toEqual([undefined])
    expect(paired([], [known('a')])).toEqual([])
  })
  test('ten thousand of one day and one amount are paired by what is their own', () => {
    const of = (n: number) => ({ counterIban: null, text: `cotisation numéro ${n}` })
    const there = Array.from({ length: 10_000 }, (_, n) => known(String(n), of(n)))
    const asked = Array.from({ length: 10_000 }, (_, n) => ({ ...line, ...of(9_999 - n) }))
    expect(paired(asked, there)).toEqual(Array.from({ length: 10_000 }, (_, n) => String(9_999 - n)))
  })
})
