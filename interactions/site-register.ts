// Connecting a site by oneself: which one, then the proof that it is under one's control, checked as often as it takes.
import { proofFile, proofLine, proofRecord } from '../src/domain/site-address.ts'
import { civilDate } from '../src/domain/time.ts'
import type { AccountInForce, SiteRegistration } from '../src/ports.ts'
import {
  checkRegistration,
  type Findings,
  listRegistrations,
  mayRegisterFor,
  readRegistration,
  registerSite,
  withdrawRegistration,
} from '../src/usecases/site-registration.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, Shown, View } from '../src/web/page.ts'
import type { TextKey } from '../src/web/texts.ts'
import { choice, facts } from './admin/parts.ts'
import type { Desk } from './desk.ts'
import { field, heading, hidden, summary } from './parts.ts'

const SITES = '/account/sites'
const NEW = `${SITES}/new`
const pendingAddress = ({ id }: Pick<SiteRegistration, 'id'>): string => `${NEW}/${id}`

const kindNames: Record<string, TextKey> = {
  spip: 'register.kind.spip',
  apache: 'register.kind.apache',
  'forward-auth': 'register.kind.forward_auth',
}
export const kindName = ({ texts: { t } }: View, kind: string): string =>
  Object.hasOwn(kindNames, kind) ? t(kindNames[kind]!) : kind

/** Kinds whose kit a site's owner installs alone, SPIP first: most sites are. */
async function kinds({ machinery }: Desk): Promise<string[]> {
  const names = machinery.pluginNames()
  const plugins = await Promise.all(names.map((name) => machinery.loadPlugin(name)))
  const own = names.filter((_, at) => plugins[at]!.selfService)
  return own.toSorted((a, b) => Number(b === 'spip') - Number(a === 'spip') || a.localeCompare(b))
}

export const newSite = (desk: Desk): Page<AccountInForce> => ({
  path: NEW,
  guard: desk.house.guard,
  async show(account, view) {
    const { t } = view.texts
    const members = mayRegisterFor(desk.core, account)
    const title = t('register.title')
    const whose =
      members.length === 1
        ? html`<input type="hidden" name="member" value="${members[0]!.memberId}">`
        : choice(view, {
            name: 'member',
            label: t('register.member'),
            options: members.map(({ memberId, memberName }) => [memberId, memberName] as const),
          })
    const options = (await kinds(desk)).map((kind) => [kind, kindName(view, kind)] as const)
    const form = html`<form method="post">${hidden(view)} ${whose}
        ${field(view, { name: 'address', label: t('register.address'), autocomplete: 'url', hint: t('register.address_hint') })}
        ${choice(view, { name: 'kind', label: t('register.kind'), hint: t('register.kind_hint'), options })}
        <button class="main">${t('register.submit')}</button>
      </form>`
    return {
      title,
      body: html`${heading(title, t('register.lead'))} ${summary(view, ['address'])}
        ${members.length === 0 ? html`<p>${t('register.nobody')}</p>` : form}
        <a class="button" href="${SITES}">${t('sites.all')}</a>`,
    }
  },
  async submit({ accountId }, form) {
    const [memberId, address, kind] = [form.get('member'), form.get('address'), form.get('kind')]
    const plugin = (await kinds(desk)).includes(kind) ? await desk.machinery.loadPlugin(kind) : undefined
    const input = { memberId, address, kind, plugin, actor: accountId }
    const { registration, site } = await registerSite(desk.core)(input)
    return site ? `${SITES}/${site.id}` : pendingAddress(registration)
  },
})

const ofFile = {
  text: 'register.file.other',
  status: 'register.file.status',
  redirect: 'register.file.redirect',
  no_address: 'register.file.no_address',
  address_refused: 'register.file.address_refused',
  unreachable: 'register.file.unreachable',
  certificate: 'register.file.certificate',
  slow: 'register.file.slow',
  large: 'register.file.other',
} as const satisfies Record<Findings['file']['seen'], TextKey>
const ofTexts = {
  texts: 'register.dns.other',
  nothing: 'register.dns.nothing',
  unanswered: 'register.dns.unanswered',
} as const satisfies Record<Findings['texts']['seen'], TextKey>

