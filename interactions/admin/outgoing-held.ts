// Messages that a mail server holds: an admin looks at them and lets one, several or all of a login go, or removes them
// after a second question. A helper looks.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import { canonical } from '../../src/domain/names.ts'
import {
  type HeldMessage,
  heldMessages,
  purgeAllOf,
  purgeMessages,
  releaseAllOf,
  releaseMessages,
} from '../../src/usecases/held-messages.ts'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, Shown, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { when } from './history.ts'
import { allowAgain, OUTGOING, ofLogin, outgoingTrail } from './outgoing-parts.ts'
import { acts, asked, link, outcome, table } from './parts.ts'
import { may } from './rights.ts'
import { zoneOf } from './states.ts'

const HELD = `${OUTGOING}/held`
/** Messages shown of a login, and recipients of one message. */
const MOST_SHOWN = 100
const MOST_RECIPIENTS = 5

/** How a form names a message: neither part has a space. */
const keyOf = ({ service, queueId }: HeldMessage): string => `${service} ${queueId}`

const kilobytes = ({ texts: { locale, t } }: View, bytes: number): string =>
  t('admin.outgoing.kilobytes', {
    size: new Intl.NumberFormat(`${locale}-BE`, { maximumFractionDigits: 1 }).format(bytes / 1024),
  })

function recipientsOf({ texts: { t } }: View, { recipients, queued }: HeldMessage): Html {
  if (!queued) return html`${recipients}`
  const shown = queued.recipients.slice(0, MOST_RECIPIENTS)
  const more = queued.recipients.length - shown.length
  return html`${shown.map((one) => html`${one}<br>`)}${more > 0 && html`<small>${t('admin.outgoing.more_recipients', { count: more })}</small>`}`
}

const subjectOf = ({ texts: { t } }: View, { queued }: HeldMessage): Html => {
  if (!queued) return html`<small>${t('admin.outgoing.not_in_queue')}</small>`
  return html`${queued.subject === '' ? '—' : queued.subject}${queued.script !== '' && html`<br><small>${t('admin.outgoing.script')} <code>${queued.script}</code></small>`}`
}

function messageTable(view: View, messages: readonly HeldMessage[], zone: string, decides: boolean): Html {
  const { t } = view.texts
  const head = [
    t('admin.outgoing.subject'),
    t('admin.outgoing.sender'),
    t('admin.outgoing.recipients'),
    t('admin.outgoing.size'),
    t('admin.outgoing.since'),
  ]
  const chosen = (message: HeldMessage) =>
    html`<label class="check"><input type="checkbox" name="message" value="${keyOf(message)}"><span class="skip">${t('admin.outgoing.choose', { subject: message.queued?.subject || message.queueId })}</span></label>`
  return table(
    t('admin.outgoing.held'),
    decides ? [t('admin.outgoing.chosen'), ...head] : head,
    messages.map((message) => [
      ...(decides ? [chosen(message)] : []),
      subjectOf(view, message),
      message.sender === '' ? '<>' : message.sender,
      recipientsOf(view, message),
      kilobytes(view, message.sizeBytes),
      when(view.texts, message.at, zone),
    ]),
  )
}

/** The messages of a login, and what can be done with them: with those that are ticked, or with all. */
function ofOne(view: View, login: string, messages: readonly HeldMessage[], zone: string, decides: boolean): Html {
  const { t } = view.texts
  const shown = messages.slice(0, MOST_SHOWN)
  const rows = messageTable(view, shown, zone, decides)
  const button = (act: string, text: string, tone = '') =>
    html`<button class="other ${tone}" name="act" value="${act}">${text}</button>`
  return html`<h2>${link(ofLogin(login), login)}</h2>
    <p>${t('admin.outgoing.held_count', { count: messages.length, shown: shown.length })}</p>
    ${
      decides
        ? html`<form method="post">${hidden(view)}<input type="hidden" name="login" value="${login}">
        ${rows}
        <p class="acts">${button('release', t('admin.outgoing.release'))} ${button('remove', t('admin.outgoing.remove'), 'bad')}</p>
        <p class="acts">${button('release-all', t('admin.outgoing.release_all', { login }))} ${button('remove-all', t('admin.outgoing.remove_all', { login }), 'bad')}</p></form>`
        : rows
    }`
}

