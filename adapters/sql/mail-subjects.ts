// Logins and addresses as subjects of mail services: which there are, what each is, whom a change touches, and what plans
// need to know of thousands in few reads.
import type { Knex } from 'knex'
import type { AppPassword, Changed, Mailbox, MailSubjectStore, Resource, SubjectSource } from '../../src/ports.ts'
import { inLots } from './insert.ts'
import type { Rows, SqlRow } from './rows.ts'

export type Named = [name: string, source: SubjectSource]
/** `memberId` and `memberIds` are one by now. */
export type Touching = Exclude<Changed, { memberId: string } | { clientId: string }>

type LoginRow = { name: string; accountId: string; mailboxId: string; mailbox: string; removedAt: number | null }
type SiteRow = Pick<Resource, 'id' | 'name' | 'removedAt'>

const gone = (removedAt: number | null) => removedAt !== null && { removed: true as const }
/** Two lists of names as one, in order, no longer than either may be. */
const inOrder = (a: readonly string[], b: readonly string[], limit: number): string[] =>
  [...a, ...b].toSorted().slice(0, limit)

export function mailSubjectNames(knex: Knex) {
  const logins = () => knex('login').join({ mailbox: 'resource' }, 'mailbox.id', 'login.mailboxId')
  const addresses = () => knex('resource').whereIn('resource.kind', ['mailbox', 'alias'])
  /** Sites whose forms send with a login of their own. */
  const senders = () =>
    knex('resource').where({ 'resource.kind': 'site' }).join('siteLogin', 'siteLogin.siteId', 'resource.id')
  const accountsOf = (memberIds: readonly string[]) =>
    knex('affiliation').whereIn('memberId', memberIds).select('accountId')

  const page = (query: Knex.QueryBuilder, column: string, after: string, limit: number): Promise<string[]> =>
    query.where(column, '>', after).orderBy(column).limit(limit).pluck(column)

  /** What sites write as, in order: digits come before `@`, letters after it. */
  const sendersAs = async (after: string, limit: number): Promise<string[]> =>
    after > '@~'
      ? []
      : (await page(senders(), 'resource.name', after.startsWith('@') ? after.slice(1) : '', limit)).map(
          (name) => `@${name}`,
        )

  const sendersTouched = (change: { memberIds: readonly string[] } | { resourceId: string }): Promise<string[]> =>
    senders()
      .where((any) =>
        'resourceId' in change
          ? any.where({ 'resource.id': change.resourceId })
          : any.whereIn('resource.memberId', change.memberIds),
      )
      .pluck('resource.name')

  async function loginsOf(change: Exclude<Touching, { login: string }>): Promise<string[]> {
    const found = knex('login')
    if ('accountId' in change) return found.where({ accountId: change.accountId }).pluck('name')
    if ('resourceId' in change) return found.where({ mailboxId: change.resourceId }).pluck('name')
    // Each by an index of its own: asked for together, SQLite would look at all logins there are.
    const boxes = knex('resource').whereIn('memberId', change.memberIds).select('id')
    const both: string[][] = await Promise.all([
      found.clone().whereIn('mailboxId', boxes).pluck('name'),
      found.clone().whereIn('accountId', accountsOf(change.memberIds)).pluck('name'),
    ])
    return [...new Set(both.flat())]
  }

  return {
    loginNames: async (after: string, limit: number): Promise<string[]> =>
      inOrder(
        await page(logins(), 'login.name', after, limit),
        await page(senders(), 'resource.name', after, limit),
        limit,
      ),

    addressNames: async (after: string, limit: number): Promise<string[]> =>
      inOrder(await page(addresses(), 'resource.name', after, limit), await sendersAs(after, limit), limit),

    async loginsNamed(names: readonly string[]): Promise<Named[]> {
      const people: LoginRow[] = await logins()
        .whereIn('login.name', names)
        .select('login.name', 'login.accountId', 'login.mailboxId', 'login.removedAt', 'mailbox.name as mailbox')
      const sites: SiteRow[] = await senders()
        .whereIn('resource.name', names)
        .select('resource.id', 'resource.name', 'resource.removedAt')
      return [
        ...people.map(
          ({ name, removedAt, ...login }): Named => [name, { kind: 'login', ...login, ...gone(removedAt) }],
        ),
        ...sites.map(
          ({ id, name, removedAt }): Named => [name, { kind: 'site_login', resourceId: id, ...gone(removedAt) }],
        ),
      ]
    },

    async addressesNamed(names: readonly string[]): Promise<Named[]> {
      const asked = (isSite: boolean) => names.filter((name) => name.startsWith('@') === isSite)
      const found: Resource[] = await addresses().whereIn('resource.name', asked(false)).select('resource.*')
      const sites: Resource[] = await senders()
        .whereIn(
          'resource.name',
          asked(true).map((name) => name.slice(1)),
        )
        .select('resource.*')
      return [...found, ...sites].map(
        ({ id, memberId, kind, name, removedAt }): Named => [
          kind === 'site' ? `@${name}` : name,
          { kind: 'address', resourceId: id, memberId, of: kind, ...gone(removedAt) },
        ],
      )
    },

    async loginsTouched(change: Touching): Promise<string[]> {
      if ('login' in change) return [change.login]
      const people = await loginsOf(change)
      const own = 'accountId' in change ? [] : await sendersTouched(change)
      return [...people, ...own].toSorted()
    },

    /** Addresses by what is known of them, the aliases that lead there, and what sites write as. */
    async addressesTouched(change: Touching): Promise<string[]> {
      if ('login' in change) return []
      // A cross join is read in this order: SQLite would begin with all addresses there are.
      const meant =
        'accountId' in change
          ? knex('login')
              .crossJoin('resource', 'resource.id', 'login.mailboxId')
              .where({ 'login.accountId': change.accountId })
              .whereIn('resource.kind', ['mailbox', 'alias'])
          : addresses()
      if ('resourceId' in change) meant.where({ 'resource.id': change.resourceId })
      else if ('memberIds' in change) meant.whereIn('resource.memberId', change.memberIds)
      const names = new Set<string>(await meant.pluck('resource.name'))
      // An alias may lead to an alias.
      for (let level = [...names]; level.length > 0; ) {
        const leading: string[] = await inLots(level, (some) =>
          knex('aliasTarget')
            .crossJoin('resource' as never, 'resource.id', 'aliasTarget.resourceId')
            .whereIn('resource.kind', ['mailbox', 'alias'])
            .whereIn('aliasTarget.address', some)
            .pluck('resource.name'),
        )
        level = [...new Set(leading)].filter((name) => !names.has(name))
        for (const name of level) names.add(name)
      }
      const sites = 'accountId' in change ? [] : await sendersTouched(change)
      return [...names, ...sites.map((name) => `@${name}`)].toSorted()
    },
  }
}

