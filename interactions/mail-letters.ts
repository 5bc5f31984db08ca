// What mail servers say to whoever is refused, and the letters about a login that was stopped.
import type { Locale, Organisation } from '../src/ports.ts'
import type { Refusal, SayWhy } from '../src/usecases/login-at-door.ts'
import type { SpikeLetter } from '../src/usecases/mail-spikes.ts'
import type { NoticeLetter } from '../src/usecases/notice.ts'
import type { QuarantineLetters } from '../src/usecases/tell-quarantine.ts'
import { type TextKey, type Texts, textsOf } from '../src/web/texts.ts'
import { burstWords } from './burst-words.ts'

type About = () => Promise<Pick<Organisation, 'name' | 'contactEmail' | 'timeZone'>>

const LONGEST = 200
/** Replies are ASCII (RFC 5321 §4.2, RFC 9051 §7.1): a letter keeps its base, a typographic quote becomes a plain one. */
const ascii = (text: string): string =>
  text
    .replace(/[’‘]/g, "'")
    .replace(/[«»“”]/g, '"')
    .replace(/œ/g, 'oe')
    .replace(/ß/g, 'ss')
    .replace(/[\u00a0\u202f]/g, ' ')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, LONGEST)

const sentences: Partial<Record<Refusal['answer']['reason']['code'], TextKey>> = {
  suspended: 'mail.why.suspended',
  lapsed: 'mail.why.lapsed',
  closed: 'mail.why.closed',
}

export const createSayWhy =
  (issuer: string, organisation: About): SayWhy =>
  async ({ answer, quarantined }, locale) => {
    const { t } = textsOf(locale)
    const { contactEmail: contact } = await organisation()
    const key = quarantined && answer.access !== 'none' ? 'mail.why.quarantined' : sentences[answer.reason.code]
    return ascii(t(key ?? 'mail.why.other', { contact, link: `${issuer}/account/dues` }))
  }

export function createQuarantineLetters(issuer: string, organisation: About): QuarantineLetters {
  const letter = async (
    locale: Locale,
    write: (texts: Texts, about: { association: string; contact: string }) => { subject: string; lines: string[] },
  ) => {
    const texts = textsOf(locale)
    const { name: association, contactEmail: contact } = await organisation()
    const { subject, lines } = write(texts, { association, contact })
    return { subject, text: [...lines, texts.t('letter.bye', { association, contact })].join('\n\n') }
  }
  return {
    toAdmin: ({ login, member, detail }, locale) =>
      letter(locale, (texts) => ({
        subject: texts.t('letter.quarantine.admin_subject', { login }),
        lines: [
          texts.t('letter.hello_all'),
          texts.t('letter.quarantine.admin', {
            login,
            member,
            detail: burstWords(texts, detail),
            link: `${issuer}/admin/outgoing`,
          }),
        ],
      })),
    toPerson: ({ login, name }, locale) =>
      letter(locale, ({ t }, { contact }) => ({
        subject: t('letter.quarantine.subject', { login }),
        lines: [t('letter.hello', { name }), t('letter.quarantine.text', { login, contact })],
      })),
  }
}

/** To the association: logins and members that sent many times their usual. */
export const createSpikeLetter =
  (issuer: string, organisation: About): SpikeLetter =>
  async (spikes, locale) => {
    const { t } = textsOf(locale)
    const { name: association, contactEmail: contact } = await organisation()
    const lines = spikes.map(({ login, member, recipients, usual }) =>
      login === undefined
        ? t('letter.spike.member', { member, recipients, usual })
        : t('letter.spike.login', { login, member, recipients, usual }),
    )
    return {
      subject: t('letter.spike.subject', { association }),
      text: [
        t('letter.hello_all'),
        t('letter.spike.text'),
        lines.map((line) => `  ${line}`).join('\n'),
        t('letter.spike.next', { link: `${issuer}/admin/outgoing` }),
        t('letter.bye', { association, contact }),
      ].join('\n\n'),
    }
  }

const MOST_NAMED = 20

/** What an admin wrote to everyone whom a trouble concerns, with the recipients whom this person's messages did not reach. */
export const createNoticeLetter =
  (organisation: () => Promise<Pick<Organisation, 'name' | 'contactEmail'>>): NoticeLetter =>
  async ({ name, text, recipients }, locale) => {
    const { t } = textsOf(locale)
    const { name: association, contactEmail: contact } = await organisation()
    const named = recipients.slice(0, MOST_NAMED).join(', ')
    const concerned =
      recipients.length > MOST_NAMED
        ? t('letter.notice.concerns_more', { recipients: named, count: recipients.length - MOST_NAMED })
        : t('letter.notice.concerns', { recipients: named })
    return [t('letter.hello', { name }), text, concerned, t('letter.bye', { association, contact })].join('\n\n')
  }
