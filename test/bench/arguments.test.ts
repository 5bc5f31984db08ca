import { describe, expect, test } from 'vitest'
import { parseArguments } from '../../bench/arguments.ts'

const known = ['provider', 'suspension']

test.each<[string, string[], { names: string[]; json: boolean; rounds?: number }]>([
  ['all without a name', [], { names: known, json: false }],
  ['all as JSON', ['--json'], { names: known, json: true }],
  ['one', ['suspension'], { names: ['suspension'], json: false }],
  ['one as JSON, wherever that stands', ['--json', 'suspension'], { names: ['suspension'], json: true }],
  ['in the order asked for', ['suspension', 'provider'], { names: ['suspension', 'provider'], json: false }],
  ['with fewer rounds', ['provider', '--rounds=3'], { names: ['provider'], json: false, rounds: 3 }],
  ['the last number of rounds', ['--rounds=3', '--rounds=20'], { names: known, json: false, rounds: 20 }],
  ['twice is once', ['provider', 'provider', '--json', '--json'], { names: ['provider'], json: true }],
])('%s', (_, argv, expected) => {
  expect(parseArguments(argv, known)).toEqual(expected)
})

describe('what is not known is named, with the usage', () => {
  test.each<[string, string[], string]>([
    [
      'a name',
      ['provider', 'memory'],
      'unknown: memory. Usage: npm run bench -- [provider] [suspension] [--rounds=N] [--json]',
    ],
    ['an option', ['--csv'], 'unknown: --csv.'],
    ['no rounds', ['--rounds=0'], 'unknown: --rounds=0.'],
    ['rounds that are no number', ['--rounds=many'], 'unknown: --rounds=many.'],
    ['both, each of them', ['a', '-x', 'b'], 'unknown: -x, a, b.'],
    ['a name that every object has', ['constructor'], 'unknown: constructor.'],
  ])('%s', (_, argv, complaint) => {
    expect(() => parseArguments(argv, known)).toThrow(complaint)
  })
})
