// Free loopback ports for private servers.
import { once } from 'node:events'
import { connect, createServer, type NetConnectOpts } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A port that was free a moment ago on a loopback address. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves once something accepts connections on a port or a socket's path; throws after `timeoutMs`. */
export async function reachable(at: number | string, host = '127.0.0.1', timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await accepts(typeof at === 'string' ? { path: at } : { port: at, host }))) {
    if (performance.now() > deadline) throw new Error(`nothing listens on ${host} ${at} after ${timeoutMs} ms`)
    await sleep(20)
  }
}

const accepts = (at: NetConnectOpts): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(at, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
