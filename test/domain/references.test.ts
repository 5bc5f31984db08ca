import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import {
  epcPayload,
  findOgm,
  findReference,
  findRf,
  formatIban,
  formatOgm,
  formatRf,
  ibanOf,
  makeOgm,
  makeRf,
  parseIban,
  parseOgm,
  parseReference,
  parseRf,
} from '../../src/domain/references.ts'

const refusal = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

const number = fc.integer({ min: 1, max: 9_999_999_999 })
const alphanumeric = fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ')
const reference = fc.array(alphanumeric, { minLength: 1, maxLength: 21 }).map((chars) => chars.join(''))

/** Every text that differs from `text` in one digit. */
function* digitsChanged(text: string): Generator<string> {
  for (const [at, char] of [...text].entries())
    if (/\d/.test(char))
      for (const other of '0123456789') if (other !== char) yield text.slice(0, at) + other + text.slice(at + 1)
}

/** Every text in which two neighbours that differ have changed places. */
function* swapped(text: string): Generator<string> {
  for (let at = 0; at + 1 < text.length; at++)
    if (text[at] !== text[at + 1]) yield text.slice(0, at) + text[at + 1] + text[at] + text.slice(at + 2)
}

describe('the Belgian structured communication', () => {
  test.each([
    [1, '+++000/0000/00101+++'],
    [485, '+++000/0000/48597+++'],
    [108068171, '+++010/8068/17183+++'],
    [909337554, '+++090/9337/55493+++'],
    [9999999999, '+++999/9999/99948+++'],
  ])('of %d is %s', (from, printed) => {
    expect(formatOgm(makeOgm(from))).toBe(printed)
    expect(parseOgm(printed)).toBe(makeOgm(from))
  })

  test.each([0, -1, 1.5, 10_000_000_000, Number.NaN, Number.POSITIVE_INFINITY])('%d has none', (from) => {
    expect(refusal(() => makeOgm(from))).toMatchObject({ code: 'invalid_value', field: 'ogm' })
  })

  test.each([
    '+++010/8068/17183+++',
    '***010/8068/17183***',
    '010806817183',
    '010/8068/17183',
    ' 010 8068 17183 ',
    '0108 0681 7183',
    '010.8068.17183',
    '+++ 010 / 8068 / 17183 +++',
  ])('%j is read', (text) => {
    expect(parseOgm(text)).toBe('010806817183')
  })

  test.each([
    '',
    '000/0000/00000',
    '+++000/0000/00000+++',
    '+++000/0000/48500+++', // The rest is 0: 97 is written, never 00.
    '010/8068/17184',
    '10/8068/17183',
    '0108068171830',
    '010806817183 merci',
    '٠١٠٨٠٦٨١٧١٨٣',
  ])('%j is none', (text) => {
    expect(parseOgm(text)).toBeNull()
  })

  test('what is made is read again; one changed digit or two swapped neighbours are seen, always', () => {
    fc.assert(
      fc.property(number, (from) => {
        const digits = makeOgm(from)
        expect(parseOgm(formatOgm(digits))).toBe(digits)
        for (const wrong of [...digitsChanged(digits), ...swapped(digits)]) expect(parseOgm(wrong)).toBeNull()
      }),
    )
  })

  test('of a hundred check digits one is right', () => {
    fc.assert(
      fc.property(number, (from) => {
        const ten = makeOgm(from).slice(0, 10)
        const right = Array.from({ length: 100 }, (_, check) => parseOgm(ten + String(check).padStart(2, '0')))
        expect(right.filter(Boolean)).toHaveLength(1)
      }),
    )
  })
})

