// The provider as a service, and the logout tokens that each client gets in a queue of its own.
import { beforeEach, describe, expect, test } from 'vitest'
import { oidcAdapter } from '../../adapters/sql/oidc.ts'
import type { Account, Client, NewOutboxRow } from '../../src/ports.ts'
import { HOUSE_CLIENT } from '../../src/provider-service.ts'
import { restore, signOutEverywhere, suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { gate, type Instance, type InstanceOptions, type Stage, stage } from '../support/stage.ts'

let on: Stage
let told: string[]
const broken = new Map<string, () => Promise<void>>()
const sendLogout: NonNullable<InstanceOptions['sendLogout']> = async (clientId, accountId, sid) => {
  await broken.get(clientId)?.()
  told.push(`${clientId} ${accountId} ${sid}`)
}
let instance: Instance
beforeEach(async () => {
  told = []
  broken.clear()
  on = await stage([])
  instance = await on.open({ owner: 'two', sendLogout })
  return () => on.close()
})

const drain = () => instance.reconciler.drain()
const pending = (service?: string) => instance.store.outbox.pending(service ? { service } : {})
const token = (clientId: string, sid: string, expiresAt = make.NOW + 86_400_000): NewOutboxRow =>
  make.outboxRow(`logout/${clientId}`, 'ada', { effect: 'logout', payload: { sid, expiresAt: String(expiresAt) } })

describe('logout tokens', () => {
  test('each is sent until its client has acknowledged it; one client that is down delays no other', async () => {
    const never = gate()
    broken.set('hangs', () => never.opened)
    broken.set('down', async () => {
      throw new Error('status 503')
    })
    await instance.store.outbox.add([token('hangs', '1'), token('down', '2'), token('fine', '3'), token('down', '4')])
    instance.reconciler.wake()
    await expect.poll(() => told).toEqual(['fine ada 3'])
    await expect
      .poll(() => pending('logout/down'))
      .toMatchObject([
        { tries: 1, lastError: 'status 503', dueAt: make.NOW + 250 },
        { tries: 1, lastError: 'status 503', dueAt: make.NOW + 250 },
      ])
    never.open()
    await expect.poll(() => told).toEqual(['fine ada 3', 'hangs ada 1'])
    broken.clear()
    on.clock.advance(250)
    await drain()
    expect(told.slice(2).toSorted()).toEqual(['down ada 2', 'down ada 4'])
    expect(await pending()).toEqual([])
  })

  test('never waits longer than four seconds, however often it failed', async () => {
    broken.set('down', async () => {
      throw new Error('status 503')
    })
    await instance.store.outbox.add([token('down', '1')])
    for (let n = 0; n < 12; n++) {
      await drain()
      const [row] = await pending()
      expect(row!.dueAt - on.clock.now()).toBeLessThanOrEqual(4000)
      on.clock.advance(4000)
    }
    expect((await pending())[0]!.tries).toBe(12)
  })

  test('to a closed site are put off further each time, where a service closes sites; they are due as it opens', async () => {
    const [seeing, blind] = [await on.open({ owner: 'three', sendLogout, sites: true }), instance]
    const { org, member } = await make.people(blind.store)
    const site = make.resource(member)
    await blind.store.resources.add(site)
    const client = make.client(org.id, { resourceId: site.id })
    await blind.store.clients.add(client)
    broken.set(client.clientId, async () => {
      throw new Error('status 503')
    })
    const target = { resourceId: site.id }
    await suspend(blind.core)({ target, reason: 'Essai', actor: 'test' })
    const told = async ({ reconciler }: Instance) => {
      await reconciler.drain()
      const [row] = await pending(`logout/${client.clientId}`)
      const wait = row!.dueAt - on.clock.now()
      on.clock.advance(wait)
      return { wait, ...row! }
    }
    await blind.store.outbox.add([token(client.clientId, '1')])
    for (let n = 0; n < 12; n++) expect((await told(blind)).wait).toBeLessThanOrEqual(4000)
    expect(await told(seeing)).toMatchObject({ wait: 300_000, lastError: expect.stringContaining('when it opens') })
    await seeing.reconciler.drain()
    expect((await pending(`logout/${client.clientId}`))[0]!.dueAt).toBeGreaterThan(on.clock.now())
    await restore(blind.core)({ target, actor: 'test' })
    expect((await pending(`logout/${client.clientId}`))[0]!.dueAt).toBe(on.clock.now())
  })

  test('of a session that has ended by itself is dropped', async () => {
    await instance.store.outbox.add([token('one', 'gone', make.NOW), token('one', 'alive', make.NOW + 1)])
    await drain()
    expect(told).toEqual(['one ada alive'])
    expect(await pending()).toEqual([])
  })

  test('one that its client does not take holds up no other, and ten at most are on their way', async () => {
    let [now, most] = [0, 0]
    broken.set('one', async () => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 2))
      now--
    })
    await instance.store.outbox.add(Array.from({ length: 45 }, (_, n) => token('one', String(n))))
    await drain()
    expect(told).toHaveLength(45)
    expect(most).toBe(10)
    let first = true
    broken.set('one', async () => {
      if (!first) return
      first = false
      throw new Error('status 400')
    })
    await instance.store.outbox.add([token('one', 'bad'), token('one', 'good')])
    await drain()
    expect(told.at(-1)).toBe('one ada good')
    expect(await pending()).toMatchObject([{ payload: { sid: 'bad' }, tries: 1 }])
  })
})

