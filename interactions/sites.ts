// The sites of a member, for those who look after them: whether one is open and why not, who may edit it, how its services
// do. Handing over the kit and changing the secret are in site-acts.ts.
import type { AccessAnswer } from '../src/domain/access.ts'
import { AppError } from '../src/domain/errors.ts'
import type { AccountInForce, Client } from '../src/ports.ts'
import {
  type Editor,
  listSites,
  lookAtSite,
  type SiteClient,
  type SiteService,
  type SiteShown,
  setSiteRole,
} from '../src/usecases/own-sites.ts'
import { mayRegisterFor } from '../src/usecases/site-registration.ts'
import type { Form } from '../src/web/forms.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, View } from '../src/web/page.ts'
import type { TextKey } from '../src/web/texts.ts'
import { pluginOf } from './admin/clients.ts'
import type { Desk } from './desk.ts'
import { heading, hidden, summary } from './parts.ts'
import { roleNames } from './people.ts'
import { explanation } from './reasons.ts'
import { registrations } from './site-register.ts'

export const SITES = '/account/sites'
export const siteAddress = (id: string): string => `${SITES}/${id}`

const tones = { full: '', restricted: 'warn', none: 'bad' } as const
const state = ({ texts: { t } }: View, { access }: AccessAnswer): Html =>
  html`<span class="state ${tones[access]}">${t(`access.${access}`)}</span>`
const why = ({ texts: { t } }: View, { access, reason }: AccessAnswer): Html =>
  html`${access !== 'full' && html` <small>${t(`why.${reason.code}` as TextKey)}</small>`}`

/** The roles that a client of this kind knows; undefined where any word may be one. */
export async function rolesKnown(desk: Desk, client: Client): Promise<readonly string[] | undefined> {
  const plugin = await pluginOf(desk, client)
  return plugin?.client?.(String(client.metadata.client_uri ?? '')).roles
}

async function openness(desk: Desk, view: View, { site, hosting, editing }: SiteShown): Promise<Html> {
  const { t } = view.texts
  const { name: association, contactEmail: contact, timeZone: zone } = await desk.organisation()
  const about = { association, contact, zone, client: site.name }
  return html`<h2>${t('sites.open')}</h2>
    <ul class="rows">
      <li><span>${t('sites.public')}</span><span>${state(view, hosting)}${why(view, hosting)}</span></li>
      <li><span>${t('sites.editing')}</span><span>${state(view, editing)}${why(view, editing)}</span></li>
    </ul>
    ${editing.access === 'none' && html`<section class="notice warn" aria-label="${t('sites.why_closed')}">${explanation(view.texts, editing.reason, about)}</section>`}`
}

type Holder = Pick<Editor, 'accountId' | 'name'>
const takeBack = (view: View, { clientId }: Client, { accountId, name }: Holder, role: string): Html => {
  const { t } = view.texts
  return html`<form method="post">${hidden(view)}<input type="hidden" name="client" value="${clientId}"><input type="hidden" name="account" value="${accountId}"><input type="hidden" name="role" value="${role}">
    <button class="link" name="act" value="take">${t('sites.take')}<span class="skip"> ${role}, ${name}</span></button></form>`
}

const editorRows = (view: View, client: Client, person: Editor, you: string, mayAct: boolean): Html => {
  const { t } = view.texts
  const { accountId, name, username, affiliation, byAffiliation, given } = person
  const who = html`<span><strong>${name || username}</strong>${accountId === you && html` (${t('people.you')})`}<br><small>${username}</small></span>`
  return html`<li>${who}
    ${byAffiliation && html`<span>${byAffiliation}<br><small>${t('sites.by_role', { role: t(roleNames[affiliation]) })}</small></span>`}
    ${given.map((role) => html`<span class="whole acts">${role} ${mayAct && takeBack(view, client, person, role)}</span>`)}
  </li>`
}

type Other = SiteClient['others'][number]
/** A group, somebody whom the association let in, or a guest of the site's own. */
function otherRow(view: View, client: Client, other: Other, mayAct: boolean): Html {
  const { t } = view.texts
  const { subjectKind, subject, who, role, invitedBy } = other
  const name = subjectKind === 'group' ? t('admin.clients.group', { name: who }) : who
  const mayTake = mayAct && invitedBy !== undefined
  return html`<li><span>${name}<br><small>${t(invitedBy ? 'sites.guest' : 'sites.by_association')}</small></span><span>${role}${mayTake && html`<br>${takeBack(view, client, { accountId: subject, name }, role)}`}</span></li>`
}

/** What was typed comes back into the form of the client that it was typed for. */
const typedFor = ({ typed }: View, { clientId }: Client, name: string): string =>
  typed?.get('client') === clientId && typed.get('act') === 'give' ? typed.get(name) : ''

