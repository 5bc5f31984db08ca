// The subjects of services: every account, mail login and site there is or was, and which of them a change touches. What
// was removed stays a subject, without access: were it forgotten, the file that denies it would let it in again. (`pluck`
// takes a column as the database names it.)
import type { Knex } from 'knex'
import type { Changed, Resource, SubjectSource, SubjectStore } from '../../src/ports.ts'
import { exactly } from './exactly.ts'

type ClientRow = { clientId: string; audience: string; memberId: string | null }
type AccountRow = { id: string; username: string }
type LoginRow = { name: string; accountId: string; mailboxId: string; mailbox: string; removedAt: number | null }
type SiteRow = { name: string; resourceId: string; memberNumber: string }

/** Two lists of names as one, in order, no longer than either may be. */
const inOrder = async (
  a: PromiseLike<string[]>,
  b: PromiseLike<string[]> | string[],
  limit: number,
): Promise<string[]> => [...(await a), ...(await b)].toSorted().slice(0, limit)

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

  async function accountsTouched(
    change: Exclude<Changed, { resourceId: string } | { login: string }>,
  ): Promise<string[]> {
    if ('accountId' in change) return [change.accountId]
    const own = 'memberId' in change ? await accountsOfMember(change.memberId).pluck('account_id') : []
    return [...new Set([...own, ...(await accountsAt(await clientsOf(change)))])]
  }

  /** Sites whose forms send with a login of their own. */
  const senders = () => sites().join('siteLogin', 'siteLogin.siteId', 'resource.id')
  /** What they write as, in order. Digits come before `@`, letters after it. */
  const sendersAs = async (after: string, limit: number): Promise<string[]> => {
    const names: string[] = await senders()
      .where('resource.name', '>', after.startsWith('@') ? after.slice(1) : '')
      .orderBy('resource.name')
      .limit(limit)
      .pluck('resource.name')
    return names.map((name) => `@${name}`)
  }
  const addresses = () => knex('resource').whereIn('resource.kind', ['mailbox', 'alias'])

  async function loginsTouched(change: Exclude<Changed, { clientId: string }>): Promise<string[]> {
    if ('login' in change) return [change.login]
    const people = logins()
    if ('accountId' in change) people.where({ 'login.accountId': change.accountId })
    else if ('resourceId' in change) people.where({ 'login.mailboxId': change.resourceId })
    else
      people.where((any) =>
        any
          .where({ 'mailbox.memberId': change.memberId })
          .orWhereIn('login.accountId', accountsOfMember(change.memberId)),
      )
    const own =
      'accountId' in change
        ? []
        : await senders()
            .where('resourceId' in change ? { 'resource.id': change.resourceId } : { memberId: change.memberId })
            .pluck('resource.name')
    return [...(await people.pluck('login.name')), ...own].toSorted()
  }

  /** Mailboxes by what is known of them, the aliases that lead there, and what sites write as. */
  async function addressesTouched(change: Exclude<Changed, { clientId: string }>): Promise<string[]> {
    if ('login' in change) return []
    const meant = addresses()
    if ('accountId' in change)
      meant.whereIn('resource.id', knex('login').where({ accountId: change.accountId }).select('mailboxId'))
    else if ('resourceId' in change) meant.where({ 'resource.id': change.resourceId })
    else meant.where({ 'resource.memberId': change.memberId })
    const names: string[] = await meant.pluck('resource.name')
    const aliases: string[] = await addresses()
      .join('aliasTarget', 'aliasTarget.resourceId', 'resource.id')
      .whereIn('aliasTarget.address', names)
      .pluck('resource.name')
    const ofSites: string[] =
      'accountId' in change ? [] : (await loginsTouched(change)).filter((name) => !name.includes('@'))
    return [...new Set([...names, ...aliases, ...ofSites.map((name) => `@${name}`)])].toSorted()
  }

  async function login(name: string): Promise<SubjectSource | undefined> {
    if (!name.includes('@')) {
      const site = exactly<{ id: string; name: string; removedAt: number | null }>(
        await senders().where({ 'resource.name': name }).first('resource.id', 'resource.name', 'resource.removedAt'),
        { name },
      )
      return (
        site && { kind: 'site_login', resourceId: site.id, ...(site.removedAt !== null && { removed: true as const }) }
      )
    }
    const found = exactly<LoginRow>(
      await logins()
        .where({ 'login.name': name })
        .first('login.name', 'login.accountId', 'login.mailboxId', 'login.removedAt', 'mailbox.name as mailbox'),
      { name },
    )
    if (!found) return undefined
    const { accountId, mailboxId, mailbox, removedAt } = found
    return { kind: 'login', accountId, mailboxId, mailbox, ...(removedAt !== null && { removed: true as const }) }
  }

  async function address(name: string): Promise<SubjectSource | undefined> {
    const ofSite = name.startsWith('@')
    const wanted = ofSite ? name.slice(1) : name
    const found = exactly<Resource>(
      await (ofSite ? senders() : addresses()).where({ 'resource.name': wanted }).first('resource.*'),
      { name: wanted },
    )
    return (
      found && {
        kind: 'address',
        resourceId: found.id,
        memberId: found.memberId,
        of: found.kind,
        ...(found.removedAt !== null && { removed: true as const }),
      }
    )
  }

  return {
    names: (kind, after, limit) => {
      if (kind === 'account') return accounts().where('id', '>', after).orderBy('id').limit(limit).pluck('id')
      if (kind === 'login')
        return inOrder(
          logins().where('login.name', '>', after).orderBy('login.name').limit(limit).pluck('login.name'),
          senders().where('resource.name', '>', after).orderBy('resource.name').limit(limit).pluck('resource.name'),
          limit,
        )
      if (kind === 'address')
        return inOrder(
          addresses().where('resource.name', '>', after).orderBy('resource.name').limit(limit).pluck('resource.name'),
          after > '@~' ? [] : sendersAs(after, limit),
          limit,
        )
      return sites().where('name', '>', after).orderBy('name').limit(limit).pluck('name')
    },
    async get(kind, name): Promise<SubjectSource | undefined> {
      if (kind === 'account') {
        const account = exactly<AccountRow>(await accounts().where({ id: name }).first('id', 'username'), { id: name })
        return account && { kind, accountId: account.id, username: account.username }
      }
      if (kind === 'login') return login(name)
      if (kind === 'address') return address(name)
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
      if (kind === 'account') return 'resourceId' in change || 'login' in change ? [] : accountsTouched(change)
      if ('clientId' in change) return []
      if (kind === 'login') return loginsTouched(change)
      if (kind === 'address') return addressesTouched(change)
      return 'memberId' in change ? sites().where({ memberId: change.memberId }).orderBy('name').pluck('name') : []
    },
  }
}
