// Words and colours for what the staff look at: standings, accesses, states of accounts, roles; and people by their names.
import type { Access, AffiliationRole } from '../../src/domain/access.ts'
import type { MemberEventKind, Standing } from '../../src/domain/standing.ts'
import type { Account, Locale, Override, StaffRole } from '../../src/ports.ts'
import { locales } from '../../src/ports.ts'
import { type Html, html } from '../../src/web/html.ts'
import { type TextKey, type Texts, textsOf } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { badge, facts, link } from './parts.ts'

const tones = {
  current: 'good',
  future: 'warn',
  applicant: 'warn',
  grace: 'warn',
  lapsed: 'bad',
  closed: 'quiet',
  suspended: 'bad',
} as const
export const standingBadge = ({ t }: Texts, standing: Standing | 'suspended'): Html =>
  badge(t(`standing.${standing}`), tones[standing])

const accessTones = { full: 'good', restricted: 'warn', none: 'bad' } as const
export const accessBadge = ({ t }: Texts, access: Access): Html => badge(t(`access.${access}`), accessTones[access])

const stateKeys = {
  invited: 'admin.state.invited',
  active: 'admin.state.active',
  closed: 'admin.state.closed',
} as const satisfies Record<Account['state'], TextKey>
export const accountBadge = (texts: Texts, state: Account['state'], suspended: boolean): Html =>
  suspended
    ? standingBadge(texts, 'suspended')
    : badge(texts.t(stateKeys[state]), state === 'active' ? 'good' : state === 'invited' ? 'warn' : 'quiet')

export const staffRoleKeys = {
  admin: 'admin.staff.admin',
  treasurer: 'admin.staff.treasurer',
  helper: 'admin.staff.helper',
} as const satisfies Record<StaffRole, TextKey>

const roleKeys = {
  owner: 'admin.role.owner',
  admin: 'admin.role.admin',
  technical: 'admin.role.technical',
  billing: 'admin.role.billing',
  user: 'admin.role.user',
} as const satisfies Record<AffiliationRole, TextKey>
export const roleName = ({ t }: Texts, role: AffiliationRole): string => t(roleKeys[role])

export const eventKeys = {
  resigned: 'admin.event.resigned',
  expelled: 'admin.event.expelled',
  deceased: 'admin.event.deceased',
  dissolved: 'admin.event.dissolved',
  readmitted: 'admin.event.readmitted',
} as const satisfies Record<MemberEventKind, TextKey>

export const languageOptions: readonly (readonly [Locale, string])[] = locales.map((locale) => [
  locale,
  textsOf(locale).t('language.name'),
])

export const zoneOf = async (desk: Desk): Promise<string> => (await desk.organisation()).timeZone

/** Names of people by the ids of their accounts; what is no account is its own name. */
export async function peopleNamed(desk: Desk, ids: readonly string[]): Promise<(id: string) => string> {
  const distinct = [...new Set(ids)].filter((id) => /^[0-9a-f-]{36}$/.test(id))
  const found = await Promise.all(distinct.map((id) => desk.core.store.accounts.get(id)))
  const names = new Map(found.flatMap((account) => (account ? [[account.id, account.username] as const] : [])))
  return (id) => names.get(id) ?? id
}

/** Suspensions and allowances in force, with their reasons. */
export async function overridesOf(
  desk: Desk,
  texts: Texts,
  overrides: readonly Override[],
  canFollow: boolean,
): Promise<Html> {
  const { t } = texts
  const zone = await zoneOf(desk)
  const name = await peopleNamed(
    desk,
    overrides.map(({ createdBy }) => createdBy),
  )
  return html`${overrides.map(
    ({ id, effect, reasonText, startsAt, endsOn, createdBy }) =>
      html`<section class="notice ${effect === 'allow' && 'good'}" aria-label="${t(effect === 'deny' ? 'admin.override.deny' : 'admin.override.allow')}">
      <strong>${t(effect === 'deny' ? 'admin.override.deny' : 'admin.override.allow')}</strong>
      <blockquote>${reasonText}</blockquote>
      ${facts([
        [t('admin.override.since'), texts.moment(startsAt, zone)],
        [t('admin.override.until'), endsOn ? texts.day(endsOn) : t('admin.override.open_end')],
        [t('admin.override.by'), name(createdBy)],
      ])}
      ${effect === 'deny' && canFollow && html`<p>${link(`/admin/suspensions/${id}`, t('admin.override.follow'))}</p>`}
    </section>`,
  )}`
}
