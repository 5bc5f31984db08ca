// Home: where I stand, which services are open to me and why not, what I agreed to, how I am protected. The suspended and
// the lapsed read here why, and whom to ask.
import type { AffiliationRole, Reason } from '../src/domain/access.ts'
import { addDays, type CivilDate } from '../src/domain/time.ts'
import type { AccountInForce } from '../src/ports.ts'
import { type Explanation, explainSelf } from '../src/usecases/explain.ts'
import { myServices } from '../src/usecases/my-services.ts'
import { type Html, html } from '../src/web/html.ts'
import type { Page, View } from '../src/web/page.ts'
import type { TextKey, Texts } from '../src/web/texts.ts'
import type { Desk } from './desk.ts'
import { heading, hidden, summary } from './parts.ts'
import { associations } from './people.ts'
import { explanation, titleOf } from './reasons.ts'
import { ownSites } from './sites.ts'
import { tiles } from './tiles.ts'

type About = Parameters<typeof explanation>[2]
type Membership = Explanation['memberships'][number]

const tone: Record<string, string> = {
  current: '',
  future: 'warn',
  applicant: 'warn',
  grace: 'warn',
  lapsed: 'bad',
  closed: 'bad',
  suspended: 'bad',
  full: '',
  restricted: 'warn',
  none: 'bad',
}
const state = (texts: Texts, group: 'standing' | 'access', value: string): Html =>
  html`<span class="state ${tone[value]}">${texts.t(`${group}.${value}` as TextKey)}</span>`

const seesBills = (role: AffiliationRole): boolean => role === 'owner' || role === 'billing'

const suspensionOf = (overrides: AccountInForce['overrides'], memberName?: string): Reason | undefined => {
  const denied = overrides.find((override) => override.effect === 'deny')
  return (
    denied && {
      code: 'suspended',
      text: denied.reasonText,
      sinceAt: denied.startsAt,
      ...(denied.endsOn && { untilOn: denied.endsOn }),
      ...(memberName && { memberName }),
    }
  )
}

/** What must be said first: a suspension of the person, of a member, or a membership that lapsed. */
type Standings = Pick<Explanation, 'account' | 'memberships'>
function notices(texts: Texts, { account, memberships }: Standings, about: About): Html[] {
  const own = suspensionOf(account.overrides)
  const reasons = [
    own,
    ...memberships.map((membership) => suspensionOf(membership.overrides, membership.memberName)),
  ].filter((reason) => reason !== undefined)
  const notice = (reason: Reason, more?: Html) =>
    html`<section class="notice" aria-label="${titleOf(texts, reason)}"><strong>${titleOf(texts, reason)}</strong>${explanation(texts, reason, about)}${more}</section>`
  const toPay = html`<p><a href="/account/dues">${texts.t('dues.how')}</a></p>`
  const lapsed = memberships
    .filter(({ standing }) => standing === 'lapsed')
    .map(({ memberName, coveredUntilOn, role }) =>
      notice(
        { code: 'lapsed', memberName, ...(coveredUntilOn && { coveredUntilOn }) },
        seesBills(role) ? toPay : undefined,
      ),
    )
  return [...reasons.map((reason) => notice(reason)), ...lapsed]
}

/** Until when one is covered; since when one no longer is: from the day after. Other states have other dates. */
const until = ({ t, day }: Texts, on: CivilDate) => t('standing.until', { day: day(on) })
const since = ({ t, day }: Texts, on: CivilDate) => t('standing.since', { day: day(addDays(on, 1)) })
const datedStates: Partial<Record<string, typeof until>> = { current: until, grace: since, lapsed: since }

const membershipRow = (
  texts: Texts,
  { memberName, standing, coveredUntilOn, graceUntilOn, overrides }: Membership,
): Html => {
  const shown = overrides.some(({ effect }) => effect === 'deny') ? 'suspended' : standing
  const dated = coveredUntilOn && datedStates[shown]
  return html`<li>
    <span>${memberName}</span>
    <span>${state(texts, 'standing', shown)} ${dated && html`<small>${dated(texts, coveredUntilOn)}</small>`}</span>
    ${graceUntilOn && html`<small class="whole">${texts.t('standing.grace_until', { day: texts.day(graceUntilOn) })}</small>`}
  </li>`
}

async function consentRows(desk: Desk, accountId: string, view: View): Promise<Html[]> {
  const consents = await desk.core.store.consents.list(accountId)
  return Promise.all(
    consents.map(async ({ clientId }) => {
      const client = await desk.core.store.clients.get(clientId)
      return html`<li><span>${client?.name ?? clientId}</span><form method="post" action="/account/consents">${hidden(view)}<button class="link" name="client" value="${clientId}">${view.texts.t('home.withdraw')}</button></form></li>`
    }),
  )
}

export const home = (desk: Desk): Page<AccountInForce> => ({
  path: '/',
  guard: desk.house.guard,
  async show(account, view) {
    const { texts } = view
    const { t } = texts
    const organisation = await desk.organisation()
    const about = {
      association: organisation.name,
      contact: organisation.contactEmail,
      zone: organisation.timeZone,
      client: '',
    }
    const explained = (await explainSelf(desk.core)({ id: account.accountId }))!
    const services = await myServices(desk.core)(account.accountId)
    const hasMail = explained.logins.length > 0
    const consents = await consentRows(desk, account.accountId, view)
    return {
      title: t('home.title', { name: account.givenName || account.name }),
      wide: services.length > 1,
      body: html`${heading(t('home.title', { name: account.givenName || account.name }))} ${summary(view)} ${notices(texts, explained, about)}
        <h2>${t('home.memberships')}</h2>
        ${explained.memberships.length === 0 ? html`<p>${t('home.no_membership')}</p>` : html`<ul class="rows">${explained.memberships.map((membership) => membershipRow(texts, membership))}</ul>`}
        ${await associations(desk, account, view)} ${await ownSites(desk, account, view)}
        ${explained.memberships.some(({ role }) => seesBills(role)) && html`<p><a href="/account/dues">${t('home.dues')}</a></p>`}
        <h2>${t('home.services')}</h2>
        ${await tiles(desk, texts, { services, hasMail })}
        ${hasMail && html`<h2>${t('home.mailboxes')}</h2><ul class="rows">${explained.logins.map(({ login, access }) => html`<li><span>${login}</span>${state(texts, 'access', access)}</li>`)}</ul>`}
        ${consents.length > 0 && html`<h2>${t('home.consents')}</h2><ul class="rows">${consents}</ul>`}
        <h2>${t('home.security')}</h2>
        <ul class="rows">
          <li><a href="/account/password">${t('home.change_password')}</a></li>
          <li><a href="/account/app-passwords">${t('app_passwords.title')}</a></li>
          <li>${account.hasSecondFactor ? html`<span>${t('home.second_on')}</span> <a href="/account/recovery-codes">${t('codes.new')}</a>` : html`<a href="/account/second-factor">${t('home.second_off')}</a>`}</li>
          <li><form method="post" action="/account/sign-out-everywhere">${hidden(view)}<button class="link">${t('home.sign_out_all')}</button></form></li>
        </ul>
        ${account.staffRoles.length > 0 && html`<a class="button" href="/admin">${t('home.staff')}</a>`}
        <a class="button" href="/session/end">${t('home.sign_out')}</a>`,
    }
  },
})
