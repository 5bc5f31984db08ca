// What became of a message: replies as real servers write them, and words that must not mislead.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Attempt,
  causeOf,
  type DeliveryCause,
  deliveryCauses,
  isDeliveryCause,
} from '../../src/domain/deliveries.ts'

const MX = 'mx1.example.net[192.0.2.9]'
/** As Postfix logs what another server answered. */
const reply = (text: string, to = 'RCPT TO', host = MX) => `host ${host} said: ${text} (in reply to ${to} command)`
const why = (result: Attempt['result'], dsn: string, text: string, relay = `${MX}:25`): DeliveryCause =>
  causeOf({ result, dsn, relay, text })

describe('delivered', () => {
  test.each([
    [`${MX}:25`, 'delivered'],
    ['mx.asso.example[private/dovecot-lmtp]', 'delivered_here'],
    ['127.0.0.1[127.0.0.1]:24', 'delivered_here'],
    ['virtual', 'delivered_here'],
    ['local', 'delivered_here'],
    ['local.example.net[192.0.2.1]:25', 'delivered'],
  ] as const)('through %s: %s', (relay, cause) => {
    expect(why('sent', '2.0.0', '250 2.0.0 OK spam blacklist full', relay)).toBe(cause)
  })
})

describe('refused for good', () => {
  test.each([
    [
      'no_such_address',
      '5.1.1',
      "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking the recipient's email address for typos or 550-5.1.1 unnecessary spaces. 550 5.1.1  https://support.google.com/mail/?p=NoSuchUser ab1 - gsmtp",
    ],
    [
      'no_such_address',
      '5.1.1',
      '550 5.1.1 <zoe@example.net>: Recipient address rejected: User unknown in virtual mailbox table',
    ],
    ['no_such_address', '5.5.0', '550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).'],
    // Microsoft gives these two codes a meaning of their own.
    [
      'no_such_address',
      '5.1.10',
      '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient zoe@example.net not found by SMTP address lookup',
    ],
    [
      'no_such_address',
      '5.4.1',
      '550 5.4.1 Recipient address rejected: Access denied. For more information see https://aka.ms/EXOSmtpErrors',
    ],
    [
      'no_such_address',
      '5.0.0',
      "554 delivery error: dd This user doesn't have a yahoo.com account (zoe@yahoo.com) [0]",
    ],
    [
      'no_such_address',
      '5.1.1',
      '550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_418 [418]',
    ],
    ['no_such_address', '5.0.0', '550 No such user here'],
    ['no_such_address', '5.0.0', '550 unrouteable address'],
    ['no_such_address', '5.0.0', '550 L’adresse du destinataire n’existe pas'],
    ['mailbox_full', '5.0.0', '550 Boîte aux lettres pleine'],
    ['mailbox_full', '5.2.2', '552 5.2.2 Mailbox full'],
    ['mailbox_full', '5.2.2', '552 5.2.2 <zoe@example.net> Quota exceeded (mailbox for user is full)'],
    [
      'mailbox_full',
      '5.7.1',
      "552-5.2.2 The recipient's inbox is out of storage space. 552 5.2.2 https://support.google.com/mail/?p=OverQuotaPerm",
    ],
    ['mailbox_full', '5.0.0', '550 zoe@example.net: user is over quota'],
    ['mailbox_closed', '5.2.1', '550 5.2.1 The email account that you tried to reach is inactive.'],
    ['mailbox_closed', '5.2.1', '550 5.2.1 nothing more'],
    [
      'block_list',
      '5.7.1',
      '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1',
    ],
    [
      'block_list',
      '5.7.1',
      "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).",
    ],
    [
      'block_list',
      '5.0.0',
      '554 Service unavailable; Client host [mx.asso.example] blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.1',
    ],
    ['block_list', '5.7.0', '554 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1'],
    ['block_list', '5.0.0', '550 192.0.2.1 is listed at bl.spamcop.net'],
    ['block_list', '5.7.1', '550 5.7.1 <zoe@example.net>: rejected, blacklisted'],
    [
      'block_list',
      '5.0.0',
      '554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.)',
    ],
    [
      'sender_unproven',
      '5.7.26',
      '550-5.7.26 This mail has been blocked because the sender is unauthenticated. 550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.',
    ],
    [
      'sender_unproven',
      '5.7.509',
      '550 5.7.509 Access denied, sending domain asso.example does not pass DMARC verification',
    ],
    ['sender_unproven', '5.7.23', '550 5.7.23 no further words'],
    [
      'sender_unproven',
      '5.0.0',
      '554-gmx.net (mxgmx001) Nemesis ESMTP Service not available 554-No SMTP service 554-Bad DNS PTR resource record.',
    ],
    ['sender_unproven', '5.1.8', '553 5.1.8 <a@b.example>: Sender address rejected: Domain not found'],
    ['spam', '5.7.1', '554 5.7.1 Message rejected as spam by Content Filtering.'],
    [
      'spam',
      '5.7.1',
      '550-5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail. To reduce the amount of it',
    ],
    ['spam', '5.7.1', '550 5.7.1 Mail rejete. Mail rejected. ofr_506 [506]'],
    ['spam', '5.7.0', '552-5.7.0 This message was blocked because its content presents a potential security issue.'],
    ['too_large', '5.3.4', '552 5.3.4 Message size exceeds fixed limit'],
    ['not_theirs', '5.7.1', '554 5.7.1 <zoe@example.net>: Relay access denied'],
    ['refused', '5.7.1', '550 5.7.1 Refused by local policy, ask the postmaster'],
    ['other', '5.0.0', '500 no'],
  ] as const)('%s: %s %s', (cause, dsn, text) => {
    expect(why('bounced', dsn, reply(text))).toBe(cause)
  })

  test.each([
    [
      'no_such_domain',
      '5.4.4',
      'Host or domain name not found. Name service error for name=exemple.invalid type=AAAA: Host not found',
    ],
    ['takes_no_mail', '5.1.0', 'Domain example.org does not accept mail (nullMX)'],
    ['too_large', '5.3.4', `message size 31457280 exceeds size limit 26214400 of server ${MX}`],
    ['loop', '5.4.6', 'mail for mx.asso.example loops back to myself'],
    ['encryption', '5.7.4', `TLS is required, but was not offered by host ${MX}`],
    ['mailbox_full', '5.2.2', '552 5.2.2 <zoe@asso.example> Quota exceeded (mailbox for user is full)'],
  ] as const)('%s, in Postfix’s own words', (cause, dsn, text) => {
    expect(why('bounced', dsn, text, '')).toBe(cause)
  })
})

