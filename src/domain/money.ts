// Money as a person types it. Nothing is rounded or guessed: what cannot be read exactly is no amount.

/** `60`, `60,5`, `60.50`, `1 234,50 €` → cents; a point or comma with three digits behind it could be either. */
export function parseEuros(typed: string): number | undefined {
  const [, units, decimals = ''] = /^(\d{1,9})(?:[.,](\d{1,2}))?$/.exec(typed.replace(/[\s€]/gu, '')) ?? []
  return units === undefined ? undefined : Number(units) * 100 + Number(decimals.padEnd(2, '0'))
}
