// The store's contract: files between two pages, found by their digest alone by every instance, and read by nobody without
// the key.
import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { sqlUploads } from '../../adapters/sql/uploads.ts'
import { openVault } from '../../adapters/system/vault.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

export function storeUploads(opened: Opened): void {
  const vault = openVault(randomBytes(32).toString('base64url'))
  const uploads = () => sqlUploads(opened.database, vault)
  const rows = () => opened.database.knex('upload')

  test('kept whole under its digest, whatever its octets, for every instance', async () => {
    const files = [
      new Uint8Array(0),
      Buffer.from([0, 255, 10, 13]),
      Buffer.from('Zoé 🚲'),
      // Of several parts, even packed, and not of a whole number of them.
      randomBytes(2 * 1024 * 1024 + 5),
      Buffer.alloc(20 * 1024 * 1024, '<Ntry>60.00</Ntry>'),
    ]
    for (const bytes of files) {
      const digest = await uploads().keep(bytes, make.NOW)
      expect(digest).toBe(createHash('sha256').update(bytes).digest('hex'))
      const other = sqlUploads(opened.database, vault)
      expect(Buffer.compare((await other.read(digest))!, bytes)).toBe(0)
    }
  })

  test('nothing of it can be read in the database, and no part elsewhere than in its place', async () => {
    const secret = randomBytes(1024 * 1024 + 1)
    const digest = await uploads().keep(secret, make.NOW)
    const stored: { part: number; sealed: string }[] = await rows().where({ digest }).orderBy('part')
    expect(stored.length).toBeGreaterThan(1)
    const text = stored.map(({ sealed }) => sealed).join()
    for (const form of ['base64', 'base64url', 'hex'] as const)
      expect(text).not.toContain(secret.subarray(0, 30).toString(form))
    for (const { part, sealed } of stored)
      await rows()
        .where({ digest, part })
        .update({ sealed: stored[(part + 1) % stored.length]!.sealed ?? sealed })
    await expect(uploads().read(digest)).rejects.toMatchObject({ code: 'unexpected' })
    await rows().where({ digest }).delete()
  })

  test('kept twice, also at once, it is kept once', async () => {
    const bytes = randomBytes(1024 * 1024)
    const digests = await Promise.all([1, 2, 3].map(() => sqlUploads(opened.database, vault).keep(bytes, make.NOW)))
    expect(new Set(digests).size).toBe(1)
    expect(Buffer.compare((await uploads().read(digests[0]!))!, bytes)).toBe(0)
    const parts = (await rows().where({ digest: digests[0]! })).map(({ part }) => part)
    expect(new Set(parts).size).toBe(parts.length)
  })

  test('what is no digest, or none of a file here, finds nothing', async () => {
    const digest = await uploads().keep(Buffer.from(make.word()), make.NOW)
    const wrong = ['', '.', '../secret.key', 'a'.repeat(64), digest.toUpperCase(), `${digest} `, digest.slice(1), '%']
    for (const name of wrong) expect(await uploads().read(name), name).toBeUndefined()
  })

  test('swept when its time is over; kept again it stays', async () => {
    const [old, again] = [Buffer.from(make.word()), Buffer.from(make.word())]
    const [first, second] = [await uploads().keep(old, make.NOW), await uploads().keep(again, make.NOW)]
    await uploads().keep(again, make.NOW + 60_000)
    // A clock that went back shortens nothing.
    await uploads().keep(again, make.NOW - 60_000)
    await uploads().sweep(make.NOW + 30_000)
    expect([await uploads().read(first), await uploads().read(second)]).toEqual([undefined, again])
    expect(await rows().where({ digest: first })).toEqual([])
  })
}
