// Reminders through a mail server that is slow, refuses some letters, or stops answering: a few at once, each once, and a
// server that is stopped in the middle says what it did not get to.
import { afterEach, expect, test, vi } from 'vitest'
import { addMember } from '../../src/usecases/members.ts'
import { setMemberDues } from '../../src/usecases/tariffs.ts'
import { DAY, type House, startHouse } from '../support/house.ts'
import { type SlowSmtp, slowSmtp } from '../support/slow-smtp.ts'
import { treasury } from '../support/treasury.ts'

let house: House
let mail: SlowSmtp
const core = () => house.installation.core
const remind = () => house.installation.remind()
const logged = (event: string) =>
  house.logged.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line.event === event)
const results = async () => {
  const rows = await house.installation.database.knex('reminder').where({ ruleDay: -7 }).select('result')
  return rows.map(({ result }: { result: string }) => result).toSorted()
}

async function begin(delayMs: number): Promise<void> {
  mail = await slowSmtp(delayMs, (address) => address.startsWith('refused'))
  house = await startHouse({ config: { mail: { url: mail.url } } })
  await vi.waitUntil(() => logged('nightly.done').length > 0, 10_000)
  await treasury(house)
}
/** Members whose cover ends in a week, which is a day of the rule. */
async function members(...emails: string[]): Promise<void> {
  const coveredUntilOn = new Date(house.clock.now() + 7 * DAY).toISOString().slice(0, 10)
  for (const email of emails) {
    const { id: memberId } = await addMember(core())({
      memberNumber: email.split('@')[0]!,
      kind: 'person',
      name: email,
      email,
      coveredUntilOn,
      actor: 'test',
    })
    await setMemberDues(core())({ memberId, tariff: 'Effectif', payerId: null, actor: 'test' })
  }
}
const addresses = (count: number, name = 'm') => Array.from({ length: count }, (_, n) => `${name}${n}@example.org`)

afterEach(async () => {
  await house.stop()
  await mail.close()
})

test('a few at once, and each once, however slow and however often', async () => {
  await begin(150)
  const all = addresses(23)
  await members(...all)
  const [one, other] = await Promise.all([remind(), remind()])
  expect(one.sent + other.sent).toBe(23)
  expect(mail.accepted.toSorted()).toEqual(all.toSorted())
  // Two nights at once, of five letters each.
  expect(mail.mostAtOnce()).toBeGreaterThan(1)
  expect(mail.mostAtOnce()).toBeLessThanOrEqual(10)
  expect(await remind()).toMatchObject({ sent: 0 })
  expect(logged('reminders.done').map(({ sent }) => sent)).toContain(one.sent)
})

test('one night has five on their way, not more', async () => {
  await begin(150)
  await members(...addresses(12))
  expect(await remind()).toMatchObject({ sent: 12 })
  expect(mail.mostAtOnce()).toBe(5)
})

test('a letter that is refused is noted, and holds up no other', async () => {
  await begin(20)
  await members(...addresses(4), ...addresses(3, 'refused'), ...addresses(4, 'n'))
  expect(await remind()).toMatchObject({ sent: 8, failed: 3 })
  expect(mail.accepted).toHaveLength(8)
  expect(await results()).toEqual([...Array(3).fill('failed'), ...Array(8).fill('sent')])
  expect(await remind(), 'nobody twice').toMatchObject({ sent: 0, failed: 0 })
})

test('what cannot be read of one payer is theirs alone', async () => {
  await begin(20)
  await members(...addresses(8))
  const { calls } = core().store
  const ofPayer = calls.ofPayer.bind(calls)
  const [broken] = await house.installation.database.knex('member').where({ email: 'm3@example.org' })
  vi.spyOn(calls, 'ofPayer').mockImplementation(async (id) => {
    if (id === broken.id) throw new Error('this row cannot be read')
    return ofPayer(id)
  })
  expect(await remind()).toMatchObject({ sent: 7, failed: 1 })
  vi.restoreAllMocks()
  expect(await remind(), 'it was not used up').toMatchObject({ sent: 1 })
})

test('a stop in the middle waits for what is on its way, begins nothing else, and the next night sends the rest', async () => {
  await begin(400)
  const all = addresses(30)
  await members(...all)
  const sending = remind()
  await vi.waitUntil(() => mail.accepted.length >= 5, 10_000)
  await house.restart()
  const before = mail.accepted.length
  expect(before).toBeLessThan(30)
  expect((await sending).sent).toBe(before)
  expect(logged('reminders.stopped')).toMatchObject([{ left: 30 - before }])
  expect(await results()).toEqual(Array(before).fill('sent'))
  await remind()
  expect(mail.accepted.toSorted()).toEqual(all.toSorted())
})

test('a stop does not wait for ever: what was on its way is noted as not sent', async () => {
  await begin(200)
  await members(...addresses(9))
  const sending = remind()
  await vi.waitUntil(() => mail.waiting() === 5, 10_000)
  mail.hang()
  const from = performance.now()
  await house.restart()
  expect(performance.now() - from).toBeLessThan(25_000)
  expect(await sending).toMatchObject({ sent: 0, failed: 5 })
  expect(await results()).toEqual(Array(5).fill('failed'))
}, 40_000)
