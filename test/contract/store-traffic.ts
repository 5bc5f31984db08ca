// The store's contract: what sites were asked for, by the hour.
import { expect, test } from 'vitest'
import { HOUR_MS, hourOf, type Traffic } from '../../src/domain/traffic.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

const DAY_MS = 24 * HOUR_MS
const AT = hourOf(make.NOW)

export function storeTraffic(opened: Opened): void {
  const store = () => opened.store
  async function site(): Promise<string> {
    const { member } = await make.people(store())
    const made = make.resource(member, { kind: 'site', name: `${make.word()}.example` })
    await store().resources.add(made)
    return made.id
  }
  const hour = (siteId: string, more: Partial<Traffic> = {}): Traffic => ({
    siteId,
    at: AT,
    bytes: 100,
    requests: 2,
    paths: [{ value: '/a', bytes: 100, requests: 2 }],
    addresses: [{ value: '192.0.2.1', bytes: 100, requests: 2 }],
    ...more,
  })
  const add = (...rows: Traffic[]) => store().transaction((stores) => stores.traffic.add(rows))

  test('what is told is added to what is known of the hour, and the busiest are kept', async () => {
    const siteId = await site()
    await add(hour(siteId))
    const many = Array.from({ length: 20 }, (_, at) => ({ value: `/p${at}`, bytes: at, requests: 1 }))
    await add(hour(siteId, { bytes: 5_000_000_000, paths: [{ value: '/a', bytes: 50, requests: 1 }, ...many] }))
    await add(hour(siteId, { at: AT + HOUR_MS }))
    const [first, second, ...more] = await store().traffic.hours(siteId, AT)
    expect(more).toEqual([])
    expect(first).toMatchObject({ at: AT, bytes: 5_000_000_100, requests: 4 })
    expect(first!.paths).toHaveLength(10)
    expect(first!.paths[0]).toEqual({ value: '/a', bytes: 150, requests: 3 })
    expect(first!.addresses).toEqual([{ value: '192.0.2.1', bytes: 200, requests: 4 }])
    expect(second).toEqual(hour(siteId, { at: AT + HOUR_MS }))
    expect(await store().traffic.hours(siteId, AT + 1)).toHaveLength(1)
  })

  test('told by several at once, nothing is lost', async () => {
    const siteId = await site()
    await Promise.all(Array.from({ length: 10 }, () => add(hour(siteId))))
    expect(await store().traffic.hours(siteId, AT)).toEqual([
      hour(siteId, {
        bytes: 1000,
        requests: 20,
        paths: [{ value: '/a', bytes: 1000, requests: 20 }],
        addresses: [{ value: '192.0.2.1', bytes: 1000, requests: 20 }],
      }),
    ])
  })

  test('sums by site, the most bytes first; swept when old', async () => {
    const [small, large] = [await site(), await site()]
    await add(hour(small), hour(large, { bytes: 900 }), hour(large, { at: AT - DAY_MS, bytes: 7 }))
    const sums = async (from: number, until: number) =>
      (await store().traffic.totals(from, until)).filter(({ siteId }) => [small, large].includes(siteId))
    expect(await sums(AT, AT + 1)).toEqual([
      { siteId: large, bytes: 900, requests: 2 },
      { siteId: small, bytes: 100, requests: 2 },
    ])
    expect((await sums(AT - DAY_MS, AT + 1))[0]).toMatchObject({ siteId: large, bytes: 907 })
    expect(await sums(AT + 1, AT + HOUR_MS)).toEqual([])
    while (await store().traffic.sweep(AT));
    expect((await sums(0, AT + 1))[0]).toMatchObject({ siteId: large, bytes: 900 })
  })
}
