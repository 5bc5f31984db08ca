// Giving way: long work lets requests and timers through every few milliseconds, counted in items, for no clock is read.
import { setImmediate } from 'node:timers/promises'

/** Items between two pauses: at some 20 µs an item well under the 20 ms that the house allows. */
export const EVERY = 250

/** To be awaited after each item; `n` counts them. */
export const giveWay = async (n: number): Promise<void> => {
  if (n % EVERY === 0) await setImmediate()
}
