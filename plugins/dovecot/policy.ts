// What Dovecot asks and tells at each sign-in (its authentication policy, over HTTP on loopback). A messenger and a reporter,
// never the gate: who has a deny file is refused without it, and when it does not answer Dovecot goes on alone.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { hostname } from 'node:os'
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'
import { isSameHost } from '../../src/domain/names.ts'
import type { DoorHost, FormerPasswords, ServedDoors } from '../../src/plugin.ts'
import { errno } from '../../src/plugin-files.ts'
import { checkedKey, type DovecotConfig } from './config.ts'
import { isCheck } from './login-rows.ts'

export const KEY_HEADER = 'x-schedar-key'
/**
 * What Dovecot 2.3 sends; `password` is the id of the app password, in the report of a sign-in with one, `former` says
 * whose former passwords its passdbs look at.
 */
export const attributes = (former: FormerPasswords): string =>
  `login=%{user} remote=%{rip} mechanism=%m password=%{passdb:schedar} former=${former}`
/** The same for 2.4, which sends more unless told not to. */
export const attributes24 = (former: FormerPasswords): string => `\
  pwhash =
  device_id =
  session_id =
  login = %{user}
  remote = %{remote_ip}
  mechanism = %{mechanism}
  password = %{passdb:schedar}
  former = ${former}`

/** A question of Dovecot's is 200 bytes; names and addresses have at most a few hundred. */
const MOST_BYTES = 4096
/** A client has so long for its request; Dovecot writes it at once. */
const REQUEST_MS = 2000
const MOST_CONNECTIONS = 500
/** Nobody guesses these: a token is random, and expires by itself. */
const TOKENS = new Set(['XOAUTH2', 'OAUTHBEARER'])

const asked = z.object({
  login: z.string().max(320),
  remote: z.string().max(64).default(''),
  mechanism: z.string().max(32).default(''),
  password: z.string().max(64).default(''),
  former: z.enum(['listed', 'everybody']).default('everybody'),
  success: z.boolean().default(false),
  policy_reject: z.boolean().default(false),
})
type Asked = z.infer<typeof asked>
/** Below zero: refused, with what is said to the person. */
type Verdict = { status: 0 | -1; msg: string }
const GO_ON: Verdict = { status: 0, msg: '' }

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The whole body; undefined when it is longer than anything that Dovecot would send. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MOST_BYTES) return undefined
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function questionIn(body: string): Asked | undefined {
  try {
    return asked.safeParse(JSON.parse(body)).data
  } catch {
    return undefined
  }
}

/** In one piece, so that it leaves in one write. */
function answer(response: ServerResponse, status: number, body: object = {}): void {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  // Whoever is turned away has perhaps not sent everything: there is nothing more to be read from them.
  response.writeHead(status, status === 200 ? headers : { ...headers, connection: 'close' }).end(text)
}

function judge(host: DoorHost, timeoutMs: number) {
  /** Where the deny file refuses, why; else whether this one may try. */
  async function verdict({ login, remote, mechanism, former }: Asked): Promise<Verdict> {
    const [found, may] = await Promise.all([
      host.login(login),
      TOKENS.has(mechanism) ? true : host.mayTry(login, remote, former),
    ])
    if (found?.access === 'none') return { status: -1, msg: oneLine(found.why) }
    return may ? GO_ON : { status: -1, msg: '' }
  }

  return {
    /** Within two thirds of the time that Dovecot waits, whatever happens. */
    async allow(question: Asked): Promise<Verdict> {
      const { promise: late, resolve } = Promise.withResolvers<Verdict>()
      const timer = setTimeout(resolve, (timeoutMs * 2) / 3, GO_ON)
      try {
        return await Promise.race([verdict(question), late])
      } catch (error) {
        host.log('warn', 'dovecot.policy_failed', { error: String(error) })
        return GO_ON
      } finally {
        clearTimeout(timer)
      }
    },

    async report({ login, remote, mechanism, password, former, success, policy_reject: byUs }: Asked): Promise<void> {
      if (success && password !== '') await host.report({ kind: 'password_used', id: password })
      if (success || byUs || TOKENS.has(mechanism)) return
      // A refusal of ours is no failed try: the phone of somebody suspended goes on trying by itself.
      if ((await host.login(login))?.access !== 'none')
        await host.report({ kind: 'sign_in_failed', login, address: remote, former })
    },
  }
}

/** It stands in a line of IMAP, POP3 and SMTP. */
const oneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, ' ').slice(0, 400)

function server(key: string, timeoutMs: number, host: DoorHost): Server {
  const expected = sha256(key)
  const { allow, report } = judge(host, timeoutMs)

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!timingSafeEqual(sha256(String(request.headers[KEY_HEADER] ?? '')), expected)) return answer(response, 401)
    if (request.method !== 'POST') return answer(response, 405)
    const body = await bodyOf(request)
    if (body === undefined) return answer(response, 413)
    const question = questionIn(body)
    const command = new URLSearchParams(request.url?.split('?')[1]).get('command')
    if (!question || (command !== 'allow' && command !== 'report')) return answer(response, 400)
    const login = question.login.toLowerCase()
    if (isCheck(login)) return answer(response, 200, GO_ON)
    if (command === 'allow') return answer(response, 200, await allow({ ...question, login }))
    // Dovecot does not wait for what becomes of a report.
    answer(response, 200, GO_ON)
    await report({ ...question, login })
  }

  const limits = {
    requestTimeout: REQUEST_MS,
    headersTimeout: REQUEST_MS,
    connectionsCheckingInterval: REQUEST_MS / 2,
    keepAliveTimeout: 60_000,
  }
  const made = createServer(limits, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.destroy()
      if (request.errored === null) host.log('warn', 'dovecot.report_failed', { error: String(error) })
    })
  })
  made.maxConnections = MOST_CONNECTIONS
  return made
}

/** Listens at `policyUrl`; nothing without one, nor on another machine than Dovecot's. Throws `service_unavailable`. */
export async function servePolicy(config: DovecotConfig, host: DoorHost): Promise<ServedDoors> {
  const { policyUrl, policyTimeoutMs } = config
  if (!policyUrl || (config.host !== undefined && !isSameHost(config.host, hostname())))
    return { addresses: [], close: async () => undefined }
  const { hostname: address, port } = new URL(policyUrl)
  const listening = server(checkedKey(config.policyKey ?? '', 'policyKey'), policyTimeoutMs, host)
  await new Promise<void>((resolve, reject) => {
    listening.once('error', (cause) =>
      reject(
        new AppError('service_unavailable', { detail: `${policyUrl} cannot be listened at (${errno(cause)})`, cause }),
      ),
    )
    // Two instances of one user on one machine share the port, as they do the one that Postfix asks at.
    listening.listen({ port: Number(port), host: address.replace(/[[\]]/g, ''), reusePort: true }, resolve)
  })
  return {
    addresses: [policyUrl],
    close: async () => {
      const closed = new Promise<void>((resolve) => listening.close(() => resolve()))
      listening.closeAllConnections()
      await closed
    },
  }
}
