// The four catalogues: whole, alike, used, and typeset as each language wants.
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { reasons } from '../../src/domain/access.ts'
import { auditActions } from '../../src/domain/audit-actions.ts'
import { errorCodes } from '../../src/domain/errors.ts'
import { memberEvents, standings } from '../../src/domain/standing.ts'
import { locales } from '../../src/ports.ts'
import { problems } from '../../src/statements/problems.ts'
import { isLocale, preferred, type TextKey, textsOf } from '../../src/web/texts.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const catalogue = (locale: string): Record<string, string> =>
  JSON.parse(readFileSync(`${root}interactions/texts/${locale}.json`, 'utf8'))
const french = catalogue('fr')
const keys = Object.keys(french)
const problemCodes = Object.keys(problems) as (keyof typeof problems)[]
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).toSorted()
const auditTable = readFileSync(`${root}src/domain/audit-actions.ts`, 'utf8')
const source = globSync('{src,interactions}/**/*.ts', { cwd: root })
  .map((path) => readFileSync(root + path, 'utf8'))
  .join('\n')

describe.each(locales)('%s', (locale) => {
  const own = catalogue(locale)

  test('has every key, in the same order, and no other', () => {
    expect(Object.keys(own)).toEqual(keys)
  })

  test('no text is empty, has spaces round it, or is left in French', () => {
    for (const [key, text] of Object.entries(own)) {
      expect([key, text]).toEqual([key, text.trim()])
      expect([key, text]).toEqual([key, expect.stringMatching(/./)])
      const longer = text.split(' ').length > 4
      if (locale !== 'fr' && longer) expect([key, text]).not.toEqual([key, french[key]])
    }
  })

  test('each text has the placeholders of the French one', () => {
    for (const key of keys) expect([key, placeholders(own[key]!)]).toEqual([key, placeholders(french[key]!)])
  })

  test('a statement’s problem is told with nothing that the reader does not give', () => {
    for (const code of problemCodes)
      expect([code, placeholders(problems[code])]).toEqual([
        code,
        expect.arrayContaining(placeholders(own[`statement.${code}`]!)),
      ])
  })

  test('nothing but words: no markup, no straight quotes, no doubled spaces', () => {
    for (const [key, text] of Object.entries(own)) {
      expect([key, text]).toEqual([key, expect.not.stringMatching(/[<>&]|'|"| {2}|\.\.\.| ,|\$t\(/)])
    }
  })

  test('there is a sentence for each error, reason, standing, access and act', () => {
    for (const action of auditActions) expect(own).toHaveProperty([`audit.${action}`])
    for (const code of errorCodes) expect(own).toHaveProperty([`error.${code}`])
    for (const code of reasons) expect(own).toHaveProperty([`why.${code}`])
    for (const standing of [...standings, 'suspended']) expect(own).toHaveProperty([`standing.${standing}`])
    for (const code of problemCodes) expect(own).toHaveProperty([`statement.${code}`])
    for (const access of ['full', 'restricted', 'none']) expect(own).toHaveProperty([`access.${access}`])
  })
})

test('every key is used somewhere, and none is used that is not there', () => {
  const groups = ['error', 'why', 'standing', 'access', 'scope', 'statement', 'audit']
  const grouped = (key: string) => groups.some((group) => key.startsWith(`${group}.`))
  const unused = keys.filter((key) => !grouped(key) && !source.includes(`'${key}'`))
  expect(unused).toEqual([])
  // Groups are used by what they are of.
  const known = /const known = \[([^\]]+)\]/.exec(source)![1]!
  for (const key of keys.filter((one) => one.startsWith('scope.'))) expect(known).toContain(`'${key.slice(6)}'`)
  const named = new Set<string>([
    ...errorCodes,
    ...reasons,
    ...standings,
    ...problemCodes,
    'suspended',
    'full',
    'restricted',
    'none',
    ...auditActions,
  ])
  const special = [
    'error.title',
    'error.again',
    'error.oauth',
    'error.oauth_address',
    'standing.until',
    'standing.since',
    'standing.grace_until',
    'statement.at_line',
  ]
  for (const key of keys.filter((one) => grouped(one) && !one.startsWith('scope.') && !special.includes(one)))
    expect([key, named.has(key.slice(key.indexOf('.') + 1))]).toEqual([key, true])
  for (const [, key] of source.matchAll(/\bt\('([a-z_.]+)'/g)) expect(keys).toContain(key)
})

// That none is told which is not among them is the compiler's: `audit` takes no other.
test('every act of the audit is told somewhere', () => {
  const told = source.replaceAll(auditTable, '')
  const kinds: readonly (readonly [of: RegExp, told: RegExp])[] = [
    [new RegExp(`^member\\.(${memberEvents.join('|')})$`), /action: `member\.\$\{kind\}`/],
    [/^(site|mailbox|alias)\.added$/, /action: `\$\{kind\}\.added`/],
    [/^(site|mailbox|alias)\.removed$/, /action: `\$\{resource\.kind\}\.removed`/],
    [/^message\.(released|purged)$/, /action: `message\.\$\{to\}`/],
  ]
  for (const action of auditActions) {
    const template = kinds.find(([of]) => of.test(action))?.[1]
    expect([action, told.includes(`'${action}'`) || template?.test(told)]).toEqual([action, true])
  }
})

describe('French typography', () => {
  test.each(Object.entries(french))('%s', (_, text) => {
    // No-break spaces before double signs and inside guillemets, the typographic apostrophe, capitals with accents.
    expect(text).not.toMatch(/[^\u00a0\u202f][?!;:»](?!\/)/u)
    expect(text).not.toMatch(/«[^\u00a0\u202f]/u)
    expect(text).not.toMatch(/\b[AE]tes\b|\bA (la|votre)\b/)
  })
})

test.each([
  ['de', /„[^“]*“/],
  ['en', /“[^”]*”/],
])('%s quotes as the language does', (locale, quotes) => {
  for (const [key, text] of Object.entries(catalogue(locale)))
    if (/[„“”«»]/.test(text)) expect([key, text]).toEqual([key, expect.stringMatching(quotes)])
})

describe('a sentence', () => {
  const { t } = textsOf('en')

  test.each(['{{client}}', '$t(error.title)', '{{- client}}', '<b>', '$&', '{{association}}'])(
    '%s as a parameter stays as it is',
    (name) => {
      expect(t('login.to', { client: name })).toBe(`to continue to ${name}`)
    },
  )

  test('days and moments are written as the language does, in the association’s zone', () => {
    const at = Date.UTC(2026, 11, 31, 23, 30)
    expect(locales.map((locale) => textsOf(locale).day('2026-03-01'))).toEqual([
      '1er mars 2026',
      '1 maart 2026',
      '1 March 2026',
      '1. März 2026',
    ])
    expect(textsOf('fr').moment(at, 'Europe/Brussels')).toMatch(/^1er janvier 2027 à 00:30$/)
    expect(textsOf('en').moment(at, 'America/Montreal')).toMatch(/^31 December 2026 at 18:30$/)
  })

  test('a key that does not exist is no key', () => {
    expect(t('no.such.key' as TextKey)).toBe('no.such.key')
  })
})

describe('the language of a browser', () => {
  test.each([
    ['nl', 'nl'],
    ['NL-be', 'nl'],
    ['en-GB;q=0.5, de;q=0.7', 'de'],
    ['fr;q=0', undefined],
    ['xx, yy;q=0.3', undefined],
    ['fr nl', 'fr'],
    ['nl;q=abc', 'nl'],
    ['', undefined],
    ['*', undefined],
    [`${'a,'.repeat(5000)}de`, 'de'],
  ])('%.30s means %s', (header, expected) => {
    expect(preferred(header)).toBe(expected)
  })

  test.each(['fr', 'nl', 'en', 'de'])('%s is spoken', (locale) => expect(isLocale(locale)).toBe(true))
  test.each(['FR', 'fr-BE', '', undefined, 'constructor'])('%s is not', (text) => expect(isLocale(text)).toBe(false))
})
