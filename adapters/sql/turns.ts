// Whose turn it is on the one SQLite handle. A transaction spans several awaits; a stranger's write in between would
// belong to it, and vanish with its rollback.

export type Turns = {
  /** Wait for the turn; it is kept until `give`. */
  take(): Promise<void>
  give(): void
  /** Do the work in a turn of its own. */
  hold<T>(work: () => Promise<T>): Promise<T>
  /** True when nobody has the turn: a synchronous step may run now. */
  free(): boolean
}

export function turns(): Turns {
  let taken = false
  const waiting: (() => void)[] = []
  const take = (): Promise<void> => {
    if (taken) return new Promise((resolve) => waiting.push(resolve))
    taken = true
    return Promise.resolve()
  }
  const give = (): void => {
    const next = waiting.shift()
    if (next) next()
    else taken = false
  }
  return {
    take,
    give,
    free: () => !taken,
    async hold(work) {
      await take()
      try {
        return await work()
      } finally {
        give()
      }
    },
  }
}
