// What mail programs set themselves up with, read as they read it: as XML, and as lines of a zone.
import fc from 'fast-check'
import { SaxesParser } from 'saxes'
import { describe, expect, test } from 'vitest'
import { autoconfig, type MailSetup, mobileconfig, profileIds, zoneLines } from '../../src/domain/mail-clients.ts'

const setup: MailSetup = {
  imap: { host: 'imap.asso.example', port: 993, security: 'tls' },
  smtp: { host: 'smtp.asso.example', port: 587, security: 'starttls' },
}
const pop3 = { host: 'pop.asso.example', port: 995, security: 'tls' } as const

type Element = { name: string; attributes: Record<string, string>; children: Element[]; text: string }
/** A document as a tree; throws where it is not well formed. */
function parse(xml: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' }
  const open = [root]
  const parser = new SaxesParser()
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, attributes: attributes as Record<string, string>, children: [], text: '' }
    open.at(-1)!.children.push(element)
    open.push(element)
  })
  parser.on('text', (text) => {
    open.at(-1)!.text += text
  })
  parser.on('closetag', () => void open.pop())
  parser.write(xml).close()
  return root.children[0]!
}
const all = (element: Element, name: string): Element[] => [
  ...(element.name === name ? [element] : []),
  ...element.children.flatMap((child) => all(child, name)),
]
const textOf = (element: Element, name: string): string | undefined => all(element, name)[0]?.text

type Plist = string | number | boolean | Plist[] | { [key: string]: Plist }
function plistOf({ name, text, children }: Element): Plist {
  if (name === 'string') return text
  if (name === 'integer') return Number(text)
  if (name === 'true' || name === 'false') return name === 'true'
  if (name === 'array') return children.map(plistOf)
  const pairs = children.flatMap((child, at) =>
    at % 2 === 0 ? [[child.text, plistOf(children[at + 1]!)] as const] : [],
  )
  return Object.fromEntries(pairs)
}
const profile = (xml: string) => plistOf(parse(xml).children[0]!) as Record<string, Plist>

const naming = { association: 'Cassiopée', help: 'https://login.asso.example/account/mail' }
const person = {
  address: 'zoe@asso.example',
  login: 'zoe.perso@asso.example',
  name: 'Zoé Essai',
  uuids: profileIds('https://login.asso.example', 'zoe.perso@asso.example'),
  association: 'Cassiopée',
} as const

/** What people might be called, and what of it XML can hold. */
const hostile: readonly (readonly [name: string, kept: string])[] = [
  ...[
    '<script>alert(1)</script>',
    ']]>&amp;"\'',
    '</string><key>x</key>',
    '<!ENTITY x SYSTEM "file:///etc/passwd">',
  ].map((name) => [name, name] as const),
  ['\u0000a\u0008b\u001b\u000bc\rd\ufffe\uffff', 'abcd'],
  ['\ud800 half, \udfff half, 🦉 whole', ' half,  half, 🦉 whole'],
]

describe('autoconfig', () => {
  test('says host, port, security and name for reading and sending', () => {
    const root = parse(autoconfig(setup, 'asso.example', naming))
    expect([root.name, root.attributes.version]).toEqual(['clientConfig', '1.1'])
    expect(all(root, 'emailProvider')[0]!.attributes.id).toBe('asso.example')
    expect(textOf(root, 'domain')).toBe('asso.example')
    const servers = [...all(root, 'incomingServer'), ...all(root, 'outgoingServer')].map((server) => [
      server.attributes.type,
      ...['hostname', 'port', 'socketType', 'authentication', 'username'].map((name) => textOf(server, name)),
    ])
    const how = ['password-cleartext', '%EMAILADDRESS%']
    expect(servers).toEqual([
      ['imap', 'imap.asso.example', '993', 'SSL', ...how],
      ['smtp', 'smtp.asso.example', '587', 'STARTTLS', ...how],
    ])
  })

  test('offers POP3 when there is one, after IMAP', () => {
    const root = parse(autoconfig({ ...setup, pop3 }, 'asso.example', naming))
    expect(all(root, 'incomingServer').map(({ attributes }) => attributes.type)).toEqual(['imap', 'pop3'])
  })

  test.each(hostile)('%j as a name is text', (name, kept) => {
    const root = parse(autoconfig(setup, name, { association: name, help: name }))
    expect([textOf(root, 'displayName'), textOf(root, 'domain')]).toEqual([kept, kept])
    expect(all(root, 'documentation')[0]!.attributes.url).toBe(kept)
    expect(all(root, 'incomingServer')).toHaveLength(1)
  })
})