describe('an OGM in free text', () => {
  test.each([
    ['cotisation +++010/8068/17183+++ merci', '010806817183'],
    ['COTISATION2026 010806817183', '010806817183'],
    ['OGM010806817183', '010806817183'],
    ['cotisation 2026 010/8068/17183', '010806817183'],
    ['le 15/03/2026, 010 8068 17183', '010806817183'],
    ['010-8068-17183', '010806817183'],
    ['mededeling: ***010/8068/17183***.', '010806817183'],
    ['+++010/8068/ 17183+++', '010806817183'],
    ['+++010/80\n68/17183+++', '010806817183'],
    ['+++010/8068/17183', '010806817183'],
    // Its own account number is not a communication, though the check is the same.
    ['BE68 5390 0754 7034', null],
    ['de BE68539007547034 pour 010806817183', '010806817183'],
    ['be68-5390-0754-7034', null],
    ['compte 539-0075470-34', null],
    ['ref XX12 BE68 5390 0754 7034', null],
    // One that is marked goes before one that may be chance.
    ['539007547034 +++010/8068/17183+++', '010806817183'],
    ['+++010/8068/17184+++ 539007547034', '539007547034'],
    // Two are nobody's; the same twice is one.
    ['+++010/8068/17183+++ +++000/0000/00101+++', null],
    ['010806817183 000000000101', null],
    ['+++010/8068/17183+++ +++010/8068/17183+++', '010806817183'],
    // Within a longer number nothing is sought.
    ['2026010806817183', null],
    ['0108068171832026', null],
    ['+32 471 23 45 67', null],
    ['', null],
    ['merci', null],
  ])('%j: %j', (text, found) => {
    expect(findOgm(text)).toBe(found)
  })

  test('is found whatever stands around it, as a person or a bank writes it', () => {
    const words = fc.constantFrom('', 'cotisation', 'Merci !', 'lidgeld 2026', 'ASBL (Bruxelles)', 'é&"')
    const style = fc.constantFrom<(digits: string) => string>(
      formatOgm,
      (digits) => formatOgm(digits).replaceAll('+', '*'),
      (digits) => formatOgm(digits).replaceAll('+', ''),
      (digits) => formatOgm(digits).replaceAll('/', ' / '),
    )
    fc.assert(
      fc.property(number, words, words, style, (from, before, after, write) => {
        expect(findOgm(`${before} ${write(makeOgm(from))} ${after}`)).toBe(makeOgm(from))
      }),
    )
  })

  test('a long text is searched at once', () => {
    const began = performance.now()
    for (const text of [
      '1 '.repeat(50_000),
      '+'.repeat(100_000),
      'BE68 '.repeat(20_000),
      'RF18 '.repeat(20_000),
      '123/'.repeat(30_000),
    ])
      findReference(text)
    expect(performance.now() - began).toBeLessThan(5000)
  })
})

describe('the creditor reference of ISO 11649', () => {
  test.each([
    ['539007547034', 'RF18539007547034', 'RF18 5390 0754 7034'],
    ['5390 0754 7034', 'RF18539007547034', 'RF18 5390 0754 7034'],
    ['ab2g5', 'RF68AB2G5', 'RF68 AB2G 5'],
    ['2348236', 'RF332348236', 'RF33 2348 236'],
  ])('of %j is %s, printed %s', (from, rf, printed) => {
    expect(makeRf(from)).toBe(rf)
    expect(formatRf(rf)).toBe(printed)
    expect(parseRf(printed)).toBe(rf)
  })

  test.each(['', ' ', 'é', 'a+b', 'A'.repeat(22)])('of %j there is none', (from) => {
    expect(refusal(() => makeRf(from))).toMatchObject({ code: 'invalid_value', field: 'rf' })
  })

  test.each(['RF18539007547034', 'rf18 5390 0754 7034', 'RF18-5390-0754-7034', ' RF18 539007547034 '])(
    '%j is read',
    (text) => {
      expect(parseRf(text)).toBe('RF18539007547034')
    },
  )

  test.each(['', 'RF18', 'RF19539007547034', 'FR18539007547034', 'RF18539007547034 merci', 'RFX8539007547034'])(
    '%j is none',
    (text) => {
      expect(parseRf(text)).toBeNull()
    },
  )

  test('what is made is read again; one changed digit is seen, always', () => {
    fc.assert(
      fc.property(reference, (from) => {
        const rf = makeRf(from)
        expect(parseRf(rf)).toBe(rf)
        expect(parseRf(formatRf(rf).toLowerCase())).toBe(rf)
        for (const wrong of digitsChanged(rf)) expect(parseRf(wrong)).toBeNull()
      }),
    )
  })

  // A letter counts as two digits: B1 is 111 and so is 1B, and 99 × (11 × 1 − 11) vanishes in the same way for M2 and X3.
  test('two swapped neighbours are seen, but for 1B, 2M and 3X', () => {
    const blind = new Set(['1B', 'B1', '2M', 'M2', '3X', 'X3'])
    fc.assert(
      fc.property(reference, (from) => {
        const rf = makeRf(from)
        for (let at = 0; at + 1 < rf.length; at++) {
          const pair = rf.slice(at, at + 2)
          if (pair[0] === pair[1] || blind.has(pair)) continue
          expect(parseRf(rf.slice(0, at) + pair[1] + pair[0] + rf.slice(at + 2))).toBeNull()
        }
      }),
    )
    expect(parseRf(makeRf('A1BZ').replace('1B', 'B1'))).not.toBeNull()
  })

  test.each([
    ['RF18 5390 0754 7034', 'RF18539007547034'],
    ['virement RF18539007547034 merci', 'RF18539007547034'],
    ['cotisation rf18 5390 0754 7034 de la part de Zoé', 'RF18539007547034'],
    ['RF 18 5390 0754 7034', 'RF18539007547034'],
    ['RF18539007\n547034', 'RF18539007547034'],
    ['RF18 5390 0754 7035', null],
    ['XRF18539007547034', null],
    [`${makeRf('A')} et ${makeRf('B')}`, null],
    ['', null],
  ])('in the text %j: %j', (text, found) => {
    expect(findRf(text)).toBe(found)
  })
})

