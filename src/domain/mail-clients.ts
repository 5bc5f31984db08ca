// What mail programs need to set themselves up: Thunderbird's autoconfig, Apple's profile, and the DNS lines of RFC 6186 and
// RFC 8314. Pure texts; none has a password in it.

import { digest } from './digest.ts'

/** `tls`: from the first byte (RFC 8314). `starttls`: on a connection that begins in clear. */
export type MailServer = { host: string; port: number; security: 'tls' | 'starttls' }
export type MailSetup = { imap: MailServer; smtp: MailServer; pop3?: MailServer | undefined }
type Naming = { association: string; help: string }

/** Characters that XML 1.0 has not (§2.2) are left out, halves of a pair too. */
const escaped = (text: string): string =>
  text
    .replace(/[^\t\n\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)

const socketType = { tls: 'SSL', starttls: 'STARTTLS' } as const

const thunderbirdServer = (
  kind: 'incoming' | 'outgoing',
  type: string,
  { host, port, security }: MailServer,
): string => `
    <${kind}Server type="${type}">
      <hostname>${escaped(host)}</hostname>
      <port>${port}</port>
      <socketType>${socketType[security]}</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </${kind}Server>`

/** config-v1.1.xml for the addresses of a domain. The password that the program will ask for is an app password. */
export const autoconfig = ({ imap, smtp, pop3 }: MailSetup, domain: string, { association, help }: Naming): string => `\
<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="${escaped(domain)}">
    <domain>${escaped(domain)}</domain>
    <displayName>${escaped(association)}</displayName>
    <displayShortName>${escaped(association)}</displayShortName>${thunderbirdServer('incoming', 'imap', imap)}${pop3 ? thunderbirdServer('incoming', 'pop3', pop3) : ''}${thunderbirdServer('outgoing', 'smtp', smtp)}
    <documentation url="${escaped(help)}">
      <descr lang="fr">${escaped(association)}</descr>
    </documentation>
  </emailProvider>
</clientConfig>
`

type Value = string | number | boolean | readonly Entry[]
type Entry = Readonly<Record<string, Value>>

const plist = (value: Value | Entry): string => {
  if (typeof value === 'string') return `<string>${escaped(value)}</string>`
  if (typeof value === 'number') return `<integer>${value}</integer>`
  if (typeof value === 'boolean') return value ? '<true/>' : '<false/>'
  if (Array.isArray(value)) return `<array>${value.map(plist).join('')}</array>`
  return `<dict>${Object.entries(value as Entry)
    .map(([key, inner]) => `<key>${escaped(key)}</key>${plist(inner)}`)
    .join('')}</dict>`
}

/** The two ids of a login's profile: always the same, so that one installed again replaces the one before (RFC 9562 §5.8). */
export function profileIds(issuer: string, login: string): [profile: string, account: string] {
  const id = (what: string): string => {
    const hex = Buffer.from(digest(`${what}\n${issuer}\n${login}`), 'base64url').toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  }
  return [id('profile'), id('mail')]
}

/**
 * Apple's configuration profile for one login: a phone asks for the app password when it is installed. `uuids`: one for the
 * profile, one for the account; the same ones replace what was installed before.
 */
export function mobileconfig(
  { imap, smtp }: MailSetup,
  {
    address,
    login,
    name,
    uuids: [profile, account],
    association,
  }: { address: string; login: string; name: string; uuids: readonly [string, string]; association: string },
): string {
  const mail: Entry = {
    PayloadType: 'com.apple.mail.managed',
    PayloadVersion: 1,
    PayloadUUID: account,
    PayloadIdentifier: `schedar.mail.${account}`,
    PayloadDisplayName: address,
    EmailAccountType: 'EmailTypeIMAP',
    EmailAccountDescription: `${association} (${address})`,
    EmailAccountName: name,
    EmailAddress: address,
    IncomingMailServerAuthentication: 'EmailAuthPassword',
    IncomingMailServerHostName: imap.host,
    IncomingMailServerPortNumber: imap.port,
    // Also where the connection begins in clear: without it a phone would not ask for STARTTLS.
    IncomingMailServerUseSSL: true,
    IncomingMailServerUsername: login,
    OutgoingMailServerAuthentication: 'EmailAuthPassword',
    OutgoingMailServerHostName: smtp.host,
    OutgoingMailServerPortNumber: smtp.port,
    OutgoingMailServerUseSSL: true,
    OutgoingMailServerUsername: login,
    OutgoingPasswordSameAsIncomingPassword: true,
  }
  const whole: Entry = {
    PayloadType: 'Configuration',
    PayloadVersion: 1,
    PayloadUUID: profile,
    PayloadIdentifier: `schedar.${profile}`,
    PayloadDisplayName: `${association} (${address})`,
    PayloadOrganization: association,
    PayloadContent: [mail],
  }
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">${plist(whole)}</plist>
`
}

/** Lines for a domain's zone; `host` answers what Thunderbird asks under `autoconfig.`. */
export const zoneLines = (setup: MailSetup, domain: string, host: string): string[] => [
  ...srvLines(setup, domain),
  `autoconfig.${domain}. 3600 IN CNAME ${host}.`,
]

/** Where the servers are. A service that is not offered says so (RFC 6186 §3.4: target `.`). */
function srvLines({ imap, smtp, pop3 }: MailSetup, domain: string): string[] {
  const line = (service: string, server: MailServer | undefined): string =>
    server
      ? `_${service}._tcp.${domain}. 3600 IN SRV 0 1 ${server.port} ${server.host}.`
      : `_${service}._tcp.${domain}. 3600 IN SRV 0 0 0 .`
  const by = (server: MailServer | undefined, security: MailServer['security']) =>
    server?.security === security ? server : undefined
  return [
    line('imaps', by(imap, 'tls')),
    line('imap', by(imap, 'starttls')),
    line('pop3s', by(pop3, 'tls')),
    line('pop3', by(pop3, 'starttls')),
    line('submissions', by(smtp, 'tls')),
    line('submission', by(smtp, 'starttls')),
  ]
}
