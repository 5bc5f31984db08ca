// Dovecot's administration over HTTP (doveadm's `X-Dovecot-API`), on loopback. Its key opens everything doveadm can do,
// every mailbox included, so it appears in one header and nowhere else.
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'
import { errno } from '../../src/plugin-files.ts'

/** A command and its parameters, as `GET /doveadm/v1` lists them. */
type Command = readonly [name: string, parameters: Record<string, unknown>]
/** Exit code 0 with a result, or what doveadm would have exited with. */
export type Answer = { exitCode: number; error?: string; result?: unknown }

export type Doveadm = {
  /** All commands in one request, one answer for each. Throws `service_unavailable`. */
  run(commands: readonly Command[], signal: AbortSignal): Promise<Answer[]>
}

/** sysexits.h EX_NOHOST: nobody to kick. */
export const NOBODY = 68

/**
 * Milliseconds that Dovecot may take over one request: a batch of 500 kicks takes it a tenth of a second. Whoever is to be
 * refused meanwhile waits for it, and the reconciler's own patience (10 s) must not end before: it knows no words for it.
 */
const TIMEOUT_MS = 3_000

const answers = z.array(
  z.union([
    z.tuple([z.literal('doveadmResponse'), z.unknown(), z.string()]),
    z.tuple([z.literal('error'), z.object({ type: z.string(), exitCode: z.number().default(0) }), z.string()]),
  ]),
)

const unavailable = (detail: string, cause?: unknown): AppError =>
  new AppError('service_unavailable', { detail, cause })

type Reply = { status: number; body: string }

/**
 * One connection per request: after Dovecot restarts, a kept one would fail the first kick. It is not announced, though:
 * to a wrong key with `Connection: close`, Dovecot 2.3 never answers.
 */
const post = (url: URL, apiKey: string, body: string, signal: AbortSignal): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const authorization = `X-Dovecot-API ${Buffer.from(apiKey).toString('base64')}`
    const headers = {
      authorization,
      connection: 'keep-alive',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    request(url, { method: 'POST', agent: false, signal, headers }, (response) => {
      text(response).then((reply) => resolve({ status: response.statusCode ?? 0, body: reply }), reject)
    })
      .on('error', reject)
      .end(body)
  })

/** `url` is the listener's address (`http://127.0.0.1:8080`). */
export function doveadm({ url, apiKey }: { url: string; apiKey: string }): Doveadm {
  const endpoint = new URL('/doveadm/v1', url)

  async function ask(body: string, signal: AbortSignal): Promise<Reply> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
    try {
      return await post(endpoint, apiKey, body, bounded)
    } catch (error) {
      signal.throwIfAborted()
      if (bounded.aborted) throw unavailable(`doveadm at ${url} did not answer within ${TIMEOUT_MS} ms`, error)
      throw unavailable(`doveadm at ${url} does not answer (${errno(error) ?? error})`, error)
    }
  }

  return {
    async run(commands, signal) {
      const body = JSON.stringify(commands.map(([name, parameters], at) => [name, parameters, String(at)]))
      const reply = await ask(body, signal)
      if (reply.status === 401 || reply.status === 403)
        throw unavailable(`doveadm at ${url} refused the key: doveadmApiKey is not its doveadm_api_key`)
      if (reply.status !== 200) throw unavailable(`doveadm at ${url} answered ${reply.status}`)
      return read(reply.body, commands.length, url)
    },
  }
}

/** The answers in the order of the commands; each carries the number that its command was sent with. */
function read(body: string, expected: number, url: string): Answer[] {
  const parsed = answers.safeParse(json(body))
  const byNumber = new Map(parsed.data?.map((answer) => [answer[2], answer]))
  return Array.from({ length: expected }, (_, at) => {
    const answer = byNumber.get(String(at))
    if (!answer) throw unavailable(`what answers at ${url} is not doveadm`)
    return answer[0] === 'error'
      ? { exitCode: answer[1].exitCode, error: answer[1].type }
      : { exitCode: 0, result: answer[1] }
  })
}

function json(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
