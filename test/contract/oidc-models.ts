// Every method of the storage for every model: what is saved, found, swept, and what stands in the database.
import type { AdapterPayload } from 'oidc-provider'
import { describe, expect, test } from 'vitest'
import { flipped, id, models, payload, type Storage } from './oidc-storage.ts'

/** A payload that has a bit of everything; what stands for the id is the id. */
const rich = (model: string, jti: string): AdapterPayload =>
  payload({
    iat: 1_700_000_000,
    exp: 1_700_003_600,
    jti,
    kind: model,
    accountId: 'alice',
    clientId: 'wiki',
    scope: 'openid profile é € 🚲',
    nonce: "'; drop table oidc_model; --",
    params: { state: 'line\nfeed \u0001 \\u0001', empty: '', nothing: null, deep: [[{ a: 1.5, b: false }]] },
    request: 'x'.repeat(60_000),
  })

export function oidcModels(s: Storage): void {
  const { of, save, clock } = s

  const rowsAtRest = async (): Promise<Record<string, unknown>[]> => s.db.knex('oidc_model').select()

  describe.each(models)('%s', (model) => {
    test('gives back what was saved, with new or without', async () => {
      const jti = id()
      const made = rich(model, jti)
      await new s.first(model).upsert(jti, made, 3600)
      expect(await s.second(model).find(jti)).toEqual(made)
    })

    test('is found by its exact id and model only', async () => {
      const jti = await save(model, {})
      for (const wrong of [
        flipped(jti),
        `${jti} `,
        ` ${jti}`,
        `${jti}\0`,
        `${jti}\n`,
        jti.slice(0, -1),
        '',
        '%',
        `${jti.normalize('NFD')}\u0301`,
      ])
        expect(await of(model).find(wrong), JSON.stringify(wrong)).toBeUndefined()
      for (const different of models.filter((candidate) => candidate !== model))
        expect(await of(different).find(jti)).toBeUndefined()
      expect(await of(model).find(jti)).toBeDefined()
    })

    test('has no bearer value at rest', async () => {
      const jti = id()
      const cookie = id()
      const returnTo = `https://sso.example/auth/${jti}`
      await of(model).upsert(
        jti,
        payload({ jti, exp: 1_700_003_600, returnTo, session: { uid: id(), accountId: 'alice', cookie } }),
        3600,
      )
      const rest = (await rowsAtRest()).map((row) => JSON.stringify(row)).join('')
      if (model === 'Interaction') expect(rest).not.toContain(cookie)
      if (model === 'Interaction') expect(rest).not.toContain(jti)
      expect(rest.includes(`"jti\\":\\"${jti}`)).toBe(model === 'DeviceCode' || model === 'Client')
      if (model === 'Interaction')
        expect(await of(model).find(jti)).toMatchObject({ jti, returnTo, session: { accountId: 'alice' } })
    })

    if (model !== 'ReplayDetection')
      test('is replaced whole', async () => {
        const jti = id()
        await of(model).upsert(jti, payload({ jti, accountId: 'alice', scope: 'openid', nonce: 'n' }), 3600)
        await of(model).upsert(jti, payload({ jti, accountId: 'bob', scope: 'email' }), 60)
        expect(await of(model).find(jti)).toEqual({ jti, accountId: 'bob', scope: 'email' })
      })

    test('is gone when destroyed, and destroying it twice or never is no error', async () => {
      const jti = await save(model, { accountId: 'alice' })
      await of(model).destroy(jti)
      expect(await s.second(model).find(jti)).toBeUndefined()
      await of(model).destroy(jti)
      await of(model).destroy(id())
    })

    test('may have no end, and is then never swept', async () => {
      const jti = id()
      await of(model).upsert(jti, payload({ jti }))
      const before = clock.at
      clock.at += 400 * 86_400_000
      while ((await s.first.sweep()) > 0);
      expect(await of(model).find(jti)).toBeDefined()
      clock.at = before
    })

    test('is still found after its end, until it is swept a minute later', async () => {
      const jti = await save(model, { exp: 1_700_000_010 }, 10)
      clock.at += 10_000 + 59_000
      await s.first.sweep()
      expect(await of(model).find(jti)).toMatchObject({ exp: 1_700_000_010 })
      clock.at += 2_000
      while ((await s.first.sweep()) > 0);
      expect(await of(model).find(jti)).toBeUndefined()
      clock.at -= 71_000
    })

    test('is absent when somebody broke its payload', async () => {
      for (const broken of ['{', '', 'null', '[]', '"x"', null]) {
        const kept = { uid: id(), userCode: id() }
        const jti = await save(model, kept)
        expect(await of(model).find(jti)).toBeDefined()
        await s.db.knex('oidc_model').where({ model, uid: kept.uid }).update({ payload: broken })
        expect(await of(model).find(jti)).toBeUndefined()
        expect(await of(model).findByUid(kept.uid)).toBeUndefined()
        expect(await of(model).findByUserCode(kept.userCode)).toBeUndefined()
      }
    })
  })

  describe('look-ups follow the payload', () => {
    test('by uid, exactly', async () => {
      const [uid, moved, accountId] = [id(), id(), id()]
      const jti = await save('Session', { uid, accountId })
      expect(await s.second('Session').findByUid(uid)).toEqual({ uid, accountId })
      for (const wrong of [flipped(uid), `${uid} `, '']) expect(await of('Session').findByUid(wrong)).toBeUndefined()
      expect(await of('Interaction').findByUid(uid)).toBeUndefined()
      await of('Session').upsert(jti, payload({ jti, uid: moved, accountId }), 3600)
      expect(await of('Session').findByUid(uid)).toBeUndefined()
      expect(await of('Session').findByUid(moved)).toBeDefined()
    })

    test('by uid, of two the one last written', async () => {
      const uid = id()
      const older = await save('Session', { uid, accountId: 'alice', amr: ['older'] })
      clock.at += 1
      const newer = await save('Session', { uid, accountId: 'alice', amr: ['newer'] })
      expect(await of('Session').findByUid(uid)).toMatchObject({ amr: ['newer'] })
      await of('Session').destroy(newer)
      expect(await of('Session').findByUid(uid)).toMatchObject({ amr: ['older'] })
      await of('Session').destroy(older)
      expect(await of('Session').findByUid(uid)).toBeUndefined()
    })

    test('by user code, exactly, with the device code', async () => {
      const [userCode, moved] = [id(), id()]
      const jti = await save('DeviceCode', { userCode, clientId: 'tv' })
      expect(await s.second('DeviceCode').findByUserCode(userCode)).toEqual({ jti, userCode, clientId: 'tv' })
      for (const wrong of [flipped(userCode), `${userCode} `])
        expect(await of('DeviceCode').findByUserCode(wrong)).toBeUndefined()
      await of('DeviceCode').upsert(jti, payload({ jti, userCode: moved }), 600)
      expect(await of('DeviceCode').findByUserCode(userCode)).toBeUndefined()
      expect(await of('DeviceCode').findByUserCode(moved)).toBeDefined()
      await of('DeviceCode').destroy(jti)
      expect(await of('DeviceCode').findByUserCode(moved)).toBeUndefined()
    })

    test('by user code, of two the newest', async () => {
      const userCode = id()
      await save('DeviceCode', { userCode, clientId: 'older' })
      clock.at += 1
      await save('DeviceCode', { userCode, clientId: 'newer' })
      expect(await of('DeviceCode').findByUserCode(userCode)).toMatchObject({ clientId: 'newer' })
    })

    test('by grant, for every model', async () => {
      const [grantId, moved] = [id(), id()]
      const kept = ['Interaction']
      const saved = await Promise.all(models.map(async (model) => [model, await save(model, { grantId })] as const))
      const elsewhere = await save('RefreshToken', { grantId })
      await of('RefreshToken').upsert(elsewhere, payload({ jti: elsewhere, grantId: moved }), 3600)
      for (const wrong of [flipped(grantId), `${grantId} `, '']) await of('AccessToken').revokeByGrantId(wrong)
      expect(await of('AccessToken').find(saved.find(([model]) => model === 'AccessToken')![1])).toBeDefined()
      await Promise.all(
        ['AccessToken', 'RefreshToken', 'AuthorizationCode', 'DeviceCode'].map((model) =>
          of(model).revokeByGrantId(grantId),
        ),
      )
      for (const [model, jti] of saved)
        expect([model, Boolean(await s.second(model).find(jti))]).toEqual([model, kept.includes(model)])
      expect(await of('RefreshToken').find(elsewhere)).toBeDefined()
      await of('AccessToken').revokeByGrantId(moved)
      expect(await of('RefreshToken').find(elsewhere)).toBeUndefined()
    })

    test('what was saved between two revocations of a grant goes with the second', async () => {
      const grantId = id()
      const revoked = of('AccessToken').revokeByGrantId(grantId)
      const token = await save('AccessToken', { grantId })
      await Promise.all([revoked, of('AccessToken').revokeByGrantId(grantId)])
      expect(await of('AccessToken').find(token)).toBeUndefined()
    })
  })
}
