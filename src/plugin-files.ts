// For plugins that write files which another program reads while they change: atomic writes, a lock between processes,
// whose machine the files are on, and what the operating system's errors mean to the core.
import { chown, lstat, mkdir, open, readFile, rename, stat, unlink, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from './domain/errors.ts'
import { isSameHost } from './domain/names.ts'

/** Begins the name of a file that is still being written. No login begins with a dot. */
export const TEMPORARY = '.new-'

/** Milliseconds between two looks at a lock that another process holds. */
const LOCK_POLL_MS = 10
const SQLITE_BUSY = 5

export const errno = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** `storage_full` when there is no room, else `service_unavailable`; the detail names the path. */
export function fileFailure(error: unknown, path: string): AppError {
  if (error instanceof AppError) return error
  const code = errno(error) ?? String(error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('storage_full', { detail: `no room left to write ${path} (${code})`, cause: error })
  return new AppError('service_unavailable', { detail: `${path}: ${code}`, cause: error })
}

/** Throws `service_unavailable` unless `host` is this machine or not given: elsewhere the files would be read by nobody. */
export function mustBeHere(host: string | undefined, path: string): void {
  if (host === undefined || isSameHost(host, hostname())) return
  throw new AppError('service_unavailable', {
    detail: `${path} is written by the Schedar on ${host}; this is ${hostname()}`,
  })
}

/** Throws `service_unavailable` unless `path` is a folder. */
export async function mustBeFolder(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => Promise.reject(fileFailure(error, path)))
  if (!found.isDirectory()) throw new AppError('service_unavailable', { detail: `${path} is not a folder` })
}

/** Puts what was renamed and unlinked in a folder on the disk: without it a power cut may bring the old names back. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

/**
 * Whom a folder belongs to, when this is root and it is somebody else's; else -1, which changes nothing (chown(2)). A command that
 * root types must not leave a file or a lock there that Schedar, which runs as another user, cannot open.
 */
async function ownerOf(folder: string): Promise<number> {
  if (process.geteuid?.() !== 0) return -1
  return (await stat(folder)).uid
}

/** Makes a folder unless it is there. As root: its owner is that of the folder that it is in. */
export async function ensureFolder(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode })
  } catch (error) {
    if (errno(error) === 'EEXIST') return
    throw fileFailure(error, path)
  }
  await chown(path, await ownerOf(dirname(path)), -1)
}

/** Who may read a file: its mode whatever the umask is, and, where they are given, its owner and group by number. */
export type FileRights = { mode: number; uid?: number | undefined; gid?: number | undefined }
const READABLE: FileRights = { mode: 0o644 }

/** A new file, never one that is there: in its place somebody may have put a link that leads out of the folder. */
async function create(path: string) {
  const make = () => open(path, 'wx', 0o600)
  return make().catch(async (error: unknown) => {
    if (errno(error) !== 'EEXIST') throw error
    await unlink(path)
    return make()
  })
}

/**
 * Gives `name` in `folder` this content, at once and whole: a reader sees the old file or the new one, never a part.
 * Its content is on the disk before its name, because a reader takes an empty file for "nothing said". The caller
 * syncs the folder, once for a batch, and holds its lock, so that `id` is nobody else's. `unless` is given the finished file
 * at the last moment; if it says so nothing is changed, and the answer is false.
 */
export async function replaceFile(
  folder: string,
  name: string,
  content: string,
  id: string,
  { mode, uid: wanted, gid = -1 }: FileRights = READABLE,
  unless: (temporary: string) => Promise<boolean> = async () => false,
): Promise<boolean> {
  const temporary = join(folder, TEMPORARY + id)
  const uid = wanted ?? (await ownerOf(folder))
  const handle = await create(temporary)
  try {
    await handle.writeFile(content)
    if (uid >= 0 || gid >= 0) await handle.chown(uid, gid) // -1 leaves it, chown(2); before the mode, which it may clear
    await handle.chmod(mode)
    await handle.sync()
    await handle.close()
    const kept = await unless(temporary)
    await (kept ? unlink(temporary) : rename(temporary, join(folder, name)))
    return !kept
  } catch (error) {
    await handle.close().catch(() => undefined)
    await unlink(temporary).catch(() => undefined)
    throw error
  }
}

