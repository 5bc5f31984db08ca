// The parts of the LDAP adapter that need no server: names, times, codes, the configuration.
import fc from 'fast-check'
import { BusyError, InvalidCredentialsError, UnavailableError, UnknownStatusCodeError } from 'ldapts'
import { describe, expect, test } from 'vitest'
import { checkConfig, ldapConfig } from '../../adapters/ldap/config.ts'
import { childDn, cnUnder, escapeValue, isUnder, parseDn } from '../../adapters/ldap/dn.ts'
import { generalizedTime, readEntry } from '../../adapters/ldap/entry.ts'
import { passwordRefused, refusalOf, verdictOf } from '../../adapters/ldap/password-policy.ts'
import { asAppError, describe as inWords, isOutage, resultCode } from '../../adapters/ldap/result.ts'
import { AppError } from '../../src/domain/errors.ts'

const given = {
  urls: ['ldap://127.0.0.1:389'],
  bindDn: 'cn=schedar',
  password: 'x',
  people: { base: 'ou=people,dc=asso' },
}
const { people } = ldapConfig.parse(given)

describe('distinguished names', () => {
  const anything = fc.string({ unit: 'binary', minLength: 1 })
  const tricky = fc.string({ unit: fc.constantFrom(...' \\,#+"=a2c\0é\n'), minLength: 1, maxLength: 6 })
  test('what names an entry stays one value of one attribute, and comes back as it was (attack 16)', () => {
    fc.assert(
      fc.property(fc.oneof(anything, tricky), (value) => {
        const parts = parseDn(childDn('cn', value, 'ou=people,dc=asso'))
        expect(parts).toEqual([
          { attribute: 'cn', value },
          { attribute: 'ou', value: 'people' },
          { attribute: 'dc', value: 'asso' },
        ])
      }),
      { numRuns: 2000 },
    )
  })

  test('the examples of RFC 4514 §4', () => {
    expect(escapeValue('James "Jim" Smith, III')).toBe('James \\"Jim\\" Smith\\, III')
    expect(escapeValue('Before\rAfter')).toBe('Before\\0dAfter')
    expect(escapeValue('#04024869')).toBe('\\#04024869')
    expect(parseDn('CN=Lu\\C4\\8Di\\C4\\87, DC=Example')).toEqual([
      { attribute: 'cn', value: 'Lučić' },
      { attribute: 'dc', value: 'Example' },
    ])
    expect(parseDn('cn=a\\\\2c')).toEqual([{ attribute: 'cn', value: 'a\\2c' }])
    for (const text of ['', 'no name', 'OU=Sales+CN=J.  Smith,DC=example']) expect(parseDn(text), text).toBeUndefined()
  })

  test('a group is known by its cn right under the base, and nowhere else', () => {
    const base = 'ou=Groups,dc=asso'
    expect(cnUnder('CN=Wiki, OU=groups, DC=Asso', base)).toBe('Wiki')
    expect(cnUnder('cn=a\\,b,ou=groups,dc=asso', base)).toBe('a,b')
    for (const dn of [
      'cn=wiki,ou=x,ou=groups,dc=asso',
      'cn=wiki,dc=asso',
      'ou=wiki,ou=groups,dc=asso',
      'cn=wiki+ou=x,ou=groups,dc=asso',
      'cn=wiki\\,ou=groups,dc=asso',
      'wiki',
    ])
      expect(cnUnder(dn, base), dn).toBeUndefined()
    expect([
      isUnder('ou=people,dc=asso', 'DC=asso'),
      isUnder('dc=asso', 'dc=asso'),
      isUnder('dc=asso', 'ou=people,dc=asso'),
    ]).toEqual([true, true, false])
  })
})

describe('times', () => {
  test('GeneralizedTime in all its forms (RFC 4517 §3.3.13)', () => {
    expect(generalizedTime('19700101000001Z')).toBe(1000)
    expect(generalizedTime('1970010100Z')).toBe(0)
    expect(generalizedTime('19700101010000.5+0100')).toBe(0)
    expect(generalizedTime('000001010000Z')).toBeLessThan(0)
    for (const text of ['', '1970', '19701301000000Z', '19700101000000', 'tomorrow'])
      expect(generalizedTime(text), text).toBeUndefined()
  })

  test('a person is disabled from the end of validity on, and never by a passing lock', () => {
    const disabled = (attributes: Record<string, string>, now: number) =>
      readEntry({ dn: 'uid=a,dc=b', uid: 'a', entryUUID: 'k', ...attributes }, people, now)?.entry.disabled
    expect([
      disabled({ pwdEndTime: '19700101000010Z' }, 9999),
      disabled({ pwdEndTime: '19700101000010Z' }, 10_000),
    ]).toEqual([false, true])
    expect(disabled({ pwdAccountLockedTime: '20260101000000Z' }, 0)).toBe(false)
    expect(disabled({ pwdaccountlockedtime: '000001010000Z' }, 0)).toBe(true)
  })
})