describe('either', () => {
  test.each([
    ['+++010/8068/17183+++', { kind: 'ogm', value: '010806817183' }],
    // The digits of this RF are an OGM too, by chance.
    ['RF18 5390 0754 7034', { kind: 'rf', value: 'RF18539007547034' }],
    ['RF18 5390 0754 7034 ou +++010/8068/17183+++', null],
    ['merci', null],
  ])('in %j: %j', (text, found) => {
    expect(findReference(text)).toEqual(found)
  })
  test('as the whole of a structured field', () => {
    expect(parseReference('010806817183')).toEqual({ kind: 'ogm', value: '010806817183' })
    expect(parseReference('rf18 539007547034')).toEqual({ kind: 'rf', value: 'RF18539007547034' })
    expect(parseReference('4654654654654654')).toBeNull()
  })
})

describe('the IBAN', () => {
  // From the examples of the registry.
  const examples = [
    'BE68539007547034',
    'FR1420041010050500013M02606',
    'NL91ABNA0417164300',
    'DE89370400440532013000',
    'LU280019400644750000',
    'GB29NWBK60161331926819',
    'MT84MALT011000012345MTLCAST001S',
    'NO9386011117947',
    'TR330006100519786457841326',
  ]
  test.each(examples)('%s holds', (iban) => {
    expect(parseIban(iban)).toBe(iban)
    expect(parseIban(` ${formatIban(iban).toLowerCase()}`)).toBe(iban)
    expect(ibanOf(iban.slice(0, 2), iban.slice(4))).toBe(iban)
    for (const wrong of digitsChanged(iban)) expect(parseIban(wrong)).toBeNull()
  })
  test.each([
    '',
    'BE68',
    'BE6853900754703',
    'BE685390075470341',
    'BE68539007547035',
    'XX',
    'BE00539007547034',
    `BE${'6'.repeat(60)}`,
    'FR14 2004 1010 0505 0001 3M02 60',
  ])('%j does not', (iban) => {
    expect(parseIban(iban)).toBeNull()
  })
  test('two swapped digits are seen', () => {
    for (const iban of examples)
      for (const wrong of swapped(iban)) if (/\d\d/.test(iban)) expect(parseIban(wrong)).toBeNull()
  })
  test('of a French account', () => {
    expect(ibanOf('FR', '20041010050500013M02606')).toBe('FR1420041010050500013M02606')
  })
  test('is printed in fours', () => {
    expect(formatIban('FR1420041010050500013M02606')).toBe('FR14 2004 1010 0505 0001 3M02 606')
  })
})