describe('put off', () => {
  test.each([
    ['greylisted', '4.7.1', reply('450 4.7.1 <zoe@example.net>: Recipient address rejected: Greylisted for 5 minutes')],
    [
      'greylisted',
      '4.2.0',
      reply(
        '450 4.2.0 <zoe@example.net>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.net.html',
      ),
    ],
    ['greylisted', '4.7.1', reply('451 4.7.1 Greylisting in action, please come back in 00:04:59')],
    ['greylisted', '4.7.1', reply('450 4.7.1 You are new here')],
    ['greylisted', '4.0.0', reply('451 please try again later')],
    [
      'mailbox_full',
      '4.2.2',
      reply('452-4.2.2 The email account that you tried to reach is over quota. Please direct'),
    ],
    ['mailbox_full', '4.2.2', reply('452 4.2.2 no words')],
    ['mailbox_closed', '4.2.1', reply('450 4.2.1 mailbox suspended')],
    [
      'too_many',
      '4.7.28',
      reply(
        '421-4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address.',
        'end of DATA',
      ),
    ],
    [
      'too_many',
      '4.7.0',
      reply(
        '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1',
        'MAIL FROM',
      ),
    ],
    [
      'too_many',
      '4.0.0',
      `host ${MX} refused to talk to me: 421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR004_104 [104]`,
    ],
    [
      'block_list',
      '4.7.0',
      reply('421 4.7.0 Our system has detected that your IP has a very low reputation', 'end of DATA'),
    ],
    [
      'name_service',
      '4.4.3',
      'Host or domain name not found. Name service error for name=b.example type=MX: Host not found, try again',
    ],
    ['unreachable', '4.4.1', `connect to ${MX}:25: Connection timed out`],
    ['unreachable', '4.4.1', `connect to mx1.example.net[2001:db8::1]:25: Network is unreachable`],
    ['unreachable', '4.4.1', `connect to ${MX}:25: Connection refused`],
    ['unreachable', '4.4.2', `conversation with ${MX} timed out while receiving the initial server greeting`],
    ['unreachable', '4.4.2', `lost connection with ${MX} while sending RCPT TO`],
    ['encryption', '4.7.5', 'Server certificate not verified'],
    ['encryption', '4.7.5', 'Cannot start TLS: handshake failure'],
    ['their_trouble', '4.3.1', reply('452 4.3.1 Insufficient system storage')],
    ['their_trouble', '4.3.0', reply('451 4.3.0 <zoe@example.net>: Temporary lookup failure')],
    ['their_trouble', '4.3.2', reply('421 4.3.2 no')],
    ['later', '4.0.0', reply('450 not now')],
  ] as const)('%s: %s %s', (cause, dsn, text) => {
    expect(why('deferred', dsn, text)).toBe(cause)
    // What is given up in the end has the reason of its last attempt.
    expect(why('expired', dsn, text)).toBe(cause)
  })
})

describe('who is spoken of does not speak', () => {
  const filter = 'd1234.ess.barracudanetworks.com[192.0.2.7]'
  test.each([
    ['the server’s name', 'no_such_address', 'bounced', '5.1.1', reply('550 5.1.1 User unknown', 'RCPT TO', filter)],
    [
      'the server’s name, when nobody answers',
      'unreachable',
      'deferred',
      '4.4.1',
      `connect to ${filter}:25: Connection timed out`,
    ],
    ['the recipient', 'no_such_address', 'bounced', '5.1.1', reply('550 5.1.1 <spam@rbl.example>: User unknown')],
    [
      'a full IPv6',
      'greylisted',
      'deferred',
      '4.7.1',
      reply('450 4.7.1 Greylisted', 'RCPT TO', 'mx.spamhaus.example[2001:db8::25]'),
    ],
  ] as const)('%s', (_, cause, result, dsn, text) => {
    expect(why(result, dsn, text)).toBe(cause)
  })
})

test('whatever is said, there is one cause, soon', () => {
  const results = ['sent', 'deferred', 'bounced', 'expired'] as const
  fc.assert(
    fc.property(
      fc.constantFrom(...results),
      fc.string({ maxLength: 12 }),
      fc.string({ unit: 'binary', maxLength: 300 }),
      (result, dsn, text) => {
        expect(isDeliveryCause(why(result, dsn, text))).toBe(true)
      },
    ),
  )
  const from = performance.now()
  for (const part of ['mailbox ', 'account user ', 'a[', '<', 'host x ', 'name service error ', '[1', 'exceeded '])
    why('bounced', '5.0.0', part.repeat(20_000))
  expect(performance.now() - from).toBeLessThan(2000)
  expect(new Set(deliveryCauses).size).toBe(deliveryCauses.length)
})
