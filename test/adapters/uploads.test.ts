// Files between two pages: found by their digest alone, for nobody else on the machine, gone after their time.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openUploads } from '../../adapters/system/uploads.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'schedar-uploads-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const NOW = Date.parse('2026-06-15T10:00:00Z')

test('kept whole under its digest, with mode 0600, twice as once', async () => {
  const uploads = openUploads(join(folder, 'a', 'b'))
  const bytes = Buffer.from([0, 255, 10, 13])
  const digest = await uploads.keep(bytes, NOW)
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
  expect(await Promise.all([1, 2, 3].map(() => uploads.keep(bytes, NOW)))).toEqual([digest, digest, digest])
  expect(readdirSync(join(folder, 'a', 'b'))).toEqual([digest])
  expect(statSync(join(folder, 'a', 'b', digest)).mode & 0o777).toBe(0o600)
  expect(Buffer.from((await uploads.read(digest))!)).toEqual(bytes)
})

test('nothing but a digest is ever a path', async () => {
  const uploads = openUploads(join(folder, 'uploads'))
  writeFileSync(join(folder, 'secret.key'), 'x')
  await uploads.keep(Buffer.from('x'), NOW)
  for (const name of ['../secret.key', 'secret.key', '', '.', '..', `${'a'.repeat(64)}/..`, 'a'.repeat(64)])
    expect(await uploads.read(name)).toBeUndefined()
})

test('swept when its time is over; kept again it stays; an empty house has nothing to sweep', async () => {
  const uploads = openUploads(join(folder, 'uploads'))
  await uploads.sweep(NOW)
  const [old, again] = [await uploads.keep(Buffer.from('old'), NOW), await uploads.keep(Buffer.from('again'), NOW)]
  await uploads.keep(Buffer.from('again'), NOW + 60_000)
  await uploads.sweep(NOW + 30_000)
  expect([await uploads.read(old), (await uploads.read(again))?.toString()]).toEqual([undefined, 'again'])
})

test('a folder that cannot be written is an error, and leaves nothing', async () => {
  writeFileSync(join(folder, 'uploads'), 'a file')
  await expect(openUploads(join(folder, 'uploads')).keep(Buffer.from('x'), NOW)).rejects.toThrow()
})
