// Files that another program reads while they change: atomic writes, a lock between processes, and what the operating
// system's errors mean to the core.
import { open, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../src/domain/errors.ts'

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
 * Gives `name` in `folder` this content, at once and whole: a reader sees the old file or the new one, never a part.
 * Its content is on the disk before its name, because a reader takes an empty file for "nothing said". The caller
 * syncs the folder, once for a batch, and holds its lock, so that `id` is nobody else's.
 */
export async function replaceFile(folder: string, name: string, content: string, id: string): Promise<void> {
  const temporary = join(folder, TEMPORARY + id)
  const handle = await open(temporary, 'w', 0o644)
  try {
    await handle.writeFile(content)
    await handle.chmod(0o644) // whatever the umask is: Dovecot's user is another one; the folder keeps strangers out
    await handle.sync()
    await handle.close()
    await rename(temporary, join(folder, name))
  } catch (error) {
    await handle.close().catch(() => undefined)
    await unlink(temporary).catch(() => undefined)
    throw error
  }
}

/**
 * Does the work while holding the lock file `path`. Node has no flock(2); SQLite's lock on an empty file is a kernel
 * lock too and goes with its process, however that died, so there is no pid to compare and nothing stale to take over.
 * Waits for another holder until `signal` aborts, then throws `service_unavailable`.
 */
export async function locked<T>(path: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  await open(path, 'a', 0o600).then((handle) => handle.close()) // SQLite would say "cannot open" and hide the reason
  const lock = new DatabaseSync(path)
  try {
    while (!held(lock)) await sleep(LOCK_POLL_MS, undefined, { signal }).catch(() => Promise.reject(lockTaken(path)))
    return await work()
  } finally {
    lock.close()
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
