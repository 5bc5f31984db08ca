// Something that listens where a service should and answers what a test wants: rubbish by HTTP, bytes that are no HTTP at
// all, or nothing, ever.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** What it answers to a request's body; with undefined the connection stays open and silent. */
export type Answer = (body: string) => string | Buffer | undefined
export type Rubbish = {
  url: string
  answer: Answer
  /** The bodies of the requests that came in, oldest first. */
  asked: string[]
  close(): Promise<void>
}

/** An HTTP answer of the right length. */
export const reply = (status: string, body: string, type = 'text/html'): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`

/** The body once the whole request is there. */
function bodyOf(request: string): string | undefined {
  const [head = '', body] = request.split('\r\n\r\n')
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  return body !== undefined && Buffer.byteLength(body) >= length ? body : undefined
}

export async function startRubbish(host = '127.0.0.8'): Promise<Rubbish> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    let request = ''
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.setEncoding('utf8').on('data', (part: string) => {
      request += part
      const body = bodyOf(request)
      if (body === undefined) return
      request = ''
      made.asked.push(body)
      const answer = made.answer(body)
      if (answer !== undefined) socket.end(answer)
    })
  }).listen(0, host)
  await once(server, 'listening')
  const made: Rubbish = {
    url: `http://${host}:${(server.address() as { port: number }).port}`,
    answer: () => undefined,
    asked: [],
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return made
}
