// Addresses as proxies tell of them, return addresses and rules about paths: tables, and properties over all the ways in
// which servers read a path.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mayVisit, pathRules, returnTo, segmentsOf, visited } from '../../src/domain/visited-url.ts'

describe('whose address it is', () => {
  test.each([
    ['https://stats.example/a', 'https://stats.example', '/a'],
    ['HTTPS://Stats.EXAMPLE/A', 'https://stats.example', '/A'],
    ['https://stats.example:443/', 'https://stats.example', '/'],
    ['http://stats.example:80', 'http://stats.example', '/'],
    ['https://stats.example:8443/x', 'https://stats.example:8443', '/x'],
    ['https://stats.example:80/x', 'https://stats.example:80', '/x'],
    ['https://stats.example', 'https://stats.example', '/'],
    ['https://stats.example?q=/a', 'https://stats.example', '/?q=/a'],
    ['https://stats.example//evil.example', 'https://stats.example', '//evil.example'],
    ['https://xn--mller-kva.example/', 'https://xn--mller-kva.example', '/'],
    ['http://127.0.0.3:8080/', 'http://127.0.0.3:8080', '/'],
    ['http://[::1]:8080/', 'http://[::1]:8080', '/'],
  ])('%s', (address, origin, target) => {
    expect(visited(address)).toEqual({ origin, target })
  })

  test.each([
    '',
    '/a',
    'stats.example/a',
    '//stats.example/a',
    'ftp://stats.example/',
    'javascript:alert(1)//x',
    'https:/stats.example/',
    'https:stats.example/',
    'https:///a',
    'http://',
    'https://user@stats.example/',
    'https://user:password@stats.example/',
    'https://evil.example\\@stats.example/',
    'https://stats.example\\.evil.example/',
    'https://stats.example./',
    'https://stats.example.:443/',
    'https://stats.example:/',
    'https://stats.example:0443/',
    'https://stats.example:99999/',
    'https://müller.example/',
    'https://stats%2eexample/',
    'https://stats.example%2f.evil.example/',
    'https://stats。example/',
    'https://stats.exampleⅇ/',
    'http://0x7f.0.0.3/',
    'http://2130706435/',
    'http://127.3/',
    'https://[::0001]/',
    'https://stats.example evil/',
    'https://stats.example\t/',
    ' https://stats.example/',
  ])('%j is nobody’s', (address) => {
    expect(visited(address)).toBeUndefined()
  })
})

