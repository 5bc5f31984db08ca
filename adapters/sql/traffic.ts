// What sites were asked for, an hour a row.
import type { Knex } from 'knex'
import { busiest, type Share, type Traffic } from '../../src/domain/traffic.ts'
import type { TrafficStore } from '../../src/ports.ts'

const SWEPT = 500

type Row = Omit<Traffic, 'paths' | 'addresses'> & { paths: string; addresses: string }
const shares = (text: string): Share[] => JSON.parse(text)
const trafficOf = ({ paths, addresses, ...row }: Row): Traffic => ({
  ...row,
  bytes: Number(row.bytes),
  requests: Number(row.requests),
  paths: shares(paths),
  addresses: shares(addresses),
})

export const trafficStore = (knex: Knex): TrafficStore => ({
  add: async (rows) => {
    for (const { siteId, at, bytes, requests, paths, addresses } of rows) {
      const empty = { siteId, at, bytes: 0, requests: 0, paths: '[]', addresses: '[]' }
      await knex('traffic').insert(empty).onConflict(['siteId', 'at']).ignore()
      // Adding first: from here to the end of the transaction nobody else changes the row that is read next.
      await knex('traffic')
        .where({ siteId, at })
        .update({ bytes: knex.raw('bytes + ?', [bytes]), requests: knex.raw('requests + ?', [requests]) })
      const before: Row = await knex('traffic').where({ siteId, at }).first()
      await knex('traffic')
        .where({ siteId, at })
        .update({
          paths: JSON.stringify(busiest([...shares(before.paths), ...paths])),
          addresses: JSON.stringify(busiest([...shares(before.addresses), ...addresses])),
        })
    }
  },
  hours: async (siteId, sinceAt) =>
    ((await knex('traffic').where({ siteId }).where('at', '>=', sinceAt).orderBy('at')) as Row[]).map(trafficOf),
  totals: async (sinceAt, untilAt) => {
    const rows: Record<string, unknown>[] = await knex('traffic')
      .where('at', '>=', sinceAt)
      .where('at', '<', untilAt)
      .groupBy('siteId')
      .select('siteId')
      .sum({ bytes: 'bytes' })
      .sum({ requests: 'requests' })
      .orderBy('bytes', 'desc')
      .orderBy('siteId')
    return rows.map(({ siteId, bytes, requests }) => ({
      siteId: String(siteId),
      bytes: Number(bytes),
      requests: Number(requests),
    }))
  },
  sweep: async (before) => {
    const rows: { siteId: string; at: number }[] = await knex('traffic')
      .where('at', '<', before)
      .limit(SWEPT)
      .select('siteId', 'at')
    for (const { siteId, at } of rows) await knex('traffic').where({ siteId, at }).delete()
    return rows.length === SWEPT
  },
})
