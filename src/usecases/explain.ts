// Why an account may or may not: each client, each mailbox, with the reason. For the admin at the command line, and for
// the person at home.
import type { Core } from '../core.ts'
import type { AccessAnswer } from '../domain/access.ts'
import type { Account, AccountInForce, StandingInForce } from '../ports.ts'

export type Explanation = {
  account: AccountInForce
  memberships: (AccountInForce['memberships'][number] & Pick<StandingInForce, 'graceUntilOn' | 'nextChangeOn'>)[]
  clients: (AccessAnswer & {
    clientId: string
    name: string
    url: string
    party: 'first' | 'third'
    roles: readonly string[]
  })[]
  logins: (AccessAnswer & { login: string })[]
}

type Self = Omit<Explanation, 'clients'>

/** Memberships and mailboxes, for the person at home; the services are in my-services.ts. */
export const explainSelf =
  (core: Core) =>
  async ({ id }: Pick<Account, 'id'>): Promise<Self | undefined> => {
    const account = await core.doors.facts(id)
    if (!account) return undefined
    const logins = await core.store.resources.loginsOf(id)
    return {
      account,
      memberships: await Promise.all(
        account.memberships.map(async (membership) => {
          const standing = await core.store.standings.get(membership.memberId)
          return {
            ...membership,
            graceUntilOn: standing?.graceUntilOn ?? null,
            nextChangeOn: standing?.nextChangeOn ?? null,
          }
        }),
      ),
      logins: await Promise.all(
        logins.map(async ({ name, mailboxId }) => ({ login: name, ...(await core.doors.mailAccess(id, mailboxId)) })),
      ),
    }
  }

export const explain =
  (core: Core) =>
  async ({ id }: Pick<Account, 'id'>): Promise<Explanation | undefined> => {
    const self = await explainSelf(core)({ id })
    if (!self) return undefined
    const clients = (await core.store.clients.list()).filter(
      ({ disabledAt, metadata }) =>
        disabledAt === null && ((metadata.redirect_uris as string[] | undefined) ?? []).length > 0,
    )
    return {
      ...self,
      clients: await Promise.all(
        clients.map(async ({ clientId, name, metadata, party }) => ({
          clientId,
          name,
          url: String(metadata.client_uri ?? ''),
          party,
          ...(await core.doors.access(id, clientId)),
        })),
      ),
    }
  }