describe('where a sign-in leads back to', () => {
  const origin = 'https://stats.example'
  test.each([
    ['/a/b?c=d%2Fe', `${origin}/a/b?c=d%2Fe`],
    [`${origin}/a`, `${origin}/a`],
    ['HTTPS://STATS.example:443/a', `${origin}/a`],
    ['//evil.example/', `${origin}/evil.example/`],
    ['/x/../y', `${origin}/y`],
    ['/@evil.example', `${origin}/@evil.example`],
  ])('%s', (wanted, to) => {
    expect(returnTo(origin, wanted)).toBe(to)
  })
  test.each([
    '',
    'a',
    'https://evil.example/',
    'https://stats.example.evil.example/',
    'https://stats.example@evil.example/',
    'https://stats.example:8443/',
    'http://stats.example/',
    '/\\evil.example',
    '\\\\evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    '/a\r\nLocation: https://evil.example/',
    '/a\tb',
    '/schedar/callback?code=x',
    '/schedar',
    '/x/../schedar/sign-out',
    '/SCHEDAR/sign-out',
    `/${'a'.repeat(2000)}`,
  ])('%j leads home', (wanted) => {
    expect(returnTo(origin, wanted)).toBe(`${origin}/`)
  })
  test('never to another origin, whatever is wanted', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '/',
        '//',
        '\\',
        '@',
        ':',
        '?',
        '#',
        '.',
        '..',
        'https:',
        'http://',
        origin,
        'evil.example',
        '%2f',
        '\t',
        '\n',
        ' ',
        '；',
        '。',
      ),
      fc.string({ maxLength: 5, unit: 'binary' }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const to = returnTo(origin, pieces.join(''))
        expect(new URL(to).origin).toBe(origin)
        expect(to.startsWith(`${origin}/`)).toBe(true)
        expect(to).not.toMatch(/[\r\n\t]/)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('paths', () => {
  test.each([
    ['/', []],
    ['/a/b', ['a', 'b']],
    ['/a/b/', ['a', 'b']],
    ['/A/%62?x=/../y', ['a', 'b']],
    ['/%C3%A9t%C3%A9', ['ete']],
    ['/a%20b', ['a b']],
    ['/100%25', ['100%']],
    ['/%ef%bd%81dmin', ['admin']],
    ['/a;x=1', ['a;x=1']],
    ['/.well-known/x', ['.well-known', 'x']],
  ])('%s has one reading', (target, segments) => {
    expect(segmentsOf(target)).toEqual(segments)
  })
  test.each([
    '',
    'a',
    '?x',
    '//',
    '//a',
    '/a//b',
    '/a//',
    '/.',
    '/./a',
    '/a/..',
    '/a/../b',
    '/..',
    '/%2e/a',
    '/a/%2E%2e/b',
    '/.%2e/',
    '/a/..;/b',
    '/a/..;x=1/b',
    '/;/a',
    '/;x',
    '/.../',
    '/a/.. /b',
    '/%20/a',
    '/a%2fb',
    '/a%2Fb',
    '/a%5cb',
    '/a\\b',
    '/a#b',
    '/a%23b',
    '/a%3fb',
    '/%252e%252e/a',
    '/%2561',
    '/%25u0061',
    '/%u0061',
    '/%',
    '/%4',
    '/%zz',
    '/%00',
    '/a%0a',
    '/a%7f',
    '/%ff',
    '/%c0%af',
    '/%c0%ae%c0%ae/a',
    '/é',
    '/a b',
    '/%ef%bc%8fa',
    '/%ef%bc%8e%ef%bc%8e/a',
    '/%e2%80%a5/a',
    '/%e2%80%a6/a',
    '/%e2%84%80',
    '/ad%c2%admin',
    '/ad%e2%80%8bmin',
    '/%ef%bb%bfadmin',
    '/%ef%bc%852e/a',
    '/%e2%81%a0',
  ])('%j has none, or two', (target) => {
    expect(segmentsOf(target)).toBeUndefined()
  })
  test('what is read is what a browser and a plain server read', () => {
    fc.assert(
      fc.property(fc.webPath(), (path) => {
        const segments = segmentsOf(path)
        if (!segments) return
        const { pathname } = new URL(`https://stats.example${path}`)
        const plain = (text: string) =>
          text.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '')
        const theirs = pathname
          .replace(/\/$/, '')
          .split('/')
          .slice(1)
          .map((one) => plain(decodeURIComponent(one)))
        expect(segments).toEqual(theirs)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('rules', () => {
  const rules = pathRules('/admin/=admin,/books/2026=board|treasurer')
  test('are paths and roles', () => {
    expect(rules).toEqual([
      { segments: ['admin'], roles: ['admin'] },
      { segments: ['books', '2026'], roles: ['board', 'treasurer'] },
    ])
    expect(pathRules('')).toEqual([])
    expect(pathRules('/=member')).toEqual([{ segments: [], roles: ['member'] }])
  })
  test.each([
    'admin=admin',
    '/admin',
    '/admin=',
    '/admin=a b',
    '/../x=a',
    '/a//b=a',
    '/a%2f=a',
    '/a=b|',
    '/a="b"',
    '/a=b;c',
  ])('%s is none', (text) => {
    expect(() => pathRules(text)).toThrow(expect.objectContaining({ code: 'invalid_value', field: 'paths' }))
  })
  test.each([
    ['/', [], 'open'],
    ['/administration', [], 'open'],
    ['/admin-guide', [], 'open'],
    ['/x/admin/', [], 'open'],
    ['/books', [], 'open'],
    ['/books/2025', [], 'open'],
    ['/admin', [], 'role'],
    ['/admin/x', [], 'role'],
    ['/ADMIN/', [], 'role'],
    ['/%41dmin', [], 'role'],
    ['/ádmın/', [], 'unclear'],
    ['/%C3%A1dm%C4%B1n/', [], 'role'],
    ['/admin.json', [], 'role'],
    ['/admin;a=b', [], 'role'],
    ['/admin::$DATA', [], 'role'],
    ['/admin%20', [], 'role'],
    ['/admin~', [], 'role'],
    ['/books/2026/march', [], 'role'],
    ['/books/2026/march', ['treasurer'], 'open'],
    ['/admin/', ['board'], 'role'],
    ['/admin/', ['admin'], 'open'],
    ['//x', ['admin'], 'unclear'],
    ['//x', ['admin', 'board'], 'open'],
  ] as const)('%s with %j: %s', (target, roles, verdict) => {
    expect(mayVisit(rules, target, roles)).toBe(verdict)
  })
  test('a rule for everything needs no reading of the path', () => {
    const all = pathRules('/=member,/admin/=admin')
    expect(mayVisit(all, '//x', [])).toBe('role')
    expect(mayVisit(all, '/admin', ['member'])).toBe('role')
    expect(mayVisit(all, '/x', ['admin'])).toBe('role')
    expect(mayVisit(all, '/x', ['member'])).toBe('open')
  })
  test('without rules every path is open', () => {
    fc.assert(fc.property(fc.string(), (target) => mayVisit([], target, []) === 'open'))
  })

  /** Ways in which servers have read a path, one after the other or alone. */
  const readings: ((path: string) => string)[] = [
    (path) => path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    (path) => path.replaceAll('\\', '/'),
    (path) => path.replace(/\/{2,}/g, '/'),
    (path) => path.split(/[?#]/, 1)[0]!,
    (path) => path.replace(/;[^/]*/g, ''),
    (path) => path.toLowerCase(),
    (path) => path.normalize('NFKC'),
    (path) => path.replace(/[. ]+(?=\/|$)/g, (dots) => (/^\.{1,2}$/.test(dots) ? dots : '')),
    (path) => new URL(`https://x${path.startsWith('/') ? path : `/${path}`}`).pathname,
    (path) => path.split('\0', 1)[0]!,
    (path) => path.replace(/\.[a-z]+$/, ''),
  ]
  test('whoever lacks the role is let to no path that some server, reading it in some order, takes for one below the rule', () => {
    const letter = (one: string) =>
      fc.constantFrom(
        one,
        one.toUpperCase(),
        `%${one.charCodeAt(0).toString(16)}`,
        `%25${one.charCodeAt(0).toString(16)}`,
        String.fromCodePoint(one.charCodeAt(0) + 0xfee0),
        `%u00${one.charCodeAt(0).toString(16)}`,
        encodeURIComponent(String.fromCodePoint(one.charCodeAt(0) + 0xfee0)),
      )
    const admin = fc
      .tuple(...[...'admin'].map((one) => fc.oneof({ weight: 6, arbitrary: fc.constant(one) }, letter(one))))
      .map((all) => all.join(''))
    const slash = fc.constantFrom(
      '/',
      '/',
      '/',
      '//',
      '/./',
      '%2f',
      '%2F',
      '\\',
      '%5c',
      '/;/',
      '/%2e/',
      '%252f',
      '/x/../',
      '/x/%2e%2e/',
      '/x/..;/',
      '%00',
      '%3f',
      '?',
      '#',
      '%23',
      ';',
      '.json',
      '%20',
      '.',
      '',
    )
    const target = fc
      .tuple(slash, admin, fc.array(slash, { maxLength: 3 }), fc.constantFrom('', 'x', 'x/y'))
      .map(([first, name, more, rest]) => first + name + more.join('') + rest)
    const orders = fc.array(fc.constantFrom(...readings), { minLength: 0, maxLength: 5 })
    fc.assert(
      fc.property(target, orders, (sent, order) => {
        if (mayVisit(rules, sent, []) !== 'open') return
        const served = order.reduce((path, read) => read(path), sent)
        expect(/^\/?admin(\/|$)/.test(served), `${sent} was read as ${served}`).toBe(false)
      }),
      { numRuns: 20_000 },
    )
  })
})
