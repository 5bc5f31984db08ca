// Why a message was taken for a burst: the limit that it went over. Mail servers are told one English sentence, which is also
// what is kept; pages and letters say the same in people's languages.

export type Burst = {
  limit: number
  unit: 'messages' | 'recipients'
  span: 'hour' | 'day'
  scope: 'login' | 'site' | 'member'
  /** The login, the site, or the member's id. */
  who: string
}

export const burstSentence = ({ limit, unit, span, scope, who }: Burst): string =>
  `more than ${limit} ${unit} in a${span === 'hour' ? 'n' : ''} ${span} from the ${scope} ${who}`

const SENTENCE = /^more than (\d{1,15}) (messages|recipients) in an? (hour|day) from the (login|site|member) (\S+)$/

/** The burst that a sentence tells; undefined for what a person wrote. */
export function burstIn(sentence: string): Burst | undefined {
  const [, limit, unit, span, scope, who] = SENTENCE.exec(sentence) ?? []
  if (who === undefined) return undefined
  return {
    limit: Number(limit),
    unit: unit as Burst['unit'],
    span: span as Burst['span'],
    scope: scope as Burst['scope'],
    who,
  }
}
