import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../../adapters/sql/database.ts'
import { backupContract } from '../contract/backup.ts'
import { migrationsContract } from '../contract/migrations.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schedar-migrations-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const file = async () => `sqlite:${join(folder, `${randomUUID()}.db`)}`

migrationsContract('SQLite', file)
backupContract('SQLite to SQLite', file, file)
backupContract('SQLite in memory', async () => 'sqlite::memory:', file)

test('a file that is no database, a folder, and a URL of something else', async () => {
  const path = join(folder, 'notes.txt')
  await writeFile(path, 'x'.repeat(5000))
  expect(() => openDatabase(`sqlite:${path}`)).toThrow(expect.objectContaining({ code: 'database_unavailable' }))
  expect(() => openDatabase(`sqlite:${folder}`)).toThrow(expect.objectContaining({ code: 'database_unavailable' }))
  expect(() => openDatabase(`sqlite:${folder}/none/x.db`)).toThrow(
    expect.objectContaining({ code: 'database_unavailable' }),
  )
  for (const url of ['', 'sqlite:', 'postgres://ada:hidden@localhost/x', 'file.db'])
    expect(() => openDatabase(url)).toThrow(
      expect.objectContaining({ code: 'invalid_value', message: expect.not.stringContaining('hidden') }),
    )
})
