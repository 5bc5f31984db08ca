// Spikes: told once a day, to the association, and only when somebody sends many times their usual.
import { beforeEach, describe, expect, test } from 'vitest'
import { createSpikeLetter } from '../../interactions/mail-letters.ts'
import type { Core } from '../../src/core.ts'
import type { Submission } from '../../src/ports.ts'
import { tellSpikes } from '../../src/usecases/mail-spikes.ts'
import { quarantineLogin } from '../../src/usecases/quarantine.ts'
import { ADA, ISSUER, type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'
import { sentMessage } from '../support/outgoing.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

let at: MailPeople
let tell: () => Promise<number>
const spikes = (core: Core = at.core) =>
  tellSpikes(
    core,
    createSpikeLetter(ISSUER, async () => at.organisation),
  )
beforeEach(async () => {
  at = await mailPeople()
  tell = spikes()
  at.sent.length = 0
  return () => at.on.close()
})

/** A message, so long ago. */
const sent = (login: string, recipients: number, agoMs: number, more: Partial<Submission> = {}) =>
  sentMessage(at.core, { login, memberId: at.member.id, recipients, at: at.core.clock.now() - agoMs, ...more })
const letters = () => at.sent.map(({ to, text }) => [to, text] as const)

test('three times the busiest hour of two weeks is told, with both figures and the way to the page', async () => {
  await sent(ADA, 20, 3 * DAY)
  await sent(ADA, 5, 30 * 60_000)
  await sent(ADA, 55, 10 * 60_000)
  expect(await tell()).toBe(1)
  const [letter] = at.sent
  expect(letter).toMatchObject({ to: at.organisation.contactEmail })
  expect(letter!.text).toContain(`${ADA} (${at.member.name})`)
  expect(letter!.text).toMatch(/60 .* 20 /)
  expect(letter!.text).toContain(`${ISSUER}/admin/outgoing`)
})

describe('not told', () => {
  test.each([
    ['nobody sent', []],
    ['fewer than fifty recipients', [[ADA, 49, 1]]],
    [
      'less than three times the usual',
      [
        [ADA, 40, 2 * DAY],
        [ADA, 119, 1],
      ],
    ],
    [
      'just as much two weeks ago',
      [
        [ADA, 40, 14 * DAY + HOUR - 1],
        [ADA, 119, 1],
      ],
    ],
    ['it was more than an hour ago', [[ADA, 500, HOUR + 1]]],
    [
      'all members send a little',
      [
        [ADA, 30, 1],
        ['bob@asso.example', 30, 1],
      ],
      { memberId: null },
    ],
  ] as [string, [string, number, number][], Partial<Submission>?][])('%s', async (_, messages, more) => {
    for (const [login, recipients, ago] of messages) await sent(login, recipients, ago, more)
    expect([await tell(), letters()]).toEqual([0, []])
  })

  test('a login that was stopped: it was told of when it was', async () => {
    await sent(ADA, 500, 1)
    await quarantineLogin(at.core)({ login: ADA, detail: 'x', actor: 'test' })
    expect([await tell(), letters()]).toEqual([0, []])
  })
})

test('what was usual more than two weeks ago is usual no more', async () => {
  await sent(ADA, 400, 15 * DAY)
  await sent(ADA, 60, 1)
  expect(await tell()).toBe(1)
})

test('once a day for the same login; another one is told all the same', async () => {
  await sent(ADA, 60, 1)
  expect(await tell()).toBe(1)
  for (let hour = 0; hour < 22; hour++) {
    at.on.clock.advance(HOUR)
    // Ever three times as much: a spike each hour.
    await sent(ADA, 60 * 3 ** Math.min(hour + 1, 8), 1)
    if (hour === 4) await sent(SITE, 70, 1, { memberId: null })
    expect([hour, await tell()]).toEqual([hour, hour === 4 ? 1 : 0])
  }
  expect(at.sent).toHaveLength(2)
  expect(at.sent[1]!.text).toContain(SITE)
  expect(at.sent[1]!.text).not.toContain(ADA)
  at.on.clock.advance(3 * HOUR)
  await sent(ADA, 10_000_000, 1)
  expect(await tell()).toBe(1)
})

test('several at once are one letter', async () => {
  await sent(ADA, 60, 1)
  await sent(SITE, 90, 1)
  expect(await tell()).toBe(2)
  expect(letters()).toHaveLength(1)
  expect(at.sent[0]!.text).toMatch(new RegExp(`${SITE}.*\n.*${ADA}`))
})

test('a member whose logins only together send so much is told as one', async () => {
  await sent(ADA, 30, 1)
  await sent(SITE, 30, 1)
  expect(await tell()).toBe(1)
  expect(at.sent[0]!.text).toContain('60')
  expect(at.sent[0]!.text).toContain(at.member.name)
  expect(at.sent[0]!.text).not.toContain(ADA)
})

test('of two instances one tells', async () => {
  await sent(ADA, 60, 1)
  const told = await Promise.all([tell(), spikes()(), spikes()()])
  expect(told.toSorted()).toEqual([0, 0, 1])
  expect(at.sent).toHaveLength(1)
})

test('a letter that could not be sent is sent an hour later', async () => {
  await sent(ADA, 60, 1)
  const down = at.mailer({ send: () => Promise.reject(new Error('down')) })
  await expect(spikes(down)()).rejects.toThrow('down')
  at.on.clock.advance(30 * 60_000)
  expect([await tell(), at.sent.length]).toEqual([1, 1])
})
