// A raw SMTP client (RFC 5321) for what a library hides: one session that stays open, and each reply as it is.
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { linesOf, until } from './line-client.ts'

export type Message = { from: string; to: readonly string[]; text?: string }
export type Smtp = {
  greeting: string
  /** Sends a line; the last line of the reply. `closed` once the server hung up. */
  command(line: string): Promise<string>
  /** AUTH PLAIN with an initial response. */
  authenticate(login: string, secret: string): Promise<string>
  /** A whole message; the first reply that refuses, or the last. */
  send(message: Message): Promise<string>
  close(): void
}

/** Connects and greets; with `ca`, TLS from the first octet. */
export async function smtp(port: number, ca?: string | Buffer): Promise<Smtp> {
  const socket = ca
    ? connectTls({ port, host: '127.0.0.1', ca, checkServerIdentity: () => undefined })
    : connect(port, '127.0.0.1')
  const client = linesOf(socket)
  const reply = () => until(client, (text) => text[3] !== '-')
  const command = (text: string): Promise<string> => {
    client.put(text)
    return reply()
  }
  const greeting = await reply()
  await command('EHLO client.example')
  return {
    greeting,
    command,
    authenticate: (login, secret) => command(`AUTH PLAIN ${Buffer.from(`\0${login}\0${secret}`).toString('base64')}`),
    async send({ from, to, text = 'Subject: hello\r\n\r\nhello' }) {
      const refused = async (answer: string): Promise<string> => {
        await command('RSET')
        return answer
      }
      const sender = await command(`MAIL FROM:<${from}>`)
      if (!sender.startsWith('2')) return refused(sender)
      for (const recipient of to) {
        const answer = await command(`RCPT TO:<${recipient}>`)
        if (!answer.startsWith('2')) return refused(answer)
      }
      const ready = await command('DATA')
      if (!ready.startsWith('3')) return refused(ready)
      return command(`From: <${from || 'nobody@asso.example'}>\r\n${text}\r\n.`)
    },
    close: client.close,
  }
}
