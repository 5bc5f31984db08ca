// The letters about dues: how much, until when, and how to pay it, as text and as a code for the bank's app.
import encodeQR from 'qr'
import { epcPayload, formatIban, formatOgm } from '../src/domain/references.ts'
import type { Standing } from '../src/domain/standing.ts'
import type { Organisation } from '../src/ports.ts'
import type { DuesLetter, DuesLetters } from '../src/usecases/remind.ts'
import { type TextKey, type Texts, textsOf } from '../src/web/texts.ts'

type Payable = Pick<DuesLetter, 'account' | 'cents' | 'call'>

/** EPC069-12: what a bank's app makes a transfer of. Belgian banks read a structured communication in the text. */
export const payload = ({ account, cents, call }: Payable): string =>
  epcPayload({
    name: account.holder,
    iban: account.iban,
    ...(account.bic && { bic: account.bic }),
    cents,
    ogm: call.ogm,
  })

const beginnings: Partial<Record<Standing, TextKey>> = {
  grace: 'letter.dues.grace',
  lapsed: 'letter.dues.lapsed',
}

const linesOf = ({ t, day, money }: Texts, { lines }: DuesLetter): string =>
  lines
    .map(({ name, startOn, endOn, cents }) =>
      endOn === null
        ? t('letter.dues.line_life', { name, amount: money(cents) })
        : t('letter.dues.line', { name, amount: money(cents), start: day(startOn), end: day(endOn) }),
    )
    .map((line) => `  ${line}`)
    .join('\n')

export function createDuesLetters(
  issuer: string,
  organisation: () => Promise<Pick<Organisation, 'name' | 'contactEmail'>>,
): DuesLetters {
  return {
    async reminder(letter) {
      const { payer, standing, coveredUntilOn, graceUntilOn, cents, call, account, on } = letter
      const texts = textsOf(payer.locale)
      const { t, day, money } = texts
      const { name: association, contactEmail: contact } = await organisation()
      const beginning = beginnings[standing] ?? 'letter.dues.soon'
      const about = {
        association,
        contact,
        name: payer.name,
        until: day(coveredUntilOn),
        grace: graceUntilOn ? day(graceUntilOn) : '',
      }
      const pay = {
        amount: money(cents),
        iban: formatIban(account.iban),
        holder: account.holder,
        ogm: formatOgm(call.ogm),
        due: day(call.dueOn),
        link: `${issuer}/account/dues`,
      }
      return {
        subject: t(beginning === 'letter.dues.soon' ? 'letter.dues.subject' : 'letter.dues.subject_late', about),
        text: [
          t('letter.hello', about),
          t(beginning, about),
          linesOf(texts, letter),
          // A day that is over is no day to pay before.
          [t('letter.dues.pay', pay), ...(call.dueOn < on ? [] : [t('letter.dues.due', pay)])].join('\n'),
          t('letter.dues.qr', pay),
          t('letter.dues.crossed'),
          t('letter.bye', about),
        ].join('\n\n'),
        attachments: [
          {
            filename: 'qr.gif',
            type: 'image/gif',
            content: encodeQR(payload(letter), 'gif', { ecc: 'medium', scale: 6 }),
          },
        ],
      }
    },
  }
}
