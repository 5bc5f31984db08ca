import { expect, test } from 'vitest'
import { type Burst, burstIn, burstSentence } from '../../src/domain/bursts.ts'

const all = (['messages', 'recipients'] as const).flatMap((unit) =>
  (['hour', 'day'] as const).flatMap((span) =>
    (['login', 'site', 'member'] as const).map(
      (scope): Burst => ({ limit: 50, unit, span, scope, who: 'é@asso.example' }),
    ),
  ),
)

test('a sentence says which limit it was, and nothing else is one', () => {
  for (const burst of all) expect(burstIn(burstSentence(burst))).toEqual(burst)
  expect(burstSentence(all[0]!)).toBe('more than 50 messages in an hour from the login é@asso.example')
  for (const other of ['', 'Mot de passe volé', 'more than 50 messages', `${burstSentence(all[0]!)}, and more`])
    expect(burstIn(other)).toBeUndefined()
})