/** How often an edit begins anew because somebody else's came in between. */
const EDITS = 20

const absent = (error: unknown): undefined => {
  if (errno(error) !== 'ENOENT') throw error
}

/** The text of a file; of one that is not there, the empty text. */
export const textOf = async (path: string): Promise<string> => (await readFile(path, 'utf8').catch(absent)) ?? ''

/** A file as it stands. A link would be replaced by a file, and what it leads to left as it was: it is refused. */
async function standing(path: string) {
  const found = await lstat(path, { bigint: true }).catch(absent)
  if (found && !found.isFile()) throw new AppError('service_unavailable', { detail: `${path} is not a plain file` })
  return found
}
type Standing = Awaited<ReturnType<typeof standing>>

const isSame = (one: Standing, other: Standing): boolean =>
  one?.ino === other?.ino && one?.size === other?.size && one?.mtimeNs === other?.mtimeNs

/**
 * Dates a file at least a second after the one that it replaces: Dovecot's passwd-file and many others take one of the same
 * size and second for unchanged, and would not see that one name went and another of its length came.
 */
async function dateAfter(path: string, before: Standing): Promise<void> {
  const { mtimeMs } = await stat(path)
  const next = before ? Number(before.mtimeNs / 1_000_000_000n) + 1 : 0
  if (mtimeMs / 1000 < next) await utimes(path, next, next)
}

/**
 * Changes a file of which only some lines are ours: what `edit` makes of its text takes its place, at once and whole; the
 * same text changes nothing. An edit that an administrator saved meanwhile is not written over: ours begins anew from it.
 * The caller holds the file's lock.
 */
export async function editFile(path: string, rights: FileRights, edit: (text: string) => string): Promise<void> {
  const folder = dirname(path)
  for (let tries = 0; tries < EDITS; tries++) {
    const found = await standing(path)
    const text = await textOf(path)
    const wanted = edit(text)
    if (wanted === text) return
    const isChanged = async (temporary: string) => {
      await dateAfter(temporary, found)
      return !isSame(found, await standing(path))
    }
    if (await replaceFile(folder, basename(path), wanted, basename(path), rights, isChanged)) return syncFolder(folder)
  }
  throw new AppError('service_unavailable', { detail: `${path} is being changed by somebody else all the time` })
}

/**
 * Does the work while holding the lock file `path`, which lies beside what it guards. Node has no flock(2); SQLite's lock on
 * an empty file is a kernel lock too and goes with its process, however that died, so there is no pid to compare and
 * nothing stale to take over. Waits for another holder until `signal` aborts, then throws `service_unavailable`. What the
 * operating system refuses, here and in the work, becomes `fileFailure` of the folder.
 */
export async function locked<T>(path: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    await ownFile(path) // SQLite would say "cannot open" and hide the reason
    const lock = new DatabaseSync(path)
    try {
      while (!held(lock)) await sleep(LOCK_POLL_MS, undefined, { signal }).catch(() => Promise.reject(lockTaken(path)))
      return await work()
    } finally {
      lock.close()
    }
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error
    throw fileFailure(error, dirname(path))
  }
}

async function ownFile(path: string): Promise<void> {
  const uid = await ownerOf(dirname(path))
  const handle = await open(path, 'a', 0o600)
  try {
    if (uid >= 0) await handle.chown(uid, -1)
  } finally {
    await handle.close()
  }
}

function held(lock: DatabaseSync): boolean {
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false
    throw error
  }
}

const lockTaken = (path: string): AppError =>
  new AppError('service_unavailable', { detail: `another process holds ${path}` })

/**
 * Works through the items, `width` at a time. One that fails keeps no other back: all are tried, then the first error
 * is thrown. Stops between items, with the signal's reason, once it aborts.
 */
export async function each<T>(
  items: Iterable<T>,
  width: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
) {
  const queue = items[Symbol.iterator]()
  const errors: unknown[] = []
  const worker = async () => {
    for (let next = queue.next(); !next.done && !signal.aborted; next = queue.next()) {
      await work(next.value).catch((error: unknown) => errors.push(error))
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  signal.throwIfAborted()
  if (errors.length > 0) throw errors[0]
}
