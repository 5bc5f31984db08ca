// The subjects of services: every account, mail login and site there is or was, and which of them a change touches. What
// was removed stays a subject, without access: were it forgotten, the file that denies it would let it in again. (`pluck`
// takes a column as the database names it.)
import type { Knex } from 'knex'
import type { Changed, SubjectSource, SubjectStore } from '../../src/ports.ts'
import { exactly } from './exactly.ts'

type ClientRow = { clientId: string; audience: string; memberId: string | null }
type AccountRow = { id: string; username: string }
type LoginRow = { name: string; accountId: string; mailboxId: string; mailbox: string; removedAt: number | null }
type SiteRow = { name: string; resourceId: string; memberNumber: string }

export const subjectStore = (knex: Knex): SubjectStore => {
  const accounts = () => knex('account')
  const logins = () => knex('login').join({ mailbox: 'resource' }, 'mailbox.id', 'login.mailboxId')
  const sites = () => knex('resource').where({ 'resource.kind': 'site' })
  const accountsOfMember = (memberId: string) => knex('affiliation').where({ memberId }).select('accountId')

  const clientsOf = (change: { memberId: string } | { clientId: string }): Promise<ClientRow[]> =>
    knex('client')
      .leftJoin('resource', 'resource.id', 'client.resourceId')
      .where('memberId' in change ? { 'resource.memberId': change.memberId } : { 'client.clientId': change.clientId })
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

  async function accountsTouched(change: Changed): Promise<string[]> {
    if ('accountId' in change) return [change.accountId]
    const own = 'memberId' in change ? await accountsOfMember(change.memberId).pluck('account_id') : []
    return [...new Set([...own, ...(await accountsAt(await clientsOf(change)))])]
  }

  const loginsTouched = (change: Exclude<Changed, { clientId: string }>): Promise<string[]> =>
    logins()
      .where((any) =>
        'accountId' in change
          ? any.where({ 'login.accountId': change.accountId })
          : any
              .where({ 'mailbox.memberId': change.memberId })
              .orWhereIn('login.accountId', accountsOfMember(change.memberId)),
      )
      .orderBy('login.name')
      .pluck('login.name')

  return {
    names: (kind, after, limit) => {
      if (kind === 'account') return accounts().where('id', '>', after).orderBy('id').limit(limit).pluck('id')
      if (kind === 'login')
        return logins().where('login.name', '>', after).orderBy('login.name').limit(limit).pluck('login.name')
      return sites().where('name', '>', after).orderBy('name').limit(limit).pluck('name')
    },
    async get(kind, name): Promise<SubjectSource | undefined> {
      if (kind === 'account') {
        const account = exactly<AccountRow>(await accounts().where({ id: name }).first('id', 'username'), { id: name })
        return account && { kind, accountId: account.id, username: account.username }
      }
      if (kind === 'login') {
        const login = exactly<LoginRow>(
          await logins()
            .where({ 'login.name': name })
            .first('login.name', 'login.accountId', 'login.mailboxId', 'login.removedAt', 'mailbox.name as mailbox'),
          { name },
        )
        if (!login) return undefined
        const { accountId, mailboxId, mailbox, removedAt } = login
        return { kind, accountId, mailboxId, mailbox, ...(removedAt !== null && { removed: true as const }) }
      }
      const site = exactly<SiteRow>(
        await sites()
          .join('member', 'member.id', 'resource.memberId')
          .where({ 'resource.name': name })
          .first('resource.name', 'resource.id as resourceId', 'member.memberNumber'),
        { name },
      )
      return site && { kind, resourceId: site.resourceId, memberNumber: site.memberNumber }
    },
    async touchedBy(kind, change) {
      if (kind === 'account') return accountsTouched(change)
      if ('clientId' in change) return []
      if (kind === 'login') return loginsTouched(change)
      return 'memberId' in change ? sites().where({ memberId: change.memberId }).orderBy('name').pluck('name') : []
    },
  }
}
