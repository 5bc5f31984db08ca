import { describe, expect, test } from 'vitest'
import { median, neighbourRatio, percentile, rounded } from '../../bench/statistics.ts'

const hundred = Array.from({ length: 100 }, (_, at) => 100 - at)

describe('percentile: the nearest rank', () => {
  test.each<[string, number[], number, number]>([
    ['of nothing', [], 0.5, Number.NaN],
    ['of one', [7], 0.99, 7],
    ['none below', [3, 1, 2], 0, 1],
    ['all of them', [3, 1, 2], 1, 3],
    ['half of an even number', [4, 1, 3, 2], 0.5, 2],
    ['half of an odd number', [5, 1, 3], 0.5, 3],
    ['99 of a hundred', hundred, 0.99, 99],
    ['one more than that', hundred, 0.991, 100],
    ['numbers, not texts', [9, 10, 100], 0.5, 10],
  ])('%s', (_, values, share, expected) => {
    expect(percentile(values, share)).toBe(expected)
  })

  test('leaves what it is given in its order', () => {
    const values = [3, 1, 2]
    percentile(values, 0.5)
    median(values)
    expect(values).toEqual([3, 1, 2])
  })
})

describe('median', () => {
  test.each<[string, number[], number]>([
    ['of nothing', [], Number.NaN],
    ['of one', [7], 7],
    ['of an odd number', [9, 100, 10], 10],
    ['of an even number: between the two', [4, 1, 3, 2], 2.5],
  ])('%s', (_, values, expected) => {
    expect(median(values)).toBe(expected)
  })
})

describe('neighbourRatio', () => {
  test.each<[string, number[], number[], number]>([
    ['as fast', [10], [10, 10], 1],
    ['half as fast as before and after', [5], [8, 12], 0.5],
    ['a machine that slows down slows both', [10, 5], [20, 20, 0], 0.5],
    ['nothing after the last: what was before counts', [5], [10], 0.5],
    ['the middle one of several', [1, 5, 90], [10, 10, 10, 10], 0.5],
    ['nothing to measure against', [1], [], Number.NaN],
  ])('%s', (_, values, yardstick, expected) => {
    expect(neighbourRatio(values, yardstick)).toBe(expected)
  })
})

test.each<[number, number]>([
  [0, 0],
  [0.123456, 0.123],
  [12.3456, 12.3],
  [999.4, 999],
  [-12.3456, -12.3],
  [1234.56, 1235],
  [-1234.56, -1235],
  [123_456, 123_456],
])('%d is given as %d', (value, expected) => {
  expect(rounded(value)).toBe(expected)
})
