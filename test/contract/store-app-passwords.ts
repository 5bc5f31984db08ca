// The store's contract: app passwords, found while they are live and by nothing else.
import { expect, test } from 'vitest'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

export function storeAppPasswords(opened: Opened): void {
  const store = () => opened.store
  const someone = async () => {
    const account = make.account()
    await store().accounts.add(account)
    return account.id
  }
  const added = async (accountId: string, more: Parameters<typeof make.appPassword>[1] = {}) => {
    const made = make.appPassword(accountId, more)
    await store().appPasswords.add(made)
    return made
  }

  test('kept whole, and found by account and by digest', async () => {
    const [one, other] = [await someone(), await someone()]
    const late = await added(one, { createdAt: make.NOW + 1, scopes: ['dav'] })
    const early = await added(one, { name: 'Téléphone 📱', lastUsedAt: make.NOW })
    const theirs = await added(other)
    expect(await make.bothWays(store(), ({ appPasswords }) => appPasswords.ofAccount(one))).toEqual([early, late])
    expect(await store().appPasswords.ofAccount(make.id())).toEqual([])
    expect(await make.bothWays(store(), ({ appPasswords }) => appPasswords.byDigest(theirs.digest))).toEqual(theirs)
    for (const miss of [...make.nearMisses(late.digest), make.digest(), late.digest.toLowerCase()])
      expect(await store().appPasswords.byDigest(miss), miss).toBeUndefined()
  })

  test('a digest is there once, and belongs to an account that is there', async () => {
    const one = await someone()
    const { digest } = await added(one)
    await expect(added(await someone(), { digest })).rejects.toMatchObject({ code: 'conflict' })
    await expect(added(make.id())).rejects.toMatchObject({ code: 'not_found' })
  })

  test('its last use is the latest', async () => {
    const one = await someone()
    const { id, digest } = await added(one)
    const lastUse = async () => (await store().appPasswords.byDigest(digest))!.lastUsedAt
    expect(await lastUse()).toBeNull()
    await store().appPasswords.used(id, make.NOW + 5)
    await store().appPasswords.used(id, make.NOW + 3)
    expect(await lastUse()).toBe(make.NOW + 5)
    await store().appPasswords.used(id, make.NOW + 9)
    await store().appPasswords.used(make.id(), make.NOW)
    expect(await lastUse()).toBe(make.NOW + 9)
  })

  test('revoked once, by one of many; then it is on record and found no more', async () => {
    const one = await someone()
    const [gone, stays] = [await added(one), await added(one)]
    const { appPasswords } = store()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => appPasswords.revoke(gone.id, make.NOW + n, 'x')),
    )
    expect(answers.filter(Boolean)).toHaveLength(1)
    expect(await appPasswords.revoke(make.id(), make.NOW, 'x')).toBe(false)
    expect(await appPasswords.byDigest(gone.digest)).toBeUndefined()
    expect(await appPasswords.ofAccount(one)).toEqual([stays])
    await appPasswords.used(gone.id, make.NOW + 100)
    const row = await opened.database.knex('appPassword').where({ id: gone.id }).first()
    expect(row).toMatchObject({ revokedBy: 'x', lastUsedAt: null, revokedAt: make.NOW + answers.indexOf(true) })
  })

  test('all live ones, in pages', async () => {
    const one = await someone()
    const made = await Promise.all(Array.from({ length: 7 }, () => added(one)))
    await store().appPasswords.revoke(made[3]!.id, make.NOW, 'x')
    const found = await make.allPages(async (after) => (await store().appPasswords.live(after, 2)).map(({ id }) => id))
    expect(found).toEqual(found.toSorted())
    expect(new Set(found).size).toBe(found.length)
    for (const { id } of made) expect(found.includes(id)).toBe(id !== made[3]!.id)
  })

  test('they go with their account', async () => {
    const one = await someone()
    const [live, revoked] = [await added(one), await added(one, { revokedAt: make.NOW, revokedBy: 'x' })]
    await store().accounts.remove(one)
    expect(await opened.database.knex('appPassword').whereIn('id', [live.id, revoked.id])).toEqual([])
  })
}
