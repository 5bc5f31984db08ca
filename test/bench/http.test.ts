import { expect, test } from 'vitest'
import { cookieJar, get, header, parseAnswer, post } from '../../bench/http.ts'

const lines = (...text: string[]): string => text.join('\r\n')
const answer = (text: string): { answer: { status: number; body: string }; end: number } | undefined => {
  const found = parseAnswer(Buffer.from(text))
  return found && { answer: { status: found.answer.status, body: found.answer.body }, end: found.end }
}
const plain = lines('HTTP/1.1 200 OK', 'Content-Length: 5', '', 'olé!')
const chunked = lines(
  'HTTP/1.1 400 Bad Request',
  'transfer-encoding: chunked',
  '',
  '3',
  'abc',
  'A',
  '0123456789',
  '0',
  '',
  '',
)

test.each<[string, string, ReturnType<typeof answer>]>([
  ['no end of the head', 'HTTP/1.1 200 OK\r\n', undefined],
  ['half a body', plain.slice(0, -1), undefined],
  ['a body of so many bytes', plain, { answer: { status: 200, body: 'olé!' }, end: Buffer.byteLength(plain) }],
  ['another answer behind it', plain + plain, { answer: { status: 200, body: 'olé!' }, end: Buffer.byteLength(plain) }],
  ['no body', lines('HTTP/1.1 303 See Other', '', ''), { answer: { status: 303, body: '' }, end: 26 }],
  ['chunks', chunked, { answer: { status: 400, body: 'abc0123456789' }, end: chunked.length }],
  ['chunks without their last', chunked.slice(0, -5), undefined],
  ['half a chunk', chunked.slice(0, 60), undefined],
])('an answer: %s', (_, text, expected) => {
  expect(answer(text)).toEqual(expected)
})

const head = lines(
  'HTTP/1.1 303 See Other',
  'Location: /a?b=c:d ',
  'x-location: no',
  'Set-Cookie: a=1; path=/',
  'set-cookie: b=2',
)

test.each<[string, string | undefined]>([
  ['location', '/a?b=c:d'],
  ['set-cookie', 'a=1; path=/'],
  ['cookie', undefined],
])('the header %s', (name, expected) => {
  expect(header(head, name)).toBe(expected)
})

test('cookies are kept by name, the newest, until they are emptied', () => {
  const jar = cookieJar()
  const take = (...set: string[]) =>
    jar.take({ status: 200, head: lines('HTTP/1.1 200 OK', ...set.map((cookie) => `set-cookie: ${cookie}`)), body: '' })
  take('a=1; path=/', 'b=2; httponly')
  expect(jar.header()).toBe('a=1; b=2')
  take('a=3=4; path=/', 'b=; expires=Thu, 01 Jan 1970 00:00:00 GMT')
  expect(jar.header()).toBe('a=3=4')
})

test('a request as text', () => {
  expect(get('http://127.0.0.1:9/a/b?c=d#e', { cookie: 'f' })).toBe(
    lines('GET /a/b?c=d HTTP/1.1', 'host: 127.0.0.1:9', 'cookie: f', '', ''),
  )
  expect(post('http://127.0.0.1:9/a', { b: 'c d', é: '&' })).toBe(
    lines(
      'POST /a HTTP/1.1',
      'host: 127.0.0.1:9',
      'content-type: application/x-www-form-urlencoded',
      'content-length: 16',
      '',
      'b=c+d&%C3%A9=%26',
    ),
  )
})
