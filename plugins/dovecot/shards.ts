// A folder of 256 small files, each with the lines of those names whose MD5 begins with its own name. Dovecot reads a whole
// file again when any line of it changed, in the one process that checks every sign-in: 200,000 lines in one file held all
// of them up for two seconds, and took as long to write.
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../src/domain/errors.ts'
import type { Name } from '../../src/plugin.ts'
import { each, editFile, ensureFolder, errno, fileFailure, textOf } from '../../src/plugin-files.ts'
import { type Codec, changed, sorted } from './lines.ts'

const FILE = /^[0-9a-f]{2}$/
/** Files in flight at once: each waits for the disk. */
const WIDTH = 8
/** Dovecot's auth process reads them by the group of the folder (setgid). They hold digests of passwords. */
const RIGHTS = { mode: 0o640 }
/** Its group, and that its files take it, comes from the folder above: a chmod of ours would lose that. */
const FOLDER_MODE = 0o750

/** The file of a name, as `%2LMu` (2.3) and `%{user | lower | md5 | hexlify | substr(0, 2)}` (2.4) find it. */
export const fileOf = (name: Name): string => createHash('md5').update(name).digest('hex').slice(0, 2)

export type Shards<R> = {
  /** Makes the folder unless it is there; throws when it cannot be written. */
  ready(): Promise<void>
  list(signal: AbortSignal): AsyncIterable<Name>
  observe(names: readonly Name[], signal: AbortSignal): Promise<Map<Name, R>>
  /**
   * Under the caller's lock: each file whole or not at all, all that can be written. The names that were not brought to their
   * row, each with why.
   */
  change(changes: ReadonlyMap<Name, R | null>, signal: AbortSignal): Promise<Map<Name, unknown>>
  /** The same for lines that are no row, of a name that is nobody's. */
  put(name: Name, lines: readonly string[]): Promise<void>
}

const hinderedBy = (path: string, name: Name): AppError =>
  new AppError('invalid_value', {
    field: 'login',
    detail: `${path} has a line of somebody else's for ${name}: take it out, or Schedar's cannot be written`,
  })

export function shards<R>(folder: string, { write, nameOf, read }: Codec<R>): Shards<R> {
  const failure = (error: unknown, path: string) => {
    throw fileFailure(error, path)
  }
  const text = (file: string) =>
    textOf(join(folder, file)).catch((error: unknown) => failure(error, join(folder, file)))
  const linesOf = async (file: string) => sorted(await text(file), nameOf).ours

  const ready = (): Promise<void> => ensureFolder(folder, FOLDER_MODE)

  /** One file's edit; the names whose lines somebody else's stand in the way of. */
  async function edit(file: string, changes: ReadonlyMap<Name, readonly string[]>): Promise<Name[]> {
    let hindered: Name[] = []
    await editFile(join(folder, file), RIGHTS, (before) => {
      const after = changed(before, nameOf, changes)
      hindered = after.hindered
      return after.text
    })
    return hindered
  }

  return {
    ready,

    async *list(signal) {
      const files = await readdir(folder).catch((error: unknown) =>
        errno(error) === 'ENOENT' ? [] : failure(error, folder),
      )
      for (const file of files.filter((name) => FILE.test(name)).toSorted()) {
        signal.throwIfAborted()
        yield* (await linesOf(file)).keys()
      }
    },

    async observe(names, signal) {
      const found = new Map<Name, R>()
      await each(Map.groupBy(names, fileOf), WIDTH, signal, async ([file, some]) => {
        const lines = await linesOf(file)
        for (const name of some) if (lines.has(name)) found.set(name, read(lines.get(name)!))
      })
      return found
    },

    async change(changes, signal) {
      const failed = new Map<Name, unknown>()
      const files = Map.groupBy(changes.keys(), fileOf)
      await each(files, WIDTH, signal, async ([file, names]) => {
        try {
          const wanted = new Map(names.map((name) => [name, lines(changes.get(name) ?? null, name)]))
          for (const name of await edit(file, wanted)) failed.set(name, hinderedBy(join(folder, file), name))
        } catch (error) {
          for (const name of names) failed.set(name, fileFailure(error, join(folder, file)))
        }
      })
      return failed
    },

    put: async (name, wanted) => void (await edit(fileOf(name), new Map([[name, wanted]]))),
  }

  function lines(row: R | null, name: Name): string[] {
    return row === null ? [] : write(name, row)
  }
}
