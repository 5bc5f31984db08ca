import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Provider } from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../adapters/sql/database.ts'
import { migrate } from '../../adapters/sql/migrate.ts'
import { openOidcAdapter } from '../../adapters/sql/oidc.ts'
import { statements } from '../../adapters/sql/oidc-statements.ts'
import { oidcAdapterContract } from '../contract/oidc-adapter.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schedar-oidc-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const id = (): string => randomBytes(32).toString('base64url')

oidcAdapterContract('SQLite in memory', async () => 'sqlite::memory:')
oidcAdapterContract('SQLite in a file', async () => `sqlite:${join(folder, 'oidc.db')}`)

describe('opening', () => {
  test('is all that a provider needs', async () => {
    const adapter = await openOidcAdapter('sqlite::memory:')
    const provider = new Provider('https://sso.example', { adapter })
    const grant = new provider.Grant({ accountId: 'alice', clientId: 'wiki' })
    grant.addOIDCScope('openid')
    const saved = await grant.save()
    expect((await provider.Grant.find(saved))?.getOIDCScope()).toBe('openid')
    await grant.destroy()
    expect(await provider.Grant.find(saved)).toBeUndefined()
    await adapter.close()
    await expect(provider.Grant.find(saved)).rejects.toMatchObject({ code: 'database_unavailable', expose: false })
  })

  test('several at once on a new file, and again', async () => {
    const url = `sqlite:${join(folder, 'several.db')}`
    const adapters = await Promise.all(Array.from({ length: 4 }, () => openOidcAdapter(url)))
    const jti = id()
    await adapters[0]!('AccessToken').upsert(jti, { scope: 'openid' }, 60)
    for (const adapter of adapters) expect(await adapter('AccessToken').find(jti)).toBeDefined()
    await Promise.all(adapters.map((adapter) => adapter.close()))
    const again = await openOidcAdapter(url)
    expect(await again('AccessToken').find(jti)).toBeDefined()
    await again.close()
  })

  test('refuses what is no database, without repeating it', async () => {
    const refused = await openOidcAdapter('postgres://schedar:geheim@127.0.0.1/x').catch((error: Error) => error)
    expect(refused).toMatchObject({ code: 'invalid_value' })
    expect(JSON.stringify(refused) + String(refused)).not.toContain('geheim')
  })
})

test('every statement finds its rows by an index', async () => {
  const db = openDatabase('sqlite::memory:')
  await migrate(db)
  const { sweep, ...words } = statements('sqlite')
  for (const sql of [...Object.values(words), sweep(10)]) {
    const bound = sql.replaceAll('?', '+?')
    const values = Array<null>(sql.split('?').length - 1).fill(null)
    const plan = db.sqlite!.handle.prepare(`explain query plan ${bound}`).all(...values) as { detail: string }[]
    expect(plan.filter(({ detail }) => /^SCAN (?!s$)/.test(detail)).map(({ detail }) => `${detail}: ${sql}`)).toEqual(
      [],
    )
  }
  await db.close()
})

describe('another process', () => {
  const holder = `
    const handle = new (require('better-sqlite3'))(process.argv[1], { timeout: 5000 })
    handle.exec('begin immediate')
    process.stdout.write('held')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
    handle.exec('commit')
  `
  const hold = async (file: string): Promise<ChildProcess> => {
    const child = spawn(process.execPath, ['-e', holder, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout!, 'data')
    return child
  }

  test('that writes for a while delays writes, and not the event loop', async () => {
    const file = join(folder, 'busy.db')
    const adapter = await openOidcAdapter(`sqlite:${file}`)
    const jti = id()
    await adapter('Session').upsert(jti, { jti, uid: id(), accountId: 'alice' }, 3600)
    const session = (await adapter('Session').find(jti))!
    const ended = once(await hold(file), 'exit')
    let ticks = 0
    const ticking = setInterval(() => ticks++, 5)
    await adapter('Session').upsert(jti, { ...session, authorizations: { wiki: { sid: 'w' } } }, 3600)
    clearInterval(ticking)
    expect(ticks).toBeGreaterThan(5)
    expect(await adapter('Session').find(jti)).toMatchObject({ authorizations: { wiki: { sid: 'w' } } })
    await ended
    await adapter.close()
  })

  test('that writes now and then loses nothing, and nothing is lost to it', async () => {
    const file = join(folder, 'shared.db')
    const adapter = await openOidcAdapter(`sqlite:${file}`)
    const ended = Promise.all([hold(file), hold(file)].map(async (child) => once(await child, 'exit')))
    const tokens = Array.from({ length: 50 }, id)
    await Promise.all([
      ...tokens.map((token) => adapter('AccessToken').upsert(token, { scope: 'openid' }, 60)),
      adapter.signOut('bob', 1),
    ])
    for (const token of tokens) expect(await adapter('AccessToken').find(token)).toBeDefined()
    await ended
    await adapter.close()
  })
})
