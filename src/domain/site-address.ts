// The address of a site as somebody types it, and which names are never a member's to register.
import { AppError } from './errors.ts'

/** `name`: the host. `url`: https, without a trailing slash. */
export type SiteAddress = { name: string; url: string }

/** RFC 1123 §2.1: labels of at most 63 letters, digits and hyphens; a site has a domain, and no number for one. */
const HOST = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/
/** Names that mean something else on each machine or network (RFC 6761, RFC 6762, RFC 8375, RFC 7686). */
const NOWHERE = /(^|\.)(localhost|local|internal|intranet|lan|home|corp|arpa|onion)$/
const PATH = /^(?:\/[A-Za-z0-9._~-]+)*$/

const refuse = (detail: string): never => {
  throw new AppError('site_address_refused', { field: 'address', detail })
}

/**
 * `Vélo.example/blog/`, `http://velo.example`: people leave the scheme away and paste what the browser shows. Other ports,
 * users, queries and addresses of machines are refused: what is proved is the name of a host.
 */
export function siteAddress(typed: string): SiteAddress {
  const text = typed.normalize('NFKC').trim()
  if (text.length > 500 || /[\s\\%\p{Cc}]/u.test(text)) refuse('not an address')
  const [, scheme = 'https'] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? []
  if (!/^https?$/i.test(scheme)) refuse(`not an address of the web: ${scheme}`)
  const parsed = URL.parse(`https://${text.replace(/^[a-z]+:\/\//i, '')}`) ?? refuse('not an address')
  const name = parsed.hostname.toLowerCase()
  if (!HOST.test(name) || NOWHERE.test(name)) refuse(`not the public name of a host: ${JSON.stringify(name)}`)
  const path = parsed.pathname.replace(/\/+$/, '')
  if (parsed.port !== '' || parsed.username || parsed.password || parsed.search || parsed.hash || !PATH.test(path))
    refuse('an address without port, user, query or fragment')
  return { name, url: `https://${name}${path}` }
}

/** The same site without `www.`, or with it: whoever holds one of the two is asked before the other is given away. */
export const twin = (name: string): string => (name.startsWith('www.') ? name.slice(4) : `www.${name}`)

/** True for a name itself and for all that is below it. */
export const isUnder = (name: string, of: string): boolean => name === of || name.endsWith(`.${of}`)

/**
 * Names that the house keeps for itself. `own` is its sign-in: nobody gets a name below it, nor one that it is below of, from
 * which cookies could be set for it (RFC 6265 §8.6). `below`: these and all below them. `named`: just these.
 */
export const isReserved = (
  name: string,
  { own, below, named }: { own: string; below: readonly string[]; named: readonly string[] },
): boolean =>
  isUnder(name, own) || isUnder(own, name) || below.some((one) => isUnder(name, one)) || named.includes(name)

/** Every host that a configuration names, in addresses or by itself, however deep. */
export function hostsIn(value: unknown): string[] {
  if (typeof value === 'string') {
    const host = URL.parse(value)?.hostname || (value.includes('/') ? '' : value)
    const name = host.toLowerCase()
    return HOST.test(name) ? [name] : []
  }
  if (value && typeof value === 'object') return Object.values(value).flatMap(hostsIn)
  return []
}

/** How control over a name is shown: one line in a file of the site, or in DNS. */
export const proofFile = '/.well-known/schedar-site.txt'
export const proofRecord = (name: string): string => `_schedar.${name}`
export const proofLine = (token: string): string => `schedar-site=${token}`
