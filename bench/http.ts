// A lean HTTP/1.1 client on keep-alive sockets, one request at a time on each: what the load generator spends is taken from
// the server beside it on the same machine. Cookies are kept by name; a browser's finer rules do not matter here.
import { connect, type Socket } from 'node:net'

export type Answer = { status: number; head: string; body: string }
export type Connection = { send(request: string): Promise<Answer>; close(): void }

const EMPTY = Buffer.alloc(0)
const END_OF_HEAD = '\r\n\r\n'

/** A header's value; the first of its name. */
export function header(head: string, name: string): string | undefined {
  const at = head.toLowerCase().indexOf(`\r\n${name}:`)
  if (at < 0) return undefined
  const end = head.indexOf('\r\n', at + 2)
  return head.slice(at + name.length + 3, end < 0 ? undefined : end).trim()
}

/** The end of a chunked body that begins at `from`, and its text; undefined while it is incomplete (RFC 9112 §7.1). */
function chunked(bytes: Buffer, from: number): { end: number; body: string } | undefined {
  const parts: Buffer[] = []
  for (let at = from; ; ) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    const end = line + 2 + size + 2
    if (bytes.length < end) return undefined
    if (size === 0) return { end, body: Buffer.concat(parts).toString() }
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = end
  }
}

/** The first answer in these bytes and where it ends; undefined while it is incomplete. */
export function parseAnswer(bytes: Buffer): { answer: Answer; end: number } | undefined {
  const headEnd = bytes.indexOf(END_OF_HEAD)
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const status = Number(head.slice(9, 12))
  const from = headEnd + END_OF_HEAD.length
  const length = header(head, 'content-length')
  if (length === undefined && header(head, 'transfer-encoding')) {
    const found = chunked(bytes, from)
    return found && { answer: { status, head, body: found.body }, end: found.end }
  }
  const end = from + Number(length ?? 0)
  if (bytes.length < end) return undefined
  return { answer: { status, head, body: bytes.toString('utf8', from, end) }, end }
}

type Waiting = { resolve(answer: Answer): void; reject(error: Error): void }

/** A connection to `http://host:port`, opened at the first request and again after the server closed it. */
export function connection(url: string): Connection {
  const { hostname, port } = new URL(url)
  let socket: Socket | undefined
  let received: Buffer = EMPTY
  let waiting: Waiting | undefined

  const settle = (): Waiting | undefined => {
    const asked = waiting
    waiting = undefined
    return asked
  }
  const read = (bytes: Buffer): void => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
    const found = parseAnswer(received)
    if (!found) return
    received = received.subarray(found.end)
    settle()?.resolve(found.answer)
  }
  const open = (): Socket => {
    const opened = connect(Number(port), hostname).setNoDelay(true)
    opened.on('data', read)
    opened.on('error', (error) => settle()?.reject(error))
    opened.on('close', () => {
      if (socket === opened) socket = undefined
      settle()?.reject(new Error(`${url} closed the connection`))
    })
    return opened
  }
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket ??= open()
        socket.write(request)
      }),
    close: () => void socket?.destroy(),
  }
}

const lines = (headers: Record<string, string>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')

/** A GET of an address on the server of `url`, as text. */
export const get = (url: string, headers: Record<string, string> = {}): string => {
  const { host, pathname, search } = new URL(url)
  return `GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n${lines(headers)}\r\n`
}

/** A form posted to an address, as text. */
export const post = (url: string, form: Record<string, string>, headers: Record<string, string> = {}): string => {
  const { host, pathname, search } = new URL(url)
  const body = new URLSearchParams(form).toString()
  return `POST ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n${lines(headers)}content-type: application/x-www-form-urlencoded\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

export type Cookies = { header(): string; take(answer: Answer): void }

export function cookieJar(): Cookies {
  const kept = new Map<string, string>()
  return {
    header: () => [...kept].map(([name, value]) => `${name}=${value}`).join('; '),
    take({ head }) {
      for (const [, name = '', value = ''] of head.matchAll(/^set-cookie: ([^=;]+)=([^;\r]*)/gim))
        if (value === '') kept.delete(name)
        else kept.set(name, value)
    },
  }
}
