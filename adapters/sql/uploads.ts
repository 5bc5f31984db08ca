// Files between two pages of one person's work, under the digest of their octets: packed, sealed and in parts, so that any
// instance on this database shows the second page, and nobody reads in the database or a copy of it who paid what.
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { Uploads, Vault } from '../../src/ports.ts'
import { type Database, databaseError } from './database.ts'

const pack = promisify(gzip)
const unpack = promisify(gunzip)

const DIGEST = /^[0-9a-f]{64}$/
/** Octets of a part before it is sealed, which makes 1.8 times as many: MariaDB takes 16 MB at once as Debian installs it. */
const PART = 768 * 1024

/** A part opens nowhere but in its place. */
const placeOf = (digest: string, part: number): string => `upload:${digest}:${part}`

const told = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw databaseError(error) ?? error
  })

export function sqlUploads(db: Database, vault: Vault): Uploads {
  async function sealed(digest: string, bytes: Uint8Array): Promise<{ part: number; sealed: string }[]> {
    const packed = await pack(bytes, { level: 1 })
    const parts = Math.ceil(packed.length / PART)
    return Array.from({ length: parts }, (_, part) => ({
      part,
      sealed: vault.seal(packed.subarray(part * PART, (part + 1) * PART).toString('base64'), placeOf(digest, part)),
    }))
  }

  return {
    async keep(bytes, at) {
      const digest = createHash('sha256').update(bytes).digest('hex')
      const parts = await sealed(digest, bytes)
      await told(
        db.transaction(async (knex) => {
          const there = await knex('upload').where({ digest }).first('digest')
          if (there) await knex('upload').where({ digest }).where('keptAt', '<', at).update({ keptAt: at })
          // Of two instances that keep the same file at once the second finds the first one's parts: they are as good.
          else
            for (const part of parts)
              await knex('upload')
                .insert({ digest, ...part, keptAt: at })
                .onConflict(['digest', 'part'])
                .ignore()
        }),
      )
      return digest
    },

    async read(digest) {
      if (!DIGEST.test(digest)) return undefined
      const parts: { part: number; sealed: string }[] = await told(
        db.knex('upload').where({ digest }).orderBy('part').select('part', 'sealed'),
      )
      if (parts.length === 0) return undefined
      const opened = parts.map(({ part, sealed }) => Buffer.from(vault.open(sealed, placeOf(digest, part)), 'base64'))
      return unpack(Buffer.concat(opened))
    },

    sweep: (before) =>
      told(
        db
          .knex('upload')
          .where('keptAt', '<', before)
          .delete()
          .then(() => {}),
      ),
  }
}
