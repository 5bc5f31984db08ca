// Raw clients of protocols that speak in lines, for a test that wants each answer as it is: POP3, ManageSieve, LMTP and
// Dovecot's own SASL protocol, which is what Postfix asks with.
import { connect, type Socket } from 'node:net'

export type Lines = { put(text: string): void; line(): Promise<string>; close(): void }
const CLOSED = 'closed'

/** To a port on loopback, or to a socket's path. */
const lines = (at: number | string): Lines => linesOf(typeof at === 'number' ? connect(at, '127.0.0.1') : connect(at))

/** `closed` is the last line, and every one after it. */
export function linesOf(socket: Socket): Lines {
  socket.setNoDelay(true).setEncoding('utf8')
  const read: string[] = []
  const waiting: ((line: string) => void)[] = []
  let rest = ''
  const push = (line: string) => (waiting.shift() ?? ((late: string) => read.push(late)))(line)
  socket.on('data', (chunk) => {
    const parts = (rest + chunk).split(/\r?\n/)
    rest = parts.pop() ?? ''
    parts.forEach(push)
  })
  socket.on('close', () => push(CLOSED))
  socket.on('error', () => undefined)
  return {
    put: (text) => void socket.write(`${text}\r\n`),
    line: () => {
      const next = read.shift()
      if (next === CLOSED) read.push(CLOSED)
      return next === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(next)
    },
    close: () => void socket.destroy(),
  }
}

export async function until(client: Lines, wanted: (line: string) => boolean): Promise<string> {
  for (;;) {
    const line = await client.line()
    if (line === CLOSED || wanted(line)) return line
  }
}

const plain = (login: string, secret: string) => Buffer.from(`\0${login}\0${secret}`).toString('base64')

export type Pop3 = {
  /** What it answers to a command, such as `STAT`: `+OK …`, `-ERR …`, or `closed` once the server hung up. */
  command(text: string): Promise<string>
  close(): void
}

/** A POP3 session (RFC 1939), and what its password was answered with: `+OK …` or `-ERR …`. */
export async function pop3Session(port: number, login: string, secret: string): Promise<Pop3 & { answer: string }> {
  const client = lines(port)
  const command = (text: string) => {
    client.put(text)
    return client.line()
  }
  await client.line()
  await command(`USER ${login}`)
  return { answer: await command(`PASS ${secret}`), command, close: client.close }
}

/** What POP3 answers to a password. */
export async function pop3(port: number, login: string, secret: string): Promise<string> {
  const { answer, close } = await pop3Session(port, login, secret)
  close()
  return answer
}

/** What ManageSieve answers (RFC 5804): `OK …` or `NO …`. */
export async function sieve(port: number, login: string, secret: string): Promise<string> {
  const client = lines(port)
  try {
    await until(client, (line) => line.startsWith('OK'))
    client.put(`AUTHENTICATE "PLAIN" "${plain(login, secret)}"`)
    return await until(client, (line) => /^(OK|NO|BYE)/.test(line))
  } finally {
    client.close()
  }
}

/** What LMTP (RFC 2033) says to a message for an address: to the recipient when it is refused, else after the message. */
export async function lmtp(port: number, recipient: string, text: string): Promise<string> {
  const client = lines(port)
  const reply = () => until(client, (line) => line[3] !== '-')
  const command = (line: string) => {
    client.put(line)
    return reply()
  }
  try {
    await reply()
    await command('LHLO test.example')
    await command('MAIL FROM:<>')
    const accepted = await command(`RCPT TO:<${recipient}>`)
    if (!accepted.startsWith('2')) return accepted
    await command('DATA')
    return await command(`${text}\r\n.`)
  } finally {
    client.close()
  }
}

/** What Dovecot's auth socket answers to a sign-in at a service (`smtp`): `OK`, or `FAIL` with what it says of it. */
export async function sasl(socket: string, service: string, login: string, secret: string): Promise<string> {
  const client = lines(socket)
  try {
    client.put(`VERSION\t1\t2\nCPID\t${process.pid}`)
    await until(client, (line) => line === 'DONE')
    client.put(`AUTH\t1\tPLAIN\tservice=${service}\tsecured\tresp=${plain(login, secret)}`)
    return await until(client, (line) => /^(OK|FAIL)\t/.test(line))
  } finally {
    client.close()
  }
}
