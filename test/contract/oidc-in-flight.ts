// Requests that were under way while others wrote: nothing is raised, nothing is forgotten.
import type { AdapterPayload } from 'oidc-provider'
import { describe, expect, test } from 'vitest'
import { oidcAdapter } from '../../adapters/sql/oidc.ts'
import { id, payload, type Storage } from './oidc-storage.ts'

const writtenBack = ['Session', 'Grant', 'Interaction', 'DeviceCode', 'BackchannelAuthenticationRequest'] as const

export function oidcInFlight(s: Storage): void {
  const { of, save, clock } = s

  describe('a request in flight', () => {
    test.each(writtenBack)('does not raise a destroyed %s', async (model) => {
      const jti = id()
      const made = payload({ jti, uid: id(), userCode: id(), accountId: 'alice', clientId: 'wiki' })
      await of(model).upsert(jti, made, 3600)
      await s.second(model).destroy(jti)
      await of(model).upsert(jti, made, 3600)
      await of(model).upsert(jti, payload({ ...made, accountId: 'bob' }), 3600)
      expect(await of(model).find(jti)).toBeUndefined()
      expect(await of(model).findByUid(String(made.uid))).toBeUndefined()
      expect(await of(model).findByUserCode(String(made.userCode))).toBeUndefined()
      for (const row of await s.db.knex('oidc_model').where({ ended: 1 }).select('payload'))
        expect(row).toEqual({ payload: null })
    })

    test('a client that is removed may come back', async () => {
      await of('Client').upsert('wiki', payload({ client_id: 'wiki' }))
      await of('Client').destroy('wiki')
      await of('Client').upsert('wiki', payload({ client_id: 'wiki', client_name: 'Wiki' }))
      expect(await of('Client').find('wiki')).toEqual({ client_id: 'wiki', client_name: 'Wiki' })
    })

    test('leaves alone what others wrote to the session', async () => {
      const [jti, uid] = [id(), id()]
      const session = payload({
        jti,
        uid,
        accountId: 'alice',
        loginTs: 1,
        authorizations: { mail: { sid: 'm', grantId: 'gm' } },
      })
      await of('Session').upsert(jti, session, 3600)
      const inFlight = await Promise.all(
        Array.from({ length: 20 }, async (_, at) => ({
          factory: at % 2 ? s.first : s.second,
          session: (await (at % 2 ? s.first : s.second)('Session').find(jti))! as AdapterPayload,
        })),
      )
      await Promise.all(
        inFlight.map(async ({ factory, session: read }, at) => {
          read.authorizations![`app-${at}`] = { sid: `s${at}`, grantId: `g${at}` }
          if (at === 7) read.state = { secret: 'x' }
          await factory('Session').upsert(jti, read, 3600 + at)
        }),
      )
      const merged = (await of('Session').find(jti))!
      expect(Object.keys(merged.authorizations!)).toHaveLength(21)
      expect(merged.authorizations!['app-13']).toEqual({ sid: 's13', grantId: 'g13' })
      expect(merged).toMatchObject({ uid, accountId: 'alice', loginTs: 1, state: { secret: 'x' } })
    })

    test('merges into a session that knew no client when it was read', async () => {
      const jti = await save('Session', { uid: id(), accountId: 'alice' })
      const read = await Promise.all(
        [s.first, s.second, s.first].map(async (factory) => (await factory('Session').find(jti))! as AdapterPayload),
      )
      await Promise.all(
        read.map((session, at) =>
          (at % 2 ? s.second : s.first)('Session').upsert(
            jti,
            { ...session, authorizations: { [`app-${at}`]: { sid: `${at}` } } },
            3600,
          ),
        ),
      )
      expect(Object.keys((await of('Session').find(jti))!.authorizations!).toSorted()).toEqual([
        'app-0',
        'app-1',
        'app-2',
      ])
    })

    test('what it takes out of a session is out, and what others took out stays out', async () => {
      const [jti, uid] = [id(), id()]
      const authorizations = { mail: { sid: 'm' }, wiki: { sid: 'w' }, list: { sid: 'l' } }
      await of('Session').upsert(jti, payload({ jti, uid, accountId: 'alice', authorizations }), 3600)
      const [mine, theirs] = [(await of('Session').find(jti))!, (await s.second('Session').find(jti))!] as [
        AdapterPayload,
        AdapterPayload,
      ]
      delete mine.authorizations!.mail
      delete theirs.authorizations!.wiki
      theirs.authorizations!.blog = { sid: 'b' }
      await s.second('Session').upsert(jti, theirs, 3600)
      await of('Session').upsert(jti, mine, 3600)
      expect((await of('Session').find(jti))!.authorizations).toEqual({ list: { sid: 'l' }, blog: { sid: 'b' } })
    })

    test('gives a session a new id with all it holds', async () => {
      const uid = id()
      const jti = await save('Session', { uid, accountId: 'alice', authorizations: { mail: { sid: 'm' } } })
      const session = (await s.second('Session').find(jti))! as AdapterPayload
      session.authorizations!.wiki = { sid: 'w' }
      const rotated = id()
      await s.second('Session').destroy(jti)
      await s.second('Session').upsert(rotated, { ...session, jti: rotated }, 3600)
      await s.second('Session').upsert(rotated, { ...session, jti: rotated, acr: '2' }, 3600)
      const kept = { acr: '2', authorizations: { mail: { sid: 'm' }, wiki: { sid: 'w' } } }
      expect(await of('Session').find(rotated)).toMatchObject(kept)
      expect(await of('Session').findByUid(uid)).toMatchObject(kept)
      expect(await of('Session').find(jti)).toBeUndefined()
    })

    test('does not merge sessions of two accounts', async () => {
      const [jti, uid] = [id(), id()]
      await of('Session').upsert(
        jti,
        payload({ jti, uid, accountId: 'alice', authorizations: { mail: { sid: 'm' } } }),
        3600,
      )
      await s
        .second('Session')
        .upsert(jti, payload({ jti, uid, accountId: 'bob', authorizations: { wiki: { sid: 'w' } } }), 3600)
      expect(await of('Session').find(jti)).toMatchObject({
        accountId: 'bob',
        authorizations: { wiki: { sid: 'w' } },
      })
      expect((await of('Session').find(jti))!.authorizations).not.toHaveProperty('mail')
    })

    test.each(['DeviceCode', 'BackchannelAuthenticationRequest'])('the first answer to a %s stands', async (model) => {
      const jti = await save(model, { userCode: id(), params: { scope: 'openid' } })
      const [alice, mallory] = [(await of(model).find(jti))!, (await s.second(model).find(jti))!] as [
        AdapterPayload,
        AdapterPayload,
      ]
      await of(model).upsert(jti, { ...alice, inFlight: true }, 600)
      await of(model).upsert(jti, { ...alice, inFlight: true, accountId: 'alice' }, 600)
      await expect(s.second(model).upsert(jti, { ...mallory, accountId: 'mallory' }, 600)).rejects.toMatchObject({
        statusCode: 400,
        expose: true,
      })
      expect(await of(model).find(jti)).toMatchObject({ accountId: 'alice' })
    })
  })

  describe('beside the core', () => {
    test('what is saved while a transaction is open survives its rollback', async () => {
      const during: Promise<string>[] = []
      const transaction = s.db.transaction(async (knex) => {
        await knex('setting').insert({ name: id().slice(0, 40), value: 'x' })
        during.push(save('AccessToken', {}), save('Session', { uid: id() }))
        await knex('setting').select()
        throw new Error('undone')
      })
      await expect(transaction).rejects.toThrow('undone')
      const [token, session] = await Promise.all(during)
      expect(await of('AccessToken').find(token!)).toBeDefined()
      expect(await of('Session').find(session!)).toBeDefined()
    })

    test('several sweep at once', async () => {
      const jtis = await Promise.all(Array.from({ length: 60 }, () => save('AccessToken', { grantId: id() }, 1)))
      const live = await save('AccessToken', {}, 10_000)
      const before = clock.at
      clock.at += 120_000
      const swept = await Promise.all([s.first.sweep(25), s.second.sweep(25), s.first.sweep(25), s.second.sweep(25)])
      expect(swept.every((count) => count <= 25)).toBe(true)
      while ((await s.first.sweep(25)) > 0);
      expect((await Promise.all(jtis.map((jti) => of('AccessToken').find(jti)))).filter(Boolean)).toEqual([])
      expect(await of('AccessToken').find(live)).toBeDefined()
      clock.at = before
    })

    test('clients come from elsewhere where they are kept elsewhere', async () => {
      const factory = oidcAdapter(s.db, {
        clock,
        clients: async (clientId) => (clientId === 'wiki' ? { client_id: 'wiki' } : undefined),
      })
      expect(await factory('Client').find('wiki')).toEqual({ client_id: 'wiki' })
      expect(await factory('Client').find('other')).toBeUndefined()
      await expect(factory('Client').upsert('wiki', payload({}), 1)).rejects.toThrow('not registered')
    })
  })
}
