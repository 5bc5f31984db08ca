// What is known about bank lines beside themselves, asked for many at once: the calls under their references, what the payers
// of these still owe, whose payments came from their accounts.
import { setImmediate } from 'node:timers/promises'
import { type Known, type Match, type Names, newNames } from '../domain/matching.ts'
import type { Call, Stores } from '../ports.ts'
import { openOf } from './posting.ts'

const NAMES_AT_ONCE = 1000

type Looked = { counterIban: string | null; counterName: string | null; reference: string | null; text: string }

/** An organisation's calls, by their references. */
export async function callsOf(
  stores: Pick<Stores, 'calls'>,
  organisationId: string,
  references: readonly (string | null)[],
): Promise<Map<string, Call>> {
  const calls = await stores.calls.byOgms([...new Set(references.filter((reference) => reference !== null))])
  return new Map([...calls].filter(([, call]) => call.organisationId === organisationId))
}

/** The payers of those that were not cancelled. */
export const payersOf = (calls: Map<string, Call>): string[] => [
  ...new Set([...calls.values()].filter(({ cancelledAt }) => cancelledAt === null).map(({ payerId }) => payerId)),
]

/** Whose call this is, and whether it may still be paid; `open`: what a payer still owes. */
export const calledBy = (
  call: Call | undefined,
  open: (payerId: string) => readonly unknown[],
): Pick<Known, 'called'> =>
  call ? { called: { payerId: call.payerId, open: call.cancelledAt === null && open(call.payerId).length > 0 } } : {}

/** Everybody who owes something; the names of ten thousand take longer to look through than others may wait. */
export async function namesOf(stores: Pick<Stores, 'payments'>, organisationId: string): Promise<Names> {
  const owing = await stores.payments.owing(organisationId)
  const names = newNames()
  for (let from = 0; from < owing.length; from += NAMES_AT_ONCE) {
    names.add(owing.slice(from, from + NAMES_AT_ONCE))
    await setImmediate()
  }
  return names
}

/** What is known about each of these lines; who owes is looked up once for a whole file. */
export async function knownOf(
  stores: Pick<Stores, 'bank' | 'books' | 'calls'>,
  organisationId: string,
  lines: readonly Looked[],
  owing: Names,
): Promise<(line: Looked) => Known> {
  const calls = await callsOf(
    stores,
    organisationId,
    lines.map(({ reference }) => reference),
  )
  const ledgers = await stores.books.ledgers(payersOf(calls))
  const ibans = new Set(lines.flatMap(({ counterIban }) => counterIban ?? []))
  const paid = await stores.bank.payersOf(organisationId, [...ibans])
  const open = (payerId: string) => openOf(ledgers.get(payerId) ?? [])
  return (line) => {
    const payers = paid.get(line.counterIban ?? '') ?? []
    const known = calledBy(calls.get(line.reference ?? ''), open)
    return { payers, owing: known.called ? [] : owing.near(line, payers), ...known }
  }
}

/** How somebody is called whose payment a line probably is. */
export async function nameOf(
  stores: Pick<Stores, 'members'>,
  owing: Names,
  { payerId }: Pick<Match, 'payerId'>,
): Promise<string | null> {
  return payerId && (owing.nameOf(payerId) ?? (await stores.members.get(payerId))?.name ?? null)
}
