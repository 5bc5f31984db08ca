// What a site's visitors asked for in an hour, with the paths and addresses that stand out. Only those are kept: whoever asks
// for a million different paths fills no disk.
import type { Instant } from './time.ts'

/** Of a path or an address. */
export type Share = { value: string; requests: number; bytes: number }
export type Traffic = {
  siteId: string
  /** The beginning of an hour. */
  at: Instant
  bytes: number
  requests: number
  /** The busiest first; what was among the busiest only at times counts for those times. */
  paths: readonly Share[]
  addresses: readonly Share[]
}

export const HOUR_MS = 3_600_000
export const hourOf = (at: Instant): Instant => at - (((at % HOUR_MS) + HOUR_MS) % HOUR_MS)

const MOST = 10
const LONGEST = 120

/** The busiest of these taken together, by bytes. */
export function busiest(shares: Iterable<Share>, most = MOST): Share[] {
  const sums = new Map<string, Share>()
  for (const { value: whole, requests, bytes } of shares) {
    const value = whole.slice(0, LONGEST)
    const before = sums.get(value)
    sums.set(value, {
      value,
      requests: requests + (before?.requests ?? 0),
      bytes: bytes + (before?.bytes ?? 0),
    })
  }
  return [...sums.values()]
    .toSorted((a, b) => b.bytes - a.bytes || b.requests - a.requests || (a.value < b.value ? -1 : 1))
    .slice(0, most)
}
