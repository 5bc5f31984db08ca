// Whose payment a line is: sure only by a reference of an open call, a suggestion by account or name, else nobody's.
import { describe, expect, test } from 'vitest'
import { alike, type Known, match, type Owing, withWords } from '../../src/domain/matching.ts'

const line = { cents: 6000, counterName: 'LEFEVRE ZOE', text: 'cotisation' }
const owing = [
  { payerId: 'zoe', name: 'Zoé Lefèvre', cents: 6000 },
  { payerId: 'max', name: 'Max Dupont', cents: 3000 },
]
type Given = Partial<Omit<Known, 'owing'>> & { owing?: Owing[] }
const known = (more: Given = {}): Known => ({ payers: [], ...more, owing: withWords(more.owing ?? owing) })

test.each([
  [
    'an open call',
    line,
    known({ called: { payerId: 'max', open: true }, payers: ['zoe'] }),
    ['reference', 'max', true],
  ],
  ['a settled call', line, known({ called: { payerId: 'max', open: false } }), ['old_reference', 'max', false]],
  [
    'a known account, the exact amount',
    { ...line, counterName: null },
    known({ payers: ['zoe'] }),
    ['account', 'zoe', false],
  ],
  [
    'a known account, another amount',
    { ...line, cents: 5000, counterName: null },
    known({ payers: ['zoe'] }),
    ['none', null, false],
  ],
  [
    'an account that two used',
    { ...line, counterName: null },
    known({ payers: ['zoe', 'max'] }),
    ['none', null, false],
  ],
  ['a name in another order, without accents', line, known(), ['name', 'zoe', false]],
  [
    'a name in the text',
    { ...line, counterName: 'BANQUE X', text: 'dues of max dupont' },
    known(),
    ['name', 'max', false],
  ],
  [
    'two of one name',
    line,
    known({ owing: [...owing, { payerId: 'zo2', name: 'Zoé Lefevre', cents: 1 }] }),
    ['none', null, false],
  ],
  ['nobody', { ...line, counterName: 'X', text: '' }, known(), ['none', null, false]],
  [
    'money that leaves',
    { ...line, cents: -6000 },
    known({ called: { payerId: 'zoe', open: true } }),
    ['none', null, false],
  ],
  ['nothing', { ...line, cents: 0 }, known({ called: { payerId: 'zoe', open: true } }), ['none', null, false]],
] as const)('%s', (_what, given, about, [rule, payerId, sure]) => {
  expect(match(given, about as Known)).toEqual({ rule, payerId, sure })
})

describe('names', () => {
  test.each([
    ['Zoé Lefèvre', 'MME LEFEVRE ZOE MARIE', true],
    ['Zoé Lefèvre', 'M LEFEVRE', false],
    ['Zoé', 'ZOE', false],
    ['Jean-Pierre D’Hondt', 'D HONDT JEAN PIERRE', true],
    ['', '', false],
  ])('%s and %s: %s', (one, other, expected) => {
    expect([alike(one, other), alike(other, one)]).toEqual([expected, expected])
  })
})
