// The address of a site as people type it; whose a name cannot be; which network addresses are public.
import { describe, expect, test } from 'vitest'
import { mayReach } from '../../src/domain/public-address.ts'
import { hostsIn, isReserved, siteAddress, twin } from '../../src/domain/site-address.ts'

describe('an address as it is typed', () => {
  test.each([
    ['velo.example', 'velo.example', ''],
    [' https://Velo.Example/ ', 'velo.example', ''],
    ['http://www.velo.example', 'www.velo.example', ''],
    ['velo.example/blog/', 'velo.example', '/blog'],
    ['velo.example:443', 'velo.example', ''],
    ['vélo.example', 'xn--vlo-bma.example', ''],
    ['ｖｅｌｏ.example', 'velo.example', ''],
    ['HTTPS://xn--vlo-bma.example/a/b-c_d.e~f', 'xn--vlo-bma.example', '/a/b-c_d.e~f'],
  ])('%s', (typed, name, path) => {
    expect(siteAddress(typed)).toEqual({ name, url: `https://${name}${path}` })
  })

  test.each([
    '',
    'velo',
    'localhost',
    'a.localhost',
    'printer.local',
    'db.internal',
    'x.home.arpa',
    'abc.onion',
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '10.0.0.1.',
    'velo.example.',
    'velo.example:8443',
    'ftp://velo.example',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'user@velo.example',
    'https://user:x@velo.example',
    'velo.example?x=1',
    'velo.example#x',
    'velo.example/a b',
    'velo.example/%2e%2e',
    'velo.example\\@evil.example',
    'velo.example\nx: y',
    '-velo.example',
    'velo-.example',
    'v_lo.example',
    '*.velo.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(130)}example`,
    'x'.repeat(501),
  ])('%j is refused', (typed) => {
    expect(() => siteAddress(typed)).toThrow(
      expect.objectContaining({ code: 'site_address_refused', field: 'address' }),
    )
  })

  test('with and without www. are one site', () => {
    expect([twin('velo.example'), twin('www.velo.example')]).toEqual(['www.velo.example', 'velo.example'])
  })
})

describe('names of the house', () => {
  const house = { own: 'login.host.example', below: ['kept.example'], named: ['imap.host.example'] }
  test.each([
    ['login.host.example', true],
    ['x.login.host.example', true],
    ['host.example', true],
    ['example', true],
    ['velo.host.example', false],
    ['imap.host.example', true],
    ['x.imap.host.example', false],
    ['kept.example', true],
    ['a.b.kept.example', true],
    ['notkept.example', false],
    ['mylogin.host.example', false],
  ])('%s: %s', (name, reserved) => {
    expect(isReserved(name, house)).toBe(reserved)
  })

  test('those that a configuration names, however deep', () => {
    const config = {
      mail: { url: 'smtp://mx.host.example:25' },
      list: [{ host: 'Imap.host.example', port: 993 }],
      other: ['/etc/x', 'spip', 12, null, 'a@host.example'],
    }
    expect(hostsIn(config)).toEqual(['mx.host.example', 'imap.host.example'])
  })
})

describe('public addresses', () => {
  test.each(['1.1.1.1', '193.190.0.1', '172.32.0.1', '2606:4700::1111', '2a01:4f8::1'])(
    '%s may be asked',
    (address) => {
      expect(mayReach(address, [])).toBe(true)
    },
  )
  test.each([
    ...[
      '0.0.0.0',
      '10.1.2.3',
      '100.64.0.1',
      '127.0.0.1',
      '127.255.0.1',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.1',
    ],
    ...['192.0.0.8', '192.168.1.1', '198.18.0.1', '224.0.0.1', '255.255.255.255', '::', '::1', '::ffff:127.0.0.1'],
    ...['::ffff:1.1.1.1', '64:ff9b::7f00:1', 'fc00::1', 'fd12::1', 'fe80::1', 'ff02::1', '2002:7f00:1::', '2001::1'],
    ...['2001:db8::1', '100::1', '5f00::1', 'not an address', ''],
  ])('%s may not', (address) => {
    expect(mayReach(address, [])).toBe(false)
  })
  test('but those that are named', () => {
    expect(mayReach('10.1.2.3', ['10.1.0.0/16'])).toBe(true)
    expect(mayReach('10.2.2.3', ['10.1.0.0/16', 'fd00::/8'])).toBe(false)
    expect(mayReach('fd12::1', ['fd00::/8'])).toBe(true)
    expect(mayReach('::1', ['::1'])).toBe(true)
  })
})