describe('what a failure means', () => {
  test('another server is tried for 51, 52 and a lost connection; never for 49 or an unknown code', () => {
    for (const error of [
      new BusyError('x'),
      new UnavailableError('x'),
      new Error('SearchRequest: Operation timed out'),
      Object.assign(new Error('x'), { code: 'ECONNRESET' }),
    ])
      expect(isOutage(error), error.name).toBe(true)
    for (const error of [
      new InvalidCredentialsError('x'),
      new UnknownStatusCodeError(10),
      new UnknownStatusCodeError(122),
      new TypeError('bug'),
      new AppError('not_found'),
      'x',
    ])
      expect(isOutage(error)).toBe(false)
  })

  test('codes are read by number, and the diagnostic message goes nowhere', () => {
    const error = new UnknownStatusCodeError(122, 'the secret is hunter2')
    expect(resultCode(error)).toBe(122)
    expect(inWords(error)).toBe('LDAP result 122')
    expect(asAppError('test', error)).toMatchObject({
      code: 'directory_unavailable',
      detail: 'test: LDAP result 122',
      cause: undefined,
    })
    const bug = new TypeError('bug')
    expect(asAppError('test', bug)).toBe(bug)
  })

  test('verdicts of servers without the policy control', () => {
    const state = { disabled: false, mustChange: false }
    const verdict = (code: number, error?: number) =>
      verdictOf({ code, policy: error === undefined ? undefined : { error } }, state)
    expect([0, 49, 48, 32, 19, 53].map((code) => verdict(code))).toEqual([
      'ok',
      'wrong',
      'wrong',
      'wrong',
      'locked',
      'locked',
    ])
    expect([0, 1, 2].map((error) => verdict(49, error))).toEqual(['expired', 'locked', 'must_change'])
    expect(verdictOf({ code: 0, policy: { graceAuthNsRemaining: 0 } }, state)).toBe('must_change')
    for (const code of [1, 13, 50, 80]) expect(() => verdict(code)).toThrow(AppError)
  })

  test('a refused password has its reason', () => {
    const reason = (code: number, error?: number) =>
      refusalOf(code, error === undefined ? undefined : { error }).params.reason
    expect([3, 4, 5, 6, 7, 8].map((error) => reason(19, error))).toEqual([
      'not_allowed',
      'must_supply_old',
      'quality',
      'too_short',
      'too_young',
      'in_history',
    ])
    expect([reason(19), reason(53)]).toEqual(['policy', 'policy'])
    expect(refusalOf(50, undefined)).toMatchObject({ code: 'directory_unavailable' })
    expect(passwordRefused('quality')).toMatchObject({ code: 'password_refused', field: 'password' })
  })
})

describe('the configuration', () => {
  const refused = (more: object) => {
    try {
      checkConfig(ldapConfig.parse({ ...given, ...more }))
    } catch (error) {
      return error instanceof AppError ? error.field : error
    }
  }

  test('knows its defaults and no other key', () => {
    expect(ldapConfig.parse(given)).toMatchObject({
      startTls: false,
      timeoutMs: 5000,
      pageSize: 200,
      people: { attributes: { key: 'entryUUID', groups: 'memberOf' } },
    })
    expect(ldapConfig.safeParse({ ...given, tls: true }).success).toBe(false)
    expect(ldapConfig.safeParse({ ...given, urls: ['http://127.0.0.1'] }).success).toBe(false)
    expect(
      ldapConfig.safeParse({ ...given, people: { base: 'x', attributes: { username: 'uid)(x=*' } } }).success,
    ).toBe(false)
  })

  test('refuses what cannot stand, by its key', () => {
    expect(refused({})).toBeUndefined()
    expect(refused({ urls: ['ldaps://a.example', 'ldap://b.example'] })).toBe('urls')
    expect(refused({ urls: ['ldap://127.0.0.1/dc=x'] })).toBe('urls')
    expect(refused({ people: { base: 'x', filter: '(uid=*' } })).toBe('people.filter')
    expect(refused({ create: { rdn: 'mail' } })).toBe('create.rdn')
    expect(refused({ create: {} })).toBeUndefined()
  })
})
