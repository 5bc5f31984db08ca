// The store's contract: the audit, its chain, and what tampering with it shows.
import { beforeAll, expect, test } from 'vitest'
import type { AuditEntry } from '../../src/ports.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

export function storeAudit(opened: Opened): void {
  const audit = () => opened.store.audit
  const entry = (more: Partial<AuditEntry> = {}): AuditEntry => ({
    action: 'test.done',
    actor: 'cli:zoé',
    subjectKind: 'account',
    subjectId: make.word(),
    payload: { reason: 'Çà et là «\n» 🚲', deep: [{ a: null }], n: 1.5 },
    ...more,
  })
  const append = (given: AuditEntry, at = make.NOW) =>
    opened.store.transaction((stores) => stores.audit.append(given, at, make.digest().slice(0, 22)))
  const table = () => opened.database.knex('audit')

  // A chain of its own: other tests may have broken theirs.
  beforeAll(async () => {
    await table().delete()
    await opened.database.knex('auditHead').update({ chain: '' })
    expect(await audit().verify()).toEqual({ rows: 0, brokenAt: undefined })
  })

  test('entries come back whole: about a subject, of an action, the latest, or those after another', async () => {
    const subjectId = make.word()
    for (const n of [1, 2, 3, 4, 5])
      await append(entry({ subjectId, action: `test.${n % 2 ? 'odd' : 'even'}`, payload: { n } }), n)
    const all = await audit().list({ subjectId })
    expect(all.map(({ payload }) => payload.n)).toEqual([1, 2, 3, 4, 5])
    expect(all[0]).toEqual({
      ...entry({ subjectId, action: 'test.odd', payload: { n: 1 } }),
      id: expect.any(Number),
      at: 1,
    })
    const numbers = async (filter: object) =>
      (await audit().list({ subjectId, ...filter })).map(({ payload }) => payload.n)
    expect(await numbers({ action: 'test.odd' })).toEqual([1, 3, 5])
    expect(await numbers({ limit: 2 })).toEqual([4, 5])
    expect(await numbers({ afterId: 0, limit: 2 })).toEqual([1, 2])
    expect(await numbers({ afterId: all[1]!.id, limit: 2 })).toEqual([3, 4])
    expect(await audit().list({ subjectId: make.word() })).toEqual([])
  })

  test('appended by many at once, the chain holds', async () => {
    const subjectId = make.word()
    await Promise.all(Array.from({ length: 30 }, (_, n) => append(entry({ subjectId, payload: { n } }))))
    const { rows, brokenAt } = await audit().verify()
    expect(brokenAt).toBeUndefined()
    expect(rows).toBeGreaterThanOrEqual(30)
    const found = await audit().list({ subjectId })
    expect(found.map(({ payload }) => payload.n as number).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, n) => n),
    )
  })

  test('many appended together are chained as if one by one, beside others who append', async () => {
    const subjectId = make.word()
    const rows = (lot: number) =>
      Array.from({ length: 450 }, (_, n) => ({
        entry: entry({ subjectId, payload: { lot, n } }),
        at: n,
        salt: `s${n}`,
      }))
    const together = [0, 1].map((lot) =>
      opened.store.transaction(async (stores) => {
        await stores.audit.hold()
        await stores.audit.append(entry({ subjectId, payload: { lot, n: -1 } }), 0, 'salt')
        await stores.audit.appendAll(rows(lot))
        await stores.audit.appendAll([])
      }),
    )
    await Promise.all([...together, append(entry())])
    expect((await audit().verify()).brokenAt).toBeUndefined()
    const found = await audit().list({ subjectId, limit: 1000 })
    const lots = found.map(({ payload }) => `${payload.lot}/${payload.n}`)
    const one = (lot: number) => Array.from({ length: 451 }, (_, n) => `${lot}/${n - 1}`)
    expect(
      [
        [0, 1],
        [1, 0],
      ].map((order) => order.flatMap(one)),
    ).toContainEqual(lots)
  })

  test('whoever holds it appends next', async () => {
    const subjectId = make.word()
    const said = (what: string) => entry({ subjectId, payload: { what } })
    let others: Promise<unknown> = Promise.resolve()
    await opened.store.transaction(async (stores) => {
      await stores.audit.hold()
      others = append(said('later'))
      await new Promise((resolve) => setTimeout(resolve, 50))
      await stores.audit.append(said('first'), make.NOW, 'salt')
    })
    await others
    expect((await audit().list({ subjectId })).map(({ payload }) => payload.what)).toEqual(['first', 'later'])
  })

  test('what is rolled back leaves no trace in the chain', async () => {
    const before = await audit().verify()
    const failed = opened.store.transaction(async (stores) => {
      await stores.audit.append(entry(), make.NOW, 'salt')
      throw new Error('rolled back')
    })
    await expect(failed).rejects.toThrow('rolled back')
    await append(entry())
    expect(await audit().verify()).toEqual({ rows: before.rows + 1, brokenAt: undefined })
  })

  test('verified while others append, it is sound', async () => {
    let stop = false
    const appending = (async () => {
      while (!stop) await append(entry())
    })()
    try {
      for (let n = 0; n < 8; n++) expect((await audit().verify()).brokenAt).toBeUndefined()
    } finally {
      stop = true
      await appending
    }
    let seen = 0
    const { rows } = await audit().verify((done) => {
      seen = done
    })
    expect(seen).toBe(rows)
  })

  test('a payload that is erased keeps the chain sound, and is gone', async () => {
    const erased = entry({ payload: { name: 'somebody' } })
    await append(erased)
    await append(entry())
    await table().where({ subjectId: erased.subjectId }).update({ payload: null })
    expect((await audit().verify()).brokenAt).toBeUndefined()
    expect((await audit().list({ subjectId: erased.subjectId }))[0]!.payload).toEqual({})
  })

  const tampered: [string, (id: number) => PromiseLike<unknown>][] = [
    ['the payload changed', (id) => table().where({ id }).update({ payload: '{"reason":"other"}' })],
    ['the actor changed', (id) => table().where({ id }).update({ actor: 'eve' })],
    ['the action changed', (id) => table().where({ id }).update({ action: 'x' })],
    ['the subject changed', (id) => table().where({ id }).update({ subjectId: 'x' })],
    ['the time changed', (id) => table().where({ id }).update({ at: 5 })],
    [
      'the digest changed with the payload',
      (id) => table().where({ id }).update({ payload: null, digest: make.digest() }),
    ],
    ['the salt changed', (id) => table().where({ id }).update({ salt: 'x' })],
  ]
  test.each(tampered)('%s: found at that entry', async (_, change) => {
    const marked = entry()
    await append(marked)
    await append(entry())
    const row = await table().where({ subjectId: marked.subjectId }).first()
    await change(row.id)
    expect((await audit().verify()).brokenAt).toBe(row.id)
    await table().where({ id: row.id }).update(row)
    expect((await audit().verify()).brokenAt).toBeUndefined()
  })

  test('an entry taken out, or put in between, is found; the last ones missing too', async () => {
    const [a, b, c] = [entry(), entry(), entry()]
    for (const each of [a, b, c]) await append(each)
    const [rowB, rowC] = await Promise.all([b, c].map(({ subjectId }) => table().where({ subjectId }).first()))
    await table().where({ id: rowB.id }).delete()
    expect((await audit().verify()).brokenAt).toBe(rowC.id)
    await table().insert({ ...rowB, actor: 'eve' })
    expect((await audit().verify()).brokenAt).toBe(rowB.id)
    await table().where({ id: rowB.id }).update(rowB)
    await table().where({ id: rowC.id }).delete()
    expect((await audit().verify()).brokenAt).toBe(0)
    await table().insert(rowC)
    expect((await audit().verify()).brokenAt).toBeUndefined()
  })

  test('more than one batch of rows', async () => {
    await opened.store.transaction(async (stores) => {
      for (let n = 0; n < 1100; n++) await stores.audit.append(entry({ payload: { n } }), make.NOW + n, `salt${n}`)
    })
    const { rows, brokenAt } = await audit().verify()
    expect(rows).toBeGreaterThan(1100)
    expect(brokenAt).toBeUndefined()
    expect(await audit().list({})).toHaveLength(100)
  })
}
