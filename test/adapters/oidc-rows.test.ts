import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mergeSessions, type Payload, pack, unpack } from '../../adapters/sql/oidc-rows.ts'

const models = ['Session', 'Interaction', 'AccessToken', 'DeviceCode', 'Client', 'Grant']
const nanoid = fc.stringMatching(/^[A-Za-z0-9_-]{21,43}$/)
const plain = fc.dictionary(fc.stringMatching(/^[a-zA-Z]{1,8}$/), fc.jsonValue(), { noNullPrototype: true })
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('a payload', () => {
  test('comes back from its row', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...models),
        nanoid,
        plain,
        (model, jti, { session: _, returnTo: __, consumed: ___, ...fields }) => {
          const payload = {
            ...fields,
            jti,
            ...(model === 'Interaction' && { returnTo: `https://sso.example/auth/${jti}?x={uid}` }),
          }
          const row = pack(model, jti, payload)
          expect(unpack(model, { payload: row.payload, consumed_at: null }, jti)).toEqual(json(payload))
        },
      ),
    )
  })

  test('has no bearer value in its row', () => {
    fc.assert(
      fc.property(nanoid, nanoid, (jti, cookie) => {
        const kept = (model: string, payload: Payload): string => pack(model, jti, { jti, ...payload }).payload
        expect(kept('Session', { uid: 'u' })).not.toContain(jti)
        const interaction = kept('Interaction', {
          returnTo: `https://sso.example/auth/${jti}`,
          session: { cookie, uid: 'u' },
        })
        expect(interaction).not.toContain(jti)
        expect(interaction).not.toContain(cookie)
      }),
    )
  })

  test('tells whose it is', () => {
    expect(pack('AccessToken', 'a', { accountId: 'alice', clientId: 'wiki', sessionUid: 'u' })).toMatchObject({
      accountId: 'alice',
      clientId: 'wiki',
      sessionUid: 'u',
      uid: null,
    })
    expect(pack('Session', 's', { accountId: 'alice', uid: 'u' })).toMatchObject({
      accountId: 'alice',
      uid: 'u',
      sessionUid: 'u',
    })
    const begun = { session: { accountId: 'alice', uid: 'u' } }
    expect(pack('Interaction', 'i', begun)).toMatchObject({ accountId: 'alice', sessionUid: 'u', grantId: null })
    expect(pack('Interaction', 'i', { ...begun, result: { login: { accountId: 'bob' } } })).toMatchObject({
      accountId: 'bob',
    })
    expect(pack('Grant', 'g', { accountId: 7 })).toMatchObject({ accountId: null })
  })
})

describe('sessions written at once', () => {
  const session = (authorizations: Payload, more: Payload = {}): Payload => ({
    uid: 'u',
    accountId: 'alice',
    ...more,
    authorizations,
  })
  const apps = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'd', 'e', 'constructor'),
    fc.record({ sid: fc.constantFrom('1', '2', '3') }),
    { noNullPrototype: true },
  )

  test('nothing of theirs is lost that mine did not change', () => {
    fc.assert(
      fc.property(apps, apps, apps, (base, mine, theirs) => {
        const merged = mergeSessions(session(base), session(mine), session(theirs)).authorizations as Record<
          string,
          { sid: string }
        >
        for (const app of ['a', 'b', 'c', 'd', 'e', 'constructor']) {
          const [was, wanted, found] = [base, mine, theirs].map((all) =>
            Object.hasOwn(all, app) ? all[app]!.sid : undefined,
          )
          expect(Object.hasOwn(merged, app) ? merged[app]!.sid : undefined).toBe(was === wanted ? found : wanted)
        }
      }),
    )
  })

  test('the rest merges too: who logs out in one tab can, while another tab is being opened', () => {
    const merged = mergeSessions(
      session({}),
      session({ wiki: { sid: 'w' } }, { exp: 2 }),
      session({}, { state: { secret: 'x' }, exp: 1 }),
    )
    expect(merged).toEqual(session({ wiki: { sid: 'w' } }, { state: { secret: 'x' }, exp: 2 }))
  })

  test('not those of another account or another session', () => {
    const theirs = session({ wiki: { sid: 'w' } })
    for (const other of [{ accountId: 'bob' }, { uid: 'v' }, { accountId: undefined }]) {
      const mine = session({ mail: { sid: 'm' } }, other)
      expect(mergeSessions({}, mine, theirs)).toBe(mine)
    }
  })
})
