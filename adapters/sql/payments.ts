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
import { inLots, insertAll } from './insert.ts'

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

type Owing = { payerId: string; name: string; cents: number }
const MEMBERS = 500

/** What these members owe, each to be paid by somebody; some of them more than once. */
const owedBy = (knex: Knex, memberIds: readonly string[]): Promise<Owing[]> => {
  const paid = '(select coalesce(sum(cents), 0) from allocation where allocation.term_id = term.id)'
  return knex('term')
    .join('member', 'member.id', 'term.memberId')
    .leftJoin('memberDues', 'memberDues.memberId', 'member.id')
    .join({ payer: 'member' }, (on) => on.on('payer.id', knex.raw('coalesce(member_dues.payer_id, member.id)')))
    .whereIn('term.memberId', memberIds)
    .where({ exempt: 0 })
    .whereNull('cancelledAt')
    .whereRaw(`due_cents > ${paid}`)
    .select('payer.id as payerId', 'payer.name', knex.raw(`due_cents - ${paid} as cents`))
}

export const paymentStore = (knex: Knex): PaymentStore => ({
  add: async (payments, allocations) => {
    await insertAll(knex, 'payment', [payments].flat())
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
  addReceipts: async ({ organisationId, year, issuedOn }, paymentIds) => {
    const last = await knex('receipt').where({ organisationId, year }).max({ number: 'number' }).first()
    const first = Number(last?.number ?? 0) + 1
    const made: Receipt[] = paymentIds.map((paymentId, at) => ({
      organisationId,
      year,
      number: first + at,
      paymentId,
      issuedOn,
    }))
    await insertAll(knex, 'receipt', made)
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
    // Some members at a time: of all at once nobody else would get a turn before the last.
    const owing = new Map<string, Owing>()
    const members = () => knex('member').where({ organisationId }).orderBy('id').limit(MEMBERS)
    for (let after = ''; ; ) {
      const ids: string[] = await members().where('id', '>', after).pluck('id')
      for (const { payerId, name, cents } of await owedBy(knex, ids))
        owing.set(payerId, { payerId, name, cents: (owing.get(payerId)?.cents ?? 0) + Number(cents) })
      if (ids.length < MEMBERS) break
      after = ids.at(-1)!
    }
    return [...owing.values()].toSorted((a, b) => (a.payerId < b.payerId ? -1 : 1))
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

type Like = NonNullable<Parameters<BankStore['lines']>[0]['like']>

async function linesLike(knex: Knex, organisationId: string, like: Like): Promise<BankLineRecord[]> {
  const amounts = new Set(like.cents)
  const found = await inLots<string, BankLineRecord>(like.days, (days) => {
    const lines = knex('bankLine').where({ organisationId }).whereIn('valueOn', days)
    if (like.cents.length <= FEW) lines.whereIn('cents', like.cents)
    if (like.notOf) lines.whereNot({ fileId: like.notOf })
    if (like.since !== undefined) lines.where('createdAt', '>=', like.since)
    return lines
  })
  return found
    .filter(({ cents }) => amounts.has(cents))
    .toSorted((a, b) => (a.bookedOn === b.bookedOn ? (a.id < b.id ? -1 : 1) : a.bookedOn < b.bookedOn ? 1 : -1))
}

/** So many amounts make a list worth giving to the database. */
const FEW = 100

export const bankStore = (knex: Knex): BankStore => {
  const known = async (organisationId: string, keys: readonly string[]): Promise<Set<string>> => {
    const lines = () => knex('bankLine').where({ organisationId })
    return new Set(await inLots<string, string>(keys, (some) => lines().whereIn('dedupeKey', some).pluck('dedupe_key')))
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
    lines: async ({ organisationId, state, like, limit = 1000, offset = 0 }) => {
      if (like) return linesLike(knex, organisationId, like)
      return knex('bankLine')
        .where({ organisationId, ...(state && { state }) })
        .orderBy('bookedOn', 'desc')
        .orderBy('id')
        .limit(limit)
        .offset(offset)
    },
    setState: async (id, state, note) => {
      await knex('bankLine').where({ id }).update({ state, note })
    },
    payersOf: async (organisationId, ibans) => {
      const paid = await inLots<string, { counterIban: string; payerId: string }>(ibans, (some) =>
        knex('bankLine')
          .join('payment', 'payment.bankLineId', 'bankLine.id')
          .where({ 'bankLine.organisationId': organisationId })
          .whereIn('counterIban', some)
          .distinct('counterIban', 'payerId'),
      )
      const byIban = Map.groupBy(paid, ({ counterIban }) => counterIban)
      return new Map([...byIban].map(([iban, rows]) => [iban, rows.map(({ payerId }) => payerId)]))
    },
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
