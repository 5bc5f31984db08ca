// Files between two pages of one person's work, in a folder of the installation under the digest of their octets. The name
// that a person gave never becomes a path; nobody else on the machine can read them.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../src/domain/errors.ts'
import type { Uploads } from '../../src/ports.ts'
import { systemRandom } from './random.ts'

const DIGEST = /^[0-9a-f]{64}$/

const code = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

export function openUploads(folder: string): Uploads {
  return {
    async keep(bytes, at) {
      const digest = createHash('sha256').update(bytes).digest('hex')
      const path = join(folder, digest)
      // Whole under its name or not there at all.
      const unfinished = join(folder, `${systemRandom.uuid()}.part`)
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        await writeFile(unfinished, bytes, { mode: 0o600, flag: 'wx' })
        await utimes(unfinished, at / 1000, at / 1000)
        await rename(unfinished, path)
      } catch (cause) {
        await rm(unfinished, { force: true })
        if (code(cause) !== 'ENOSPC' && code(cause) !== 'EDQUOT') throw cause
        throw new AppError('storage_full', { detail: `${folder}: no space is left`, cause })
      }
      return digest
    },
    async read(digest) {
      if (!DIGEST.test(digest)) return undefined
      try {
        return await readFile(join(folder, digest))
      } catch (error) {
        if (code(error) === 'ENOENT') return undefined
        throw error
      }
    },
    async sweep(before) {
      const names = await readdir(folder).catch((error: unknown) => {
        if (code(error) === 'ENOENT') return []
        throw error
      })
      for (const name of names) {
        const path = join(folder, name)
        const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: before }))
        if (mtimeMs < before) await rm(path, { force: true })
      }
    },
  }
}
