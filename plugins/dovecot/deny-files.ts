// Deny files: one small file per refused login in `<folder>/denied`, which Dovecot's first passdb (`deny = yes`) looks
// up at each sign-in. A file there refuses passwords and tokens alike, and goes on refusing while Schedar is down.
import { opendir, readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host, Name } from '../../src/plugin.ts'
import {
  each,
  errno,
  fileFailure,
  locked,
  mustBeFolder,
  replaceFile,
  syncFolder,
  TEMPORARY,
} from '../../src/plugin-files.ts'
import { isLogin, notLogins } from './login.ts'

/** What Dovecot holds of a login: it is refused. A login that may come in has no row. */
export type Denial = { readonly denied: true }

export type DenyFiles = {
  check(signal: AbortSignal): Promise<void>
  list(signal: AbortSignal): AsyncIterable<Name>
  observe(names: readonly Name[], signal: AbortSignal): Promise<Map<Name, Denial>>
  apply(changes: ReadonlyMap<Name, Denial | null>, signal: AbortSignal): Promise<void>
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

/** The deny files under `folder`. The administrator makes the folder; a missing one is an error, never made here. */
export function denyFiles(folder: string, log: Host['log']): DenyFiles {
  const denied = join(folder, 'denied')
  const lock = join(folder, 'lock')
  let swept = false
  let written = 0

  const content = (login: Name): Promise<string | undefined> =>
    readFile(join(denied, login), 'utf8').catch((error: unknown) => {
      if (errno(error) === 'ENOENT') return undefined
      throw fileFailure(error, join(denied, login))
    })

  /** What a run that was killed left half-written. Safe only under the lock. */
  async function sweep(): Promise<void> {
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

  const change = async (login: Name, row: Denial | null): Promise<void> => {
    await (row ? deny(login) : allow(login)).catch((error: unknown) => {
      throw fileFailure(error, join(denied, login))
    })
  }

  /** Everything that touches the folder: once it is known to be one, under the lock, and on the disk at the end. */
  const inFolder = async (signal: AbortSignal, work: () => Promise<void>): Promise<void> => {
    await mustBeFolder(denied)
    await locked(lock, signal, async () => {
      if (!swept) await sweep()
      await work().finally(() => syncFolder(denied))
    })
  }

  return {
    check: (signal) =>
      inFolder(signal, async () => {
        const probe = `${TEMPORARY}check`
        await replaceFile(denied, probe, entry(probe), 'probe')
        await unlink(join(denied, probe))
      }),

    async *list(signal) {
      await mustBeFolder(denied)
      for await (const { name } of await opendir(denied)) {
        signal.throwIfAborted()
        if (isLogin(name) && isOurs((await content(name)) ?? '')) yield name
      }
    },

    async observe(names, signal) {
      await mustBeFolder(denied)
      const found = new Map<Name, Denial>()
      await each(names.filter(isLogin), WIDTH, signal, async (login) => {
        if (denies((await content(login)) ?? '', login)) found.set(login, { denied: true })
      })
      return found
    },

    async apply(changes, signal) {
      signal.throwIfAborted()
      const logins = [...changes].filter(([name]) => isLogin(name))
      if (logins.length > 0)
        await inFolder(signal, () => each(logins, WIDTH, signal, ([name, row]) => change(name, row)))
      // After the others: one unusable name must not keep a batch of suspensions from being applied.
      if (logins.length < changes.size) throw notLogins([...changes.keys()].filter((name) => !isLogin(name)))
    },
  }
}
