// The end of sessions and grants, as the core wants it: by account, by client, and whatever is in flight.
import type { AdapterPayload } from 'oidc-provider'
import { describe, expect, test } from 'vitest'
import { id, payload, type Storage } from './oidc-storage.ts'

export function oidcSignOut(s: Storage): void {
  const { of, save, clock } = s

  describe('signing out', () => {
    const signedIn = async (accountId: string) => {
      const uid = id()
      const session = await save('Session', { uid, accountId, authorizations: { wiki: { sid: id() } } })
      const grant = await save('Grant', { accountId, clientId: 'wiki' })
      const bound = { accountId, clientId: 'wiki', grantId: grant, sessionUid: uid }
      const kinds = ['AccessToken', 'RefreshToken', 'AuthorizationCode', 'DeviceCode']
      const tokens = await Promise.all(kinds.map(async (kind) => [kind, await save(kind, bound)] as const))
      const interaction = await save('Interaction', { session: { accountId, uid } })
      return {
        uid,
        all: [['Session', session], ['Grant', grant], ['Interaction', interaction], ...tokens] as [string, string][],
      }
    }

    test('what began before is absent, whatever is written back; what began after is there', async () => {
      const alice = id()
      const before = await signedIn(alice)
      const written = await Promise.all(
        before.all.map(async ([model, jti]) => [model, jti, (await s.second(model).find(jti))!] as const),
      )
      const bob = await signedIn(id())
      clock.at += 1
      await s.first.signOut(alice, clock.at)
      for (const [model, jti] of before.all) expect(await of(model).find(jti), model).toBeUndefined()
      for (const [model, jti, read] of written) await s.second(model).upsert(jti, read as AdapterPayload, 7200)
      for (const [model, jti] of before.all) expect(await of(model).find(jti), `${model} written back`).toBeUndefined()
      expect(await of('Session').findByUid(before.uid)).toBeUndefined()
      for (const [model, jti] of bob.all) expect(await of(model).find(jti), `${model} of another`).toBeDefined()
      const after = await signedIn(alice)
      for (const [model, jti] of after.all) expect(await of(model).find(jti), `${model} after`).toBeDefined()
    })

    test('a request in flight makes nothing younger of an older session', async () => {
      const alice = id()
      const { uid, all } = await signedIn(alice)
      clock.at += 1
      await s.first.signOut(alice, clock.at)
      clock.at += 1
      // What a sign-in again or a consent in flight does: the session gets a new id, the grant is new.
      await of('Session').destroy(all[0]![1])
      const rotated = await save('Session', { uid, accountId: alice })
      const grantId = await save('Grant', { accountId: alice, clientId: 'wiki' })
      const code = await save('AuthorizationCode', { accountId: alice, grantId, sessionUid: uid })
      const device = await save('DeviceCode', { params: {} })
      await of('DeviceCode').upsert(device, payload({ jti: device, accountId: alice, grantId, sessionUid: uid }), 600)
      const interaction = await save('Interaction', { session: { accountId: alice, uid } })
      expect(await of('Session').find(rotated)).toBeUndefined()
      expect(await of('Session').findByUid(uid)).toBeUndefined()
      expect(await of('AuthorizationCode').find(code)).toBeUndefined()
      expect(await of('DeviceCode').find(device)).toBeUndefined()
      expect(await of('Interaction').find(interaction)).toBeUndefined()
    })

    test('what hangs on a grant from before is absent too', async () => {
      const alice = id()
      const grantId = await save('Grant', { accountId: alice, clientId: 'wiki' })
      clock.at += 1
      await s.first.signOut(alice, clock.at)
      expect(await of('AccessToken').find(await save('AccessToken', { accountId: alice, grantId }))).toBeUndefined()
    })

    test('signing in on a page that was open before begins anew', async () => {
      const alice = id()
      const interaction = await save('Interaction', { prompt: { name: 'login' } })
      clock.at += 1
      await s.first.signOut(alice, clock.at)
      await of('Interaction').upsert(
        interaction,
        payload({ jti: interaction, result: { login: { accountId: alice } } }),
        600,
      )
      expect(await of('Interaction').find(interaction)).toBeDefined()
      clock.at += 1
      await s.first.signOut(alice, clock.at)
      expect(await of('Interaction').find(interaction)).toBeUndefined()
    })

    test('never moves back', async () => {
      const alice = id()
      const session = await save('Session', { uid: id(), accountId: alice })
      await Promise.all([s.first.signOut(alice, clock.at + 1), s.second.signOut(alice, clock.at - 1000)])
      await s.second.signOut(alice, clock.at - 1000)
      expect(await of('Session').find(session)).toBeUndefined()
    })
  })

  describe('the core sees and ends', () => {
    test('who holds what', async () => {
      const [alice, bob] = [`a-${id()}`, `b-${id()}`]
      await save('Session', {
        uid: id(),
        accountId: alice,
        authorizations: { wiki: { sid: '1' }, mail: { grantId: 'g' }, looked: {} },
      })
      const destroyed = await save('Session', { uid: id(), accountId: alice, authorizations: { gone: { sid: '2' } } })
      await of('Session').destroy(destroyed)
      await save('Grant', { accountId: alice, clientId: 'offline' })
      await save('Grant', { accountId: bob, clientId: 'wiki' })
      const held = async (account: string) =>
        (await s.second.held(account)).toSorted((a, b) => a.clientId.localeCompare(b.clientId))
      expect(await held(alice)).toEqual([
        { clientId: 'mail', stale: false },
        { clientId: 'offline', stale: false },
        { clientId: 'wiki', stale: false },
      ])
      clock.at += 1
      await s.first.signOut(alice, clock.at)
      await save('Session', {
        uid: id(),
        accountId: alice,
        authorizations: { wiki: { sid: '3' }, list: { sid: '4' } },
      })
      expect(await held(alice)).toEqual([
        { clientId: 'list', stale: false },
        { clientId: 'mail', stale: true },
        { clientId: 'offline', stale: true },
        { clientId: 'wiki', stale: true },
      ])
      expect(await held(id())).toEqual([])
      expect(await s.second.holders(alice.slice(0, 2), 1)).not.toEqual([])
      const all: string[] = []
      let batch = await s.second.holders('', 2)
      while (batch.length > 0) {
        all.push(...batch)
        batch = await s.second.holders(batch.at(-1)!, 2)
      }
      expect(all).toEqual([...new Set(all)])
      expect(all).toEqual(expect.arrayContaining([alice, bob]))
    })

    test('what was begun before the sign-out: all of it', async () => {
      const alice = id()
      const session = await save(
        'Session',
        { uid: id(), accountId: alice, authorizations: { wiki: { sid: 'w' }, mail: { sid: 'm' }, looked: {} } },
        100,
      )
      const grantId = await save('Grant', { accountId: alice, clientId: 'mail' })
      const refresh = await save('RefreshToken', { accountId: alice, clientId: 'mail', grantId })
      const interaction = await save('Interaction', { session: { accountId: alice } })
      const expiresAt = clock.at + 100_000
      clock.at += 1
      await s.first.signOut(alice, clock.at)
      const fresh = await save('Session', { uid: id(), accountId: alice, authorizations: { wiki: { sid: 'fresh' } } })
      const ended = await s.second.end(alice, ['mail'])
      expect(ended.toSorted((a, b) => a.sid.localeCompare(b.sid))).toEqual([
        { clientId: 'mail', sid: 'm', expiresAt },
        { clientId: 'wiki', sid: 'w', expiresAt },
      ])
      expect(await s.first.end(alice, ['mail'])).toEqual([])
      expect(await s.first.held(alice)).toEqual([{ clientId: 'wiki', stale: false }])
      expect(await of('Session').find(fresh)).toBeDefined()
      const left = await s.db.knex('oidc_model').where({ accountId: alice, ended: 0 }).select('model')
      expect(left).toEqual([{ model: 'Session' }])
      for (const [model, jti] of [
        ['Session', session],
        ['Grant', grantId],
        ['RefreshToken', refresh],
        ['Interaction', interaction],
      ] as const) {
        await of(model).upsert(jti, payload({ jti, accountId: alice, session: { accountId: alice }, grantId }), 3600)
        expect(await of(model).find(jti), model).toBeUndefined()
      }
    })

    test('what an account holds at some clients, and no more', async () => {
      const alice = id()
      const jti = await save('Session', {
        uid: id(),
        accountId: alice,
        authorizations: { wiki: { sid: 'w', grantId: 'gw' }, mail: { sid: 'm' } },
      })
      const inFlight = (await s.second('Session').find(jti))! as AdapterPayload
      const [gone, kept] = [
        await save('Grant', { accountId: alice, clientId: 'wiki' }),
        await save('Grant', { accountId: alice, clientId: 'mail' }),
      ]
      const others = await save('Grant', { accountId: id(), clientId: 'wiki' })
      const code = await save('AuthorizationCode', { accountId: alice, clientId: 'wiki', grantId: gone })
      const refresh = await save('RefreshToken', { accountId: alice, clientId: 'mail', grantId: kept })
      expect(await s.first.end(alice, ['wiki', 'unknown'])).toEqual([
        { clientId: 'wiki', sid: 'w', expiresAt: clock.at + 3_600_000 },
      ])
      expect(await of('Grant').find(gone)).toBeUndefined()
      expect(await of('AuthorizationCode').find(code)).toBeUndefined()
      for (const grantId of [kept, others]) expect(await of('Grant').find(grantId)).toBeDefined()
      expect(await of('RefreshToken').find(refresh)).toBeDefined()
      inFlight.authorizations!.list = { sid: 'l' }
      await s.second('Session').upsert(jti, inFlight, 3600)
      expect((await of('Session').find(jti))!.authorizations).toEqual({ mail: { sid: 'm' }, list: { sid: 'l' } })
    })

    test('while requests are in flight: the end holds', async () => {
      const alice = id()
      const jti = await save('Session', { uid: id(), accountId: alice, authorizations: { wiki: { sid: 'w' } } })
      const read = await Promise.all(
        Array.from({ length: 12 }, async () => (await s.second('Session').find(jti))! as AdapterPayload),
      )
      const writes = read.map((session, at) => {
        session.authorizations![`app-${at}`] = { sid: `${at}` }
        return s.second('Session').upsert(jti, session, 3600)
      })
      await Promise.all([...writes.slice(0, 6), s.first.end(alice, ['wiki']), ...writes.slice(6)])
      const left = (await of('Session').find(jti))!.authorizations!
      expect(left).not.toHaveProperty('wiki')
      expect(Object.keys(left)).toHaveLength(12)
    })
  })
}
