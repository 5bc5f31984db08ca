// What Sympa has begun it finishes, however long the machine takes: whoever asks again for the same waits for that, and does
// not begin it once more. A second inclusion beside the first would be skipped.
import { once } from 'node:events'
import { type Sympa, sympa } from './command.ts'
import type { SympaConfig } from './config.ts'

const TIMEOUT_MS = 120_000

/** Waits no longer than the signal says; what is waited for goes on. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const settled = new AbortController()
  const aborted = once(signal, 'abort', { signal: settled.signal }).then(() => Promise.reject(signal.reason))
  try {
    return await Promise.race([work, aborted])
  } finally {
    aborted.catch(() => undefined)
    settled.abort()
  }
}

/** `versionOf` tells the file of a list from every earlier one, whichever process wrote it. */
export function begun(how: Pick<SympaConfig, 'helper' | 'configFile'>, versionOf: (list: string) => Promise<string>) {
  const run: Sympa = sympa(how)
  /** By list: the one thing that Sympa is at. */
  const underWay = new Map<string, { what: string; done: Promise<void> }>()
  /** By list: which version of its file Sympa has read. */
  const included = new Map<string, string>()

  async function finish(list: string, what: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    for (let at = underWay.get(list); at; at = underWay.get(list)) {
      if (at.what === what) return unlessAborted(at.done, signal)
      await unlessAborted(
        at.done.catch(() => undefined),
        signal,
      )
    }
    const done = work().finally(() => underWay.delete(list))
    done.catch(() => undefined)
    underWay.set(list, { what, done })
    return unlessAborted(done, signal)
  }

  return {
    check: run.check,
    /** Has Sympa read the file of a list, unless it has done so. */
    include: async (list: string, signal: AbortSignal): Promise<void> => {
      const version = await versionOf(list)
      if (included.get(list) === version) return
      await finish(list, `include ${version}`, signal, async () => {
        await run.include(list, list, AbortSignal.timeout(TIMEOUT_MS))
        included.set(list, version)
      })
    },
    remove: async (list: string, addresses: readonly string[], signal: AbortSignal): Promise<void> => {
      if (addresses.length > 0)
        await finish(list, `remove ${addresses.join(' ')}`, signal, () =>
          run.remove(list, addresses, AbortSignal.timeout(TIMEOUT_MS)),
        )
    },
  }
}
