// Money as people type it.
import { expect, test } from 'vitest'
import { parseEuros } from '../../src/domain/money.ts'

test.each([
  ['60', 6000],
  ['60,5', 6050],
  ['60.50', 6050],
  ['1 234,50 €', 123450],
  ['1\u00a0234,50', 123450],
  ['0', 0],
  ['007', 700],
  ['', undefined],
  ['-5', undefined],
  ['1.234', undefined],
  ['1,234', undefined],
  ['1.234,50', undefined],
  ['60,', undefined],
  ['6e3', undefined],
  ['٦٠', undefined],
  ['1234567890', undefined],
  ['0x10', undefined],
])('%j: %s', (typed, cents) => {
  expect(parseEuros(typed)).toBe(cents)
})
