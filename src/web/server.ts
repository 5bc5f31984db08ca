// The door to the network. Host, proxy headers and address are settled here, before koa or oidc-provider see a request:
// both would build URLs from whatever Host a stranger sends.
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { BlockList, isIPv6 } from 'node:net'

export type Handlers = {
  /** The provider's own endpoints. */
  provider: RequestListener
  /** The house's pages. */
  app: RequestListener
  /** `/health`, `/ready`, `/metrics`: answered for the machine itself, whatever the Host. */
  machine: Record<string, (request: IncomingMessage) => Promise<{ status: number; type: string; body: string }>>
  onRequest?: (route: string, status: number, ms: number) => void
}

const PROVIDER_PATHS = /^\/(?:auth|token|me|jwks|request)(?:\/|$)|^\/session\/end(?:\/|$)|^\/\.well-known\/o/

/** A slow client holds a socket, not a worker; still, nobody needs a minute for a form. */
const HEADERS_MS = 10_000
const REQUEST_MS = 30_000

/** Addresses and ranges as schedar.yaml lists them. */
export function addressList(entries: readonly string[]): { has(address: string): boolean } {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (prefix) list.addSubnet(address, Number(prefix), family)
    else list.addAddress(address, family)
  }
  return { has: (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') }
}

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '')
const addresses = new WeakMap<IncomingMessage, string>()

/** The person's network address: the nearest one in X-Forwarded-For that is not a trusted proxy. */
export const addressOf = (request: IncomingMessage): string =>
  addresses.get(request) ?? plain(request.socket.remoteAddress ?? '')

const answer = (response: ServerResponse, status: number, type: string, body: string): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(body)
}

export function createHttpServer(issuer: string, trustedProxies: readonly string[], handlers: Handlers): Server {
  const { host, protocol } = new URL(issuer)
  const trusted = addressList(trustedProxies)

  /** Settles Host, protocol and address; false when the request is for another host. */
  function settle(request: IncomingMessage): boolean {
    const peer = plain(request.socket.remoteAddress ?? '')
    const behindProxy = trusted.has(peer)
    const hops = String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((hop) => plain(hop.trim()))
      .filter(Boolean)
    addresses.set(request, behindProxy ? (hops.findLast((hop) => !trusted.has(hop)) ?? peer) : peer)
    const asked = (behindProxy && request.headers['x-forwarded-host']) || request.headers.host
    for (const header of ['x-forwarded-for', 'x-forwarded-host', 'forwarded', 'x-real-ip'])
      delete request.headers[header]
    // What people see is the issuer's protocol, whichever the proxy speaks to us.
    request.headers['x-forwarded-proto'] = protocol.slice(0, -1)
    request.headers.host = host
    return typeof asked === 'string' && asked.toLowerCase() === host
  }

  const fromMachine = (request: IncomingMessage): boolean =>
    /^(127\.|::1$)/.test(plain(request.socket.remoteAddress ?? '')) &&
    !request.headers['x-forwarded-for'] &&
    !request.headers.forwarded

  async function machine(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (path === '/metrics' && !fromMachine(request))
      return answer(response, 403, 'text/plain', 'metrics are read on the machine itself\n')
    const { status, type, body } = await handlers.machine[path]!(request)
    answer(response, status, type, body)
  }

  const server = createServer((request, response) => {
    const began = performance.now()
    const path = (request.url ?? '/').split('?', 1)[0]!
    if (handlers.machine[path]) {
      machine(path, request, response).catch(() => answer(response, 500, 'text/plain', 'unexpected\n'))
      return
    }
    // RFC 9110 §15.5.20: this server does not answer for that host.
    if (!settle(request))
      return answer(
        response,
        421,
        'text/plain; charset=utf-8',
        `This address is not the one of this service, ${host}.\n`,
      )
    const forProvider = PROVIDER_PATHS.test(path)
    if (handlers.onRequest)
      response.once('finish', () =>
        handlers.onRequest!(
          forProvider ? path.replace(/^(\/auth|\/request)\/.*/, '$1/:id') : 'page',
          response.statusCode,
          performance.now() - began,
        ),
      )
    ;(forProvider ? handlers.provider : handlers.app)(request, response)
  })
  server.headersTimeout = HEADERS_MS
  server.requestTimeout = REQUEST_MS
  server.keepAliveTimeout = 65_000
  return server
}
