// What was read from SQLite, remembered for as long as the read would give the same. SQLite tells whether another process
// has committed since (`pragma data_version`); this one counts its own writes.
import type { Database as SqliteHandle } from 'better-sqlite3'

/** The tables of the provider's storage, which are written all the time, and all others. */
export type Part = 'core' | 'oidc'

// Of the process and not of a handle: two handles may have the same file open.
const written: Record<Part, number> = { core: 0, oidc: 0 }

/** To be called before each write, and at each commit of several: nothing read until then is given again. */
export function wrote(...parts: readonly Part[]): void {
  for (const part of parts) written[part]++
}

/** Gives what `work` gave last under this kind and key, or does it, if anything was written since. */
export type Recall = <T>(kind: object | string, key: string, work: () => T) => T

/** Answers kept at most; then all are forgotten, for the life of this process is long. */
const MOST = 5_000

/**
 * SQLite's number for what other connections have committed: equal numbers, equal data. It is asked once in each turn of
 * the event loop, for asking costs as much as a read: what another process commits counts from the next turn on, some
 * milliseconds later at most.
 */
export function dataVersion(handle: SqliteHandle): () => number {
  const statement = handle.prepare<[], number>('pragma data_version').pluck()
  let version: number | undefined
  const turned = (): void => {
    version = undefined
  }
  return () => {
    if (version === undefined) {
      version = statement.get()!
      setImmediate(turned)
    }
    return version
  }
}

export function remembered(part: Part, version: () => number): Recall {
  const known = new Map<object | string, Map<string, unknown>>()
  let asOf: { version: number; writes: number } = { version: Number.NaN, writes: 0 }
  let size = 0
  return (kind, key, work) => {
    const now = version()
    const writes = written[part]
    if (now !== asOf.version || writes !== asOf.writes || size >= MOST) {
      known.clear()
      size = 0
      asOf = { version: now, writes }
    }
    const answers = known.get(kind)
    if (answers?.has(key)) return answers.get(key) as ReturnType<typeof work>
    const answer = work()
    if (answers) answers.set(key, answer)
    else known.set(kind, new Map([[key, answer]]))
    size++
    return answer
  }
}
