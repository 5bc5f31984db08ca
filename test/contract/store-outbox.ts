// The store's contract: the outbox, and the lease by which one instance at a time works on a service.
import { expect, test } from 'vitest'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

export function storeOutbox(opened: Opened): void {
  const outbox = () => opened.store.outbox

  test('rows come back whole, oldest first, once they are due, until they are acknowledged', async () => {
    const service = make.word()
    const rows = [
      make.outboxRow(service, 'a'),
      make.outboxRow(service, 'b', { effect: 'logout', payload: { sid: 'é"\\', expiresAt: '1' } }),
      make.outboxRow(service, 'c', { dueAt: make.NOW + 1, effect: 'sessions_again' }),
      make.outboxRow(make.word(), 'a'),
    ]
    await outbox().add(rows)
    await outbox().add([])
    const due = await outbox().due(service, make.NOW, 10)
    expect(due).toEqual([
      { ...rows[0], id: expect.any(Number), tries: 0, lastError: null },
      { ...rows[1], id: expect.any(Number), tries: 0, lastError: null },
    ])
    expect(due[0]!.id).toBeLessThan(due[1]!.id)
    expect(await outbox().due(service, make.NOW, 1)).toEqual(due.slice(0, 1))
    expect((await outbox().due(service, make.NOW + 1, 10)).map(({ subject }) => subject)).toEqual(['a', 'b', 'c'])
    expect(await outbox().dueServices(make.NOW)).toContain(service)
    await outbox().acknowledge([due[0]!.id])
    await outbox().acknowledge([])
    expect((await outbox().due(service, make.NOW, 10)).map(({ subject }) => subject)).toEqual(['b'])
    expect((await outbox().pending({ service })).map(({ subject }) => subject)).toEqual(['b', 'c'])
    expect((await outbox().pending({ service, limit: 1 })).map(({ subject }) => subject)).toEqual(['b'])
    expect((await outbox().pending({ subject: 'c' })).filter((row) => row.service === service)).toHaveLength(1)
    await outbox().acknowledge([due[1]!.id])
    expect(await outbox().dueServices(make.NOW)).not.toContain(service)
    expect(await outbox().dueServices(make.NOW + 1)).toContain(service)
  })

  test('what a person did comes before what a machine did', async () => {
    const service = make.word()
    const causes = ['clock', 'import', 'person', 'sync', 'person', 'drift', 'restore'] as const
    await outbox().add(causes.map((cause, n) => make.outboxRow(service, String(n), { cause })))
    const subjects = (await outbox().due(service, make.NOW, 4)).map(({ subject }) => subject)
    expect(subjects).toEqual(['2', '4', '0', '1'])
  })

  test('a retry counts, says why, and comes later; a long reason is cut', async () => {
    const service = make.word()
    await outbox().add([make.outboxRow(service, 'a'), make.outboxRow(service, 'b')])
    const [a, b] = await outbox().due(service, make.NOW, 10)
    await outbox().retry([a!.id, b!.id], 'x'.repeat(5000), make.NOW + 10)
    await outbox().retry([a!.id], 'é down', make.NOW + 20)
    await outbox().retry([], 'nobody', make.NOW)
    expect(await outbox().due(service, make.NOW + 9, 10)).toEqual([])
    expect(await outbox().due(service, make.NOW + 20, 10)).toEqual([
      { ...a, tries: 2, lastError: 'é down', dueAt: make.NOW + 20 },
      { ...b, tries: 1, lastError: 'x'.repeat(500), dueAt: make.NOW + 10 },
    ])
  })

  test('the next moment at which anything is due', async () => {
    await outbox().acknowledge((await outbox().pending({ limit: 100_000 })).map(({ id }) => id))
    expect(await outbox().nextDueAt()).toBeUndefined()
    await outbox().add([
      make.outboxRow(make.word(), 'a', { dueAt: 50 }),
      make.outboxRow(make.word(), 'b', { dueAt: 40 }),
    ])
    expect(await outbox().nextDueAt()).toBe(40)
  })

  test('many rows in one go, and many acknowledged', async () => {
    const service = make.word()
    await outbox().add(Array.from({ length: 1234 }, (_, n) => make.outboxRow(service, String(n))))
    const due = await outbox().due(service, make.NOW, 2000)
    expect(due.map(({ subject }) => subject)).toEqual(Array.from({ length: 1234 }, (_, n) => String(n)))
    await outbox().acknowledge(due.map(({ id }) => id))
    expect(await outbox().pending({ service })).toEqual([])
  })

  test('a lease is held by one, renewed, given back, and taken over once it ran out or its owner is dead', async () => {
    const service = make.word()
    const lease = (owner: string, at: number, until: number | null, dead: string[] = []) =>
      outbox().lease(service, owner, at, until, dead)
    expect(await lease('a', 0, 100)).toBe(true)
    expect(await lease('b', 50, 150)).toBe(false)
    expect(await lease('a', 50, 150)).toBe(true)
    expect(await lease('b', 149, 250)).toBe(false)
    expect(await lease('b', 151, 250)).toBe(true)
    expect(await lease('a', 152, 300)).toBe(false)
    expect(await lease('c', 152, 300, ['x', 'b'])).toBe(true)
    expect(await lease('b', 153, null)).toBe(false)
    expect(await lease('b', 153, 300)).toBe(false)
    expect(await outbox().leaseOwners()).toContain('c')
    await lease('c', 154, null)
    expect(await outbox().leaseOwners()).not.toContain('c')
    expect(await lease('b', 154, 300)).toBe(true)
    expect(await outbox().lease(make.word(), 'a', 154, 300)).toBe(true)
  })

  test('of many that want a lease at once one has it, new, run out or of a dead one', async () => {
    const service = make.word()
    const race = async (at: number, dead: string[] = []) => {
      const owners = Array.from({ length: 12 }, (_, n) => `${at}-${n}`)
      const got = await Promise.all(owners.map((owner) => outbox().lease(service, owner, at, at + 10, dead)))
      const won = owners.filter((_, n) => got[n])
      expect(won).toHaveLength(1)
      return won[0]!
    }
    const first = await race(0)
    const second = await race(100)
    expect(second).not.toBe(first)
    await race(105, [second])
  })
}