/** Letting messages go is not letting send again: what is still stopped is said, and can be opened here. */
async function stillStopped({ core }: Desk, staff: Staff, view: View, login: string): Promise<Html> {
  const quarantine = await core.store.quarantines.ofLogin(login)
  if (!quarantine) return html``
  return html`<div class="notice warn"><p>${view.texts.t('admin.outgoing.still_stopped', { login })}</p>
    ${may(staff, `${OUTGOING}/allow`, 'act') && allowAgain(view, quarantine, login)}</div>`
}

async function show(desk: Desk, staff: Staff, view: View, ctx: Context): Promise<Shown> {
  const { t } = view.texts
  const login = canonical(asked(ctx, 'login')) || undefined
  const held = await heldMessages(desk.core, desk.machinery.queues)(login)
  const zone = await zoneOf(desk)
  const decides = may(staff, HELD, 'act')
  const byLogin = [...Map.groupBy(held, (message) => message.login)]
  return {
    title: t('admin.outgoing.held'),
    body: html`${outgoingTrail(view)} ${heading(t('admin.outgoing.held'), t('admin.outgoing.held_text'))} ${outcome(view, ctx)} ${summary(view)}
      ${login !== undefined && (await stillStopped(desk, staff, view, login))}
      ${byLogin.length === 0 && html`<p class="none">${t('admin.outgoing.held_none')}</p>`}
      ${byLogin.map(([of, messages]) => ofOne(view, of, messages, zone, decides))}
      ${login !== undefined && acts([[HELD, t('admin.outgoing.held_all')]])}`,
  }
}

/** What a form chose, by service. Throws `required` when nothing was. */
function chosenIn(form: Form): Map<string, string[]> {
  const chosen = form.all('message').map((key) => key.split(' '))
  if (chosen.length === 0) throw new AppError('required', { detail: 'no message was chosen' })
  if (chosen.some((parts) => parts.length !== 2)) throw new AppError('bad_request')
  const services = Map.groupBy(chosen, ([service]) => service!)
  return new Map([...services].map(([service, keys]) => [service, keys.map(([, queueId]) => queueId!)]))
}

/** Removing is asked about once more. */
function askAgain(view: View, form: Form, act: string, login: string): Shown {
  const { t } = view.texts
  const keys = form.all('message')
  const title =
    act === 'remove-all'
      ? t('admin.outgoing.remove_all', { login })
      : t('admin.outgoing.remove_some', { count: keys.length })
  return {
    title,
    body: html`${outgoingTrail(view, [HELD, t('admin.outgoing.held')])} ${heading(title, t('admin.outgoing.remove_text'))}
      <form method="post" class="act">${hidden(view)}<input type="hidden" name="login" value="${login}"><input type="hidden" name="confirmed" value="yes">
        ${act === 'remove' && keys.map((key) => html`<input type="hidden" name="message" value="${key}">`)}
        <button class="main bad" name="act" value="${act}">${t('admin.outgoing.remove_yes')}</button>
        <a class="button" href="${HELD}?login=${encodeURIComponent(login)}">${t('cancel')}</a></form>`,
  }
}

async function submit(desk: Desk, staff: Staff, form: Form, view: View): Promise<string | Shown> {
  const { core, machinery } = desk
  const [act, login, actor] = [form.get('act'), canonical(form.get('login')), staff.accountId]
  const removing = act === 'remove' || act === 'remove-all'
  const all = act === 'release-all' || act === 'remove-all'
  if (!removing && act !== 'release' && act !== 'release-all') throw new AppError('bad_request')
  if (all && login === '') throw new AppError('bad_request')
  const chosen = all ? undefined : chosenIn(form)
  if (removing && form.get('confirmed') !== 'yes') return askAgain(view, form, act, login)
  if (chosen) {
    const decide = (removing ? purgeMessages : releaseMessages)(core, machinery.queues)
    for (const [service, queueIds] of chosen) await decide({ service, queueIds, actor })
  } else await (removing ? purgeAllOf : releaseAllOf)(core, machinery.queues)({ login, actor })
  return `${HELD}?login=${encodeURIComponent(login)}&done=changed`
}

export const heldPage = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: HELD,
    show: (staff, view, ctx) => show(desk, staff, view, ctx),
    submit: (staff, form, view) => submit(desk, staff, form, view),
  })
