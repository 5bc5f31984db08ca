// The store's contract: credentials, tickets and throttles (each used once, by one of many at once), consents, settings, keys.
import { describe, expect, test } from 'vitest'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

const AT_ONCE = 20
const atOnce = <T>(work: (n: number) => Promise<T>, times = AT_ONCE): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, n) => work(n)))
const yes = (answers: boolean[]): number => answers.filter(Boolean).length

export function storeOnce(opened: Opened): void {
  const stores = () => opened.store
  const someone = async () => {
    const account = make.account()
    await stores().accounts.add(account)
    return account.id
  }

  test('passwords: the last one counts, each account has its own', async () => {
    const { credentials } = stores()
    const [one, two] = [await someone(), await someone()]
    expect(await credentials.password(one)).toBeUndefined()
    await credentials.setPassword(one, 'phc 1', make.NOW)
    await credentials.setPassword(one, 'phc 2', make.NOW + 1)
    await credentials.setPassword(two, 'phc 3', make.NOW)
    expect([await credentials.password(one), await credentials.password(two)]).toEqual(['phc 2', 'phc 3'])
    await expect(credentials.setPassword(make.id(), 'x', make.NOW)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('TOTP: confirmed or not, replaced, removed with the recovery codes', async () => {
    const { credentials } = stores()
    const one = await someone()
    expect(await credentials.totp(one)).toBeUndefined()
    await credentials.setTotp(one, 'sealed 1', false, make.NOW)
    expect(await credentials.totp(one)).toEqual({ sealedSecret: 'sealed 1', confirmed: false })
    await credentials.setTotp(one, 'sealed 2', true, make.NOW)
    expect(await credentials.totp(one)).toEqual({ sealedSecret: 'sealed 2', confirmed: true })
    const code = make.digest()
    await credentials.setRecoveryCodes(one, [code], make.NOW)
    await credentials.removeTotp(one)
    expect(await credentials.totp(one)).toBeUndefined()
    expect(await credentials.burnRecoveryCode(one, code, make.NOW)).toBe(false)
    expect(await credentials.burnStep(one, 5)).toBe(false)
  })

  test('TOTP steps: each once, none after a later one, not even for a new secret', async () => {
    const { credentials } = stores()
    const one = await someone()
    await credentials.setTotp(one, 'sealed', true, make.NOW)
    expect(await credentials.burnStep(one, 100)).toBe(true)
    expect(await credentials.burnStep(one, 100)).toBe(false)
    expect(await credentials.burnStep(one, 99)).toBe(false)
    await credentials.setTotp(one, 'another', true, make.NOW)
    expect(await credentials.burnStep(one, 100)).toBe(false)
    expect(await credentials.burnStep(one, 101)).toBe(true)
    expect(yes(await atOnce(() => credentials.burnStep(one, 102)))).toBe(1)
    const other = await someone()
    await credentials.setTotp(other, 'sealed', true, make.NOW)
    expect(await credentials.burnStep(other, 5)).toBe(true)
  })

  test('recovery codes: each once, for its own account, until there are new ones', async () => {
    const { credentials } = stores()
    const [one, two] = [await someone(), await someone()]
    const codes = [make.digest(), make.digest(), make.digest()]
    await credentials.setRecoveryCodes(one, codes, make.NOW)
    await credentials.setRecoveryCodes(two, [codes[0]!], make.NOW)
    expect(await credentials.burnRecoveryCode(two, codes[1]!, make.NOW)).toBe(false)
    expect(yes(await atOnce(() => credentials.burnRecoveryCode(one, codes[0]!, make.NOW)))).toBe(1)
    expect(await credentials.burnRecoveryCode(one, codes[0]!, make.NOW)).toBe(false)
    expect(await credentials.burnRecoveryCode(two, codes[0]!, make.NOW)).toBe(true)
    expect(await credentials.burnRecoveryCode(one, codes[1]!.toLowerCase(), make.NOW)).toBe(false)
    const fresh = make.digest()
    await credentials.setRecoveryCodes(one, [fresh], make.NOW)
    expect(await credentials.burnRecoveryCode(one, codes[1]!, make.NOW)).toBe(false)
    expect(await credentials.burnRecoveryCode(one, fresh, make.NOW)).toBe(true)
    await credentials.setRecoveryCodes(one, [], make.NOW)
    expect(await credentials.burnRecoveryCode(one, fresh, make.NOW)).toBe(false)
  })

  describe('tickets', () => {
    const ticket = (accountId: string | null, more = {}) => ({
      kind: 'invitation' as const,
      accountId,
      createdAt: make.NOW,
      expiresAt: make.NOW + 1000,
      usedAt: null,
      ...more,
    })

    test('used up by one of many, before their end', async () => {
      const { tickets } = stores()
      const [one, late] = [make.digest(), make.digest()]
      const account = await someone()
      await tickets.add(one, ticket(account))
      await tickets.add(late, ticket(null, { kind: 'setup' }))
      expect(await tickets.get(one)).toEqual(ticket(account))
      expect(await tickets.get(late)).toEqual(ticket(null, { kind: 'setup' }))
      expect(await tickets.get(make.digest())).toBeUndefined()
      expect(yes(await atOnce((n) => tickets.burn(one, make.NOW + n)))).toBe(1)
      expect((await tickets.get(one))!.usedAt).not.toBeNull()
      expect(await tickets.burn(late, make.NOW + 1000)).toBe(false)
      expect(await tickets.burn(late, make.NOW + 999)).toBe(true)
      expect(await tickets.burn(make.digest(), make.NOW)).toBe(false)
      await expect(tickets.add(one, ticket(account))).rejects.toMatchObject({ code: 'conflict' })
    })
    test('given back, they are good again', async () => {
      const { tickets } = stores()
      const one = make.digest()
      await tickets.add(one, ticket(null))
      await tickets.burn(one, make.NOW)
      await tickets.giveBack(one)
      expect(await tickets.get(one)).toEqual(ticket(null))
      expect(await tickets.burn(one, make.NOW)).toBe(true)
    })
    test('all of an account at once, and the expired swept', async () => {
      const { tickets } = stores()
      const [account, other] = [await someone(), await someone()]
      const [a, b, c] = [make.digest(), make.digest(), make.digest()] as [string, string, string]
      await tickets.add(a, ticket(account))
      await tickets.add(b, ticket(account, { usedAt: 7 }))
      await tickets.add(c, ticket(other))
      await tickets.burnAll(account, make.NOW + 5)
      expect([(await tickets.get(a))!.usedAt, (await tickets.get(b))!.usedAt, (await tickets.get(c))!.usedAt]).toEqual([
        make.NOW + 5,
        7,
        null,
      ])
      await tickets.sweep(make.NOW + 1000)
      expect(await tickets.get(c)).toBeDefined()
      await tickets.sweep(make.NOW + 1001)
      expect(await tickets.get(c)).toBeUndefined()
    })
  })

  describe('the throttle', () => {
    test('counts down within its window, and begins anew after it', async () => {
      const { throttle } = stores()
      const key = make.digest()
      const take = (points: number, at: number) => throttle.take(key, points, 10, 1000, at)
      expect(await take(1, 0)).toEqual({ remaining: 9, resetAt: 1000 })
      expect(await take(4, 500)).toEqual({ remaining: 5, resetAt: 1000 })
      expect(await take(6, 999)).toEqual({ remaining: -1, resetAt: 1000 })
      expect(await throttle.peek(key, 10, 999)).toEqual({ remaining: -1, resetAt: 1000 })
      expect(await throttle.peek(key, 10, 1000)).toMatchObject({ remaining: 10 })
      expect(await take(1, 1000)).toEqual({ remaining: 9, resetAt: 2000 })
      expect(await throttle.peek(make.digest(), 10, 5)).toEqual({ remaining: 10, resetAt: 5 })
    })
    test('of many buckets at once, old ones and new ones, in the order asked; a light transaction is enough', async () => {
      const { throttle } = stores()
      const keys = Array.from({ length: 150 }, make.digest)
      const take = (some: readonly string[], at: number) => {
        const wanted = some.map((key, n) => ({ key, points: 1 + (n % 3), limit: 10, windowMs: n < 50 ? 1000 : 5000 }))
        return stores().light(({ throttle: inside }) => inside.takeAll(wanted, at))
      }
      const of = (some: readonly string[], times: number) => some.map((_, n) => 10 - times * (1 + (n % 3)))
      expect(await take(keys.slice(0, 120), 0)).toEqual(of(keys.slice(0, 120), 1))
      expect(await take(keys, 999)).toEqual([...of(keys.slice(0, 120), 2), ...of(keys, 1).slice(120)])
      // The window of the first fifty has ended, that of the others not.
      expect(await take(keys, 1000)).toEqual([
        ...of(keys, 1).slice(0, 50),
        ...of(keys, 3).slice(50, 120),
        ...of(keys, 2).slice(120),
      ])
      expect(await throttle.peek(keys[0]!, 10, 1500)).toEqual({ remaining: 9, resetAt: 2000 })
      expect(await throttle.peek(keys[60]!, 10, 1500)).toEqual({ remaining: 7, resetAt: 5000 })
      // One that a clock filled which has gone back since is empty.
      expect(await take([keys[60]!], -5001)).toEqual([9])
      expect(await take([], 0)).toEqual([])
    })
    test('what is given back counts again, but never more than was taken, nor after the window', async () => {
      const { throttle } = stores()
      const key = make.digest()
      await throttle.take(key, 3, 10, 1000, 0)
      await throttle.give(key, 1, 500)
      expect((await throttle.peek(key, 10, 500)).remaining).toBe(8)
      await throttle.give(key, 5, 500)
      expect((await throttle.peek(key, 10, 500)).remaining).toBe(8)
      await throttle.give(key, 1, 1000)
      expect((await throttle.peek(key, 10, 999)).remaining).toBe(8)
      await throttle.give(make.digest(), 1, 0)
    })
    test('a hundred at once count as a hundred, on a new bucket and on an old one', async () => {
      const { throttle } = stores()
      const key = make.digest()
      for (const [round, expected] of [
        [0, 100],
        [1, 200],
      ] as const) {
        const taken = await atOnce(() => throttle.take(key, 1, 1000, 60_000, round), 100)
        expect((await throttle.peek(key, 1000, 1)).remaining).toBe(1000 - expected)
        expect(new Set(taken.map(({ remaining }) => remaining)).size).toBe(100)
        expect(taken.every(({ resetAt }) => resetAt === 60_000)).toBe(true)
      }
      // A window that ended: of a hundred that see it, none is lost and one begins the next.
      const anew = await atOnce(() => throttle.take(key, 1, 1000, 60_000, 60_000), 100)
      expect((await throttle.peek(key, 1000, 60_001)).remaining).toBe(900)
      expect(new Set(anew.map(({ remaining }) => remaining)).size).toBe(100)
    })
    test('many buckets at once do not mix', async () => {
      const { throttle } = stores()
      const keys = Array.from({ length: 10 }, make.digest)
      await atOnce((n) => throttle.take(keys[n % 10]!, 1 + (n % 10), 1000, 60_000, 0), 100)
      for (const [n, key] of keys.entries())
        expect((await throttle.peek(key, 1000, 0)).remaining).toBe(1000 - 10 * (1 + n))
    })
    test('what ended is swept', async () => {
      const { throttle } = stores()
      const key = make.digest()
      await throttle.take(key, 1, 10, 1000, 0)
      await throttle.sweep(1000)
      expect(await opened.database.knex('throttle').where({ bucket: key })).toHaveLength(1)
      await throttle.sweep(1001)
      expect(await opened.database.knex('throttle').where({ bucket: key })).toHaveLength(0)
    })
  })

  test('consents: of one account at one client, each scope once, replaced and withdrawn', async () => {
    const { consents } = stores()
    const [one, two] = [await someone(), await someone()]
    expect(await consents.get(one, 'b')).toBeUndefined()
    await consents.put(one, 'b', ['openid', 'email', 'openid'], make.NOW)
    await consents.put(one, 'a', [], make.NOW)
    await consents.put(two, 'b', ['profile'], make.NOW)
    expect(await consents.get(one, 'b')).toEqual({ scopes: ['openid', 'email'], at: make.NOW })
    expect(await consents.get(one, 'a')).toEqual({ scopes: [], at: make.NOW })
    for (const miss of make.nearMisses('b'))
      if (miss !== 'b') expect(await consents.get(one, miss), miss).toBeUndefined()
    expect(await consents.list(one)).toEqual([
      { clientId: 'a', scopes: [], at: make.NOW },
      { clientId: 'b', scopes: ['openid', 'email'], at: make.NOW },
    ])
    await consents.put(one, 'b', ['email', 'profile'], make.NOW + 1)
    expect(await consents.get(one, 'b')).toEqual({ scopes: ['email', 'profile'], at: make.NOW + 1 })
    await consents.withdraw(one, 'b')
    expect(await consents.get(one, 'b')).toBeUndefined()
    expect(await consents.get(two, 'b')).toEqual({ scopes: ['profile'], at: make.NOW })
  })

  test('consents: merged in a transaction, none is lost when several are given at once', async () => {
    const one = await someone()
    const scopes = ['email', 'profile', 'groups', 'phone', 'address', 'membership']
    await atOnce(
      (n) =>
        stores().transaction(async ({ consents }) => {
          const before = (await consents.get(one, 'c'))?.scopes ?? []
          await consents.put(one, 'c', [...before, scopes[n]!], make.NOW)
        }),
      scopes.length,
    )
    expect((await stores().consents.get(one, 'c'))!.scopes.toSorted()).toEqual(scopes.toSorted())
  })

  test('settings: set, changed, taken away; only the very name', async () => {
    const { settings } = stores()
    const name = `eao.${make.word()}`
    expect(await settings.get(name)).toBeUndefined()
    await settings.set(name, '1')
    await settings.set(name, `é 🚲 ${'x'.repeat(60_000)}`)
    expect(await settings.get(name)).toBe(`é 🚲 ${'x'.repeat(60_000)}`)
    for (const miss of make.nearMisses(name)) expect(await settings.get(miss), miss).toBeUndefined()
    await settings.set(name, '')
    expect(await settings.get(name)).toBe('')
    await settings.set(name, undefined)
    await settings.set(name, undefined)
    expect(await settings.get(name)).toBeUndefined()
    await atOnce((n) => settings.set(name, String(n)))
    expect(Number(await settings.get(name))).toBeLessThan(AT_ONCE)
  })

  test('keys: in the order in which they were made, with their state', async () => {
    const { keys } = stores()
    const [second, first] = [
      make.signingKey({ createdAt: 2 }),
      make.signingKey({ createdAt: 1, alg: 'RS256', state: 'current' }),
    ]
    await keys.add(second)
    await keys.add(first)
    expect(await keys.list()).toEqual([first, second])
    await keys.setState(second.kid, 'retired', make.NOW + 9)
    expect(await keys.list()).toEqual([first, { ...second, state: 'retired', changedAt: make.NOW + 9 }])
    await keys.remove(first.kid)
    expect((await keys.list()).map(({ kid }) => kid)).toEqual([second.kid])
    await keys.remove(second.kid)
  })
}