describe('the QR code of a credit transfer', () => {
  const payee = { name: 'Les Amis ASBL', iban: 'BE68 5390 0754 7034', cents: 1234 }

  test('with an OGM: in the text, with its marks', () => {
    expect(epcPayload({ ...payee, bic: 'kredbebb', ogm: '010806817183' })).toBe(
      'BCD\n002\n1\nSCT\nKREDBEBB\nLes Amis ASBL\nBE68539007547034\nEUR12.34\n\n\n+++010/8068/17183+++',
    )
  })
  test('with an RF: in the structured line, which is then the last', () => {
    expect(epcPayload({ ...payee, rf: 'RF18 5390 0754 7034' })).toBe(
      'BCD\n002\n1\nSCT\n\nLes Amis ASBL\nBE68539007547034\nEUR12.34\n\nRF18539007547034',
    )
  })
  test('with a text, or with none', () => {
    expect(epcPayload({ ...payee, text: 'Cotisation 2026' }).split('\n')[10]).toBe('Cotisation 2026')
    expect(
      epcPayload({ ...payee, text: '' })
        .split('\n')
        .at(-1),
    ).toBe('EUR12.34')
  })
  test.each([
    [1, 'EUR0.01'],
    [100, 'EUR1.00'],
    [105, 'EUR1.05'],
    [99_999_999_999, 'EUR999999999.99'],
  ])('%d cents are %s', (cents, amount) => {
    expect(epcPayload({ ...payee, cents, text: '' })).toContain(`\n${amount}`)
  })
  test.each<[string, object]>([
    ['cents', { cents: 0 }],
    ['cents', { cents: -1 }],
    ['cents', { cents: 1.5 }],
    ['cents', { cents: 100_000_000_000 }],
    ['cents', { cents: Number.NaN }],
    ['name', { name: '' }],
    ['name', { name: '  ' }],
    ['name', { name: 'x'.repeat(71) }],
    ['name', { name: 'Amis\nBE00' }],
    ['iban', { iban: 'BE68539007547035' }],
    ['iban', { iban: 'TR330006100519786457841326' }],
    ['bic', { bic: 'KRED' }],
    ['bic', { bic: 'KREDBEBBX' }],
    ['text', { text: 'x'.repeat(141) }],
    ['text', { text: 'a\nb' }],
    ['text', { text: 'a\u0085b' }],
    ['text', { text: '€'.repeat(120) }],
    ['text', { ogm: '010806817183' }],
  ])('refused for its %s: %j', (field, wrong) => {
    expect(refusal(() => epcPayload({ ...payee, text: 'x', ...wrong }))).toMatchObject({ code: 'invalid_value', field })
  })
  test('an OGM or RF that does not hold is refused, and so is a payment with neither', () => {
    expect(refusal(() => epcPayload({ ...payee, ogm: '010806817184' }))).toMatchObject({ field: 'ogm' })
    expect(refusal(() => epcPayload({ ...payee, rf: 'RF19539007547034' }))).toMatchObject({ field: 'rf' })
    expect(refusal(() => epcPayload(payee as never))).toMatchObject({ field: 'text' })
    const name = '𝕏'.repeat(70)
    expect(refusal(() => epcPayload({ ...payee, name, rf: 'RF18539007547034' }))).toMatchObject({ field: 'name' })
  })
  test('whatever is given: ten or eleven lines within the limits, or a refusal that names a field', () => {
    const text = fc.string({ unit: 'binary', maxLength: 160 })
    fc.assert(
      fc.property(text, text, fc.integer(), (name, words, cents) => {
        const payload = refusal(() => epcPayload({ ...payee, name, cents, text: words }))
        if (payload instanceof AppError) {
          expect(payload).toMatchObject({ code: 'invalid_value', field: expect.stringMatching(/^(name|text|cents)$/) })
          return
        }
        const lines = String(payload).split('\n')
        expect(lines.length).toBeLessThanOrEqual(11)
        expect(Buffer.byteLength(String(payload))).toBeLessThanOrEqual(331)
        expect(lines.slice(0, 4)).toEqual(['BCD', '002', '1', 'SCT'])
        expect(lines[7]).toMatch(/^EUR\d{1,9}\.\d\d$/)
      }),
    )
  })
})
