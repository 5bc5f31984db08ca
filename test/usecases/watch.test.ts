// Watching a change reach every service: what counts as done, what follows from it, and who knows how long it took.
import { describe, expect, test } from 'vitest'
import type { Core } from '../../src/core.ts'
import type { OutboxRow } from '../../src/ports.ts'
import { isOver, linesOf, mark, owedOn, pauseFor } from '../../src/usecases/watch.ts'

const row = (service: string, subject: string, more: Partial<OutboxRow> = {}): OutboxRow => ({
  id: 1,
  service,
  subject,
  effect: 'row',
  payload: {},
  cause: 'person',
  createdAt: 0,
  dueAt: 0,
  tries: 0,
  lastError: null,
  ...more,
})
const touched = [
  { service: 'provider', subject: 'ada' },
  { service: 'mail', subject: 'ada@x' },
]

describe('marking', () => {
  test('what is owed no more is done, with the milliseconds since the change, and stays done', () => {
    const lines = linesOf(touched)
    expect(mark(lines, [row('mail', 'ada@x')], 1_120, 1_000)).toEqual([
      { service: 'provider', subject: 'ada', done: true, ms: 120 },
    ])
    expect(isOver(lines)).toBe(false)
    // Something else is asked of it later: that is another change.
    expect(mark(lines, [row('provider', 'ada')], 1_300, 1_000)).toEqual([
      { service: 'mail', subject: 'ada@x', done: true, ms: 300 },
    ])
    expect(isOver(lines)).toBe(true)
  })

  test('what follows from it adds lines; what is about others does not', () => {
    const lines = linesOf([touched[0]!])
    mark(lines, [row('logout/wiki', 'ada', { effect: 'logout' }), row('mail', 'bob@x')], 10, 0)
    expect([...lines.values()]).toMatchObject([
      { service: 'provider', done: true, ms: 10 },
      { service: 'logout/wiki', subject: 'ada', done: false },
    ])
  })

  test('a client that will be told is not done before the provider has ended its session', () => {
    const lines = linesOf([touched[0]!, { service: 'logout/wiki', subject: 'ada' }])
    expect(mark(lines, [row('provider', 'ada')], 10, 0)).toEqual([])
    expect(mark(lines, [row('logout/wiki', 'ada', { effect: 'logout' })], 20, 0)).toMatchObject([
      { service: 'provider' },
    ])
    expect(mark(lines, [], 30, 0)).toEqual([{ service: 'logout/wiki', subject: 'ada', done: true, ms: 30 }])
    expect(isOver(lines)).toBe(true)
  })

  test('a client that was told between two looks is told of all the same', () => {
    const lines = linesOf([touched[0]!, { service: 'logout/wiki', subject: 'ada' }])
    expect(mark(lines, [], 30, 0).map(({ service }) => service)).toEqual(['provider', 'logout/wiki'])
  })

  test('of several rows the one that failed tells why; nobody who came late tells how long', () => {
    const lines = linesOf(touched)
    const failed = row('mail', 'ada@x', { tries: 3, lastError: 'it is down', dueAt: 99 })
    mark(lines, [row('mail', 'ada@x'), failed], 5_000, undefined)
    expect([...lines.values()]).toEqual([
      { service: 'provider', subject: 'ada', done: true },
      { service: 'mail', subject: 'ada@x', done: false, owed: { tries: 3, lastError: 'it is down', dueAt: 99 } },
    ])
  })
})

test.each([1, 20])('what is owed on %i subjects is asked for, without the second kick', async (many) => {
  const all = Array.from({ length: many }, (_, n) => `s${n}`)
  const rows = all.flatMap((subject) => [
    row('mail', subject, { effect: 'sessions' }),
    row('mail', subject, { effect: 'sessions_again' }),
  ])
  const asked: object[] = []
  const pending = async (filter: { subject?: string }) => {
    asked.push(filter)
    return rows.filter(({ subject }) => filter.subject === undefined || filter.subject === subject)
  }
  const core = { store: { outbox: { pending } } } as unknown as Pick<Core, 'store'>
  const owed = await owedOn(core, new Set(all))
  expect(owed.map(({ subject, effect }) => [subject, effect])).toEqual(all.map((subject) => [subject, 'sessions']))
  // Many subjects are one question.
  expect(asked).toHaveLength(1)
})

test('what takes long is looked at less often, and looking is never the work', () => {
  expect(pauseFor(10, 0, 0)).toBe(10)
  expect(pauseFor(10, 4_000, 1)).toBe(200)
  expect(pauseFor(10, 600_000, 1)).toBe(1_000)
  expect(pauseFor(10, 0, 700)).toBe(2_800)
})
