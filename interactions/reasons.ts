// Why something is closed, in plain words: what, since when, what is kept, whom to ask. Only ever shown to the person
// concerned, after they proved who they are.
import type { Reason } from '../src/domain/access.ts'
import { type Html, html } from '../src/web/html.ts'
import type { TextKey, Texts } from '../src/web/texts.ts'

type About = { association: string; contact: string; zone: string; client: string }

const titles: Partial<Record<Reason['code'], TextKey>> = {
  lapsed: 'membership.lapsed.title',
  suspended: 'membership.suspended.title',
  offline: 'membership.offline.title',
  closed: 'membership.closed.title',
  applicant: 'membership.applicant.title',
  not_member: 'membership.not_member.title',
  not_listed: 'membership.not_listed.title',
}

export const titleOf = (texts: Texts, reason: Reason): string =>
  texts.t(titles[reason.code] ?? 'membership.not_member.title')

/** The sentence that says what was suspended: a site, a member, or oneself. */
function whatIs({ t }: Texts, { code, memberName }: Reason, since: string, association: string): string {
  if (code === 'offline') return t('membership.offline.text', { since, association })
  return memberName
    ? t('membership.suspended.member', { member: memberName, since, association })
    : t('membership.suspended.text', { since, association })
}

const suspended = (texts: Texts, reason: Reason, { association, contact, zone }: About): Html => {
  const since = texts.moment(reason.sinceAt ?? 0, zone)
  return html`<p>${whatIs(texts, reason, since, association)}
      ${reason.untilOn && texts.t('membership.suspended.until', { day: texts.day(reason.untilOn) })}</p>
    <p class="label">${texts.t('membership.suspended.reason')}</p>
    <blockquote>${reason.text}</blockquote>
    <p>${texts.t('membership.suspended.contest', { contact })}</p>`
}

/** The explanation below the title. */
export function explanation(texts: Texts, reason: Reason, about: About): Html {
  const { t } = texts
  const { association, client } = about
  if (reason.code === 'suspended' || reason.code === 'offline') return suspended(texts, reason, about)
  if (reason.code === 'lapsed')
    return html`<p>${t('membership.lapsed.text', { member: reason.memberName ?? '', day: reason.coveredUntilOn ? texts.day(reason.coveredUntilOn) : '—' })}</p><p>${t('membership.lapsed.kept')}</p>`
  if (reason.code === 'applicant') return html`<p>${t('membership.applicant.text', { association })}</p>`
  if (reason.code === 'not_listed') return html`<p>${t('membership.not_listed.text', { client })}</p>`
  if (reason.code === 'closed') return html`<p>${t('membership.closed.text', { association })}</p>`
  return html`<p>${t('membership.not_member.text', { association })}</p>`
}
