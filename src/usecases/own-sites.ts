// The sites of a member, for those who look after them: whether one is open, who may edit it, what its services still have
// to be told; a role given or taken, a new secret, the kit. Nothing here reaches a site of anybody else.
import { audit, type Core } from '../core.ts'
import type { AccessAnswer, AffiliationRole } from '../domain/access.ts'
import { AppError } from '../domain/errors.ts'
import { looksAfterSites } from '../domain/people.ts'
import type { Instant } from '../domain/time.ts'
import type { Plugin } from '../plugin.ts'
import type { AccountInForce, Affiliation, Client, ClientRole, Member, OutboxRow, Resource, Stores } from '../ports.ts'
import { logoutService } from '../provider-service.ts'
import { type OfSite, type SiteLookedAfter, siteLookedAfter } from './authority.ts'
import { renewClientIn, setClientRoleIn } from './clients.ts'
import { rotateClientSecretIn } from './rotate-client-secret.ts'

export type SiteListed = { site: Resource; memberName: string; editing: AccessAnswer }

/** The sites that somebody looks after, by name. */
export const listSites =
  (core: Pick<Core, 'store' | 'doors'>) =>
  async ({ overrides, memberships }: AccountInForce): Promise<SiteListed[]> => {
    if (overrides.some(({ effect }) => effect === 'deny')) return []
    const held = await Promise.all(
      memberships.filter(looksAfterSites).map(async ({ memberId, memberName }) => {
        const resources = await core.store.resources.ofMember(memberId)
        return resources.filter(({ kind }) => kind === 'site').map((site) => ({ site, memberName }))
      }),
    )
    const sites = await Promise.all(
      held.flat().map(async (one) => ({ ...one, editing: await core.doors.resourceAccess(one.site.id, 'site') })),
    )
    return sites.toSorted((a, b) => a.site.name.localeCompare(b.site.name))
  }

/** One of the people of the member, and what each may do at the site. */
export type Editor = {
  accountId: string
  username: string
  name: string
  affiliation: AffiliationRole
  /** What the affiliation is worth at the client by itself. */
  byAffiliation: string | undefined
  /** Roles that were given by name. */
  given: string[]
}
export type SiteClient = {
  client: Client
  people: Editor[]
  /** Roles of groups, and of accounts that are not of the member: the association gave them, or, with `invitedBy`, the site. */
  others: (ClientRole & { who: string })[]
}

async function editorsOf(stores: Stores, client: Client, member: Member): Promise<SiteClient> {
  const roles = await stores.clients.rolesOn(client.clientId)
  const affiliations = await stores.people.accountsOf(member.id)
  const isTheirs = ({ subjectKind, subject }: ClientRole, accountId: string) =>
    subjectKind === 'account' && subject === accountId
  const people = await Promise.all(
    affiliations.map(async ({ accountId, role }): Promise<Editor & { closed: boolean }> => {
      const { username, name, state } = (await stores.accounts.get(accountId))!
      return {
        accountId,
        username,
        name,
        affiliation: role,
        byAffiliation: client.rolesOfAffiliation[role],
        given: roles.filter((one) => isTheirs(one, accountId)).map((one) => one.role),
        closed: state === 'closed',
      }
    }),
  )
  const others = roles.filter((one) => !affiliations.some(({ accountId }) => isTheirs(one, accountId)))
  return {
    client,
    people: people.filter(({ closed }) => !closed).toSorted((a, b) => a.name.localeCompare(b.name)),
    others: await Promise.all(
      others.map(async (one) => ({
        ...one,
        who:
          one.subjectKind === 'group'
            ? one.subject
            : ((await stores.accounts.get(one.subject))?.username ?? one.subject),
      })),
    ),
  }
}

/** What a service still has to be told about a site. */
export type SiteService = {
  /** A service of schedar.yaml, or the client that is to be told of sign-outs. */
  name: string
  kind: 'service' | 'logout'
  pending: number
  failing: boolean
  oldestAt: Instant | undefined
  /** When it is tried again, if it failed. */
  dueAt: Instant | undefined
}

function stateOf(name: string, kind: SiteService['kind'], rows: readonly OutboxRow[]): SiteService {
  const failed = rows.filter(({ lastError }) => lastError !== null)
  return {
    name,
    kind,
    pending: rows.length,
    failing: failed.length > 0,
    oldestAt: rows[0]?.createdAt,
    dueAt: failed.length > 0 ? Math.min(...failed.map(({ dueAt }) => dueAt)) : undefined,
  }
}

const MOST_ROWS = 200

