// Traffic of sites: told by a web server, traced to the site, and told to the association when an hour is many times the usual.
import { beforeEach, describe, expect, test } from 'vitest'
import { createTrafficLetter } from '../../interactions/site-letters.ts'
import type { Core } from '../../src/core.ts'
import { HOUR_MS, hourOf, type Traffic } from '../../src/domain/traffic.ts'
import type { DoorFact } from '../../src/plugin.ts'
import { tellTraffic } from '../../src/usecases/traffic-spikes.ts'
import { ISSUER, type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'

const DAY_MS = 24 * HOUR_MS
const MB = 1_000_000
let at: MailPeople
let now: number
const letter = createTrafficLetter(ISSUER, async () => at.organisation)
const tell = (core: Core = at.core) => tellTraffic(core, letter)()
beforeEach(async () => {
  at = await mailPeople()
  at.sent.length = 0
  now = hourOf(at.core.clock.now())
  return () => at.on.close()
})

const told = (more: Partial<Omit<Traffic, 'siteId'>> & { site?: string } = {}): DoorFact => ({
  kind: 'traffic',
  site: SITE,
  at: now,
  bytes: 10 * MB,
  requests: 100,
  paths: [{ value: '/a', bytes: 10 * MB, requests: 100 }],
  addresses: [{ value: '192.0.2.1', bytes: 10 * MB, requests: 100 }],
  ...more,
})
const report = async (...facts: DoorFact[]) => {
  const ear = at.facts()
  await Promise.all(facts.map((fact) => ear.report(fact)))
  await ear.close()
}
const hours = () => at.core.store.traffic.hours(at.site.id, 0)

describe('what is told', () => {
  test('is of the site, with or without www., and in one row an hour', async () => {
    await report(
      told(),
      told({ site: `www.${SITE}`, at: now + 5 }),
      told({ site: SITE.toUpperCase(), at: now + HOUR_MS }),
    )
    expect((await hours()).map(({ at: when, bytes, requests }) => [when - now, bytes, requests])).toEqual([
      [0, 20 * MB, 200],
      [HOUR_MS, 10 * MB, 100],
    ])
  })

  test.each([
    [{ site: 'nobody.example' }],
    [{ site: "' or 1=1 --" }],
    [{ bytes: -1 }],
    [{ bytes: Number.NaN }],
    [{ requests: 1.5 }],
    [{ bytes: Number.MAX_SAFE_INTEGER + 2 }],
  ])('%j is left out, and keeps nothing else back', async (wrong) => {
    await report(told(wrong), told({ at: now + HOUR_MS }))
    expect((await hours()).map(({ at: when }) => when - now)).toEqual([HOUR_MS])
  })
})

describe('the letter', () => {
  test('says whose the site is, how much, of what and from where, and where to look and close it', async () => {
    await report(told({ at: now - 3 * DAY_MS, bytes: 90 * MB }))
    const paths = [{ value: '/tmp/film.mp4', bytes: 500 * MB, requests: 40 }]
    await report(told({ bytes: 600 * MB, requests: 70, paths }))
    expect(await tell()).toBe(1)
    const { to, text } = at.sent[0]!
    expect(to).toBe(at.organisation.contactEmail)
    for (const words of [
      `${SITE} (${at.member.name})`,
      '600',
      '90',
      '/tmp/film.mp4',
      '192.0.2.1',
      `${ISSUER}/admin/sites/${at.site.id}`,
    ])
      expect(text).toContain(words)
    // Once a day.
    expect(await tell()).toBe(0)
  })

  test('many requests of few bytes are told as well', async () => {
    await report(told({ at: now - HOUR_MS, bytes: MB, requests: 20_000 }))
    expect(await tell()).toBe(1)
  })

  test.each<[string, Parameters<typeof told>[0][]]>([
    ['nobody asked', []],
    ['little, though far more than usual', [{ bytes: 499 * MB, requests: 9_999 }]],
    ['as much two weeks ago', [{ at: -13 * DAY_MS, bytes: 200 * MB }, { bytes: 900 * MB }]],
    ['it was two hours ago', [{ at: -2 * HOUR_MS, bytes: 900 * MB }]],
  ])('not told: %s', async (_what, facts) => {
    await report(...facts.map((one) => told({ ...one, at: now + (one?.at ?? 0) })))
    expect([await tell(), at.sent]).toEqual([0, []])
  })

  test('one that cannot be sent is tried again', async () => {
    await report(told({ bytes: 900 * MB }))
    const down = at.mailer({ send: () => Promise.reject(new Error('down')) })
    await expect(tell(down)).rejects.toThrow('down')
    expect(await tell()).toBe(1)
  })

  test.each(['fr', 'nl', 'en', 'de'] as const)('in %s nothing is left to be filled in', async (locale) => {
    const share = { value: '/x', bytes: 1, requests: 1 }
    const { subject, text } = await letter(
      [
        {
          siteId: 's',
          site: 'a.example',
          member: 'M',
          at: now,
          bytes: 1,
          requests: 1,
          usual: { bytes: 0, requests: 0 },
          path: share,
          address: share,
        },
      ],
      locale,
    )
    expect(subject + text).not.toMatch(/\{\{|undefined|NaN/)
  })
})