const personSql = `select l.name, l.account_id, l.mailbox_id, m.name as mailbox, l.removed_at
  from login l join resource m on m.id = l.mailbox_id where l.name = ?`
const siteSql = `select r.id, r.name, r.removed_at
  from resource r join site_login s on s.site_id = r.id where r.kind = 'site' and r.name = ?`

const personIn = ([row]: SqlRow[]): Named | undefined =>
  row && [
    String(row.name),
    {
      kind: 'login',
      accountId: String(row.account_id),
      mailboxId: String(row.mailbox_id),
      mailbox: String(row.mailbox),
      ...gone(row.removed_at as number | null),
    },
  ]
const siteIn = ([row]: SqlRow[]): Named | undefined =>
  row && [
    String(row.name),
    { kind: 'site_login', resourceId: String(row.id), ...gone(row.removed_at as number | null) },
  ]

/** A login by its very name: asked at each sign-in and each recipient of a message. */
export async function loginOf(rows: Rows, name: string): Promise<SubjectSource | undefined> {
  const found = (await rows(personIn, [personSql, [name]])) ?? (await rows(siteIn, [siteSql, [name]]))
  return found?.[0] === name ? found[1] : undefined
}

type PasswordRow = Omit<AppPassword, 'scopes'> & { scopes: string }
type Pair = { resourceId: string; name: string }

const namesBy = (pairs: readonly Pair[]): Map<string, string[]> =>
  new Map(
    [...Map.groupBy(pairs, ({ resourceId }) => resourceId)].map(([id, found]) => [
      id,
      [...new Set(found.map(({ name }) => name))].toSorted(),
    ]),
  )

