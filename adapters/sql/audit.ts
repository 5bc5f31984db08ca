// The audit: append-only, each row chained to the one before. The chain runs over salted digests, so that a payload can
// be erased (GDPR art. 17) and the chain still verifies.
import { hash } from 'node:crypto'
import type { Knex } from 'knex'
import type { Appended, AuditEntry, AuditRow, AuditStore } from '../../src/ports.ts'
import type { Database } from './database.ts'
import { insertAll } from './insert.ts'

type Stored = Omit<AuditRow, 'payload'> & { payload: string | null; salt: string; digest: string; chain: string }

const digestOf = (payload: string, salt: string): string => hash('sha256', `${salt}\n${payload}`, 'base64url')
const chainOf = (
  previous: string,
  at: number,
  { actor, action, subjectKind, subjectId }: AuditEntry,
  digest: string,
): string => hash('sha256', JSON.stringify([previous, at, actor, action, subjectKind, subjectId, digest]), 'base64url')

const BATCH = 1000

/** On MariaDB the head is locked until the transaction ends; on SQLite the writer is alone already. */
async function headOf(knex: Knex, kind: Database['kind']): Promise<string> {
  const head = knex('auditHead').where({ only: 1 })
  return (await (kind === 'mysql' ? head.forUpdate() : head).first()).chain
}

async function appendAll(knex: Knex, kind: Database['kind'], rows: readonly Appended[]): Promise<void> {
  let chain = await headOf(knex, kind)
  const chained = rows.map(({ entry, at, salt }) => {
    const payload = JSON.stringify(entry.payload)
    const digest = digestOf(payload, salt)
    chain = chainOf(chain, at, entry, digest)
    return { ...entry, at, payload, salt, digest, chain }
  })
  await insertAll(knex, 'audit', chained)
  await knex('auditHead').where({ only: 1 }).update({ chain })
}

export const auditStore = (knex: Knex, kind: Database['kind']): AuditStore => ({
  append: (entry, at, salt) => appendAll(knex, kind, [{ entry, at, salt }]),
  appendAll: (rows) => appendAll(knex, kind, rows),
  hold: async () => {
    if (kind === 'mysql') await headOf(knex, kind)
  },
  list: async ({ subjectId, action, actor, fromAt, untilAt, afterId, beforeId, limit = 100 }) => {
    const query = knex('audit')
      .orderBy('id', afterId === undefined ? 'desc' : 'asc')
      .limit(limit)
      .select('id', 'at', 'actor', 'action', 'subjectKind', 'subjectId', 'payload')
    if (afterId !== undefined) query.where('id', '>', afterId)
    if (subjectId) query.where({ subjectId })
    if (action?.endsWith('.')) query.where('action', '>=', action).where('action', '<', `${action.slice(0, -1)}/`)
    else if (action) query.where({ action })
    if (actor) query.where({ actor })
    if (fromAt !== undefined) query.where('at', '>=', fromAt)
    if (untilAt !== undefined) query.where('at', '<', untilAt)
    if (beforeId !== undefined) query.where('id', '<', beforeId)
    const rows = (await query).map((row: Stored): AuditRow => ({ ...row, payload: JSON.parse(row.payload ?? '{}') }))
    return rows.toSorted((a: AuditRow, b: AuditRow) => a.id - b.id)
  },
  verify: async (onProgress) => {
    // The head before the rows: others append meanwhile, and what they append comes after it.
    const head: string = (await knex('auditHead').where({ only: 1 }).first())?.chain
    let previous = ''
    let complete = head === ''
    let rows = 0
    for (let after = 0; ; ) {
      const batch: Stored[] = await knex('audit').where('id', '>', after).orderBy('id').limit(BATCH)
      for (const row of batch) {
        const erased = row.payload === null
        const sound =
          (erased || digestOf(row.payload ?? '', row.salt) === row.digest) &&
          chainOf(previous, row.at, { ...row, payload: {} }, row.digest) === row.chain
        if (!sound) return { rows, brokenAt: row.id }
        previous = row.chain
        complete ||= row.chain === head
        rows++
      }
      onProgress?.(rows)
      if (batch.length < BATCH) break
      after = batch.at(-1)!.id
    }
    return { rows, brokenAt: complete ? undefined : 0 }
  },
})
