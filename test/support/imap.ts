// A raw IMAP client (RFC 9051) for what a library hides: which SASL mechanism is used, what the server says to a
// refusal, and the BYE of a session that is ended from outside.
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { linesOf, until } from './line-client.ts'

export type Imap = {
  /** The tagged answer to a command, without its tag: `OK …`, `NO …`, `BAD …`; `closed` once the server hung up. */
  command(text: string): Promise<string>
  /** SASL with an initial response (RFC 4959). `OK …` or the refusal; an error challenge is answered as its RFC says. */
  authenticate(mechanism: Mechanism, login: string, secret: string): Promise<string>
  /** Opens INBOX and begins IDLE. */
  idle(): Promise<void>
  /** The next `* BYE` line, or `closed`. Throws when neither comes within `timeoutMs`. */
  bye(timeoutMs?: number): Promise<string>
  close(): void
}
export const mechanisms = ['PLAIN', 'XOAUTH2', 'OAUTHBEARER'] as const
export type Mechanism = (typeof mechanisms)[number]

const sep = '\x01'

/** RFC 4616, Google's XOAUTH2, RFC 7628. */
const initialResponse: Record<Mechanism, (login: string, secret: string) => string> = {
  PLAIN: (login, secret) => `\0${login}\0${secret}`,
  XOAUTH2: (login, secret) => `user=${login}${sep}auth=Bearer ${secret}${sep}${sep}`,
  OAUTHBEARER: (login, secret) => `n,${login ? `a=${login}` : ''},${sep}auth=Bearer ${secret}${sep}${sep}`,
}
/** What a client answers to the error challenge, so that the server may say NO: an empty line, or RFC 7628 §3.2.3. */
const answerToError: Record<Mechanism, string> = { PLAIN: '*', XOAUTH2: '', OAUTHBEARER: 'AQ==' }

/** Connects and reads the greeting. */
export async function imap(port: number, host = '127.0.0.1'): Promise<Imap> {
  const client = linesOf(connect(port, host))
  let tag = 0

  async function command(text: string, answer = ''): Promise<string> {
    const mine = `t${++tag} `
    client.put(`${mine}${text}`)
    for (;;) {
      const reply = await until(client, (got) => got.startsWith(mine) || got.startsWith('+'))
      if (!reply.startsWith('+')) return reply.startsWith(mine) ? reply.slice(mine.length) : reply
      client.put(answer)
    }
  }

  await until(client, (text) => text.startsWith('* OK'))
  return {
    command: (text) => command(text),
    authenticate(mechanism, login, secret) {
      const initial = Buffer.from(initialResponse[mechanism](login, secret)).toString('base64')
      return command(`AUTHENTICATE ${mechanism} ${initial}`, answerToError[mechanism])
    },
    async idle() {
      await command('SELECT INBOX')
      client.put('idle IDLE')
      await until(client, (text) => text.startsWith('+'))
    },
    async bye(timeoutMs = 10_000) {
      const timer = new AbortController()
      const late = sleep(timeoutMs, undefined, { signal: timer.signal }).then(() => {
        throw new Error(`no BYE within ${timeoutMs} ms`)
      })
      try {
        return await Promise.race([until(client, (text) => text.startsWith('* BYE')), late])
      } finally {
        timer.abort()
        late.catch(() => undefined)
      }
    },
    close: client.close,
  }
}
