// Postfix's log as facts: lines as Postfix 3.7 wrote them, and lines that strangers would like to have been written.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instantOf, logReader, parseLine } from '../../plugins/postfix/log-lines.ts'

const AT = 'Nov 23 12:37:10'
const at = (daemon: string, rest: string) => `${AT} mx postfix/${daemon}[25028]: ${rest}`
const delivery = (more: Record<string, unknown>) => ({ kind: 'delivery', at: AT, ...more })

describe('lines', () => {
  test.each([
    [
      at(
        'smtp',
        '4jY56t6dH8z1SVyD: to=<x@example.net>, relay=127.0.0.1[127.0.0.1]:38965, delay=0.18, delays=0.13/0.02/0.02/0.01, dsn=2.0.0, status=sent (250 2.0.0 taken)',
      ),
      delivery({
        queueId: '4jY56t6dH8z1SVyD',
        recipient: 'x@example.net',
        result: 'sent',
        dsn: '2.0.0',
        relay: '127.0.0.1[127.0.0.1]:38965',
        text: '250 2.0.0 taken',
      }),
    ],
    [
      at(
        'smtp',
        '3C5F8A1234: to=<X@Example.net>, relay=mx.example.net[2001:db8::1]:25, conn_use=3, delay=2, delays=0/0/1.1/0.9, dsn=5.7.1, status=bounced (host mx.example.net[2001:db8::1] said: 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.example (in reply to RCPT TO command))',
      ),
      delivery({
        queueId: '3C5F8A1234',
        recipient: 'x@example.net',
        result: 'bounced',
        dsn: '5.7.1',
        relay: 'mx.example.net[2001:db8::1]:25',
        text: 'host mx.example.net[2001:db8::1] said: 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.example (in reply to RCPT TO command)',
      }),
    ],
    [
      at(
        'lmtp',
        '4jY56z60Whz1SX68: to=<alice@asso.example>, orig_to=<team@asso.example>, relay=none, delay=0.08, delays=0/0.07/0/0, dsn=4.4.1, status=deferred (connect to mx.asso.example[private/dovecot-lmtp]: No such file or directory)',
      ),
      delivery({
        queueId: '4jY56z60Whz1SX68',
        recipient: 'team@asso.example',
        result: 'deferred',
        dsn: '4.4.1',
        relay: '',
        text: 'connect to mx.asso.example[private/dovecot-lmtp]: No such file or directory',
      }),
    ],
    [
      at(
        'lmtp',
        '4jY5700CcWz1SX6H: to=<alice@asso.example>, relay=mx.asso.example[private/dovecot-lmtp], delay=0.4, delays=0.1/0.05/0.1/0.15, dsn=2.0.0, status=sent (250 2.0.0 <alice@asso.example> oJ3w Saved)',
      ),
      delivery({
        queueId: '4jY5700CcWz1SX6H',
        recipient: 'alice@asso.example',
        result: 'sent',
        dsn: '2.0.0',
        relay: 'mx.asso.example[private/dovecot-lmtp]',
        text: '250 2.0.0 <alice@asso.example> oJ3w Saved',
      }),
    ],
    [
      '2026-11-23T12:37:10.123456+01:00 mx postfix-out/relay/smtp[9]: ABCDEF012: to=<a@b.example>, relay=none, delay=0, delays=0/0/0/0, dsn=4.4.3, status=deferred (Host or domain name not found. Name service error for name=b.example type=MX: Host not found, try again)',
      {
        kind: 'delivery',
        at: '2026-11-23T12:37:10.123456+01:00',
        queueId: 'ABCDEF012',
        recipient: 'a@b.example',
        result: 'deferred',
        dsn: '4.4.3',
        relay: '',
        text: 'Host or domain name not found. Name service error for name=b.example type=MX: Host not found, try again',
      },
    ],
    [
      at(
        'virtual',
        'ABCDEF012: to=<a@b.example>, relay=virtual, delay=0.1, delays=0.1/0/0/0, dsn=2.0.0, status=sent (delivered to maildir)',
      ),
      delivery({
        queueId: 'ABCDEF012',
        recipient: 'a@b.example',
        result: 'sent',
        dsn: '2.0.0',
        relay: 'virtual',
        text: 'delivered to maildir',
      }),
    ],
    [
      at(
        'error',
        'ABCDEF012: to=<a@b.example>, relay=none, delay=9, delays=9/0/0/0, dsn=5.1.2, status=bounced (unknown host)',
      ),
      delivery({
        queueId: 'ABCDEF012',
        recipient: 'a@b.example',
        result: 'bounced',
        dsn: '5.1.2',
        relay: '',
        text: 'unknown host',
      }),
    ],
    [
      at('qmgr', '4jY56t6dH8z1SVyD: from=<alice@asso.example>, size=326, nrcpt=1 (queue active)'),
      { kind: 'from', queueId: '4jY56t6dH8z1SVyD', sender: 'alice@asso.example' },
    ],
    [
      at('qmgr', '4jY56v01nSz1SVyD: from=<>, size=327, nrcpt=1 (queue active)'),
      { kind: 'from', queueId: '4jY56v01nSz1SVyD', sender: '' },
    ],
    [
      at('qmgr', '4jY56v01nSz1SVyD: from=<a@b.example>, status=expired, returned to sender'),
      { kind: 'expired', queueId: '4jY56v01nSz1SVyD', at: AT },
    ],
    [at('qmgr', '4jY56t6dH8z1SVyD: removed'), { kind: 'removed', queueId: '4jY56t6dH8z1SVyD' }],
  ])('%s', (line, fact) => {
    expect(parseLine(line)).toEqual(fact)
  })

  const sent = 'relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)'
  test.each([
    ['', 'nothing'],
    [at('submissions/smtpd', 'connect from localhost[127.0.0.1]'), 'another daemon'],
    [at('smtpd', `4jY56t6dH8z1SVyD: to=<x@example.net>, ${sent}`), 'a daemon that delivers nothing'],
    [at('cleanup', `4jY56t6dH8z1SVyD: message-id=<to=<x@example.net>, ${sent}>`), 'words of the message'],
    [
      at(
        'smtp',
        `4jY56t6dH8z1SVyD: to=<"a>, ${sent}"@example.net>, relay=none, delay=1, delays=0/0/0/1, dsn=5.0.0, status=bounced (no)`,
      ),
      'an address that plays a line',
    ],
    [at('smtp', `4jY56t6dH8z1SVyD: to=<a b@example.net>, ${sent}`), 'a blank in the address'],
    [at('smtp', `4jY56t6dH8z1SVyD: to=<x@example.net>, ${sent.replace('sent', 'deliverable')}`), 'a probe'],
    [at('smtp', `4jY56t6dH8z1SVyD: host mx said: 450 to=<x@example.net>, ${sent}`), 'words of another server'],
    [
      at('qmgr', '4jY56t6dH8z1SVyD: from=<"x>, status=expired, returned to sender"@b>, size=1, nrcpt=1 (queue active)'),
      'a sender that plays a line',
    ],
    [`${AT} mx otherd/smtp[1]: 4jY56t6dH8z1SVyD: to=<x@example.net>, ${sent}`, 'another program'],
    [`${AT} mx dovecot: x postfix/smtp[1]: 4jY56t6dH8z1SVyD: to=<x@example.net>, ${sent}`, 'a line within a line'],
    [`garbage ${at('smtp', `4jY56t6dH8z1SVyD: to=<x@example.net>, ${sent}`)}`, 'no time in front'],
    [at('smtp', `NOQUEUE: to=<x@example.net>, ${sent}`).replace('NOQUEUE', 'x'), 'no queue id'],
  ])('says nothing: %s (%s)', (line) => {
    expect(parseLine(line)).toBeUndefined()
  })

  test('what another server says stays words: no control characters, no second end', () => {
    const text = 'host x said: 550 \x1b[31m\u202e\x00status=sent (250 ok)\u2028Nov 23 12:00:00 mx postfix/smtp[1]: A'
    const fact = parseLine(
      at('smtp', `ABCDEF012: to=<a@b.example>, relay=x, delay=1, delays=0/0/0/1, dsn=5.0.0, status=bounced (${text})`),
    )
    expect(fact).toMatchObject({ result: 'bounced' })
    expect(fact && 'text' in fact && fact.text).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u)
    const long = parseLine(
      at(
        'smtp',
        `ABCDEF012: to=<a@b.example>, relay=x, delay=1, delays=0/0/0/1, dsn=5.0.0, status=bounced (${'x'.repeat(5000)})`,
      ),
    )
    expect(long && 'text' in long && long.text).toHaveLength(1000)
  })

  test('no line takes long, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 0, max: 3 }), (rubbish, times) => {
        parseLine(at('smtp', `ABCDEF012: to=<a@b.example>, relay=${rubbish.repeat(times)}`))
        parseLine(at('qmgr', `ABCDEF012: from=<${rubbish.repeat(times)}`))
        parseLine(rubbish)
      }),
    )
    const from = performance.now()
    for (const part of ['to=<', '1', ' delays=', '('])
      parseLine(at('smtp', `ABCDEF012: to=<a@b.example>, relay=x, delay=${part.repeat(20_000)}`))
    expect(performance.now() - from).toBeLessThan(2000)
  })
})

