// The letters about a login that was stopped: what nobody could be told at once is told later, once.
import { beforeEach, expect, test } from 'vitest'
import { createQuarantineLetters } from '../../interactions/mail-letters.ts'
import type { Core } from '../../src/core.ts'
import { beginQuarantine, liftQuarantine } from '../../src/usecases/quarantine.ts'
import { tellUntold } from '../../src/usecases/tell-quarantine.ts'
import { ADA, ISSUER, type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'

const HOUR = 3_600_000
const BURST = 'more than 100 recipients in an hour'

let at: MailPeople
beforeEach(async () => {
  at = await mailPeople()
  return () => at.on.close()
})
const later = (core: Core) =>
  tellUntold(
    core,
    createQuarantineLetters(ISSUER, async () => at.organisation),
  )
/** As a mail server tells it; `core` may be one whose letters go nowhere. */
async function burst(login: string, core: Core): Promise<void> {
  const ear = at.facts(core)
  const message = {
    queueId: `Q${login}`,
    login,
    sender: login,
    recipients: 3,
    sizeBytes: 7,
    clientAddress: '192.0.2.1',
  }
  await ear.report({ kind: 'submitted', message, burst: BURST })
  await ear.close()
}
const told = () => at.sent.map(({ to }) => to).toSorted()
const everybody = () => [at.ada.email, at.organisation.contactEmail].toSorted()

test('what a process that died did not tell is told later, by one of several; told, it is not told again', async () => {
  await at.core.store.transaction((stores) =>
    beginQuarantine(at.core, stores, { login: ADA, reason: 'burst', detail: BURST, actor: 'system' }),
  )
  await later(at.core)()
  expect(at.sent, 'whoever it was is perhaps telling just now').toEqual([])
  at.on.clock.advance(HOUR)
  await Promise.all([later(at.core)(), later(at.core)()])
  expect(told()).toEqual(everybody())
  expect(at.sent.map(({ text }) => text).join()).toContain(BURST)
  at.on.clock.advance(2 * HOUR)
  await later(at.core)()
  expect(at.sent).toHaveLength(2)

  await burst(SITE, at.core)
  at.on.clock.advance(HOUR)
  await later(at.core)()
  expect(at.sent, 'the letters of the second went out at once').toHaveLength(4)
})

test('while no mail server takes letters it is tried again; lifted meanwhile, there is nothing to tell', async () => {
  const down = at.mailer({ send: () => Promise.reject(new Error('no mail server')) })
  await burst(ADA, down)
  await burst(SITE, down)
  at.on.clock.advance(HOUR)
  await later(down)()
  await liftQuarantine(at.core)({ id: (await at.core.store.quarantines.ofLogin(SITE))!.id, actor: 'root' })
  at.on.clock.advance(2 * HOUR)
  await later(at.core)()
  expect(told()).toEqual(everybody())
})

test('one address that never takes a letter does not have the others told again', async () => {
  const picky = at.mailer({
    send: (letter) => (letter.to === at.ada.email ? Promise.reject(new Error('550')) : at.core.mailer.send(letter)),
  })
  await burst(ADA, picky)
  at.on.clock.advance(HOUR)
  await later(picky)()
  expect(told()).toEqual([at.organisation.contactEmail])
})
