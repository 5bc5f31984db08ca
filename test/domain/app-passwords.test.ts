// The secret of an app password: how much chance is in it, and which ways of typing it mean the same.
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ALPHABET,
  appPasswordDigest,
  appPasswordScopes,
  inGroups,
  isAppPasswordScope,
  newAppPassword,
  normalised,
} from '../../src/domain/app-passwords.ts'
import { digest } from '../../src/domain/digest.ts'

const token = (bytes: number) => randomBytes(bytes).toString('base64url')

describe('a new one', () => {
  test('has at least 80 bits, of letters and digits that cannot be taken for one another', () => {
    const secret = newAppPassword(token)
    expect(secret.length * Math.log2(ALPHABET.length)).toBeGreaterThan(80)
    expect(secret).toMatch(new RegExp(`^[${ALPHABET}]{20}$`))
    expect(new Set(ALPHABET).size).toBe(ALPHABET.length)
    expect(ALPHABET).toBe(ALPHABET.toLowerCase())
    expect(ALPHABET).not.toMatch(/[01oil]/)
  })

  test('each letter is as likely as any other', () => {
    const counts = new Map<string, number>()
    const rounds = 10_000
    for (let n = 0; n < rounds; n++)
      for (const letter of newAppPassword(token)) counts.set(letter, (counts.get(letter) ?? 0) + 1)
    const expected = (rounds * 20) / ALPHABET.length
    // Taken modulo 31 without a second draw, eight letters would come 9 % too often; chance alone stays within 5 %.
    for (const letter of ALPHABET) expect(Math.abs(counts.get(letter)! / expected - 1)).toBeLessThan(0.065)
  })

  test('octets that would favour some letters are drawn again', () => {
    const draws = [Buffer.alloc(20, 255), Buffer.alloc(20, 248), Buffer.alloc(20, 247), Buffer.alloc(20, 0)]
    let n = 0
    expect(newAppPassword(() => draws[n++]!.toString('base64url'))).toBe(ALPHABET.at(-1)!.repeat(20))
    expect(n).toBe(3)
  })
})

describe('what was typed', () => {
  const secrets = fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: 20, maxLength: 20 })
  const noise = fc.string({ unit: fc.constantFrom(' ', '-', '\t', '\u00a0', '\n', '\u202f'), maxLength: 3 })

  test('spaces, hyphens and capitals change nothing', () => {
    fc.assert(
      fc.property(
        secrets,
        fc.array(fc.tuple(noise, fc.boolean()), { minLength: 21, maxLength: 21 }),
        (secret, gaps) => {
          const typed = [...`${secret} `]
            .map((letter, at) => gaps[at]![0] + (gaps[at]![1] ? letter.toUpperCase() : letter))
            .join('')
          expect(normalised(typed)).toBe(secret)
          expect(appPasswordDigest(typed)).toBe(appPasswordDigest(secret))
        },
      ),
    )
  })

  test('another letter changes everything', () => {
    fc.assert(
      fc.property(secrets, fc.nat(19), fc.constantFrom(...ALPHABET), (secret, at, letter) => {
        const other = secret.slice(0, at) + letter + secret.slice(at + 1)
        expect(appPasswordDigest(other) === appPasswordDigest(secret)).toBe(other === secret)
      }),
    )
  })

  test('the one form of the one form is itself, whatever was typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (typed) => {
        expect(normalised(normalised(typed))).toBe(normalised(typed))
      }),
    )
  })

  test('the secret as it is made is in that form: a service that cannot strip spaces digests the same', () => {
    const secret = newAppPassword(token)
    expect(appPasswordDigest(secret)).toBe(digest(secret))
    expect(appPasswordDigest(inGroups(secret))).toBe(digest(secret))
    expect(inGroups(secret)).toMatch(/^(\w{5} ){3}\w{5}$/)
  })
})

test('scopes are the words of the protocols, and no others', () => {
  for (const scope of appPasswordScopes) expect(isAppPasswordScope(scope)).toBe(true)
  for (const other of ['IMAP', 'imap ', '', 'imap smtp', 'sieve', 'constructor'])
    expect(isAppPasswordScope(other)).toBe(false)
})
