import { beforeEach, describe, expect, test } from 'vitest'
import { type Bucket, network, takeTry } from '../../src/usecases/throttle.ts'
import * as make from '../contract/store-records.ts'
import { type Stage, stage } from '../support/stage.ts'

describe('the part of an address that one customer holds', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::', '2001:db8:1:2'],
    ['2001:DB8:0001:0002:ffff::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['', ''],
    ['unknown', 'unknown'],
  ])('%s: %s', (address, part) => {
    expect(network(address)).toBe(part)
  })
  test('two of one network are one, two of different networks are two', () => {
    expect(network('2001:db8:1:2::1')).toBe(network('2001:db8:1:2:ffff:ffff:ffff:ffff'))
    expect(network('2001:db8:1:2::1')).not.toBe(network('2001:db8:1:3::1'))
    expect(network('192.0.2.1')).not.toBe(network('192.0.2.2'))
  })
})

describe('tries', () => {
  let on: Stage
  beforeEach(async () => {
    on = await stage([])
    return () => on.close()
  })
  const bucket = (key: string, tries = 3, name = 'password'): Bucket => ({
    name,
    key,
    limit: { tries, windowMs: 900_000 },
  })
  const take = (...buckets: Bucket[]) => takeTry(on.first.core)(buckets)

  test('so many, then none until the window ends; how long is told, in minutes', async () => {
    const key = make.word()
    for (let n = 0; n < 3; n++) await take(bucket(key))
    await expect(take(bucket(key))).rejects.toMatchObject({ code: 'too_many_tries', params: { minutes: 15 } })
    on.clock.advance(899_000)
    await expect(take(bucket(key))).rejects.toMatchObject({ params: { minutes: 1 } })
    on.clock.advance(1000)
    await take(bucket(key))
  })

  test('given back when the try was right', async () => {
    const key = make.word()
    for (let n = 0; n < 20; n++) await (await take(bucket(key))).giveBack()
    const tries = await Promise.all([1, 2, 3].map(() => take(bucket(key))))
    await expect(take(bucket(key))).rejects.toMatchObject({ code: 'too_many_tries' })
    for (const one of tries) await one.giveBack()
  })

  test('several buckets: one that is empty is enough; names and keys do not mix', async () => {
    const [account, address] = [make.word(), make.word()]
    for (let n = 0; n < 3; n++) await take(bucket(account), bucket(address, 100))
    await expect(take(bucket(account), bucket(address, 100))).rejects.toMatchObject({ code: 'too_many_tries' })
    await take(bucket(make.word()), bucket(address, 100))
    await take(bucket(account, 3, 'code'))
  })

  test('a hundred at once count as a hundred', async () => {
    const key = make.word()
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => take(bucket(key, 10))))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
  })

  test('what was typed is not kept', async () => {
    await take(bucket('ada@example.org'))
    expect(JSON.stringify(await on.first.database.knex('throttle'))).not.toContain('ada')
  })
})
