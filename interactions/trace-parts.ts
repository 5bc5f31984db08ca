// What became of messages, in plain words: for the person who sent them and for the staff. What the other server said is
// shown as it said it, in its own language.
import type { DeliveryCause } from '../src/domain/deliveries.ts'
import type { Delivery } from '../src/ports.ts'
import type { Traced, TracedAttempt } from '../src/usecases/trace.ts'
import { type Html, html } from '../src/web/html.ts'
import type { View } from '../src/web/page.ts'
import type { TextKey } from '../src/web/texts.ts'

export const causeKeys: Record<DeliveryCause, TextKey> = {
  delivered: 'trace.cause.delivered',
  delivered_here: 'trace.cause.delivered_here',
  no_such_address: 'trace.cause.no_such_address',
  mailbox_full: 'trace.cause.mailbox_full',
  mailbox_closed: 'trace.cause.mailbox_closed',
  block_list: 'trace.cause.block_list',
  greylisted: 'trace.cause.greylisted',
  too_many: 'trace.cause.too_many',
  spam: 'trace.cause.spam',
  sender_unproven: 'trace.cause.sender_unproven',
  refused: 'trace.cause.refused',
  no_such_domain: 'trace.cause.no_such_domain',
  takes_no_mail: 'trace.cause.takes_no_mail',
  name_service: 'trace.cause.name_service',
  unreachable: 'trace.cause.unreachable',
  encryption: 'trace.cause.encryption',
  too_large: 'trace.cause.too_large',
  loop: 'trace.cause.loop',
  not_theirs: 'trace.cause.not_theirs',
  their_trouble: 'trace.cause.their_trouble',
  later: 'trace.cause.later',
  other: 'trace.cause.other',
}

/** What the person can do about it, where there is something. */
const advice: Partial<Record<DeliveryCause, TextKey>> = {
  delivered: 'trace.advice.delivered',
  no_such_address: 'trace.advice.spelling',
  no_such_domain: 'trace.advice.spelling',
  takes_no_mail: 'trace.advice.spelling',
  not_theirs: 'trace.advice.spelling',
  mailbox_full: 'trace.advice.otherwise',
  mailbox_closed: 'trace.advice.otherwise',
  greylisted: 'trace.advice.greylisted',
  too_large: 'trace.advice.too_large',
  spam: 'trace.advice.spam',
  refused: 'trace.advice.their_host',
  other: 'trace.advice.their_host',
  block_list: 'trace.advice.team',
  sender_unproven: 'trace.advice.team',
  encryption: 'trace.advice.team',
  loop: 'trace.advice.team',
}

const results: Record<Delivery['result'], readonly [key: TextKey, tone: '' | 'warn' | 'bad', next?: TextKey]> = {
  sent: ['trace.result.sent', ''],
  deferred: ['trace.result.deferred', 'warn', 'trace.next.deferred'],
  bounced: ['trace.result.bounced', 'bad', 'trace.next.bounced'],
  expired: ['trace.result.expired', 'bad', 'trace.next.expired'],
}

/** `contact`: whom the person may ask; the staff are whom one asks. */
type About = { zone: string; contact?: string }

/** Attempts that ended alike, one after the other: a message that waits is tried some dozens of times. */
function alike(attempts: readonly TracedAttempt[]): TracedAttempt[][] {
  const runs: TracedAttempt[][] = []
  for (const attempt of attempts) {
    const last = runs.at(-1)
    if (last?.[0]?.cause === attempt.cause && last[0].result === attempt.result) last.push(attempt)
    else runs.push([attempt])
  }
  return runs
}

const adviceOn = (cause: DeliveryCause, contact: string | undefined): TextKey | undefined =>
  contact === undefined && advice[cause] === 'trace.advice.team' ? undefined : advice[cause]

/** What comes next, and what can be done, is said of the last word alone: what was before it is over. */
function attemptRow({ texts }: View, run: readonly TracedAttempt[], { zone, contact }: About, last: boolean): Html {
  const { t, moment } = texts
  const { at, cause, relay, text, result } = run[0]!
  const next = last ? results[result][2] : undefined
  const todo = last ? adviceOn(cause, contact) : undefined
  return html`<li><strong>${moment(at, zone)}</strong>
    ${run.length > 1 && html`<small>${t('trace.tries', { count: run.length, at: moment(run.at(-1)!.at, zone) })}</small>`}
    <p>${t(causeKeys[cause])} ${next && t(next)} ${todo && t(todo, { contact: contact ?? '' })}</p>
    ${
      text !== '' &&
      html`<details><summary>${t('trace.words')}</summary><blockquote lang="">${text}</blockquote>${relay !== '' && html`<p><small>${relay}</small></p>`}</details>`
    }</li>`
}

function messageRow(view: View, { sender, recipient, attempts }: Traced, about: About): Html {
  const { t } = view.texts
  const [key, tone] = results[attempts[0]!.result]
  return html`<li><strong>${recipient}</strong> <span class="state ${tone}">${t(key)}</span>
    <small class="whole">${t('trace.from', { sender: sender === '' ? '—' : sender })}</small>
    <ol class="attempts whole">${alike(attempts).map((run, at) => attemptRow(view, run, about, at === 0))}</ol></li>`
}

/** Every message with its attempts, or a sentence that nothing is known. */
export const tracedRows = (view: View, traced: readonly Traced[], about: About, none: string): Html =>
  traced.length === 0
    ? html`<p class="none" role="status">${none}</p>`
    : html`<ul class="rows traces">${traced.map((one) => messageRow(view, one, about))}</ul>`
