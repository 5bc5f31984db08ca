// Slowing down whoever guesses. Points are taken before anything is checked, so that a hundred tries at once count as a
// hundred, and given back when the try was right. Buckets are shared by all instances and every door of one account.
import { isIPv6 } from 'node:net'
import type { Core } from '../core.ts'
import { digest } from '../domain/digest.ts'
import { AppError } from '../domain/errors.ts'

export type Limit = { tries: number; windowMs: number }
/** A bucket and what fills it, such as `password` and an account's id. */
export type Bucket = { name: string; key: string; limit: Limit }

const keyOf = ({ name, key }: Bucket): string => digest(`${name}\n${key}`)

/** The eight groups of an IPv6 address, in the one spelling that `URL` gives it. */
function groups(address: string): string[] {
  const spelt = URL.parse(`http://[${address.replace(/%.*$/, '')}]`)?.hostname.slice(1, -1) ?? ''
  const [left = [], right = []] = spelt.split('::').map((half) => half.split(':').filter(Boolean))
  return [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
}

/** The part of an address that one customer holds: all of an IPv4, the /64 of an IPv6. */
export const network = (address: string): string => (isIPv6(address) ? groups(address).slice(0, 4).join(':') : address)

/** True while each bucket has a try left; takes none. */
export const hasTries =
  ({ store, clock }: Pick<Core, 'store' | 'clock'>) =>
  async (buckets: readonly Bucket[]): Promise<boolean> => {
    const left = await Promise.all(
      buckets.map((bucket) => store.throttle.peek(keyOf(bucket), bucket.limit.tries, clock.now())),
    )
    return left.every(({ remaining }) => remaining > 0)
  }

/**
 * Take a try from each bucket. Throws `too_many_tries` with `params.minutes` when one is empty; the answer's `giveBack`
 * returns the tries.
 */
export const takeTry =
  ({ store, clock }: Pick<Core, 'store' | 'clock'>) =>
  async (buckets: readonly Bucket[]): Promise<{ giveBack(): Promise<void> }> => {
    const at = clock.now()
    const taken = await Promise.all(
      buckets.map((bucket) => store.throttle.take(keyOf(bucket), 1, bucket.limit.tries, bucket.limit.windowMs, at)),
    )
    const empty = taken.filter((bucket) => bucket.remaining < 0)
    if (empty.length > 0) {
      const resetAt = Math.max(...empty.map((bucket) => bucket.resetAt))
      throw new AppError('too_many_tries', { params: { minutes: Math.max(1, Math.ceil((resetAt - at) / 60_000)) } })
    }
    return {
      giveBack: async () => {
        await Promise.all(buckets.map((bucket) => store.throttle.give(keyOf(bucket), 1, clock.now())))
      },
    }
  }
