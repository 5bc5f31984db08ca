// The few statistics that the benches quote: medians and percentiles, and ratios of windows that are neighbours in time.

/** The value that a share of all values (0 to 1) does not pass: the nearest rank. NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** The middle one, or the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * The median ratio of each window to what it is measured against, just before and just after it: a machine that others
 * use as well is slow for both. `yardstick` has one window more than `values`: one lies between each two.
 */
export function neighbourRatio(values: readonly number[], yardstick: readonly number[]): number {
  return median(
    values.map((value, at) => {
      const [before = Number.NaN, after = before] = yardstick.slice(at, at + 2)
      return value / ((before + after) / 2)
    }),
  )
}

/** Three significant digits, as many as a figure measured here is worth; whole numbers stay whole. */
export const rounded = (value: number): number =>
  Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3))
