// One connection to one server. ldapts reconnects a lost client by itself: unbound, in the clear after StartTLS, and
// two requests at a time hang for ever. So each client here gets exactly one socket, and is thrown away with it.
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Client, PasswordPolicyControl, type PasswordPolicyValue } from 'ldapts'
import { isOutage, resultCode } from './result.ts'

export type ServerOptions = {
  url: string
  startTls: boolean
  ca: Buffer | undefined
  connectTimeoutMs: number
  timeoutMs: number
}

export type Connection = {
  client: Client
  /** True while it is up and bound: check right before each use. */
  alive(): boolean
  close(): Promise<void>
}

/** What a bind said: an LDAP result code, and the password policy's word on it. */
export type BindOutcome = { code: number; policy: PasswordPolicyValue | undefined }

const ignore = () => {}

/** A client for one connection, and its StartTLS. Nothing is sent yet over a connection without StartTLS. */
export async function connect({ url, startTls, ca, connectTimeoutMs, timeoutMs }: ServerOptions): Promise<Connection> {
  const { hostname, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  /** The TCP socket, and the TLS socket around it after StartTLS. */
  const sockets: Socket[] = []
  const own = (socket: Socket): Socket => {
    sockets.push(socket)
    return socket
  }
  const once = (): void => {
    if (sockets.length > 0) throw new Error('the connection was lost')
  }
  const tcp = (port: number, name: string): Socket => {
    once()
    return own(connectTcp(port, name).setNoDelay(true).setKeepAlive(true, 60_000))
  }
  // Called as (port, host, options) for ldaps, as (options) for StartTLS.
  const tls = (...args: unknown[]): Socket => {
    if (args.length > 1) once()
    return own(connectTls(...(args as Parameters<typeof connectTls>)))
  }
  const client = new Client({
    url,
    timeout: timeoutMs,
    connectTimeout: connectTimeoutMs,
    createConnection: tcp as typeof connectTcp,
    createSecureConnection: tls as typeof connectTls,
    // With any tlsOptions ldapts speaks TLS at once, on ldap:// too.
    ...(protocol === 'ldaps:' && { tlsOptions: { ca, minVersion: 'TLSv1.2' as const } }),
  })
  const destroy = () => {
    for (const socket of sockets) socket.on('error', ignore).destroy()
  }
  if (protocol === 'ldap:' && startTls) {
    // Without `host`, Node would check the certificate against "localhost". An address is checked, but not sent as SNI.
    const hello = client.startTLS({ ca, host, minVersion: 'TLSv1.2', ...(!isIP(host) && { servername: host }) })
    await within(connectTimeoutMs, hello).catch((error) => {
      destroy()
      throw error
    })
  }
  return {
    client,
    // ldapts does not notice a loss after StartTLS, and otherwise only when the socket has closed, which is later than the
    // error that tells of it.
    alive: () =>
      client.isBound && sockets.every((socket) => !socket.destroyed) && sockets.at(-1)?.readyState === 'open',
    close: async () => {
      await client.unbind().catch(ignore)
      destroy()
    },
  }
}

/** ldapts has no time-out for the handshake of StartTLS. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('StartTLS timed out')), milliseconds)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Bind with the password policy control. A refusal is an outcome; only a lost or silent server throws. */
export async function bind({ client }: Connection, dn: string, password: string): Promise<BindOutcome> {
  // RFC 4513 §5.1.2: a bind with a name and no password succeeds on some servers and proves nothing.
  if (dn === '' || password === '') throw new RangeError('a bind needs a name and a password')
  // One control a request: ldapts writes the answer into it, also when the bind throws.
  const control = new PasswordPolicyControl()
  try {
    await client.bind(dn, password, control)
    return { code: 0, policy: control.value }
  } catch (error) {
    const code = resultCode(error)
    if (code === undefined || isOutage(error)) throw error
    return { code, policy: control.value }
  }
}