describe('Apple’s profile', () => {
  test('one account, IMAP and SMTP, the login as the name, and no password in it', () => {
    const xml = mobileconfig(setup, person)
    const whole = profile(xml)
    expect(whole).toMatchObject({ PayloadType: 'Configuration', PayloadVersion: 1, PayloadUUID: person.uuids[0] })
    const [mail] = whole.PayloadContent as Record<string, Plist>[]
    expect(mail).toMatchObject({
      PayloadType: 'com.apple.mail.managed',
      EmailAccountType: 'EmailTypeIMAP',
      EmailAccountName: 'Zoé Essai',
      EmailAddress: 'zoe@asso.example',
      IncomingMailServerHostName: 'imap.asso.example',
      IncomingMailServerPortNumber: 993,
      IncomingMailServerUsername: 'zoe.perso@asso.example',
      OutgoingMailServerHostName: 'smtp.asso.example',
      OutgoingMailServerPortNumber: 587,
      OutgoingMailServerUsername: 'zoe.perso@asso.example',
      OutgoingPasswordSameAsIncomingPassword: true,
    })
    expect(xml).not.toMatch(/<key>(Incoming|Outgoing)Password<\/key>/)
  })

  test('the password never goes in clear, with STARTTLS either', () => {
    const [mail] = profile(mobileconfig(setup, person)).PayloadContent as Record<string, Plist>[]
    expect([mail!.IncomingMailServerUseSSL, mail!.OutgoingMailServerUseSSL]).toEqual([true, true])
  })

  test('installed again it replaces itself, and nobody else’s', () => {
    const ids = profileIds('https://login.asso.example', 'zoe.perso@asso.example')
    expect(ids).toEqual(person.uuids)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    const others = [
      ...profileIds('https://login.asso.example', 'bob@asso.example'),
      ...profileIds('https://login.other.example', 'zoe.perso@asso.example'),
    ]
    expect(new Set([...ids, ...others]).size).toBe(6)
  })

  test('whatever people are called, it is a profile of one account', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...hostile.map(([name]) => name))),
        (name) => {
          const whole = profile(mobileconfig(setup, { ...person, name, address: name, association: name }))
          expect(whole.PayloadContent).toHaveLength(1)
          const [mail] = whole.PayloadContent as Record<string, Plist>[]
          expect(Object.keys(mail!)).toHaveLength(20)
          expect(mail!.IncomingMailServerHostName).toBe('imap.asso.example')
        },
      ),
    )
  })
})

describe('lines for a zone', () => {
  test('what is offered, and that the rest is not (RFC 6186 §3.4)', () => {
    expect(zoneLines(setup, 'asso.example', 'login.asso.example')).toEqual([
      '_imaps._tcp.asso.example. 3600 IN SRV 0 1 993 imap.asso.example.',
      '_imap._tcp.asso.example. 3600 IN SRV 0 0 0 .',
      '_pop3s._tcp.asso.example. 3600 IN SRV 0 0 0 .',
      '_pop3._tcp.asso.example. 3600 IN SRV 0 0 0 .',
      '_submissions._tcp.asso.example. 3600 IN SRV 0 0 0 .',
      '_submission._tcp.asso.example. 3600 IN SRV 0 1 587 smtp.asso.example.',
      'autoconfig.asso.example. 3600 IN CNAME login.asso.example.',
    ])
    expect(zoneLines({ ...setup, pop3 }, 'asso.example', 'login.asso.example')[2]).toBe(
      '_pop3s._tcp.asso.example. 3600 IN SRV 0 1 995 pop.asso.example.',
    )
  })
})
