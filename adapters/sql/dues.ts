// What the assembly decided, and what payers are asked for.
import type { Knex } from 'knex'
import type { DuesRules } from '../../src/domain/dues.ts'
import type { Call, CallLine, CallStore, DuesStore, Member, RuleSet } from '../../src/ports.ts'
import { exactly } from './exactly.ts'
import { inLots } from './insert.ts'

type RulesRow = Omit<RuleSet, 'reminderDays'> & { reminderDays: string }
const rulesIn = (row: RulesRow): RuleSet => ({
  ...row,
  reminderDays: JSON.parse(row.reminderDays) as DuesRules['reminderDays'],
})

export const duesStore = (knex: Knex): DuesStore => ({
  account: (organisationId) => knex('bankAccount').where({ organisationId }).first(),
  setAccount: async (account) => {
    await knex('bankAccount').insert(account).onConflict('organisationId').merge()
  },
  addTariff: async (tariff) => {
    await knex('tariff').insert(tariff)
  },
  tariffs: (organisationId) => knex('tariff').where({ organisationId }).orderBy('validFromOn').orderBy('name'),
  addRules: async (rules) => {
    await knex('duesRules').insert({ ...rules, reminderDays: JSON.stringify(rules.reminderDays) })
  },
  rules: async (organisationId) =>
    (await knex('duesRules').where({ organisationId }).orderBy('validFromOn')).map(rulesIn),
  setMember: async (dues) => {
    await knex('memberDues').insert(dues).onConflict('memberId').merge()
  },
  member: async (memberId) => exactly(await knex('memberDues').where({ memberId }).first(), { memberId }),
  paidBy: async (payerId): Promise<Member[]> => {
    // Two look-ups by an index each: joined by an `or` they would read every member.
    const [own, others] = await Promise.all([
      knex('member')
        .leftJoin('memberDues', 'memberDues.memberId', 'member.id')
        .where('member.id', payerId)
        .whereNull('memberDues.payerId')
        .select('member.*'),
      knex('memberDues').join('member', 'member.id', 'memberDues.memberId').where({ payerId }).select('member.*'),
    ])
    return [...own, ...others].toSorted((a, b) => (a.memberNumber < b.memberNumber ? -1 : 1))
  },
})

export const callStore = (knex: Knex): CallStore => {
  const linesOf = (callIds: readonly string[]): Promise<CallLine[]> =>
    knex('duesCallLine').whereIn('callId', callIds).orderBy('termId').select('callId', 'termId', 'cents')
  return {
    add: async (call, lines) => {
      if (await knex('duesCall').where({ ogm: call.ogm }).first('id')) return false
      await knex('duesCall').insert(call)
      if (lines.length > 0) await knex('duesCallLine').insert([...lines])
      return true
    },
    byOgms: async (ogms) => {
      const calls: Call[] = await inLots(ogms, (some) => knex('duesCall').whereIn('ogm', some))
      const asked = new Set(ogms)
      return new Map(calls.filter(({ ogm }) => asked.has(ogm)).map((call) => [call.ogm, call]))
    },
    ofPayer: async (payerId) => {
      const calls: Call[] = await knex('duesCall').where({ payerId }).orderBy('createdAt', 'desc').orderBy('id')
      const lines = await linesOf(calls.map(({ id }) => id))
      return calls.map((call) => ({ ...call, lines: lines.filter(({ callId }) => callId === call.id) }))
    },
    cancel: async (id, cancelledAt) => {
      await knex('duesCall').where({ id }).whereNull('cancelledAt').update({ cancelledAt })
    },
    asking: (termIds): Promise<Call[]> =>
      knex('duesCall')
        .whereIn('id', knex('duesCallLine').whereIn('termId', termIds).select('callId'))
        .whereNull('cancelledAt')
        .orderBy('createdAt')
        .orderBy('id'),
    toCall: (organisationId, untilOn, afterId, limit): Promise<Member[]> =>
      knex('member')
        .join('memberDues', 'memberDues.memberId', 'member.id')
        .leftJoin('standing', 'standing.memberId', 'member.id')
        .where({ organisationId })
        .whereNotNull('tariff')
        .where((any) => any.whereNull('coveredUntilOn').orWhere('coveredUntilOn', '<=', untilOn))
        .where((any) => any.whereNull('standing').orWhereNot('standing', 'closed'))
        .where('member.id', '>', afterId)
        .orderBy('member.id')
        .limit(limit)
        .select('member.*'),
  }
}