describe('the provider', () => {
  /** A member in order with a session at two clients of the house, and a grant at each. */
  async function signedIn() {
    const { store } = instance
    const { org, account, member } = await make.people(store)
    await store.standings.put(make.standing(member.id, { nextChangeOn: null }))
    const clients = [make.client(org.id, { service: 'web' }), make.client(org.id, { service: 'web' })] as [
      Client,
      Client,
    ]
    for (const client of clients) await store.clients.add(client)
    return { org, account, member, clients, session: await session(account, clients) }
  }
  const adapter = () => oidcAdapter(instance.database, { clock: on.clock })
  async function session(account: Account, clients: readonly Client[]) {
    const [id, uid] = [make.digest(), make.digest()]
    const authorizations: Record<string, { sid: string; grantId: string }> = {}
    for (const { clientId } of clients) {
      const grantId = make.digest()
      authorizations[clientId] = { sid: make.digest(), grantId }
      await adapter()('Grant').upsert(grantId, { accountId: account.id, clientId, jti: grantId }, 86_400)
    }
    await adapter()('Session').upsert(id, { accountId: account.id, uid, loginTs: 1, authorizations } as never, 86_400)
    return { id, authorizations, find: () => adapter()('Session').find(id) }
  }
  const at = async (account: Account) =>
    (await instance.store.sessions.held(account.id)).map(({ clientId }) => clientId).toSorted()

  test('a suspension ends everything, and each client that knew the session is told', async () => {
    const { account, clients, session } = await signedIn()
    on.clock.advance(1)
    await suspend(instance.core)({ target: { accountId: account.id }, reason: 'Essai', actor: 'test' })
    expect(await session.find()).toBeUndefined()
    await drain()
    expect(told.toSorted()).toEqual(
      clients.map(({ clientId }) => `${clientId} ${account.id} ${session.authorizations[clientId]!.sid}`).toSorted(),
    )
    expect(await at(account)).toEqual([])
    expect(await pending()).toEqual([])
  })

  test('the house’s own pages end with the session, and nobody is told', async () => {
    const { org, account, session: known } = await signedIn()
    const house = await session(account, [make.client(org.id, { clientId: HOUSE_CLIENT })])
    on.clock.advance(1)
    await suspend(instance.core)({ target: { accountId: account.id }, reason: 'Essai', actor: 'test' })
    await drain()
    expect(await house.find()).toBeUndefined()
    expect(await at(account)).toEqual([])
    expect(told).toHaveLength(Object.keys(known.authorizations).length)
    expect(told.join()).not.toContain(HOUSE_CLIENT)
  })

  test('what was lost at one client only ends there', async () => {
    const { account, clients, session } = await signedIn()
    const [gone, kept] = clients
    await instance.store.clients.update({ ...gone, disabledAt: make.NOW })
    await instance.store.outbox.add([make.outboxRow('provider', account.id)])
    await drain()
    expect(told).toEqual([`${gone.clientId} ${account.id} ${session.authorizations[gone.clientId]!.sid}`])
    expect(await at(account)).toEqual([kept.clientId])
    expect(Object.keys((await session.find())!.authorizations as object)).toEqual([kept.clientId])
  })

  test('signed out everywhere, what began since then at the same clients stays', async () => {
    const { account, clients, session: old } = await signedIn()
    on.clock.advance(1000)
    await signOutEverywhere(instance.core)({ accountId: account.id, actor: account.id })
    on.clock.advance(1)
    // Back before anybody worked the sign-out off.
    const fresh = await session(account, clients)
    await drain()
    expect(await old.find()).toBeUndefined()
    expect(Object.keys((await fresh.find())!.authorizations as object).toSorted()).toEqual(
      clients.map(({ clientId }) => clientId).toSorted(),
    )
    expect(told).toHaveLength(2)
    expect(told.join()).not.toContain(fresh.authorizations[clients[0].clientId]!.sid)
    expect(await at(account)).toEqual(clients.map(({ clientId }) => clientId).toSorted())
  })

  test('a member that is suspended: its site’s editors lose that site, affiliated or not, and nothing else', async () => {
    const { store, core } = instance
    const { org, account, member, clients } = await signedIn()
    const owner = make.member(org.id)
    await store.members.add(owner)
    await store.standings.put(make.standing(owner.id, { nextChangeOn: null }))
    const site = make.resource(owner)
    await store.resources.add(site)
    const client = make.client(org.id, { resourceId: site.id, audience: 'listed' })
    await store.clients.add(client)
    await store.clients.setRole({
      clientId: client.clientId,
      subjectKind: 'account',
      subject: account.id,
      role: 'editor',
    })
    const editing = await session(account, [client])
    await suspend(core)({ target: { memberId: owner.id }, reason: 'Essai', actor: 'test' })
    await drain()
    expect(told).toEqual([`${client.clientId} ${account.id} ${editing.authorizations[client.clientId]!.sid}`])
    expect(await at(account)).toEqual(clients.map(({ clientId }) => clientId).toSorted())
    expect((await store.people.accountsOf(member.id)).length).toBe(1)
  })

  test('its plan finds what was forgotten, and leaves the rest', async () => {
    const { account, clients } = await signedIn()
    expect((await instance.reconciler.plan('provider')).changes).toEqual([])
    await instance.store.clients.update({ ...clients[0], disabledAt: make.NOW })
    const plan = await instance.reconciler.plan('provider')
    expect(plan.changes).toEqual([
      { name: account.id, from: { refused: [clients[0].clientId] }, to: null, removal: false },
    ])
    await instance.reconciler.apply(plan, false)
    expect(await at(account)).toEqual([clients[1].clientId])
    await drain()
    expect(told).toHaveLength(1)
  })
})
