// Follows a log file across rotation, truncation and restarts. Where it stands is kept in a file of its own, written once
// what was read is on record: after a kill the last lines may be told twice, never not at all.
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errno, replaceFile, syncFolder, textOf } from './plugin-files.ts'

export type FollowerOptions = {
  log: string
  /** Where the position is kept: a file name in a folder that is ours. */
  position: { folder: string; name: string }
  /** Whole lines, in order. Resolves once they are on record; when it throws, they are given again. */
  take(lines: readonly string[]): Promise<void>
  /** Lines just before where it goes on, for what has to be known of them. */
  recall(lines: readonly string[]): void
  onError(error: unknown): void
  signal: AbortSignal
  pollMs?: number
  /** How long a file that was renamed is read on: its writer keeps it open until it is told to open the new one. */
  lingerMs?: number
}
type Position = { ino: string; offset: number }

const POLL_MS = 500
const LINGER_MS = 5000
const CHUNK = 256 * 1024
/** A line that is longer is none: Postfix's end before (line_length_limit), and so do Apache's (LimitRequestLine). */
const LONGEST_LINE = 64 * 1024

const inode = async (path: string): Promise<string | undefined> =>
  stat(path, { bigint: true }).then(
    ({ ino, dev }) => `${dev}:${ino}`,
    (error: unknown) => (errno(error) === 'ENOENT' ? undefined : Promise.reject(error)),
  )

/** The rotated file that has this inode: `mail.log.1`, `mail.log-20261123`. A compressed one is another file. */
async function rotated(log: string, ino: string): Promise<string | undefined> {
  const names = (await readdir(dirname(log))).filter((name) => name.startsWith(`${basename(log)}`))
  for (const name of names) if ((await inode(join(dirname(log), name))) === ino) return join(dirname(log), name)
  return undefined
}

function readPosition(text: string): Position | undefined {
  const [, ino, offset] = /^(\d+:\d+) (\d{1,15})\n$/.exec(text) ?? []
  return ino === undefined ? undefined : { ino, offset: Number(offset) }
}

/** Follows until the signal aborts; never throws. */
export async function followLog(options: FollowerOptions): Promise<void> {
  const { log, position: kept, take, recall, onError, signal, pollMs = POLL_MS, lingerMs = LINGER_MS } = options
  let at: Position | undefined
  let file: FileHandle | undefined
  let complaint = ''
  let replacedAt: number | undefined

  async function keep(): Promise<void> {
    if (!at) return
    await replaceFile(kept.folder, kept.name, `${at.ino} ${at.offset}\n`, kept.name, { mode: 0o600 })
    await syncFolder(kept.folder)
  }

  /** Opens where it was left; what never was read begins at its end, because what is before is not ours to tell. */
  async function begin(): Promise<void> {
    at = readPosition(await textOf(join(kept.folder, kept.name)))
    const now = await inode(log)
    const path = at && at.ino !== now ? ((await rotated(log, at.ino)) ?? log) : log
    const opened = await open(path, 'r')
    const { size } = await opened.stat()
    const ino = await inode(path)
    if (!at) at = { ino: ino ?? '', offset: await lineStart(opened, size) }
    else if (at.ino !== ino || at.offset > size) at = { ino: ino ?? '', offset: 0 }
    file = opened
    const from = Math.max(0, at.offset - CHUNK)
    recall((await text(opened, from, at.offset - from)).split('\n').slice(from > 0 ? 1 : 0))
    await keep()
  }

  /** Reads on to the end of the open file. */
  async function readOn(): Promise<void> {
    while (file && at && !signal.aborted) {
      const { size } = await file.stat()
      if (size < at.offset) at = { ...at, offset: 0 } // emptied in place (copytruncate)
      const chunk = await bytes(file, at.offset, CHUNK)
      const end = chunk.lastIndexOf(0x0a) + 1
      if (end === 0) {
        if (chunk.length > LONGEST_LINE)
          at = { ...at, offset: at.offset + chunk.length } // no line: passed over
        else return
      } else {
        await take(
          chunk
            .subarray(0, end - 1)
            .toString()
            .split('\n'),
        )
        at = { ...at, offset: at.offset + end }
      }
      await keep()
    }
  }

  /** True when another file has had the name for long enough: the open one gets nothing more. */
  async function isReplaced(): Promise<boolean> {
    const now = await inode(log)
    if (now === undefined || now === at?.ino) replacedAt = undefined
    else replacedAt ??= performance.now()
    return replacedAt !== undefined && performance.now() - replacedAt >= lingerMs
  }

  async function step(): Promise<void> {
    if (!file) await begin()
    // Asked before the last reading: what was written between the two is read.
    const replaced = await isReplaced()
    await readOn()
    if (!replaced || signal.aborted) return
    await file?.close()
    file = undefined
    replacedAt = undefined
    const next = await inode(log)
    if (next === undefined) return
    at = { ino: next, offset: 0 }
    await keep()
  }

  while (!signal.aborted) {
    try {
      await step()
      complaint = ''
    } catch (error) {
      if (String(error) !== complaint) onError(error) // once, not every half second
      complaint = String(error)
      await file?.close().catch(() => undefined)
      file = undefined
    }
    await sleep(pollMs, undefined, { signal }).catch(() => undefined)
  }
  await file?.close()
}

async function bytes(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.max(0, length))
  const { bytesRead } = await file.read(buffer, 0, buffer.length, from)
  return buffer.subarray(0, bytesRead)
}
const text = async (file: FileHandle, from: number, length: number): Promise<string> =>
  String(await bytes(file, from, length))

/** Where the last, unfinished line of a file begins. */
async function lineStart(file: FileHandle, size: number): Promise<number> {
  const from = Math.max(0, size - LONGEST_LINE)
  const tail = await bytes(file, from, size - from)
  const end = tail.lastIndexOf(0x0a)
  return end < 0 ? size : from + end + 1
}
