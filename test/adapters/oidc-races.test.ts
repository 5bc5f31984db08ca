import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { oidcAdapter } from '../../adapters/sql/oidc.ts'
import type { AppError } from '../../src/domain/errors.ts'
import { providerRaces } from '../contract/provider-races.ts'
import { random } from '../support/provider-pair.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schedar-races-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

providerRaces(
  'two providers on one SQLite file',
  async () => `sqlite:${join(folder, 'races.db')}`,
  async (db) => {
    const { handle } = db.sqlite!
    handle.pragma(`max_page_count = ${handle.pragma('page_count', { simple: true })}`)
    const adapter = oidcAdapter(db)('AccessToken')
    for (;;) {
      const full = await adapter
        .upsert(random(), { scope: 'x'.repeat(400) }, 3600)
        .catch((error: AppError) => error.code)
      if (full) return full
    }
  },
)
