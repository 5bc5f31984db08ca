// The server that Postfix asks (SMTPD_POLICY_README): attributes a line each, an empty line, one action back. It
// believes nothing of its clients: how much they send, how long they take and how many they are is bounded.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Attributes } from './policy.ts'

export type PolicyServerOptions = {
  listener: { address: string; port: number }
  /** The action for a request. */
  decide(asked: Attributes): Promise<string>
  /** The action when `decide` throws or is slower than `timeoutMs`. */
  otherwise: string
  timeoutMs: number
  /** Whether this peer may ask; false closes the connection without a word. */
  admits(peer: { address: string; port: number }): Promise<boolean>
  onError(error: unknown): void
  /** Milliseconds within which a request that was begun must be whole. */
  requestMs?: number
}

/** A request has some 1.5 kB; client certificates and long addresses double that. */
const LONGEST_REQUEST = 32 * 1024
/** Postfix closes after 300 s of silence (smtpd_policy_service_max_idle), and leaves no connection older than 1000 s. */
const IDLE_MS = 330_000
const REQUEST_MS = 10_000
/** As many as smtpd processes that a host of this kind could ever have. */
const MOST_CONNECTIONS = 2000

function attributes(block: string): Attributes {
  const pairs = block.split('\n').map((line): [string, string] => {
    const at = line.indexOf('=')
    return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
  })
  return new Map(pairs)
}

/** Starts listening. Throws what `listen` throws; several processes of one user may share the port. */
export async function startPolicyServer(options: PolicyServerOptions): Promise<Server> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => serve(socket, options))
  server.maxConnections = MOST_CONNECTIONS
  server.listen({ host: options.listener.address, port: options.listener.port, reusePort: true })
  await once(server, 'listening')
  return server
}

/** The decision, or `otherwise` when there is none in time. Never throws. */
async function decided(
  asked: Attributes,
  { decide, otherwise, timeoutMs, onError }: PolicyServerOptions,
): Promise<string> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(resolve, timeoutMs)
  try {
    const action = await Promise.race([decide(asked), late])
    if (action === undefined) onError(new Error(`no decision in ${timeoutMs} ms`))
    return action ?? otherwise
  } catch (error) {
    onError(error)
    return otherwise
  } finally {
    clearTimeout(timer)
  }
}

async function serve(socket: Socket, options: PolicyServerOptions): Promise<void> {
  const { requestMs = REQUEST_MS } = options
  socket.on('error', () => socket.destroy())
  socket.setTimeout(IDLE_MS, () => socket.destroy())
  const begun = () => setTimeout(() => socket.destroy(), requestMs)
  // An unfinished request counts from its first octet, not from its last: whoever sends one a second has not longer.
  let deadline: NodeJS.Timeout | undefined
  socket.on('close', () => clearTimeout(deadline))
  try {
    const { remoteAddress: address = '', remotePort: port = 0 } = socket
    if (!(await options.admits({ address, port }))) return void socket.destroy()
    let waiting = ''
    // One request after the other, and nothing is read meanwhile: a flood waits in the client's own buffers.
    for await (const chunk of socket) {
      waiting += (chunk as Buffer).toString('latin1')
      for (let end = waiting.indexOf('\n\n'); end >= 0; end = waiting.indexOf('\n\n')) {
        const asked = attributes(Buffer.from(waiting.slice(0, end), 'latin1').toString())
        waiting = waiting.slice(end + 2)
        clearTimeout(deadline)
        deadline = undefined
        const action = await decided(asked, options)
        if (socket.destroyed) return
        // One write: two would wait for each other's acknowledgement, 40 ms each time (Nagle, delayed ACK).
        if (!socket.write(`action=${action}\n\n`)) await once(socket, 'drain')
      }
      if (waiting.length > LONGEST_REQUEST) return void socket.destroy()
      if (waiting.length > 0) deadline ??= begun()
    }
    socket.end()
  } catch {
    socket.destroy()
  }
}
