// Connecting a site by oneself: registered by whoever looks after the sites of a member, proved by a file or in DNS, then it
// has its client. A proof gives a name that is nobody's; it never takes one away.
import { type Actor, audit, type Core } from '../core.ts'
import type { AuditAction } from '../domain/audit-actions.ts'
import { AppError } from '../domain/errors.ts'
import { letsBegin, looksAfterSites } from '../domain/people.ts'
import { proofFile, proofLine, proofRecord, type SiteAddress, siteAddress } from '../domain/site-address.ts'
import type { Plugin } from '../plugin.ts'
import type { AccountInForce, FileSeen, Resource, SiteProbe, SiteRegistration, Stores, TextsSeen } from '../ports.ts'
import { addClientIn } from './clients.ts'
import { addResourceIn } from './resources.ts'
import { isHostedHere, notReserved, siteToConnect } from './site-names.ts'
import { takeTry } from './throttle.ts'

const HOUR = 3_600_000
const perPerson = { tries: 30, windowMs: HOUR }
const perMember = { tries: 60, windowMs: HOUR }
const perHost = { tries: 20, windowMs: HOUR }

/** The memberships by which somebody may connect a site now. */
export const mayRegisterFor = (
  { config }: Pick<Core, 'config'>,
  { overrides, closed, memberships }: AccountInForce,
): AccountInForce['memberships'] =>
  !config.sites.selfService || closed || overrides.some(({ effect }) => effect === 'deny')
    ? []
    : memberships.filter((one) => looksAfterSites(one) && letsBegin(one))

/** Throws `not_found` for whoever has no business with the member's sites, or may begin nothing at present. */
async function authorised(core: Core, stores: Pick<Stores, 'access'>, actor: Actor, memberId: string): Promise<void> {
  const account = await stores.access.account(actor)
  if (!account || !mayRegisterFor(core, account).some((one) => one.memberId === memberId))
    throw new AppError('not_found', { detail: `${actor} connects no site of ${memberId}` })
}

const noted = (
  core: Core,
  stores: Stores,
  action: AuditAction,
  actor: Actor,
  { id, memberId, name, kind }: SiteRegistration,
  more: Record<string, unknown> = {},
): Promise<void> =>
  audit(core, stores, {
    action,
    actor,
    subjectKind: 'member',
    subjectId: memberId,
    payload: { registration: id, name, kind, ...more },
  })

export type Registering = { memberId: string; address: string; kind: string; plugin: Plugin | undefined; actor: Actor }
/** `site`: it is connected already, because nothing had to be proved. */
export type Begun = { registration: SiteRegistration; site?: Resource }

/** A kit for sites, that takes this address; whatever a plugin says of it is said at the address. */
function checkedKind({ plugin, kind }: Registering, { url }: SiteAddress): Plugin {
  if (!plugin?.selfService || !plugin.client || !plugin.kit)
    throw new AppError('invalid_value', { field: 'kind', detail: `nobody connects a ${kind} alone` })
  try {
    plugin.client(url)
  } catch (cause) {
    throw new AppError('site_address_refused', { field: 'address', detail: `${kind} takes no such address`, cause })
  }
  return plugin
}

/** Earlier ones of the same name make place; beyond so many it is `limit_reached`. */
async function makePlace(core: Core, stores: Stores, memberId: string, name: string): Promise<void> {
  const at = core.clock.now()
  const open = await stores.registrations.ofMember(memberId)
  for (const earlier of open.filter((one) => one.name === name))
    await stores.registrations.settle(earlier.id, 'replaced', at)
  const others = open.filter((one) => one.name !== name && one.expiresAt > at)
  const most = core.config.sites.pendingPerMember
  if (others.length >= most)
    throw new AppError('limit_reached', { params: { most }, detail: 'too many sites under way' })
}

/** Register a site. It waits for its proof, unless the association hosts it and the member holds it already. */
export const registerSite =
  (core: Core) =>
  async (input: Registering): Promise<Begun> => {
    const { memberId, kind, actor } = input
    await authorised(core, core.store, actor, memberId)
    await takeTry(core)([
      { name: 'sites registered', key: actor, limit: perPerson },
      { name: 'sites registered of', key: memberId, limit: perMember },
    ])
    const address = siteAddress(input.address)
    const plugin = checkedKind(input, address)
    notReserved(core, address.name)
    const begun = await core.store.transaction(async (stores): Promise<Begun> => {
      const at = core.clock.now()
      const registration: SiteRegistration = {
        id: core.random.uuid(),
        memberId,
        ...address,
        kind,
        token: core.random.token(15),
        createdBy: actor,
        createdAt: at,
        expiresAt: at + core.config.sites.pendingDays * 24 * HOUR,
      }
      // First: it lets one at a time through, so that limits and names hold.
      await noted(core, stores, 'site.registered', actor, registration)
      await authorised(core, stores, actor, memberId)
      const held = await siteToConnect(stores, memberId, address)
      await makePlace(core, stores, memberId, address.name)
      await stores.registrations.add(registration)
      if (!held || !isHostedHere(core, address.name)) return { registration }
      return { registration, site: await connect(core, stores, { registration, plugin, actor, outcome: 'held' }) }
    })
    core.wake()
    return begun
  }

