// Money that arrived and the terms it was put on; statements of the bank and their lines; reminders. Payments and
// allocations are only ever added.
import type { Knex } from 'knex'
import type {
  Allocation,
  BankFile,
  BankLineRecord,
  BankStore,
  Payment,
  PaymentSource,
  PaymentStore,
  Receipt,
  Reminder,
  ReminderStore,
} from '../../src/ports.ts'
import { exactly } from './exactly.ts'

/** Rows in one statement: SQLite takes 32,766 values, MariaDB 16 MB. */
const AT_ONCE = 200

async function insertAll(knex: Knex, table: string, rows: readonly object[]): Promise<void> {
  for (let from = 0; from < rows.length; from += AT_ONCE) await knex(table).insert(rows.slice(from, from + AT_ONCE))
}

type WithAllocations = Payment & { allocations: Allocation[]; reversed: boolean }

async function withAllocations(knex: Knex, payments: readonly Payment[]): Promise<WithAllocations[]> {
  const ids = payments.map(({ id }) => id)
  const allocations: Allocation[] = await knex('allocation')
    .whereIn('paymentId', ids)
    .orderBy('recordedAt')
    .orderBy('id')
  const reversed = new Set(await knex('payment').whereIn('reversesId', ids).pluck('reverses_id'))
  return payments.map((payment) => ({
    ...payment,
    allocations: allocations.filter(({ paymentId }) => paymentId === payment.id),
    reversed: reversed.has(payment.id),
  }))
}

/** The terms of an organisation's members of which something is owed; `a.paid` is what was paid on each. */
export const owed = (knex: Knex, organisationId: string) =>
  knex('term')
    .join('member', 'member.id', 'term.memberId')
    .leftJoin(
      knex('allocation').groupBy('termId').select('termId').sum({ paid: 'cents' }).as('a'),
      'a.termId',
      'term.id',
    )
    .where({ 'member.organisationId': organisationId, exempt: 0 })
    .whereNull('cancelledAt')
    .whereRaw('due_cents > coalesce(a.paid, 0)')

export const paymentStore = (knex: Knex): PaymentStore => ({
  add: async (payment, allocations) => {
    await knex('payment').insert(payment)
    await insertAll(knex, 'allocation', allocations)
  },
  allocate: (allocations) => insertAll(knex, 'allocation', allocations),
  get: async (id) => {
    const payment = exactly<Payment>(await knex('payment').where({ id }).first(), { id })
    return payment && (await withAllocations(knex, [payment]))[0]
  },
  ofPayer: async (payerId) =>
    withAllocations(
      knex,
      await knex('payment').where({ payerId }).orderBy('valueOn', 'desc').orderBy('recordedAt', 'desc').orderBy('id'),
    ),
  addReceipt: async ({ organisationId, year, ...receipt }) => {
    const last = await knex('receipt').where({ organisationId, year }).max({ number: 'number' }).first()
    const made: Receipt = { organisationId, year, number: Number(last?.number ?? 0) + 1, ...receipt }
    await knex('receipt').insert(made)
    return made
  },
  receiptOf: async (paymentId) => exactly<Receipt>(await knex('receipt').where({ paymentId }).first(), { paymentId }),
  received: async (organisationId, fromOn, toOn) => {
    const rows: { month: string; source: PaymentSource; cents: number }[] = await knex('payment')
      .where({ organisationId })
      .whereBetween('valueOn', [fromOn, toOn])
      .groupByRaw('substr(value_on, 1, 7), source')
      .orderByRaw('substr(value_on, 1, 7), source')
      .select(knex.raw('substr(value_on, 1, 7) as month'), 'source')
      .sum({ cents: 'cents' })
    return rows.map(({ month, source, cents }) => ({ month, source, cents: Number(cents) }))
  },
  owing: async (organisationId) => {
    const rows: { payerId: string; name: string; cents: number }[] = await owed(knex, organisationId)
      .leftJoin('memberDues', 'memberDues.memberId', 'member.id')
      .join({ payer: 'member' }, (on) => on.on('payer.id', knex.raw('coalesce(member_dues.payer_id, member.id)')))
      .groupBy('payer.id', 'payer.name')
      .orderBy('payer.id')
      .select('payer.id as payerId', 'payer.name', knex.raw('sum(due_cents - coalesce(a.paid, 0)) as cents'))
    return rows.map((row) => ({ ...row, cents: Number(row.cents) }))
  },
  expected: async (organisationId, toOn) => {
    const rows: { month: string; cents: number }[] = await owed(knex, organisationId)
      .where('startOn', '<=', toOn)
      .groupByRaw('substr(start_on, 1, 7)')
      .orderByRaw('substr(start_on, 1, 7)')
      .select(knex.raw('substr(start_on, 1, 7) as month, sum(due_cents - coalesce(a.paid, 0)) as cents'))
    return rows.map(({ month, cents }) => ({ month, cents: Number(cents) }))
  },
})

