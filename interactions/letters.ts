// The letters: plain text, in the language of the account.
import type { Account, Organisation } from '../src/ports.ts'
import type { Letters, LetterText } from '../src/usecases/invite.ts'
import type { HeldLetters } from '../src/usecases/tell-held.ts'
import { type TextKey, textsOf } from '../src/web/texts.ts'
import { roleNames } from './people.ts'

export function createLetters(
  organisation: () => Promise<Pick<Organisation, 'name' | 'contactEmail'>>,
): Letters & HeldLetters {
  const letter = async (
    account: Account,
    subject: TextKey,
    text: TextKey,
    params: Record<string, string | number>,
  ): Promise<LetterText> => {
    const { t } = textsOf(account.locale)
    const { name: association, contactEmail: contact } = await organisation()
    const all = { association, contact, username: account.username, name: account.givenName || account.name, ...params }
    return { subject: t(subject, all), text: [t('letter.hello', all), t(text, all), t('letter.bye', all)].join('\n\n') }
  }
  return {
    invitation: (account, link, days) =>
      letter(account, 'letter.invitation.subject', 'letter.invitation.text', { link, days }),
    async joining({ locale }, member, role, link, days) {
      const { t } = textsOf(locale)
      const { name: association, contactEmail: contact } = await organisation()
      const all = { association, contact, member, role: t(roleNames[role]), link, days }
      return {
        subject: t('letter.joining.subject', all),
        text: [t('letter.hello_all'), t('letter.joining.text', all), t('letter.bye', all)].join('\n\n'),
      }
    },
    async guest({ locale }, at, link, days) {
      const { t } = textsOf(locale)
      const { name: association, contactEmail: contact } = await organisation()
      const all = { association, contact, ...at, link, days }
      return {
        subject: t('letter.guest.subject', all),
        text: [t('letter.hello_all'), t('letter.guest.text', all), t('letter.bye', all)].join('\n\n'),
      }
    },
    held: (account, { removals, of, on }, link) =>
      letter(account, 'letter.held.subject', 'letter.held.text', {
        removals,
        of,
        day: textsOf(account.locale).day(on),
        link,
      }),
    passwordReset: (account, link, minutes) =>
      letter(account, 'letter.reset.subject', 'letter.reset.text', { link, minutes }),
  }
}
