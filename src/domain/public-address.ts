// Which network addresses are public: those that a request which a stranger caused may go to.
import { BlockList, isIP, isIPv6 } from 'node:net'

const family = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4')

/** Addresses and ranges, such as `192.0.2.1` and `fd00::/8`, as one list. */
function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    if (bits === undefined) list.addAddress(address, family(address))
    else list.addSubnet(address, Number(bits), family(address))
  }
  return list
}

/** RFC 6890 and IANA's registries of special-purpose addresses; what they leave out is public. */
const special = listOf([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24'],
  ...['203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  // Within 2000::/3: Teredo and its neighbours, 6to4 (both hide an IPv4 address), documentation.
  ...['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
])
/** All that IANA gave out for use on the internet. IPv4 in other clothes (::ffff:0:0/96, 64:ff9b::/96) is not in it. */
const global = listOf(['2000::/3'])

const isPublic = (address: string): boolean =>
  !special.check(address, family(address)) && (!isIPv6(address) || global.check(address, 'ipv6'))

/** True if a request may go there: to a public address, or one of `allowed` (addresses and ranges). */
export const mayReach = (address: string, allowed: readonly string[]): boolean =>
  isIP(address) !== 0 && (isPublic(address) || listOf(allowed).check(address, family(address)))
