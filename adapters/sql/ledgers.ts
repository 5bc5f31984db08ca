// What is asked about many members at once when money comes in for them: their terms, events and standing.
import type { Knex } from 'knex'
import type { MemberEvent, Standing } from '../../src/domain/standing.ts'
import type { Ledger, Member } from '../../src/ports.ts'
import type { Database } from './database.ts'
import { inLots } from './insert.ts'
import { memberLock, termsOf } from './members.ts'

type Paid = Member & { paidById: string }

/** The members that each of these pays for: itself, unless another one does, and those that name it. */
async function paidBy(knex: Knex, payerIds: readonly string[]): Promise<Paid[]> {
  const own = knex('member')
    .leftJoin('memberDues', 'memberDues.memberId', 'member.id')
    .whereIn('member.id', payerIds)
    .whereNull('memberDues.payerId')
    .select('member.*', 'member.id as paidById')
  const others = knex('memberDues')
    .join('member', 'member.id', 'memberDues.memberId')
    .whereIn('payerId', payerIds)
    .select('member.*', 'memberDues.payerId as paidById')
  const found: Paid[] = [...(await own), ...(await others)]
  return found.toSorted((a, b) => (a.memberNumber < b.memberNumber ? -1 : 1))
}

export async function ledgersOf(
  knex: Knex,
  kind: Database['kind'],
  payerIds: readonly string[],
): Promise<Map<string, Ledger[]>> {
  const members = await inLots(payerIds, (some) => paidBy(knex, some))
  const ids = members.map(({ id }) => id)
  // The lock before the facts: what is read from here on stays.
  await inLots(ids, async (some) => [await memberLock(knex, kind)(...some)])
  const terms = Map.groupBy(await inLots(ids, (some) => termsOf(knex, some)), ({ memberId }) => memberId)
  const events = Map.groupBy(
    await inLots<string, MemberEvent & { memberId: string }>(ids, (some) =>
      knex('memberEvent')
        .whereIn('memberId', some)
        .orderBy('recordedAt')
        .orderBy('id')
        .select('memberId', 'kind', 'effectiveOn'),
    ),
    ({ memberId }) => memberId,
  )
  const standings = new Map(
    (
      await inLots<string, { memberId: string; standing: Standing }>(ids, (some) =>
        knex('standing').whereIn('memberId', some).select('memberId', 'standing'),
      )
    ).map(({ memberId, standing }) => [memberId, standing]),
  )
  const ledgers = Map.groupBy(members, ({ paidById }) => paidById)
  return new Map(
    [...ledgers].map(([payerId, paid]) => [
      payerId,
      paid.map(({ paidById: _, ...member }) => ({
        member,
        terms: terms.get(member.id) ?? [],
        events: (events.get(member.id) ?? []).map(({ kind, effectiveOn }) => ({ kind, effectiveOn })),
        standing: standings.get(member.id),
      })),
    ]),
  )
}
