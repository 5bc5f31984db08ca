// Which names of sites somebody may register: none of the house's own, and none that somebody else has here.
import type { Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { hostsIn, isReserved, isUnder, type SiteAddress, twin } from '../domain/site-address.ts'
import type { Client, Resource, Stores } from '../ports.ts'

/** Throws `site_reserved` for a name of the house, or of a host that schedar.yaml names anywhere. */
export function notReserved({ config }: Pick<Core, 'config'>, name: string): void {
  const { hostname } = new URL(config.issuer)
  // Sites that are hosted here are named in it as well: they are what this is for.
  const { sites, ...others } = config
  if (isReserved(name, { own: hostname, below: sites.reserved, named: hostsIn(others) }))
    throw new AppError('site_reserved', { field: 'address', detail: `${name} is a name of the house` })
}

/** The hosts that a client signs people in at, or is called at. */
const hostsOf = ({ metadata }: Client): string[] =>
  [metadata.client_uri, metadata.redirect_uris, metadata.backchannel_logout_uri].flatMap(hostsIn)

const taken = (name: string) => new AppError('site_taken', { field: 'address', detail: `${name} is somebody else’s` })

/**
 * The member's own site of this name, if it has one that nothing is connected to yet. Throws `site_taken` for what is, or
 * was, another's or the house's, whatever it is; `site_connected` for one that can be signed in to already.
 */
export async function siteToConnect(
  stores: Pick<Stores, 'resources' | 'clients'>,
  memberId: string,
  { name }: Pick<SiteAddress, 'name'>,
): Promise<Resource | undefined> {
  const [own, other] = await Promise.all([name, twin(name)].map((one) => stores.resources.byName('site', one)))
  // Also what was removed: its name is somebody's history, and perhaps still the address of their mail.
  for (const found of [own, other])
    if (found && (found.memberId !== memberId || (found === own && found.removedAt !== null))) throw taken(name)
  const clients = (await stores.clients.list()).filter((client) => hostsOf(client).includes(name))
  if (own && (await stores.clients.ofResource(own.id)).length > 0)
    throw new AppError('site_connected', { field: 'address', detail: `${name} has a client` })
  if (clients.length > 0) throw taken(name)
  return own
}

/** True where schedar.yaml says that the association hosts the site itself: its member then proves nothing. */
export const isHostedHere = ({ config }: Pick<Core, 'config'>, name: string): boolean =>
  config.sites.withoutProof.some((one) => isUnder(name, one))
