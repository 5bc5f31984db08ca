// Where outgoing mail of a private Postfix ends: an SMTP server that takes everything, or refuses a recipient as told.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export type SunkMail = { from: string; to: string[]; text: string }
export type MailSink = {
  port: number
  mails: SunkMail[]
  /** By recipient, in lower case: the reply to its RCPT, such as `550 5.1.1 no`. */
  replies: Map<string, string>
  close(): void
}

export async function startSink(): Promise<MailSink> {
  const open = new Set<Socket>()
  const sink: MailSink = { port: 0, mails: [], replies: new Map(), close: () => undefined }
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => undefined)
    talk(socket, sink)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  sink.port = (server.address() as AddressInfo).port
  sink.close = () => {
    server.close()
    for (const socket of open) socket.destroy()
  }
  return sink
}

const address = (line: string): string => (/<([^>]*)>/.exec(line)?.[1] ?? '').toLowerCase()

function talk(socket: Socket, { mails, replies }: MailSink): void {
  let [waiting, from, inData] = ['', '', false]
  let to: string[] = []
  const say = (line: string) => socket.write(`${line}\r\n`)
  const command = (line: string) => {
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'MAIL') [from, to] = [address(line), []]
    if (verb === 'RCPT') {
      const reply = replies.get(address(line))
      if (reply) return say(reply)
      to.push(address(line))
    }
    if (verb === 'DATA') {
      inData = true
      return say('354 go on')
    }
    say(verb === 'QUIT' ? '221 bye' : '250 ok')
    if (verb === 'QUIT') socket.end()
  }
  socket.setEncoding('latin1')
  say('220 sink')
  socket.on('data', (chunk) => {
    waiting += chunk
    for (;;) {
      const mark = inData ? '\r\n.\r\n' : '\r\n'
      const end = waiting.indexOf(mark)
      if (end < 0) return
      const text = waiting.slice(0, end)
      waiting = waiting.slice(end + mark.length)
      if (!inData) command(text)
      else {
        inData = false
        mails.push({ from, to, text })
        say('250 2.0.0 taken')
      }
    }
  })
}
