// What went out: each message given to a mail server by a login, and what its log says became of it.
import type { Knex } from 'knex'
import type { Delivery, OutgoingStore, Submission } from '../../src/ports.ts'
import type { Database } from './database.ts'
import { exactly } from './exactly.ts'
import { endingLike } from './like.ts'

const SWEPT = 500
/** SQLite takes some hundred rows in one insert (SQLITE_MAX_COMPOUND_SELECT); a log is read in pieces of thousands. */
const AT_ONCE = 100

const inPieces = async <T>(rows: readonly T[], insert: (piece: T[]) => Promise<unknown>): Promise<void> => {
  for (let from = 0; from < rows.length; from += AT_ONCE) await insert(rows.slice(from, from + AT_ONCE))
}

/** The messages of `delivery` that went through one of these logins; of none when there is none. */
const sentThrough = (knex: Knex, through: readonly { login: string; sinceAt: number }[]) =>
  knex('submission')
    .whereRaw('submission.service = delivery.service and submission.queue_id = delivery.queue_id')
    .where((any) => {
      any.whereRaw('1 = 0')
      for (const { login, sinceAt } of through)
        any.orWhere((one) => one.where('submission.login', login).where('submission.at', '>=', sinceAt))
    })
    .select(knex.raw('1'))

export const outgoingStore = (knex: Knex, kind: Database['kind']): OutgoingStore => ({
  submitted: async (submissions) => {
    await inPieces(submissions, async (piece) => {
      await knex('submission').insert(piece).onConflict(['service', 'queueId']).ignore()
    })
  },
  get: async (service, queueId) =>
    exactly<Submission>(await knex('submission').where({ service, queueId }).first(), { service, queueId }),
  setState: async (service, queueId, from, to) =>
    (await knex('submission').where({ service, queueId, state: from }).update({ state: to })) === 1,
  list: async ({ login, state, sinceAt, limit }) => {
    const found = knex('submission').orderBy('at', 'desc').orderBy('queueId').limit(limit)
    if (login !== undefined) found.where({ login })
    if (state !== undefined) found.where({ state })
    if (sinceAt !== undefined) found.where('at', '>=', sinceAt)
    return found
  },
  sent: async (sinceAt, limit) => {
    const rows: Record<string, unknown>[] = await knex('submission')
      .where('at', '>=', sinceAt)
      .groupBy('login')
      .select('login')
      .max({ memberId: 'memberId' })
      .count({ messages: '*' })
      .sum({ recipients: 'recipients' })
      .max({ lastAt: 'at' })
      .orderBy('recipients', 'desc')
      .orderBy('login')
      .limit(limit)
    return rows.map((row) => ({
      login: String(row.login),
      memberId: row.memberId === null ? null : String(row.memberId),
      messages: Number(row.messages),
      recipients: Number(row.recipients),
      lastAt: Number(row.lastAt),
    }))
  },
  volume: async (sinceAt, stepMs, of) => {
    // SQLite takes a number that is bound for one with a fraction.
    const step = kind === 'sqlite' ? 'cast((at - ?) / ? as integer)' : '(at - ?) div ?'
    const found = knex('submission').where('at', '>=', sinceAt)
    if (of) found.where(of)
    const rows: Record<string, unknown>[] = await found
      .select(knex.raw(`${step} as span`, [sinceAt, stepMs]))
      .count({ messages: '*' })
      .sum({ recipients: 'recipients' })
      .groupBy('span')
      .orderBy('span')
    return rows.map((row) => ({
      at: sinceAt + Number(row.span) * stepMs,
      messages: Number(row.messages),
      recipients: Number(row.recipients),
    }))
  },
  delivered: async (deliveries) => {
    await inPieces(deliveries, async (piece) => {
      await knex('delivery').insert(piece).onConflict(['service', 'queueId', 'recipient', 'result', 'at']).ignore()
    })
  },
  deliveries: async ({ recipient, sender, queueId, result, through, sinceAt, limit }) => {
    const found = knex('delivery').where('at', '>=', sinceAt).orderBy('at', 'desc').orderBy('id', 'desc').limit(limit)
    if (recipient?.startsWith('@')) found.whereRaw("recipient like ? escape '!'", [endingLike(recipient)])
    else if (recipient !== undefined) found.where({ recipient })
    if (sender !== undefined) found.where({ sender })
    if (queueId !== undefined) found.where({ queueId })
    if (result !== undefined) found.where({ result })
    if (through) found.whereExists(sentThrough(knex, through))
    return (await found) as Delivery[]
  },
  sweep: async (before) => {
    const rows: { service: string; queueId: string }[] = await knex('submission')
      .where('at', '<', before)
      .limit(SWEPT)
      .select('service', 'queueId')
    for (const { service, queueId } of rows) await knex('submission').where({ service, queueId }).delete()
    const ids: number[] = await knex('delivery').where('at', '<', before).limit(SWEPT).pluck('id')
    await knex('delivery').whereIn('id', ids).delete()
    return rows.length === SWEPT || ids.length === SWEPT
  },
})
