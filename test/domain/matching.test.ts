// Whose payment a line is: sure only by a reference of an open call, a suggestion by account or name, else nobody's.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alike, type Known, match, newNames, type Owing } from '../../src/domain/matching.ts'

const line = { cents: 6000, counterName: 'LEFEVRE ZOE', text: 'cotisation' }
const owing = [
  { payerId: 'zoe', name: 'Zoé Lefèvre', cents: 6000 },
  { payerId: 'max', name: 'Max Dupont', cents: 3000 },
]
type Given = Partial<Omit<Known, 'owing'>> & { owing?: Owing[] }
const known = (more: Given = {}): Given => ({ owing, ...more })
const matched = (given: Partial<Parameters<typeof match>[0]>, { payers = [], owing = [], ...more }: Given) => {
  const names = newNames()
  names.add(owing)
  const asked = { ...line, ...given }
  return match(asked, { payers, owing: names.near(asked, payers), ...more })
}

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
  expect(matched(given, about)).toEqual({ rule, payerId, sure })
})

describe('names', () => {
  test('of many, near is whoever is alike, and few others', () => {
    const word = fc.constantFrom('Anne', 'Élan', 'zoé', 'max', 'DUPONT', 'Lefèvre', 'd', 'asbl', 'Club')
    const name = fc.array(word, { maxLength: 4 }).map((words) => words.join(' '))
    fc.assert(
      fc.property(fc.array(name, { maxLength: 12 }), name, name, (all, counterName, text) => {
        const owing = all.map((one, at) => ({ payerId: String(at), name: one, cents: 1 }))
        const names = newNames()
        for (const one of owing) names.add([one])
        const near = names.near({ counterName, text }, ['3']).map(({ payerId }) => payerId)
        const alikes = owing.filter((one) => alike(one.name, counterName) || alike(one.name, text))
        expect(near).toEqual(expect.arrayContaining(alikes.map(({ payerId }) => payerId)))
        expect(near.includes('3')).toBe(all.length > 3)
        expect(new Set(near).size).toBe(near.length)
      }),
    )
    const names = newNames()
    names.add(Array.from({ length: 1000 }, (_, at) => ({ payerId: String(at), name: `Membre M${at}`, cents: 1 })))
    expect(names.near({ counterName: 'MEMBRE M7', text: 'cotisation du membre' }, [])).toMatchObject([{ payerId: '7' }])
    expect([names.nameOf('7'), names.nameOf('x')]).toEqual(['Membre M7', undefined])
  })

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
