// The two doors of the house: `access(account, client)` and `resourceAccess(resource)`. Everything that lets somebody in
// asks one of them, each time, and keeps no answer. The house's own pages ask neither.
import { type AccessAnswer, accessTo, type Policy, type PolicyKind, resourceAccess } from './domain/access.ts'
import { mailSubjects } from './mail-subjects.ts'
import type { Subject, SubjectKind } from './plugin.ts'
import type { AccountInForce, Clock, Store, SubjectSource } from './ports.ts'

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
  /** A service's subject with its access; undefined when there is no such subject. */
  subject(kind: SubjectKind, name: string): Promise<Subject | undefined>
}

const unknown: AccessAnswer = { access: 'none', reason: { code: 'not_member' } }

export function openDoors(stores: Store, policy: Policy, clock: Clock): Doors {
  const mail = mailSubjects(stores, policy, clock)
  const facts = (accountId: string) => stores.access.account(accountId)

  const mailAccess: Doors['mailAccess'] = async (accountId, mailboxId) => {
    const [account, owner] = await Promise.all([facts(accountId), stores.access.owner(mailboxId)])
    return account && owner
      ? accessTo(account, { service: 'mail', audience: 'listed', roles: ['login'], owner }, policy)
      : unknown
  }

  type LoginSource = Extract<SubjectSource, { kind: 'login' }>
  /** A login that was taken away is a mailbox whose list its owner is no longer on. */
  const throughLogin = async ({ accountId, mailboxId, removed }: LoginSource): Promise<AccessAnswer> =>
    removed ? { access: 'none', reason: { code: 'not_listed' } } : mailAccess(accountId, mailboxId)

  const loginAccess: Doors['loginAccess'] = async (accountId, login) => {
    const source = await stores.subjects.get('login', login)
    return source?.kind === 'login' && source.accountId === accountId ? throughLogin(source) : unknown
  }

  const ofResource: Doors['resourceAccess'] = async (resourceId, service) => {
    const owner = await stores.access.owner(resourceId)
    return owner ? resourceAccess(owner, service, policy) : unknown
  }

  const accountAt: Doors['accountAt'] = async (accountId, clientId) => {
    const { account, door } = await stores.access.accountAndDoor(accountId, clientId)
    const here = account && door ? { ...accessTo(account, door, policy), roles: door.roles } : { ...unknown, roles: [] }
    return { account, here }
  }

  return {
    facts,
    accountAt,
    mailAccess,
    loginAccess,
    resourceAccess: ofResource,
    access: async (accountId, clientId) => (await accountAt(accountId, clientId)).here,
    async subject(kind, name) {
      const source = await stores.subjects.get(kind, name)
      if (source?.kind === 'account') {
        const account = await facts(source.accountId)
        const out = !account || account.closed || account.overrides.some((override) => override.effect === 'deny')
        return { kind: 'account', name, username: source.username, access: out ? 'none' : 'full' }
      }
      if (source?.kind === 'login') return mail.login(name, source, await throughLogin(source))
      if (source?.kind === 'site_login') return mail.siteLogin(name, source)
      if (source?.kind === 'address') return mail.address(name, source)
      if (source?.kind === 'site')
        return {
          kind: 'site',
          name,
          memberNumber: source.memberNumber,
          access: (await ofResource(source.resourceId, 'hosting')).access,
        }
      return undefined
    },
  }
}
