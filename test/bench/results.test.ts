import { describe, expect, test } from 'vitest'
import { jsonLine, type Result, table, tidy } from '../../bench/results.ts'

const result = (more: Partial<Result> = {}): Result => ({
  bench: 'b',
  case: 'one',
  value: 1,
  unit: 'ms',
  n: 1,
  ...more,
})

describe('tidy keeps the digits that mean something', () => {
  test.each<[string, Partial<Result>, Partial<Result>]>([
    ['three of a value', { value: 12.3456 }, { value: 12.3 }],
    ['all before the point', { value: 12_345.6 }, { value: 12_346 }],
    ['two places of a ratio', { ratio: 0.8765 }, { ratio: 0.88 }],
    ['a ratio of nothing is one', { ratio: 0 }, { ratio: 0 }],
    ['one place of a percentile', { p50: 1.234, p99: 56.78 }, { p50: 1.2, p99: 56.8 }],
  ])('%s', (_, given, expected) => {
    expect(tidy(result(given))).toEqual(result({ ...given, ...expected }))
  })

  test('and adds nothing', () => {
    expect(Object.keys(tidy(result()))).toEqual(Object.keys(result()))
  })
})

describe('jsonLine', () => {
  test.each<[string, Partial<Result>, string]>([
    ['the bare minimum', {}, '{"bench":"b","case":"one","value":1,"unit":"ms","n":1}'],
    [
      'everything, tidied',
      { value: 1.23456, against: 'bare', ratio: 0.5678, p50: 1.26, p99: 9.94 },
      '{"bench":"b","case":"one","value":1.23,"unit":"ms","n":1,"against":"bare","ratio":0.57,"p50":1.3,"p99":9.9}',
    ],
    [
      'on one line, whatever a name holds',
      { case: 'a\n"b"' },
      '{"bench":"b","case":"a\\n\\"b\\"","value":1,"unit":"ms","n":1}',
    ],
  ])('%s', (_, given, line) => {
    expect(jsonLine(result(given))).toBe(line)
  })
})

describe('table', () => {
  test.each<[string, Result[], string[]]>([
    ['the columns alone', [], ['case  value  unit  against  ratio  p50  p99  n']],
    [
      'numbers to the right, words to the left, what is not there left out',
      [
        result({ value: 12_345, unit: 'per second', against: 'bare', ratio: 0.876, p50: 1.26, p99: 20, n: 1_000 }),
        result({ case: 'a longer name', value: 0.5, n: 3 }),
      ],
      [
        'case            value  unit        against  ratio  p50  p99      n',
        'one            12,345  per second  bare      0.88  1.3   20  1,000',
        'a longer name     0.5  ms                                        3',
      ],
    ],
  ])('%s', (_, results, lines) => {
    expect(table(results).split('\n')).toEqual(lines)
  })
})
