// Who is at the other end of a loopback connection. Any program on the machine could reach the policy server, a hosted
// site's scripts too, and count messages against somebody else's login: only Postfix's own user may ask.
import { readFile } from 'node:fs/promises'

export type Endpoint = { address: string; port: number }

/** proc(5), /proc/net/tcp: an IPv4 address as a little-endian number, and the port, both hexadecimal. */
const spelt = ({ address, port }: Endpoint): string => {
  const octets = address
    .replace(/^::ffff:/, '')
    .split('.')
    .toReversed()
  const hex = (value: number, width: number) => value.toString(16).toUpperCase().padStart(width, '0')
  return `${octets.map((octet) => hex(Number(octet), 2)).join('')}:${hex(port, 4)}`
}

/** TCP_ESTABLISHED. A socket that its program has closed shows root as its owner, in another state. */
const ESTABLISHED = '01'

/** The user of the connection's other end, from the text of /proc/net/tcp; undefined when it is there no more. */
export function ownerIn(table: string, peer: Endpoint, here: Endpoint): number | undefined {
  const [from, to] = [spelt(peer), spelt(here)]
  const at = table.indexOf(` ${from} ${to} ${ESTABLISHED} `)
  if (at < 0) return undefined
  // From local_address on: rem_address, st, queues, timer, retransmits, uid.
  return Number(table.slice(at + 1, at + 200).split(/\s+/)[6])
}

/** Answers for each connection whether one of these users made it. Several asked about at once share one look. */
export function admittedUsers(here: Endpoint, users: readonly number[]): (peer: Endpoint) => Promise<boolean> {
  let next: Promise<string> | undefined
  const table = (): Promise<string> => {
    next ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      next = undefined // a connection that comes from here on is not in what is read now
      return readFile('/proc/net/tcp', 'latin1')
    })
    return next
  }
  return async (peer) => {
    const owner = ownerIn(await table(), peer, here)
    return owner !== undefined && users.includes(owner)
  }
}

/** Whether the program at `client` runs as one of these users; it is connected to `server` on this machine. */
export const isOwned =
  (users: readonly number[]) =>
  async (client: Endpoint, server: Endpoint): Promise<boolean> => {
    const owner = ownerIn(await readFile('/proc/net/tcp', 'latin1'), client, server)
    return owner !== undefined && users.includes(owner)
  }
