import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonical, email, freeName, isEmail, isUsername, proposeUsername, username } from '../../src/domain/names.ts'

const refusal = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

describe('canonical', () => {
  test.each([
    ['Bob', 'bob'],
    [' bob\t', 'bob'],
    ['ＢＯＢ', 'bob'],
    ['\u00a0bob\ufeff', 'bob'],
    ['Zoé', 'zoé'],
    ['Zoe\u0301', 'zoé'],
    ['ﬁlip', 'filip'],
    ['J\u030c', '\u01f0'],
    ['\u212a', 'k'],
    ['', ''],
  ])('%j is %j', (typed, form) => {
    expect(canonical(typed)).toBe(form)
  })
  test('once more changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (typed) => {
        expect(canonical(canonical(typed))).toBe(canonical(typed))
      }),
    )
    for (const typed of ['J\u030c', 'H\u0331', 'T\u0308', 'W\u030a', 'Y\u030a', 'İ', 'ẞ', 'Σ', 'ΑΣ'])
      expect(canonical(canonical(typed))).toBe(canonical(typed))
  })
})

describe('usernames', () => {
  test.each(['a', '7', 'ada', 'ada.lovelace', 'a-b_c.d', 'a'.repeat(64), 'x0'])('%s is one', (name) => {
    expect(isUsername(name)).toBe(true)
    expect(username(`  ${name.toUpperCase()} `)).toBe(name)
  })
  test.each([
    '',
    ' ',
    '.ada',
    'ada.',
    '-ada',
    'ada-',
    '_ada',
    'a b',
    'ada@example.org',
    'ada/../eve',
    'zoé',
    'аda', // a Cyrillic а
    'ad\u200ba',
    'ada\n',
    'ada\u0000',
    'a'.repeat(65),
    'ada,ou=admins',
    '*',
    'ada%',
  ])('%j is none', (name) => {
    expect(isUsername(name)).toBe(false)
    // What is only space around a name is taken off.
    if (name !== 'ada\n')
      expect(refusal(() => username(name))).toMatchObject({ code: 'username_refused', field: 'username' })
  })
  test('a refusal shows what was typed, and not too much of it', () => {
    expect(refusal(() => username('!'.repeat(5000)))).toMatchObject({ detail: expect.stringMatching(/^.{0,200}$/) })
  })
})

describe('e-mail addresses', () => {
  test.each([
    'a@b.co',
    'ada+list@example.org',
    "o'neill@example.org",
    'a/b=c{d}|e~f^g`h?i!j#k$l%m&n*o@example.org',
    `${'a'.repeat(64)}@example.org`,
    `a@${'b'.repeat(63)}.org`,
    'a@xn--caf-dma.example',
    'a@1.example',
  ])('%s is one', (address) => {
    expect(isEmail(address)).toBe(true)
    expect(email(` ${address.toUpperCase()}`)).toBe(address)
  })
  test.each([
    '',
    'ada',
    '@example.org',
    'ada@',
    'ada@localhost',
    'ada@example.',
    'ada@.example.org',
    'ada@exa mple.org',
    'ada @example.org',
    'ada@-example.org',
    'ada@example-.org',
    'ada@example..org',
    'ada@[127.0.0.1]',
    '"ada"@example.org',
    'ada@example.org, eve@example.org',
    'ada@example.org\nbcc: eve@example.org',
    'ada@eve@example.org',
    'zoé@example.org',
    'ada@exämple.org',
    '.ada@example.org',
    'ada.@example.org',
    'a..b@example.org',
    'Ada <ada@example.org>',
    `${'a'.repeat(65)}@example.org`,
    `a@${'b'.repeat(64)}.org`,
    `a@${'b.'.repeat(130)}org`,
  ])('%j is none', (address) => {
    expect(isEmail(address)).toBe(false)
    expect(refusal(() => email(address))).toMatchObject({ code: 'email_refused', field: 'email' })
  })
  test('254 characters are the most', () => {
    const domain = (length: number) => `${'b'.repeat(61)}.`.repeat(3) + 'c'.repeat(length - 186)
    expect(isEmail(`a@${domain(248)}`)).toBe(true)
    expect(isEmail(`a1234567@${domain(245)}`)).toBe(true)
    expect(isEmail(`a12345678@${domain(245)}`)).toBe(false)
  })
  test('a long text that is none is refused at once', () => {
    const began = performance.now()
    for (const text of [`${'a.'.repeat(50_000)}@`, `a@${'b-'.repeat(50_000)}`, '@'.repeat(100_000)]) isEmail(text)
    expect(performance.now() - began).toBeLessThan(1000)
  })
})

describe('a proposed username', () => {
  test.each([
    ['Zoé', 'Van Damme', '', 'zoe.vandamme'],
    ['Anaïs', 'Œuvrard', '', 'anais.oeuvrard'],
    ['Jean-Luc', "d'Été", '', 'jean-luc.dete'],
    ['Łukasz', 'Żółć', '', 'lukasz.zolc'],
    ['Þór', 'Ægir', '', 'thor.aegir'],
    ['Dilâra', 'Işık', '', 'dilara.isik'],
    ['Straße', '', '', 'strasse'],
    ['', 'Dupont', 'x@example.org', 'dupont'],
    ['', '', 'Jean.Dupont+liste@example.org', 'jeandupontliste'],
    ['Αθηνά', 'Παπαδάκη', 'athina@example.org', 'athina'],
    ['王', '伟', '', 'member'],
    ['', '', '', 'member'],
    ['-', '-', '-@example.org', 'member'],
    ['Ａｄａ', 'Ⅳ', '', 'ada.iv'],
  ])('%s %s <%s>: %s', (given, family, address, name) => {
    expect(proposeUsername(given, family, address)).toBe(name)
  })
  test('a long name is cut where it still is one', () => {
    expect(proposeUsername('a'.repeat(59), 'b')).toBe('a'.repeat(59))
    expect(proposeUsername('a'.repeat(300), 'b'.repeat(300))).toBe('a'.repeat(60))
    expect(proposeUsername('', '', `${'a'.repeat(64)}@example.org`)).toBe('a'.repeat(60))
  })
  test('whatever a person is called, a username comes of it, with room for a number', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 80 })
    fc.assert(
      fc.property(text, text, text, (given, family, address) => {
        const name = proposeUsername(given, family, address)
        expect(isUsername(name)).toBe(true)
        expect(isUsername(`${name}9999`)).toBe(true)
      }),
    )
  })
})

describe('a free name', () => {
  const among = (taken: string[]) => async (name: string) => taken.includes(name)
  test('the name itself, then the first number', async () => {
    expect(await freeName('ada', among([]))).toBe('ada')
    expect(await freeName('ada', among(['ada']))).toBe('ada2')
    expect(await freeName('ada', among(['ada', 'ada2', 'ada4']))).toBe('ada3')
  })
  test('one that is as long as a name may be is cut for its number', async () => {
    const long = 'a'.repeat(64)
    expect(await freeName(long, among([long]))).toBe(`${'a'.repeat(63)}2`)
    const many = [long, ...Array.from({ length: 8 }, (_, at) => `${'a'.repeat(63)}${at + 2}`)]
    expect(await freeName(long, among(many))).toBe(`${'a'.repeat(62)}10`)
  })
})
