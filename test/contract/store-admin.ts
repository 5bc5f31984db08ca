// The store's contract: what the staff's pages ask of it.
import { expect, test } from 'vitest'
import type { AuditFilter } from '../../src/ports.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

export function storeAdmin(opened: Opened): void {
  const store = () => opened.store

  test('accounts: by username, a place in the list at a time', async () => {
    const mark = make.word()
    const rows = ['c', 'a', 'b', 'd'].map((letter) => make.account({ username: `${mark}.${letter}` }))
    for (const row of rows) await store().accounts.add(row)
    const names = async (filter: object) =>
      (await store().accounts.list({ text: mark, ...filter })).map(({ username }) => username.slice(-1)).join('')
    expect(await names({ offset: 0 })).toBe('abcd')
    expect(await names({ offset: 1, limit: 2 })).toBe('bc')
    expect(await names({ offset: 4 })).toBe('')
    expect(await names({ offset: 0, state: 'closed' })).toBe('')
  })

  test('overrides: by id, lifted or not', async () => {
    const override = make.override({ accountId: make.id() })
    await store().overrides.add(override)
    expect(await store().overrides.get(override.id)).toEqual(override)
    await store().overrides.lift(override.id, make.NOW + 5, 'boss')
    expect(await store().overrides.get(override.id)).toEqual({ ...override, liftedAt: make.NOW + 5, liftedBy: 'boss' })
    for (const near of [...make.nearMisses(override.id), make.id(), ''])
      expect(await store().overrides.get(near)).toBeUndefined()
  })

  test('outbox: another moment for a try is no failure', async () => {
    const { outbox } = store()
    const service = make.word()
    await outbox.add([make.outboxRow(service, 'a')])
    const id = (await outbox.pending({ service }))[0]!.id
    await outbox.retry([id], 'it is down', make.NOW + 10)
    await outbox.retry([id], undefined, make.NOW + 3)
    expect(await outbox.pending({ service })).toMatchObject([
      { tries: 1, lastError: 'it is down', dueAt: make.NOW + 3 },
    ])
  })

  test('audit: by who did it, by day, by a family of actions, and backwards', async () => {
    const [subjectId, actor] = [make.word(), make.word()]
    const acts = ['access.suspended', 'access.restored', 'accessory.bought', 'access', 'member.added'] as const
    for (const [n, action] of acts.entries())
      await store().transaction((stores) =>
        stores.audit.append(
          { action, actor: n % 2 ? actor : 'other', subjectKind: 'account', subjectId, payload: { n } },
          make.NOW + n,
          make.digest().slice(0, 22),
        ),
      )
    const found = async (filter: AuditFilter) =>
      (await store().audit.list({ subjectId, ...filter })).map(({ payload }) => payload.n)
    expect(await found({})).toEqual([0, 1, 2, 3, 4])
    expect(await found({ actor })).toEqual([1, 3])
    expect(await found({ action: 'access.' })).toEqual([0, 1])
    expect(await found({ action: 'access' })).toEqual([3])
    expect(await found({ fromAt: make.NOW + 1, untilAt: make.NOW + 3 })).toEqual([1, 2])
    const ids = (await store().audit.list({ subjectId })).map(({ id }) => id)
    expect(await found({ beforeId: ids[3]!, limit: 2 })).toEqual([1, 2])
    expect(await found({ beforeId: ids[0]! })).toEqual([])
    expect(await found({ afterId: ids[0]!, beforeId: ids[4]! })).toEqual([1, 2, 3])
  })
}
