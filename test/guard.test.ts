import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrate, openDatabase } from '../adapters/sql/database.ts'
import { openStore } from '../adapters/sql/index.ts'
import { noteRemovals, removalsOn, tooMany } from '../src/guard.ts'
import type { Store } from '../src/ports.ts'

const rule = { share: 0.3, atLeast: 10 }

describe('too many at once', () => {
  test.each<[number, number, boolean]>([
    [0, 0, false],
    [9, 9, false],
    [3, 10, false],
    [4, 10, true],
    [10, 10, true],
    [0, 10, false],
    [30, 100, false],
    [31, 100, true],
    [3000, 10_000, false],
    [3001, 10_000, true],
  ])('%i of %i: %s', (removals, of, expected) => {
    expect(tooMany({ removals, of }, rule)).toBe(expected)
  })
  test('the rule is the association’s', () => {
    expect(tooMany({ removals: 1, of: 1 }, { share: 0.3, atLeast: 1 })).toBe(true)
    expect(tooMany({ removals: 100, of: 100 }, { share: 1, atLeast: 1 })).toBe(false)
  })
})

describe('the removals of a day', () => {
  let store: Store
  beforeEach(async () => {
    const database = openDatabase('sqlite::memory:')
    await migrate(database)
    store = openStore(database)
  })
  afterEach(() => store.close())

  test('add up, and begin anew the next day', async () => {
    expect(await removalsOn(store.settings, '2026-06-01')).toBe(0)
    await noteRemovals(store.settings, '2026-06-01', 2)
    await noteRemovals(store.settings, '2026-06-01', 0)
    await noteRemovals(store.settings, '2026-06-01', 3)
    expect(await removalsOn(store.settings, '2026-06-01')).toBe(5)
    expect(await removalsOn(store.settings, '2026-06-02')).toBe(0)
    await noteRemovals(store.settings, '2026-06-02', 1)
    expect(await removalsOn(store.settings, '2026-06-02')).toBe(1)
  })
  test('are forgotten when what they are part of is rolled back', async () => {
    const failed = store.transaction(async ({ settings }) => {
      await noteRemovals(settings, '2026-06-01', 4)
      throw new Error('rolled back')
    })
    await expect(failed).rejects.toThrow('rolled back')
    expect(await removalsOn(store.settings, '2026-06-01')).toBe(0)
  })
})
