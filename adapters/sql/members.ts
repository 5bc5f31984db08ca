// Members with their terms and events, and the standing that follows from them.
import type { Knex } from 'knex'
import { type Standing, standings, type Term } from '../../src/domain/standing.ts'
import type { Member, MemberListed, MemberStore, StandingInForce, StandingStore, TermRecord } from '../../src/ports.ts'
import type { Database } from './database.ts'
import { exactly } from './exactly.ts'
import { escapeLike } from './like.ts'

/**
 * Whoever changes a member's facts or computes its standing does so alone until the transaction ends: a fact that comes in
 * meanwhile must not be lost to an older answer. First of all, for whoever wrote something that refers to the member has a
 * lock that two at once cannot both raise. SQLite has one writer anyway.
 */
const memberLock = (knex: Knex, kind: Database['kind']) => async (id: string) => {
  if (kind === 'mysql' && knex.isTransaction) await knex('member').where({ id }).forUpdate().select('id')
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
  list: async ({ standing, text, limit = 1000, offset = 0 }) => {
    const query = knex('member')
      .leftJoin('standing', 'standing.memberId', 'member.id')
      .select('member.*', 'standing.standing', 'standing.coveredUntilOn')
    if (standing) query.where('standing.standing', standing)
    if (text) {
      const like = escapeLike(text)
      query.where((any) =>
        any
          .whereRaw("lower(member.name) like ? escape '!'", like)
          .orWhereRaw("lower(member.member_number) like ? escape '!'", like)
          .orWhereRaw("lower(member.email) like ? escape '!'", like),
      )
    }
    const rows = await query.orderBy('member.memberNumber').orderBy('member.id').limit(limit).offset(offset)
    return rows.map((row: MemberListed) => ({ ...row, standing: row.standing ?? 'applicant' }))
  },
  highestNumber: async (organisationId) => {
    const numbers: string[] = await knex('member').where({ organisationId }).pluck('member_number')
    return numbers.reduce(
      (highest, number) => (/^\d{1,9}$/.test(number) ? Math.max(highest, Number(number)) : highest),
      0,
    )
  },
  addEvent: async (event) => {
    await memberLock(knex, kind)(event.memberId)
    await knex('memberEvent').insert(event)
  },
})

export const standingStore = (knex: Knex, kind: Database['kind']): StandingStore => {
  const lock = memberLock(knex, kind)
  return {
    addTerm: async (term) => {
      await lock(term.memberId)
      await knex('term').insert({ ...term, exempt: Number(term.exempt) })
    },
    terms: async (memberId) =>
      (
        await knex('term')
          .where({ memberId })
          .whereNull('cancelledAt')
          .orderBy('startOn')
          .orderBy('id')
          .select('id', 'memberId', 'startOn', 'endOn', 'dueCents', 'exempt', 'source', 'createdAt')
      ).map((row: TermRecord) => ({ ...row, exempt: Boolean(row.exempt) })),
    cancelTerm: async (id, cancelledAt) => {
      await knex('term').where({ id }).update({ cancelledAt })
    },
    facts: async (memberId) => {
      await lock(memberId)
      const terms = await knex('term')
        .where({ memberId })
        .whereNull('cancelledAt')
        .select('startOn', 'endOn', 'dueCents', 'exempt')
      const events = await knex('memberEvent')
        .where({ memberId })
        .orderBy('recordedAt')
        .orderBy('id')
        .select('kind', 'effectiveOn')
      // Payments come with the dues; until then a term is covered when nothing is due for it.
      return {
        terms: terms.map((term: Omit<Term, 'paidCents'>) => ({ ...term, exempt: Boolean(term.exempt), paidCents: 0 })),
        events,
      }
    },
    get: async (memberId) => exactly<StandingInForce>(await knex('standing').where({ memberId }).first(), { memberId }),
    put: async (standing) => {
      await knex('standing').insert(standing).onConflict('memberId').merge()
    },
    due: (on, afterId, limit) =>
      knex('standing')
        // One computed for a later day was computed by a clock that was wrong.
        .where((any) => any.where('nextChangeOn', '<=', on).orWhere('computedOn', '>', on))
        .where('memberId', '>', afterId)
        .orderBy('memberId')
        .limit(limit)
        .select('memberId'),
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
