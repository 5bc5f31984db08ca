import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDays, civilDate, isCivilDate, lastDay, startOfDay } from '../../src/domain/time.ts'

const at = (text: string): number => Date.parse(text)

describe('the civil date of an instant', () => {
  test.each([
    ['2026-12-31T22:59:59.999Z', 'Europe/Brussels', '2026-12-31'],
    ['2026-12-31T23:00:00Z', 'Europe/Brussels', '2027-01-01'],
    ['2026-06-30T21:59:59Z', 'Europe/Brussels', '2026-06-30'],
    ['2026-06-30T22:00:00Z', 'Europe/Brussels', '2026-07-01'],
    // The hour that comes twice, and the one that never comes.
    ['2026-10-25T00:30:00Z', 'Europe/Brussels', '2026-10-25'],
    ['2026-10-25T01:30:00Z', 'Europe/Brussels', '2026-10-25'],
    ['2026-03-29T01:00:00Z', 'Europe/Brussels', '2026-03-29'],
    ['2026-12-31T23:30:00Z', 'UTC', '2026-12-31'],
    ['2026-01-01T09:59:00Z', 'Pacific/Kiritimati', '2026-01-01'],
    ['2026-01-01T10:00:00Z', 'Pacific/Kiritimati', '2026-01-02'],
    ['2026-01-01T10:59:00Z', 'Pacific/Pago_Pago', '2025-12-31'],
    ['1970-01-01T00:00:00Z', 'America/New_York', '1969-12-31'],
  ])('%s in %s is %s', (instant, zone, date) => {
    expect(civilDate(at(instant), zone)).toBe(date)
  })
})

describe('the beginning of a day', () => {
  test.each([
    ['2026-01-01', 'Europe/Brussels', '2025-12-31T23:00:00Z'],
    ['2026-03-29', 'Europe/Brussels', '2026-03-28T23:00:00Z'],
    ['2026-03-30', 'Europe/Brussels', '2026-03-29T22:00:00Z'],
    ['2026-10-25', 'Europe/Brussels', '2026-10-24T22:00:00Z'],
    ['2026-10-26', 'Europe/Brussels', '2026-10-25T23:00:00Z'],
    // Midnight does not exist on this day in Beirut: it begins at one.
    ['2025-03-30', 'Asia/Beirut', '2025-03-29T22:00:00Z'],
  ])('%s in %s', (on, zone, instant) => {
    expect(startOfDay(on, zone)).toBe(at(instant))
    expect(civilDate(startOfDay(on, zone), zone)).toBe(on)
    expect(civilDate(startOfDay(on, zone) - 1, zone)).toBe(addDays(on, -1))
  })
  test('is the first instant of its date, in any zone', () => {
    const zones = [
      'Europe/Brussels',
      'America/Sao_Paulo',
      'Africa/Cairo',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
      'UTC',
    ]
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30_000 }), fc.constantFrom(...zones), (days, zone) => {
        const on = addDays('1980-01-01', days)
        expect(civilDate(startOfDay(on, zone), zone)).toBe(on)
        expect(civilDate(startOfDay(on, zone) - 1, zone)).toBe(addDays(on, -1))
      }),
    )
  })
})

describe('counting days', () => {
  test.each([
    ['2024-02-28', 1, '2024-02-29'],
    ['2023-02-28', 1, '2023-03-01'],
    ['2026-12-31', 1, '2027-01-01'],
    ['2026-03-28', 2, '2026-03-30'],
    ['2026-01-01', -1, '2025-12-31'],
    ['2026-01-01', 0, '2026-01-01'],
    ['9999-12-31', 1, '9999-12-31'],
    ['9999-12-01', 400, '9999-12-31'],
    ['0000-01-01', -1, '0000-01-01'],
  ])('%s and %i', (on, days, then) => {
    expect(addDays(on, days)).toBe(then)
  })
  test('stays in order as strings', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3_652_058 }), fc.integer({ min: 0, max: 5000 }), (days, more) => {
        const on = addDays('0000-01-01', days)
        expect(addDays(on, more) >= on).toBe(true)
        expect(addDays(on, more)).toMatch(/^\d{4}-\d{2}-\d{2}$/)
      }),
    )
  })
})

test('the last day of months is before the same day of the month, or is the last day there is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 1, max: 240 }), (days, months) => {
      const start = addDays('2000-01-01', days)
      const end = lastDay(start, months)
      const next = addDays(end, 1)
      expect(end > start || months === 1).toBe(true)
      const sameDay = next.slice(8) === start.slice(8)
      // Clamped: the month has no such day, and the whole of it belongs to the term.
      expect(sameDay || (next.slice(8) === '01' && end.slice(8) < start.slice(8))).toBe(true)
    }),
  )
})

test.each<[string, boolean]>([
  ['2026-01-31', true],
  ['2024-02-29', true],
  ['0001-01-01', true],
  ['9999-12-31', true],
  ['2023-02-29', false],
  ['2026-02-30', false],
  ['2026-13-01', false],
  ['2026-00-10', false],
  ['2026-1-1', false],
  ['26-01-01', false],
  ['2026/01/01', false],
  ['31-01-2026', false],
  ['2026-01-01T00:00', false],
  ['2026-01-01 ', false],
  ['+002026-01-01', false],
  ['', false],
  ['today', false],
])('%j is a date: %s', (text, expected) => {
  expect(isCivilDate(text)).toBe(expected)
})
