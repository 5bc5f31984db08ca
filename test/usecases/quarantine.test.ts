// Quarantine: one login sends nothing more, until a person has looked; reading goes on, nobody else is touched.
import { beforeEach, describe, expect, test } from 'vitest'
import { recordPayment } from '../../src/usecases/payments.ts'
import { liftQuarantine, quarantineLogin } from '../../src/usecases/quarantine.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { ADA, type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'

let at: MailPeople
beforeEach(async () => {
  at = await mailPeople()
  return () => at.on.close()
})
const stop = (login = ADA) => quarantineLogin(at.core)({ login, detail: 'too much', actor: 'root' })
const inForce = (login = ADA) => at.core.store.quarantines.ofLogin(login)
const lift = async (login = ADA) => liftQuarantine(at.core)({ id: (await inForce(login))!.id, actor: 'root' })
const actions = async (subjectId: string) =>
  (await at.core.store.audit.list({ subjectId })).map(({ action }) => action).toSorted()

describe('begun by hand', () => {
  test.each([[ADA], [SITE]])('%s reads on and sends nothing, at the door and in what services hold', async (login) => {
    await at.queued()
    expect(await stop(login)).toEqual([{ service: 'logins', subject: login }])
    expect(await at.queued()).toEqual([`logins ${login}`])
    expect(await at.login(login)).toMatchObject({ access: 'full', maySend: false })
    expect(await at.atDoor(login)).toMatchObject({
      access: 'full',
      maySend: false,
      why: expect.stringMatching(/^(Verzenden is stopgezet|L'envoi est arrete)/),
    })
    expect(await inForce(login)).toMatchObject({ reason: 'by_hand', detail: 'too much', startedBy: 'root' })
  })

  test('of one person’s login only; the account’s others and everybody else’s go on', async () => {
    const bob = await at.one(at.member, 'user', { username: 'bob' })
    const shared = await at.mailbox('office@asso.example', at.ada, bob)
    await stop(shared.name)
    const send = Object.fromEntries(
      await Promise.all(
        [ADA, shared.name, 'bob.office@asso.example', SITE].map(
          async (name) => [name, (await at.atDoor(name))!.maySend] as const,
        ),
      ),
    )
    expect(send).toEqual({ [ADA]: true, [shared.name]: false, 'bob.office@asso.example': true, [SITE]: true })
  })

  test('once: the second is a conflict, and leaves no trace', async () => {
    await stop()
    const before = await actions(ADA)
    await expect(stop()).rejects.toMatchObject({ code: 'conflict' })
    expect(await actions(ADA)).toEqual(before)
    expect(await at.core.store.quarantines.open()).toHaveLength(1)
  })

  test('of a login that is not there: not found', async () => {
    for (const login of ['nobody@asso.example', 'nobody.example', ''])
      await expect(stop(login)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('lifted', () => {
  test('by a person: it sends again, from then on counted anew', async () => {
    await stop()
    expect(await at.atDoor(ADA)).not.toHaveProperty('countedFrom')
    on(5_000)
    await at.queued()
    expect(await lift()).toEqual([{ service: 'logins', subject: ADA }])
    expect(await at.queued()).toEqual([`logins ${ADA}`])
    expect(await at.atDoor(ADA)).toMatchObject({ maySend: true, why: '', countedFrom: make.NOW + 5_000 })
    expect(await at.login(ADA)).toMatchObject({ maySend: true })
    expect(await actions(ADA)).toEqual(['login.quarantine_lifted', 'login.quarantined'])
  })
  const on = (ms: number) => at.on.clock.advance(ms)

  test('once; and then it may begin and end again', async () => {
    await stop()
    const { id } = (await inForce())!
    const lifts = await Promise.allSettled([1, 2, 3].map(() => liftQuarantine(at.core)({ id, actor: 'root' })))
    expect(lifts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const late of [id, make.id()])
      await expect(liftQuarantine(at.core)({ id: late, actor: 'root' })).rejects.toMatchObject({ code: 'not_found' })
    on(1_000)
    await stop()
    on(1_000)
    await lift()
    expect(await at.atDoor(ADA)).toMatchObject({ maySend: true, countedFrom: make.NOW + 2_000 })
  })

  test('never by a payment', async () => {
    await at.core.store.standings.addTerm(make.term(at.member.id))
    await at.core.store.standings.put(make.standing(at.member.id, { standing: 'lapsed' }))
    await stop()
    expect(await at.login(ADA)).toMatchObject({ access: 'restricted', maySend: false })
    await recordPayment(at.core)({
      payerId: at.member.id,
      source: 'cash',
      cents: 6_000,
      valueOn: '2026-06-15',
      actor: 'test',
    })
    expect(await at.login(ADA)).toMatchObject({ access: 'full', maySend: false })
    expect(await inForce()).toBeDefined()
  })

  test('never by restoring who was suspended meanwhile', async () => {
    await stop()
    for (const target of [{ accountId: at.ada.id }, { memberId: at.member.id }]) {
      await suspend(at.core)({ target, reason: 'x', actor: 'root' })
      expect(await at.login(ADA)).toMatchObject({ access: 'none', maySend: false })
      await restore(at.core)({ target, actor: 'root' })
    }
    expect(await at.login(ADA)).toMatchObject({ access: 'full', maySend: false })
    expect(await at.atDoor(ADA)).toMatchObject({ access: 'full', maySend: false })
  })
})