describe('times', () => {
  const now = Date.UTC(2026, 10, 23, 12)
  test.each([
    ['Nov 23 12:37:10', 'UTC', '2026-11-23T12:37:10Z'],
    ['Nov  3 12:37:10', 'Europe/Brussels', '2026-11-03T11:37:10Z'],
    ['Jul 14 00:00:00', 'Europe/Brussels', '2026-07-13T22:00:00Z'],
    ['Dec 31 23:59:60', 'UTC', '2025-12-31T23:59:59Z'],
    ['2026-11-23T12:37:10.5+01:00', 'UTC', '2026-11-23T11:37:10.500Z'],
  ])('%s in %s', (text, zone, instant) => {
    expect(new Date(instantOf(text, now, zone)).toJSON()).toBe(new Date(instant).toJSON())
  })
})

describe('putting lines together', () => {
  const sent = (id: string, to: string, status = 'sent') =>
    at('smtp', `${id}: to=<${to}>, relay=x, delay=1, delays=0/0/0/1, dsn=2.0.0, status=${status} (x)`)
  const read = () => {
    const reader = logReader('UTC')
    return (...lines: string[]) => lines.flatMap((line) => reader(line, Date.UTC(2026, 10, 23, 13)))
  }

  test('the sender is in another line, until the message is gone', () => {
    const lines = read()
    expect(lines(at('qmgr', 'ABCDEF012: from=<alice@asso.example>, size=1, nrcpt=2 (queue active)'))).toEqual([])
    expect(lines(sent('ABCDEF012', 'x@b.example'), sent('ABCDEF012', 'y@b.example'))).toMatchObject([
      { sender: 'alice@asso.example', recipient: 'x@b.example', at: Date.UTC(2026, 10, 23, 12, 37, 10) },
      { sender: 'alice@asso.example', recipient: 'y@b.example' },
    ])
    lines(at('qmgr', 'ABCDEF012: removed'))
    expect(lines(sent('ABCDEF012', 'z@b.example'))).toMatchObject([{ sender: '' }])
  })

  test('what expires is told of each recipient that was put off', () => {
    const lines = read()
    lines(
      sent('ABCDEF012', 'a@b.example', 'deferred'),
      sent('ABCDEF012', 'c@b.example', 'deferred'),
      sent('ABCDEF012', 'c@b.example'),
    )
    expect(lines(at('qmgr', 'ABCDEF012: from=<x@asso.example>, status=expired, returned to sender'))).toMatchObject([
      { result: 'expired', recipient: 'a@b.example', text: 'x' },
    ])
    expect(lines(at('qmgr', 'BBCDEF012: from=<x@asso.example>, status=expired, returned to sender'))).toEqual([])
  })

  test('an impossible date counts as now', () => {
    const reader = logReader('UTC')
    expect(reader(sent('ABCDEF012', 'a@b.example').replace(AT, 'Feb 31 12:00:00'), 5)).toMatchObject([{ at: 5 }])
  })
})
