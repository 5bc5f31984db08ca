// Reminders through the night with a moved clock: on the rule's days, in the payer's language, once, with all it takes to
// pay; nobody is flooded by a first run.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { payload } from '../../interactions/dues-letters.ts'
import { formatOgm } from '../../src/domain/references.ts'
import type { Member } from '../../src/ports.ts'
import { addMember } from '../../src/usecases/members.ts'
import { recordPayment } from '../../src/usecases/payments.ts'
import { addTariff, setBankAccount, setMemberDues } from '../../src/usecases/tariffs.ts'
import { type House, startHouse } from '../support/house.ts'

const DAY = 86_400_000
let house: House
const core = () => house.installation.core
const today = () => new Date(house.clock.now()).toISOString().slice(0, 10)
const inDays = (days: number) => new Date(house.clock.now() + days * DAY).toISOString().slice(0, 10)

beforeEach(async () => {
  house = await startHouse()
  // The night that a start makes up for would send some of what is asked for here.
  await vi.waitUntil(() => house.logged.some((line) => line.includes('nightly.done')), 10_000)
  house.clock.advance(Date.parse('2026-06-15T10:00:00Z') - house.clock.now())
  await setBankAccount(core())({ iban: 'BE71 0961 2345 6769', holder: 'Cassiopée ASBL', actor: 'test' })
  await addTariff(core())({
    name: 'Effectif',
    period: 'rolling',
    yearStartsOn: '01-01',
    months: 12,
    amountCents: 6050,
    validFromOn: '2020-01-01',
    decisionRef: 'AG 2019',
    actor: 'test',
  })
})
afterEach(() => house.stop())

let number = 0
async function member(
  coveredUntilOn: string | null,
  more: { email?: string | null; locale?: 'fr' | 'nl' | 'en' | 'de'; payerId?: string } = {},
): Promise<Member> {
  const { email = `m${number + 1}@example.org`, locale = 'fr', payerId = null } = more
  const made = await addMember(core())({
    memberNumber: String(++number),
    kind: 'person',
    name: `Membre ${number}`,
    email,
    locale,
    coveredUntilOn,
    actor: 'test',
  })
  await setMemberDues(core())({ memberId: made.id, tariff: 'Effectif', payerId, actor: 'test' })
  return made
}
const remind = () => house.installation.remind()
const dues = () => house.letters().filter(({ text }) => text.includes('+++'))

describe('on the days of the rule', () => {
  test('30 and 7 days before, on the last day, 15 and 30 days after, and on no other day', async () => {
    const zoe = await member(inDays(40))
    const days: number[] = []
    for (let day = 0; day < 90; day++) {
      if ((await remind()).sent > 0) days.push(day - 40)
      house.clock.advance(DAY)
    }
    expect(days).toEqual([-30, -7, 0, 15, 30])
    // The call is due on the day after the cover: a letter that comes later names no day to pay before.
    expect(dues().map(({ text }) => text.includes('À payer avant le'))).toEqual([true, true, true, false, false])
    expect(await core().store.calls.ofPayer(zoe.id), 'one call, one reference').toHaveLength(1)
  })

  test('whoever pays hears no more of it', async () => {
    const zoe = await member(inDays(30))
    expect(await remind()).toMatchObject({ sent: 1 })
    await recordPayment(core())({ payerId: zoe.id, source: 'cash', cents: 6050, valueOn: today(), actor: 'test' })
    for (let day = 0; day < 70; day++) {
      house.clock.advance(DAY)
      expect(await remind()).toMatchObject({ sent: 0, failed: 0, noAddress: 0 })
    }
  })

  test('a first run, or one after a pause, sends only what came just now', async () => {
    for (const days of [-400, -100, -29, -16, -15, -14, 1, 2, 6, 7, 29, 30, 31]) await member(inDays(days))
    expect(await remind()).toMatchObject({ sent: 6 })
    expect(await remind(), 'once').toMatchObject({ sent: 0 })
  })

  test('two instances at once send it once', async () => {
    await member(inDays(7))
    const reports = await Promise.all([remind(), remind(), remind()])
    expect(reports.reduce((sum, { sent }) => sum + sent, 0)).toBe(1)
    expect(dues()).toHaveLength(1)
  })
})

