// A TCP relay on loopback that misbehaves as told: between a client and a real server, for what networks do.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Relay = { port: number; connections(): number; close(): void }

/** `join` gets both ends of the n-th connection (from 1) and wires them. */
export async function startRelay(
  to: { host: string; port: number },
  join: (near: Socket, far: Socket, n: number) => void,
): Promise<Relay> {
  let count = 0
  const ends = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(to.port, to.host)
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(end)
      end.on('error', () => {}).on('close', () => other.destroy())
    }
    join(near, far, ++count)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.close()
    for (const end of ends) end.destroy()
  }
  return { port: (server.address() as AddressInfo).port, connections: () => count, close }
}