export const bankStore = (knex: Knex): BankStore => {
  const known = async (organisationId: string, keys: readonly string[]): Promise<Set<string>> => {
    const found = new Set<string>()
    for (let from = 0; from < keys.length; from += AT_ONCE) {
      const some = keys.slice(from, from + AT_ONCE)
      const there = await knex('bankLine').where({ organisationId }).whereIn('dedupeKey', some).pluck('dedupe_key')
      for (const key of there) found.add(key)
    }
    return found
  }
  return {
    fileByDigest: async (organisationId, digest) =>
      exactly<BankFile>(await knex('bankFile').where({ organisationId, digest }).first(), { digest }),
    addFile: async (file) => {
      await knex('bankFile').insert(file)
    },
    files: (organisationId) => knex('bankFile').where({ organisationId }).orderBy('importedAt', 'desc').orderBy('id'),
    known,
    addLines: async (lines) => {
      const [first] = lines
      if (!first) return 0
      const there = await known(
        first.organisationId,
        lines.map(({ dedupeKey }) => dedupeKey),
      )
      const added = lines.filter(({ dedupeKey }) => !there.has(dedupeKey))
      await insertAll(knex, 'bankLine', added)
      return added.length
    },
    line: async (id) => exactly<BankLineRecord>(await knex('bankLine').where({ id }).first(), { id }),
    lines: ({ organisationId, state, limit = 1000, offset = 0 }) =>
      knex('bankLine')
        .where({ organisationId, ...(state && { state }) })
        .orderBy('bookedOn', 'desc')
        .orderBy('id')
        .limit(limit)
        .offset(offset),
    setState: async (id, state, note) => {
      await knex('bankLine').where({ id }).update({ state, note })
    },
    payersOf: (organisationId, counterIban) =>
      knex('bankLine')
        .join('payment', 'payment.bankLineId', 'bankLine.id')
        .where({ 'bankLine.organisationId': organisationId, counterIban })
        .distinct()
        .pluck('payer_id'),
  }
}

export const reminderStore = (knex: Knex): ReminderStore => ({
  add: async (reminder: Reminder) => {
    try {
      await knex('reminder').insert(reminder)
      return true
    } catch (error) {
      const { code = '' } = error as { code?: string }
      if (['SQLITE_CONSTRAINT_PRIMARYKEY', 'ER_DUP_ENTRY'].includes(code)) return false
      throw error
    }
  },
  failed: async (memberId, coveredUntilOn, ruleDay) => {
    await knex('reminder').where({ memberId, coveredUntilOn, ruleDay }).update({ result: 'failed' })
  },
  ofMember: (memberId) => knex('reminder').where({ memberId }).orderBy('sentAt', 'desc').orderBy('ruleDay'),
  unreached: (limit) =>
    knex('reminder')
      .whereIn('result', ['no_address', 'failed'])
      .orderBy('sentAt', 'desc')
      .orderBy('memberId')
      .limit(limit),
})
