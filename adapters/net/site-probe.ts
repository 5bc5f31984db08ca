// Looking for the proof of a site that somebody is about to connect: a name that a stranger typed. It is resolved once and
// that very address connected to (no DNS rebinding), unless it is private; nothing is followed, and little is read.
import { Resolver } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { mayReach } from '../../src/domain/public-address.ts'
import type { FileSeen, SiteProbe, TextsSeen } from '../../src/ports.ts'

export type ProbeConfig = {
  resolver?: string | undefined
  /** Private addresses and ranges that may be connected to. */
  reach: readonly string[]
  httpsPort: number
  timeoutSeconds: number
}

/** Octets of a file that are read; a proof is one line. */
const LARGEST = 4096
/** Records of a name that are looked at. */
const MOST_TEXTS = 50

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? '')
const isNothing = (error: unknown): boolean => ['ENOTFOUND', 'ENODATA'].includes(codeOf(error))

/** What the answer's head tells already. */
function byHead({ statusCode = 0, headers }: IncomingMessage, name: string): FileSeen | undefined {
  const to = statusCode >= 300 && statusCode < 400 && URL.parse(headers.location ?? ':', `https://${name}`)?.hostname
  if (to) return { seen: 'redirect', host: to }
  return statusCode === 200 ? undefined : { seen: 'status', status: statusCode }
}

async function bodyOf(answer: IncomingMessage): Promise<FileSeen> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length
    if (size > LARGEST) return { seen: 'large' }
    parts.push(part)
  }
  return { seen: 'text', text: Buffer.concat(parts).toString('utf8') }
}

const failed = (error: unknown, signal: AbortSignal): FileSeen => {
  if (signal.aborted) return { seen: 'slow' }
  return { seen: /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS_|ERR_SSL_/.test(codeOf(error)) ? 'certificate' : 'unreachable' }
}

export function siteProbe({ resolver: server, reach, httpsPort, timeoutSeconds }: ProbeConfig): SiteProbe {
  const timeoutMs = timeoutSeconds * 1000
  /** One for each look: what it may take is bounded, and an end of one cuts no other off. */
  function resolver(signal: AbortSignal): Resolver {
    const made = new Resolver({ timeout: Math.ceil(timeoutMs / 2), tries: 2 })
    if (server) made.setServers([server])
    signal.addEventListener('abort', () => made.cancel(), { once: true })
    return made
  }

  async function addresses(name: string, signal: AbortSignal): Promise<string[]> {
    const dns = resolver(signal)
    const found = await Promise.allSettled([dns.resolve4(name), dns.resolve6(name)])
    const all = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    const broken = found.find((one) => one.status === 'rejected' && !isNothing(one.reason))
    if (all.length === 0 && broken?.status === 'rejected') throw broken.reason
    return all
  }

  /** From this address and no other: `host` is a number, so that nothing is resolved again. */
  const ask = (address: string, name: string, path: string, signal: AbortSignal): Promise<FileSeen> =>
    new Promise((resolve, reject) => {
      const asked = request({
        host: address,
        port: httpsPort,
        path,
        servername: name,
        // Without an agent no connection outlives this.
        agent: false,
        signal,
        maxHeaderSize: 8192,
        headers: { host: name, accept: 'text/plain', 'accept-encoding': 'identity', 'user-agent': 'Schedar' },
      })
      asked.on('error', reject)
      asked.on('response', (answer) => {
        const told = byHead(answer, name)
        Promise.resolve(told ?? bodyOf(answer))
          .then(resolve, reject)
          .finally(() => asked.destroy())
      })
      asked.end()
    })

  return {
    async file(name, path) {
      const signal = AbortSignal.timeout(timeoutMs)
      try {
        const found = await addresses(name, signal)
        if (found.length === 0) return { seen: 'no_address' }
        // One that is private among public ones is no accident.
        if (!found.every((address) => mayReach(address, reach))) return { seen: 'address_refused' }
        return await ask(found[0]!, name, path, signal)
      } catch (error) {
        return failed(error, signal)
      }
    },
    async texts(name): Promise<TextsSeen> {
      const signal = AbortSignal.timeout(timeoutMs)
      try {
        const texts = (await resolver(signal).resolveTxt(name)).slice(0, MOST_TEXTS).map((parts) => parts.join(''))
        return { seen: 'texts', texts }
      } catch (error) {
        return { seen: isNothing(error) ? 'nothing' : 'unanswered' }
      }
    },
  }
}
