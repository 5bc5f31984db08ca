// The two doors of the house: `access(account, client)` and `resourceAccess(resource)`. Everything that lets somebody in
// asks one of them, each time, and keeps no answer. The house's own pages ask neither. Plans ask of many at once.
import {
  type AccessAnswer,
  accessTo,
  type Door,
  type Policy,
  type PolicyKind,
  resourceAccess,
} from './domain/access.ts'
import { type Due, mailSubjects } from './mail-subjects.ts'
import type { Subject, SubjectKind } from './plugin.ts'
import type { AccountAtClient, AccountInForce, Clock, Stores, SubjectSource } from './ports.ts'

/** What an account may do at a client, and the roles it has there. */
export type AccessAt = AccessAnswer & { roles: readonly string[] }

export type Doors = {
  /** What an account may do with a client now; an unknown account or client is refused. */
  access(accountId: string, clientId: string): Promise<AccessAt>
  /** The same, and the account that it is about, read together. */
  accountAt(accountId: string, clientId: string): Promise<{ account: AccountInForce | undefined; here: AccessAt }>
  /** What a member's resource is due now, whoever uses it. */
  resourceAccess(resourceId: string, service: PolicyKind): Promise<AccessAnswer>
  /** What an account may do with a mailbox of a member now. */
  mailAccess(accountId: string, mailboxId: string): Promise<AccessAnswer>
  /** What an account may do through a login now; nothing through one that is not its own, or not any more. */
  loginAccess(accountId: string, login: string): Promise<AccessAnswer>
  /** The account as the rules see it. */
  facts(accountId: string): Promise<AccountInForce | undefined>
  /** What accounts may do with clients now, in the order asked and in few reads: for plans, which ask of thousands. */
  accesses(pairs: readonly AccountAtClient[]): Promise<AccessAnswer[]>
  /** A service's subject with its access; undefined when there is no such subject. */
  subject(kind: SubjectKind, name: string): Promise<Subject | undefined>
  /** Those of these subjects that there are, by name, in few reads. */
  subjects(kind: SubjectKind, names: readonly string[]): Promise<Map<string, Subject>>
}

const unknown: AccessAnswer = { access: 'none', reason: { code: 'not_member' } }
/** A login that was taken away is a mailbox whose list its owner is no longer on. */
const takenAway: AccessAnswer = { access: 'none', reason: { code: 'not_listed' } }

/** The site, mailbox or alias that a subject is, or leads into. */
const resourceOf = (source: SubjectSource): string[] =>
  source.kind === 'account' ? [] : [source.kind === 'login' ? source.mailboxId : source.resourceId]

