// Why a login was stopped, in the reader's language: the limit that a burst went over, or what a person wrote.
import { burstIn } from '../src/domain/bursts.ts'
import type { TextKey, Texts } from '../src/web/texts.ts'

const words = {
  messages: { hour: 'burst.messages_hour', day: 'burst.messages_day' },
  recipients: { hour: 'burst.recipients_hour', day: 'burst.recipients_day' },
} as const satisfies Record<string, Record<string, TextKey>>

export function burstWords({ t }: Texts, detail: string): string {
  const burst = burstIn(detail)
  if (!burst) return detail
  const { limit, unit, span, scope } = burst
  const what = t(words[unit][span], { limit })
  return scope === 'member' ? t('burst.member', { what }) : what
}
