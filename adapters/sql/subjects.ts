// The subjects of services: every account, mail login and site there is or was, and which of them a change touches. What
// was removed stays a subject, without access: were it forgotten, the file that denies it would let it in again. (`pluck`
// takes a column as the database names it.)
import type { Knex } from 'knex'
import type { Changed, SubjectStore } from '../../src/ports.ts'
import { loginOf, mailSubjectNames, type Named } from './mail-subjects.ts'
import type { Rows } from './rows.ts'

type Change = Exclude<Changed, { memberId: string }>
type ClientRow = { clientId: string; audience: string; memberId: string | null }
type AccountRow = { id: string; username: string }
type GroupRow = { accountId: string; name: string }
type SiteRow = { name: string; resourceId: string; memberNumber: string }

const AT_ONCE = 100

export const subjectStore = (knex: Knex, rows: Rows): SubjectStore => {
  const accounts = () => knex('account')
  const mail = mailSubjectNames(knex)
  const sites = () => knex('resource').where({ 'resource.kind': 'site' })
  const accountsOf = (memberIds: readonly string[]) =>
    knex('affiliation').whereIn('memberId', memberIds).select('accountId')

  const clientsOf = (
    change: { memberIds: readonly string[] } | { clientId: string } | { resourceId: string },
  ): Promise<ClientRow[]> =>
    knex('client')
      .leftJoin('resource', 'resource.id', 'client.resourceId')
      .where((any) =>
        'memberIds' in change
          ? any.whereIn('resource.memberId', change.memberIds)
          : 'resourceId' in change
            ? any.where({ 'client.resourceId': change.resourceId })
            : any.where({ 'client.clientId': change.clientId }),
      )
      .select('client.clientId', 'client.audience', 'resource.memberId')

  /** Accounts that may hold something at these clients: those with a role there, and, where none is needed, those that do. */
  async function accountsAt(clients: readonly ClientRow[]): Promise<string[]> {
    if (clients.length === 0) return []
    const roles = (subjectKind: string) =>
      knex('clientRole')
        .where({ subjectKind })
        .whereIn(
          'clientId',
          clients.map(({ clientId }) => clientId),
        )
    const open = clients.filter(({ audience }) => audience === 'members').map(({ clientId }) => clientId)
    const owners = clients.flatMap(({ memberId }) => memberId ?? [])
    const found: unknown[][] = await Promise.all([
      roles('account').pluck('subject'),
      knex('accountGroup').whereIn('name', roles('group').select('subject')).pluck('account_id'),
      knex('affiliation').whereIn('memberId', owners).pluck('account_id'),
      // No index leads here: but few clients of members are open to all of them.
      open.length === 0
        ? []
        : knex('oidcModel').where({ model: 'Grant', ended: 0 }).whereIn('clientId', open).pluck('account_id'),
    ])
    return found.flat().map(String)
  }

  async function accountsTouched(change: Change): Promise<string[]> {
    if ('accountId' in change) return [change.accountId]
    if ('login' in change) return []
    const own = 'memberIds' in change ? await accountsOf(change.memberIds).pluck('account_id') : []
    return [...new Set([...own, ...(await accountsAt(await clientsOf(change)))])]
  }

  async function accountsNamed(ids: readonly string[]): Promise<Named[]> {
    const [found, groups]: [AccountRow[], GroupRow[]] = await Promise.all([
      accounts().whereIn('id', ids).select('id', 'username'),
      knex('accountGroup').whereIn('accountId', ids).orderBy('name').select('accountId', 'name'),
    ])
    const byAccount = Map.groupBy(groups, ({ accountId }) => accountId)
    return found.map(({ id, username }) => {
      const own = byAccount.get(id) ?? []
      return [id, { kind: 'account', accountId: id, username, groups: own.map(({ name }) => name) }]
    })
  }

  const sitesNamed = async (names: readonly string[]): Promise<Named[]> =>
    (
      await sites()
        .join('member', 'member.id', 'resource.memberId')
        .whereIn('resource.name', names)
        .select('resource.name', 'resource.id as resourceId', 'member.memberNumber')
    ).map(({ name, ...site }: SiteRow) => [name, { kind: 'site', ...site }])

  const named = {
    account: accountsNamed,
    login: mail.loginsNamed,
    address: mail.addressesNamed,
    site: sitesNamed,
  }

  /** By the very names: MariaDB, which pads with spaces when it compares, may have found others. */
  const several: SubjectStore['several'] = async (kind, names) => {
    const found: Named[] = []
    for (let from = 0; from < names.length; from += AT_ONCE)
      found.push(...(await named[kind](names.slice(from, from + AT_ONCE))))
    return new Map(found)
  }

  return {
    names: (kind, after, limit) => {
      if (kind === 'account') return accounts().where('id', '>', after).orderBy('id').limit(limit).pluck('id')
      if (kind === 'login') return mail.loginNames(after, limit)
      if (kind === 'address') return mail.addressNames(after, limit)
      return sites().where('name', '>', after).orderBy('name').limit(limit).pluck('name')
    },
    several,
    get: async (kind, name) => (kind === 'login' ? loginOf(rows, name) : (await several(kind, [name])).get(name)),
    async touchedBy(kind, changed) {
      const change: Change = 'memberId' in changed ? { memberIds: [changed.memberId] } : changed
      if (kind === 'account') return accountsTouched(change)
      if ('clientId' in change) return []
      if (kind === 'login') return mail.loginsTouched(change)
      if (kind === 'address') return mail.addressesTouched(change)
      if ('resourceId' in change) return sites().where({ id: change.resourceId }).pluck('name')
      return 'memberIds' in change ? sites().whereIn('memberId', change.memberIds).orderBy('name').pluck('name') : []
    },
  }
}
