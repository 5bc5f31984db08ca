// What went out: each message given to a mail server by a login, and what its log says became of it.
import type { Knex } from 'knex'
import type { Delivery, OutgoingStore, Submission } from '../../src/ports.ts'
import type { Database } from './database.ts'
import { exactly } from './exactly.ts'

const SWEPT = 500

export const outgoingStore = (knex: Knex, kind: Database['kind']): OutgoingStore => ({
  submitted: async (submissions) => {
    if (submissions.length > 0)
      await knex('submission')
        .insert([...submissions])
        .onConflict(['service', 'queueId'])
        .ignore()
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
      .count({ messages: '*' })
      .sum({ recipients: 'recipients' })
      .max({ lastAt: 'at' })
      .orderBy('recipients', 'desc')
      .orderBy('login')
      .limit(limit)
    return rows.map((row) => ({
      login: String(row.login),
      messages: Number(row.messages),
      recipients: Number(row.recipients),
      lastAt: Number(row.lastAt),
    }))
  },
  volume: async (sinceAt, stepMs, login) => {
    // SQLite takes a number that is bound for one with a fraction.
    const step = kind === 'sqlite' ? 'cast((at - ?) / ? as integer)' : '(at - ?) div ?'
    const found = knex('submission').where('at', '>=', sinceAt)
    if (login !== undefined) found.where({ login })
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
    if (deliveries.length > 0) await knex('delivery').insert([...deliveries])
  },
  deliveries: async ({ recipient, sender, queueId, result, sinceAt, limit }) => {
    const found = knex('delivery').where('at', '>=', sinceAt).orderBy('at', 'desc').orderBy('id', 'desc').limit(limit)
    if (recipient?.startsWith('@')) found.where('recipient', 'like', `%${recipient.replace(/[\\%_]/g, '\\$&')}`)
    else if (recipient !== undefined) found.where({ recipient })
    if (sender !== undefined) found.where({ sender })
    if (queueId !== undefined) found.where({ queueId })
    if (result !== undefined) found.where({ result })
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
