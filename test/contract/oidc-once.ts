import { describe, expect, test } from 'vitest'
import type { OidcAdapterFactory } from '../../adapters/sql/oidc.ts'
import { id, payload, type Storage } from './oidc-storage.ts'

const consumable = [
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
  'PreAuthorizedCode',
  'SomethingNew',
] as const

export function oidcOnce(s: Storage): void {
  const { of, save, clock } = s

  describe('consuming', () => {
    test.each(consumable)('%s: once; twice ends the grant with all that hangs on it', async (model) => {
      const grantId = await save('Grant', { accountId: 'alice' })
      const jti = await save(model, { grantId })
      const others = await Promise.all(
        ['AccessToken', 'RefreshToken'].map(async (kind) => [kind, await save(kind, { grantId })] as const),
      )
      expect((await of(model).find(jti))?.consumed).toBeUndefined()
      await of(model).consume(jti)
      expect((await s.second(model).find(jti))?.consumed).toBeTruthy()
      expect(await of('Grant').find(grantId)).toBeDefined()
      await expect(s.second(model).consume(jti)).rejects.toMatchObject({ statusCode: 400, error: 'invalid_grant' })
      for (const [kind, token] of [...others, [model, jti], ['Grant', grantId]] as const)
        expect(await of(kind).find(token), kind).toBeUndefined()
      const late = await save('AccessToken', { grantId })
      expect(await of('AccessToken').find(late)).toBeUndefined()
    })

    test.each(consumable)('%s: of twenty at once one succeeds', async (model) => {
      const grantId = await save('Grant', { accountId: 'alice' })
      const jti = await save(model, { grantId })
      const tries = await Promise.allSettled(
        Array.from({ length: 20 }, (_, at) => (at % 2 ? s.first : s.second)(model).consume(jti)),
      )
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(await of('Grant').find(grantId)).toBeUndefined()
    })

    test('a pushed request is used once', async () => {
      const jti = await save('PushedAuthorizationRequest', { request: 'x' })
      const tries = await Promise.allSettled(
        Array.from({ length: 20 }, (_, at) => (at % 2 ? s.first : s.second)('PushedAuthorizationRequest').consume(jti)),
      )
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const tried of tries)
        if (tried.status === 'rejected')
          expect(tried.reason).toMatchObject({ statusCode: 400, error: 'invalid_request_uri' })
      expect((await of('PushedAuthorizationRequest').find(jti))?.consumed).toBeTruthy()
    })

    test('what is gone cannot be consumed', async () => {
      await expect(of('RefreshToken').consume(id())).rejects.toMatchObject({ error: 'invalid_grant' })
      await expect(of('PushedAuthorizationRequest').consume(id())).rejects.toMatchObject({
        error: 'invalid_request_uri',
      })
    })

    test('what is consumed stays so when it is written back, and until its end', async () => {
      const jti = await save('RefreshToken', { grantId: id() })
      await of('RefreshToken').consume(jti)
      await of('RefreshToken').upsert(jti, payload({ jti, grantId: id() }), 3600)
      await s.first.sweep()
      expect((await of('RefreshToken').find(jti))?.consumed).toBeTruthy()
    })
  })

  describe('replay detection', () => {
    test('of twenty at once one succeeds', async () => {
      const jti = id()
      const tries = await Promise.allSettled(
        Array.from({ length: 20 }, (_, at) =>
          (at % 2 ? s.first : s.second)('ReplayDetection').upsert(jti, payload({ jti, iss: 'wiki' }), 60),
        ),
      )
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const tried of tries)
        if (tried.status === 'rejected') expect(tried.reason).toMatchObject({ statusCode: 400, expose: true })
    })

    test('an expired one may come again, once', async () => {
      const jti = id()
      const use = (factory: OidcAdapterFactory) =>
        factory('ReplayDetection').upsert(jti, payload({ jti, iss: 'wiki' }), 60)
      await use(s.first)
      clock.at += 60_000
      const tries = await Promise.allSettled([use(s.first), use(s.second), use(s.first)])
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })
  })
}
