// What became of a message, in a code that can be said in plain words. Other servers answer as they please: what they wrote
// counts before their status code (RFC 3463), which many leave at 5.0.0 or give another meaning.

/** What a mail server's log says of one attempt. */
export type Attempt = {
  result: 'sent' | 'deferred' | 'bounced' | 'expired'
  /** Enhanced status code. */
  dsn: string
  /** Who was spoken to. */
  relay: string
  text: string
}

export const deliveryCauses = [
  'delivered',
  'delivered_here',
  'no_such_address',
  'mailbox_full',
  'mailbox_closed',
  'block_list',
  'greylisted',
  'too_many',
  'spam',
  'sender_unproven',
  'refused',
  'no_such_domain',
  'takes_no_mail',
  'name_service',
  'unreachable',
  'encryption',
  'too_large',
  'loop',
  'not_theirs',
  'their_trouble',
  'later',
  'other',
] as const
export type DeliveryCause = (typeof deliveryCauses)[number]
export const isDeliveryCause = (text: string): text is DeliveryCause => deliveryCauses.some((cause) => cause === text)

type Rule = readonly [cause: DeliveryCause, pattern: RegExp]

/** By words, the surest first. None of them has a repetition within a repetition: strangers write what they read. */
const byWords: readonly Rule[] = [
  ['name_service', /name service error.{0,300}try again/],
  ['takes_no_mail', /does not accept mail|nullmx/],
  ['no_such_domain', /name service error|host or domain name not found|domain does not exist/],
  [
    'block_list',
    /block(?:ed)?[ -]?list|black[ -]?list|blocked (?:using|by|-)|\blisted (?:at|in|by|on)\b|\b(?:dns|r|x)bls?\b|spamhaus|spamcop|barracuda|\bsorbs\b|uceprotect|abuseat|abusix|cloudmark|proofpoint|senderscore|backscatterer|mailspike|reputation|\(s31[45]0\)|tosa@rx\.t-online/,
  ],
  [
    'too_many',
    /too many (?:connections|messages|mails|recipients|concurrent)|rate[ -]?limit|throttl|slow down|unexpected volume|unusual rate|\[?tss0\d|exceeded the (?:rate|maximum number)|sending limit/,
  ],
  ['greylisted', /gr[ae]y-?list|greeted later|come back (?:later|in)|postgrey|milter-greylist/],
  [
    'mailbox_full',
    /(?:mailbox|mail box|inbox|boite|account|user|recipient)[^.;]{0,60}(?:\bfull\b|pleine)|over ?quota|out of (?:storage|quota)|quota (?:is )?(?:exceeded|full)|exceeded (?:its |the |storage )?(?:quota|storage)|insufficient (?:mailbox|user) (?:storage|space)/,
  ],
  [
    'mailbox_closed',
    /(?:mailbox|account|user|recipient)[^.;]{0,60}(?:disabled|suspended|inactive|locked|closed|deactivated|blocked for)|not accepting (?:mail|messages)/,
  ],
  [
    'no_such_address',
    /no such (?:user|address|mailbox|recipient|person)|(?:user|recipient|mailbox|address|account)(?: name)? (?:is )?(?:unknown|not found|invalid)|(?:user|account|address|mailbox|recipient|destinataire)[^.;]{0,80}(?:does(?: not|n't) (?:exist|have)|not exist|n'existe pas|unbekannt|onbekend)|(?:unknown|invalid|unrouteable|nonexistent|bad destination) (?:user|recipient|address|mailbox|local part)|destinataire invalide|mailbox unavailable|recipientnotfound|address rejected: (?:undeliverable|access denied)|(?:550|recipient address rejected:) (?:user|mailbox) unknown|doesn't have an? \S+ account/,
  ],
  ['encryption', /\btls\b|certificate|handshake/],
  ['too_large', /message (?:size|file)|size (?:exceeds|limit)|too (?:large|big)|max(?:imum)? message size/],
  ['loop', /loops back|too many hops|mail(?: forwarding)? loop|routing loop/],
  ['not_theirs', /relay(?:ing)? (?:access )?(?:denied|not (?:permitted|allowed))|unable to relay|not a local domain/],
  [
    'sender_unproven',
    /\bspf\b|\bdkim\b|dmarc|unauthenticated|sender (?:address rejected|domain|verify|rejected)|not authorized to send|reverse (?:dns|hostname|lookup)|\bptr\b|\brdns\b|cannot find your (?:hostname|reverse)|helo command rejected/,
  ],
  [
    'spam',
    /\bspam\b|\bpourriel|unsolicited|\bjunk\b|\bubl?e\b|bulk mail|content (?:rejected|filter)|virus|malware|security (?:issue|threat)|phish|gtube|mail rejete/,
  ],
  [
    'their_trouble',
    /insufficient system|temporary (?:lookup|failure|error|local)|server configuration|internal error|out of memory|disk full|unverified address/,
  ],
  [
    'unreachable',
    /timed out|connection (?:refused|reset|timeout)|lost connection|no route to host|network is unreachable|broken pipe|connection closed/,
  ],
  ['greylisted', /try again (?:later|in|after)|try later|temporarily (?:deferred|rejected)|deferred for/],
]

/** By the code alone. */
const byCode: readonly Rule[] = [
  ['no_such_address', /^[45]\.1\.[0136]$/],
  ['no_such_domain', /^[45]\.1\.2$|^5\.4\.[34]$/],
  ['takes_no_mail', /^5\.1\.10$/],
  ['sender_unproven', /^[45]\.1\.[78]$|^[45]\.7\.(?:2[0-9]|50[0-9]|515)$/],
  ['mailbox_full', /^[45]\.2\.2$/],
  ['mailbox_closed', /^[45]\.2\.1$/],
  ['too_large', /^[45]\.(?:2\.3|3\.4)$/],
  ['too_many', /^[45]\.(?:4\.5|5\.3)$|^4\.7\.28$/],
  ['name_service', /^4\.4\.3$/],
  ['loop', /^[45]\.4\.6$/],
  ['unreachable', /^[45]\.4\.[127]$/],
  ['encryption', /^[45]\.7\.(?:[45]|10|11)$/],
  ['greylisted', /^4\.7\.1$/],
  ['refused', /^5\.7\./],
  ['their_trouble', /^[45]\.3\./],
]

/**
 * What was said, without whom it was said to or about: the name of a server or an address must not speak for it. Many an
 * honest host has its mail taken in by `….ess.barracudanetworks.com`.
 */
const said = (text: string): string =>
  text
    .slice(0, 1000)
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[’‘]/g, "'")
    .replace(/<[^<>\s]{0,320}>/g, ' ')
    .replace(/[^\s[\]]+\[[\da-f.:]*\](?::\d+)?/g, ' ')
    .replace(/\s+/g, ' ')

/** Deliveries that stay on the machine: to a mailbox here, not to another server (transport(5), lmtp(8), virtual(8)). */
const HERE = /^(?:virtual|local|dovecot)$|\[(?:private\/|\/)|^\S*\[(?:127\.|::1\])/

const found = (rules: readonly Rule[], text: string): DeliveryCause | undefined =>
  rules.find(([, pattern]) => pattern.test(text))?.[0]

/** Why a message is where it is. Whether it is tried again is the attempt's `result`. */
export function causeOf({ result, dsn, relay, text }: Attempt): DeliveryCause {
  if (result === 'sent') return HERE.test(relay) ? 'delivered_here' : 'delivered'
  return (
    found(byWords, said(text)) ??
    found(byCode, dsn) ??
    (dsn.startsWith('4.') || result !== 'bounced' ? 'later' : 'other')
  )
}
