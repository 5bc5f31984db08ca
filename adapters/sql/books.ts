// What the treasurer looks at: payments with who paid them, who stands where and owes what. Only read.
import type { Knex } from 'knex'
import type { AllocationKept, BooksStore, PaymentListed, RollRow, TermKept } from '../../src/ports.ts'
import type { Database } from './database.ts'
import { ledgersOf } from './ledgers.ts'
import { escapeLike } from './like.ts'
import { owed } from './payments.ts'

type PaymentRow = Omit<PaymentListed, 'reversed' | 'receipt'> & {
  reversalId: string | null
  receiptYear: number | null
  receiptNumber: number | null
}
const listed = ({ reversalId, receiptYear: year, receiptNumber: number, ...payment }: PaymentRow): PaymentListed => ({
  ...payment,
  reversed: reversalId !== null,
  receipt: year === null || number === null ? null : { year, number },
})

export const booksStore = (knex: Knex, kind: Database['kind']): BooksStore => ({
  ledgers: (payerIds) => ledgersOf(knex, kind, payerIds),
  payments: async ({ organisationId, text, bankLineId, limit, offset = 0 }) => {
    const query = knex('payment')
      .join('member', 'member.id', 'payment.payerId')
      .leftJoin({ reversal: 'payment' }, 'reversal.reversesId', 'payment.id')
      .leftJoin('receipt', 'receipt.paymentId', 'payment.id')
      .where('payment.organisationId', organisationId)
    if (bankLineId) query.where('payment.bankLineId', bankLineId)
    if (text) {
      const like = escapeLike(text)
      query.where((any) =>
        any
          .whereRaw("lower(member.name) like ? escape '!'", like)
          .orWhereRaw("lower(member.member_number) like ? escape '!'", like),
      )
    }
    const rows: PaymentRow[] = await query
      .orderBy('payment.recordedAt', 'desc')
      .orderBy('payment.id')
      .limit(limit)
      .offset(offset)
      .select(
        'payment.*',
        'member.memberNumber as payerNumber',
        'member.name as payerName',
        'reversal.id as reversalId',
        'receipt.year as receiptYear',
        'receipt.number as receiptNumber',
      )
    return rows.map(listed)
  },
  withoutTariff: async (organisationId) => {
    const row = await knex('member')
      .leftJoin('memberDues', 'memberDues.memberId', 'member.id')
      .leftJoin('standing', 'standing.memberId', 'member.id')
      .where({ 'member.organisationId': organisationId })
      .whereNull('tariff')
      .where((any) => any.whereNull('standing').orWhereNot('standing', 'closed'))
      .count({ count: '*' })
      .first()
    return Number(row?.count)
  },
  waiting: async (organisationId) => {
    const row = await knex('bankLine').where({ organisationId, state: 'new' }).count({ count: '*' }).first()
    return Number(row?.count)
  },
  roll: async (organisationId, offset, limit) => {
    const rows: RollRow[] = await knex('member')
      .leftJoin('memberDues', 'memberDues.memberId', 'member.id')
      .leftJoin('standing', 'standing.memberId', 'member.id')
      .leftJoin({ payer: 'member' }, 'payer.id', 'memberDues.payerId')
      .leftJoin(
        owed(knex, organisationId)
          .leftJoin('memberDues', 'memberDues.memberId', 'member.id')
          .groupByRaw('coalesce(member_dues.payer_id, member.id)')
          .select(
            knex.raw('coalesce(member_dues.payer_id, member.id) as payer_id'),
            knex.raw('sum(due_cents - coalesce(a.paid, 0)) as cents'),
          )
          .as('o'),
        'o.payerId',
        'member.id',
      )
      .where('member.organisationId', organisationId)
      .orderBy('member.memberNumber')
      .orderBy('member.id')
      .limit(limit)
      .offset(offset)
      .select(
        'member.memberNumber',
        'member.name',
        'member.email',
        'standing.standing',
        'standing.coveredUntilOn',
        'memberDues.tariff',
        'payer.memberNumber as payerNumber',
        'o.cents',
      )
    return rows.map((row) => ({ ...row, standing: row.standing ?? 'applicant', cents: Number(row.cents ?? 0) }))
  },
  kept: async (memberId) => {
    const terms: (Omit<TermKept, 'exempt'> & { exempt: number })[] = await knex('term')
      .where({ memberId })
      .orderBy('startOn')
      .orderBy('createdAt')
      .orderBy('id')
    const events = await knex('memberEvent')
      .where({ memberId })
      .orderBy('recordedAt')
      .orderBy('id')
      .select('kind', 'effectiveOn', 'recordedAt')
    const allocations: AllocationKept[] = await knex('allocation')
      .join('term', 'term.id', 'allocation.termId')
      .join('payment', 'payment.id', 'allocation.paymentId')
      .where('term.memberId', memberId)
      .orderBy('payment.valueOn')
      .orderBy('allocation.recordedAt')
      .orderBy('allocation.id')
      .select(
        'allocation.*',
        'payment.valueOn',
        knex.raw('coalesce(payment.refunds_id, payment.reverses_id, payment.id) as root_id'),
      )
    return { terms: terms.map((term) => ({ ...term, exempt: Boolean(term.exempt) })), events, allocations }
  },
  termsById: (ids) =>
    knex('term').whereIn('id', ids).orderBy('startOn').orderBy('id').select('id', 'memberId', 'startOn'),
})