async function servicesOf({ store, services }: Core, site: Resource, clients: readonly Client[]) {
  const ofSite = services
    .filter(({ manages }) => manages === 'site')
    .map(async ({ name }) =>
      stateOf(name, 'service', await store.outbox.pending({ service: name, subject: site.name, limit: MOST_ROWS })),
    )
  const logouts = clients
    .filter(({ metadata }) => typeof metadata.backchannel_logout_uri === 'string')
    .map(async ({ clientId, name }) =>
      stateOf(name, 'logout', await store.outbox.pending({ service: logoutService(clientId), limit: MOST_ROWS })),
    )
  return Promise.all([...ofSite, ...logouts])
}

export type SiteShown = SiteLookedAfter & {
  /** Whether the public site stays up, and whether one may sign in to it and edit. */
  hosting: AccessAnswer
  editing: AccessAnswer
  clients: SiteClient[]
  services: SiteService[]
}

/** What there is to say of a site, whoever asks. */
export async function siteInWhole(core: Core, { site, member }: { site: Resource; member: Member }) {
  const clients = await core.store.clients.ofResource(site.id)
  return {
    hosting: await core.doors.resourceAccess(site.id, 'hosting'),
    editing: await core.doors.resourceAccess(site.id, 'site'),
    clients: await Promise.all(clients.map((client) => editorsOf(core.store, client, member))),
    services: await servicesOf(core, site, clients),
  }
}

/** Throws `not_found` for a site that is not this person's to look after. */
export const lookAtSite =
  (core: Core) =>
  async (of: OfSite): Promise<SiteShown> => {
    const found = await siteLookedAfter(core.store, of)
    return { ...found, ...(await siteInWhole(core, found)) }
  }

export type AtSite = OfSite & { clientId: string }
export type Deciding = {
  stores: Stores
  client: Client
  site: Resource
  member: Member
  people: readonly Affiliation[]
}

/** One act at a client of a site, alone, by somebody who may at this moment. */
export async function acting<T>(core: Core, of: AtSite, act: (deciding: Deciding) => Promise<T>): Promise<T> {
  const result = await core.store.transaction(async (stores) => {
    const { site, member } = await siteLookedAfter(stores, of)
    // Until the transaction ends nobody else changes who is what; then it is asked once more.
    const people = await stores.people.accountsOf(member.id)
    const { mayAct } = await siteLookedAfter(stores, of)
    if (!mayAct) throw new AppError('forbidden', { detail: `member ${member.memberNumber} decides nothing at present` })
    const client = (await stores.clients.ofResource(of.siteId)).find(({ clientId }) => clientId === of.clientId)
    if (!client) throw new AppError('not_found', { detail: 'the site has no such client' })
    return act({ stores, client, site, member, people })
  })
  core.wake()
  return result
}

/** Give a role at the site to one of the member's people, oneself included, or take one back that was given by name, or from a guest. */
export const setSiteRole =
  (core: Core) =>
  ({ accountId, role, remove = false, ...of }: AtSite & { accountId: string; role: string; remove?: boolean }) =>
    acting(core, of, async ({ stores, people, client: { clientId } }) => {
      const isGuest = async () =>
        (await stores.clients.rolesOn(clientId)).some(
          (one) => one.subjectKind === 'account' && one.subject === accountId && one.role === role && one.invitedBy,
        )
      if (!people.some((person) => person.accountId === accountId) && !(remove && (await isGuest())))
        throw new AppError('not_found', { field: 'account', detail: 'this account is not one of the member’s people' })
      const change = { clientId, subjectKind: 'account', subject: accountId, role, remove, actor: of.actor } as const
      await setClientRoleIn(core, stores, change)
    })

/** A new secret of the site's client; the old one is worth nothing from then on. */
export const rotateSiteSecret =
  (core: Core) =>
  (of: AtSite): Promise<string> =>
    acting(core, of, ({ stores, client }) => rotateClientSecretIn(core, stores, client.clientId, of.actor))

/** Before a kit leaves: for whoever may have its secret. Taking it along is an act that the audit tells of. */
export const takeSiteKit =
  (core: Core) =>
  ({ plugin, ...of }: AtSite & { plugin: Plugin }): Promise<void> =>
    acting(core, of, async ({ stores, client }) => {
      await renewClientIn(core, stores, { clientId: client.clientId, plugin, actor: of.actor })
      await audit(core, stores, {
        action: 'client.kit_taken',
        actor: of.actor,
        subjectKind: 'client',
        subjectId: client.clientId,
        payload: { kind: client.kind, by: 'site' },
      })
    })
