// A folder with a file for each name under which a site is closed: to Apache the file being there is all that counts. Its
// lines say which sites' names it is; other lines, and files without one of ours, are somebody else's.
import { readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Name } from '../../src/plugin.ts'
import { each, errno, replaceFile, syncFolder, textOf } from '../../src/plugin-files.ts'

const OURS = /^closed by schedar: ([a-z0-9.-]+)$/
/** What keeps a file that somebody made without a word in it. */
const BY_HAND = 'closed by hand'
const WIDTH = 16
/** Apache's children read the folder, and there is nothing secret in it. */
export const RIGHTS = { mode: 0o644 }

const lineOf = (site: Name): string => `closed by schedar: ${site}`
const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')
const gone = (error: unknown): undefined => {
  if (errno(error) !== 'ENOENT') throw error
}

/** The names under which each site is closed, in order. */
export async function closedIn(folder: string, signal: AbortSignal): Promise<Map<Name, string[]>> {
  const closed = new Map<Name, string[]>()
  const files = (await readdir(folder, { withFileTypes: true })).filter(
    (file) => file.isFile() && !file.name.startsWith('.'),
  )
  await each(files, WIDTH, signal, async ({ name }) => {
    const text = await readFile(join(folder, name), 'utf8').catch(gone)
    for (const line of linesOf(text ?? '')) {
      const site = OURS.exec(line)?.[1]
      if (site !== undefined) closed.set(site, [...(closed.get(site) ?? []), name])
    }
  })
  return new Map([...closed].map(([site, names]) => [site, names.toSorted()]))
}

/** Closes a name for a site, or opens it as far as this site is concerned. */
async function mark(folder: string, name: string, site: Name, closed: boolean): Promise<void> {
  const there = await readFile(join(folder, name), 'utf8').catch(gone)
  const others = linesOf(there ?? '').filter((line) => line !== lineOf(site))
  if (closed) {
    const first = there?.trim() === '' ? [BY_HAND] : []
    await replaceFile(folder, name, `${[...first, ...others, lineOf(site)].join('\n')}\n`, name, RIGHTS)
  } else if (others.length > 0) await replaceFile(folder, name, `${others.join('\n')}\n`, name, RIGHTS)
  else await unlink(join(folder, name)).catch(gone)
}

/** The names under which each of these sites is closed from now on; null: under none. The caller holds the folder's lock. */
export async function setClosed(
  folder: string,
  changes: ReadonlyMap<Name, readonly string[] | null>,
  signal: AbortSignal,
): Promise<void> {
  const held = await closedIn(folder, signal)
  for (const [site, names] of changes) {
    const [wanted, before] = [names ?? [], held.get(site) ?? []]
    signal.throwIfAborted()
    for (const name of wanted) if (!before.includes(name)) await mark(folder, name, site, true)
    for (const name of before) if (!wanted.includes(name)) await mark(folder, name, site, false)
  }
  await syncFolder(folder)
}

/** True when a name is marked as closed for this site. */
export const isMarked = async (folder: string, name: string, site: Name): Promise<boolean> =>
  linesOf(await textOf(join(folder, name))).includes(lineOf(site))
