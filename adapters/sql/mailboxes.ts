// Mailboxes' quotas and former passwords, aliases' targets, sites' logins, and who may not send.
import type { Knex } from 'knex'
import type { Mailbox, MailboxStore, Quarantine, QuarantineStore, SiteLogin } from '../../src/ports.ts'
import { exactly } from './exactly.ts'
import { endingLike } from './like.ts'
import type { Rows, SqlRow } from './rows.ts'

const addresses = (knex: Knex) => knex('resource').whereIn('kind', ['mailbox', 'alias']).whereNull('removedAt')

export const mailboxStore = (knex: Knex): MailboxStore => ({
  put: async (mailbox) => {
    await knex('mailbox').insert(mailbox).onConflict('resourceId').merge()
  },
  get: async (resourceId) => exactly<Mailbox>(await knex('mailbox').where({ resourceId }).first(), { resourceId }),
  targets: (resourceId) => knex('aliasTarget').where({ resourceId }).orderBy('address').pluck('address'),
  setTargets: async (resourceId, targets) => {
    await knex('aliasTarget').where({ resourceId }).delete()
    if (targets.length > 0) await knex('aliasTarget').insert(targets.map((address) => ({ resourceId, address })))
  },
  siteLogin: async (siteId) => exactly<SiteLogin>(await knex('siteLogin').where({ siteId }).first(), { siteId }),
  setSiteLogin: async (login) => {
    await knex('siteLogin').insert(login).onConflict('siteId').merge()
  },
  removeSiteLogin: async (siteId) => {
    await knex('siteLogin').where({ siteId }).delete()
  },
  domains: async () => {
    const rows: { domain: string }[] = await addresses(knex)
      .distinct(knex.raw("substr(name, instr(name, '@') + 1) as domain"))
      .orderBy('domain')
    return rows.map(({ domain }) => domain)
  },
  hasDomain: async (domain) =>
    (await addresses(knex)
      .whereRaw("name like ? escape '!'", [endingLike(`@${domain}`)])
      .first('id')) !== undefined,
})

// Asked at each sign-in and each recipient of a message: as one statement, for both questions.
const ofLoginSql = 'select * from quarantine where login = ? order by started_at'

const quarantinesIn = (rows: SqlRow[]): Quarantine[] =>
  rows.map((row) => ({
    id: String(row.id),
    login: String(row.login),
    reason: row.reason as Quarantine['reason'],
    detail: String(row.detail),
    startedAt: Number(row.started_at),
    startedBy: String(row.started_by),
    liftedAt: row.lifted_at as number | null,
    liftedBy: row.lifted_by as string | null,
    toldAt: row.told_at as number | null,
  }))

export const quarantineStore = (knex: Knex, rows: Rows): QuarantineStore => {
  const open = () => knex<Quarantine>('quarantine').whereNull('liftedAt')
  const all = async (login: string) =>
    (await rows(quarantinesIn, [ofLoginSql, [login]])).filter((one) => one.login === login)
  const ofLogin = async (login: string) => (await all(login)).find(({ liftedAt }) => liftedAt === null)
  return {
    begin: async (quarantine) => {
      if (await ofLogin(quarantine.login)) return false
      await knex('quarantine').insert(quarantine)
      return true
    },
    get: async (id) => exactly<Quarantine>(await knex('quarantine').where({ id }).first(), { id }),
    ofLogin,
    lastLiftedAt: async (login) =>
      (await all(login)).reduce<number | undefined>(
        (last, { liftedAt }) => (liftedAt === null ? last : Math.max(liftedAt, last ?? 0)),
        undefined,
      ),
    open: async () => (await open().orderBy('startedAt', 'desc').orderBy('id')) as Quarantine[],
    untold: (before) =>
      knex('quarantine').whereNull('toldAt').whereNull('liftedAt').where('startedAt', '<', before).orderBy('startedAt'),
    told: async (id, at) => {
      await knex('quarantine').where({ id }).update({ toldAt: at })
    },
    lift: async (id, liftedAt, liftedBy) => (await open().where({ id }).update({ liftedAt, liftedBy })) === 1,
  }
}
