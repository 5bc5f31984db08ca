// Chance that can be had again: numbers that follow from a seed, so that a test which met a rare instant can meet it anew.

export type Chance = {
  /** From 0 to below 1. */
  next(): number
  /** A whole number from 0 to `most`. */
  upTo(most: number): number
  pick<T>(among: readonly T[]): T
  shuffle<T>(all: readonly T[]): T[]
}

/** Mulberry32 (public domain): enough for tests, for nothing else. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const upTo = (most: number): number => Math.floor(next() * (most + 1))
  return {
    next,
    upTo,
    pick: (among) => among[upTo(among.length - 1)]!,
    shuffle(all) {
      const left = [...all]
      return all.map(() => left.splice(upTo(left.length - 1), 1)[0]!)
    },
  }
}
