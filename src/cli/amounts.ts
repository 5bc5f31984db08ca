// What is typed on the command line about dues: amounts, whole numbers, one of some words.
import { AppError } from '../domain/errors.ts'
import { decimalCents } from '../statements/amounts.ts'

/** 60, 60.00 or 60,00 in cents. */
export function cents(typed: string): number {
  const found = decimalCents(typed.trim().replace(',', '.'))
  if (found === undefined) throw new AppError('invalid_value', { detail: `not an amount: ${typed}; write 60 or 60,50` })
  return found
}
export const euros = (amount: number): string => (amount / 100).toFixed(2)

export function whole(typed: string, option: string): number {
  if (!/^-?\d{1,6}$/.test(typed))
    throw new AppError('invalid_value', { detail: `${option}: not a whole number: ${typed}` })
  return Number(typed)
}

export function oneOf<T extends string>(typed: string, known: readonly T[], option: string): T {
  const found = known.find((one) => one === typed)
  if (!found) throw new AppError('invalid_value', { detail: `${option} is one of ${known.join(', ')}` })
  return found
}
