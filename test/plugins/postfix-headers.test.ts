// Headers of held messages as people see them: decoded (RFC 2047), in one line, whatever their sender wrote.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { headerOf } from '../../plugins/postfix/headers.ts'

describe('headers', () => {
  const message = (subject: string) =>
    `Received: by x\r\nsubject: ${subject}\r\nX-PHP-Originating-Script: 1000:mail.php\r\n`

  test.each([
    ['hello', 'hello'],
    ['=?UTF-8?B?w6l0w6k=?=', 'été'],
    ['=?iso-8859-1?Q?=E9t=E9_2026?=', 'été 2026'],
    ['=?UTF-8?Q?a?= =?UTF-8?Q?b?=', 'ab'],
    ['=?UTF-8?B?w6l0w6k=?=\r\n =?UTF-8?Q?_2026?= and more', 'été 2026 and more'],
    ['=?UTF-8?B?w6k=?= plain =?UTF-8?B?w6k=?=', 'é plain é'],
    ['=?UTF-8?B?4g==?= =?UTF-8?B?gqw=?=', '€'],
    ['=?utf-8*fr?Q?=C3=A9?=', 'é'],
    ['=?no-such-set?Q?a?=', '=?no-such-set?Q?a?='],
    ['=?UTF-8?B?not ended', '=?UTF-8?B?not ended'],
    ['folded\r\n\tonce', 'folded once'],
    ['=?UTF-8?Q?a=0D=0ABcc:_x=00=E2=80=AEb?=', 'a Bcc: x b'],
    ['', ''],
  ])('%j is %j', (subject, shown) => {
    expect(headerOf(message(subject), 'Subject')).toBe(shown)
  })

  test('of another name, and none', () => {
    expect(headerOf(message('x'), 'x-php-originating-script')).toBe('1000:mail.php')
    expect(headerOf(message('x'), 'Bcc')).toBe('')
    expect(headerOf('', 'Subject')).toBe('')
    expect(headerOf(message('y'.repeat(100_000)), 'Subject')).toHaveLength(300)
  })

  test('nothing makes it throw or hang', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void headerOf(message(text), 'Subject')))
    const from = performance.now()
    for (const part of ['=?UTF-8?Q?', '=?UTF-8?B?w6k=?= ', '?= ']) headerOf(message(part.repeat(20_000)), 'Subject')
    expect(performance.now() - from).toBeLessThan(3000)
  })
})
