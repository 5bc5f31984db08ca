// Deny files: one small file per refused login in `<folder>/denied`, which Dovecot's first passdb (`deny = yes`) looks
// up at each sign-in. A file there refuses passwords and tokens alike, and goes on refusing while Schedar is down.
import { opendir, readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host, Name } from '../../src/plugin.ts'
import { each, errno, fileFailure, mustBeFolder, replaceFile, syncFolder, TEMPORARY } from '../../src/plugin-files.ts'
import { isLogin } from './login.ts'

export type DenyFiles = {
  /** Throws unless the folder is there. The administrator makes it: on a disk that is not mounted it would refuse nobody. */
  ready(): Promise<void>
  list(signal: AbortSignal): AsyncIterable<Name>
  /** Those of them that are refused, whoever wrote it. */
  observe(names: readonly Name[], signal: AbortSignal): Promise<Set<Name>>
  /** Under the caller's lock, and on the disk at the end. Each that fails with why. */
  deny(names: readonly Name[], signal: AbortSignal): Promise<Map<Name, unknown>>
  allow(names: readonly Name[], signal: AbortSignal): Promise<Map<Name, unknown>>
}

const MARK = '# Written by Schedar, removed by it when access returns.'
/** Files in flight at once: each waits for the disk. */
const WIDTH = 8

/**
 * The same for a login each time: Dovecot takes a file of the same size and second for unchanged
 * (db-passwd-file: `st_mtime` and `st_size`), so content that varied could go unseen.
 */
const entry = (login: Name): string => `${MARK}\n${login}:\n`
const isOurs = (content: string): boolean => content.startsWith(`${MARK}\n`)
/** Whether Dovecot finds the login in a file, whoever wrote it. An empty or cut-off file refuses nobody. */
const denies = (content: string, login: Name): boolean =>
  content.split('\n').some((line) => line.startsWith(`${login}:`))

export function denyFiles(folder: string, log: Host['log']): DenyFiles {
  const denied = join(folder, 'denied')
  let swept = false
  let written = 0

  const content = (login: Name): Promise<string | undefined> =>
    readFile(join(denied, login), 'utf8').catch((error: unknown) => {
      if (errno(error) === 'ENOENT') return undefined
      throw fileFailure(error, join(denied, login))
    })

  /** What a run that was killed left half-written. Safe only under the lock. */
  async function sweep(): Promise<void> {
    if (swept) return
    const left = (await readdir(denied)).filter((name) => name.startsWith(TEMPORARY))
    await Promise.all(left.map((name) => unlink(join(denied, name))))
    swept = true
  }

  async function deny(login: Name): Promise<void> {
    if (denies((await content(login)) ?? '', login)) return
    await replaceFile(denied, login, entry(login), String(++written))
  }

  async function allow(login: Name): Promise<void> {
    const found = await content(login)
    if (found === undefined) return
    if (isOurs(found) || !denies(found, login)) return unlink(join(denied, login))
    log('warn', 'dovecot.deny_file_not_ours', { login })
  }

  async function all(names: readonly Name[], signal: AbortSignal, work: (login: Name) => Promise<void>) {
    const failed = new Map<Name, unknown>()
    if (names.length === 0) return failed
    await sweep()
    try {
      await each(names, WIDTH, signal, (login) =>
        work(login).catch((error: unknown) => void failed.set(login, fileFailure(error, join(denied, login)))),
      )
    } finally {
      await syncFolder(denied)
    }
    return failed
  }

  return {
    ready: () => mustBeFolder(denied),

    async *list(signal) {
      await mustBeFolder(denied)
      for await (const { name } of await opendir(denied)) {
        signal.throwIfAborted()
        if (isLogin(name) && isOurs((await content(name)) ?? '')) yield name
      }
    },

    async observe(names, signal) {
      await mustBeFolder(denied)
      const found = new Set<Name>()
      await each(names.filter(isLogin), WIDTH, signal, async (login) => {
        if (denies((await content(login)) ?? '', login)) found.add(login)
      })
      return found
    },

    deny: (names, signal) => all(names, signal, deny),
    allow: (names, signal) => all(names, signal, allow),
  }
}
