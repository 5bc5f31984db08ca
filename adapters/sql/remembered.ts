// What was made of a read from SQLite, remembered for as long as the read would give the same. SQLite is asked each time
// whether any other connection has committed since, here or in another process; this one's own writes say so themselves.
import type { Database as SqliteHandle } from 'better-sqlite3'

/** Gives what `work` gave last under this kind and key, or does it, if anything was written since. */
export type Remembered = { <T>(kind: object, key: string, work: () => T): T; forget(): void }

/** Answers kept at most; then all are forgotten, for the life of this process is long. */
const MOST = 5_000

export function remembered(handle: SqliteHandle): Remembered {
  // Equal numbers, equal data, but for what was written on this handle (sqlite.org/pragma.html#pragma_data_version).
  const dataVersion = handle.prepare<[], number>('pragma data_version').pluck()
  const known = new Map<object, Map<string, unknown>>()
  let asOf: number | undefined
  let size = 0
  const forget = (): void => {
    known.clear()
    size = 0
  }
  function recall<T>(kind: object, key: string, work: () => T): T {
    const now = dataVersion.get()
    if (now !== asOf || size >= MOST) forget()
    asOf = now
    const answers = known.get(kind)
    if (answers?.has(key)) return answers.get(key) as T
    const answer = work()
    if (answers) answers.set(key, answer)
    else known.set(kind, new Map([[key, answer]]))
    size++
    return answer
  }
  return Object.assign(recall, { forget })
}
