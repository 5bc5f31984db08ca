import { describe, expect, test } from 'vitest'
import { layout } from '../../interactions/layout.ts'
import { field, heading, summary } from '../../interactions/parts.ts'
import { html, trusted } from '../../src/web/html.ts'
import type { View } from '../../src/web/page.ts'
import { textsOf } from '../../src/web/texts.ts'

const texts = textsOf('fr')
const view = (changes: Partial<View> = {}): View => ({
  texts,
  csrfToken: 't',
  typed: undefined,
  mistake: undefined,
  ...changes,
})
const typed = (fields: Record<string, string>): View['typed'] => ({
  get: (name) => fields[name] ?? '',
  has: (name) => name in fields,
  all: (name) => (name in fields ? [fields[name]!] : []),
})

describe('html', () => {
  test.each([
    ['&<>"\'', '&amp;&lt;&gt;&quot;&#39;'],
    ['a&amp;b', 'a&amp;amp;b'],
    ['é 😀 \u2028', 'é 😀 \u2028'],
    [0, '0'],
    ['', ''],
    [false, ''],
    [null, ''],
    [undefined, ''],
    [[], ''],
    [['<', [1, ['>']]], '&lt;1&gt;'],
  ] as const)('%j becomes %s', (value, expected) => {
    expect(html`<p>${value}</p>`.markup).toBe(`<p>${expected}</p>`)
  })

  test('HTML in HTML stays HTML, text in it does not', () => {
    const inner = html`<b>${'<i>'}</b>`
    expect(html`${inner}${[inner, '<i>']}`.markup).toBe('<b>&lt;i&gt;</b><b>&lt;i&gt;</b>&lt;i&gt;')
    expect(html`${trusted('<svg/>')}`.markup).toBe('<svg/>')
  })

  test('text that looks like what HTML is made of is text', () => {
    expect(html`${'{"markup":"<i>"}'}`.markup).toBe('{&quot;markup&quot;:&quot;&lt;i&gt;&quot;}')
  })
})

describe('a field', () => {
  const name = { name: 'identifier', label: 'Nom', autocomplete: 'username' }

  test('has a label of its own, and is required', () => {
    const { markup } = field(view(), name)
    expect(markup).toContain('<label for="identifier">Nom</label>')
    expect(markup).toMatch(
      /<input id="identifier" name="identifier" type="text" autocomplete="username" value="" required/,
    )
  })

  test('a mistake is tied to it, and what was typed stays', () => {
    const { markup } = field(
      view({ typed: typed({ identifier: 'a"b' }), mistake: { field: 'identifier', message: '<non>' } }),
      { ...name, hint: 'Indice' },
    )
    expect(markup).toContain('value="a&quot;b"')
    expect(markup).toContain('aria-describedby="identifier-hint identifier-wrong"')
    expect(markup).toContain('aria-invalid="true"')
    expect(markup).toContain('<p class="wrong" id="identifier-wrong">&lt;non&gt;</p>')
  })

  test.each([
    ['a password', { name: 'password', label: 'x', type: 'password' as const, autocomplete: 'new-password' }],
    ['a code', { name: 'password', label: 'x', autocomplete: 'one-time-code', code: true }],
  ])('%s never comes back', (_, input) => {
    expect(field(view({ typed: typed({ password: 'typed!' }) }), { ...input, value: 'given!' }).markup).not.toMatch(
      /typed!|given!/,
    )
  })
})

test('a mistake of the whole form is read out at once; one of a field stands at the field', () => {
  const wrong = view({ mistake: { field: 'code', message: 'Non' } })
  expect(summary(wrong).markup).toContain('role="alert"')
  expect(summary(wrong, ['code']).markup).toBe('')
  expect(summary(view()).markup).toBe('')
})

describe('the frame', () => {
  const look = {
    associationName: 'A&B',
    contactEmail: 'a@b.example',
    styles: ['/assets/a.css'],
    script: '/assets/b.js',
    logo: '/assets/c.svg',
  }
  const page = (here = '/x') => layout(texts, look, { title: 'T<', body: heading('T<'), here })

  test('names language, title and association, and has one h1', () => {
    expect(page()).toMatch(/^<!doctype html>\n<html lang="fr">/)
    expect(page()).toContain('<title>T&lt; · A&amp;B</title>')
    expect(page().match(/<h1>/g)).toHaveLength(1)
    expect(page()).toContain('<main id="content">')
    expect(page()).toContain('href="#content"')
  })

  test('has no inline script or style, and nothing from elsewhere', () => {
    expect(page()).not.toMatch(/<script>|<style|style=|\son\w+=|https?:\/\//)
  })

  test.each([
    ['/x', '/x?lang=nl'],
    ['/x?a=b', '/x?a=b&amp;lang=nl'],
    ['/x?a="', '/x?a=&quot;&amp;lang=nl'],
  ])('the languages lead to this page: %s', (here, expected) => {
    expect(page(here)).toContain(`<a lang="nl" hreflang="nl" href="${expected}">Nederlands</a>`)
    expect(page(here)).toContain('<span lang="fr" aria-current="true">Français</span>')
  })

  test('without a contact address there is no empty line', () => {
    const bare = layout(texts, { ...look, contactEmail: '' }, { title: 'x', body: html``, here: '/' })
    expect(bare).not.toContain('Une question')
  })
})