describe('the letter', () => {
  test.each([
    ['fr', 'Votre adhésion à Cassiopée se termine le 15 juillet 2026', '60,50 €', 'avant le 16 juillet 2026'],
    ['nl', 'Uw lidmaatschap van Cassiopée loopt af op 15 juli 2026', '€ 60,50', 'voor 16 juli 2026'],
    ['en', 'Your membership of Cassiopée ends on 15 July 2026', '€60.50', 'before 16 July 2026'],
    ['de', 'Ihre Mitgliedschaft bei Cassiopée endet am 15. Juli 2026', '60,50 €', 'vor dem 16. Juli 2026'],
  ] as const)('in %s: when, how much, where to, under which reference', async (locale, when, amount, due) => {
    const one = await member(inDays(30), { locale })
    await remind()
    const [letter] = dues()
    const [call] = await core().store.calls.ofPayer(one.id)
    const text = letter!.text.replaceAll(/[\u00a0\u202f]/g, ' ')
    for (const part of [
      when,
      amount,
      due,
      'BE71 0961 2345 6769',
      'Cassiopée ASBL',
      formatOgm(call!.ogm),
      `${house.issuer}/account/dues`,
    ])
      expect(text).toContain(part)
    expect(text).not.toMatch(/\{\{|undefined|null/)
    expect(letter!.to).toContain(one.email)
    expect(letter!.attachments).toMatchObject([{ type: 'image/gif; name=qr.gif' }])
    expect(letter!.attachments[0]!.content.subarray(0, 3).toString()).toBe('GIF')
  })

  test('one for a payer of several, with all of them', async () => {
    const parent = await member(inDays(7))
    await member(inDays(7), { payerId: parent.id })
    expect(await remind()).toMatchObject({ sent: 1 })
    const [{ text } = { text: '' }] = dues()
    expect(text).toContain(`Membre ${number - 1}`)
    expect(text).toContain(`Membre ${number}\u00a0:`)
    expect(text.replaceAll(/[\u00a0\u202f]/g, ' ')).toContain('Montant : 121,00 €')
  })

  test('after the end it says until when services stay, and later that they are closed', async () => {
    await member(inDays(-15))
    await remind()
    expect(dues()[0]!.text).toMatch(/restent ouverts jusqu’au 30 juin 2026/)
    await member(inDays(-31), { email: 'late@example.org' })
    await remind()
    expect(dues().find(({ to }) => to.includes('late@'))!.text).toMatch(
      /interrompus, faute de cotisation.*données sont conservées/s,
    )
  })

  test('the code holds what a bank’s app needs (EPC069-12)', () => {
    const account = { organisationId: 'x', iban: 'BE71096123456769', holder: 'Cassiopée ASBL', bic: null }
    const call = { ogm: '010806817183', dueOn: '2026-07-01' }
    expect(payload({ account, cents: 6050, call }).split('\n')).toEqual([
      'BCD',
      '002',
      '1',
      'SCT',
      '',
      'Cassiopée ASBL',
      'BE71096123456769',
      'EUR60.50',
      '',
      '',
      '+++010/8068/17183+++',
    ])
  })
})

describe('who cannot be reached', () => {
  test('is listed, once, and nobody else is kept waiting', async () => {
    const lost = await member(inDays(7), { email: null })
    await member(inDays(7))
    expect(await remind()).toMatchObject({ sent: 1, noAddress: 1 })
    expect(await core().store.reminders.unreached(10)).toMatchObject([{ memberId: lost.id, result: 'no_address' }])
  })

  test('has an owner or somebody who sees to the bills', async () => {
    const ada = await house.person({ username: 'ada', coveredForDays: 7 })
    const { memberId } = (await core().store.access.account(ada.account.id))!.memberships[0]!
    const one = (await core().store.members.get(memberId))!
    await core().store.members.update({ ...one, email: null })
    await setMemberDues(core())({ memberId, tariff: 'Effectif', payerId: null, actor: 'test' })
    expect(await remind()).toMatchObject({ sent: 1, noAddress: 0 })
  })

  test('without an account to pay on, nothing is sent', async () => {
    await member(inDays(7))
    await house.installation.database.knex('bankAccount').delete()
    expect(await remind()).toMatchObject({ sent: 0 })
  })
})
