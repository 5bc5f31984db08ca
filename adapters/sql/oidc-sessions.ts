// The provider's sessions and grants as the core sees them: who holds what, and its end. Works on the knex of a
// transaction, where the SQLite turn is already ours.
import type { Knex } from 'knex'
import type { Holding, SessionStore } from '../../src/ports.ts'
import { isRecord, type Payload, parsePayload } from './oidc-rows.ts'

type SessionRow = { id: Buffer; payload: string | null; beganAt: number; writtenAt: number; expiresAt: number }
type Authorization = { clientId: string; sid: string | undefined }
type Ended = { clientId: string; sid: string; expiresAt: number }

/** The clients that a session knows; an empty entry only says that the provider looked. */
const authorizationsOf = (session: Payload | undefined): Authorization[] =>
  Object.entries(isRecord(session?.authorizations) ? session.authorizations : {}).flatMap(([clientId, entry]) =>
    isRecord(entry) && (entry.sid !== undefined || entry.grantId !== undefined)
      ? [{ clientId, sid: typeof entry.sid === 'string' ? entry.sid : undefined }]
      : [],
  )

function without(session: Payload, clientIds: ReadonlySet<string>): Payload {
  const kept = Object.entries(session.authorizations as Payload).filter(([clientId]) => !clientIds.has(clientId))
  return { ...session, authorizations: Object.fromEntries(kept) }
}

/** Some drivers give bytes where others give text. */
const textOf = (value: unknown): string => String(value)

const BATCH = 500

export function sessionStore(knex: Knex): SessionStore {
  const rows = () => knex('oidc_model')
  /** Sessions, grants and what hangs on no grant. */
  const anchors = (accountId: string) => rows().where({ accountId }).whereNull('grantId')
  const live = (accountId: string, model: string) => anchors(accountId).where({ model, ended: 0 })
  const signedOutAt = async (accountId: string): Promise<number> =>
    (await knex('oidc_signed_out').where({ accountId }).first('at'))?.at ?? Number.NEGATIVE_INFINITY

  async function endSession(row: SessionRow, stale: boolean, clientIds: ReadonlySet<string>): Promise<Ended[]> {
    const session = parsePayload(row.payload)
    const leaving = authorizationsOf(session).filter(({ clientId }) => stale || clientIds.has(clientId))
    if (stale || !session) await rows().where({ id: row.id }).update({ ended: 1, payload: null })
    // A request in flight sees by `written_at` that this one came first, and leaves out what went.
    else if (leaving.length > 0)
      await rows()
        .where({ id: row.id })
        .update({ payload: JSON.stringify(without(session, clientIds)), writtenAt: row.writtenAt + 1 })
    return leaving.flatMap(({ clientId, sid }) =>
      sid === undefined ? [] : [{ clientId, sid, expiresAt: row.expiresAt }],
    )
  }

  async function endGrants(ids: readonly Buffer[]): Promise<void> {
    for (let from = 0; from < ids.length; from += BATCH) {
      const batch = ids.slice(from, from + BATCH)
      await rows().whereIn('id', batch).update({ ended: 1, payload: null })
      await rows().whereIn('grantId', batch).delete()
    }
  }

  type Began = { accountId: unknown; clientId: string; beganAt: number }

  /** What some accounts hold, by their sessions and by their grants. */
  async function beganBy(accountIds: readonly string[]): Promise<Began[]> {
    const theirs = (model: string) =>
      rows().whereIn('accountId', accountIds).whereNull('grantId').where({ model, ended: 0 })
    const sessions: (Pick<SessionRow, 'payload' | 'beganAt'> & { accountId: unknown })[] = await theirs(
      'Session',
    ).select('accountId', 'payload', 'beganAt')
    const grants: { accountId: unknown; clientId: unknown; beganAt: number }[] = await theirs('Grant')
      .whereNotNull('clientId')
      .select('accountId', 'clientId', 'beganAt')
    return [
      ...sessions.flatMap(({ accountId, payload, beganAt }) =>
        authorizationsOf(parsePayload(payload)).map(({ clientId }) => ({ accountId, clientId, beganAt })),
      ),
      ...grants.map(({ clientId, ...grant }) => ({ ...grant, clientId: textOf(clientId) })),
    ]
  }

  async function heldBy(accountIds: readonly string[]): Promise<Map<string, Holding[]>> {
    const held = new Map<string, Holding[]>()
    for (let from = 0; from < accountIds.length; from += BATCH) {
      const batch = accountIds.slice(from, from + BATCH)
      const out: { accountId: unknown; at: number }[] = await knex('oidc_signed_out')
        .whereIn('accountId', batch)
        .select('accountId', 'at')
      const outAt = new Map(out.map(({ accountId, at }) => [textOf(accountId), at]))
      for (const [accountId, began] of Map.groupBy(await beganBy(batch), (one) => textOf(one.accountId))) {
        const at = outAt.get(accountId) ?? Number.NEGATIVE_INFINITY
        const byClient = Map.groupBy(began, ({ clientId }) => clientId)
        held.set(
          accountId,
          [...byClient].map(([clientId, all]) => ({ clientId, stale: all.some(({ beganAt }) => beganAt < at) })),
        )
      }
    }
    return held
  }

  return {
    async signOut(accountId, now) {
      // What began by a clock that has gone back since began before all the same.
      const newest = Number((await anchors(accountId).max({ at: 'beganAt' }).first())?.at ?? 0)
      const at = newest > now ? newest + 1 : now
      await knex('oidc_signed_out').insert({ accountId, at }).onConflict('account_id').ignore()
      await knex('oidc_signed_out').where({ accountId }).where('at', '<', at).update({ at })
    },

    heldBy,
    held: async (accountId) => (await heldBy([accountId])).get(accountId) ?? [],

    async holders(after, limit) {
      const found: { accountId: unknown }[] = await rows()
        .distinct('accountId')
        .where('accountId', '>', after)
        .whereNull('grantId')
        .where({ ended: 0 })
        .orderBy('accountId')
        .limit(limit)
      return found.map(({ accountId }) => textOf(accountId))
    },

    async end(accountId, clientIds) {
      const at = await signedOutAt(accountId)
      const leaving = new Set(clientIds)
      const ended: Ended[] = []
      // Locked on MariaDB (SQLite has one writer anyway): a request in flight merges after us, not with us.
      const sessions: SessionRow[] = await live(accountId, 'Session')
        .forUpdate()
        .select('id', 'payload', 'beganAt', 'writtenAt', 'expiresAt')
      for (const row of sessions) ended.push(...(await endSession(row, row.beganAt < at, leaving)))
      const theirs = (query: Knex.QueryBuilder): Knex.QueryBuilder =>
        query.where((either) => either.whereIn('clientId', [...leaving]).orWhere('beganAt', '<', Math.max(at, 0)))
      const grants: { id: Buffer }[] = await theirs(live(accountId, 'Grant')).select('id')
      await endGrants(grants.map(({ id }) => id))
      // An interaction in flight must not come back either.
      await theirs(anchors(accountId).whereNotIn('model', ['Session', 'Grant'])).update({
        ended: 1,
        payload: null,
        userCode: null,
      })
      return ended
    },
  }
}
