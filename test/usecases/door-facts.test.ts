// What mail servers tell: on record when `report` returns, a thousand in few transactions; a burst stops its login whatever
// else fails, and its letters keep nobody waiting.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { smtpMailer } from '../../adapters/smtp/index.ts'
import type { Core } from '../../src/core.ts'
import type { DoorFact, FormerPasswords } from '../../src/plugin.ts'
import type { Stores } from '../../src/ports.ts'
import { makeAppPassword } from '../../src/usecases/app-passwords.ts'
import { mayTry } from '../../src/usecases/door-facts.ts'
import { setMailbox } from '../../src/usecases/mailboxes.ts'
import { liftQuarantine, quarantineLogin } from '../../src/usecases/quarantine.ts'
import * as make from '../contract/store-records.ts'
import { ADA, ISSUER, type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'
import { freePort } from '../support/ports.ts'

const BURST = 'more than 100 recipients in an hour'

let at: MailPeople
const ears = new Set<ReturnType<MailPeople['facts']>>()
const listen = (core?: Core) => {
  const ear = at.facts(core)
  ears.add(ear)
  return ear
}
beforeEach(async () => {
  at = await mailPeople()
  return async () => {
    for (const ear of ears) await ear.close()
    ears.clear()
    await at.on.close()
  }
})
afterEach(() => expect(at.on.first.logged.filter(({ event }) => event === 'unexpected')).toEqual([]))

let n = 0
const submitted = (login = ADA, burst?: string): Extract<DoorFact, { kind: 'submitted' }> => ({
  kind: 'submitted',
  message: { queueId: `Q${++n}`, login, sender: login, recipients: 3, sizeBytes: 700, clientAddress: '192.0.2.1' },
  ...(burst !== undefined && { burst }),
})
const delivery = (more: Partial<Extract<DoorFact, { kind: 'delivery' }>> = {}): DoorFact => ({
  kind: 'delivery',
  queueId: `Q${++n}`,
  sender: ADA,
  recipient: 'far@example.net',
  result: 'sent',
  dsn: '2.0.0',
  relay: 'mx.example.net[192.0.2.9]:25',
  text: '250 OK',
  at: make.NOW,
  ...more,
})
const inForce = (login = ADA) => at.core.store.quarantines.ofLogin(login)
/** The core on a store of which something is changed. */
const through = (store: Partial<Core['store']>): Core => ({ ...at.core, store: { ...at.core.store, ...store } })

/** A store that counts its transactions, or whose stores of outgoing mail fail in them. */
const counted = () => {
  const seen = { transactions: 0 }
  const transaction = <T>(work: (stores: Stores) => Promise<T>): Promise<T> => {
    seen.transactions++
    return at.core.store.transaction(work)
  }
  return { seen, core: through({ transaction }) }
}
const withoutRecords = () => {
  const submittedTo = () => Promise.reject(new Error('the table is broken'))
  return through({
    transaction: (work) =>
      at.core.store.transaction((stores) =>
        work({ ...stores, outgoing: { ...stores.outgoing, submitted: submittedTo } }),
      ),
  })
}

describe('on record', () => {
  test('a message: whose it was, for which member it counts', async () => {
    const ear = listen()
    const [mine, site, stranger] = [submitted(ADA.toUpperCase()), submitted(SITE), submitted('gone@asso.example')]
    await Promise.all([mine, site, stranger].map((fact) => ear.report(fact)))
    const kept = (fact: typeof mine) => at.core.store.outgoing.get('postfix', fact.message.queueId)
    expect(await kept(mine)).toMatchObject({
      login: ADA,
      memberId: at.member.id,
      recipients: 3,
      at: at.on.clock.now(),
      state: 'passed',
    })
    expect(await kept(site)).toMatchObject({ login: SITE, memberId: at.member.id })
    expect(await kept(stranger)).toMatchObject({ login: 'gone@asso.example', memberId: null })
  })

  test('`report` returns after the commit, not before', async () => {
    let open = () => {}
    const committing = new Promise<void>((resolve) => {
      open = resolve
    })
    const core = through({
      transaction: async (work) => {
        const done = await at.core.store.transaction(work)
        await committing
        return done
      },
    })
    let returned = false
    const reported = listen(core)
      .report(delivery())
      .then(() => {
        returned = true
      })
    await expect
      .poll(() => at.core.store.outgoing.deliveries({ recipient: 'far@example.net', sinceAt: 0, limit: 9 }))
      .toHaveLength(1)
    expect(returned).toBe(false)
    open()
    await reported
  })

  test('a thousand at once are a few transactions; five thousand after an hour without a database too', async () => {
    for (const [count, most] of [
      [1000, 4],
      [5000, 12],
    ] as const) {
      const { seen, core } = counted()
      const ear = listen(core)
      const recipient = `${make.word()}@example.net`
      await Promise.all(Array.from({ length: count }, () => ear.report(delivery({ recipient }))))
      expect(seen.transactions).toBeLessThanOrEqual(most)
      expect(await at.core.store.outgoing.deliveries({ recipient, sinceAt: 0, limit: 10_000 })).toHaveLength(count)
    }
  })

  test('in the order in which they were told', async () => {
    const ear = listen()
    const results = ['deferred', 'bounced', 'expired', 'sent'] as const
    await Promise.all(results.map((result) => ear.report(delivery({ queueId: 'ONE', result }))))
    const kept = await at.core.store.outgoing.deliveries({ queueId: 'ONE', sinceAt: 0, limit: 9 })
    expect(kept.map(({ result }) => result)).toEqual(results.toReversed())
  })

  test('a line that is too long for its column is cut, and keeps back no other', async () => {
    const ear = listen()
    const long = 'x'.repeat(5000)
    await Promise.all([
      ear.report(delivery({ queueId: 'LONG', sender: `${long}@a.example`, dsn: long, relay: long, text: long })),
      ear.report(delivery({ queueId: 'LONG', recipient: `${long}@a.example` })),
      ear.report(delivery({ queueId: 'SHORT' })),
    ])
    const kept = await at.core.store.outgoing.deliveries({ sinceAt: 0, limit: 9 })
    expect(kept).toHaveLength(3)
    for (const { sender, recipient, dsn, relay, text } of kept)
      for (const [value, most] of [
        [sender, 320],
        [recipient, 320],
        [dsn, 16],
        [relay, 254],
        [text, 1000],
      ] as const)
        expect(value.length).toBeLessThanOrEqual(most)
  })

  test('the last use of an app password', async () => {
    const { appPassword } = await makeAppPassword(at.core)({
      accountId: at.ada.id,
      name: 'x',
      scopes: ['imap'],
      actor: 'test',
    })
    at.on.clock.advance(5_000)
    const ear = listen()
    await Promise.all([appPassword.id, at.site.id, make.id()].map((id) => ear.report({ kind: 'password_used', id })))
    expect((await at.core.store.appPasswords.ofAccount(at.ada.id))[0]).toMatchObject({ lastUsedAt: make.NOW + 5_000 })
  })

  test('what cannot be recorded is said, and the next is recorded again', async () => {
    const real = at.core.store.transaction
    let down = true
    const ear = listen(through({ transaction: (work) => (down ? Promise.reject(new Error('down')) : real(work)) }))
    await expect(ear.report(delivery())).rejects.toThrow('down')
    down = false
    await ear.report(delivery())
  })

  test('`close` waits for what was told', async () => {
    const ear = listen()
    for (let told = 0; told < 20; told++) void ear.report(delivery())
    await ear.close()
    expect(await at.core.store.outgoing.deliveries({ sinceAt: 0, limit: 99 })).toHaveLength(20)
  })
})

describe('a burst', () => {
  test('holds the message, stops the login and nobody else', async () => {
    await at.queued()
    const fact = submitted(ADA.toUpperCase(), BURST)
    await listen().report(fact)
    expect(await inForce()).toMatchObject({ login: ADA, reason: 'burst', detail: BURST, startedBy: 'system' })
    expect(await at.queued()).toEqual([`logins ${ADA}`])
    expect(await at.login(ADA)).toMatchObject({ access: 'full', maySend: false })
    expect(await at.atDoor(SITE)).toMatchObject({ maySend: true })
    expect(await at.core.store.outgoing.get('postfix', fact.message.queueId)).toMatchObject({ state: 'held' })
  })

  test('one letter to the admins, one to the person, in their languages', async () => {
    const ear = listen()
    await ear.report(submitted(ADA, BURST))
    await ear.close()
    expect(at.sent.map(({ to }) => to).toSorted()).toEqual([at.organisation.contactEmail, at.ada.email].toSorted())
    const to = (address: string | null) => at.sent.find((mail) => mail.to === address)!
    expect(to(at.organisation.contactEmail)).toMatchObject({
      subject: expect.stringMatching(/^Envoi arrêté\s: ada@asso\.example$/),
      text: expect.stringContaining(BURST),
    })
    expect(to(at.organisation.contactEmail).text).toContain(`${ISSUER}/admin/outgoing`)
    expect(to(at.organisation.contactEmail).text).toContain(at.member.name)
    expect(to(at.ada.email)).toMatchObject({ subject: `Uw verzenden is stopgezet: ${ADA}` })
  })

  test('of a site: to those who answer for it, not to who pays or only uses it', async () => {
    const admin = await at.one(at.member, 'admin')
    const technical = await at.one(at.member, 'technical')
    for (const role of ['billing', 'user'] as const) await at.one(at.member, role)
    const ear = listen()
    await ear.report(submitted(SITE, BURST))
    await ear.close()
    expect(at.sent.map(({ to }) => to).toSorted()).toEqual(
      [at.organisation.contactEmail, at.ada.email, admin.email, technical.email].toSorted(),
    )
  })

  test('the second message of a burst is held too, and there is no second letter; of two instances neither', async () => {
    const [one, two] = [listen(), listen()]
    const facts = Array.from({ length: 6 }, () => submitted(ADA, BURST))
    await Promise.all(facts.map((fact, at) => (at % 2 ? one : two).report(fact)))
    await one.report(submitted(ADA, BURST))
    await Promise.all([one.close(), two.close()])
    expect(at.sent).toHaveLength(2)
    expect(await at.core.store.quarantines.open()).toHaveLength(1)
    expect(await at.core.store.outgoing.list({ login: ADA, state: 'held', limit: 99 })).toHaveLength(7)
    const begun = await at.core.store.audit.list({ action: 'login.quarantined' })
    expect(begun).toHaveLength(1)
  })

  test('of a login that somebody stopped by hand: held, without a letter', async () => {
    await quarantineLogin(at.core)({ login: ADA, detail: 'x', actor: 'root' })
    const ear = listen()
    await ear.report(submitted(ADA, BURST))
    await ear.close()
    expect(at.sent).toEqual([])
    expect(await inForce()).toMatchObject({ reason: 'by_hand' })
  })

  test('after a person lifted it, the next one is a burst of its own, told again', async () => {
    const ear = listen()
    await ear.report(submitted(ADA, BURST))
    await liftQuarantine(at.core)({ id: (await inForce())!.id, actor: 'root' })
    await ear.report(submitted(ADA, BURST))
    await ear.close()
    expect(at.sent).toHaveLength(4)
  })

  test('stops its login also when nothing can be put on record', async () => {
    const ear = listen(withoutRecords())
    await expect(ear.report(submitted(ADA, BURST))).rejects.toThrow('the table is broken')
    await ear.close()
    expect(await inForce()).toBeDefined()
    expect(at.sent).toHaveLength(2)
  })

  test('that cannot be stopped fails by itself: what was told beside it is on record', async () => {
    const { store } = at.core
    const ear = listen(
      through({
        transaction: (work) =>
          store.transaction((stores) =>
            work({
              ...stores,
              quarantines: { ...stores.quarantines, begin: () => Promise.reject(new Error('no quarantine')) },
            }),
          ),
      }),
    )
    const beside = submitted(SITE)
    // The first goes by itself; the others wait for it, and go together.
    const told = await Promise.allSettled([delivery(), submitted(ADA, BURST), beside].map((fact) => ear.report(fact)))
    expect(told.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await store.outgoing.get('postfix', beside.message.queueId)).toBeDefined()
  })

  test('stops its login while the mail server that takes letters is down, and says so', async () => {
    const mailer = smtpMailer({ url: `smtp://127.0.0.1:${await freePort()}`, from: async () => 'a@asso.example' })
    const ear = listen(at.mailer(mailer))
    await ear.report(submitted(ADA, BURST))
    expect(await inForce()).toBeDefined()
    await ear.close()
    await mailer.close()
    expect(at.on.first.logged).toContainEqual({
      event: 'mail.quarantine_not_told',
      details: expect.objectContaining({ login: ADA }),
    })
  })

  test('waits for no letter: the mail server that asks may be the one that takes them', async () => {
    const sockets = new Set<Socket>()
    const silent = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const mailer = smtpMailer({ url: `smtp://127.0.0.1:${port}`, from: async () => 'a@asso.example' })
    const ear = listen(at.mailer(mailer))
    let waited = true
    // Would the letters be waited for, this would be the ten seconds in which a server must greet.
    const late = new Promise<void>((resolve) => setTimeout(resolve, 8_000))
    await Promise.race([
      Promise.all([ear.report(submitted(ADA, BURST)), ear.report(delivery())]).then(() => {
        waited = false
      }),
      late,
    ])
    expect(waited).toBe(false)
    await expect.poll(() => sockets.size).toBe(2)
    for (const socket of sockets) socket.destroy()
    silent.close()
    await ear.close()
    await mailer.close()
    expect(await inForce()).toBeDefined()
  })
})

describe('wrong passwords', () => {
  const wrong = (login: string, address: string, former: FormerPasswords = 'everybody') =>
    listen().report({ kind: 'sign_in_failed', login, address, former })
  const may = (login: string, address: string, former: FormerPasswords = 'everybody') =>
    mayTry(at.core)(login, address, former)

  test('too many of one login close it for a while, whatever its case and wherever from', async () => {
    const { triesPerAccount, windowSeconds } = at.core.config.signIn
    for (let tries = 0; tries < triesPerAccount * 5; tries++) {
      expect(await may(ADA, '192.0.2.1')).toBe(true)
      await wrong(ADA.toUpperCase(), `192.0.2.${tries % 250}`)
    }
    expect(await may(ADA, '198.51.100.1')).toBe(false)
    expect(await may('bob@asso.example', '192.0.2.1')).toBe(true)
    await wrong(ADA, '192.0.2.1')
    at.on.clock.advance(windowSeconds * 1000)
    expect(await may(ADA, '198.51.100.1')).toBe(true)
  })

  test('too many from one network close it, for every login', async () => {
    const { triesPerAddress } = at.core.config.signIn
    await Promise.all(
      Array.from({ length: triesPerAddress * 5 }, (_, tries) => wrong(`m${tries}@asso.example`, `2001:db8::${tries}`)),
    )
    expect(await may(ADA, '2001:db8::ffff')).toBe(false)
    expect(await may(ADA, '2001:db8:0:1::1')).toBe(true)
  })

  test('only a former password can be guessed: who has none left is locked out by nobody', async () => {
    const { triesPerAccount } = at.core.config.signIn
    const guess = async (former: FormerPasswords) => {
      for (let tries = 0; tries <= triesPerAccount * 5; tries++) await wrong(ADA, '192.0.2.1', former)
    }
    await guess('listed')
    expect(await may(ADA, '192.0.2.1', 'listed')).toBe(true)
    expect(await may(ADA, '192.0.2.1'), 'not even counted').toBe(true)
    const until = async (formerUntilOn: string | null) =>
      setMailbox(at.core)({ resourceId: at.box.id, formerUntilOn, actor: 'test' })
    await until('2999-12-31')
    await guess('listed')
    expect(await may(ADA, '192.0.2.1', 'listed')).toBe(false)
    expect(await may(SITE, '192.0.2.1', 'listed')).toBe(true)
    for (const over of ['2001-12-31', null]) {
      await until(over)
      expect(await may(ADA, '192.0.2.1', 'listed')).toBe(true)
    }
    expect(await may(ADA, '192.0.2.1'), 'the passdb of before is still asked for everybody').toBe(false)
  })
})
