// Lines of Postfix's log, as text in and facts out. Much in them was written by strangers (addresses, what other servers
// say): a line counts only when each part of it stands where Postfix puts it.
import type { DoorFact } from '../../src/plugin.ts'

type Delivery = Extract<DoorFact, { kind: 'delivery' }>
export type LogLine =
  | { kind: 'from'; queueId: string; sender: string }
  | { kind: 'expired'; queueId: string; at: string }
  | { kind: 'removed'; queueId: string }
  | ({ kind: 'delivery'; at: string } & Omit<Delivery, 'kind' | 'at' | 'sender'>)

/** `Nov  3 11:47:01` (RFC 3164) or `2026-11-03T11:47:01.5+01:00` (RFC 3339). */
const TIME = String.raw`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)`
const ID = '[0-9A-Za-z]{6,30}'
const LINE = new RegExp(
  String.raw`^(${TIME}) \S{1,255} postfix[\w.-]{0,64}(?:/[\w.-]{1,64}){0,2}/(smtp|relay|lmtp|virtual|local|pipe|error|retry|discard|qmgr)\[\d{1,10}\]: (${ID}): (.*)$`,
  's', // a line separator of Unicode's is no end of a line here
)

/** No angle bracket, quote or blank: `"a>, status=sent"@x` is an address as well, and such a line counts for nothing. */
const ADDRESS = String.raw`<([^<>"\s]{0,320})>`
const DELIVERY = new RegExp(
  String.raw`^to=${ADDRESS},(?: orig_to=${ADDRESS},)? relay=([^,\s]{1,300}),(?: conn_use=\d{1,6},)? delay=[\d.]{1,20}, delays=[\d./]{1,60}, dsn=(\d\.\d{1,3}\.\d{1,3}), status=(sent|deferred|bounced|expired) \((.*)\)$`,
  's',
)
const FROM = new RegExp(String.raw`^from=${ADDRESS}, size=\d{1,15}, nrcpt=\d{1,9} \(queue active\)$`)
const EXPIRED = new RegExp(`^from=${ADDRESS}, status=(?:force-)?expired, returned to sender$`)

/** As the columns are wide; without characters that end a line, hide or turn text round. */
const plain = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, 1000)

function deliveryOf(at: string, queueId: string, rest: string): LogLine | undefined {
  const [, recipient, original, relay = '', dsn = '', result, text = ''] = DELIVERY.exec(rest) ?? []
  if (recipient === undefined || recipient === '') return undefined
  return {
    kind: 'delivery',
    at,
    queueId,
    // Whom the sender wrote to: an alias leads elsewhere, and it is the alias that people ask about.
    recipient: (original || recipient).toLowerCase(),
    result: result as Delivery['result'],
    dsn,
    relay: relay === 'none' ? '' : relay.slice(0, 254),
    text: plain(text),
  }
}

/** What a line says; undefined for every line that says nothing of a delivery. */
export function parseLine(line: string): LogLine | undefined {
  const [, at, daemon, queueId, rest] = LINE.exec(line) ?? []
  if (at === undefined || queueId === undefined || rest === undefined) return undefined
  if (daemon !== 'qmgr') return deliveryOf(at, queueId, rest)
  if (rest === 'removed') return { kind: 'removed', queueId }
  if (EXPIRED.test(rest)) return { kind: 'expired', queueId, at }
  const [, sender] = FROM.exec(rest) ?? []
  return sender === undefined ? undefined : { kind: 'from', queueId, sender }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAY = 86_400_000

/**
 * The instant of a line, in milliseconds. A time without a year is in the zone of the machine and the last of its kind that
 * is not more than a day ahead of `now`.
 */
export function instantOf(text: string, now: number, timeZone: string): number {
  if (/^\d/.test(text)) return Temporal.Instant.from(text).epochMilliseconds
  const month = MONTHS.indexOf(text.slice(0, 3)) + 1
  const [day, hour, minute, second] = [text.slice(4, 6), text.slice(7, 9), text.slice(10, 12), text.slice(13, 15)].map(
    Number,
  )
  const { year } = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone)
  const inYear = (of: number) =>
    Temporal.PlainDateTime.from(
      { year: of, month, day: day!, hour: hour!, minute: minute!, second: Math.min(59, second!) },
      { overflow: 'reject' }, // not the last day of February for its 31st
    ).toZonedDateTime(timeZone).epochMilliseconds
  const at = inYear(year)
  return at > now + DAY ? inYear(year - 1) : at
}

/** So many messages are kept in mind; a host of this kind queues some thousands at most. */
const MOST = 20_000
/** So many recipients of one message that is put off. */
const MOST_RECIPIENTS = 1000

/** Puts lines together: the sender of a message, and whom it did not reach, stand in other lines than its end. */
export function logReader(timeZone: string) {
  const senders = new Map<string, string>()
  const waiting = new Map<string, Map<string, Delivery>>()
  const forget = (queueId: string) => {
    senders.delete(queueId)
    waiting.delete(queueId)
  }
  const remember = <T>(of: Map<string, T>, queueId: string, value: T) => {
    of.delete(queueId) // and again at the end: the oldest goes first
    of.set(queueId, value)
    if (of.size > MOST) of.delete(of.keys().next().value!)
  }

  function delivered(found: Extract<LogLine, { kind: 'delivery' }>, now: number): Delivery {
    const fact: Delivery = {
      ...found,
      at: safeInstant(found.at, now, timeZone),
      sender: senders.get(found.queueId) ?? '',
    }
    const late = waiting.get(found.queueId) ?? new Map<string, Delivery>()
    if (fact.result !== 'deferred') late.delete(fact.recipient)
    else if (late.size < MOST_RECIPIENTS) late.set(fact.recipient, fact)
    if (late.size > 0) remember(waiting, found.queueId, late)
    return fact
  }

  /** The facts of one line, told at `now`. */
  return (line: string, now: number): Delivery[] => {
    const found = parseLine(line)
    if (found?.kind === 'from') remember(senders, found.queueId, found.sender)
    if (found?.kind === 'delivery') return [delivered(found, now)]
    if (found?.kind === 'expired') {
      const at = safeInstant(found.at, now, timeZone)
      return [...(waiting.get(found.queueId)?.values() ?? [])].map((fact) => ({ ...fact, result: 'expired', at }))
    }
    if (found?.kind === 'removed') forget(found.queueId)
    return []
  }
}

/** A time that no clock ever shows (`Feb 31`) counts as now. */
function safeInstant(text: string, now: number, timeZone: string): number {
  try {
    return instantOf(text, now, timeZone)
  } catch {
    return now
  }
}