export function openDoors(
  stores: Pick<Stores, 'access' | 'subjects' | 'mailSubjects' | 'organisations'>,
  policy: Policy,
  clock: Clock,
): Doors {
  const mail = mailSubjects(stores, clock)
  const facts = (accountId: string) => stores.access.account(accountId)

  /** Whoever has a login is on the list of a member's mailbox: what members of their own give them plays no part. */
  const throughMailbox = (
    person: Pick<AccountInForce, 'accountId' | 'closed' | 'overrides'> | undefined,
    owner: Door['owner'],
  ): AccessAnswer =>
    person && owner
      ? accessTo(
          { ...person, memberships: [] },
          { service: 'mail', audience: 'listed', roles: ['login'], owner },
          policy,
        )
      : unknown

  const mailAccess: Doors['mailAccess'] = async (accountId, mailboxId) =>
    throughMailbox(...(await Promise.all([stores.access.person(accountId), stores.access.owner(mailboxId)])))

  const loginAccess: Doors['loginAccess'] = async (accountId, login) => {
    const source = await stores.subjects.get('login', login)
    if (source?.kind !== 'login' || source.accountId !== accountId) return unknown
    return source.removed ? takenAway : mailAccess(accountId, source.mailboxId)
  }

  const due = (owner: Door['owner'], service: PolicyKind): AccessAnswer =>
    owner ? resourceAccess(owner, service, policy) : unknown

  const ofResource: Doors['resourceAccess'] = async (resourceId, service) =>
    due(await stores.access.owner(resourceId), service)

  const accountAt: Doors['accountAt'] = async (accountId, clientId) => {
    const { account, door } = await stores.access.accountAndDoor(accountId, clientId)
    const here = account && door ? { ...accessTo(account, door, policy), roles: door.roles } : { ...unknown, roles: [] }
    return { account, here }
  }

  type Read = { accounts: Map<string, AccountInForce>; owners: Map<string, Door['owner']> }

  /** What the member behind it is due; a login, what its person is due in that mailbox. */
  function dueOf(source: SubjectSource, { accounts, owners }: Read): AccessAnswer {
    if (source.kind === 'account') return unknown
    if ('removed' in source) return takenAway
    if (source.kind === 'login') return throughMailbox(accounts.get(source.accountId), owners.get(source.mailboxId))
    const isMail = source.kind === 'address' && source.of !== 'site'
    return due(owners.get(source.resourceId), isMail ? 'mail' : 'hosting')
  }

  function accountSubject(
    name: string,
    source: Extract<SubjectSource, { kind: 'account' }>,
    { accounts }: Read,
  ): Subject {
    const account = accounts.get(source.accountId)
    const out = !account || account.closed || account.overrides.some((override) => override.effect === 'deny')
    const lists: Door = { service: 'list', audience: 'members', roles: [] }
    return {
      kind: 'account',
      name,
      username: source.username,
      displayName: account?.name ?? source.username,
      email: account?.email ?? null,
      groups: source.groups,
      lists: account ? accessTo(account, lists, policy).access : 'none',
      access: out ? 'none' : 'full',
    }
  }

  const subjects: Doors['subjects'] = async (kind, names) => {
    const sources = await stores.subjects.several(kind, names)
    const all = [...sources.values()]
    const [accounts, owners] = await Promise.all([
      stores.access.accounts([...new Set(all.flatMap((one) => ('accountId' in one ? one.accountId : [])))]),
      stores.access.owners([...new Set(all.flatMap(resourceOf))]),
    ])
    const read = { accounts, owners }
    const dues = [...sources].map(([name, source]) => ({ name, source, access: dueOf(source, read).access }))
    const of = <K extends SubjectSource['kind']>(wanted: K) =>
      dues.filter(({ source }) => source.kind === wanted) as Due<K>[]
    const found: Subject[][] = await Promise.all([
      of('account').map(({ name, source }) => accountSubject(name, source, read)),
      of('site').map(({ name, source, access }) => ({ kind: 'site', name, memberNumber: source.memberNumber, access })),
      mail.logins(of('login')),
      mail.siteLogins(of('site_login')),
      mail.addresses(of('address')),
    ])
    return new Map(found.flat().map((subject) => [subject.name, subject]))
  }

  return {
    facts,
    accountAt,
    mailAccess,
    loginAccess,
    resourceAccess: ofResource,
    access: async (accountId, clientId) => (await accountAt(accountId, clientId)).here,
    async accesses(pairs) {
      const [accounts, doors] = await Promise.all([
        stores.access.accounts([...new Set(pairs.map(({ accountId }) => accountId))]),
        stores.access.doors(pairs),
      ])
      return pairs.map(({ accountId }, at) => {
        const [account, door] = [accounts.get(accountId), doors[at]]
        return account && door ? accessTo(account, door, policy) : unknown
      })
    },
    subject: async (kind, name) => (await subjects(kind, [name])).get(name),
    subjects,
  }
}

/** Whether a client is a site that is closed to everybody; never where no service closes sites. */
export const closedSites =
  ({ clients }: Pick<Stores, 'clients'>, doors: Doors, services: readonly { manages: SubjectKind }[]) =>
  async (clientId: string): Promise<boolean> => {
    if (!services.some(({ manages }) => manages === 'site')) return false
    const site = (await clients.get(clientId))?.resourceId
    return !!site && (await doors.resourceAccess(site, 'hosting')).access === 'none'
  }
