// The store's contract: what mail services need of it. Mailboxes, aliases, sites' logins, quarantines, and what went out.
import { expect, test } from 'vitest'
import type { Delivery, Member, Submission } from '../../src/ports.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

const HOUR = 3_600_000

export function storeMail(opened: Opened): void {
  const store = () => opened.store

  async function holder(): Promise<{ member: Member; account: string; mark: string }> {
    const { member, account } = await make.people(store())
    return { member, account: account.id, mark: make.word() }
  }
  async function resource(of: Member, kind: 'mailbox' | 'alias' | 'site', name: string) {
    const made = make.resource(of, { kind, name })
    await store().resources.add(made)
    return made
  }
  async function loginInto(mailboxId: string, accountId: string, name: string) {
    const login = { id: make.id(), mailboxId, accountId, name, createdAt: make.NOW }
    await store().resources.addLogin(login)
    return login
  }

  test('a mailbox: what is put last holds; aliases lead where they were told last', async () => {
    const { member, mark } = await holder()
    const box = await resource(member, 'mailbox', `box@${mark}.example`)
    const { mailboxes } = store()
    expect(await mailboxes.get(box.id)).toBeUndefined()
    await mailboxes.put({ resourceId: box.id, quotaBytes: 5_000_000_000, formerUntilOn: null })
    const last = { resourceId: box.id, quotaBytes: null, formerUntilOn: '2026-12-31' }
    await mailboxes.put(last)
    expect(await mailboxes.get(box.id)).toEqual(last)
    const alias = await resource(member, 'alias', `info@${mark}.example`)
    await mailboxes.setTargets(alias.id, [`b@${mark}.example`, `a@${mark}.example`])
    expect(await mailboxes.targets(alias.id)).toEqual([`a@${mark}.example`, `b@${mark}.example`])
    await mailboxes.setTargets(alias.id, [box.name])
    expect(await mailboxes.targets(alias.id)).toEqual([box.name])
    await mailboxes.setTargets(alias.id, [])
    expect(await mailboxes.targets(alias.id)).toEqual([])
  })

  test('subjects: an address is a mailbox, an alias or what a site writes as; a login may be a site’s', async () => {
    const { member, account, mark } = await holder()
    const { subjects, mailboxes, resources } = store()
    const box = await resource(member, 'mailbox', `box@${mark}.example`)
    const alias = await resource(member, 'alias', `info@${mark}.example`)
    const site = await resource(member, 'site', `${mark}.example`)
    const quiet = await resource(member, 'site', `quiet.${mark}.example`)
    const login = await loginInto(box.id, account, box.name)
    await mailboxes.setTargets(alias.id, [box.name])
    expect(await subjects.get('login', site.name)).toBeUndefined()
    await mailboxes.setSiteLogin({ siteId: site.id, digest: make.digest(), createdAt: 1, createdBy: 'x' })
    const as = { kind: 'address', memberId: member.id }
    expect(await subjects.get('address', box.name)).toEqual({ ...as, resourceId: box.id, of: 'mailbox' })
    expect(await subjects.get('address', alias.name)).toEqual({ ...as, resourceId: alias.id, of: 'alias' })
    expect(await subjects.get('address', `@${site.name}`)).toEqual({ ...as, resourceId: site.id, of: 'site' })
    expect(await subjects.get('login', site.name)).toEqual({ kind: 'site_login', resourceId: site.id })
    for (const none of [`@${quiet.name}`, site.name, quiet.name])
      expect(await subjects.get('address', none)).toBeUndefined()
    expect(await subjects.get('login', quiet.name)).toBeUndefined()
    for (const miss of make.nearMisses(box.name)) expect(await subjects.get('address', miss), miss).toBeUndefined()

    for (const kind of ['address', 'login'] as const) {
      const found = await make.allPages((after) => subjects.names(kind, after, 2))
      expect(found).toEqual(found.toSorted())
      expect(new Set(found).size).toBe(found.length)
      expect(found).toEqual(
        expect.arrayContaining(kind === 'address' ? [box.name, alias.name, `@${site.name}`] : [login.name, site.name]),
      )
      expect(found).not.toContain(quiet.name)
    }
    const all = [`@${site.name}`, box.name, alias.name].toSorted()
    expect(await subjects.touchedBy('address', { memberId: member.id })).toEqual(all)
    expect(await subjects.touchedBy('address', { accountId: account })).toEqual([box.name, alias.name].toSorted())
    expect(await subjects.touchedBy('address', { resourceId: box.id })).toEqual([box.name, alias.name].toSorted())
    expect(await subjects.touchedBy('address', { resourceId: site.id })).toEqual([`@${site.name}`])
    expect(await subjects.touchedBy('address', { login: login.name })).toEqual([])
    expect(await subjects.touchedBy('login', { memberId: member.id })).toEqual([login.name, site.name].toSorted())
    expect(await subjects.touchedBy('login', { accountId: account })).toEqual([login.name])
    expect(await subjects.touchedBy('login', { resourceId: box.id })).toEqual([login.name])
    expect(await subjects.touchedBy('login', { resourceId: site.id })).toEqual([site.name])
    expect(await subjects.touchedBy('login', { login: login.name })).toEqual([login.name])
    expect(await subjects.touchedBy('account', { login: login.name })).toEqual([])
    expect(await resources.loginsInto(box.id)).toMatchObject([{ name: login.name, accountId: account }])

    await resources.remove(box.id, 5)
    expect(await subjects.get('address', box.name)).toMatchObject({ removed: true })
    await mailboxes.removeSiteLogin(site.id)
    expect(await subjects.get('login', site.name)).toBeUndefined()
  })

  test('a quarantine is begun once, and lifted once; a login may be in one again', async () => {
    const { quarantines } = store()
    const login = `${make.word()}@a.example`
    const begun = (startedAt: number) => ({
      id: make.id(),
      login,
      reason: 'burst' as const,
      detail: '300 recipients in an hour',
      startedAt,
      startedBy: 'system',
      liftedAt: null,
      liftedBy: null,
      toldAt: null,
    })
    const first = begun(1)
    expect(await quarantines.ofLogin(login)).toBeUndefined()
    expect(await quarantines.begin(first)).toBe(true)
    expect(await quarantines.begin(begun(2))).toBe(false)
    expect(await quarantines.lastLiftedAt(login)).toBeUndefined()
    expect(await make.bothWays(store(), (stores) => stores.quarantines.ofLogin(login))).toEqual(first)
    for (const miss of make.nearMisses(login)) expect(await quarantines.ofLogin(miss), miss).toBeUndefined()
    const lifts = await Promise.all(Array.from({ length: 5 }, (_, n) => quarantines.lift(first.id, 9 + n, 'x')))
    expect(lifts.filter(Boolean)).toHaveLength(1)
    expect(await quarantines.ofLogin(login)).toBeUndefined()
    expect(await quarantines.lastLiftedAt(login)).toBe((await quarantines.get(first.id))!.liftedAt)
    for (const miss of make.nearMisses(login)) expect(await quarantines.lastLiftedAt(miss), miss).toBeUndefined()
    const again = begun(20)
    expect(await quarantines.begin(again)).toBe(true)
    expect(await quarantines.open()).toContainEqual(again)
    expect(await quarantines.get(first.id)).toMatchObject({ liftedBy: 'x' })
    await quarantines.lift(again.id, 99, 'y')
    expect(await quarantines.lastLiftedAt(login)).toBe(99)
  })

  test('quarantines that nobody was told of: in force, begun a while ago, until they are told', async () => {
    const { quarantines } = store()
    const begun = async (startedAt: number) => {
      const quarantine = {
        id: make.id(),
        login: `${make.word()}@a.example`,
        reason: 'burst' as const,
        detail: 'é',
        startedAt,
        startedBy: 'system',
        liftedAt: null,
        liftedBy: null,
        toldAt: null,
      }
      await quarantines.begin(quarantine)
      return quarantine
    }
    const [late, early, lifted, told] = [await begun(7), await begun(6), await begun(5), await begun(5)]
    await begun(1000)
    await quarantines.lift(lifted.id, 8, 'x')
    await quarantines.told(told.id, 8)
    const mine = async () => {
      const ids = new Set([late, early, lifted, told].map(({ id }) => id))
      return (await quarantines.untold(1000)).filter(({ id }) => ids.has(id))
    }
    expect(await mine()).toEqual([early, late])
    await quarantines.told(early.id, 9)
    expect(await mine()).toEqual([late])
    expect(await quarantines.get(told.id)).toMatchObject({ toldAt: 8 })
  })

  const submission = (login: string, more: Partial<Submission> = {}): Submission => ({
    service: 'postfix',
    queueId: make.word(),
    login,
    memberId: null,
    sender: login,
    recipients: 1,
    sizeBytes: 1234,
    clientAddress: '192.0.2.1',
    at: make.NOW,
    state: 'passed',
    ...more,
  })

  test('messages: told twice they are there once; a decision about one is taken once', async () => {
    const { outgoing } = store()
    const login = `${make.word()}@a.example`
    const held = submission(login, { state: 'held', at: make.NOW + 5 })
    await outgoing.submitted([held, submission(login)])
    await outgoing.submitted([{ ...held, state: 'passed' }])
    expect(await outgoing.get('postfix', held.queueId)).toEqual(held)
    expect(await outgoing.list({ login, limit: 10 })).toHaveLength(2)
    expect(await outgoing.list({ login, state: 'held', limit: 10 })).toEqual([held])
    expect(await outgoing.list({ login, sinceAt: make.NOW + 1, limit: 10 })).toEqual([held])
    const decisions = await Promise.all(
      (['released', 'purged', 'released'] as const).map((to) => outgoing.setState('postfix', held.queueId, 'held', to)),
    )
    expect(decisions.filter(Boolean)).toHaveLength(1)
    expect(await outgoing.setState('other', held.queueId, 'held', 'purged')).toBe(false)
  })

  test('messages: who sent how much, and in which hour', async () => {
    const { outgoing } = store()
    const [much, little] = [`much@${make.word()}.example`, `little@${make.word()}.example`]
    const { member } = await holder()
    const from = make.NOW + 10_000 * HOUR
    await outgoing.submitted([
      submission(much, { at: from, recipients: 40, memberId: member.id }),
      submission(much, { at: from + 2 * HOUR, recipients: 60, memberId: member.id }),
      submission(little, { at: from + HOUR - 1, recipients: 2 }),
      submission(much, { at: from - 1, recipients: 999 }),
    ])
    expect(await outgoing.sent(from, 10)).toEqual([
      { login: much, memberId: member.id, messages: 2, recipients: 100, lastAt: from + 2 * HOUR },
      { login: little, memberId: null, messages: 1, recipients: 2, lastAt: from + HOUR - 1 },
    ])
    expect(await outgoing.volume(from, HOUR)).toEqual([
      { at: from, messages: 2, recipients: 42 },
      { at: from + 2 * HOUR, messages: 1, recipients: 60 },
    ])
    expect(await outgoing.volume(from, HOUR, { login: little })).toEqual([{ at: from, messages: 1, recipients: 2 }])
    expect(await outgoing.volume(from, 24 * HOUR, { memberId: member.id })).toEqual([
      { at: from, messages: 2, recipients: 100 },
    ])
  })

  test('messages and deliveries: as many at once as a log brings', async () => {
    const { outgoing } = store()
    const login = `${make.word()}@a.example`
    const many = Array.from({ length: 1203 }, (_, n) => submission(login, { at: make.NOW + n }))
    await outgoing.submitted(many)
    await outgoing.delivered(
      many.map(({ queueId, at }) => ({
        service: 'postfix',
        queueId,
        sender: login,
        recipient: `to@${login.slice(0, login.indexOf('@'))}.example`,
        result: 'sent',
        dsn: '2.0.0',
        relay: '',
        text: '',
        at,
      })),
    )
    expect(await outgoing.list({ login, limit: 5000 })).toHaveLength(1203)
    const found = await outgoing.deliveries({
      recipient: `@${login.slice(0, login.indexOf('@'))}.example`,
      sinceAt: 0,
      limit: 5000,
    })
    expect(found.map(({ queueId }) => queueId)).toEqual(many.map(({ queueId }) => queueId).toReversed())
    await outgoing.submitted([])
    await outgoing.delivered([])
  })

  test('deliveries: found by recipient, by domain, by message; what is old is swept', async () => {
    const { outgoing } = store()
    const domain = `d${make.word()}.example`
    const delivery = (recipient: string, more: Partial<Delivery> = {}): Omit<Delivery, 'id'> => ({
      service: 'postfix',
      queueId: make.word(),
      sender: 'zoé@a.example',
      recipient,
      result: 'sent',
      dsn: '2.0.0',
      relay: 'mx.example[192.0.2.9]:25',
      text: '250 OK « é »',
      at: make.NOW,
      ...more,
    })
    const bounced = delivery(`a@${domain}`, { result: 'bounced', dsn: '5.1.1', at: make.NOW + 3 })
    await outgoing.delivered([bounced, delivery(`b@${domain}`), delivery(`a@sub.${domain}`)])
    const since = { sinceAt: make.NOW, limit: 10 }
    expect(await outgoing.deliveries({ recipient: `a@${domain}`, ...since })).toMatchObject([bounced])
    expect(await outgoing.deliveries({ recipient: `@${domain}`, ...since })).toHaveLength(2)
    expect(await outgoing.deliveries({ recipient: `@${domain}`, result: 'bounced', ...since })).toHaveLength(1)
    expect(await outgoing.deliveries({ queueId: bounced.queueId, ...since })).toHaveLength(1)
    expect(await outgoing.deliveries({ recipient: '@%', ...since })).toEqual([])
    expect(await outgoing.deliveries({ recipient: `a@${domain}`, sinceAt: make.NOW + 4, limit: 10 })).toEqual([])
    while (await outgoing.sweep(make.NOW + 1)) {}
    expect(await outgoing.deliveries({ recipient: `@${domain}`, ...since })).toMatchObject([bounced])
  })

  test('deliveries: told again they are there once, alone or in a batch with new ones', async () => {
    const { outgoing } = store()
    const [queueId, recipient] = [make.word(), `to@${make.word()}.example`]
    const told = (more: Partial<Delivery> = {}): Omit<Delivery, 'id'> => ({
      service: 'postfix',
      queueId,
      sender: 'me@a.example',
      recipient,
      result: 'deferred',
      dsn: '4.7.1',
      relay: 'mx.example[192.0.2.9]:25',
      text: 'later',
      at: make.NOW,
      ...more,
    })
    const all = [
      told(),
      told({ at: make.NOW + 1 }),
      told({ at: make.NOW + 1, result: 'sent' }),
      told({ at: make.NOW + 1, recipient: `x${recipient}` }),
      told({ at: make.NOW + 1, service: 'other' }),
    ]
    await outgoing.delivered([all[0]!, all[0]!])
    // In transactions, as the log's reader does: MariaDB lets one of two that meet crosswise begin again.
    const tell = (some: typeof all) => store().transaction((inside) => inside.outgoing.delivered(some))
    await Promise.all([tell(all), tell(all.toReversed())])
    expect(await outgoing.deliveries({ queueId, sinceAt: 0, limit: 99 })).toHaveLength(all.length)
  })

  test('deliveries: of messages through one’s own logins alone, since these were one’s own', async () => {
    const { outgoing } = store()
    const [mine, theirs] = [`me@${make.word()}.example`, `they@${make.word()}.example`]
    const recipient = `to@${make.word()}.example`
    const told = async (login: string, at: number, more: Partial<Submission> = {}) => {
      const message = submission(login, { at, ...more })
      await outgoing.submitted([message])
      await outgoing.delivered([
        {
          service: 'postfix',
          queueId: message.queueId,
          sender: mine,
          recipient,
          result: 'sent',
          dsn: '2.0.0',
          relay: '',
          text: '',
          at: at + 1,
        },
      ])
      return message.queueId
    }
    await told(mine, make.NOW)
    const own = await told(mine, make.NOW + 10)
    await told(theirs, make.NOW + 10)
    // A queue id is one of a service: the same of another one is another message.
    await told(theirs, make.NOW + 20, { service: 'other' })
    const asked = { recipient, sinceAt: 0, limit: 10 }
    const ids = async (...logins: [string, number][]) =>
      (await outgoing.deliveries({ ...asked, through: logins.map(([login, sinceAt]) => ({ login, sinceAt })) })).map(
        ({ queueId }) => queueId,
      )
    expect(await outgoing.deliveries(asked)).toHaveLength(4)
    expect(await ids([mine, make.NOW + 10])).toEqual([own])
    expect(await ids([mine, make.NOW], [theirs, make.NOW])).toHaveLength(3)
    expect(await ids([`x${mine}`, 0], ['%', 0], ['', 0])).toEqual([])
    expect(await ids()).toEqual([])
  })

  test('domains: those with a mailbox or an alias, and only while it is there', async () => {
    const { member, mark } = await holder()
    const { mailboxes, resources } = store()
    const [one, two] = [`a${mark}.example`, `b${mark}.example`]
    const box = await resource(member, 'mailbox', `info@${one}`)
    await resource(member, 'mailbox', `other@${one}`)
    await resource(member, 'alias', `info@${two}`)
    await resource(member, 'site', `c${mark}.example`)
    const mine = async () => (await mailboxes.domains()).filter((domain) => domain.includes(mark))
    expect(await mine()).toEqual([one, two])
    for (const domain of [one, two]) expect([domain, await mailboxes.hasDomain(domain)]).toEqual([domain, true])
    for (const none of [
      `c${mark}.example`,
      `x${one}`,
      one.slice(1),
      `sub.${one}`,
      '%',
      '',
      `info@${one}`,
      '_'.repeat(one.length),
    ])
      expect([none, await mailboxes.hasDomain(none)]).toEqual([none, false])
    await resources.remove(box.id, 5)
    expect(await mailboxes.hasDomain(one)).toBe(true)
    const rest = await resources.byName('mailbox', `other@${one}`)
    await resources.remove(rest!.id, 5)
    expect([await mine(), await mailboxes.hasDomain(one)]).toEqual([[two], false])
  })
}
