// What Postfix is told of a message, at each recipient and at its end (SMTP access policy delegation): the door that
// knows quarantines, lapses and limits. Recipients are only looked at; at the end the message is counted and recorded.
import { setTimeout as sleep } from 'node:timers/promises'
import { canonical } from '../../src/domain/names.ts'
import type { DoorHost, LoginAtDoor, SubmittedMessage } from '../../src/plugin.ts'
import type { PostfixConfig } from './config.ts'
import { burstOf, countersOf } from './limits.ts'
import type { Endpoint } from './peers.ts'
import type { Senders } from './senders.ts'

/** A request's attributes: `name=value` each. */
export type Attributes = ReadonlyMap<string, string>

/** Nothing against it: the next restriction is asked (access(5)). */
const DUNNO = 'DUNNO'
const LATER = '451 4.3.0 Please try again in a few minutes'

export const inDoubt = ({ inDoubt: way }: Pick<PostfixConfig, 'inDoubt'>): string => (way === 'accept' ? DUNNO : LATER)

/** Less than any `answerTimeoutMs` that makes sense: a burst must not go out because its record is late. */
const RECORDED_WITHIN_MS = 500

/** The `policy_context` of the service for Schedar's own letters. */
export const OWN_LETTERS = 'schedar-letters'

const STRANGER = 'This login is not known here'
const NOT_SCHEDAR = "This port takes Schedar's own letters only"
const NOT_YOURS = 'This login may not write as this sender'

/** Letters that do not fall apart into a base letter and a mark. */
const LETTERS: Record<string, string> = {
  œ: 'oe',
  Œ: 'OE',
  æ: 'ae',
  Æ: 'AE',
  ß: 'ss',
  '’': "'",
  '–': '-',
  '—': '-',
  '€': 'EUR',
}

/**
 * A sentence as SMTP can carry it: printable ASCII (RFC 5321 §4.2.1), in one line of at most 512 octets with its code
 * (§4.5.3.1.5). `$` and braces mean nothing in an answer, but a line end would begin another attribute.
 */
export const asciiSentence = (text: string): string =>
  text
    .replace(/«\s*|\s*»/g, '"')
    .replace(/[œŒæÆß’–—€]/g, (letter) => LETTERS[letter] ?? '')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .replace(/ +/g, ' ')
    .trim()
    .slice(0, 400)

const reject = (why: string, otherwise: string): string => `REJECT 5.7.1 ${asciiSentence(why) || otherwise}`

const number = (text: string | undefined): number => {
  const value = Number(text)
  return Number.isSafeInteger(value) && value > 0 ? value : 0
}

const messageOf = (asked: Attributes, login: string): SubmittedMessage => ({
  queueId: asked.get('queue_id') ?? '',
  login,
  sender: (asked.get('sender') ?? '').slice(0, 320),
  recipients: Math.max(1, number(asked.get('recipient_count'))),
  sizeBytes: number(asked.get('size')),
  clientAddress: (asked.get('client_address') ?? '').slice(0, 64),
})

type Settings = Pick<PostfixConfig, 'limits' | 'strangers' | 'refusal'>
type Asked = Pick<DoorHost, 'login' | 'take' | 'report' | 'log'>

/** Whether Schedar's own user, or root, made the connection that a request is about. */
export type IsSchedar = (client: Endpoint, server: Endpoint) => Promise<boolean>
const endpoint = (asked: Attributes, side: 'client' | 'server'): Endpoint => ({
  address: asked.get(`${side}_address`) ?? '',
  port: number(asked.get(`${side}_port`)),
})

/** Decides about one request: the text of its `action`. Throws what the core throws. */
export function policy(
  { limits, strangers, refusal }: Settings,
  host: Asked,
  senders: Senders,
  isSchedar: IsSchedar = async () => false,
) {
  async function atEnd(asked: Attributes, login: string, who: LoginAtDoor): Promise<string> {
    const message = messageOf(asked, login)
    const counters = countersOf(limits, login, who, message.recipients)
    const left = await host.take(counters.map(({ counter }) => counter))
    const burst = burstOf(counters, left)
    if (burst === undefined) {
      await host.report({ kind: 'submitted', message })
      return DUNNO
    }
    // Held even when it cannot be recorded, or not soon (people are told of it by mail): a person can let it go.
    const recorded = host
      .report({ kind: 'submitted', message, burst })
      .catch((error: unknown) => host.log('warn', 'postfix.burst_not_recorded', { queueId: message.queueId, error }))
    await Promise.race([recorded, sleep(RECORDED_WITHIN_MS, undefined, { ref: false })])
    return `HOLD ${asciiSentence(burst)}`
  }

  return async (asked: Attributes): Promise<string> => {
    // The name is looked up in the one form it has: `Alice@…` is `alice@…`, whatever a client typed.
    const login = canonical(asked.get('sasl_username') ?? '')
    if (asked.get('request') !== 'smtpd_access_policy') return DUNNO
    if (asked.get('policy_context') === OWN_LETTERS)
      return (await isSchedar(endpoint(asked, 'client'), endpoint(asked, 'server'))) ? 'OK' : reject('', NOT_SCHEDAR)
    if (login === '') return DUNNO
    const who = await host.login(login)
    if (who === undefined) return strangers === 'accept' ? DUNNO : reject('', STRANGER)
    if (!who.maySend || who.access !== 'full') return reject(who.why, refusal)
    // The null sender is nobody's address, and counts for the login all the same.
    const sender = (asked.get('sender') ?? '').toLowerCase()
    if (sender !== '' && !(await senders.mayWriteAs(login, sender))) return reject('', NOT_YOURS)
    return asked.get('protocol_state') === 'END-OF-MESSAGE' ? atEnd(asked, login, who) : DUNNO
  }
}