type Step = { resourceId: string; targetId: string; kind: Resource['kind'] }

/** The mailboxes that aliases lead to, through other aliases too. */
async function mailboxesBehind(knex: Knex, ids: readonly string[]): Promise<Map<string, Set<string>>> {
  const behind = new Map(ids.map((id) => [id, new Set<string>()]))
  /** Which of the asked each alias was met on the way from. */
  let level = new Map(ids.map((id) => [id, new Set([id])]))
  const met = new Set<string>()
  while (level.size > 0) {
    const steps = await inLots<string, Step>([...level.keys()], (some) =>
      knex('aliasTarget')
        .crossJoin({ target: 'resource' }, 'target.name', 'aliasTarget.address')
        .whereIn('target.kind', ['mailbox', 'alias'])
        .whereNull('target.removedAt')
        .whereIn('aliasTarget.resourceId', some)
        .select('aliasTarget.resourceId', 'target.id as targetId', 'target.kind'),
    )
    const next = new Map<string, Set<string>>()
    for (const { resourceId, targetId, kind } of steps)
      for (const from of level.get(resourceId) ?? []) {
        if (kind === 'mailbox') behind.get(from)?.add(targetId)
        else if (!met.has(`${from} ${targetId}`)) {
          met.add(`${from} ${targetId}`)
          next.set(targetId, (next.get(targetId) ?? new Set()).add(from))
        }
      }
    level = next
  }
  return behind
}

/** The logins into mailboxes that aliases lead to. */
async function throughAliases(knex: Knex, ids: readonly string[]): Promise<Pair[]> {
  const behind = await mailboxesBehind(knex, ids)
  const boxes = [...new Set([...behind.values()].flatMap((found) => [...found]))]
  const logins = namesBy(
    await inLots<string, Pair>(boxes, (some) =>
      knex('login').whereNull('removedAt').whereIn('mailboxId', some).select('mailboxId as resourceId', 'name'),
    ),
  )
  return [...behind].flatMap(([resourceId, found]) =>
    [...found].flatMap((box) => (logins.get(box) ?? []).map((name) => ({ resourceId, name }))),
  )
}

export const mailSubjectStore = (knex: Knex): MailSubjectStore => ({
  appPasswords: async (accountIds) =>
    (
      await inLots<string, PasswordRow>(accountIds, (some) =>
        knex('appPassword').whereNull('revokedAt').whereIn('accountId', some).orderBy('createdAt').orderBy('id'),
      )
    ).map(({ scopes, ...row }) => ({ ...row, scopes: scopes.split(' ') as AppPassword['scopes'] })),

  mailboxes: async (ids) =>
    new Map(
      (await inLots<string, Mailbox>(ids, (some) => knex('mailbox').whereIn('resourceId', some))).map((one) => [
        one.resourceId,
        one,
      ]),
    ),

  siteDigests: async (ids) =>
    new Map(
      (
        await inLots<string, { siteId: string; digest: string }>(ids, (some) =>
          knex('siteLogin').whereIn('siteId', some).select('siteId', 'digest'),
        )
      ).map(({ siteId, digest }) => [siteId, digest]),
    ),

  quarantined: async (logins) =>
    new Set(
      await inLots<string, string>(logins, (some) =>
        knex('quarantine').whereNull('liftedAt').whereIn('login', some).pluck('login'),
      ),
    ),

  targets: async (ids) =>
    namesBy(
      await inLots<string, Pair>(ids, (some) =>
        knex('aliasTarget').whereIn('resourceId', some).select('resourceId', 'address as name'),
      ),
    ),

  async senders(ids) {
    const into = await inLots<string, Pair>(ids, (some) =>
      knex('login').whereNull('removedAt').whereIn('mailboxId', some).select('mailboxId as resourceId', 'name'),
    )
    const through = await throughAliases(knex, ids)
    // A site's forms may write as any address of its member.
    const sites = await inLots<string, Pair>(ids, (some) =>
      knex('resource')
        .join({ site: 'resource' }, 'site.memberId', 'resource.memberId')
        .whereNull('site.removedAt')
        .join('siteLogin', 'siteLogin.siteId', 'site.id')
        .whereIn('resource.id', some)
        .select('resource.id as resourceId', 'site.name'),
    )
    return namesBy([...into, ...through, ...sites])
  },
})