function roleField(view: View, client: Client, known: readonly string[] | undefined, id: string): Html {
  const { t } = view.texts
  const typed = typedFor(view, client, 'role')
  if (known)
    return html`<div class="field"><label for="${id}">${t('admin.role')}</label>
      <select id="${id}" name="role">${known.map((role) => html`<option value="${role}"${role === typed && html` selected`}>${role}</option>`)}</select></div>`
  const wrong = view.mistake?.field === 'role' && typedFor(view, client, 'account') ? view.mistake.message : undefined
  return html`<div class="field"><label for="${id}">${t('admin.role')}</label>
    <input id="${id}" name="role" type="text" value="${typed}" autocomplete="off" maxlength="32" required aria-describedby="${id}-hint${wrong && ` ${id}-wrong`}"${wrong && html` aria-invalid="true"`}>
    <p class="hint" id="${id}-hint">${t('admin.client_roles.free')}</p>${wrong && html`<p class="wrong" id="${id}-wrong">${wrong}</p>`}</div>`
}

function giveForm(view: View, { client, people }: SiteClient, known: readonly string[] | undefined, at: number): Html {
  const { t } = view.texts
  const chosen = typedFor(view, client, 'account')
  const option = ({ accountId, name, username }: Editor) =>
    html`<option value="${accountId}"${accountId === chosen && html` selected`}>${name ? `${name} (${username})` : username}</option>`
  return html`<details${chosen !== '' && html` open`}><summary>${t('sites.give')}</summary><form method="post">${hidden(view)}<input type="hidden" name="client" value="${client.clientId}">
    <div class="field"><label for="who-${at}">${t('sites.who')}</label><select id="who-${at}" name="account">${people.map(option)}</select></div>
    ${roleField(view, client, known, `role-${at}`)}
    <button class="other" name="act" value="give">${t('admin.client_roles.submit')}</button></form></details>`
}

async function editing(desk: Desk, view: View, shown: SiteShown, one: SiteClient, you: string, at: number) {
  const { t } = view.texts
  const { client, people, others } = one
  const mayAct = shown.mayAct && client.disabledAt === null
  const editors = people.filter(({ byAffiliation, given }) => byAffiliation !== undefined || given.length > 0)
  const known = await rolesKnown(desk, client)
  return html`${shown.clients.length > 1 && html`<h3>${client.name}</h3>`}
    ${client.disabledAt !== null && html`<p class="notice warn">${t('sites.disabled')}</p>`}
    ${client.audience === 'members' && html`<p>${t('sites.for_members')}</p>`}
    ${editors.length + others.length === 0 && html`<p>${t('sites.no_editor')}</p>`}
    <ul class="rows">
      ${editors.map((person) => editorRows(view, client, person, you, mayAct))}
      ${others.map((other) => otherRow(view, client, other, mayAct))}
    </ul>
    ${mayAct && giveForm(view, one, known, at)}
    ${mayAct && html`<a class="button" href="${siteAddress(shown.site.id)}/guests">${t('guests.invite')}</a>`}`
}

function serviceRow(view: View, { name, kind, pending, failing, oldestAt, dueAt }: SiteService, zone: string): Html {
  const { t, moment } = view.texts
  const since = oldestAt === undefined ? '' : moment(oldestAt, zone)
  const [tone, key] = failing
    ? ['bad', 'sites.failing']
    : pending > 0
      ? ['warn', 'sites.waiting']
      : ['', 'sites.in_step']
  const more = failing
    ? t('sites.failing_text', { since, at: moment(dueAt!, zone) })
    : pending > 0
      ? t('sites.waiting_text', { since })
      : ''
  return html`<li><span>${kind === 'logout' ? t('sites.logout', { client: name }) : name}</span><span class="state ${tone}">${t(key as TextKey)}</span>${more && html`<small class="whole">${more}</small>`}</li>`
}

async function services(desk: Desk, view: View, shown: SiteShown): Promise<Html> {
  const { t } = view.texts
  const { timeZone } = await desk.organisation()
  return html`<h2>${t('sites.services')}</h2>
    ${shown.services.length === 0 ? html`<p>${t('sites.no_service')}</p>` : html`<ul class="rows">${shown.services.map((one) => serviceRow(view, one, timeZone))}</ul>`}`
}

/** Whose kit can be handed over, and whose secret changed. */
const usable = ({ mayAct, clients }: SiteShown): Client[] =>
  mayAct ? clients.map(({ client }) => client).filter(({ disabledAt }) => disabledAt === null) : []