/** What was found and what not. What the file holds is not repeated: it may be of a machine that is nobody's to see. */
function found({ texts: { t } }: View, { name }: SiteRegistration, { file, texts }: Findings): Html {
  const more: Record<string, string | number> =
    file.seen === 'status' ? { status: file.status } : file.seen === 'redirect' ? { host: file.host } : {}
  return html`<section class="notice warn" role="alert" aria-label="${t('register.not_yet')}"><strong>${t('register.not_yet')}</strong>
    <ul><li>${t(ofFile[file.seen], { name, ...more })}</li><li>${t(ofTexts[texts.seen], { name: proofRecord(name) })}</li></ul></section>`
}

function instructions({ texts: { t } }: View, { name, token }: SiteRegistration): Html {
  const line = html`<code>${proofLine(token)}</code>`
  return html`<p>${t('register.one_of_two')}</p>
    <h2>${t('register.by_file')}</h2>
    <p>${t('register.by_file_text')}</p>
    ${facts([
      [t('register.by_file_at'), html`<code>https://${name}${proofFile}</code>`],
      [t('register.holds'), line],
    ])}
    <h2>${t('register.by_dns')}</h2>
    <p>${t('register.by_dns_text')}</p>
    ${facts([
      [t('register.by_dns_name'), html`<code>${proofRecord(name)}</code>`],
      [t('register.by_dns_type'), html`<code>TXT</code>`],
      [t('register.holds'), line],
    ])}`
}

async function pendingPage(desk: Desk, view: View, one: SiteRegistration, findings?: Findings): Promise<Shown> {
  const { t, day } = view.texts
  const { timeZone } = await desk.organisation()
  const title = t('register.prove', { name: one.name })
  const expired = one.expiresAt <= desk.core.clock.now()
  const until = t('register.until', { day: day(civilDate(one.expiresAt, timeZone)) })
  return {
    title,
    body: html`${heading(title, `${kindName(view, one.kind)}, ${one.url}`)} ${summary(view)}
      ${findings && found(view, one, findings)}
      ${expired ? html`<p class="notice warn">${t('register.expired')}</p>` : html`${instructions(view, one)}<p>${until}</p>`}
      <form method="post">${hidden(view)}
        ${!expired && html`<button class="main" name="act" value="check">${t('register.check')}</button>`}
        <button class="other" name="act" value="withdraw">${t('register.withdraw')}</button>
      </form>
      <a class="button" href="${expired ? NEW : SITES}">${expired ? t('register.title') : t('sites.all')}</a>`,
  }
}

/** Waiting for its proof: to be come back to. */
export const pendingSite = (desk: Desk): Page<{ account: AccountInForce; one: SiteRegistration }> => ({
  path: `${NEW}/:id`,
  async guard(ctx) {
    const account = await desk.house.guard(ctx)
    // Whoever is not signed in is on the way there, and told nothing.
    if (ctx.response.get('location')) return { account, one: {} as SiteRegistration }
    return { account, one: await readRegistration(desk.core)({ id: ctx.params.id, actor: account.accountId }) }
  },
  show: ({ one }, view) => pendingPage(desk, view, one),
  async submit({ account: { accountId: actor }, one }, form, view) {
    const { core, machinery } = desk
    if (form.get('act') === 'withdraw') {
      await withdrawRegistration(core)({ id: one.id, actor })
      return SITES
    }
    const plugin = await machinery.loadPlugin(one.kind)
    const { site, ...findings } = await checkRegistration(core, desk.siteProbe)({ id: one.id, actor, plugin })
    return site ? `${SITES}/${site.id}` : pendingPage(desk, view, one, findings)
  },
})

/** On the list of sites: those under way, and the way to another. */
export async function registrations(desk: Desk, account: AccountInForce, { texts: { t, day } }: View): Promise<Html> {
  if (mayRegisterFor(desk.core, account).length === 0) return html``
  const [open, { timeZone }] = await Promise.all([listRegistrations(desk.core)(account), desk.organisation()])
  const state = ({ expiresAt }: SiteRegistration) =>
    expiresAt <= desk.core.clock.now()
      ? t('people.expired')
      : t('register.until', { day: day(civilDate(expiresAt, timeZone)) })
  const row = (one: SiteRegistration) =>
    html`<li><span><a href="${pendingAddress(one)}">${one.name}</a><br><small>${state(one)}</small></span><span class="state warn">${t('register.waiting')}</span></li>`
  return html`${open.length > 0 && html`<h2>${t('register.pending')}</h2><ul class="rows">${open.map(row)}</ul>`}
    <a class="button" href="${NEW}">${t('register.title')}</a>`
}
