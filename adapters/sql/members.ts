// Members with their terms and events, and the standing that follows from them.
import type { Knex } from 'knex'
import { type Standing, standings } from '../../src/domain/standing.ts'
import type { Member, MemberListed, MemberStore, PaidTerm, StandingInForce, StandingStore } from '../../src/ports.ts'
import type { Database } from './database.ts'
import { exactly } from './exactly.ts'
import { escapeLike } from './like.ts'

/**
 * Whoever changes a member's facts or computes its standing does so alone until the transaction ends: a fact that comes in
 * meanwhile must not be lost to an older answer. First of all, for whoever wrote something that refers to the member has a
 * lock that two at once cannot both raise. SQLite has one writer anyway.
 */
export const memberLock =
  (knex: Knex, kind: Database['kind']) =>
  async (...ids: string[]): Promise<void> => {
    if (kind === 'mysql' && knex.isTransaction)
      await knex('member').whereIn('id', ids).orderBy('id').forUpdate().select('id')
  }

export const memberStore = (knex: Knex, kind: Database['kind']): MemberStore => ({
  add: async (member) => {
    await knex('member').insert(member)
  },
  update: async ({ id, ...member }) => {
    await knex('member').where({ id }).update(member)
  },
  get: async (id) => exactly<Member>(await knex('member').where({ id }).first(), { id }),
  byNumber: async (organisationId, memberNumber) =>
    exactly<Member>(await knex('member').where({ organisationId, memberNumber }).first(), { memberNumber }),
  byEmail: async (organisationId, email) =>
    (await knex('member').where({ organisationId, email }).orderBy('id')).filter(
      (member: Member) => member.email === email,
    ),
  list: async ({ standing, text, withoutTariff, limit = 1000, offset = 0 }) => {
    // Which ones, first: whole rows are read for one page only, not for all that stand before it.
    const query = knex('member').select('member.id')
    if (standing) query.join('standing', 'standing.memberId', 'member.id').where('standing.standing', standing)
    if (withoutTariff)
      query
        .leftJoin('memberDues', 'memberDues.memberId', 'member.id')
        .leftJoin({ present: 'standing' }, 'present.memberId', 'member.id')
        .whereNull('memberDues.tariff')
        .where((any) => any.whereNull('present.standing').orWhereNot('present.standing', 'closed'))
    if (text) {
      const like = escapeLike(text)
      query.where((any) =>
        any
          .whereRaw("lower(member.name) like ? escape '!'", like)
          .orWhereRaw("lower(member.member_number) like ? escape '!'", like)
          .orWhereRaw("lower(member.email) like ? escape '!'", like),
      )
    }
    const page = query.orderBy('member.memberNumber').orderBy('member.id').limit(limit).offset(offset)
    const rows = await knex('member')
      .join(page.as('page'), 'page.id', 'member.id')
      .leftJoin('standing', 'standing.memberId', 'member.id')
      .orderBy('member.memberNumber')
      .orderBy('member.id')
      .select('member.*', 'standing.standing', 'standing.coveredUntilOn')
    return rows.map((row: MemberListed) => ({ ...row, standing: row.standing ?? 'applicant' }))
  },
  highestNumber: async (organisationId) => {
    // One to nine digits; no more than the index is read.
    const [plain, number] =
      kind === 'mysql'
        ? ["member_number regexp '^[0-9]{1,9}$'", 'cast(member_number as unsigned)']
        : ["member_number not glob '*[^0-9]*' and length(member_number) < 10", 'cast(member_number as integer)']
    const numbers = knex('member').where({ organisationId }).whereRaw(plain)
    const row: { highest: number | null } | undefined = await numbers.first(knex.raw(`max(${number}) as highest`))
    return Number(row?.highest ?? 0)
  },
  addEvent: async (event) => {
    await memberLock(knex, kind)(event.memberId)
    await knex('memberEvent').insert(event)
  },
})

type TermRow = Omit<PaidTerm, 'exempt'> & { exempt: number } & Record<
    'cancelledAt' | 'cancelledBy' | 'cancelReason',
    null
  >

/** Terms that were not cancelled, the oldest first. */
export async function termsOf(knex: Knex, memberIds: readonly string[]): Promise<PaidTerm[]> {
  const paid = knex.raw(
    '(select coalesce(sum(cents), 0) from allocation where allocation.term_id = term.id) as paid_cents',
  )
  const rows: TermRow[] = await knex('term')
    .whereIn('memberId', memberIds)
    .whereNull('cancelledAt')
    .orderBy('startOn')
    .orderBy('id')
    .select('term.*', paid)
  return rows.map(({ cancelledAt: _at, cancelledBy: _by, cancelReason: _why, ...row }) => ({
    ...row,
    exempt: Boolean(row.exempt),
    paidCents: Number(row.paidCents),
  }))
}

export const standingStore = (knex: Knex, kind: Database['kind']): StandingStore => {
  const lock = memberLock(knex, kind)
  return {
    addTerm: async (term) => {
      await lock(term.memberId)
      await knex('term').insert({ ...term, exempt: Number(term.exempt) })
    },
    terms: (memberId) => termsOf(knex, [memberId]),
    cancelTerm: async (id, cancelledAt, why) => {
      await knex('term')
        .where({ id })
        .update({ cancelledAt, ...(why && { cancelledBy: why.by, cancelReason: why.reason }) })
    },
    facts: async (memberId) => {
      await lock(memberId)
      const terms = await termsOf(knex, [memberId])
      const events = await knex('memberEvent')
        .where({ memberId })
        .orderBy('recordedAt')
        .orderBy('id')
        .select('kind', 'effectiveOn')
      return {
        terms: terms.map(({ startOn, endOn, dueCents, paidCents, exempt }) => ({
          startOn,
          endOn,
          dueCents,
          paidCents,
          exempt,
        })),
        events,
      }
    },
    get: async (memberId) => exactly<StandingInForce>(await knex('standing').where({ memberId }).first(), { memberId }),
    put: async (...standings) => {
      await knex('standing').insert(standings).onConflict('memberId').merge()
    },
    due: (on, afterId, limit) =>
      knex('standing')
        // One computed for a later day was computed by a clock that was wrong.
        .where((any) => any.where('nextChangeOn', '<=', on).orWhere('computedOn', '>', on))
        .where('memberId', '>', afterId)
        .orderBy('memberId')
        .limit(limit)
        .select('memberId'),
    lookAgain: async (on) => {
      await knex('standing')
        .where((any) => any.whereNull('nextChangeOn').orWhere('nextChangeOn', '>', on))
        .update({ nextChangeOn: on })
    },
    count: async () => {
      const rows: { standing: Standing; n: number }[] = await knex('standing')
        .groupBy('standing')
        .select('standing')
        .count({ n: '*' })
      return Object.fromEntries(
        standings.map((standing) => [standing, Number(rows.find((row) => row.standing === standing)?.n ?? 0)]),
      ) as Record<Standing, number>
    },
  }
}
