// Sign-ins with tokens through Dovecot, as its login processes and Postfix ask for them: each is introspected at Schedar, and
// Schedar's policy door is asked before and told after it. What begins a session after that is Dovecot's alone.
import { once } from 'node:events'
import { connect } from 'node:net'
import { load } from './load.ts'
import type { MailHouse } from './mail-house.ts'
import type { Progress, Report } from './results.ts'
import { median, percentile } from './statistics.ts'

const BENCH = 'mail'
const TOKENS = 500
const IN_FLIGHT = 32
const WINDOWS = 5
const WINDOW_MS = 2_000
const WARM_UP_MS = 2_000

type Sasl = { signIn(login: string, token: string): Promise<string>; close(): void }

/** Dovecot's authentication protocol on one connection, many requests at a time. Answers `OK` or what was said instead. */
async function sasl(path: string): Promise<Sasl> {
  const socket = connect(path).setEncoding('utf8')
  await once(socket, 'connect')
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>()
  const waiting = new Map<string, (answer: string) => void>()
  let rest = ''
  let asked = 0
  socket.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [word = '', id = ''] = line.split('\t')
      if (word === 'DONE') isReady()
      waiting.get(id)?.(word === 'OK' ? word : line)
      waiting.delete(id)
    }
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    for (const answer of waiting.values()) answer('closed')
  })
  socket.write(`VERSION\t1\t2\nCPID\t${process.pid}\n`)
  await ready
  return {
    signIn: (login, token) =>
      new Promise((resolve) => {
        const id = String(++asked)
        const resp = Buffer.from(`n,a=${login},\x01auth=Bearer ${token}\x01\x01`).toString('base64')
        waiting.set(id, resolve)
        socket.write(`AUTH\t${id}\tOAUTHBEARER\tservice=imap\tsecured\trip=192.0.2.17\tresp=${resp}\n`)
      }),
    close: () => void socket.destroy(),
  }
}

export async function tokenLogins(house: MailHouse, report: Report, progress: Progress): Promise<void> {
  progress('tokens')
  const signIns: { login: string; token: string }[] = []
  // From the end: those at the beginning were suspended.
  for (const person of house.people.slice(-2 * TOKENS, -TOKENS))
    signIns.push({ login: person.login, token: await house.token(person) })
  const dovecot = await sasl(house.saslSocket)
  let next = 0
  const step = async (): Promise<void> => {
    const { login, token } = signIns[next++ % TOKENS]!
    const answer = await dovecot.signIn(login, token)
    if (answer !== 'OK') throw new Error(`${login} is not let in: ${answer}`)
  }
  try {
    const lanes = Array.from({ length: IN_FLIGHT }, () => undefined)
    await load(lanes, step, WARM_UP_MS, house.pid)
    const windows = []
    while (windows.length < WINDOWS) windows.push(await load(lanes, step, WINDOW_MS, house.pid))
    const times = windows.flatMap(({ latencies }) => latencies)
    const cpu = median(windows.map(({ cpuMs }) => cpuMs))
    progress(`tokens: CPU ms of the server each ${cpu.toFixed(3)}`)
    report({
      bench: BENCH,
      case: 'sign-ins with a token',
      value: median(windows.map(({ rate }) => rate)),
      unit: 'per second',
      p50: percentile(times, 0.5),
      p99: percentile(times, 0.99),
      n: times.length,
    })
  } finally {
    dovecot.close()
  }
}