type Connecting = {
  registration: SiteRegistration
  plugin: Plugin
  actor: Actor
  outcome: 'proved' | 'approved' | 'held'
}

/** Within a transaction that has written to the audit: settles it, and gives the member the site and its client. */
async function connect(core: Core, stores: Stores, { registration, plugin, actor, outcome }: Connecting) {
  const { id, memberId, name, url, kind } = registration
  const at = core.clock.now()
  if (registration.expiresAt <= at || !(await stores.registrations.settle(id, outcome, at)))
    throw new AppError('link_expired')
  notReserved(core, name)
  const held = await siteToConnect(stores, memberId, { name })
  const site = held ?? (await addResourceIn(core, stores, { memberId, kind: 'site', name, actor }))
  await addClientIn(core, stores, { kind, name, url, plugin, site, actor })
  return site
}

export type OfRegistration = { id: string; actor: Actor }

/** One that somebody has to do with. Throws `not_found`. */
export const readRegistration =
  (core: Core) =>
  async ({ id, actor }: OfRegistration): Promise<SiteRegistration> => {
    const found = await core.store.registrations.get(id)
    if (!found) throw new AppError('not_found', { detail: 'there is no such registration' })
    await authorised(core, core.store, actor, found.memberId)
    return found
  }

/** Those under way of everybody whose sites one looks after, the newest first. */
export const listRegistrations =
  (core: Core) =>
  async (account: AccountInForce): Promise<SiteRegistration[]> => {
    const found = mayRegisterFor(core, account).map(({ memberId }) => core.store.registrations.ofMember(memberId))
    return (await Promise.all(found)).flat()
  }

export const withdrawRegistration =
  (core: Core) =>
  async ({ id, actor }: OfRegistration): Promise<void> => {
    const found = await readRegistration(core)({ id, actor })
    await core.store.transaction(async (stores) => {
      await authorised(core, stores, actor, found.memberId)
      if (await stores.registrations.settle(id, 'withdrawn', core.clock.now()))
        await noted(core, stores, 'site.registration_withdrawn', actor, found)
    })
  }

export type Findings = {
  file: FileSeen
  texts: TextsSeen
  /** By which of the two it is proved. */
  by: 'file' | 'dns' | undefined
}

async function look(probe: SiteProbe, { name, token }: SiteRegistration): Promise<Findings> {
  const line = proofLine(token)
  const [file, texts] = await Promise.all([probe.file(name, proofFile), probe.texts(proofRecord(name))])
  const inFile = file.seen === 'text' && file.text.split(/\r?\n/).some((one) => one.trim() === line)
  const inDns = texts.seen === 'texts' && texts.texts.some((one) => one.trim() === line)
  return { file, texts, by: inFile ? 'file' : inDns ? 'dns' : undefined }
}

/** Looks for the proof; with one, the site is the member's and connected. */
export const checkRegistration =
  (core: Core, probe: SiteProbe) =>
  async ({ id, actor, plugin }: OfRegistration & { plugin: Plugin }): Promise<Findings & { site?: Resource }> => {
    const registration = await readRegistration(core)({ id, actor })
    if (registration.expiresAt <= core.clock.now()) throw new AppError('link_expired')
    await takeTry(core)([
      { name: 'sites looked at', key: actor, limit: perPerson },
      { name: 'sites looked at of', key: registration.memberId, limit: perMember },
      { name: 'site looked at', key: registration.name, limit: perHost },
    ])
    const findings = await look(probe, registration)
    const { by } = findings
    if (!by) return findings
    const site = await core.store.transaction(async (stores) => {
      await noted(core, stores, 'site.registration_proved', actor, registration, { by })
      await authorised(core, stores, actor, registration.memberId)
      return connect(core, stores, { registration, plugin, actor, outcome: 'proved' })
    })
    core.wake()
    return { ...findings, site }
  }

// ── By the staff ────────────────────────────────────────────────────────────────────────────────────────────────────

const openOne = async (core: Core, id: string): Promise<SiteRegistration> => {
  const found = await core.store.registrations.get(id)
  if (!found) throw new AppError('not_found', { detail: 'there is no such registration' })
  return found
}

/** Without a proof: the association knows whose site it is. */
export const approveRegistration =
  (core: Core) =>
  async ({ id, actor, plugin }: OfRegistration & { plugin: Plugin }): Promise<Resource> => {
    const registration = await openOne(core, id)
    const site = await core.store.transaction(async (stores) => {
      await noted(core, stores, 'site.registration_approved', actor, registration)
      return connect(core, stores, { registration, plugin, actor, outcome: 'approved' })
    })
    core.wake()
    return site
  }

export const refuseRegistration =
  (core: Core) =>
  async ({ id, actor }: OfRegistration): Promise<void> => {
    const registration = await openOne(core, id)
    await core.store.transaction(async (stores) => {
      if (await stores.registrations.settle(id, 'refused', core.clock.now()))
        await noted(core, stores, 'site.registration_refused', actor, registration)
    })
  }
