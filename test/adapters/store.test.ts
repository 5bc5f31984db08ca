import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { storeContract } from '../contract/store.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schedar-store-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

storeContract('SQLite in memory', async () => 'sqlite::memory:')
storeContract('SQLite in a file', async () => `sqlite:${join(folder, 'store.db')}`)
