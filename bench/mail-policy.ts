// The policy server of `schedar serve`, asked as Postfix asks: at each recipient and at the end of each message, on
// connections that stay open. First so many questions a second whether it keeps up or not, then as many as it answers.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMsOf } from './load.ts'
import type { MailHouse } from './mail-house.ts'
import type { Progress, Report } from './results.ts'
import { percentile } from './statistics.ts'

const BENCH = 'mail'
/** As many smtpd processes as Postfix has at most unless told otherwise (default_process_limit). */
const CONNECTIONS = 100
const RATE = 3_000
const OPEN_MS = 10_000
const SATURATED_MS = 5_000
const WARM_UP_MS = 2_000

type State = 'RCPT' | 'END-OF-MESSAGE'
type Line = { ask(request: string): Promise<string>; close(): void }

let queued = 0
/** What Postfix 3.7 sends. */
const request = (login: string, state: State): string => {
  const atEnd = state === 'END-OF-MESSAGE'
  const queueId = `4Z${(++queued).toString(36).padStart(12, '0')}z`
  const attributes = {
    request: 'smtpd_access_policy',
    protocol_state: state,
    protocol_name: 'ESMTP',
    client_address: '192.0.2.17',
    client_name: 'phone.example.net',
    client_port: '50422',
    reverse_client_name: 'phone.example.net',
    server_address: '127.0.0.1',
    server_port: '587',
    helo_name: 'phone.example.net',
    sender: login,
    recipient: atEnd ? '' : 'someone@example.net',
    recipient_count: atEnd ? '1' : '0',
    queue_id: atEnd ? queueId : '',
    instance: `7b3c.${queued.toString(36)}.0`,
    size: atEnd ? '18220' : '0',
    etrn_domain: '',
    stress: '',
    sasl_method: 'PLAIN',
    sasl_username: login,
    sasl_sender: '',
    ccert_subject: '',
    ccert_issuer: '',
    ccert_fingerprint: '',
    ccert_pubkey_fingerprint: '',
    encryption_protocol: 'TLSv1.3',
    encryption_cipher: 'TLS_AES_256_GCM_SHA384',
    encryption_keysize: '256',
    policy_context: 'submission',
  }
  return `${Object.entries(attributes)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n\n`
}

async function line(port: number): Promise<Line> {
  const socket: Socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1')
  await once(socket, 'connect')
  let waiting: { resolve(answer: string): void; reject(error: Error): void } | undefined
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
    if (!received.endsWith('\n\n')) return
    const answer = received.trimEnd()
    received = ''
    waiting?.resolve(answer)
  })
  socket.on('error', () => undefined)
  socket.on('close', () => waiting?.reject(new Error('the policy server hung up')))
  return {
    ask: (text) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(text)
      }),
    close: () => void socket.destroy(),
  }
}

type Load = { rate: number; latencies: number[]; cpuMs: number }
/** The next message, of each login in turn. */
type Next = () => string[]

function messages({ people }: MailHouse, states: readonly State[]): Next {
  const senders = people.slice(1_000, -1_000) // those at both ends are suspended, or have their passwords revoked
  let begun = 0
  return () => {
    const { login } = senders[begun++ % senders.length]!
    return states.map((state) => request(login, state))
  }
}

/** All that Postfix asks about a message, one after the other; `due`: when the first should have been asked. */
async function ask(one: Line, asked: readonly string[], due: number, latencies: number[]): Promise<void> {
  let from = due
  for (const text of asked) {
    const answer = await one.ask(text)
    if (answer !== 'action=DUNNO') throw new Error(`the policy server answered ${answer}`)
    const now = performance.now()
    latencies.push(now - from)
    from = now
  }
}

async function measured(pid: number, work: (latencies: number[]) => Promise<void>): Promise<Load> {
  const latencies: number[] = []
  const cpu = cpuMsOf(pid)
  const began = performance.now()
  await work(latencies)
  const ms = performance.now() - began
  return { rate: (latencies.length * 1000) / ms, latencies, cpuMs: (cpuMsOf(pid) - cpu) / latencies.length }
}

/** Messages come at their time, answered or not: one that finds no free connection waits, and that counts as well. */
const openLoop = (pid: number, lines: readonly Line[], next: Next, everyMs: number, ms: number): Promise<Load> =>
  measured(pid, async (latencies) => {
    const free = [...lines]
    const late: number[] = []
    const under = new Set<Promise<void>>()
    let failed: unknown
    const begin = (due: number): void => {
      const one = free.pop()
      if (!one) return void late.push(due)
      const answered = ask(one, next(), due, latencies)
        .catch((error: unknown) => {
          failed ??= error
        })
        .finally(() => {
          under.delete(answered)
          free.push(one)
          const waiting = late.shift()
          if (waiting !== undefined) begin(waiting)
        })
      under.add(answered)
    }
    const began = performance.now()
    for (let due = began; due < began + ms && !failed; await sleep(1))
      for (; due <= performance.now() && due < began + ms; due += everyMs) begin(due)
    while (under.size > 0) await Promise.all(under)
    if (failed) throw failed
  })

const closedLoop = (pid: number, lines: readonly Line[], next: Next, ms: number): Promise<Load> =>
  measured(pid, async (latencies) => {
    const until = performance.now() + ms
    const run = async (one: Line): Promise<void> => {
      while (performance.now() < until) await ask(one, next(), performance.now(), latencies)
    }
    await Promise.all(lines.map(run))
  })

const mixes: Record<string, readonly State[]> = {
  'one recipient a message': ['RCPT', 'END-OF-MESSAGE'],
  'recipients only': ['RCPT'],
}

export async function policyServer(house: MailHouse, report: Report, progress: Progress): Promise<void> {
  const port = Number(house.postfix.config.policy.split(':')[1])
  const lines = await Promise.all(Array.from({ length: CONNECTIONS }, () => line(port)))
  try {
    for (const [name, states] of Object.entries(mixes)) {
      const next = messages(house, states)
      await closedLoop(house.pid, lines, next, WARM_UP_MS)
      const tell = (how: string, { rate, latencies, cpuMs }: Load) => {
        progress(`policy, ${name}, ${how}: ${rate.toFixed(0)}/s, CPU ms of the server each ${cpuMs.toFixed(3)}`)
        const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)]
        const n = latencies.length
        report({ bench: BENCH, case: `policy, ${name}, ${how}`, value: rate, unit: 'per second', p50, p99, n })
      }
      tell('saturated', await closedLoop(house.pid, lines, next, SATURATED_MS))
      const everyMs = (1000 * states.length) / RATE
      tell(`at ${RATE.toLocaleString('en')} a second`, await openLoop(house.pid, lines, next, everyMs, OPEN_MS))
    }
  } finally {
    for (const one of lines) one.close()
  }
}