/** People sign in there; what the association drives by itself, nobody does. */
const receivesPeople = ({ metadata }: Client): boolean =>
  Array.isArray(metadata.redirect_uris) && metadata.redirect_uris.length > 0

/** Kits of what people sign in to, and of nothing that the association drives. */
export async function withKit(desk: Desk, shown: SiteShown): Promise<Client[]> {
  const clients = usable(shown).filter(receivesPeople)
  const plugins = await Promise.all(clients.map((client) => pluginOf(desk, client)))
  return clients.filter((_, at) => plugins[at]?.kit !== undefined)
}
export const withSecret = (shown: SiteShown): Client[] =>
  usable(shown).filter(({ sealedSecret }) => sealedSecret !== null)

async function handOver(desk: Desk, { texts: { t } }: View, shown: SiteShown): Promise<Html> {
  const at = siteAddress(shown.site.id)
  const kit = (await withKit(desk, shown)).length > 0
  const secret = withSecret(shown).length > 0
  return html`${(kit || secret) && html`<h2>${t('sites.connection')}</h2><p>${t('sites.connection_text')}</p>`}
    ${kit && html`<a class="button" href="${at}/kit">${t('admin.act.kit')}</a>`}
    ${secret && html`<a class="button" href="${at}/secret">${t('admin.act.rotate')}</a>`}`
}

async function change(desk: Desk, of: { siteId: string; actor: string }, form: Form): Promise<void> {
  const [clientId, accountId, role, act] = ['client', 'account', 'role', 'act'].map((name) => form.get(name).trim())
  if (act !== 'give' && act !== 'take') throw new AppError('bad_request', { detail: 'no such act' })
  const shown = await lookAtSite(desk.core)(of)
  const found = shown.clients.find(({ client }) => client.clientId === clientId)
  if (!found) throw new AppError('not_found', { detail: 'the site has no such client' })
  const known = await rolesKnown(desk, found.client)
  if (act === 'give' && known && !known.includes(role!))
    throw new AppError('invalid_value', { field: 'role', detail: `the roles here are ${known.join(', ')}` })
  await setSiteRole(desk.core)({
    ...of,
    clientId: clientId!,
    accountId: accountId!,
    role: role!,
    remove: act === 'take',
  })
}

export const site = (desk: Desk): Page<AccountInForce> => ({
  path: `${SITES}/:id`,
  guard: desk.house.guard,
  async show({ accountId }, view, ctx) {
    const { t } = view.texts
    const shown = await lookAtSite(desk.core)({ siteId: ctx.params.id, actor: accountId })
    const clients = await Promise.all(shown.clients.map((one, at) => editing(desk, view, shown, one, accountId, at)))
    return {
      title: shown.site.name,
      body: html`${heading(shown.site.name, t('sites.of', { member: shown.member.name }))} ${summary(view, ['role'])}
        ${!shown.mayAct && html`<p class="notice warn">${t('sites.only_look')}</p>`}
        ${await openness(desk, view, shown)}
        <h2>${t('sites.editors')}</h2>
        ${clients.length === 0 ? html`<p>${t('sites.not_connected')}</p>` : clients}
        ${await services(desk, view, shown)} ${await handOver(desk, view, shown)}
        <a class="button" href="${SITES}">${t('sites.all')}</a>
        <a class="button" href="/">${t('back_home')}</a>`,
    }
  },
  async submit({ accountId }, form, _view, ctx) {
    await change(desk, { siteId: ctx.params.id, actor: accountId }, form)
    return siteAddress(ctx.params.id)
  },
})

export const sites = (desk: Desk): Page<AccountInForce> => ({
  path: SITES,
  guard: desk.house.guard,
  async show(account, view) {
    const { t } = view.texts
    const mine = await listSites(desk.core)(account)
    return {
      title: t('sites.title'),
      body: html`${heading(t('sites.title'), t('sites.lead'))}
        ${mine.length === 0 && html`<p>${t('sites.none')}</p>`}
        <ul class="rows">${mine.map(({ site: { id, name }, memberName, editing: answer }) => html`<li><span><a href="${siteAddress(id)}">${name}</a><br><small>${memberName}</small></span><span>${state(view, answer)}${why(view, answer)}</span></li>`)}</ul>
        ${await registrations(desk, account, view)}
        <a class="button" href="/">${t('back_home')}</a>`,
    }
  },
})

/** On the home page, for whoever looks after any, or may. */
export async function ownSites(desk: Desk, account: AccountInForce, { texts: { t } }: View): Promise<Html> {
  const mine = await listSites(desk.core)(account)
  return html`${(mine.length > 0 || mayRegisterFor(desk.core, account).length > 0) && html`<p><a href="${SITES}">${t('sites.title')}</a></p>`}`
}
