// The door to the network. Host, proxy headers and address are settled here, before koa or oidc-provider see a request:
// both would build URLs from whatever Host a stranger sends.
import { createServer, IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http'
import { BlockList, isIP, isIPv6, Socket } from 'node:net'
import helmet from 'helmet'
import { isLoopback } from '../config.ts'

export type Handlers = {
  /** The provider's own endpoints. */
  provider: RequestListener
  /** The house's pages. */
  app: RequestListener
  /** `/health`, `/ready`, `/metrics`, and what mail programs ask under any domain: answered whatever the Host. */
  machine: Record<string, (request: IncomingMessage) => Promise<{ status: number; type: string; body: string }>>
  onRequest?: (route: string, status: number, ms: number) => void
}

// On every answer, the provider's too; what belongs to a page is added there (app.ts), and what only browsers of long ago
// know is left out. Referrer: same-origin. With no-referrer, browsers send `Origin: null` with our own forms, and csrf.ts
// would refuse them.
const setSecurityHeaders = helmet({
  contentSecurityPolicy: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
  referrerPolicy: { policy: 'same-origin' },
  strictTransportSecurity: { maxAge: 31_536_000 },
  xFrameOptions: { action: 'deny' },
})

/** They are the same on every answer, so they are worked out once. */
function securityHeaders(): Map<string, string> {
  const model = new ServerResponse(new IncomingMessage(new Socket()))
  setSecurityHeaders(model.req, model, () => {})
  return new Map(Object.entries(model.getHeaders()).map(([name, value]) => [name, String(value)]))
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

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')
const ADDRESS = Symbol('address')
type Settled = IncomingMessage & { [ADDRESS]?: string }

/** The person's network address: the nearest one in X-Forwarded-For that is not a trusted proxy. */
export const addressOf = (request: Settled): string => request[ADDRESS] ?? plain(request.socket.remoteAddress ?? '')

const answer = (response: ServerResponse, status: number, type: string, body: string): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}

/** The host that a Host header names, as URL spells it: in lower case, without the protocol's own port. */
const hostOf = (protocol: string, header: string): string | undefined =>
  /[/?#@\\\s]/.test(header) ? undefined : URL.parse(`${protocol}//${header}`)?.host

export function createHttpServer(issuer: string, trustedProxies: readonly string[], handlers: Handlers): Server {
  const { host, protocol } = new URL(issuer)
  const trusted = addressList(trustedProxies)
  const headers = securityHeaders()
  const isHere = (asked: string): boolean => asked === host || hostOf(protocol, asked) === host

  const nearestHop = (request: IncomingMessage): string | undefined =>
    String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((hop) => plain(hop.trim()))
      .findLast((hop) => !trusted.has(hop))

  /** Settles Host, protocol and address; false when the request is for another host. */
  function settle(request: Settled): boolean {
    const peer = plain(request.socket.remoteAddress ?? '')
    const behindProxy = trustedProxies.length > 0 && trusted.has(peer)
    const nearest = behindProxy ? nearestHop(request) : undefined
    request[ADDRESS] = nearest && isIP(nearest) ? nearest : peer
    const asked = (behindProxy && request.headers['x-forwarded-host']) || request.headers.host
    for (const header of ['x-forwarded-for', 'x-forwarded-host', 'forwarded', 'x-real-ip'])
      if (request.headers[header] !== undefined) delete request.headers[header]
    // What people see is the issuer's protocol, whichever the proxy speaks to us.
    request.headers['x-forwarded-proto'] = protocol.slice(0, -1)
    request.headers.host = host
    // RFC 9112 §3.2.2: a target may be a whole URL, which koa would take for the address of the request.
    const target = /^https?:/i.test(request.url ?? '') ? URL.parse(request.url!) : undefined
    if (target) request.url = `${target.pathname}${target.search}`
    return typeof asked === 'string' && isHere(asked) && (target?.host ?? host) === host
  }

  const forwarding = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'forwarded', 'via']
  const publicly = isLoopback(new URL(issuer).hostname) ? undefined : host

  /** Asked on the machine itself, not through a proxy there; one that adds no header still passes our name on. */
  const fromMachine = (request: IncomingMessage): boolean =>
    /^(127\.|::1$)/.test(plain(request.socket.remoteAddress ?? '')) &&
    forwarding.every((header) => request.headers[header] === undefined) &&
    request.headers.host?.toLowerCase() !== publicly

  async function machine(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (path === '/metrics' && !fromMachine(request))
      return answer(response, 403, 'text/plain', 'metrics are read on the machine itself\n')
    const { status, type, body } = await handlers.machine[path]!(request)
    answer(response, status, type, body)
  }

  const pathOf = (request: IncomingMessage): string => (request.url ?? '/').split('?', 1)[0]!

  const server = createServer((request, response) => {
    const began = performance.now()
    response.setHeaders(headers)
    if (Object.hasOwn(handlers.machine, pathOf(request))) {
      machine(pathOf(request), request, response).catch(() => answer(response, 500, 'text/plain', 'unexpected\n'))
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
    const path = pathOf(request)
    const forProvider = PROVIDER_PATHS.test(path)
    if (handlers.onRequest) {
      const route = forProvider ? path.replace(/^(\/auth|\/request)\/.*/, '$1/:id') : 'page'
      response.on('finish', () => handlers.onRequest!(route, response.statusCode, performance.now() - began))
    }
    ;(forProvider ? handlers.provider : handlers.app)(request, response)
  })
  server.headersTimeout = HEADERS_MS
  server.requestTimeout = REQUEST_MS
  server.keepAliveTimeout = 65_000
  return server
}
