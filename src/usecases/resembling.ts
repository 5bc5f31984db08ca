// Lines of a file that look like lines of another file: one day in two formats. They are not booked by themselves.
import { openPairs } from '../domain/resembling.ts'
import type { Instant } from '../domain/time.ts'
import type { BankLineRecord, Stores } from '../ports.ts'
import type { BankLine } from '../statements/statement.ts'

/** By how much the clocks of two instances may differ. */
const APART_MS = 60_000

export type Resembling = {
  /** For each line, in the file's order, the line here that it looks like. */
  among(lines: readonly BankLine[]): (BankLineRecord | undefined)[]
  /** These were told of for good: no other line of the file looks like them. */
  take(told: readonly (BankLineRecord | undefined)[]): void
  /** Looks again for lines that came meanwhile, where such lines would be; within the transaction that keeps them. */
  refresh(stores: Pick<Stores, 'bank'>, lines: readonly BankLine[]): Promise<void>
}

const told = ({ reference, ...line }: BankLine) => ({ ...line, reference: reference?.value ?? null })

/** `lines`: all of the file's, which know themselves by their keys. `fileId`: the file as it is kept, if it is. */
export async function openResembling(
  { bank }: Pick<Stores, 'bank'>,
  { organisationId, lines, fileId, at }: Opening,
): Promise<Resembling> {
  const own = new Set(lines.map(({ dedupeKey }) => dedupeKey))
  const pairs = openPairs<BankLineRecord>()
  const add = async (from: Pick<Stores, 'bank'>['bank'], some: readonly BankLine[], since?: Instant): Promise<void> => {
    const days = [...new Set(some.map(({ valueOn }) => valueOn))]
    const cents = [...new Set(some.map((line) => line.cents))]
    const like = { days, cents, ...(fileId && { notOf: fileId }), ...(since !== undefined && { since }) }
    const known = await from.lines({ organisationId, like })
    pairs.add(known.filter(({ dedupeKey }) => !own.has(dedupeKey)))
  }
  await add(bank, lines)
  return {
    among: (some) => pairs.among(some.map(told)),
    take: (given) => pairs.take(given.filter((one) => one !== undefined)),
    refresh: (stores, some) => add(stores.bank, some, at - APART_MS),
  }
}

type Opening = {
  organisationId: string
  lines: readonly BankLine[]
  fileId?: string
  at: Instant
}
