// The folder of an installation under test: its schedar.yaml, opened in this process to prepare it, served by another.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type Installation, openInstallation } from '../src/compose.ts'
import { freePort } from '../test/support/ports.ts'

export type Folder = {
  path: string
  issuer: string
  /** Opens it, does the work and closes it again. */
  within<T>(work: (installation: Installation) => Promise<T>): Promise<T>
  /** Writes schedar.yaml anew, with more in it. */
  configure(more: Record<string, unknown>): void
  remove(): void
}

/** `database` as `mysql://user:password@host:port/name`; an SQLite file in the folder without it. */
export async function newFolder(database?: string, port?: number): Promise<Folder> {
  const path = mkdtempSync(join(tmpdir(), 'schedar-bench-'))
  const file = join(path, 'schedar.yaml')
  const chosen = port ?? (await freePort())
  const issuer = `http://127.0.0.1:${chosen}`
  const base: Record<string, unknown> = { issuer, listen: { host: '127.0.0.1', port: chosen } }
  if (database) {
    const url = new URL(database)
    writeFileSync(join(path, 'database-password'), decodeURIComponent(url.password), { mode: 0o600 })
    url.password = ''
    base.database = { url: url.href, password: 'file:database-password' }
  }
  const configure = (more: Record<string, unknown>): void => writeFileSync(file, stringify({ ...base, ...more }))
  configure({})
  return {
    path,
    issuer,
    configure,
    async within(work) {
      const installation = await openInstallation({
        file,
        env: process.env,
        log: { level: 'error', to: process.stderr },
      })
      try {
        return await work(installation)
      } finally {
        await installation.close()
      }
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}
